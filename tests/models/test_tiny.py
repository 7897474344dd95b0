import pytest
import torch

from reprise.models.tiny import tiny_language_model

pytest.importorskip("transformers")

TEXT = "The sun rose; nobody came."


def test_the_model_depends_on_its_seed_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, two = tiny_language_model(TEXT)[0], tiny_language_model(TEXT)[0]
    other = tiny_language_model(TEXT, seed=1)[0]
    assert torch.equal(torch.get_rng_state(), state)
    ids = torch.tensor([[3, 4, 5]])
    assert torch.equal(one(ids).logits, two(ids).logits)
    assert not torch.equal(one(ids).logits, other(ids).logits)


def test_tokens_are_the_words_and_marks_of_the_text():
    model, tokenizer = tiny_language_model(TEXT, n_layers=1, n_heads=2, n_kv_heads=1, d_model=8)
    assert len(tokenizer) == model.config.vocab_size == 3 + 7
    assert tokenizer.decode(tokenizer.encode(TEXT), skip_special_tokens=True) == "The sun rose ; nobody came ."
    assert tokenizer.encode("moon") == [tokenizer.bos_token_id, tokenizer.unk_token_id]

"""Succession scores beside TransformerLens's factored output circuits, head by head, on the same random GPT-2.

Run with ``pytest benchmarks/bench_successor_heads.py -s``; prints ratios and the largest difference of what the
circuits write, asserts no times. Times are processor time on one thread. TransformerLens folds no normalisation.
"""

import copy

import pytest
import torch
from threadpoolctl import threadpool_limits

from racing import race
from reprise.language import LanguageModel
from reprise.language.successor_heads import OrdinalList, effective_embeddings, head_writes, succession_scores
from reprise.models.tiny import tiny_language_model

LAYERS, HEADS, WIDTH, VOCABULARY, SIZE = 12, 12, 384, 5000, 20
LISTS = {f"list {k}": OrdinalList.of_ids(list(range(SIZE * k, SIZE * (k + 1))), cyclic=True) for k in range(10)}
TOKENS = [token for each in LISTS.values() for token in each.ids]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1), torch.no_grad():
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def models():
    """The same random weights in our handle and in TransformerLens."""
    pytest.importorskip("transformer_lens")
    import transformers
    from transformer_lens.model_bridge import TransformerBridge

    torch.manual_seed(1000)
    config = transformers.GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS)
    model = transformers.GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    _, tokenizer = tiny_language_model("one two three")
    tokenizer.bos_token = None  # with one, TransformerLens asks the hub for a tokenizer of its own
    theirs = copy.deepcopy(model)  # TransformerLens replaces the parts of the model it is given
    return LanguageModel(model), TransformerBridge.boot_transformers("gpt2", hf_model=theirs, tokenizer=tokenizer)


def written(bridge, tokens):
    """What every head writes of each token, by factored circuits; the bias of the values goes through O as they do."""
    first = bridge.blocks[0]
    entering = first.mlp(first.ln2(bridge.W_E[tokens][None]))
    circuits, biases = bridge.OV, bridge.b_V
    found = []
    for layer in range(LAYERS):
        normalised = bridge.blocks[layer].ln1(entering)[0]
        for head in range(HEADS):
            circuit = circuits[layer, head]
            found.append(normalised @ circuit.A @ circuit.B + biases[layer].reshape(HEADS, -1)[head] @ circuit.B)
    return torch.stack(found, 1).unflatten(1, (LAYERS, HEADS))


def head_by_head(bridge):
    writes = written(bridge, torch.tensor(TOKENS)).unflatten(0, (-1, SIZE))
    scores = torch.zeros(LAYERS, HEADS)
    for own, each in zip(writes, LISTS.values(), strict=True):
        logits = bridge.ln_final(own.flatten(0, 2)[None])[0] @ bridge.W_U[:, list(each.ids)]
        answers = logits.argmax(-1).unflatten(0, (SIZE, LAYERS, HEADS))
        scores += (answers == torch.arange(SIZE).roll(-1)[:, None, None]).sum(0) / len(TOKENS)
    return scores


def test_scores(models):
    lm, lens = models
    entering = effective_embeddings(lm, TOKENS)[0]
    ours = torch.stack([head_writes(lm, layer, entering) for layer in range(LAYERS)], 1)
    apart = float((ours - written(lens, torch.tensor(TOKENS))).abs().max() / ours.abs().max())
    works = {"ours": lambda: succession_scores(lm, LISTS), "TransformerLens": lambda: head_by_head(lens)}
    same = float((torch.from_numpy(works["ours"]().scores) - works["TransformerLens"]()).abs().max())
    times = race(works, rounds=3, warm_up=1)
    print(
        f"\n{LAYERS} layers of {HEADS} heads, {len(TOKENS)} pairs: ours {times['ours']:.0f} ms; TransformerLens / ours "
        f"{times['TransformerLens'] / times['ours']:.1f}; circuits apart by {apart:.0e} of the largest value, "
        f"scores by {same:.0e}"
    )

"""Succession scores beside TransformerLens's factored output circuits, head by head, on the same random GPT-2.

Run with ``pytest benchmarks/bench_successor_heads.py -s``; prints ratios and the largest difference of the circuits'
outputs, asserts no times. Times are processor time on one thread. TransformerLens is asked to fold no normalisation.
"""

import pytest
import torch
from threadpoolctl import threadpool_limits

from racing import race
from reprise.language import LanguageModel
from reprise.language.successor_heads import OrdinalList, effective_embeddings, head_writes, succession_scores

LAYERS, HEADS, WIDTH, VOCABULARY = 6, 8, 256, 5000
LISTS = {f"list {k}": OrdinalList.of_ids(list(range(20 * k, 20 * k + 20)), cyclic=True) for k in range(10)}


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
    lens = pytest.importorskip("transformer_lens")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1000)
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, tie_word_embeddings=False
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    settings = lens.HookedTransformerConfig(
        n_layers=LAYERS, d_model=WIDTH, d_head=WIDTH // HEADS, n_heads=HEADS, n_ctx=config.n_positions,
        d_vocab=VOCABULARY, act_fn="gelu_new", normalization_type="LN", eps=config.layer_norm_epsilon,
    )  # fmt: skip
    hooked = lens.HookedTransformer(settings).eval()
    hooked.load_state_dict(weights(model), strict=False)
    return LanguageModel(model), hooked


def weights(model):
    """TransformerLens's names for a GPT-2's weights."""
    found = {
        "embed.W_E": model.transformer.wte.weight,
        "pos_embed.W_pos": model.transformer.wpe.weight,
        "ln_final.w": model.transformer.ln_f.weight,
        "ln_final.b": model.transformer.ln_f.bias,
        "unembed.W_U": model.lm_head.weight.T,
        "unembed.b_U": torch.zeros(VOCABULARY),
    }
    for number, layer in enumerate(model.transformer.h):
        place = f"blocks.{number}"
        for name, norm in (("ln1", layer.ln_1), ("ln2", layer.ln_2)):
            found[f"{place}.{name}.w"], found[f"{place}.{name}.b"] = norm.weight, norm.bias
        for letter, matrix, bias in zip(
            "QKV", layer.attn.c_attn.weight.chunk(3, 1), layer.attn.c_attn.bias.chunk(3), strict=True
        ):
            found[f"{place}.attn.W_{letter}"] = matrix.unflatten(1, (HEADS, -1)).transpose(0, 1)
            found[f"{place}.attn.b_{letter}"] = bias.unflatten(0, (HEADS, -1))
        found[f"{place}.attn.W_O"] = layer.attn.c_proj.weight.unflatten(0, (HEADS, -1))
        found[f"{place}.attn.b_O"] = layer.attn.c_proj.bias
        found[f"{place}.mlp.W_in"], found[f"{place}.mlp.b_in"] = layer.mlp.c_fc.weight, layer.mlp.c_fc.bias
        found[f"{place}.mlp.W_out"], found[f"{place}.mlp.b_out"] = layer.mlp.c_proj.weight, layer.mlp.c_proj.bias
    return {name: tensor.contiguous() for name, tensor in found.items()}


def written(hooked, layer, head, ids):
    """What one head writes of each token by the factored circuit, with the value bias."""
    block = hooked.blocks[layer]
    first = hooked.blocks[0]
    entering = first.mlp(first.ln2(hooked.W_E[ids][None]))
    # `FactoredMatrix` keeps V and O apart; the bias of the values goes through O as they do.
    circuit = hooked.OV[layer, head]
    return block.ln1(entering)[0] @ circuit.A @ circuit.B + hooked.b_V[layer, head] @ circuit.B


def head_by_head(hooked):
    scores = torch.zeros(LAYERS, HEADS)
    for each in LISTS.values():
        ids = torch.tensor(each.ids)
        for layer in range(LAYERS):
            for head in range(HEADS):
                writes = written(hooked, layer, head, ids)
                logits = hooked.ln_final(writes[None])[0] @ hooked.W_U[:, ids]
                scores[layer, head] += (logits.argmax(-1) == torch.arange(20).roll(-1)).sum() / 200
    return scores


def test_scores(models):
    ours, hooked = models
    ids = torch.arange(200)
    entering = effective_embeddings(ours, ids.tolist())[0]
    apart = max(
        float((head_writes(ours, layer, entering)[:, head] - written(hooked, layer, head, ids)).abs().max())
        for layer in range(LAYERS)
        for head in range(HEADS)
    )
    works = {"ours": lambda: succession_scores(ours, LISTS), "TransformerLens": lambda: head_by_head(hooked)}
    same = bool((torch.from_numpy(works["ours"]().scores).float() - works["TransformerLens"]()).abs().max() < 1e-6)
    times = race(works, rounds=3, warm_up=1)
    print(
        f"\n{LAYERS} layers of {HEADS} heads, 200 pairs: ours {times['ours']:.0f} ms; TransformerLens / ours "
        f"{times['TransformerLens'] / times['ours']:.1f}; scores the same: {same}; circuits apart by {apart:.0e}"
    )

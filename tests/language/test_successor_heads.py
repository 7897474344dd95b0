import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from reprise.claims.language._successor_heads.control import ControlPlan, train_control
from reprise.claims.language._successor_heads.items import PILOT_SEEDS, split
from reprise.data.simulators.list_succession import counting_texts
from reprise.errors import InvalidInputError, UnknownNameError
from reprise.language import LanguageModel
from reprise.language.successor_heads import (
    DEFAULT_LISTS,
    IndexProjection,
    ModFeatures,
    OrdinalList,
    Ordinals,
    SuccessionPrompt,
    direct_attribution,
    effective_embeddings,
    head_ablation_effect,
    head_writes,
    largest_contributor_share,
    list_continuation,
    mean_head_outputs,
    natural_successions,
    ordinal_lists,
    ov_logits,
    remainder_profiles,
    steering_test,
    succession_prompts,
    succession_scores,
    swapping_test,
)
from reprise.language.successor_heads.causal import pulled_back
from reprise.models.tiny import tiny_language_model
from reprise.nn.activations import capture, edit

WORDS = " ".join(["then", ",", *(word for each in DEFAULT_LISTS.values() for word in each.words)])
KINDS = ["llama", "gpt2", "neox", "gemma2", "cohere", "granite", "phi3"]
LISTS = {
    "ring": OrdinalList.of_ids([20, 21, 22, 23, 24, 25, 26], cyclic=True),
    "line": OrdinalList.of_ids([30, 33, 31, 35, 32]),
}
COMMA = [2]


def close(actual, expected, atol=1e-5):
    torch.testing.assert_close(torch.as_tensor(actual), torch.as_tensor(expected), atol=atol, rtol=1e-4)


@pytest.fixture(scope="module")
def words():
    return LanguageModel(*tiny_language_model(WORDS))


def one_head(matrix):
    """A model of one head whose output circuit is `matrix`, with orthonormal embeddings and no feed-forward part."""
    size = len(matrix)
    config = LlamaConfig(vocab_size=size, hidden_size=size, intermediate_size=size, num_hidden_layers=1,
                         num_attention_heads=1, tie_word_embeddings=False, bos_token_id=0)  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in (
            model.model.embed_tokens.weight,
            model.lm_head.weight,
            model.model.layers[0].self_attn.o_proj.weight,
        ):
            parameter.copy_(torch.eye(size))
        model.model.layers[0].self_attn.v_proj.weight.copy_(matrix)
        model.model.layers[0].mlp.down_proj.weight.zero_()
    return LanguageModel(model)


# Lists


def test_cyclic_lists_have_a_pair_more():
    assert LISTS["ring"].pairs() == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 0))
    assert LISTS["line"].pairs() == ((0, 1), (1, 2), (2, 3), (3, 4))


def test_no_pair_bridges_a_word_that_is_no_token():
    model = LanguageModel(*tiny_language_model("Monday Wednesday Thursday Sunday one"))
    days = ordinal_lists(model, "days")["days"]
    assert days.words == ("Monday", "Wednesday", "Thursday", "Sunday")
    assert days.missing == ("Tuesday", "Friday", "Saturday")
    assert days.ranks == (1, 3, 4, 7)
    assert [(days.words[a], days.words[b]) for a, b in days.pairs()] == [
        ("Wednesday", "Thursday"),
        ("Sunday", "Monday"),
    ]


def test_default_lists_that_are_too_short_are_named(words):
    lists = ordinal_lists(LanguageModel(*tiny_language_model("Monday Tuesday Sunday January February one")))
    assert list(lists) == ["days"]
    assert lists.left_out["months"] == 2
    assert lists.left_out["number words"] == 1
    every = ordinal_lists(words.tokenizer)
    assert list(every) == list(DEFAULT_LISTS)
    assert every.sizes().loc["numbers"].tolist() == [200, 200, 199]
    assert every.sizes().loc["months"].tolist() == [12, 12, 12]
    own = ordinal_lists(words, {"my": ["then", "one", "Monday"], "mine": Ordinals(("A", "B", "C"), cyclic=True)})
    assert own.sizes()["pairs"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("lists", "error", "message"),
    [
        ({"my": ["one", "two"]}, InvalidInputError, "Only 2 of the 2 words of 'my'"),
        ({"my": ["one", "no", "never"]}, InvalidInputError, "Only 1 of the 3 words"),
        ({"my": ["one", "two", "one"]}, InvalidInputError, "repeats a word"),
        ([], InvalidInputError, "at least one"),
        (["day"], UnknownNameError, "Did you mean days"),
    ],
)
def test_bad_lists_are_named(words, lists, error, message):
    with pytest.raises(error, match=message):
        ordinal_lists(words, lists)
    with pytest.raises(InvalidInputError, match="at least 3"):
        OrdinalList.of_ids([1, 2])


# Circuits and scores


def test_a_head_that_writes_successors_scores_one():
    shift = torch.roll(torch.eye(40), 1, 0)
    ring = OrdinalList.of_ids(list(range(40)), cyclic=True)
    for matrix, score, copies in ((shift, 1, 0), (torch.eye(40), 0, 1)):
        for embedding in ("resid", "contextual"):
            for among in ("list", "vocabulary"):
                result = succession_scores(one_head(matrix), {"ring": ring}, embedding, among)
                assert result.scores.item() == score
                assert result.self_rates.item() == copies
    assert result.n_pairs == 40
    assert result.chance == pytest.approx(1 / 40)


def test_random_heads_score_chance():
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=300, hidden_size=64, intermediate_size=64, num_hidden_layers=8,
                         num_attention_heads=8, tie_word_embeddings=False)  # fmt: skip
    lists = {
        "long": OrdinalList.of_ids(list(range(10, 110)), cyclic=True),
        "short": OrdinalList.of_ids(list(range(200, 205)), cyclic=True),
    }
    result = succession_scores(LanguageModel(LlamaForCausalLM(config)), lists, "resid")
    assert result.chance == pytest.approx((100 / 100 + 5 / 5) / 105)
    for name, each in lists.items():
        scores, expected = result.per_list[name], 1 / len(each)
        assert abs(scores.mean() - expected) < 3 * np.sqrt(expected / scores.size / len(each))
    close(result.list_mean, (result.per_list["long"] + result.per_list["short"]) / 2)


@pytest.mark.parametrize(
    ("kind", "embedding"),
    [*((kind, "mlp0") for kind in KINDS), ("llama", "contextual"), ("gpt2", "resid"), ("neox", "contextual")],
)
def test_scores_are_those_of_the_plain_circuit(make_tiny, kind, embedding):
    """The slow twin: one head at a time, over the whole vocabulary."""
    lm = make_tiny(kind)
    result = succession_scores(lm, LISTS, embedding)
    for layer, head in ((0, 1), (1, 3), (2, 0)):
        hits = []
        for each in LISTS.values():
            logits = ov_logits(lm, layer, head, each.ids, embedding=embedding)[:, list(each.ids)]
            close(logits, ov_logits(lm, layer, head, each.ids, each.ids, embedding))
            hits += [int(logits[word].argmax()) == successor for word, successor in each.pairs()]
        assert result.hits[:, layer, head].tolist() == hits
    assert result.top(3)[0] == tuple(np.unravel_index(result.scores.argmax(), result.scores.shape))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox", "phi3"])
def test_embeddings_are_the_first_layer_without_attention(make_tiny, kind):
    lm = make_tiny(kind)
    ids = torch.tensor([5, 6, 7, 8])
    mlp_norm = {"gpt2": "ln_2"}.get(kind, "post_attention_layernorm")
    block = lm.block(0)
    with torch.no_grad():
        rows = lm.model.get_input_embeddings()(ids)
        added = block.mlp(getattr(block.block, mlp_norm)(rows))
    close(effective_embeddings(lm, ids.tolist(), "mlp0"), added[None])
    close(effective_embeddings(lm, ids.tolist(), "resid"), (rows + added)[None])
    streams = effective_embeddings(lm, ids.tolist(), "contextual")
    assert streams.shape == (lm.n_layers, 4, lm.d_model)
    close(streams[:, 2], lm.residuals([[0, 7]], range(lm.n_layers), positions=-1)[0, :, 0])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox", "phi3", "cohere"])
def test_writes_are_what_a_head_adds_when_it_sees_that_token_alone(make_tiny, kind):
    lm = make_tiny(kind)
    for layer in range(lm.n_layers):
        trace = lm.trace([[5]], residual=layer, head_output=layer)
        writes = head_writes(lm, layer, trace.residual[:, 0, 0])
        for head in range(lm.n_heads):
            close(writes[0, head], trace.head_output[0, 0, 0, head] @ lm.ov_circuit(layer, head).output)


def test_shared_values_score_as_repeated_ones(llama):
    """Grouped-query attention equals the same model with each head's values written out."""
    config = LlamaConfig(**{**llama.model.config.to_dict(), "num_key_value_heads": llama.n_heads})
    weights = llama.model.state_dict()
    for name in [name for name in weights if name.endswith(("k_proj.weight", "v_proj.weight"))]:
        heads = weights[name].unflatten(0, (-1, llama.d_head))
        weights[name] = heads.repeat_interleave(llama.n_heads // len(heads), 0).flatten(0, 1)
    repeated = LlamaForCausalLM(config)
    repeated.load_state_dict(weights)
    repeated = LanguageModel(repeated)
    for embedding in ("mlp0", "contextual"):
        ours, theirs = (effective_embeddings(lm, LISTS["ring"].ids, embedding) for lm in (llama, repeated))
        close(ours, theirs, 1e-6)
        close(head_writes(llama, 2, ours[-1]), head_writes(repeated, 2, ours[-1]), 1e-6)
        assert np.array_equal(
            succession_scores(llama, LISTS, embedding).hits, succession_scores(repeated, LISTS, embedding).hits
        )


def test_half_precision_gives_nearly_the_same(make_tiny):
    whole, half = make_tiny("llama"), make_tiny("llama")
    half.model.to(torch.bfloat16)
    ours, theirs = (ov_logits(lm, 1, 2, [20, 21, 22], [20, 21, 22], "resid") for lm in (half, whole))
    assert (ours - theirs).abs().max() < 0.05 * theirs.abs().max()
    assert succession_scores(half, LISTS).scores.shape == (3, 4)
    prompts = succession_prompts(half, LISTS, separator=COMMA)
    assert np.isfinite(direct_attribution(half, prompts)).all()
    assert np.isfinite(head_ablation_effect(half, prompts, [(0, 1)])[0, 1]).all()


def test_contextual_logits_are_what_attention_forced_on_the_word_writes(smollm2):
    """Each head of a layer is made to see the second token alone; the projection's input is then its value."""
    token, layer = 12397, 23
    values = smollm2.block(layer).attention.v_proj
    with capture({"v": values}) as seen:
        smollm2.residuals([[1, token]], layers=layer + 1)
    shared = smollm2.n_heads // smollm2.parts.n_kv_heads
    forced = seen["v"][0, 1].unflatten(0, (-1, smollm2.d_head)).repeat_interleave(shared, 0).flatten()
    joined = []
    with (
        edit(smollm2.block(layer).output, lambda x: forced.expand_as(x), site="input"),
        capture({"o": smollm2.block(layer).output}) as seen,
    ):
        smollm2.residuals([[1, token]], layers=layer + 1)
        joined.append(seen["o"][0, 1])
    alone = head_writes(smollm2, layer, effective_embeddings(smollm2, [token], "contextual")[layer])[0]
    close(alone.sum(0), joined[0], 1e-4)
    expected = smollm2.unembed(alone[3])
    close(ov_logits(smollm2, layer, 3, [token], embedding="contextual")[0], expected, 1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda lm: ov_logits(lm, 3, 0, [5]), "Layer 3 does not exist"),
        (lambda lm: ov_logits(lm, 0, 4, [5]), "Head 4 does not exist"),
        (lambda lm: ov_logits(lm, 0, 0, []), "no token"),
        (lambda lm: ov_logits(lm, 0, 0, [5], [61]), r"0\.\.60"),
        (lambda lm: ov_logits(lm, 0, 0, [61]), r"0\.\.60"),
        (lambda lm: succession_scores(lm, LISTS, "mlp1"), "'mlp1'"),
        (lambda lm: succession_scores(lm, LISTS, among="all"), "'all'"),
        (lambda lm: succession_scores(lm, {}), "No list"),
        (lambda lm: succession_scores(lm, LISTS).top(13), "13 heads"),
        (lambda lm: succession_scores(lm, LISTS).take(np.zeros(11, bool)), "No pair"),
        (lambda lm: succession_prompts(lm, LISTS, 0, COMMA), "n_shots is 0"),
        (lambda lm: succession_prompts(lm, {"line": LISTS["line"]}, 8, COMMA), "No list has 9 words"),
        (lambda lm: natural_successions([1], LISTS, window=9, context=8), "window is 9"),
        (lambda lm: list_continuation(lm, []), "no prompt"),
        (lambda lm: direct_attribution(lm, []), "no prompt"),
        (lambda lm: head_ablation_effect(lm, PROMPT, [(0, 4)]), "head 4"),
        (lambda lm: head_ablation_effect(lm, PROMPT, fill="none"), "'none'"),
        (lambda lm: head_ablation_effect(lm, PROMPT, values=torch.zeros(1, 4, 8)), r"\(3, 4, 8\)"),
    ],
)
def test_bad_requests_are_named(lm, call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(lm)


# What heads do in texts


PROMPT = [SuccessionPrompt((0, 20, 2, 21, 2), 22, LISTS["ring"].ids, "ring")]


def test_prompts_follow_the_lists(lm):
    prompts = succession_prompts(lm, LISTS, 3, COMMA)
    assert len(prompts) == 7 + 2
    begin = lm.model.config.bos_token_id
    assert prompts[5].ids == (begin, 25, 2, 26, 2, 20, 2)
    assert prompts[5].answer == 21
    assert prompts[-1].answer == 32


def test_natural_places_are_found_once_and_not_where_they_can_be_copied():
    text = [20, 9, 9, 21, 9, 21, 9, 22, 40, 40, 40, 40, 40, 40, 23, 35, 32]
    found = natural_successions(text, LISTS, window=6, context=8)
    assert [(prompt.ids[-1], prompt.answer, prompt.list) for prompt in found] == [
        (9, 21, "ring"),
        (9, 22, "ring"),
        (35, 32, "line"),
    ]
    assert all(len(prompt.ids) <= 8 for prompt in found)


@pytest.mark.parametrize("kind", KINDS)
def test_continuation_is_the_models_own(make_tiny, kind):
    lm = make_tiny(kind)
    prompts = succession_prompts(lm, LISTS, 2, COMMA)
    result = list_continuation(lm, prompts, batch_size=4)
    for index, prompt in enumerate(prompts):
        listed = lm.logits([list(prompt.ids)], positions=-1)[0, 0, list(prompt.candidates)].log_softmax(-1)
        place = prompt.candidates.index(prompt.answer)
        assert result.log_probs[index] == pytest.approx(float(listed[place]), abs=1e-4)
        assert result.correct[index] == (int(listed.argmax()) == place)


def test_means_are_over_all_tokens_of_all_texts(lm):
    rows = [[7, 8, 9], [10], [11, 12]]
    outputs = torch.cat([lm.head_outputs([row])[0] for row in rows], 1)
    close(mean_head_outputs(lm, rows, batch_size=2), outputs.mean(1))


@pytest.mark.parametrize("fill", ["mean", "zero"])
def test_ablations_in_rows_are_those_one_at_a_time(lm, fill):
    prompts = succession_prompts(lm, LISTS, 2, COMMA)
    heads = [(0, 1), (2, 3), (2, 0)]
    effects = head_ablation_effect(lm, prompts, heads, fill, batch_size=2 * len(prompts))
    values = mean_head_outputs(lm, prompts) if fill == "mean" else None
    whole = list_continuation(lm, prompts).log_probs
    for head in heads:
        with lm.ablate_heads([head], values=values):
            expected = whole - list_continuation(lm, prompts).log_probs
        np.testing.assert_allclose(effects[head], expected, atol=1e-5)
        assert np.abs(effects[head]).max() > 1e-4
    assert np.isnan(effects).all(-1).sum() == effects[..., 0].size - 3


def test_ablating_nothing_changes_no_bit_and_everything_is_no_attention(llama):
    before = llama.logits([[7, 8, 9]])
    with llama.ablate_heads([]):
        assert torch.equal(llama.logits([[7, 8, 9]]), before)
    with llama.ablate_heads([(1, head) for head in range(llama.n_heads)]):
        without = llama.logits([[7, 8, 9]])
    with edit(llama.block(1).output, torch.zeros_like):
        close(without, llama.logits([[7, 8, 9]]))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox", "cohere", "phi3"])
def test_attributions_of_all_parts_add_up_to_the_logits(make_tiny, kind):
    lm = make_tiny(kind)
    with torch.no_grad():
        for parameter in lm.parts.unembedding.parameters():
            if parameter.ndim == 1:
                parameter.zero_()  # a bias is no part of what heads write
    prompts = succession_prompts(lm, LISTS, 2, COMMA)
    found = direct_attribution(lm, prompts, batch_size=3)
    prompt = prompts[4]
    ids = [list(prompt.ids)]
    others = [token for token in prompt.candidates if token != prompt.answer]
    trace = lm.trace(ids, residual=[0, lm.n_layers], attention_output="all", mlp_output="all", positions=-1)
    norm, last = lm.parts.final_norm, trace.residual[0, 1, 0].detach()
    rows, _ = lm.unembedding_rows([prompt.answer, *others])
    direction = (rows[0] - rows[1:].mean(0)).detach()
    pulled = pulled_back(norm, last[None], direction[None])[0].detach()
    logits = lm.parts.unembedding(norm(last)).detach()
    bias = direction @ norm(torch.zeros_like(last)).detach()
    close(pulled @ last + bias, logits[prompt.answer] - logits[others].mean(), 1e-4)
    attention = sum(
        trace.attention_output[0, layer, 0] - (0 if (b := getattr(lm.block(layer).output, "bias", None)) is None else b)
        for layer in range(lm.n_layers)
    )
    close(found[:, :, 4].sum(), pulled @ attention.detach(), 1e-4)


def test_the_largest_contributor_is_counted_once_a_prompt():
    attribution = np.random.default_rng(0).normal(size=(3, 4, 50))
    shares = largest_contributor_share(attribution)
    assert shares.sum() == pytest.approx(1)
    assert shares[1, 2] == np.mean(attribution[1, 2] == attribution.max((0, 1)))


# Features


def planted(decades=4, d=40, noise=0.0):
    rng = torch.Generator().manual_seed(0)
    numbers = torch.arange(10 * decades)
    basis = torch.linalg.qr(torch.randn(d, d, generator=rng)).Q
    rows = basis[numbers % 10] + 2 * basis[10 + numbers // 10] + 3 * basis[30]
    return rows + noise * torch.randn(rows.shape, generator=rng), numbers, basis


def test_planted_features_are_found_and_steer():
    rows, numbers, basis = planted(noise=0.01)
    features = ModFeatures().fit(rows, numbers)
    centred = torch.nn.functional.normalize(basis[:10] - basis[:10].mean(0), dim=1)
    assert (features.directions_ * centred).sum(1).min() > 0.99
    assert torch.equal(features.remainders(rows), numbers % 10)
    target = (numbers + 3) % 10
    assert torch.equal(features.remainders(features.steer(rows, numbers % 10, target)), target)
    close(
        features.steer(rows, numbers % 10, 2, scale=0) @ features.directions_.T @ torch.eye(10),
        (rows - (rows * (f := features.directions_[numbers % 10])).sum(1, keepdim=True) * f) @ features.directions_.T,
    )


def test_an_autoencoder_finds_planted_features():
    rows, numbers, basis = planted(decades=8, noise=0.01)
    features = ModFeatures.fit_autoencoder(rows, numbers, n_latents=64, l1=0.1, epochs=200, lr=1e-2)
    cosine = features.directions_ @ basis[:10].T
    assert (cosine.argmax(1) == torch.arange(10)).float().mean() >= 0.9
    again = ModFeatures.fit_autoencoder(rows, numbers, n_latents=64, l1=0.1, epochs=200, lr=1e-2)
    assert torch.equal(features.directions_, again.directions_)


def test_the_latent_of_a_remainder_is_the_one_that_tells_it():
    numbers = np.arange(30)
    activations = torch.zeros(30, 14)
    activations[torch.arange(30), torch.as_tensor(numbers % 10)] = 1
    activations[:, 12] = 5  # always active
    activations[torch.as_tensor(numbers % 10 == 3), 13] = 0.5
    activations[torch.as_tensor(numbers % 10 == 4), 13] = 0.4
    decoder, rows = torch.eye(14, 20), torch.randn(30, 20, generator=torch.Generator().manual_seed(0))
    features = ModFeatures.from_autoencoder(activations, decoder, rows, numbers)
    assert torch.equal(features.directions_, decoder[:10])
    profiles = remainder_profiles(activations, numbers)
    assert profiles.shape == (14, 10)
    assert profiles[2].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    with pytest.raises(InvalidInputError, match="remainder 7"):
        ModFeatures.from_autoencoder(activations.index_fill(1, torch.tensor([7]), 0), decoder, rows, numbers)
    with pytest.raises(InvalidInputError, match="do not go together"):
        ModFeatures.from_autoencoder(activations[:, :9], decoder, rows, numbers)


@pytest.mark.parametrize(
    ("rows", "numbers", "message"),
    [
        (torch.ones(10, 3), np.arange(9), "one integer"),
        (torch.ones(10, 3), np.arange(10.0), "float64"),
        (torch.ones(10, 3), np.arange(-1, 9), "below 0"),
        (torch.ones(10, 3), np.arange(10) % 9, "remainder 9"),
        (torch.full((10, 3), torch.nan), np.arange(10), "NaN"),
        (torch.ones(10, 3), np.arange(10), "do not differ"),
    ],
)
def test_bad_numbers_are_named(rows, numbers, message):
    with pytest.raises(InvalidInputError, match=message):
        ModFeatures().fit(rows, numbers)


def test_features_are_used_after_fitting_and_within_their_remainders():
    with pytest.raises(InvalidInputError, match="at least 2"):
        ModFeatures(1)
    with pytest.raises(InvalidInputError, match="call fit"):
        ModFeatures().steer(torch.ones(2, 3), 0, 1)
    rows, numbers, _ = planted()
    with pytest.raises(InvalidInputError, match=r"0\.\.9"):
        ModFeatures().fit(rows, numbers).steer(rows, 0, 10)


def counting_head(lists, size):
    """A model of one head on planted embeddings, list part plus place part, that moves each place on by one."""
    rng = torch.Generator().manual_seed(1)
    d = 2 * (lists + size)
    basis = torch.linalg.qr(torch.randn(d, d, generator=rng)).Q
    kind, place = torch.cartesian_prod(torch.arange(lists), torch.arange(size)).T
    rows = torch.zeros(1 + lists * size, d)
    rows[1:] = basis[kind] + basis[lists + place]
    shifted = (
        basis[:lists].T @ basis[:lists] + torch.roll(basis[lists : lists + size], -1, 0).T @ basis[lists : lists + size]
    )
    config = LlamaConfig(vocab_size=len(rows), hidden_size=d, intermediate_size=d, num_hidden_layers=1,
                         num_attention_heads=1, bos_token_id=0)  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(rows)
        model.lm_head.weight.copy_(rows)
        layer = model.model.layers[0]
        layer.self_attn.v_proj.weight.copy_(shifted)
        layer.self_attn.o_proj.weight.copy_(torch.eye(d))
        layer.mlp.down_proj.weight.zero_()
    ids = (1 + torch.arange(lists * size)).reshape(lists, size).tolist()
    return LanguageModel(model), {f"list {k}": OrdinalList.of_ids(row, cyclic=True) for k, row in enumerate(ids)}


def test_steering_and_swapping_work_where_embeddings_are_made_of_parts():
    model, lists = counting_head(4, 10)
    assert succession_scores(model, lists, "resid").scores.item() == 1
    first, *others = lists.values()
    rows = effective_embeddings(model, [token for each in others for token in each.ids], "resid")[0]
    numbers = [rank % 10 for each in others for rank in each.ranks]
    features = ModFeatures().fit(rows, numbers)
    steered = steering_test(model, 0, 0, features, {"first": first}, "resid")
    assert len(steered) == 10 * 9
    assert steered["success"].mean() > 0.95
    assert not steered["before"].any()
    swapped = swapping_test(model, 0, 0, lists, "resid", penalty=1e-3)
    assert len(swapped) == 4 * 10 * 27
    assert swapped[["nearest", "success"]].to_numpy().mean() > 0.95
    assert not swapped["before"].any()
    shuffled = swapping_test(model, 0, 0, lists, "resid", penalty=1e-3, shuffled=0)
    assert shuffled["success"].mean() < 0.4
    pd.testing.assert_frame_equal(shuffled, swapping_test(model, 0, 0, lists, "resid", penalty=1e-3, shuffled=0))


def test_a_heavy_penalty_leaves_words_alone():
    rows, numbers, _ = planted(decades=3)
    projection = IndexProjection(penalty=1e12).fit(rows, (numbers // 10).tolist(), (numbers % 10).tolist())
    close(projection.swap(rows[:5], rows[15:20]), rows[:5])
    with pytest.raises(InvalidInputError, match="call fit"):
        IndexProjection().swap(rows, rows)
    with pytest.raises(InvalidInputError, match="penalty is -1"):
        IndexProjection(-1)
    with pytest.raises(InvalidInputError, match="at least 2"):
        IndexProjection().fit(rows, [0] * 30, list(range(30)))
    with pytest.raises(InvalidInputError, match="as many of each"):
        IndexProjection().fit(rows, [0] * 29, list(range(30)))


def test_tests_of_nothing_are_refused(words):
    lists = ordinal_lists(words, ["days", "months"])
    with pytest.raises(InvalidInputError, match="at least 3"):
        swapping_test(words, 0, 0, lists)
    with pytest.raises(InvalidInputError, match="call fit"):
        steering_test(words, 0, 0, ModFeatures(), lists)


# Parts of the claim


def test_a_model_trained_to_count_has_successor_heads():
    control = train_control(ControlPlan(lists=2, size=6, width=32, steps=120), seed=0, device="cpu")
    prompts = succession_prompts(control.model, control.lists, separator=control.separator)
    assert list_continuation(control.model, prompts).accuracy > 0.95
    scores = succession_scores(control.model, control.lists, "contextual").scores
    assert scores.max() > 0.8
    assert scores.min() < 0.5


def test_counting_texts_count():
    counted = counting_texts(50, np.random.default_rng(0), lists=3, size=5, words=4)
    following = {row[i]: row[(i + 1) % 5] for row in counted.lists.tolist() for i in range(5)}
    for row in counted.ids[:, 1::2].tolist():
        assert all(following[a] == b for a, b in itertools.pairwise(row))
    assert counted.ids.max() < counted.vocabulary_size
    with pytest.raises(InvalidInputError, match="at least 3 words"):
        counting_texts(1, np.random.default_rng(0), size=2)


def test_pilots_and_other_seeds_share_no_word():
    items = [f"list {a}: {b}" for a in range(5) for b in range(20)]
    splits = {seed: split(items, seed) for seed in (*range(5), PILOT_SEEDS)}
    words = {seed: each.found | each.tested for seed, each in splits.items()}
    assert not any(each.found & each.tested for each in splits.values())
    assert words[0] == words[1]
    assert not words[0] & words[PILOT_SEEDS]
    judged = [word for seed in range(5) for word in splits[seed].tested]
    assert sorted(judged) == sorted(words[0])


# A real model


def test_one_head_of_smollm2_is_a_successor_head(smollm2):
    """Ledger and pilot words alike; what is tested is that the code finds and removes it, not how strong it is."""
    lists = ordinal_lists(smollm2)
    assert len(lists["letters, spaced"]) == 26
    assert lists["numbers"].words == tuple("123456789")
    assert "numbers, spaced" in lists.left_out
    few = {name: lists[name] for name in ("ordinals, spaced", "number words", "letters")}
    contextual = succession_scores(smollm2, few, "contextual")
    assert contextual.scores.max() > 2 * contextual.chance
    prompts = succession_prompts(smollm2, ordinal_lists(smollm2, ["days"], spaces=[True]))
    assert list_continuation(smollm2, prompts).accuracy > 3 / 7
    layer, head = contextual.top(1)[0]
    effects = head_ablation_effect(smollm2, prompts, [(layer, head), (15, 7)])
    assert effects[layer, head].mean() > 5 * abs(effects[15, 7].mean())

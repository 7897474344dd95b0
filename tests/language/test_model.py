import pickle
import subprocess
import sys

import pytest
import torch
from torch import nn

from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.language.attention import implemented, weights_given
from reprise.language.batch import Batch

PROMPT = [7, 8, 9, 10, 11, 7, 8]
RAGGED = [[7, 8, 9, 10, 11, 7, 8], [20, 21, 22], [30, 31, 32, 33, 34]]


def reference(lm, ids, **kwargs):
    """What transformers itself computes, with attention in the plain way."""
    with implemented(lm.model, "eager"), torch.no_grad():
        return lm.model(torch.tensor([ids]), **kwargs)


def close(actual, expected, atol=1e-5):
    torch.testing.assert_close(actual, expected, atol=atol, rtol=1e-4)


# Reading


def test_residual_streams_are_the_hidden_states_before_any_final_normalisation(lm):
    expected = reference(lm, PROMPT, output_hidden_states=True).hidden_states
    streams = lm.residuals([PROMPT])
    assert streams.shape == (1, lm.n_layers + 1, len(PROMPT), lm.d_model)
    close(streams[0, :-1], torch.stack(expected)[:-1, 0])
    close(lm.parts.final_norm(streams[0, -1]), expected[-1][0])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox", "gemma2", "cohere", "granite", "phi3"])
def test_logits_and_the_lens_at_the_last_stream_are_the_models_own(make_tiny, kind):
    lm = make_tiny(kind)
    expected = reference(lm, PROMPT).logits
    close(lm.logits([PROMPT]), expected)
    lens = lm.logit_lens([PROMPT], layers=[0, lm.n_layers], positions=slice(None))
    close(lens[:, -1], expected.log_softmax(-1))
    close(lens.exp().sum(-1), torch.ones(1, 2, len(PROMPT)))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere", "granite"])
def test_logits_of_some_tokens_are_those_of_all(make_tiny, kind):
    lm = make_tiny(kind)
    stream = lm.residuals([PROMPT], layers=lm.n_layers)[:, 0]
    close(lm.unembed(stream, tokens=[5, 60, 5]), lm.logits([PROMPT])[..., [5, 60, 5]])
    for tokens in ([], [61], [-1]):
        with pytest.raises(InvalidInputError, match=r"0\.\.60"):
            lm.unembed(stream, tokens=tokens)


def test_attention_rows_are_those_of_the_full_matrix(lm):
    attentions = torch.stack(reference(lm, PROMPT, output_attentions=True).attentions, 1)
    for query in (-1, 3, 0):
        rows = lm.attention_rows([PROMPT], query=query)
        close(rows, attentions[:, :, :, query, : query % len(PROMPT) + 1])
        close(rows.sum(-1), torch.ones(rows.shape[:-1]))
    close(lm.attention_rows([PROMPT], layers=[2, 0]), attentions[:, [2, 0], :, -1])


def test_sliding_attention_still_gives_one_weight_a_column(make_tiny):
    lm = make_tiny("gemma2")
    attentions = torch.stack(reference(lm, PROMPT, output_attentions=True).attentions, 1)
    close(lm.attention_rows([PROMPT]), attentions[:, :, :, -1])


def test_head_outputs_join_into_what_the_attention_adds(lm):
    trace = lm.trace([PROMPT], head_output="all", attention_output="all")
    for layer in range(lm.n_layers):
        heads = [trace.head_output[0, layer, :, h] @ lm.ov_circuit(layer, h).output for h in range(lm.n_heads)]
        bias = getattr(lm.block(layer).output, "bias", None)
        close(sum(heads) + (0 if bias is None else bias), trace.attention_output[0, layer])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox", "phi3"])
def test_a_head_that_sees_one_token_writes_its_value(make_tiny, kind):
    lm = make_tiny(kind)
    trace = lm.trace([[5]], head_output="all", residual="all")
    norm = "ln_1" if kind == "gpt2" else "input_layernorm"
    for layer in range(lm.n_layers):
        entering = getattr(lm.block(layer).block, norm)(trace.residual[0, layer, 0])
        for head in range(lm.n_heads):
            circuit = lm.ov_circuit(layer, head)
            close(entering @ circuit.value + circuit.value_bias, trace.head_output[0, layer, 0, head])


def test_the_parts_add_up_to_the_residual_stream(llama):
    trace = llama.trace([PROMPT], residual="all", attention_output="all", mlp_output="all")
    close(trace.residual[:, :-1] + trace.attention_output + trace.mlp_output, trace.residual[:, 1:])


def test_padding_changes_nothing(lm):
    positions = torch.tensor([[0, -1], [2, 0], [-2, 1]])
    trace = lm.trace(RAGGED, residual="all", head_output=[1], logits=True, positions=positions)
    rows = lm.attention_rows(RAGGED)
    for index, prompt in enumerate(RAGGED):
        alone = lm.trace([prompt], residual="all", head_output=[1], logits=True, positions=positions[index])
        close(trace.residual[index], alone.residual[0])
        close(trace.head_output[index], alone.head_output[0])
        close(trace.logits[index], alone.logits[0])
        close(rows[index, :, :, -len(prompt) :], lm.attention_rows([prompt])[0])


def test_a_pass_ends_at_the_deepest_layer_asked_for(lm):
    ran = []
    handles = [
        block.block.register_forward_hook(lambda *_, layer=layer: ran.append(layer))
        for layer, block in enumerate(lm.parts.blocks)
    ]
    lm.residuals([PROMPT], layers=[1])
    assert ran == [0]
    ran.clear()
    lm.head_outputs([PROMPT], layers=[1])
    assert ran == [0, 1]
    for handle in handles:
        handle.remove()


def test_only_what_was_asked_for_is_kept(lm):
    trace = lm.trace([PROMPT], residual=[2], positions=[-1, 0])
    assert trace.residual.shape == (1, 1, 2, lm.d_model)
    assert trace.residual.untyped_storage().nbytes() == 2 * lm.d_model * 4
    assert trace.logits is None
    assert trace.head_output is None
    assert not trace.residual.requires_grad


def test_gradients_flow_where_they_are_wanted(lm):
    embeddings = lm.model.get_input_embeddings()(torch.tensor([PROMPT])).detach().requires_grad_()
    trace = lm.trace(embeddings, residual=[1], logits=True, positions=-1, gradients=True)
    close(trace.logits, lm.logits([PROMPT], positions=-1))
    trace.logits.sum().backward()
    assert embeddings.grad.abs().sum() > 0


# Decoding


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox", "gemma2"])
def test_cached_decoding_equals_generate(make_tiny, kind):
    lm = make_tiny(kind)
    batch = lm.batch(RAGGED)
    expected = lm.model.generate(
        batch.ids, attention_mask=batch.mask.long(), do_sample=False, max_new_tokens=12, pad_token_id=0
    )[:, batch.width :].tolist()
    end = lm.model.generation_config.eos_token_id
    expected = [row[: row.index(end) + 1] if end in row else row for row in expected]
    assert lm.generate(RAGGED, 12) == expected


def test_steps_give_what_a_full_pass_over_the_same_tokens_gives(lm):
    decoding = lm.decoding([PROMPT])
    tokens = list(PROMPT)
    for step in decoding.greedy(5, attention=[0, 2], residual=[0, 1, 3]):
        close(step.logits, lm.logits([tokens], positions=-1)[:, 0])
        close(step.residual, lm.residuals([tokens], [0, 1, 3], -1)[:, :, 0])
        close(step.attention, lm.attention_rows([tokens], [0, 2]))
        tokens.append(int(step.tokens))
    assert decoding.generated.tolist() == [tokens[len(PROMPT) : -1]]


def test_a_cropped_cache_equals_a_fresh_one(lm):
    decoding = lm.decoding(RAGGED)
    for _ in decoding.greedy(4):
        pass
    decoding.crop(max(map(len, RAGGED)) + 1)
    kept = [[*prompt, *more] for prompt, more in zip(RAGGED, decoding.generated.tolist(), strict=True)]
    step = decoding.step(torch.tensor([40, 41, 42]))
    for row, (prompt, token) in enumerate(zip(kept, (40, 41, 42), strict=True)):
        close(step.logits[row], lm.logits([[*prompt, token]], positions=-1)[0, 0])
    decoding.crop(2)
    first = decoding.step()
    close(first.logits[0], lm.logits([PROMPT[:3]], positions=-1)[0, 0])


def test_log_probs_are_those_of_the_whole_text(lm):
    continuations = [[4, 5], [6], [7, 8, 9]]
    scores = lm.log_probs(RAGGED, continuations)
    for prompt, continuation, score in zip(RAGGED, continuations, scores, strict=True):
        logits = lm.logits([prompt + continuation])[0].log_softmax(-1)
        expected = [logits[len(prompt) + i - 1, token] for i, token in enumerate(continuation)]
        close(score, torch.stack(expected))


def test_sampling_at_a_low_temperature_is_greedy_and_follows_its_seed_at_a_high_one(lm):
    def drawn(temperature, seed):
        generator = torch.Generator().manual_seed(seed)
        steps = lm.decoding(RAGGED).sample(5, temperature=temperature, generator=generator)
        return torch.stack([step.tokens for step in steps], 1).tolist()

    greedy = torch.stack([step.tokens for step in lm.decoding(RAGGED).greedy(5)], 1).tolist()
    assert drawn(1e-4, 0) == greedy
    assert drawn(5.0, 1) == drawn(5.0, 1) != drawn(5.0, 2)
    with pytest.raises(InvalidInputError, match="above 0; 0"):
        drawn(0, 0)


def test_repeated_prompts_share_what_was_read(lm):
    repeated = lm.decoding(RAGGED).repeat(2)
    rows = [row for row in RAGGED for _ in range(2)]
    fresh = lm.decoding(rows)
    for tokens in (None, torch.tensor([3, 4, 5, 6, 7, 8])):
        close(repeated.step(tokens).logits, fresh.step(tokens).logits)


def test_continuations_of_a_prefix_read_as_whole_texts_do(lm):
    continuations = [[12, 13], [14], [15, 16, 17, 18]]
    found = lm.continuation_residuals(PROMPT, continuations, [2, 0, lm.n_layers], batch_size=2)
    for row, tokens in zip(found, continuations, strict=True):
        close(row, lm.residuals([PROMPT + tokens], [2, 0, lm.n_layers])[0, :, len(PROMPT) :])
    with pytest.raises(InvalidInputError, match="0 continuations"):
        lm.continuation_residuals(PROMPT, [], 1)
    with pytest.raises(InvalidInputError, match="context of 64"):
        lm.continuation_residuals(PROMPT, [[5] * 60], 1)


def test_log_probs_leave_the_cache_at_the_prompt(lm):
    decoding = lm.decoding([PROMPT])
    before = decoding.log_probs([[4, 5]])[0]
    first = [int(step.tokens) for step in decoding.greedy(3)]
    assert [first] == lm.generate([PROMPT], 3)
    close(decoding.log_probs([[4, 5]])[0], before)


def test_stop_rules(lm):
    free = lm.generate([PROMPT], 8)[0]
    assert lm.generate([PROMPT], 8, stop=[free[2]])[0] == free[: free.index(free[2]) + 1]
    assert lm.generate([PROMPT], 8, stop=lambda token: True)[0] == free[:1]


def test_reading_in_one_go_and_in_steps_agree_under_an_intervention(lm):
    direction = torch.linspace(-1, 1, lm.d_model)
    with lm.steer([1, 2], direction, 3.0, positions=slice(2, None)), lm.ablate_heads([(0, 1)]):
        tokens = lm.generate(RAGGED, 4)
        scores = lm.log_probs(RAGGED, tokens)
        for prompt, made, score in zip(RAGGED, tokens, scores, strict=True):
            logits = lm.logits([prompt + made])[0].log_softmax(-1)
            assert logits[len(prompt) - 1 : -1].argmax(-1).tolist() == made
            close(score, logits[range(len(prompt) - 1, len(prompt) + len(made) - 1), made], atol=1e-4)


# Interventions


def test_no_heads_and_no_layers_change_no_bit(lm):
    before = lm.logits([PROMPT])
    with lm.ablate_heads([]), lm.ablate_layers([]):
        assert torch.equal(lm.logits([PROMPT]), before)


@pytest.mark.parametrize("mode", ["zero", "uniform"])
def test_an_ablated_head_loses_its_output_or_its_choice(lm, mode):
    with lm.ablate_heads([(1, 2)], mode):
        output = lm.head_outputs([PROMPT], layers=[1])
        rows = lm.attention_rows([PROMPT], layers=[1])
        added = lm.trace([PROMPT], attention_output=[1]).attention_output[0, 0]
    plain = lm.trace([PROMPT], head_output=[1], attention_output=[1])
    others = [0, 1, 3]
    close(output[..., others, :], plain.head_output[..., others, :])
    if mode == "zero":
        assert not output[..., 2, :].any()
        close(plain.attention_output[0, 0] - added, plain.head_output[0, 0, :, 2] @ lm.ov_circuit(1, 2).output)
    else:
        close(rows[0, 0, 2], torch.full((len(PROMPT),), 1 / len(PROMPT)))
        assert not torch.allclose(rows[0, 0, 0], rows[0, 0, 2], atol=1e-3)


def test_ablating_all_heads_of_a_layer_leaves_its_bias_alone(lm):
    with lm.ablate_heads([(1, head) for head in range(lm.n_heads)]):
        added = lm.trace([PROMPT], attention_output=[1]).attention_output
    bias = getattr(lm.block(1).output, "bias", None)
    close(added, torch.zeros_like(added) if bias is None else bias.expand_as(added))


def test_heads_can_be_given_other_values(lm):
    values = torch.arange(lm.n_layers * lm.n_heads * lm.d_head).reshape(lm.n_layers, lm.n_heads, lm.d_head).float()
    with lm.ablate_heads([(2, 1)], values=values):
        output = lm.head_outputs([PROMPT], layers=[2])
    close(output[0, 0, :, 1], values[2, 1].expand(len(PROMPT), -1))


@pytest.mark.parametrize("part", ["block", "attention", "mlp"])
def test_ablated_layers_add_nothing(lm, part):
    with lm.ablate_layers([0, 2], part):
        trace = lm.trace([PROMPT], residual="all", attention_output="all", mlp_output="all")
        lm.generate([PROMPT], 3)
    if part == "block":
        assert torch.equal(trace.residual[:, 1], trace.residual[:, 0])
        assert torch.equal(trace.residual[:, 3], trace.residual[:, 2])
        assert not torch.equal(trace.residual[:, 2], trace.residual[:, 1])
    else:
        output = trace.attention_output if part == "attention" else trace.mlp_output
        assert not output[:, [0, 2]].any()
        assert output[:, 1].any()


def test_steering_adds_the_direction_where_it_should(lm):
    direction = torch.linspace(-1, 1, lm.d_model)
    plain = lm.residuals(RAGGED, positions=torch.tensor([[0, 1, 2]] * 3))
    with lm.steer(1, direction, 2.0, positions=[1]):
        steered = lm.residuals(RAGGED, positions=torch.tensor([[0, 1, 2]] * 3))
    change = steered - plain
    assert not change[:, 0].any()
    close(change[:, 1, 1], 2 * direction.expand(3, -1))
    assert not change[:, 1, [0, 2]].any()
    assert not change[:, :, 0].any()
    assert change[:, 2, 2].any()
    last = lm.residuals([PROMPT], [lm.n_layers])
    with lm.steer(lm.n_layers, direction):
        close(lm.residuals([PROMPT], [lm.n_layers]), last + direction)


def test_projected_directions_are_gone(lm):
    directions = torch.randn(2, lm.d_model, generator=torch.Generator().manual_seed(0))
    dependent = torch.cat([directions, directions.sum(0, keepdim=True)])
    with lm.project_out([1, 2], dependent):
        streams = lm.residuals([PROMPT])
        logits = lm.logits([PROMPT])
    assert (streams[:, 1:3] @ directions.T).abs().max() < 1e-4
    assert (streams[:, 3] @ directions.T).abs().max() > 1e-2
    with lm.project_out([1, 2], directions), lm.project_out([1, 2], directions):
        close(lm.logits([PROMPT]), logits, atol=1e-4)
    with lm.project_out(1, directions[0], positions=[0]):
        streams = lm.residuals([PROMPT], [1])[0, 0] @ directions[0]
    assert streams[0].abs() < 1e-4 < 1e-2 < streams[1:].abs().max()


def test_patching_a_stream_with_anothers_makes_it_the_others(lm):
    other = lm.residuals([[9, 9, 3]], [1])[:, 0]
    with lm.edit_residual(1, lambda hidden: other):
        patched = lm.logits([[1, 2, 4]])
    close(patched, lm.logits([[9, 9, 3]]))


def _hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_everything_is_restored_also_after_an_exception(lm):
    before, hooks = lm.logits([PROMPT]), _hooks(lm.model)
    implementation = lm.model.config._attn_implementation
    direction = torch.ones(lm.d_model)

    def fail(hidden):
        raise RuntimeError("on purpose")

    for change in (
        lm.ablate_heads([(0, 0)]),
        lm.ablate_heads([(0, 0)], "uniform"),
        lm.ablate_layers([1]),
        lm.ablate_layers([1], "mlp"),
        lm.steer(1, direction, positions=[0]),
        lm.project_out([0, 1], direction),
        weights_given(lm.model),
    ):
        with pytest.raises(RuntimeError, match="on purpose"), change:
            raise RuntimeError("on purpose")
    with pytest.raises(RuntimeError, match="on purpose"), lm.edit_residual(1, fail):
        lm.attention_rows([PROMPT])
    assert lm.model.config._attn_implementation == implementation
    assert _hooks(lm.model) == hooks
    assert torch.equal(lm.logits([PROMPT]), before)


# What is given


def test_prompts_come_in_many_forms(llama):
    expected = llama.logits([PROMPT])
    close(llama.logits(PROMPT), expected)
    close(llama.logits(torch.tensor(PROMPT)), expected)
    close(llama.logits(torch.tensor([PROMPT])), expected)
    close(llama.logits(Batch.of_ids([PROMPT])), expected)
    embeddings = llama.model.get_input_embeddings()(torch.tensor([PROMPT])).detach()
    close(llama.logits(embeddings), expected)
    assert llama.generate(embeddings, 5) == llama.generate([PROMPT], 5)


def test_positions_count_each_prompts_own_tokens():
    batch = Batch.of_ids(RAGGED)
    assert batch.columns(-1).tolist() == [[6]] * 3
    assert batch.columns([0, -1]).tolist() == [[0, 6], [4, 6], [2, 6]]
    assert batch.columns(torch.tensor([[3], [2], [-5]])).tolist() == [[3], [6], [2]]
    assert Batch.of_ids([PROMPT]).columns(slice(1, None, 2)).tolist() == [[1, 3, 5]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda lm: lm.logits([]), "at least one prompt"),
        (lambda lm: lm.logits([[]]), "at least one token"),
        (lambda lm: lm.logits([[61]]), r"0\.\.60"),
        (lambda lm: lm.logits([[-1]]), r"0\.\.60"),
        (lambda lm: lm.logits([[3] * 65]), "context of 64"),
        (lambda lm: lm.generate([[3] * 64], 2), "context of 64"),
        (lambda lm: lm.logits(torch.zeros(1, 3, 5)), "Input embeddings have shape"),
        (lambda lm: lm.logits("text"), "no tokenizer"),
        (lambda lm: lm.logits([PROMPT], positions=7), "outside prompt 0"),
        (lambda lm: lm.logits(RAGGED, positions=-4), "outside prompt 1"),
        (lambda lm: lm.logits(RAGGED, positions=slice(2)), "equal length"),
        (lambda lm: lm.logits([PROMPT], positions=torch.zeros(3, 1, dtype=torch.long)), "shape"),
        (lambda lm: lm.logits([PROMPT], positions=0.5), "integers"),
        (lambda lm: lm.residuals([PROMPT], [4]), "Residual stream 4"),
        (lambda lm: lm.residuals([PROMPT], None), "at least one"),
        (lambda lm: lm.residuals([PROMPT], "every"), "'every'"),
        (lambda lm: lm.head_outputs([PROMPT], [3]), "Layer 3"),
        (lambda lm: lm.attention_rows([PROMPT], query=7), "Query 7"),
        (lambda lm: lm.ov_circuit(0, 4), "Head 4"),
        (lambda lm: lm.ablate_heads([(3, 0)]).__enter__(), "Layer 3"),
        (lambda lm: lm.ablate_heads([(0, 4)]).__enter__(), "In layer 0 head 4"),
        (lambda lm: lm.ablate_heads([(0, 0)], "softly").__enter__(), "'softly'"),
        (lambda lm: lm.ablate_heads([(0, 0)], values=torch.zeros(2)).__enter__(), "`values`"),
        (lambda lm: lm.ablate_layers([3]).__enter__(), "Layer 3"),
        (lambda lm: lm.ablate_layers([0], "norm").__enter__(), "'norm'"),
        (lambda lm: lm.steer(0, torch.ones(3)).__enter__(), "`direction`"),
        (lambda lm: lm.steer(0, torch.full((32,), torch.nan)).__enter__(), "NaN"),
        (lambda lm: lm.steer(4, torch.ones(32)).__enter__(), "Residual stream 4"),
        (lambda lm: lm.steer(0, torch.ones(32), positions=-1).__enter__(), "negative"),
        (lambda lm: lm.steer(0, torch.ones(32), positions=slice(-2, None)).__enter__(), "slice"),
        (lambda lm: lm.project_out(0, torch.zeros(32)).__enter__(), "zero vector"),
        (lambda lm: lm.project_out(0, torch.ones(2, 3)).__enter__(), "`directions`"),
        (lambda lm: lm.log_probs([PROMPT], [[]]), "at least one token"),
        (lambda lm: lm.log_probs([PROMPT], [[1], [2]]), "each of the 1 prompts"),
        (lambda lm: lm.decoding([PROMPT]).crop(7), "cannot be cut"),
        (lambda lm: LanguageModel(nn.Linear(2, 2)), "causal language model"),
    ],
)
def test_errors_say_what_was_wrong(llama, call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(llama)


def test_steps_need_their_tokens(llama):
    decoding = llama.decoding([PROMPT])
    decoding.step()
    with pytest.raises(InvalidInputError, match="whole prompt"):
        decoding.step()
    decoding.crop(2)
    with pytest.raises(InvalidInputError, match="forgotten"):
        decoding.step(torch.tensor([3]))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox"])
def test_the_handle_survives_pickling(make_tiny, kind):
    lm = make_tiny(kind)
    copy = pickle.loads(pickle.dumps(lm))
    assert torch.equal(copy.logits([PROMPT]), lm.logits([PROMPT]))


def test_the_family_imports_nothing_heavy():
    code = "import sys, reprise.language; sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_real_model_speaks_and_is_read(smollm2):
    assert (smollm2.n_layers, smollm2.n_heads, smollm2.d_head, smollm2.d_model) == (30, 9, 64, 576)
    prompt = smollm2.chat("What is the capital of France?", answer="The capital of France is")
    answer = smollm2.generate(prompt, 4, stop=".")
    assert smollm2.decode(answer[0]).strip().startswith("Paris")
    # The answer is decided in the last layers and not before the middle ones.
    ids = smollm2.encode(prompt, special=False)
    paris = smollm2.logit_lens([ids], layers=[5, 30])[0, :, 0, smollm2.encode(" Paris", special=False)[0]].exp()
    assert paris[0] < 0.01 < 0.5 < paris[1]

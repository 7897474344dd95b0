import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig

from reprise.claims.language._metacognition import practice
from reprise.claims.language._metacognition.sentences import load, make_pools
from reprise.claims.language._metacognition.sizes import PLANS
from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.language.metacognition import (
    BINARY,
    ActivationAxis,
    ControlResult,
    LikertBinner,
    Prompts,
    ReportResult,
    axis_table,
    control_by_examples,
    control_experiment,
    control_precision,
    explained_variance,
    is_copy,
    longest_common_substring,
    median_split,
    metacognitive_space,
    report_experiment,
    report_positions,
    sentence_activations,
    sequential_observer,
    word_features,
)
from reprise.language.metacognition.control import Trial
from reprise.language.metacognition.transcript import write
from reprise.models.tiny import tiny_language_model

WORDS = ("sun", "moon", "rain", "wind", "fire", "snow", "sand", "leaf", "rock", "wave", "bird", "fish", "wolf", "bear")
SENTENCES = [f"the {a} saw the {b}" for a, b in zip(WORDS, WORDS[3:] + WORDS[:3], strict=True)] + list(WORDS[:10])
TEXT = (
    f"{BINARY.report} {BINARY.control} {BINARY.user} {BINARY.imitate} [Score: {{ 0 1 2 3 4 5 6 }} ] the saw "
    + " ".join(WORDS)
)
TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{{ '<s> ' + m['role'] + ' ' + m['content'] | trim + ' </s>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s> assistant ' }}{% endif %}"
)


def tiny(kind="llama", template=None, context=2048):
    model, tokenizer = tiny_language_model(TEXT + " user assistant", context_length=context)
    tokenizer.chat_template = template
    common = {"vocab_size": model.config.vocab_size, "bos_token_id": 1, "eos_token_id": 2}
    configs = {
        "gpt2": lambda: GPT2Config(**common, n_positions=context, n_embd=32, n_layer=2, n_head=4),
        "neox": lambda: GPTNeoXConfig(
            **common, max_position_embeddings=context, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=4,
        ),
    }  # fmt: skip
    if kind in configs:
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(configs[kind]())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return LanguageModel(model, tokenizer)


@pytest.fixture(scope="module")
def llama():
    return tiny()


@pytest.fixture(scope="module", params=[("llama", None), ("llama", TEMPLATE), ("gpt2", None), ("neox", TEMPLATE)])
def lm(request):
    return tiny(*request.param)


def activations(model, sentences=SENTENCES, layer=1):
    return sentence_activations(model, [(BINARY.user, sentence) for sentence in sentences], layer)[layer]


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    return rng.normal(size=(80, 10)) @ rng.normal(size=(10, 10))


# Axes


@parametrize_with_checks([ActivationAxis("pc"), ActivationAxis("random")])
def test_axes_are_estimators(estimator, check):
    check(estimator)


def test_logistic_regression_scores_are_decision_values(points):
    from sklearn.linear_model import LogisticRegression

    y = (points[:, 0] + points[:, 1] > 0).astype(int)
    axis = ActivationAxis("lr", normalize=False).fit(points, y)
    peer = LogisticRegression(max_iter=1000).fit(points, y)
    np.testing.assert_allclose(axis.score_samples(points), peer.decision_function(points), atol=1e-8)
    assert (axis.label(points) == peer.predict(points)).all()
    scaled = ActivationAxis("lr").fit(points, y).score_samples(points)
    assert scaled.std() == pytest.approx(1)
    np.testing.assert_allclose(np.corrcoef(scaled, axis.score_samples(points))[0, 1], 1)


@pytest.mark.parametrize("component", [1, 3, 10])
def test_component_scores_are_standardised_and_agree_with_scikit_learn(points, component):
    from sklearn.decomposition import PCA

    axis = ActivationAxis("pc", component).fit(points)
    scores = axis.score_samples(points)
    assert abs(scores.mean()) < 1e-6
    assert abs(scores.std() - 1) < 1e-6
    peer = PCA(svd_solver="full").fit(points).transform(points)[:, component - 1]
    np.testing.assert_allclose(scores, peer / peer.std(), atol=1e-8)


def test_turning_an_axis_around_flips_labels_only(points):
    direction = ActivationAxis("pc", 2).fit(points).direction_
    ahead, back = (ActivationAxis("vector", vector=sign * direction).fit(points) for sign in (3, -1))
    np.testing.assert_allclose(ahead.score_samples(points), -back.score_samples(points), atol=1e-12)
    assert (ahead.label(points) == 1 - back.label(points)).all()
    assert (ahead.label(points, bins=6) == 7 - back.label(points, bins=6)).mean() > 0.9


def test_random_axes_depend_on_their_seed_alone(points):
    one, again, other = (ActivationAxis("random", random_state=seed).fit(points).direction_ for seed in (1, 1, 2))
    assert (one == again).all()
    assert abs(one @ other) < 0.9
    assert clone(ActivationAxis("pc", 3, layer=2)).get_params()["layer"] == 2


@pytest.mark.parametrize(
    ("axis", "y", "problem"),
    [
        (ActivationAxis("lr"), None, "labels are expected"),
        (ActivationAxis("lr"), [0] * 80, "both 0 and 1"),
        (ActivationAxis("lr"), [0, 2] * 40, "Labels are 0 and 1; 2"),
        (ActivationAxis("pc", 11), None, "1 to 10; 11"),
        (ActivationAxis("pc", 0), None, "1 to 10; 0"),
        (ActivationAxis("vector"), None, "not all zero"),
        (ActivationAxis("vector", vector=np.zeros(10)), None, "not all zero"),
        (ActivationAxis().set_params(kind="ica"), None, "lr, pc, vector, random"),
    ],
)
def test_bad_axes(points, axis, y, problem):
    with pytest.raises(InvalidInputError, match=problem):
        axis.fit(points, y)


def test_nothing_varies_along_an_axis():
    with pytest.raises(InvalidInputError, match="do not vary"):
        ActivationAxis("vector", vector=[0.0, 1.0]).fit([[1.0, 3.0], [2.0, 3.0]])


@pytest.mark.parametrize("n", [7, 100])
def test_median_split_is_balanced(n):
    rng = np.random.default_rng(n)
    for scores in (rng.normal(size=n), rng.integers(2, size=n)):
        labels = median_split(scores)
        assert abs(labels.mean() - 0.5) <= 1 / (2 * n) + 1e-12
        assert scores[labels == 1].min() >= scores[labels == 0].max()
    with pytest.raises(InvalidInputError, match="Finite scores"):
        median_split([1.0, np.nan])


def test_bins_are_cut_at_zero_and_even_on_each_side():
    scores = np.concatenate([-np.arange(1.0, 31), np.arange(1.0, 61)])
    bins = LikertBinner(6).fit(scores).transform(scores)
    assert np.bincount(bins).tolist() == [0, 10, 10, 10, 20, 20, 20]
    assert ((bins >= 4) == (scores >= 0)).all()
    for bad, given, problem in ((5, scores, "even"), (6, [-1.0, 1.0, 2.0, 3.0], "1 below zero")):
        with pytest.raises(InvalidInputError, match=problem):
            LikertBinner(bad).fit(given)
    with pytest.raises(InvalidInputError, match="call fit"):
        LikertBinner(6).transform(scores)


# Activations


def test_activations_are_the_mean_over_the_assistants_tokens(lm):
    sentences = SENTENCES[:5]
    found = sentence_activations(lm, [(BINARY.user, s) for s in sentences], [1, 0], batch_size=2)
    assert list(found) == [1, 0]
    for number, sentence in enumerate(sentences):
        written = write(lm, [{"role": "user", "content": BINARY.user}, {"role": "assistant", "content": sentence}])
        start, end = written.tokens(1, 0, len(sentence))
        assert lm.decode(written.ids[start:end]).split() == sentence.split()
        states = lm.residuals([written.ids], layers=[1, 2])[0]
        for layer in (0, 1):
            slow = states[layer, start:end].double().mean(0)
            np.testing.assert_allclose(found[layer][number], slow, atol=1e-5)


def test_the_whole_conversation_and_different_requests(lm):
    pairs = [("the rain", "wolf"), (BINARY.user, "the bird saw")]
    found = sentence_activations(lm, pairs, 0, "conversation")[0]
    for number, (request, sentence) in enumerate(pairs):
        ids = write(lm, [{"role": "user", "content": request}, {"role": "assistant", "content": sentence}]).ids
        np.testing.assert_allclose(found[number], lm.residuals([ids], layers=1)[0, 0].double().mean(0), atol=1e-5)


@pytest.mark.parametrize(
    ("pairs", "layers", "span", "problem"),
    [
        ([("a", "")], 0, "assistant", "Sentence 0 is ''"),
        ([("a", "wolf ")], 0, "assistant", "neither begins nor ends in blanks"),
        ([("a", "wolf")], 2, "assistant", "numbered 0 to 1"),
        ([("a", "wolf")], [], "assistant", "layers are expected"),
        ([], 0, "assistant", "got 0 and 1"),
        ([("a", "wolf")], 0, "user", "assistant, conversation"),
    ],
)
def test_bad_sentences_and_layers(llama, pairs, layers, span, problem):
    with pytest.raises(InvalidInputError, match=problem):
        sentence_activations(llama, pairs, layers, span)


# Report


def test_report_positions_are_the_braces_before_the_scores(lm):
    examples = [(sentence, number % 2) for number, sentence in enumerate(SENTENCES[:6])]
    written, positions = report_positions(lm, examples)
    for (_, label), position in zip(examples, positions, strict=True):
        assert lm.decode([written.ids[position]]).strip() == "{"
        assert lm.decode([written.ids[position + 1]]).strip() == str(label)


def test_later_examples_change_no_earlier_report(lm):
    sentences = SENTENCES[:10]
    result = report_experiment(lm, sentences, [0, 1] * 5, 10, 1)
    order = result.order[0]
    changed = [f"{s} the wolf" if place in order[6:] else s for place, s in enumerate(sentences)]
    labels = np.array([0, 1] * 5)
    labels[order[6:]] = 1 - labels[order[6:]]
    again = report_experiment(lm, changed, labels, 10, 1)
    np.testing.assert_allclose(result.logits[0, :6], again.logits[0, :6], atol=1e-5)
    assert np.abs(result.logits[0, 7:] - again.logits[0, 7:]).max() > 1e-3


def test_report_reads_the_digits_where_a_plain_forward_pass_has_them(lm):
    result = report_experiment(lm, SENTENCES, np.arange(len(SENTENCES)) % 2, 5, 2, random_state=3)
    digits = [lm.encode(digit, special=False)[-1] for digit in "01"]
    for run in range(2):
        examples = [(SENTENCES[i], int(y)) for i, y in zip(result.order[run], result.labels[run], strict=True)]
        written, positions = report_positions(lm, examples)
        logits = lm.model(torch.tensor([written.ids])).logits[0, positions][:, digits]
        np.testing.assert_allclose(result.logits[run], logits.detach(), atol=1e-4)


def reads_itself(model, axis):
    """Let the logit of the digit 1 be the axis's score of the one sentence that the model has just said."""
    zero, one = (model.encode(digit, special=False)[-1] for digit in "01")
    full_stop = model.encode(".", special=False)[-1]
    own = model.logits

    def logits(rows, positions):
        start, end = rows[0].index(full_stop) + 1, rows[0].index(model.encode("[", special=False)[-1])
        states = model.residuals(rows, layers=axis.layer + 1)[0, 0, start:end].double().mean(0, keepdim=True)
        found = own(rows, positions=positions).clone()
        found[0, :, zero], found[0, :, one] = 0.0, float(axis.score_samples(states.numpy())[0])
        return found

    model.logits = logits
    return model


def test_a_model_that_reads_its_own_axis_is_seen_to():
    model = tiny()
    axis = ActivationAxis("pc", layer=1).fit(activations(model))
    labels = axis.label(activations(model))
    # Without a system prompt the first turn is the conversation in which the sentence's own activation was read.
    settings = {"n_examples": 1, "n_runs": 10, "prompts": Prompts(report="", control="")}
    assert report_experiment(model, SENTENCES, labels, **settings).accuracy() < 0.9
    reader = reads_itself(model, axis)
    assert report_experiment(reader, SENTENCES, labels, **settings).accuracy() == 1.0
    assert report_experiment(reader, SENTENCES, 1 - labels, **settings).accuracy() == 0.0


def test_a_conversation_that_is_too_long_says_how_much_fits():
    model = tiny(context=250)
    with pytest.raises(InvalidInputError, match="24 examples need") as problem:
        report_experiment(model, SENTENCES, [0, 1] * 12, 24, 1)
    fits = int(str(problem.value).rpartition("250; ")[2].split()[0])
    assert 3 < fits < 24
    assert report_experiment(model, SENTENCES, [0, 1] * 12, fits - 2, 1).logits.shape == (1, fits - 2, 2)


def test_six_points(lm):
    labels = np.arange(len(SENTENCES)) % 6 + 1
    result = report_experiment(lm, SENTENCES, labels, 6, 2, points=6)
    assert result.logits.shape == (2, 6, 6)
    assert set(result.predictions.ravel()) <= set(range(1, 7))
    assert (result.upper == (result.labels >= 4)).all()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"labels": [0] * 24}, "both 0 and 1"),
        ({"labels": [0, 1, 2] * 8}, "Labels are 0 and 1"),
        ({"labels": [0, 1]}, "24 labels are expected"),
        ({"n_examples": 25}, "24 sentences to draw from"),
        ({"n_runs": 0}, "0 runs"),
        ({"points": 5}, "2, 4, 6 or 8; 5"),
        ({"points": 6}, "labels of 1 to 6"),
        ({"features": {"words": np.ones((3, 2))}}, "one row for each sentence"),
    ],
)
def test_bad_reports(llama, change, problem):
    settings = {"labels": [0, 1] * 12, "n_examples": 4, "n_runs": 1} | change
    with pytest.raises(InvalidInputError, match=problem):
        report_experiment(llama, SENTENCES, **settings)


def test_a_tokenizer_that_joins_brace_and_digit():
    model, tokenizer = tiny_language_model(TEXT)
    tokenizer.add_tokens(["{0", "{1"])
    model.resize_token_embeddings(len(tokenizer))
    with pytest.raises(InvalidInputError, match=r"split '\{' from the digit"):
        report_experiment(LanguageModel(model, tokenizer), SENTENCES, [0, 1] * 12, 4, 1)


def test_what_a_report_counts():
    logits = np.array([[[0.0, 1.0], [2.0, 0.0], [0.0, 3.0], [0.0, 1.0]]])
    result = ReportResult(
        np.arange(4)[None], np.array([[1, 0, 0, 1]]), logits, baselines={"b": np.array([[1, 0, 1, 0.1]])}
    )
    assert result.accuracy_by_k.tolist() == [1, 1, 0, 1]
    assert (result.accuracy(), result.accuracy(2)) == (0.75, 0.5)
    np.testing.assert_allclose(result.cross_entropy_by_k, -np.log(expit([1, 2, -3, 1])))
    assert result.auc() == 0.5
    assert result.baseline_accuracy("b") == 0.5
    assert result.auc(baseline="b") == pytest.approx(0.625)
    with pytest.raises(InvalidInputError, match="one class"):
        result.auc(first=1, last=3)


# Observers


def test_an_observer_learns_from_earlier_examples_alone():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 50)), rng.integers(2, size=30)
    whole = sequential_observer(X, y)
    changed = y.copy()
    changed[20:] = 1 - changed[20:]
    np.testing.assert_allclose(whole[:21], sequential_observer(X, changed)[:21])
    assert sequential_observer(X, np.r_[0, 0, 0, y[3:]])[3] == pytest.approx(1 / 5)
    np.testing.assert_allclose(sequential_observer(X, np.ones(30))[:3], [1 / 2, 2 / 3, 3 / 4])
    for features, labels, problem in (
        (X[0], y, r"shape \(50,\)"),
        (X * np.nan, y, "finite"),
        (X, y[1:], "30 labels are expected"),
        (X, y + 1, "Labels are 0 and 1; 2"),
    ):
        with pytest.raises(InvalidInputError, match=problem):
            sequential_observer(features, labels)


def test_an_observer_is_logistic_regression_on_what_came_before():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(25, 60)), np.arange(25) % 2
    centred = X - X.mean(0)
    scaled = centred / np.sqrt((centred**2).sum(1).mean())
    peer = (
        LogisticRegression(C=2.0, tol=1e-8, max_iter=1000).fit(scaled[:20], y[:20]).predict_proba(scaled[20:21])[0, 1]
    )
    assert sequential_observer(X, y, C=2.0)[20] == pytest.approx(peer, abs=1e-3)


def test_an_observer_of_the_axis_beats_one_of_noise():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(100, 5))
    y = (X[:, 0] > 0).astype(int)
    informed, blind = sequential_observer(X, y), sequential_observer(rng.normal(size=(100, 5)), y)
    assert ((informed > 0.5) == y)[20:].mean() > 0.85 > 0.65 > ((blind > 0.5) == y)[20:].mean()
    assert word_features(SENTENCES).shape[0] == len(SENTENCES)


# Control


@pytest.fixture(scope="module")
def axis_of():
    return lambda model: ActivationAxis("pc", layer=1).fit(activations(model))


def test_implicit_scores_are_those_of_the_sentence_in_its_conversation(lm, axis_of):
    axis = axis_of(lm)
    labels = np.arange(len(SENTENCES)) % 2
    result = control_experiment(lm, SENTENCES, axis, 3, "implicit", labels=labels, n_runs=2, n_replies=2)
    assert len(result.trials) == 2 * 2 * 2 * 2
    chosen = np.random.default_rng(0).permutation(len(SENTENCES))[:5]
    trial = next(t for t in result.trials if t.run == 0 and t.flipped and t.label == 1)
    assert (trial.text, trial.intended) == (SENTENCES[chosen[3]], 0)
    messages = [{"role": "system", "content": BINARY.control}]
    for i in chosen[:3]:
        shown = f"{SENTENCES[i]} [Score: {{{1 - labels[i]}}}]"
        messages += [{"role": "user", "content": BINARY.user}, {"role": "assistant", "content": shown}]
    messages += [{"role": "user", "content": f"{BINARY.imitate.format(label=1)} {BINARY.user}"}]
    written = write(lm, [*messages, {"role": "assistant", "content": trial.text}])
    start, end = written.tokens(len(messages), 0, len(trial.text))
    states = lm.residuals([written.ids], layers=2)[0, 0, start:end].double().mean(0, keepdim=True)
    assert trial.scores["target"] == pytest.approx(axis.score_samples(states.numpy())[0], abs=1e-4)


def test_flips_are_counterbalanced(llama, axis_of):
    result = control_experiment(llama, SENTENCES, axis_of(llama), 0, "implicit", n_runs=1, n_replies=6)
    # Without examples flipping changes nothing, and both sides hold both digits: there can be no effect.
    assert result.d == pytest.approx(0, abs=1e-5)
    assert {(t.flipped, t.label, t.intended) for t in result.trials} == {(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)}


def test_pairs_average_to_the_effect(llama, axis_of):
    others = {"random": ActivationAxis("random").fit(activations(llama))}
    result = control_experiment(llama, SENTENCES, axis_of(llama), 6, "implicit", n_runs=1, n_replies=8, others=others)
    assert np.mean(list(result.paired().values())) == pytest.approx(result.d, rel=1e-6)
    assert np.mean(list(result.paired("random").values())) == pytest.approx(float(result.effect("random").d), rel=1e-6)
    assert result.ci[0] < result.d < result.ci[1]


def test_a_model_that_is_steered_by_its_instruction_is_seen_to_control(axis_of):
    model = tiny()
    axis = axis_of(model)
    labels = axis.label(activations(model))

    def controlled(rows):
        shift = torch.as_tensor(axis.direction_, dtype=torch.float32)
        return [row + shift * side for row, side in zip(rows, sides, strict=True)]

    own = model.continuation_residuals
    sides, told = [], []

    def steered(prefix, continuations, layers, batch_size=16):
        nonlocal sides
        words = model.decode(prefix).split()
        asked = int(words[words.index("has") + 2])
        told.append(asked)
        sides = [5.0 * asked] * len(continuations)
        return controlled(own(prefix, continuations, layers, batch_size))

    model.continuation_residuals = steered
    # Only labels as shown are obeyed, so that flips cancel out: the counterbalance sees no control.
    result = control_experiment(model, SENTENCES, axis, 4, "implicit", labels=labels, n_runs=1, n_replies=6)
    unflipped = ControlResult(tuple(t for t in result.trials if not t.flipped), 4)
    assert set(told) == {0, 1}
    assert unflipped.d > 1.0
    assert abs(result.d) < 0.5


def test_explicit_replies_are_the_models_own(lm, axis_of):
    axis = axis_of(lm)
    settings = {"n_runs": 1, "n_replies": 2, "max_new_tokens": 4, "copied_share": 1.0}
    result = control_experiment(lm, SENTENCES, axis, 1, "explicit", **settings)
    assert len(result.trials) + result.copies + result.empty == 8
    again = control_experiment(lm, SENTENCES, axis, 1, "explicit", **settings)
    assert [t.text for t in again.trials] == [t.text for t in result.trials]


def test_six_points_are_flipped_end_to_end(llama, axis_of):
    labels = np.arange(len(SENTENCES)) % 6 + 1
    settings = {"labels": labels, "points": 6, "n_runs": 1, "n_replies": 4}
    asked = []
    own = llama.continuation_residuals
    llama.continuation_residuals = lambda prefix, *rest: (
        asked.append(llama.decode(prefix).split()) or own(prefix, *rest)
    )
    try:
        result = control_experiment(llama, SENTENCES, axis_of(llama), 3, "implicit", **settings)
    finally:
        llama.continuation_residuals = own
    chosen = np.random.default_rng(0).permutation(len(SENTENCES))[:3]
    asked = asked[1:]  # the first read the axis's sentences
    for words, flipped, label in zip(asked, (False, False, True, True), (1, 6, 1, 6), strict=True):
        shown = [int(words[place + 4]) for place, word in enumerate(words) if word == "["]
        assert shown == [7 - y if flipped else y for y in labels[chosen].tolist()]
        assert words[words.index("has") + 2] == str(label)
    assert result.d != 0
    with pytest.raises(InvalidInputError, match="2 and for 6 labels; for 4"):
        control_experiment(llama, SENTENCES, axis_of(llama), 3, points=4)


def test_copies_are_counted_and_left_out(llama, axis_of):
    settings = {"n_runs": 1, "n_replies": 3, "max_new_tokens": 4}
    free, strict = (
        control_experiment(llama, SENTENCES, axis_of(llama), 2, "explicit", copied_share=share, **settings)
        for share in (1.0, 0.01)
    )
    assert strict.copies > free.copies
    assert len(strict.trials) + strict.copies + strict.empty == len(free.trials) + free.copies + free.empty == 12


def test_effects_over_numbers_of_examples(llama, axis_of):
    table = control_by_examples(llama, SENTENCES, axis_of(llama), (0, 3), "implicit", n_runs=1, n_replies=5)
    assert table["n_examples"].tolist() == [0, 3]
    assert (table["low"] < table["d"]).all()
    assert abs(table["d"][0]) < 1e-5


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"mode": "active"}, "explicit, implicit"),
        ({"axis": "no layer"}, "needs a `layer`"),
        ({"n_examples": 24}, "25 sentences a run of the 24"),
        ({"n_examples": -1}, "-1 examples"),
        ({"labels": [0] * 24}, "both 0 and 1"),
        ({"mode": "explicit", "temperature": 0.0}, "above 0"),
        ({"others": {"deep": ActivationAxis(layer=0)}}, "the same one"),
    ],
)
def test_bad_control(llama, axis_of, change, problem):
    axis = axis_of(llama)
    settings = {"axis": axis, "n_examples": 2, "mode": "implicit", "n_runs": 1} | change
    if change.get("axis"):
        settings["axis"] = ActivationAxis("pc").fit(activations(llama))
    with pytest.raises(InvalidInputError, match=problem):
        control_experiment(llama, SENTENCES, **settings)


def test_pairs_need_the_same_texts_on_both_sides():
    trials = tuple(Trial(0, False, label, f"{label}{i}", {"target": float(i)}) for label in (0, 1) for i in range(3))
    with pytest.raises(InvalidInputError, match="implicit"):
        ControlResult(trials, 0).paired()


def test_copies():
    assert longest_common_substring("abcde", "xbcdy") == "bcd"
    assert longest_common_substring("", "abc") == ""
    assert is_copy("the wolf ran", ["a bear", "and the wolf ran"])
    assert not is_copy("the wolf ran", [])


# Analysis


def test_precision_and_space():
    np.testing.assert_allclose(control_precision([[-3.0, 1.0, 2.0], [0.5, 0.5, 0.5]]), [1.5, 1.0])
    with pytest.raises(InvalidInputError, match="none without any effect"):
        control_precision([[0.0, 0.0]])
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3)) @ np.eye(3, 40)
    space = metacognitive_space([0.2, 0.05, -0.1], X, threshold=0.1)
    assert (space.dimension, space.examined) == (1, 3)
    assert space.neural == pytest.approx(3, abs=0.1)
    with pytest.raises(InvalidInputError, match="One finite number"):
        metacognitive_space([np.nan], X)


def test_a_table_of_axes(points):
    y = (points[:, 0] > 0).astype(int)
    axes = {"LR": ActivationAxis("lr").fit(points, y), "PC1": ActivationAxis("pc").fit(points)}
    table = axis_table(axes, points, y, {"LR": 1.0, "PC1": 0.2}, reference=axes["LR"])
    assert table["overlap"][0] == pytest.approx(1)
    assert table["auc"][0] > 0.95 > table["auc"][1] >= 0.5
    assert table["explained_variance"][1] > table["explained_variance"][0]
    whole = sum(explained_variance(ActivationAxis("pc", k).fit(points), points) for k in range(1, 11))
    assert whole == pytest.approx(1)
    with pytest.raises(InvalidInputError, match="no effect of axis 'PC1'"):
        axis_table(axes, points, y, {"LR": 1.0})


# The claim's parts


def test_pilots_and_seeds_have_no_sentence_in_common():
    plan = PLANS["quick"]
    pools = make_pools(load(plan, "cpu"), "quick", plan)
    assert not set(pools["pilot"].sentences) & set(pools["ledger"].sentences)
    ledger = pools["ledger"]
    shown = [ledger.shown(seed, plan.block) for seed in range(5)]
    assert len(np.unique(np.concatenate(shown))) == 5 * plan.block
    assert min(map(min, shown)) >= ledger.fitted
    assert len(ledger.shown(1003, plan.block)) == plan.block
    assert {len(values) for values in ledger.features.values()} == {len(ledger.sentences)}


def test_the_small_model_practises_the_task_that_it_is_asked_to_do():
    trained = practice.practise(1)
    model = trained.model(True, "cpu")
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(len(practice.WORDS), practice.PLANE, generator=generator)
    ids = torch.tensor([model.encode(word, special=False)[0] for word in practice.WORDS])
    tokens, sides, digits = practice._conversations(2, vectors, ids, model.tokenizer, generator)
    for row, labels in zip(tokens.tolist(), sides.tolist(), strict=True):
        words = [model.decode([token]) for token in row[1 :: practice.TOKENS]]
        written, positions = report_positions(model, list(zip(words, labels, strict=True)), practice.PROMPTS)
        assert written.ids == row
        assert positions == list(range(2, len(row), practice.TOKENS))
    assert [model.decode([token]) for token in digits[0].tolist()] == ["0", "1"]
    frozen = "model.embed_tokens.weight"
    assert (trained.before[frozen] == trained.after[frozen]).all()
    assert any((trained.before[name] != trained.after[name]).any() for name in trained.before)


# Half precision and a real model


def test_half_precision(axis_of):
    model = tiny()
    model.model.to(torch.bfloat16)
    X = activations(model)
    assert X.dtype == np.float64
    np.testing.assert_allclose(X, activations(tiny()), atol=0.1)
    assert np.isfinite(report_experiment(model, SENTENCES, [0, 1] * 12, 5, 1).logits).all()
    assert (
        control_experiment(model, SENTENCES, axis_of(model), 2, "explicit", n_runs=1, max_new_tokens=3).n_examples == 2
    )


def test_smollm2_through_its_template(smollm2):
    sentences = ["A hummingbird lands nearby.", "A favorite plant wilts.", "Rain falls on the old garden."]
    written, positions = report_positions(smollm2, [(s, i % 2) for i, s in enumerate(sentences)])
    assert [smollm2.decode([written.ids[p]]).strip() for p in positions] == ["{"] * 3
    assert [smollm2.decode([written.ids[p + 1]]) for p in positions] == ["0", "1", "0"]
    for number, sentence in enumerate(sentences):
        start, end = written.tokens(2 + 2 * number, 0, len(sentence))
        assert smollm2.decode(written.ids[start:end]) == sentence
    found = sentence_activations(smollm2, [("Say something.", s) for s in sentences], [7, 15])
    assert found[15].shape == (3, 576)
    assert not np.allclose(found[7], found[15])

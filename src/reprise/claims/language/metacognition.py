"""Can a chat model report, or move, its own activation along a direction, from labelled examples in its prompt.

SmolLM2-135M-Instruct reads happy and sad sentences with labels that say on which side of an axis its own activation
(middle layer, mean over the sentence) lies; the paper's models have 1 to 70 billion parameters, and read up to 600.
Axes are the direction between happy and sad (LR), principal components and a random direction. They are fitted once,
on sentences that are never shown; at desktop scale five seeds have no shown sentence in common. Beside the model stand

- the same model with the LR labels permuted among the sentences;
- the ideal observer, a logistic regression on the true activations of the same examples, and two that know only the
  text: one on MiniLM's sentence vectors, one on words. The penalty, the same for all three, was chosen on pilots, where
  it was best or as good as the best for each;
- a small model of two layers that practised reports on axes through a plane of its word vectors: it shows that the same
  code sees the ability where it is there, and the axes outside the plane that it sees none where it is not;
- for control, each label both as it is and flipped, so that a liking for a digit moves both sides alike.

Control is Cohen's d of the score between both sides; for given sentences (implicit) it is the mean shift of the same
sentences, in pooled standard deviations.

Seeds from 1000 on are pilots: they use every third sentence (by the checksum of its text), axes included, which no
other seed reads. Thresholds `of="here"` were chosen on them. The prompts' words are ours. Not measured: other
layers, other data, six-point scores, and the 1 to 70 billion parameters on which the paper's claims rest. The `full`
scale is untested; these sentences allow it up to 192 examples (the paper: 600) and component 128 (512).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.language._metacognition import practice
from reprise.claims.language._metacognition.practice import Practice
from reprise.claims.language._metacognition.sentences import PILOT_SEEDS, Pool, load, make_pools, scored_layer
from reprise.claims.language._metacognition.sizes import PLANS, Plan
from reprise.language import LanguageModel
from reprise.language.metacognition import (
    ActivationAxis,
    ReportResult,
    axis_table,
    control_experiment,
    median_split,
    metacognitive_space,
    report_experiment,
    sentence_activations,
)
from reprise.models.language import PACKAGED

LR, EARLY, MIDDLE, LATE, RANDOM = "LR", "early component", "middle component", "late component", "random axis"
AXES = (LR, EARLY, MIDDLE, LATE, RANDOM)
PERMUTED = "permuted labels"
MODEL, IDEAL, EMBEDDINGS, WORDS = "model", "ideal observer", "observer of sentence vectors", "observer of words"
OBSERVERS = {IDEAL: "activations", EMBEDDINGS: "embeddings", WORDS: "words"}
IMPLICIT, EXPLICIT = "given sentences", "its own sentences"
PRACTISED, UNPRACTISED, OUTSIDE = "after practice", "before practice", "after practice, axis outside the plane"

BY_AXIS = "reports that are right"
CURVE = "reports that are right, by number of examples"
BY_READER = "labels that are read right"
CONTROL, CONTROL_CURVE = "control effect after all examples", "control effect, by number of examples"
SHIFT = "control effect on a given sentence"
PRACTICE, PRACTICE_CURVE = "reports of the small model that are right", "reports of the small model, by examples"
D = "standard deviations"

CLAIMS = (
    Claim(
        id="reports",
        of="paper",
        kind="superior",
        metric=BY_AXIS,
        ours=LR,
        against=(PERMUTED,),
        unit="sentence",
        says="After 8 examples the model reports its activation along the happy-sad axis better than labels that were "
        "permuted.",
    ),
    Claim(
        id="learns-from-examples",
        of="paper",
        kind="slope",
        metric=CURVE,
        ours=LR,
        low=0.0,
        says="Reports on the happy-sad axis become better with each doubling of the examples.",
    ),
    Claim(
        id="early-over-late",
        of="paper",
        kind="superior",
        metric=BY_AXIS,
        ours=EARLY,
        against=(LATE, RANDOM),
        unit="sentence",
        says="It reports the first principal component better than a late one, and than a random axis.",
    ),
    Claim(
        id="controls",
        of="paper",
        kind="interval",
        metric=SHIFT,
        metric_unit=D,
        ours=LR,
        low=0.0,
        unit="sentence",
        says="Told to imitate a label of the happy-sad axis, it moves its activation on given sentences that way.",
    ),
    Claim(
        id="explicit-over-implicit",
        of="paper",
        kind="superior",
        metric=CONTROL,
        metric_unit=D,
        ours=EXPLICIT,
        against=(IMPLICIT,),
        says="In sentences of its own it moves its activation along that axis further than in given ones.",
    ),
    Claim(
        id="control-grows",
        of="paper",
        kind="slope",
        metric=CONTROL_CURVE,
        metric_unit=D,
        ours=EXPLICIT,
        low=0.0,
        says="It does so further with each doubling of the examples.",
    ),
    Claim(
        id="report-is-weak",
        of="here",
        kind="interval",
        metric=BY_AXIS,
        ours=LR,
        high=2 / 3,
        unit="sentence",
        says="At most two thirds of SmolLM2's reports on the happy-sad axis are right after 8 examples.",
    ),
    Claim(
        id="information-is-there",
        of="here",
        kind="superior",
        metric=BY_READER,
        ours=IDEAL,
        against=(MODEL, EMBEDDINGS, WORDS),
        margin=0.02,
        unit="sentence",
        says="An observer of its activations reads the labels of all axes, from the same examples, more often right "
        "than the model reports them, and than observers of the text do, by more than 2 in 100.",
    ),
    Claim(
        id="no-implicit-control",
        of="here",
        kind="interval",
        metric=SHIFT,
        metric_unit=D,
        ours=LR,
        low=-0.02,
        high=0.02,
        unit="sentence",
        says="On given sentences the shift along the happy-sad axis is less than 0.02 standard deviations either way.",
    ),
    Claim(
        id="instrument",
        of="here",
        kind="superior",
        metric=PRACTICE,
        ours=PRACTISED,
        against=(UNPRACTISED, OUTSIDE),
        margin=0.3,
        says="A small model that practised reports on a plane of axes is seen to report a new one of them, more often "
        "right than before practice and than for an axis outside the plane, by more than 30 in 100.",
    ),
)


@dataclass(frozen=True)
class Content:
    """What all trials share."""

    pools: dict[str, Pool]
    practice: Practice


def prepare(setting: Setting) -> Prepared:
    """Read the activations of all sentences, and let the small model practise."""
    plan = PLANS[setting.scale]
    model = load(plan, setting.device)
    pools = make_pools(model, setting.scale, plan)
    trained = practice.practise(plan.practice_steps, setting.device)
    packaged = PACKAGED.get(plan.model)
    facts: dict[str, str | int | float | bool] = {
        "model": packaged.title if packaged else plan.model or "a random tiny model",
        "model licence": packaged.licence if packaged else "see its page" if plan.model else "none needed",
        "sentences": "made up" if setting.scale == "quick" else "happy and sad scenarios, GPL-3.0",
        "layer": scored_layer(model),
        "components": ", ".join(map(str, plan.components)),
        "sentences, axes fitted on": pools["ledger"].fitted,
        "sentences, shown": len(pools["ledger"].sentences) - pools["ledger"].fitted,
        "dimension of activations": round(metacognitive_space([0.0], pools["ledger"].activations).neural, 1),
        "accuracy of the small model in practice": round(trained.accuracy, 3),
        "a seed": "new sentences, their order, a random axis; the other axes are the same for all seeds",
    }
    axes = _axes(pools["ledger"], plan, scored_layer(model), 0)
    table = axis_table(axes, *_unfitted(pools["ledger"]), reference=axes[LR])
    facts |= {f"explained variance, {row.axis}": round(row.explained_variance, 4) for row in table.itertuples()}
    facts |= {f"happy-sad AUC, {row.axis}": round(row.auc, 3) for row in table.itertuples()}
    return Prepared(Content(pools, trained), facts)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Let the model report, and control, along each axis."""
    plan, content = PLANS[trial.scale], prepared.content
    pool: Pool = content.pools["pilot" if trial.seed >= PILOT_SEEDS else "ledger"]
    model = load(plan, trial.device)
    axes = _axes(pool, plan, scored_layer(model), trial.seed)
    yield from _reports(model, pool, axes, plan, trial)
    yield from _controls(model, pool, axes, plan, trial)
    yield from _practised(content.practice, plan, trial)


def _axes(pool: Pool, plan: Plan, layer: int, seed: int) -> dict[str, ActivationAxis]:
    X, y = pool.activations[: pool.fitted], pool.classes[: pool.fitted]
    early, middle, late = (ActivationAxis("pc", component, layer).fit(X) for component in plan.components)
    chance = ActivationAxis("random", layer=layer, random_state=seed).fit(X)
    semantic = ActivationAxis("lr", layer=layer).fit(X, y)
    return {LR: semantic, EARLY: early, MIDDLE: middle, LATE: late, RANDOM: chance}


def _unfitted(pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    return pool.activations[pool.fitted :], pool.classes[pool.fitted :]


def _labels(pool: Pool, axis: ActivationAxis, shown: np.ndarray) -> np.ndarray:
    """Give labels of the shown sentences, by the median of all that no axis was fitted on."""
    return median_split(axis.score_samples(_unfitted(pool)[0]))[shown - pool.fitted]


def _reports(
    model: LanguageModel, pool: Pool, axes: dict[str, ActivationAxis], plan: Plan, trial: Trial
) -> Iterator[Measurement]:
    shown = pool.shown(trial.seed, plan.block)
    sentences = [pool.sentences[i] for i in shown]
    features = {name: values[shown] for name, values in pool.features.items()}
    for name in (*AXES, PERMUTED):
        labels = _labels(pool, axes[LR if name == PERMUTED else name], shown)
        if name == PERMUTED:
            labels = trial.rng().permutation(labels)
        result = report_experiment(
            model,
            sentences,
            labels,
            plan.examples,
            plan.runs,
            features={} if name == PERMUTED else features,
            random_state=trial.seed,
        )
        yield from _each(name, BY_AXIS, result.correct, result, shown, plan)
        for first, last in zip(plan.blocks, plan.blocks[1:], strict=False):
            yield Measurement(name, CURVE, result.accuracy(first, last), x=_doublings(first, last))
        if name != PERMUTED:
            yield from _each(MODEL, BY_READER, result.correct, result, shown, plan)
            for observer, read in OBSERVERS.items():
                right = (result.baselines[read] > 0.5) == result.upper
                yield from _each(observer, BY_READER, right, result, shown, plan)


def _doublings(first: int, last: int) -> float:
    """Give the middle of a range of numbers of examples, on a scale on which each doubling is 1."""
    return float(np.log2((first + last) / 2))


def _each(
    arm: str, metric: str, right: np.ndarray, result: ReportResult, shown: np.ndarray, plan: Plan
) -> Iterator[Measurement]:
    """Give one measurement a sentence: whether its label was named, averaged over what runs showed it after enough."""
    for place in np.unique(result.order[:, plan.warm_up :]):
        seen = result.order[:, plan.warm_up :] == place
        yield Measurement(arm, metric, float(right[:, plan.warm_up :][seen].mean()), item=f"sentence {shown[place]}")


def _controls(
    model: LanguageModel, pool: Pool, axes: dict[str, ActivationAxis], plan: Plan, trial: Trial
) -> Iterator[Measurement]:
    shown = pool.shown(trial.seed, plan.block)
    sentences, most = [pool.sentences[i] for i in shown], max(plan.control_examples)
    number = {sentence: f"sentence {i}" for sentence, i in zip(sentences, shown, strict=True)}
    labels = _labels(pool, axes[LR], shown)
    for count in plan.control_examples:
        x = float(np.log2(count))
        implicit = control_experiment(
            model,
            sentences,
            axes[LR],
            count,
            "implicit",
            labels=labels,
            n_runs=plan.runs,
            n_replies=plan.targets,
            others={name: axis for name, axis in axes.items() if name != LR},
            random_state=trial.seed,
        )
        explicit = control_experiment(
            model,
            sentences,
            axes[LR],
            count,
            "explicit",
            labels=labels,
            n_runs=plan.runs,
            n_replies=plan.replies,
            max_new_tokens=plan.max_new_tokens,
            random_state=trial.seed,
        )
        for arm, result in ((IMPLICIT, implicit), (EXPLICIT, explicit)):
            yield Measurement(arm, CONTROL_CURVE, result.d, x=x)
            if count == most:
                yield Measurement(arm, CONTROL, result.d)
        yield Measurement(EXPLICIT, "replies left out as copies", float(explicit.copies), x=x)
        yield Measurement(EXPLICIT, "replies left out as empty", float(explicit.empty), x=x)
        if count == most:
            for sentence, shift in implicit.paired().items():
                yield Measurement(LR, SHIFT, shift, item=number[sentence])
            for name in AXES[1:]:
                yield Measurement(f"{name}, when {LR} was asked for", CONTROL, float(implicit.effect(name).d))


def _practised(trained: Practice, plan: Plan, trial: Trial) -> Iterator[Measurement]:
    """Ask the small model for reports on new axes: one through the plane of its word vectors, and one outside."""
    rng = trial.rng()
    words = list(practice.WORDS)
    for arm, after, outside in ((PRACTISED, True, False), (UNPRACTISED, False, False), (OUTSIDE, True, True)):
        model = trained.model(after, trial.device)
        X = sentence_activations(model, [("", word) for word in words], 0)[0]
        results = []
        for _ in range(plan.practice_runs):
            basis = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2]
            span = basis[practice.PLANE :] if outside else basis[: practice.PLANE]
            axis = ActivationAxis("vector", vector=rng.normal(size=len(span)) @ span).fit(X)
            labels = practice.axis_labels(axis.score_samples(X))
            seed = int(rng.integers(2**31))
            results.append(
                report_experiment(
                    model, words, labels, practice.EXAMPLES, 1, prompts=practice.PROMPTS, random_state=seed
                ).correct
            )
        right = np.concatenate(results)
        yield Measurement(arm, PRACTICE, float(right[:, practice.EXAMPLES // 2 :].mean()))
        for first, last in ((0, 2), (2, 4), (4, 8), (8, 16)):
            yield Measurement(
                arm, PRACTICE_CURVE, float(right[:, first:last].mean()), x=float(np.log2((first + last) / 2))
            )

"""From one seed to its measurements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from reprise.claim import Measurement, Prepared, Trial
from reprise.claims.retrieve._matryoshka.promises import (
    CASCADE,
    DIMS,
    FEW_SHOT,
    FULL,
    LINEAR,
    MAP,
    NEAREST,
    POST_HOC,
    REDUCTION,
    SAVING,
    SEARCH,
)
from reprise.claims.retrieve._matryoshka.setup import RECIPES, Recipe, Split, make_split, train
from reprise.metrics import average_precision_at_k, relevance_by_label
from reprise.nn.neighbours import top_k
from reprise.retrieve.matryoshka import MatryoshkaClassifier, adaptive_retrieval, funnel_retrieval, ncm_classify

FUNNEL_START, FUNNEL_DIMS = 4, (8, 16, 32, 64)
# A probe is fitted to at most so many training samples, which takes seconds.
PROBE_SAMPLES = 20_000
NEW_CLASSES, SHOTS = (7, 8, 9), 5
DRAWS_OF_SHOTS = 20


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Train every arm on one split and measure it."""
    recipe, split = RECIPES[trial.scale], make_split(trial, prepared)
    ours = train(trial, recipe, split, DIMS)
    yield from _at_every_size("MRL", ours, split, DIMS)
    yield from _at_every_size("MRL-E", train(trial, recipe, split, DIMS, efficient=True), split, DIMS)
    for m in DIMS:
        dedicated = train(trial, recipe, split, (m,))
        yield from _at_every_size("FF", dedicated, split, (m,))
    # The last of them is of full size.
    yield from _compressed(trial, _embedding(dedicated, split))
    yield from _cascade(ours, dedicated, split)
    yield from _searches(recipe, _embedding(ours, split))
    yield from _few_shot(trial, recipe, split)


@dataclass(frozen=True)
class _Embedding:
    """The embedded training samples, which are the database, and test samples, which are the queries."""

    split: Split
    train: NDArray[np.floating]
    test: NDArray[np.floating]

    def cut(self, dim: int) -> _Embedding:
        return _Embedding(self.split, self.train[:, :dim], self.test[:, :dim])

    def times(self, basis: NDArray[np.floating]) -> _Embedding:
        return _Embedding(self.split, self.train @ basis, self.test @ basis)

    def neighbours(self, arm: str, m: int) -> Iterator[Measurement]:
        found = top_k(self.test, self.train, 10, metric="cosine").indices
        relevance = relevance_by_label(found, self.split.y, self.split.y_test)
        yield Measurement(arm, NEAREST, 100 * float(relevance[:, 0].mean()), x=m)
        yield Measurement(arm, MAP, 100 * float(average_precision_at_k(relevance, 10).mean()), x=m)

    def probe(self) -> float:
        """Fit a linear classifier to the embedded training samples, and give its accuracy on the test samples."""
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        classifier.fit(self.train[:PROBE_SAMPLES], self.split.y[:PROBE_SAMPLES])
        return _percent(classifier.predict(self.test), self.split.y_test)


def _embedding(model: MatryoshkaClassifier, split: Split) -> _Embedding:
    return _Embedding(split, model.transform(split.X), model.transform(split.X_test))


def _at_every_size(arm: str, model: MatryoshkaClassifier, split: Split, dims: tuple[int, ...]) -> Iterator[Measurement]:
    embedding = _embedding(model, split)
    for m in dims:
        yield Measurement(arm, LINEAR, _percent(model.predict(split.X_test, m), split.y_test), x=m)
        yield from embedding.cut(m).neighbours(arm, m)


def _compressed(trial: Trial, whole: _Embedding) -> Iterator[Measurement]:
    """Shorten the dedicated full-size embedding afterwards in three ways, with bases from training samples alone."""
    _, _, basis = np.linalg.svd(whole.train, full_matrices=False)
    order = trial.rng().permutation(FULL)
    for m in DIMS[:-1]:
        shortened = (whole.cut(m), whole.times(basis[:m].T), whole.times(np.eye(FULL, dtype=np.float32)[:, order[:m]]))
        for arm, embedding in zip(POST_HOC, shortened, strict=True):
            yield Measurement(arm, LINEAR, embedding.probe(), x=m)
            yield from embedding.neighbours(arm, m)


def _cascade(ours: MatryoshkaClassifier, whole: MatryoshkaClassifier, split: Split) -> Iterator[Measurement]:
    ours.calibrate(split.X_val, split.y_val)
    predicted, sizes = ours.adaptive_predict(split.X_test, return_dim=True)
    yield Measurement("MRL cascade", CASCADE, _percent(predicted, split.y_test))
    yield Measurement("MRL", CASCADE, _percent(ours.predict(split.X_test), split.y_test))
    yield Measurement("FF", CASCADE, _percent(whole.predict(split.X_test), split.y_test))
    yield Measurement("MRL cascade", "expected size", float(sizes.mean()))
    yield Measurement("MRL cascade", REDUCTION, FULL / float(sizes.mean()))


def _searches(recipe: Recipe, embedding: _Embedding) -> Iterator[Measurement]:
    y, y_test = embedding.split.y, embedding.split.y_test
    exact = top_k(embedding.test, embedding.train, 1, metric="cosine").indices
    database = embedding.train, embedding.test
    found = {f"adaptive, {m} then {FULL}": adaptive_retrieval(*database, m, FULL, k=recipe.shortlist) for m in (4, 8)}
    found["funnel"] = funnel_retrieval(*database, FUNNEL_START, FUNNEL_DIMS, recipe.funnel)
    brute_force = FULL * len(embedding.train)
    yield Measurement(f"exact, {FULL}", SEARCH, _percent(y[exact[:, 0]], y_test))
    yield Measurement(f"exact, {FULL}", "multiply-adds a query", brute_force)
    for arm, retrieval in found.items():
        yield Measurement(arm, SEARCH, _percent(y[retrieval.indices[:, 0]], y_test))
        yield Measurement(arm, "multiply-adds a query", retrieval.flops)
        yield Measurement(arm, SAVING, brute_force / retrieval.flops)


def _few_shot(trial: Trial, recipe: Recipe, split: Split) -> Iterator[Measurement]:
    """Train without three classes, then classify these by the means of a few samples each."""
    new, new_test = np.isin(split.y, NEW_CLASSES), np.isin(split.y_test, NEW_CLASSES)
    old = Split(split.X[~new], split.y[~new], split.X_val, split.y_val, split.X_test, split.y_test)
    rng = trial.rng()
    draws = [
        np.concatenate([rng.permutation(np.flatnonzero(split.y == c))[:SHOTS] for c in NEW_CLASSES])
        for _ in range(DRAWS_OF_SHOTS)
    ]
    for arm, dims in (("MRL", DIMS), ("FF", (FULL,))):
        model = train(trial, recipe, old, dims)
        known, queries = model.transform(split.X), model.transform(split.X_test[new_test])
        for m in DIMS:
            name = arm if m in dims else POST_HOC[0]
            accuracies = [
                _percent(ncm_classify(known[shots], split.y[shots], queries, m), split.y_test[new_test])
                for shots in draws
            ]
            yield Measurement(name, FEW_SHOT, float(np.mean(accuracies)), x=m)


def _percent(predicted: NDArray, truth: NDArray) -> float:
    return 100 * float(np.mean(predicted == truth))

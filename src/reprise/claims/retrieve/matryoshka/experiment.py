"""The experiment: every arm trained on one split, cut, compressed and searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from reprise.claim import Measurement, Prepared, Setting, Trial
from reprise.claims.retrieve.matryoshka.promises import (
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
from reprise.data.fashion_mnist import fashion_mnist
from reprise.metrics import average_precision_at_k, relevance_by_label
from reprise.nn.encoders import ConvEncoder
from reprise.nn.neighbours import top_k
from reprise.retrieve.matryoshka import (
    MatryoshkaClassifier,
    adaptive_retrieval,
    funnel_retrieval,
    ncm_classify,
)


@dataclass(frozen=True)
class Recipe:
    """What differs between the scales: the training, shared by all arms, and the lengths of shortlists."""

    epochs: int
    lr: float
    weight_decay: float
    batch_size: int
    images: bool
    shortlist: int
    funnel: tuple[int, ...]
    few_shots: int
    probe_samples: int
    label_smoothing: float = 0.1  # the paper's


# Learning rate, weight decay and epochs: the best average over arms on pilot seeds, 1000 and 1001.
RECIPES = {
    "quick": Recipe(10, 0.02, 1e-2, 64, False, 8, (16, 12, 8, 4), 5, 20_000),
    "desktop": Recipe(100, 0.01, 1e-2, 64, False, 8, (16, 12, 8, 4), 5, 20_000),
    "full": Recipe(8, 0.02, 1e-2, 256, True, 200, (200, 100, 50, 10), 5, 20_000),
}
FUNNEL_START, FUNNEL_DIMS = 4, (8, 16, 32, 64)
NEW_CLASSES = (7, 8, 9)
FEW_SHOT_DRAWS = 20


@dataclass(frozen=True)
class Split:
    """Arrays of one seed's training, validation and test samples."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    X_val: NDArray[np.float32]
    y_val: NDArray[np.int64]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def prepare(setting: Setting) -> Prepared:
    """Load the data set and state what is measured on it."""
    recipe = RECIPES[setting.scale]
    shared: dict[str, str | int | float] = {
        "nested sizes": ", ".join(map(str, DIMS)),
        "epochs": recipe.epochs,
        "learning rate": recipe.lr,
    }
    if setting.scale == "full":
        data = fashion_mnist()
        content = (
            _flat(data.train_images),
            data.train_labels,
            _flat(data.test_images),
            data.test_labels,
        )
        facts = {
            "data": "Fashion-MNIST",
            "licence": "MIT",
            "samples": "55,000 train, 5,000 validation, 10,000 test",
            "encoder": "two convolutions (16, 32 channels, stride 2), one linear layer",
        }
        return Prepared(content, facts | shared)
    X, y = load_digits(return_X_y=True)
    kept = slice(0, 600) if setting.scale == "quick" else slice(None)
    X, y = X[kept], y[kept]
    facts = {
        "data": "scikit-learn digits (UCI optical recognition of handwritten digits, 8 x 8 pixels)",
        "licence": "CC BY 4.0",
        "samples": f"{len(X)}, split 60/20/20 by seed",
        "encoder": "perceptron with one hidden layer of 256",
    }
    return Prepared(((X / 16).astype(np.float32), y.astype(np.int64)), facts | shared)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Train every arm on one split and measure it."""
    recipe, split = RECIPES[trial.scale], _split(trial, prepared)
    ours = _train(trial, recipe, split, DIMS)
    dedicated: dict[int, MatryoshkaClassifier] = {}
    embedding = _Embedding(split, ours.transform(split.X), ours.transform(split.X_test))
    tied = _train(trial, recipe, split, DIMS, efficient=True)
    tied_embedding = _Embedding(split, tied.transform(split.X), tied.transform(split.X_test))
    for m in DIMS:
        dedicated[m] = _train(trial, recipe, split, (m,))
        yield Measurement("MRL", LINEAR, _percent(ours.predict(split.X_test, m), split.y_test), x=m)
        yield Measurement("MRL-E", LINEAR, _percent(tied.predict(split.X_test, m), split.y_test), x=m)
        yield Measurement("FF", LINEAR, _percent(dedicated[m].predict(split.X_test), split.y_test), x=m)
        yield from embedding.cut(m).neighbours("MRL", m)
        yield from tied_embedding.cut(m).neighbours("MRL-E", m)
        own = _Embedding(split, dedicated[m].transform(split.X), dedicated[m].transform(split.X_test))
        yield from own.neighbours("FF", m)
    whole = _Embedding(split, dedicated[FULL].transform(split.X), dedicated[FULL].transform(split.X_test))
    yield from _compressed(trial, recipe, whole)
    yield from _cascade(ours, dedicated[FULL], split)
    yield from _searches(recipe, embedding)
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

    def probe(self, samples: int) -> float:
        """Fit a linear classifier to the embedded training samples, and give its accuracy on the test samples."""
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        classifier.fit(self.train[:samples], self.split.y[:samples])
        return _percent(classifier.predict(self.test), self.split.y_test)


def _compressed(trial: Trial, recipe: Recipe, whole: _Embedding) -> Iterator[Measurement]:
    """Shorten the dedicated full-size embedding afterwards in three ways, with bases from training samples alone."""
    _, _, basis = np.linalg.svd(whole.train, full_matrices=False)
    order = trial.rng().permutation(FULL)
    for m in DIMS[:-1]:
        shortened = (whole.cut(m), whole.times(basis[:m].T), whole.times(np.eye(FULL, dtype=np.float32)[:, order[:m]]))
        for arm, embedding in zip(POST_HOC, shortened, strict=True):
            yield Measurement(arm, LINEAR, embedding.probe(recipe.probe_samples), x=m)
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
        np.concatenate([rng.permutation(np.flatnonzero(split.y == c))[: recipe.few_shots] for c in NEW_CLASSES])
        for _ in range(FEW_SHOT_DRAWS)
    ]
    for arm, dims in (("MRL", DIMS), ("FF", (FULL,))):
        model = _train(trial, recipe, old, dims)
        known, queries = model.transform(split.X), model.transform(split.X_test[new_test])
        for m in DIMS:
            name = arm if m in dims else POST_HOC[0]
            accuracies = [
                _percent(ncm_classify(known[shots], split.y[shots], queries, m), split.y_test[new_test])
                for shots in draws
            ]
            yield Measurement(name, FEW_SHOT, float(np.mean(accuracies)), x=m)


def _train(
    trial: Trial, recipe: Recipe, split: Split, dims: tuple[int, ...], efficient: bool = False
) -> MatryoshkaClassifier:
    return MatryoshkaClassifier(
        dims=dims,
        efficient=efficient,
        encoder=_convolutional if recipe.images else None,
        epochs=recipe.epochs,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        batch_size=recipe.batch_size,
        label_smoothing=recipe.label_smoothing,
        device=trial.device,
        random_state=trial.seed,
    ).fit(split.X, split.y)


def _convolutional(features: int, width: int) -> nn.Module:
    side = int(np.sqrt(features))
    return nn.Sequential(nn.Unflatten(1, (1, side, side)), ConvEncoder(1, width, (16, 32), image_size=side))


def _split(trial: Trial, prepared: Prepared) -> Split:
    if len(prepared.content) == 4:
        X, y, X_test, y_test = prepared.content
        X, X_val, y, y_val = train_test_split(X, y, test_size=5_000, stratify=y, random_state=trial.seed)
        return Split(X, y, X_val, y_val, X_test, y_test)
    X, y = prepared.content
    X, rest, y, y_rest = train_test_split(X, y, test_size=0.4, stratify=y, random_state=trial.seed)
    halves = train_test_split(rest, y_rest, test_size=0.5, stratify=y_rest, random_state=trial.seed)
    X_val, X_test, y_val, y_test = halves
    return Split(X, y, X_val, y_val, X_test, y_test)


def _flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (images.reshape(len(images), -1) / 255).astype(np.float32)


def _percent(predicted: NDArray, truth: NDArray) -> float:
    return 100 * float(np.mean(predicted == truth))

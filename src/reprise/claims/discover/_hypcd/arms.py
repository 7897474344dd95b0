"""The arms: k-means with and without labels, and both heads in either geometry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize

from reprise.claim import Measurement, Trial
from reprise.claims.discover._hypcd.datasets import Table
from reprise.claims.discover._hypcd.sizes import (
    CLASSES,
    CLIP_R,
    CONTRASTIVE,
    DIGITS,
    HYP_CONTRASTIVE,
    HYP_PARAMETRIC,
    HYP_PROJECTED,
    KNOWN,
    PARAMETRIC,
    PARTS,
    TRAINED,
    TUNED,
    C,
    Size,
)
from reprise.data.simulators.category_split import category_split
from reprise.discover.hypcd import HyperbolicCategoryDiscovery, PoincareBall
from reprise.metrics import category_accuracy
from reprise.nn.class_number import estimate_class_number
from reprise.nn.semi_supervised_kmeans import semi_supervised_kmeans

KMEANS, SEMI_SUPERVISED = "k-means", "semi-supervised k-means"
BY_CURVATURE, BY_RADIUS = "accuracy on all by curvature, digits", "accuracy on all by clip radius, digits"
CLIPPED = "points on the clip radius, digits"
NUMBER = "classes estimated"
NEAR, FAR = "near the boundary", "near the origin"
ERROR = "relative error of float32 distances"


def accuracy_on(part: str, data: str) -> str:
    """Name the metric: accuracy on all, known or new classes of the unlabelled rows."""
    return f"accuracy on {part}, {data}"


def contrastive_accuracy(data: str) -> str:
    """Name the accuracy on all of the contrastive pair."""
    return f"accuracy on all by k-means after contrast, {data}"


def test_accuracy(data: str) -> str:
    """Name the accuracy on all of rows that were not there in training."""
    return f"accuracy on all of test rows, {data}"


def measure_table(data: str, table: Table, size: Size, trial: Trial) -> Iterator[Measurement]:
    """Hide labels as the seed says, and give every arm's accuracy on the unlabelled rows, in percent."""
    y = category_split(table.y, KNOWN, trial.rng())
    unlabelled = y == -1
    points = normalize(table.X - table.X.mean(axis=0))
    found = {
        KMEANS: KMeans(CLASSES, n_init=10, random_state=trial.seed).fit_predict(points),
        SEMI_SUPERVISED: semi_supervised_kmeans(points, y, CLASSES, random_state=trial.seed).labels,
    }
    for dim in size.dims[data]:
        for arm, labels in found.items():  # which know no dimension, so that they stand beside each
            yield from _accuracies(arm, data, table.y[unlabelled], labels[unlabelled], dim)
        arms = (HYP_PARAMETRIC, PARAMETRIC) + ((HYP_PROJECTED,) if dim == size.dims[data][-1] else ())
        for arm in arms:
            model = fit_arm(arm, data, table.X, y, size, trial, head_dim=dim)
            yield from _accuracies(arm, data, table.y[unlabelled], model.labels_[unlabelled], dim)
            if len(table.test_y):
                predicted = category_accuracy(table.test_y, model.predict(table.test_X), KNOWN)
                yield Measurement(arm, test_accuracy(data), 100 * predicted.all, x=dim)
    for arm in (HYP_CONTRASTIVE, CONTRASTIVE):
        model = fit_arm(arm, data, table.X, y, size, trial, head_dim=size.contrastive_dim)
        accuracy = category_accuracy(table.y[unlabelled], model.labels_[unlabelled], KNOWN)
        yield Measurement(arm, contrastive_accuracy(data), 100 * accuracy.all)
    for arm, labels in found.items():
        accuracy = category_accuracy(table.y[unlabelled], labels[unlabelled], KNOWN)
        yield Measurement(arm, contrastive_accuracy(data), 100 * accuracy.all)
    yield Measurement("rule", f"{NUMBER}, {data}", estimate_class_number(points, y, random_state=trial.seed).n_classes)


def measure_ball(table: Table, size: Size, trial: Trial) -> Iterator[Measurement]:
    """Vary the curvature and the clip radius, on digits."""
    y = category_split(table.y, KNOWN, trial.rng())
    unlabelled = y == -1
    dim = size.dims[DIGITS][-1]
    studied = [(BY_CURVATURE, c, {"c": c}) for c in size.curvatures]
    studied += [(BY_RADIUS, r, {"clip_r": r}) for r in size.radii]
    for metric, x, setting in studied:
        model = fit_arm(HYP_PARAMETRIC, DIGITS, table.X, y, size, trial, head_dim=dim, **setting)
        accuracy = category_accuracy(table.y[unlabelled], model.labels_[unlabelled], KNOWN)
        yield Measurement(HYP_PARAMETRIC, metric, 100 * accuracy.all, x=x)
        if metric == BY_RADIUS:
            norms = np.linalg.norm(model.transform(table.X), axis=1)
            rim = np.tanh(np.sqrt(C) * x) / np.sqrt(C)
            yield Measurement(HYP_PARAMETRIC, CLIPPED, 100 * float(np.mean(norms > 0.999 * rim)), x=x)


def measure_precision(trial: Trial) -> Iterator[Measurement]:
    """Give the largest relative error of float32 distances of points a hundredth apart, beside float64."""
    ball = PoincareBall(C)
    for item, share in ((NEAR, 0.999), (FAR, 0.1)):
        rng = trial.rng()
        points = rng.standard_normal((64, 16))
        points *= share * ball.radius / np.linalg.norm(points, axis=1, keepdims=True)
        beside = points + 1e-2 * rng.standard_normal(points.shape) / 4
        x = ball.project(torch.from_numpy(np.concatenate([points, beside])).float())
        apart = ~torch.eye(len(x), dtype=torch.bool)
        exact = ball.dist(x.double().unsqueeze(1), x.double().unsqueeze(0))[apart]
        for arm, found in (("closed form", ball.dist_matrix(x, x)), ("by addition", _by_addition(ball, x))):
            yield Measurement(arm, ERROR, float(((found[apart] - exact).abs() / exact).max()), item=item)


def fit_arm(
    arm: str,
    data: str,
    X: NDArray[np.floating],
    y: NDArray[np.int64],
    size: Size,
    trial: Trial,
    **settings: Any,
) -> HyperbolicCategoryDiscovery:
    """Train one head with the settings that were tuned for it, or others."""
    given: dict[str, Any] = {"c": C, "clip_r": CLIP_R, "hidden": size.hidden, "batch_size": size.batch_size}
    given |= {"epochs": size.epochs[data]} | TRAINED[arm] | TUNED[data][arm] | settings
    return HyperbolicCategoryDiscovery(CLASSES, device=trial.device, random_state=trial.seed, **given).fit(X, y)


def _accuracies(
    arm: str, data: str, true: NDArray[np.int64], found: NDArray[np.integer], dim: int
) -> Iterator[Measurement]:
    for part, accuracy in zip(PARTS, category_accuracy(true, found, KNOWN), strict=True):
        yield Measurement(arm, accuracy_on(part, data), 100 * accuracy, x=dim)


def _by_addition(ball: PoincareBall, x: torch.Tensor) -> torch.Tensor:
    """Give distances by the authors' formula, with their cut of artanh."""
    length = ball.mobius_add(-x.unsqueeze(1), x.unsqueeze(0)).norm(dim=-1) / ball.radius
    return 2 * ball.radius * length.clamp(max=1 - 1e-5).atanh()

"""The tables of the claims: digits, MNIST, and features of CIFAR-10, each of few dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from reprise.claim import Scale
from reprise.data import cifar10, mnist
from reprise.models.vision import DEFAULT_BACKBONE, image_features, load_backbone

CLASSES = 10
DATA: dict[Scale, tuple[str, ...]] = {
    "quick": ("digits",),
    "desktop": ("digits", "MNIST", "CIFAR-10 features"),
    "full": ("digits", "MNIST", "CIFAR-10 features"),
}
ROWS: dict[Scale, dict[str, int]] = {
    "quick": {"digits": 200},
    "desktop": {"digits": 1797, "MNIST": 2000, "CIFAR-10 features": 1500},
    "full": {"digits": 1797, "MNIST": 20_000, "CIFAR-10 features": 6000},
}
COMPONENTS = {"digits": 16, "MNIST": 32, "CIFAR-10 features": 32}
SIDE: dict[Scale, int] = {"quick": 128, "desktop": 128, "full": 224}


@dataclass(frozen=True)
class Table:
    """Principal components of samples, and their true classes."""

    X: NDArray[np.float64]
    labels: NDArray[np.int64]


def load_tables(scale: Scale) -> tuple[dict[str, Table], dict[str, str | int]]:
    """Load the tables of a scale, and say where they come from."""
    tables = {name: _table(name, scale) for name in DATA[scale]}
    facts: dict[str, str | int] = {
        "data": "digits of scikit-learn (UCI, CC BY 4.0)"
        + (f"; {mnist.SOURCE.title} ({mnist.SOURCE.licence}); {cifar10.SOURCE.title} ({cifar10.SOURCE.licence}), "
           f"features of {DEFAULT_BACKBONE} at {SIDE[scale]} pixels" if scale != "quick" else ""),
        "principal components kept": ", ".join(f"{COMPONENTS[name]} of {name}" for name in tables),
    }  # fmt: skip
    return tables, facts | {f"rows, {name}": len(table.X) for name, table in tables.items()}


def _table(name: str, scale: Scale) -> Table:
    X, labels = _samples(name, scale)
    chosen = np.random.default_rng(0).permutation(len(X))[: ROWS[scale][name]]
    if name == "CIFAR-10 features":
        features = image_features(X[chosen], load_backbone(side=SIDE[scale]))
        flat = features / np.linalg.norm(features, axis=1, keepdims=True)
    else:
        flat = X[chosen].reshape(len(chosen), -1) / (255 if name == "MNIST" else 1)
    reduced = PCA(COMPONENTS[name], random_state=0).fit_transform(flat.astype(float))
    return Table(reduced, labels[chosen].astype(np.int64))


def _samples(name: str, scale: Scale) -> tuple[NDArray, NDArray]:
    if name == "digits":
        return load_digits(return_X_y=True)
    data = mnist.mnist() if name == "MNIST" else cifar10.cifar10()
    return data.train_images, data.train_labels

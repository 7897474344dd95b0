"""Photographs as features of a real backbone, and digits as pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from reprise.claims.discover._hypcd.sizes import CIFAR, CLASSES, DIGITS, Size
from reprise.data import cifar10
from reprise.models.vision import image_features, load_backbone

SIDE = 128  # of the enlarged photographs; a third of the time of 224


class Table(NamedTuple):
    """Rows to learn from, and others to predict."""

    X: NDArray[np.floating]
    y: NDArray[np.int64]
    test_X: NDArray[np.floating]
    test_y: NDArray[np.int64]


def load_tables(size: Size, device: str) -> dict[str, Table]:
    """Load what the scale asks for; of digits each class's last rows are test rows, if there are any."""
    X, y = load_digits(return_X_y=True)
    learnt = _first_of_each(y, size.rows[DIGITS])
    rest = np.setdiff1d(np.arange(len(y)), learnt)
    tables = {DIGITS: Table(X[learnt], y[learnt], X[rest], y[rest])}
    if CIFAR in size.rows:
        tables[CIFAR] = _photographs(size, device)
    return tables


def _photographs(size: Size, device: str) -> Table:
    data = cifar10.cifar10()
    learnt = _first_of_each(data.train_labels, size.rows[CIFAR])
    tested = _first_of_each(data.test_labels, size.test_rows)
    backbone = load_backbone(side=SIDE, device=device)
    X = image_features(data.train_images[learnt], backbone)
    test_X = image_features(data.test_images[tested], backbone)
    if size.components < X.shape[1]:
        reduce = PCA(size.components, random_state=0).fit(X)
        X, test_X = reduce.transform(X), reduce.transform(test_X)
    return Table(X, data.train_labels[learnt], test_X, data.test_labels[tested])


def _first_of_each(y: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    return np.concatenate([np.flatnonzero(y == label)[:count] for label in range(CLASSES)])

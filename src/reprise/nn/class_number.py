"""How many classes there are, known and new together, from the accuracy of k-means on the labelled rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.utils import check_array, check_random_state

from reprise.errors import InvalidInputError
from reprise.metrics import hungarian_accuracy
from reprise.nn.partial_labels import partial_labels

SCAN_UP_TO = 24
"""So many candidates are all tried; of more, those that Brent's method visits."""

LARGEST_FACTOR, LARGEST_MORE = 3, 10
"""Where no largest number is given: the larger of so many times the known classes, and so many more than them."""

STARTS = 10
SILHOUETTE_ROWS = 2000


@dataclass(frozen=True)
class ClassNumber:
    """An estimated number of classes.

    Parameters
    ----------
    n_classes : known and new ones together.
    accuracies : for each number tried, the accuracy of k-means on the labelled rows.

    Examples
    --------
    >>> ClassNumber(3, {2: 0.5, 3: 0.9}).accuracies[3]
    0.9
    """

    n_classes: int
    accuracies: dict[int, float] = field(default_factory=dict)


def estimate_class_number(
    X: ArrayLike,
    y: ArrayLike,
    *,
    max_classes: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> ClassNumber:
    """Estimate how many classes the rows have, labelled or not: the rule of generalised category discovery.

    The number k is taken at which k-means of all rows agrees best with the labels of those that
    have one, clusters matched to known classes one to one. Too small a k merges known classes, too large a k splits
    them. Few candidates are all tried, many are searched by Brent's method; of equals the one whose clusters
    have the highest silhouette is taken, as labelled rows do not see how new classes are cut.

    Parameters
    ----------
    X : (n, d) features of all rows; bring them to length 1 where angles matter, as the paper does.
    y : (n,) labels, -1 where unlabelled.
    max_classes : largest k to try; by default thrice the known classes, or ten more than them where that is more.
    random_state : of k-means.

    Returns
    -------
    The number, with the accuracy of each k tried.

    Raises
    ------
    InvalidInputError
        If no row is labelled, the arrays do not match, or `max_classes` lies below the known classes or above n.

    Warns
    -----
    UserWarning
        If every row is labelled.

    Notes
    -----
    One k-means for each k tried, O(n k d) a sweep.

    References
    ----------
    S. Vaze et al., "Generalized category discovery", 2022, arXiv 2201.02609.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> X, y = make_blobs(200, 8, centers=5, cluster_std=0.5, random_state=0)
    >>> known = np.where((y < 3) & (np.arange(200) % 2 == 0), y, -1)
    >>> estimate_class_number(X, known, random_state=0).n_classes
    5
    """
    points = check_array(X, dtype=float)
    given = partial_labels(y, len(points), need_labelled=True)
    known = len(given.classes)
    if max_classes is None:
        most = max(LARGEST_FACTOR * known, known + LARGEST_MORE)
    elif not isinstance(max_classes, Integral) or not known <= max_classes <= len(points):
        raise InvalidInputError(
            f"max_classes is {max_classes!r}; from {known} (the known classes) to {len(points)} (the rows) is expected."
        )
    else:
        most = int(max_classes)
    most = min(most, len(np.unique(points, axis=0)))
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    accuracies: dict[int, float] = {}
    clusters: dict[int, NDArray[np.int32]] = {}

    def error(k: float) -> float:
        k = int(k)
        if k not in accuracies:
            clusters[k] = KMeans(k, n_init=STARTS, random_state=seed).fit_predict(points)
            accuracies[k] = hungarian_accuracy(given.codes[given.labelled], clusters[k][given.labelled])
        return -accuracies[k]

    _search(error, known, max(known, most))
    best = max(accuracies.values())
    equals = sorted(k for k, accuracy in accuracies.items() if accuracy == best)
    return ClassNumber(
        max(equals, key=lambda k: _silhouette(points, clusters[k], seed)), dict(sorted(accuracies.items()))
    )


def _search(error: Callable[[float], float], least: int, most: int) -> None:
    if most - least < SCAN_UP_TO:
        for k in range(least, most + 1):
            error(k)
    else:
        minimize_scalar(error, bounds=(least, most + 1), method="bounded", options={"xatol": 0.5})


def _silhouette(X: NDArray[np.float64], clusters: NDArray[np.int32], seed: int) -> float:
    """Give the silhouette over `SILHOUETTE_ROWS` random rows at most; -1 where it is not defined."""
    rows = np.random.default_rng(seed).permutation(len(X))[:SILHOUETTE_ROWS]
    found = len(np.unique(clusters[rows]))
    return float(silhouette_score(X[rows], clusters[rows])) if 2 <= found < len(rows) else -1.0

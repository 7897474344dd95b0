"""What a clustering is judged by, with labels and without, and how many clusters to look for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    normalized_mutual_info_score,
    pairwise_distances,
    silhouette_score,
)
from sklearn.neighbors import KNeighborsClassifier

from reprise.errors import InvalidInputError
from reprise.metrics import hungarian_accuracy

NOISE = -1
MAX_ESTIMATED = 10  # numbers of clusters that are tried where none is given: 2 to this
_ESTIMATION_ROWS = 2000
_ESTIMATION_STARTS = 5
SILHOUETTE_ROWS = 5000
SUBSET_SHARE = 0.8


def by_size(labels: ArrayLike) -> np.ndarray:
    """Number clusters from 0 on, the largest first (then by their first row); noise stays -1.

    Examples
    --------
    >>> by_size([7, 3, 3, -1, 3, 7]).tolist()
    [1, 0, 0, -1, 0, 1]
    """
    labels = np.asarray(labels)
    numbers, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = sorted(np.flatnonzero(numbers != NOISE), key=lambda i: (-counts[i], first[i]))
    renumbered = np.full(len(numbers), NOISE, dtype=np.int32)
    renumbered[order] = np.arange(len(order))
    return renumbered[np.searchsorted(numbers, labels)]


def fit_labels(method: Any, X: np.ndarray) -> np.ndarray:
    """Cluster rows with a scikit-learn style object.

    Raises
    ------
    InvalidInputError
        If it has neither `fit_predict`, nor `fit` with `labels_` or `predict`, or gives no whole number for each row.
    """
    if hasattr(method, "fit_predict"):
        labels = method.fit_predict(X)
    else:
        fitted = method.fit(X)
        labels = fitted.labels_ if hasattr(fitted, "labels_") else fitted.predict(X)
    labels = np.asarray(labels)
    if labels.shape != (len(X),) or labels.dtype.kind not in "iu":
        raise InvalidInputError(
            f"{type(method).__name__} gave labels of shape {labels.shape} and dtype {labels.dtype}; "
            f"expected a whole number for each of {len(X)} rows."
        )
    return labels.astype(np.int64)


def fit_labels_on_sample(method: Any, X: np.ndarray, max_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Cluster a random sample of the rows and give every other row the cluster of the nearest row in the sample.

    Memory is that of the method for `max_rows` rows; time adds O(n max_rows d) for the neighbours.
    """
    chosen = np.sort(rng.choice(len(X), size=max_rows, replace=False))
    labels = np.empty(len(X), dtype=np.int64)
    labels[chosen] = fit_labels(method, X[chosen])
    others = np.ones(len(X), dtype=bool)
    others[chosen] = False
    labels[others] = KNeighborsClassifier(n_neighbors=1).fit(X[chosen], labels[chosen]).predict(X[others])
    return labels


def label_scores(truth: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score a clustering against labels; noise counts as one cluster more."""
    return {
        "accuracy": hungarian_accuracy(truth, labels),
        "ARI": float(adjusted_rand_score(truth, labels)),
        "NMI": float(normalized_mutual_info_score(truth, labels)),
    }


def shape_scores(X: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Score a clustering by its shape alone; a score that is not defined for it is left out.

    - silhouette: mean over rows of ``(b - a) / max(a, b)``, with a the mean distance to the row's own cluster and b to
      the nearest other one; noise counts 0. Above `SILHOUETTE_ROWS` rows a random sample of as many.
    - Calinski-Harabasz and Davies-Bouldin: over the rows that are in clusters.

    O(min(n, SILHOUETTE_ROWS)^2 d + n d) time.
    """
    scores = {}
    rows = np.arange(len(X))
    if len(X) > SILHOUETTE_ROWS:
        rows = np.sort(rng.choice(len(X), size=SILHOUETTE_ROWS, replace=False))
    clustered = rows[labels[rows] != NOISE]
    if _can_be_scored(labels[clustered]):
        scores["silhouette"] = float(silhouette_score(X[clustered], labels[clustered])) * len(clustered) / len(rows)
    inside = labels != NOISE
    if _can_be_scored(labels[inside]):
        scores["Calinski-Harabasz"] = float(calinski_harabasz_score(X[inside], labels[inside]))
        scores["Davies-Bouldin"] = float(davies_bouldin_score(X[inside], labels[inside]))
    return scores


def number_of_clusters(labels: np.ndarray) -> int:
    """Count the clusters; noise is none.

    Examples
    --------
    >>> number_of_clusters(np.array([0, 1, -1, 1]))
    2
    """
    return len(np.setdiff1d(labels, [NOISE]))


def subset(n: int, seed: int, part: int) -> np.ndarray:
    """Give the rows of a random subset of `SUBSET_SHARE` of n rows, sorted: the same for every method."""
    rng = np.random.default_rng([seed, part])
    return np.sort(rng.choice(n, size=round(SUBSET_SHARE * n), replace=False))


def stability(subsets: Sequence[np.ndarray], answers: Sequence[np.ndarray]) -> list[float]:
    """Say how far clusterings of random subsets agree, pair by pair (Ben-Hur, Elisseeff and Guyon, 2002).

    Each value is the adjusted Rand index of two clusterings on the rows that both subsets have. A pair in which either
    has a single cluster there counts 0: to find nothing twice is no structure found again.

    Parameters
    ----------
    subsets : m sorted arrays of row numbers.
    answers : the m clusterings of those rows.

    Returns
    -------
    The m (m - 1) / 2 values.
    """
    values = []
    for i in range(len(subsets)):
        for j in range(i):
            _, here, there = np.intersect1d(subsets[i], subsets[j], assume_unique=True, return_indices=True)
            first, second = answers[i][here], answers[j][there]
            found = len(np.unique(first)) > 1 and len(np.unique(second)) > 1
            values.append(float(adjusted_rand_score(first, second)) if found else 0.0)
    return values


def silhouette_curve(X: np.ndarray, seed: int, carry_on: Callable[[], bool] = lambda: True) -> dict[int, float]:
    """Give the silhouette of K-means for 2, 3, ..., `MAX_ESTIMATED` clusters, on at most 2,000 random rows.

    Parameters
    ----------
    X : (n, d) rows, at least three that differ.
    seed : of the sample and of K-means.
    carry_on : asked before each number of clusters after the first; False ends the curve there.

    Returns
    -------
    The silhouette by number of clusters; the number with the highest one is the estimate.
    """
    rng = np.random.default_rng(seed)
    if len(X) > _ESTIMATION_ROWS:
        X = X[np.sort(rng.choice(len(X), size=_ESTIMATION_ROWS, replace=False))]
    distances = pairwise_distances(X)
    np.fill_diagonal(distances, 0.0)
    curve: dict[int, float] = {}
    most = min(MAX_ESTIMATED, len(X) - 1, distinct_rows(X, MAX_ESTIMATED))
    for k in range(2, most + 1):
        if curve and not carry_on():
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fewer distinct rows than clusters: the silhouette says it
            labels = KMeans(k, n_init=_ESTIMATION_STARTS, random_state=seed).fit_predict(X)
        if _can_be_scored(labels):
            curve[k] = float(silhouette_score(distances, labels, metric="precomputed"))
    return curve


def distinct_rows(X: np.ndarray, enough: int) -> int:
    """Count the distinct rows, or stop at `enough`."""
    head = len(np.unique(X[: 50 * enough], axis=0))
    return min(enough, head if head >= enough or len(X) <= 50 * enough else len(np.unique(X, axis=0)))


def _can_be_scored(labels: np.ndarray) -> bool:
    return 2 <= len(np.unique(labels)) < len(labels)

"""Measures of clusterings: clusters matched to classes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix

from reprise.errors import InvalidInputError


def hungarian_accuracy(labels_true: ArrayLike, labels_pred: ArrayLike) -> float:
    """Accuracy of a clustering under the best one-to-one matching of clusters to classes.

    Cluster numbers are arbitrary, so the clusters are first matched to the classes so that as many points as possible
    agree (the assignment problem, solved exactly)::

        max over one-to-one maps m of  (1 / n) * sum_i [ m(labels_pred[i]) == labels_true[i] ]

    Where there are more clusters than classes, the points of the clusters that stay unmatched count as wrong.

    Parameters
    ----------
    labels_true : (n,) classes; integers, strings or anything else that can be sorted.
    labels_pred : (n,) clusters.

    Returns
    -------
    float
        Between 0 and 1; 1 when the two partitions are the same.

    Raises
    ------
    InvalidInputError
        If the two are not one-dimensional, of one length, and non-empty.

    Notes
    -----
    O(n log n) to count and O(min(C, K)^2 max(C, K)) to match C classes to K clusters.

    References
    ----------
    H. W. Kuhn, "The Hungarian method for the assignment problem", 1955.

    Examples
    --------
    >>> hungarian_accuracy(["cat", "cat", "dog", "dog"], [1, 1, 0, 1])
    0.75
    """
    counts = _counts(labels_true, labels_pred)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / counts.sum())


def misclustering_error(labels_true: ArrayLike, labels_pred: ArrayLike) -> float:
    """Share of points that are in the wrong cluster: one minus `hungarian_accuracy`.

    Parameters
    ----------
    labels_true : (n,) classes.
    labels_pred : (n,) clusters.

    Returns
    -------
    float
        Between 0 and 1, exactly 0 when the two partitions are the same.

    Raises
    ------
    InvalidInputError
        If the two are not one-dimensional, of one length, and non-empty.

    Examples
    --------
    >>> misclustering_error([0, 0, 1, 1], [1, 1, 0, 0])
    0.0
    """
    return 1.0 - hungarian_accuracy(labels_true, labels_pred)


def purity(labels_true: ArrayLike, labels_pred: ArrayLike) -> float:
    """Share of points that are of the commonest class of their cluster.

    Several clusters may stand for one class, so it grows with the number of clusters, and is 1 with one a point.

    Parameters
    ----------
    labels_true : (n,) classes.
    labels_pred : (n,) clusters.

    Returns
    -------
    float
        Above 0, at most 1.

    Raises
    ------
    InvalidInputError
        If the two are not one-dimensional, of one length, and non-empty.

    Examples
    --------
    >>> purity(["cat", "cat", "dog", "dog"], [0, 0, 0, 1])
    0.75
    """
    counts = _counts(labels_true, labels_pred)
    return float(counts.max(axis=0).sum() / counts.sum())


def hungarian_matching(labels_true: ArrayLike, labels_pred: ArrayLike) -> Int[np.ndarray, "pairs 2"]:
    """Match clusters to classes one to one so that as many points as possible agree.

    Parameters
    ----------
    labels_true : (n,) classes.
    labels_pred : (n,) clusters.

    Returns
    -------
    (min(C, K), 2) int array
        Rows ``(class, cluster)``, as positions in ``np.unique(labels_true)`` and ``np.unique(labels_pred)``.

    Raises
    ------
    InvalidInputError
        If the two are not one-dimensional, of one length, and non-empty.

    Examples
    --------
    >>> hungarian_matching([0, 0, 1, 1], [5, 5, 3, 3]).tolist()
    [[0, 1], [1, 0]]
    """
    return np.column_stack(linear_sum_assignment(_counts(labels_true, labels_pred), maximize=True))


def _counts(labels_true: ArrayLike, labels_pred: ArrayLike) -> Int[np.ndarray, "classes clusters"]:
    true, pred = np.asarray(labels_true), np.asarray(labels_pred)
    if true.ndim != 1 or true.shape != pred.shape or not len(true):
        raise InvalidInputError(
            f"Classes of shape {true.shape} and clusters of shape {pred.shape} were given; "
            "expected two non-empty one-dimensional arrays of one length."
        )
    return contingency_matrix(true, pred)

"""How good a clustering of scored images is: alike in severity, and how far a class's predictions can be believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError


def severity_homogeneity(labels: ArrayLike, severity: ArrayLike, *, within: ArrayLike | None = None) -> float:
    """Share of the variance of severity that lies between clusters (η²).

    ::

        1 - Σ_k Σ_{i in k} (s_i - mean_k)² / Σ_i (s_i - mean)²

    Parameters
    ----------
    labels : (n,) clusters.
    severity : (n,) grades or scores. It must not be what the clusters were made from: attributions of a score sum to
        that score.
    within : (n,) such as predicted classes: both sums of squares are then taken from each class's own means, so that
        telling classes apart earns nothing; clusters that span classes are split by them.

    Returns
    -------
    float
        1 where clusters are alike in severity, 0 where they are mixed like the whole; 1 if there is no variance.

    Raises
    ------
    InvalidInputError
        If the arrays are empty, differ in length, or severity is not finite.

    References
    ----------
    S. Ravi, S. Khoshrou, M. Pechenizkiy, "ViDi", 2020, arXiv 2011.14871.

    Examples
    --------
    >>> severity_homogeneity([0, 0, 1, 1], [1.0, 1.0, 3.0, 3.0])
    1.0
    >>> severity_homogeneity([0, 1, 0, 1], [1.0, 1.0, 3.0, 3.0])
    0.0
    """
    clusters, values = np.asarray(labels), np.asarray(severity, dtype=float)
    groups = np.zeros(len(clusters), dtype=int) if within is None else np.asarray(within)
    if clusters.ndim != 1 or not len(clusters) or not clusters.shape == values.shape == groups.shape:
        raise InvalidInputError(
            f"Clusters {clusters.shape}, severity {values.shape} and classes {groups.shape} are expected to be three "
            "non-empty one-dimensional arrays of one length."
        )
    if not np.isfinite(values).all():
        raise InvalidInputError("Severity holds NaN or infinite values.")
    group = np.unique(groups, return_inverse=True)[1]
    cluster = np.unique(np.column_stack([group, np.unique(clusters, return_inverse=True)[1]]), axis=0,
                        return_inverse=True)[1].ravel()  # fmt: skip
    total = _squares_within(values, group)
    return 1 - _squares_within(values, cluster) / total if total > 0 else 1.0


def positive_predictive_value(y_true: ArrayLike, y_pred: ArrayLike, positive: object = 1) -> float:
    """Share of the images predicted as a class that are of it.

    Parameters
    ----------
    y_true, y_pred : (n,) classes.
    positive : the class.

    Returns
    -------
    float
        NaN if the class is never predicted.

    Raises
    ------
    InvalidInputError
        If the arrays are empty or differ in length.

    References
    ----------
    S. Ravi, S. Khoshrou, M. Pechenizkiy, "ViDi", 2020, arXiv 2011.14871.

    Examples
    --------
    >>> positive_predictive_value([1, 0, 1, 1], [1, 1, 0, 1]).__round__(2)
    0.67
    """
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape or not len(true):
        raise InvalidInputError(
            f"Classes {true.shape} and predictions {predicted.shape} are expected to be two non-empty one-dimensional "
            "arrays of one length."
        )
    named = predicted == positive
    return float(np.mean(true[named] == positive)) if named.any() else float("nan")


def _squares_within(values: np.ndarray, groups: np.ndarray) -> float:
    means = np.bincount(groups, values) / np.bincount(groups)
    return float(((values - means[groups]) ** 2).sum())

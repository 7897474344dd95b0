"""How well probabilities of single rows agree with the shares of positives of whole bags."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError

LEAST_SHARE = 1e-6


def bag_log_loss(groups: ArrayLike, proportions: Any, probabilities: ArrayLike) -> float:
    """Mean over bags of the cross-entropy of a bag's share of positives with the mean probability of its rows.

    It needs no label of a single row, so it can choose between models on held-out bags. Its least value is the mean
    entropy of the shares, not 0.

    Parameters
    ----------
    groups : (n,) bag of each row.
    proportions : bag -> share of positives; bags without a row are ignored.
    probabilities : (n,) of each row to be positive.

    Raises
    ------
    InvalidInputError
        If lengths differ, a value is outside [0, 1], or a bag has no share.

    Examples
    --------
    >>> bag_log_loss(["a", "a", "b"], {"a": 0.5, "b": 1.0}, [0.9, 0.1, 1.0])
    0.3466
    """
    shares, means = bag_means(groups, proportions, probabilities)
    expected = np.clip(means, LEAST_SHARE, 1 - LEAST_SHARE)
    return float(-np.mean(shares * np.log(expected) + (1 - shares) * np.log1p(-expected)))


def bag_means(groups: ArrayLike, proportions: Any, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Give the share of positives and the mean probability of each bag, bags in sorted order.

    Parameters
    ----------
    groups, proportions, probabilities : see `bag_log_loss`.

    Examples
    --------
    >>> bag_means(["b", "a", "b"], {"a": 0.0, "b": 0.5}, [0.2, 0.1, 0.6])
    (array([0. , 0.5]), array([0.1, 0.4]))
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    p = np.asarray(probabilities, dtype=float)
    if p.shape != index.shape or p.ndim != 1:
        raise InvalidInputError(f"There are {len(index)} rows with a bag and probabilities of shape {p.shape}.")
    lacking = [name for name in names.tolist() if name not in proportions]
    if lacking:
        raise InvalidInputError(f"proportions say nothing of bag {lacking[0]!r}.")
    shares = np.array([proportions[name] for name in names.tolist()], dtype=float)
    if not ((p >= 0) & (p <= 1)).all() or not ((shares >= 0) & (shares <= 1)).all():
        raise InvalidInputError("Shares and probabilities must lie in [0, 1], and none may be missing (NaN).")
    return shares, np.bincount(index, p, minlength=len(names)) / np.bincount(index)

"""How alike two subsets of a pool are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom

from reprise.errors import InvalidInputError


def jaccard(true: Sequence[ArrayLike] | NDArray, pred: Sequence[ArrayLike] | NDArray) -> NDArray[np.float64]:
    """Give |S n S'| / |S u S'| for each pair of subsets; 1 where both are empty.

    Parameters
    ----------
    true, pred : as many subsets each; a subset is a list of indices in any order, or a boolean mask of its pool.

    Raises
    ------
    InvalidInputError
        If there is no pair, the numbers differ, or a subset is not a list of whole numbers or a mask.

    Examples
    --------
    >>> jaccard([[0, 1, 2], [3, 4]], [[2, 1, 5], [4, 3]])
    array([0.5, 1. ])
    """
    if not len(true) or len(true) != len(pred):
        raise InvalidInputError(f"{len(true)} true subsets and {len(pred)} others were given; expected as many.")
    values = np.ones(len(true))
    for number, (first, second) in enumerate(zip(true, pred, strict=True)):
        a, b = _members(first), _members(second)
        if union := len(np.union1d(a, b)):
            values[number] = len(np.intersect1d(a, b)) / union
    return values


def mean_jaccard(true: Sequence[ArrayLike] | NDArray, pred: Sequence[ArrayLike] | NDArray) -> float:
    """Give the mean of `jaccard` over all pairs, from 0 to 1 (the papers' MJC is 100 times that).

    Examples
    --------
    >>> mean_jaccard([[0, 1, 2], [3, 4]], [[2, 1, 5], [4, 3]])
    0.75
    """
    return float(jaccard(true, pred).mean())


def random_jaccard(size: int, chosen: int) -> float:
    """Give the expected Jaccard coefficient of a random subset with one as large, `chosen` of `size` elements.

    The two share t elements with the probability of a hypergeometric distribution, and then have t / (2 chosen - t).

    Raises
    ------
    InvalidInputError
        If `chosen` is not from 1 to `size`.

    Examples
    --------
    >>> round(random_jaccard(30, 10), 3), round(random_jaccard(100, 10), 4)
    (0.207, 0.0551)
    """
    if not 1 <= chosen <= size:
        raise InvalidInputError(f"{chosen} of {size} elements were asked for; 1 to {size} can be chosen.")
    shared = np.arange(chosen + 1)
    return float(hypergeom(size, chosen, chosen).pmf(shared) @ (shared / (2 * chosen - shared)))


def _members(subset: ArrayLike) -> NDArray[np.intp]:
    array = np.asarray(subset)
    if array.ndim != 1 or (array.size and array.dtype != bool and not np.issubdtype(array.dtype, np.integer)):
        raise InvalidInputError(
            f"A subset is a list of indices or a boolean mask; got {array.dtype} of shape {array.shape}."
        )
    return np.flatnonzero(array) if array.dtype == bool else array.astype(np.intp)

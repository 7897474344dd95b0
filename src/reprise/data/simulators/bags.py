"""Bags of rows, as the experiments on learning from label proportions make them."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError

__all__ = ["bag_counts", "bag_shares", "make_bags"]


def make_bags(
    n: int,
    bag_size: int,
    rng: np.random.Generator,
    *,
    y: ArrayLike | None = None,
    concentration: float | None = None,
) -> Int[np.ndarray, " n"]:
    """Put n rows at random into bags of equal size; what is left over makes one smaller bag.

    Parameters
    ----------
    n : rows.
    bag_size : rows a bag.
    rng : the only source of randomness.
    y : (n,) labels 0 and 1; needed for `concentration`.
    concentration : None draws rows at random, so that bags of many rows all have about the same share of positives.
        Given, each bag's share is drawn from a Beta distribution with the overall share as mean and this as the sum of
        its parameters: small values make pure bags. The last bags take what the others have left.

    Returns
    -------
    (n,) int array
        The bag of each row, from 0.

    Raises
    ------
    InvalidInputError
        If a size is below 1, or `concentration` comes without labels 0 and 1.

    Examples
    --------
    >>> make_bags(6, 4, np.random.default_rng(0)).tolist()
    [1, 1, 0, 0, 0, 0]
    """
    if n < 1 or bag_size < 1:
        raise InvalidInputError(f"n and bag_size must be at least 1, got {n} and {bag_size}.")
    bag_of_place = np.arange(n) // bag_size
    order = rng.permutation(n) if concentration is None else _by_share(n, bag_size, rng, y, concentration)
    groups = np.empty(n, dtype=np.int64)
    groups[order] = bag_of_place
    return groups


def bag_counts(groups: ArrayLike, y: ArrayLike) -> dict[Any, int]:
    """Count the positives of each bag.

    Parameters
    ----------
    groups : (n,) bag of each row.
    y : (n,) labels 0 and 1.

    Raises
    ------
    InvalidInputError
        If lengths differ, or a label is neither 0 nor 1.

    Examples
    --------
    >>> bag_counts(["a", "b", "a"], [1, 0, 1])
    {'a': 2, 'b': 0}
    """
    names, index, labels = _checked(groups, y)
    return dict(zip(names, np.bincount(index, labels, minlength=len(names)).astype(int).tolist(), strict=True))


def bag_shares(groups: ArrayLike, y: ArrayLike) -> dict[Any, float]:
    """Give the share of positives of each bag; see `bag_counts`.

    Examples
    --------
    >>> bag_shares(["a", "b", "a", "a"], [1, 0, 1, 0])["a"]
    0.67
    """
    names, index, labels = _checked(groups, y)
    sums = np.bincount(index, labels, minlength=len(names))
    return dict(zip(names, (sums / np.bincount(index)).tolist(), strict=True))


def _by_share(
    n: int, bag_size: int, rng: np.random.Generator, y: ArrayLike | None, concentration: float
) -> Int[np.ndarray, " n"]:
    if y is None or len(np.asarray(y)) != n:
        raise InvalidInputError(f"Bags of unequal shares take the labels of all {n} rows.")
    labels = _binary(y)
    if concentration <= 0 or labels.min() == labels.max():
        raise InvalidInputError("Bags of unequal shares take a concentration above 0 and rows of both classes.")
    overall = float(labels.mean())
    positives, negatives = (rng.permutation(np.flatnonzero(labels == c)).tolist() for c in (1, 0))
    order: list[int] = []
    for start in range(0, n, bag_size):
        size = min(bag_size, n - start)
        wanted = round(size * rng.beta(concentration * overall, concentration * (1 - overall)))
        taken = min(max(wanted, size - len(negatives)), len(positives))
        order += [positives.pop() for _ in range(taken)] + [negatives.pop() for _ in range(size - taken)]
    return np.array(order)


def _checked(groups: ArrayLike, y: ArrayLike) -> tuple[list[Any], Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    labels = _binary(y)
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if len(index) != len(labels):
        raise InvalidInputError(f"groups has {len(index)} rows and y has {len(labels)}; expected as many.")
    return names.tolist(), index, labels


def _binary(y: ArrayLike) -> Float[np.ndarray, " n"]:
    labels = np.asarray(y)
    if not np.isin(labels, (0, 1)).all():
        raise InvalidInputError(f"Labels are {np.unique(labels)[:5].tolist()}; expected 0 and 1: two classes only.")
    return labels.astype(float)

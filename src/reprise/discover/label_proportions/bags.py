"""Bags of rows with a known number of positives each: read and checked once, numbered from then on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError, counted

ROUNDING = 1e-3
"""A share times the size of its bag may be so far from a whole number without a word."""


@dataclass(frozen=True)
class Bags:
    """Which row belongs to which bag, and how many positives each bag holds.

    Parameters
    ----------
    names : the bags, sorted.
    index : (n,) position in `names` of each row's bag.
    sizes : (B,) rows in each bag.
    counts : (B,) positives in each bag.

    Examples
    --------
    >>> bags = Bags.of(["a", "b", "a", "a"], {"a": 2 / 3, "b": 0})
    >>> bags.counts.tolist(), bags.index.tolist()
    ([2, 0], [0, 1, 0, 0])
    """

    names: tuple[Hashable, ...]
    index: Int[np.ndarray, " n"]
    sizes: Int[np.ndarray, " B"]
    counts: Int[np.ndarray, " B"]

    @classmethod
    def of(
        cls,
        groups: ArrayLike,
        proportions: Any = None,
        counts: Any = None,
    ) -> Bags:
        """Read bags.

        Parameters
        ----------
        groups : (n,) bag of each row: numbers or texts.
        proportions : bag -> share of positives, a mapping or a pandas Series. A share of which no whole number of rows
            is within 1e-3 is rounded, with a warning.
        counts : bag -> number of positives; takes the place of `proportions`.

        Raises
        ------
        InvalidInputError
            If both or none are given, they are no mappings to single numbers, a bag has no row or no share, a share is
            outside [0, 1] or a count outside [0, size of the bag].
        """
        if (proportions is None) == (counts is None):
            raise InvalidInputError("Give either `proportions` or `counts`: each maps a bag to what is known of it.")
        names, index = _named(groups)
        sizes = np.bincount(index, minlength=len(names))
        what = "proportions" if counts is None else "counts"
        known = _of_each(names, proportions if counts is None else counts, what)
        if counts is not None:
            return cls(names, index, sizes, _whole(names, known, sizes))
        return cls(names, index, sizes, _from_shares(names, known, sizes))

    @property
    def shares(self) -> Float[np.ndarray, " B"]:
        """Share of positives of each bag."""
        return self.counts / self.sizes

    def __len__(self) -> int:
        return len(self.names)

    def sums(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " B"]:
        """Sum a value of each row over each bag."""
        return np.bincount(self.index, values, minlength=len(self))

    def members(self) -> list[Int[np.ndarray, " size"]]:
        """Give the rows of each bag."""
        return np.split(np.argsort(self.index, kind="stable"), np.cumsum(self.sizes)[:-1])

    def largest(self, values: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Mark with 1 the rows of each bag with the largest values, as many as it has positives; O(n log n)."""
        order = np.lexsort((-values, self.index))
        rank = np.arange(len(order)) - np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        marked = np.empty(len(order), dtype=np.int64)
        marked[order] = rank < np.repeat(self.counts, self.sizes)
        return marked


def _named(groups: ArrayLike) -> tuple[tuple[Hashable, ...], Int[np.ndarray, " n"]]:
    array = np.asarray(groups)
    if array.ndim != 1 or len(array) == 0:
        raise InvalidInputError(
            f"groups have shape {array.shape}; expected the bag of each row, (n,) with n at least 1."
        )
    if array.dtype.kind == "O":
        missing = [i for i, value in enumerate(array) if value is None or value != value]
    else:
        missing = np.flatnonzero(np.isnan(array)).tolist() if array.dtype.kind == "f" else []
    if missing:
        raise InvalidInputError(f"{counted(len(missing), 'row')} belong to no bag, the first is row {missing[0]}.")
    try:
        names, index = np.unique(array, return_inverse=True)
    except TypeError:
        raise InvalidInputError("groups mix names that cannot be sorted, such as numbers and texts.") from None
    return tuple(names.tolist()), index.reshape(-1)


def _of_each(names: tuple[Hashable, ...], known: Any, what: str) -> Float[np.ndarray, " B"]:
    if not hasattr(known, "items"):
        raise InvalidInputError(f"{what} are of type {type(known).__name__}; expected a mapping from bags to numbers.")
    given = dict(known.items())
    lacking = [name for name in names if name not in given]
    if lacking:
        raise InvalidInputError(f"{what} say nothing of {counted(len(lacking), 'bag')}; the first is {lacking[0]!r}.")
    empty = given.keys() - set(names)
    if empty:
        raise InvalidInputError(
            f"{what} name {counted(len(empty), 'bag')} without a row, such as {min(map(str, empty))!r}."
        )
    for name in names:
        if not isinstance(given[name], Real | np.number) or not math.isfinite(given[name]):
            raise InvalidInputError(
                f"Bag {name!r} has {what} {given[name]!r}; expected one number: of positives, so of two classes only."
            )
    return np.array([float(given[name]) for name in names])


def _whole(
    names: tuple[Hashable, ...], known: Float[np.ndarray, " B"], sizes: Int[np.ndarray, " B"]
) -> Int[np.ndarray, " B"]:
    wrong = np.flatnonzero((known < 0) | (known > sizes) | (known != np.round(known)))
    if len(wrong):
        b = wrong[0]
        raise InvalidInputError(
            f"Bag {names[b]!r} is said to hold {known[b]:g} positives; expected a whole number from 0 to {sizes[b]}, "
            "the number of its rows."
        )
    return known.astype(np.int64)


def _from_shares(
    names: tuple[Hashable, ...], known: Float[np.ndarray, " B"], sizes: Int[np.ndarray, " B"]
) -> Int[np.ndarray, " B"]:
    wrong = np.flatnonzero((known < 0) | (known > 1))
    if len(wrong):
        raise InvalidInputError(
            f"Bag {names[wrong[0]]!r} has the share {known[wrong[0]]:g}; shares of positives lie in [0, 1] (numbers of "
            "positives are given as `counts`)."
        )
    exact = known * sizes
    rounded = np.round(exact)
    off = np.abs(exact - rounded)
    if off.max() > ROUNDING:
        b = int(off.argmax())
        warnings.warn(
            f"{counted(int((off > ROUNDING).sum()), 'share')} cannot be met by whole rows and were rounded; the worst "
            f"is {known[b]:g} of bag {names[b]!r} with {counted(int(sizes[b]), 'row')}, now {int(rounded[b])}.",
            UserWarning,
            stacklevel=4,
        )
    return rounded.astype(np.int64)

"""Pools and subsets as users have them, checked and packed into padded tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from reprise.errors import InvalidInputError

Pools = Sequence[ArrayLike] | np.ndarray
"""Pools (n_i, ...) of any sizes, or one array (B, n, ...)."""
Subsets = Sequence[ArrayLike] | np.ndarray
"""For each pool a list of indices or a boolean mask."""


@dataclass(frozen=True)
class PackedPools:
    """Pools padded to the largest: `values` (N, n, ...), `mask` of what is there, and `chosen`, where it is known."""

    values: Float[Tensor, "N n *features"]
    mask: Bool[Tensor, "N n"]
    chosen: Bool[Tensor, "N n"]

    @classmethod
    def of(cls, pools: Pools, subsets: Subsets | None = None, features: tuple[int, ...] | None = None) -> PackedPools:
        """Check and pack.

        Parameters
        ----------
        pools : elements.
        subsets : the best one of each; without them `chosen` is all False.
        features : shape of an element that is expected.

        Raises
        ------
        InvalidInputError
            Saying which pool or subset is wrong, and how.
        """
        if np.ndim(pools) == 0 if isinstance(pools, np.ndarray) else not isinstance(pools, Iterable):
            raise InvalidInputError(f"Pools were given as {type(pools).__name__}; a list of arrays (n, d) is expected.")
        arrays = [_checked_pool(pool, number) for number, pool in enumerate(pools)]
        if not arrays:
            raise InvalidInputError("No pool was given; at least one is expected.")
        expected = arrays[0].shape[1:] if features is None else features
        for number, array in enumerate(arrays):
            if array.shape[1:] != expected:
                raise InvalidInputError(
                    f"Elements of pool {number} have features of shape {array.shape[1:]}; {expected} is expected."
                )
        sizes = [len(array) for array in arrays]
        values = np.zeros((len(arrays), max(sizes), *expected), dtype=np.float32)
        for row, array in zip(values, arrays, strict=True):
            row[: len(array)] = array
        mask = np.arange(max(sizes)) < np.array(sizes)[:, None]
        chosen = np.zeros_like(mask) if subsets is None else _packed_subsets(subsets, sizes)
        return cls(torch.from_numpy(values), torch.from_numpy(mask), torch.from_numpy(chosen))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def sizes(self) -> Int[Tensor, " N"]:
        """How many elements each pool has."""
        return self.mask.sum(1)

    def take(self, rows: Int[Tensor, " B"]) -> PackedPools:
        """Give some of the pools, padded no more than they need."""
        mask = self.mask[rows]
        n = int(mask.sum(1).max())
        return PackedPools(self.values[rows, :n], mask[:, :n], self.chosen[rows, :n])

    def by_size(self, batch_size: int) -> Iterator[tuple[Int[Tensor, " B"], PackedPools]]:
        """Give batches of pools of equal size, without any padding, each with their numbers."""
        for size in self.sizes.unique().tolist():
            for rows in (self.sizes == size).nonzero()[:, 0].split(batch_size):
                yield rows, self.take(rows)


def check_k(k: int | Sequence[int] | np.ndarray, sizes: Sequence[int]) -> list[int]:
    """Give the number of elements to select of each pool, checked."""
    many = np.ndim(k) > 0
    counts = list(np.asarray(k).ravel()) if many else [k] * len(sizes)
    if len(counts) != len(sizes):
        raise InvalidInputError(f"k has {len(counts)} numbers for {len(sizes)} pools; one for each or one for all.")
    for number, (count, size) in enumerate(zip(counts, sizes, strict=True)):
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or not 1 <= count <= size:
            raise InvalidInputError(
                f"k is {count!r} for pool {number} of {size} elements; a whole number from 1 to {size} is expected."
            )
    return [int(np.asarray(count)) for count in counts]


def _checked_pool(pool: ArrayLike, number: int) -> np.ndarray:
    try:
        array = np.asarray(pool, dtype=np.float32)
    except (TypeError, ValueError) as problem:
        raise InvalidInputError(f"Pool {number} is not an array of numbers ({problem}).") from problem
    if array.ndim < 2 or not array.size:
        raise InvalidInputError(
            f"Pool {number} has shape {array.shape}; elements with features, (n, d) with n at least 1, are expected."
        )
    if not np.isfinite(array).all():
        raise InvalidInputError(f"Pool {number} must be finite; it holds NaN, infinity or a number beyond float32.")
    return array


def _packed_subsets(subsets: Subsets, sizes: list[int]) -> np.ndarray:
    if len(subsets) != len(sizes):
        raise InvalidInputError(f"{len(subsets)} subsets were given for {len(sizes)} pools; expected one for each.")
    chosen = np.zeros((len(sizes), max(sizes)), dtype=bool)
    for number, (subset, size) in enumerate(zip(subsets, sizes, strict=True)):
        array = np.asarray(subset)
        if array.ndim != 1 or not array.size or not (array.dtype == bool or np.issubdtype(array.dtype, np.integer)):
            raise InvalidInputError(
                f"Subset {number} is {array.dtype} of shape {array.shape}; indices into its pool, at least one, or a "
                "boolean mask are expected."
            )
        if array.dtype == bool and len(array) != size:
            raise InvalidInputError(f"Subset {number} is a mask of {len(array)} elements; its pool has {size}.")
        members = np.flatnonzero(array) if array.dtype == bool else array
        if len(members) > size:
            raise InvalidInputError(f"Subset {number} has {len(members)} elements, more than its pool of {size}.")
        if members.size and (members.min() < 0 or members.max() >= size):
            raise InvalidInputError(
                f"Subset {number} holds index {int(members.max() if members.min() >= 0 else members.min())}; its pool "
                f"has indices 0 to {size - 1}."
            )
        if len(np.unique(members)) != len(members):
            raise InvalidInputError(f"Subset {number} names an element twice.")
        if not 0 < len(members) < size:
            raise InvalidInputError(
                f"Subset {number} has {len(members)} of the {size} elements of its pool; at least one inside and one "
                "outside are expected."
            )
        chosen[number, members] = True
    return chosen

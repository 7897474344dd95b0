"""Exact nearest neighbours by matrix products, in blocks."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from reprise.errors import InvalidInputError

Metric = Literal["l2", "cosine", "ip"]

# One block of scores stays within a core's cache: 256 x 2048 float32 are 2 MiB.
_QUERY_BLOCK = 256
_DATABASE_BLOCK = 2048
# Of so many scores only the largest is compared with the k-th best so far.
_GROUP = 32
# What torch.nn.functional.normalize divides by at least.
_SMALLEST_NORM = 1e-12


class Neighbours(NamedTuple):
    """The k nearest of each query, nearest first: their rows in the database and their distances or similarities."""

    indices: NDArray[np.int64]
    scores: NDArray[np.floating]


class FlatIndex:
    """A database prepared for exact search: every query is compared with every row, in blocks.

    A block of scores is one matrix product. Only scores above the k-th best so far are kept, and those are found by
    the maximum of each group of scores, so that at small d the search is bound by the product, not by the selection.
    A search of n queries takes O(n N d) time and O(n k) memory; no n x N matrix is made.

    Parameters
    ----------
    database : (N, d), float32 or else float64, in which the search is made. Columns of a wider array (also of a memory
        map) are read once, and copied.
    metric : ``"l2"``, the Euclidean distance; ``"cosine"``, the cosine similarity; ``"ip"``, the inner product.

    Raises
    ------
    InvalidInputError
        If the metric is unknown.
    ValueError
        If the database is empty, not two-dimensional, or holds a value that is not finite.

    Examples
    --------
    >>> index = FlatIndex([[3.0, 4.0], [0.0, 1.0], [9.0, 9.0]])
    >>> index.search([[0.0, 0.0]], k=2)
    Neighbours(indices=array([[1, 0]]), scores=array([[1., 5.]]))
    """

    def __init__(self, database: ArrayLike, metric: Metric = "l2"):
        if metric not in get_args(Metric):
            raise InvalidInputError(f"There is no metric {metric!r}; there are 'l2', 'cosine' and 'ip'.")
        self.metric = metric
        rows = check_array(database, dtype=(np.float64, np.float32), ensure_all_finite=False, input_name="database")
        rows, squares = _contiguous(rows, unit=metric == "cosine")
        if not np.isfinite(squares).all():
            check_array(rows, input_name="database")
            raise InvalidInputError("The database holds values whose squares overflow its precision.")
        self.rows = rows
        # |q - x|^2 = |q|^2 - 2 (q.x - |x|^2 / 2), so the nearest row has the largest q.x - |x|^2 / 2.
        self._offset = torch.from_numpy(squares / -2) if metric == "l2" else None

    def __len__(self) -> int:
        return len(self.rows)

    def search(self, queries: ArrayLike, k: int) -> Neighbours:
        """Find the k nearest rows for each query.

        Parameters
        ----------
        queries : (n, d).
        k : neighbours of each query, from 1 to N.

        Returns
        -------
        Neighbours
            `indices` (n, k) and `scores` (n, k): ascending distances for ``"l2"``, else descending similarities.
            Which of two equally near rows comes first is not defined.

        Raises
        ------
        InvalidInputError
            If k is not within 1 and N, or the widths differ.
        ValueError
            If the queries are empty, not two-dimensional, or hold a value that is not finite.
        """
        wanted = check_array(queries, dtype=self.rows.dtype, input_name="queries")
        if wanted.shape[1] != self.rows.shape[1]:
            raise InvalidInputError(
                f"Queries have {wanted.shape[1]} columns and the database has {self.rows.shape[1]}; they must agree."
            )
        if not 1 <= k <= len(self):
            raise InvalidInputError(f"k = {k} neighbours of {len(self)} rows were asked; k must be in 1..N.")
        if self.metric == "cosine":
            wanted, _ = _contiguous(wanted, unit=True)
        rows = _tensor(self.rows)
        found = [_search(block, rows, self._offset, k) for block in _tensor(wanted).split(_QUERY_BLOCK)]
        indices = np.concatenate([of_block for of_block, _ in found])
        scores = np.concatenate([of_block for _, of_block in found])
        return self._by_distance(wanted, indices) if self.metric == "l2" else Neighbours(indices, scores)

    def _by_distance(self, queries: NDArray[np.floating], indices: NDArray[np.int64]) -> Neighbours:
        """Order by distances taken directly, since the expanded square loses the digits of near neighbours."""
        distances = np.empty(indices.shape, dtype=self.rows.dtype)
        for column in range(indices.shape[1]):
            distances[:, column] = np.linalg.norm(queries - self.rows[indices[:, column]], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")
        return Neighbours(np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1))


def top_k(queries: ArrayLike, database: ArrayLike, k: int, *, metric: Metric = "l2") -> Neighbours:
    """Find the k nearest rows of the database for each query: one search of a `FlatIndex`, which says more.

    Examples
    --------
    >>> top_k([[2.0, 2.0]], [[3.0, 4.0], [1.0, 1.0], [-9.0, 9.0]], k=1, metric="cosine")
    Neighbours(indices=array([[1]]), scores=array([[1.]]))
    """
    return FlatIndex(database, metric).search(queries, k)


def _contiguous(array: NDArray[np.floating], *, unit: bool) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Give contiguous rows, of unit length if `unit` (zero rows stay zero), and the squared lengths they had."""
    copied = unit or not array.flags.c_contiguous
    rows = np.empty(array.shape, dtype=array.dtype) if copied else array
    squares = np.empty(len(array), dtype=array.dtype)
    for start in range(0, len(array), _DATABASE_BLOCK):
        block = slice(start, start + _DATABASE_BLOCK)
        if copied:
            rows[block] = array[block]
        squares[block] = np.einsum("nd,nd->n", rows[block], rows[block])
        if unit:
            rows[block] /= np.maximum(np.sqrt(squares[block]), _SMALLEST_NORM)[:, None]
    return rows, squares


def _tensor(array: NDArray[np.floating]) -> torch.Tensor:
    """Share memory with an array that is only read, be it writable or (a memory map) not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _search(
    queries: torch.Tensor, database: torch.Tensor, offset: torch.Tensor | None, k: int
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Find the k largest of q.x + offset for a block of queries, largest first."""
    n = len(queries)
    best = _Best(n, k, queries.numpy().dtype)
    # The first block is as large as k, so that there is a k-th best to beat from then on.
    bounds = [0, *range(max(_DATABASE_BLOCK, k), len(database), _DATABASE_BLOCK), len(database)]
    buffer = queries.new_empty(n, max(_DATABASE_BLOCK, k))
    for start, stop in pairwise(bounds):
        scores = buffer[:, : stop - start] if stop - start < buffer.shape[1] else buffer
        torch.mm(queries, database[start:stop].T, out=scores)
        if offset is not None:
            scores += offset[start:stop]
        if start == 0:
            best.merge(scores.numpy(), np.broadcast_to(np.arange(stop), scores.shape))
        else:
            best.offer(scores, start)
    return best.ordered()


class _Best:
    """The k best of each query so far, and the newcomers that wait to be merged with them."""

    def __init__(self, n: int, k: int, dtype: np.dtype):
        self.scores = np.empty((n, 0), dtype=dtype)
        self.indices = np.empty((n, 0), dtype=np.int64)
        self.k = k
        self.waiting: list[tuple[NDArray, NDArray, NDArray]] = []
        self.count = 0

    def merge(self, scores: NDArray[np.floating], indices: NDArray[np.int64]) -> None:
        """Keep the k best of those so far and (n, m) others."""
        scores = np.concatenate([self.scores, scores], axis=1)
        indices = np.concatenate([self.indices, indices], axis=1)
        kept = np.argpartition(scores, -self.k, axis=1)[:, -self.k :]
        self.scores = np.take_along_axis(scores, kept, 1)
        self.indices = np.take_along_axis(indices, kept, 1)
        self.bar = self.scores.min(axis=1)

    def offer(self, scores: torch.Tensor, start: int) -> None:
        """Note which of a block of scores beat the k-th best; the block's first column is row `start`."""
        n, width = scores.shape
        columns = width // _GROUP
        whole = columns * _GROUP
        if columns:
            # Member g of group c is in column c + g * columns, so the maxima run along memory and vectorise.
            groups = scores[:, :whole].unflatten(1, (_GROUP, columns))
            row, group = np.divmod(np.flatnonzero(groups.amax(1).numpy() > self.bar[:, None]), columns)
            self._note(groups.numpy()[row, :, group], row, start + group, columns)
        if whole < width:
            every = np.arange(n)
            self._note(scores.numpy()[:, whole:], every, np.full(n, start + whole), 1)
        if self.count >= n * self.k:
            self._merge_waiting()

    def ordered(self) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
        """Give indices and scores, best first."""
        self._merge_waiting()
        order = np.argsort(-self.scores, axis=1, kind="stable")
        return np.take_along_axis(self.indices, order, 1), np.take_along_axis(self.scores, order, 1)

    def _note(self, scores: NDArray, row: NDArray, first: NDArray, step: int) -> None:
        """Keep those of candidates (c, g) of queries `row` that beat the bar; member g is row first + g * step."""
        candidate, member = np.divmod(np.flatnonzero(scores > self.bar[row, None]), scores.shape[1])
        self.waiting.append((row[candidate], first[candidate] + member * step, scores[candidate, member]))
        self.count += len(candidate)

    def _merge_waiting(self) -> None:
        if not self.count:
            return
        row, index, score = (np.concatenate(parts) for parts in zip(*self.waiting, strict=True))
        self.waiting, self.count = [], 0
        order = np.argsort(row, kind="stable")
        row = row[order]
        per_query = np.bincount(row, minlength=len(self.scores))
        place = np.arange(len(row)) - np.repeat(per_query.cumsum() - per_query, per_query)
        shape = (len(self.scores), per_query.max())
        scores, indices = np.full(shape, -np.inf, dtype=score.dtype), np.zeros(shape, dtype=np.int64)
        scores[row, place], indices[row, place] = score[order], index[order]
        self.merge(scores, indices)

"""Search with few coordinates, rerank with many: adaptive and funnel retrieval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from reprise.errors import InvalidInputError
from reprise.nn.neighbours import FlatIndex

# The rows gathered for a few queries at a time should stay in the cache: this many bytes.
_GATHER_BYTES = 1 << 21
# What torch.nn.functional.normalize divides by at least.
_SMALLEST_NORM = 1e-12


class Retrieval(NamedTuple):
    """What was found: rows of the database and distances (n, k), nearest first, and multiply-adds a query.

    Examples
    --------
    >>> db = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    >>> adaptive_retrieval(db, [[0.8, 0.6]], shortlist_dim=2, rerank_dim=2, k=2, metric="ip")
    Retrieval(indices=array([[2, 0]]), distances=array([[-0.96, -0.8 ]]), flops=10)
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.floating]
    flops: int


class MatryoshkaIndex:
    """A database of Matryoshka embeddings, prepared for repeated adaptive and funnel retrieval.

    It holds a copy of the first `start_dim` columns, and reads further columns of the rows in shortlists from the array
    that it was given, which may be a memory map.

    Parameters
    ----------
    db : (N, d) embeddings.
    start_dim : coordinates of the first search.
    metric : ``"l2"``, the Euclidean distance, or ``"ip"``, the inner product with its sign turned.
    normalize : bring each prefix to unit length first, as the paper does.

    Raises
    ------
    InvalidInputError
        If `start_dim` is not within 1 and d, the metric is unknown, or a value that is read is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> db = rng.standard_normal((1000, 64)) / np.sqrt(np.arange(1, 65))
    >>> index = MatryoshkaIndex(db, start_dim=8)
    >>> index.search(db[:5], rerank_dims=(64,), shortlists=(50,)).indices[:, 0]
    array([0, 1, 2, 3, 4])
    """

    def __init__(self, db: ArrayLike, start_dim: int, metric: Literal["l2", "ip"] = "l2", normalize: bool = True):
        if metric not in ("l2", "ip"):
            raise InvalidInputError(f"There is no metric {metric!r}; there are 'l2' and 'ip'.")
        # Finiteness is checked where values are read: a pass over the whole would cost more than a search.
        self.db = check_array(db, dtype=(np.float64, np.float32), ensure_all_finite=False, input_name="db")
        if not 1 <= start_dim <= self.db.shape[1]:
            raise InvalidInputError(f"start_dim={start_dim} was asked of embeddings of width {self.db.shape[1]}.")
        self.start_dim = start_dim
        self.metric = metric
        self.normalize = normalize
        self._first = FlatIndex(self.db[:, :start_dim], "cosine" if normalize else metric)

    def __len__(self) -> int:
        return len(self.db)

    def search(self, queries: ArrayLike, rerank_dims: Sequence[int], shortlists: Sequence[int]) -> Retrieval:
        """Rerank ever shorter lists with ever more coordinates; see `funnel_retrieval`.

        Raises
        ------
        InvalidInputError
            As for `funnel_retrieval`.
        """
        wanted = check_array(queries, dtype=self.db.dtype, input_name="queries")
        if wanted.shape[1] != self.db.shape[1]:
            raise InvalidInputError(
                f"The database has {self.db.shape[1]} columns, the queries {wanted.shape[1]}; the widths must agree."
            )
        _check_stages(len(self), self.db.shape[1], self.start_dim, rerank_dims, shortlists)
        indices = self._first.search(wanted[:, : self.start_dim], shortlists[0]).indices
        flops = self.start_dim * len(self)
        distances: NDArray[np.floating] = np.empty(0)
        for dim, length in zip(rerank_dims, shortlists, strict=True):
            indices, distances = self._rerank(wanted[:, :dim], indices[:, :length], dim)
            flops += length * dim
        return Retrieval(indices, distances, int(flops))

    def _rerank(
        self, targets: NDArray[np.floating], indices: NDArray[np.int64], dim: int
    ) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
        """Order each query's list by its distance at `dim` coordinates."""
        n, k = indices.shape
        prefixes = self.db[:, :dim]
        distances = np.empty((n, k), dtype=self.db.dtype)
        step = max(1, _GATHER_BYTES // (k * dim * self.db.itemsize))
        for start in range(0, n, step):
            rows = slice(start, start + step)
            distances[rows] = self._distances(prefixes[indices[rows]], targets[rows])
        if not np.isfinite(distances).all():
            raise InvalidInputError("The database holds NaN or infinite values among the rows that were retrieved.")
        order = np.argsort(distances, axis=1, kind="stable")
        return np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1)

    def _distances(self, gathered: NDArray[np.floating], targets: NDArray[np.floating]) -> NDArray[np.floating]:
        """Compare each of n queries with its own k rows: (n, k, dim) and (n, dim) give (n, k)."""
        products = (gathered @ targets[:, :, None])[:, :, 0]
        if self.metric == "ip" and not self.normalize:
            return -products
        squares = np.einsum("nkd,nkd->nk", gathered, gathered)
        target_squares = np.einsum("nd,nd->n", targets, targets)[:, None]
        if self.normalize:
            lengths = (np.maximum(np.sqrt(of), _SMALLEST_NORM) for of in (squares, target_squares))
            with np.errstate(invalid="ignore"):  # infinite / infinite is reported by the caller
                products /= math.prod(lengths)
            # Prefixes of unit length, or of length zero, which stay so.
            squares, target_squares = np.sign(squares), np.sign(target_squares)
        if self.metric == "ip":
            return -products
        return np.sqrt(np.maximum(squares + target_squares - 2 * products, 0))


def adaptive_retrieval(
    db: ArrayLike,
    queries: ArrayLike,
    shortlist_dim: int,
    rerank_dim: int,
    k: int = 200,
    metric: Literal["l2", "ip"] = "l2",
    normalize: bool = True,
) -> Retrieval:
    """Find neighbours with the first few coordinates, then order the shortlist with many.

    The k nearest by `shortlist_dim` (D_s) coordinates, found exactly, are reordered by `rerank_dim` (D_r) coordinates.
    It costs D_s N + k D_r multiply-adds a query, in place of D_r N, and reads only what it needs: of the database the
    first D_s columns, and D_r columns of the rows in shortlists. A memory-mapped array serves.

    Parameters
    ----------
    db : (N, d) embeddings.
    queries : (n, d) embeddings.
    shortlist_dim, rerank_dim : D_s <= D_r <= d.
    k : length of the shortlist; all of it is returned.
    metric : ``"l2"``, the Euclidean distance, or ``"ip"``, the inner product with its sign turned.
    normalize : bring each prefix to unit length first, as the paper does.

    Returns
    -------
    Retrieval
        `indices` (n, k), `distances` (n, k) at D_r, ascending, and `flops`, multiply-adds a query.

    Raises
    ------
    InvalidInputError
        If the sizes do not satisfy 1 <= D_s <= D_r <= d, k is not within 1 and N, the widths differ, the metric is
        unknown, or a value that is read is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> db = rng.standard_normal((1000, 64)) / np.sqrt(np.arange(1, 65))
    >>> found = adaptive_retrieval(db, db[:5], shortlist_dim=8, rerank_dim=64, k=50)
    >>> found.indices[:, 0], found.flops
    (array([0, 1, 2, 3, 4]), 11200)

    References
    ----------
    Kusupati et al. (2022), "Matryoshka representation learning", arXiv 2205.13147, section 4.3.1.
    """
    return funnel_retrieval(db, queries, shortlist_dim, (rerank_dim,), (k,), metric=metric, normalize=normalize)


def funnel_retrieval(
    db: ArrayLike,
    queries: ArrayLike,
    start_dim: int,
    rerank_dims: Sequence[int],
    shortlists: Sequence[int],
    metric: Literal["l2", "ip"] = "l2",
    normalize: bool = True,
) -> Retrieval:
    """Rerank ever shorter lists with ever more coordinates, so that no single shortlist has to be chosen.

    The shortlists[0] nearest by `start_dim` coordinates are found exactly; at each stage j the first shortlists[j] of
    the list are kept and reordered by rerank_dims[j] coordinates. It costs start_dim N + sum over j of
    shortlists[j] rerank_dims[j] multiply-adds a query. The paper's setting for 2048 coordinates is start_dim=8,
    rerank_dims=(16, 32, 64, 128, 2048), shortlists=(200, 100, 50, 25, 10).

    Parameters
    ----------
    db, queries, metric, normalize : as for `adaptive_retrieval`.
    start_dim : coordinates of the first search.
    rerank_dims : coordinates of each stage, increasing, from `start_dim` up to d.
    shortlists : length of the list at each stage, not increasing.

    Returns
    -------
    Retrieval
        Of the last stage: `indices` and `distances` (n, shortlists[-1]); `flops` of all stages.

    Raises
    ------
    InvalidInputError
        As for `adaptive_retrieval`; also if the stages differ in number or a list grows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> db = rng.standard_normal((1000, 64)) / np.sqrt(np.arange(1, 65))
    >>> found = funnel_retrieval(db, db[:5], start_dim=8, rerank_dims=(16, 32, 64), shortlists=(100, 50, 10))
    >>> found.indices[:, 0], found.flops
    (array([0, 1, 2, 3, 4]), 11840)

    References
    ----------
    Kusupati et al. (2022), arXiv 2205.13147, section 4.3.1; https://github.com/RAIVNLab/MRL
    (`retrieval/reranking.ipynb`).
    """
    index = MatryoshkaIndex(db, start_dim, metric=metric, normalize=normalize)
    return index.search(queries, rerank_dims, shortlists)


def _check_stages(size: int, width: int, start_dim: int, rerank_dims: Sequence[int], shortlists: Sequence[int]) -> None:
    dims = (start_dim, *rerank_dims)
    if len(rerank_dims) != len(shortlists) or not shortlists:
        raise InvalidInputError(
            f"{len(rerank_dims)} reranking sizes and {len(shortlists)} shortlists were given; they come in pairs."
        )
    if dims[-1] > width or any(a > b for a, b in pairwise(dims)):
        raise InvalidInputError(f"The sizes must rise, to at most {width} (the width); {dims} were given.")
    if not 1 <= shortlists[-1] <= shortlists[0] <= size or any(a < b for a, b in pairwise(shortlists)):
        raise InvalidInputError(
            f"Shortlists must not grow, and have from 1 to {size} entries, the size of the database; "
            f"{', '.join(map(str, shortlists))} were given."
        )

"""Using prefixes: cut them, search with few coordinates and rerank with many, classify by the nearest class mean."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils import check_array, check_consistent_length

from reprise.errors import InvalidInputError
from reprise.nn.neighbours import top_k

Embeddings = TypeVar("Embeddings", NDArray[Any], torch.Tensor)

# The rows gathered for a few queries at a time should stay in the cache: this many bytes.
_GATHER_BYTES = 1 << 21
# What torch.nn.functional.normalize divides by at least.
_SMALLEST_NORM = 1e-12


class Retrieval(NamedTuple):
    """What was found: rows of the database and distances (n, k), nearest first, and multiply-adds a query."""

    indices: NDArray[np.int64]
    distances: NDArray[np.floating]
    flops: int


def truncate(Z: Embeddings, dim: int, normalize: bool = True) -> Embeddings:
    """Keep the first `dim` coordinates of each embedding, and bring what is left to unit length.

    Parameters
    ----------
    Z : (..., d) NumPy array or torch tensor (gradients pass).
    dim : 1 to d.
    normalize : bring each prefix to unit length, as cosine and Euclidean search expect; zero prefixes stay zero.

    Returns
    -------
    (..., dim), of the type that was given.

    Raises
    ------
    InvalidInputError
        If `dim` is not within 1 and d, or a coordinate that is kept is not finite.

    Examples
    --------
    >>> truncate(np.array([[3.0, 4.0, 12.0]]), 2)
    array([[0.6, 0.8]])
    """
    tensor = torch.as_tensor(Z)
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    if tensor.ndim == 0 or not 1 <= dim <= tensor.shape[-1]:
        raise InvalidInputError(f"dim={dim} was asked of embeddings of shape {tuple(tensor.shape)}.")
    prefix = tensor[..., :dim]
    if not torch.isfinite(prefix).all():
        raise InvalidInputError("The embeddings hold NaN or infinite values; finite ones are expected.")
    if normalize:
        prefix = torch.nn.functional.normalize(prefix, dim=-1)
    return prefix if isinstance(Z, torch.Tensor) else prefix.numpy()


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
    # Finiteness is checked where values are read: a full pass over the database would cost more than the search.
    database, wanted = _floats(db, "db", finite=False), _floats(queries, "queries")
    _check_widths(database, wanted, "The database", "the queries")
    if metric not in ("l2", "ip"):
        raise InvalidInputError(f"There is no metric {metric!r}; there are 'l2' and 'ip'.")
    _check_stages(len(database), database.shape[1], start_dim, rerank_dims, shortlists)
    similarity: Literal["cosine", "l2", "ip"] = "cosine" if normalize else metric
    indices = top_k(wanted[:, :start_dim], database[:, :start_dim], shortlists[0], metric=similarity).indices
    flops = start_dim * len(database)
    distances: NDArray[np.floating] = np.empty(0)
    for dim, length in zip(rerank_dims, shortlists, strict=True):
        indices, distances = _rerank(database, wanted, indices[:, :length], dim, metric, normalize)
        flops += length * dim
    return Retrieval(indices, distances, int(flops))


def ncm_classify(Z: ArrayLike, y: ArrayLike, Zq: ArrayLike, dim: int | None = None) -> NDArray[Any]:
    """Give each query the class whose mean embedding is nearest, on prefixes of `dim` coordinates.

    Prefixes are brought to unit length, averaged by class and brought to unit length again; the nearest mean by
    Euclidean distance decides. It needs no training, so it serves classes of few samples, the tail of a long-tailed
    set, and classes that appeared after the encoder was trained. O((n + n_q C) dim).

    Parameters
    ----------
    Z : (n, d) embeddings of the samples that are labelled.
    y : (n,) labels of any type.
    Zq : (n_q, d) embeddings to classify.
    dim : coordinates to use; all if None.

    Returns
    -------
    (n_q,) labels.

    Raises
    ------
    InvalidInputError
        If `dim` is not within 1 and d, or the widths differ.
    ValueError
        If lengths differ or a value is not finite.

    Examples
    --------
    >>> Z = np.array([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.2]])
    >>> ncm_classify(Z, ["plus", "plus", "minus"], [[2.0, 5.0], [-3.0, 1.0]], dim=1).tolist()
    ['plus', 'minus']

    References
    ----------
    Kusupati et al. (2022), arXiv 2205.13147, section 5.1 (few-shot and long-tail continual learning).
    """
    labelled, queries = _floats(Z, "Z"), _floats(Zq, "Zq")
    check_consistent_length(labelled, y)
    _check_widths(labelled, queries, "Z", "Zq")
    dim = labelled.shape[1] if dim is None else dim
    classes, codes = np.unique(np.asarray(y), return_inverse=True)
    membership = sparse.csr_array((np.ones(len(codes), dtype=labelled.dtype), (codes, np.arange(len(codes)))))
    # Sums serve as well as means, since both are brought to unit length.
    means = membership @ truncate(labelled, dim)
    return classes[top_k(truncate(queries, dim), truncate(means, dim), 1).indices[:, 0]]


def _floats(array: ArrayLike, name: str, *, finite: bool = True) -> NDArray[np.floating]:
    return check_array(array, dtype=(np.float64, np.float32), ensure_all_finite=finite, input_name=name)


def _check_widths(one: NDArray[np.floating], other: NDArray[np.floating], name: str, other_name: str) -> None:
    if one.shape[1] != other.shape[1]:
        raise InvalidInputError(
            f"{name} has {one.shape[1]} columns, {other_name} {other.shape[1]}; the widths must agree."
        )


def _check_stages(size: int, width: int, start_dim: int, rerank_dims: Sequence[int], shortlists: Sequence[int]) -> None:
    dims = (start_dim, *rerank_dims)
    if len(rerank_dims) != len(shortlists) or not shortlists:
        raise InvalidInputError(
            f"{len(rerank_dims)} reranking sizes and {len(shortlists)} shortlists were given; they come in pairs."
        )
    if start_dim < 1 or dims[-1] > width or any(a > b for a, b in pairwise(dims)):
        raise InvalidInputError(
            f"The sizes must rise from at least 1 to at most {width} (the width); {dims} were given."
        )
    if not 1 <= shortlists[-1] <= shortlists[0] <= size or any(a < b for a, b in pairwise(shortlists)):
        raise InvalidInputError(
            f"Shortlists must not grow, and have from 1 to {size} entries, the size of the database; "
            f"{', '.join(map(str, shortlists))} were given."
        )


def _rerank(
    db: NDArray[np.floating],
    queries: NDArray[np.floating],
    indices: NDArray[np.int64],
    dim: int,
    metric: str,
    normalize: bool,
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Order each query's list by its distance at `dim` coordinates."""
    n, k = indices.shape
    prefixes, targets = db[:, :dim], queries[:, :dim]
    distances = np.empty((n, k), dtype=np.result_type(db, queries))
    step = max(1, _GATHER_BYTES // (k * dim * db.itemsize))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        gathered, target = prefixes[indices[rows]], targets[rows]
        products = (gathered @ target[:, :, None])[:, :, 0]
        if metric == "ip" and not normalize:
            distances[rows] = -products
            continue
        squares = np.einsum("nkd,nkd->nk", gathered, gathered)
        target_squares = np.einsum("nd,nd->n", target, target)[:, None]
        if normalize:
            scale = np.maximum(np.sqrt(squares), _SMALLEST_NORM) * np.maximum(np.sqrt(target_squares), _SMALLEST_NORM)
            with np.errstate(invalid="ignore"):  # infinite / infinite is reported below
                products /= scale
            # Prefixes of unit length, or of length zero, which stay so.
            squares, target_squares = np.sign(squares), np.sign(target_squares)
        distances[rows] = -products if metric == "ip" else squares + target_squares - 2 * products
    if not np.isfinite(distances).all():
        raise InvalidInputError("The database holds NaN or infinite values among the rows that were retrieved.")
    if metric == "l2":
        distances = np.sqrt(np.maximum(distances, 0))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1)

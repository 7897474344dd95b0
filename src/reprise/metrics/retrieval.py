"""Measures of retrievals.

The measures of a retrieval (what `reprise.nn.neighbours.top_k`, or any index, found) read a matrix of relevances, one
row a query and one column a rank, and give one value a query: take the mean, or treat queries as items.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError


def neighbour_recall(retrieved: NDArray[np.integer], exact: NDArray[np.integer]) -> NDArray[np.float64]:
    """Give each query's share of the exact neighbours (n, r) that are among those retrieved (n, k).

    Examples
    --------
    >>> neighbour_recall(np.array([[4, 7, 1]]), np.array([[7, 2]]))
    array([0.5])
    """
    retrieved, exact = np.asarray(retrieved), np.asarray(exact)
    if retrieved.ndim != 2 or exact.ndim != 2 or len(retrieved) != len(exact):
        raise InvalidInputError(
            f"Both must be (queries, neighbours) of as many queries; they are {retrieved.shape} and {exact.shape}."
        )
    return (exact[:, :, None] == retrieved[:, None, :]).any(2).mean(1)


def relevance_by_label(
    retrieved: NDArray[np.integer], database_labels: ArrayLike, query_labels: ArrayLike
) -> NDArray[np.float64]:
    """Give the relevance (n, k) of what was retrieved where a row is relevant if it has the query's label.

    Examples
    --------
    >>> relevance_by_label(np.array([[0, 1, 2]]), ["cat", "dog", "cat"], ["cat"])
    array([[1., 0., 1.]])
    """
    labels, wanted = np.asarray(database_labels), np.asarray(query_labels)
    if len(wanted) != len(retrieved):
        raise InvalidInputError(f"{len(wanted)} query labels were given for {len(retrieved)} queries.")
    rows = np.asarray(retrieved)
    if rows.size and not 0 <= rows.min() <= rows.max() < len(labels):
        raise InvalidInputError(
            f"Rows from {rows.min()} to {rows.max()} were retrieved from a database of {len(labels)}; expected 0 to "
            f"{len(labels) - 1}."
        )
    return (labels[rows] == wanted[:, None]).astype(np.float64)


def relevance_by_judgement(
    retrieved: NDArray[np.integer], judgements: Sequence[Mapping[int, float] | Collection[int]]
) -> NDArray[np.float64]:
    """Give the relevance (n, k) of what was retrieved by judgements: for each query the rows (and grades) that matter.

    Examples
    --------
    >>> relevance_by_judgement(np.array([[5, 2, 8], [1, 0, 3]]), [{2: 3.0, 7: 1.0}, {0, 1}])
    array([[0., 3., 0.], [1., 1., 0.]])
    """
    if len(judgements) != len(retrieved):
        raise InvalidInputError(f"{len(judgements)} judgements were given for {len(retrieved)} queries.")
    relevance = np.zeros(np.shape(retrieved))
    for row, (found, judged) in enumerate(zip(np.asarray(retrieved), judgements, strict=True)):
        grades = judged if isinstance(judged, Mapping) else dict.fromkeys(judged, 1.0)
        relevance[row] = [grades.get(int(item), 0.0) for item in found]
    return relevance


def recall_at_k(relevance: ArrayLike, k: int, relevant: ArrayLike) -> NDArray[np.float64]:
    """Give each query's share of its `relevant` rows (their number, (n,) or one for all) within the first k.

    A query with no relevant row has recall 1: nothing was missed.

    Examples
    --------
    >>> recall_at_k([[1, 0, 1], [0, 1, 0]], k=2, relevant=[2, 1])
    array([0.5, 1. ])
    """
    found = (_ranking(relevance, k) > 0).sum(1)
    number = np.broadcast_to(np.asarray(relevant), found.shape)
    if (number < found).any():
        raise InvalidInputError("A query has more relevant rows in its first k than `relevant` says there are.")
    return np.where(number > 0, found / np.maximum(number, 1), 1.0)


def precision_at_k(relevance: ArrayLike, k: int) -> NDArray[np.float64]:
    """Give each query's share of the first k that is relevant.

    Examples
    --------
    >>> precision_at_k([[1, 0, 1], [0, 1, 0]], k=2)
    array([0.5, 0.5])
    """
    return (_ranking(relevance, k) > 0).mean(1)


def average_precision_at_k(relevance: ArrayLike, k: int, relevant: ArrayLike | None = None) -> NDArray[np.float64]:
    """Give each query's average precision over the first k; its mean over queries is mAP@k.

    The precisions at the ranks of relevant rows are summed and divided by k, or, where the number of `relevant` rows
    is given ((n,) or one for all), by the smaller of the two, so that a perfect ranking scores 1 (and 1 also where
    there is nothing to find).

    Examples
    --------
    >>> average_precision_at_k([[1, 0, 1]], k=3), average_precision_at_k([[1, 0, 1]], k=3, relevant=2)
    (array([0.55555556]), array([0.83333333]))
    """
    hits = _ranking(relevance, k) > 0
    precision = hits.cumsum(1) / np.arange(1, k + 1)
    total = (precision * hits).sum(1)
    if relevant is None:
        return total / k
    number = np.broadcast_to(np.minimum(np.asarray(relevant), k), total.shape)
    if (number < hits.sum(1)).any():
        raise InvalidInputError("A query has more relevant rows in its first k than `relevant` says there are.")
    return np.where(number > 0, total / np.maximum(number, 1), 1.0)


def ndcg_at_k(
    relevance: ArrayLike, k: int, judged: Sequence[ArrayLike] | None = None, *, exponential: bool = False
) -> NDArray[np.float64]:
    """Give each query's normalised discounted cumulative gain over the first k.

    DCG = sum over ranks r of g / log2(r + 1), with gain g the relevance, or 2**relevance - 1 where `exponential`; it is
    divided by that of the best ranking. A query without a relevant row scores 0.

    Parameters
    ----------
    relevance : (n, at least k) graded relevances in the order of the ranking.
    judged : for each query the grades of all its relevant rows, retrieved or not, from which the best ranking is made;
        without it the best ranking reorders the given row.

    Examples
    --------
    >>> ndcg_at_k([[0, 1, 2]], k=3), ndcg_at_k([[0, 1, 2]], k=3, judged=[[2, 2, 1]])
    (array([0.619...]), array([0.433...]))
    """
    grades = np.asarray(relevance, dtype=np.float64)
    ranked = _ranking(grades, k)
    best = np.zeros_like(ranked)
    if judged is not None and len(judged) != len(ranked):
        raise InvalidInputError(f"Grades of {len(judged)} queries were given for {len(ranked)} rankings.")
    for row, everything in enumerate(grades if judged is None else judged):
        ordered = np.sort(np.asarray(everything, dtype=np.float64))[::-1][:k]
        best[row, : len(ordered)] = ordered
    beyond = np.flatnonzero((-np.sort(-ranked) > best).any(1))
    if len(beyond):
        raise InvalidInputError(
            f"The ranking of query {beyond[0]} has grades that are not among those judged for it; expected a best "
            "ranking that is at least as good."
        )
    if exponential:
        ranked, best = np.exp2(ranked) - 1, np.exp2(best) - 1
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = best @ discount
    return np.divide(ranked @ discount, ideal, out=np.zeros_like(ideal), where=ideal > 0)


def reciprocal_rank(relevance: ArrayLike) -> NDArray[np.float64]:
    """Give each query 1 / the rank of its first relevant row, 0 if there is none; its mean over queries is the MRR.

    Examples
    --------
    >>> reciprocal_rank([[0, 1, 1], [0, 0, 0]])
    array([0.5, 0. ])
    """
    hits = _ranking(relevance, 1, keep_all=True) > 0
    return np.where(hits.any(1), 1 / (hits.argmax(1) + 1), 0.0)


def _ranking(relevance: ArrayLike, k: int, *, keep_all: bool = False) -> NDArray[np.float64]:
    """Check a matrix of relevances, and give its first k columns."""
    matrix = np.asarray(relevance, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all() or (matrix < 0).any():
        raise InvalidInputError(
            f"Relevances must be a non-empty (queries, ranks) matrix of numbers >= 0; the shape is {matrix.shape}."
        )
    if not 1 <= k <= matrix.shape[1]:
        raise InvalidInputError(f"k = {k} was asked of a ranking of {matrix.shape[1]}.")
    return matrix if keep_all else matrix[:, :k]

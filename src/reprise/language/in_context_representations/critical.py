r"""The context length at which behaviour turns, and how it grows with the graph.

The paper likens the turn to percolation: edges are seen one by one, and at some length the seen ones join into one
component. Its critical length then grows as a power of the number of nodes.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.tracing import GraphTrace

_STEPS = 200  # breakpoints that are tried


@dataclass(frozen=True)
class CriticalLength:
    """Two straight lines in the logarithm of the context length that meet.

    Parameters
    ----------
    length : where they meet.
    slope_before, slope_after : change a factor e of length.
    at_turn : the fitted value there.
    residual : root mean square of what the lines leave.
    """

    length: float
    slope_before: float
    slope_after: float
    at_turn: float
    residual: float


def critical_length(lengths: ArrayLike, values: ArrayLike) -> CriticalLength:
    r"""Fit a line with one bend to values over the logarithm of the context length, by least squares.

    .. math:: v(T) = a + b \log(T/T_c) + c \max(0, \log (T/T_c))

    Parameters
    ----------
    lengths : at least five, all different.
    values : one each, such as accuracies or energies.

    Raises
    ------
    InvalidInputError
        If there are fewer than five lengths, or any is repeated, not positive, or has no finite value.

    Notes
    -----
    The bend is sought among 200 places between the second and the last but one length, in equal steps of the logarithm.
    A curve that is straight throughout has no bend to find: compare `residual`, or the two slopes.

    Examples
    --------
    >>> lengths = np.array([10, 20, 40, 80, 160, 320, 640])
    >>> values = 0.1 + 0.05 * np.log(lengths) + 0.2 * np.maximum(0, np.log(lengths / 80))
    >>> found = critical_length(lengths, values)
    >>> print(f"{found.length:.0f} {found.slope_before:.2f} {found.slope_after:.2f}")
    81 0.05 0.25
    """
    x, v = _curve(lengths, values)
    if len(x) < 5:
        raise InvalidInputError(f"A bend is fitted to five lengths or more; {len(x)} were given.")
    bends = np.linspace(x[1], x[-2], _STEPS)
    design = np.stack(
        [
            np.ones((_STEPS, len(x))),
            np.minimum(x - bends[:, None], 0),
            np.maximum(x - bends[:, None], 0),
        ],
        axis=-1,
    )
    solutions = np.linalg.pinv(design) @ v
    squares = ((design @ solutions[..., None])[..., 0] - v) ** 2
    best = int(squares.mean(axis=1).argmin())
    level, before, after = solutions[best]
    return CriticalLength(
        length=float(np.exp(bends[best])),
        slope_before=float(before),
        slope_after=float(after),
        at_turn=float(level),
        residual=float(np.sqrt(squares[best].mean())),
    )


def crossing_length(lengths: ArrayLike, values: ArrayLike, level: float) -> float:
    """Give the length at which values first cross `level`, between two lengths by the straight line in log length.

    Gives NaN where they never do, and the first length where they begin beyond it in the direction of their change.

    Examples
    --------
    >>> print(round(crossing_length([10, 100, 1000], [0.0, 0.2, 0.6], level=0.4)))
    316
    """
    x, v = _curve(lengths, values)
    over = (v - level) * np.sign(v[-1] - v[0]) >= 0
    if not over.any():
        return float("nan")
    first = int(over.argmax())
    if first == 0:
        return float(np.exp(x[0]))
    share = (level - v[first - 1]) / (v[first] - v[first - 1])
    return float(np.exp(x[first - 1] + share * (x[first] - x[first - 1])))


def scaling_exponent(nodes: ArrayLike, critical_lengths: ArrayLike) -> float:
    r"""Fit the exponent of :math:`T_c \propto n^\alpha` by least squares of the logarithms.

    Examples
    --------
    >>> print(round(scaling_exponent([9, 16, 25], [27, 64, 125]), 6))
    1.5
    """
    x, v = _curve(nodes, critical_lengths)
    if not (v > 0).all():
        raise InvalidInputError("Critical lengths are positive; others were given.")
    return float(np.polyfit(x, np.log(v), 1)[0])


def seen_component(trace: GraphTrace, lengths: Sequence[int]) -> Float[np.ndarray, " lengths"]:
    """Give the share of nodes that the largest component of the edges seen so far holds, at several lengths.

    This is the order parameter of bond percolation, and depends on the context alone: where it reaches a half, say, is
    the length to compare a model's turn with (`crossing_length`). A walk's edges hang together from the beginning; in
    pairs they join suddenly.

    Parameters
    ----------
    trace : a context.
    lengths : in nodes.

    Examples
    --------
    >>> from reprise.language.in_context_representations.tracing import GraphTracing
    >>> pairs = GraphTracing("ring", 20, mode="pairs").sample(200, token_ids=range(20))
    >>> print(seen_component(pairs, [2, 20, 200]))
    [0.1 0.2 1. ]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_nodes = len(trace.node_ids)
    shares = []
    for length in lengths:
        nodes = trace.first(length).nodes
        ruled = np.flatnonzero(trace.ruled[: length - 1])
        edges = coo_array((np.ones(len(ruled)), (nodes[ruled], nodes[ruled + 1])), shape=(n_nodes, n_nodes))
        _, parts = connected_components(edges, directed=False)
        shares.append(np.bincount(parts).max() / n_nodes)
    return np.array(shares)


def _curve(lengths: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give logarithms of lengths, ascending, and their values."""
    x, v = np.asarray(lengths, dtype=float), np.asarray(values, dtype=float)
    if x.ndim != 1 or x.shape != v.shape or len(x) < 2:
        raise InvalidInputError(
            f"Two lists of the same length, of two values or more, are expected; shapes {x.shape} and {v.shape} "
            "were given."
        )
    if not (np.isfinite(x) & np.isfinite(v) & (x > 0)).all() or len(np.unique(x)) < len(x):
        raise InvalidInputError("Lengths must be positive and different, and all values finite.")
    order = np.argsort(x)
    return np.log(x[order]), v[order]

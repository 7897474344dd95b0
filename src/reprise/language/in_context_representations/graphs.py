"""Graphs whose nodes words will stand for, and walks on them.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError

GraphName = Literal["grid", "ring", "hex"]
_SIZES: dict[str, tuple[int, ...]] = {"grid": (4, 4), "ring": (10,), "hex": (2, 2)}


def graph_adjacency(
    graph: GraphName | ArrayLike, size: int | tuple[int, int] | None = None
) -> Int[np.ndarray, "nodes nodes"]:
    """Give the adjacency matrix of one of the paper's graphs, or check one's own.

    Parameters
    ----------
    graph : ``"grid"`` (a square lattice), ``"ring"``, ``"hex"`` (a honeycomb), or a symmetric matrix of 0 and 1 of a
        connected graph without loops.
    size : rows and columns of a grid (one number for both; by default 4), of hexagons of a honeycomb (by default 2,
        which has 16 nodes), or nodes of a ring (by default 10).

    Raises
    ------
    InvalidInputError
        If the name is not known, the size too small, or a matrix not as described.

    Examples
    --------
    >>> graph_adjacency("ring", 4)
    array([[0, 1, 0, 1],
           [1, 0, 1, 0],
           [0, 1, 0, 1],
           [1, 0, 1, 0]])
    >>> [len(graph_adjacency(name)) for name in ("grid", "ring", "hex")]
    [16, 10, 16]
    """
    if not isinstance(graph, str):
        if size is not None:
            raise InvalidInputError("`size` goes with the name of a graph; an adjacency matrix has its own.")
        return check_adjacency(graph)
    import networkx as nx

    sides = _sides(graph, size)
    if graph == "ring":
        made = nx.cycle_graph(sides[0])
    else:
        made = nx.grid_2d_graph(*sides) if graph == "grid" else nx.hexagonal_lattice_graph(*sides)
    return nx.to_numpy_array(made, nodelist=sorted(made), dtype=np.int64)


def check_adjacency(adjacency: ArrayLike) -> Int[np.ndarray, "nodes nodes"]:
    """Give the matrix back as integers if it is symmetric, of 0 and 1, without loops, and its graph connected.

    Raises
    ------
    InvalidInputError
        If it is not; the message says what is wrong and where.
    """
    from scipy.sparse.csgraph import connected_components

    given = np.asarray(adjacency)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or len(given) < 2:
        raise InvalidInputError(f"An adjacency matrix is square, of two nodes or more; shape {given.shape} was given.")
    if not np.isin(given, (0, 1)).all():
        raise InvalidInputError("An adjacency matrix holds 0 and 1; other values were given.")
    matrix: NDArray[np.int64] = given.astype(np.int64)
    if (uneven := np.argwhere(matrix != matrix.T)).size:
        i, j = uneven[0]
        raise InvalidInputError(
            f"The adjacency matrix is not symmetric: nodes {i} and {j} are joined in one direction only."
        )
    if np.diag(matrix).any():
        raise InvalidInputError(f"Node {int(np.diag(matrix).argmax())} is joined to itself; loops are not expected.")
    parts, _ = connected_components(matrix, directed=False)
    if parts > 1:
        raise InvalidInputError(f"The graph falls into {parts} parts; a connected graph is expected.")
    return matrix


def graph_distances(adjacency: ArrayLike) -> Float[np.ndarray, "nodes nodes"]:
    """Give the number of edges on the shortest path between any two nodes.

    Examples
    --------
    >>> graph_distances(graph_adjacency("ring", 5))[0]
    array([0., 1., 2., 2., 1.])
    """
    from scipy.sparse.csgraph import shortest_path

    return shortest_path(check_adjacency(adjacency), unweighted=True)


def stationary_distribution(adjacency: ArrayLike) -> Float[np.ndarray, " nodes"]:
    """Give the share of time that a random walk spends at each node: its degree over the sum of all degrees."""
    degrees = check_adjacency(adjacency).sum(axis=1)
    return degrees / degrees.sum()


def random_walks(
    adjacencies: Int[np.ndarray, "walks nodes nodes"],
    starts: Int[np.ndarray, " walks"],
    length: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, "walks length"]:
    """Walk on many graphs at once, each step to a neighbour chosen uniformly.

    Cost: ``walks * nodes * length`` operations, and ``walks * nodes^2`` memory.

    Parameters
    ----------
    adjacencies : one matrix a walk; a node without neighbours must not be reached.
    starts : where each walk begins.
    length : nodes of each walk.
    rng : the only source of randomness.
    """
    walks = np.arange(len(adjacencies))
    counted, degrees = adjacencies.cumsum(-1), adjacencies.sum(-1)
    paths = np.empty((len(adjacencies), length), dtype=np.int64)
    here = np.asarray(starts)
    for step in range(length):
        paths[:, step] = here
        choice = np.floor(rng.random(len(walks)) * degrees[walks, here])
        here = (counted[walks, here] <= choice[:, None]).sum(-1)
    return paths


def random_graphs(
    count: int, rng: np.random.Generator, *, nodes: tuple[int, int] = (6, 25), extra: float = 2.0
) -> tuple[Int[np.ndarray, "graphs nodes nodes"], Int[np.ndarray, " graphs"]]:
    """Draw connected graphs of various sizes: a random recursive tree each, and further edges.

    Parameters
    ----------
    count : graphs.
    rng : the only source of randomness.
    nodes : the fewest and the most nodes; smaller graphs leave the last rows and columns empty.
    extra : further edges a node are up to half of this; their number varies from graph to graph.

    Returns
    -------
    tuple
        Adjacency matrices, and the number of nodes of each.

    Raises
    ------
    InvalidInputError
        If a number is not as described.

    Examples
    --------
    >>> graphs, sizes = random_graphs(3, np.random.default_rng(0), nodes=(4, 6))
    >>> graphs.shape, bool((graphs.any(axis=2).sum(axis=1) == sizes).all())
    ((3, 6, 6), True)
    """
    fewest, most = nodes
    if count < 1 or not 2 <= fewest <= most or extra < 0:
        raise InvalidInputError(
            f"count={count}, nodes={nodes}, extra={extra}: at least one graph of two nodes or more is expected."
        )
    sizes = rng.integers(fewest, most, size=count, endpoint=True)
    graphs = np.zeros((count, most, most), dtype=np.int64)
    for child in range(1, most):
        grows = np.flatnonzero(child < sizes)
        graphs[grows, child, rng.integers(child, size=len(grows))] = 1
    density = rng.random(count) * extra / sizes
    exists = np.arange(most) < sizes[:, None]
    further = np.tril(rng.random((count, most, most)) < density[:, None, None], -1)
    graphs |= further & exists[:, :, None] & exists[:, None]
    return np.maximum(graphs, graphs.swapaxes(1, 2)), sizes


def _sides(graph: str, size: int | tuple[int, int] | None) -> tuple[int, ...]:
    if graph not in _SIZES:
        raise InvalidInputError(f"graph is {graph!r}; one of {', '.join(_SIZES)}, or an adjacency matrix, is expected.")
    if size is None:
        return _SIZES[graph]
    if graph == "ring":
        if not isinstance(size, int) or size < 3:
            raise InvalidInputError(f"A ring of size {size!r} was asked for; a number of nodes from 3 on is expected.")
        return (size,)
    sides = (size, size) if isinstance(size, int) else tuple(size)
    fewest = 2 if graph == "grid" else 1
    if len(sides) != 2 or min(sides) < 1 or max(sides) < fewest:
        raise InvalidInputError(f"A {graph} of size {size!r} was asked for; rows and columns from 1 on are expected.")
    return sides

r"""The map that minimises Dirichlet energy, and how well a representation agrees with it.

Among maps of a graph into k dimensions with :math:`Z^\top Z = I` and :math:`Z^\top 1 = 0`, the eigenvectors of the
Laplacian L = D - A with the smallest positive eigenvalues have the least energy. A representation that minimises energy
should therefore show them in its leading principal components.

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
from reprise.language.in_context_representations.energy import squared_distances
from reprise.language.in_context_representations.graphs import check_adjacency, graph_distances

_DEGENERATE = 1e-8  # eigenvalues closer than this belong to one eigenspace
FEWEST = 4  # nodes


@dataclass(frozen=True)
class SpectralEmbedding:
    """The eigenvectors of a graph's Laplacian after the constant one.

    Parameters
    ----------
    vectors : (n, k), orthonormal; within a degenerate eigenspace any rotation of them is as good.
    values : their eigenvalues, ascending.
    space : (n, m) an orthonormal basis of all eigenspaces that the k vectors touch, m >= k.
    """

    vectors: Float[np.ndarray, "nodes k"]
    values: Float[np.ndarray, " k"]
    space: Float[np.ndarray, "nodes m"]


@dataclass(frozen=True)
class GraphAlignment:
    """How well a representation follows a graph.

    Parameters
    ----------
    energy_ratio : mean squared distance of neighbours over that of other pairs; 1 without structure.
    distance_corr : Pearson correlation of distances in the representation and on the graph.
    spectral_corr : root mean square of the cosines of the principal angles between the leading components and the
        spectral embedding, of m dimensions; for random directions about the square root of m/(n - 1).
    nodes : how many nodes were present.
    """

    energy_ratio: float
    distance_corr: float
    spectral_corr: float
    nodes: int


def spectral_embedding(adjacency: ArrayLike, k: int = 2) -> SpectralEmbedding:
    """Give the Laplacian eigenvectors with the k smallest positive eigenvalues.

    Raises
    ------
    InvalidInputError
        If the graph has not more than k nodes.

    Notes
    -----
    O(n^3) time.

    Examples
    --------
    >>> from reprise.language.in_context_representations.graphs import graph_adjacency
    >>> print(spectral_embedding(graph_adjacency("ring", 6)).values.round(4))  # 2 - 2 cos(2 pi / 6), twice
    [1. 1.]
    >>> spectral_embedding(graph_adjacency("grid", 3), k=1).space.shape  # the second eigenspace has two dimensions
    (9, 2)
    """
    matrix = check_adjacency(adjacency)
    if not 1 <= k < len(matrix):
        raise InvalidInputError(f"k is {k}; a number from 1 to {len(matrix) - 1} is expected for {len(matrix)} nodes.")
    values, vectors = np.linalg.eigh(np.diag(matrix.sum(axis=1)) - matrix.astype(float))
    touched = values <= values[k] + _DEGENERATE
    touched[0] = False  # the constant vector
    return SpectralEmbedding(vectors[:, 1 : k + 1], values[1 : k + 1], vectors[:, touched])


def principal_components(X: ArrayLike, components: Sequence[int] = (0, 1)) -> Float[np.ndarray, "nodes k"]:
    """Give the unit-length scores of chosen principal components of the rows of X, counted from 0.

    Examples
    --------
    >>> scores = principal_components([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]], components=(0,))
    >>> print(abs(scores[:, 0]))
    [0.5 0.5 0.5 0.5]
    """
    points = np.asarray(X, dtype=np.float64)
    chosen = list(components)
    left, sizes, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    rank = int((sizes > sizes[0] * max(points.shape) * np.finfo(float).eps).sum())
    if not chosen or min(chosen) < 0 or max(chosen) >= rank:
        raise InvalidInputError(f"Components {chosen} were asked for; the points have 0 to {rank - 1}.")
    return left[:, chosen]


def component_alignment(X: ArrayLike, adjacency: ArrayLike, components: Sequence[int] = (0, 1)) -> float:
    """Compare principal components of a representation with the graph's spectral embedding in as many dimensions.

    Both are taken as subspaces, since neither signs nor rotations within a degenerate eigenspace mean anything. Where
    the embedding ends within a degenerate eigenspace, all of it counts: the best k of its dimensions are taken.

    Parameters
    ----------
    X : (n, d) one representation a node; nodes whose row holds NaN are absent and left out.
    adjacency : (n, n) of the whole graph. Its eigenvectors are taken at the nodes present, centred there.
    components : which principal components, counted from 0.

    Returns
    -------
    float
        Root mean square of the cosines of the principal angles, from 0 to 1.

    Examples
    --------
    >>> from reprise.language.in_context_representations.graphs import graph_adjacency
    >>> grid = graph_adjacency("grid", 4)
    >>> round(component_alignment(spectral_embedding(grid).vectors, grid), 6)
    1.0
    """
    points, matrix, here = _present(X, adjacency)
    scores = principal_components(points, components)
    space = spectral_embedding(matrix, len(components)).space[here]
    basis, sizes, _ = np.linalg.svd(space - space.mean(axis=0), full_matrices=False)
    cosines = np.linalg.svd(scores.T @ basis[:, sizes > _DEGENERATE], compute_uv=False)
    return float(np.sqrt((cosines**2).sum() / len(components)))


def graph_alignment(X: ArrayLike, adjacency: ArrayLike) -> GraphAlignment:
    """Measure how well a representation follows a graph.

    Parameters
    ----------
    X : (n, d) one representation a node; nodes whose row holds NaN are absent and left out.
    adjacency : (n, n) of the whole graph, which distances are measured on.

    Raises
    ------
    InvalidInputError
        If fewer than four nodes are present, or no neighbours, or no pair that is not adjacent, are among them.

    Examples
    --------
    >>> from reprise.language.in_context_representations.graphs import graph_adjacency
    >>> grid = graph_adjacency("grid", 4)
    >>> found = graph_alignment(spectral_embedding(grid).vectors, grid)
    >>> round(found.energy_ratio, 5), round(found.distance_corr, 4), round(found.spectral_corr, 4)
    (0.15201, 0.9525, 1.0)
    """
    points, matrix, here = _present(X, adjacency)
    squared = squared_distances(points)
    joined = matrix[np.ix_(here, here)].astype(bool)
    others = ~joined & ~np.eye(len(here), dtype=bool)
    if not joined.any() or not others.any() or not squared[others].mean() > 0:
        raise InvalidInputError("The nodes present hold no neighbours, or no distinct pair that is not adjacent.")
    pairs = np.triu_indices(len(here), 1)
    hops = graph_distances(matrix)[np.ix_(here, here)][pairs]
    return GraphAlignment(
        energy_ratio=float(squared[joined].mean() / squared[others].mean()),
        distance_corr=_pearson(np.sqrt(squared[pairs]), hops),
        spectral_corr=component_alignment(X, matrix),
        nodes=len(here),
    )


def _present(X: ArrayLike, adjacency: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.intp]]:
    """Give the points of nodes that are present, the whole adjacency matrix, and which nodes those are."""
    matrix = check_adjacency(adjacency)
    points = np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or len(points) != len(matrix):
        raise InvalidInputError(f"X has shape {points.shape}; a row for each of {len(matrix)} nodes is expected.")
    here = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(here) < FEWEST:
        raise InvalidInputError(f"{len(here)} nodes are present; at least {FEWEST} are expected.")
    return points[here], matrix, here


def _pearson(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(np.corrcoef(a, b)[0, 1])

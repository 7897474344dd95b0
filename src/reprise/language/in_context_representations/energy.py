r"""Dirichlet energy: how far apart a graph's neighbours are in a representation.

.. math:: E_G(X) = \sum_{i,j} A_{ij} \lVert x_i - x_j \rVert^2 = 2 \operatorname{tr}(X^\top L X), \qquad L = D - A

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.graphs import check_adjacency

Normalisation = Literal["nonadjacent", "total"]


def dirichlet_energy(X: ArrayLike, adjacency: ArrayLike, normalize: Normalisation | None = None) -> float:
    """Sum the squared distances of neighbours, over ordered pairs.

    The raw energy grows with the norm of what is measured, and so with depth in a language model: compare layers or
    contexts by a normalised one only.

    Parameters
    ----------
    X : (n, d) one representation a node.
    adjacency : (n, n) of the graph.
    normalize : None for the sum; ``"nonadjacent"`` for the mean over neighbours divided by the mean over pairs that
        are no neighbours; ``"total"`` for that divided by the mean over all pairs. Both are 1 where the graph has no
        bearing on the distances, and below 1 where neighbours are closer.

    Raises
    ------
    InvalidInputError
        If shapes do not match, a value is not finite, or a ratio has nothing to divide by.

    Notes
    -----
    O(n^2 d) time and O(n^2) memory.

    Examples
    --------
    >>> path = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> dirichlet_energy([[0.0], [1.0], [3.0]], path)  # 2 * (1 + 4)
    10.0
    >>> round(dirichlet_energy([[0.0], [1.0], [3.0]], path, "nonadjacent"), 4)  # 2.5 / 9
    0.2778
    """
    points, joined = check_points(X, adjacency)
    if normalize is not None and normalize not in get_args(Normalisation):
        raise InvalidInputError(
            f"normalize is {normalize!r}; None or one of {', '.join(get_args(Normalisation))} is expected."
        )
    squared = squared_distances(points)
    near = squared[joined]
    if normalize is None:
        return float(near.sum())
    others = ~np.eye(len(points), dtype=bool)
    reference = squared[others & ~joined] if normalize == "nonadjacent" else squared[others]
    if not reference.size or not reference.mean() > 0:
        raise InvalidInputError(
            f"The energy cannot be normalised by {normalize!r} pairs: there are none, or all their points coincide."
        )
    return float(near.mean() / reference.mean())


def dimension_energies(X: ArrayLike, adjacency: ArrayLike) -> Float[np.ndarray, " d"]:
    """Give the Dirichlet energy of each dimension of X on its own; they sum to the whole.

    Examples
    --------
    >>> dimension_energies([[0.0, 5.0], [1.0, 5.0]], [[0, 1], [1, 0]])
    array([2., 0.])
    """
    points, joined = check_points(X, adjacency)
    laplacian = np.diag(joined.sum(axis=1)) - joined
    return 2 * np.einsum("id,ij,jd->d", points, laplacian, points, optimize=True).clip(min=0)


def check_points(X: ArrayLike, adjacency: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give points and adjacency as arrays if there is a finite point for each node.

    Raises
    ------
    InvalidInputError
        If there is not.
    """
    joined = check_adjacency(adjacency).astype(bool)
    points = np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or len(points) != len(joined):
        raise InvalidInputError(
            f"X has shape {points.shape}; one row for each of the graph's {len(joined)} nodes is expected."
        )
    if (absent := ~np.isfinite(points).all(axis=1)).any():
        raise InvalidInputError(
            f"The representation of node {int(absent.argmax())} is not finite; leave out nodes that are absent."
        )
    return points, joined


def squared_distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the squared distance of any two rows."""
    from scipy.spatial.distance import cdist

    return cdist(points, points, "sqeuclidean")

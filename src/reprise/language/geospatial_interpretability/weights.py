"""Which places are neighbours: spatial weights as sparse matrices."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from reprise.errors import InvalidInputError, counted
from reprise.language.geospatial_interpretability.sphere import check_coordinates, finite_pairs, unit_vectors

Metric = Literal["haversine", "euclidean"]
NEIGHBOURS = 8  # of each place, as in the paper


def knn_weights(coords: ArrayLike, k: int = NEIGHBOURS, metric: Metric = "haversine") -> sparse.csr_array:
    """Give each place its `k` nearest others as neighbours, with weights that sum to one.

    The paper projects each country to its own plane first; great circles give the same neighbours but for near ties,
    anywhere on the Earth.

    Parameters
    ----------
    coords : (n, 2) latitudes and longitudes in degrees; for ``"euclidean"`` any coordinates of a plane.
    k : neighbours of a place.
    metric : ``"haversine"`` (great circles) or ``"euclidean"``.

    Returns
    -------
    scipy.sparse.csr_array
        (n, n) with `k` entries 1/k a row. O(n log n) time and O(n k) memory.

    Raises
    ------
    InvalidInputError
        If there are not more than `k` places, a coordinate is missing or out of bounds, or if two places coincide,
        which leaves open whose neighbours they are.

    Examples
    --------
    >>> knn_weights([[51.5, -0.1], [52.2, 0.1], [48.9, 2.4]], k=1).toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [1., 0., 0.]])
    """
    if metric not in get_args(Metric):
        raise InvalidInputError(f"`metric` is 'haversine' or 'euclidean'; {metric!r} was given.")
    points = check_coordinates(coords) if metric == "haversine" else finite_pairs(coords)
    if not 1 <= k < len(points):
        raise InvalidInputError(f"{counted(len(points), 'place')} cannot have {k} neighbours each; more are expected.")
    _check_distinct(points)
    # On the sphere chords order places as great circles do.
    space = unit_vectors(points) if metric == "haversine" else points
    nearest = NearestNeighbors(n_neighbors=k).fit(space).kneighbors(return_distance=False)
    starts = np.arange(0, nearest.size + 1, k)
    return sparse.csr_array((np.full(nearest.size, 1 / k), nearest.ravel(), starts), shape=(len(points),) * 2)


def as_weights(W: Any, n: int) -> sparse.csr_array:
    """Read spatial weights in any of their common forms.

    Parameters
    ----------
    W : a sparse or dense matrix, or what libpysal makes (`W` or `Graph`), as it is: its transformation is kept.
    n : number of places.

    Raises
    ------
    InvalidInputError
        If they are not weights of `n` places: another shape, no neighbour at all, a weight that is not finite, or a
        place that is its own neighbour.
    """
    matrix = sparse.csr_array(getattr(W, "sparse", W)).astype(np.float64)
    if matrix.shape != (n, n):
        raise InvalidInputError(f"Weights of {counted(n, 'place')} have shape {(n, n)}; {matrix.shape} was given.")
    if not np.isfinite(matrix.data).all() or matrix.sum() <= 0:
        raise InvalidInputError("Spatial weights are finite numbers with a positive sum.")
    if matrix.diagonal().any():
        place = int(np.flatnonzero(matrix.diagonal())[0])
        raise InvalidInputError(f"Place {place} is its own neighbour; the diagonal of the weights must be zero.")
    matrix.eliminate_zeros()
    return matrix


def _check_distinct(points: np.ndarray) -> None:
    _, first, inverse, counts = np.unique(points, axis=0, return_index=True, return_inverse=True, return_counts=True)
    repeated = (first[inverse.ravel()] != np.arange(len(points))).nonzero()[0]
    if len(repeated):
        place = int(repeated[0])
        raise InvalidInputError(
            f"Place {place} has the same coordinates as place {int(first[inverse.ravel()[place]])} "
            f"({int((counts - 1).sum())} such in all); keep one of each."
        )

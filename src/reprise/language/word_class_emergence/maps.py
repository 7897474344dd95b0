"""A layer in two dimensions, by multidimensional scaling as in the paper.

References
----------
K. Surendra, A. Schilling, P. Stoewer, A. Maier and P. Krauss (2023), arXiv:2302.07588.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError


def class_map(X: ArrayLike, *, random_state: int = 0) -> Float[np.ndarray, "points 2"]:
    """Place the points of a layer in the plane so that distances are kept as well as they can be (metric scaling).

    Dimensions are standardised as for the discrimination value. The first positions are those of classical scaling,
    so that the map depends on the data alone up to a reflection.

    Parameters
    ----------
    X : (n, D) activations; a class-balanced sample of some hundred points.
    random_state : passed on to scikit-learn.

    Raises
    ------
    InvalidInputError
        If there are fewer than three points, or a value is not finite.

    Notes
    -----
    O(n^2) memory, and O(n^2) time an iteration after O(n^2 D) for the distances.

    Examples
    --------
    >>> corners = [[0, 0, 0], [4, 0, 0], [0, 3, 0], [4, 3, 0]]
    >>> plane = class_map(corners)
    >>> sides = np.linalg.norm(plane[0] - plane, axis=1)
    >>> print(sides.round(2))
    [0.   1.   1.   1.41]
    """
    from sklearn.manifold import smacof
    from sklearn.metrics import pairwise_distances

    points = np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise InvalidInputError(f"X has shape {points.shape}; at least three points of finite values are expected.")
    varied = points[:, np.ptp(points, axis=0) > 0]
    if not varied.shape[1]:
        raise InvalidInputError("All points are the same; at least one dimension that varies is expected.")
    halved = (varied - varied.mean(axis=0)) / (2 * varied.std(axis=0))
    left, sizes, _ = np.linalg.svd(halved, full_matrices=False)
    start = np.zeros((len(points), 2))
    start[:, : min(2, len(sizes))] = (left * sizes)[:, :2]
    plane, _ = smacof(
        pairwise_distances(halved),
        n_components=2,
        init=start,
        n_init=1,
        random_state=random_state,
        normalized_stress=False,
    )
    return plane

"""The graph that says which rows are alike: k nearest neighbours, weighted by a kernel."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils import check_array

from reprise.errors import InvalidInputError
from reprise.nn.neighbours import FlatIndex, top_k

Kernel = Literal["rbf", "cosine", "matern"]

EXACT_UP_TO = 50_000
"""Rows up to which every row is compared with every other one."""

ROWS_A_CELL = 1000
CELLS_SEARCHED = 6
"""Above, rows are gathered in cells, and compared with those of so many nearest cells."""

CELLS_SEEN = 20_000
"""Rows of which the cells are learnt."""


def similarity_graph(
    X: ArrayLike,
    n_neighbors: int = 10,
    *,
    kernel: Kernel = "rbf",
    max_distance: float | None = None,
    random_state: int = 0,
) -> sparse.csr_matrix:
    """Connect each row with its nearest neighbours, each pair of rows once.

    ========  =====================================  ==========================
    kernel    weight                                 neighbours by
    ========  =====================================  ==========================
    rbf       ``exp(-d^2 / (2 s^2))``                Euclidean distance d
    matern    ``exp(-d / s)`` (order 1/2)            Euclidean distance d
    cosine    the cosine, 0 where it is negative     cosine
    ========  =====================================  ==========================

    s is the median distance of the farthest of the neighbours.

    Parameters
    ----------
    X : (n, d) rows.
    n_neighbors : of each row; fewer where there are not as many other rows.
    kernel : of the table above.
    max_distance : neighbours that lie farther (for ``"cosine"``, with one minus the cosine above it) are dropped.
    random_state : of the cells in which neighbours are looked for above 50,000 rows, where most of the nearest are
        found but not all.

    Returns
    -------
    (n, n) sparse matrix
        Symmetric, without a diagonal. O(n^2 d) up to 50,000 rows, O(6000 n d) above.

    Raises
    ------
    InvalidInputError
        If a setting is not as described.
    ValueError
        If `X` is not a finite matrix of at least two rows.

    Examples
    --------
    >>> similarity_graph([[0.0], [1.0], [5.0]], n_neighbors=1, kernel="matern").toarray().round(2)
    array([[0.  , 0.37, 0.  ],
           [0.37, 0.  , 0.02],
           [0.  , 0.02, 0.  ]])
    """
    if kernel not in get_args(Kernel):
        raise InvalidInputError(f"There is no kernel {kernel!r}; expected {', '.join(get_args(Kernel))}.")
    if n_neighbors < 1:
        raise InvalidInputError(f"n_neighbors must be at least 1, got {n_neighbors}.")
    rows = check_array(X, dtype=(np.float64, np.float32), ensure_min_samples=2)
    if kernel == "cosine":
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12).astype(rows.dtype)
    neighbours, distances = _others(rows, min(n_neighbors, len(rows) - 1), random_state)
    distances = distances.astype(np.float64)
    near = np.isfinite(distances)
    if kernel == "cosine":
        distances = distances**2 / 2  # of rows of length 1
        weights = np.maximum(1 - distances, 0)
    else:
        scale = float(np.median(distances[:, -1][near[:, -1]])) or float(distances[near].mean()) or 1.0
        weights = np.exp(-((distances / scale) ** 2) / 2) if kernel == "rbf" else np.exp(-distances / scale)
    if max_distance is not None:
        near &= distances <= max_distance
    near &= weights > 0
    owners = np.repeat(np.arange(len(rows)), near.sum(axis=1))
    one_way = sparse.csr_matrix((weights[near], (owners, neighbours[near])), shape=(len(rows), len(rows)))
    return one_way.maximum(one_way.T).tocsr()


def _others(
    rows: Float[np.ndarray, "n d"], k: int, seed: int
) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """Find the k nearest other rows of each, and their distances; infinite where too few were found."""
    n = len(rows)
    if n <= EXACT_UP_TO:
        found = top_k(rows, rows, k + 1)
        return _without_itself(np.arange(n), found.indices, found.scores)
    cells = MiniBatchKMeans(n // ROWS_A_CELL, n_init=1, max_iter=5, batch_size=4096, random_state=seed)
    seen = np.random.default_rng(seed).choice(n, CELLS_SEEN, replace=False)
    centres = cells.fit(rows[seen]).cluster_centers_.astype(rows.dtype)
    cell_of = FlatIndex(centres).search(rows, 1).indices[:, 0]
    members = np.split(np.argsort(cell_of, kind="stable"), np.cumsum(np.bincount(cell_of, minlength=len(centres)))[:-1])
    nearest_cells = top_k(centres, centres, min(CELLS_SEARCHED, len(centres))).indices
    indices = np.zeros((n, k), dtype=np.int64)
    distances = np.full((n, k), np.inf, dtype=rows.dtype)
    for cell, own in enumerate(members):
        if not len(own):
            continue
        candidates = np.concatenate([members[other] for other in nearest_cells[cell]])
        found = top_k(rows[own], rows[candidates], min(k + 1, len(candidates)))
        at, far = _without_itself(own, candidates[found.indices], found.scores)
        indices[own, : at.shape[1]], distances[own, : at.shape[1]] = at, far
    return indices, distances


def _without_itself(
    own: Int[np.ndarray, " m"], indices: Int[np.ndarray, "m w"], distances: Float[np.ndarray, "m w"]
) -> tuple[Int[np.ndarray, "m v"], Float[np.ndarray, "m v"]]:
    """Drop each row from its own neighbours, or the farthest where duplicates have crowded it out."""
    kept = indices != own[:, None]
    kept[kept.all(axis=1), -1] = False
    shape = (len(own), indices.shape[1] - 1)
    return indices[kept].reshape(shape), distances[kept].reshape(shape)

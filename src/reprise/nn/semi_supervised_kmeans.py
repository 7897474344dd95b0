"""K-means of partly labelled points: labelled rows stay with their class, the others go to the nearest centre."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state

from reprise.errors import InvalidInputError
from reprise.nn.partial_labels import partial_labels

__all__ = ["SemiSupervisedKMeans", "semi_supervised_kmeans"]

BLOCK = 1 << 20
"""Distances that are held at once."""


class SemiSupervisedKMeans(NamedTuple):
    """What `semi_supervised_kmeans` found."""

    labels: Int[np.ndarray, " n"]
    """Cluster of each row: its class where it is labelled; of the others a known class or a new one."""
    centres: Float[np.ndarray, "K p"]
    """Mean of each cluster, in the order of `classes`."""
    classes: Int[np.ndarray, " K"]
    """The known classes in order, then new ones with numbers that follow the largest known one."""
    inertia: float
    """Sum over all rows, labelled ones too, of squared distances to their centre."""
    n_iter: int
    """Lloyd steps of the best start."""


def semi_supervised_kmeans(
    X: ArrayLike,
    y: ArrayLike | None,
    n_clusters: int,
    *,
    n_init: int = 10,
    init: ArrayLike | None = None,
    max_iter: int = 300,
    tol: float = 1e-4,
    random_state: int | np.random.RandomState | None = None,
) -> SemiSupervisedKMeans:
    """Cluster partly labelled points so that labelled rows never leave the centre of their class.

    Each known class owns one centre, which starts at the mean of its labelled rows. The centres of new classes start
    by greedy k-means++ on the unlabelled rows, given those of the known ones. Lloyd's steps then alternate: each
    unlabelled row goes to the nearest of all centres; each centre moves to the mean of all its rows. The start of
    lowest inertia is kept. With no labelled row it is plain k-means.

    Parameters
    ----------
    X : (n, p) points.
    y : (n,) classes, -1 where unknown; None where all are.
    n_clusters : all clusters, those of the known classes among them.
    n_init : starts.
    init : (n_clusters - known classes, p) centres of the new classes to start from, once, in place of k-means++.
    max_iter : Lloyd steps of a start at most.
    tol : a start ends when no row changes its cluster, or when the squared movement of all centres is at most this
        share of the mean variance of a column.
    random_state : seeds the starts.

    Returns
    -------
    SemiSupervisedKMeans
        `labels`, `centres`, `classes`, `inertia` and `n_iter`.

    Raises
    ------
    InvalidInputError
        If `y` does not hold one integer a row, there are fewer clusters than known classes, fewer unlabelled rows than
        new clusters, or `init` has another shape; `ValueError` from scikit-learn if `X` is not finite.

    Warns
    -----
    UserWarning
        If every row is labelled: there is nothing to find.
    ConvergenceWarning
        If some new clusters are empty, because unlabelled rows coincide.

    Notes
    -----
    O(n K p) a step, in blocks of constant memory.

    References
    ----------
    S. Vaze, K. Han, A. Vedaldi, A. Zisserman, "Generalized category discovery", CVPR 2022, arXiv 2201.02609; code
    https://github.com/sgvaze/generalized-category-discovery. D. Arthur, S. Vassilvitskii, "k-means++: the advantages
    of careful seeding", SODA 2007.

    Examples
    --------
    >>> X = [[0.0], [1.0], [0.4], [9.0], [9.4], [5.0]]
    >>> found = semi_supervised_kmeans(X, [3, 3, -1, -1, -1, 7], n_clusters=3, random_state=0)
    >>> found.labels.tolist(), found.classes.tolist()
    ([3, 3, 3, 8, 8, 7], [3, 7, 8])
    """
    points: Float[np.ndarray, "n p"] = check_array(X, dtype=np.float64, input_name="X")
    given = partial_labels(y, len(points))
    labelled, known = given.labelled, given.classes
    position = given.codes[labelled]
    n_new, n_free = n_clusters - len(known), int((~labelled).sum())
    _check_counts(n_clusters, len(known), n_free)
    if n_init < 1 or max_iter < 1:
        raise InvalidInputError(f"n_init={n_init} and max_iter={max_iter} were given; both must be at least 1.")

    # Distances are of centred points: those far from the origin would lose their last digits.
    origin = points.mean(axis=0)
    points = points - origin
    free, tied = points[~labelled], points[labelled]
    lloyd = _Lloyd(free, _sums(tied, position, n_clusters), max_iter, tol * points.var(axis=0).mean())
    class_means = lloyd.held[0][: len(known)] / lloyd.held[1][: len(known), None]
    state = check_random_state(random_state)
    if init is not None:
        starts = iter([_checked_init(init, (n_new, points.shape[1])) - origin])
    else:
        starts = (_plus_plus(free, class_means, n_new, state) for _ in range(n_init if n_new else 1))
    runs = (lloyd.run(np.vstack([class_means, start]), position, tied) for start in starts)
    best = min(runs, key=lambda run: run.inertia)

    classes = given.names(n_clusters)
    labels = np.empty(len(points), dtype=np.int64)
    labels[labelled], labels[~labelled] = known[position], classes[best.assigned]
    if (filled := len(np.unique(labels))) < n_clusters:
        warnings.warn(
            f"Only {filled} of {n_clusters} clusters have rows: unlabelled rows coincide.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return SemiSupervisedKMeans(labels, best.centres + origin, classes, best.inertia, best.n_iter)


def _check_counts(n_clusters: int, n_known: int, n_free: int) -> None:
    if n_clusters < max(n_known, 1):
        raise InvalidInputError(
            f"n_clusters={n_clusters} was given for {n_known} known classes; expected at least as many, and one."
        )
    if n_clusters - n_known > n_free:
        raise InvalidInputError(
            f"n_clusters={n_clusters} leaves {n_clusters - n_known} new clusters for {n_free} unlabelled rows; "
            "expected at least one row for each."
        )


def _checked_init(init: ArrayLike, shape: tuple[int, int]) -> Float[np.ndarray, "K_new p"]:
    centres = np.asarray(init, dtype=np.float64)
    if centres.shape != shape or not np.isfinite(centres).all():
        raise InvalidInputError(f"`init` has shape {centres.shape}; expected finite centres of shape {shape}.")
    return centres


def _plus_plus(
    free: Float[np.ndarray, "n p"], given: Float[np.ndarray, "K p"], n_new: int, state: np.random.RandomState
) -> Float[np.ndarray, "K_new p"]:
    """Draw new centres among the rows, far ones more often; of several candidates the one that helps most is taken."""
    if not n_new:
        return np.empty((0, free.shape[1]))
    norms = (free**2).sum(axis=1)
    centres: list[int] = []
    if len(given):
        nearest = _nearest(free, given)[1]
    else:
        centres.append(state.randint(len(free)))
        nearest = _squared_distances(free[centres], free, norms)[0]
    n_candidates = 2 + int(np.log(n_new))
    while len(centres) < n_new:
        cumulative = np.cumsum(nearest)
        drawn = np.searchsorted(cumulative, state.uniform(size=n_candidates) * cumulative[-1])
        candidates = np.minimum(drawn, len(free) - 1)
        reached = _squared_distances(free[candidates], free, norms)
        np.minimum(nearest, reached, out=reached)
        best = reached.sum(axis=1).argmin()
        nearest = reached[best]
        centres.append(candidates[best])
    return free[centres]


class _Run(NamedTuple):
    assigned: Int[np.ndarray, " n_free"]
    centres: Float[np.ndarray, "K p"]
    inertia: float
    n_iter: int


class _Lloyd(NamedTuple):
    """Lloyd's steps of the unlabelled rows beside sums of the labelled ones that never change."""

    free: Float[np.ndarray, "n_free p"]
    held: tuple[Float[np.ndarray, "K p"], Int[np.ndarray, " K"]]
    max_iter: int
    least_movement: float

    def run(
        self,
        centres: Float[np.ndarray, "K p"],
        position: Int[np.ndarray, " n_tied"],
        tied: Float[np.ndarray, "n_tied p"],
    ) -> _Run:
        assigned, distances = _nearest(self.free, centres)
        n_iter, settled = 0, False
        while n_iter < self.max_iter and not settled:
            moved = self.means(assigned, distances, centres)
            movement = ((moved - centres) ** 2).sum()
            centres, before = moved, assigned
            assigned, distances = _nearest(self.free, centres)
            n_iter += 1
            settled = movement <= self.least_movement or np.array_equal(assigned, before)
        inertia = distances.sum() + ((tied - centres[position]) ** 2).sum()
        return _Run(assigned, centres, float(inertia), n_iter)

    def means(
        self,
        assigned: Int[np.ndarray, " n_free"],
        distances: Float[np.ndarray, " n_free"],
        centres: Float[np.ndarray, "K p"],
    ) -> Float[np.ndarray, "K p"]:
        """Mean of each cluster; one without rows takes the row farthest from its centre, if any is away from it."""
        totals, counts = (own + free for own, free in zip(self.held, self._sums(assigned), strict=True))
        if (empty := np.flatnonzero(counts == 0)).size:
            farthest = np.argsort(-distances, kind="stable")[: len(empty)]
            farthest = farthest[distances[farthest] > 0]
            assigned = assigned.copy()
            assigned[farthest] = empty[: len(farthest)]
            totals, counts = (own + free for own, free in zip(self.held, self._sums(assigned), strict=True))
        return np.where(counts[:, None] > 0, totals / np.maximum(counts, 1)[:, None], centres)

    def _sums(self, assigned: Int[np.ndarray, " n_free"]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        return _sums(self.free, assigned, len(self.held[1]))


def _sums(
    X: Float[np.ndarray, "n p"], clusters: Int[np.ndarray, " n"], n_clusters: int
) -> tuple[Float[np.ndarray, "K p"], Int[np.ndarray, " K"]]:
    """Sum and number of the rows of each cluster."""
    n = len(X)
    members = csr_array((np.ones(n), clusters, np.arange(n + 1)), shape=(n, n_clusters))
    return members.T @ X, np.bincount(clusters, minlength=n_clusters)


def _nearest(
    X: Float[np.ndarray, "n p"], centres: Float[np.ndarray, "K p"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Nearest centre of each row, and its squared distance."""
    half_norms = (centres**2).sum(axis=1) / 2
    rows = max(1, BLOCK // len(centres))
    assigned = np.empty(len(X), dtype=np.intp)
    distances = (X**2).sum(axis=1)
    for start in range(0, len(X), rows):
        block = slice(start, start + rows)
        scores = half_norms - X[block] @ centres.T
        assigned[block] = scores.argmin(axis=1)
        distances[block] += 2 * np.take_along_axis(scores, assigned[block, None], axis=1)[:, 0]
    return assigned, distances.clip(min=0)


def _squared_distances(
    rows: Float[np.ndarray, "m p"], X: Float[np.ndarray, "n p"], norms: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "m n"]:
    """Squared distances between some rows and all, of which the squared norms are known."""
    return ((rows**2).sum(axis=1)[:, None] + norms - 2 * rows @ X.T).clip(min=0)

"""The two convex programs as functions: the k-means SDP and, for given covariances, LA-SDP."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.utils import check_array, check_random_state

from reprise.discover.ila_sdp import admm, lowrank
from reprise.discover.ila_sdp.likelihood import LiftedLikelihood
from reprise.discover.ila_sdp.solution import LiftedSolution
from reprise.errors import InvalidInputError
from reprise.nn.mixtures import cluster_means

Solver = Literal["auto", "admm", "lowrank"]

EXACT_UP_TO = 100
"""Points up to which ``solver="auto"`` takes the exact solver: about a second a program."""

ADMM_LIMIT = 2000
"""Points above which the exact solver is refused: five K x n x n arrays."""

SKETCHES = 3
SKETCH_SIZE = 100
SKETCH_SIZE_PER_CLUSTER = 20
"""Samples whose k-means SDP is solved exactly to start the low-rank solver, and their points: the larger number."""

DEFAULT_TOL: dict[str, float] = {"admm": 1e-5, "lowrank": 1e-4}

SKETCH_TOL = 1e-4
"""Of programs that only give a start."""

START_NOISE = 0.01
ROUNDING_STARTS = 10


def kmeans_sdp(
    X: ArrayLike,
    n_clusters: int,
    *,
    solver: Solver = "auto",
    tol: float | None = None,
    max_iter: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> LiftedSolution:
    """Solve the Peng-Wei relaxation of k-means.

    ::

        maximise <X X^T, Z>   subject to   Z PSD,  Z >= 0,  Z 1 = 1,  tr Z = K

    Where the solution is integral it is ``Z_ij = 1 / |G|`` for i, j in one cluster G, and that partition is the global
    optimum of k-means. The objective returned is minus the within-cluster sum of squares of Z.

    Parameters
    ----------
    X : (n, p) points.
    n_clusters : K.
    solver : ``"admm"`` (exact, O(n^3) a sweep), ``"lowrank"`` (factors of rank K, O(n p K) a step, local), or
        ``"auto"``: exact up to 100 points.
    tol : relative residual at which to stop; by default 1e-5 for the exact solver, 1e-4 for the low-rank one.
    max_iter : sweeps of the exact solver.
    random_state : chooses the sketch and the noise of the low-rank start.

    Returns
    -------
    LiftedSolution
        With one block: ``matrices[0]`` is Z; from the low-rank solver ``factors[:, 0]`` is its (n, K) factor.

    Raises
    ------
    InvalidInputError
        If K is not in 1 to n, or the exact solver is asked for more than 2000 points.

    Notes
    -----
    The low-rank solver starts from sketch-and-lift: the exact solution of a hundred or more random points, rounded,
    and every point at its nearest centroid; the best of three.

    References
    ----------
    J. Peng, Y. Wei, "Approximating k-means-type clustering via semidefinite programming", 2007; Y. Zhuang, X. Chen,
    Y. Yang, "Sketch-and-lift: scalable subsampled semidefinite program for K-means clustering", 2022.

    Examples
    --------
    >>> X = np.array([[0.0], [0.1], [5.0], [5.1], [5.2]])
    >>> kmeans_sdp(X, 2).matrices[0].round(2) + 0.0
    array([[0.5 , 0.5 , 0.  , 0.  , 0.  ],
           [0.5 , 0.5 , 0.  , 0.  , 0.  ],
           [0.  , 0.  , 0.33, 0.33, 0.33],
           [0.  , 0.  , 0.33, 0.33, 0.33],
           [0.  , 0.  , 0.33, 0.33, 0.33]])
    """
    points: Float[np.ndarray, "n p"] = check_array(X, dtype=float)
    _check_clusters(n_clusters, len(points))
    likelihood = LiftedLikelihood.of(points, np.eye(points.shape[1])[None])
    traces = np.array([float(n_clusters)])
    chosen = choose_solver(solver, len(points))
    tol = DEFAULT_TOL[chosen] if tol is None else tol
    if chosen == "admm":
        return admm.solve(likelihood.dense(), traces, tol=tol, max_iter=max_iter)[0]
    rng = _generator(check_random_state(random_state))
    labels, distances = _sketch_and_lift(points, n_clusters, rng)
    start = lowrank.factors_of_labels(labels, n_clusters, 1, START_NOISE, rng)
    start /= np.sqrt(np.maximum(np.bincount(labels, minlength=n_clusters), 1))[:, None, None]
    return lowrank.solve(likelihood, traces, start.reshape(1, n_clusters, len(points)), -distances, tol=tol)


def la_sdp(
    X: ArrayLike,
    covariances: ArrayLike,
    *,
    solver: Solver = "auto",
    labels: ArrayLike | None = None,
    rank: int = 2,
    tol: float | None = None,
    max_iter: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> LiftedSolution:
    """Solve the likelihood-adjusted SDP: the best memberships for known covariances.

    ::

        maximise sum_k <A_k, Z_k>   subject to   Z_k PSD,  Z_k >= 0,  tr Z_k = 1,  (sum_k Z_k) 1 = 1

    whose value at an integral point is `profile_loglik` of its partition. Where all covariances are equal only the sum
    of the blocks is determined, and is a solution of `kmeans_sdp`.

    Parameters
    ----------
    X : (n, p) points.
    covariances : (K, p, p) positive definite.
    solver : ``"admm"`` (exact), ``"lowrank"`` (local), or ``"auto"``: exact up to 100 points.
    labels : (n,) partition at which the solver starts; by default that of `kmeans_sdp`, its clusters matched to the
        covariances by likelihood. The exact solver's optimum does not depend on it.
    rank : columns of each low-rank factor; 1 mostly ends at a partition, 2 or 3 come close to the convex optimum.
    tol : relative residual at which to stop; by default 1e-5 for the exact solver, 1e-4 for the low-rank one.
    max_iter : sweeps of the exact solver.
    random_state : seeds the low-rank start.

    Returns
    -------
    LiftedSolution
        ``matrices[k]`` is Z_k; ``weights`` are the soft memberships; ``objective`` compares with `profile_loglik`.

    Raises
    ------
    InvalidInputError
        If shapes disagree, a covariance is singular (the message names it), K exceeds n, `rank` is below 1, or the
        exact solver is asked for more than 2000 points.

    Examples
    --------
    >>> X = np.array([[0.0], [0.1], [5.0], [7.0], [9.0]])
    >>> la_sdp(X, [[[0.01]], [[4.0]]]).weights.argmax(axis=1)
    array([0, 0, 1, 1, 1])
    """
    points: Float[np.ndarray, "n p"] = check_array(X, dtype=float)
    covariances = np.asarray(covariances, dtype=float)
    if covariances.ndim != 3 or covariances.shape[1:] != (points.shape[1],) * 2:
        raise InvalidInputError(
            f"Covariances of shape {covariances.shape} were given for points of shape {points.shape}; "
            "expected (K, p, p)."
        )
    n_clusters = len(covariances)
    _check_clusters(n_clusters, len(points))
    likelihood = LiftedLikelihood.of(points, covariances)
    chosen = choose_solver(solver, len(points))
    tol = DEFAULT_TOL[chosen] if tol is None else tol
    state = check_random_state(random_state)
    if labels is not None:
        start = check_labels(labels, len(points), n_clusters)
    else:
        lifted = kmeans_sdp(points, n_clusters, solver=chosen, tol=SKETCH_TOL, random_state=state)
        start = _match_to_covariances(likelihood, round_membership(lifted, n_clusters, state))
    if chosen == "admm":
        solution, _ = admm.solve(
            likelihood.dense(),
            np.ones(n_clusters),
            tol=tol,
            max_iter=max_iter,
            start=admm.state_of_partition(likelihood, start),
        )
    else:
        solution = solve_lowrank(likelihood, start, rank, _generator(state), tol=tol)
    return solution.shifted(likelihood.constant)


def solve_lowrank(
    likelihood: LiftedLikelihood,
    labels: Int[np.ndarray, " n"],
    rank: int,
    rng: np.random.Generator,
    tol: float,
) -> LiftedSolution:
    """Solve LA-SDP in low rank from a partition, its objective still without the likelihood's constant."""
    if rank < 1:
        raise InvalidInputError(f"A rank of {rank} was given; expected at least 1.")
    own = likelihood.deviances_to_centroids(labels)[np.arange(len(labels)), labels]
    start = lowrank.factors_of_labels(labels, likelihood.n_blocks, rank, START_NOISE, rng)
    return lowrank.solve(likelihood, np.ones(likelihood.n_blocks), start, -own, tol=tol)


def round_membership(
    solution: LiftedSolution, n_clusters: int, random_state: int | np.random.RandomState | None
) -> Int[np.ndarray, " n"]:
    """Round the solution of the k-means SDP: k-means on the rows of its factor, or of Z's leading eigenvectors."""
    if solution.factors is not None:
        rows = solution.factors[:, 0]
    else:
        rows = np.linalg.eigh(solution.matrices[0])[1][:, -n_clusters:]
    return _kmeans(rows, n_clusters, random_state)


def choose_solver(solver: Solver, n_points: int) -> Literal["admm", "lowrank"]:
    """Resolve ``"auto"`` and refuse an exact program that does not fit in memory."""
    if solver not in get_args(Solver):
        raise InvalidInputError(f"Solver {solver!r} was given; expected one of {', '.join(get_args(Solver))}.")
    if solver == "admm" and n_points > ADMM_LIMIT:
        raise InvalidInputError(
            f"The exact solver holds several {n_points} x {n_points} matrices a cluster, too much memory for more than "
            f'{ADMM_LIMIT} points; use solver="lowrank".'
        )
    if solver == "auto":
        return "admm" if n_points <= EXACT_UP_TO else "lowrank"
    return solver


def check_labels(labels: ArrayLike, n_points: int, n_clusters: int) -> Int[np.ndarray, " n"]:
    """Give the labels as an array, refusing what is not a partition of n points into K non-empty clusters."""
    array = np.asarray(labels)
    if array.shape != (n_points,) or not np.issubdtype(array.dtype, np.integer):
        raise InvalidInputError(
            f"Labels of shape {array.shape} and type {array.dtype} were given; expected {n_points} integers."
        )
    if set(np.unique(array)) != set(range(n_clusters)):
        raise InvalidInputError(f"Labels must take every value from 0 to {n_clusters - 1} and no other.")
    return array.astype(np.intp)


def _generator(state: np.random.RandomState) -> np.random.Generator:
    return np.random.default_rng(state.randint(np.iinfo(np.int32).max))


def _check_clusters(n_clusters: int, n_points: int) -> None:
    if not 1 <= n_clusters <= n_points:
        raise InvalidInputError(f"{n_clusters} clusters were asked of {n_points} points; expected 1 to {n_points}.")


def _sketch_and_lift(
    X: Float[np.ndarray, "n p"], n_clusters: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Cluster a few points exactly and give each point its nearest centroid, with the squared distance to it.

    Of several sketches the one with the smallest sum of squared distances is taken.
    """
    size = max(SKETCH_SIZE, SKETCH_SIZE_PER_CLUSTER * n_clusters)
    if len(X) <= size:
        return _lift(X, X, n_clusters, rng)
    sketches = (X[rng.choice(len(X), size, replace=False)] for _ in range(SKETCHES))
    return min((_lift(X, sketch, n_clusters, rng) for sketch in sketches), key=lambda lifted: lifted[1].sum())


def _lift(
    X: Float[np.ndarray, "n p"], sketch: Float[np.ndarray, "m p"], n_clusters: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    solution = kmeans_sdp(sketch, n_clusters, solver="admm", tol=SKETCH_TOL)
    rounded = round_membership(solution, n_clusters, int(rng.integers(np.iinfo(np.int32).max)))
    return pairwise_distances_argmin_min(X, cluster_means(sketch, rounded, n_clusters), metric="sqeuclidean")


def _match_to_covariances(likelihood: LiftedLikelihood, labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Renumber clusters so that the likelihood of each under its covariance is highest in total."""
    K = likelihood.n_blocks
    scores = np.empty((K, K))
    for shift in range(K):
        deviances = likelihood.deviances_to_centroids((labels + shift) % K)
        for cluster in range(K):
            block = (cluster + shift) % K
            scores[cluster, block] = deviances[labels == cluster, block].sum()
    return linear_sum_assignment(scores)[1][labels]


def _kmeans(
    rows: Float[np.ndarray, "n K"], n_clusters: int, random_state: int | np.random.RandomState | None
) -> Int[np.ndarray, " n"]:
    model = KMeans(n_clusters, n_init=ROUNDING_STARTS, random_state=random_state)
    return model.fit_predict(rows).astype(np.intp)

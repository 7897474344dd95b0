"""iLA-SDP as a clustering estimator."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from tqdm import tqdm

from reprise.discover.ila_sdp import admm
from reprise.discover.ila_sdp.likelihood import LiftedLikelihood
from reprise.discover.ila_sdp.mixture import PartitionModel, model_partition, refill
from reprise.discover.ila_sdp.programs import (
    Solver,
    check_labels,
    choose_solver,
    kmeans_sdp,
    round_membership,
    solve_lowrank,
)
from reprise.discover.ila_sdp.solution import LiftedSolution
from reprise.errors import InvalidInputError
from reprise.nn.mixtures import GaussianFactors

TOL_OF: dict[str, float] = {"admm": 1e-4, "lowrank": 1e-3}
"""Relative residuals at which the solvers stop inside the iteration; rounding does not see the difference."""

PATIENCE = 3
"""Iterations in a row that may fail to raise the likelihood."""

REFILL_SHARE = 0.25
"""An emptied cluster is given this share of n / K points."""


class LikelihoodAdjustedSDP(ClusterMixin, BaseEstimator):
    """Cluster points whose groups differ in shape and spread: iterative likelihood-adjusted SDP (iLA-SDP).

    K-means and its SDP cut groups of unequal covariance wrongly; expectation-maximisation depends on where its means
    start. This estimator maximises the exact Gaussian likelihood of the *partition*, in which the means are profiled
    out::

        2 loglik = - sum_k [ |G_k| log|S_k| + sum_{i in G_k} (x_i - mean_k)^T S_k^{-1} (x_i - mean_k) ]

    Lifted to membership matrices ``Z_k = 1_{G_k} 1_{G_k}^T / |G_k|`` it is linear, ``sum_k <A_k, Z_k>``, and each
    iteration solves its semidefinite relaxation (see `la_sdp`), rounds ``argmax_k (Z_k 1)_i`` and re-estimates the
    covariances without centroids. The first covariances are equal, so the iteration starts from the k-means SDP, which
    has no starting points to be unlucky with. The partition of highest likelihood is kept.

    Parameters
    ----------
    n_clusters : number K of clusters.
    max_iter : iterations at most; it stops earlier when a partition repeats, its likelihood no longer changes, or the
        best likelihood is three iterations old.
    solver : ``"admm"`` solves each program exactly, O(K n^3) a sweep; ``"lowrank"`` over non-negative factors, O(n p K)
        a step and O(n (p + K)) memory, to a local optimum; ``"auto"`` is exact up to 100 points.
    rank : columns of each low-rank factor. With 1 a solution is close to a partition; with 2 or 3 its value is close
        to that of the exact relaxation.
    update : ``"soft"`` estimates covariances from the relaxed memberships,
        ``[X^T diag(w_k) X - X^T Z_k X] / sum(w_k)``; ``"rounded"`` from the rounded partition, which is quicker and
        mostly ends at a partition of lower likelihood.
    ridge : share of a cluster's mean variance that is added to the diagonal of its covariance; with 0, a cluster of no
        more points than dimensions is an error.
    init : ``"sdp"`` for the k-means SDP, or (n,) labels 0 to K - 1.
    reduce : number of Fisher directions (largest between- over within-cluster scatter) in which the clusters are
        modelled, found anew in each iteration; for many dimensions. None keeps all of them.
    tol : change of ``2 loglik / n`` that counts as none.
    certificate_size : with the low-rank solver, points of a random subsample on which tightness is certified by the
        exact one; 0 for none.
    random_state : seeds the rounding, the sketch of the low-rank start, its noise, and the certificate's subsample.
    verbose : show a progress bar with the best likelihood so far.

    Attributes
    ----------
    labels_ : (n,) clusters.
    means_ : (K, p) centroids; (K, q) in the reduced space where `reduce` is given.
    covariances_ : (K, p, p) covariances of the clusters with the ridge; likewise (K, q, q).
    objective_ : twice the profile log likelihood of `labels_`, up to ``-n p log 2 pi``.
    history_ : that of each iterate, the start first.
    memberships_ : `LiftedSolution` of the program at `covariances_`: matrices Z_k or factors U_k.
    gap_ : twice log likelihood per point by which the best partition under `covariances_` can at most exceed
        `labels_`, from the dual of the program; 0 (up to the solver's tolerance) certifies `labels_`. Of the subsample
        where the solver is low-rank, infinite where there is no certificate.
    start_labels_ : (n,) the partition it started from: the rounded k-means SDP, or `init`.
    projection_ : (p, q) directions, or None.
    n_iter_ : programs solved.

    Raises
    ------
    InvalidInputError
        If n < 2 K, a covariance is singular while `ridge` is 0 (the message names the cluster), `init` is not a
        partition of n points into K clusters, `reduce` exceeds p, or the exact solver is asked for more than 2000
        points.

    Notes
    -----
    The likelihood of a partition takes no account of overlap: where clusters overlap much it is biased, and EM
    estimates better. It has no mixing proportions either: clusters are taken as equally likely.

    References
    ----------
    Y. Zhuang, X. Chen, Y. Yang, "Likelihood adjusted semidefinite programs for clustering heterogeneous data", 2023,
    arXiv 2209.15097. No official code is known.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> long = rng.normal(size=(40, 2)) * [6.0, 0.3]
    >>> small = rng.normal(size=(40, 2)) * 0.3 + [0.0, 3.0]
    >>> model = LikelihoodAdjustedSDP(n_clusters=2, random_state=0).fit(np.vstack([long, small]))
    >>> np.bincount(model.labels_).tolist()
    [40, 40]
    >>> model.predict([[9.0, 0.0]]) == model.labels_[0]
    array([ True])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions({"auto", "admm", "lowrank"})],
        "rank": [Interval(Integral, 1, None, closed="left")],
        "update": [StrOptions({"rounded", "soft"})],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "init": [StrOptions({"sdp"}), "array-like"],
        "reduce": [None, Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "certificate_size": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_clusters: int = 2,
        *,
        max_iter: int = 20,
        solver: Solver = "auto",
        rank: int = 2,
        update: Literal["rounded", "soft"] = "soft",
        ridge: float = 1e-3,
        init: Literal["sdp"] | ArrayLike = "sdp",
        reduce: int | None = None,
        tol: float = 1e-4,
        certificate_size: int = 60,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.n_clusters = n_clusters
        self.max_iter = max_iter
        self.solver = solver
        self.rank = rank
        self.update = update
        self.ridge = ridge
        self.init = init
        self.reduce = reduce
        self.tol = tol
        self.certificate_size = certificate_size
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: object = None) -> LikelihoodAdjustedSDP:
        """Cluster the rows of `X`.

        Parameters
        ----------
        X : (n, p) points, n at least 2 K.
        y : ignored.

        Returns
        -------
        self
        """
        self._validate_params()
        points: Float[np.ndarray, "n p"] = validate_data(self, X, dtype=float, ensure_min_samples=2)
        n, p = points.shape
        if n < 2 * self.n_clusters:
            raise InvalidInputError(
                f"n_samples={n} points were given for {self.n_clusters} clusters; expected at least two a cluster."
            )
        if self.reduce is not None and self.reduce > p:
            raise InvalidInputError(f"reduce={self.reduce} directions were asked of {p} dimensions.")
        solver = choose_solver(self.solver, n)
        state = check_random_state(self.random_state)
        program = _Program(
            solver, self.n_clusters, self.rank, np.random.default_rng(state.randint(np.iinfo(np.int32).max))
        )

        self.start_labels_ = self._start(points, solver, state)
        best, self.history_ = self._iterate(points, self.start_labels_, program)
        self.n_iter_ = len(self.history_) - 1
        self.labels_, self.means_, self.covariances_ = best.labels, best.means, best.covariances
        self.objective_, self.projection_ = best.objective, best.projection
        self.memberships_ = program.solve(best.X, best.labels, best.covariances)
        self.gap_ = program.gap(best, self.memberships_, self.certificate_size)
        return self

    def predict(self, X: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give each point to the cluster under whose Gaussian it is most likely; O(n K p^2).

        Parameters
        ----------
        X : (n, p) points.

        Returns
        -------
        (n,) int array
        """
        check_is_fitted(self)
        points: Float[np.ndarray, "n p"] = validate_data(self, X, dtype=float, reset=False)
        if self.projection_ is not None:
            points = points @ self.projection_
        return GaussianFactors.of(self.covariances_).deviances(points, self.means_).argmin(axis=1)

    def _start(
        self, X: Float[np.ndarray, "n p"], solver: Literal["admm", "lowrank"], state: np.random.RandomState
    ) -> Int[np.ndarray, " n"]:
        if not isinstance(self.init, str):
            labels = check_labels(self.init, len(X), self.n_clusters)
        elif self.n_clusters == 1:
            labels = np.zeros(len(X), dtype=np.intp)
        else:
            lifted = kmeans_sdp(X, self.n_clusters, solver=solver, tol=TOL_OF[solver], random_state=state)
            labels = round_membership(lifted, self.n_clusters, state)
        return self._refill(labels, ((X - X.mean(axis=0)) ** 2).sum(axis=1), X.shape[1])

    def _refill(self, labels: Int[np.ndarray, " n"], misfit: Float[np.ndarray, " n"], p: int) -> Int[np.ndarray, " n"]:
        size = max(p + 1, int(REFILL_SHARE * len(labels) / self.n_clusters))
        return refill(labels, misfit, self.n_clusters, size)

    def _iterate(
        self, X: Float[np.ndarray, "n p"], labels: Int[np.ndarray, " n"], program: _Program
    ) -> tuple[PartitionModel, Float[np.ndarray, " iterates"]]:
        """Alternate program and covariances; give the iterate of highest exact likelihood, and all likelihoods."""
        least_change = self.tol * len(X)
        best = model = model_partition(X, labels, self.n_clusters, ridge=self.ridge, reduce=self.reduce)
        history, seen, idle = [model.objective], {labels.tobytes()}, 0
        rounds = tqdm(range(self.max_iter), desc="iLA-SDP", disable=not self.verbose)
        for _ in rounds:
            rounds.set_postfix_str(f"2 loglik = {best.objective:.6g}")
            solution = program.solve(model.X, labels, model.working)
            rounded = solution.weights.argmax(axis=1)
            labels = self._refill(rounded, model.misfit, X.shape[1])
            # Memberships that lost a cluster say nothing of the cluster that takes its place.
            soft = solution if self.update == "soft" and np.array_equal(labels, rounded) else None
            model = model_partition(X, labels, self.n_clusters, ridge=self.ridge, reduce=self.reduce, soft=soft)
            history.append(model.objective)
            idle = 0 if model.objective > best.objective + least_change else idle + 1
            if model.objective > best.objective:
                best = model
            unchanged = labels.tobytes() in seen or abs(history[-1] - history[-2]) <= least_change
            if unchanged or idle == PATIENCE:
                break
            seen.add(labels.tobytes())
        rounds.close()
        return best, np.array(history)


class _Program:
    """Solves LA-SDP for one covariance estimate after another, each from where the last one stopped."""

    def __init__(self, solver: Literal["admm", "lowrank"], n_clusters: int, rank: int, rng: np.random.Generator):
        self.solver, self.traces, self.rank, self.rng = solver, np.ones(n_clusters), rank, rng
        self.stopped: admm.DualState | None = None

    def solve(
        self, X: Float[np.ndarray, "n q"], labels: Int[np.ndarray, " n"], covariances: Float[np.ndarray, "K q q"]
    ) -> LiftedSolution:
        likelihood = LiftedLikelihood.of(X, covariances)
        if self.solver == "lowrank":
            solution = solve_lowrank(likelihood, labels, self.rank, self.rng, tol=TOL_OF["lowrank"])
        else:
            solution, self.stopped = self._solve_exactly(likelihood, labels, self.stopped)
        return solution.shifted(likelihood.constant)

    def gap(self, model: PartitionModel, solution: LiftedSolution, certificate_size: int) -> float:
        """By how much, per point, a partition could beat the model's at its covariances."""
        X, labels, bound = model.X, model.labels, solution.upper_bound
        likelihood = LiftedLikelihood.of(X, model.covariances)
        if self.solver == "lowrank":
            size = min(certificate_size, len(X))
            if size < len(self.traces):
                return float(np.inf)
            chosen = self.rng.choice(len(X), size, replace=False)
            likelihood, labels = LiftedLikelihood.of(X[chosen], model.covariances), labels[chosen]
            bound = self._solve_exactly(likelihood, labels, None)[0].upper_bound + likelihood.constant
        return max(bound - likelihood.constant - likelihood.value(labels), 0.0) / len(labels)

    def _solve_exactly(
        self, likelihood: LiftedLikelihood, labels: Int[np.ndarray, " n"], start: admm.DualState | None
    ) -> tuple[LiftedSolution, admm.DualState]:
        start = start or admm.state_of_partition(likelihood, labels)
        return admm.solve(likelihood.dense(), self.traces, tol=TOL_OF["admm"], start=start)

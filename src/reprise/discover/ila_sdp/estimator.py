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
from reprise.nn.mixtures import GaussianFactors, cluster_covariances

SOLVER_TOL = 1e-4
"""Relative residual at which the exact solver stops inside the iteration; rounding does not see the difference."""

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
    max_iter : iterations at most; it stops earlier when a partition repeats or its likelihood no longer changes.
    solver : ``"admm"`` solves each program exactly, O(K n^3) a sweep; ``"lowrank"`` over non-negative factors, O(n p K)
        a step and O(n (p + K)) memory, to a local optimum; ``"auto"`` is exact up to 100 points.
    rank : columns of each low-rank factor. With 1 a solution is close to a partition; with 2 or 3 its value is close
        to that of the exact relaxation.
    update : ``"rounded"`` estimates covariances from the rounded partition, ``"soft"`` from the relaxed memberships,
        ``[X^T diag(w_k) X - X^T Z_k X] / sum(w_k)``.
    ridge : share of a cluster's mean variance that is added to the diagonal of its covariance; with 0, a cluster of no
        more points than dimensions is an error.
    init : ``"sdp"`` for the k-means SDP, or (n,) labels 0 to K - 1.
    reduce : number of Fisher directions (largest between- over within-cluster scatter) in which the clusters are
        modelled, found anew in each iteration; for many dimensions. None keeps all of them.
    tol : change of ``2 loglik / n`` below which the iteration stops.
    certificate_size : with the low-rank solver, points of a random subsample on which tightness is certified by the
        exact one; 0 for none.
    random_state : seeds the rounding, the sketch of the low-rank start, its noise, and the certificate's subsample.
    verbose : print each iteration's likelihood.

    Attributes
    ----------
    labels_ : (n,) clusters.
    means_ : (K, p) centroids; (K, q) in the reduced space where `reduce` is given.
    covariances_ : (K, p, p) covariances of the clusters with the ridge; likewise (K, q, q).
    objective_ : twice the profile log likelihood of `labels_`, up to ``-n p log 2 pi``.
    history_ : that of each iterate, the start first.
    memberships_ : `LiftedSolution` of the program at `covariances_`: matrices Z_k or factors U_k.
    gap_ : twice log likelihood per point by which the best partition under `covariances_` can at most exceed
        `labels_`, from the dual of the program; 0 certifies `labels_`. Of the subsample where the solver is low-rank,
        infinite where there is no certificate.
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
        n_clusters: int = 8,
        *,
        max_iter: int = 20,
        solver: Solver = "auto",
        rank: int = 1,
        update: Literal["rounded", "soft"] = "rounded",
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
        X = validate_data(self, X, dtype=float, ensure_min_samples=2)
        n, p = X.shape
        if n < 2 * self.n_clusters:
            raise InvalidInputError(
                f"n_samples={n} points were given for {self.n_clusters} clusters; expected at least two a cluster."
            )
        if self.reduce is not None and self.reduce > p:
            raise InvalidInputError(f"reduce={self.reduce} directions were asked of {p} dimensions.")
        solver = choose_solver(self.solver, n)
        state = check_random_state(self.random_state)
        rng = np.random.default_rng(state.randint(np.iinfo(np.int32).max))

        labels = self._start(X, solver, state)
        self.start_labels_ = labels
        best, best_solution = None, None
        soft: LiftedSolution | None = None
        warm: admm.DualState | None = None
        history: list[float] = []
        seen: set[bytes] = set()
        while True:
            model = model_partition(X, labels, self.n_clusters, ridge=self.ridge, reduce=self.reduce, soft=soft)
            history.append(model.objective)
            if self.verbose:
                print(f"[LikelihoodAdjustedSDP] iteration {len(history) - 1}: 2 loglik = {model.objective:.6g}")
            improved = best is None or model.objective > best.objective
            if improved:
                best, best_solution = model, None
            settled = len(history) > 1 and abs(history[-1] - history[-2]) <= self.tol * n
            if settled or labels.tobytes() in seen or len(history) > self.max_iter:
                break
            seen.add(labels.tobytes())
            solution, warm = self._solve(model, model.working, solver, rng, warm)
            if improved and soft is None:
                best_solution = solution
            labels = refill(
                solution.weights.argmax(axis=1), model.misfit, self.n_clusters, self._refill_size(n, X.shape[1])
            )
            soft = solution if self.update == "soft" else None

        if best_solution is None:
            best_solution, _ = self._solve(best, best.covariances, solver, rng, warm)
        self.n_iter_ = len(history) - 1
        self.history_ = np.array(history)
        self.labels_, self.means_, self.covariances_ = best.labels, best.means, best.covariances
        self.objective_, self.projection_ = best.objective, best.projection
        self.memberships_ = best_solution
        self.gap_ = self._gap(best, best_solution, solver, rng)
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
        X = validate_data(self, X, dtype=float, reset=False)
        if self.projection_ is not None:
            X = X @ self.projection_
        return GaussianFactors.of(self.covariances_).deviances(X, self.means_).argmin(axis=1)

    def _start(
        self, X: Float[np.ndarray, "n p"], solver: Solver, state: np.random.RandomState
    ) -> Int[np.ndarray, " n"]:
        n = len(X)
        if not isinstance(self.init, str):
            labels = check_labels(self.init, n, self.n_clusters)
        elif self.n_clusters == 1:
            return np.zeros(n, dtype=np.intp)
        else:
            lifted = kmeans_sdp(X, self.n_clusters, solver=solver, tol=SOLVER_TOL, random_state=state)
            labels = round_membership(lifted, self.n_clusters, state)
        centre_distances = ((X - X.mean(axis=0)) ** 2).sum(axis=1)
        return refill(labels, centre_distances, self.n_clusters, self._refill_size(*X.shape))

    def _refill_size(self, n: int, p: int) -> int:
        return max(p + 1, int(REFILL_SHARE * n / self.n_clusters))

    def _solve(
        self,
        model: PartitionModel,
        covariances: Float[np.ndarray, "K q q"],
        solver: Solver,
        rng: np.random.Generator,
        warm: admm.DualState | None,
    ) -> tuple[LiftedSolution, admm.DualState | None]:
        likelihood = LiftedLikelihood.of(model.X, covariances)
        if solver == "admm":
            start = warm or admm.state_of_partition(likelihood, model.labels)
            solution, warm = admm.solve(likelihood.dense(), np.ones(self.n_clusters), tol=SOLVER_TOL, start=start)
        else:
            solution = solve_lowrank(likelihood, model.labels, self.rank, rng)
        return solution.shifted(likelihood.constant), warm

    def _gap(self, model: PartitionModel, solution: LiftedSolution, solver: Solver, rng: np.random.Generator) -> float:
        X, labels = model.X, model.labels
        bound = solution.upper_bound
        likelihood = LiftedLikelihood.of(X, model.covariances)
        if solver == "lowrank":
            size = min(self.certificate_size, len(X))
            if size < self.n_clusters:
                return float(np.inf)
            chosen = rng.choice(len(X), size, replace=False)
            likelihood, labels = LiftedLikelihood.of(X[chosen], model.covariances), labels[chosen]
            start = admm.state_of_partition(likelihood, labels)
            exact, _ = admm.solve(likelihood.dense(), np.ones(self.n_clusters), tol=SOLVER_TOL, start=start)
            bound = exact.upper_bound + likelihood.constant
        return max(bound - likelihood.constant - likelihood.value(labels), 0.0) / len(labels)

"""The solver for many points: the same program over non-negative low-rank factors.

With ``Z_k = U_k U_k^T``, U_k of size (n, r), the cone constraints become ``U_k >= 0`` and the traces
``||U_k||_F^2 = t_k``; what is left, ``w = sum_k U_k (U_k^T 1) = 1``, goes into an augmented Lagrangian::

    - sum_k <A_k, U_k U_k^T> + <y, w - 1> + (beta / 2) ||w - 1||^2

which spectral projected gradient (Barzilai-Borwein steps, non-monotone line search) minimises over the product of
spheres and the non-negative orthant: there the projection is to clip at zero and rescale each block. A product
``A_k U_k`` costs O(n p r), and no n x n matrix is formed.

The multipliers y start at the point-wise log likelihood of the starting partition, for which that partition is
stationary up to the points that another cluster explains better. Started at y = 0 instead, the first steps would
leave the partition they were given, and often lose a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reprise.discover.ila_sdp.likelihood import LiftedLikelihood
from reprise.discover.ila_sdp.solution import LiftedSolution

PENALTY = 1.0
"""First beta, in units of the mean absolute cost."""

PENALTY_GROWTH = 1.1
PENALTY_LIMIT = 10.0
"""A stiffer penalty is met sooner, at a worse partition: points then hardly leave the cluster they start in."""

MAX_OUTER = 60
INNER_STEPS = 20

FIRST_MOVE = 1e-2
"""Length of the first step, relative to U."""

MEMORY = 8
"""A step may be worse than the last one, but not than the worst of so many."""

SUFFICIENT_DECREASE = 1e-4
BACKTRACK = 0.3
STEP_BOUNDS = (1e-12, 1e8)
STILL = 1e-5
"""Relative step below which the inner loop rests."""


def factors_of_labels(
    labels: Int[np.ndarray, " n"], n_clusters: int, rank: int, noise: float, rng: np.random.Generator
) -> Float[np.ndarray, "K r n"]:
    """Start each U_k at the indicator of its cluster, in every column, with uniform noise that tells them apart."""
    factors = noise * rng.random((n_clusters, rank, len(labels)))
    factors += (labels == np.arange(n_clusters)[:, None])[:, None]
    return factors


def solve(
    likelihood: LiftedLikelihood,
    traces: Float[np.ndarray, " K"],
    start: Float[np.ndarray, "K r n"],
    multipliers: Float[np.ndarray, " n"],
    *,
    tol: float = 1e-4,
) -> LiftedSolution:
    """Find a local optimum of the factored program.

    Parameters
    ----------
    likelihood : the affinities.
    traces : (K,) traces t_k.
    start : (K, r, n) factors, non-negative; points last.
    multipliers : (n,) first y, on the scale of the likelihood.
    tol : stop when the root mean square of w - 1 is below this, and the last inner loop moved the value of the
        program by less than this share of the mean absolute cost times n.

    Notes
    -----
    O(n p K r) a step, O(n (p + K r)) memory.

    References
    ----------
    Y. Zhuang, X. Chen, Y. Yang, R. Y. Zhang, "Statistically optimal K-means clustering via nonnegative low-rank
    semidefinite programming", 2024, arXiv 2305.18436, for the factored program; E. G. Birgin, J. M. Martínez,
    M. Raydan, "Nonmonotone spectral projected gradient methods on convex sets", 2000, for the inner method.
    """
    problem = _AugmentedLagrangian(likelihood, np.asarray(traces, dtype=float))
    n = likelihood.n_points
    y, penalty = multipliers / problem.scale, PENALTY
    search = _Search(problem, start)
    search.evaluate(y, penalty)
    last_residual, last_value = np.inf, np.inf
    for _ in range(MAX_OUTER):
        search.descend(y, penalty)
        point = search.point
        residual = float(np.linalg.norm(point.excess)) / np.sqrt(n)
        if residual < tol and abs(point.value - last_value) < tol * n:
            break
        y = y + penalty * point.excess
        if residual > last_residual / 2:
            penalty = min(penalty * PENALTY_GROWTH, PENALTY_LIMIT)
        last_residual, last_value = residual, point.value
        search.evaluate(y, penalty)
    return LiftedSolution(
        objective=-search.point.value * problem.scale,
        residual=residual,
        n_iter=problem.evaluations,
        factors=search.point.U.transpose(2, 0, 1),
    )


@dataclass
class _Point:
    """A place and what is known of it; the large arrays are reused, for fresh ones cost as much as the arithmetic."""

    U: Float[np.ndarray, "K r n"]
    gradient: Float[np.ndarray, "K r n"]
    excess: Float[np.ndarray, " n"]
    lagrangian: float = np.inf
    value: float = np.inf


class _AugmentedLagrangian:
    """Value and gradient, everything divided by the mean absolute cost; U is (K, r, n), points last, for speed."""

    def __init__(self, likelihood: LiftedLikelihood, traces: Float[np.ndarray, " K"]):
        self.X, self.traces = likelihood.X, traces
        self.scale = max(float(np.abs(likelihood.costs).mean()), np.finfo(float).tiny)
        self.precisions = likelihood.precisions / self.scale
        self.costs = np.ascontiguousarray(likelihood.costs.T) / self.scale
        self.evaluations = 0

    def project(self, U: Float[np.ndarray, "K r n"]) -> None:
        """Move U in place to the nearest point of the spheres in the non-negative orthant."""
        flat = U.reshape(len(U), -1)
        peaks = flat.argmax(axis=1)
        np.maximum(flat, 0, out=flat)
        squares = np.einsum("kj,kj->k", flat, flat)
        for k in np.flatnonzero(squares == 0):
            flat[k, peaks[k]] = squares[k] = 1.0
        flat *= np.sqrt(self.traces / squares)[:, None]

    def evaluate(self, point: _Point, y: Float[np.ndarray, " n"], penalty: float) -> None:
        """Fill in everything about the point's U."""
        self.evaluations += 1
        U, gradient = point.U, point.gradient
        K, r, n = U.shape
        flat = U.reshape(K * r, n)
        UX = (flat @ self.X).reshape(K, r, -1)
        PUX = UX @ self.precisions
        sums = U.sum(axis=2)
        costs = (U @ self.costs[:, :, None])[:, :, 0]
        np.matmul(sums.ravel(), flat, out=point.excess)
        point.excess -= 1
        force = y + penalty * point.excess
        np.matmul(-2 * PUX.reshape(K * r, -1), self.X.T, out=gradient.reshape(K * r, n))
        constants = costs + (flat @ force).reshape(K, r)
        for k, cost in enumerate(self.costs):
            pull = cost + force
            for j in range(r):
                gradient[k, j] += sums[k, j] * pull
                gradient[k, j] += constants[k, j]
        # Along the sphere only: the radial part changes nothing but could push a long step through the origin.
        radial = np.einsum("krn,krn->k", gradient, U) / self.traces
        for k in range(K):
            for j in range(r):
                gradient[k, j] -= radial[k] * U[k, j]
        point.value = float(np.vdot(costs, sums) - np.vdot(UX, PUX))
        point.lagrangian = point.value + float(y @ point.excess) + penalty / 2 * float(point.excess @ point.excess)


class _Search:
    """Spectral projected gradient on one augmented Lagrangian after another."""

    def __init__(self, problem: _AugmentedLagrangian, start: Float[np.ndarray, "K r n"]):
        self.problem, n = problem, start.shape[2]
        self.point = _Point(start.copy(), np.empty_like(start), np.empty(n))
        self.trial = _Point(np.empty_like(start), np.empty_like(start), np.empty(n))
        self.move = np.empty_like(start)
        self.size = float(np.sqrt(problem.traces.sum()))
        self.step: float | None = None
        problem.project(self.point.U)

    def evaluate(self, y: Float[np.ndarray, " n"], penalty: float) -> None:
        """Take up new multipliers at the present point."""
        self.problem.evaluate(self.point, y, penalty)

    def descend(self, y: Float[np.ndarray, " n"], penalty: float) -> None:
        """Take up to INNER_STEPS steps from the present point."""
        if self.step is None:
            steepness = float(np.linalg.norm(self.point.gradient))
            self.step = FIRST_MOVE * self.size / max(steepness, np.finfo(float).tiny)
        recent = [self.point.lagrangian]
        for _ in range(INNER_STEPS):
            moved = self._line_search(max(recent[-MEMORY:]), y, penalty)
            curvature = float(np.vdot(self.move, self.trial.gradient) - np.vdot(self.move, self.point.gradient))
            self.point, self.trial = self.trial, self.point
            recent.append(self.point.lagrangian)
            self.step = float(np.clip(moved / curvature if curvature > 0 else 2 * self.step, *STEP_BOUNDS))
            if np.sqrt(moved) < STILL * self.size:
                break

    def _line_search(self, ceiling: float, y: Float[np.ndarray, " n"], penalty: float) -> float:
        """Shorten the step until the trial point is below the ceiling; give the squared length of the move."""
        assert self.step is not None
        while True:
            np.multiply(self.point.gradient, -self.step, out=self.trial.U)
            self.trial.U += self.point.U
            self.problem.project(self.trial.U)
            self.problem.evaluate(self.trial, y, penalty)
            np.subtract(self.trial.U, self.point.U, out=self.move)
            moved = float(np.vdot(self.move, self.move))
            enough = ceiling - SUFFICIENT_DECREASE / (2 * self.step) * moved
            if self.trial.lagrangian <= enough or self.step < STEP_BOUNDS[0]:
                return moved
            self.step *= BACKTRACK

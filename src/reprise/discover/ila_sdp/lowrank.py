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
    U = problem.project(start.copy())
    point = problem.evaluate(U, y, penalty)
    step = 1e-2 * np.linalg.norm(U) / max(float(np.linalg.norm(point.gradient)), np.finfo(float).tiny)
    last_residual, last_value = np.inf, np.inf
    for _ in range(MAX_OUTER):
        U, point, step = _descend(problem, U, point, y, penalty, step)
        residual = float(np.linalg.norm(point.excess)) / np.sqrt(n)
        if residual < tol and abs(point.value - last_value) < tol * n:
            break
        y = y + penalty * point.excess
        if residual > last_residual / 2:
            penalty = min(penalty * PENALTY_GROWTH, PENALTY_LIMIT)
        last_residual, last_value = residual, point.value
        point = problem.evaluate(U, y, penalty)
    return LiftedSolution(
        objective=-point.value * problem.scale, residual=residual, n_iter=problem.evaluations, factors=U.transpose(2, 0, 1)
    )


@dataclass
class _Point:
    lagrangian: float
    gradient: Float[np.ndarray, "K r n"]
    excess: Float[np.ndarray, " n"]
    value: float


class _AugmentedLagrangian:
    """Value and gradient, everything divided by the mean absolute cost; U is (K, r, n), points last, for speed."""

    def __init__(self, likelihood: LiftedLikelihood, traces: Float[np.ndarray, " K"]):
        self.X, self.traces = likelihood.X, traces
        self.scale = max(float(np.abs(likelihood.costs).mean()), np.finfo(float).tiny)
        self.precisions = likelihood.precisions / self.scale
        self.costs = np.ascontiguousarray(likelihood.costs.T) / self.scale
        self.evaluations = 0

    def project(self, V: Float[np.ndarray, "K r n"]) -> Float[np.ndarray, "K r n"]:
        """Give the nearest point of the spheres in the non-negative orthant, in place."""
        flat = V.reshape(len(V), -1)
        peaks = flat.argmax(axis=1)
        np.maximum(flat, 0, out=flat)
        squares = np.einsum("kj,kj->k", flat, flat)
        for k in np.flatnonzero(squares == 0):
            flat[k, peaks[k]] = squares[k] = 1.0
        flat *= np.sqrt(self.traces / squares)[:, None]
        return V

    def evaluate(self, U: Float[np.ndarray, "K r n"], y: Float[np.ndarray, " n"], penalty: float) -> _Point:
        self.evaluations += 1
        K, r, n = U.shape
        flat = U.reshape(K * r, n)
        UX = (flat @ self.X).reshape(K, r, -1)
        PUX = UX @ self.precisions
        sums = U.sum(axis=2)
        costs = (U @ self.costs[:, :, None])[:, :, 0]
        value = float(np.vdot(costs, sums) - np.vdot(UX, PUX))
        excess = sums.ravel() @ flat - 1
        force = y + penalty * excess
        gradient = ((-2 * PUX.reshape(K * r, -1)) @ self.X.T).reshape(K, r, n)
        gradient += sums[:, :, None] * (self.costs + force)[:, None]
        gradient += (costs + (flat @ force).reshape(K, r))[:, :, None]
        # Along the sphere only: the radial part changes nothing but could push a long step through the origin.
        radial = np.einsum("krn,krn->k", gradient, U) / self.traces
        gradient -= radial[:, None, None] * U
        lagrangian = value + float(y @ excess) + penalty / 2 * float(excess @ excess)
        return _Point(lagrangian, gradient, excess, value)


def _descend(
    problem: _AugmentedLagrangian,
    U: Float[np.ndarray, "K r n"],
    point: _Point,
    y: Float[np.ndarray, " n"],
    penalty: float,
    step: float,
) -> tuple[Float[np.ndarray, "K r n"], _Point, float]:
    """Take up to INNER_STEPS spectral projected gradient steps; gives the last point and the next step's size."""
    size = float(np.sqrt(problem.traces.sum()))
    recent = [point.lagrangian]
    for _ in range(INNER_STEPS):
        while True:
            candidate = problem.project(U - step * point.gradient)
            new = problem.evaluate(candidate, y, penalty)
            move = candidate - U
            moved = float(np.vdot(move, move))
            bound = max(recent[-MEMORY:]) - SUFFICIENT_DECREASE / (2 * step) * moved
            if new.lagrangian <= bound or step < STEP_BOUNDS[0]:
                break
            step *= BACKTRACK
        curvature = float(np.vdot(move, new.gradient) - np.vdot(move, point.gradient))
        U, point = candidate, new
        recent.append(point.lagrangian)
        step = float(np.clip(moved / curvature if curvature > 0 else 2 * step, *STEP_BOUNDS))
        if np.sqrt(moved) < STILL * size:
            break
    return U, point, step

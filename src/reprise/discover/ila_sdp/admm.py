"""The exact solver: ADMM on the dual of the K-block program.

The program, for affinities A_k and traces t_k::

    maximise  sum_k <A_k, Z_k>   subject to   Z_k PSD,  Z_k >= 0,  tr Z_k = t_k,  (sum_k Z_k) 1 = 1

is LA-SDP with t_k = 1, and the Peng-Wei relaxation of k-means with one block and trace K. Its dual has multipliers a
(rows), b (traces), PSD slacks S_k and non-negative slacks N_k, tied by ``A_k^*(a, b) + S_k + N_k = -A_k``, where
``A_k^*(a, b) = (a 1^T + 1 a^T) / 2 + b_k I``. Each sweep solves for the multipliers (closed form), the PSD slack (one
eigendecomposition a block, of which only the positive side is computed: it is the low-rank one), the multipliers
again, which is what makes a three-block ADMM converge, and the non-negative slack; Z is the multiplier of the tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

from reprise.discover.ila_sdp.likelihood import LiftedLikelihood
from reprise.discover.ila_sdp.solution import LiftedSolution

STEP = 1.618
"""Step of the multiplier update; below (1 + sqrt 5) / 2 the method converges."""

CHECK_EVERY = 10
"""Sweeps between looks at the residuals."""

BALANCE_EVERY = 20
BALANCE_SPACING = 1.3
"""Sweeps between moves of the penalty, at first; later they lie this factor apart, or the sweeps could cycle."""

BALANCE_FACTOR = 1.4
BALANCE_RATIO = 2.0
"""The penalty moves by the factor when one residual is this many times the other."""

LEAST_TYPICAL_SHARE = 1e-3
"""The typical size of an affinity is its median, but no less than this share of its mean."""

SINGLE_THREAD_UP_TO = 400
"""Below this size more BLAS threads cost an eigendecomposition more than they bring."""


@dataclass(frozen=True)
class DualState:
    """Where the solver stopped; the next program of the same size may start there."""

    matrices: Float[np.ndarray, "K n n"]
    slacks: Float[np.ndarray, "K n n"]
    multipliers: Float[np.ndarray, " constraints"]


def solve(
    affinities: Float[np.ndarray, "K n n"],
    traces: Float[np.ndarray, " K"],
    *,
    tol: float = 1e-5,
    max_iter: int = 2000,
    start: DualState | None = None,
) -> tuple[LiftedSolution, DualState]:
    """Solve the K-block program.

    Parameters
    ----------
    affinities : (K, n, n) symmetric A_k.
    traces : (K,) positive t_k.
    tol : largest relative residual (constraints, cones, dual tie, duality gap) at which to stop.
    max_iter : sweeps at most; the solution's `residual` says what was reached.
    start : where an earlier call stopped.

    Returns
    -------
    solution : with an upper bound that holds whatever residual was reached (up to rounding).
    state : to start the next call from.

    Notes
    -----
    O(K n^3) a sweep, O(K n^2) memory, typically 100 to 400 sweeps.

    References
    ----------
    D. Sun, K.-C. Toh, L. Yang, "A convergent 3-block semi-proximal alternating direction method of multipliers for
    conic programming with 4-type constraints", 2015, arXiv 1404.5378.
    """
    limit = 1 if affinities.shape[1] <= SINGLE_THREAD_UP_TO else None
    with threadpool_limits(limits=limit, user_api="blas"):
        return _sweep(affinities, np.asarray(traces, dtype=float), tol, max_iter, start)


def state_of_partition(likelihood: LiftedLikelihood, labels: Int[np.ndarray, " n"]) -> DualState:
    """Start at a partition: its matrices, and the multipliers for which it is almost stationary.

    The row multipliers are the deviances of the points in their own clusters, and the slacks what is then missing
    between clusters. The optimum does not depend on the start; the number of sweeps does, by up to ten times.
    """
    n, K = likelihood.costs.shape
    own = likelihood.deviances_to_centroids(labels)[np.arange(n), labels]
    members = labels == np.arange(K)[:, None]
    together = members[:, :, None] & members[:, None, :]
    sizes = np.maximum(members.sum(axis=1), 1)
    slacks = np.maximum(-likelihood.dense() - (own[:, None] + own) / 2, 0)
    slacks[together] = 0
    return DualState(together / sizes[:, None, None], slacks, np.concatenate([own, np.zeros(K)]))


def upper_bound(affinities: Float[np.ndarray, "K n n"], traces: Float[np.ndarray, " K"], state: DualState) -> float:
    """Bound the program's value by weak duality, which holds for any row multipliers and any non-negative slacks.

    ``- sum_i a_i + sum_k t_k lambda_max(A_k + (a 1^T + 1 a^T) / 2 + N_k)``.
    """
    n = affinities.shape[1]
    rows = state.multipliers[:n]
    tied = affinities + state.slacks + (rows[:, None] + rows) / 2
    return float(traces @ np.linalg.eigvalsh(tied)[:, -1] - rows.sum())


def _sweep(
    affinities: Float[np.ndarray, "K n n"],
    traces: Float[np.ndarray, " K"],
    tol: float,
    max_iter: int,
    start: DualState | None,
) -> tuple[LiftedSolution, DualState]:
    constraints = _Constraints(affinities.shape[1], traces)
    scale = _typical_value(affinities)
    cost = affinities / -scale
    cost_size = 1 + float(np.linalg.norm(cost))
    if start is None:
        Z, N, y = np.zeros_like(cost), np.zeros_like(cost), np.zeros_like(constraints.target)
    else:
        Z, N, y = start.matrices.copy(), start.slacks / scale, start.multipliers / scale

    # `tie` is A^*(y) + S + N + A, which vanishes at the solution; only its image under the constraints is kept.
    penalty, image, tie_image = 1.0, constraints.apply(Z), np.zeros_like(constraints.target)
    P, work = np.empty_like(Z), np.empty_like(Z)
    residual, iteration, balance_due = np.inf, 0, float(BALANCE_EVERY)
    for iteration in range(1, max_iter + 1):
        first = constraints.solve(penalty, image / penalty + tie_image - constraints.apply_adjoint(y))

        # PSD slack: S = P - V with P the positive part of V, which is the low-rank one; S is never formed.
        np.multiply(Z, 1 / penalty, out=work)
        work += N
        work -= cost
        constraints.add_adjoint(work, first)
        for k, block in enumerate(work):
            P[k] = _positive_part(block)

        y = constraints.solve(penalty, constraints.apply(P) - constraints.apply_adjoint(first))

        # Non-negative slack: the positive part of T = N - P + A^*(first - y); the negative part drives Z.
        np.subtract(N, P, out=work)
        constraints.add_adjoint(work, first - y)
        np.maximum(work, 0, out=N)
        np.subtract(N, work, out=work)
        work *= STEP * penalty
        work -= STEP * Z
        Z += work
        new_image = constraints.apply(Z)
        tie_image = (new_image - image) / (STEP * penalty)
        image = new_image

        if iteration % CHECK_EVERY and iteration != max_iter:
            continue
        size = 1 + float(np.linalg.norm(Z))
        primal = max(
            constraints.violation(image),
            float(np.linalg.norm(np.minimum(Z, 0))) / size,
            float(np.linalg.norm(penalty * P - Z)) / size,
        )
        dual = float(np.linalg.norm(work)) / (STEP * penalty * cost_size)
        value, dual_value = float(np.vdot(cost, Z)), float(y @ constraints.target)
        residual = max(primal, dual, abs(value - dual_value) / (1 + abs(value) + abs(dual_value)))
        if residual < tol:
            break
        if iteration >= balance_due:
            balance_due = max(iteration + BALANCE_EVERY, BALANCE_SPACING * iteration)
            if primal > BALANCE_RATIO * dual:
                penalty /= BALANCE_FACTOR
            elif dual > BALANCE_RATIO * primal:
                penalty *= BALANCE_FACTOR

    state = DualState(Z, N * scale, y * scale)
    solution = LiftedSolution(
        objective=-float(np.vdot(cost, Z)) * scale,
        residual=residual,
        n_iter=iteration,
        dense=np.maximum((Z + Z.transpose(0, 2, 1)) / 2, 0),
        upper_bound=upper_bound(affinities, traces, state),
    )
    return solution, state


class _Constraints:
    """The equalities: row sums of the sum of the blocks, then the trace of each block, as one vector of n + K."""

    def __init__(self, n_points: int, traces: Float[np.ndarray, " K"]):
        self.n, self.K = n_points, len(traces)
        self.target = np.concatenate([np.ones(n_points), traces])

    def apply(self, Z: Float[np.ndarray, "K n n"]) -> Float[np.ndarray, " constraints"]:
        return np.concatenate([Z.sum(axis=(0, 2)), np.trace(Z, axis1=1, axis2=2)])

    def apply_adjoint(self, y: Float[np.ndarray, " constraints"]) -> Float[np.ndarray, " constraints"]:
        """Image of A^*(y), without forming it."""
        a, b = y[: self.n], y[self.n :]
        rows = self.K * (self.n * a + a.sum()) / 2 + b.sum()
        return np.concatenate([rows, a.sum() + self.n * b])

    def add_adjoint(self, Z: Float[np.ndarray, "K n n"], y: Float[np.ndarray, " constraints"]) -> None:
        """Add ``(a 1^T + 1 a^T) / 2 + b_k I`` to each block in place."""
        a, b = y[: self.n] / 2, y[self.n :]
        Z += a[:, None] + a
        np.einsum("kii->ki", Z)[...] += b[:, None]

    def solve(self, penalty: float, image: Float[np.ndarray, " constraints"]) -> Float[np.ndarray, " constraints"]:
        """Give the y whose A^*(y) has the image ``target / penalty - image``; O(n + K)."""
        rest = self.target / penalty - image
        rows, traces = rest[: self.n], rest[self.n :]
        # Summing the two groups of equations gives two unknowns: the sum of a and the sum of b.
        sum_a, sum_b = np.linalg.solve(
            [[self.K * self.n, self.n], [self.K, self.n]],
            [rows.sum(), traces.sum()],
        )
        a = 2 * (rows - sum_b) / (self.K * self.n) - sum_a / self.n
        return np.concatenate([a, (traces - sum_a) / self.n])

    def violation(self, image: Float[np.ndarray, " constraints"]) -> float:
        return float(np.linalg.norm(image - self.target) / (1 + np.linalg.norm(self.target)))


def _typical_value(affinities: Float[np.ndarray, "K n n"]) -> float:
    """Size of <A_k, Z_k> for a spread-out Z_k of unit trace; far points must not set it, or nothing else is seen."""
    sizes = np.abs(affinities)
    typical = max(float(np.median(sizes)), LEAST_TYPICAL_SHARE * float(sizes.mean())) * affinities.shape[1]
    return max(typical, np.finfo(float).tiny)


def _positive_part(block: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    try:
        values, vectors = eigh(block, subset_by_value=(0, np.inf), driver="evr", check_finite=False)
    except np.linalg.LinAlgError:
        # LAPACK's driver for part of a spectrum can give up on one with many equal eigenvalues.
        values, vectors = np.linalg.eigh(block)
        values, vectors = values[values > 0], vectors[:, values > 0]
    half = vectors * np.sqrt(values)
    return half @ half.T

"""What both solvers give back: lifted memberships, as matrices or as factors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class LiftedSolution:
    """Membership matrices Z_1 .. Z_K of n points, their value, and how far from certain it is.

    Parameters
    ----------
    objective : value of the program at the solution; for `la_sdp` on the scale of `profile_loglik`.
    residual : relative violation of the constraints.
    n_iter : iterations (ADMM) or gradient evaluations (low rank) used.
    dense : (K, n, n) the matrices, from the exact solver.
    factors : (n, K, r) the ``U_k >= 0`` with ``Z_k = U_k U_k^T``, from the low-rank solver.
    upper_bound : no feasible point of the convex program has a higher value; infinite where it is not known.

    Examples
    --------
    >>> half = np.full((2, 1, 1), 0.5**0.5)
    >>> LiftedSolution(objective=0.0, residual=0.0, n_iter=1, factors=half).matrices[0]
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    objective: float
    residual: float
    n_iter: int
    dense: Float[np.ndarray, "K n n"] | None = None
    factors: Float[np.ndarray, "n K r"] | None = None
    upper_bound: float = np.inf

    @property
    def matrices(self) -> Float[np.ndarray, "K n n"]:
        """The matrices Z_k; O(K n^2) memory, so only for few points where the solution is factored."""
        if self.dense is not None:
            return self.dense
        blocks = self._blocks()
        return blocks @ blocks.transpose(0, 2, 1)

    @property
    def weights(self) -> Float[np.ndarray, "n K"]:
        """Soft memberships ``w_k = Z_k 1``, which sum to one over the clusters."""
        if self.dense is not None:
            return self.dense.sum(axis=2).T
        assert self.factors is not None
        return np.einsum("nkr,kr->nk", self.factors, self.factors.sum(axis=0))

    def products(self, X: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "K p p"]:
        """The matrices ``X^T Z_k X``; O(n K p r) where the solution is factored."""
        if self.dense is not None:
            return X.T @ self.dense @ X
        half = X.T @ self._blocks()
        return half @ half.transpose(0, 2, 1)

    def shifted(self, constant: float) -> LiftedSolution:
        """Add a constant to the objective and to its bound."""
        return replace(self, objective=self.objective + constant, upper_bound=self.upper_bound + constant)

    def _blocks(self) -> Float[np.ndarray, "K n r"]:
        assert self.factors is not None
        return self.factors.transpose(1, 0, 2)

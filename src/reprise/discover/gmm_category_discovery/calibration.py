"""A prior whose strictness is learnt from the known classes: none of them should split, no two should merge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist
from scipy.special import gammaln, multigammaln

from reprise.discover.gmm_category_discovery.prior import Moments, NIWPrior
from reprise.discover.gmm_category_discovery.sweep import halves
from reprise.errors import InvalidInputError

__all__ = ["PsiForm", "calibrate"]

PsiForm = Literal["isotropic", "diagonal", "within"]

FREEDOMS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Values of (nu - D - 1) / D that are tried."""

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Expected covariances that are tried, in units of the known classes' own."""

FALLBACK_FREEDOM = 1.0
"""(nu - D - 1) / D where fewer than two known classes leave nothing to learn it from."""

FALLBACK_SCALE = 1.0
"""Expected variance within a component, as a share of all variance, where no class is known."""

DECISIVE = 1 / 3
"""Nats per row by which a decision is as good as sure."""

FLOOR = 1e-6
"""Share of the mean variance that the expected covariance has at least in every direction."""


def calibrate(
    X: Float[np.ndarray, "n D"],
    y: Int[np.ndarray, " n"],
    *,
    form: PsiForm,
    kappa: float,
    nu: float | None,
    scale: float | None,
    alpha: float,
    min_size: int,
    state: np.random.RandomState,
) -> NIWPrior:
    """Choose the prior by the labelled rows alone; O(n D^2 + C D^3) for C known classes.

    The expected covariance is ``Psi / (nu - D - 1) = scale * base``; see `SemiSupervisedGMM` for the bases. Of the
    values of `nu` and `scale` on a grid (those given stay) it takes the ones under which the most decisions about the
    known classes are right, and clearly so: the mean of ``tanh(margin / DECISIVE)``. The decisions are whether each
    class splits into its halves, and whether each merges with its nearest; a margin is the log Hastings ratio against
    the wrong move, per row.
    """
    known = [Moments.of(X[y == label]) for label in range(y.max() + 1)]
    base = _base(X, known, form)
    within = _pooled(known) if known else FALLBACK_SCALE * base
    own = max(float(np.mean(np.diag(within) / np.diag(base))), FLOOR)
    learnt = len(known) > 1
    freedoms: tuple[float, ...] = FREEDOMS if learnt else (FALLBACK_FREEDOM,)
    scales: tuple[float, ...] = tuple(own * factor for factor in SCALES) if learnt else (own,)
    if nu is not None:
        freedoms = (_freedom(nu, X.shape[1]),)
    if scale is not None:
        scales = (scale,)
    grid = _Grid.of(X.mean(axis=0), kappa, base, np.array(freedoms), np.array(scales))
    best = 0
    if learnt and len(grid.nus) > 1:
        margins = np.stack(list(_margins(X, y, known, grid, alpha, min_size, state)))
        best = int(np.tanh(margins / DECISIVE).mean(axis=0).argmax())
    return NIWPrior(X.mean(axis=0), kappa, float(grid.nus[best]), grid.strengths[best] * base)


def _base(X: Float[np.ndarray, "n D"], known: list[Moments], form: PsiForm) -> Float[np.ndarray, "D D"]:
    variances = X.var(axis=0)
    mean_variance = float(variances.mean()) or 1.0
    if form == "isotropic":
        return mean_variance * np.eye(X.shape[1])
    if form == "diagonal":
        return np.diag(np.maximum(variances, FLOOR * mean_variance))
    if not known:
        raise InvalidInputError("psi='within' takes the covariance of the known classes, but no row is labelled.")
    return _pooled(known) + FLOOR * mean_variance * np.eye(X.shape[1])


def _pooled(known: list[Moments]) -> Float[np.ndarray, "D D"]:
    return np.sum([part.scatter for part in known], axis=0) / sum(part.n for part in known)


def _freedom(nu: float, D: int) -> float:
    if nu <= D + 1:
        raise InvalidInputError(
            f"nu={nu} was given for {D} dimensions; expected more than {D + 1}, for a finite expected covariance."
        )
    return (nu - D - 1) / D


class _Grid(NamedTuple):
    """The evidence of points under many priors at once, by the eigenvalues of their scatter in units of the base."""

    m: Float[np.ndarray, " D"]
    kappa: float
    root: Float[np.ndarray, "D D"]
    nus: Float[np.ndarray, " G"]
    strengths: Float[np.ndarray, " G"]

    @classmethod
    def of(cls, m: NDArray, kappa: float, base: NDArray, freedoms: NDArray, scales: NDArray) -> _Grid:
        D = len(m)
        freedom, scale = (values.ravel() for values in np.meshgrid(freedoms * D, scales, indexing="ij"))
        return cls(m, kappa, np.linalg.cholesky(base), freedom + D + 1, freedom * scale)

    def evidence(self, moments: Moments) -> Float[np.ndarray, " G"]:
        """Log evidence under each prior; what depends on the base alone cancels out of all ratios but that of N."""
        n, D = moments.n, len(self.m)
        away = moments.mean - self.m
        scatter = moments.scatter + self.kappa * n / (self.kappa + n) * np.outer(away, away)
        whitened = solve_triangular(self.root, solve_triangular(self.root, scatter, lower=True).T, lower=True)
        spread = np.linalg.eigvalsh((whitened + whitened.T) / 2).clip(min=0)
        log_base = 2 * np.log(np.diag(self.root)).sum()
        after = self.nus + n
        return (
            -n * D / 2 * np.log(np.pi)
            + multigammaln(after / 2, D)
            - multigammaln(self.nus / 2, D)
            + self.nus / 2 * D * np.log(self.strengths)
            - after / 2 * np.log(self.strengths[:, None] + spread).sum(axis=1)
            - n / 2 * log_base
            + D / 2 * (np.log(self.kappa) - np.log(self.kappa + n))
        )

    def split(self, first: Moments, second: Moments, alpha: float) -> Float[np.ndarray, " G"]:
        """Log Hastings ratio of splitting the union, under each prior."""
        return (
            np.log(alpha)
            + gammaln(first.n)
            + gammaln(second.n)
            - gammaln(first.n + second.n)
            + self.evidence(first)
            + self.evidence(second)
            - self.evidence(first + second)
        )


def _margins(
    X: Float[np.ndarray, "n D"],
    y: Int[np.ndarray, " n"],
    known: list[Moments],
    grid: _Grid,
    alpha: float,
    min_size: int,
    state: np.random.RandomState,
) -> Iterator[Float[np.ndarray, " G"]]:
    """For each decision, by how much per row each prior decides it rightly."""
    for label, whole in enumerate(known):
        if (parts := halves(X[y == label], min_size, state)) is not None:
            yield -grid.split(*parts, alpha) / whole.n
    means = np.stack([part.mean for part in known])
    apart = cdist(means, means)
    np.fill_diagonal(apart, np.inf)
    for i, j in sorted({(min(i, j), max(i, j)) for i, j in enumerate(apart.argmin(axis=1).tolist())}):
        yield grid.split(known[i], known[j], alpha) / (known[i].n + known[j].n)

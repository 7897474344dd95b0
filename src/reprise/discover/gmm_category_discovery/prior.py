"""The normal-inverse-Wishart prior of a component's mean and covariance, and the evidence of points under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import multigammaln

from reprise.errors import InvalidInputError

__all__ = ["Moments", "NIWPrior"]


class Moments(NamedTuple):
    """What a Gaussian needs to know of points: their number, mean and scatter ``sum (x - mean)(x - mean)^T``.

    The moments of two groups add to those of their union, in O(D^2).

    Examples
    --------
    >>> both = Moments.of([[0.0], [2.0]]) + Moments.of([[4.0]])
    >>> both.n, both.mean.tolist(), both.scatter.tolist()
    (3, [2.0], [[8.0]])
    """

    n: int
    mean: Float[np.ndarray, " D"]
    scatter: Float[np.ndarray, "D D"]

    @classmethod
    def of(cls, X: ArrayLike) -> Moments:
        """Sum up (n, D) points, n at least 1; O(n D^2)."""
        points = np.asarray(X, dtype=float)
        if points.ndim != 2 or not len(points):
            raise InvalidInputError(f"Points of shape {points.shape} were given; expected (n, D) with n at least 1.")
        mean = points.mean(axis=0)
        centred = points - mean
        return cls(len(points), mean, centred.T @ centred)

    def __add__(self, other: Moments) -> Moments:  # type: ignore[override]  # a union, not a longer tuple
        n = self.n + other.n
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.n / n)
        return Moments(n, mean, self.scatter + other.scatter + self.n * other.n / n * np.outer(apart, apart))


@dataclass(frozen=True, eq=False)
class NIWPrior:
    r"""Conjugate prior of a Gaussian's mean and covariance: normal-inverse-Wishart.

    .. math:: \Sigma \sim \mathcal{W}^{-1}(\Psi, \nu), \qquad \mu \mid \Sigma \sim \mathcal{N}(m, \Sigma / \kappa)

    Its evidence of points with mean and covariance integrated out is closed; a component that is more compact and
    further from others has a higher one, which is what splits and merges are judged by.

    Parameters
    ----------
    m : (D,) expected mean.
    kappa : points that the expected mean is worth, above 0.
    nu : degrees of freedom, above D - 1; the higher, the firmer the belief in the covariance.
    Psi : (D, D) scale, positive definite; the expected covariance is ``Psi / (nu - D - 1)`` where nu > D + 1.

    Raises
    ------
    InvalidInputError
        If a number is out of range, the shapes do not match, or `Psi` is not symmetric positive definite.

    References
    ----------
    B. Zhao, X. Wen, K. Han, "Learning semi-supervised Gaussian mixture models for generalized category discovery",
    ICCV 2023, arXiv 2305.06144. M. Ronen, S. E. Finder, O. Freifeld, "DeepDPM", CVPR 2022, arXiv 2203.14309.

    Examples
    --------
    >>> prior = NIWPrior(m=np.zeros(1), kappa=1.0, nu=1.0, Psi=np.eye(1))
    >>> round(prior.log_marginal_likelihood([[0.0]]), 4)   # log 1 / (pi sqrt 2)
    -1.4913
    """

    m: Float[np.ndarray, " D"]
    kappa: float
    nu: float
    Psi: Float[np.ndarray, "D D"]

    def __post_init__(self) -> None:
        m, Psi = np.asarray(self.m, dtype=float), np.asarray(self.Psi, dtype=float)
        object.__setattr__(self, "m", m)
        object.__setattr__(self, "Psi", Psi)
        if m.ndim != 1 or Psi.shape != (len(m), len(m)):
            raise InvalidInputError(f"m has shape {m.shape} and Psi {Psi.shape}; expected (D,) and (D, D).")
        if not self.kappa > 0 or not np.isfinite(self.kappa):
            raise InvalidInputError(f"kappa={self.kappa} was given; expected a number above 0.")
        if not self.nu > len(m) - 1 or not np.isfinite(self.nu):
            raise InvalidInputError(f"nu={self.nu} was given for {len(m)} dimensions; expected more than {len(m) - 1}.")
        if not np.isfinite(m).all() or not np.allclose(Psi, Psi.T):
            raise InvalidInputError("m must be finite and Psi symmetric.")
        _log_determinant(Psi)

    @property
    def dim(self) -> int:
        """Dimensions D of the points."""
        return len(self.m)

    def posterior(self, X: ArrayLike | Moments) -> NIWPrior:
        """Give the belief after the points, again normal-inverse-Wishart; O(n D^2), or O(D^2) of `Moments`."""
        moments = self._moments(X)
        kappa, nu = self.kappa + moments.n, self.nu + moments.n
        away = moments.mean - self.m
        Psi = self.Psi + moments.scatter + self.kappa * moments.n / kappa * np.outer(away, away)
        return NIWPrior(self.m + away * (moments.n / kappa), kappa, nu, Psi)

    def posterior_mean(self, X: ArrayLike | Moments) -> Float[np.ndarray, " D"]:
        """Give ``(N xbar + kappa m) / (N + kappa)``, which tends to the mean of the points."""
        return self.posterior(X).m

    def posterior_cov(self, X: ArrayLike | Moments) -> Float[np.ndarray, "D D"]:
        """Give the most probable covariance, jointly with the mean: ``Psi* / (nu + N + D + 2)``."""
        after = self.posterior(X)
        return after.Psi / (after.nu + self.dim + 2)

    def log_marginal_likelihood(self, X: ArrayLike | Moments) -> float:
        r"""Give the log evidence of the points, mean and covariance integrated out; O(n D^2 + D^3).

        .. math:: -\tfrac{ND}{2} \log \pi + \log \tfrac{\Gamma_D(\nu^* / 2)}{\Gamma_D(\nu / 2)}
                  + \tfrac{\nu}{2} \log |\Psi| - \tfrac{\nu^*}{2} \log |\Psi^*|
                  + \tfrac{D}{2} \log \tfrac{\kappa}{\kappa^*}

        with the starred numbers those of `posterior`.

        Parameters
        ----------
        X : (n, D) points, or their `Moments`.
        """
        after = self.posterior(X)
        n, D = after.nu - self.nu, self.dim
        return float(
            -n * D / 2 * np.log(np.pi)
            + multigammaln(after.nu / 2, D)
            - multigammaln(self.nu / 2, D)
            + self.nu / 2 * _log_determinant(self.Psi)
            - after.nu / 2 * _log_determinant(after.Psi)
            + D / 2 * (np.log(self.kappa) - np.log(after.kappa))
        )

    def _moments(self, X: ArrayLike | Moments) -> Moments:
        moments = X if isinstance(X, Moments) else Moments.of(X)
        if moments.mean.shape != self.m.shape:
            raise InvalidInputError(f"Points of {len(moments.mean)} dimensions were given; expected {self.dim}.")
        return moments


def _log_determinant(Psi: Float[np.ndarray, "D D"]) -> float:
    try:
        return float(2 * np.log(np.diag(np.linalg.cholesky(Psi))).sum())
    except np.linalg.LinAlgError as problem:
        raise InvalidInputError("Psi is not positive definite.") from problem

"""The profile likelihood of a partition, and the same likelihood lifted to membership matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.nn.mixtures import GaussianFactors, cluster_means


def profile_loglik(X: ArrayLike, labels: ArrayLike, covariances: ArrayLike) -> float:
    """Twice the Gaussian log likelihood of a partition, its means profiled out.

    With the means at their best, the clusters' centroids, and up to the constant ``-n p log 2 pi``::

        2 loglik = - sum_k [ |G_k| log|S_k| + sum_{i in G_k} (x_i - mean_k)^T S_k^{-1} (x_i - mean_k) ]

    Parameters
    ----------
    X : (n, p) points.
    labels : (n,) clusters 0 to K - 1, each with at least one point.
    covariances : (K, p, p) positive definite.

    Returns
    -------
    float
        Higher is better. Unchanged by a shift of `X`, and by a rotation of `X` and the covariances together.

    Raises
    ------
    InvalidInputError
        If the shapes disagree, a cluster is empty, or a covariance is not positive definite.

    Notes
    -----
    O(n p^2 + K p^3).

    Examples
    --------
    >>> X = np.array([[0.0], [2.0], [10.0], [14.0]])
    >>> profile_loglik(X, [0, 0, 1, 1], [[[1.0]], [[4.0]]])
    -6.772...
    """
    points, sigma, groups = np.asarray(X, dtype=float), np.asarray(covariances, dtype=float), np.asarray(labels)
    if (
        points.ndim != 2
        or sigma.ndim != 3
        or sigma.shape[1:] != (points.shape[1],) * 2
        or groups.shape != points.shape[:1]
    ):
        raise InvalidInputError(
            f"X of shape {points.shape}, labels of shape {groups.shape} and covariances of shape {sigma.shape} were "
            "given; expected (n, p), (n,) and (K, p, p)."
        )
    if not np.issubdtype(groups.dtype, np.integer) or groups.min() < 0 or groups.max() >= len(sigma):
        raise InvalidInputError(f"Labels must be integers from 0 to {len(sigma) - 1}.")
    deviances = GaussianFactors.of(sigma).deviances(points, cluster_means(points, groups, len(sigma)))
    return float(-deviances[np.arange(len(points)), groups].sum())


@dataclass(frozen=True)
class LiftedLikelihood:
    """The matrices ``A_k`` of the lifted likelihood ``2 loglik = sum_k <A_k, Z_k>``, never formed for many points.

    With ``Z_k = 1_G 1_G^T / |G|`` for cluster G, the profile likelihood is linear in the Z_k::

        A_k = X S_k^{-1} X^T - (c_k 1^T + 1 c_k^T) / 2,      c_k = diag(X S_k^{-1} X^T) + log|S_k|

    which is minus half the squared Mahalanobis distances, minus log|S_k| in every entry, so that a shift of `X`
    changes nothing. A shift common to all log-determinants adds a constant on the feasible set; `shift` takes their
    mean out, for the solvers to see numbers that do not depend on the unit of `X`.

    Parameters
    ----------
    X : (n, p) points, centred.
    precisions : (K, p, p) inverses ``S_k^{-1}``.
    costs : (n, K) the ``c_k`` less `shift`.
    shift : mean log-determinant.
    """

    X: Float[np.ndarray, "n p"]
    precisions: Float[np.ndarray, "K p p"]
    costs: Float[np.ndarray, "n K"]
    shift: float

    @classmethod
    def of(cls, X: Float[np.ndarray, "n p"], covariances: Float[np.ndarray, "K p p"]) -> LiftedLikelihood:
        """Prepare the likelihood of `X` under the covariances; O(n K p^2)."""
        factors = GaussianFactors.of(covariances)
        # Column by column in memory: the low-rank solver multiplies by X^T from the left most of its time.
        X = np.asfortranarray(X - X.mean(axis=0))
        shift = float(factors.log_determinants.mean())
        costs = factors.deviances(X, np.zeros((len(covariances), X.shape[1]))) - shift
        return cls(X, factors.precisions, costs, shift)

    @property
    def n_points(self) -> int:
        """Number of points n."""
        return len(self.X)

    @property
    def n_blocks(self) -> int:
        """Number of covariances K."""
        return len(self.precisions)

    @property
    def constant(self) -> float:
        """What to add to ``sum_k <A_k, Z_k>``, for feasible Z, to have ``2 loglik`` itself."""
        return -self.n_points * self.shift

    def dense(self) -> Float[np.ndarray, "K n n"]:
        """Form the matrices A_k; O(K n^2) memory."""
        gram = (self.X @ self.precisions) @ self.X.T
        costs = self.costs.T / 2
        return gram - costs[:, :, None] - costs[:, None, :]

    def value(self, labels: Int[np.ndarray, " n"]) -> float:
        """Value ``sum_k <A_k, Z_k>`` of a partition; empty clusters add nothing; O(n p)."""
        total = 0.0
        for k in range(self.n_blocks):
            members = labels == k
            if size := int(members.sum()):
                total_x = self.X[members].sum(axis=0)
                total += total_x @ self.precisions[k] @ total_x / size - self.costs[members, k].sum()
        return total

    def deviances_to_centroids(self, labels: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n K"]:
        """Squared Mahalanobis distance of each point to each cluster's centroid, plus log-determinant less `shift`."""
        out = np.empty_like(self.costs)
        for k in range(self.n_blocks):
            members = labels == k
            mean = self.X[members].mean(axis=0) if members.any() else np.zeros(self.X.shape[1])
            slope = self.precisions[k] @ mean
            out[:, k] = self.costs[:, k] - 2 * (self.X @ slope) + mean @ slope
        return out


def soft_covariances(
    X: Float[np.ndarray, "n p"],
    products: Float[np.ndarray, "K p p"],
    weights: Float[np.ndarray, "n K"],
) -> Float[np.ndarray, "K p p"]:
    """Covariances from lifted memberships, without centroids.

    ``S_k = [ X^T diag(w_k) X - X^T Z_k X ] / sum_i w_ik`` with ``w_k = Z_k 1``: positive semidefinite, because
    ``diag(Z 1) - Z`` is the Laplacian of a graph with weights Z, and for an integral Z_k exactly the biased
    covariance of the cluster.

    Parameters
    ----------
    X : (n, p) points.
    products : (K, p, p) the ``X^T Z_k X``.
    weights : (n, K) the ``w_k``, non-negative.
    """
    scatters = np.stack([(X * w[:, None]).T @ X for w in weights.T]) - products
    return (scatters + scatters.transpose(0, 2, 1)) / 2 / weights.sum(axis=0)[:, None, None]

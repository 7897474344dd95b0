"""Gaussian clusters: covariances that stay invertible, log-determinants and Mahalanobis distances of many points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reprise.errors import InvalidInputError

__all__ = ["GaussianFactors", "cluster_covariances", "cluster_means", "ridged"]

RIDGE_FLOOR = 1e-3
"""Share of the whole data's mean variance that the ridge sees in a cluster whose own points coincide."""


@dataclass(frozen=True)
class GaussianFactors:
    """Inverse Cholesky factors of K covariances, made once and used for distances and log-determinants.

    Parameters
    ----------
    whiteners : (K, p, p) lower triangular ``W_k`` with ``W_k^T W_k = S_k^{-1}``.
    log_determinants : (K,) ``log |S_k|``.

    Examples
    --------
    >>> factors = GaussianFactors.of(np.array([[[4.0]], [[1.0]]]))
    >>> factors.squared_distances(np.array([[2.0]]), np.array([[0.0], [1.0]])).tolist()
    [[1.0, 1.0]]
    """

    whiteners: Float[np.ndarray, "K p p"]
    log_determinants: Float[np.ndarray, " K"]

    @classmethod
    def of(cls, covariances: Float[np.ndarray, "K p p"]) -> GaussianFactors:
        """Factor the covariances; O(K p^3).

        Raises
        ------
        InvalidInputError
            If a covariance is not positive definite; the message names the cluster.
        """
        covariances = np.asarray(covariances, dtype=float)
        if covariances.ndim != 3 or covariances.shape[1] != covariances.shape[2]:
            raise InvalidInputError(f"Covariances of shape {covariances.shape} were given; expected (K, p, p).")
        identity = np.eye(covariances.shape[1])
        whiteners = np.empty_like(covariances)
        log_determinants = np.empty(len(covariances))
        for k, covariance in enumerate(covariances):
            try:
                root = np.linalg.cholesky(covariance)
            except np.linalg.LinAlgError as problem:
                raise InvalidInputError(
                    f"The covariance of cluster {k} is singular or indefinite: give it more points, fewer dimensions "
                    "or a ridge above 0."
                ) from problem
            whiteners[k] = np.linalg.solve(root, identity)
            log_determinants[k] = 2 * np.log(np.diag(root)).sum()
        return cls(whiteners, log_determinants)

    @property
    def precisions(self) -> Float[np.ndarray, "K p p"]:
        """Inverses of the covariances."""
        return self.whiteners.transpose(0, 2, 1) @ self.whiteners

    def squared_distances(
        self, X: Float[np.ndarray, "n p"], means: Float[np.ndarray, "K p"]
    ) -> Float[np.ndarray, "n K"]:
        """Squared Mahalanobis distance of each point to each mean, ``(x - m_k)^T S_k^{-1} (x - m_k)``; O(n K p^2)."""
        out = np.empty((len(X), len(means)))
        for k, (mean, whitener) in enumerate(zip(means, self.whiteners, strict=True)):
            out[:, k] = (((X - mean) @ whitener.T) ** 2).sum(axis=1)
        return out

    def deviances(self, X: Float[np.ndarray, "n p"], means: Float[np.ndarray, "K p"]) -> Float[np.ndarray, "n K"]:
        """Minus twice the Gaussian log density up to ``p log 2 pi``: squared distance plus log-determinant."""
        return self.squared_distances(X, means) + self.log_determinants


def cluster_means(
    X: Float[np.ndarray, "n p"], labels: Int[np.ndarray, " n"], n_clusters: int
) -> Float[np.ndarray, "K p"]:
    """Mean of each cluster; O(n p).

    Raises
    ------
    InvalidInputError
        If a cluster has no point.
    """
    counts = np.bincount(labels, minlength=n_clusters)
    if (empty := np.flatnonzero(counts == 0)).size:
        raise InvalidInputError(f"Cluster {empty[0]} of {n_clusters} has no point.")
    return np.stack([X[labels == k].mean(axis=0) for k in range(n_clusters)])


def cluster_covariances(
    X: Float[np.ndarray, "n p"], labels: Int[np.ndarray, " n"], n_clusters: int, ridge: float = 0.0
) -> Float[np.ndarray, "K p p"]:
    """Maximum-likelihood (biased) covariance of each cluster, plus a ridge; O(n p^2).

    Parameters
    ----------
    X : (n, p) points.
    labels : (n,) clusters 0 to K - 1.
    n_clusters : K.
    ridge : see `ridged`.

    Raises
    ------
    InvalidInputError
        If a cluster has no point.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0], [5.0, 7.0]])
    >>> cluster_covariances(X, np.array([0, 0, 1, 1]), 2)[0].tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    means = cluster_means(X, labels, n_clusters)
    covariances = np.empty((n_clusters, X.shape[1], X.shape[1]))
    for k, mean in enumerate(means):
        centred = X[labels == k] - mean
        covariances[k] = centred.T @ centred / len(centred)
    return ridged(covariances, ridge, X.var(axis=0).mean())


def ridged(
    covariances: Float[np.ndarray, "*K p p"], ridge: float, mean_variance: float = 0.0
) -> Float[np.ndarray, "*K p p"]:
    """Add to each covariance `ridge` times its own mean variance on the diagonal.

    ``S_k + ridge * (tr S_k / p + RIDGE_FLOOR * mean_variance) I``: the ridge scales with the cluster, and a cluster
    whose points coincide is still invertible where the whole data's `mean_variance` is given.

    Examples
    --------
    >>> ridged(np.diag([2.0, 0.0])[None], 0.1)[0].tolist()
    [[2.1, 0.0], [0.0, 0.1]]
    """
    p = covariances.shape[-1]
    scale = np.trace(covariances, axis1=-2, axis2=-1) / p + RIDGE_FLOOR * mean_variance
    return covariances + ridge * scale[..., None, None] * np.eye(p)

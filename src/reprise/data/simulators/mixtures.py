"""Gaussian clusters with known labels, and the smallest error that any method can reach on them.

The settings are those in which clustering methods are compared when clusters differ in covariance:

=======================  ===============================================================  =======================
`crossed_ellipsoids`     three clusters, two of them long along different axes            shapes differ
`nested_spheres`         three round clusters of different size in 20 dimensions          spreads differ
`distant_triples`        two far groups of three clusters                                 starts are adversarial
=======================  ===============================================================  =======================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reprise.errors import InvalidInputError

__all__ = ["GaussianClusters", "crossed_ellipsoids", "distant_triples", "nested_spheres"]

DISTANCE_BETWEEN_GROUPS = 40.0
"""Between the two groups of `distant_triples`, along the first axis."""


@dataclass(frozen=True)
class GaussianClusters:
    """Gaussian clusters with known means and covariances.

    Parameters
    ----------
    means : (K, p) means.
    covariances : (K, p, p) covariances, positive definite.

    Raises
    ------
    InvalidInputError
        If the shapes disagree or a covariance is not positive definite.

    Examples
    --------
    >>> clusters = crossed_ellipsoids()
    >>> X, y = clusters.draw([100, 100, 100], np.random.default_rng(0))
    >>> X.shape, np.bincount(y).tolist()
    ((300, 5), [100, 100, 100])
    """

    means: Float[np.ndarray, "K p"]
    covariances: Float[np.ndarray, "K p p"]

    def __post_init__(self) -> None:
        if self.means.ndim != 2 or self.covariances.shape != (*self.means.shape, self.means.shape[1]):
            raise InvalidInputError(
                f"Means of shape {self.means.shape} and covariances of shape {self.covariances.shape} were given; "
                "expected (K, p) and (K, p, p)."
            )
        try:
            np.linalg.cholesky(self.covariances)
        except np.linalg.LinAlgError as problem:
            raise InvalidInputError("A covariance is not positive definite.") from problem

    @property
    def n_clusters(self) -> int:
        """Number of clusters K."""
        return len(self.means)

    def draw(
        self, sizes: Sequence[int] | int, rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n p"], Int[np.ndarray, " n"]]:
        """Draw points, cluster by cluster.

        Parameters
        ----------
        sizes : points of each cluster, or one number for all of them.
        rng : source of randomness.

        Returns
        -------
        X : (n, p) points, those of cluster 0 first.
        labels : (n,) their clusters.

        Raises
        ------
        InvalidInputError
            If there is not one size of at least zero for every cluster.
        """
        counts = np.broadcast_to(sizes, self.n_clusters) if np.ndim(sizes) == 0 else np.asarray(sizes)
        if counts.shape != (self.n_clusters,) or (counts < 0).any():
            raise InvalidInputError(f"Sizes {sizes} were given for {self.n_clusters} clusters; expected one for each.")
        labels = np.repeat(np.arange(self.n_clusters), counts)
        noise = rng.standard_normal((len(labels), self.means.shape[1]))
        roots = np.linalg.cholesky(self.covariances)
        X = np.empty_like(noise)
        for k, root in enumerate(roots):
            members = labels == k
            X[members] = self.means[k] + noise[members] @ root.T
        return X, labels

    def log_density(self, X: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n K"]:
        """Log density of each point under each cluster; O(n K p^2)."""
        roots = np.linalg.cholesky(self.covariances)
        out = np.empty((len(X), self.n_clusters))
        for k, root in enumerate(roots):
            white = np.linalg.solve(root, (X - self.means[k]).T)
            out[:, k] = -0.5 * (white**2).sum(axis=0) - np.log(np.diag(root)).sum()
        return out - 0.5 * X.shape[1] * np.log(2 * np.pi)

    def bayes_error(self, rng: np.random.Generator, draws: int = 50_000) -> float:
        """Misclustering error of the rule that knows the truth, for clusters of equal weight.

        No method does better on average: each point is given to the cluster under which it is most likely.

        Parameters
        ----------
        rng : source of randomness.
        draws : simulated points per cluster; the standard error is below ``0.5 / sqrt(K * draws)``.

        Examples
        --------
        >>> round(distant_triples().bayes_error(np.random.default_rng(0), draws=10_000), 3)
        0.0
        """
        X, labels = self.draw(draws, rng)
        return float(np.mean(self.log_density(X).argmax(axis=1) != labels))


def crossed_ellipsoids(separation: float = 3.0) -> GaussianClusters:
    """Three clusters in five dimensions: two long along different pairs of axes, one round.

    Covariances ``diag(.3, .3, 4, 4, 1)``, ``diag(4, 4, .3, .3, 1)`` and the identity; means 0, `separation` along the
    first axis and `separation` along the fourth. K-means cuts through the long ones.

    Parameters
    ----------
    separation : distance of the second and of the third mean from the first.

    Examples
    --------
    >>> crossed_ellipsoids().means[1].tolist()
    [3.0, 0.0, 0.0, 0.0, 0.0]
    """
    means = np.zeros((3, 5))
    means[1, 0] = means[2, 3] = separation
    variances = np.array([[0.3, 0.3, 4, 4, 1], [4, 4, 0.3, 0.3, 1], [1, 1, 1, 1, 1]])
    return GaussianClusters(means, variances[:, :, None] * np.eye(5))


def nested_spheres(dimension: int = 20, separation: float = 4.0) -> GaussianClusters:
    """Three round clusters of variance 0.5, 1 and 2, their means `separation` along the first three axes.

    Parameters
    ----------
    dimension : of the space, at least 3.
    separation : distance of each mean from the origin.

    Raises
    ------
    InvalidInputError
        If `dimension` is below 3.

    Examples
    --------
    >>> nested_spheres().covariances.shape
    (3, 20, 20)
    """
    if dimension < 3:
        raise InvalidInputError(f"Dimension {dimension} was given; three means along three axes need at least 3.")
    means = separation * np.eye(3, dimension)
    return GaussianClusters(means, np.array([0.5, 1.0, 2.0])[:, None, None] * np.eye(dimension))


def distant_triples(separation: float = 6.0) -> GaussianClusters:
    """Two groups of three clusters in four dimensions, far apart along the first axis.

    Within each group the means lie `separation` along axes two to four, and the standard deviations are 0.5, 0.8 and
    1.2. A start that puts four centres in one group and two in the other is a trap: no centre crosses the gap of 40.

    Parameters
    ----------
    separation : of the means from the centre of their group.

    Examples
    --------
    >>> distant_triples().n_clusters
    6
    """
    offsets = separation * np.eye(4)[1:]
    gap = DISTANCE_BETWEEN_GROUPS / 2 * np.eye(4)[0]
    means = np.concatenate([offsets - gap, offsets + gap])
    deviations = np.tile([0.5, 0.8, 1.2], 2)
    return GaussianClusters(means, deviations[:, None, None] ** 2 * np.eye(4))

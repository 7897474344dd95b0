"""One iterate of iLA-SDP: a partition, what it says about the clusters, and its exact likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import eigh

from reprise.discover.ila_sdp.likelihood import soft_covariances
from reprise.discover.ila_sdp.solution import LiftedSolution
from reprise.nn.mixtures import GaussianFactors, cluster_covariances, cluster_means, ridged


@dataclass(frozen=True)
class PartitionModel:
    """A partition with the means and covariances that it implies, in the space where it was judged.

    Parameters
    ----------
    labels : (n,) partition.
    X : (n, q) points, projected where the dimension is reduced.
    means : (K, q) centroids.
    covariances : (K, q, q) covariances of the partition, with the ridge.
    working : (K, q, q) covariances of the next program: the same, or the soft ones.
    misfit : (n,) minus twice the log density of each point in its own cluster, up to a constant.
    objective : twice the profile log likelihood of all p dimensions, up to ``-n p log 2 pi``.
    projection : (p, q) directions, or None.
    """

    labels: Int[np.ndarray, " n"]
    X: Float[np.ndarray, "n q"]
    means: Float[np.ndarray, "K q"]
    covariances: Float[np.ndarray, "K q q"]
    working: Float[np.ndarray, "K q q"]
    misfit: Float[np.ndarray, " n"]
    objective: float
    projection: Float[np.ndarray, "p q"] | None


def model_partition(
    X: Float[np.ndarray, "n p"],
    labels: Int[np.ndarray, " n"],
    n_clusters: int,
    *,
    ridge: float,
    reduce: int | None = None,
    soft: LiftedSolution | None = None,
) -> PartitionModel:
    """Estimate the clusters of a partition; O(n K p^2), and O(p^3) more where the dimension is reduced.

    Parameters
    ----------
    X : (n, p) points.
    labels : (n,) partition, without empty clusters.
    n_clusters : K.
    ridge : see `reprise.nn.mixtures.ridged`.
    reduce : number q of Fisher directions, or None to keep all dimensions.
    soft : solution whose memberships give the working covariances.
    """
    hard = cluster_covariances(X, labels, n_clusters)
    if soft is None:
        working, sizes = hard, np.bincount(labels, minlength=n_clusters)
    else:
        weights = soft.weights
        working, sizes = soft_covariances(X, soft.products(X), weights), weights.sum(axis=0)

    projection, rest = None, 0.0
    if reduce is not None:
        within = ridged(np.tensordot(sizes / len(X), working, axes=1), ridge)
        projection, rest = _fisher_step(X, within, reduce)
        X = X @ projection
        hard, working = projection.T @ hard @ projection, projection.T @ working @ projection

    mean_variance = float(X.var(axis=0).mean())
    means, covariances = cluster_means(X, labels, n_clusters), ridged(hard, ridge, mean_variance)
    misfit = GaussianFactors.of(covariances).deviances(X, means)[np.arange(len(X)), labels]
    return PartitionModel(
        labels=labels,
        X=X,
        means=means,
        covariances=covariances,
        working=covariances if soft is None else ridged(working, ridge, mean_variance),
        misfit=misfit,
        objective=rest - float(misfit.sum()),
        projection=projection,
    )


def refill(
    labels: Int[np.ndarray, " n"], misfit: Float[np.ndarray, " n"], n_clusters: int, size: int
) -> Int[np.ndarray, " n"]:
    """Give every cluster of fewer than two points those that fit worst where they are.

    Parameters
    ----------
    labels : (n,) partition, perhaps with empty clusters.
    misfit : (n,) how badly each point fits its cluster.
    n_clusters : K, at most n / 2.
    size : points to give each of them, where there are so many; no donor is left with fewer than two.
    """
    labels, misfit = labels.copy(), misfit.copy()
    while True:
        counts = np.bincount(labels, minlength=n_clusters)
        poor = np.flatnonzero(counts < 2)
        if not poor.size:
            return labels
        worst_first = np.argsort(-misfit, kind="stable")
        spare = np.zeros(len(labels), dtype=bool)
        for k in np.flatnonzero(counts > 2):
            spare[worst_first[labels[worst_first] == k][: counts[k] - 2]] = True
        taken = worst_first[spare[worst_first]]
        taken = taken[: min(size, max(len(taken) // len(poor), 1))]
        labels[taken], misfit[taken] = poor[0], -np.inf


def _fisher_step(
    X: Float[np.ndarray, "n p"], within: Float[np.ndarray, "p p"], n_directions: int
) -> tuple[Float[np.ndarray, "p q"], float]:
    """Give the directions of largest total over within-cluster scatter, and the likelihood of the other directions.

    The directions V solve ``T V = W V diag(mu)`` with ``V^T W V = I``. The first q are kept; the others are modelled
    as one Gaussian common to all clusters, whose likelihood makes iterates of different V comparable::

        - n sum_rest log mu_j  -  n (p - q)  -  n log|W|

    No more than K - 1 directions hold between-cluster scatter; beyond them the ridge in W orders by variance.
    """
    n, p = X.shape
    total = np.cov(X.T, bias=True).reshape(p, p)
    ratios, directions = eigh(total, within)
    ratios, directions = ratios[::-1], directions[:, ::-1]
    # A direction without variance has no density; it is the same in every iterate, so its floor does not matter.
    rest = np.log(np.maximum(ratios[n_directions:], np.finfo(float).tiny)).sum() + p - n_directions
    return directions[:, :n_directions], -n * float(rest + np.linalg.slogdet(within)[1])

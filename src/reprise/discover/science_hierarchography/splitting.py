"""One division of papers into clusters."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import AgglomerativeClustering, KMeans, MiniBatchKMeans, SpectralClustering
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from reprise.errors import InvalidInputError

Clusterer = Literal["kmeans", "ward", "spectral"]
CLUSTERERS: tuple[Clusterer, ...] = ("kmeans", "ward", "spectral")

# k-means looks at n k d numbers in each of some tens of rounds: above so many, batches take its place.
BATCHED = 4e9
BATCH = 4096
# Ward's tree and the spectral one hold all pairs of papers.
MOST_IN_PAIRS = 20_000


def split(
    X: Float[np.ndarray, "n d"], k: int, clusterer: Clusterer = "kmeans", seed: int = 0, standardize: bool = True
) -> Int[np.ndarray, " n"]:
    """Divide papers into k clusters.

    Parameters
    ----------
    X : vectors of n papers.
    k : clusters, at most n.
    clusterer : ``"kmeans"``, O(n k d) a round, in batches where that is too much; ``"ward"`` and ``"spectral"``,
        O(n^2) memory.
    seed : of k-means and the spectral embedding.
    standardize : bring each column to mean 0 and deviation 1 first.

    Returns
    -------
    Clusters 0, 1, ... in the order of their first papers; fewer than k where papers are alike.

    Raises
    ------
    InvalidInputError
        If k is not from 1 to n, or there are too many papers for their pairs to be held.
    """
    n, d = X.shape
    if not 1 <= k <= n:
        raise InvalidInputError(f"{k} clusters were asked of {n} papers.")
    if k == 1:
        return np.zeros(n, dtype=np.int64)
    if k == n:
        return np.arange(n)
    if clusterer != "kmeans" and n > MOST_IN_PAIRS:
        raise InvalidInputError(f"{clusterer} holds all pairs of papers, and {n:,} are too many; expected kmeans.")
    scaled = StandardScaler().fit_transform(X) if standardize else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct papers than clusters: the result shows it
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        if clusterer == "ward":
            labels = AgglomerativeClustering(k, linkage="ward").fit_predict(scaled)
        elif clusterer == "spectral":
            labels = SpectralClustering(k, affinity="rbf", n_init=10, random_state=seed).fit_predict(scaled)
        elif float(n) * k * d > BATCHED:
            labels = MiniBatchKMeans(k, batch_size=BATCH, n_init=1, random_state=seed).fit_predict(scaled)
        else:
            labels = KMeans(k, n_init=1, random_state=seed).fit_predict(scaled)
    return numbered(labels)


def numbered(labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Number clusters in the order of their first papers."""
    _, first, ranks = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[ranks].astype(np.int64)

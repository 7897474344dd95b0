"""Clusters of explanations within one predicted class, their number chosen by silhouette."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import cut_tree, linkage
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin, silhouette_score

from reprise.errors import InvalidInputError

SILHOUETTE_SAMPLE = 2000
"""Of more rows than this the silhouette, which is quadratic, is taken of a random sample."""

DECIMALS = 9
"""Rows of one total variance that agree to so many decimals are the same."""

MASSES = 2
"""Columns at the end of the features that hold total evidence, where they are added."""


@dataclass(frozen=True)
class Group:
    """The clusters of one predicted class.

    Parameters
    ----------
    scales : (p,) what each column is multiplied by, so that shape and strength have one total variance each.
    centers : (k, p) mean rows of the clusters, scaled.
    labels : (n,) clusters of the rows it was made from.
    silhouettes : score by number of clusters, of those tried.
    """

    scales: Float[np.ndarray, " p"]
    centers: Float[np.ndarray, "k p"]
    labels: Int[np.ndarray, " n"]
    silhouettes: dict[int, float]

    def distances(self, features: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n k"]:
        """Give the distances of rows from the centres."""
        return np.linalg.norm((features * self.scales)[:, None] - self.centers, axis=2)

    def assign(self, features: Float[np.ndarray, "n p"]) -> Int[np.ndarray, " n"]:
        """Give each row to its nearest centre."""
        return pairwise_distances_argmin(features * self.scales, self.centers)

    def nearest(self, features: Float[np.ndarray, "n p"], count: int) -> list[Int[np.ndarray, " nearest"]]:
        """Give, of the rows that the clusters were made from, those of each cluster nearest to its centre."""
        distances = self.distances(features)
        inside = [np.flatnonzero(self.labels == k) for k in range(len(self.centers))]
        return [rows[np.argsort(distances[rows, k], kind="stable")[:count]] for k, rows in enumerate(inside)]


def group(
    features: Float[np.ndarray, "n p"],
    *,
    n_clusters: int | Literal["auto"],
    k_range: tuple[int, int],
    algorithm: Literal["kmeans", "ward"],
    has_mass: bool,
    seed: int,
    what: str,
) -> Group:
    """Cluster rows; the order they come in does not matter.

    Parameters
    ----------
    features : of one predicted class.
    n_clusters : or ``"auto"``: the best silhouette within `k_range`, both ends included, and one cluster where there
        are too few different rows for two.
    k_range, algorithm : as of the estimator.
    has_mass : whether the last two columns are masses.
    seed : of k-means and the silhouette's sample.
    what : the rows in words, for errors.
    """
    order = np.lexsort(features.T[::-1])
    scales = _scales(features, has_mass)
    rows = features[order] * scales
    distinct = len(np.unique(rows.round(DECIMALS), axis=0))
    candidates = _candidates(n_clusters, k_range, distinct, what)
    partitions = _partitions(rows, candidates, algorithm, seed)
    silhouettes = _silhouettes(rows, partitions, seed)
    best = max(silhouettes, key=silhouettes.__getitem__) if len(candidates) > 1 else candidates[0]
    labels = np.empty(len(rows), dtype=np.int64)
    labels[order] = partitions[best]
    centers = np.stack([rows[partitions[best] == k].mean(axis=0) for k in range(best)])
    return Group(scales, centers, labels, silhouettes)


def _scales(features: Float[np.ndarray, "n p"], has_mass: bool) -> Float[np.ndarray, " p"]:
    """Give shape and mass one unit of total variance each; constant blocks are left as they are."""
    scales = np.ones(features.shape[1])
    split = features.shape[1] - MASSES if has_mass else features.shape[1]
    for block in (slice(0, split), slice(split, None)):
        spread = np.sqrt(features[:, block].var(axis=0).sum())
        scales[block] = 1 / spread if spread > 0 else 1.0
    return scales


def _candidates(n_clusters: int | str, k_range: tuple[int, int], distinct: int, what: str) -> list[int]:
    if n_clusters == "auto":
        return list(range(k_range[0], min(k_range[1], distinct - 1) + 1)) or [1]
    if distinct < int(n_clusters):
        raise InvalidInputError(
            f"{n_clusters} clusters were asked of {what}, of which {distinct} differ; give n_clusters='auto', or fewer."
        )
    return [int(n_clusters)]


def _partitions(
    rows: Float[np.ndarray, "n p"], candidates: list[int], algorithm: str, seed: int
) -> dict[int, Int[np.ndarray, " n"]]:
    if candidates == [1]:
        return {1: np.zeros(len(rows), dtype=np.int64)}
    if algorithm == "ward":
        tree = linkage(rows, "ward")
        return {k: cut_tree(tree, k)[:, 0].astype(np.int64) for k in candidates}
    return {k: KMeans(k, n_init=10, random_state=seed).fit(rows).labels_.astype(np.int64) for k in candidates}


def _silhouettes(
    rows: Float[np.ndarray, "n p"], partitions: dict[int, Int[np.ndarray, " n"]], seed: int
) -> dict[int, float]:
    sample = SILHOUETTE_SAMPLE if len(rows) > SILHOUETTE_SAMPLE else None
    return {
        k: float(silhouette_score(rows, labels, sample_size=sample, random_state=seed))
        for k, labels in partitions.items()
        if 1 < k < len(rows)
    }

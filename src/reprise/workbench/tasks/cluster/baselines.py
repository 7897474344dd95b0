"""The clusterers that everyone knows, and from how many rows on each works on a sample."""

from __future__ import annotations

from dataclasses import replace

from reprise.workbench.contract import Entry

# Above these the method is fitted on a random sample and the other rows take the nearest one's cluster. Spectral: its
# eigenvectors take 12 s at 10,000 rows on one core, and longer fast; agglomerative: 4 n^2 bytes of distances (0.4 GB at
# 10,000); HDBSCAN: n^2 time (3 s at 10,000 rows of 20 columns, 13 s at 20,000).
SPECTRAL_ROWS, AGGLOMERATIVE_ROWS, HDBSCAN_ROWS = 5_000, 10_000, 10_000
MANY_ROWS = 20_000  # from here on K-means has quicker relatives beside it
_NEIGHBOURS = 10


def baselines(shape: tuple[int, ...], n_clusters: int) -> list[Entry]:
    """Give scikit-learn's clusterers for n rows of d columns, the cheapest first."""
    n, d = shape
    full = n >= 2 * n_clusters * d  # at least two rows for each dimension of a cluster's covariance
    entries = [
        Entry("KMeans", "sklearn.cluster:KMeans", {"n_init": 10}),
        Entry(
            "GaussianMixture",
            "sklearn.mixture:GaussianMixture",
            {"n_components": n_clusters, "n_init": 5, "covariance_type": "full" if full else "diag"},
            note="" if full else f"diagonal covariances, as {n:,} rows are few for {d:,} columns",
        ),
        Entry(
            "HDBSCAN",
            "sklearn.cluster:HDBSCAN",
            {"min_cluster_size": max(2, min(5, n // 4), n // 100), "copy": True},
            max_rows=HDBSCAN_ROWS,
            note="finds the number of clusters by itself",
        ),
        Entry(
            "AgglomerativeClustering",
            "sklearn.cluster:AgglomerativeClustering",
            {"linkage": "ward"},
            max_rows=AGGLOMERATIVE_ROWS,
        ),
        Entry(
            "SpectralClustering",
            "sklearn.cluster:SpectralClustering",
            {"affinity": "nearest_neighbors", "n_neighbors": max(1, min(_NEIGHBOURS, n // 3))},
            max_rows=SPECTRAL_ROWS,
        ),
    ]
    if n >= MANY_ROWS:
        quick = [
            Entry("MiniBatchKMeans", "sklearn.cluster:MiniBatchKMeans", {"n_init": 3}),
            Entry("BisectingKMeans", "sklearn.cluster:BisectingKMeans"),
        ]
        entries = [*quick, *entries]
    return [replace(entry, kind="baseline") for entry in entries]

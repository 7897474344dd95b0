"""Points without images: bent curves of a simulator, and the table of digits, every arm seeing the points alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans, SpectralClustering

from reprise.claim import Measurement, Trial
from reprise.claims.discover._manifold_linearizing_clustering.sizes import (
    ETA_CURVES,
    ETA_TABLE,
    INVARIANCE,
    LR,
    MLC_LR,
    Size,
)
from reprise.claims.discover._manifold_linearizing_clustering.subspaces import elastic_net_clustering
from reprise.data.simulators.curved_manifolds import curved_manifolds
from reprise.discover.manifold_linearizing_clustering import ManifoldLinearizingClustering, numerical_rank
from reprise.metrics import hungarian_accuracy

MLC, KMEANS, SPECTRAL, ENSC = "MLC", "k-means", "spectral clustering", "sparse subspace clustering"
CURVES = {"three bent curves": (3, 6), "four bent curves": (4, 5)}  # number of curves, latent dimension
AMBIENT = 10  # in 50 dimensions every curve lies near a subspace of its own, and sparse subspace clustering finds all
TABLE = "table of digits"
NOISE = 0.02
BETWEEN, RANK = "mean |cosine| between curves", "numerical rank of a curve's features"
# Of 5, 10 and 20 neighbours, and of gamma 5 and 20 (50 too on digits): the best by accuracy on pilot seeds 1000, 1001.
SPECTRAL_NEIGHBOURS = 10
ENSC_SETTING = {"three bent curves": (20.0, 0.9), "four bent curves": (20.0, 0.9), TABLE: (5.0, 0.9)}


def accuracy_on(data: str) -> str:
    """Name the metric of a data set."""
    return f"accuracy, {data}"


def measure_curves(size: Size, trial: Trial) -> Iterator[Measurement]:
    """Cluster simulated curves by every arm; new curves for each seed."""
    for name, (count, latent) in CURVES.items():
        rng = trial.rng()
        X, y, _ = curved_manifolds(count, rng, latent=latent, ambient=AMBIENT).draw(size.curve_points, rng, NOISE)
        model = _model(count, ETA_CURVES, size, trial.seed).fit(X)
        yield from _arms(name, X, y, model.labels_, trial.seed)
        Z = model.transform(X)
        apart = y[:, None] != y
        yield Measurement(MLC, BETWEEN, float(np.abs(Z @ Z.T)[apart].mean()), item=name)
        ranks = [numerical_rank(Z[y == k]) for k in range(count)]
        yield Measurement(MLC, RANK, float(np.mean(ranks)), item=name)


def measure_table(X: NDArray, y: NDArray, size: Size, trial: Trial) -> Iterator[Measurement]:
    """Cluster a table by every arm."""
    model = _model(len(np.unique(y)), ETA_TABLE, size, trial.seed).fit(X)
    yield from _arms(TABLE, X, y, model.labels_, trial.seed)


def _model(n_clusters: int, eta: float, size: Size, seed: int) -> ManifoldLinearizingClustering:
    return ManifoldLinearizingClustering(
        n_clusters,
        feature_dim=size.feature_dim,
        hidden_dim=size.hidden_dim,
        eta=eta,
        invariance=INVARIANCE,
        pretrain_epochs=size.table_first,
        epochs=size.table_second,
        anchors=size.anchors,
        lr=LR,
        fine_lr=MLC_LR,
        random_state=seed,
    )


def _arms(data: str, X: NDArray, y: NDArray, labels: NDArray, seed: int) -> Iterator[Measurement]:
    n_clusters = len(np.unique(y))
    neighbours = min(SPECTRAL_NEIGHBOURS, len(X) // 3)
    graph = SpectralClustering(n_clusters, affinity="nearest_neighbors", n_neighbors=neighbours, random_state=seed)
    gamma, tau = ENSC_SETTING[data]
    found = {
        MLC: labels,
        KMEANS: KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(X),
        SPECTRAL: graph.fit_predict(X),
        ENSC: elastic_net_clustering(X - X.mean(axis=0), n_clusters, gamma, tau, seed),
    }
    for arm, clusters in found.items():
        yield Measurement(arm, accuracy_on(data), hungarian_accuracy(y, clusters))

"""Images with random warps as views: every arm after the same self-supervision, and as many epochs more."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor

from reprise.claim import Measurement, Trial
from reprise.claims.discover._manifold_linearizing_clustering.sizes import (
    ETA_IMAGES,
    INVARIANCE,
    LR,
    MLC_LR,
    SSL_LR,
    Size,
)
from reprise.claims.discover._manifold_linearizing_clustering.subspaces import elastic_net_clustering
from reprise.discover.manifold_linearizing_clustering import (
    AugmentedViews,
    ManifoldLinearizingLoss,
    TotalCodingRateLoss,
    TwoHeadedNetwork,
    linearize,
    numerical_rank,
    pretrain,
)
from reprise.discover.manifold_linearizing_clustering.assignment import Assignment
from reprise.metrics import hungarian_accuracy
from reprise.nn.encoders import ConvEncoder
from reprise.nn.images import warp_images

MLC, ONE_HEAD, OWN_START = "MLC", "MLC, one head", "MLC, random cluster head"
MLC_KMEANS, MLC_ENSC = "k-means on MLC features", "subspace clustering on MLC features"
SSL_KMEANS, SSL_SPECTRAL = "k-means on SSL features", "spectral clustering on SSL features"
SSL_MEMBERSHIP, SSL_ENSC = "doubly stochastic clustering on SSL features", "subspace clustering on SSL features"
PIXELS_KMEANS, PIXELS_SPECTRAL = "k-means on pixels", "spectral clustering on pixels"
ACCURACY, NMI, CLASS_RANK = "accuracy, images", "NMI, images", "numerical rank of a class's features"
SSL = "SSL"
BACKBONE_WIDTH = 128
TURN, GROWTH, SLANT, SHIFT = 0.35, 0.15, 0.3, 0.1
"""Largest turn (radians), change of size, slant, and shift (share of the side) of a view."""
# By accuracy on pilot seeds 1000 and 1001: gamma of 5 and 20, with tau 0.9; eta of 0.1, 0.175 and 0.25. Neighbours
# as on curves and table.
ENSC_SETTING = (5.0, 0.9)
SSL_ETA = 0.1
NEIGHBOURS = 10


def warped(images: Tensor) -> Tensor:
    """Turn, scale, slant and shift each image at random."""
    n, side = len(images), images.shape[-1]
    draw = 2 * torch.rand(6, n, device=images.device) - 1
    angle, size, slant = TURN * draw[0], 1 + GROWTH * draw[1], SLANT * draw[2]
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()], -1), torch.stack([angle.sin(), angle.cos()], -1)], -2)
    shape = torch.stack([torch.stack([size, slant], -1), torch.stack([torch.zeros_like(size), size], -1)], -2)
    return warp_images(images, turn @ shape, SHIFT * side * draw[4:].T)


def measure_images(images: NDArray[np.float32], y: NDArray, size: Size, trial: Trial) -> Iterator[Measurement]:
    """Cluster images (n, 1, side, side) by every arm."""
    n_clusters, pixels = len(np.unique(y)), images.reshape(len(images), -1)
    yield from _clustered(PIXELS_KMEANS, y, _kmeans(pixels, n_clusters, trial.seed))
    yield from _clustered(PIXELS_SPECTRAL, y, _spectral(pixels, n_clusters, trial.seed))

    samples = torch.from_numpy(images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        backbone = ConvEncoder(1, BACKBONE_WIDTH, image_size=images.shape[-1])
        start = TwoHeadedNetwork(backbone, BACKBONE_WIDTH, size.hidden_dim, size.feature_dim)
    views, spread = AugmentedViews(samples, warped), TotalCodingRateLoss(invariance=INVARIANCE)
    settings: dict[str, Any] = {
        "batch_size": size.batch_size,
        "weight_decay": 1e-4,
        "schedule": "cosine",
        "device": trial.device,
    }
    pretrain(start, views, len(samples), spread, epochs=size.first, lr=LR, seed=trial.seed, **settings)
    settings |= {"epochs": size.second, "seed": trial.seed + 1}

    further = copy.deepcopy(start)
    pretrain(further, views, len(samples), spread, lr=SSL_LR, **settings)
    Z, _ = _heads(further, samples)
    yield from _clustered(SSL_KMEANS, y, _kmeans(Z, n_clusters, trial.seed))
    yield from _clustered(SSL_SPECTRAL, y, _spectral(Z, n_clusters, trial.seed))
    yield from _clustered(SSL_MEMBERSHIP, y, Assignment.of(Z, n_clusters, SSL_ETA, trial.seed).labels)
    yield from _clustered(SSL_ENSC, y, elastic_net_clustering(Z, n_clusters, *ENSC_SETTING, trial.seed))
    yield Measurement(SSL, CLASS_RANK, _rank(Z, y))

    for arm in (MLC, ONE_HEAD, OWN_START):
        network = copy.deepcopy(start)
        make_loss = _OneHeadLoss if arm == ONE_HEAD else ManifoldLinearizingLoss
        loss = make_loss(eta=ETA_IMAGES, anchors=size.anchors)
        linearize(network, views, len(samples), loss, one_shot=arm != OWN_START, lr=MLC_LR, **settings)
        Z, C = _heads(network, samples)
        vectors = Z if arm == ONE_HEAD else C
        yield from _clustered(arm, y, Assignment.of(vectors, n_clusters, ETA_IMAGES, trial.seed).labels)
        if arm == MLC:
            yield from _clustered(MLC_KMEANS, y, _kmeans(Z, n_clusters, trial.seed))
            yield from _clustered(MLC_ENSC, y, elastic_net_clustering(Z, n_clusters, *ENSC_SETTING, trial.seed))
            yield Measurement(MLC, CLASS_RANK, _rank(Z, y))


class _OneHeadLoss(ManifoldLinearizingLoss):
    """The membership from the features themselves."""

    def forward(self, Z: Tensor, C: Tensor) -> Tensor:
        return super().forward(Z, Z)


@torch.no_grad()
def _heads(network: TwoHeadedNetwork, samples: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    network.eval()
    features, vectors = zip(*(network(block) for block in samples.split(1000)), strict=True)
    return torch.cat(features).numpy(), torch.cat(vectors).numpy()


def _kmeans(X: NDArray, n_clusters: int, seed: int) -> NDArray:
    return KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(X)


def _spectral(X: NDArray, n_clusters: int, seed: int) -> NDArray:
    graph = SpectralClustering(n_clusters, affinity="nearest_neighbors", n_neighbors=NEIGHBOURS, random_state=seed)
    return graph.fit_predict(X)


def _rank(Z: NDArray, y: NDArray) -> float:
    return float(np.mean([numerical_rank(Z[y == k]) for k in np.unique(y)]))


def _clustered(arm: str, y: NDArray, labels: NDArray) -> Iterator[Measurement]:
    yield Measurement(arm, ACCURACY, hungarian_accuracy(y, labels))
    yield Measurement(arm, NMI, float(normalized_mutual_info_score(y, labels)))

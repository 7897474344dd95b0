"""Ways to cluster scored images: by explanations, and by what an image, a network or a score holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.decomposition import PCA

from reprise.discover.vidi import ExplanationClustering, explanation_features

OURS, NO_STRENGTH, SPECTRAL = "DeepSHAP", "DeepSHAP, no strength", "DeepSHAP, spectral"
PIXELS, COMPONENTS, PENULTIMATE = "pixels", "50 principal components", "penultimate features"
GRAD_CAM, OWN_SCORE = "Grad-CAM", "classifier's own score"
N_COMPONENTS = 50


@dataclass(frozen=True)
class Scored:
    """Held-out images with what the classifier says and shows of them."""

    images: Float[np.ndarray, "n 1 H W"]
    predicted: Int[np.ndarray, " n"]
    score: Float[np.ndarray, " n"]
    penultimate: Float[np.ndarray, "n d"]
    maps: Float[np.ndarray, "n 1 H W"]
    grad_cam: Float[np.ndarray, "n H W"]


def clusterings(scored: Scored, k: int, grid: int, seed: int) -> Iterator[tuple[str, Int[np.ndarray, " n"]]]:
    """Give each arm's clusters, k of each predicted class."""

    def explained(maps: np.ndarray, **settings: bool) -> Int[np.ndarray, " n"]:
        vidi = ExplanationClustering(k, grid=grid, random_state=seed, **settings)  # type: ignore[arg-type]
        return vidi.fit_maps(maps, scored.predicted).labels_

    yield OURS, explained(scored.maps)
    yield NO_STRENGTH, explained(scored.maps, add_mass=False)
    yield GRAD_CAM, explained(scored.grad_cam)
    spectral = SpectralClustering(k, affinity="nearest_neighbors", random_state=seed)
    yield SPECTRAL, _within(scored.predicted, explanation_features(scored.maps, grid=grid, add_mass=False), spectral, k)
    pixels = scored.images.reshape(len(scored.images), -1).astype(float)
    components = PCA(min(N_COMPONENTS, *pixels.shape), random_state=seed).fit_transform(pixels)
    for arm, features in (
        (PIXELS, pixels),
        (COMPONENTS, components),
        (PENULTIMATE, scored.penultimate),
        (OWN_SCORE, scored.score[:, None]),
    ):
        yield arm, _within(scored.predicted, features, KMeans(k, n_init=10, random_state=seed), k)


def _within(
    predicted: Int[np.ndarray, " n"], features: Float[np.ndarray, "n p"], method: KMeans | SpectralClustering, k: int
) -> Int[np.ndarray, " n"]:
    labels = np.empty(len(features), dtype=np.int64)
    for c in np.unique(predicted):
        rows = predicted == c
        labels[rows] = k * c + method.fit_predict(features[rows])
    return labels

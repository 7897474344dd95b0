"""From meanings to places in a plane."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

SAMPLE = 50_000
_NEIGHBOURS = 15
_BLOCK = 2048


def lay_out(vectors: NDArray[np.float32], *, seed: int = 0, sample: int = SAMPLE) -> NDArray[np.float32]:
    """Place unit vectors in the unit square, those of like meaning together.

    UMAP with cosine distance, of at most `sample` vectors drawn at random; each of the others goes to the mean of its
    nearest five of these, weighted by their cosine. Without the package umap-learn, or for a handful of vectors, the
    first two principal components.

    Parameters
    ----------
    vectors : (n, d) of length 1.
    seed : of the sample and the layout.
    sample : vectors that UMAP lays out itself.

    Returns
    -------
    (n, 2) numbers from 0 to 1

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((3, 8)).astype(np.float32)
    >>> lay_out(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).shape
    (3, 2)
    """
    if len(vectors) <= _NEIGHBOURS:
        return _square(_principal(vectors))
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(len(vectors), min(sample, len(vectors)), replace=False))
    try:
        from umap import UMAP
    except ImportError:
        return _square(_principal(vectors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed means one thread
        placed = UMAP(n_neighbors=_NEIGHBOURS, min_dist=0.15, metric="cosine", random_state=seed).fit_transform(
            vectors[drawn]
        )
    places = np.empty((len(vectors), 2), np.float32)
    places[drawn] = placed
    others = np.setdiff1d(np.arange(len(vectors)), drawn, assume_unique=True)
    known = vectors[drawn]
    for block in np.split(others, range(_BLOCK, len(others), _BLOCK)) if len(others) else []:
        cosines = vectors[block] @ known.T
        nearest = np.argpartition(-cosines, 5, axis=1)[:, :5]
        weights = np.take_along_axis(cosines, nearest, 1).clip(1e-6) ** 8  # the nearest count for most
        places[block] = (placed[nearest] * weights[..., None]).sum(1) / weights.sum(1, keepdims=True)
    return _square(places)


def _principal(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = vectors - vectors.mean(0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(vectors), 2), np.float32)
    kept = min(2, left.shape[1])
    places[:, :kept] = left[:, :kept] * singular[:kept]
    return places


def _square(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move and scale places into the unit square, alike in both directions; a few far ones stay at its edge."""
    if not len(places):
        return places
    low, high = np.quantile(places, [0.002, 0.998], axis=0)
    size = float((high - low).max()) or 1.0
    return np.clip((places - (low + high) / 2) / size * 0.94 + 0.5, 0, 1).astype(np.float32)

"""What the judge loses when the region that a cluster's picture marks is taken out of the cluster's images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter

SHARE = 0.2
"""Of the image that is taken out."""

BLUR = 1 / 7
"""Standard deviation of the blur, as a share of the side."""

Severity = Callable[[np.ndarray], np.ndarray]


def fillings(
    images: Float[np.ndarray, "n 1 H W"], learnt: Float[np.ndarray, "m 1 H W"]
) -> dict[str, Float[np.ndarray, "*n H W"]]:
    """Give what takes the region's place: the mean image of those learnt from, or the image's own blur."""
    side = images.shape[-1]
    return {
        "mean image": learnt.mean(axis=(0, 1)),
        "blurred": gaussian_filter(images[:, 0], (0, BLUR * side, BLUR * side)),
    }


def marked(evidence: Float[np.ndarray, "n H W"], labels: Int[np.ndarray, " n"]) -> Bool[np.ndarray, "n H W"]:
    """Mark for each image the pixels where its cluster's mean evidence for the class is highest."""
    clusters, position = np.unique(labels, return_inverse=True)
    pictures = np.stack([evidence[labels == k].mean(axis=0) for k in clusters])
    return (pictures >= np.quantile(pictures, 1 - SHARE, axis=(1, 2), keepdims=True))[position]


def moved(regions: Bool[np.ndarray, "n H W"], rng: np.random.Generator) -> Bool[np.ndarray, "n H W"]:
    """Move each region to a random place, around the edges."""
    side = regions.shape[-1]
    shifts = rng.integers(side, size=(len(regions), 2))
    return np.stack([np.roll(region, tuple(shift), (0, 1)) for region, shift in zip(regions, shifts, strict=True)])


def drop(
    images: Float[np.ndarray, "n 1 H W"],
    regions: Bool[np.ndarray, "n H W"],
    filling: Float[np.ndarray, "*n H W"],
    predicted: Int[np.ndarray, " n"],
    grades: Float[np.ndarray, " n"],
    severity: Severity,
) -> float:
    """Give the mean fall of the judge's log-odds of the predicted class from `grades`, its log-odds of class 1."""
    without = np.where(regions, filling, images[:, 0])[:, None].astype(np.float32)
    return float(((grades - severity(without)) * (2 * predicted - 1)).mean())

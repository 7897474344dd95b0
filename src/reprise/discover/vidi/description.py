"""What is said of a cluster: its maps, its examples, and a sentence or two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class ClusterDescription:
    """A cluster in words and numbers.

    Parameters
    ----------
    cluster : its number.
    predicted : the class that the classifier gives its images, or None where clusters span classes.
    size : images in it.
    severity : their mean severity.
    share_correct : of them that are classified correctly; None where the true classes are unknown.
    region : the quarter of the image that holds more of what speaks for the class than any other.
    region_share : how much of it lies there.
    exemplars : rows of the images nearest to the centre.
    summary : all of this as text.

    Examples
    --------
    >>> from reprise.discover.vidi import ExplanationClustering
    >>> maps = np.zeros((10, 8, 8))
    >>> maps[:5, :4, :4], maps[5:, 4:, :4] = 2, 1
    >>> maps += np.random.default_rng(0).random(maps.shape) / 9
    >>> found = ExplanationClustering(2, grid=2, random_state=0).fit_maps(maps, np.zeros(10, int))
    >>> [(entry.size, entry.region) for entry in found.describe()]
    [(5, 'upper left'), (5, 'lower left')]
    """

    cluster: int
    predicted: str | None
    size: int
    severity: float
    share_correct: float | None
    region: str
    region_share: float
    exemplars: tuple[int, ...]
    summary: str


def describe(
    cluster: int,
    predicted: str | None,
    members: Int[np.ndarray, " members"],
    severity: float,
    correct: np.ndarray | None,
    favorable: Float[np.ndarray, "H W"],
    exemplars: Int[np.ndarray, " exemplars"],
) -> ClusterDescription:
    """Put a cluster into words."""
    region, share = heaviest_quarter(favorable)
    right = None if correct is None else float(np.mean(correct[members]))
    named = "images" if predicted is None else f"images read as {predicted}"
    sentences = [
        f"{len(members)} {named}, mean severity {severity:.2f}.",
        f"What speaks for it lies more in the {region} quarter than in any other ({share:.0%})." if share > 0 else
        "Nothing speaks for it.",
    ]  # fmt: skip
    if right is not None:
        sentences.append(f"{right:.0%} of them are classified correctly.")
    return ClusterDescription(
        cluster,
        predicted,
        len(members),
        severity,
        right,
        region,
        share,
        tuple(map(int, exemplars)),
        " ".join(sentences),
    )


def heaviest_quarter(favorable: Float[np.ndarray, "H W"]) -> tuple[str, float]:
    """Give the quarter of a map with the largest sum, and its share of the whole."""
    height, width = favorable.shape
    rows, columns = (np.arange(height) * 2 >= height).astype(int), (np.arange(width) * 2 >= width).astype(int)
    quarters = np.bincount((2 * rows[:, None] + columns).ravel(), favorable.ravel(), minlength=4)
    best = int(quarters.argmax())
    total = float(quarters.sum())
    return f"{('upper', 'lower')[best // 2]} {('left', 'right')[best % 2]}", quarters[best] / total if total else 0.0


def mean_maps(
    evidence: Float[np.ndarray, "n H W"], labels: Int[np.ndarray, " n"], n_clusters: int
) -> tuple[Float[np.ndarray, "K H W"], Float[np.ndarray, "K H W"]]:
    """Give each cluster's mean of what speaks for, and of what speaks against."""
    members = [evidence[labels == k] for k in range(n_clusters)]
    favorable = np.stack([np.maximum(part, 0).mean(axis=0) for part in members])
    return favorable, np.stack([np.maximum(-part, 0).mean(axis=0) for part in members])


def contrasts(favorable: Float[np.ndarray, "K H W"]) -> Float[np.ndarray, "K H W"]:
    """Give each favourable map less the mean of the others: what is special to the cluster."""
    if len(favorable) == 1:
        return np.zeros_like(favorable)
    others = (favorable.sum(axis=0) - favorable) / (len(favorable) - 1)
    return favorable - others

"""The images of each scale, and how large its networks and clusterings are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.datasets import load_digits

from reprise.claim import Scale
from reprise.data.pneumonia_mnist import pneumonia_mnist


@dataclass(frozen=True)
class Task:
    """Images from 0 to 1, of class 0 or 1, to learn from and held out."""

    learnt: Float[np.ndarray, "n 1 H W"]
    learnt_labels: Int[np.ndarray, " n"]
    held: Float[np.ndarray, "m 1 H W"]
    held_labels: Int[np.ndarray, " m"]


@dataclass(frozen=True)
class Size:
    """Widths of the classifier's stages, epochs, background samples of each class, clusters a class, and the grid."""

    widths: tuple[int, ...]
    epochs: int
    background: int
    clusters: tuple[int, ...]
    grid: int


SIZES: dict[Scale, Size] = {
    "quick": Size((4, 8), 3, 4, (2,), 4),
    "desktop": Size((16, 32), 8, 12, (2, 3, 4), 7),
    "full": Size((32, 64), 30, 50, (2, 3, 4), 7),
}


def load(scale: Scale) -> Task:
    """Load chest radiographs; at quick scale, digits 3 and 8."""
    if scale == "quick":
        X, y = load_digits(return_X_y=True)
        kept = np.isin(y, (3, 8))
        images, labels = (X[kept].reshape(-1, 1, 8, 8) / 16).astype(np.float32), (y[kept] == 8).astype(np.int64)
        return Task(images[:200], labels[:200], images[200:], labels[200:])
    data = pneumonia_mnist()
    learnt = {image.tobytes() for image in data.train_images}
    fresh = np.array([image.tobytes() not in learnt for image in data.val_images])
    return Task(
        _scaled(data.train_images),
        data.train_labels,
        _scaled(np.concatenate([data.val_images[fresh], data.test_images])),
        np.concatenate([data.val_labels[fresh], data.test_labels]),
    )


def _scaled(images: np.ndarray) -> Float[np.ndarray, "n 1 H W"]:
    return (images[:, None] / 255).astype(np.float32)

"""Data, split and training, which all arms share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from reprise.claim import Prepared, Setting, Trial
from reprise.claims.retrieve._matryoshka.promises import DIMS
from reprise.data.fashion_mnist import fashion_mnist
from reprise.nn.encoders import ConvEncoder
from reprise.retrieve.matryoshka import MatryoshkaClassifier


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What differs between the scales: the training, shared by all arms, and the lengths of shortlists."""

    epochs: int
    lr: float
    batch_size: int
    images: bool
    shortlist: int
    funnel: tuple[int, ...]


# Learning rate and epochs, and weight decay and label smoothing (the paper's): the best average over arms on pilot
# seeds, 1000 and 1001.
RECIPES = {
    "quick": Recipe(epochs=10, lr=0.02, batch_size=64, images=False, shortlist=8, funnel=(16, 12, 8, 4)),
    "desktop": Recipe(epochs=100, lr=0.01, batch_size=64, images=False, shortlist=8, funnel=(16, 12, 8, 4)),
    "full": Recipe(epochs=8, lr=0.02, batch_size=256, images=True, shortlist=200, funnel=(200, 100, 50, 10)),
}
WEIGHT_DECAY, LABEL_SMOOTHING = 0.01, 0.1


@dataclass(frozen=True)
class Split:
    """Arrays of one seed's training, validation and test samples."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    X_val: NDArray[np.float32]
    y_val: NDArray[np.int64]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def prepare(setting: Setting) -> Prepared:
    """Load the data set and state what is measured on it."""
    recipe = RECIPES[setting.scale]
    shared: dict[str, str | int | float] = {
        "nested sizes": ", ".join(map(str, DIMS)),
        "epochs": recipe.epochs,
        "learning rate": recipe.lr,
    }
    if setting.scale == "full":
        data = fashion_mnist()
        content = (_flat(data.train_images), data.train_labels, _flat(data.test_images), data.test_labels)
        facts = {
            "data": "Fashion-MNIST",
            "licence": "MIT",
            "samples": "55,000 train, 5,000 validation, 10,000 test",
            "encoder": "two convolutions (16, 32 channels, stride 2), one linear layer",
        }
        return Prepared(content, facts | shared)
    X, y = load_digits(return_X_y=True)
    kept = slice(0, 600) if setting.scale == "quick" else slice(None)
    X, y = X[kept], y[kept]
    facts = {
        "data": "scikit-learn digits (UCI optical recognition of handwritten digits, 8 x 8 pixels)",
        "licence": "CC BY 4.0",
        "samples": f"{len(X)}, split 60/20/20 by seed",
        "encoder": "perceptron with one hidden layer of 256",
    }
    return Prepared(((X / 16).astype(np.float32), y.astype(np.int64)), facts | shared)


def make_split(trial: Trial, prepared: Prepared) -> Split:
    """Draw the seed's validation samples, and its test samples where the data set has none of its own."""
    if len(prepared.content) == 4:
        X, y, X_test, y_test = prepared.content
        X, X_val, y, y_val = train_test_split(X, y, test_size=5_000, stratify=y, random_state=trial.seed)
        return Split(X, y, X_val, y_val, X_test, y_test)
    X, y = prepared.content
    X, rest, y, y_rest = train_test_split(X, y, test_size=0.4, stratify=y, random_state=trial.seed)
    halves = train_test_split(rest, y_rest, test_size=0.5, stratify=y_rest, random_state=trial.seed)
    X_val, X_test, y_val, y_test = halves
    return Split(X, y, X_val, y_val, X_test, y_test)


def train(
    trial: Trial, recipe: Recipe, split: Split, dims: tuple[int, ...], efficient: bool = False
) -> MatryoshkaClassifier:
    """Train one arm: all sizes of `dims` together, or a dedicated encoder where there is one."""
    return MatryoshkaClassifier(
        dims=dims,
        efficient=efficient,
        encoder=_convolutional if recipe.images else None,
        epochs=recipe.epochs,
        lr=recipe.lr,
        weight_decay=WEIGHT_DECAY,
        batch_size=recipe.batch_size,
        label_smoothing=LABEL_SMOOTHING,
        device=trial.device,
        random_state=trial.seed,
    ).fit(split.X, split.y)


def _convolutional(features: int, width: int) -> nn.Module:
    side = int(np.sqrt(features))
    return nn.Sequential(nn.Unflatten(1, (1, side, side)), ConvEncoder(1, width, (16, 32), image_size=side))


def _flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (images.reshape(len(images), -1) / 255).astype(np.float32)

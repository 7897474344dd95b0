"""The images that move: handwritten digits, in two halves that never meet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from reprise.claim import Scale
from reprise.errors import MissingDataError

TRAIN_DIGITS = 1400


@dataclass(frozen=True)
class Digits:
    """Images (N, H, W) from 0 to 1 and their classes, to train on and to test on."""

    train: Tensor
    train_classes: Tensor
    test: Tensor
    test_classes: Tensor
    title: str
    licence: str


def load(scale: Scale) -> Digits:
    """Give scikit-learn's digits (8 x 8), or at full scale MNIST."""
    if scale == "full":
        return _mnist()
    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float() / 16
    classes = torch.from_numpy(bunch.target).long()
    return Digits(
        images[:TRAIN_DIGITS],
        classes[:TRAIN_DIGITS],
        images[TRAIN_DIGITS:],
        classes[TRAIN_DIGITS:],
        "UCI optical recognition of handwritten digits, scikit-learn's copy, 8 x 8",
        "CC BY 4.0",
    )


def _mnist() -> Digits:
    raise MissingDataError("Full scale needs MNIST (60 000 and 10 000 images), which no loader brings yet.")

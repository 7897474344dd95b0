"""The images that move: handwritten digits, in two parts that never meet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from reprise.claim import Scale
from reprise.data.mnist import SOURCE, mnist

TRAIN_DIGITS = 1400


@dataclass(frozen=True)
class Digits:
    """Images (N, H, W) from 0 to 1, to train on and to test on."""

    train: Tensor
    test: Tensor
    title: str
    licence: str


def load(scale: Scale) -> Digits:
    """Give scikit-learn's digits (8 x 8), or at full scale MNIST."""
    if scale == "full":
        return _mnist()
    images = torch.from_numpy(load_digits().images).float() / 16
    title = "UCI optical recognition of handwritten digits, scikit-learn's copy, 8 x 8"
    return Digits(images[:TRAIN_DIGITS], images[TRAIN_DIGITS:], title, "CC BY 4.0")


def _mnist() -> Digits:
    data = mnist()
    train, test = (torch.from_numpy(images).float() / 255 for images in (data.train_images, data.test_images))
    return Digits(train, test, SOURCE.title, SOURCE.licence)

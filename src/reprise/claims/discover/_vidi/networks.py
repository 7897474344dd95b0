"""The classifier that is explained, and the judge that is asked how severe an image is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from reprise.nn.encoders import ConvEncoder
from reprise.nn.images import warp_images
from reprise.training import train

Network = TypeVar("Network", bound=nn.Module)

TURN = 15.0  # degrees, as in the paper
SHIFT = 0.07  # of the side
BRIGHTNESS = 0.15


class SmallVGG(nn.Module):
    """Pairs of 3 x 3 convolutions with max pooling after each, and a dense layer, after VGG."""

    def __init__(self, side: int, widths: tuple[int, ...] = (16, 32), dense: int = 64):
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1),
                       nn.ReLU(), nn.MaxPool2d(2)]  # fmt: skip
            before = width
        self.convolutions = nn.Sequential(*layers)
        flat = before * (side // 2 ** len(widths)) ** 2
        self.dense = nn.Sequential(nn.Flatten(), nn.Linear(flat, dense), nn.ReLU())
        self.head = nn.Linear(dense, 2)

    @property
    def last_maps(self) -> nn.Module:
        """The layer whose maps Grad-CAM weighs: the last activation before pooling."""
        return self.convolutions[-2]

    def forward(self, images: Tensor) -> Tensor:
        """Give the scores of both classes."""
        return self.head(self.dense(self.convolutions(images)))


def judge(side: int) -> nn.Module:
    """Make a network of another kind: strides for pooling, and batch norm."""
    return ConvEncoder(1, 2, (32, 64), image_size=side)


def trained(make: Callable[[], Network], images: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> Network:
    """Make a network and train it on turned, shifted and brightened images."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make()
    side = images.shape[-1]

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        x, y = batch
        angle = torch.deg2rad((2 * torch.rand(len(x)) - 1) * TURN)
        cosine, sine = angle.cos(), angle.sin()
        turn = torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1)
        shift = (2 * torch.rand(len(x), 2) - 1) * SHIFT * side
        brighter = 1 + (2 * torch.rand(len(x), 1, 1, 1) - 1) * BRIGHTNESS
        turn, shift, brighter = turn.to(x), shift.to(x), brighter.to(x)
        return functional.cross_entropy(model(brighter * warp_images(x, turn, shift)), y)

    data = torch.from_numpy(images), torch.from_numpy(labels)
    train(model, loss, data, epochs=epochs, batch_size=64, lr=2e-3, schedule="one_cycle", seed=seed)
    return model.eval()


@torch.no_grad()
def scores(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Give the scores of both classes."""
    return torch.cat([model(part) for part in torch.from_numpy(images).split(256)]).numpy().astype(float)


@torch.no_grad()
def penultimate(model: SmallVGG, images: np.ndarray) -> np.ndarray:
    """Give the features that the head reads."""
    return model.dense(model.convolutions(torch.from_numpy(images))).numpy().astype(float)

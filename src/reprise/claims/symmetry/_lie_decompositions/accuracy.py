"""Accuracy on digits under affine maps, trained on upright ones, with equal data and steps for all networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._lie_decompositions.sizes import LR, WEIGHT_DECAY, Size
from reprise.data.simulators.warped_digits import AffineRange, warp_digits
from reprise.symmetry.lie_decompositions import AffineResNet
from reprise.training import train

UPRIGHT, WARPED, LOST = "accuracy on upright digits", "accuracy on warped digits", "accuracy lost by warping"
OURS = "SL(2)"
HELD_OUT_SEED = 1_000_003
"""Added to a trial's seed for the maps of the test digits, so that augmentation has not drawn them."""
BLOCK = 500


@dataclass(frozen=True)
class Digits:
    """Digits with 0 for the background and 1 for ink: all of them, or those to train on and those to test on."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    test_images: NDArray[np.float32] | None = None
    test_labels: NDArray[np.int64] | None = None


class PlainResNet(nn.Module):
    """The same network without a group: ordinary convolutions, of the same kernel, depth, norms, pooling and head."""

    def __init__(self, width: int, num_classes: int = 10):
        super().__init__()
        pattern = AffineResNet("so2", num_classes=num_classes, width=width, samples=1, resample=False)
        self.head = pattern.head
        settings: dict[str, Any] = {"kernel_size": pattern.kernel_size, "bias": False}
        self.lift = nn.Conv2d(1, width, **settings)
        self.block = nn.ModuleList(nn.Conv2d(width, width, padding=2, **settings) for _ in range(2))
        self.last = nn.Conv2d(width, width, **settings)

    def forward(self, images: Tensor) -> Tensor:
        """Give logits."""
        gelu = nn.functional.gelu
        x = gelu(_norm(self.lift(images)))
        y = x
        for conv in self.block:
            y = gelu(_norm(conv(y)))
        x = gelu(nn.functional.max_pool2d(_norm(gelu(x + y)), 2))
        x = gelu(_norm(self.last(x)))
        logits: Tensor = self.head(x.amax((2, 3)))
        return logits


def measure_accuracy(trial: Trial, size: Size, digits: Digits) -> Iterator[Measurement]:
    """Train every network on upright digits, and test it on others, upright and warped."""
    images, labels, test_images, test_labels = _split(trial, size, digits)
    ranges = AffineRange(shift=size.shift)
    warped = warp_digits(test_images, np.random.default_rng(HELD_OUT_SEED + trial.seed), ranges)
    for arm, build in _arms(size).items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(trial.seed)
            model = build().to(trial.device)
        shown = images
        if arm == "CNN + maps":  # a new set of maps for every epoch, laid end to end
            rng = np.random.default_rng(trial.seed)
            shown = np.concatenate([warp_digits(images, rng, ranges) for _ in range(size.epochs)])
        _fit(model, arm, shown, np.resize(labels, len(shown)), trial, size)
        answers = {arm: 1}
        if arm == OURS and size.draws_averaged > 1:  # what averaging adds, beside what every network gets: one pass
            answers[f"{arm}, {size.draws_averaged} draws"] = size.draws_averaged
        for title, draws in answers.items():
            upright = _accuracy(model, test_images, test_labels, trial, draws)
            moved = _accuracy(model, warped, test_labels, trial, draws)
            yield Measurement(title, UPRIGHT, upright)
            yield Measurement(title, WARPED, moved)
            yield Measurement(title, LOST, upright - moved)


def _arms(size: Size) -> dict[str, Callable[[], nn.Module]]:
    """The group networks, and ordinary ones with their channels, or with as many features as they have in all."""

    def on(group: str) -> Callable[[], nn.Module]:
        return partial(AffineResNet, group, **size.network)

    width: int = size.network["width"]
    plain = partial(PlainResNet, width)
    wide = partial(PlainResNet, width * size.network["samples"])
    return {OURS: on("sl2"), "SO(2)": on("so2"), "CNN": plain, "wide CNN": wide, "CNN + maps": plain}


def _split(
    trial: Trial, size: Size, digits: Digits
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    order = trial.rng().permutation(len(digits.images))
    seen = order[: size.train]
    if digits.test_images is None or digits.test_labels is None:
        unseen = order[size.train : size.train + size.test]
        return digits.images[seen], digits.labels[seen], digits.images[unseen], digits.labels[unseen]
    kept = slice(0, size.test)
    return digits.images[seen], digits.labels[seen], digits.test_images[kept], digits.test_labels[kept]


def _fit(
    model: nn.Module, arm: str, images: NDArray[np.float32], labels: NDArray[np.int64], trial: Trial, size: Size
) -> None:
    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, target = batch
        return nn.functional.cross_entropy(model(x), target)

    train(
        model,
        loss,
        (_scaled(images), torch.from_numpy(labels)),
        epochs=1 if arm == "CNN + maps" else size.epochs,
        batch_size=size.batch,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=LR, weight_decay=WEIGHT_DECAY),
        schedule="cosine",
        seed=trial.seed,
        device=trial.device,
    )


@torch.no_grad()
def _accuracy(
    model: nn.Module, images: NDArray[np.float32], labels: NDArray[np.int64], trial: Trial, draws: int
) -> float:
    """Give the percentage of digits that are recognised, averaging over some draws of group elements."""
    model.eval()
    probabilities = torch.zeros(len(images), 10)
    for draw in range(draws):
        for first in range(0, len(images), BLOCK):
            x = _scaled(images[first : first + BLOCK]).to(trial.device)
            generator = torch.Generator().manual_seed(trial.seed + draw)
            logits = model(x, generator) if isinstance(model, AffineResNet) else model(x)
            probabilities[first : first + BLOCK] += logits.softmax(1).cpu()
    return 100 * float((probabilities.argmax(1).numpy() == labels).mean())


def _scaled(images: NDArray[np.float32]) -> Tensor:
    """Bring pixels from [0, 1] to [-1, 1], as the authors do."""
    return torch.from_numpy(2 * images - 1)[:, None]


def _norm(x: Tensor) -> Tensor:
    return nn.functional.layer_norm(x, x.shape[1:])

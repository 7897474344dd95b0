"""Naming digits in noise that move, after training on digits in noise that stand still."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry.flow_equivariant_rnn.digits import Digits
from reprise.claims.symmetry.flow_equivariant_rnn.sizes import (
    CLIP,
    EVALUATED_AT_ONCE,
    FERNN,
    GRNN,
    GRNN_PLUS,
    HELD_OUT_SEED,
    MOVING_CLASSES,
    NOISE,
    Size,
)
from reprise.data.simulators.moving_images import MovingImages
from reprise.symmetry.flow_equivariant_rnn import FERNNClassifier, translation_velocities
from reprise.training import train

ACCURACY = "accuracy by speed, trained on digits that stand still"


def measure_classes(trial: Trial, size: Size, digits: Digits) -> Iterator[Measurement]:
    """Train each network on still digits, and test at every speed."""
    make = partial(MovingImages, seq_len=size.class_frames, num_objects=1, canvas=size.canvas)
    still = make(digits.train, velocities=[(0, 0)], length=size.class_steps * size.batch, seed=trial.seed)

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        frames, shown = batch
        noisy = frames + NOISE * torch.randn_like(frames)
        return nn.functional.cross_entropy(model(noisy), digits.train_classes.to(shown.device)[shown[:, 0]])

    for arm in (FERNN, GRNN, GRNN_PLUS):
        with torch.random.fork_rng():
            torch.manual_seed(trial.seed)
            model = classifier(arm, size).to(trial.device)
        train(
            model,
            loss,
            still,
            epochs=1,
            batch_size=size.batch,
            optimizer=partial(torch.optim.Adam, lr=size.lr[MOVING_CLASSES, arm]),
            schedule="cosine",
            clip=CLIP,
            seed=trial.seed,
            device=trial.device,
        )
        for speed in range(-size.outside, size.outside + 1):
            scenes = make(digits.test, velocities=[(speed, 0)], length=size.tests, seed=trial.seed + HELD_OUT_SEED)
            right = _right(model.eval(), scenes, digits.test_classes, trial)
            yield Measurement(arm, ACCURACY, 100 * right / size.tests, x=speed)


def classifier(arm: str, size: Size) -> FERNNClassifier:
    """Make the network of an arm."""
    velocities = translation_velocities((0, 0) if arm == GRNN else size.speeds)
    transport = "learned" if arm == GRNN_PLUS else "flow"
    encoder = nn.Sequential(
        nn.Conv2d(1, size.hidden, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.Conv2d(size.hidden, size.hidden, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
    )
    return FERNNClassifier(size.hidden, 10, size.hidden, velocities, encoder=encoder, transport=transport)


def _right(model: nn.Module, scenes: MovingImages, classes: Tensor, trial: Trial) -> int:
    generator = torch.Generator().manual_seed(trial.seed)
    right = 0
    with torch.no_grad():
        for numbers in torch.arange(len(scenes)).split(EVALUATED_AT_ONCE):
            frames = scenes.batch(numbers)
            noisy = (frames + NOISE * torch.randn(frames.shape, generator=generator)).to(trial.device)
            right += int((model(noisy).argmax(1).cpu() == classes[scenes.shown[numbers, 0]]).sum())
    return right

"""Predicting moving and turning digits: at speeds seen and unseen, near and far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._flow_equivariant_rnn.digits import Digits
from reprise.claims.symmetry._flow_equivariant_rnn.sizes import (
    ALL_SPEEDS,
    BLANK,
    CLIP,
    COPY,
    EVALUATED_AT_ONCE,
    FERNN,
    GRNN,
    GRNN_PLUS,
    HELD_OUT_SEED,
    ROTATING,
    SLOW,
    Size,
)
from reprise.data.simulators.moving_images import MovingImages, RotatingImages
from reprise.symmetry.flow_equivariant_rnn import FERNNSeq2Seq, rotation_velocities, translation_velocities
from reprise.training import train

IN_DISTRIBUTION = "test MSE"
BY_HORIZON = "test MSE by predicted frame"
BY_SPEED = "test MSE by speed, trained on slow motion"
SLOW_IN_DISTRIBUTION = "test MSE at the speeds of training, trained on slow motion"
ROTATION = "test MSE of turning digits"

Forecaster = Callable[[Tensor, int], Tensor]


def measure_moving(trial: Trial, size: Size, digits: Digits) -> Iterator[Measurement]:
    """Train on all speeds and test in distribution and far ahead; train on slow motion and test each speed."""
    every = translation_velocities(size.speeds).velocities
    slow = translation_velocities((size.speeds[0] // 2, size.speeds[1] // 2)).velocities
    test = partial(_moving, digits.test, size, length=size.tests, seed=trial.seed + HELD_OUT_SEED)
    for task, seen, compared in ((ALL_SPEEDS, every, (FERNN, GRNN, GRNN_PLUS)), (SLOW, slow, (FERNN, GRNN))):
        scenes = _moving(digits.train, size, list(seen), size.read, length=size.steps * size.batch, seed=trial.seed)
        arms: dict[str, Forecaster] = {
            arm: trained(partial(moving_network, arm, size), scenes, trial, size, size.lr[task, arm])
            for arm in compared
        }
        arms |= {COPY: _copy, BLANK: _blank}
        near, far = test(list(seen), size.read), test(list(every), size.horizon)
        for arm, forecast in arms.items():
            if task == ALL_SPEEDS:
                yield Measurement(arm, IN_DISTRIBUTION, float(_errors(forecast, near, size, trial).mean()))
                for frame, error in enumerate(_errors(forecast, far, size, trial).tolist(), start=1):
                    yield Measurement(arm, BY_HORIZON, error, x=frame)
                continue
            yield Measurement(arm, SLOW_IN_DISTRIBUTION, float(_errors(forecast, near, size, trial).mean()))
            for speed in range(-size.outside, size.outside + 1):
                moving = test([(speed, 0)], size.read)
                yield Measurement(arm, BY_SPEED, float(_errors(forecast, moving, size, trial).mean()), x=speed)


def measure_turning(trial: Trial, size: Size, digits: Digits) -> Iterator[Measurement]:
    """Train on turning digits, and test in distribution."""
    frames, canvas = 2 * size.read, size.rotating_canvas
    turning = replace(size, batch=size.rotating_batch)
    make = partial(RotatingImages, seq_len=frames, degrees=size.degrees, canvas=canvas)
    scenes = make(digits.train, length=size.rotating_steps * size.rotating_batch, seed=trial.seed)
    unseen = make(digits.test, length=size.tests, seed=trial.seed + HELD_OUT_SEED)
    arms: dict[str, Forecaster] = {
        arm: trained(partial(turning_network, arm, size), scenes, trial, turning, size.lr[ROTATING, arm])
        for arm in (FERNN, GRNN)
    }
    for arm, forecast in (arms | {COPY: _copy, BLANK: _blank}).items():
        yield Measurement(arm, ROTATION, float(_errors(forecast, unseen, size, trial).mean()))


def moving_network(arm: str, size: Size) -> FERNNSeq2Seq:
    """Make the network of an arm: all have the same weights, but for G-RNN+'s free kernels."""
    velocities = translation_velocities((0, 0) if arm == GRNN else size.speeds)
    transport = "learned" if arm == GRNN_PLUS else "flow"
    return FERNNSeq2Seq(1, size.hidden, velocities, size.decoder_layers, transport=transport)


def turning_network(arm: str, size: Size) -> FERNNSeq2Seq:
    """Make the network of an arm: both have convolutions over orientations, one has velocities."""
    velocities = rotation_velocities([0.0] if arm == GRNN else size.degrees)
    return FERNNSeq2Seq(1, size.rotating_hidden, velocities, size.decoder_layers)


def trained(
    make: Callable[[], nn.Module], scenes: MovingImages | RotatingImages, trial: Trial, size: Size, lr: float
) -> Any:
    """Train a network on every scene once: all arms see the same ones in the same order."""
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        model = make().to(trial.device)

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        read, coming = batch[0].split(size.read, dim=1)
        return nn.functional.mse_loss(model(read, size.read), coming)

    train(
        model,
        loss,
        scenes,
        epochs=1,
        batch_size=size.batch,
        optimizer=partial(torch.optim.Adam, lr=lr),
        schedule=size.schedule,
        clip=CLIP,
        seed=trial.seed,
        device=trial.device,
    )
    return model.eval()


def _moving(
    images: Tensor, size: Size, velocities: list[tuple[int, ...]], predicted: int, *, length: int, seed: int
) -> MovingImages:
    return MovingImages(images, size.read + predicted, velocities, canvas=size.canvas, length=length, seed=seed)


def _errors(forecast: Forecaster, scenes: MovingImages | RotatingImages, size: Size, trial: Trial) -> Tensor:
    """Give the mean squared error of each predicted frame."""
    total = torch.zeros(scenes.seq_len - size.read)
    with torch.no_grad():
        for numbers in torch.arange(len(scenes)).split(EVALUATED_AT_ONCE):
            read, coming = scenes.batch(numbers).to(trial.device).tensor_split([size.read], dim=1)
            error = (forecast(read, coming.shape[1]) - coming).square()
            total += error.mean((2, 3, 4)).sum(0).cpu()
    return total / len(scenes)


def _copy(read: Tensor, steps: int) -> Tensor:
    return read[:, -1:].expand(-1, steps, -1, -1, -1)


def _blank(read: Tensor, steps: int) -> Tensor:
    return torch.zeros_like(_copy(read, steps))

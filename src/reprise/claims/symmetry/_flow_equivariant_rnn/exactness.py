"""How exactly states and predictions follow a flow, with weights drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._flow_equivariant_rnn.digits import Digits
from reprise.claims.symmetry._flow_equivariant_rnn.sizes import FERNN, GRNN, GRNN_PLUS
from reprise.data.simulators.moving_images import MovingImages, RotatingImages
from reprise.symmetry.flow_equivariant_rnn import (
    FERNNSeq2Seq,
    Rotations,
    Translations,
    flow_equivariance_error,
    rotation_velocities,
    state_equivariance_error,
    translation_velocities,
)

STATES = "relative error of moving hidden states"
CLOSED = "relative error of moving predictions, all velocities of the torus"
CLOSED_TURNING = "relative error of turning predictions, all right angles"
OPEN = "relative error of moving predictions, by the largest speed of the set"
OFFICIAL = "FERNN, official decoding"
SEQUENCES, READ, PREDICTED, CANVAS, HIDDEN = 8, 5, 5, 9, 16
DIGIT, TURNING_CANVAS = 8, 12  # larger digits are first averaged to this size


def measure_exactness(trial: Trial, digits: Digits) -> Iterator[Measurement]:
    """Set digits in motion, on a torus 9 wide whose velocities are -4 to 4, and look at what networks make of it."""
    small = nn.functional.interpolate(digits.test[:, None], (DIGIT, DIGIT), mode="area")[:, 0]
    moving = MovingImages(small, READ, [(0, 0), (1, 1)], canvas=CANVAS, length=SEQUENCES, seed=trial.seed)
    x = moving.batch().to(trial.device)
    generator = torch.Generator().manual_seed(trial.seed)
    velocity = (int(torch.randint(1, CANVAS // 2, (1,), generator=generator)), 0)
    every = translation_velocities((CANVAS // 2, 0))
    for arm, decode in ((FERNN, "transported"), (OFFICIAL, "official")):
        error = _error(trial, x, velocity, every, decode=decode)
        yield Measurement(arm, CLOSED, error)
    # a network without velocities, and one with free kernels in their place, on the same flow
    yield Measurement(GRNN, CLOSED, _error(trial, x, velocity, translation_velocities(0)))
    yield Measurement(GRNN_PLUS, CLOSED, _error(trial, x, velocity, every, transport="learned"))
    for arm, transport in ((FERNN, "flow"), (GRNN_PLUS, "learned")):
        cell = _network(trial, translation_velocities(2), transport=transport).cell
        yield Measurement(arm, STATES, state_equivariance_error(cell.to(trial.device), x, (1, -1)))
    for reach in range(1, CANVAS // 2 + 1):
        yield Measurement(FERNN, OPEN, _error(trial, x, (1, 0), translation_velocities((reach, 0))), x=reach)
    turning = RotatingImages(small, READ, [0.0], canvas=TURNING_CANVAS, length=SEQUENCES, seed=trial.seed)
    frames = turning.batch().to(trial.device)
    for arm, decode in ((FERNN, "transported"), (OFFICIAL, "official")):
        model = _network(trial, rotation_velocities([-90, 0, 90, 180]), decode=decode, orientations=4, hidden=4)
        model.to(trial.device)
        error = flow_equivariance_error(partial(model, steps=PREDICTED), frames, 90, kind="rotation")
        yield Measurement(arm, CLOSED_TURNING, error)


def _network(trial: Trial, velocities: Translations | Rotations, hidden: int = HIDDEN, **settings: Any) -> FERNNSeq2Seq:
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        return FERNNSeq2Seq(1, hidden, velocities, decoder_layers=2, **settings)


def _error(
    trial: Trial, x: torch.Tensor, velocity: tuple[int, int], velocities: Translations, **settings: Any
) -> float:
    model = _network(trial, velocities, **settings).to(trial.device)
    return flow_equivariance_error(partial(model, steps=PREDICTED), x, velocity)

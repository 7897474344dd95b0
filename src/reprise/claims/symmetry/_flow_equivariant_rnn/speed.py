"""Forward and backward passes of our network and of the loop, in turn, for the paper's 25 velocities."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import torch
from torch import nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._flow_equivariant_rnn.looped import LoopedSeq2Seq
from reprise.claims.symmetry._flow_equivariant_rnn.sizes import FERNN, GRNN, Size
from reprise.symmetry.flow_equivariant_rnn import FERNNSeq2Seq, translation_velocities

STEP = "time of a training step, 25 velocities"
LOOP, OFFICIAL = "loop over velocities", "FERNN, official decoding"
V_RANGE, WARM_UP = 2, 2


def measure_speed(trial: Trial, size: Size) -> Iterator[Measurement]:
    """Give the median milliseconds of each network on one batch, all stepping in each round."""
    layers, hidden = size.decoder_layers, size.hidden
    grid, none = translation_velocities(V_RANGE), translation_velocities(0)
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        networks: dict[str, nn.Module] = {
            LOOP: LoopedSeq2Seq(1, hidden, V_RANGE, layers),
            OFFICIAL: FERNNSeq2Seq(1, hidden, grid, layers, decode="official"),
            FERNN: FERNNSeq2Seq(1, hidden, grid, layers),
            GRNN: FERNNSeq2Seq(1, hidden, none, layers),
        }
        frames = torch.rand(size.batch, 2 * size.read, 1, size.canvas, size.canvas).to(trial.device)
    seconds: dict[str, list[float]] = {arm: [] for arm in networks}
    for network in networks.values():
        network.to(trial.device)
    for round_ in range(WARM_UP + size.timing_rounds):
        for arm, network in networks.items():
            taken = _seconds(network, frames, size.read, trial.device)
            if round_ >= WARM_UP:
                seconds[arm].append(taken)
    for arm, values in seconds.items():
        yield Measurement(arm, STEP, 1e3 * statistics.median(values))


def _seconds(network: nn.Module, frames: torch.Tensor, read: int, device: str) -> float:
    accelerated = torch.device(device).type == "cuda"
    if accelerated:
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    network.zero_grad()
    nn.functional.mse_loss(network(frames[:, :read], read), frames[:, read:]).backward()
    if accelerated:
        torch.cuda.synchronize(device)
    return time.perf_counter() - start

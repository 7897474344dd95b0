"""Forward passes of PONITA and of e3nn's message passing with tensor products, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._motion import BATCH, Systems
from reprise.claims.symmetry._ponita.particles import PonitaMotion
from reprise.claims.symmetry._ponita.sizes import Size
from reprise.data.simulators.nbody import BODIES
from reprise.errors import MissingPackageError
from reprise.nn.graph import complete_systems

FORWARD = "time of a forward pass"
WIDTH, LAYERS = 32, 4
RADIAL_FUNCTIONS, RADIAL_HIDDEN, REACH = 16, 64, 5.0
WARM_UP = 3  # rounds that are not counted: e3nn compiles at its first calls
WIDENING = {"": 4, ", widening 2": 2}  # the paper's blocks, and those of the trained networks


class TensorFieldMotion(nn.Module):
    """e3nn's network of `layers` gated convolutions over l up to 1, `width` features of each kind."""

    centres: Tensor

    def __init__(self, width: int, layers: int):
        super().__init__()
        try:
            from e3nn.nn.models.v2106.gate_points_message_passing import MessagePassing
        except ImportError as problem:
            command = 'pip install "reprise-papers[bench]"'
            raise MissingPackageError("e3nn", command, "Timing PONITA against tensor fields") from problem
        self.network = MessagePassing(
            irreps_node_sequence=["0e + 1o", *[f"{width}x0e + {width}x1o"] * (layers - 1), "1o"],
            irreps_node_attr="0e",
            irreps_edge_attr="0e + 1o",
            fc_neurons=[RADIAL_FUNCTIONS, RADIAL_HIDDEN],
            num_neighbors=BODIES - 1,
        )
        self.register_buffer("centres", torch.linspace(0, REACH, RADIAL_FUNCTIONS))

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        from e3nn.o3 import spherical_harmonics

        edges, _ = complete_systems(*position.shape[:2], device=position.device)
        source, target = edges
        packed = position.flatten(0, 1)
        offset = packed[source] - packed[target]
        harmonics = spherical_harmonics("0e + 1o", offset, normalize=True, normalization="component")
        apart = (offset.norm(dim=-1, keepdim=True) - self.centres) / (self.centres[1] - self.centres[0])
        features = torch.cat([charges.reshape(-1, 1), velocity.flatten(0, 1)], dim=-1)
        shift: Tensor = self.network(
            features, torch.ones_like(packed[:, :1]), source, target, harmonics, (-apart.square()).exp()
        )
        return shift.view_as(position)


def measure_speed(trial: Trial, size: Size, test: Systems) -> Iterator[Measurement]:
    """Give the median milliseconds of each network on one batch, all called in each round."""
    inputs = [value[:BATCH].to(trial.device) for value in test[:3]]
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        arms: dict[str, nn.Module] = {"e3nn, l up to 1": TensorFieldMotion(WIDTH, LAYERS)}
        for suffix, widening in WIDENING.items():
            for directions, grid in ((12, "icosahedron"), (16, "repulsion")):
                arms[f"PONITA, {directions} directions{suffix}"] = PonitaMotion(
                    hidden=WIDTH, basis=WIDTH, layers=LAYERS, widening=widening, num_ori=directions, grid=grid
                )
    networks = {arm: network.to(trial.device).eval() for arm, network in arms.items()}
    seconds: dict[str, list[float]] = {arm: [] for arm in networks}
    with torch.no_grad():
        for round_ in range(WARM_UP + size.timing_rounds):
            for arm, network in networks.items():
                taken = _seconds(network, inputs, trial.device)
                if round_ >= WARM_UP:
                    seconds[arm].append(taken)
    for arm, values in seconds.items():
        yield Measurement(arm, FORWARD, 1e3 * statistics.median(values))


def _seconds(network: nn.Module, inputs: Sequence[Tensor], device: str) -> float:
    accelerated = torch.device(device).type == "cuda"
    if accelerated:
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    network(*inputs)
    if accelerated:
        torch.cuda.synchronize(device)
    return time.perf_counter() - start

"""PONITA beside its peers: a training step beside EGNN's on the n-body task, a forward pass beside e3nn's network.

``pytest benchmarks/bench_ponita.py -s`` prints milliseconds and ratios; every arm is timed in turn in one run, on the
same 100 systems of 5 particles.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from reprise.data.simulators.nbody import nbody_task
from reprise.nn.egnn import EGNN
from reprise.nn.graph import complete_edges, complete_systems
from reprise.symmetry.ponita import PONITA

SYSTEMS, BODIES, ROUNDS = 100, 5, 25


@pytest.fixture(scope="module")
def systems() -> dict[str, Tensor]:
    torch.manual_seed(0)
    task = nbody_task("train", SYSTEMS)
    as_tensor = {name: torch.from_numpy(getattr(task, name)).float() for name in task.__dataclass_fields__}
    source, target = complete_edges(BODIES)
    position, charges = as_tensor["position"], as_tensor["charges"]
    squared = (position[:, source] - position[:, target]).square().sum(-1)
    as_tensor["edges"] = torch.stack([charges[:, source] * charges[:, target], squared], dim=-1)
    return as_tensor


def in_turn(arms: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median milliseconds of each arm, all arms called in each round."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for round_ in range(ROUNDS + 3):
        for name, call in arms.items():
            start = time.perf_counter()
            call()
            if round_ >= 3:
                seconds[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def shown(title: str, times: dict[str, float], peer: str) -> None:
    print(f"\n{title}")
    for name, milliseconds in times.items():
        print(f"  {name:<44} {milliseconds:8.2f} ms   {milliseconds / times[peer]:5.2f} x {peer}")


def training_step(model: nn.Module, predict: Callable[[], Tensor], target: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(predict(), target).backward()
        optimizer.step()

    return step


def ponita(hidden: int, basis: int, **settings: object) -> PONITA:
    return PONITA(1, 1, hidden, 0, 1, layers=4, num_ori=12, basis=basis, **settings)  # type: ignore[arg-type]


def test_training_step_beside_egnn(systems: dict[str, Tensor]) -> None:
    position, velocity, charges, target = (systems[name] for name in ("position", "velocity", "charges", "target"))
    arms = {}
    egnn = EGNN()
    arms["EGNN, 64 wide (ours)"] = training_step(
        egnn, lambda: egnn(position, velocity, edge_attr=systems["edges"]), target
    )
    for hidden, basis, grid in ((32, 32, "icosahedron"), (48, 64, "icosahedron"), (48, 64, "fibonacci")):
        model = ponita(hidden, basis, grid=grid)
        arms[f"PONITA, {hidden} wide, 12 directions, {grid}"] = training_step(
            model,
            lambda model=model: position + model(position, charges[..., None], velocity[:, :, None])[1][:, :, 0],
            target,
        )
    arms |= _egnn_pytorch(systems)
    times = in_turn(arms)
    for peer in [name for name in times if name.startswith("EGNN")]:
        shown("A training step, 4 layers, 100 systems of 5 particles", times, peer)


def _egnn_pytorch(systems: dict[str, Tensor]) -> dict[str, Callable[[], None]]:
    try:
        from egnn_pytorch import EGNN as PeerLayer
    except ImportError:
        return {}

    class Peer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(1, 64)
            self.layers = nn.ModuleList(PeerLayer(dim=64, m_dim=64, edge_dim=1) for _ in range(4))

        def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
            h, x = self.embed(velocity.norm(dim=-1, keepdim=True)), position
            products = (charges[:, :, None] * charges[:, None, :])[..., None]
            for layer in self.layers:
                h, x = layer(h, x, products)
            return x

    model = Peer()
    return {
        "EGNN, 64 wide (egnn-pytorch)": training_step(
            model,
            lambda: model(systems["position"], systems["velocity"], systems["charges"]),
            systems["target"],
        )
    }


def test_forward_pass_beside_tensor_field_network(systems: dict[str, Tensor]) -> None:
    o3 = pytest.importorskip("e3nn.o3")
    from e3nn.nn.models.v2106.gate_points_message_passing import MessagePassing

    hidden = 32
    position, velocity, charges = (systems[name] for name in ("position", "velocity", "charges"))
    edge_index, _ = complete_systems(SYSTEMS, BODIES)
    source, target = edge_index
    flat, flat_velocity = position.flatten(0, 1), velocity.flatten(0, 1)
    field = MessagePassing(
        irreps_node_sequence=["0e + 1o", *[f"{hidden}x0e + {hidden}x1o"] * 3, "1o"],
        irreps_node_attr="0e",
        irreps_edge_attr="0e + 1o",
        fc_neurons=[16, 64],
        num_neighbors=BODIES - 1,
    ).eval()
    centres = torch.linspace(0, 5, 16)

    def tensor_field() -> Tensor:
        offset = flat[source] - flat[target]
        length = offset.norm(dim=-1, keepdim=True)
        harmonics = o3.spherical_harmonics("0e + 1o", offset, normalize=True, normalization="component")
        radial = torch.exp(-(((length - centres) / (centres[1] - centres[0])) ** 2))
        features = torch.cat([charges.flatten()[:, None], flat_velocity], dim=-1)
        return field(features, torch.ones(len(flat), 1), source, target, harmonics, radial)

    arms: dict[str, Callable[[], object]] = {"e3nn, l <= 1": tensor_field}
    for num, grid in ((12, "icosahedron"), (16, "repulsion")):
        model = PONITA(1, 1, hidden, 0, 1, layers=4, num_ori=num, basis=hidden, grid=grid).eval()
        arms[f"PONITA, {num} directions, {grid}"] = lambda model=model: model(
            position, charges[..., None], velocity[:, :, None]
        )
    with torch.no_grad():
        times = in_turn(arms)
    shown(f"A forward pass, 4 layers, {hidden} wide", times, "e3nn, l <= 1")

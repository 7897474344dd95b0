"""PONITA beside its peers: a training step beside EGNN's on the n-body task, a forward pass beside e3nn's network.

Peers: our EGNN, egnn-pytorch 0.2.8 and e3nn 0.6.0; one that is not installed is left out. Run with
``pytest benchmarks/bench_ponita.py -s``; prints ratios of processor time (the quickest of several rounds, taken in
turn) on 100 systems of 5 particles, asserts no times.
"""

from functools import partial

import pytest
import torch
from torch import nn

from racing import race
from reprise.claims.symmetry._motion import EgnnMotion
from reprise.claims.symmetry._ponita.particles import PonitaMotion
from reprise.claims.symmetry._ponita.speed import TensorFieldMotion
from reprise.data.simulators.nbody import nbody_task

ROUNDS, WARM_UP = 20, 3
SYSTEMS = 100
ICOSAHEDRON = {"layers": 4, "num_ori": 12, "grid": "icosahedron"}
SPIRAL = {"layers": 4, "num_ori": 12, "grid": "fibonacci"}  # no opposite directions: each edge has its own kernels


@pytest.fixture(scope="module")
def systems():
    task = nbody_task("train", SYSTEMS)
    return [torch.from_numpy(value).float() for value in (task.position, task.velocity, task.charges, task.target)]


class PeerMotion(nn.Module):
    """EGNN of egnn-pytorch, on charges and speeds; it has no velocities."""

    def __init__(self, layer):
        super().__init__()
        self.embed = nn.Linear(1, 64)
        self.layers = nn.ModuleList(layer(dim=64, m_dim=64, edge_dim=1) for _ in range(4))

    def forward(self, position, velocity, charges):
        h, x = self.embed(velocity.norm(dim=-1, keepdim=True)), position
        products = (charges[:, :, None] * charges[:, None, :])[..., None]
        for layer in self.layers:
            h, x = layer(h, x, products)
        return x - position


def report(title, best, *peers):
    print(f"\n{title}")
    for name, milliseconds in best.items():
        ratios = "".join(f"   {milliseconds / best[peer]:5.2f} x {peer}" for peer in peers if peer in best)
        print(f"  {name:34s} {milliseconds:7.2f} ms{ratios}")


def training_step(model, systems):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    *inputs, target = systems

    def step():
        optimizer.zero_grad()
        nn.functional.mse_loss(inputs[0] + model(*inputs), target).backward()
        optimizer.step()

    return step


def test_training_step_beside_egnn(systems):
    torch.manual_seed(0)
    models = {
        "EGNN (ours), 64 wide": EgnnMotion(),
        "PONITA, 32 wide, widening 2": PonitaMotion(hidden=32, basis=32, widening=2, **ICOSAHEDRON),
        "PONITA, 32 wide": PonitaMotion(hidden=32, basis=32, **ICOSAHEDRON),
        "PONITA, 48 wide": PonitaMotion(hidden=48, basis=64, **ICOSAHEDRON),
        "PONITA, 48 wide, unpaired edges": PonitaMotion(hidden=48, basis=64, **SPIRAL),
    }
    try:
        from egnn_pytorch import EGNN

        models["EGNN (egnn-pytorch), 64 wide"] = PeerMotion(EGNN)
    except ImportError:
        pass
    best = race({name: training_step(model, systems) for name, model in models.items()}, rounds=ROUNDS, warm_up=WARM_UP)
    report("training step, 4 layers, 12 directions", best, "EGNN (ours), 64 wide", "EGNN (egnn-pytorch), 64 wide")


@pytest.mark.parametrize("width", [32, 64])
def test_forward_pass_beside_tensor_fields(width, systems):
    pytest.importorskip("e3nn")
    torch.manual_seed(0)
    size = {"hidden": width, "basis": width, "layers": 4}
    models = {
        "e3nn, l up to 1": TensorFieldMotion(width, 4),
        "PONITA, icosahedron": PonitaMotion(**size, num_ori=12, grid="icosahedron"),
        "PONITA, icosahedron, widening 2": PonitaMotion(**size, num_ori=12, grid="icosahedron", widening=2),
        "PONITA, 16 directions": PonitaMotion(**size, num_ori=16),
    }
    works = {name: partial(model.eval(), *systems[:3]) for name, model in models.items()}
    with torch.no_grad():
        report(f"forward pass, 4 layers, {width} wide", race(works, rounds=ROUNDS, warm_up=WARM_UP), "e3nn, l up to 1")

"""The n-body experiment: FA-GNN beside the same network without frames, and EGNN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._frame_averaging.sizes import Size
from reprise.data.simulators.nbody import BODIES, NBodyTask, nbody_task
from reprise.nn.egnn import EGNN
from reprise.nn.graph import MessagePassingNetwork, complete_edges, complete_systems
from reprise.nn.linalg import random_orthogonal
from reprise.symmetry.frame_averaging import FAGNN
from reprise.training import train

MSE = "test MSE"
CHANGE = "relative change of test MSE under rotation"
RATIO = "rotated over unrotated test MSE, planar systems"

LEARNING_RATE = 1e-3  # the authors' of FA-GNN; in a pilot run also better for EGNN than its own 5e-4
WEIGHT_DECAY = 1e-12
BATCH = 100
CURVE_EVERY = 10  # epochs between two points of the validation curves

Systems = tuple[Tensor, Tensor, Tensor, Tensor]
"""Positions, velocities, edge features (product of charges, squared distance) and targets."""


class PlainGNN(nn.Module):
    """The message passing of FA-GNN, of the same sizes, on raw coordinates."""

    def __init__(self, hidden: int = 60):
        super().__init__()
        self.network = MessagePassingNetwork(6, hidden, 3, edge_dim=2)

    def forward(self, position: Tensor, velocity: Tensor, *, edge_attr: Tensor) -> Tensor:
        """Predict positions."""
        edge_index, _ = complete_systems(*position.shape[:2], device=position.device)
        x = torch.cat([position, velocity], dim=-1).flatten(0, 1)
        return self.network(x, edge_index, edge_attr.flatten(0, 1)).view_as(position)


def simulate(size: Size, dim: int) -> dict[str, Systems]:
    """Simulate the published systems, or with two dimensions others, of a plane."""
    return {
        "train": _tensors(nbody_task("train", size.pool, dim=dim)),
        "valid": _tensors(nbody_task("valid", size.validation, dim=dim)),
        "test": _tensors(nbody_task("test", size.test, dim=dim)),
    }


def measure_particles(
    trial: Trial, size: Size, space: dict[str, Systems], plane: dict[str, Systems]
) -> Iterator[Measurement]:
    """Train each network on systems of space, and the plain one on systems of a plane too."""
    drawn = torch.from_numpy(trial.rng().choice(size.pool, size.train, replace=False))
    arms: list[tuple[str, Callable[[], nn.Module], bool]] = [
        ("FA-GNN", FAGNN, False),
        ("GNN", PlainGNN, False),
        ("GNN + rotations", PlainGNN, True),
        ("EGNN", EGNN, False),
    ]
    for arm, make, rotate in arms:
        model, curve = _trained(make, space, drawn, trial, size, rotate)
        straight, turned = _errors(model, space["test"], trial)
        yield Measurement(arm, MSE, straight)
        yield Measurement(arm, CHANGE, abs(turned - straight) / straight)
        for epoch in range(CURVE_EVERY, len(curve) + 1, CURVE_EVERY):
            yield Measurement(arm, "validation MSE", float(curve[epoch - 1]), x=float(epoch))
    model, _ = _trained(PlainGNN, plane, drawn, trial, size, rotate=False)
    straight, turned = _errors(model, plane["test"], trial)
    yield Measurement("GNN", RATIO, turned / straight)


def _trained(
    make: Callable[[], nn.Module], data: dict[str, Systems], drawn: Tensor, trial: Trial, size: Size, rotate: bool
) -> tuple[nn.Module, NDArray[np.float64]]:
    """Train as the authors do (Adam, the epoch of the lowest validation error), and give the validation curve."""
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        model = make().to(trial.device)
    history = train(
        model,
        partial(_squared_error, rotate=rotate),
        tuple(value[drawn] for value in data["train"]),
        epochs=size.epochs,
        batch_size=min(BATCH, size.train),
        drop_last=True,
        optimizer=partial(torch.optim.Adam, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        seed=trial.seed,
        device=trial.device,
        validate=lambda model: {"validation": _mean_error(model, data["valid"])},
        keep="min:validation",
    )
    return model, history["validation"]


def _squared_error(model: nn.Module, systems: Systems, *, rotate: bool = False) -> Tensor:
    if rotate:
        turn = random_orthogonal(3, len(systems[0]), torch.default_generator, device=systems[0].device)
        systems = _turned(systems, turn)
    position, velocity, edges, target = systems
    return nn.functional.mse_loss(model(position, velocity, edge_attr=edges), target)


@torch.no_grad()
def _mean_error(model: nn.Module, systems: Systems) -> float:
    device = next(model.parameters()).device
    total = 0.0
    for part in zip(*(value.split(BATCH) for value in systems), strict=True):
        position, velocity, edges, target = (value.to(device) for value in part)
        total += float((model(position, velocity, edge_attr=edges) - target).double().square().sum())
    return total / systems[-1].numel()


def _errors(model: nn.Module, test: Systems, trial: Trial) -> tuple[float, float]:
    """Mean squared errors on the test systems as they are, and each turned by an element of O(3)."""
    model.eval()
    turn = random_orthogonal(3, len(test[0]), torch.Generator().manual_seed(trial.seed))
    return _mean_error(model, test), _mean_error(model, _turned(test, turn))


def _turned(systems: Systems, turn: Tensor) -> Systems:
    position, velocity, edges, target = systems
    return position @ turn.mT, velocity @ turn.mT, edges, target @ turn.mT


def _tensors(task: NBodyTask) -> Systems:
    """Convert to float32, systems of the plane as those of the plane z = 0."""
    missing = 3 - task.position.shape[-1]
    position, velocity, target = (
        nn.functional.pad(torch.from_numpy(value).float(), (0, missing))
        for value in (task.position, task.velocity, task.target)
    )
    charges = torch.from_numpy(task.charges).float()
    source, end = complete_edges(BODIES)
    squared = (position[:, source] - position[:, end]).square().sum(-1)
    return position, velocity, torch.stack([charges[:, source] * charges[:, end], squared], dim=-1), target

"""The n-body experiment as the authors of EGNN, PONITA and Gaunt products run it: networks that displace particles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.data.simulators.nbody import BODIES, nbody_task
from reprise.nn.egnn import EGNN
from reprise.nn.graph import complete_edges
from reprise.nn.linalg import random_orthogonal
from reprise.training import train

MSE = "test MSE"
BATCH = 100
CLIP = 0.5  # the authors' bound on the gradient's norm, for every network

Systems = tuple[Tensor, Tensor, Tensor, Tensor]
"""Positions (N, n, 3), velocities, charges (N, n) and targets."""


class EgnnMotion(nn.Module):
    """Displacements by EGNN with its own edge features, products of charges and squared distances."""

    edges: Tensor

    def __init__(self, **settings: Any):
        super().__init__()
        self.network = EGNN(**settings)
        self.register_buffer("edges", complete_edges(BODIES))

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        source, target = self.edges
        squared = (position[:, source] - position[:, target]).square().sum(-1)
        features = torch.stack([charges[:, source] * charges[:, target], squared], dim=-1)
        shift: Tensor = self.network(position, velocity, edge_attr=features) - position
        return shift


def simulate(pool: int, validation: int, test: int) -> dict[str, Systems]:
    """Simulate as many of the published systems of each split."""
    return {split: _systems(split, count) for split, count in (("train", pool), ("valid", validation), ("test", test))}


def trained(
    make: Callable[[], nn.Module],
    data: dict[str, Systems],
    drawn: Tensor,
    trial: Trial,
    *,
    epochs: int,
    warmup_epochs: int,
    lr: float,
) -> tuple[nn.Module, list[float]]:
    """Train on the drawn systems; give the network of the epoch of lowest validation error, and the error's curve.

    Adam, warm-up and cosine, clipped gradients, as the authors do.
    """
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        model = make().to(trial.device)
    batch = min(BATCH, len(drawn))
    history = train(
        model,
        _squared_error,
        tuple(value[drawn] for value in data["train"]),
        epochs=epochs,
        batch_size=batch,
        drop_last=True,
        optimizer=partial(torch.optim.Adam, lr=lr),
        schedule="cosine",
        warmup=min(warmup_epochs, epochs // 2) * (len(drawn) // batch),
        clip=CLIP,
        seed=trial.seed,
        device=trial.device,
        validate=lambda model: {"validation": mean_error(model, data["valid"])},
        keep="min:validation",
    )
    return model.eval(), [float(value) for value in history["validation"]]


def tested(arm: str, model: nn.Module, test: Systems, trial: Trial, equivariance: str) -> Iterator[Measurement]:
    """Give the error on the test systems and, as `equivariance`, what turning each by an element of O(3) changes."""
    turn = random_orthogonal(3, len(test[0]), torch.Generator().manual_seed(trial.seed))
    position, velocity, charges, target = test
    straight = _displacements(model, test)
    turned = _displacements(model, (position @ turn.mT, velocity @ turn.mT, charges, target))
    yield Measurement(arm, MSE, float((position + straight - target).square().mean()))
    yield Measurement(arm, equivariance, float((turned - straight @ turn.mT).norm() / straight.norm()))


def straight_on(test: Systems) -> Measurement:
    """Give the error of going on at the same velocity."""
    position, velocity, _, target = test
    return Measurement("straight on", MSE, float((position + velocity - target).square().mean()))


def mean_error(model: nn.Module, systems: Systems) -> float:
    """Give the mean squared error of the predicted positions."""
    return float((systems[0] + _displacements(model, systems) - systems[3]).square().mean())


def _systems(split: Any, count: int) -> Systems:
    task = nbody_task(split, count)
    position, velocity, charges, target = (
        torch.from_numpy(value).float() for value in (task.position, task.velocity, task.charges, task.target)
    )
    return position, velocity, charges, target


def _squared_error(model: nn.Module, systems: Systems) -> Tensor:
    *inputs, target = systems
    return nn.functional.mse_loss(inputs[0] + model(*inputs), target)


@torch.no_grad()
def _displacements(model: nn.Module, systems: Systems) -> Tensor:
    device = next(model.parameters()).device
    parts = zip(*(value.split(BATCH) for value in systems[:3]), strict=True)
    return torch.cat([model(*(value.to(device) for value in part)).detach().cpu() for part in parts])

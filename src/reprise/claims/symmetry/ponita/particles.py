"""The n-body experiment: PONITA beside EGNN, and beside the same network without orientations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry.ponita.sizes import BATCH, CLIP, Size
from reprise.data.simulators.nbody import BODIES, nbody_task
from reprise.nn.egnn import EGNN
from reprise.nn.graph import complete_edges
from reprise.nn.linalg import random_orthogonal
from reprise.symmetry.frame_averaging import FrameAveraging
from reprise.symmetry.ponita import PNITA, PONITA
from reprise.training import train

MSE = "test MSE"
EQUIVARIANCE = "relative change of displacements under rotation"
WARMUP_EPOCHS = 10
CURVE_EVERY = 10  # epochs between two points of the validation curves

Systems = tuple[Tensor, Tensor, Tensor, Tensor]
"""Positions (N, n, 3), velocities, charges (N, n) and targets."""


class PonitaMotion(nn.Module):
    """Displacement of each particle as a vector of PONITA, from its charge and velocity."""

    def __init__(self, **settings: Any):
        super().__init__()
        self.network = PONITA(1, 1, scalar_out=0, vector_out=1, **settings)

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        shift: Tensor = self.network(position, charges[..., None], velocity[..., None, :])[1]
        return shift[..., 0, :]


class EgnnMotion(nn.Module):
    """EGNN with its own edge features, products of charges and squared distances."""

    edges: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.network = EGNN()
        self.register_buffer("edges", complete_edges(BODIES))

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        source, target = self.edges
        squared = (position[:, source] - position[:, target]).square().sum(-1)
        features = torch.stack([charges[:, source] * charges[:, target], squared], dim=-1)
        shift: Tensor = self.network(position, velocity, edge_attr=features) - position
        return shift


class EnergyMotion(nn.Module):
    """Displacement by scalars alone: a multiple of each velocity, and the negative gradient of an energy.

    PNITA has no vectors; this is how the paper gets forces from it. Its scalars are charges and speeds.
    """

    def __init__(self, **settings: Any):
        super().__init__()
        self.network = PNITA(2, scalar_out=2, **settings)

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        with torch.enable_grad():
            x = position.detach().requires_grad_()
            scalars = self.network(x, torch.stack([charges, velocity.norm(dim=-1)], dim=-1))
            (gradient,) = torch.autograd.grad(scalars[..., 0].sum(), x, create_graph=self.training)
        return (1 + scalars[..., 1:]) * velocity - gradient


class FramedMotion(nn.Module):
    """A trained network of displacements inside frame averaging over E(3)."""

    def __init__(self, motion: nn.Module):
        super().__init__()
        self.average = FrameAveraging(
            motion, group="E3", input_kinds=("position", "vector", "scalar"), output_kind="vector", degenerate="ignore"
        )

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        shift: Tensor = self.average(position, velocity, charges)
        return shift


def simulate(size: Size) -> dict[str, Systems]:
    """Simulate the published systems."""
    counts = {"train": size.pool, "valid": size.validation, "test": size.test}
    return {split: _systems(split, count) for split, count in counts.items()}


def measure_particles(trial: Trial, size: Size, data: dict[str, Systems]) -> Iterator[Measurement]:
    """Train each network on the same systems, and turn the test systems."""
    drawn = torch.from_numpy(trial.rng().choice(size.pool, size.train, replace=False))
    arms: dict[str, Callable[[], nn.Module]] = {
        "PONITA": partial(PonitaMotion, **size.network, **size.grid),
        "EGNN": EgnnMotion,
        "PNITA": partial(EnergyMotion, **size.network),
    }
    for arm, make in arms.items():
        model, curve = _trained(make, data, drawn, trial, size, size.lr[arm])
        yield from _tested(arm, model, data["test"], trial)
        for epoch in range(CURVE_EVERY, len(curve) + 1, CURVE_EVERY):
            yield Measurement(arm, "validation MSE", curve[epoch - 1], x=float(epoch))
        if arm == "PONITA":
            yield from _tested("PONITA in frames", FramedMotion(model), data["test"], trial)
    position, velocity, _, target = data["test"]
    yield Measurement("straight on", MSE, float((position + velocity - target).square().mean()))


def _systems(split: Any, count: int) -> Systems:
    task = nbody_task(split, count)
    position, velocity, charges, target = (
        torch.from_numpy(value).float() for value in (task.position, task.velocity, task.charges, task.target)
    )
    return position, velocity, charges, target


def _trained(
    make: Callable[[], nn.Module], data: dict[str, Systems], drawn: Tensor, trial: Trial, size: Size, lr: float
) -> tuple[nn.Module, list[float]]:
    """Train as the authors do: Adam, warm-up and cosine, clipped gradients, the epoch of lowest validation error."""
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        model = make().to(trial.device)
    batch = min(BATCH, size.train)
    history = train(
        model,
        _squared_error,
        tuple(value[drawn] for value in data["train"]),
        epochs=size.epochs,
        batch_size=batch,
        drop_last=True,
        optimizer=partial(torch.optim.Adam, lr=lr),
        schedule="cosine",
        warmup=min(WARMUP_EPOCHS, size.epochs // 2) * (size.train // batch),
        clip=CLIP,
        seed=trial.seed,
        device=trial.device,
        validate=lambda model: {"validation": _mean_error(model, data["valid"])},
        keep="min:validation",
    )
    return model.eval(), [float(value) for value in history["validation"]]


def _squared_error(model: nn.Module, systems: Systems) -> Tensor:
    *inputs, target = systems
    return nn.functional.mse_loss(inputs[0] + model(*inputs), target)


@torch.no_grad()
def _displacements(model: nn.Module, systems: Systems) -> Tensor:
    device = next(model.parameters()).device
    parts = zip(*(value.split(BATCH) for value in systems[:3]), strict=True)
    return torch.cat([model(*(value.to(device) for value in part)).detach().cpu() for part in parts])


def _mean_error(model: nn.Module, systems: Systems) -> float:
    return float((systems[0] + _displacements(model, systems) - systems[3]).square().mean())


def _tested(arm: str, model: nn.Module, test: Systems, trial: Trial) -> Iterator[Measurement]:
    """Error on the test systems, and what turning each by an element of O(3) changes."""
    turn = random_orthogonal(3, len(test[0]), torch.Generator().manual_seed(trial.seed))
    position, velocity, charges, target = test
    straight = _displacements(model, test)
    turned = _displacements(model, (position @ turn.mT, velocity @ turn.mT, charges, target))
    yield Measurement(arm, MSE, float((position + straight - target).square().mean()))
    yield Measurement(arm, EQUIVARIANCE, float((turned - straight @ turn.mT).norm() / straight.norm()))

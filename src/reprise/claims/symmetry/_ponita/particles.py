"""The n-body experiment: PONITA beside EGNN, and beside the same network without orientations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._motion import EgnnMotion, Systems, straight_on, tested, trained
from reprise.claims.symmetry._ponita.sizes import Size
from reprise.symmetry.frame_averaging import FrameAveraging
from reprise.symmetry.ponita import PNITA, PONITA

EQUIVARIANCE = "relative change of displacements under rotation"
WARMUP_EPOCHS = 10
CURVE_EVERY = 10  # epochs between two points of the validation curves


class PonitaMotion(nn.Module):
    """Displacement of each particle as a vector of PONITA, from its charge and velocity."""

    def __init__(self, **settings: Any):
        super().__init__()
        self.network = PONITA(1, 1, scalar_out=0, vector_out=1, **settings)

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        shift: Tensor = self.network(position, charges[..., None], velocity[..., None, :])[1]
        return shift[..., 0, :]


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


def measure_particles(trial: Trial, size: Size, data: dict[str, Systems]) -> Iterator[Measurement]:
    """Train each network on the same systems, and turn the test systems."""
    drawn = torch.from_numpy(trial.rng().choice(size.pool, size.train, replace=False))
    arms: dict[str, Callable[[], nn.Module]] = {
        "PONITA": partial(PonitaMotion, **size.network, **size.grid),
        "EGNN": EgnnMotion,
        "PNITA": partial(EnergyMotion, **size.network),
    }
    for arm, make in arms.items():
        model, curve = trained(
            make, data, drawn, trial, epochs=size.epochs, warmup_epochs=WARMUP_EPOCHS, lr=size.lr[arm]
        )
        yield from tested(arm, model, data["test"], trial, EQUIVARIANCE)
        for epoch in range(CURVE_EVERY, len(curve) + 1, CURVE_EVERY):
            yield Measurement(arm, "validation MSE", curve[epoch - 1], x=float(epoch))
        if arm == "PONITA":
            yield from tested("PONITA in frames", FramedMotion(model), data["test"], trial, EQUIVARIANCE)
    yield straight_on(data["test"])

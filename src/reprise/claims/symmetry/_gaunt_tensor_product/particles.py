"""The n-body experiment: Gaunt products beside the same network of Clebsch-Gordan products, EGNN and a plain GNN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._gaunt_tensor_product.sizes import Size
from reprise.claims.symmetry._motion import EgnnMotion, Systems, straight_on, tested, trained
from reprise.data.simulators.nbody import BODIES
from reprise.nn.graph import MessagePassingNetwork, complete_edges, complete_systems
from reprise.symmetry.gaunt_tensor_product import GauntNetwork

EQUIVARIANCE = "relative change of displacements under rotation and reflection"
WARMUP_EPOCHS = 5


class _Motion(nn.Module):
    """Displacements from positions, velocities and charges; edges carry the product of their charges."""

    edges: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("edges", complete_edges(BODIES))

    def charge_products(self, charges: Tensor) -> Tensor:
        source, target = self.edges
        return (charges[:, source] * charges[:, target])[..., None]


class TensorMotion(_Motion):
    """The network of tensor products: charges, speeds and products of charges are scalars; vectors are velocities and
    positions about the centre.
    """

    def __init__(self, **settings: Any):
        super().__init__()
        self.network = GauntNetwork(2, 2, scalar_out=0, vector_out=1, edge_dim=1, **settings)

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        scalars = torch.stack([charges, velocity.norm(dim=-1)], dim=-1)
        vectors = torch.stack([velocity, position - position.mean(1, keepdim=True)], dim=-2)
        shift: Tensor = self.network(position, scalars, vectors, edge_attr=self.charge_products(charges))[1]
        return shift[..., 0, :]


class GraphMotion(_Motion):
    """A plain graph network, which knows no rotations: coordinates about the centre are features like any other."""

    def __init__(self, hidden: int, layers: int):
        super().__init__()
        self.network = MessagePassingNetwork(8, hidden, 3, edge_dim=2, layers=layers)

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        systems, bodies, _ = position.shape
        centred = position - position.mean(1, keepdim=True)
        nodes = torch.cat([centred, velocity, charges[..., None], velocity.norm(dim=-1, keepdim=True)], dim=-1)
        source, target = self.edges
        length = (position[:, source] - position[:, target]).norm(dim=-1, keepdim=True)
        features = torch.cat([self.charge_products(charges), length], dim=-1)
        edge_index, _ = complete_systems(systems, bodies, device=position.device)
        shift: Tensor = self.network(nodes.flatten(0, 1), edge_index, features.flatten(0, 1))
        return shift.view_as(position)


def arms(size: Size) -> dict[str, Callable[[], nn.Module]]:
    """Give the networks by name."""
    return {
        "Gaunt": partial(TensorMotion, **size.network),
        "Clebsch-Gordan": partial(TensorMotion, product="clebsch-gordan", **size.network),
        "EGNN": partial(EgnnMotion, **size.baseline),
        "GNN": partial(GraphMotion, **size.baseline),
    }


def measure_particles(trial: Trial, size: Size, data: dict[str, Systems]) -> Iterator[Measurement]:
    """Train each network on the same systems, and turn the test systems."""
    drawn = torch.from_numpy(trial.rng().choice(size.pool, size.train, replace=False))
    for arm, make in arms(size).items():
        model, _ = trained(make, data, drawn, trial, epochs=size.epochs, warmup_epochs=WARMUP_EPOCHS, lr=size.lr[arm])
        yield from tested(arm, model, data["test"], trial, EQUIVARIANCE)
        yield Measurement(arm, "parameters", float(sum(p.numel() for p in model.parameters())))
    yield straight_on(data["test"])

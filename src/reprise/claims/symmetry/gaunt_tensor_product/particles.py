"""The n-body experiment: Gaunt products beside the same network of Clebsch-Gordan products, EGNN and a plain GNN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry.gaunt_tensor_product.sizes import BATCH, CLIP, Size
from reprise.data.simulators.nbody import BODIES, nbody_task
from reprise.nn.egnn import EGNN
from reprise.nn.graph import MessagePassingNetwork, complete_edges, complete_systems
from reprise.nn.linalg import random_orthogonal
from reprise.symmetry.gaunt_tensor_product import GauntNetwork
from reprise.training import train

MSE = "test MSE"
EQUIVARIANCE = "relative change of displacements under rotation and reflection"
WARMUP_EPOCHS = 5

Systems = tuple[Tensor, Tensor, Tensor, Tensor]
"""Positions (N, n, 3), velocities, charges (N, n) and targets."""


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


class EgnnMotion(_Motion):
    """EGNN with its own edge features: products of charges and squared distances."""

    def __init__(self, **settings: Any):
        super().__init__()
        self.network = EGNN(edge_dim=2, **settings)

    def forward(self, position: Tensor, velocity: Tensor, charges: Tensor) -> Tensor:
        """Predict displacements."""
        source, target = self.edges
        squared = (position[:, source] - position[:, target]).square().sum(-1, keepdim=True)
        features = torch.cat([self.charge_products(charges), squared], dim=-1)
        shift: Tensor = self.network(position, velocity, edge_attr=features) - position
        return shift


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


def simulate(size: Size) -> dict[str, Systems]:
    """Simulate the published systems."""
    return {
        split: _systems(split, count)
        for split, count in {"train": size.pool, "valid": size.validation, "test": size.test}.items()
    }


def measure_particles(trial: Trial, size: Size, data: dict[str, Systems]) -> Iterator[Measurement]:
    """Train each network on the same systems, and turn the test systems."""
    drawn = torch.from_numpy(trial.rng().choice(size.pool, size.train, replace=False))
    test = data["test"]
    position, velocity, charges, target = test
    turn = random_orthogonal(3, len(position), torch.Generator().manual_seed(trial.seed))
    for arm, make in arms(size).items():
        model = trained(make, data, drawn, trial, size, size.lr[arm])
        straight = _displacements(model, test)
        turned = _displacements(model, (position @ turn.mT, velocity @ turn.mT, charges, target))
        yield Measurement(arm, MSE, float((position + straight - target).square().mean()))
        yield Measurement(arm, EQUIVARIANCE, float((turned - straight @ turn.mT).norm() / straight.norm()))
        yield Measurement(arm, "parameters", float(sum(p.numel() for p in model.parameters())))
    yield Measurement("straight on", MSE, float((position + velocity - target).square().mean()))


def trained(
    make: Callable[[], nn.Module], data: dict[str, Systems], drawn: Tensor, trial: Trial, size: Size, lr: float
) -> nn.Module:
    """Train with Adam, warm-up and cosine, clipped gradients; keep the epoch of lowest validation error."""
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        model = make().to(trial.device)
    batch = min(BATCH, size.train)
    train(
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
        validate=lambda model: {"validation": mean_error(model, data["valid"])},
        keep="min:validation",
    )
    return model.eval()


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
    return torch.cat([model(*(value.to(device) for value in part)).cpu() for part in parts])

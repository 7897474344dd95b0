"""What is compared: INSET, EquiVSet, EquiVSet with a term that cancels, and a classifier of elements in their pool."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._inset.datasets import Task
from reprise.claims.symmetry._inset.sizes import PATIENCE, Size
from reprise.data.simulators.subset_pools import SubsetPools
from reprise.metrics import mean_jaccard, random_jaccard
from reprise.nn.encoders import MLP
from reprise.symmetry.inset import RecognitionNet, SetEnergy, SubsetSelector, mean_field
from reprise.symmetry.inset.energy import Background
from reprise.training import train

INSET, SUPERSET, EQUIVSET, CONSTANT = "INSET", "INSET, superset", "EquiVSet", "EquiVSet + constant of the pool"
INSET_MLP, EQUIVSET_MLP = "INSET, MLP encoder", "EquiVSet, MLP encoder"
DEEPSETS, RANDOM = "DeepSets", "random"
SHIFT = "change of mean-field probabilities by a constant of the pool"
BACKGROUNDS: dict[str, Background] = {
    INSET: "complement",
    SUPERSET: "superset",
    EQUIVSET: "none",
    CONSTANT: "none",
    INSET_MLP: "complement",
    EQUIVSET_MLP: "none",
}

CLASSIFIER_EPOCHS = 6
"""Epochs of the classifier for each of the energies, whose steps take several times as long."""


def jaccard_on(data: str) -> str:
    """Name the metric of a data set."""
    return f"mean Jaccard, {data}"


class ConstantOfPool(nn.Module):
    """The wrong way to add a background: F(S) + psi(V), in which psi cancels from every comparison of subsets."""

    def __init__(self, energy: SetEnergy, encoder: int | nn.Module, hidden: int, width: int):
        super().__init__()
        self.energy = energy
        self.pool = SetEnergy(encoder, hidden, width, background="none")

    def forward(self, pool: Tensor, subset: Tensor, pool_mask: Tensor | None = None) -> Tensor:
        """Give the value of each subset, all raised by the same."""
        whole = torch.ones_like(pool[:, :, 0]) if pool_mask is None else pool_mask
        constant: Tensor = self.pool(pool, whole, pool_mask)
        value: Tensor = self.energy(pool, subset, pool_mask)
        return value + constant.reshape(-1, *(1,) * (value.ndim - 1))


class SelectorWithConstant(SubsetSelector):
    """EquiVSet with such a constant, otherwise the same estimator."""

    def _make_energy(self, encoder: int | nn.Module) -> nn.Module:
        energy = super()._make_energy(encoder)
        assert isinstance(energy, SetEnergy)
        assert isinstance(encoder, int)
        with torch.random.fork_rng(devices=[]):  # the recognition network starts as it does without the constant
            return ConstantOfPool(energy, encoder, self.hidden, self.width)


class PoolClassifier(nn.Module):
    """DeepSets: the log odds of each element, from its encoding and the mean encoding of its pool."""

    def __init__(self, in_features: int, width: int):
        super().__init__()
        self.encoder = MLP(in_features, width, hidden=(width,))
        self.context = MLP(width, width, hidden=(width,))
        self.head = MLP(2 * width, 1, hidden=(width,))

    def forward(self, pool: Float[Tensor, "B n d"]) -> Float[Tensor, "B n"]:
        """Give log odds."""
        encoded = self.encoder(pool).relu()
        context = self.context(encoded.mean(1, keepdim=True)).relu().expand_as(encoded)
        odds: Tensor = self.head(torch.cat([encoded, context], dim=-1))
        return odds[..., 0]


def measure_task(name: str, task: Task, size: Size, trial: Trial, arms: tuple[str, ...]) -> Iterator[Measurement]:
    """Train every arm on the same pools and give the mean Jaccard coefficient of each on the test pools, in percent."""
    metric = jaccard_on(name)
    for arm in arms:
        if arm == RANDOM:
            n = task.test.pools.shape[1]
            found = float(np.mean([random_jaccard(n, len(subset)) for subset in task.test.subsets]))
        elif arm == DEEPSETS:
            network = fit_classifier(task, size, size.lr[arm][name], trial)
            found = classifier_score(network, task.test)
        else:
            model = fit_selector(arm, task, size, size.lr[EQUIVSET if arm == CONSTANT else arm][name], trial)
            found = model.score(*task.test)
            if arm == CONSTANT:
                yield Measurement(CONSTANT, SHIFT, _shift(model, task.test))
        yield Measurement(arm, metric, 100 * found)


def parameters(arm: str, features: int, size: Size) -> int:
    """Count the parameters of one arm's networks, for elements of so many features."""
    networks: tuple[nn.Module, ...]
    if arm == DEEPSETS:
        networks = (PoolClassifier(features, size.classifier_width),)
    else:
        hidden, width = size.selector["hidden"], size.selector["width"]
        encoders = [MLP(features, hidden, hidden=(width,)) if _encoder(arm) == "mlp" else features for _ in range(2)]
        networks = (
            SetEnergy(encoders[0], hidden, width, background=BACKGROUNDS[arm]),
            RecognitionNet(encoders[1], hidden, width),
        )
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def fit_selector(arm: str, task: Task, size: Size, lr: float, trial: Trial) -> SubsetSelector:
    """Fit one of the subset energies."""
    estimator = SelectorWithConstant if arm == CONSTANT else SubsetSelector
    settings = size.selector | {"epochs": size.epochs, "batch_size": size.batch_size}
    model = estimator(
        background=BACKGROUNDS[arm],
        encoder=_encoder(arm),
        lr=lr,
        patience=PATIENCE,
        device=trial.device,
        random_state=trial.seed,
        **settings,
    )
    return model.fit(*task.learnt, held_out=task.held_out)


def fit_classifier(task: Task, size: Size, lr: float, trial: Trial) -> PoolClassifier:
    """Fit the classifier by cross-entropy over all elements; the epoch of highest held-out mean Jaccard is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        network = PoolClassifier(task.learnt.pools.shape[2], size.classifier_width)

    def loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        pools, chosen = batch
        return nn.functional.binary_cross_entropy_with_logits(network(pools), chosen)

    def validate(network: nn.Module) -> dict[str, float]:
        return {"held-out Jaccard": classifier_score(network, task.held_out)}

    train(
        network,
        loss,
        (torch.from_numpy(task.learnt.pools), _indicators(task.learnt).float()),
        epochs=CLASSIFIER_EPOCHS * size.epochs,
        batch_size=size.batch_size,
        optimizer=partial(torch.optim.Adam, lr=lr, weight_decay=1e-5),
        seed=trial.seed,
        device=trial.device,
        validate=validate,
        keep="max:held-out Jaccard",
    )
    return network.eval()


def classifier_score(network: nn.Module, pools: SubsetPools) -> float:
    """Give the mean Jaccard coefficient of the likeliest elements, as many as each subset has."""
    device = next(network.parameters()).device
    with torch.no_grad():
        odds = network(torch.from_numpy(pools.pools).to(device)).cpu()
    found = [row.topk(len(subset)).indices.numpy() for row, subset in zip(odds, pools.subsets, strict=True)]
    return mean_jaccard(pools.subsets, found)


def _encoder(arm: str) -> Literal["linear", "mlp"]:
    return "mlp" if arm in {INSET_MLP, EQUIVSET_MLP} else "linear"


def _shift(model: SubsetSelector, pools: SubsetPools) -> float:
    """Give the largest change of a mean-field step when the trained constant is left out, with the same draws."""
    batch = torch.from_numpy(pools.pools[:32]).double()
    energy = model.energy_.double()
    assert isinstance(energy, ConstantOfPool)
    start = torch.full(batch.shape[:2], 0.5, dtype=torch.float64)
    with torch.no_grad():
        both = [
            mean_field(part, batch, start, samples=2, generator=torch.Generator().manual_seed(model.seed_), block=2**40)
            for part in (energy, energy.energy)
        ]
    return float((both[0] - both[1]).abs().max())


def _indicators(pools: SubsetPools) -> Bool[Tensor, "N n"]:
    chosen = torch.zeros(pools.pools.shape[:2], dtype=torch.bool)
    for row, subset in zip(chosen, pools.subsets, strict=True):
        row[torch.from_numpy(subset)] = True
    return chosen

"""How the networks are trained: views, balanced batches, the schedules of the losses, and two optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import DataLoader, Dataset

from reprise.discover.hypcd.layers import HypLinear
from reprise.discover.hypcd.losses import hybrid_contrastive_loss, labelled_cross_entropy, self_distillation_loss
from reprise.discover.hypcd.networks import DiscoveryNetwork
from reprise.nn.partial_labels import UNLABELLED
from reprise.training import History, train

MOMENTUM = 0.9
LAST_RATE = 1e-3
"""The cosine schedule ends at this share of the rate."""

WARM_TEACHER, TEACHER, WARM_EPOCHS = 0.07, 0.04, 30
"""The teacher's temperature falls from the first to the second in so many epochs (at most all)."""

DROPOUT, NOISE = 0.2, 0.1
"""Of the views of features: the share set to zero, and the deviation of Gaussian noise."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the training needs to know, with the names of the estimator's parameters."""

    c: float
    lam_max: float
    angle_scale: float
    sup_weight: float
    memax_weight: float
    augment: Callable[[Tensor], Tensor]
    epochs: int
    batch_size: int
    lr: float
    classifier_lr: float
    weight_decay: float
    seed: int
    device: str
    progress: bool


def distort_features(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Make a view of centred features: some set to their mean, and noise on all."""
    return nn.functional.dropout(x, DROPOUT) * (1 - DROPOUT) + NOISE * torch.randn_like(x)


def fit(network: DiscoveryNetwork, X: Float[Tensor, "n ..."], y: Int[Tensor, " n"], settings: Settings) -> History:
    """Train the network on samples and labels, -1 where unlabelled."""
    size = min(settings.batch_size, len(X))
    loader = DataLoader(_Rows(X, y), batch_sampler=BalancedBatches(y, size, settings.seed), collate_fn=_as_it_is)

    def count_step(model: nn.Module, done: int) -> None:
        model.steps.fill_(done)  # type: ignore[operator]

    return train(
        network,
        partial(_loss, settings=settings, steps_an_epoch=len(loader)),
        loader,
        epochs=settings.epochs,
        optimizer=partial(_optimizer, network=network, settings=settings),
        schedule=partial(_schedule, steps_an_epoch=len(loader), epochs=settings.epochs),
        seed=settings.seed,
        device=settings.device,
        after_step=count_step,
        progress="category discovery" if settings.progress else False,
    )


class BalancedBatches:
    """Batches drawn with replacement, half of the rows labelled on average; a whole number of batches an epoch."""

    def __init__(self, y: Int[Tensor, " n"], batch_size: int, seed: int):
        labelled = y != UNLABELLED
        count = int(labelled.sum())
        self.weights = torch.where(labelled, 1.0, count / max(len(y) - count, 1)).double()
        self.shape = len(y) // batch_size, batch_size
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[list[int]]:
        drawn = torch.multinomial(
            self.weights, self.shape[0] * self.shape[1], replacement=True, generator=self.generator
        )
        yield from drawn.view(self.shape).tolist()


class _Rows(Dataset[tuple[Tensor, Tensor]]):
    """Tensors that give a batch by one slice each."""

    def __init__(self, *tensors: Tensor):
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, row: int) -> Any:
        return tuple(tensor[row] for tensor in self.tensors)

    def __getitems__(self, rows: list[int]) -> Any:
        index = torch.tensor(rows)
        return tuple(tensor[index] for tensor in self.tensors)


def _as_it_is(batch: Any) -> Any:
    return batch


def _loss(
    network: DiscoveryNetwork, batch: tuple[Tensor, Tensor], *, settings: Settings, steps_an_epoch: int
) -> dict[str, Tensor]:
    samples, labels = batch
    epoch = int(network.steps) // steps_an_epoch
    z, logits = network(torch.cat([settings.augment(samples), settings.augment(samples)]))
    contrast = hybrid_contrastive_loss(
        z,
        labels,
        c=settings.c,
        lam=settings.lam_max * (epoch + 1) / settings.epochs,
        angle_scale=settings.angle_scale,
        sup_weight=settings.sup_weight,
    )
    if logits is None:
        return {"loss": contrast}
    classify = labelled_cross_entropy(logits, labels)
    distil = self_distillation_loss(
        logits,
        teacher_temperature=_teacher_temperature(epoch, settings.epochs),
        memax_weight=settings.memax_weight,
    )
    w = settings.sup_weight
    total = contrast + (1 - w) * distil + w * classify
    return {"loss": total, "contrast": contrast, "distil": distil, "classify": classify}


def _teacher_temperature(epoch: int, epochs: int) -> float:
    warm = min(WARM_EPOCHS, epochs)
    return WARM_TEACHER + (TEACHER - WARM_TEACHER) * min(epoch / max(warm - 1, 1), 1)


def _optimizer(parameters: Iterable[nn.Parameter], *, network: DiscoveryNetwork, settings: Settings) -> Optimizer:
    """Make SGD for the network and, in the ball, Adam for the classifier."""
    curved = {id(p) for m in network.modules() if isinstance(m, HypLinear) for p in m.parameters()}
    parameters = list(parameters)
    flat = [p for p in parameters if id(p) not in curved]
    groups = [
        {"params": [p for p in flat if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in flat if p.ndim <= 1], "weight_decay": 0.0},
    ]
    sgd = SGD(groups, lr=settings.lr, momentum=MOMENTUM)
    if not curved:
        return sgd
    return JoinedOptimizer(sgd, Adam([p for p in parameters if id(p) in curved], lr=settings.classifier_lr))


class JoinedOptimizer(Optimizer):
    """Optimizers of different parameters as one, so that a training loop for one takes them."""

    def __init__(self, *parts: Optimizer):
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})

    def step(self, closure: Any = None) -> Any:
        """Take a step of each."""
        loss = None if closure is None else closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Give the states of all."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the states of all."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def _schedule(optimizer: Optimizer, _steps: int | None, *, steps_an_epoch: int, epochs: int) -> LRScheduler:
    """Lower the rate of SGD by a cosine, epoch by epoch; Adam's stays."""

    def cosine(step: int) -> float:
        done = min(step // steps_an_epoch, epochs) / epochs
        return LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, [_constant if "betas" in group else cosine for group in optimizer.param_groups])


def _constant(_step: int) -> float:
    return 1.0

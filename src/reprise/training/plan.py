"""The settings of a training, checked; its optimizer and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from reprise.errors import InvalidInputError

SCHEDULES = ("constant", "cosine", "linear", "one_cycle")
ONE_CYCLE_RISE = 0.3
"""Share of the steps in which ``one_cycle`` rises, where `warmup` does not say."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The settings of `train`, with its names; checked when made."""

    epochs: int
    batch_size: int
    drop_last: bool
    lr: float
    weight_decay: float
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None
    schedule: str | Callable[[Optimizer, int | None], LRScheduler]
    warmup: int
    clip: float | None
    seed: int
    precision: str
    validate: Callable[[nn.Module], dict[str, float]] | None
    keep: str
    after_step: Callable[[nn.Module, int], object] | None
    checkpoint: Path | None
    resume: bool
    checkpoint_every: float
    progress: bool | str

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("warmup", 0), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidInputError(f"{name} is {value!r}; a whole number of at least {least} is expected.")
        for name in ("lr", "weight_decay", "checkpoint_every"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise InvalidInputError(f"{name} is {value!r}; a finite number of at least 0 is expected.")
        if self.clip is not None and not self.clip > 0:
            raise InvalidInputError(f"clip is {self.clip!r}; a positive gradient norm or None is expected.")
        if not callable(self.schedule) and self.schedule not in SCHEDULES:
            raise InvalidInputError(
                f"schedule is {self.schedule!r}; one of {', '.join(SCHEDULES)}, or a function of the optimizer and "
                "the number of steps that returns a torch scheduler, is expected."
            )
        if callable(self.schedule) and self.warmup:
            raise InvalidInputError("warmup goes with a named schedule; a schedule of your own brings its own.")
        if self.keep != "last" and not self.keep.startswith(("min:", "max:")):
            raise InvalidInputError(
                f"keep is {self.keep!r}; 'last', 'min:NAME' or 'max:NAME' is expected, where NAME is a value that the "
                "history records, such as 'min:loss'."
            )

    def make_optimizer(self, parameters: list[nn.Parameter]) -> Optimizer:
        """Make the optimizer of these parameters: the plan's own, else AdamW, in torch's fused form where it works."""
        if self.optimizer is not None:
            return self.optimizer(parameters)
        fused = all(p.is_floating_point() and p.device.type in {"cpu", "cuda"} for p in parameters)
        if self.precision == "16-mixed" and self.clip is not None:
            fused = False  # a fused optimizer un-scales gradients by itself, after they would have been clipped
        return AdamW(parameters, lr=self.lr, weight_decay=self.weight_decay, fused=fused)

    def make_schedule(self, optimizer: Optimizer, steps: int | None) -> LRScheduler | None:
        """Make the schedule for a training of `steps` steps (None where that is unknown); None stands for constant."""
        if callable(self.schedule):
            return self.schedule(optimizer, steps)
        if self.schedule == "constant" and not self.warmup:
            return None
        if steps is None:
            if self.schedule != "constant":
                raise InvalidInputError(
                    f"The schedule {self.schedule!r} needs to know the number of steps, but the data has no length."
                )
            steps = self.warmup + 1
        if self.warmup >= steps:
            raise InvalidInputError(f"warmup is {self.warmup} steps, but the whole training has only {steps}.")
        if self.schedule == "one_cycle":
            return OneCycleLR(
                optimizer,
                max_lr=[group["lr"] for group in optimizer.param_groups],
                total_steps=steps,
                pct_start=self.warmup / steps if self.warmup else ONE_CYCLE_RISE,
                cycle_momentum=False,
            )
        return LambdaLR(optimizer, lambda step: self._share_of_rate(step, steps))

    def _share_of_rate(self, step: int, steps: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = min((step - self.warmup) / (steps - self.warmup), 1.0)
        if self.schedule == "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        return 1 - done if self.schedule == "linear" else 1.0

    def fingerprint(self) -> dict[str, Any]:
        """Give the settings that a checkpoint must share with the training that resumes from it."""
        names = (
            "epochs",
            "batch_size",
            "drop_last",
            "lr",
            "weight_decay",
            "warmup",
            "clip",
            "seed",
            "precision",
            "keep",
        )
        return {name: getattr(self, name) for name in names} | {
            "schedule": self.schedule if isinstance(self.schedule, str) else "own",
            "optimizer": "AdamW" if self.optimizer is None else "own",
        }

"""The loop itself: what one process does between the first batch and the last checkpoint."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from reprise.errors import DivergedError, InvalidInputError
from reprise.training.batches import Data, make_batches
from reprise.training.checkpoint import (
    DeferredInterrupt,
    random_states,
    read_checkpoint,
    set_random_states,
    write_checkpoint,
)
from reprise.training.plan import Plan
from reprise.training.stage import Objective, modes_kept

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STEPS_UNREAD = 50
"""On an accelerator losses are read this often, because each reading waits for the device; on the CPU every step."""

STEPS_BETWEEN_AGREEMENTS = 16
"""Several processes ask each other this often whether to write a checkpoint or to stop."""

RANK_STRIDE = 1_000_003
"""Between the seeds of the random layers of two processes, so that they drop different units."""

RECORDED = ("epoch", "lr", "seconds")
"""What the history records by itself, beside the terms of the loss."""


def run(
    fabric: Fabric, objective: Objective, data: Data, plan: Plan, caller: int, handover: Path
) -> list[dict[str, float]]:
    """Train in this process; where the caller is another one, leave the weights for it in the file `handover`."""
    loop = _Loop(fabric, objective, data, plan)
    loop.run()
    if os.getpid() != caller and fabric.is_global_zero:
        torch.save(objective.state_dict(), handover)
    return loop.records


class _Loop:
    def __init__(self, fabric: Fabric, objective: Objective, data: Data, plan: Plan):
        self.fabric, self.plan, self.device = fabric, plan, fabric.device
        self.strategy, self.precision = fabric.strategy, fabric.strategy.precision
        self.converts = plan.precision.endswith("true") and not plan.precision.startswith("32")
        self.reads_at_once = self.device.type == "cpu"
        self.alone = fabric.world_size == 1
        self.objective = objective
        fabric.to_device(objective)
        self.precision.convert_module(objective)
        self.batches = make_batches(data, fabric, batch_size=plan.batch_size, drop_last=plan.drop_last, seed=plan.seed)
        self.module = self.strategy.setup_module(objective)
        self.optimizer: Optimizer = plan.make_optimizer([p for p in objective.parameters() if p.requires_grad])
        steps = self.batches.steps
        self.scheduler = plan.make_schedule(self.optimizer, steps and steps * plan.epochs)

        self.epoch = 0  # finished ones
        self.step = 0  # of this epoch, finished ones
        self.steps_done = 0
        self.records: list[dict[str, float]] = []
        self.sums: dict[str, float] = defaultdict(float)
        self.unread: list[tuple[int, dict[str, Tensor]]] = []
        self.lr = 0.0
        self.seconds = 0.0
        self.clock = time.perf_counter()
        self.written = time.monotonic()
        self.best: dict[str, Any] | None = None
        self.best_value = math.nan
        self.states_at_start: dict[str, Tensor] = {}
        self.states_to_resume: dict[str, Tensor] | None = None
        self.generators_at_start: list[Tensor] = []

    def run(self) -> None:
        plan = self.plan
        self.fingerprint = plan.fingerprint() | {"processes": self.fabric.world_size}
        if plan.checkpoint is not None:
            self.fingerprint["data"] = self.batches.fingerprint()
        cuda = [self.device] if self.device.type == "cuda" else []
        with (
            torch.enable_grad(),
            torch.random.fork_rng(devices=cuda),
            DeferredInterrupt(plan.checkpoint is not None) as self.interrupt,
        ):
            torch.manual_seed(plan.seed + RANK_STRIDE * self.fabric.global_rank)
            if plan.checkpoint is not None and plan.resume and plan.checkpoint.exists():
                self._restore(read_checkpoint(plan.checkpoint, self.fingerprint))
            if self.epoch < plan.epochs:
                with self._bar() as self.bar:
                    self._train()
                if plan.checkpoint is not None:
                    self._save(plan.checkpoint)
        if self.best is not None:
            self.objective.load_state_dict(self.best)

    def _train(self) -> None:
        while self.epoch < self.plan.epochs:
            batches = self._open_epoch()
            while (batch := self._next(batches)) is not None:
                self._take_step(batch)
                if self.plan.checkpoint is not None:
                    self._pause(self.plan.checkpoint)
            self._close_epoch()

    def _open_epoch(self) -> Iterator[Any]:
        """Begin an epoch, or take it up where it was left: the batches already used are drawn again, and dropped."""
        self.clock = time.perf_counter()
        if self.step == 0:
            self.states_at_start = random_states(self.device)
            self.generators_at_start = [generator.get_state() for generator in self.batches.generators]
            self.lr = float(self.optimizer.param_groups[0]["lr"])
        batches = self.batches.epoch(self.epoch)
        for _ in range(self.step):
            next(batches)
        if self.states_to_resume is not None:
            set_random_states(self.states_to_resume, self.device)
            self.states_to_resume = None
        return batches

    def _next(self, batches: Iterator[Any]) -> Any:
        try:
            return next(batches, None)
        except Exception:
            if self.interrupt.pressed and self.plan.checkpoint is not None:  # Ctrl-C ends a loader's workers too
                self._save(self.plan.checkpoint)
                raise KeyboardInterrupt from None
            raise

    def _take_step(self, batch: Any) -> None:
        if self.converts:
            batch = self.precision.convert_input(batch)
        with self.precision.forward_context():
            terms = self.module(batch)
        loss = terms["loss"]
        self.unread.append((self.step + 1, terms))
        if self.reads_at_once:
            self._read_losses()
        else:
            self.unread[-1] = (self.step + 1, {name: value.detach() for name, value in terms.items()})
            if len(self.unread) == STEPS_UNREAD:
                self._read_losses()
        self.optimizer.zero_grad()
        self.strategy.backward(loss, self.module)
        if self.plan.clip is not None:
            self.strategy.clip_gradients_norm(
                self.module, self.optimizer, max_norm=self.plan.clip, error_if_nonfinite=False
            )
        self.strategy.optimizer_step(self.optimizer)
        if self.scheduler is not None and not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
        self.step += 1
        self.steps_done += 1
        if self.plan.after_step is not None:
            self.plan.after_step(self.objective.model, self.steps_done)
        if self.bar is not None:
            self.bar.update()

    def _read_losses(self) -> None:
        for step, terms in self.unread:
            for name, value in terms.items():
                number = value.item()
                if name == "loss" and not math.isfinite(number):
                    raise DivergedError(
                        f"The loss is {number} in epoch {self.epoch + 1}, step {step}. A lower lr, a warmup or "
                        "clip=1.0 may keep it finite; also look for infinite values in the data."
                    )
                self.sums[name] += number
        self.unread.clear()

    def _close_epoch(self) -> None:
        if self.step == 0:
            raise InvalidInputError("The data gave no batch; at least one is expected.")
        self._read_losses()
        self._stop_clock()
        means = {name: total / self.step for name, total in self.sums.items()}
        if not self.alone:
            values = torch.tensor([*means.values()], dtype=torch.float64, device=self.device)
            means = dict(zip(means, self.fabric.all_reduce(values).tolist(), strict=True))  # type: ignore[union-attr]
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(means["loss"])
        validation = self._validate()
        clash = (means.keys() & {*RECORDED}) | (validation.keys() & {*RECORDED, *means})
        if clash:
            raise InvalidInputError(f"The name {min(clash)!r} of a loss term or of a validation value is taken.")
        record = {"epoch": self.epoch + 1, **means, "lr": self.lr, "seconds": self.seconds, **validation}
        self._keep_best(record)
        self.records.append(record)
        self.sums.clear()
        self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
        if self.bar is not None:
            self.bar.set_postfix({name: f"{value:.4g}" for name, value in (means | validation).items()})

    def _validate(self) -> dict[str, float]:
        if self.plan.validate is None:
            return {}
        values: dict[str, float] = {}
        if self.fabric.is_global_zero:
            cuda = [self.device] if self.device.type == "cuda" else []
            with modes_kept(self.objective), torch.no_grad(), torch.random.fork_rng(devices=cuda):
                self.objective.model.eval()
                with self.precision.forward_context():
                    values = {name: float(value) for name, value in self.plan.validate(self.objective.model).items()}
        return values if self.alone else self.fabric.broadcast(values)

    def _keep_best(self, record: dict[str, float]) -> None:
        direction, _, name = self.plan.keep.partition(":")
        if direction == "last":
            return
        if name not in record:
            raise InvalidInputError(f"keep is {self.plan.keep!r}, but the epochs record {', '.join(record)}.")
        value = record[name] if direction == "max" else -record[name]
        if value > self.best_value or (math.isnan(self.best_value) and not math.isnan(value)):
            self.best_value, self.best = value, copy.deepcopy(self.objective.state_dict())

    def _pause(self, checkpoint: Path) -> None:
        """Between two steps: write a checkpoint when its time has come, stop when Ctrl-C was pressed."""
        stop, due = self.interrupt.pressed, time.monotonic() - self.written >= self.plan.checkpoint_every
        if not self.alone:
            if self.step % STEPS_BETWEEN_AGREEMENTS and self.step != self.batches.steps:
                return
            votes = self.fabric.all_reduce(torch.tensor([float(stop), float(due)], device=self.device), reduce_op="sum")
            stop, due = (votes > 0).tolist()  # type: ignore[operator, union-attr]
        if stop or due:
            self._save(checkpoint)
        if stop:
            raise KeyboardInterrupt

    def _save(self, checkpoint: Path) -> None:
        self._read_losses()
        self._stop_clock()
        now = random_states(self.device)
        generators_now = [generator.get_state() for generator in self.batches.generators]
        content = {
            "fingerprint": self.fingerprint,
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler and self.scheduler.state_dict(),
            "precision": self.precision.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "steps_done": self.steps_done,
            "records": self.records,
            "sums": dict(self.sums),
            "lr": self.lr,
            "seconds": self.seconds,
            "best": self.best,
            "best_value": self.best_value,
            "random_now": self._of_all_processes(now),
            "random_at_start": self._of_all_processes(self.states_at_start if self.step else now),
            "generators_at_start": self.generators_at_start if self.step else generators_now,
        }
        if self.fabric.is_global_zero:
            write_checkpoint(checkpoint, content)
        self.written = time.monotonic()

    def _of_all_processes(self, states: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        everyone = [states] * self.fabric.world_size
        if not self.alone:
            torch.distributed.all_gather_object(everyone, states)
        return everyone

    def _restore(self, content: dict[str, Any]) -> None:
        try:
            self.objective.load_state_dict(content["objective"])
            self.optimizer.load_state_dict(content["optimizer"])
            if self.scheduler is not None:
                self.scheduler.load_state_dict(content["scheduler"])
        except (RuntimeError, ValueError, KeyError) as problem:
            raise InvalidInputError(
                f"The checkpoint {self.plan.checkpoint} is of another model or optimizer: {problem}"
            ) from problem
        self.precision.load_state_dict(content["precision"])
        for name in ("epoch", "step", "steps_done", "records", "lr", "seconds", "best", "best_value"):
            setattr(self, name, content[name])
        self.sums.update(content["sums"])
        rank = self.fabric.global_rank
        self.states_at_start = content["random_at_start"][rank]
        self.states_to_resume = content["random_now"][rank]
        self.generators_at_start = content["generators_at_start"]
        set_random_states(self.states_at_start, self.device)
        for generator, state in zip(self.batches.generators, self.generators_at_start, strict=True):
            generator.set_state(state)

    def _stop_clock(self) -> None:
        now = time.perf_counter()
        self.seconds, self.clock = self.seconds + now - self.clock, now

    @contextlib.contextmanager
    def _bar(self) -> Iterator[Any]:
        if not self.plan.progress or not self.fabric.is_global_zero:
            yield None
            return
        from tqdm.auto import tqdm

        label = self.plan.progress if isinstance(self.plan.progress, str) else "training"
        steps = self.batches.steps
        total = steps and steps * self.plan.epochs
        with tqdm(total=total, initial=self.steps_done, desc=label, unit="step") as bar:
            yield bar

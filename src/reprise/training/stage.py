"""What a training stands on: model and loss as one module, and the Fabric for a device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from reprise.errors import InvalidInputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import Strategy

Loss = Callable[[nn.Module, Any], Tensor | dict[str, Tensor]]


class Objective(nn.Module):
    """Model and loss as one module, so that a strategy covers whatever the loss calls of the model."""

    def __init__(self, model: nn.Module, loss: Loss):
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """Give the terms of the loss of one batch; the one named ``"loss"`` is minimised."""
        value = self.loss(self.model, batch)
        terms = value if isinstance(value, dict) else {"loss": value}
        total = terms.get("loss")
        if not isinstance(total, Tensor) or total.ndim != 0:
            given = f"a tensor of shape {tuple(total.shape)}" if isinstance(total, Tensor) else repr(total)
            raise InvalidInputError(f"The loss is {given}; a scalar tensor, or a dict with one at 'loss', is expected.")
        if not total.requires_grad:
            raise InvalidInputError("The loss does not depend on any parameter that requires a gradient.")
        return terms


def open_fabric(device: str, home: torch.device, precision: str, strategy: str | Strategy, devices: int) -> Fabric:
    """Make the Fabric for a device's name; ``"auto"`` prefers the accelerator `home`, where the model is."""
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy, SingleDeviceStrategy

    if not isinstance(devices, int) or isinstance(devices, bool) or devices < 1:
        raise InvalidInputError(f"devices is {devices!r}; a whole number of at least 1 is expected.")
    if device == "auto" and home.type != "cpu" and devices == 1:
        device = str(home)
    kind, _, index = device.partition(":")
    if kind not in {"auto", "cpu", "cuda", "mps"} or (index and not (kind == "cuda" and index.isdecimal())):
        raise InvalidInputError(f"device is {device!r}; 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps' is expected.")
    if (kind == "cuda" and not torch.cuda.is_available()) or (kind == "mps" and not torch.mps.is_available()):
        raise InvalidInputError(f"device is {device!r}, but this machine offers none; 'cpu' or 'auto' works.")
    if index and devices > 1:
        raise InvalidInputError(f"device {device!r} names one device, but devices is {devices}; 'cuda' takes several.")
    try:
        fabric = Fabric(
            accelerator=kind,
            devices=[int(index)] if index else devices,
            strategy=strategy,
            precision=precision,  # type: ignore[arg-type]  # Fabric checks the name
        )
    except (ValueError, RuntimeError) as problem:
        raise InvalidInputError(str(problem)) from problem
    if not isinstance(fabric.strategy, (SingleDeviceStrategy, DDPStrategy)):
        raise InvalidInputError(
            f"The strategy {type(fabric.strategy).__name__} splits a model over devices; 'auto' or one of 'ddp', "
            "'ddp_spawn', 'ddp_fork', which hold all of it in each process, is expected."
        )
    return fabric


@contextlib.contextmanager
def modes_kept(module: nn.Module) -> Iterator[None]:
    """Put the module and its parts back in the mode, training or evaluation, that they are in now."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training

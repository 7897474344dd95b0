"""Fixed tensors of a module, kept in full precision and handed out in the type and on the device that is asked for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Constant:
    """A float64 tensor on the CPU, and copies of it.

    A buffer would lose its precision once a module has been float32, and float64 does not exist on every device.
    """

    def __init__(self, value: Tensor):
        self.value = value.double().cpu()
        self._copies: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def like(self, other: Tensor) -> Tensor:
        """Give the tensor in the type and on the device of another."""
        key = (other.device, other.dtype)
        if key not in self._copies:
            self._copies[key] = self.value.to(device=other.device, dtype=other.dtype)
        return self._copies[key]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the copies out of pickles."""
        return {"value": self.value, "_copies": {}}

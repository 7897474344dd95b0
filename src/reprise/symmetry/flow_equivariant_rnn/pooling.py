"""The maximum over velocities, in one pass each way."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def max_over_velocities(state: Float[Tensor, "B V K *space"]) -> Float[Tensor, "B K *space"]:
    """Give the largest of the V values at each place; equal ones share the gradient.

    As `amax(1)`, but several times quicker on states in our own memory layout, channels last.

    Examples
    --------
    >>> max_over_velocities(torch.tensor([1.0, 3.0, 2.0]).view(1, 3, 1, 1)).item()
    3.0
    """
    last = state.movedim(2, -1)
    largest: Tensor = _Max.apply(last.flatten(2))
    return largest.view(len(last), *last.shape[2:]).movedim(-1, 1)


class _Max(torch.autograd.Function):
    """The maximum over the axis 1 of (B, V, n)."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        largest = values.amax(1)
        ctx.save_for_backward(values, largest)
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        (gradient,) = gradients
        values, largest = (saved.detach() for saved in ctx.saved_tensors)
        behind = values - largest[:, None]
        # 1 where a value is the largest; vectorised where a comparison and its conversion to numbers are not
        share = torch.ops.aten.threshold_backward(torch.ones_like(behind), behind, -torch.finfo(behind.dtype).tiny)
        return share * (gradient / share.sum(1))[:, None]

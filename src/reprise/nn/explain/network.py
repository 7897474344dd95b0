"""What all explanations share: arrays to batches, a network held still, and the classes that are explained."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.training.stage import modes_kept

Target = int | Literal["pred", "all"]


class Explained:
    """A network with what is asked of it: batches on its device, in its precision.

    Parameters
    ----------
    model : gives scores (n, C) of a batch of inputs.
    batch_size : inputs at once.
    """

    def __init__(self, model: nn.Module, batch_size: int):
        if batch_size < 1:
            raise InvalidInputError(f"batch_size is at least 1; got {batch_size}.")
        floating = (value for value in [*model.parameters(), *model.buffers()] if value.is_floating_point())
        home = next(floating, torch.empty(0))
        self.model, self.batch_size = model, batch_size
        self.device, self.dtype = home.device, home.dtype

    def tensor(self, values: ArrayLike | Tensor, what: str) -> Float[Tensor, n * shape]:
        """Give inputs as a tensor in the network's precision, checked."""
        tensor = torch.as_tensor(values if isinstance(values, Tensor) else np.asarray(values))
        if tensor.ndim < 2 or not tensor.numel():
            raise InvalidInputError(f"{what} are expected to have shape (n, ...) and not be empty; got shape "
                                    f"{tuple(tensor.shape)}.")  # fmt: skip
        if tensor.is_complex():
            raise InvalidInputError(f"{what} are real numbers; got {tensor.dtype}.")
        tensor = tensor.detach().to(self.dtype)
        if not tensor.isfinite().all():
            raise InvalidInputError(f"{what} hold NaN or infinite values.")
        return tensor

    def batches(self, inputs: Float[Tensor, n * shape], label: str | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Give rows and the inputs there, on the network's device; with a label show a bar."""
        from tqdm import tqdm

        for start in tqdm(range(0, len(inputs), self.batch_size), desc=label, unit="batch", disable=label is None):
            rows = slice(start, start + self.batch_size)
            yield rows, inputs[rows].to(self.device)

    @torch.no_grad()
    def scores(self, inputs: Float[Tensor, n * shape]) -> Float[Tensor, "n classes"]:
        """Give the network's scores, on the CPU."""
        parts = [self.checked(self.model(batch), len(batch)).cpu() for _, batch in self.batches(inputs)]
        scores = torch.cat(parts)
        if not scores.isfinite().all():
            raise InvalidInputError("The model's scores hold NaN or infinite values.")
        return scores

    def checked(self, scores: Any, count: int) -> Float[Tensor, "n classes"]:
        """Refuse what is no table of scores."""
        if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != count:
            got = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else type(scores).__name__
            raise InvalidInputError(f"The model is expected to give scores (n, C), here ({count}, C); got {got}.")
        return scores


@contextlib.contextmanager
def held_still(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode without gradients of its parameters, and back as it was at the end."""
    if any(part.training for part in model.modules()):
        warnings.warn(
            "The model is in training mode; it is explained in evaluation mode and put back afterwards.", stacklevel=4
        )
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    with modes_kept(model):
        model.eval()
        try:
            for parameter, _ in wanted:
                parameter.requires_grad_(False)
            yield
        finally:
            for parameter, requires_grad in wanted:
                parameter.requires_grad_(requires_grad)


def explained_classes(target: Target, scores: Float[Tensor, "n classes"]) -> Int[Tensor, "n explained"]:
    """Give for each input the classes whose scores are explained."""
    n, classes = scores.shape
    if target == "pred":
        return scores.argmax(dim=1, keepdim=True)
    if target == "all":
        return torch.arange(classes).expand(n, -1)
    if isinstance(target, str) or not -classes <= target < classes:
        raise InvalidInputError(f"target is 'pred', 'all' or a class from 0 to {classes - 1}; got {target!r}.")
    return torch.full((n, 1), int(target) % classes)

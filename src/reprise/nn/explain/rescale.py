"""DeepLIFT's multipliers by the rescale rule, for every background sample at the price of one forward pass.

The background passes the network once, and the inputs of its nonlinear functions are kept. The explained inputs then
pass once; the backward of each nonlinear function is replaced by DeepLIFT's multiplier towards background sample b::

    elementwise f:  m = (f(x) - f(b)) / (x - b),  and f'(x) where |x - b| < 1e-6
    max pooling:    g (max(y, y_b) - y_b) goes to the place of the maximum in x, g (y - max(y, y_b)) to that in b

and linear functions keep their ordinary one. So n inputs and m background samples cost n + m forward passes and n m
backward ones, where stacking each pair costs 2 n m of both.

What is nonlinear is seen at the level of torch's functions, whether a module, a plain function or a method calls them,
once or many times, in place or not. What is neither linear nor has a rule is an error that names it.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from reprise.errors import InvalidInputError

NEAR = 1e-6
"""Below this distance of an activation from its reference the quotient is rounding; the gradient takes its place."""

ELEMENTWISE = frozenset({
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh",
    "softplus", "softsign", "hardtanh", "hardsigmoid", "hardswish", "logsigmoid", "log_sigmoid", "clamp", "clamp_min",
    "clamp_max", "clip", "threshold", "hardshrink", "softshrink", "tanhshrink", "abs", "exp",
})  # fmt: skip
MAX_POOLS: Mapping[str, tuple[Callable, int]] = {
    "max_pool1d": (functional.max_pool1d, 1),
    "max_pool2d": (functional.max_pool2d, 2),
    "max_pool3d": (functional.max_pool3d, 3),
    "adaptive_max_pool1d": (functional.adaptive_max_pool1d, 1),
    "adaptive_max_pool2d": (functional.adaptive_max_pool2d, 2),
    "adaptive_max_pool3d": (functional.adaptive_max_pool3d, 3),
}
"""With the number of trailing dimensions that each pools over."""

LINEAR = frozenset({
    "add", "sub", "rsub", "radd", "neg", "positive", "sum", "mean", "cumsum", "reshape", "view", "flatten",
    "unflatten", "permute", "transpose", "t", "swapaxes", "swapdims", "movedim", "moveaxis",
    "squeeze", "unsqueeze", "expand", "expand_as", "repeat", "repeat_interleave", "tile", "cat", "concat",
    "concatenate", "stack", "hstack", "vstack", "chunk", "split", "tensor_split", "unbind", "select", "narrow",
    "getitem", "index_select", "gather", "take_along_dim", "flip", "roll", "pad", "contiguous", "clone", "to",
    "float", "double", "type", "type_as", "cpu", "cuda", "requires_grad", "identity", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "interpolate", "upsample",
    "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "unfold", "fold",
})  # fmt: skip
LINEAR_IN_ONE = frozenset({
    "mul", "rmul", "matmul", "rmatmul", "mm", "bmm", "mv", "dot", "einsum", "tensordot", "linear", "addmm",
    "baddbmm", "addmv", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
})  # fmt: skip
"""Linear as long as only one argument depends on the input."""

LINEAR_IN_FIRST = frozenset({"div", "truediv", "true_divide", "divide"})
LINEAR_WHEN_NOT_TRAINING = frozenset({
    "batch_norm", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
})  # fmt: skip


class RescaleRule:
    """DeepLIFT towards each of several background samples.

    Parameters
    ----------
    model : in evaluation mode, its parameters without gradient.
    background : (m, ...) references.
    """

    def __init__(self, model: nn.Module, background: Float[Tensor, m * shape]):
        self.model, self.background = model, background
        recording = _Recording(len(background))
        self._pass(background.detach().clone().requires_grad_(), recording)
        self.references = recording.references

    def contributions(
        self, inputs: Float[Tensor, n * shape], cotangents: Float[Tensor, "explained n classes"]
    ) -> Float[Tensor, "explained n *shape"]:
        """Give the mean over the background of multiplier times difference, for each choice of scores."""
        cursor = _Cursor()
        inputs = inputs.detach().requires_grad_()
        scores = self._pass(inputs, _Replacing(len(inputs), self.references, cursor))
        shares = inputs.new_zeros((len(cotangents), *inputs.shape))
        if not scores.requires_grad:  # a constant
            return shares
        for row, reference in enumerate(self.background):
            cursor.row = row
            difference = inputs.detach() - reference
            for share, cotangent in zip(shares, cotangents, strict=True):
                (multiplier,) = torch.autograd.grad(scores, inputs, cotangent, retain_graph=True)
                share += multiplier * difference
        return shares / len(self.background)

    def _pass(self, inputs: Float[Tensor, n * shape], calls: _Calls) -> Float[Tensor, "n classes"]:
        with torch.enable_grad(), _place_known(self.model, calls.place), calls:
            return self.model(inputs.clone())  # which a network whose first act is in place may write to


class _Cursor:
    """Which background sample the backward passes refer to."""

    row = 0


class _Calls(TorchFunctionMode, ABC):
    """Sees each call of torch in a forward pass; those that depend on the input have a gradient."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count
        self.place: list[str] = []

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        spelled = getattr(function, "__name__", str(function))
        name = spelled.strip("_")
        depends = [_depends(value) for value in [*args, *kwargs.values()]]
        if not any(depends) or name in {"get", "set"}:  # attributes
            return function(*args, **kwargs)
        if name in ELEMENTWISE and depends[0] and not any(depends[1:]):
            # On a copy, so that in-place forms are seen like the others.
            result = self.elementwise(args[0], lambda x: function(x.clone(), *args[1:], **kwargs))
            in_place = spelled.endswith("_") or kwargs.get("inplace", False)
            return args[0].copy_(result) if in_place else result
        if name in MAX_POOLS and not kwargs.get("return_indices", False):
            pool, dimensions = MAX_POOLS[name]
            asked = kwargs | {"return_indices": True}
            return self.max_pool(args[0], lambda x: pool(x, *args[1:], **asked), dimensions)
        result = function(*args, **kwargs)
        if _depends(result) and not _is_linear(name, depends, kwargs):
            self._refuse(name)
        return result

    @abstractmethod
    def elementwise(self, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply an elementwise function."""

    @abstractmethod
    def max_pool(self, x: Tensor, pool: Callable[[Tensor], tuple[Tensor, Tensor]], dimensions: int) -> Tensor:
        """Apply max pooling over the last `dimensions`."""

    def aligned(self, x: Tensor) -> None:
        """Refuse activations whose rows are not the samples."""
        if not x.ndim or len(x) != self.count:
            raise InvalidInputError(
                f"The rule 'deeplift' needs samples in the first dimension throughout; {self._where()} sees shape "
                f"{tuple(x.shape)} for {self.count} samples. Use method='expected-gradients'."
            )

    def _where(self) -> str:
        place = self.place[-1] if self.place else ""
        return f"layer {place!r}" if place else "the model itself"

    def _refuse(self, name: str) -> None:
        hint = " Explain scores before their softmax." if "softmax" in name else ""
        raise InvalidInputError(
            f"The rule 'deeplift' has no multiplier for {name!r} in {self._where()}.{hint} "
            "method='expected-gradients' or 'integrated-gradients' takes any differentiable network."
        )


class _Recording(_Calls):
    """Keeps what nonlinear functions take from the background and give."""

    def __init__(self, count: int):
        super().__init__(count)
        self.references: list[tuple[Tensor, ...]] = []

    def elementwise(self, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        self.aligned(x)
        y = function(x)
        self.references.append((x.detach().clone(), y.detach().clone()))
        return y

    def max_pool(self, x: Tensor, pool: Callable[[Tensor], tuple[Tensor, Tensor]], dimensions: int) -> Tensor:
        self.aligned(x)
        y, places = pool(x)
        self.references.append((x.detach().clone(), y.detach().clone(), places))
        return y


class _Replacing(_Calls):
    """Gives nonlinear functions DeepLIFT's multipliers as their backward."""

    def __init__(self, count: int, references: list[tuple[Tensor, ...]], cursor: _Cursor):
        super().__init__(count)
        self.references, self.cursor = iter(references), cursor

    def elementwise(self, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        self.aligned(x)
        return _Elementwise.apply(x, function, next(self.references), self.cursor)

    def max_pool(self, x: Tensor, pool: Callable[[Tensor], tuple[Tensor, Tensor]], dimensions: int) -> Tensor:
        self.aligned(x)
        return _MaxPool.apply(x, pool, dimensions, next(self.references), self.cursor)


class _Elementwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable, reference: tuple[Tensor, ...], cursor: _Cursor) -> Tensor:
        with torch.enable_grad():
            leaf = x.detach().clone().requires_grad_()
            y = function(leaf)
            (slope,) = torch.autograd.grad(y.sum(), leaf)
        ctx.kept = leaf.detach(), y.detach(), slope, reference, cursor
        return y.detach().clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y, slope, (reference_x, reference_y), cursor = ctx.kept
        step = x - reference_x[cursor.row]
        quotient = (y - reference_y[cursor.row]).div_(step)
        return torch.where(step.abs_() < NEAR, slope, quotient).mul_(gradients[0]), None, None, None


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, pool: Callable, dimensions: int, reference: tuple[Tensor, ...], cursor: _Cursor
    ) -> Tensor:
        y, places = pool(x)
        ctx.kept = x.detach().clone(), y.detach().clone(), places, x.ndim - dimensions, reference, cursor
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y, places, plane, (reference_x, reference_y, reference_places), cursor = ctx.kept
        lower, there = reference_y[cursor.row], reference_places[cursor.row].expand_as(places)
        upper = torch.maximum(y, lower)
        # Only the places of a maximum, in x or in the reference, have shares.
        step = y - _read(reference_x[cursor.row].expand_as(x), places, plane)
        step_there = _read(x, there, plane) - lower
        share = torch.where(step.abs() < NEAR, 1.0, (upper - lower) / step)
        share_there = torch.where(step_there.abs() < NEAR, 0.0, (y - upper) / step_there)
        multipliers = torch.zeros_like(x).flatten(plane)
        multipliers.scatter_add_(-1, places.flatten(plane), (share * gradients[0]).flatten(plane))
        multipliers.scatter_add_(-1, there.flatten(plane), (share_there * gradients[0]).flatten(plane))
        return multipliers.view_as(x), None, None, None, None


def _read(values: Tensor, places: Tensor, plane: int) -> Tensor:
    return values.flatten(plane).gather(-1, places.flatten(plane)).view_as(places)


def _depends(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.requires_grad
    return isinstance(value, list | tuple) and any(_depends(part) for part in value)


def _is_linear(name: str, depends: list[bool], kwargs: dict[str, Any]) -> bool:
    if name in LINEAR_WHEN_NOT_TRAINING:
        return not kwargs.get("training", False) and sum(depends) == 1
    if name == "interpolate" and kwargs.get("mode") == "nearest-exact":
        return True
    if name in LINEAR_IN_FIRST:
        return not any(depends[1:])
    return name in LINEAR or (name in LINEAR_IN_ONE and sum(depends) == 1)


@contextlib.contextmanager
def _place_known(model: nn.Module, place: list[str]) -> Iterator[None]:
    """Keep the names of the layers that are at work in `place`, the innermost last."""
    handles = []
    for name, module in model.named_modules():
        entered = f"{name} ({type(module).__name__})" if name else ""
        handles += [
            module.register_forward_pre_hook(lambda *_, entered=entered: place.append(entered)),
            module.register_forward_hook(lambda *_: _leave(place)),
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _leave(place: list[str]) -> None:
    place.pop()

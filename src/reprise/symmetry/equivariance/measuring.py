"""How far a model is from f(g·x) = g·f(x), measured on random group elements; and the assertion built on it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.equivariance.groups import Group, Kind
from reprise.symmetry.equivariance.names import group_named
from reprise.training.stage import modes_kept

TOLERANCE: Mapping[torch.dtype, float] = {torch.float32: 1e-5, torch.float64: 1e-10, torch.bfloat16: 5e-2}
"""Largest relative error that rounding explains, by dtype: what `assert_equivariant` allows."""


@dataclass(frozen=True)
class EquivarianceError:
    """Errors |f(g·x) - g·f(x)| / |g·f(x)| over `draws` elements g, in the Euclidean norm over a whole output.

    `mean` and `maximal` are over draws (and outputs, where the model has several), `absolute` is the largest
    difference of a single number, and `scale` the root mean square of the outputs: where it is 0 the model says
    nothing, and the errors mean nothing.
    """

    mean: float
    maximal: float
    absolute: float
    scale: float
    draws: int

    def __str__(self) -> str:
        return (
            f"relative error {self.maximal:.1e} at most, {self.mean:.1e} on average over {self.draws} elements "
            f"(absolute {self.absolute:.1e}; outputs of size {self.scale:.1e})"
        )


def equivariance_error(
    model: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Tensor],
    group: str | Group,
    *,
    input_kinds: Kind | Sequence[Kind],
    output_kind: Kind | Sequence[Kind],
    n: int = 10,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    region: Callable[[Tensor], Tensor] | None = None,
    **keywords: Any,
) -> EquivarianceError:
    """Measure how far a model is from f(g·x) = g·f(x), over `n` random elements g of a group.

    Invariance is the case of an output of kind ``"scalar"``. A module is run in evaluation mode and without
    gradients, and left in the mode it was in. Cost: n + 1 calls of the model.

    Parameters
    ----------
    model : function or module of the inputs (and `keywords`); gives a tensor or several.
    inputs : one tensor or several.
    group : a name that `group_named` knows, or a `Group`.
    input_kinds, output_kind : how the group acts on each input and output: a kind of the group, or a function
        ``(element, tensor) -> tensor``. One kind may stand for a single tensor.
    n : number of group elements.
    seed : of the elements.
    dtype : convert floating inputs, and a copy of a module, to this type first; float64 tells rounding from a fault.
    region : applied to both sides before they are compared, such as `central_disc()` for warped images.
    keywords : passed to the model as they are.

    Raises
    ------
    InvalidInputError
        If the group or a kind is unknown, kinds and tensors differ in number, `n` is below 1, or the model's output
        is not finite.

    Examples
    --------
    Distances from the centre are invariant to E(3); the coordinates themselves are equivariant, not invariant:

    >>> import torch
    >>> x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> radius = lambda x: (x - x.mean(0)).norm(dim=-1)
    >>> equivariance_error(radius, x, "E3", input_kinds="position", output_kind="scalar").maximal < 1e-12
    True
    >>> equivariance_error(torch.clone, x, "E3", input_kinds="position", output_kind="scalar").mean > 0.1
    True
    """
    if n < 1:
        raise InvalidInputError(f"n counts group elements and must be at least 1; got {n}.")
    acting = group_named(group) if isinstance(group, str) else group
    tensors = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    kinds = _per_tensor(input_kinds, len(tensors), "input")
    if dtype is not None:
        tensors = tuple(value.to(dtype) if value.is_floating_point() else value for value in tensors)
        if isinstance(model, nn.Module):
            model = copy.deepcopy(model).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    relative: list[float] = []
    absolute = 0.0
    with _evaluating(model):
        straight = _outputs(model(*tensors, **keywords))
        out_kinds = _per_tensor(output_kind, len(straight), "output")
        for _ in range(n):
            element = acting.draw(tensors, kinds, generator)
            moved = [_act(acting, element, value, kind) for value, kind in zip(tensors, kinds, strict=True)]
            for got, value, kind in zip(_outputs(model(*moved, **keywords)), straight, out_kinds, strict=True):
                expected = _act(acting, element, value, kind)
                if region is not None:
                    got, expected = region(got), region(expected)
                difference = (got - expected).double()
                size = max(float(expected.double().norm()), torch.finfo(torch.float64).tiny)
                relative.append(float(difference.norm()) / size)
                absolute = max(absolute, float(difference.abs().max()))
    squares = sum(float(value.double().square().sum()) for value in straight)
    scale = (squares / max(sum(value.numel() for value in straight), 1)) ** 0.5
    return EquivarianceError(sum(relative) / len(relative), max(relative), absolute, scale, n)


def assert_equivariant(
    model: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Tensor],
    group: str | Group,
    *,
    input_kinds: Kind | Sequence[Kind],
    output_kind: Kind | Sequence[Kind],
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.float64),
    tolerance: Mapping[torch.dtype, float] = TOLERANCE,
    n: int = 10,
    seed: int = 0,
    region: Callable[[Tensor], Tensor] | None = None,
    **keywords: Any,
) -> None:
    """Assert that `equivariance_error` stays within `tolerance` of each dtype; parameters as there.

    Outputs that are all zero are a failure too: a model that says nothing is equivariant to everything.

    Raises
    ------
    AssertionError
        If the error is larger in some dtype, with the figures.

    Examples
    --------
    >>> import torch
    >>> assert_equivariant(lambda x: x.mean(-2), torch.randn(4, 3), "SE3", input_kinds="position",
    ...                    output_kind="position")
    """
    for dtype in dtypes:
        error = equivariance_error(
            model,
            inputs,
            group,
            input_kinds=input_kinds,
            output_kind=output_kind,
            n=n,
            seed=seed,
            dtype=dtype,
            region=region,
            **keywords,
        )
        if error.scale == 0:
            raise AssertionError(f"All outputs are zero in {dtype}: the check says nothing.")
        if not error.maximal <= tolerance[dtype]:
            raise AssertionError(f"Not equivariant to {group} in {dtype}: {error}; allowed {tolerance[dtype]:.0e}.")


def _per_tensor(kinds: Kind | Sequence[Kind], count: int, role: str) -> tuple[Kind, ...]:
    listed = (kinds,) if isinstance(kinds, str) or callable(kinds) else tuple(kinds)
    if len(listed) != count:
        raise InvalidInputError(f"There are {count} {role} tensors but {len(listed)} {role} kinds: give one for each.")
    return listed


def _act(group: Group, element: Any, value: Tensor, kind: Kind) -> Tensor:
    return group.act(element, value, kind) if isinstance(kind, str) else kind(element, value)


def _outputs(result: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    outputs = (result,) if isinstance(result, Tensor) else tuple(result)
    if not all(bool(value.isfinite().all()) for value in outputs):
        raise InvalidInputError("The model's output is not finite, so that its equivariance cannot be measured.")
    return outputs


@contextmanager
def _evaluating(model: object) -> Iterator[None]:
    """No gradients; a module in evaluation mode, each part put back into the mode it was in."""
    with modes_kept(model) if isinstance(model, nn.Module) else nullcontext(), torch.no_grad():
        if isinstance(model, nn.Module):
            model.eval()
        yield

"""How far a model is from f(g·x) = g·f(x), measured on random group elements; and the assertion built on it.

A `Group` draws elements and says how an element acts on each *kind* of tensor. The groups here are O(d), SO(d), E(d),
SE(d) on points and the permutations of sets and graphs; any object with `draw` and `act` serves in their place, and
any function ``(element, tensor) -> tensor`` in place of a kind, so that another group or representation needs no
change here.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.linalg import random_orthogonal, random_rotations

Kind = str | Callable[[Any, Tensor], Tensor]

TOLERANCE: Mapping[torch.dtype, float] = {torch.float32: 1e-5, torch.float64: 1e-10, torch.bfloat16: 5e-2}
"""Largest relative error that rounding explains, by dtype: what `assert_equivariant` allows."""


@runtime_checkable
class Group(Protocol):
    """What `equivariance_error` asks of a group: elements at random, and their action on tensors."""

    def draw(self, inputs: Sequence[Tensor], kinds: Sequence[Kind], generator: torch.Generator) -> Any:
        """Draw one element that fits the inputs (their size, dtype and device)."""

    def act(self, element: Any, value: Tensor, kind: str) -> Tensor:
        """Let the element act on a tensor of that kind."""


@dataclass(frozen=True)
class EuclideanGroup:
    """Rotations of R^d, with reflections and with translations where asked for: SO(d), O(d), SE(d), E(d).

    Kinds of tensors, R the orthogonal part and t the translation: ``"position"`` (..., d) goes to R x + t,
    ``"vector"`` (..., d) to R x, ``"pseudovector"`` (..., d) to det(R) R x, ``"matrix"`` (..., d, d) to R x Rᵀ, and
    ``"scalar"`` of any shape (also called ``"invariant"``) to itself.

    Parameters
    ----------
    dim : d, at least 1.
    reflections, translations : which elements there are beside rotations.
    reach : standard deviation of each coordinate of the translations.
    """

    dim: int
    reflections: bool = True
    translations: bool = True
    reach: float = 3.0

    def draw(
        self, inputs: Sequence[Tensor], kinds: Sequence[Kind], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw (R, t), uniform over the orthogonal part."""
        like = next((value for value, kind in zip(inputs, kinds, strict=True) if kind != "scalar"), inputs[0])
        matrices = random_orthogonal if self.reflections else random_rotations
        rotation = matrices(self.dim, 1, generator, dtype=like.dtype, device=like.device)[0]
        shift = torch.randn(self.dim, generator=generator, dtype=torch.float64, device=generator.device)
        return rotation, (shift * (self.reach if self.translations else 0.0)).to(rotation)

    def act(self, element: tuple[Tensor, Tensor], value: Tensor, kind: str) -> Tensor:
        """Let (R, t) act on `value`."""
        rotation, shift = element
        if kind in {"scalar", "invariant"}:
            return value
        if value.shape[-1:] != (self.dim,):
            raise InvalidInputError(f"A {kind} of R^{self.dim} has shape (..., {self.dim}); got {tuple(value.shape)}.")
        if kind == "position":
            return value @ rotation.mT + shift
        if kind == "vector":
            return value @ rotation.mT
        if kind == "pseudovector":
            return value @ rotation.mT * torch.linalg.det(rotation)
        if kind == "matrix":
            return rotation @ value @ rotation.mT
        raise _unknown_kind(kind, ("position", "vector", "pseudovector", "matrix", "scalar"))


@dataclass(frozen=True)
class PermutationGroup:
    """Renumberings of the n elements of a set, or nodes of a graph.

    Kinds of tensors: ``"set"`` (..., n, c) has its rows permuted, ``"labels"`` (..., n) its last axis, ``"adjacency"``
    (..., n, n) its last two axes alike, ``"edges"`` (..., n, n, c) the two before the last, ``"edge_index"`` (2, E)
    its numbers, and ``"scalar"`` (also called ``"invariant"``) nothing. With `p` the permutation, node k of the
    result is node p[k] of the input.
    """

    def draw(self, inputs: Sequence[Tensor], kinds: Sequence[Kind], generator: torch.Generator) -> Tensor:
        """Draw a permutation, uniform, for the size of the first input that shows it."""
        axis = {"set": -2, "labels": -1, "adjacency": -1, "edges": -2}
        for value, kind in zip(inputs, kinds, strict=True):
            if isinstance(kind, str) and kind in axis:
                size = value.shape[axis[kind]]
                return torch.randperm(size, generator=generator, device=generator.device).to(value.device)
        raise InvalidInputError(f"One input must be a set, labels, adjacency or edges; got kinds {tuple(kinds)}.")

    def act(self, element: Tensor, value: Tensor, kind: str) -> Tensor:
        """Renumber `value`."""
        if kind in {"scalar", "invariant"}:
            return value
        if kind == "set":
            return value.index_select(-2, element)
        if kind == "labels":
            return value.index_select(-1, element)
        if kind == "adjacency":
            return value.index_select(-2, element).index_select(-1, element)
        if kind == "edges":
            return value.index_select(-3, element).index_select(-2, element)
        if kind == "edge_index":
            return element.argsort()[value]
        raise _unknown_kind(kind, ("set", "labels", "adjacency", "edges", "edge_index", "scalar"))


def group_named(name: str) -> Group:
    """Give the group of a name: ``"O3"``, ``"SO(3)"``, ``"E2"``, ``"SE(4)"``, ... or ``"S"`` for permutations.

    Raises
    ------
    InvalidInputError
        If there is no such group.

    Examples
    --------
    >>> group_named("SE(3)")
    EuclideanGroup(dim=3, reflections=False, translations=True, reach=3.0)
    """
    if name in {"S", "Sn", "permutations"}:
        return PermutationGroup()
    match = re.fullmatch(r"(S?)([OE])\(?([1-9]\d*)\)?", name)
    if not match:
        raise InvalidInputError(
            f"There is no group {name!r} here; the names are O, SO, E and SE with a dimension, such as 'SE3' or "
            "'O(2)', and 'S' for permutations. Other groups are given as objects with `draw` and `act`."
        )
    special, kind, dim = match.groups()
    return EuclideanGroup(int(dim), reflections=not special, translations=kind == "E")


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
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    training = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        with torch.no_grad():
            yield
    finally:
        for module, was_training in zip(modules, training, strict=True):
            module.training = was_training


def _unknown_kind(kind: str, known: Sequence[str]) -> InvalidInputError:
    return InvalidInputError(f"This group does not act on {kind!r}; it acts on {', '.join(known)}.")

"""Groups as `equivariance_error` takes them: elements at random, and their action on each kind of tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.linalg import random_invertible, random_orthogonal, random_rotations
from reprise.symmetry.equivariance.images import warp

Kind = str | Callable[[Any, Tensor], Tensor]


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
    ``"scalar"`` of any shape (also called ``"invariant"``) to itself. In the plane (d = 2) ``"image"`` (..., H, W) is
    warped about its middle, t in pixels, by interpolation: compare inside `central_disc`.

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
        like = _moving(inputs, kinds)
        matrices = random_orthogonal if self.reflections else random_rotations
        rotation = matrices(self.dim, 1, generator, dtype=like.dtype, device=like.device)[0]
        shift = torch.randn(self.dim, generator=generator, dtype=torch.float64, device=generator.device)
        return rotation, (shift * (self.reach if self.translations else 0.0)).to(rotation)

    def act(self, element: tuple[Tensor, Tensor], value: Tensor, kind: str) -> Tensor:
        """Let (R, t) act on `value`."""
        rotation, shift = element
        if kind in {"scalar", "invariant"}:
            return value
        if kind == "image":
            _check_plane(self.dim)
            return warp(value, rotation, shift)
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
        raise _unknown_kind(kind, ("position", "vector", "pseudovector", "matrix", "image", "scalar"))


@dataclass(frozen=True)
class LinearGroup:
    """Invertible linear maps of R^d that keep the orientation, GL+(d), or the volume too, SL(d).

    Kinds of tensors, A the map: ``"vector"`` (..., d) goes to A x, ``"covector"`` (..., d) to A⁻ᵀ x, ``"matrix"``
    (..., d, d) to A x Aᵀ, ``"density"`` of any shape to x / det A, ``"scalar"`` of any shape (also called
    ``"invariant"``) to itself. In the plane (d = 2) ``"image"`` (..., H, W) is warped about its middle, by
    interpolation: compare inside `central_disc`.

    Parameters
    ----------
    dim : d, at least 1 (at least 2 where `unimodular`).
    unimodular : whether all elements have determinant 1.
    spread : of the stretches, as in `reprise.nn.linalg.random_invertible`.
    """

    dim: int
    unimodular: bool = False
    spread: float = 0.3

    def draw(self, inputs: Sequence[Tensor], kinds: Sequence[Kind], generator: torch.Generator) -> Tensor:
        """Draw A = exp(S) R, R uniform over the rotations and S symmetric and Gaussian."""
        like = _moving(inputs, kinds)
        return random_invertible(
            self.dim,
            1,
            generator,
            unimodular=self.unimodular,
            spread=self.spread,
            dtype=like.dtype,
            device=like.device,
        )[0]

    def act(self, element: Tensor, value: Tensor, kind: str) -> Tensor:
        """Let A act on `value`."""
        if kind in {"scalar", "invariant"}:
            return value
        if kind == "density":
            return value / torch.linalg.det(element)
        if kind == "image":
            _check_plane(self.dim)
            return warp(value, element)
        if value.shape[-1:] != (self.dim,):
            raise InvalidInputError(f"A {kind} of R^{self.dim} has shape (..., {self.dim}); got {tuple(value.shape)}.")
        if kind == "vector":
            return value @ element.mT
        if kind == "covector":
            return value @ torch.linalg.inv(element)
        if kind == "matrix":
            return element @ value @ element.mT
        raise _unknown_kind(kind, ("vector", "covector", "matrix", "density", "image", "scalar"))


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


def _moving(inputs: Sequence[Tensor], kinds: Sequence[Kind]) -> Tensor:
    """Give the tensor whose dtype and device an element takes: the first floating one that it moves."""
    floating = [(value, kind) for value, kind in zip(inputs, kinds, strict=True) if value.is_floating_point()]
    if not floating:
        raise InvalidInputError(f"A group of the plane or space acts on floating tensors; got kinds {tuple(kinds)}.")
    return next((value for value, kind in floating if kind not in {"scalar", "invariant"}), floating[0][0])


def _check_plane(dim: int) -> None:
    if dim != 2:
        raise InvalidInputError(f"Images are warped by maps of the plane; this group acts on R^{dim}.")


def _unknown_kind(kind: str, known: Sequence[str]) -> InvalidInputError:
    return InvalidInputError(f"This group does not act on {kind!r}; it acts on {', '.join(known)}.")

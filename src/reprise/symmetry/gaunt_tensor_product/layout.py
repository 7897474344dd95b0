"""Coefficients up to a degree as one axis: entry l(l + 1) + m of (L + 1)², for m = -l, ..., l; e3nn's order."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reprise.errors import InvalidInputError, UnknownNameError

Normalization = Literal["integral", "component", "norm"]
"""Of the harmonics: ∫ Y² = 1; mean square of a degree's sum 2l + 1; or 1 (so that degree 1 is the unit vector)."""

Method = Literal["auto", "fourier", "grid", "direct"]

MAX_DEGREE = 64
"""Beyond it the tables are large and untested; refused."""


def size_of(lmax: int) -> int:
    """Give the number of coefficients up to a degree: (lmax + 1)²."""
    return (lmax + 1) ** 2


def degree_of(x: Tensor, name: str = "x") -> int:
    """Give the degree L of coefficients (..., (L + 1)²), or refuse them."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise InvalidInputError(f"{name} must be a floating-point tensor of coefficients; got {_kind(x)}.")
    if x.ndim == 0 or x.shape[-1] == 0 or math.isqrt(x.shape[-1]) ** 2 != x.shape[-1]:
        raise InvalidInputError(
            f"The last axis of {name} holds (L + 1)² coefficients, a square number such as 1, 4 or 9; "
            f"got shape {tuple(x.shape)}."
        )
    return math.isqrt(x.shape[-1]) - 1


def check_degree(lmax: int, name: str = "lmax") -> int:
    """Give a degree back if it is an integer from 0 to `MAX_DEGREE`."""
    if isinstance(lmax, bool) or not isinstance(lmax, int | np.integer) or not 0 <= lmax <= MAX_DEGREE:
        raise InvalidInputError(f"{name} must be an integer from 0 to {MAX_DEGREE}; got {lmax!r}.")
    return int(lmax)


def check_output_degree(lmax_out: int | None, highest: int) -> int:
    """Give the degree of an output: all that there is, `highest`, where None."""
    if lmax_out is None:
        return check_degree(highest, "The product's degree")
    if check_degree(lmax_out, "lmax_out") > highest:
        raise InvalidInputError(
            f"The product has degrees up to {highest}, the sum of its factors'; got lmax_out={lmax_out}."
        )
    return lmax_out


def check_name(kind: str, name: str, known: tuple[str, ...]) -> None:
    """Refuse a name that is not among the known ones."""
    if name not in known:
        raise UnknownNameError(kind, str(name), known)


def check_normalization(normalization: str) -> None:
    """Refuse an unknown normalization."""
    check_name("normalization of spherical harmonics", normalization, get_args(Normalization))


def degrees(lmax: int) -> NDArray[np.int64]:
    """Give the degree l of each of the (lmax + 1)² coefficients."""
    return np.repeat(np.arange(lmax + 1), 2 * np.arange(lmax + 1) + 1)


def orders(lmax: int) -> NDArray[np.int64]:
    """Give the order m of each of the (lmax + 1)² coefficients."""
    return np.arange(size_of(lmax)) - degrees(lmax) * (degrees(lmax) + 1)


def harmonic_scale(lmax: int, normalization: str) -> NDArray[np.float64]:
    """Give, for each degree, how many times larger a harmonic is than the orthonormal one."""
    check_normalization(normalization)
    l = np.arange(lmax + 1)  # noqa: E741
    if normalization == "integral":
        return np.ones(lmax + 1)
    return np.full(lmax + 1, math.sqrt(4 * math.pi)) / (1 if normalization == "component" else np.sqrt(2 * l + 1))


def per_coefficient(values: Tensor, lmax: int) -> Tensor:
    """Repeat each degree's value, on the last axis, 2l + 1 times."""
    return torch.repeat_interleave(
        values, torch.arange(1, 2 * lmax + 2, 2, device=values.device), dim=-1, output_size=size_of(lmax)
    )


def _kind(x: object) -> str:
    return f"a tensor of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__

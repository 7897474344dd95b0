"""Exact tables of the transforms, made in float64 once and kept by size, dtype and device.

A harmonic is Y_lm(θ, φ) = Θ_l|m|(θ) φ_m(φ), with φ_m = √2 cos mφ, 1 or √2 sin |m|φ for m > 0, = 0 and < 0, where
θ is the angle from the polar axis y, and φ = atan2(x, z): e3nn's axes and signs, in which the harmonics of degree 1
are x, y, z. Θ_lm is sin^m θ times a polynomial in cos θ.

In a product of functions on the sphere each even order's part is a polynomial in cos θ, and each odd order's is sin θ
times one. Gauss-Legendre nodes therefore integrate what the transforms need exactly, and so does the uniform grid in φ.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reprise.symmetry.gaunt_tensor_product.layout import degrees, orders, size_of

Array = NDArray[np.float64]
Values = TypeVar("Values", Array, Tensor)

KEPT_TABLES = 128
"""Tables that each cache keeps; the least recently used give way."""


def polar_polynomials(y: Values, lmax: int) -> dict[tuple[int, int], Values]:
    r"""Give Θ_lm / sin^m θ, polynomials in y = cos θ, for 0 ≤ m ≤ l ≤ lmax, by the recurrence over l.

    .. math:: Q_{lm} = \sqrt{\tfrac{4l^2-1}{l^2-m^2}} \Bigl(y Q_{l-1,m}
        - \sqrt{\tfrac{(l-1)^2-m^2}{4(l-1)^2-1}} Q_{l-2,m}\Bigr), \qquad Q_{mm} \text{ constant}
    """
    found: dict[tuple[int, int], Values] = {}
    first = math.sqrt(1 / (4 * math.pi))
    for m in range(lmax + 1):
        found[m, m] = first * (0 * y + 1)
        for l in range(m + 1, lmax + 1):  # noqa: E741
            value = y * found[l - 1, m]
            if l > m + 1:
                value = value - math.sqrt(((l - 1) ** 2 - m**2) / (4 * (l - 1) ** 2 - 1)) * found[l - 2, m]
            found[l, m] = math.sqrt((4 * l**2 - 1) / (l**2 - m**2)) * value
        first *= math.sqrt((2 * m + 3) / (2 * m + 2))
    return found


def nodes_for(degree: int) -> int:
    """Give how many Gauss-Legendre nodes integrate polynomials of a degree exactly."""
    return degree // 2 + 1


@lru_cache(maxsize=KEPT_TABLES)
def polar(lmax: int, nodes: int) -> Array:
    """Give Θ_lm at Gauss-Legendre nodes, as (2 lmax + 1, lmax + 1, nodes): orders -lmax..lmax, degrees, nodes."""
    y = gauss_legendre(nodes)[0]
    sine = np.sqrt(1 - y**2)
    table = np.zeros((2 * lmax + 1, lmax + 1, nodes))
    for (degree, m), value in polar_polynomials(y, lmax).items():
        table[lmax + m, degree] = table[lmax - m, degree] = value * sine**m
    return _frozen(table)


@lru_cache(maxsize=KEPT_TABLES)
def polar_weighted(lmax: int, nodes: int) -> Array:
    """Give 2π w_j Θ_lm(θ_j) as (2 lmax + 1, nodes, lmax + 1): integrates over θ, and takes φ's mean for an integral."""
    weights = 2 * math.pi * gauss_legendre(nodes)[1]
    return _frozen(np.ascontiguousarray((polar(lmax, nodes) * weights).transpose(0, 2, 1)))


@lru_cache(maxsize=KEPT_TABLES)
def azimuthal(lmax: int, points: int) -> Array:
    """Give φ_m at equidistant points, as (2 lmax + 1, points)."""
    phi = 2 * math.pi * np.arange(points) / points
    m = np.arange(1, lmax + 1)[:, None]
    return _frozen(
        np.concatenate([math.sqrt(2) * np.sin(m * phi)[::-1], np.ones((1, points)), math.sqrt(2) * np.cos(m * phi)])
    )


@lru_cache(maxsize=KEPT_TABLES)
def azimuthal_mean(lmax: int, points: int) -> Array:
    """Give φ_m at equidistant points over their number: a product with it is the mean over φ."""
    return _frozen(azimuthal(lmax, points) / points)


@lru_cache(maxsize=KEPT_TABLES)
def synthesis(lmax: int, nodes: int, points: int) -> Array:
    """Give all harmonics on the whole grid, as ((lmax + 1)², nodes · points)."""
    m = orders(lmax) + lmax
    values = polar(lmax, nodes)[m, degrees(lmax)][:, :, None] * azimuthal(lmax, points)[m][:, None, :]
    return _frozen(values.reshape(size_of(lmax), -1))


@lru_cache(maxsize=KEPT_TABLES)
def analysis(lmax: int, nodes: int, points: int) -> Array:
    """Give the harmonics times the grid's weights, as (nodes · points, (lmax + 1)²): what projects back."""
    weights = np.repeat(2 * math.pi / points * gauss_legendre(nodes)[1], points)
    return _frozen(np.ascontiguousarray((synthesis(lmax, nodes, points) * weights).T))


@lru_cache(maxsize=KEPT_TABLES)
def fourier_series(lmax: int) -> Array:
    """Give the Fourier series of Θ_lm in θ, as (lmax + 1, lmax + 1, lmax + 1): orders m ≥ 0, degrees, u ≥ 0.

    Cosines for even m, sines for odd m. Θ continues beyond θ = π by its formula, with a negative sine for odd m.
    """
    samples = 2 * lmax + 2
    theta = 2 * math.pi * np.arange(samples) / samples
    u = np.arange(lmax + 1)
    cosine = np.cos(theta[:, None] * u) * np.where(u == 0, 1, 2) / samples
    sine = 2 * np.sin(theta[:, None] * u) / samples
    table = np.zeros((lmax + 1, lmax + 1, lmax + 1))
    for (degree, m), value in polar_polynomials(np.cos(theta), lmax).items():
        table[m, degree] = (value * np.sin(theta) ** m) @ (sine if m % 2 else cosine)
    return _frozen(table)


@lru_cache(maxsize=KEPT_TABLES)
def fourier_synthesis(lmax: int, around: int) -> NDArray[np.complex128]:
    """Give what x_m - i x_-m of each degree adds to e^{iuθ + imφ}, as (orders m ≥ 0, degrees, `around` u's).

    Frequencies u are in the order of a fast Fourier transform, zeros between the positive and the negative ones. That
    is half of cos uθ's factor at u and -u for even m, and -i/2 and i/2 times sin uθ's for odd m; 1/√2 for m > 0 on top.
    """
    series = fourier_series(lmax)
    table = np.zeros((lmax + 1, lmax + 1, around), dtype=complex)
    for m in range(lmax + 1):
        scale = (1.0 if m == 0 else math.sqrt(0.5)) * (-0.5j if m % 2 else 0.5)
        table[m, :, : lmax + 1] += scale * series[m]
        table[m, :, -np.arange(lmax + 1)] += (np.conj(scale) * series[m]).T
    return _frozen(table)


@lru_cache(maxsize=KEPT_TABLES)
def fourier_analysis(degree: int, lmax: int, around: int) -> NDArray[np.complex128]:
    """Give 2π ∫ e^{iuθ} Θ_lm sin θ dθ over half a turn, as (orders m ≥ 0, `around` u's, degrees); √2 for m > 0 on top.

    Of e^{iuθ} only the cosine counts for even m and only the sine for odd m: the series is even or odd with m.
    """
    nodes = nodes_for(degree + lmax)
    y, weights = gauss_legendre(nodes)
    angles = np.arange(-degree, degree + 1)[:, None] * np.arccos(y)
    waves = np.cos(angles) * weights, 1j * np.sin(angles) * weights
    table = np.zeros((lmax + 1, around, lmax + 1), dtype=complex)
    for m in range(lmax + 1):
        scale = 2 * math.pi * (1.0 if m == 0 else math.sqrt(2))
        table[m, np.arange(-degree, degree + 1)] = scale * waves[m % 2] @ polar(lmax, nodes)[lmax + m].T
    return _frozen(table)


@lru_cache(maxsize=KEPT_TABLES)
def by_order(lmax: int, highest: int) -> NDArray[np.int64]:
    """Give where the coefficient of an order and degree lies, as (2 highest + 1, lmax + 1); order 0's if nowhere."""
    m, degree = np.arange(-highest, highest + 1)[:, None], np.arange(lmax + 1)
    return _frozen(np.where(np.abs(m) <= degree, degree * (degree + 1) + m, degree * (degree + 1)))


@lru_cache(maxsize=KEPT_TABLES)
def from_orders(lmax: int, highest: int) -> NDArray[np.int64]:
    """Give where each coefficient lies in a flat table of `by_order`'s shape; one past its end if nowhere."""
    m = orders(lmax)
    place = (m + highest) * (lmax + 1) + degrees(lmax)
    return _frozen(np.where(np.abs(m) <= highest, place, (2 * highest + 1) * (lmax + 1)))


@lru_cache(maxsize=KEPT_TABLES)
def gauss_legendre(nodes: int) -> tuple[Array, Array]:
    """Give nodes and weights on [-1, 1]."""
    y, weights = np.polynomial.legendre.leggauss(nodes)
    return _frozen(y), _frozen(weights)


def constant(table: Callable[..., Any], *size: int | str, like: Tensor) -> Tensor:
    """Give a table as a tensor on another's device and of its dtype (complex if it is, integers stay); kept."""
    return _tensor(table, size, like.dtype, place_of(like.device))


def scaled_constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """Give a few numbers as a tensor of the dtype and on the device of another tensor; kept."""
    return _tensor(_numbers, values, like.dtype, place_of(like.device))


@lru_cache(maxsize=KEPT_TABLES)
def _tensor(table: Callable[..., Any], size: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # a tensor made in inference mode could not serve in training later
        values = torch.from_numpy(np.array(table(*size)))
        kind = dtype.to_complex() if values.is_complex() else dtype if values.is_floating_point() else values.dtype
        return values.to(device=device, dtype=kind)


def _numbers(*values: float) -> Array:
    return np.array(values, dtype=np.float64)


def place_of(device: torch.device) -> torch.device:
    """Give "cuda" its number, so that a device has one name."""
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _frozen(table: Any) -> Any:
    table.flags.writeable = False
    return table

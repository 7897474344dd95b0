"""The Gaunt tensor product, by three exact ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import torch
from jaxtyping import Float
from scipy.fft import next_fast_len
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.gaunt_tensor_product import tables
from reprise.symmetry.gaunt_tensor_product.coefficients import kept_tensor
from reprise.symmetry.gaunt_tensor_product.layout import (
    Method,
    Normalization,
    check_name,
    check_normalization,
    check_output_degree,
    degree_of,
    degrees,
    harmonic_scale,
)
from reprise.symmetry.gaunt_tensor_product.tables import constant
from reprise.symmetry.gaunt_tensor_product.transforms import HALVES, from_rings, padded_series, project_series, to_rings

METHODS = get_args(Method)

DENSE_DEGREES = 21
"""Up to this sum of the three degrees, whole tables of the grid are quicker than separate ones for θ and φ."""
OUTER_COST = 4
"""What writing a product x_i y_j costs beside a multiplication in a matrix product."""


def gaunt_tensor_product(
    x: Float[Tensor, "*#batch n1"],
    y: Float[Tensor, "*#batch n2"],
    lmax_out: int | None = None,
    method: Method = "auto",
    normalization: Normalization = "integral",
) -> Float[Tensor, "*out n3"]:
    r"""Multiply two functions on the sphere, each given by its harmonics: an equivariant product of features.

    .. math:: (x \otimes y)_{lm} = \int F_x F_y Y_{lm}\, d\Omega = \sum_{l_1 m_1 l_2 m_2} G^{lm}_{l_1 m_1, l_2 m_2}
        x_{l_1 m_1} y_{l_2 m_2}, \qquad F_x = \sum_{lm} x_{lm} Y_{lm}

    Commutative, equivariant to rotations and to inversion (degree l changes by (-1)^l), and associative as long as no
    degree is cut off. Paths of odd l1 + l2 + l3, such as the cross product, are absent, and each path's weight is
    `gaunt_coefficient`'s. Cost a pair, for degrees up to L:

    - ``"fourier"``: O(L³), the paper's. Both become Fourier series on the torus, which an FFT multiplies in
      O(L² log L).
    - ``"grid"``: O(L³). Values on Gauss-Legendre nodes times equidistant points, multiplied and projected back.
    - ``"direct"``: O(L⁶), the contraction with the Gaunt tensor; memory of (L + 1)⁴ numbers a pair.

    All three are exact up to rounding. ``"auto"`` is the one that benchmarks found fastest on a processor: direct for
    the smallest degrees, the grid beyond. Half precisions are multiplied in float32 by ``"fourier"``. Tables are made
    at first use and kept by degree, dtype and device.

    Parameters
    ----------
    x, y : coefficients (..., (L1 + 1)²) and (..., (L2 + 1)²), in e3nn's order and axes (degree 1 is x, y, z); leading
        axes broadcast.
    lmax_out : highest degree of the result; L1 + L2 by default, which loses nothing.
    method : how.
    normalization : of the harmonics that the coefficients, also the result's, belong to.

    Raises
    ------
    InvalidInputError
        If a last axis is not (L + 1)² long, leading axes do not broadcast, dtypes or devices differ, or `lmax_out` is
        not from 0 to L1 + L2.
    UnknownNameError
        If there is no such method or normalization.

    References
    ----------
    Luo, Chen, Krishnapriyan (2024), Enabling Efficient Equivariant Operations in the Fourier Basis via Gaunt Tensor
    Products, arXiv:2401.10216. The grid: Xie, Daigavane, Kotak, Smidt (2025), The Price of Freedom, arXiv:2506.13523.

    Examples
    --------
    A constant function of value 1 changes nothing:

    >>> import torch
    >>> one = torch.tensor([(4 * torch.pi) ** 0.5])
    >>> gaunt_tensor_product(one, torch.arange(4.0))
    tensor([0., 1., 2., 3.])
    """
    lmax_out = check_pair(x, y, lmax_out, method)
    check_normalization(normalization)
    if normalization == "integral":
        return multiply(x, y, lmax_out, method)
    l1, l2 = degree_of(x), degree_of(y)
    product = multiply(x * _scale(l1, normalization, x), y * _scale(l2, normalization, y), lmax_out, method)
    return product / _scale(lmax_out, normalization, product)


def many_body_product(
    x: Float[Tensor, "*batch n"],
    order: int,
    lmax_out: int | None = None,
    method: str = "grid",
    normalization: Normalization = "integral",
) -> Float[Tensor, "*batch k"]:
    r"""Raise a function on the sphere to a power: MACE's features of `order` bodies beside the central one.

    .. math:: \int F_x(r)^\nu\, Y_{lm}(r)\, d\Omega

    Parameters
    ----------
    x : coefficients (..., (L + 1)²).
    order : ν ≥ 1.
    lmax_out : highest degree of the result; ν L by default.
    method : ``"grid"``: all factors on one grid, fine enough for degree ν L + lmax_out, O(ν³ L³) by default and
        O(ν² L³) for results up to about L; ``"pairwise"``: products of two by halving ν, each of its whole degree.
    normalization : as in `gaunt_tensor_product`.

    Raises
    ------
    InvalidInputError
        If the last axis is not (L + 1)² long, `order` is not an integer of at least 1, or `lmax_out` is above ν L.
    UnknownNameError
        If there is no such method or normalization.

    References
    ----------
    Batatia et al. (2022), MACE, arXiv:2206.07697; Luo, Chen, Krishnapriyan (2024), arXiv:2401.10216, section 3.3.

    Examples
    --------
    The square of √(4π) Y_00 + ... begins with the mean of the squared function:

    >>> import torch
    >>> x = torch.randn(9, dtype=torch.float64)
    >>> square = many_body_product(x, 2)
    >>> square.shape, torch.allclose(square[0] * (4 * torch.pi) ** 0.5, x.square().sum())
    (torch.Size([25]), True)
    """
    lmax = degree_of(x)
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise InvalidInputError(f"order counts the factors and must be an integer of at least 1; got {order!r}.")
    check_name("method of many-body products", method, ("grid", "pairwise"))
    lmax_out = check_output_degree(lmax_out, order * lmax)
    scaled = x if normalization == "integral" else x * _scale(lmax, normalization, x)
    if method == "grid":
        result = _on_grid((scaled,), order * lmax, lmax_out, lambda values: _power(values[0], order))
    else:
        result = _halving(scaled, order, lmax_out)
    return result if normalization == "integral" else result / _scale(lmax_out, normalization, result)


def check_pair(x: Tensor, y: Tensor, lmax_out: int | None, method: str) -> int:
    """Refuse factors that do not fit; give the degree of the result."""
    highest = degree_of(x) + degree_of(y, "y")
    if x.dtype != y.dtype or x.device != y.device:
        raise InvalidInputError(
            f"x and y must share dtype and device; got {x.dtype} on {x.device} and {y.dtype} on {y.device}."
        )
    try:
        torch.broadcast_shapes(x.shape[:-1], y.shape[:-1])
    except RuntimeError as problem:
        raise InvalidInputError(
            f"The leading axes of x and y must broadcast; got shapes {tuple(x.shape)} and {tuple(y.shape)}."
        ) from problem
    check_name("method of Gaunt products", method, METHODS)
    return check_output_degree(lmax_out, highest)


def multiply(x: Tensor, y: Tensor, lmax_out: int, method: str) -> Tensor:
    """Multiply factors that have been checked, of orthonormal harmonics."""
    if method == "auto":
        method = fastest(degree_of(x), degree_of(y), lmax_out)
    if method == "direct":
        return _direct(x, y, lmax_out)
    if method == "fourier" and x.numel() and y.numel():  # an FFT refuses to transform nothing
        return _fourier(x, y, lmax_out)
    return _on_grid((x, y), degree_of(x) + degree_of(y), lmax_out, lambda values: values[0] * values[1])


def fastest(lmax1: int, lmax2: int, lmax_out: int) -> str:
    """Give the method that "auto" stands for: the contraction where it takes fewer multiplications than the grid.

    That order agrees with times on a processor (benchmarks/bench_gaunt_tensor_product.py prints them): the grid,
    except where a factor has degree 0, or both have degree 1 and nothing is cut off.

    >>> fastest(1, 1, 2), fastest(2, 2, 2), fastest(10, 10, 10)
    ('direct', 'grid', 'grid')
    """
    n1, n2, n3 = ((lmax + 1) ** 2 for lmax in (lmax1, lmax2, lmax_out))
    degree = lmax1 + lmax2 + lmax_out
    on_grid = (n1 + n2 + n3) * tables.nodes_for(degree) * (degree + 1)
    return "direct" if n1 * n2 * (n3 + OUTER_COST) < on_grid and degree <= DENSE_DEGREES else "grid"


def _direct(x: Tensor, y: Tensor, lmax_out: int) -> Tensor:
    tensor = kept_tensor(degree_of(x), degree_of(y), lmax_out, x)
    pairs = (x[..., :, None] * y[..., None, :]).flatten(-2)
    return pairs @ tensor.flatten(0, 1)


def _fourier(x: Tensor, y: Tensor, lmax_out: int) -> Tensor:
    if x.dtype in HALVES:
        return _fourier(x.float(), y.float(), lmax_out).to(x.dtype)
    degree = degree_of(x) + degree_of(y)
    # orders beyond lmax_out may fold onto each other; lengths without large prime factors are quicker
    around, across = next_fast_len(2 * degree + 1, real=True), next_fast_len(degree + lmax_out + 1, real=True)
    values = [torch.fft.irfft2(padded_series(factor, around), s=(around, across), norm="forward") for factor in (x, y)]
    series = torch.fft.rfft2(values[0] * values[1], norm="forward")
    return project_series(series[..., : lmax_out + 1], degree, lmax_out)


def _on_grid(
    factors: tuple[Tensor, ...], degree: int, lmax_out: int, combine: Callable[[list[Tensor]], Tensor]
) -> Tensor:
    """Evaluate, combine point by point into a function of that degree, and project."""
    nodes, points = tables.nodes_for(degree + lmax_out), degree + lmax_out + 1
    if degree + lmax_out <= DENSE_DEGREES:
        values = [
            factor @ constant(tables.synthesis, degree_of(factor), nodes, points, like=factor) for factor in factors
        ]
        return combine(values) @ constant(tables.analysis, lmax_out, nodes, points, like=factors[0])
    shape = torch.broadcast_shapes(*(factor.shape[:-1] for factor in factors))
    rows = shape.numel()
    flat = [factor.expand(*shape, -1).reshape(rows, factor.shape[-1]) for factor in factors]
    product = combine([_evaluated(factor, nodes, points) for factor in flat])
    rings = (constant(tables.azimuthal_mean, lmax_out, points, like=product) @ product).unflatten(-1, (rows, nodes))
    coefficients = torch.bmm(rings, constant(tables.polar_weighted, lmax_out, nodes, like=product))
    return from_rings(coefficients).reshape(*shape, (lmax_out + 1) ** 2)


def _evaluated(x: Float[Tensor, "b n"], nodes: int, points: int) -> Float[Tensor, "points rows"]:
    """Sum over degrees for each order and node, then over orders for each point."""
    lmax = degree_of(x)
    rings = torch.bmm(to_rings(x, lmax), constant(tables.polar, lmax, nodes, like=x))
    return constant(_azimuthal_transposed, lmax, points, like=x) @ rings.flatten(1)


def _azimuthal_transposed(lmax: int, points: int) -> object:
    return tables.azimuthal(lmax, points).T


def _power(values: Tensor, order: int) -> Tensor:
    result = values
    for _ in range(order - 1):
        result = result * values
    return result


def _halving(x: Tensor, order: int, lmax_out: int) -> Tensor:
    if order == 1:
        return x[..., : (lmax_out + 1) ** 2]
    lmax = degree_of(x)
    half = order // 2
    first = _halving(x, half, half * lmax)
    second = first if 2 * half == order else _halving(x, order - half, (order - half) * lmax)
    return multiply(first, second, lmax_out, "auto")


def _scale(lmax: int, normalization: str, like: Tensor) -> Tensor:
    return constant(_scales, lmax, normalization, like=like)


def _scales(lmax: int, normalization: str) -> object:
    return harmonic_scale(lmax, normalization)[degrees(lmax)]

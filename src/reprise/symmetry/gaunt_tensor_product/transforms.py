"""Between coefficients of spherical harmonics and 2D Fourier series, and between them and values on a grid."""

from __future__ import annotations

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.gaunt_tensor_product import tables
from reprise.symmetry.gaunt_tensor_product.layout import check_degree, degree_of
from reprise.symmetry.gaunt_tensor_product.tables import constant

HALVES = {torch.float16, torch.bfloat16}
"""Types that have no Fourier transform of their own."""


def to_fourier(x: Float[Tensor, "*batch n"], lmax: int | None = None) -> Complex[Tensor, "*batch u v"]:
    r"""Expand a function on the sphere, given by harmonics, in a Fourier series on the torus (θ, φ).

    .. math:: \sum_{lm} x_{lm} Y_{lm}(\theta, \varphi) = \sum_{|u|,|v| \le L} X_{uv} e^{i(u\theta + v\varphi)}

    The function is real, so X₋ᵤ,₋ᵥ is the conjugate of Xᵤᵥ and only v = 0..L is given; u runs 0..L, -L..-1, as
    `torch.fft.irfft2` expects. Only v = ±m take part in degree-l order-m harmonics: O(L³), all products real. Half
    precisions are transformed in float32.

    Parameters
    ----------
    x : coefficients (..., (L + 1)²), orthonormal harmonics in e3nn's order and axes.
    lmax : L, where it is to be checked.

    Raises
    ------
    InvalidInputError
        If the last axis is not (L + 1)² long.

    Examples
    --------
    The harmonic of degree 1 along the polar axis is √(3/4π) cos θ:

    >>> import torch
    >>> X = to_fourier(torch.tensor([0.0, 0.0, 1.0, 0.0]))
    >>> X.shape, X[:, 0].real
    (torch.Size([3, 2]), tensor([0.0000, 0.2443, 0.2443]))
    """
    degree = degree_of(x)
    if lmax is not None and lmax != degree:
        raise InvalidInputError(f"x has {x.shape[-1]} coefficients, of degree {degree}; got lmax={lmax}.")
    return padded_series(x.float() if x.dtype in HALVES else x, 2 * degree + 1)


def from_fourier(
    X: Complex[Tensor, "*batch u v"],
    lmax: int | None = None,
) -> Float[Tensor, "*batch n"]:
    r"""Project a real Fourier series on the torus, read on the sphere, onto the harmonics up to a degree.

    .. math:: x_{lm} = \int_0^{2\pi}\!\!\int_0^\pi \sum_{uv} X_{uv} e^{i(u\theta + v\varphi)}\, Y_{lm}\,
        \sin\theta\, d\theta\, d\varphi

    Inverse of `to_fourier` at the same degree. The series must be that of a function on the sphere, as sums and
    products of `to_fourier`'s are: even in θ for even v and odd for odd v. O(D² L) for a series of degree D.

    Parameters
    ----------
    X : half of the series, (..., 2D + 1, at least lmax + 1), in the order of `to_fourier`.
    lmax : highest degree L of the result; D by default.

    Returns
    -------
    Coefficients (..., (L + 1)²).

    Raises
    ------
    InvalidInputError
        If the series is not complex, its axes do not fit, or `lmax` is above D.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(9.0)
    >>> torch.allclose(from_fourier(to_fourier(x)), x, atol=1e-5)
    True
    """
    if not X.is_complex() or X.ndim < 2 or X.shape[-2] % 2 == 0:
        raise InvalidInputError(
            "A Fourier series is a complex tensor (..., 2D + 1, D + 1), half of the plane as to_fourier gives it; "
            f"got {X.dtype} of shape {tuple(X.shape)}."
        )
    degree = X.shape[-2] // 2
    lmax = degree if lmax is None else check_degree(lmax)
    if lmax > degree or X.shape[-1] < lmax + 1:
        raise InvalidInputError(f"A series of shape {tuple(X.shape)} does not determine degrees up to lmax={lmax}.")
    return project_series(X[..., : lmax + 1], degree, lmax)


def padded_series(x: Float[Tensor, "*batch n"], around: int) -> Complex[Tensor, "*batch u v"]:
    """Give the series with zeros between its positive and its negative frequencies u, `around` in all."""
    lmax = degree_of(x)
    rings = to_rings(x.reshape(x.shape[:-1].numel(), x.shape[-1]), lmax)
    none = torch.zeros_like(rings[:1])
    # the factor of e^{imφ} is (x_m - i x_-m) / √2 times the polar function
    amplitudes = torch.complex(rings[lmax:], torch.cat([none, -rings[:lmax].flip(0)]))
    series = torch.bmm(amplitudes, constant(tables.fourier_synthesis, lmax, around, like=x))
    return series.permute(1, 2, 0).reshape(*x.shape[:-1], around, lmax + 1)


def project_series(series: Complex[Tensor, "*batch u v"], degree: int, lmax: int) -> Float[Tensor, "*batch n"]:
    """Project a series of frequencies u up to `degree` (and zeros between) on harmonics of degrees up to `lmax`."""
    around = series.shape[-2]
    columns = series.reshape(series.shape[:-2].numel(), around, lmax + 1).permute(2, 0, 1)
    projected = torch.bmm(columns, constant(tables.fourier_analysis, degree, lmax, around, like=series.real))
    rings = torch.cat([-projected.imag[1:].flip(0), projected.real])
    return from_rings(rings).reshape(*series.shape[:-2], (lmax + 1) ** 2)


def to_rings(x: Float[Tensor, "*batch n"], highest: int) -> Float[Tensor, "m *batch l"]:
    """Give coefficients by order -highest..highest and degree 0..L.

    Where a degree lacks an order, another number stands: the tables that sum over degrees are 0 there.
    """
    lmax = degree_of(x)
    index = constant(tables.by_order, lmax, highest, like=x)
    return x.index_select(-1, index.flatten()).unflatten(-1, index.shape).movedim(-2, 0)


def from_rings(rings: Float[Tensor, "m *batch l"]) -> Float[Tensor, "*batch n"]:
    """Give coefficients in one axis again; orders that the rings lack are zero."""
    lmax = rings.shape[-1] - 1
    index = constant(tables.from_orders, lmax, rings.shape[0] // 2, like=rings)
    flat = rings.movedim(0, -2).flatten(-2)
    if rings.shape[0] < 2 * lmax + 1:
        flat = nn.functional.pad(flat, (0, 1))
    return flat.index_select(-1, index)

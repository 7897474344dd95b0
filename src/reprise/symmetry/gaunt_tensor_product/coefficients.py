"""The numbers behind the product: integrals of three real harmonics, and Wigner's 3j symbols."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.gaunt_tensor_product import tables
from reprise.symmetry.gaunt_tensor_product.layout import check_degree, check_output_degree, size_of


def gaunt_tensor(
    l1_max: int,
    l2_max: int,
    l3_max: int,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Float[Tensor, "n1 n2 n3"]:
    r"""Give the integrals of three real orthonormal harmonics, for all degrees up to three limits.

    .. math:: G_{l_1 m_1, l_2 m_2, l_3 m_3} = \int Y_{l_1 m_1} Y_{l_2 m_2} Y_{l_3 m_3}\, d\Omega

    Exact quadrature in float64; O(L⁸) once, and (L + 1)⁶ numbers of memory. Zero where l1 + l2 + l3 is odd, where the
    degrees make no triangle, and for most orders.

    Parameters
    ----------
    l1_max, l2_max, l3_max : the limits, l3_max ≤ l1_max + l2_max.
    dtype, device : of the result.

    Raises
    ------
    InvalidInputError
        If a degree is not an integer from 0 to 64, or l3_max is above l1_max + l2_max.

    Examples
    --------
    >>> float(gaunt_tensor(1, 1, 2)[2, 2, 6])  # all of order 0: 1 / √(5π)
    0.2523132522
    """
    check_degree(l1_max, "l1_max")
    check_degree(l2_max, "l2_max")
    check_degree(l3_max, "l3_max")
    check_output_degree(l3_max, l1_max + l2_max)
    return torch.from_numpy(dense_tensor(l1_max, l2_max, l3_max)).to(dtype=dtype, device=device)


def gaunt_coefficient(l1: int, l2: int, l3: int) -> float:
    r"""Give c in "Gaunt tensor = c · real 3j tensor", both of degrees (l1, l2, l3).

    .. math:: c = \sqrt{\frac{(2l_1+1)(2l_2+1)(2l_3+1)}{4\pi}}\ \left|\begin{pmatrix} l_1 & l_2 & l_3 \\
        0 & 0 & 0\end{pmatrix}\right|

    with the 3j tensor of `real_wigner_3j`, which has Frobenius norm 1. It is the weight that the Gaunt product gives
    to a path, and 0 where l1 + l2 + l3 is odd: no product of functions has such a path.

    Raises
    ------
    InvalidInputError
        If a degree is not an integer from 0 to 64.

    Examples
    --------
    >>> gaunt_coefficient(1, 1, 2), gaunt_coefficient(1, 1, 1)
    (0.690988, 0.0)
    """
    for degree in (l1, l2, l3):
        check_degree(degree, "A degree")
    return math.sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * math.pi)) * abs(_three_j(l1, l2, l3, 0, 0))


def real_wigner_3j(
    l1: int, l2: int, l3: int, *, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
) -> Float[Tensor, "n1 n2 n3"]:
    """Give Wigner's 3j symbol between real harmonics: the one invariant tensor of three degrees, of norm 1.

    Its sign makes the Gaunt tensor a positive multiple where l1 + l2 + l3 is even; where it is odd, the first number
    that is not 0 in reading order is positive. O(l1 l2 l3) once, by Racah's formula in exact integers; kept.

    Raises
    ------
    InvalidInputError
        If a degree is not an integer from 0 to 64, or the three make no triangle.

    Examples
    --------
    Of three vectors it is their determinant over √6:

    >>> float(real_wigner_3j(1, 1, 1)[0, 1, 2] ** 2)
    0.1666667
    """
    for degree in (l1, l2, l3):
        check_degree(degree, "A degree")
    if not abs(l1 - l2) <= l3 <= l1 + l2:
        raise InvalidInputError(f"Degrees {l1}, {l2}, {l3} make no triangle: there is no invariant of the three.")
    return torch.from_numpy(_real_three_j(l1, l2, l3).copy()).to(dtype=dtype, device=device)


def kept_tensor(l1_max: int, l2_max: int, l3_max: int, like: Tensor) -> Float[Tensor, "n1 n2 n3"]:
    """Give the tensor of integrals of the dtype and on the device of another tensor; the last few are kept."""
    return _kept(l1_max, l2_max, l3_max, like.dtype, tables.place_of(like.device))


@lru_cache(maxsize=8)  # they are large: 38 MB for three degrees of 12
def _kept(l1_max: int, l2_max: int, l3_max: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.from_numpy(dense_tensor(l1_max, l2_max, l3_max)).to(dtype=dtype, device=device)


def dense_tensor(l1_max: int, l2_max: int, l3_max: int) -> NDArray[np.float64]:
    """Give the integrals by quadrature, separately for θ and φ: most orders drop out before θ is summed."""
    highest = l1_max + l2_max + l3_max
    nodes = tables.nodes_for(highest)
    phi = [tables.azimuthal(lmax, highest + 1) for lmax in (l1_max, l2_max, l3_max)]
    over_phi = np.einsum("ap,bp,cp->abc", *phi, optimize=True) / (highest + 1)
    first, second = tables.polar(l1_max, nodes), tables.polar(l2_max, nodes)
    third = tables.polar_weighted(l3_max, nodes)
    out = np.zeros((size_of(l1_max), size_of(l2_max), size_of(l3_max)))
    for a, b, c in np.argwhere(np.abs(over_phi) > 1e-10):  # the others are 0 by symmetry: about 1 in L is not
        m1, m2, m3 = a - l1_max, b - l2_max, c - l3_max
        d1, d2, d3 = (np.arange(abs(m), lmax + 1) for m, lmax in ((m1, l1_max), (m2, l2_max), (m3, l3_max)))
        pairs = first[a][d1][:, None] * second[b][d2][None]
        block = over_phi[a, b, c] * (pairs @ third[c][:, d3])
        parity = (d1[:, None, None] + d2[:, None] + d3) % 2 == 0
        triangle = (d3 >= np.abs(d1[:, None, None] - d2[:, None])) & (d3 <= d1[:, None, None] + d2[:, None])
        out[np.ix_(d1 * (d1 + 1) + m1, d2 * (d2 + 1) + m2, d3 * (d3 + 1) + m3)] = block * (parity & triangle)
    return out


@lru_cache(maxsize=1024)
def _real_three_j(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    complex_one = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1), dtype=complex)
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            complex_one[l1 + m1, l2 + m2, l3 - m1 - m2] = _three_j(l1, l2, l3, m1, m2)
    turned = np.einsum("abc,ia,jb,kc->ijk", complex_one, *map(_real_from_complex, (l1, l2, l3)), optimize=True)
    odd = (l1 + l2 + l3) % 2 == 1
    tensor = np.ascontiguousarray(turned.imag if odd else turned.real)
    tensor[np.abs(tensor) < 1e-14] = 0.0
    tensor /= np.linalg.norm(tensor)
    # the order-0 entry has the sign of the integral of three order-0 harmonics, which is that of 3j squared
    sign = tensor[tuple(np.argwhere(tensor)[0])] if odd else tensor[l1, l2, l3]
    tensor *= np.sign(sign)
    tensor.flags.writeable = False
    return tensor


def _real_from_complex(l: int) -> NDArray[np.complex128]:  # noqa: E741
    """Give U with (real harmonics) = U (complex harmonics with Condon and Shortley's sign)."""
    turn = np.zeros((2 * l + 1, 2 * l + 1), dtype=complex)
    turn[l, l] = 1
    for m in range(1, l + 1):
        sign = (-1) ** m
        turn[l + m, [l - m, l + m]] = np.array([1, sign]) / math.sqrt(2)
        turn[l - m, [l - m, l + m]] = 1j * np.array([1, -sign]) / math.sqrt(2)
    return turn


def _three_j(l1: int, l2: int, l3: int, m1: int, m2: int) -> float:
    """Racah's formula for the complex 3j symbol with m3 = -m1 - m2, its alternating sum in exact integers."""
    m3 = -m1 - m2
    if not abs(l1 - l2) <= l3 <= l1 + l2 or abs(m1) > l1 or abs(m2) > l2 or abs(m3) > l3:
        return 0.0
    f = math.factorial
    first = max(0, l2 - l3 - m1, l1 - l3 + m2)
    last = min(l1 + l2 - l3, l1 - m1, l2 + m2)
    # each term 1 / (six factorials) is a product of three binomials over one common denominator
    a, b, c = l1 + l2 - l3, l1 - l2 + l3, -l1 + l2 + l3
    total = sum(
        (-1) ** t * math.comb(a, t) * math.comb(b, l1 - m1 - t) * math.comb(c, l2 + m2 - t)
        for t in range(first, last + 1)
    )
    numerator = f(l1 + m1) * f(l1 - m1) * f(l2 + m2) * f(l2 - m2) * f(l3 + m3) * f(l3 - m3)
    denominator = f(a) * f(b) * f(c) * f(l1 + l2 + l3 + 1)
    sign = -1 if (l1 - l2 - m3) % 2 else 1
    return sign * math.copysign(math.sqrt(total * total * numerator / denominator), total) if total else 0.0

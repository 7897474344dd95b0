"""Real spherical harmonics of vectors, and how rotations act on their coefficients."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.gaunt_tensor_product import tables
from reprise.symmetry.gaunt_tensor_product.layout import (
    Normalization,
    check_degree,
    degree_of,
    degrees,
    harmonic_scale,
    size_of,
)
from reprise.symmetry.gaunt_tensor_product.tables import constant

_NEAR_POLE = 0.8
"""Cosine from which a direction counts as near a pole, where its azimuth is ill-defined."""


def spherical_harmonics(
    vectors: Float[Tensor, "*batch 3"], lmax: int, normalization: Normalization = "integral"
) -> Float[Tensor, "*batch n"]:
    """Evaluate the real spherical harmonics of degrees 0..lmax in the directions of vectors.

    Polynomials in the unit vector, so that gradients are finite everywhere, the poles included. O(L²) a vector. Order
    l(l + 1) + m and axes are e3nn's: the harmonics of degree 1 are proportional to x, y, z.

    Raises
    ------
    InvalidInputError
        If the last axis is not 3 long, a vector is zero or not finite, or `lmax` is not an integer from 0 to 64.

    Examples
    --------
    >>> import torch
    >>> spherical_harmonics(torch.tensor([0.0, 3.0, 4.0]), 1, "norm")
    tensor([1.0000, 0.0000, 0.6000, 0.8000])
    """
    check_degree(lmax)
    x, y, z = unit(vectors).unbind(-1)
    polar = tables.polar_polynomials(y, lmax)
    cosine, sine = [torch.ones_like(y)], [torch.zeros_like(y)]  # of mφ, times sin^m θ: powers of z + ix
    for _ in range(lmax):
        cosine.append(cosine[-1] * z - sine[-1] * x)
        sine.append(sine[-1] * z + cosine[-2] * x)
    root = 2**0.5
    values = [
        polar[l, abs(m)] * (1.0 if m == 0 else root * (cosine[m] if m > 0 else sine[-m]))
        for l in range(lmax + 1)  # noqa: E741
        for m in range(-l, l + 1)
    ]
    scale = harmonic_scale(lmax, normalization)[degrees(lmax)]
    result = torch.stack(values, dim=-1)
    return result if normalization == "integral" else result * torch.from_numpy(scale).to(result)


def wigner_d(rotation: Float[Tensor, "*batch 3 3"], lmax: int) -> Float[Tensor, "*batch n n"]:
    """Give how rotations (and reflections) act on coefficients: D with Y(R r) = D Y(r), and x ↦ D x for features.

    Block-diagonal and orthogonal. By exact quadrature of Y(R r) Y(r)ᵀ, for any matrices of O(3): O(L⁶). The network
    layers use the quicker `EdgeFrames`.

    Raises
    ------
    InvalidInputError
        If the last two axes are not 3 by 3 or the matrices are not orthogonal.

    Examples
    --------
    Vectors turn as vectors:

    >>> import torch
    >>> R = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> torch.allclose(wigner_d(R, 1)[1:, 1:], R, atol=1e-6)
    True
    """
    check_degree(lmax)
    if not isinstance(rotation, Tensor) or not rotation.is_floating_point() or rotation.shape[-2:] != (3, 3):
        raise InvalidInputError(f"A rotation is a floating-point tensor (..., 3, 3); got {_shape(rotation)}.")
    if rotation.numel() and not float((rotation @ rotation.mT - torch.eye(3).to(rotation)).abs().max()) < 1e-3:
        raise InvalidInputError("A rotation must be an orthogonal matrix; R Rᵀ differs from 1 by more than 0.001.")
    points = constant(_sphere_points, lmax, like=rotation)
    weighted = constant(_weighted_harmonics, lmax, like=rotation)
    turned = spherical_harmonics(points @ rotation.mT, lmax)
    return (turned.mT @ weighted) * constant(_blocks, lmax, like=rotation)


class EdgeFrames:
    """Rotations that take the polar axis to the directions of vectors, as Wigner matrices, one for each degree.

    Made once for the edges of a graph, they serve all its layers. A direction's rotation is one about the polar axis
    after one about x, of matrices with two non-zero numbers a row, joined by constant ones; directions near a pole are
    seen along another axis, so that gradients are exact everywhere. The third angle is free, and what layers build
    from frames must not depend on it. Memory and cost O(L³) a vector, O(L³) a feature turned.

    Parameters
    ----------
    vectors : (E, 3), none zero.
    lmax : highest degree that can be turned.

    Raises
    ------
    InvalidInputError
        If the vectors are not (E, 3), one is zero or not finite, or `lmax` is not an integer from 0 to 64.

    Examples
    --------
    In its own frame, a vector lies along the polar axis y:

    >>> import torch
    >>> r = torch.tensor([[3.0, 0.0, 4.0]])
    >>> frames = EdgeFrames(r, lmax=1)
    >>> frames.to_local(spherical_harmonics(r, 1, "norm")[:, None]).abs().round(decimals=4)
    tensor([[[1., 0., 1., 0.]]])
    """

    def __init__(self, vectors: Float[Tensor, "E 3"], lmax: int):
        self.lmax = check_degree(lmax)
        if not isinstance(vectors, Tensor) or vectors.ndim != 2:
            raise InvalidInputError(f"Edge vectors have shape (E, 3); got {_shape(vectors)}.")
        direction = unit(vectors)
        near_pole = direction[:, 1].abs() > _NEAR_POLE
        moved = torch.where(near_pole[:, None], direction.roll(-1, dims=-1), direction)  # (x, y, z) -> (y, z, x)
        x, y, z = moved.unbind(-1)
        across = (x.square() + z.square()).sqrt()
        azimuth = _powers(z / across, x / across, lmax)
        polar = _powers(y, across, lmax)
        self.length = len(vectors)
        self.blocks: list[Tensor] = []
        for l in range(1, lmax + 1):  # noqa: E741
            cycle = constant(_cycle, l, like=vectors)
            block = _about_pole(azimuth, l) @ (cycle @ _about_pole(polar, l) @ cycle.mT)
            self.blocks.append(torch.where(near_pole[:, None, None], cycle.mT @ block, block))

    def to_local(self, x: Float[Tensor, "E C n"]) -> Float[Tensor, "E C n"]:
        """Turn coefficients so that the vector becomes the polar axis."""
        return self._turn(x, transposed=False)

    def to_world(self, x: Float[Tensor, "E C n"]) -> Float[Tensor, "E C n"]:
        """Turn coefficients back."""
        return self._turn(x, transposed=True)

    def _turn(self, x: Tensor, *, transposed: bool) -> Tensor:
        degree = degree_of(x)
        if degree > self.lmax or x.ndim != 3 or len(x) != self.length:
            raise InvalidInputError(
                f"{self.length} frames of degree {self.lmax} turn coefficients (edges, channels, n) of degrees up to "
                f"it; got {tuple(x.shape)} of degree {degree}."
            )
        parts = x.split([2 * l + 1 for l in range(degree + 1)], dim=-1)  # noqa: E741
        turned = [torch.bmm(part, b.mT if transposed else b) for part, b in zip(parts[1:], self.blocks, strict=False)]
        return torch.cat([parts[0], *turned], dim=-1)


def unit(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Give the directions of vectors, or refuse them."""
    if not isinstance(vectors, Tensor) or not vectors.is_floating_point() or vectors.shape[-1:] != (3,):
        raise InvalidInputError(f"Vectors are a floating-point tensor (..., 3); got {_shape(vectors)}.")
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    if not bool(((length > 0) & length.isfinite()).all()):
        raise InvalidInputError("A vector is zero or not finite, so that it has no direction.")
    return vectors / length


def _powers(cosine: Tensor, sine: Tensor, lmax: int) -> tuple[Tensor, Tensor]:
    """Give cos ma and sin ma for m = 0..lmax, on a new last axis."""
    c, s = [torch.ones_like(cosine)], [torch.zeros_like(sine)]
    for _ in range(lmax):
        c.append(c[-1] * cosine - s[-1] * sine)
        s.append(s[-1] * cosine + c[-2] * sine)
    return torch.stack(c, dim=-1), torch.stack(s, dim=-1)


def _about_pole(angles: tuple[Tensor, Tensor], l: int) -> Tensor:  # noqa: E741
    """Turn degree l about the polar axis: cos ma on the diagonal, -sin ma across, for m = -l..l."""
    cosine, sine = (values[..., 1 : l + 1] for values in angles)
    diagonal = torch.cat([cosine.flip(-1), angles[0][..., :1], cosine], dim=-1)
    across = torch.cat([sine.flip(-1), torch.zeros_like(angles[1][..., :1]), -sine], dim=-1)
    return torch.diag_embed(diagonal) + torch.diag_embed(across).flip(-1)


@lru_cache(maxsize=tables.KEPT_TABLES)
def _cycle(l: int) -> NDArray[np.float64]:  # noqa: E741
    """Give D of the rotation y → x, z → y, x → z in degree l: it makes turns about y turns about x."""
    rotation = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    return np.asarray(wigner_d(rotation, l)[l**2 :, l**2 :].numpy())


def _sphere_points(lmax: int) -> NDArray[np.float64]:
    nodes, points = tables.nodes_for(2 * lmax), 2 * lmax + 1
    y = tables.gauss_legendre(nodes)[0][:, None]
    phi = 2 * np.pi * np.arange(points) / points
    sine = np.sqrt(1 - y**2)
    return np.stack([sine * np.sin(phi), y + 0 * phi, sine * np.cos(phi)], axis=-1).reshape(-1, 3)


def _weighted_harmonics(lmax: int) -> NDArray[np.float64]:
    return tables.analysis(lmax, tables.nodes_for(2 * lmax), 2 * lmax + 1)


def _blocks(lmax: int) -> NDArray[np.float64]:
    degree = degrees(lmax)
    return (degree[:, None] == degree).astype(np.float64).reshape(size_of(lmax), -1)


def _shape(value: object) -> str:
    return f"shape {tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__

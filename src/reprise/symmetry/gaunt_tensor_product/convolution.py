"""The Gaunt product of features with the harmonics of edges, by turning each edge onto the polar axis."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.gaunt_tensor_product import tables
from reprise.symmetry.gaunt_tensor_product.layout import (
    Normalization,
    check_degree,
    check_normalization,
    check_output_degree,
    degree_of,
    degrees,
    harmonic_scale,
    orders,
    per_coefficient,
    size_of,
)
from reprise.symmetry.gaunt_tensor_product.modules import check_channels
from reprise.symmetry.gaunt_tensor_product.rotations import EdgeFrames
from reprise.symmetry.gaunt_tensor_product.tables import constant, scaled_constant
from reprise.symmetry.gaunt_tensor_product.transforms import from_rings, to_rings

DENSE_DEGREES = 18
"""Up to this sum of the three degrees, a convolution's whole tables are quicker than order after order."""


class GauntConvolution(nn.Module):
    r"""Gaunt product of features with the harmonics of edge vectors, by turning each edge onto the polar axis.

    .. math:: z_{l_3} = w^3_{l_3} \sum_{l_1 l_2} (w^1_{l_1} x_{l_1}) \otimes (w^2_{l_2} h_{l_2}\, Y_{l_2}(r / |r|))

    with h learned functions of the edge that the caller gives. In the edge's frame only order 0 of Y is not zero, so
    the product is one function of θ that multiplies each order on its own: O(L²) a feature for the product, O(L³) with
    the sums over degrees and the rotations (`EdgeFrames`).

    Parameters
    ----------
    lmax_in, lmax_edge : degrees of the features and of the edge's harmonics.
    lmax_out : degree of the result; their sum by default.
    channels : weights of their own for each of so many channels; None shares them.
    weights : whether there are weights of degrees.
    normalization : as in `gaunt_tensor_product`, of features, harmonics and result alike.

    Raises
    ------
    InvalidInputError
        If degrees or channels are impossible, or inputs do not fit them.

    References
    ----------
    Luo, Chen, Krishnapriyan (2024), arXiv:2401.10216, section 3.3; the frames: Passaro, Zitnick (2023), Reducing SO(3)
    convolutions to SO(2), arXiv:2302.03655.

    Examples
    --------
    >>> import torch
    >>> convolution = GauntConvolution(lmax_in=2, lmax_edge=2, lmax_out=2, channels=8)
    >>> convolution(torch.randn(5, 8, 9), torch.randn(5, 3)).shape
    torch.Size([5, 8, 9])
    """

    def __init__(
        self,
        lmax_in: int,
        lmax_edge: int,
        lmax_out: int | None = None,
        channels: int | None = None,
        weights: bool = True,
        normalization: Normalization = "integral",
    ):
        super().__init__()
        self.lmax_in, self.lmax_edge = check_degree(lmax_in, "lmax_in"), check_degree(lmax_edge, "lmax_edge")
        self.lmax_out = check_output_degree(lmax_out, lmax_in + lmax_edge)
        self.channels = check_channels(channels)
        check_normalization(normalization)
        self.normalization = normalization
        shape = () if channels is None else (channels,)
        self.weight_in, self.weight_edge, self.weight_out = (
            nn.Parameter(torch.ones(*shape, lmax + 1)) if weights else None
            for lmax in (lmax_in, lmax_edge, self.lmax_out)
        )

    def frames(self, vectors: Float[Tensor, "E 3"]) -> EdgeFrames:
        """Make the frames of edges, for this convolution and others of degrees as high."""
        return EdgeFrames(vectors, max(self.lmax_in, self.lmax_out))

    def forward(
        self,
        x: Float[Tensor, "E C n1"],
        edges: Float[Tensor, "E 3"] | EdgeFrames,
        radial: Float[
            Tensor,
            (
                E  # C k
            ),
        ]
        | None = None,
    ) -> Float[Tensor, "E C n3"]:
        """Multiply the features of edges with their harmonics.

        Parameters
        ----------
        x : features that travel along the edges, (E, channels, (lmax_in + 1)²).
        edges : vectors (E, 3), or their frames.
        radial : h, a number for each degree of the harmonics and each channel (or one channel for all).
        """
        frames = edges if isinstance(edges, EdgeFrames) else self.frames(edges)
        self._check(x, frames, radial)
        amplitude = self._amplitude(x, radial)
        local = frames.to_local(_times(x, self._scale(self.weight_in, self.lmax_in, x), self.lmax_in))
        if self.lmax_in + self.lmax_edge + self.lmax_out <= DENSE_DEGREES:
            product = self._by_whole_tables(local, amplitude)
        else:
            product = self._by_order(local, amplitude)
        world = frames.to_world(product)
        return _times(world, self._scale(self.weight_out, self.lmax_out, x, inverse=True), self.lmax_out)

    def _by_whole_tables(self, local: Tensor, amplitude: Tensor) -> Tensor:
        """Multiply at the nodes, all orders side by side: few large matrix products for small degrees."""
        size = self.lmax_in, self.lmax_out, self._nodes
        profile = amplitude @ constant(_repeated_profiles, self.lmax_edge, min(size[:2]), self._nodes, like=local)
        values = local @ constant(_onto_rings, *size, like=local)
        return (values * profile) @ constant(_off_rings, *size, like=local)

    def _by_order(self, local: Tensor, amplitude: Tensor) -> Tensor:
        """Multiply at the nodes, order after order: O(L³)."""
        highest = min(self.lmax_in, self.lmax_out)
        profile = amplitude @ constant(_pole_profiles, self.lmax_edge, self._nodes, like=local)
        rings = to_rings(local.flatten(0, 1), highest)
        values = torch.bmm(rings, constant(_polar_part, self.lmax_in, self._nodes, highest, like=local))
        values = (values.unflatten(1, local.shape[:2]) * profile).flatten(1, 2)
        rings = torch.bmm(values, constant(_weighted_part, self.lmax_out, self._nodes, highest, like=local))
        return from_rings(rings).unflatten(0, local.shape[:2])

    @property
    def _nodes(self) -> int:
        return tables.nodes_for(self.lmax_in + self.lmax_edge + self.lmax_out)

    def _amplitude(self, x: Tensor, radial: Tensor | None) -> Tensor:
        """Give w_l h_l, for each degree of the harmonics, edge and channel as far as it depends on them."""
        weight = self._scale(self.weight_edge, self.lmax_edge, x, double=True)
        if radial is None:
            return x.new_ones(self.lmax_edge + 1) if weight is None else weight
        return radial if weight is None else radial * weight

    def _scale(
        self, weight: Tensor | None, lmax: int, like: Tensor, *, inverse: bool = False, double: bool = False
    ) -> Tensor | None:
        """Give weights times what leads to (or back from) orthonormal harmonics; squared for harmonics of harmonics."""
        if self.normalization == "integral":
            return weight
        scale = harmonic_scale(lmax, self.normalization)
        scale = 1 / scale if inverse else scale**2 if double else scale
        constants = scaled_constant(tuple(scale.tolist()), like)
        return constants if weight is None else weight * constants

    def _check(self, x: Tensor, frames: EdgeFrames, radial: Tensor | None) -> None:
        channels = "channels" if self.channels is None else str(self.channels)
        if degree_of(x) != self.lmax_in or x.ndim != 3 or (self.channels is not None and x.shape[1] != self.channels):
            raise InvalidInputError(
                f"x must have shape (edges, {channels}, {size_of(self.lmax_in)}); got {tuple(x.shape)}."
            )
        if frames.length != len(x) or frames.lmax < max(self.lmax_in, self.lmax_out):
            raise InvalidInputError(
                f"{len(x)} features of degrees up to {max(self.lmax_in, self.lmax_out)} need as many edges, and frames "
                f"of that degree; got {frames.length} of degree {frames.lmax}."
            )
        if radial is not None and (
            radial.ndim != 3
            or radial.shape[0] != len(x)
            or radial.shape[1] not in {1, x.shape[1]}
            or radial.shape[2] != self.lmax_edge + 1
        ):
            raise InvalidInputError(
                f"radial must have shape ({len(x)}, {x.shape[1]} or 1, {self.lmax_edge + 1}); "
                f"got {tuple(radial.shape)}."
            )


@lru_cache(maxsize=tables.KEPT_TABLES)
def _pole_profiles(lmax: int, nodes: int) -> NDArray[np.float64]:
    """Give Y_l0(pole) Y_l0 at the nodes, as (lmax + 1, nodes)."""
    at_pole = np.sqrt((2 * np.arange(lmax + 1) + 1) / (4 * np.pi))
    return at_pole[:, None] * tables.polar(lmax, nodes)[lmax]


def _polar_part(lmax: int, nodes: int, highest: int) -> NDArray[np.float64]:
    return tables.polar(lmax, nodes)[lmax - highest : lmax + highest + 1]


def _weighted_part(lmax: int, nodes: int, highest: int) -> NDArray[np.float64]:
    return tables.polar_weighted(lmax, nodes)[lmax - highest : lmax + highest + 1]


def _onto_rings(lmax_in: int, lmax_out: int, nodes: int) -> NDArray[np.float64]:
    """Give (coefficients, orders · nodes): each coefficient's values at the nodes, in its order's columns."""
    highest = min(lmax_in, lmax_out)
    table = np.zeros((size_of(lmax_in), 2 * highest + 1, nodes))
    for i, (degree, order) in enumerate(zip(degrees(lmax_in), orders(lmax_in), strict=True)):
        if abs(order) <= highest:
            table[i, order + highest] = tables.polar(lmax_in, nodes)[order + lmax_in, degree]
    return table.reshape(size_of(lmax_in), -1)


def _off_rings(lmax_in: int, lmax_out: int, nodes: int) -> NDArray[np.float64]:
    weights = 2 * np.pi * tables.gauss_legendre(nodes)[1]
    table = _onto_rings(lmax_out, lmax_in, nodes).reshape(size_of(lmax_out), -1, nodes) * weights
    return np.ascontiguousarray(table.reshape(size_of(lmax_out), -1).T)


def _repeated_profiles(lmax: int, highest: int, nodes: int) -> NDArray[np.float64]:
    return np.tile(_pole_profiles(lmax, nodes), 2 * highest + 1)


def _times(x: Tensor, scale: Tensor | None, lmax: int) -> Tensor:
    return x if scale is None else x * per_coefficient(scale, lmax)

"""How far a layer, or any map of images, is from moving along with a linear map of its input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.images import warp_images
from reprise.symmetry.equivariance import central_disc
from reprise.symmetry.lie_decompositions.convolution import LiftConv2d
from reprise.symmetry.lie_decompositions.groups import GroupSamples


@torch.no_grad()
def affine_equivariance_error(
    layer: LiftConv2d | Callable[[Tensor], Tensor],
    images: Float[Tensor, "B C H W"],
    h: Float[Tensor, "2 2"],
    samples: GroupSamples | None = None,
    *,
    radius: float = 0.5,
) -> float:
    r"""Measure by how much a layer's answer to warped images differs from its warped answer.

    With f the images, h f the warped ones ((h f)(x) = f(h⁻¹ x)) and Φ_S the layer at group samples S,

    .. math:: |\Phi_{hS}(h f) - h \Phi_S(f)| \,/\, |h \Phi_S(f)|,

    in the Euclidean norm over all outputs inside a disc around the centre, where no border has been seen. A map of
    images that knows no samples, an ordinary convolution for instance, is compared without them. The error of
    interpolation is part of the result.

    Parameters
    ----------
    layer : a `LiftConv2d`, or a function of images that gives images (B, C', H', W') with the same centre.
    images : smooth ones, so that interpolation says little.
    h : the map.
    samples : of the group, for a `LiftConv2d`.
    radius : of the disc, in half sides of the output.

    Raises
    ------
    InvalidInputError
        If samples are missing or not wanted, or the output is 0 inside the disc.

    Examples
    --------
    A quarter turn of the pixels is exact for the lifting layer, whatever its kernel, and far from it for a convolution:

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    >>> lift, images = LiftConv2d("so2", 1, 3, kernel_size=5), torch.randn(2, 1, 21, 21)
    >>> affine_equivariance_error(lift, images, turn, lift.group.sample_pair(4)) < 1e-4
    True
    >>> affine_equivariance_error(torch.nn.Conv2d(1, 3, 5), images, turn) > 0.2
    True
    """
    lifts = isinstance(layer, LiftConv2d)
    if lifts != (samples is not None):
        raise InvalidInputError("Group samples go with a LiftConv2d, and with nothing else.")
    warped = warp_images(images, h)
    if isinstance(layer, LiftConv2d) and samples is not None:
        expected = layer(images, samples).flatten(1, 2)
        found = layer(warped, samples.moved(h)).flatten(1, 2)
    else:
        expected, found = layer(images), layer(warped)
    inside = central_disc(radius)
    expected = inside(warp_images(expected, h))
    size = float(expected.norm())
    if size == 0:
        raise InvalidInputError("The layer's output is 0 inside the disc, so that its equivariance cannot be measured.")
    return float((inside(found) - expected).norm()) / size

"""Kernels as functions: a sine network of coordinates, the grid it is read at, and where it is cut off."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError

SLOPE = 2.0
"""Of the smooth cut-off."""


def kernel_grid(size: int, subpixels: int = 1, reach: float = 1.0) -> Float[Tensor, "pixels points 2"]:
    """Give the coordinates (x to the right, y down) of the pixels of a kernel, within ±`reach`.

    Pixels come row by row, each with the centres of the `subpixels` x `subpixels` squares that it is divided into. As
    in torch's `affine_grid` with align_corners False, the outermost centres lie at ±(1 - 1/size) for a reach of 1.

    Examples
    --------
    >>> kernel_grid(2)[:, 0]
    tensor([[-0.5000, -0.5000],
            [ 0.5000, -0.5000],
            [-0.5000,  0.5000],
            [ 0.5000,  0.5000]])
    """
    if size < 1 or subpixels < 1:
        raise InvalidInputError(
            f"The pixels of a kernel, and points in each, must be at least 1; got {size} and {subpixels}."
        )
    if not 0 < reach < math.inf:
        raise InvalidInputError(f"The reach of a kernel's grid must be positive; got {reach}.")
    line = reach * ((2 * torch.arange(size * subpixels) + 1) / (size * subpixels) - 1)
    y, x = torch.meshgrid(line, line, indexing="ij")
    fine = torch.stack([x, y], dim=-1).view(size, subpixels, size, subpixels, 2)
    return fine.transpose(1, 2).reshape(size**2, subpixels**2, 2)


def hard_disc(plane: Float[Tensor, "*points 2"]) -> Float[Tensor, "*points"]:
    """Cut off beyond radius 1: for kernels on groups that keep areas.

    Examples
    --------
    >>> import torch
    >>> hard_disc(torch.tensor([[0.6, 0.8], [0.8, 0.8]])).tolist()
    [1.0, 0.0]
    """
    # Twice the rounding: a pixel on the circle must not fall in or out by the order of operations.
    return (torch.linalg.vector_norm(plane, dim=-1) <= 1 + 2e-6).to(plane.dtype)


def smooth_ball(coordinates: Float[Tensor, "*points d"]) -> Float[Tensor, "*points"]:
    """Fade out around distance 1 in all coordinates, of the plane and of the group: sigmoid(2 (1 - |v|)).

    Examples
    --------
    >>> import torch
    >>> smooth_ball(torch.tensor([[1.0, 0.0, 0.0]])).tolist()
    [0.5]
    """
    return torch.sigmoid(SLOPE * (1 - torch.linalg.vector_norm(coordinates, dim=-1)))


class SineLayer(nn.Module):
    """sin(w0 (W x + b)), with the first weights of sine networks.

    Those of the first layer of a network are uniform within ±1/features, those of the others within
    ±sqrt(6/features)/w0, so that every layer's pre-activations are about standard normal.

    Parameters
    ----------
    features, width : how many numbers go in and come out.
    w0 : frequency.
    first : whether this is the first layer.

    References
    ----------
    Sitzmann, Martel, Bergman, Lindell, Wetzstein (2020), Implicit Neural Representations with Periodic Activation
    Functions, arXiv:2006.09661.

    Examples
    --------
    >>> import torch
    >>> SineLayer(2, 5, w0=10.0, first=True)(torch.zeros(7, 2)).shape
    torch.Size([7, 5])
    """

    def __init__(self, features: int, width: int, w0: float, *, first: bool):
        super().__init__()
        if not 0 < w0 < math.inf:
            raise InvalidInputError(f"The frequency w0 of a sine layer must be positive; got {w0}.")
        self.w0 = w0
        self.linear = nn.Linear(features, width)
        bound = 1 / features if first else math.sqrt(6 / features) / w0
        nn.init.uniform_(self.linear.weight, -bound, bound)
        if not first:
            nn.init.zeros_(self.linear.bias)

    def forward(self, x: Float[Tensor, "*points features"]) -> Float[Tensor, "*points width"]:
        """Map points."""
        y: Tensor = torch.sin(self.w0 * self.linear(x))
        return y


class SineKernel(nn.Module):
    r"""A kernel k: coordinates -> (C_out x C_in), as a network of sine layers and a linear one (SIREN).

    A first sine layer and `layers` further ones, all of `width` units. The last weights are within
    $\pm\sqrt{6 / \mathrm{width}} / \sqrt{\mathrm{fan}}$. Cost: width² · layers a point, width · C_in · C_out a pixel.

    Parameters
    ----------
    coordinates : how many numbers the kernel is a function of.
    in_channels, out_channels : of the convolution.
    fan : number of products that the convolution adds up for each output: pixels times input channels.
    width, layers, w0 : of the sine layers.
    first_w0 : frequency of the first; None for `w0`.

    Examples
    --------
    >>> import torch
    >>> SineKernel(5, 3, 4, fan=75)(torch.zeros(25, 1, 5), torch.ones(25, 1)).shape
    torch.Size([25, 4, 3])
    """

    def __init__(
        self,
        coordinates: int,
        in_channels: int,
        out_channels: int,
        *,
        fan: int,
        width: int = 60,
        layers: int = 2,
        w0: float = 10.0,
        first_w0: float | None = None,
    ):
        super().__init__()
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "width": width, "fan": fan}
        if wrong := [f"{name}={value}" for name, value in sizes.items() if value < 1]:
            raise InvalidInputError(f"Sizes of a kernel must be at least 1; got {', '.join(wrong)}.")
        if layers < 0:
            raise InvalidInputError(f"layers counts further sine layers and must be at least 0; got {layers}.")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.sines = nn.Sequential(
            SineLayer(coordinates, width, first_w0 or w0, first=True),
            *(SineLayer(width, width, w0, first=False) for _ in range(layers)),
        )
        self.linear = nn.Linear(width, out_channels * in_channels)
        bound = math.sqrt(6 / width) / math.sqrt(fan)
        nn.init.uniform_(self.linear.weight, -bound, bound)
        nn.init.zeros_(self.linear.bias)

    def forward(
        self, at: Float[Tensor, "*pixels points coordinates"], cut: Float[Tensor, "*pixels points"]
    ) -> Float[Tensor, "*pixels out_channels in_channels"]:
        """Give the mean over each pixel's points of the kernel times its cut-off.

        The last layer is linear, so that the mean is taken before it, over `width` numbers instead of all channels.
        """
        cut = cut / cut.shape[-1]
        means = (cut[..., None, :] @ self.sines(at)).squeeze(-2)
        y = means @ self.linear.weight.mT + cut.sum(-1, keepdim=True) * self.linear.bias
        return y.unflatten(-1, (self.out_channels, self.in_channels))

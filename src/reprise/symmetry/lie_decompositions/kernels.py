"""Kernels as functions: a sine network of coordinates, the grid it is read at, and where it is cut off."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError

SLOPE = 2.0
"""Of the smooth cut-off."""


def kernel_grid(size: int) -> Float[Tensor, "2 pixels"]:
    """Give the coordinates (x to the right, y down) of the pixels of a kernel, within [-1, 1].

    Pixel centres, row by row: the outermost lie at ±(1 - 1/size), as in torch's `affine_grid` with align_corners False.

    Examples
    --------
    >>> kernel_grid(2)
    tensor([[-0.5000,  0.5000, -0.5000,  0.5000],
            [-0.5000, -0.5000,  0.5000,  0.5000]])
    """
    if size < 1:
        raise InvalidInputError(f"The size of a kernel must be at least 1; got {size}.")
    line = (2 * torch.arange(size) + 1) / size - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()])


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
    $\pm\sqrt{6 / \mathrm{width}} / \sqrt{\mathrm{fan}}$. Cost a point: width² · layers + width · C_in · C_out.

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
    >>> SineKernel(5, 3, 4, fan=75)(torch.zeros(11, 5)).shape
    torch.Size([11, 4, 3])
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
        if wrong := [f"{name}={value}" for name, value in sizes.items() if value < 1] or layers < 0:
            raise InvalidInputError(f"Sizes of a kernel must be at least 1; got {wrong or f'layers={layers}'}.")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.sines = nn.Sequential(
            SineLayer(coordinates, width, first_w0 or w0, first=True),
            *(SineLayer(width, width, w0, first=False) for _ in range(layers)),
        )
        self.linear = nn.Linear(width, out_channels * in_channels)
        bound = math.sqrt(6 / width) / math.sqrt(fan)
        nn.init.uniform_(self.linear.weight, -bound, bound)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Float[Tensor, "*points coordinates"]) -> Float[Tensor, "*points out_channels in_channels"]:
        """Give the kernel at points."""
        y: Tensor = self.linear(self.sines(x))
        return y.unflatten(-1, (self.out_channels, self.in_channels))

"""Convolutions over positions and N orientations, with kernels that turn: the group C_N without further packages."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.flow_equivariant_rnn.constants import Constant

Field = Literal["scalar", "regular"]
RING_WIDTH = 0.6  # standard deviation of a ring's profile, in pixels


class CyclicConv(nn.Module):
    """Convolution equivariant to translations and to rotations by multiples of 360 / N degrees.

    A ``"scalar"`` field has a number at each pixel; a ``"regular"`` one N, of which channel k N + n belongs to feature
    k at orientation n, and rotation by 360 / N degrees also moves n to n + 1. With r_n the kernel turned by n steps,

    - scalar to regular (lifting): out(n) = r_n w ⋆ in,
    - regular to regular: out(n) = Σ_m r_n w_{(m - n) mod N} ⋆ in(m),
    - regular to scalar (projection): out = Σ_m r_m w ⋆ in(m).

    Kernels are learned combinations of circular harmonics on rings, which turn exactly before they are sampled at
    pixels; so rotations by 90 degrees are exact, and others up to the sampling. No bias; zeros around the canvas.

    Parameters
    ----------
    in_channels, out_channels : numbers of features (a regular field has N times as many channels).
    orientations : N.
    kernel : odd width of the kernels.
    source, target : the fields; scalar to scalar is an ordinary convolution with kernels alike in all directions.

    Raises
    ------
    InvalidInputError
        If a number is below 1, the kernel even, or a field unknown.

    References
    ----------
    Cohen and Welling (2016), Group Equivariant Convolutional Networks, arXiv:1602.07576; Weiler and Cesa (2019),
    General E(2)-Equivariant Steerable CNNs, arXiv:1911.08251.

    Examples
    --------
    >>> lift = CyclicConv(1, 4, orientations=8)
    >>> lift(torch.rand(2, 1, 12, 12)).shape
    torch.Size([2, 32, 12, 12])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        orientations: int,
        kernel: int = 3,
        *,
        source: Field = "scalar",
        target: Field = "regular",
    ):
        super().__init__()
        if min(in_channels, out_channels, orientations) < 1 or kernel < 1 or kernel % 2 == 0:
            raise InvalidInputError(
                f"Channels and orientations must be at least 1 and the kernel odd; got {in_channels} and "
                f"{out_channels} channels, {orientations} orientations, kernel {kernel}."
            )
        if source not in get_args(Field) or target not in get_args(Field):
            raise InvalidInputError(f"A field is 'scalar' or 'regular'; got {source!r} and {target!r}.")
        self.source, self.target = source, target
        self.orientations, self.kernel_size = orientations, kernel
        self.basis = Constant(turned_harmonics(orientations, kernel))
        relative = orientations if source == target == "regular" else 1
        functions = self.basis.value.shape[1]
        fan_in = in_channels * (orientations if source == "regular" else 1) * functions
        bound = 1 / math.sqrt(fan_in)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, relative, functions).uniform_(-bound, bound))

    def kernels(self) -> Float[Tensor, "out in k k"]:
        """Give the weights of the equivalent ordinary convolution."""
        basis = self.basis.like(self.weight)
        features_out, features_in = self.weight.shape[:2]
        size = (self.kernel_size, self.kernel_size)
        if self.source == self.target == "regular":
            steps = torch.arange(self.orientations, device=basis.device)
            weight = self.weight[:, :, (steps - steps[:, None]) % self.orientations]  # (out, in, n, m, p)
            turned = torch.einsum("oinmp,npyx->onimyx", weight, basis)
        elif self.target == "regular":
            turned = torch.einsum("oip,npyx->oniyx", self.weight[:, :, 0], basis)
        elif self.source == "regular":
            turned = torch.einsum("oip,npyx->oinyx", self.weight[:, :, 0], basis)
        else:
            turned = torch.einsum("oip,pyx->oiyx", self.weight[:, :, 0], basis.mean(0))
        many_out = features_out * (self.orientations if self.target == "regular" else 1)
        many_in = features_in * (self.orientations if self.source == "regular" else 1)
        return turned.reshape(many_out, many_in, *size)

    def forward(self, images: Float[Tensor, "B in H W"]) -> Float[Tensor, "B out H W"]:
        """Convolve."""
        return nn.functional.conv2d(images, self.kernels(), padding=self.kernel_size // 2)


def turned_harmonics(orientations: int, kernel: int) -> Float[Tensor, "N P k k"]:
    """Sample circular harmonics on rings, turned by each of N angles, at the pixels of a kernel; P functions.

    Ring r has frequencies up to 2 r, the outermost, which the square cuts, up to 2, the centre only the constant.

    Examples
    --------
    >>> turned_harmonics(8, 3).shape
    torch.Size([8, 6, 3, 3])
    """
    reach = kernel // 2
    axis = torch.arange(-reach, reach + 1, dtype=torch.float64)
    y, x = axis[:, None], axis[None, :]
    radius = (x.square() + y.square()).sqrt()
    phase = torch.atan2(-y, x) - 2 * math.pi / orientations * torch.arange(orientations).double()[:, None, None]
    functions = []
    for ring in range(reach + 1):
        profile = torch.exp(-(radius - ring).square() / (2 * RING_WIDTH**2))
        functions.append(profile.expand_as(phase))
        if ring == 0:
            continue
        for frequency in range(1, 1 + (2 if ring == reach else 2 * ring)):
            # the phase means nothing at the centre, where only a constant can be told from its turned self
            away = profile * (radius > 0)
            functions += [away * (frequency * phase).cos(), away * (frequency * phase).sin()]
    basis = torch.stack(functions, dim=1)
    return basis / basis[:1].square().sum((-1, -2), keepdim=True).sqrt()

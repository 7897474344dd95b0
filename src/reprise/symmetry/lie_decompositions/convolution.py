"""Convolutions from the plane to R² x| G, and on it, with kernels sampled at group elements."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.lie_decompositions.groups import GroupSamples, MatrixGroup
from reprise.symmetry.lie_decompositions.kernels import SineKernel, hard_disc, kernel_grid, smooth_ball
from reprise.symmetry.lie_decompositions.plane import plane_group


class _SampledConv2d(nn.Module):
    """What both layers share: a group, a kernel network of `coordinates` numbers, the kernel's grid."""

    grid: Tensor

    def __init__(
        self,
        group: str | MatrixGroup,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        coordinates: int,
        padding: int,
        bias: bool,
        subpixels: int,
        reach: float,
        kernel: dict[str, Any] | None,
    ):
        super().__init__()
        self.group = plane_group(group)
        if padding < 0:
            raise InvalidInputError(f"padding counts pixels and must be at least 0; got {padding}.")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.padding = kernel_size, padding
        self.register_buffer("grid", kernel_grid(kernel_size, subpixels, reach), persistent=False)
        self.kernel = SineKernel(
            coordinates, in_channels, out_channels, fan=in_channels * kernel_size**2, **(kernel or {})
        )
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def _turned_grid(self, samples: GroupSamples) -> Float[Tensor, "N pixels points 2"]:
        """Give g⁻¹ u for all points u of the grid."""
        return torch.einsum("nij,pqj->npqi", samples.inverse.to(self.grid), self.grid)

    def _convolve(self, x: Tensor, weight: Tensor, count: int) -> Tensor:
        """Convolve (B, C_in, H, W) with (C_out, N, C_in, k, k), and give (B, C_out, N, H', W')."""
        if min(x.shape[-2:]) + 2 * self.padding < self.kernel_size:
            raise InvalidInputError(
                f"The image of {x.shape[-2]} x {x.shape[-1]} pixels is smaller than the kernel of {self.kernel_size}."
            )
        y = nn.functional.conv2d(x, weight.flatten(0, 1), padding=self.padding)
        y = y.unflatten(1, (self.out_channels, count))
        return y if self.bias is None else y + self.bias[:, None, None, None]

    def extra_repr(self) -> str:
        return (
            f"{self.group}, {self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"padding={self.padding}, bias={self.bias is not None}"
        )


class LiftConv2d(_SampledConv2d):
    r"""Convolution that lifts images to functions on R² x| G: (B, C_in, H, W) to (B, C_out, N, H', W').

    .. math:: y(x, g) = |\det g|^{-1} \sum_u k(g^{-1} u)\, f(x + u)

    over the pixels u of the kernel, for each of N sampled g: N kernels from one function k, a `SineKernel` of 2
    coordinates, cut off by `hard_disc` (groups that keep areas) or `smooth_ball`. Coordinates are x to the right and
    y down, the kernel's half width is 1.

    When h acts on the image, (h f)(x) = f(h⁻¹ x), and the samples move along, g to h g, the output moves along:
    y(x, h g) becomes what y(h⁻¹ x, g) was, up to pixels (`affine_equivariance_error`). Translations are exact.

    Cost: that of a convolution with N C_out channels, and N k² evaluations of the kernel.

    Parameters
    ----------
    group : ``"so2"``, ``"sl2"``, ``"gl2"``, or a `MatrixGroup` of the plane.
    in_channels, out_channels : of the layer.
    kernel_size : k, at least 2.
    padding : zeros around the image; the authors found that it harms here.
    bias : add one number to each output channel.
    subpixels : take each pixel of the kernel as the mean over subpixels² points, not as its value in the middle. The
        authors' single point undersamples a sine network of their frequency: at 5 x 5 pixels the layer is then hardly
        more equivariant than an ordinary convolution. Ours.
    reach : half width of the grid in the kernel's coordinates. With 1, as in the authors' code, what a group element
        stretches beyond the grid is cut off; 1.3 holds it for nearly all samples of SL(2). Ours.
    kernel : settings of the `SineKernel`.

    Raises
    ------
    InvalidInputError
        If a size is too small, or the image smaller than the kernel.

    Examples
    --------
    >>> import torch
    >>> lift = LiftConv2d("sl2", 1, 4, kernel_size=5)
    >>> samples = lift.group.sample_pair(10, torch.Generator().manual_seed(0))
    >>> lift(torch.randn(2, 1, 20, 20), samples).shape
    torch.Size([2, 4, 10, 16, 16])
    """

    def __init__(
        self,
        group: str | MatrixGroup,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        padding: int = 0,
        bias: bool = True,
        subpixels: int = 1,
        reach: float = 1.0,
        kernel: dict[str, Any] | None = None,
    ):
        if kernel_size < 2:
            raise InvalidInputError(
                f"The kernel of a lifting layer has at least 2 x 2 pixels (a single one, at the origin, looks alike "
                f"for all group elements); got kernel_size={kernel_size}."
            )
        super().__init__(group, in_channels, out_channels, kernel_size, 2, padding, bias, subpixels, reach, kernel)

    def forward(self, x: Float[Tensor, "B C_in H W"], samples: GroupSamples) -> Float[Tensor, "B C_out N H2 W2"]:
        """Lift images to the sampled group elements."""
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise InvalidInputError(f"Images (B, {self.in_channels}, H, W) are expected; got shape {tuple(x.shape)}.")
        return self._convolve(x, self.weight(samples).to(x.dtype), len(samples.g))

    def weight(self, samples: GroupSamples) -> Float[Tensor, "C_out N C_in k k"]:
        """Sample the kernel at group elements."""
        plane = self._turned_grid(samples)
        if self.group.volume_preserving:
            cut = hard_disc(plane)
        else:
            cut = smooth_ball(plane) * torch.linalg.det(samples.inverse.to(self.grid)).abs()[:, None, None]
        kernel = self.kernel(plane, cut)  # (N, k², C_out, C_in)
        return kernel.permute(2, 0, 3, 1).unflatten(-1, (self.kernel_size, self.kernel_size))


class GroupConv2d(_SampledConv2d):
    r"""Convolution on R² x| G: (B, C_in, N_in, H, W) to (B, C_out, N_out, H', W').

    .. math:: y(x, g) = \sum_{\tilde g} |\det \tilde g|^{-1} \sum_u k(g^{-1} u,\ \xi^{-1}(g^{-1} \tilde g))\,
        f(x + u, \tilde g)

    over the samples that f is given at and the pixels u of the kernel: a Monte Carlo estimate of the integral over
    the group, up to a constant. k is a `SineKernel` of 2 + dim G coordinates, cut off by `hard_disc` in the plane
    (groups that keep areas) or by `smooth_ball` in all coordinates of plane and group.

    When h acts on f, (h f)(x, g) = f(h⁻¹ x, h⁻¹ g), all samples moving along, the output moves along, up to pixels.

    Cost: that of a convolution from N_in C_in to N_out C_out channels, and N_in N_out k² evaluations of the kernel. The
    error of the estimate is O(N_in^-1/2).

    Parameters
    ----------
    group, in_channels, out_channels, kernel_size, padding, bias, subpixels, reach, kernel : as those of `LiftConv2d`;
        a kernel of 1 is allowed here.
    periodic : let kernels be functions of `MatrixGroup.periodic` coordinates, which do not jump at the identity, in
        place of the paper's ξ⁻¹; the smooth cut-off then goes by the shorter turn. Ours.

    Raises
    ------
    InvalidInputError
        If a size is too small, the image smaller than the kernel, or features and samples differ in number.

    Examples
    --------
    >>> import torch
    >>> conv = GroupConv2d("sl2", 4, 6, kernel_size=3, padding=1)
    >>> generator = torch.Generator().manual_seed(0)
    >>> given, wanted = conv.group.sample_pair(10, generator), conv.group.sample_pair(8, generator)
    >>> conv(torch.randn(2, 4, 10, 16, 16), given, wanted).shape
    torch.Size([2, 6, 8, 16, 16])
    """

    def __init__(
        self,
        group: str | MatrixGroup,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        padding: int = 0,
        bias: bool = True,
        subpixels: int = 1,
        reach: float = 1.0,
        periodic: bool = False,
        kernel: dict[str, Any] | None = None,
    ):
        group = plane_group(group)
        coordinates = 2 + (group.periodic_dim if periodic else group.dim)
        super().__init__(
            group, in_channels, out_channels, kernel_size, coordinates, padding, bias, subpixels, reach, kernel
        )
        self.periodic = periodic

    def forward(
        self, x: Float[Tensor, "B C_in N_in H W"], samples: GroupSamples, out_samples: GroupSamples | None = None
    ) -> Float[Tensor, "B C_out N_out H2 W2"]:
        """Convolve.

        Parameters
        ----------
        x : features at `samples`.
        samples : where the features are given.
        out_samples : where the output is wanted; None for the same elements.
        """
        wanted = samples if out_samples is None else out_samples
        if x.ndim != 5 or x.shape[1:3] != (self.in_channels, len(samples.g)):
            raise InvalidInputError(
                f"Features (B, {self.in_channels}, {len(samples.g)}, H, W) are expected for {self.in_channels} "
                f"channels and {len(samples.g)} group samples; got shape {tuple(x.shape)}."
            )
        weight = self.weight(samples, wanted).to(x.dtype).flatten(2, 3)
        return self._convolve(x.flatten(1, 2), weight, len(wanted.g))

    def weight(self, samples: GroupSamples, out_samples: GroupSamples) -> Float[Tensor, "C_out N_out C_in N_in k k"]:
        """Sample the kernel at pairs of group elements."""
        plane = self._turned_grid(out_samples)
        relative = out_samples.inverse[:, None] @ samples.g
        logarithm = self.group.log(relative, check=False)
        fibre = (self.group.periodic(relative) if self.periodic else logarithm).to(self.grid)  # (N_out, N_in, dim)
        shape = (*fibre.shape[:2], *plane.shape[1:3])
        at = torch.cat(
            [plane[:, None].expand(*shape, 2), fibre[:, :, None, None].expand(*shape, fibre.shape[-1])], dim=-1
        )
        if self.group.volume_preserving:
            cut = hard_disc(at[..., :2])
        else:  # Haar's density belongs to the variable of integration
            distance = torch.linalg.vector_norm(logarithm, dim=-1)
            if self.periodic:  # the inverse turns the other way round: the shorter way does not jump at the identity
                back = self.group.log(samples.inverse @ out_samples.g[:, None], check=False)
                distance = torch.minimum(distance, torch.linalg.vector_norm(back, dim=-1))
            apart = distance.to(self.grid)[:, :, None, None, None].expand(*shape, 1)
            cut = smooth_ball(torch.cat([at[..., :2], apart], dim=-1))
            cut = cut / torch.linalg.det(samples.g.to(self.grid)).abs()[:, None, None]
        kernel = self.kernel(at, cut)  # (N_out, N_in, k², C_out, C_in)
        return kernel.permute(3, 0, 4, 1, 2).unflatten(-1, (self.kernel_size, self.kernel_size))

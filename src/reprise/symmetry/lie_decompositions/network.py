"""The residual network: lift, residual blocks on the group, pooling over all of it, a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.lie_decompositions.convolution import GroupConv2d, LiftConv2d
from reprise.symmetry.lie_decompositions.groups import GroupSamples, MatrixGroup
from reprise.symmetry.lie_decompositions.plane import plane_group

HEAD_WIDTH = 256
DROPOUT = 0.3


class FeatureNorm(nn.Module):
    """Bring each image's features (B, C, N, H, W) to mean 0 and variance 1 over all of C, N, H, W.

    With `affine`, then scale and shift each channel, which keeps equivariance.

    Examples
    --------
    >>> import torch
    >>> y = FeatureNorm(3)(5 + torch.randn(2, 3, 4, 6, 6))
    >>> bool(y.mean((1, 2, 3, 4)).abs().max() < 1e-5)
    True
    """

    def __init__(self, channels: int, *, affine: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Float[Tensor, "B C N H W"]) -> Float[Tensor, "B C N H W"]:
        """Normalise."""
        y = nn.functional.layer_norm(x, x.shape[1:])
        if self.weight is None or self.bias is None:
            return y
        return y * self.weight[:, None, None, None] + self.bias[:, None, None, None]


class GroupResidualBlock(nn.Module):
    """GELU(x + f(x)) with f = (convolution, norm, GELU) twice, all at the same group samples.

    Examples
    --------
    >>> import torch
    >>> block = GroupResidualBlock("sl2", 4, kernel_size=3)
    >>> samples = plane_group("sl2").sample_pair(5, torch.Generator().manual_seed(0))
    >>> block(torch.randn(2, 4, 5, 8, 8), samples).shape
    torch.Size([2, 4, 5, 8, 8])
    """

    def __init__(
        self,
        group: str | MatrixGroup,
        channels: int,
        kernel_size: int,
        *,
        affine: bool = False,
        **settings: Any,
    ):
        super().__init__()
        if kernel_size % 2 == 0:
            raise InvalidInputError(f"A residual block keeps the image's size: kernel_size is odd; got {kernel_size}.")
        settings |= {"padding": kernel_size // 2, "bias": False}
        self.first = GroupConv2d(group, channels, channels, kernel_size, **settings)
        self.second = GroupConv2d(group, channels, channels, kernel_size, **settings)
        self.norms = nn.ModuleList(FeatureNorm(channels, affine=affine) for _ in range(2))

    def forward(self, x: Float[Tensor, "B C N H W"], samples: GroupSamples) -> Float[Tensor, "B C N H W"]:
        """Update features."""
        y = nn.functional.gelu(self.norms[0](self.first(x, samples)))
        y = nn.functional.gelu(self.norms[1](self.second(y, samples)))
        return nn.functional.gelu(x + y)


class AffineResNet(nn.Module):
    r"""Residual network of images that keeps what it has learnt under linear maps of the plane and translations.

    Images are lifted to R² x| G (`LiftConv2d`), pass residual blocks there (`GroupConv2d`), each followed by a norm,
    spatial max-pooling by 2 and GELU, then a last convolution; the maximum over the group and the plane is invariant,
    and a perceptron reads it. Group elements are drawn afresh at every forward pass, in evaluation too (`resample`), so
    that two passes differ; pass a `generator` for the same draw, or average a few passes.

    The invariance is up to Monte Carlo error, O(samples^-1/2), pixels, borders, and what the pooling by 2 adds.
    Cost: that of a convolutional network of width · samples channels.

    Parameters
    ----------
    group : ``"sl2"`` (area-preserving maps), ``"gl2"`` (all that keep orientation), ``"so2"`` (rotations), or a
        `MatrixGroup` of the plane.
    in_channels, num_classes : of images and logits.
    width, blocks : channels, and residual blocks.
    samples : N, group elements a layer.
    resample : draw new elements at each forward pass, or keep those drawn (from `seed`) at the start.
    kernel_size : of all convolutions, odd.
    affine_norms : let the norms scale and shift each channel; not in the paper.
    subpixels, reach, periodic : of the convolutions; with (1, 1, False), the paper's, see `LiftConv2d`.
    kernel : settings of the `SineKernel`.
    seed : of the elements that are kept.

    Raises
    ------
    InvalidInputError
        If a size is below 1, or an image smaller than the receptive field of one output.

    Examples
    --------
    >>> import torch
    >>> network = AffineResNet("sl2", num_classes=10, width=4, samples=3).eval()
    >>> images = torch.randn(2, 1, 24, 24)
    >>> logits = network(images, torch.Generator().manual_seed(0))
    >>> logits.shape, torch.equal(logits, network(images, torch.Generator().manual_seed(0)))
    (torch.Size([2, 10]), True)
    """

    kept: Tensor
    kept_last: Tensor

    def __init__(
        self,
        group: str | MatrixGroup = "sl2",
        in_channels: int = 1,
        num_classes: int = 10,
        width: int = 40,
        blocks: int = 1,
        samples: int = 10,
        resample: bool = True,
        *,
        kernel_size: int = 5,
        affine_norms: bool = False,
        subpixels: int = 1,
        reach: float = 1.0,
        periodic: bool = False,
        kernel: dict[str, Any] | None = None,
        seed: int = 0,
    ):
        super().__init__()
        self.group = plane_group(group)
        sizes = {"in_channels": in_channels, "num_classes": num_classes, "width": width}
        if wrong := [f"{name}={value}" for name, value in sizes.items() if value < 1]:
            raise InvalidInputError(f"Sizes of the network must be at least 1; got {', '.join(wrong)}.")
        if blocks < 0:
            raise InvalidInputError(f"blocks counts residual blocks and must be at least 0; got {blocks}.")
        self.samples, self.resample, self.kernel_size = samples, resample, kernel_size
        convolution: dict[str, Any] = {"bias": False, "subpixels": subpixels, "reach": reach, "kernel": kernel}
        on_group = convolution | {"periodic": periodic}
        self.lift = LiftConv2d(self.group, in_channels, width, kernel_size, **convolution)
        self.blocks = nn.ModuleList(
            GroupResidualBlock(self.group, width, kernel_size, affine=affine_norms, **on_group) for _ in range(blocks)
        )
        self.last = GroupConv2d(self.group, width, width, kernel_size, **on_group)
        self.norms = nn.ModuleList(FeatureNorm(width, affine=affine_norms) for _ in range(blocks + 2))
        self.head = nn.Sequential(
            nn.Linear(width, HEAD_WIDTH, bias=False),
            nn.LayerNorm(HEAD_WIDTH),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HEAD_WIDTH, num_classes),
        )
        for name, drawn in zip(("kept", "kept_last"), self.draw(torch.Generator().manual_seed(seed)), strict=True):
            self.register_buffer(name, torch.stack(drawn))

    def forward(
        self, images: Float[Tensor, "B C H W"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "B classes"]:
        """Give logits; group elements are drawn from the generator, or torch's global one."""
        logits: Tensor = self.head(self.features(images, generator))
        return logits

    def features(
        self,
        images: Float[Tensor, "B C H W"],
        generator: torch.Generator | None = None,
        samples: Sequence[GroupSamples] | None = None,
    ) -> Float[Tensor, "B width"]:
        """Give the invariant features: the maximum over plane and group after the last convolution.

        Parameters
        ----------
        images : of at least `smallest_image` pixels on each side.
        generator : for new group elements.
        samples : elements of the blocks and of the last layer, as `draw` gives them, in place of a draw.
        """
        self.require_size(images.shape[-2:])
        inner, last = samples or self._elements(generator)
        x = nn.functional.gelu(self.norms[0](self.lift(images, inner)))
        for block, norm in zip(self.blocks, self.norms[1:-1], strict=True):
            x = norm(block(x, inner))
            x = nn.functional.gelu(nn.functional.max_pool2d(x.flatten(1, 2), 2).unflatten(1, x.shape[1:3]))
        x = nn.functional.gelu(self.norms[-1](self.last(x, inner, last)))
        return x.amax(dim=(2, 3, 4))

    def draw(self, generator: torch.Generator | None = None) -> tuple[GroupSamples, GroupSamples]:
        """Draw the group elements of one forward pass: those of lifting and blocks, and those of the last layer.

        Blocks keep their elements, so that what is added to them in the end lives on the same ones.
        """
        first = self.group.sample_pair(self.samples, generator, dtype=torch.float64)
        return first, self.group.sample_pair(self.samples, generator, dtype=torch.float64)

    @property
    def smallest_image(self) -> int:
        """Pixels on a side from which one pixel is left before the last pooling."""
        return self.kernel_size * 2 ** len(self.blocks) + self.kernel_size - 1

    def require_size(self, size: Sequence[int]) -> None:
        """Raise `InvalidInputError` if images of (height, width) `size` are smaller than `smallest_image`."""
        if min(size) < self.smallest_image:
            raise InvalidInputError(
                f"Images of at least {self.smallest_image} pixels on each side are expected, the receptive field of "
                f"this network; got {' x '.join(map(str, size))}."
            )

    def parameter_groups(self, lr: float, sine_rate: float = 1.0) -> list[dict[str, Any]]:
        """Give the parameters as an optimizer takes them: the kernels' sine layers at `sine_rate` times the rate.

        A step that is small for a linear layer turns a sine of frequency w0 a long way.
        """
        sines = [p for name, p in self.named_parameters() if ".sines." in name]
        others = [p for name, p in self.named_parameters() if ".sines." not in name]
        return [{"params": others, "lr": lr}, {"params": sines, "lr": sine_rate * lr}]

    def _elements(self, generator: torch.Generator | None) -> tuple[GroupSamples, GroupSamples]:
        if self.resample:
            return self.draw(generator)
        return GroupSamples(self.kept[0], self.kept[1]), GroupSamples(self.kept_last[0], self.kept_last[1])

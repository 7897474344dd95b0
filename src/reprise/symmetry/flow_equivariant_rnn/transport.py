"""How each velocity's part of the hidden state is carried along by one step of its own flow.

States are (B, V, H, W, C) here, channels last: one gather then moves whole vectors, writes the margin that the next
convolution needs at once, and convolutions are quickest in this layout. Signals have H = 1.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.nn.rotate import rotate_images
from reprise.symmetry.flow_equivariant_rnn.constants import Constant
from reprise.symmetry.flow_equivariant_rnn.flows import Rotations, Translations

Margin = tuple[int, int]
"""Rows and columns that are added at each side."""


class TranslationTransport(nn.Module):
    """Roll the part of each velocity by that velocity, on a torus; no loop over velocities.

    Parameters
    ----------
    velocities : V of them.
    """

    def __init__(self, velocities: Translations):
        super().__init__()
        self.velocities = velocities
        self._indices: dict[tuple[Any, ...], tuple[Tensor, Tensor]] = {}

    def forward(self, state: Float[Tensor, "B V H W C"], margin: Margin) -> Float[Tensor, "B V Hm Wm C"]:
        """Move the state, and repeat it around its edges as far as `margin` says."""
        batch, count, height, width, channels = state.shape
        index, inverse = self._index((height, width), margin, state.device, offset=True)
        rows = state.reshape(batch, count * height * width, channels)
        moved: Tensor = _MoveAndPad.apply(rows, index, inverse, (count, height, width), margin)
        return moved.view(batch, count, height + 2 * margin[0], width + 2 * margin[1], channels)

    def spread(self, shared: Float[Tensor, "B H W C"]) -> Float[Tensor, "B V H W C"]:
        """Give what moving V copies of `shared` would give."""
        batch, height, width, channels = shared.shape
        index, inverse = self._index((height, width), (0, 0), shared.device, offset=False)
        spread: Tensor = _Spread.apply(shared.reshape(batch, height * width, channels), index, inverse)
        return spread.view(batch, len(self.velocities), height, width, channels)

    def _index(
        self, size: tuple[int, int], margin: Margin, device: torch.device, *, offset: bool
    ) -> tuple[Tensor, Tensor]:
        """Say which row each row of the moved state comes from, and where each goes to; computed once a size."""
        key = (size, margin, device, offset)
        if key not in self._indices:
            height, width = size
            # (vx,) or (vx, vy): the last axis comes first
            shifts = torch.tensor([(*v, 0)[:2] for v in self.velocities.velocities], device=device)
            vx, vy = shifts[:, 0, None], shifts[:, 1, None]
            first = torch.arange(len(shifts), device=device)[:, None, None] * (height * width)

            def numbers(y: Tensor, x: Tensor, base: Tensor | int) -> Tensor:
                return (base + (y % height)[:, :, None] * width + (x % width)[:, None, :]).flatten()

            padded_y = torch.arange(-margin[0], height + margin[0], device=device)
            padded_x = torch.arange(-margin[1], width + margin[1], device=device)
            index = numbers(padded_y - vy, padded_x - vx, first if offset else 0)
            y, x = torch.arange(height, device=device), torch.arange(width, device=device)
            self._indices[key] = index, numbers(y + vy, x + vx, first)
        return self._indices[key]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the indices out of copies and pickles: they are made again."""
        return {**self.__dict__, "_indices": {}}


class RotationTransport(nn.Module):
    """Turn the part of each velocity by its angle: pixels about the centre, orientation channels around their cycle.

    Channel k N + n is feature k at orientation n, of N orientations 360 / N degrees apart. An angle between two
    orientations is interpolated linearly between them; what leaves the canvas is lost, what enters is 0.

    Parameters
    ----------
    velocities : V angles.
    orientations : N.
    """

    def __init__(self, velocities: Rotations, orientations: int):
        super().__init__()
        self.orientations = orientations
        self.degrees = torch.tensor(velocities.degrees, dtype=torch.float64)
        self.turn = Constant(orientation_turns(self.degrees, orientations))

    def forward(self, state: Float[Tensor, "B V H W C"], margin: Margin) -> Float[Tensor, "B V Hm Wm C"]:
        """Turn the state, and surround it by as many zeros as `margin` says."""
        batch, count, height, width, channels = state.shape
        images = state.permute(1, 0, 4, 2, 3).reshape(count, batch * channels, height, width)
        turned = rotate_images(images, self.degrees)
        turned = turned.view(count, batch, channels // self.orientations, self.orientations, height, width)
        turned = torch.einsum("vnm,vbkmhw->bvhwkn", self.turn.like(state), turned)
        turned = turned.reshape(batch, count, height, width, channels)
        return nn.functional.pad(turned, (0, 0, margin[1], margin[1], margin[0], margin[0]))


class LearnedTransport(nn.Module):
    """A kernel for each velocity in place of its flow, learned, the same for all channels: the baseline G-RNN+.

    It has as many parts as the flow equivariant network and could learn to shift them; nothing makes it so.

    Parameters
    ----------
    velocities : V of them; the kernels reach as far as the largest.
    """

    def __init__(self, velocities: Translations):
        super().__init__()
        reach = [max(abs(v[axis]) for v in velocities.velocities) for axis in range(velocities.dims)]
        self.reach = (reach[1] if velocities.dims == 2 else 0, reach[0])
        size = (2 * self.reach[0] + 1, 2 * self.reach[1] + 1)
        self.kernels = nn.Parameter(torch.randn(len(velocities), 1, *size) / (size[0] * size[1]) ** 0.5)

    def forward(self, state: Float[Tensor, "B V H W C"], margin: Margin) -> Float[Tensor, "B V Hm Wm C"]:
        """Filter the state, and repeat it around its edges as far as `margin` says."""
        batch, count, height, width, channels = state.shape
        together = state.permute(0, 2, 3, 1, 4).reshape(batch, height, width, count * channels)
        reach = (self.reach[0] + margin[0], self.reach[1] + margin[1])
        padded = _repeat(_repeat(together, 1, reach[0]), 2, reach[1]).permute(0, 3, 1, 2)
        kernels = self.kernels.repeat_interleave(channels, 0)
        filtered = nn.functional.conv2d(padded, kernels, groups=count * channels)
        return filtered.permute(0, 2, 3, 1).unflatten(3, (count, channels)).permute(0, 3, 1, 2, 4)


def orientation_turns(degrees: Float[Tensor, " V"], orientations: int) -> Float[Tensor, "V N N"]:
    """Give the matrices that turn N orientation channels by each angle, linear between the two nearest.

    Examples
    --------
    >>> orientation_turns(torch.tensor([90.0, 45.0]), 4)[:, :, 0].tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]
    """
    shift = degrees.double() * orientations / 360
    whole = (shift + 1e-9).floor()
    fraction = (shift - whole).clamp(min=0)[:, None, None]
    target = torch.arange(orientations, device=degrees.device)[:, None]
    source = torch.arange(orientations, device=degrees.device)
    at = (target - source - whole.long()[:, None, None]) % orientations
    last = (at == 1 % orientations).double() if orientations > 1 else torch.ones_like(at, dtype=torch.float64)
    return (1 - fraction) * (at == 0) + fraction * last


def pad_circular(images: Float[Tensor, "N C H W"], margin: Margin) -> Float[Tensor, "N C Hm Wm"]:
    """Repeat images around their edges, `margin` rows and columns at each side; wider than the image is allowed."""
    return _repeat(_repeat(images, -2, margin[0]), -1, margin[1])


def _repeat(values: Tensor, axis: int, margin: int) -> Tensor:
    """Repeat values around both ends of an axis."""
    if margin == 0:
        return values
    length = values.shape[axis]
    return values.index_select(axis, torch.arange(-margin, length + margin, device=values.device) % length)


class _MoveAndPad(torch.autograd.Function):
    """Gather rows by `index`; the gradient adds the margin to what it repeats and gathers by `inverse`.

    `index_select` alone would scatter its gradient row by row, which is many times slower.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, index: Tensor, inverse: Tensor, size: tuple[int, int, int], margin: Margin
    ) -> Tensor:
        ctx.save_for_backward(inverse)
        ctx.size, ctx.margin = size, margin
        return rows.index_select(1, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = gradients
        (inverse,) = ctx.saved_tensors
        if any(ctx.margin):
            count, height, width = ctx.size
            padded = gradient.view(len(gradient), count, height + 2 * ctx.margin[0], width + 2 * ctx.margin[1], -1)
            gradient = _fold(padded, (height, width), ctx.margin).flatten(1, 3)
        return gradient.index_select(1, inverse), None, None, None, None


class _Spread(torch.autograd.Function):
    """Gather V shifted copies of the same rows; the gradient is the sum of the copies' shifted back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        ctx.count = rows.shape[1]
        return rows.index_select(1, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        (inverse,) = ctx.saved_tensors
        batch, _, channels = gradient.shape
        return gradient.index_select(1, inverse).view(batch, -1, ctx.count, channels).sum(1), None, None


def _fold(padded: Tensor, size: tuple[int, int], margin: Margin) -> Tensor:
    """Add a circular margin of (B, V, Hm, Wm, C) to the values it repeats: the transpose of repeating them."""
    folded = padded.narrow(2, margin[0], size[0]).narrow(3, margin[1], size[1]).clone()
    for row, to_row, rows in _pieces(size[0], margin[0]):
        for column, to_column, columns in _pieces(size[1], margin[1]):
            if (row, column) != margin:
                piece = padded.narrow(2, row, rows).narrow(3, column, columns)
                folded.narrow(2, to_row, rows).narrow(3, to_column, columns).add_(piece)
    return folded


def _pieces(length: int, margin: int) -> list[tuple[int, int, int]]:
    """Cut a padded axis where it wraps: start of each piece, the index it repeats, and how many; one is the axis."""
    pieces, start = [], 0
    while start < length + 2 * margin:
        repeats = (start - margin) % length
        many = min(length - repeats, length + 2 * margin - start)
        pieces.append((start, repeats, many))
        start += many
    return pieces

"""The symmetries that a pixel grid has exactly: quarter turns, mirrors, and shifts round a torus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reprise.errors import InvalidInputError


@dataclass(frozen=True)
class GridGroup:
    """Quarter turns of square images, with mirrors and with cyclic shifts where asked for: C4, D4, p4 and p4m.

    They move pixels onto pixels, so that a convolutional network's error is rounding and no interpolation hides a
    fault. Kinds of tensors: ``"image"`` (..., H, W), square where there are turns, and ``"scalar"`` of any shape (also
    called ``"invariant"``).

    Examples
    --------
    An ordinary convolution follows cyclic shifts, and no quarter turn:

    >>> import torch
    >>> from reprise.symmetry.equivariance import equivariance_error
    >>> layer = torch.nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular")
    >>> image = torch.randn(2, 1, 8, 8)
    >>> shifts = GridGroup(turns=False, mirrors=False, shifts=True)
    >>> equivariance_error(layer, image, shifts, input_kinds="image", output_kind="image").maximal < 1e-6
    True
    >>> equivariance_error(layer, image, GridGroup(), input_kinds="image", output_kind="image").maximal > 0.1
    True
    """

    turns: bool = True
    mirrors: bool = False
    shifts: bool = False

    def draw(
        self, inputs: Sequence[Tensor], kinds: Sequence[object], generator: torch.Generator
    ) -> tuple[int, bool, int, int]:
        """Draw (quarter turns, mirrored or not, rows down, columns to the right), uniform."""
        images = [value for value, kind in zip(inputs, kinds, strict=True) if kind == "image"]
        if not images:
            raise InvalidInputError(f"One input must be of kind 'image'; got kinds {tuple(kinds)}.")
        if images[0].ndim < 2:
            raise InvalidInputError(f"An image is (..., H, W); got shape {tuple(images[0].shape)}.")
        turn, mirror, down, right = (
            int(torch.randint(0, high, (), generator=generator, device=generator.device))
            for high in (4, 2, *images[0].shape[-2:])
        )
        return turn * self.turns, bool(mirror and self.mirrors), down * self.shifts, right * self.shifts

    def act(self, element: tuple[int, bool, int, int], value: Tensor, kind: str) -> Tensor:
        """Mirror, turn, then shift `value`."""
        if kind in {"scalar", "invariant"}:
            return value
        if kind != "image":
            raise InvalidInputError(f"This group does not act on {kind!r}; it acts on image, scalar.")
        if value.ndim < 2:
            raise InvalidInputError(f"An image is (..., H, W); got shape {tuple(value.shape)}.")
        if self.turns and value.shape[-1] != value.shape[-2]:
            raise InvalidInputError(f"Quarter turns need square images (..., H, H); got shape {tuple(value.shape)}.")
        turn, mirror, down, right = element
        flipped = value.flip(-1) if mirror else value
        return flipped.rot90(turn, (-2, -1)).roll((down, right), (-2, -1))

"""Prompts as one left-padded tensor, and places in them counted in each prompt's own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError

Positions = int | Sequence[int] | slice | Tensor | None


@dataclass(frozen=True)
class Batch:
    """Prompts of a batch, padded on the left so that all end in the last column.

    Parameters
    ----------
    ids : token ids; None where `embeddings` takes their place.
    mask : True at real tokens, False at padding.
    embeddings : input vectors instead of ids, for models that read more than text.
    """

    ids: Int[Tensor, "batch columns"] | None
    mask: Bool[Tensor, "batch columns"]
    embeddings: Float[Tensor, "batch columns d_model"] | None = None

    @classmethod
    def of_ids(cls, rows: Sequence[Sequence[int]], pad: int = 0, device: torch.device | str = "cpu") -> Batch:
        """Pad lists of token ids on the left.

        Raises
        ------
        InvalidInputError
            If there is no prompt, or one of them has no token.
        """
        if not rows or not all(len(row) for row in rows):
            raise InvalidInputError("A batch needs at least one prompt, and every prompt at least one token.")
        width = max(map(len, rows))
        ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        return cls(ids, torch.arange(width, device=device) >= width - lengths[:, None])

    def __len__(self) -> int:
        return self.mask.shape[0]

    @property
    def width(self) -> int:
        """Number of columns, which is the length of the longest prompt."""
        return self.mask.shape[1]

    @property
    def lengths(self) -> Int[Tensor, " batch"]:
        """Number of real tokens of each prompt."""
        return self.mask.sum(1)

    @property
    def padded(self) -> bool:
        """Whether any prompt is shorter than the longest."""
        return not bool(self.mask.all())

    def first_columns(self, width: int) -> Batch:
        """Cut the batch after `width` columns."""
        return Batch(
            None if self.ids is None else self.ids[:, :width],
            self.mask[:, :width],
            None if self.embeddings is None else self.embeddings[:, :width],
        )

    def columns(self, positions: Positions) -> Int[Tensor, "batch chosen"] | None:
        """Turn positions, counted in each prompt's own tokens, into columns; None (all columns) stays None.

        Parameters
        ----------
        positions : one position, several, or a slice for all prompts alike, or a tensor (batch, chosen) with those of
            each prompt. Negative positions count from the end.

        Raises
        ------
        InvalidInputError
            If a position lies outside a prompt, or a slice is asked of prompts of different lengths.
        """
        if positions is None:
            return None
        lengths = self.lengths[:, None]
        if isinstance(positions, slice):
            if self.padded:
                raise InvalidInputError("A slice of positions needs prompts of equal length; give positions instead.")
            positions = list(range(*positions.indices(self.width)))
        wanted = torch.as_tensor(positions, device=self.mask.device)
        if wanted.is_floating_point() or wanted.dtype == torch.bool:
            raise InvalidInputError(f"Positions are integers; {wanted.dtype} was given.")
        wanted = wanted.reshape(1, -1) if wanted.ndim < 2 else wanted
        if wanted.ndim != 2 or wanted.shape[0] not in (1, len(self)):
            raise InvalidInputError(
                f"Positions of each prompt have shape ({len(self)}, chosen); {tuple(wanted.shape)} was given."
            )
        outside = (wanted >= lengths) | (wanted < -lengths)
        if outside.any():
            row, column = outside.nonzero()[0].tolist()
            position = int(wanted.expand(len(self), -1)[row, column])
            raise InvalidInputError(
                f"Position {position} lies outside prompt {row}, which has {int(self.lengths[row])} tokens."
            )
        return torch.where(wanted >= 0, wanted + self.width - lengths, wanted + self.width)


def take_columns(
    hidden: Float[Tensor, "batch columns *rest"], columns: Int[Tensor, "batch chosen"] | None
) -> Float[Tensor, "batch chosen *rest"]:
    """Pick the chosen columns of each row; None picks all."""
    if columns is None:
        return hidden
    return hidden[torch.arange(len(hidden), device=hidden.device)[:, None], columns.to(hidden.device)]

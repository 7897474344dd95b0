"""What energy and recognition share: the encoder of single elements, and the checks of pools."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError


class ElementEncoder(nn.Module):
    """Encode each element of a pool by itself; what pads a pool becomes zero, so that sums do not see it.

    Parameters
    ----------
    encoder : number of features d of an element, for one linear layer as in the authors' code; or a module that takes
        a stack (N, ...) of elements to (N, hidden), such as a convolutional network.
    hidden : width of the encoding.

    Examples
    --------
    >>> pool, there = torch.ones(1, 3, 2), torch.tensor([[True, True, False]])
    >>> encoded = ElementEncoder(2, 5)(pool, there)
    >>> encoded.shape, encoded[0, 2].detach().abs().sum().item()
    (torch.Size([1, 3, 5]), 0.0)
    """

    def __init__(self, encoder: int | nn.Module, hidden: int):
        super().__init__()
        check_counts(hidden=hidden)
        if not isinstance(encoder, nn.Module):
            check_counts(encoder=encoder)
            encoder = nn.Linear(encoder, hidden)
        self.encoder = encoder
        self.hidden = hidden

    def forward(
        self, pool: Float[Tensor, "B n *features"], pool_mask: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B n h"]:
        """Encode; rows outside `pool_mask` are zero.

        Raises
        ------
        InvalidInputError
            If the pool is empty, not finite or has other features than the encoder takes, or the mask does not fit.
        """
        check_pool(pool, pool_mask)
        if isinstance(self.encoder, nn.Linear) and pool.shape[2:] != (self.encoder.in_features,):
            raise InvalidInputError(
                f"Elements have features of shape {tuple(pool.shape[2:])}; the encoder takes "
                f"({self.encoder.in_features},)."
            )
        encoded: Tensor = self.encoder(pool.flatten(0, 1))
        if encoded.shape != (pool.shape[0] * pool.shape[1], self.hidden):
            raise InvalidInputError(
                f"The encoder gave {tuple(encoded.shape)} for {pool.shape[0] * pool.shape[1]} elements; "
                f"(elements, hidden={self.hidden}) is expected."
            )
        encoded = encoded.unflatten(0, pool.shape[:2])
        return encoded if pool_mask is None else encoded * pool_mask[..., None]


def check_pool(pool: Tensor, pool_mask: Tensor | None) -> None:
    """Check a batch of pools and its mask of the elements that are really there."""
    if pool.ndim < 3 or not pool.is_floating_point() or 0 in pool.shape:
        raise InvalidInputError(
            f"Pools must be floating and (B, n, features) with at least one element; got {tuple(pool.shape)}, "
            f"{pool.dtype}."
        )
    if not bool(pool.isfinite().all()):
        raise InvalidInputError("Pools must be finite; some features are NaN or infinite.")
    if pool_mask is not None:
        if pool_mask.shape != pool.shape[:2] or pool_mask.dtype != torch.bool:
            raise InvalidInputError(
                f"pool_mask must be boolean {tuple(pool.shape[:2])}; got {tuple(pool_mask.shape)}, {pool_mask.dtype}."
            )
        if not bool(pool_mask.any(1).all()):
            raise InvalidInputError("A pool of the batch is empty: its row of pool_mask is all False.")


def check_subset(subset: Tensor, pool_shape: Sequence[int]) -> None:
    """Check subsets (B, ..., n) of pools (B, n, ...)."""
    batch, n = pool_shape[0], pool_shape[1]
    if subset.ndim < 2 or subset.shape[0] != batch or subset.shape[-1] != n:
        raise InvalidInputError(
            f"Subsets of {batch} pools of {n} elements are ({batch}, ..., {n}); got {tuple(subset.shape)}."
        )


def check_counts(**counts: object) -> None:
    """Check that each is a whole number of at least 1."""
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidInputError(f"{name} is {value!r}; a whole number of at least 1 is expected.")

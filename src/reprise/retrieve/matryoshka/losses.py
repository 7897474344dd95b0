"""Any loss, summed over the nested prefixes: on logits (with labels) or on embeddings (of pairs, triplets, batches)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.contrastive import InfoNCE, cosine_similarity
from reprise.retrieve.matryoshka.heads import check_dims

# What torch.nn.functional.normalize divides by at least.
_SMALLEST_NORM = 1e-12


class MatryoshkaLoss(nn.Module):
    r"""The loss of every nested size, summed.

    .. math:: L = \sum_{m \in M} c_m\, \ell(\text{logits}_m, y)

    The weights are applied as Python numbers, so they follow the losses' device and precision. Beyond |M| times the
    base loss on (n, C) logits there is no cost.

    Parameters
    ----------
    base_loss : \ell, called with the logits of one size and the target; cross-entropy if None.
    weights : c_m for each size; all 1 if None, as in the paper.

    Raises
    ------
    InvalidInputError
        If the weights are not finite, or are not as many as the sizes.

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[[2.0, 0.0]], [[4.0, 0.0]]])   # two sizes, one sample, two classes
    >>> MatryoshkaLoss(weights=(0.5, 1.0))(logits, torch.tensor([0]))
    tensor(0.0816)

    References
    ----------
    Kusupati et al. (2022), "Matryoshka representation learning", arXiv 2205.13147; https://github.com/RAIVNLab/MRL
    (`Matryoshka_CE_Loss`).
    """

    def __init__(self, base_loss: Callable[..., Tensor] | None = None, weights: Sequence[float] | None = None):
        super().__init__()
        self.base_loss = nn.CrossEntropyLoss() if base_loss is None else base_loss
        self.weights = _checked_weights(weights)

    def forward(
        self, logits: Sequence[Float[Tensor, "n classes"]] | Float[Tensor, "sizes n classes"], target: Tensor
    ) -> Tensor:
        """Sum the losses of the logits of each size: a tuple, as `MatryoshkaHead` gives, or a stack."""
        if not len(logits):
            raise InvalidInputError("There are no logits; those of at least one nested size are expected.")
        return _weighted_sum((self.base_loss(of_size, target) for of_size in logits), self.weights, len(logits))


class MatryoshkaEmbeddingLoss(nn.Module):
    r"""Any loss on embeddings, summed over their nested prefixes.

    .. math:: L = \sum_{m \in M} c_m\,
              \ell\!\left(\frac{a_{1:m}}{\|a_{1:m}\|}, \frac{b_{1:m}}{\|b_{1:m}\|}, \dots\right)

    Each tower (an anchor and its positive; a triplet; image and text; one batch with labels) is cut to its first m
    coordinates and each prefix is brought to unit length on its own, since a prefix of a unit vector is none.

    With `InfoNCE` on cosine similarities (the loss of ALIGN, CLIP and most text embedders) the products are
    accumulated from one size to the next: n^2 d multiply-adds in place of n^2 (sum of M).

    Parameters
    ----------
    base_loss : called with the prefixes of all towers, and with the keyword arguments of the call.
    dims : the nesting list M, strictly increasing; the last entry should be the width d of the embeddings, or else the
        coordinates after it are not trained.
    weights : c_m for each size; all 1 if None.
    normalize : bring each prefix to unit length.

    Raises
    ------
    InvalidInputError
        If `dims` is not strictly increasing and positive, its last entry exceeds the width of a tower, or the weights
        are not finite or not as many as the sizes.

    Examples
    --------
    >>> import torch
    >>> from reprise.nn.contrastive import InfoNCE
    >>> a, b = torch.randn(2, 16, 32, generator=torch.Generator().manual_seed(0))
    >>> loss = MatryoshkaEmbeddingLoss(InfoNCE(temperature=0.1), dims=(8, 16, 32))
    >>> by_hand = sum(InfoNCE(temperature=0.1)(a[:, :m], b[:, :m]) for m in (8, 16, 32))
    >>> torch.allclose(loss(a, b), by_hand)
    True
    >>> triplet = MatryoshkaEmbeddingLoss(torch.nn.TripletMarginLoss(), dims=(8, 16, 32))
    >>> triplet(a, b, a.flip(0)).shape
    torch.Size([])

    References
    ----------
    Kusupati et al. (2022), "Matryoshka representation learning", arXiv 2205.13147, section 4 (ALIGN).
    """

    def __init__(
        self,
        base_loss: Callable[..., Tensor],
        dims: Sequence[int],
        weights: Sequence[float] | None = None,
        normalize: bool = True,
    ):
        super().__init__()
        self.base_loss = base_loss
        self.dims = check_dims(dims)
        self.weights = _checked_weights(weights)
        if self.weights is not None and len(self.weights) != len(self.dims):
            raise InvalidInputError(f"{len(self.weights)} weights were given for {len(self.dims)} nested sizes.")
        self.normalize = normalize

    def forward(self, *towers: Float[Tensor, "... d"], **others: Any) -> Tensor:
        """Sum the losses of the prefixes of the towers; `others` (labels, masks) reach the base loss as they are."""
        if not towers:
            raise InvalidInputError("There is no embedding; at least one tower is expected.")
        narrowest = min(tower.shape[-1] for tower in towers)
        if narrowest < self.dims[-1]:
            raise InvalidInputError(f"A nested size of {self.dims[-1]} was asked of embeddings of width {narrowest}.")
        losses = self._accumulated(*towers, **others) if self._accumulates(towers) else self._each(towers, others)
        return _weighted_sum(losses, self.weights, len(self.dims))

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"dims={self.dims}, weights={self.weights}, normalize={self.normalize}"

    def _each(self, towers: Sequence[Tensor], others: dict[str, Any]) -> Iterator[Tensor]:
        for m in self.dims:
            prefixes = [tower[..., :m] for tower in towers]
            if self.normalize:
                prefixes = [F.normalize(prefix, dim=-1) for prefix in prefixes]
            yield self.base_loss(*prefixes, **others)

    def _accumulates(self, towers: Sequence[Tensor]) -> bool:
        return (
            isinstance(self.base_loss, InfoNCE)
            and self.base_loss.similarity is cosine_similarity
            and self.normalize
            and 2 <= len(towers) <= 3
            and all(tower.ndim == 2 for tower in towers)
            and towers[0].shape == towers[1].shape
            and len(towers[0]) > 0
        )

    def _accumulated(self, a: Tensor, b: Tensor, negatives: Tensor | None = None, **others: Any) -> Iterator[Tensor]:
        assert isinstance(self.base_loss, InfoNCE)
        candidates = b if negatives is None else torch.cat([b, negatives])
        products: Tensor | None = None
        start = 0
        for m in self.dims:
            chunk, against = a[:, start:m], candidates[:, start:m].mT
            products = chunk @ against if products is None else torch.addmm(products, chunk, against)
            start = m
            scale_a, scale_b = (
                torch.linalg.vector_norm(tower[:, :m], dim=1).clamp_min(_SMALLEST_NORM).reciprocal()
                for tower in (a, candidates)
            )
            yield self.base_loss.from_similarities(products * scale_a[:, None] * scale_b, **others)


def _checked_weights(weights: Sequence[float] | None) -> tuple[float, ...] | None:
    if weights is None:
        return None
    numbers = tuple(float(weight) for weight in weights)
    if not all(math.isfinite(weight) for weight in numbers):
        raise InvalidInputError(f"The weights must be finite; {weights!r} was given.")
    return numbers


def _weighted_sum(losses: Iterable[Tensor], weights: tuple[float, ...] | None, sizes: int) -> Tensor:
    if weights is None:
        return torch.stack(list(losses)).sum(0)
    if len(weights) != sizes:
        raise InvalidInputError(f"{len(weights)} weights were given for {sizes} nested sizes.")
    return torch.stack([weight * loss for weight, loss in zip(weights, losses, strict=True)]).sum(0)

"""One linear classifier for each prefix of an embedding, independent (MRL) or tied (MRL-E)."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError


def check_dims(dims: Sequence[int]) -> tuple[int, ...]:
    """Give the nesting list as a tuple, or say why it is none: it must be positive and strictly increasing."""
    try:
        nested = tuple(operator.index(m) for m in dims)
    except TypeError:
        raise InvalidInputError(f"The nested sizes must be whole numbers; {dims!r} was given.") from None
    if not nested or nested[0] < 1 or any(a >= b for a, b in pairwise(nested)):
        raise InvalidInputError(
            f"The nested sizes must be positive and strictly increasing, such as (8, 16, 32); {dims!r} was given."
        )
    return nested


class MatryoshkaHead(nn.Module):
    r"""Class logits from each of the nested prefixes of an embedding.

    The plain head (MRL) holds an independent linear classifier for each size m of the nesting list M,

    .. math:: \text{logits}_m = W^{(m)} z_{1:m} + b^{(m)}, \qquad m \in M,

    C (sum of M) + C |M| parameters. The efficient head (MRL-E) slices one weight W of shape (C, d) and shares one bias,

    .. math:: \text{logits}_m = W_{:, 1:m}\, z_{1:m} + b,

    C d + C parameters, about half; its logits are partial sums, so all sizes together cost one product of size d, and
    any prefix, also one outside M, can be read. Multiply-adds per sample: C (sum of M) plain, C d efficient.

    Parameters
    ----------
    dims : the nesting list M, strictly increasing; its last entry is d. The paper doubles from 8 up to d.
    num_classes : C.
    efficient : tie the classifiers (MRL-E).
    bias : whether the classifiers have a bias.

    Attributes
    ----------
    classifiers : of the plain head, one `nn.Linear` for each size.
    classifier : of the efficient head, its `nn.Linear`. To tie it with an embedding matrix, as a masked language model
        does with its decoder, assign ``head.classifier.weight = embedding.weight``.

    Raises
    ------
    InvalidInputError
        If `dims` is not strictly increasing and positive, there is no class, or an embedding is shorter than d.

    Examples
    --------
    >>> import torch
    >>> head = MatryoshkaHead(dims=(2, 4, 8), num_classes=10)
    >>> [tuple(logits.shape) for logits in head(torch.zeros(5, 8))]
    [(5, 10), (5, 10), (5, 10)]
    >>> MatryoshkaHead((2, 4, 8), 10, efficient=True).logits(torch.zeros(5, 3), dim=3).shape
    torch.Size([5, 10])

    References
    ----------
    Kusupati et al. (2022), "Matryoshka representation learning", arXiv 2205.13147; https://github.com/RAIVNLab/MRL
    (`MRL_Linear_Layer`).
    """

    def __init__(self, dims: Sequence[int], num_classes: int, efficient: bool = False, bias: bool = True):
        super().__init__()
        self.dims = check_dims(dims)
        if num_classes < 1:
            raise InvalidInputError(f"A head needs at least one class; num_classes={num_classes} was given.")
        self.efficient = efficient
        if efficient:
            self.classifier = nn.Linear(self.dims[-1], num_classes, bias=bias)
        else:
            self.classifiers = nn.ModuleList(nn.Linear(m, num_classes, bias=bias) for m in self.dims)

    def forward(self, z: Float[Tensor, "*batch d"]) -> tuple[Float[Tensor, "*batch classes"], ...]:
        """Give the logits of every nested size, smallest first. Coordinates beyond the last size are not read."""
        self._check_width(z, self.dims[-1])
        if not self.efficient:
            return tuple(classifier(z[..., :m]) for m, classifier in zip(self.dims, self.classifiers, strict=True))
        weight, start = self.classifier.weight, self.dims[0]
        partial = [nn.functional.linear(z[..., :start], weight[:, :start], self.classifier.bias)]
        for m in self.dims[1:]:
            partial.append(partial[-1] + nn.functional.linear(z[..., start:m], weight[:, start:m]))
            start = m
        return tuple(partial)

    def logits(self, z: Float[Tensor, "*batch width"], dim: int) -> Float[Tensor, "*batch classes"]:
        """Give the logits of one size alone: any up to d for the efficient head, one of `dims` for the plain one."""
        if self.efficient:
            if not 1 <= dim <= self.dims[-1]:
                raise InvalidInputError(f"dim={dim} was asked of a head of size {self.dims[-1]}.")
            self._check_width(z, dim)
            return nn.functional.linear(z[..., :dim], self.classifier.weight[:, :dim], self.classifier.bias)
        if dim not in self.dims:
            raise InvalidInputError(
                f"dim={dim} has no classifier; the plain head has them at {', '.join(map(str, self.dims))} "
                "(the efficient head takes any size)."
            )
        self._check_width(z, dim)
        return self.classifiers[self.dims.index(dim)](z[..., :dim])

    def extra_repr(self) -> str:
        """Show the nesting list."""
        return f"dims={self.dims}, efficient={self.efficient}"

    def _check_width(self, z: Tensor, dim: int) -> None:
        if z.shape[-1] < dim:
            raise InvalidInputError(f"Embeddings of width {z.shape[-1]} were given; at least {dim} is expected.")

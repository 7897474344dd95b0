"""Normalisation within each graph."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import segment_mean


class GraphNorm(nn.Module):
    r"""Normalise each channel over the rows (nodes, edges, pairs) of each graph, with a learned share of the mean.

    ``weight * (x - share * mean) / sqrt(variance + eps) + bias``, where the variance is that of ``x - share * mean``.
    Unlike batch normalisation it treats a graph alike in training and evaluation, and whatever stands beside it in
    the batch. O(N c).

    Parameters
    ----------
    channels : width c.
    eps : added to the variance.

    References
    ----------
    Cai, Luo, Xu, He, Liu, Wang (2021), GraphNorm: a principled approach to accelerating graph neural network training,
    arXiv:2009.03294.

    Examples
    --------
    >>> import torch
    >>> norm = GraphNorm(1)
    >>> norm(torch.tensor([[1.0], [3.0], [7.0], [7.0]]), torch.tensor([0, 0, 1, 1]), 2).flatten().tolist()
    [-1.0, 1.0, 0.0, 0.0]
    """

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        if channels < 1:
            raise InvalidInputError(f"channels must be at least 1; got {channels}.")
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.share = nn.Parameter(torch.ones(channels))

    def forward(self, x: Float[Tensor, "N c"], batch: Int[Tensor, " N"], graphs: int) -> Float[Tensor, "N c"]:
        """Normalise; `batch` names the graph of each row, of `graphs` altogether."""
        centred = x - (self.share * segment_mean(x, batch, graphs)).index_select(0, batch)
        scale = self.weight * (segment_mean(centred.square(), batch, graphs) + self.eps).rsqrt()
        return centred * scale.index_select(0, batch) + self.bias

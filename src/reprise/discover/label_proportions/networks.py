"""A network of single rows with an embedding inside, and the losses that bags and pseudo-labels train it by."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from reprise.discover.label_proportions.bags import Bags
from reprise.nn.encoders import MLP
from reprise.nn.graph import segment_mean

BAG_HEAD_WIDTH = 64
"""Of the hidden layer that reads a bag's mean embedding, as in the authors' code."""

LEAST_SHARE = 1e-6


class RowNetwork(nn.Module):
    """An encoder, whose output (after ReLU) is the embedding, and a linear layer that gives the log-odds.

    Parameters
    ----------
    encoder : from rows to vectors; None embeds each row as itself, which leaves a linear model.
    width : of those vectors.
    """

    def __init__(self, encoder: nn.Module | None, width: int):
        super().__init__()
        self.encoder = nn.Flatten() if encoder is None else nn.Sequential(encoder, nn.ReLU())
        self.head = nn.Linear(width, 1)

    def embed(self, x: Float[Tensor, " m *shape"]) -> Float[Tensor, "m width"]:
        """Give the embedding of each row."""
        return self.encoder(x)

    def forward(self, x: Float[Tensor, " m *shape"]) -> Float[Tensor, " m"]:
        """Give the log-odds of each row to be positive."""
        return self.head(self.embed(x)).squeeze(-1)


def instance_loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy with targets of single rows, which may lie between the classes or beyond them."""
    x, target = batch
    return binary_cross_entropy_with_logits(network(x), target)


class BagBatches(nn.Module):
    """Rows of whole bags, put together anew for each batch of bags.

    Parameters
    ----------
    x : (n, ...) rows.
    bags : in which they lie.
    """

    def __init__(self, x: Float[Tensor, " n *shape"], bags: Bags):
        super().__init__()
        sizes = torch.from_numpy(bags.sizes)
        self.x, self.shares = x, torch.from_numpy(bags.shares).to(x.dtype)
        self.order = torch.from_numpy(bags.index).argsort(stable=True)
        self.sizes, self.starts = sizes, sizes.cumsum(0) - sizes

    def rows_of(self, chosen: Int[Tensor, " b"]) -> tuple[Int[Tensor, " m"], Int[Tensor, " m"]]:
        """Give the rows of the chosen bags, and the position among those of each row's bag."""
        sizes = self.sizes[chosen]
        owner = torch.repeat_interleave(torch.arange(len(chosen)), sizes)
        within = torch.arange(len(owner)) - (sizes.cumsum(0) - sizes)[owner]
        return self.order[self.starts[chosen][owner] + within], owner


class BagLoss(BagBatches):
    """Cross-entropy of each bag's share with the mean probability of its rows (DLLP)."""

    def forward(self, network: nn.Module, chosen: Int[Tensor, " b"]) -> Float[Tensor, ""]:
        """Give the mean over a batch of bags."""
        home = chosen.device
        rows, owner = self.rows_of(chosen.cpu())
        p = network(self.x[rows].to(home)).sigmoid()
        expected = segment_mean(p, owner.to(home), len(chosen)).clamp(LEAST_SHARE, 1 - LEAST_SHARE)
        return binary_cross_entropy(expected, self.shares[chosen.cpu()].to(home))


class RefinementLoss(BagBatches):
    """``L_inst + lam_a L_bag``: pseudo-labels of rows, and the share of a bag read off its mean embedding.

    Parameters
    ----------
    x, bags : as of `BagBatches`.
    targets : (n,) pseudo-labels.
    width : of the embedding.
    lam_a : weight of the aggregate embedding loss.
    """

    def __init__(
        self, x: Float[Tensor, " n *shape"], bags: Bags, targets: Float[Tensor, " n"], width: int, lam_a: float
    ):
        super().__init__(x, bags)
        self.targets, self.lam_a = targets, lam_a
        self.bag_head = MLP(width, 1, hidden=(BAG_HEAD_WIDTH,))

    def forward(self, network: nn.Module, chosen: Int[Tensor, " b"]) -> Float[Tensor, ""]:
        """Give the loss of a batch of bags."""
        home = chosen.device
        rows, owner = self.rows_of(chosen.cpu())
        embedded = network.embed(self.x[rows].to(home))  # type: ignore[operator]
        of_rows = network.head(embedded).squeeze(-1)  # type: ignore[operator]
        of_bags = self.bag_head(segment_mean(embedded, owner.to(home), len(chosen))).squeeze(-1)
        instances = binary_cross_entropy_with_logits(of_rows, self.targets[rows].to(home))
        return instances + self.lam_a * binary_cross_entropy_with_logits(of_bags, self.shares[chosen.cpu()].to(home))

"""The network: one trunk, and two heads on it, for features and for the membership."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError


class TwoHeadedNetwork(nn.Module):
    """A backbone, a hidden layer, and a feature head and a cluster head that share it; both give unit vectors.

    The rates pull a feature apart from all others while the membership wants like ones together, so each has a head of
    its own; `copy_feature_head` starts the second where self-supervision has brought the first.

    Parameters
    ----------
    backbone : of any input, with an output (n, width).
    width : of the backbone's output.
    hidden_dim : width of the shared layer, which is batch-normalised.
    feature_dim : d, dimension of both heads.

    Raises
    ------
    InvalidInputError
        If a dimension is below 1.

    Examples
    --------
    >>> network = TwoHeadedNetwork(nn.Flatten(), width=64, hidden_dim=32, feature_dim=8)
    >>> Z, C = network(torch.rand(5, 1, 8, 8))
    >>> Z.shape, torch.allclose(C.norm(dim=1), torch.ones(5))
    (torch.Size([5, 8]), True)
    """

    def __init__(self, backbone: nn.Module, width: int, hidden_dim: int = 256, feature_dim: int = 32):
        super().__init__()
        if min(width, hidden_dim, feature_dim) < 1:
            raise InvalidInputError(f"Dimensions of at least 1 are expected; got {width}, {hidden_dim}, {feature_dim}.")
        self.backbone = backbone
        # Batch norm subtracts the mean, so a bias before it would do nothing.
        self.pre_feature = nn.Sequential(
            nn.Linear(width, hidden_dim, bias=False), nn.BatchNorm1d(hidden_dim), nn.ReLU()
        )
        self.feature_head = nn.Linear(hidden_dim, feature_dim)
        self.cluster_head = nn.Linear(hidden_dim, feature_dim)

    def forward(self, x: Tensor) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]]:
        """Give the features Z and the cluster vectors C, by rows."""
        shared = self.pre_feature(self.backbone(x))
        return _unit(self.feature_head(shared)), _unit(self.cluster_head(shared))

    def features(self, x: Tensor) -> Float[Tensor, "n d"]:
        """Give the features Z alone."""
        return _unit(self.feature_head(self.pre_feature(self.backbone(x))))

    @torch.no_grad()
    def copy_feature_head(self) -> None:
        """Start the cluster head from the feature head: the one-shot initialisation."""
        self.cluster_head.load_state_dict(self.feature_head.state_dict())


def _unit(vectors: Tensor) -> Tensor:
    return nn.functional.normalize(vectors, dim=-1)

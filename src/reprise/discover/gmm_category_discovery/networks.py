"""The networks that GPC trains on ready features, and the views it makes of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from reprise.nn.encoders import MLP

__all__ = ["FeatureViews", "Network", "ResidualHead"]


class ResidualHead(nn.Module):
    """Features plus what a network of one hidden layer adds to them: nothing at first.

    It stands in for the last block of a pretrained backbone: training starts from the features as they are.

    Parameters
    ----------
    mean, scale : subtracted from the features, and divided by, first.
    hidden : width of the hidden layer.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0]])
    >>> torch.equal(ResidualHead(torch.zeros(2), 1.0)(x), x)
    True
    """

    mean: Tensor

    def __init__(self, mean: Float[Tensor, " d"], scale: float, hidden: int = 256):
        super().__init__()
        self.register_buffer("mean", mean)
        self.scale = scale
        self.change = MLP(len(mean), len(mean), (hidden,))
        last = self.change.layers[-1]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Adapt the features."""
        x = (x - self.mean) / self.scale
        return x + self.change(x)


class FeatureViews(nn.Module):
    """A random view of features: some are hidden, all get noise.

    Parameters
    ----------
    spread : (d,) deviation of each feature.
    noise : deviation of the noise, in units of `spread`.
    hide : share of the features set to their mean.
    mean : (d,) of the features.

    Examples
    --------
    >>> import torch
    >>> views = FeatureViews(torch.ones(3), torch.zeros(3), noise=0.0, hide=0.0)
    >>> views(torch.ones(1, 3))
    tensor([[1., 1., 1.]])
    """

    spread: Tensor
    mean: Tensor

    def __init__(self, spread: Float[Tensor, " d"], mean: Float[Tensor, " d"], noise: float = 0.2, hide: float = 0.2):
        super().__init__()
        self.register_buffer("spread", spread)
        self.register_buffer("mean", mean)
        self.noise, self.hide = noise, hide

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Give one view of each row."""
        noisy = x + self.noise * self.spread * torch.randn_like(x)
        return torch.where(torch.rand_like(x) < self.hide, self.mean, noisy)


class Network(nn.Module):
    """An encoder, whose output of length 1 is clustered, and a projector of it, which the contrast is made in.

    Parameters
    ----------
    encoder : from samples to (n, d).
    projector : from (n, d) to (n, e).

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> Network(nn.Identity(), nn.Identity()).features(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    def __init__(self, encoder: nn.Module, projector: nn.Module):
        super().__init__()
        self.encoder, self.projector = encoder, projector

    def features(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
        """Give features of length 1."""
        return F.normalize(self.encoder(x), dim=-1)

    def forward(self, x: Float[Tensor, "n ..."]) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n e"]]:
        """Give features of length 1, and the projection of the encoder's output."""
        encoded = self.encoder(x)
        return F.normalize(encoded, dim=-1), self.projector(encoded)

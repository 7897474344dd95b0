"""The networks of category discovery, in either geometry: encoder, embedding, and a classifier of known and new."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from reprise.discover.hypcd.layers import HypLinear, ToPoincare
from reprise.nn.encoders import MLP

Geometry = Literal["hyperbolic", "spherical"]


class Adapter(nn.Module):
    """Features changed by a hidden layer that starts at no change, and brought to a width.

    It stands for the last block of a pretrained backbone, which the authors fine-tune: training starts at the features
    as they are, or (where the width differs) at a random projection of them.
    """

    def __init__(self, in_features: int, hidden: int, width: int):
        super().__init__()
        self.change = MLP(in_features, in_features, hidden=(hidden,))
        for parameter in self.change.layers[-1].parameters():
            nn.init.zeros_(parameter)
        self.narrow = nn.Identity() if width == in_features else nn.Linear(in_features, width, bias=False)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n width"]:
        """Give the features."""
        return self.narrow(x + self.change(x))


class ToSphere(nn.Module):
    """Map features to the unit sphere."""

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Normalise each vector."""
        return F.normalize(x, dim=-1)


class SphericalClassifier(nn.Module):
    """Cosines of features with unit prototypes, as SimGCD's classifier."""

    def __init__(self, in_features: int, n_classes: int):
        super().__init__()
        self.prototypes = weight_norm(nn.Linear(in_features, n_classes, bias=False))
        self.prototypes.parametrizations.weight.original0.data.fill_(1)
        self.prototypes.parametrizations.weight.original0.requires_grad_(False)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n classes"]:
        """Give the cosines."""
        return self.prototypes(F.normalize(x, dim=-1))


def projection_mlp(in_features: int, hidden: int, out_features: int) -> nn.Sequential:
    """Make the projection head of DINO that GCD, SimGCD and HypGCD use: three layers with GELU between."""
    layers = nn.Sequential(
        nn.Linear(in_features, hidden),
        nn.GELU(),
        nn.Linear(hidden, hidden),
        nn.GELU(),
        nn.Linear(hidden, out_features),
    )
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
    return layers


class DiscoveryNetwork(nn.Module):
    """Encoder, embedding in the geometry, and (parametric) classifier.

    The classifier reads the encoder's features: in the ball through the same map as the embedding, on the sphere as
    cosines. A projection MLP, where there is one, stands before the embedding alone.

    Parameters
    ----------
    encoder : from samples to (n, width) features.
    width : of the features.
    geometry : ``"hyperbolic"`` or ``"spherical"``.
    n_classes : of the classifier; None makes none.
    projection : hidden width and output of the projection MLP; None embeds the features themselves.
    c, clip_r, riemannian : as of `ToPoincare`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        width: int,
        geometry: Geometry,
        n_classes: int | None,
        projection: tuple[int, int] | None,
        c: float,
        clip_r: float | None,
        riemannian: bool = False,
    ):
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Identity() if projection is None else projection_mlp(width, *projection)
        curved = geometry == "hyperbolic"
        self.embedding = ToPoincare(c, clip_r, riemannian=riemannian) if curved else ToSphere()
        self.classifier: nn.Module | None = None
        if n_classes is not None and curved:
            self.classifier = nn.Sequential(self.embedding, HypLinear(width, n_classes, c))
        elif n_classes is not None:
            self.classifier = SphericalClassifier(width, n_classes)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.steps: Tensor

    def embed(self, features: Float[Tensor, "n width"]) -> Float[Tensor, "n d"]:
        """Give the points in the geometry of features."""
        return self.embedding(self.projection(features))

    def forward(self, x: Float[Tensor, "n ..."]) -> tuple[Tensor, Tensor | None]:
        """Give embedding and logits (None without a classifier) of samples."""
        features = self.encoder(x)
        return self.embed(features), None if self.classifier is None else self.classifier(features)

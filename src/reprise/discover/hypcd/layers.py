"""Layers that lead into the Poincaré ball and stay in it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.discover.hypcd.ball import PoincareBall
from reprise.errors import InvalidInputError

CLIP_GUARD = 1e-5
"""Added to the norm that is clipped, as in the authors' code."""


class ToPoincare(nn.Module):
    r"""Map features into the Poincaré ball: clip, exponential map at the origin, projection.

    .. math:: x \mapsto \operatorname{project}(\operatorname{expmap}_0(\min(1, r / \lVert x \rVert)\, x))

    Clipping to norm r keeps points where gradients do not vanish: they end within tanh(√c r) / √c of the origin. No
    parameters; O(d) a vector.

    Parameters
    ----------
    c : minus the curvature of the ball.
    clip_r : r; None clips nothing.
    riemannian : scale gradients that pass back by (1 - c ‖p‖²)² / 4, the inverse metric at the point p; the authors'
        scripts leave it off.

    Raises
    ------
    InvalidInputError
        If c or r is not positive.

    References
    ----------
    Y. Guo et al., "Clipped hyperbolic classifiers are super-hyperbolic classifiers", 2022, arXiv 2107.11472.

    Examples
    --------
    >>> ToPoincare(c=1.0, clip_r=1.0)(torch.tensor([[100.0, 0.0], [0.1, 0.0]]))
    tensor([[0.7616, 0.0000],
            [0.0997, 0.0000]])
    """

    def __init__(self, c: float = 0.1, clip_r: float | None = 1.0, *, riemannian: bool = False):
        super().__init__()
        if clip_r is not None and not clip_r > 0:
            raise InvalidInputError(f"clip_r is {clip_r}; a positive norm, or None to clip nothing, is expected.")
        self.ball = PoincareBall(c)
        self.clip_r = clip_r
        self.riemannian = riemannian

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Give the points."""
        if self.clip_r is not None:
            x = x * (self.clip_r / (torch.linalg.vector_norm(x, dim=-1, keepdim=True) + CLIP_GUARD)).clamp(max=1)
        point = self.ball.project(self.ball.expmap0(x))
        if self.riemannian and point.requires_grad:
            inverse_metric = (1 - self.ball.c * point.detach().square().sum(-1, keepdim=True)) ** 2 / 4
            point.register_hook(lambda gradient: gradient * inverse_metric)
        return point

    def extra_repr(self) -> str:
        """Give the settings, for `repr`."""
        return f"c={self.ball.c}, clip_r={self.clip_r}, riemannian={self.riemannian}"


class HypLinear(nn.Module):
    """The ball's linear layer: a matrix applied at the origin, then translation by a bias, both staying in the ball.

    ``project((W ⊗ x) ⊕ expmap0(b))``, with weights and bias ordinary tensors, so that any optimizer fits. HypCD takes
    the coordinates of its output as logits of as many classes.

    Parameters
    ----------
    in_features, out_features : dimensions of the two balls.
    c : minus the curvature of both.
    bias : translate.

    Raises
    ------
    InvalidInputError
        If a size or c is not positive.

    References
    ----------
    O. Ganea, G. Bécigneul, T. Hofmann, "Hyperbolic neural networks", 2018, arXiv 1805.09112.

    Examples
    --------
    >>> layer = HypLinear(3, 2, c=1.0, bias=False)
    >>> _ = layer.weight.data.copy_(torch.eye(2, 3))
    >>> layer(torch.tensor([[0.3, 0.4, 0.0], [0.0, 0.0, 0.5]])).detach()
    tensor([[0.3000, 0.4000],
            [0.0000, 0.0000]])
    """

    def __init__(self, in_features: int, out_features: int, c: float = 0.1, bias: bool = True):
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise InvalidInputError(f"HypLinear was given sizes {in_features} and {out_features}; both must be >= 1.")
        self.ball = PoincareBall(c)
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Float[Tensor, "*batch in_features"]) -> Float[Tensor, "*batch out_features"]:
        """Map points of one ball to points of the other."""
        product = self.ball.mobius_matvec(self.weight, x)
        if self.bias is None:
            return product
        return self.ball.project(self.ball.mobius_add(product, self.ball.expmap0(self.bias)))

    def extra_repr(self) -> str:
        """Give the settings, for `repr`."""
        outs, ins = self.weight.shape
        return f"in_features={ins}, out_features={outs}, c={self.ball.c}, bias={self.bias is not None}"

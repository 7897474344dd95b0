"""The two objectives as losses: total coding rate to begin with, then the rate reduction with a learnt membership."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.discover.manifold_linearizing_clustering.rates import (
    check_rate_input,
    coding_rate,
    conditional_coding_rate,
)
from reprise.errors import InvalidInputError
from reprise.nn.sinkhorn import doubly_stochastic


class TotalCodingRateLoss(nn.Module):
    r"""Self-supervision by coding rate: two views of a sample agree, and all samples together spread.

    .. math:: \ell = -R\Big(\frac{Z + Z'}{2}\Big) - \lambda \, \frac1n \sum_i |z_i^\top z'_i|

    O(n d min(n, d)).

    Parameters
    ----------
    eps2 : ε² of the rate.
    invariance : λ. The paper sums over the batch where this is a mean, so its λ is this one over n.

    Raises
    ------
    InvalidInputError
        If `eps2` is not positive, `invariance` is negative, or the views differ in shape.

    Examples
    --------
    >>> TotalCodingRateLoss(eps2=1.0, invariance=2.0)(torch.eye(2), torch.eye(2))   # -(log 2 + 2)
    tensor(-2.6931)

    References
    ----------
    Li et al. (2022), "Neural manifold clustering and embedding", arXiv 2201.10000.
    """

    def __init__(self, eps2: float = 0.2, invariance: float = 30.0):
        super().__init__()
        if not 0 <= invariance < math.inf:
            raise InvalidInputError(f"invariance is {invariance!r}; a number of at least 0 is expected.")
        self.eps2, self.invariance = eps2, invariance

    def forward(self, first: Float[Tensor, "n d"], second: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        """Compare the unit features of two views of n samples."""
        if first.shape != second.shape:
            raise InvalidInputError(
                f"Two views of one shape are expected; got {tuple(first.shape)}, {tuple(second.shape)}."
            )
        agreement = (first * second).sum(1).abs().mean()
        return -coding_rate((first + second) / 2, self.eps2) - self.invariance * agreement


class ManifoldLinearizingLoss(nn.Module):
    r"""Rate reduction over features and membership at once.

    .. math:: \ell = -R(Z) + R_c(Z, \Gamma), \qquad \Gamma = P_\eta(C C^\top)

    with P_η the doubly stochastic projection. No number of clusters enters. Of A views the features are averaged and
    brought to length one, and the memberships averaged. O(n² (d + steps of P) + m n d² + n³ / 3) with m = `anchors`.

    Parameters
    ----------
    eps2 : ε² of the rates.
    eta : η, entropy of the membership: the larger, the more points share a cluster.
    anchors : columns of Γ, drawn anew at every call from torch's global generator, by which R_c is estimated without
        bias; None takes all n.

    Attributes
    ----------
    rate, conditional_rate : R and R_c of the last call.

    Raises
    ------
    InvalidInputError
        If a setting is not positive, the shapes do not fit, or a row is zero and so has no direction (names the first).

    Examples
    --------
    >>> Z = torch.eye(2)[[0, 0, 1, 1]]
    >>> loss = ManifoldLinearizingLoss(eps2=1.0, eta=0.1)
    >>> loss(Z, Z)   # two orthogonal lines, found: log(2) - log(3) / 2
    tensor(-0.1438)
    >>> loss.rate, loss.conditional_rate
    (tensor(0.6931), tensor(0.5494))

    References
    ----------
    Ding et al. (2023), "Unsupervised manifold linearizing and clustering", arXiv 2301.01805;
    https://github.com/tianjiaoding/mlc.
    """

    def __init__(self, eps2: float = 0.2, eta: float = 0.175, anchors: int | None = None):
        super().__init__()
        if not 0 < eta < math.inf:
            raise InvalidInputError(f"eta is {eta!r}; a positive number is expected.")
        if anchors is not None and anchors < 1:
            raise InvalidInputError(f"anchors is {anchors!r}; at least 1, or None for all, is expected.")
        self.eps2, self.eta, self.anchors = eps2, eta, anchors
        self.rate: Tensor | None = None
        self.conditional_rate: Tensor | None = None

    def forward(
        self,
        Z: Float[Tensor, "n d"] | Float[Tensor, "A n d"],
        C: Float[Tensor, "n d_c"] | Float[Tensor, "A n d_c"],
    ) -> Float[Tensor, ""]:
        """Give the loss of features Z and cluster vectors C, of one view or of several."""
        views, vectors = _views(Z, "Z"), _views(C, "C")
        if views.shape[:2] != vectors.shape[:2]:
            raise InvalidInputError(f"Z {tuple(Z.shape)} and C {tuple(C.shape)} are not of the same views and samples.")
        merged = nn.functional.normalize(views.mean(0), dim=-1) if len(views) > 1 else views[0]
        check_rate_input(merged, self.eps2)
        membership = torch.stack([doubly_stochastic(c @ c.mT, self.eta) for c in vectors]).mean(0)
        if self.anchors is not None and self.anchors < len(merged):
            drawn = torch.randperm(len(merged), device=merged.device)[: self.anchors]
            membership = membership[:, drawn]
        rate, conditional = coding_rate(merged, self.eps2), conditional_coding_rate(merged, membership, self.eps2)
        self.rate, self.conditional_rate = rate.detach(), conditional.detach()
        return conditional - rate


def _views(vectors: Tensor, name: str) -> Tensor:
    """Give unit vectors with an axis of views."""
    if vectors.ndim not in (2, 3) or not vectors.numel() or not vectors.is_floating_point():
        raise InvalidInputError(
            f"{name} is a non-empty floating (n, d) or (views, n, d); got {vectors.dtype} {tuple(vectors.shape)}."
        )
    stacked = vectors if vectors.ndim == 3 else vectors[None]
    lengths = stacked.norm(dim=-1, keepdim=True)
    if bool((lengths == 0).any()):
        row = int((lengths == 0).any(0).flatten().int().argmax())
        raise InvalidInputError(f"Row {row} of {name} is zero, so it has no direction; unit vectors are expected.")
    return stacked / lengths

"""The losses of one step of representation learning: pulled to prototypes, to other views, and to one's own class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.contrastive import SupCon

__all__ = ["PrototypicalContrastiveLoss", "RepresentationLoss"]


class PrototypicalContrastiveLoss(nn.Module):
    r"""Draw each sample to its prototype and away from the others, tight clusters more sharply than loose ones.

    .. math:: \ell = -\frac{1}{2n} \sum_i \sum_{v \in \{q_i, k_i\}}
              \log \frac{\exp(v \cdot p_{c_i} / \phi_{c_i})}{\sum_j \exp(v \cdot p_j / \phi_j)}

    with q and k two views of each sample. Labelled samples are assigned the prototype of their class. O(n K d).

    Parameters
    ----------
    temperature : phi of every prototype where `forward` is given none.

    Raises
    ------
    InvalidInputError
        If a temperature is not positive, or the views differ in shape.

    References
    ----------
    J. Li, P. Zhou, C. Xiong, S. C. H. Hoi, "Prototypical contrastive learning of unsupervised representations",
    ICLR 2021, arXiv 2005.04966. B. Zhao, X. Wen, K. Han, arXiv 2305.06144; code https://github.com/DTennant/GPC.

    Examples
    --------
    >>> import torch
    >>> q = torch.eye(2)
    >>> PrototypicalContrastiveLoss(temperature=1.0)(q, q, torch.eye(2), torch.tensor([0, 1]))   # log(1 + e) - 1
    tensor(0.3133)
    """

    def __init__(self, temperature: float = 0.1):
        super().__init__()
        if not temperature > 0:
            raise InvalidInputError(f"A temperature must be positive; {temperature} was given.")
        self.temperature = temperature

    def forward(
        self,
        q: Float[Tensor, "n d"],
        k: Float[Tensor, "n d"],
        prototypes: Float[Tensor, "K d"],
        assigned: Int[Tensor, " n"],
        phi: Float[Tensor, " K"] | None = None,
    ) -> Float[Tensor, ""]:
        """Contrast two views with the prototypes.

        Parameters
        ----------
        q, k : views of the same samples, of length 1.
        prototypes : of length 1.
        assigned : prototype of each sample.
        phi : concentration of each prototype.
        """
        if q.shape != k.shape or not len(q):
            raise InvalidInputError(
                f"Two non-empty views of one shape are needed, not {tuple(q.shape)} and {tuple(k.shape)}."
            )
        if phi is not None and not bool((phi > 0).all()):
            raise InvalidInputError("Every concentration in phi must be positive.")
        scale = self.temperature if phi is None else phi
        return sum(F.cross_entropy(view @ prototypes.mT / scale, assigned) for view in (q, k)) / 2  # type: ignore[return-value]


class RepresentationLoss(nn.Module):
    r"""All of the loss: ``(1 - w) InfoNCE + w SupCon + L_proto``, the last once there are prototypes.

    InfoNCE holds each sample against all others of the batch, SupCon the labelled ones against each other, both of the
    projected features; `PrototypicalContrastiveLoss` is of the features themselves.

    Parameters
    ----------
    supervised_weight : w, from 0 to 1.
    view_temperature, class_temperature : of InfoNCE and of SupCon.

    Raises
    ------
    InvalidInputError
        If a temperature is not positive.

    References
    ----------
    S. Vaze, K. Han, A. Vedaldi, A. Zisserman, "Generalized category discovery", arXiv 2201.02609, for the first two.

    Examples
    --------
    >>> import torch
    >>> z = torch.eye(4)
    >>> loss = RepresentationLoss()
    >>> sorted(loss((z, z), (z, z), torch.tensor([0, 0, -1, -1]), torch.arange(4)))
    ['classes', 'loss', 'views']
    """

    def __init__(self, supervised_weight: float = 0.35, view_temperature: float = 1.0, class_temperature: float = 0.07):
        super().__init__()
        self.supervised_weight = supervised_weight
        self.views, self.classes = SupCon(view_temperature), SupCon(class_temperature)
        self.prototypical = PrototypicalContrastiveLoss()
        self.prototypes: Float[Tensor, "K d"] | None = None
        self.phi: Float[Tensor, " K"] | None = None
        self.assigned: Int[Tensor, " N"] | None = None

    def attract(self, prototypes: Float[Tensor, "K d"], phi: Float[Tensor, " K"], assigned: Int[Tensor, " N"]) -> None:
        """Set the prototypes, their concentrations, and the prototype of each of all N samples."""
        self.prototypes, self.phi, self.assigned = prototypes, phi, assigned

    def forward(
        self,
        features: tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]],
        projected: tuple[Float[Tensor, "n e"], Float[Tensor, "n e"]],
        codes: Int[Tensor, " n"],
        rows: Int[Tensor, " n"],
    ) -> dict[str, Tensor]:
        """Give the terms of a batch, and their weighted sum as ``"loss"``.

        Parameters
        ----------
        features, projected : two views of the batch, features of length 1.
        codes : known class of each sample, -1 where unlabelled.
        rows : which of all samples the batch holds.
        """
        both = torch.cat(projected)
        terms = {"views": self.views(both, rows.repeat(2))}
        labelled: Bool[Tensor, " n"] = codes >= 0
        total = (1 - self.supervised_weight) * terms["views"]
        if labelled.any():
            terms["classes"] = self.classes(both[labelled.repeat(2)], codes[labelled].repeat(2))
            total = total + self.supervised_weight * terms["classes"]
        if self.prototypes is not None and self.assigned is not None:
            device = features[0].device
            terms["prototypes"] = self.prototypical(
                *features,
                self.prototypes.to(device),
                self.assigned.to(device)[rows],
                None if self.phi is None else self.phi.to(device),
            )
            total = total + terms["prototypes"]
        return {**terms, "loss": total}

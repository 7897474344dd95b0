"""Token energy: whether a state lies in the space that the output tokens span.

References
----------
C. Wendler, V. Veselovsky, G. Monea and R. West (2024), arXiv:2402.10588, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.language.model import LanguageModel


@dataclass(frozen=True)
class TokenSpace:
    """The second moments of the directions of all output tokens: all that the energy needs of the vocabulary.

    With the rows of the unembedding scaled by the final normalisation's gain and to unit length as ``U`` (v, d),
    ``gram = U^T U / v`` and ``own = |gram|`` (Frobenius), the root mean square of the cosines between two tokens.
    Cost: ``vocabulary * d_model**2``, once; ``d_model**2`` a state.
    """

    gram: Float[Tensor, "d_model d_model"]
    own: Float[Tensor, ""]

    @classmethod
    def of(cls, model: LanguageModel) -> TokenSpace:
        """Compute it from the weights."""
        weight = model.parts.unembedding.weight
        assert isinstance(weight, Tensor)
        with torch.no_grad():
            gain = _gain(model.parts.final_norm, model.d_model, weight).float()
            gram = torch.zeros(model.d_model, model.d_model, device=weight.device)
            for rows in weight.split(1 << 14):
                unit = nn.functional.normalize(rows.float() * gain, dim=1)
                gram += unit.T @ unit
            gram /= len(weight)
        return cls(gram, gram.norm())

    def energy(self, hidden: Float[Tensor, "*any d_model"]) -> Float[Tensor, "*any"]:
        """Give the energy of states; see `token_energy`."""
        unit = nn.functional.normalize(hidden.detach().float(), dim=-1)
        return ((unit @ self.gram * unit).sum(-1).clamp(min=0)).sqrt() / self.own


def token_energy(model: LanguageModel, hidden: Float[Tensor, "*any d_model"]) -> Float[Tensor, "*any"]:
    """Give the root mean square, over the vocabulary, of the cosines between states and output tokens.

    It is divided by the same of the tokens among themselves: ``E = rms_v <u_v, h> / rms_{v,w} <u_v, u_w>`` with all
    vectors at unit length and ``u`` scaled by the final normalisation's gain. Near 1 a state lies where tokens do; near
    0 it is orthogonal to all of them, and the lens reads little off it.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("the rain fell"))
    >>> token_energy(model, model.residuals(["the rain"], positions=-1)).shape
    torch.Size([1, 3, 1])
    """
    return TokenSpace.of(model).energy(hidden)


def _gain(norm: nn.Module, d_model: int, like: Tensor) -> Tensor:
    """Measure by what a normalisation multiplies each dimension, however its weights are stored.

    The alternating signs have mean 0 and variance 1, so that only the gain (and the bias, taken off) changes them.
    """
    signs = torch.ones(1, d_model, dtype=like.dtype, device=like.device)
    signs[:, 1::2] = -1
    return ((norm(signs) - norm(torch.zeros_like(signs))) * signs)[0]

"""The logit lens, reduced at once to what is asked of it, so that no (items x streams x vocabulary) table is kept.

References
----------
nostalgebraist (2020), Interpreting GPT: the logit lens. C. Wendler et al. (2024), arXiv:2402.10588.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.latent_language.energy import TokenSpace
from reprise.language.model import LanguageModel
from reprise.language.reading import Layers, numbered

BATCH = 8
_BLOCK = 1 << 24  # probabilities in memory at a time


@dataclass(frozen=True)
class LensReading:
    """What the lens reads at one position of each prompt.

    Parameters
    ----------
    streams : residual streams read, 0 to n_layers.
    entropy : of the next-token distribution, in bits; at most the logarithm of the vocabulary's size.
    top_token : the most probable token.
    probability : of each token set.
    energy : how far states lie in the token space (`token_energy`), if asked for.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("the rain fell and the sun rose"))
    >>> reading = logit_lens(model, ["the rain", "the sun rose"], layers=[0, 2])
    >>> reading.streams, reading.top_token.shape
    ((0, 2), (2, 2))
    >>> bool((reading.entropy < np.log2(model.vocabulary_size)).all())
    True
    """

    streams: tuple[int, ...]
    entropy: Float[np.ndarray, "items streams"]
    top_token: Int[np.ndarray, "items streams"]
    probability: Float[np.ndarray, "items streams sets"]
    energy: Float[np.ndarray, "items streams"] | None = None


def logit_lens(
    model: LanguageModel,
    inputs: Sequence[str] | Sequence[Sequence[int]],
    *,
    layers: Layers = "all",
    position: int = -1,
    token_sets: Sequence[Sequence[int]] = (),
    energy: bool = False,
    batch_size: int = BATCH,
) -> LensReading:
    """Read ``softmax(W_U norm(h_l))`` off every residual stream, and keep entropy, best token and some probabilities.

    The last stream gives the model's own prediction. `LanguageModel.logit_lens` gives the whole distributions.

    Cost: one forward pass and ``items * streams * d_model * vocabulary`` operations; memory for a block of
    distributions and ``items * streams * sets`` results.

    Parameters
    ----------
    model : the model.
    inputs : prompts, as texts or token ids.
    layers : residual streams to read.
    position : where to read, in each prompt's own tokens.
    token_sets : tokens whose probabilities are added up.
    energy : also read `token_energy`.
    batch_size : prompts a forward pass.

    Raises
    ------
    InvalidInputError
        If there is no prompt, or a set is empty or holds a token that the vocabulary has not.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("the rain fell and the sun rose"))
    >>> everything = list(range(model.vocabulary_size))
    >>> reading = logit_lens(model, ["the rain", "the sun rose"], token_sets=[everything, [3]])
    >>> reading.probability.shape, bool((abs(reading.probability[..., 0] - 1) < 1e-5).all())
    ((2, 3, 2), True)
    """
    streams = tuple(numbered(layers, model.n_layers, "Residual stream"))
    if not len(inputs) or isinstance(inputs, str) or not streams:
        raise InvalidInputError("A list of at least one prompt, and at least one residual stream, are expected.")
    rows: list[Any] = list(inputs)
    parts = [
        model.residuals(rows[start : start + batch_size], streams, position)[:, :, 0]
        for start in range(0, len(rows), batch_size)
    ]
    return lens_of_states(model, torch.cat(parts), streams, token_sets=token_sets, energy=energy)


def lens_of_states(
    model: LanguageModel,
    states: Float[Tensor, "items streams d_model"],
    streams: Sequence[int],
    *,
    token_sets: Sequence[Sequence[int]] = (),
    energy: bool = False,
) -> LensReading:
    """Do the same with states that were read before; `streams` says of which residual streams."""
    columns, members = _membership(token_sets, model)
    space = TokenSpace.of(model) if energy else None
    blocks = [
        _reduce(model, block, columns, members, space)
        for block in states.flatten(0, 1).split(max(1, _BLOCK // model.vocabulary_size))
    ]
    entropy, top, probability, energies = (
        np.concatenate(values).reshape(*states.shape[:2], *values[0].shape[1:]) for values in zip(*blocks, strict=True)
    )
    return LensReading(tuple(streams), entropy, top, probability, energies if space is not None else None)


def _membership(token_sets: Sequence[Sequence[int]], model: LanguageModel) -> tuple[Tensor, Tensor]:
    """Give the tokens of any set, and which of them each set holds."""
    if not all(len(tokens) for tokens in token_sets):
        raise InvalidInputError("A token set is empty; each needs at least one token.")
    union = np.unique(np.concatenate([np.asarray(tokens) for tokens in token_sets] or [np.empty(0, int)]).astype(int))
    if len(union) and not (union[0] >= 0 and union[-1] < model.vocabulary_size):
        raise InvalidInputError(
            f"Tokens lie in 0..{model.vocabulary_size - 1}; the sets reach from {union[0]} to {union[-1]}."
        )
    members = torch.zeros(len(union), len(token_sets))
    for number, tokens in enumerate(token_sets):
        members[np.searchsorted(union, np.unique(tokens)), number] = 1
    return torch.from_numpy(union).to(model.device), members.to(model.device)


def _reduce(
    model: LanguageModel, rows: Tensor, columns: Tensor, members: Tensor, space: TokenSpace | None
) -> tuple[NDArray, ...]:
    log_probs = model.unembed(rows).log_softmax(-1)
    probs = log_probs.exp()
    entropy = torch.special.entr(probs).sum(-1) / np.log(2)
    energies = space.energy(rows) if space is not None else torch.zeros(len(rows))
    results = (entropy, log_probs.argmax(-1), probs[:, columns] @ members, energies)
    return tuple(value.cpu().numpy() for value in results)

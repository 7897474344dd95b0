"""How often each head's output circuit maps a word to its successor.

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024), arXiv:2312.09230.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.interventions import Head
from reprise.language.model import LanguageModel
from reprise.language.successor_heads.circuits import Embedding, effective_embeddings, head_writes
from reprise.language.successor_heads.lists import OrdinalList, ordinal_lists

Among = Literal["list", "vocabulary"]
_NUMBERS_AT_A_TIME = 2**24  # logits over the whole vocabulary: 64 MB


@dataclass(frozen=True)
class SuccessionResult:
    """For each head and each pair of a word and its successor, whether the head maps the one to the other.

    Parameters
    ----------
    hits : whether the successor has the largest logit.
    copies : whether the word itself has.
    lists : the list of each pair.
    pairs : the tokens of each word and its successor.
    chances : 1 over the number of tokens that compete, for each pair.

    Examples
    --------
    >>> hits = np.array([[[True, False]], [[True, False]], [[False, False]]])  # one layer of two heads
    >>> pairs = np.array([[3, 4], [4, 5], [7, 8]])
    >>> result = SuccessionResult(hits, ~hits, ("days", "days", "letters"), pairs, np.array([1 / 7, 1 / 7, 1 / 26]))
    >>> print(result.scores.round(2), result.list_mean, result.top(1))
    [[0.67 0.  ]] [[0.5 0. ]] [(0, 0)]
    """

    hits: Bool[np.ndarray, "pairs layers heads"]
    copies: Bool[np.ndarray, "pairs layers heads"]
    lists: tuple[str, ...]
    pairs: Int[np.ndarray, "pairs 2"]
    chances: Float[np.ndarray, " pairs"]

    @cached_property
    def scores(self) -> Float[np.ndarray, "layers heads"]:
        """Succession score: the share of pairs in which the word is mapped to its successor."""
        return self.hits.mean(axis=0)

    @cached_property
    def self_rates(self) -> Float[np.ndarray, "layers heads"]:
        """Share of pairs in which the word is mapped to itself, as a copying head does."""
        return self.copies.mean(axis=0)

    @cached_property
    def per_list(self) -> dict[str, Float[np.ndarray, "layers heads"]]:
        """Succession score in each list."""
        names = np.array(self.lists)
        return {name: self.hits[names == name].mean(axis=0) for name in dict.fromkeys(self.lists)}

    @cached_property
    def list_mean(self) -> Float[np.ndarray, "layers heads"]:
        """Succession score averaged over lists, in which short lists weigh as much as long ones."""
        return np.mean(list(self.per_list.values()), axis=0)

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return len(self.lists)

    @property
    def chance(self) -> float:
        """What a head scores that maps words to tokens of their list at random."""
        return float(self.chances.mean())

    def top(self, k: int) -> list[Head]:
        """Give the k heads of the highest score, in that order; equal ones in the order of layers and heads.

        Raises
        ------
        InvalidInputError
            If the model has fewer heads, or k is below 1.
        """
        if not 1 <= k <= self.scores.size:
            raise InvalidInputError(f"{k} heads were asked for; 1 to {self.scores.size} can be given.")
        order = np.argsort(-self.scores, axis=None, kind="stable")[:k]
        layers, heads = np.unravel_index(order, self.scores.shape)
        return list(zip(layers.tolist(), heads.tolist(), strict=True))

    def take(self, chosen: Bool[np.ndarray, " pairs"] | Int[np.ndarray, " chosen"]) -> SuccessionResult:
        """Keep some pairs.

        Raises
        ------
        InvalidInputError
            If none is left.
        """
        names = tuple(np.array(self.lists)[chosen].tolist())
        if not names:
            raise InvalidInputError("No pair is left; at least one is expected.")
        return SuccessionResult(self.hits[chosen], self.copies[chosen], names, self.pairs[chosen], self.chances[chosen])


def succession_scores(
    model: LanguageModel,
    lists: Mapping[str, OrdinalList] | None = None,
    embedding: Embedding = "mlp0",
    among: Among = "list",
) -> SuccessionResult:
    """Score every head by how often its effective OV circuit maps a word to its successor.

    A head scores the share of pairs (t, t') of a word and its successor for which t' has the largest logit of all
    tokens of the list; t itself competes too, so that a copying head scores 0 and has a self-rate of 1.

    Parameters
    ----------
    model : the language model.
    lists : from `ordinal_lists`, which is called if None is given.
    embedding : what stands for a word; see `effective_embeddings`.
    among : ``"list"``, or ``"vocabulary"`` to let every token of the model compete.

    Returns
    -------
    SuccessionResult
        Cost: ``layers * heads * tokens * d_head * d_model`` operations, and for the whole vocabulary
        ``layers * heads * tokens * d_model * vocabulary``, in blocks; no text is run through the model but for
        ``"contextual"`` embeddings, where each word makes a prompt of two tokens.

    Raises
    ------
    InvalidInputError
        If an argument is not as described, no list has a pair, or the model's normalisation or value projection is not
        known.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> words = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
    >>> result = succession_scores(LanguageModel(*tiny_language_model(words)))
    >>> result.n_pairs, result.scores.shape
    (7, (2, 4))
    >>> print(f"{result.chance:.3f}")
    0.143
    """
    if among not in get_args(Among):
        raise InvalidInputError(f"`among` is one of {', '.join(get_args(Among))}; {among!r} was given.")
    lists = ordinal_lists(model) if lists is None else lists
    pairs = {name: np.array(each.ids)[np.array(each.pairs())] for name, each in lists.items() if each.pairs()}
    if not pairs:
        raise InvalidInputError("No list has a word whose successor is a single token too.")
    competitors = {name: np.array(lists[name].ids) if among == "list" else None for name in pairs}
    every = np.concatenate(list(pairs.values()))
    streams = effective_embeddings(model, every[:, 0].tolist(), embedding)
    answers = np.stack(
        [
            _answers(model, head_writes(model, layer, streams[layer if len(streams) > 1 else 0]), pairs, competitors)
            for layer in range(model.n_layers)
        ],
        axis=1,
    )
    sizes = {name: model.vocabulary_size if ids is None else len(ids) for name, ids in competitors.items()}
    names = tuple(name for name, rows in pairs.items() for _ in rows)
    return SuccessionResult(
        hits=answers == every[:, 1, None, None],
        copies=answers == every[:, 0, None, None],
        lists=names,
        pairs=every,
        chances=np.array([1 / sizes[name] for name in names]),
    )


def _answers(
    model: LanguageModel,
    writes: Float[Tensor, "pairs heads d_model"],
    pairs: Mapping[str, NDArray[np.int64]],
    competitors: Mapping[str, NDArray[np.int64] | None],
) -> Int[np.ndarray, "pairs heads"]:
    """Give the token with the largest logit among its competitors, for each word and head."""
    found = []
    for name, part in zip(pairs, writes.split([len(rows) for rows in pairs.values()]), strict=True):
        ids = competitors[name]
        if ids is None:
            step = max(1, _NUMBERS_AT_A_TIME // (model.n_heads * model.vocabulary_size))
            found += [model.unembed(block).argmax(-1).cpu().numpy() for block in part.split(step)]
        else:
            found.append(ids[model.unembed(part, tokens=ids.tolist()).argmax(-1).cpu().numpy()])
    return np.concatenate(found)

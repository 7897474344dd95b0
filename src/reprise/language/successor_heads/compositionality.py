"""Are embeddings of ordered words made of a part for the list and a part for the place in it.

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024), arXiv:2312.09230.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.model import LanguageModel
from reprise.language.successor_heads.circuits import Embedding, effective_embeddings, head_writes
from reprise.language.successor_heads.lists import OrdinalList


class IndexProjection:
    """The linear map that keeps of an embedding what tells its place in its list.

    First ``e = list + index`` by least squares over all words; then a linear map P by ridge regression from embeddings
    to their index parts, so that places can be exchanged between words whose places nobody names::

        swap(e, donor) = e + P (donor - e)

    Monday, with the third word of another list as donor, should become Wednesday.

    Parameters
    ----------
    penalty : of the ridge regression, as a share of the mean squared singular value of the embeddings. An infinite one
        leaves the donor without influence.

    Attributes
    ----------
    projection_ : (d, d), P transposed.
    index_ : (ranks, d) the index parts.

    Examples
    --------
    >>> tens, units = torch.cartesian_prod(torch.arange(3), torch.arange(5)).T
    >>> embeddings = torch.eye(8)[tens] + torch.eye(8)[3 + units]
    >>> projection = IndexProjection(penalty=1e-6).fit(embeddings, tens.tolist(), units.tolist())
    >>> swapped = projection.swap(embeddings[:1], embeddings[8:9])  # the first of list 0, the fourth of list 1
    >>> print(swapped.round(decimals=2).abs())
    tensor([[1., 0., 0., 0., 0., 0., 1., 0.]])
    """

    projection_: Float[Tensor, "d_model d_model"]
    index_: Float[Tensor, "ranks d_model"]

    def __init__(self, penalty: float = 0.01):
        if not penalty >= 0:
            raise InvalidInputError(f"penalty is {penalty}; 0 or more is expected.")
        self.penalty = penalty

    def fit(
        self, embeddings: Float[Tensor, "words d_model"], lists: Sequence[str | int], ranks: Sequence[int]
    ) -> IndexProjection:
        """Find the parts and the map.

        Cost: cubic in the smaller of words and ``d_model``.

        Parameters
        ----------
        embeddings : of the words.
        lists : of which each is.
        ranks : its place there.

        Raises
        ------
        InvalidInputError
            If lengths differ, there is one list or one rank only, or a value is not finite.
        """
        if not len(embeddings) == len(lists) == len(ranks):
            raise InvalidInputError(
                f"{len(embeddings)} embeddings, {len(lists)} lists and {len(ranks)} ranks were given; "
                "as many of each are expected."
            )
        if not bool(torch.isfinite(embeddings).all()):
            raise InvalidInputError("embeddings hold NaN or infinite values.")
        names, list_of = np.unique(np.array(lists), return_inverse=True)
        values, rank_of = np.unique(np.array(ranks), return_inverse=True)
        if min(len(names), len(values)) < 2:
            raise InvalidInputError(f"{len(names)} lists of {len(values)} ranks were given; at least 2 are expected.")
        design = np.hstack([np.eye(len(names))[list_of], np.eye(len(values))[rank_of]])
        rows = embeddings.detach().double().cpu().numpy()
        rows = rows - rows.mean(0)
        parts = np.linalg.lstsq(design, rows, rcond=None)[0][len(names) :]
        index = parts - parts.mean(0)
        left, singular, right = np.linalg.svd(rows, full_matrices=False)
        kept = singular > singular[0] * 1e-10
        shrunk = singular[kept] / (singular[kept] ** 2 + self.penalty * np.mean(singular**2))
        projection = (right[kept].T * shrunk) @ (left[:, kept].T @ index[rank_of])
        self.projection_ = torch.from_numpy(projection).to(embeddings)
        self.index_ = torch.from_numpy(index).to(embeddings)
        return self

    def swap(
        self, embeddings: Float[Tensor, "words d_model"], donors: Float[Tensor, "words d_model"]
    ) -> Float[Tensor, "words d_model"]:
        """Give each embedding the place of its donor.

        Raises
        ------
        InvalidInputError
            If nothing was fitted.
        """
        if not hasattr(self, "projection_"):
            raise InvalidInputError("This projection was not fitted; call fit first.")
        return embeddings + (donors - embeddings) @ self.projection_.to(embeddings)


def swapping_test(
    model: LanguageModel,
    layer: int,
    head: int,
    lists: Mapping[str, OrdinalList],
    embedding: Embedding = "mlp0",
    penalty: float = 0.01,
    shuffled: int | None = None,
) -> pd.DataFrame:
    """Give words the places of words of other lists, and see what the words become and what the head makes of them.

    The projection is fitted anew for each list, on the others, so that it never saw the words that it changes. A word
    of it with the place of rank r should be nearest to its list's word of rank r, and be mapped by the head to the
    successor of that word.

    Parameters
    ----------
    model : the language model.
    layer, head : the head.
    lists : at least three lists.
    embedding : what stands for a word.
    penalty : as for `IndexProjection`.
    shuffled : a seed, to fit with the ranks of each list shuffled, as a control.

    Returns
    -------
    pandas.DataFrame
        A row for each word and each donor of another list and another rank, whose rank has a successor in the word's
        list, with columns ``list``, ``word``, ``donor``, ``nearest`` (the swapped embedding is nearest to the right
        word, by cosine after the list's mean is taken away), ``success``, and ``before`` (the word was so mapped
        before).

    Raises
    ------
    InvalidInputError
        If there are fewer than three lists, the head does not exist, or no place can be exchanged.

    Examples
    --------
    >>> from reprise.language.successor_heads import ordinal_lists
    >>> from reprise.models.tiny import tiny_language_model
    >>> words = "Monday Tuesday Wednesday January February March April one two three four first second third"
    >>> lm = LanguageModel(*tiny_language_model(words))
    >>> lists = ordinal_lists(lm)
    >>> swapping_test(lm, 1, 0, lists).columns.tolist()
    ['list', 'word', 'donor', 'nearest', 'success', 'before']
    """
    if len(lists) < 3:
        raise InvalidInputError(f"{len(lists)} lists were given; at least 3 are needed to fit on all others but one.")
    streams = {name: effective_embeddings(model, each.ids, embedding) for name, each in lists.items()}
    entering = {name: rows[layer if len(rows) > 1 else 0] for name, rows in streams.items()}
    rng = None if shuffled is None else np.random.default_rng(shuffled)
    ranks = {name: each.ranks if rng is None else rng.permutation(each.ranks).tolist() for name, each in lists.items()}
    frames = []
    for name in lists:
        others = [other for other in lists if other != name]
        projection = IndexProjection(penalty).fit(
            torch.cat([entering[other] for other in others]),
            [other for other in others for _ in lists[other].ids],
            [rank for other in others for rank in ranks[other]],
        )
        frames.append(_swapped(model, layer, head, lists, entering, name, projection))
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        raise InvalidInputError("No two lists have words whose places could be exchanged.")
    return pd.concat(frames, ignore_index=True)


def _swapped(
    model: LanguageModel,
    layer: int,
    head: int,
    lists: Mapping[str, OrdinalList],
    entering: Mapping[str, Float[Tensor, "words d_model"]],
    name: str,
    projection: IndexProjection,
) -> pd.DataFrame:
    """Give every word of one list the places of the words of all others."""
    each, rows = lists[name], entering[name]
    others = [other for other in lists if other != name]
    donors = torch.cat([entering[other] for other in others])
    donor_words = [word for other in others for word in lists[other].words]
    donor_ranks = np.array([rank for other in others for rank in lists[other].ranks])
    place = {rank: index for index, rank in enumerate(each.ranks)}
    target = np.array([place.get(rank, -1) for rank in donor_ranks.tolist()])
    following = np.full(len(each) + 1, -1)
    for word, successor in each.pairs():
        following[word] = successor
    words, chosen = np.nonzero((following[target] >= 0)[None] & (np.arange(len(each))[:, None] != target))
    if not len(words):
        return pd.DataFrame()
    swapped = projection.swap(rows[words], donors[chosen])
    mean = rows.mean(0)
    cosine = torch.nn.functional.normalize(swapped - mean) @ torch.nn.functional.normalize(rows - mean).T
    mapped, plain = (
        model.unembed(head_writes(model, layer, hidden)[:, head], tokens=each.ids).argmax(-1).cpu().numpy()
        for hidden in (swapped, rows)
    )
    right = following[target[chosen]]
    return pd.DataFrame(
        {
            "list": name,
            "word": np.array(each.words)[words],
            "donor": np.array(donor_words)[chosen],
            "nearest": cosine.argmax(-1).cpu().numpy() == target[chosen],
            "success": mapped == right,
            "before": plain[words] == right,
        }
    )

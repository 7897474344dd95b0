"""Features of a token's number modulo ten, and changing a token's number with them.

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024), arXiv:2312.09230.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.model import LanguageModel
from reprise.language.successor_heads.circuits import Embedding, effective_embeddings, head_writes
from reprise.language.successor_heads.lists import OrdinalList
from reprise.nn.sparse_autoencoders import SparseAutoencoder, fit_sae

Numbers = ArrayLike | Sequence[int] | Tensor


class ModFeatures:
    """One direction for each remainder of a token's number, from embeddings of numbers.

    ``e(n) = mean + decade(n // m) + feature(n mod m)``, fitted by least squares over m = `modulus`; the directions are
    the features, scaled to length 1. `from_autoencoder` takes them from the decoder of a sparse autoencoder instead, as
    the paper does.

    Parameters
    ----------
    modulus : ten in the paper.

    Attributes
    ----------
    directions_ : (modulus, d) of length 1.
    scales_ : (modulus,) how far embeddings of each remainder lie along their own direction, from the mean of all.
    mean_ : (d,) that mean.

    Examples
    --------
    >>> numbers = torch.arange(40)
    >>> embeddings = torch.eye(14)[numbers % 10] + torch.eye(14)[10 + numbers // 10]
    >>> features = ModFeatures().fit(embeddings, numbers)
    >>> features.remainders(embeddings[:12]).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    >>> features.remainders(features.steer(embeddings[:12], numbers[:12] % 10, 7)).tolist()
    [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]
    """

    directions_: Float[Tensor, "modulus d_model"]
    scales_: Float[Tensor, " modulus"]
    mean_: Float[Tensor, " d_model"]

    def __init__(self, modulus: int = 10):
        if modulus < 2:
            raise InvalidInputError(f"modulus is {modulus}; at least 2 is expected.")
        self.modulus = modulus

    def fit(self, embeddings: Float[Tensor, "tokens d_model"], numbers: Numbers) -> ModFeatures:
        """Find the directions.

        Parameters
        ----------
        embeddings : of tokens that stand for numbers.
        numbers : the numbers, from 0 on.

        Raises
        ------
        InvalidInputError
            If lengths differ, a number is negative or no integer, a remainder is missing, or a value is not finite.
        """
        numbers = self._checked(embeddings, numbers)
        remainders, decades = numbers % self.modulus, numbers // self.modulus
        _, decades = np.unique(decades, return_inverse=True)
        design = np.hstack([np.eye(self.modulus)[remainders], np.eye(decades.max() + 1)[decades]])
        rows = embeddings.detach().double().cpu().numpy()
        features = np.linalg.lstsq(design, rows - rows.mean(0), rcond=None)[0][: self.modulus]
        return self._take(torch.from_numpy(features - features.mean(0)).to(embeddings), embeddings, remainders)

    @classmethod
    def from_autoencoder(
        cls,
        activations: Float[Tensor, "tokens latents"],
        decoder: Float[Tensor, "latents d_model"],
        embeddings: Float[Tensor, "tokens d_model"],
        numbers: Numbers,
        modulus: int = 10,
    ) -> ModFeatures:
        """Take for each remainder the latent of a sparse autoencoder that tells it best from the others.

        That is the latent whose mean activation on it exceeds by most its largest mean on any other, counted in the
        latent's largest activation.

        Parameters
        ----------
        activations : of the autoencoder's latents on `embeddings`.
        decoder : a direction for each latent.
        embeddings, numbers : as for `fit`.
        modulus : ten in the paper.

        Raises
        ------
        InvalidInputError
            As for `fit`, or if a remainder has no latent of its own, or sizes do not go together.
        """
        self = cls(modulus)
        numbers = self._checked(embeddings, numbers)
        if activations.shape != (len(embeddings), len(decoder)) or decoder.shape[1] != embeddings.shape[1]:
            raise InvalidInputError(
                f"Activations {tuple(activations.shape)}, decoder {tuple(decoder.shape)} and embeddings "
                f"{tuple(embeddings.shape)} do not go together; (n, latents), (latents, d) and (n, d) are expected."
            )
        profiles = remainder_profiles(activations, numbers, modulus)
        largest, _ = profiles.topk(2, dim=1)
        margin = (largest[:, 0] - largest[:, 1]) / activations.amax(0).clamp(min=1e-12)
        first = profiles.argmax(1)
        own = [torch.where(first == remainder, margin, -1.0) for remainder in range(modulus)]
        if missing := [remainder for remainder, each in enumerate(own) if float(each.max()) <= 0]:
            raise InvalidInputError(f"No latent is most active on numbers of remainder {missing[0]} modulo {modulus}.")
        latents = torch.stack([each.argmax() for each in own])
        return self._take(decoder[latents], embeddings, numbers % modulus)

    @classmethod
    def fit_autoencoder(
        cls,
        embeddings: Float[Tensor, "tokens d_model"],
        numbers: Numbers,
        modulus: int = 10,
        *,
        n_latents: int = 512,
        l1: float = 0.3,
        epochs: int = 400,
        random_state: int = 0,
        **settings: Any,
    ) -> ModFeatures:
        """Fit a sparse autoencoder to embeddings of numbers, and take the directions from its decoder.

        Cost: ``epochs * tokens * latents * d`` operations.

        Parameters
        ----------
        embeddings, numbers, modulus : as for `from_autoencoder`; the paper takes 0 to 499, with and without spaces.
        n_latents : 512 in the paper.
        l1 : of the penalty, relative to the length of the embeddings; the paper's 0.3 is in units of its own.
        epochs, settings : as for `reprise.nn.sparse_autoencoders.fit_sae`.
        random_state : of the first weights and the order of rows.

        Raises
        ------
        InvalidInputError
            As for `from_autoencoder`.
        """
        cls(modulus)._checked(embeddings, numbers)
        sae = SparseAutoencoder(embeddings.shape[1], n_latents, l1=l1, seed=random_state).to(embeddings)
        fit_sae(sae, embeddings.detach(), epochs=epochs, seed=random_state, **settings)
        with torch.no_grad():
            return cls.from_autoencoder(sae.encode(embeddings), sae.directions, embeddings, numbers, modulus)

    def steer(
        self,
        embeddings: Float[Tensor, "tokens d_model"],
        from_: int | Int[Tensor, " tokens"],
        to: int | Int[Tensor, " tokens"],
        scale: float = 1.0,
    ) -> Float[Tensor, "tokens d_model"]:
        """Change the remainder of embeddings: ``e - <e, f_a> f_a + s f_b``, with s `scale` times `scales_` of b.

        Parameters
        ----------
        embeddings : of any tokens.
        from_, to : the remainders a and b, of each token or of all.
        scale : how strongly.

        Raises
        ------
        InvalidInputError
            If nothing was fitted, or a remainder is not in 0 to ``modulus - 1``.
        """
        self._check_fitted()
        device = self.directions_.device
        chosen = [torch.as_tensor(each, device=device).expand(len(embeddings)) for each in (from_, to)]
        for each in chosen:
            if bool(((each < 0) | (each >= self.modulus)).any()):
                raise InvalidInputError(f"Remainders lie in 0..{self.modulus - 1}; others were given.")
        away, towards = (self.directions_[each].to(embeddings) for each in chosen)
        along = (embeddings * away).sum(-1, keepdim=True)
        return embeddings - along * away + scale * self.scales_[chosen[1]].to(embeddings)[:, None] * towards

    def remainders(self, embeddings: Float[Tensor, "tokens d_model"]) -> Int[Tensor, " tokens"]:
        """Read off each embedding the remainder along whose direction it lies farthest from the mean."""
        self._check_fitted()
        return ((embeddings - self.mean_.to(embeddings)) @ self.directions_.to(embeddings).T).argmax(1)

    def _take(
        self, features: Float[Tensor, "modulus d_model"], embeddings: Tensor, remainders: Int[np.ndarray, " tokens"]
    ) -> ModFeatures:
        lengths = features.norm(dim=1, keepdim=True)
        if float(lengths.min()) == 0:
            raise InvalidInputError("Embeddings of some remainder do not differ from the mean of all.")
        self.directions_ = features / lengths
        self.mean_ = embeddings.mean(0)
        along = ((embeddings - self.mean_) * self.directions_[torch.as_tensor(remainders)]).sum(1)
        self.scales_ = torch.stack([along[torch.as_tensor(remainders == each)].mean() for each in range(self.modulus)])
        return self

    def _checked(self, embeddings: Tensor, numbers: Numbers) -> Int[np.ndarray, " tokens"]:
        numbers = np.asarray(numbers)
        if numbers.dtype.kind not in "iu" or numbers.shape != (len(embeddings),) or not len(numbers):
            raise InvalidInputError(
                f"numbers have shape {numbers.shape} and type {numbers.dtype}; one integer for each of "
                f"{len(embeddings)} embeddings is expected."
            )
        if numbers.min() < 0:
            raise InvalidInputError(f"numbers begin at {numbers.min()}; none below 0 is expected.")
        if missing := sorted(set(range(self.modulus)) - set((numbers % self.modulus).tolist())):
            raise InvalidInputError(f"No number leaves the remainder {missing[0]} modulo {self.modulus}.")
        if not bool(torch.isfinite(embeddings).all()):
            raise InvalidInputError("embeddings hold NaN or infinite values.")
        return numbers

    def _check_fitted(self) -> None:
        if not hasattr(self, "directions_"):
            raise InvalidInputError("These features were not fitted; call fit first.")


def remainder_profiles(
    activations: Float[Tensor, "tokens latents"], numbers: Numbers, modulus: int = 10
) -> Float[Tensor, "latents modulus"]:
    """Average each latent's activation over the numbers of each remainder.

    Examples
    --------
    >>> remainder_profiles(torch.tensor([[1.0], [0.0], [3.0], [0.0]]), [0, 1, 2, 3], modulus=2)
    tensor([[2., 0.]])
    """
    members = torch.nn.functional.one_hot(torch.as_tensor(np.asarray(numbers)) % modulus, modulus).to(activations)
    return activations.T @ (members / members.sum(0).clamp(min=1))


def steering_test(
    model: LanguageModel,
    layer: int,
    head: int,
    features: ModFeatures,
    lists: Mapping[str, OrdinalList],
    embedding: Embedding = "mlp0",
    scale: float = 1.0,
) -> pd.DataFrame:
    """Change the number of every word of some lists to every other remainder, and see what the head makes of it.

    Steered from remainder a to b, a word should be mapped to the successor of a word of remainder b in its list.

    Parameters
    ----------
    model : the language model.
    layer, head : the head.
    features : from numbers, or whatever is to be transferred to these lists.
    lists : from `ordinal_lists`; a word's number is its rank.
    embedding : what stands for a word; `features` must be of the same.
    scale : as for `ModFeatures.steer`.

    Returns
    -------
    pandas.DataFrame
        A row for each word and remainder b that has a successor in the list, with columns ``list``, ``word``, ``from``,
        ``to``, ``success``, and ``before``: whether the word was so mapped without steering.

    Raises
    ------
    InvalidInputError
        If the head does not exist, the features were not fitted, or no word can be steered to another remainder.

    Examples
    --------
    >>> from reprise.language.successor_heads import ordinal_lists
    >>> from reprise.models.tiny import tiny_language_model
    >>> words = "Monday Tuesday Wednesday January February March April one two three four first second third"
    >>> lm = LanguageModel(*tiny_language_model(words))
    >>> lists = ordinal_lists(lm)
    >>> numbers = lists["number words"]
    >>> features = ModFeatures(4).fit(effective_embeddings(lm, numbers.ids)[0], numbers.ranks)
    >>> rows = steering_test(lm, 1, 0, features, {"months": lists["months"]})
    >>> rows[["word", "from", "to"]].head(3)
           word  from  to
    0   January     1   2
    1   January     1   3
    2  February     2   1
    """
    frames = []
    for name, each in lists.items():
        entering = effective_embeddings(model, each.ids, embedding)
        entering = entering[layer if len(entering) > 1 else 0]
        remainders = np.array(each.ranks) % features.modulus
        wanted = np.zeros((features.modulus, len(each)), dtype=bool)
        for word, successor in each.pairs():
            wanted[remainders[word], successor] = True
        words, to = np.nonzero(
            wanted.any(axis=1, keepdims=True).T & (remainders[:, None] != np.arange(features.modulus))
        )
        if not len(words):
            continue
        steered = features.steer(entering[words], torch.as_tensor(remainders[words]), torch.as_tensor(to), scale)
        mapped, plain = (
            model.unembed(head_writes(model, layer, rows)[:, head], tokens=each.ids).argmax(-1).cpu().numpy()
            for rows in (steered, entering)
        )
        frames.append(
            pd.DataFrame(
                {
                    "list": name,
                    "word": np.array(each.words)[words],
                    "from": remainders[words],
                    "to": to,
                    "success": wanted[to, mapped],
                    "before": wanted[to, plain[words]],
                }
            )
        )
    if not frames:
        raise InvalidInputError("No word of these lists can be steered to a remainder that has a successor there.")
    return pd.concat(frames, ignore_index=True)

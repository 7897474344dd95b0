"""Language identity against meaning: how alike translations are in each stream, and which dimensions tell the language.

References
----------
C. Zhong et al. (2024), arXiv:2408.10811, on language identity and semantic meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.feature_selection import f_classif
from sklearn.neighbors import NearestCentroid

from reprise.errors import InvalidInputError
from reprise.language.latent_language.lens import BATCH
from reprise.language.latent_language.prompts import check_lexicon
from reprise.language.model import LanguageModel
from reprise.language.reading import Layers

Pool = Literal["mean", "last"]

States = Float[np.ndarray, "languages items streams d_model"]


def parallel_states(
    model: LanguageModel,
    parallel: Mapping[str, Sequence[str]],
    *,
    layers: Layers = "all",
    pool: Pool = "mean",
    batch_size: int = BATCH,
) -> States:
    """Read the residual streams of parallel words or sentences.

    Parameters
    ----------
    model : the model.
    parallel : language to texts; place `i` means the same in every language.
    layers : residual streams.
    pool : ``"mean"`` over the tokens of a text but its first, on which models rest attention that has no use and whose
        state is huge and always the same; ``"last"`` for the last token.
    batch_size : texts a forward pass.

    Raises
    ------
    InvalidInputError
        If there are not as many texts in each language, or a text has but one token where the mean is asked for.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("the rain fell . la pluie tombait ."))
    >>> parallel_states(model, {"en": ["the rain fell"], "fr": ["la pluie tombait"]}).shape
    (2, 1, 3, 32)
    """
    if not parallel:
        raise InvalidInputError("There is no language; texts in at least one are expected.")
    check_lexicon(parallel, tuple(parallel))
    rows = [model.encode(text) for texts in parallel.values() for text in texts]
    if pool == "mean" and min(map(len, rows)) < 2:
        raise InvalidInputError("A text has fewer than two tokens; pool='last' reads such texts.")
    parts = []
    for start in range(0, len(rows), batch_size):
        batch = model.batch(rows[start : start + batch_size])
        if pool == "last":
            parts.append(model.residuals(batch, layers, -1)[:, :, 0].float().cpu())
        else:
            counted = batch.mask & (batch.mask.cumsum(1) > 1)
            weights = (counted / counted.sum(1, keepdim=True)).to(model.device)
            states = model.residuals(batch, layers).float()
            parts.append(torch.einsum("bstd,bt->bsd", states, weights).cpu())
    flat = torch.cat(parts).numpy()
    return flat.reshape(len(parallel), -1, *flat.shape[1:])


@dataclass(frozen=True)
class SimilarityProfile:
    """Mean cosines in each stream, after the mean of all states is taken off.

    Parameters
    ----------
    parallel : between texts that mean the same, in different languages.
    unrelated : between other texts in different languages.
    same_language : between different texts in one language.
    retrieval : share of texts whose nearest text in another language is their translation, over ordered pairs of
        languages; 1 / items by chance.

    Examples
    --------
    >>> profile = SimilarityProfile(
    ...     parallel=np.array([0.2, 0.7]),
    ...     unrelated=np.array([0.1, 0.1]),
    ...     same_language=np.array([0.6, 0.2]),
    ...     retrieval=np.array([0.3, 0.9]),
    ... )
    >>> print(profile.meaning, profile.language)
    [0.1 0.6] [0.5 0.1]
    """

    parallel: Float[np.ndarray, " streams"]
    unrelated: Float[np.ndarray, " streams"]
    same_language: Float[np.ndarray, " streams"]
    retrieval: Float[np.ndarray, " streams"]

    @property
    def meaning(self) -> Float[np.ndarray, " streams"]:
        """How much more alike translations are than other texts in different languages."""
        return self.parallel - self.unrelated

    @property
    def language(self) -> Float[np.ndarray, " streams"]:
        """How much more alike texts of one language are than unrelated ones of two."""
        return self.same_language - self.unrelated


def similarity_profile(states: States, *, remove_language: bool = False) -> SimilarityProfile:
    """Compare texts across languages in each stream.

    Cost: ``streams * (languages * items)**2 * d_model`` operations.

    Parameters
    ----------
    states : as `parallel_states` gives them, of two or more languages and texts.
    remove_language : take each language's own mean off first, so that what is left is free of its average.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> meaning, language = rng.normal(size=(1, 20, 1, 50)), rng.normal(size=(2, 1, 1, 50))
    >>> similarity_profile(meaning + language).retrieval
    array([1.])
    """
    languages, items, streams, _ = states.shape
    if languages < 2 or items < 2:
        raise InvalidInputError(f"Two or more languages and texts are expected; there are {languages} and {items}.")
    own, diagonal = np.eye(languages, dtype=bool), np.eye(items, dtype=bool)
    rows = []
    for stream in range(streams):
        points = states[:, :, stream].astype(np.float64)
        points = points - points.mean(1 if remove_language else (0, 1), keepdims=True)
        unit = points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), np.finfo(float).tiny)
        cosines = np.einsum("aid,bjd->abij", unit, unit)
        across = cosines[~own]
        rows.append(
            (
                across[:, diagonal].mean(),
                across[:, ~diagonal].mean(),
                cosines[own][:, ~diagonal].mean(),
                (across.argmax(-1) == np.arange(items)).mean(),
            )
        )
    return SimilarityProfile(*np.array(rows).T)


def language_dimensions(states: Float[np.ndarray, "languages items d_model"]) -> Int[np.ndarray, " d_model"]:
    """Order the dimensions of one stream by how well each tells the languages apart (analysis of variance), best first.

    Examples
    --------
    >>> states = np.random.default_rng(0).normal(size=(2, 30, 8))
    >>> states[1, :, 5] += 4
    >>> language_dimensions(states)[:1].tolist()
    [5]
    """
    points, labels = _labelled(states)
    scores, _ = f_classif(points, labels)
    return np.argsort(-np.nan_to_num(scores, nan=-1.0, posinf=np.inf), kind="stable")


def language_accuracy(
    fitted: Float[np.ndarray, "languages items d_model"],
    read: Float[np.ndarray, "languages others d_model"],
    dimensions: Int[np.ndarray, " chosen"],
) -> float:
    """Name the language of texts by the nearest mean of other texts' states, in some dimensions only.

    Parameters
    ----------
    fitted : states whose means are used.
    read : states of other texts, in the same languages.
    dimensions : those that count, each in units of its standard deviation over `fitted`.

    Examples
    --------
    >>> states = np.random.default_rng(0).normal(size=(2, 60, 8))
    >>> states[1, :, 5] += 6
    >>> language_accuracy(states[:, :30], states[:, 30:], np.array([5, 7]))
    1.0
    """
    points, labels = _labelled(fitted[..., dimensions])
    others, expected = _labelled(read[..., dimensions])
    spread = np.maximum(points.std(0), np.finfo(float).tiny)
    return float(NearestCentroid().fit(points / spread, labels).score(others / spread, expected))


def _labelled(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    languages, items, width = states.shape
    if languages < 2 or items < 1:
        raise InvalidInputError(f"Two or more languages are expected; there are {languages}, of {items} texts.")
    return states.reshape(-1, width).astype(np.float64), np.repeat(np.arange(languages), items)

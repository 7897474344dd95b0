"""From texts to vectors without a model: TF-IDF, reduced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from reprise.errors import InvalidInputError
from reprise.models.text import DEFAULT_ENCODER, load_text_encoder

TFIDF = "tfidf"
Embed = Callable[[list[str]], ArrayLike]


class TfidfEncoder:
    """TF-IDF of words and pairs of words, reduced to its largest singular directions (latent semantic analysis).

    Parameters
    ----------
    texts : what the words and directions are learnt from.
    dim : directions; fewer where the texts have less.
    random_state : of the reduction.

    Raises
    ------
    InvalidInputError
        If the texts hold no word.

    References
    ----------
    S. Deerwester et al., "Indexing by latent semantic analysis", 1990.

    Examples
    --------
    >>> encoder = TfidfEncoder(["wing flutter", "wing tunnel", "library cards"], dim=2)
    >>> vectors = encoder(["flutter of a wing", "cards"])
    >>> abs(round(float(vectors[0] @ vectors[1]), 3))
    0.0
    """

    name = TFIDF

    def __init__(self, texts: Sequence[str], dim: int = 100, random_state: int = 0):
        self.vectorizer = TfidfVectorizer(
            stop_words="english", sublinear_tf=True, ngram_range=(1, 2), max_features=50_000
        )
        try:
            weights = self.vectorizer.fit_transform(texts)
        except ValueError as problem:
            raise InvalidInputError("The texts hold no word that could tell them apart.") from problem
        rank = min(dim, weights.shape[0], weights.shape[1] - 1)
        with np.errstate(invalid="ignore"):  # texts of the same words have no variance to explain
            self.reduction = TruncatedSVD(rank, random_state=random_state).fit(weights) if rank >= 1 else None

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "n d"]:
        """Give vectors of length 1; a text of unknown words alone is the zero vector."""
        weights = self.vectorizer.transform(texts)
        reduced = weights.toarray() if self.reduction is None else self.reduction.transform(weights)
        return normalize(reduced)


def encoder_of(embedder: str | Embed, texts: Sequence[str], seed: int) -> Embed:
    """Give the encoder that a name stands for, or the given one.

    Raises
    ------
    InvalidInputError
        If it is neither known nor a function.
    MissingPackageError
        If it is MiniLM, which is not installed.
    """
    if callable(embedder):
        return embedder
    if embedder == TFIDF:
        return TfidfEncoder(texts, random_state=seed)
    if embedder == DEFAULT_ENCODER:
        return load_text_encoder()
    raise InvalidInputError(f"embedder is {DEFAULT_ENCODER!r}, 'tfidf' or a function of texts; got {embedder!r}.")

"""Observers that learn the label from the same examples as the model: from its activations, or from the text alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from reprise.errors import InvalidInputError
from reprise.language.metacognition.axes import two_classes

OBSERVER_C = 100.0
"""Best of 0.1 to 1000, or as good, for observers of activations, of embeddings and of words alike."""


def sequential_observer(features: ArrayLike, labels: ArrayLike, C: float = OBSERVER_C) -> Float[np.ndarray, " n"]:
    """Predict each label from the ones before it, by a logistic regression fitted anew each time.

    The ideal observer of the report task reads activations; one that reads sentence embeddings or word counts says how
    much of the label the text gives away. Where all earlier labels are the same, ``(ones + 1) / (k + 1)`` is given.

    Parameters
    ----------
    features : (n, d) of the examples in the order in which they are seen.
    labels : (n,) zeros and ones.
    C : inverse strength of the ridge penalty, for features scaled to a mean squared norm of 1 about their mean.

    Returns
    -------
    (n,) the probability of label 1 for each example, given those before it.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, a feature is not finite, or labels are others than 0 and 1.

    Notes
    -----
    Exact in O(n^2 d + n^4): features are rotated onto the span of the n examples, which changes nothing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> probabilities = sequential_observer(X, X[:, 0] > 0)
    >>> float(np.mean((probabilities > 0.5) == (X[:, 0] > 0))) > 0.85
    True
    """
    points = np.asarray(features, dtype=np.float64)
    if points.ndim != 2 or not points.size or not np.isfinite(points).all():
        raise InvalidInputError(f"Features are finite and of shape (n, d); shape {points.shape} was given.")
    y = two_classes(labels, len(points), both=False)
    centred = points - points.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=1).mean())
    left, singular, _ = np.linalg.svd(centred / (norm or 1.0), full_matrices=False)
    rotated = left * singular
    ones = np.concatenate([[0], np.cumsum(y)[:-1]])
    probabilities = (ones + 1) / (np.arange(len(y)) + 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # separable examples have no finite optimum to reach
        for k in range(2, len(y)):
            if 0 < ones[k] < k:
                fitted = LogisticRegression(C=C, max_iter=200).fit(rotated[:k], y[:k])
                probabilities[k] = fitted.predict_proba(rotated[k : k + 1])[0, 1]
    return probabilities


def word_features(sentences: Sequence[str]) -> Float[np.ndarray, "n words"]:
    """Give TF-IDF weights of words and pairs of words, which know nothing of the model.

    Examples
    --------
    >>> word_features(["the sun rose", "the rain fell"]).shape
    (2, 9)
    """
    return np.asarray(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(list(sentences)).toarray())

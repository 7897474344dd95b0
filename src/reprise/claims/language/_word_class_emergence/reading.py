"""What is measured on the layers of a network: separation of classes, and how well a probe and k-means find them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from reprise.claim import Measurement
from reprise.claims.language._word_class_emergence.texts import Reading
from reprise.data.haystacks import plain_text
from reprise.language import LanguageModel
from reprise.language.word_class_emergence import NextWordModel, gdv_profile

PERMUTED = "permuted labels"
PROBE_C = (1e-3, 3e-2, 1.0)  # inverse penalties, of which each probe takes the best in cross-validation
_BATCH = 64  # windows of a language model at a time


def separation(
    model: NextWordModel,
    reading: Reading,
    chosen: NDArray[np.intp],
    labels: NDArray[np.str_],
    metric: str,
    arm: str,
    permutations: int = 0,
) -> Iterator[Measurement]:
    """Measure how far classes are apart at each layer, and with permuted labels if asked to."""
    profile = gdv_profile(
        model.activations(reading.ids(chosen)), labels[chosen], n_permutations=permutations, random_state=len(chosen)
    )
    for depth, row in enumerate(profile.itertuples()):
        yield Measurement(arm, metric, float(row.gdv), item=model.cell, x=float(depth))
        if permutations:
            yield Measurement(PERMUTED, metric, float(row.null_mean), item=model.cell, x=float(depth))


def probe_accuracy(states: NDArray, labels: NDArray[np.str_], fitted: NDArray[np.bool_]) -> float:
    """Fit a linear probe on the windows of some documents, and give its accuracy on those of others."""
    return _accuracy(StandardScaler(), states, labels, fitted)


def word_accuracy(words: NDArray, labels: NDArray[np.str_], fitted: NDArray[np.bool_]) -> float:
    """Do the same with the numbers of some words in place of states."""
    return _accuracy(OneHotEncoder(handle_unknown="ignore"), words, labels, fitted)


def _accuracy(encoder: BaseEstimator, X: NDArray, labels: NDArray[np.str_], fitted: NDArray[np.bool_]) -> float:
    probe = make_pipeline(encoder, LogisticRegression(max_iter=300))
    search = GridSearchCV(probe, {"logisticregression__C": PROBE_C}, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a weak penalty that needs longer loses anyway
        search.fit(X[fitted], labels[fitted])
    return float(search.score(X[~fitted], labels[~fitted]))


def cluster_agreement(states: NDArray, labels: NDArray[np.str_], seed: int) -> float:
    """Cluster standardised states into as many clusters as there are classes, and compare (adjusted Rand index)."""
    clusters = KMeans(len(np.unique(labels)), n_init=10, random_state=seed).fit_predict(
        StandardScaler().fit_transform(states)
    )
    return float(adjusted_rand_score(labels, clusters))


def streams(model: LanguageModel, windows: Sequence[Sequence[str]]) -> dict[int, NDArray[np.float32]]:
    """Read every residual stream of a language model at the last token of each window, set as running text."""
    texts = [plain_text(" ".join(f"{word}/" for word in window)) for window in windows]
    parts = [
        model.residuals(texts[start : start + _BATCH], positions=-1)[:, :, 0].float().cpu().numpy()
        for start in range(0, len(texts), _BATCH)
    ]
    return dict(enumerate(np.concatenate(parts).transpose(1, 0, 2)))

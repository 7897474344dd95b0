"""Linear probes by layer, tested on items that they have not seen, and what the spelling of a name gives away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reprise.workbench.inspection.contract import Estimate

FOLDS = 5
PENALTIES = tuple(float(penalty) for penalty in 10.0 ** np.arange(-1, 6))


@dataclass(frozen=True)
class Probed:
    """Out-of-fold predictions of a target.

    Parameters
    ----------
    target : (n,) what was to be predicted.
    by_stream : predictions by residual stream.
    predicted : predictions of the stream that each fold chose on its training items alone.
    chosen : that stream of each fold.
    """

    target: np.ndarray
    by_stream: dict[int, np.ndarray]
    predicted: np.ndarray
    chosen: tuple[int, ...]

    def explained(self, predicted: np.ndarray | None = None) -> np.ndarray:
        """Give each item's part of R2, whose mean over items is R2: ``1 - (y - f)^2 / var(y)``."""
        return explained(self.target, self.predicted if predicted is None else predicted)


def explained(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Give each item's part of R2.

    >>> explained(np.array([1.0, 3.0]), np.array([1.0, 2.0])).tolist()
    [1.0, 0.0]
    """
    return 1 - (target - predicted) ** 2 / target.var()


def probe(states: Mapping[int, np.ndarray], target: np.ndarray, *, seed: int, watch: Callable[[float], None]) -> Probed:
    """Fit a ridge regression to each residual stream in five folds; penalty and stream are chosen within the fold."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    by_stream = {stream: np.zeros(len(target)) for stream in states}
    predicted, chosen = np.zeros(len(target)), []
    for fold, (train, test) in enumerate(_folds(len(target), seed)):
        inner = {}
        for stream, rows in states.items():
            model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
            model.fit(rows[train], target[train])
            by_stream[stream][test] = model.predict(rows[test])
            inner[stream] = model[-1].best_score_
        best = max(inner, key=lambda stream: inner[stream])
        predicted[test] = by_stream[best][test]
        chosen.append(best)
        watch((fold + 1) / FOLDS)
    return Probed(target, by_stream, predicted, tuple(chosen))


def from_spelling(names: Sequence[str], target: np.ndarray, *, seed: int, kinds: Sequence[str] = ()) -> np.ndarray:
    """Predict a target from the letters of names (1- to 4-grams in words) and their kind, in the same folds."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import OneHotEncoder

    predicted = np.zeros(len(target))
    words = np.array(names, dtype=object)
    kind = OneHotEncoder().fit_transform(np.array(kinds or [""] * len(names))[:, None])
    for train, test in _folds(len(target), seed):
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4)).fit(words[train])
        rows: Any = hstack([letters.transform(words), kind]).tocsr()
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 0.3, 1.0, 3.0, 10.0]}, scoring="neg_mean_squared_error")
        predicted[test] = search.fit(rows[train], target[train]).predict(rows[test])
    return predicted


def curve(probed: Probed) -> tuple[list[int], list[Estimate]]:
    """Give R2 by stream with its interval over items."""
    return list(probed.by_stream), [Estimate.over(probed.explained(rows)) for rows in probed.by_stream.values()]


def _folds(n: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import KFold

    return list(KFold(FOLDS, shuffle=True, random_state=seed).split(np.arange(n)))

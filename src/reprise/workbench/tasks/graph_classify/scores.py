"""What predicted labels are judged by, and how sure it is which of two methods is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from reprise.errors import InvalidInputError
from reprise.workbench.contract import Metric

METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "higher", "Share of the graphs of a fold whose label was predicted."),
        Metric(
            "std",
            None,
            "Standard deviation of the accuracy over folds (dividing by their number).",
            ranged=False,
        ),
        Metric(
            "balanced accuracy",
            "higher",
            "Mean over the labels of the share of their graphs that was predicted; guessing gives 1 / labels.",
        ),
        Metric("macro F1", "higher", "Mean over the labels of F1, the harmonic mean of precision and recall."),
        Metric("folds", None, "Folds that the method was tested on.", digits=0, ranged=False),
        Metric(
            "seconds", "lower", "Time to fit on the other folds and to predict one, one method at a time.", digits=2,
            ranged=False,
        ),
    )
}  # fmt: skip


def fold_scores(truth: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, float]:
    """Give the scores of a fold.

    Parameters
    ----------
    truth, predicted : (m,) positions of labels.
    classes : how many labels there are.
    """
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    every = {"labels": np.arange(classes), "average": "macro", "zero_division": 0.0}
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "balanced accuracy": float(recall_score(truth, predicted, **every)),
        "macro F1": float(f1_score(truth, predicted, **every)),
    }


def predict(method: Any, train: list[Any], y: np.ndarray, test: list[Any], seed: int) -> tuple[np.ndarray, bool]:
    """Fit a method on labelled graphs and predict others; say whether it only gave vectors to classify.

    A method with `transform` in place of `predict` gives each graph a vector; logistic regression on them, each column
    brought to mean 0 and standard deviation 1, then predicts.

    Raises
    ------
    InvalidInputError
        If it has neither, or does not give one of the labels to each graph.
    """
    name = type(method).__name__
    embeds = not hasattr(method, "predict")
    if embeds and not hasattr(method, "transform"):
        raise InvalidInputError(f"{name} has neither predict nor transform; expected fit and one of them.")
    fitted = method.fit(train, y)
    if embeds:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed))
        predicted = head.fit(np.asarray(fitted.transform(train)), y).predict(np.asarray(fitted.transform(test)))
    else:
        predicted = np.asarray(fitted.predict(test))
    if predicted.shape != (len(test),) or not np.isin(predicted, y).all():
        raise InvalidInputError(
            f"{name} gave predictions of shape {predicted.shape} and dtype {predicted.dtype}; expected one of the "
            f"labels it was given for each of {len(test)} graphs."
        )
    return predicted, embeds


def lead(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Give the mean difference of two methods over the folds that both have, and half its 95 % interval.

    The training sets of folds overlap, so that folds vary less than new data would; the variance is raised as Nadeau
    and Bengio (2003) do, by 1/k + 1/(k - 1) in place of 1/k for k folds.

    Examples
    --------
    >>> mean, half = lead([0.9, 0.8, 0.9], [0.7, 0.8, 0.8])
    >>> print(f"{mean:.2f} {half:.2f}")
    0.10 0.39
    """
    from scipy.stats import t

    difference = np.subtract(first, second)
    k = len(difference)
    if k < 2:
        return float(difference.mean()), math.inf
    spread = float(difference.std(ddof=1)) * math.sqrt(1 / k + 1 / (k - 1))
    return float(difference.mean()), float(t.ppf(0.975, k - 1)) * spread

"""Adaptive classification: the smallest prefix first, the next larger one only where it is not confident."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError

# The grid in which thresholds are sought.
_GRID = np.linspace(0.0, 1.0, 101)


def calibrate_cascade(confidences: ArrayLike, correct: ArrayLike) -> NDArray[np.float64]:
    r"""Learn from held-out samples how confident each prefix must be to decide.

    For each pair of consecutive sizes the threshold is sought with which the two-step cascade ("the smaller decides
    where its confidence exceeds t, else the larger") is most accurate; among equally good ones the smallest, which
    stops most samples. O(G n) for G sizes, with the grid 0, 0.01, ..., 1.

    Parameters
    ----------
    confidences : (G, n) the largest class probability of each sample at each size, smallest size first.
    correct : (G, n) whether each size classifies each sample rightly.

    Returns
    -------
    (G - 1,) thresholds; the last size decides whatever is left.

    Raises
    ------
    InvalidInputError
        If the two are not of one shape (G, n) with n > 0, or a confidence is not a number from 0 to 1.

    Examples
    --------
    >>> calibrate_cascade([[0.9, 0.6, 0.5], [0.9, 0.9, 0.9]], [[True, True, False], [True, True, True]])
    array([0.5])

    References
    ----------
    Kusupati et al. (2022), arXiv 2205.13147, section 4.2.1 and https://github.com/RAIVNLab/MRL
    (`model_analysis/Model_Cascades.ipynb`).
    """
    confidences, correct = np.asarray(confidences, dtype=np.float64), np.asarray(correct, dtype=bool)
    _check_confidences(confidences)
    if correct.shape != confidences.shape:
        raise InvalidInputError(
            f"Confidences and correctness must have one shape; they have {confidences.shape} and {correct.shape}."
        )
    thresholds = np.empty(len(confidences) - 1)
    for level in range(len(thresholds)):
        # Samples whose confidence exceeds t gain correct[level] - correct[level + 1]: a sum over a sorted tail.
        order = np.argsort(confidences[level])
        gain = (correct[level].astype(np.int64) - correct[level + 1])[order]
        tail = np.append(gain[::-1].cumsum()[::-1], 0)
        at = tail[np.searchsorted(confidences[level][order], _GRID, side="right")]
        thresholds[level] = _GRID[at.argmax()]
    return thresholds


def cascade_levels(confidences: ArrayLike, thresholds: ArrayLike) -> NDArray[np.int64]:
    """Give the level at which each sample stops: the first whose confidence exceeds its threshold, else the last.

    Parameters
    ----------
    confidences : (G, n).
    thresholds : (G - 1,); all 0 stops everything at the smallest size, all above 1 leaves everything to the largest.

    Examples
    --------
    >>> cascade_levels([[0.9, 0.4], [0.9, 0.9]], [0.5])
    array([0, 1])
    """
    confidences = np.asarray(confidences, dtype=np.float64)
    _check_confidences(confidences)
    checked = check_thresholds(thresholds, len(confidences))
    stops = np.vstack([confidences[:-1] > checked[:, None], np.ones((1, confidences.shape[1]), dtype=bool)])
    return stops.argmax(axis=0)


def check_thresholds(thresholds: ArrayLike, sizes: int) -> NDArray[np.float64]:
    """Give thresholds for all sizes but the last as an array, or say what is wrong with them."""
    checked = np.asarray(thresholds, dtype=np.float64)
    if checked.shape != (sizes - 1,) or np.isnan(checked).any():
        raise InvalidInputError(
            f"{sizes} nested sizes need {sizes - 1} thresholds, which are numbers; {thresholds!r} was given."
        )
    return checked


def _check_confidences(confidences: NDArray[np.float64]) -> None:
    if confidences.ndim != 2 or not confidences.size or not ((confidences >= 0) & (confidences <= 1)).all():
        raise InvalidInputError(
            f"Confidences must be a non-empty (sizes, samples) matrix of numbers from 0 to 1; its shape is "
            f"{confidences.shape}."
        )

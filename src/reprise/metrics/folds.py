"""Cross-validation as graph classifiers are compared: stratified folds, and one epoch for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError


@dataclass(frozen=True)
class FoldCurves:
    """Validation accuracies of every fold after every epoch, and the figures that are reported of them.

    Parameters
    ----------
    curves : (folds, epochs).

    Examples
    --------
    >>> curves = FoldCurves(np.array([[0.5, 0.9, 0.7], [0.6, 0.7, 1.0]]))
    >>> curves.epoch, curves.accuracies.tolist()
    (3, [0.7, 1.0])
    >>> print(f"{curves.mean:.2f} {curves.std:.2f}")
    0.85 0.15
    """

    curves: Float[np.ndarray, "folds epochs"]

    @property
    def epoch(self) -> int:
        """The epoch, counted from 1, at which the mean over the folds is highest (the first such)."""
        return int(np.argmax(self.curves.mean(axis=0))) + 1

    @property
    def accuracies(self) -> Float[np.ndarray, " folds"]:
        """The accuracy of each fold at that epoch."""
        return self.curves[:, self.epoch - 1]

    @property
    def mean(self) -> float:
        """Mean over the folds at that epoch."""
        return float(self.accuracies.mean())

    @property
    def std(self) -> float:
        """Standard deviation over the folds at that epoch (dividing by their number)."""
        return float(self.accuracies.std())


def stratified_folds(
    y: ArrayLike, folds: int = 10, *, seed: int = 0
) -> Iterator[tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]]:
    """Split samples into folds with the classes in equal shares: positions for training and testing, fold by fold.

    Raises
    ------
    InvalidInputError
        If there are fewer than two folds, or a class has fewer samples than there are folds.

    Examples
    --------
    >>> [sorted(test.tolist()) for train, test in stratified_folds([0, 1, 0, 1], folds=2)]
    [[1, 2], [0, 3]]
    """
    from sklearn.model_selection import StratifiedKFold

    labels = np.asarray(y)
    if labels.ndim != 1 or len(labels) == 0:
        raise InvalidInputError(f"Labels have shape {labels.shape}; expected one label a sample.")
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 2:
        raise InvalidInputError(f"folds must be a whole number from 2 on, got {folds!r}.")
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < folds:
        raise InvalidInputError(
            f"Class {classes[counts.argmin()]} has {counts.min()} samples; {folds} stratified folds need {folds} of "
            "each."
        )
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return split.split(np.zeros(len(labels)), labels)


def fold_curves(
    train_and_test: Callable[[Int[np.ndarray, " train"], Int[np.ndarray, " test"]], ArrayLike],
    y: ArrayLike,
    *,
    folds: int = 10,
    seed: int = 0,
) -> FoldCurves:
    """Run the ten-fold protocol of the GIN paper: one accuracy curve a fold, and one epoch chosen on their mean.

    What it reports is optimistic, as the folds that choose the epoch are those that are reported, and comparable with
    the tables of most papers on graph classification, which do the same.

    Parameters
    ----------
    train_and_test : given the positions of the training and the test samples of a fold, trains a new model and returns
        its accuracy on the test samples after each epoch; as many for every fold.
    y : (n,) labels.
    folds : how many.
    seed : of the folds.

    Raises
    ------
    InvalidInputError
        If the folds cannot be made, or the curves differ in length, are empty or not finite.

    References
    ----------
    Xu, Hu, Leskovec, Jegelka (2019), How powerful are graph neural networks?, arXiv:1810.00826, section 7.

    Examples
    --------
    >>> fold_curves(lambda train, test: [0.5, 0.8], [0, 1] * 10).epoch
    2
    """
    curves = [
        np.asarray(train_and_test(train, test), dtype=float) for train, test in stratified_folds(y, folds, seed=seed)
    ]
    shapes = {curve.shape for curve in curves}
    if len(shapes) > 1 or curves[0].ndim != 1 or not len(curves[0]):
        raise InvalidInputError(
            f"The folds gave curves of shapes {sorted(shapes)}; expected one value an epoch for each."
        )
    if not np.isfinite(curves).all():
        raise InvalidInputError("A fold gave an accuracy that is not finite.")
    return FoldCurves(np.stack(curves))

"""Labels of which some are missing: the convention of category discovery, where -1 is a point without label."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reprise.errors import InvalidInputError

UNLABELLED = -1


class PartialLabels(NamedTuple):
    """Labels as positions.

    Attributes
    ----------
    classes : (k,) the known classes as the user names them, in order.
    codes : (n,) position of each point's label in `classes`; -1 where it has none.
    """

    classes: NDArray[np.int64]
    codes: NDArray[np.int64]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(n,) which points have a label."""
        return self.codes != UNLABELLED

    def named(self, codes: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
        """Give the names of codes 0 to ``n_classes - 1``: the known classes, then numbers after the largest of them."""
        return self.names(n_classes)[codes]

    def names(self, n_classes: int) -> NDArray[np.int64]:
        """Give the names of `n_classes` classes, the known ones first; (n_classes,)."""
        first = max(int(self.classes[-1]), UNLABELLED) + 1 if len(self.classes) else 0
        return np.concatenate([self.classes, first + np.arange(n_classes - len(self.classes))])


def partial_labels(y: Any, n_samples: int, *, need_labelled: bool = False) -> PartialLabels:
    """Read labels of which some are missing.

    Parameters
    ----------
    y : (n,) whole numbers, -1 where a point has no label; None where none has.
    n_samples : n, as the data have it.
    need_labelled : whether a method can do nothing without one.

    Raises
    ------
    InvalidInputError
        If `y` is not such an array, or no point is labelled where one must be.

    Warns
    -----
    UserWarning
        If every point is labelled: there is nothing to discover.

    Examples
    --------
    >>> labels = partial_labels([3, 5, -1, 3], 4)
    >>> labels.classes.tolist(), labels.codes.tolist()
    ([3, 5], [0, 1, -1, 0])
    >>> labels.names(4).tolist()
    [3, 5, 6, 7]
    """
    given = np.full(n_samples, UNLABELLED) if y is None else np.asarray(y)
    if given.dtype == object:
        given = np.asarray(given.tolist())
    if given.shape == (n_samples, 1):
        given = given[:, 0]
    if given.shape != (n_samples,):
        raise InvalidInputError(f"y is one label a row, {n_samples} in all; got an array of shape {given.shape}.")
    if given.dtype.kind not in "iub":
        whole = given.dtype.kind == "f" and np.isfinite(given).all() and (given == np.round(given)).all()
        if not whole:
            raise InvalidInputError("y holds whole numbers, -1 where a point has no label; number your classes from 0.")
    codes = given.astype(np.int64)
    labelled = codes != UNLABELLED
    if need_labelled and not labelled.any():
        raise InvalidInputError("No point is labelled: every value of y is -1. This method needs some labels.")
    if n_samples and labelled.all():
        warnings.warn("Every point is labelled, so there is nothing to discover.", stacklevel=3)
    classes, positions = np.unique(codes[labelled], return_inverse=True)
    codes[labelled] = positions
    return PartialLabels(classes, codes)

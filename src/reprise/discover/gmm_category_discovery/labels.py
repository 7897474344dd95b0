"""Partial labels as positions: known classes 0 to C - 1 in order, -1 where unlabelled."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError

__all__ = ["Known"]


class Known(NamedTuple):
    """The known classes, and the position of each row's class among them."""

    classes: Int[np.ndarray, " C"]
    position: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, y: ArrayLike | None, n: int) -> Known:
        """Read `y`; None labels no row."""
        labels = np.full(n, -1) if y is None else np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.shape != (n,):
            raise InvalidInputError(f"Labels of shape {labels.shape} were given for {n} rows; expected ({n},).")
        if labels.dtype.kind not in "iub" and not _whole(labels):
            raise InvalidInputError(f"Labels of type {labels.dtype} were given; expected integers, -1 where unknown.")
        labels = labels.astype(np.int64)
        position = np.full(n, -1)
        classes, position[labels != -1] = np.unique(labels[labels != -1], return_inverse=True)
        if n and (position >= 0).all():
            warnings.warn("Every row is labelled, so there is nothing to discover.", UserWarning, stacklevel=3)
        return cls(classes, position)

    def named(self, n_classes: int) -> Int[np.ndarray, " K"]:
        """Give all classes: the known ones, then new ones with numbers that follow the largest known one."""
        first_new = max(int(self.classes.max(initial=-1)), -1) + 1
        return np.concatenate([self.classes, np.arange(first_new, first_new + n_classes - len(self.classes))])


def _whole(labels: np.ndarray) -> bool:
    return labels.dtype.kind == "f" and bool(np.isfinite(labels).all()) and bool((labels == np.floor(labels)).all())

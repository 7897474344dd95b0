"""Measures of category discovery: accuracy on known and new classes, and the number of classes found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.metrics.clustering import hungarian_matching


class CategoryAccuracy(NamedTuple):
    """Share of right points from 0 to 1, over all of them and over those of known and of new classes.

    Attributes
    ----------
    all : over all points.
    known : over points whose true class was known; NaN where there is none.
    new : over the others; NaN where there is none.
    """

    all: float
    known: float
    new: float


def category_accuracy(labels_true: ArrayLike, labels_pred: ArrayLike, known: ArrayLike) -> CategoryAccuracy:
    """Accuracy of discovered classes under one best one-to-one matching, on all, known and new classes.

    Predicted classes are matched to the true ones once, over all points, so that as many as possible agree; known and
    new classes compete for them. A matching of their own for the new classes would flatter them. Give the unlabelled
    points alone, as the literature does.

    Parameters
    ----------
    labels_true : (n,) true classes.
    labels_pred : (n,) predicted classes, named in any way.
    known : the true classes of which some points were labelled; those that do not occur are passed over.

    Raises
    ------
    InvalidInputError
        If the labels are not one-dimensional, of one length, and non-empty.

    References
    ----------
    Vaze, Han, Vedaldi and Zisserman (2022), Generalized Category Discovery, arXiv:2201.02609; its evaluation "v2".

    Examples
    --------
    >>> category_accuracy([0, 0, 1, 1, 2, 2], [7, 7, 8, 8, 8, 9], known=[0, 1])
    CategoryAccuracy(all=0.8333333333333334, known=1.0, new=0.5)
    """
    matching = hungarian_matching(labels_true, labels_pred)
    classes, true = np.unique(np.asarray(labels_true), return_inverse=True)
    predicted = np.unique(np.asarray(labels_pred), return_inverse=True)[1]
    cluster_of = np.full(len(classes), -1)
    cluster_of[matching[:, 0]] = matching[:, 1]
    right = cluster_of[true] == predicted
    is_known = np.isin(classes, np.asarray(known))[true]
    return CategoryAccuracy(float(right.mean()), _share(right[is_known]), _share(right[~is_known]))


def class_number_error(n_true: int, n_found: int) -> float:
    """Relative error of an estimated number of classes, ``|found - true| / true``.

    Raises
    ------
    InvalidInputError
        If a number is below 1.

    Examples
    --------
    >>> class_number_error(200, 212)
    0.06
    """
    if n_true < 1 or n_found < 1:
        raise InvalidInputError(f"Numbers of classes are at least 1; got {n_true} and {n_found}.")
    return abs(n_found - n_true) / n_true


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")

"""Directions in the space of activations, the score of a sentence along one, and its label."""

from __future__ import annotations

from typing import Literal, Self, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted, validate_data

from reprise.errors import InvalidInputError

AxisKind = Literal["lr", "pc", "vector", "random"]
MAX_ITER = 1000  # of the authors' logistic regression


class ActivationAxis(BaseEstimator):
    r"""A direction of activation space, along which a model is asked to report or to control itself.

    The score of an activation x is

    .. math:: s(x) = (x - \mu) \cdot v / \sigma

    with :math:`\mu` the training mean and :math:`\sigma` the standard deviation of the training projections. For
    logistic regression it is the decision value ``x . w + b`` over its standard deviation, which leaves signs alone.

    Parameters
    ----------
    kind : ``"lr"``, the direction that separates two labelled classes; ``"pc"``, a principal component; ``"vector"``,
        a given one; ``"random"``, a Gaussian one.
    component : which principal component, from 1 on (the paper's: 1, 2, 4, 8, 32, 128, 512).
    layer : of the language model, whose output is scored; used by `control_experiment` only.
    normalize : divide by the standard deviation; otherwise a unit vector's projections, or decision values, are given.
    vector : (d,) the direction of kind ``"vector"``.
    random_state : of kind ``"random"``.

    Attributes
    ----------
    direction_ : (d,) unit vector.
    weights_, offset_ : the score is ``X @ weights_ + offset_``.
    training_scores_ : (n,) from which `label` takes the bins of more than two labels.

    Raises
    ------
    InvalidInputError
        In `fit`, if a setting is not as described, `y` has other values than 0 and 1 or only one of them, there is no
        such component, or nothing varies along the direction.

    Notes
    -----
    Cost: one logistic regression, or one singular value decomposition of (n, d), O(n d min(n, d)).

    References
    ----------
    Li Ji-An, H.-D. Xiong, R. C. Wilson, M. G. Mattar, M. K. Benna (2025). Language Models Are Capable of Metacognitive
    Monitoring and Control of Their Internal Activations. arXiv 2505.13763. Code:
    github.com/sakimarquis/llm_neurofeedback.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(100, 5)) * [4, 2, 1, 1, 1]
    >>> axis = ActivationAxis("pc").fit(X)
    >>> scores = axis.score_samples(X)
    >>> bool(abs(scores.mean()) < 1e-12), round(float(scores.std()), 6), bool(abs(axis.direction_[0]) > 0.9)
    (True, 1.0, True)
    >>> sorted(set(axis.label(X, bins=6).tolist()))
    [1, 2, 3, 4, 5, 6]
    """

    def __init__(
        self,
        kind: AxisKind = "lr",
        component: int = 1,
        layer: int | None = None,
        normalize: bool = True,
        vector: ArrayLike | None = None,
        random_state: int = 0,
    ):
        self.kind = kind
        self.component = component
        self.layer = layer
        self.normalize = normalize
        self.vector = vector
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Find the direction in activations `X` (n, d), for logistic regression with classes `y` (n,) of 0 and 1."""
        points: np.ndarray = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if self.kind == "lr":
            classes = two_classes(y, len(points))
            fitted = LogisticRegression(max_iter=MAX_ITER).fit(points, classes)
            weights, offset = fitted.coef_[0], float(fitted.intercept_[0])
        else:
            weights = self._direction(points)
            offset = -float(points.mean(axis=0) @ weights)
        scores = points @ weights + offset
        deviation = float(scores.std())
        if deviation <= np.finfo(np.float64).eps * max(1.0, float(np.abs(scores).max())):
            raise InvalidInputError("The activations do not vary along this direction.")
        scale = deviation if self.normalize else 1.0
        self.direction_ = weights / np.linalg.norm(weights)
        self.weights_, self.offset_ = weights / scale, offset / scale
        self.training_scores_ = scores / scale
        return self

    def score_samples(self, X: ArrayLike) -> Float[np.ndarray, " n"]:
        """Give the score of each activation of `X` (n, d)."""
        check_is_fitted(self)
        points: np.ndarray = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(points @ self.weights_ + self.offset_)

    def label(self, X: ArrayLike, bins: int = 2) -> Int[np.ndarray, " n"]:
        """Turn scores into labels: 1 from zero on and else 0, or with more bins 1 to `bins` (see `LikertBinner`)."""
        scores = self.score_samples(X)
        if bins == 2:
            return (scores >= 0).astype(np.int64)
        return LikertBinner(bins).fit(self.training_scores_).transform(scores)

    def _direction(self, points: np.ndarray) -> np.ndarray:
        n, d = points.shape
        if self.kind == "pc":
            most = min(n - 1, d)
            if isinstance(self.component, bool) or not 1 <= self.component <= most:
                raise InvalidInputError(
                    f"{n} activations of {d} dimensions have principal components 1 to {most}; {self.component!r} was "
                    "asked for."
                )
            reduction = PCA(self.component, svd_solver="full")
            return np.asarray(reduction.fit(points).components_[self.component - 1])
        if self.kind == "random":
            direction = np.random.default_rng(self.random_state).normal(size=d)
            return np.asarray(direction / np.linalg.norm(direction))
        if self.kind != "vector":
            raise InvalidInputError(f"`kind` is one of {', '.join(get_args(AxisKind))}; {self.kind!r} was given.")
        given = np.asarray(self.vector if self.vector is not None else [], dtype=np.float64)
        if given.shape != (d,) or not np.isfinite(given).all() or not given.any():
            raise InvalidInputError(f"`vector` is {d} finite numbers, not all zero; shape {given.shape} was given.")
        return given / np.linalg.norm(given)


class LikertBinner:
    """Cuts scores into an even number of bins, half of them below zero and half from zero on, of equal counts.

    Bins are numbered from 1; inner bounds are quantiles of the negative scores and of the others, each by itself.

    Parameters
    ----------
    bins : their number, even.

    Examples
    --------
    >>> LikertBinner(4).fit([-4, -3, -2, -1, 1, 2, 3, 4]).transform([-9, -1, 0, 9]).tolist()
    [1, 2, 3, 4]
    """

    def __init__(self, bins: int = 6):
        if bins < 2 or bins % 2:
            raise InvalidInputError(f"The number of bins is even and at least 2; {bins} was given.")
        self.bins = bins

    def fit(self, scores: ArrayLike) -> Self:
        """Find the bounds.

        Raises
        ------
        InvalidInputError
            If there are fewer scores on a side of zero than bins.
        """
        given, half = np.asarray(scores, dtype=np.float64), self.bins // 2
        sides = given[given < 0], given[given >= 0]
        if min(map(len, sides)) < half:
            raise InvalidInputError(
                f"{half} bins on each side of zero need as many scores there; there are {len(sides[0])} below zero and "
                f"{len(sides[1])} from zero on."
            )
        inner = np.linspace(0, 1, half + 1)[1:-1]
        below, above = (np.quantile(side, inner) for side in sides)
        self.bounds_ = np.concatenate([below, [0.0], above])
        return self

    def transform(self, scores: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give the bin of each score."""
        if not hasattr(self, "bounds_"):
            raise InvalidInputError("The binner has no bounds yet; call fit first.")
        return np.searchsorted(self.bounds_, np.asarray(scores, dtype=np.float64), side="right") + 1


def median_split(scores: ArrayLike) -> Int[np.ndarray, " n"]:
    """Label the upper half of the scores 1 and the lower half 0; of an odd number the middle one is 1.

    Ties are broken by order, so that the labels are balanced whatever the scores.

    Examples
    --------
    >>> median_split([0.3, 5.0, -1.0, 0.4]).tolist()
    [0, 1, 0, 1]
    """
    given = np.asarray(scores, dtype=np.float64)
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise InvalidInputError(f"Finite scores of shape (n,) are expected; shape {given.shape} was given.")
    ranks = np.argsort(np.argsort(given, kind="stable"), kind="stable")
    return (ranks >= len(given) // 2).astype(np.int64)


def two_classes(y: ArrayLike | None, n: int, *, both: bool = True) -> Int[np.ndarray, " n"]:
    """Give `y` as (n,) integers if it holds zeros and ones, and both of them where that is asked for.

    Raises
    ------
    InvalidInputError
        If it does not.
    """
    classes = np.asarray([] if y is None else y)
    if classes.shape != (n,):
        raise InvalidInputError(f"{n} labels are expected, one for each sentence; shape {classes.shape} was given.")
    if found := set(classes.tolist()) - {0, 1}:
        raise InvalidInputError(f"Labels are 0 and 1; {sorted(map(str, found))[0]} was given.")
    if both and len(set(classes.tolist())) < 2:
        raise InvalidInputError(f"All labels are {classes[0]}; both 0 and 1 are expected.")
    return classes.astype(np.int64)

"""Ways to learn from bags that take no network: the overall share, a regression on bag means, shares that spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from reprise.discover.label_proportions import Bags, similarity_graph

_STEPS = 60


class OverallShare(ClassifierMixin, BaseEstimator):
    """Give every row the share of positives among all rows.

    Examples
    --------
    >>> OverallShare().fit([[0.0], [1.0]], [0, 1], {0: 1.0, 1: 0.0}).predict_proba([[5.0]])
    array([[0.5, 0.5]])
    """

    def fit(self, X: ArrayLike, groups: ArrayLike, proportions: Mapping[Any, float]) -> Self:
        """Learn the share."""
        bags = Bags.of(groups, proportions)
        self.share_ = float(bags.counts.sum() / bags.sizes.sum())
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the probabilities of each row to be negative and positive."""
        return np.tile([1 - self.share_, self.share_], (len(np.asarray(X)), 1))


class BagMeanLogistic(ClassifierMixin, BaseEstimator):
    """Logistic regression of the shares on the mean row of each bag; its probabilities of single rows are too timid.

    Parameters
    ----------
    C : as of scikit-learn's `LogisticRegression`.

    Examples
    --------
    >>> X, groups = [[0.0], [0.2], [1.0], [1.2]], [0, 0, 1, 1]
    >>> model = BagMeanLogistic().fit(X, groups, {0: 0.0, 1: 1.0})
    >>> bool(model.predict_proba([[1.5]])[0, 1] > 0.5)
    True
    """

    def __init__(self, C: float = 1.0):
        self.C = C

    def fit(self, X: ArrayLike, groups: ArrayLike, proportions: Mapping[Any, float]) -> Self:
        """Learn from bags."""
        from sklearn.dummy import DummyClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        bags = Bags.of(groups, proportions)
        self.scaler_ = StandardScaler()
        rows = self.scaler_.fit_transform(np.asarray(X, dtype=float))
        means = np.column_stack([bags.sums(column) for column in rows.T]) / bags.sizes[:, None]
        weights = np.concatenate([bags.sizes - bags.counts, bags.counts])
        there = weights > 0
        labels = np.repeat([0, 1], len(bags))[there]
        both = len(np.unique(labels)) == 2
        self.model_ = LogisticRegression(C=self.C, max_iter=2000) if both else DummyClassifier()
        self.model_.fit(np.concatenate([means, means])[there], labels, sample_weight=weights[there])
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the probabilities of each row to be negative and positive."""
        found = self.model_.predict_proba(self.scaler_.transform(np.asarray(X, dtype=float)))
        if found.shape[1] == 2:
            return found
        positive = np.full(len(found), float(self.model_.classes_[0]))
        return np.column_stack([1 - positive, positive])


class ShareSpreading(ClassifierMixin, BaseEstimator):
    """Label spreading on the graph of neighbours, from each row's share of its bag in place of a label.

    ``f <- alpha S f + (1 - alpha) share`` with S the degree-normalised weights; a new row takes the mean of its
    neighbours.

    Parameters
    ----------
    n_neighbors : of each row.
    alpha : how much of a row's value comes from its neighbours.

    Examples
    --------
    >>> X, groups = [[0.0], [1.0], [0.1], [1.1]], [0, 0, 1, 2]
    >>> model = ShareSpreading(n_neighbors=1).fit(X, groups, {0: 0.5, 1: 0.0, 2: 1.0})
    >>> bool(model.predict_proba([[1.0]])[0, 1] > model.predict_proba([[0.0]])[0, 1])
    True
    """

    def __init__(self, n_neighbors: int = 10, alpha: float = 0.8):
        self.n_neighbors = n_neighbors
        self.alpha = alpha

    def fit(self, X: ArrayLike, groups: ArrayLike, proportions: Mapping[Any, float]) -> Self:
        """Learn from bags."""
        from scipy import sparse
        from sklearn.preprocessing import StandardScaler

        from reprise.nn.neighbours import FlatIndex

        bags = Bags.of(groups, proportions)
        self.scaler_ = StandardScaler()
        rows = self.scaler_.fit_transform(np.asarray(X, dtype=float))
        weights = similarity_graph(rows, self.n_neighbors)
        degrees = np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1e-12)
        S = sparse.diags(1 / degrees) @ weights
        shares = bags.shares[bags.index]
        self.values_ = shares.copy()
        for _ in range(_STEPS):
            self.values_ = self.alpha * (S @ self.values_) + (1 - self.alpha) * shares
        self.values_ = np.clip(self.values_, 0, 1)
        self.index_ = FlatIndex(rows)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the probabilities of each row to be negative and positive."""
        rows = self.scaler_.transform(np.asarray(X, dtype=float))
        near = self.index_.search(rows, min(self.n_neighbors, len(self.values_))).indices
        positive = self.values_[near].mean(axis=1)
        return np.column_stack([1 - positive, positive])

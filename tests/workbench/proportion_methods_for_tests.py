"""Methods for tests of proportions; imported by the child process of a bench."""

import numpy as np


class FirstColumn:
    """Takes the first column for the probability."""

    def fit(self, X, groups, proportions):
        assert set(groups.tolist()) == set(proportions)
        return self

    def predict_proba(self, X):
        p = np.clip(X[:, 0], 0, 1)
        return np.column_stack([1 - p, p])


class Sure:
    """Gives probabilities that are none."""

    def fit(self, X, groups, proportions):
        return self

    def predict_proba(self, X):
        return np.full(len(X), 2.0)


class Silent:
    def fit(self, X, groups, proportions):
        return self

"""Methods that misbehave in the ways that a bench has to outlive; imported by its child process."""

import os
import signal
import time
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin


class Halves(ClusterMixin, BaseEstimator):
    """Splits the rows in two by the first column."""

    def fit(self, X, y=None):
        self.labels_ = (X[:, 0] > np.median(X[:, 0])).astype(int)
        return self


class Sleeps(Halves):
    def fit(self, X, y=None):
        time.sleep(600)


class SleepsUntil(Halves):
    """Too slow until a file is there."""

    def __init__(self, marker=""):
        self.marker = marker

    def fit(self, X, y=None):
        if not os.path.exists(self.marker):
            time.sleep(600)
        return super().fit(X)


class Dies(Halves):
    def fit(self, X, y=None):
        os._exit(7)


class Exits(Halves):
    def fit(self, X, y=None):
        raise SystemExit("enough")


class Raises(Halves):
    def fit(self, X, y=None):
        raise RuntimeError("no luck today. More words.")


class Spoils(Halves):
    """Changes the array it was given, and prints and warns about it."""

    def fit(self, X, y=None):
        super().fit(X)
        X[:] = 0.0
        print("spoilt")
        os.write(1, b"spoilt below Python\n")
        warnings.warn("I spoilt your array. Sorry.", UserWarning, stacklevel=2)
        return self


class Interrupts(Halves):
    """What a user who presses Ctrl-C while a method runs looks like to the bench."""

    def fit(self, X, y=None):
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(600)


class OneCluster(Halves):
    def fit(self, X, y=None):
        self.labels_ = np.zeros(len(X), dtype=int)
        return self


class WrongShape(Halves):
    def fit(self, X, y=None):
        self.labels_ = np.zeros((len(X), 2))
        return self


class Demanding(Halves):
    def __init__(self, groups):
        self.groups = groups


def function(X):
    return X

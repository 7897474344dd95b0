"""What everyone would try first: clusterers that do not look at labels, and methods that know the labelled classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.semi_supervised import LabelSpreading as _LabelSpreading

from reprise.nn.semi_supervised_kmeans import semi_supervised_kmeans
from reprise.workbench.contract import Entry
from reprise.workbench.tasks.cluster.baselines import baselines as clusterers

_SPREADING_ROWS = 10_000  # its graph's steps take n k time, but its dense answer n classes; here for the neighbours
_NEIGHBOURS = 10


class SemiSupervisedKMeans(ClusterMixin, BaseEstimator):
    """`semi_supervised_kmeans` as an estimator.

    Parameters
    ----------
    n_clusters : classes, known and new together.
    random_state : of the starts.
    """

    def __init__(self, n_clusters: int = 8, random_state: int | None = None):
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> SemiSupervisedKMeans:
        """Cluster partly labelled rows, `y` -1 where there is no label."""
        self.labels_ = semi_supervised_kmeans(X, y, self.n_clusters, random_state=self.random_state).labels
        return self


class LabelSpreading(ClusterMixin, BaseEstimator):
    """scikit-learn's label spreading over nearest neighbours; it never finds a new class.

    Parameters
    ----------
    n_neighbors : of each row.
    """

    def __init__(self, n_neighbors: int = _NEIGHBOURS):
        self.n_neighbors = n_neighbors

    def fit(self, X: np.ndarray, y: np.ndarray) -> LabelSpreading:
        """Give every row the known class that its neighbours make likeliest."""
        method = _LabelSpreading(kernel="knn", n_neighbors=min(self.n_neighbors, len(X) - 1))
        self.labels_ = method.fit(X, y).transduction_
        return self


def baselines(shape: tuple[int, ...], n_classes: int) -> list[Entry]:
    """Give the standard methods for n rows of d columns, the cheapest first."""
    here = __name__
    own = [
        Entry("Semi-supervised k-means", f"{here}:SemiSupervisedKMeans"),
        Entry(
            "LabelSpreading", f"{here}:LabelSpreading", max_rows=_SPREADING_ROWS, note="names no row with a new class"
        ),
    ]
    return [*(replace(entry, kind="baseline") for entry in own), *clusterers(shape, n_classes)]

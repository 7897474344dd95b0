"""Graph methods for tests; imported by the child process of a bench."""

import numpy as np
from sklearn.base import BaseEstimator

from reprise.nn.graph_batch import graph_batch


class Sizes(BaseEstimator):
    """Gives a graph the vector of its numbers of nodes and edges."""

    def fit(self, graphs, y=None):
        return self

    def transform(self, graphs):
        batch = graph_batch(graphs)
        return np.stack([batch.node_counts.numpy(), batch.edge_counts.numpy()], axis=1)


class Strange(BaseEstimator):
    """Predicts a label that it has never seen."""

    def fit(self, graphs, y):
        return self

    def predict(self, graphs):
        return np.full(len(graphs), 99)


class Mute(BaseEstimator):
    def fit(self, graphs, y):
        return self

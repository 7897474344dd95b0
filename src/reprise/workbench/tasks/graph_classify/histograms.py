"""What a graph is like without its structure: how many nodes of each label and degree; and a classifier on that."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from reprise.errors import InvalidInputError
from reprise.nn.graph import segment_mean, segment_sum
from reprise.nn.graph_batch import GraphBatch, graph_batch
from reprise.nn.graph_classifiers import class_labels

_DEGREES = 32  # degrees counted apart; those beyond share a column
_TREES = 500
_ITERATIONS = 2000


def histograms(graphs: GraphBatch) -> NDArray[np.float64]:
    """Describe each graph by its size and its nodes alone.

    The logarithms of its numbers of nodes and edges, how many and which share of its nodes have each degree, and the
    sum and the mean of its nodes' features.

    Examples
    --------
    >>> from reprise.nn.graph_batch import graph_batch
    >>> histograms(graph_batch([([[0, 1], [1, 0]], 3)]))[0, 2:5].tolist()  # nodes of degree 0, 1 and 2
    [1.0, 2.0, 0.0]
    """
    count = len(graphs)
    degree = torch.bincount(graphs.edge_index[1], minlength=graphs.num_nodes).clamp_max(_DEGREES)
    of_degree = torch.nn.functional.one_hot(degree, _DEGREES + 1).double()
    sizes = torch.stack([graphs.node_counts, graphs.edge_counts], dim=1).double().log1p()
    columns = [sizes]
    for values in (of_degree,) if graphs.x is None else (of_degree, graphs.x.double()):
        columns += [segment_sum(values, graphs.batch, count), segment_mean(values, graphs.batch, count)]
    return torch.cat(columns, dim=1).numpy()


class HistogramClassifier(ClassifierMixin, BaseEstimator):
    """Classify graphs by their sizes and the histograms of their nodes' labels and degrees, blind to all structure.

    Parameters
    ----------
    model : ``"logistic"``, a regression on standardised columns whose C is chosen by inner folds, or ``"forest"``.
    random_state : of the model.

    Examples
    --------
    >>> import networkx as nx
    >>> graphs = [nx.cycle_graph(n) for n in range(4, 20)] + [nx.star_graph(n) for n in range(4, 20)]
    >>> classifier = HistogramClassifier(random_state=0).fit(graphs, ["ring"] * 16 + ["star"] * 16)
    >>> classifier.predict([nx.cycle_graph(15), nx.star_graph(15)]).tolist()
    ['ring', 'star']
    """

    def __init__(self, model: Literal["logistic", "forest"] = "logistic", random_state: Any = None):
        self.model = model
        self.random_state = random_state

    def fit(self, graphs: Any, y: ArrayLike) -> Self:
        """Fit on labelled graphs.

        Raises
        ------
        InvalidInputError
            If the graphs or the model cannot be used, or the labels do not fit.
        """
        if self.model not in ("logistic", "forest"):
            raise InvalidInputError(f"model must be 'logistic' or 'forest'; got {self.model!r}.")
        batch = graph_batch(graphs)
        self.classes_, target = class_labels(y, len(batch))
        self.model_ = self._forest() if self.model == "forest" else self._logistic(int(np.bincount(target).min()))
        self.model_.fit(histograms(batch), target)
        return self

    def predict(self, graphs: Any) -> NDArray[Any]:
        """Give the class of each graph."""
        return self.classes_[self.model_.predict(histograms(graph_batch(graphs)))]

    def _forest(self) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(_TREES, random_state=self.random_state)

    def _logistic(self, rarest: int) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        regression = LogisticRegression(max_iter=_ITERATIONS, random_state=self.random_state)
        pipeline = make_pipeline(StandardScaler(), regression)
        if rarest < 2:
            return pipeline
        return GridSearchCV(pipeline, {"logisticregression__C": [0.01, 0.1, 1.0, 10.0]}, cv=min(3, rarest))

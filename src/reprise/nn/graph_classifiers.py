"""Classifiers of whole graphs: any network of a `GraphBatch` as a scikit-learn estimator, and the one of GIN."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import GINLayer, segment_mean, segment_sum
from reprise.nn.graph_batch import GraphBatch, graph_batch
from reprise.training import train

_PREDICTED_AT_ONCE = 512
_SMALL_SET, _SMALL_BATCH, _BATCH = 1000, 32, 128


class GraphIsomorphismNetwork(nn.Module):
    """GIN for whole graphs: steps of sum over neighbours and MLP, nodes pooled after each, one linear map on all.

    ``h_k = ReLU(BN(MLP_k((1 + eps_k) h_{k-1} + sum over neighbours)))``, and the output is the sum over
    k = 0 to `layers` of ``Linear_k(dropout(pool(h_k)))``; the MLPs are Linear-BN-ReLU-Linear. Edge features
    are not used. O((E + N) hidden + N hidden²) a layer.

    Parameters
    ----------
    in_features : width of the node features; 0 gives each node a 1.
    out_features : width of the output.
    hidden, layers : sizes.
    pooling : ``"sum"`` or ``"mean"`` over the nodes of a graph.
    dropout : of the pooled features.

    References
    ----------
    Xu, Hu, Leskovec, Jegelka (2019), How powerful are graph neural networks?, arXiv:1810.00826.

    Examples
    --------
    >>> from reprise.nn.graph_batch import graph_batch
    >>> batch = graph_batch([([[0, 1], [1, 0]], 2), ([[0, 1, 2], [1, 2, 0]], 3)])
    >>> GraphIsomorphismNetwork(0, 5)(batch).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        hidden: int = 32,
        layers: int = 4,
        pooling: Literal["sum", "mean"] = "sum",
        dropout: float = 0.5,
    ):
        super().__init__()
        if in_features < 0 or min(out_features, hidden) < 1 or layers < 0 or not 0 <= dropout < 1:
            raise InvalidInputError(
                "Widths must be at least 1 (in_features and layers at least 0) and dropout in [0, 1); got in_features="
                f"{in_features}, out_features={out_features}, hidden={hidden}, layers={layers}, dropout={dropout}."
            )
        if pooling not in ("sum", "mean"):
            raise InvalidInputError(f"pooling must be 'sum' or 'mean'; got {pooling!r}.")
        self.in_features = in_features
        self.pooling = pooling
        widths = [max(in_features, 1)] + [hidden] * layers
        self.layers = nn.ModuleList(GINLayer(_two_layers(width, hidden)) for width in widths[:-1])
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in range(layers))
        self.readouts = nn.ModuleList(nn.Linear(width, out_features) for width in widths)
        self.dropout = nn.Dropout(dropout)

    def forward(self, graphs: GraphBatch) -> Float[Tensor, "B out_features"]:
        """Give a vector for each graph.

        Raises
        ------
        InvalidInputError
            If the node features are not of the network's width.
        """
        width = 0 if graphs.x is None else graphs.x.shape[1]
        if width != self.in_features:
            raise InvalidInputError(f"The graphs have node features of width {width}; expected {self.in_features}.")
        weight = next(self.parameters())
        h = weight.new_ones(graphs.num_nodes, 1) if graphs.x is None else graphs.x.to(weight.dtype)
        pool = segment_sum if self.pooling == "sum" else segment_mean
        output = self.readouts[0](self.dropout(pool(h, graphs.batch, len(graphs))))
        for layer, norm, readout in zip(self.layers, self.norms, list(self.readouts)[1:], strict=True):
            h = torch.relu(norm(layer(h, graphs.edge_index)))
            output = output + readout(self.dropout(pool(h, graphs.batch, len(graphs))))
        return output


class GraphNetworkClassifier(ClassifierMixin, BaseEstimator, ABC):
    """A network of graphs as a scikit-learn classifier; a subclass says which in `make_network`.

    `fit` and `predict` take graphs in any of the forms of `reprise.nn.graph_batch`.

    Attributes
    ----------
    epochs, batch_size, lr, weight_decay : of Adam with decoupled decay, the rate falling to 0 by a cosine; `batch_size`
        None takes 32, and 128 from 1,000 graphs on.
    device : as in `reprise.training.train`.
    random_state : of the weights, the order of the batches and dropout.
    progress : show a bar.
    classes_ : (k,) labels there are.
    network_ : the trained network.
    history_ : one record an epoch.
    """

    epochs: int
    batch_size: int | None
    lr: float
    weight_decay: float
    device: str
    random_state: Any
    progress: bool

    @abstractmethod
    def make_network(self, graphs: GraphBatch, classes: int) -> nn.Module:
        """Give a new network that turns a `GraphBatch` into (B, classes) logits; called with the training graphs."""

    def fit(self, graphs: Any, y: ArrayLike) -> Self:
        """Train on labelled graphs.

        Raises
        ------
        InvalidInputError
            If the graphs or a setting cannot be used, or the labels do not fit.
        DivergedError
            If the loss is not finite any more.
        """
        batch = graph_batch(graphs, dtype=torch.get_default_dtype())
        self.classes_, target = class_labels(y, len(batch))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self.make_network(batch, len(self.classes_))
        usual = _SMALL_BATCH if len(batch) < _SMALL_SET else _BATCH
        size = usual if self.batch_size is None else self.batch_size
        if size < 1:
            raise InvalidInputError(f"batch_size must be at least 1, or None; got {size}.")
        self.history_ = train(
            network,
            _CrossEntropy(batch, torch.from_numpy(target)),
            torch.arange(len(batch)),
            epochs=self.epochs,
            batch_size=size,
            drop_last=len(batch) > size and len(batch) % size == 1,  # batch statistics need two graphs
            lr=self.lr,
            weight_decay=self.weight_decay,
            schedule="cosine",
            seed=seed,
            device=self.device,
            progress=self.progress,
        )
        self.network_ = network.eval()
        return self

    def predict_proba(self, graphs: Any) -> Float[np.ndarray, "B k"]:
        """Give the probability of each class for each graph.

        Raises
        ------
        NotFittedError
            If called before `fit`.
        InvalidInputError
            If the graphs cannot be used, or have other features than those of `fit`.
        """
        if not hasattr(self, "network_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet; call fit first.")
        batch = graph_batch(graphs, dtype=torch.get_default_dtype())
        device = next(self.network_.parameters()).device
        with torch.no_grad():
            logits = [
                self.network_(batch[rows.tolist()].to(device)).cpu()
                for rows in torch.arange(len(batch)).split(_PREDICTED_AT_ONCE)
            ]
        return torch.cat(logits).softmax(1).numpy()

    def predict(self, graphs: Any) -> NDArray[Any]:
        """Give the most probable class of each graph; raises as `predict_proba` does."""
        probabilities = self.predict_proba(graphs)
        return self.classes_[probabilities.argmax(1)]


class GINClassifier(GraphNetworkClassifier):
    """Classify graphs with a graph isomorphism network.

    Parameters
    ----------
    hidden, layers, pooling, dropout : see `GraphIsomorphismNetwork`.
    epochs, batch_size, lr, weight_decay, device, random_state, progress : see `GraphNetworkClassifier`.

    References
    ----------
    Xu, Hu, Leskovec, Jegelka (2019), How powerful are graph neural networks?, arXiv:1810.00826.

    Examples
    --------
    >>> import networkx as nx
    >>> graphs = [nx.cycle_graph(n) for n in range(4, 20)] + [nx.star_graph(n) for n in range(4, 20)]
    >>> labels = ["ring"] * 16 + ["star"] * 16
    >>> classifier = GINClassifier(epochs=20, random_state=0).fit(graphs, labels)
    >>> classifier.predict([nx.cycle_graph(30), nx.star_graph(30)]).tolist()
    ['ring', 'star']
    """

    def __init__(
        self,
        hidden: int = 32,
        layers: int = 4,
        pooling: Literal["sum", "mean"] = "sum",
        dropout: float = 0.5,
        epochs: int = 100,
        batch_size: int | None = None,
        lr: float = 0.01,
        weight_decay: float = 0.0,
        device: str = "auto",
        random_state: Any = None,
        progress: bool = False,
    ):
        self.hidden = hidden
        self.layers = layers
        self.pooling = pooling
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def make_network(self, graphs: GraphBatch, classes: int) -> nn.Module:
        """Give a new `GraphIsomorphismNetwork`."""
        width = 0 if graphs.x is None else graphs.x.shape[1]
        sizes = {"hidden": self.hidden, "layers": self.layers}
        return GraphIsomorphismNetwork(width, classes, pooling=self.pooling, dropout=self.dropout, **sizes)


def class_labels(y: ArrayLike, graphs: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give the classes among labels, and the position of each label in them.

    Raises
    ------
    InvalidInputError
        If there is not one label a graph, one is missing, or they are of fewer than two kinds or not classes.

    Examples
    --------
    >>> class_labels(["b", "a", "b"], 3)[1].tolist()
    [1, 0, 1]
    """
    labels = np.asarray(y)
    if labels.ndim != 1 or len(labels) != graphs:
        raise InvalidInputError(f"Labels of shape {labels.shape} were given for {graphs} graphs; expected ({graphs},).")
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        raise InvalidInputError("Labels are fractions or missing (NaN); expected a class for each graph.")
    if labels.dtype.kind == "O" and any(label is None or label != label for label in labels):
        raise InvalidInputError("Some labels are missing; expected a class for each graph.")
    try:
        classes, target = np.unique(labels, return_inverse=True)
    except TypeError as problem:
        raise InvalidInputError(f"Labels are of types that cannot be sorted together ({problem}).") from problem
    if len(classes) < 2:
        raise InvalidInputError(f"All labels are {classes.tolist()[0]!r}; expected at least two classes.")
    return classes, target.astype(np.int64)


class _CrossEntropy:
    """The loss on the graphs of a batch's rows; keeps all graphs where the rows are."""

    def __init__(self, graphs: GraphBatch, target: Tensor):
        self.graphs, self.target = graphs, target

    def __call__(self, network: nn.Module, rows: Tensor) -> Tensor:
        if self.graphs.device != rows.device:
            self.graphs, self.target = self.graphs.to(rows.device), self.target.to(rows.device)
        return nn.functional.cross_entropy(network(self.graphs[rows]), self.target[rows])


def _two_layers(before: int, hidden: int) -> nn.Module:
    return nn.Sequential(nn.Linear(before, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, hidden))

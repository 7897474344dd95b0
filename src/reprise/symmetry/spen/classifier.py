"""SPEN as a scikit-learn classifier of graphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._tags import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from reprise.errors import InvalidInputError
from reprise.nn.graph_batch import GraphBatch, graph_batch
from reprise.symmetry.spen.blocks import frequent_sizes
from reprise.symmetry.spen.layers import Mixing
from reprise.symmetry.spen.network import SPEN
from reprise.symmetry.spen.subgraphs import ego_networks
from reprise.training import train

PREDICT_GRAPHS = 256
"""Graphs a call when nothing is trained: bounds memory, and does not change results."""

COOL_AT, COOL_TO = 0.6, 0.1
"""The rate falls to a tenth after 30 of 50 epochs in the authors' code."""


class SPENClassifier(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Classify graphs by permutation-equivariant layers on their nodes' ego-networks (see `SPEN`).

    Graphs are torch-geometric `Data`, ``(edge_index, x)`` or ``(edge_index, x, edge_attr)``, or `networkx.Graph`, in a
    list; or a torch-geometric `Batch`, or a `GraphBatch`. Each undirected edge is given in both directions. Trained by
    cross-entropy with AdamW, whose rate falls to a tenth after 60 % of the steps.

    Parameters
    ----------
    hops, channels, layers, embedding, hidden, dropout, mixing, readout : as in `SPEN`.
    sharing : ``"size"`` gives subgraphs of each size weights of their own (the paper), ``"all"`` one set to all.
    rare : with ``"size"``, sizes of less than this share of the training subgraphs use the weights of the next smaller.
    adjacency, mark_centre, max_size : as in `SPEN`.
    epochs, batch_size, lr, weight_decay : of the training.
    device : ``"auto"``, ``"cpu"``, ``"cuda"``, ...
    random_state : seeds the initial weights, the order of batches and dropout.
    verbose : show a progress bar.

    Attributes
    ----------
    classes_ : labels, sorted.
    network_ : the trained `SPEN`.
    sizes_ : sizes that have weights of their own, or None.
    history_ : loss of each epoch.

    Raises
    ------
    InvalidInputError
        If graphs are empty or malformed, a subgraph exceeds `max_size`, graphs and labels differ in number, there are
        fewer than two classes, or features have another width than those fitted.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840; github.com/JoshuaMitton/LPEGN.

    Examples
    --------
    >>> import networkx as nx
    >>> graphs = [nx.cycle_graph(n) for n in range(5, 15)] + [nx.star_graph(n) for n in range(5, 15)]
    >>> labels = ["ring"] * 10 + ["star"] * 10
    >>> model = SPENClassifier(epochs=20, lr=0.01, random_state=0).fit(graphs, labels)
    >>> model.predict([nx.cycle_graph(20), nx.star_graph(20)]).tolist()
    ['ring', 'star']
    >>> model.transform(graphs).shape
    (20, 32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sharing": [StrOptions({"size", "all"})],
        "rare": [Interval(Real, 0, 1, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hops: int = 1,
        channels: tuple[int, int] = (16, 8),
        layers: int = 3,
        embedding: int = 32,
        hidden: Sequence[int] = (64,),
        dropout: float = 0.5,
        mixing: Mixing = "pool",
        readout: Literal["mean", "sum"] = "mean",
        sharing: Literal["size", "all"] = "size",
        rare: float = 0.01,
        adjacency: Literal["normalised", "plain"] = "normalised",
        mark_centre: bool = False,
        max_size: int | None = None,
        epochs: int = 50,
        batch_size: int = 32,
        lr: float = 2e-3,
        weight_decay: float = 0.0,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ):
        self.hops = hops
        self.channels = channels
        self.layers = layers
        self.embedding = embedding
        self.hidden = hidden
        self.dropout = dropout
        self.mixing = mixing
        self.readout = readout
        self.sharing = sharing
        self.rare = rare
        self.adjacency = adjacency
        self.mark_centre = mark_centre
        self.max_size = max_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, graphs: Any, y: ArrayLike) -> SPENClassifier:
        """Train on graphs and their labels (n,)."""
        self._validate_params()
        batch = graph_batch(graphs)
        batch = batch.to(dtype=torch.get_default_dtype())
        self.classes_, codes = _labels(y, len(batch))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.sizes_ = self._sizes(batch)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = self._network(batch)
        targets = torch.from_numpy(codes)

        def loss(model: nn.Module, rows: Tensor) -> Tensor:
            return nn.functional.cross_entropy(model(batch[rows.to(batch.device)]), targets.to(rows.device)[rows])

        self.history_ = train(
            network,
            loss,
            torch.arange(len(batch)),
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            schedule=_cooling,
            seed=seed,
            device=self.device,
            progress="SPEN" if self.verbose else False,
        )
        self.network_ = network.eval()
        return self

    def predict(self, graphs: Any) -> Shaped[np.ndarray, " n"]:
        """Give the likeliest class of each graph."""
        return self.classes_[self.predict_proba(graphs).argmax(1)]

    def predict_proba(self, graphs: Any) -> Float[np.ndarray, "n classes"]:
        """Give the probability of each of `classes_`."""
        logits = [self.network_(part) for part in self._parts(graphs)]
        return torch.cat(logits).double().softmax(1).cpu().numpy()

    def transform(self, graphs: Any) -> Float[np.ndarray, "n embedding"]:
        """Embed graphs: what the network's perceptron reads."""
        return torch.cat([self.network_.embed(part) for part in self._parts(graphs)]).cpu().numpy()

    def _parts(self, graphs: Any) -> Iterable[GraphBatch]:
        check_is_fitted(self)
        batch = graph_batch(graphs)
        with torch.no_grad():
            for start in range(0, len(batch), PREDICT_GRAPHS):
                yield batch[start : start + PREDICT_GRAPHS]

    def _sizes(self, batch: GraphBatch) -> tuple[int, ...] | None:
        if self.sharing == "all":
            return None
        sizes = ego_networks(batch.edge_index, batch.num_nodes, self.hops, self.max_size).sizes
        return frequent_sizes(sizes, self.rare)

    def _network(self, batch: GraphBatch) -> SPEN:
        return SPEN(
            0 if batch.x is None else batch.x.shape[1],
            0 if batch.edge_attr is None else batch.edge_attr.shape[1],
            len(self.classes_),
            hops=self.hops,
            channels=self.channels,
            layers=self.layers,
            embedding=self.embedding,
            hidden=self.hidden,
            dropout=self.dropout,
            mixing=self.mixing,
            readout=self.readout,
            sizes=self.sizes_,
            adjacency=self.adjacency,
            mark_centre=self.mark_centre,
            max_size=self.max_size,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags


def _cooling(optimizer: Optimizer, steps: int | None) -> LambdaLR:
    hot = COOL_AT * (steps or 0)
    return LambdaLR(optimizer, lambda step: 1.0 if step < hot else COOL_TO)


def _labels(y: ArrayLike, graphs: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        labels = column_or_1d(y)
        check_classification_targets(labels)
    except ValueError as problem:
        raise InvalidInputError(f"y must hold one class label a graph: {problem}") from problem
    if len(labels) != graphs:
        raise InvalidInputError(f"There are {graphs} graphs but {len(labels)} labels.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InvalidInputError("y holds labels that are missing (NaN) or infinite.")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise InvalidInputError(
            f"All {graphs} graphs have the label {classes[0]!r}; at least two classes are expected."
        )
    return classes, codes

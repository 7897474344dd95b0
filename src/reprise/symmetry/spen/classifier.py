"""SPEN as a scikit-learn classifier of graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from reprise.errors import InvalidInputError
from reprise.nn.graph_batch import GraphBatch, graph_batch
from reprise.nn.graph_classifiers import GraphNetworkClassifier
from reprise.symmetry.spen.blocks import frequent_sizes
from reprise.symmetry.spen.layers import Mixing
from reprise.symmetry.spen.network import SPEN
from reprise.symmetry.spen.subgraphs import ego_networks

EMBEDDED_AT_ONCE = 256
"""Graphs a call: bounds memory, and does not change results."""


class SPENClassifier(TransformerMixin, GraphNetworkClassifier):
    """Classify graphs by permutation-equivariant layers on their nodes' ego-networks (see `SPEN`).

    Graphs are torch-geometric `Data`, ``(edge_index, x)`` or ``(edge_index, x, edge_attr)``, or `networkx.Graph`, in a
    list; or a torch-geometric `Batch`, or a `GraphBatch`. Each undirected edge is given in both directions. Trained by
    cross-entropy with AdamW, whose rate falls to 0 by a cosine (the authors cut it to a tenth after 30 of 50 epochs).

    Parameters
    ----------
    hops, channels, layers, embedding, hidden, dropout, mixing, readout : as in `SPEN`.
    sharing : ``"size"`` gives subgraphs of each size weights of their own (the paper), ``"all"`` one set to all.
    rare : with ``"size"``, sizes of less than this share of the training subgraphs use the weights of the next smaller.
    adjacency, mark_centre, max_size : as in `SPEN`.
    epochs, batch_size, lr, weight_decay : of the training; `batch_size` None takes 32, and 128 from 1,000 graphs on.
    device : ``"auto"``, ``"cpu"``, ``"cuda"``, ...
    random_state : seeds the initial weights, the order of batches and dropout.
    progress : show a bar.

    Attributes
    ----------
    classes_ : labels, sorted.
    network_ : the trained `SPEN`.
    sizes_ : sizes that have weights of their own, or None.
    history_ : loss of each epoch.

    Raises
    ------
    InvalidInputError
        If a setting is out of range, graphs are empty or malformed, a subgraph exceeds `max_size`, labels do not fit
        or are of fewer than two classes, or features have another width than those fitted.

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
        batch_size: int | None = None,
        lr: float = 3e-3,
        weight_decay: float = 0.0,
        device: str = "auto",
        random_state: Any = None,
        progress: bool = False,
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
        self.progress = progress

    def make_network(self, graphs: GraphBatch, classes: int) -> nn.Module:
        """Give a new `SPEN` for the training graphs, whose subgraphs say which sizes get weights of their own."""
        if self.sharing not in ("size", "all"):
            raise InvalidInputError(f"sharing must be 'size' or 'all'; got {self.sharing!r}.")
        if not 0 <= self.rare < 1:
            raise InvalidInputError(f"rare is a share of the subgraphs in [0, 1); got {self.rare}.")
        self.sizes_ = None
        if self.sharing == "size":
            egos = ego_networks(graphs.edge_index, graphs.num_nodes, self.hops, self.max_size)
            self.sizes_ = frequent_sizes(egos.sizes, self.rare)
        return SPEN(
            0 if graphs.x is None else graphs.x.shape[1],
            0 if graphs.edge_attr is None else graphs.edge_attr.shape[1],
            classes,
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

    def transform(self, graphs: Any) -> Float[np.ndarray, "n embedding"]:
        """Embed graphs: what the network's perceptron reads."""
        check_is_fitted(self)
        network, batch = cast(SPEN, self.network_), graph_batch(graphs)
        with torch.no_grad():
            parts = [
                network.embed(batch[start : start + EMBEDDED_AT_ONCE])
                for start in range(0, len(batch), EMBEDDED_AT_ONCE)
            ]
        return torch.cat(parts).cpu().numpy()

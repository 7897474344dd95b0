"""GIN with numbered nodes, which sees more than message passing can, made blind to the numbering by frame averaging."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from reprise.nn.graph_batch import GraphBatch
from reprise.nn.graph_classifiers import GraphNetworkClassifier
from reprise.symmetry.frame_averaging import GIN, GraphFrameAveraging
from reprise.workbench.tasks.graph_classify.baselines import MAX_DENSE_NODES


class FrameAveragedGINClassifier(GraphNetworkClassifier):
    """Classify graphs with `GIN` and node identifiers inside `GraphFrameAveraging`.

    As the authors do, a random element of the frame stands for all of it, as the frames of symmetric graphs are huge;
    the prediction depends on the numbering of the nodes a little.

    Parameters
    ----------
    hidden, layers : of the backbone.
    sample : frame elements a graph.
    epochs, batch_size, lr, weight_decay, device, random_state, progress : see
        `reprise.nn.graph_classifiers.GraphNetworkClassifier`.

    References
    ----------
    Puny et al. (2022), Frame averaging for invariant and equivariant network design, arXiv:2110.03336.
    """

    def __init__(
        self,
        hidden: int = 64,
        layers: int = 3,
        sample: int = 1,
        epochs: int = 100,
        batch_size: int | None = None,
        lr: float = 0.001,
        weight_decay: float = 0.0,
        device: str = "auto",
        random_state: Any = None,
        progress: bool = False,
    ):
        self.hidden = hidden
        self.layers = layers
        self.sample = sample
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def make_network(self, graphs: GraphBatch, classes: int) -> nn.Module:
        """Give a new averaged network, for graphs of at most `MAX_DENSE_NODES` nodes."""
        width = None if graphs.x is None else graphs.x.shape[1]
        backbone = GIN(
            width, self.hidden, self.hidden, layers=self.layers, max_nodes=MAX_DENSE_NODES, activation=torch.relu
        )
        return _Averaged(GraphFrameAveraging(backbone, sample=self.sample), nn.Linear(self.hidden, classes))


class _Averaged(nn.Module):
    def __init__(self, averaging: GraphFrameAveraging, head: nn.Module):
        super().__init__()
        self.averaging, self.head = averaging, head

    def forward(self, graphs: GraphBatch) -> Tensor:
        return self.head(self.averaging(graphs))

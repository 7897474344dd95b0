"""The two backbones of the paper's graph experiments: a graph isomorphism network with identifiers, and an MLP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import GINLayer


class GIN(nn.Module):
    """Graph isomorphism network with node identifiers (GIN+ID), the paper's graph backbone; without them, its baseline.

    Node features beside a one-hot of the node's number, `layers` GIN steps of one linear map and `activation` each,
    the sum over nodes, and a linear map with `activation`. Without `identity` it cannot tell apart graphs that 1-WL
    cannot; with it, its value depends on the numbering, which `GraphFrameAveraging` mends.

    Parameters
    ----------
    in_features : width of `x`; None takes a constant 1 and the degree in place of x.
    hidden, out_features, layers : sizes; the paper's separation experiments take 64, 10 and 3.
    identity : append the one-hot numbers.
    max_nodes : length of the one-hot, the largest graph there is (64 in the paper).
    activation : ``torch.tanh`` for separation, ``torch.relu`` to train.

    Examples
    --------
    >>> import torch
    >>> GIN(max_nodes=8)(torch.ones(5, 4, 4) - torch.eye(4)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        in_features: int | None = None,
        hidden: int = 64,
        out_features: int = 10,
        *,
        layers: int = 3,
        identity: bool = True,
        max_nodes: int = 64,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
    ):
        super().__init__()
        self.in_features = in_features
        self.identity = identity
        self.max_nodes = max_nodes
        self.activation = activation
        width = (2 if in_features is None else in_features) + (max_nodes if identity else 0)
        self.layers = nn.ModuleList(
            GINLayer(nn.Linear(width if k == 0 else hidden, hidden), eps=float(torch.rand(()))) for k in range(layers)
        )
        self.readout = nn.Linear(hidden, out_features)

    def forward(
        self,
        adjacency: Float[Tensor, "M n n"],
        x: Float[Tensor, "M n c"] | None = None,
        *,
        mask: Bool[Tensor, "M n"] | None = None,
    ) -> Float[Tensor, "M out_features"]:
        """Embed M graphs."""
        n = adjacency.shape[-1]
        features = _constant_and_degree(adjacency) if self.in_features is None or x is None else x
        if self.identity:
            if n > self.max_nodes:
                raise InvalidInputError(f"This network numbers at most {self.max_nodes} nodes; a graph has {n}.")
            numbers = torch.eye(n, self.max_nodes, dtype=features.dtype, device=features.device)
            features = torch.cat([features, numbers.expand(len(features), -1, -1)], dim=-1)
        for layer in self.layers:
            features = self.activation(layer(features, adjacency))
        if mask is not None:
            features = features * mask[..., None]
        return self.activation(self.readout(features.sum(1)))


class GraphMLP(nn.Module):
    """Multilayer perceptron on a flattened adjacency and features, padded to `nodes`: universal, and blind to symmetry.

    Parameters
    ----------
    nodes : largest number of nodes.
    in_features : width of `x`, 0 for none.
    hidden : widths (the paper: 128, 64 for graphs of 8 nodes; 2048, 4096, 2048 for 64).
    out_features, activation : as in `GIN`; `activation` also follows the last map.

    Examples
    --------
    >>> import torch
    >>> GraphMLP(8)(torch.ones(5, 4, 4) - torch.eye(4)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        nodes: int,
        in_features: int = 0,
        hidden: Sequence[int] = (128, 64),
        out_features: int = 10,
        *,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
    ):
        super().__init__()
        self.nodes = nodes
        self.in_features = in_features
        self.activation = activation
        widths = [nodes * (nodes + in_features), *hidden, out_features]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(
        self,
        adjacency: Float[Tensor, "M n n"],
        x: Float[Tensor, "M n c"] | None = None,
        *,
        mask: Bool[Tensor, "M n"] | None = None,
    ) -> Float[Tensor, "M out_features"]:
        """Embed M graphs; padded nodes must have zero features and no edges, and then need no mask."""
        n, width = adjacency.shape[-1], 0 if x is None else x.shape[-1]
        missing = self.nodes - n
        if missing < 0:
            raise InvalidInputError(f"This network takes at most {self.nodes} nodes; a graph has {n}.")
        if width != self.in_features:
            raise InvalidInputError(f"This network takes {self.in_features} features a node; got {width}.")
        y = nn.functional.pad(adjacency, (0, missing, 0, missing)).flatten(1)
        if x is not None:
            y = torch.cat([nn.functional.pad(x, (0, 0, 0, missing)).flatten(1), y], dim=1)
        for layer in self.layers:
            y = self.activation(layer(y))
        return y


def _constant_and_degree(adjacency: Tensor) -> Tensor:
    degree = adjacency.sum(-1)
    return torch.stack([torch.ones_like(degree), degree], dim=-1)

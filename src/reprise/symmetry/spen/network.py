"""The network on subgraphs, and the same network on whole graphs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph_batch import GraphBatch, graph_batch
from reprise.symmetry.spen.blocks import make_blocks
from reprise.symmetry.spen.layers import Features, Layout, Mixing, SubgraphLayer, SubgraphReadout, flatten, gather
from reprise.symmetry.spen.subgraphs import Subgraphs, ego_networks, whole_graphs


class SPEN(nn.Module):
    r"""Classify or embed graphs by permutation-equivariant layers on the ego-network of every node.

    A graph of n nodes becomes its n ego-networks; each is treated as a complete weighted graph on its m nodes, with
    features of nodes (ρ₁) and of ordered pairs (ρ₂). A layer applies all linear maps that commute with S_m
    (`EquivariantLinear`), lets subgraphs that overlap exchange what they hold, and follows with ELU and GraphNorm; a
    readout reduces every subgraph to invariants (ρ₀), averages them over the graph, and a multilayer perceptron
    gives logits. The output does not depend on the numbering of the nodes.

    It tells apart graphs that message passing (1-WL) and the same layers on whole graphs (`GlobalPermutationNet`)
    cannot, since their ego-networks mostly differ. Time and memory are O(layers · Σ_v m_v² · c), in place of O(n² c)
    for whole graphs: much less on sparse graphs, more where the ego-networks are large (a hub of degree D costs D² at
    1 hop, a dense graph up to n³).

    Parameters
    ----------
    node_features : width of `x`; 0 for graphs without (every node gets the constant 1).
    edge_features : width of `edge_attr`; 0 for none.
    num_classes : how many logits.
    hops : radius of the ego-networks.
    channels : of node and of pair features in every layer.
    layers : how many layers before the readout.
    embedding : width of the graph's embedding.
    hidden : widths of the perceptron that follows it.
    dropout : in that perceptron.
    mixing : exchange between subgraphs, ``"pool"``, ``"concat"`` or ``"none"``; see `SubgraphLayer`.
    readout : ``"mean"`` or ``"sum"`` over subgraphs.
    sizes : sizes of subgraphs with weights of their own, ascending; a subgraph of another size takes those of the
        next smaller, or else of the smallest (the paper shares weights between subgraphs of one size, and lumps rare
        sizes together). None shares one set among all sizes.
    adjacency : first pair channel: ``"normalised"`` is 1/√(d_u d_w) on edges (the authors' code), ``"plain"`` is 1.
    mark_centre : append each node's distance from the centre of the ego-network, one-hot, to its features. Not in
        the paper; needs ``mixing`` other than ``"pool"`` to last beyond the first layer.
    batching : ``"bucket"`` or ``"pad"``, see `make_blocks`: the same result.
    max_size : largest ego-network to allow, a guard against running out of memory; None allows any.

    Raises
    ------
    InvalidInputError
        If a setting is out of range; in use, if graphs are empty or malformed (`reprise.nn.graph_batch`), features
        have another width than given here, or a subgraph exceeds `max_size`.

    Notes
    -----
    As in the authors' code: order-2 inputs of normalised adjacency, pooling of overlapping subgraphs by the mean, ELU,
    GraphNorm, the mean over subgraphs. Otherwise than there: node features enter as ρ₁ in place of the diagonal of ρ₂
    (which the maps ρ₁ → ρ₂ contain), and all maps into ρ₁ or ρ₂ share their output channels in place of concatenating
    those from ρ₁ with those from ρ₂ (of which that is a special case). With ``"pool"`` and ego-networks that hold the
    whole graph it is no stronger than `GlobalPermutationNet`: more hops do not tell more graphs apart, unless the
    centre is marked.

    References
    ----------
    J. Mitton, R. Murray-Smith (2021), Subgraph Permutation Equivariant Networks (first as Local Permutation
    Equivariance for Graph Neural Networks), arXiv:2111.11840; github.com/JoshuaMitton/LPEGN.

    Examples
    --------
    A hexagon and two triangles are one graph to message passing, and two to their ego-networks:

    >>> import networkx as nx, torch
    >>> _ = torch.manual_seed(0)
    >>> graphs = [nx.cycle_graph(6), nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))]
    >>> model = SPEN(node_features=0, num_classes=2).eval()
    >>> one, other = model.embed(graphs)
    >>> torch.allclose(one, other, atol=1e-3)
    False
    >>> model(graphs).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        node_features: int,
        edge_features: int = 0,
        num_classes: int = 2,
        *,
        hops: int = 1,
        channels: tuple[int, int] = (16, 8),
        layers: int = 3,
        embedding: int = 32,
        hidden: Sequence[int] = (64,),
        dropout: float = 0.5,
        mixing: Mixing = "pool",
        readout: Literal["mean", "sum"] = "mean",
        sizes: Sequence[int] | None = None,
        adjacency: Literal["normalised", "plain"] = "normalised",
        mark_centre: bool = False,
        batching: Literal["bucket", "pad"] = "bucket",
        max_size: int | None = None,
    ):
        super().__init__()
        _check_settings(node_features, edge_features, num_classes, hops, layers, embedding, max_size)
        if any(width < 1 for width in hidden) or not 0 <= dropout < 1:
            raise InvalidInputError(
                f"Widths in hidden must be at least 1 and dropout in [0, 1); got {tuple(hidden)} and {dropout}."
            )
        _check_choice("mixing", mixing, ("pool", "concat", "none"))
        _check_choice("readout", readout, ("mean", "sum"))
        _check_choice("adjacency", adjacency, ("normalised", "plain"))
        _check_choice("batching", batching, ("bucket", "pad"))
        self.node_features, self.edge_features, self.hops = node_features, edge_features, hops
        self.sizes = _checked_sizes(sizes)
        self.adjacency, self.mark_centre, self.batching, self.max_size = adjacency, mark_centre, batching, max_size
        groups = max(len(self.sizes), 1)
        width1, width2 = max(node_features, 1) + (hops + 1 if mark_centre else 0), 1 + edge_features
        self.layers = nn.ModuleList()
        for _ in range(layers):
            layer = SubgraphLayer(width1, width2, *channels, groups=groups, mixing=mixing)
            self.layers.append(layer)
            width1, width2 = layer.channels
        self.readout = SubgraphReadout(width1, width2, embedding, groups=groups, readout=readout)
        widths = [embedding, *hidden]
        steps: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            steps += [nn.Linear(narrow, wide), nn.ReLU(), nn.Dropout(dropout)]
        self.head = nn.Sequential(*steps, nn.Linear(widths[-1], num_classes))

    def forward(self, graphs: Any) -> Float[Tensor, "G num_classes"]:
        """Give the logits of every graph; `graphs` in any form that `reprise.nn.graph_batch` takes."""
        return self.head(self.embed(graphs))

    def embed(self, graphs: Any) -> Float[Tensor, "G embedding"]:
        """Embed every graph: what the perceptron of `forward` reads."""
        features, layout = self._features(self._accept(graphs))
        return self.readout(features, layout)

    def embed_nodes(self, graphs: Any) -> Float[Tensor, "N c1"]:
        """Embed every node: its features in the last layer, averaged over the subgraphs that contain it."""
        features, layout = self._features(self._accept(graphs))
        return layout.blocks.pool_nodes(flatten(features, layout.blocks.blocks)[0])

    def subgraphs(self, graphs: GraphBatch) -> tuple[Subgraphs, Tensor]:
        """Give the subgraphs that the network works on, and the graph of each."""
        return ego_networks(graphs.edge_index, graphs.num_nodes, self.hops, self.max_size), graphs.batch

    def _accept(self, graphs: Any) -> GraphBatch:
        parameter = next(self.parameters())
        batch = graph_batch(graphs).to(parameter.device, parameter.dtype)
        given = (("x", batch.x, self.node_features), ("edge_attr", batch.edge_attr, self.edge_features))
        for name, values, width in given:
            got = 0 if values is None else values.shape[1]
            if got != width:
                raise InvalidInputError(f"The graphs have {name} of width {got}; this network was made for {width}.")
        return batch

    def _features(self, graphs: GraphBatch) -> tuple[Features, Layout]:
        found, graph = self.subgraphs(graphs)
        blocks = make_blocks(found, graphs.num_nodes, sizes=self.sizes, batching=self.batching)
        layout = Layout(blocks, graphs.batch, graphs.num_graphs, graphs.batch[blocks.first], graph)
        dtype = next(self.parameters()).dtype
        x = torch.ones(graphs.num_nodes, 1, dtype=dtype, device=graphs.device) if graphs.x is None else graphs.x
        features = gather(x, self._pair_inputs(graphs, layout, dtype), blocks.blocks)
        if self.mark_centre:
            features = [
                (torch.cat([x1, self._marks(block.hop, block.mask, dtype)], dim=-1), x2)
                for block, (x1, x2) in zip(blocks.blocks, features, strict=True)
            ]
        for layer in self.layers:
            features = layer(features, layout)
        return features, layout

    def _pair_inputs(self, graphs: GraphBatch, layout: Layout, dtype: torch.dtype) -> Tensor:
        """Adjacency and edge features of every distinct pair; an edge given twice counts once, its features added."""
        blocks = layout.blocks
        pair = blocks.find(graphs.edge_index)
        weight = torch.zeros(len(blocks.first), 1, dtype=dtype, device=graphs.device)
        weight[pair] = 1
        if self.adjacency == "normalised":
            scale = weight.new_zeros(graphs.num_nodes, 1).index_add_(0, blocks.second, weight).clamp_min(1).rsqrt()
            weight = weight * scale[blocks.first] * scale[blocks.second]
        if graphs.edge_attr is None:
            return weight
        attributes = graphs.edge_attr.new_zeros(len(weight), graphs.edge_attr.shape[1])
        return torch.cat([weight, attributes.index_add_(0, pair, graphs.edge_attr)], dim=1)

    def _marks(self, hop: Tensor, mask: Tensor | None, dtype: torch.dtype) -> Tensor:
        marks = nn.functional.one_hot(hop, self.hops + 1).to(dtype)
        return marks if mask is None else marks * mask[..., None]


class GlobalPermutationNet(SPEN):
    """The same network with each graph whole in place of its ego-networks: an invariant graph network of order 2.

    What SPEN is compared with: O(layers · n² · c) time and memory, and no stronger than 1-WL in telling graphs apart.
    Parameters as in `SPEN`, without `hops` and `mark_centre`; `mixing` has nothing to mix, since a graph is its own
    only subgraph.

    References
    ----------
    Maron, Ben-Hamu, Shamir, Lipman (2019), Invariant and equivariant graph networks, arXiv:1812.09902.

    Examples
    --------
    >>> import networkx as nx, torch
    >>> _ = torch.manual_seed(0)
    >>> graphs = [nx.cycle_graph(6), nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))]
    >>> one, other = GlobalPermutationNet(node_features=0).double().embed(graphs)
    >>> torch.allclose(one, other)
    True
    """

    def __init__(self, node_features: int, edge_features: int = 0, num_classes: int = 2, **settings: Any):
        for name in ("hops", "mark_centre"):
            if name in settings:
                raise InvalidInputError(f"GlobalPermutationNet works on whole graphs and has no setting {name!r}.")
        super().__init__(node_features, edge_features, num_classes, **settings)

    def subgraphs(self, graphs: GraphBatch) -> tuple[Subgraphs, Tensor]:
        """Give each graph as its own subgraph."""
        found = whole_graphs(graphs.batch, self.max_size)
        return found, torch.arange(graphs.num_graphs, device=graphs.device)


def _check_settings(
    node_features: int,
    edge_features: int,
    num_classes: int,
    hops: int,
    layers: int,
    embedding: int,
    max_size: int | None,
) -> None:
    for name, value in (("node_features", node_features), ("edge_features", edge_features)):
        if value < 0:
            raise InvalidInputError(f"{name} is a width and must be at least 0; got {value}.")
    for name, value in (("num_classes", num_classes), ("hops", hops), ("layers", layers), ("embedding", embedding)):
        if value < 1:
            raise InvalidInputError(f"{name} must be at least 1; got {value}.")
    if max_size is not None and max_size < 1:
        raise InvalidInputError(f"max_size must be at least 1 or None; got {max_size}.")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidInputError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}.")


def _checked_sizes(sizes: Sequence[int] | None) -> tuple[int, ...]:
    listed = () if sizes is None else tuple(int(size) for size in sizes)
    if listed and (listed[0] < 1 or any(b <= a for a, b in pairwise(listed))):
        raise InvalidInputError(f"sizes must be positive and ascending, each once; got {list(listed)}.")
    return listed

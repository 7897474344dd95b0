"""One layer: an equivariant map of every subgraph, then an exchange between subgraphs that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.nn.graph import segment_mean
from reprise.nn.graph_norm import GraphNorm
from reprise.symmetry.spen.blocks import Block, Blocks
from reprise.symmetry.spen.linear import EquivariantLinear, InvariantLinear

Mixing = Literal["pool", "concat", "none"]
Features = list[tuple[Tensor, Tensor]]
"""Node features (B, m, c1) and pair features (B, m, m, c2) of every block."""


@dataclass(frozen=True)
class Layout:
    """Where everything of a batch of graphs is.

    Parameters
    ----------
    blocks : the subgraphs.
    batch : graph of each node.
    graphs : how many.
    pair_graph : graph of each distinct pair.
    subgraph_graph : graph of each subgraph.
    """

    blocks: Blocks
    batch: Int[Tensor, " N"]
    graphs: int
    pair_graph: Int[Tensor, " P"]
    subgraph_graph: Int[Tensor, " B"]


class SubgraphLayer(nn.Module):
    """Map every subgraph by an equivariant linear map, exchange what overlapping subgraphs hold, ELU, normalise.

    Parameters
    ----------
    in1, in2, out1, out2 : channels of node and pair features.
    groups : how many sets of weights there are, of which each block uses one.
    mixing : how subgraphs that share nodes and pairs exchange: ``"pool"`` replaces what each holds about a node or a
        pair by the mean over all that contain it (the authors' code), ``"concat"`` puts that mean beside what each
        holds (which doubles the output's channels), ``"none"`` leaves them apart.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840, section 5.5; github.com/JoshuaMitton/LPEGN.

    Examples
    --------
    >>> SubgraphLayer(2, 1, 16, 8, mixing="concat").channels
    (32, 16)
    """

    def __init__(self, in1: int, in2: int, out1: int, out2: int, *, groups: int = 1, mixing: Mixing = "pool"):
        super().__init__()
        self.mixing = mixing
        self.maps = nn.ModuleList(EquivariantLinear(in1, in2, out1, out2) for _ in range(groups))
        width = 2 if mixing == "concat" else 1
        self.channels = width * out1, width * out2
        self.node_norm, self.pair_norm = GraphNorm(self.channels[0]), GraphNorm(self.channels[1])

    def forward(self, features: Features, layout: Layout) -> Features:
        """Update the features of every block."""
        mapped = [
            self.maps[block.group](x1, x2, block.mask)
            for block, (x1, x2) in zip(layout.blocks.blocks, features, strict=True)
        ]
        nodes, pairs = flatten(mapped, layout.blocks.blocks)
        blocks = layout.blocks
        if self.mixing == "pool":
            nodes, pairs = nn.functional.elu(blocks.pool_nodes(nodes)), nn.functional.elu(blocks.pool_pairs(pairs))
            nodes = self.node_norm(nodes, layout.batch, layout.graphs)
            pairs = self.pair_norm(pairs, layout.pair_graph, layout.graphs)
            return gather(nodes, pairs, blocks.blocks)
        if self.mixing == "concat":
            shared_nodes = blocks.pool_nodes(nodes).index_select(0, blocks.node_index)
            shared_pairs = blocks.pool_pairs(pairs).index_select(0, blocks.pair_index)
            nodes, pairs = torch.cat([nodes, shared_nodes], dim=1), torch.cat([pairs, shared_pairs], dim=1)
        nodes, pairs = nn.functional.elu(nodes), nn.functional.elu(pairs)
        nodes = self.node_norm(nodes, layout.batch[blocks.node_index], layout.graphs)
        pairs = self.pair_norm(pairs, layout.pair_graph[blocks.pair_index], layout.graphs)
        return unflatten(nodes, pairs, blocks.blocks)


class SubgraphReadout(nn.Module):
    """Reduce every subgraph to numbers that do not depend on its numbering, ELU, and average or add up each graph's.

    Parameters
    ----------
    in1, in2 : channels of node and pair features.
    out : how many numbers.
    groups : as in `SubgraphLayer`.
    readout : ``"mean"`` (the authors' code) or ``"sum"`` over the subgraphs of a graph.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840; github.com/JoshuaMitton/LPEGN.

    Examples
    --------
    >>> SubgraphReadout(16, 8, 32).maps[0].from_scalars
    Linear(in_features=32, out_features=32, bias=True)
    """

    def __init__(self, in1: int, in2: int, out: int, *, groups: int = 1, readout: Literal["mean", "sum"] = "mean"):
        super().__init__()
        self.readout = readout
        self.maps = nn.ModuleList(InvariantLinear(in1, in2, out) for _ in range(groups))

    def forward(self, features: Features, layout: Layout) -> Float[Tensor, "G out"]:
        """Embed every graph."""
        blocks = layout.blocks.blocks
        reduced = torch.cat(
            [self.maps[block.group](x1, x2, block.mask) for block, (x1, x2) in zip(blocks, features, strict=True)]
        )
        graph = layout.subgraph_graph[torch.cat([block.subgraphs for block in blocks])]
        embedded = segment_mean(nn.functional.elu(reduced), graph, layout.graphs)
        if self.readout == "sum":
            embedded = embedded * torch.bincount(graph, minlength=layout.graphs).to(embedded.dtype)[:, None]
        return embedded


def flatten(features: Features, blocks: Sequence[Block]) -> tuple[Float[Tensor, "S c1"], Float[Tensor, "Q c2"]]:
    """List node and pair features at all places, block by block, without padding.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840.

    Examples
    --------
    >>> import torch
    >>> from reprise.symmetry.spen import make_blocks, whole_graphs
    >>> blocks = make_blocks(whole_graphs(torch.tensor([0, 0])), 2).blocks
    >>> nodes, pairs = flatten([(torch.zeros(1, 2, 3), torch.zeros(1, 2, 2, 5))], blocks)
    >>> nodes.shape, pairs.shape
    (torch.Size([2, 3]), torch.Size([4, 5]))
    """
    nodes, pairs = [], []
    for block, (x1, x2) in zip(blocks, features, strict=True):
        nodes.append(x1.flatten(0, 1) if block.mask is None else x1[block.mask])
        pairs.append(x2.flatten(0, 2) if block.mask is None else x2[block.pair_mask])
    return torch.cat(nodes), torch.cat(pairs)


def unflatten(nodes: Float[Tensor, "S c1"], pairs: Float[Tensor, "Q c2"], blocks: Sequence[Block]) -> Features:
    """Undo `flatten`, with zeros in padding."""
    features, at, at_pair = [], 0, 0
    for block in blocks:
        shape, pair_shape = (*block.nodes.shape, nodes.shape[1]), (*block.pairs.shape, pairs.shape[1])
        if block.mask is None:
            count, pair_count = block.nodes.numel(), block.pairs.numel()
            x1 = nodes[at : at + count].view(shape)
            x2 = pairs[at_pair : at_pair + pair_count].view(pair_shape)
        else:
            both = block.mask[:, :, None] & block.mask[:, None, :]
            count, pair_count = int(block.mask.sum()), int(both.sum())
            x1 = nodes.new_zeros(shape).masked_scatter(block.mask[..., None], nodes[at : at + count])
            x2 = pairs.new_zeros(pair_shape).masked_scatter(both[..., None], pairs[at_pair : at_pair + pair_count])
        features.append((x1, x2))
        at, at_pair = at + count, at_pair + pair_count
    return features


def gather(nodes: Float[Tensor, "N c1"], pairs: Float[Tensor, "P c2"], blocks: Sequence[Block]) -> Features:
    """Give each block the features of its nodes and pairs, zeros in padding."""
    features = []
    for block in blocks:
        x1 = nodes.index_select(0, block.nodes.flatten()).view(*block.nodes.shape, -1)
        x2 = pairs.index_select(0, block.pairs.flatten()).view(*block.pairs.shape, -1)
        if block.mask is not None:
            x1 = x1 * block.mask[..., None]
            x2 = x2 * (block.mask[:, :, None] & block.mask[:, None, :])[..., None]
        features.append((x1, x2))
    return features

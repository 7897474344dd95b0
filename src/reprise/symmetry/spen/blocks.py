"""Subgraphs as dense blocks: bucketed by size, or padded, with every ordered pair of nodes numbered once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.symmetry.spen.subgraphs import Subgraphs


@dataclass(frozen=True)
class Block:
    """Subgraphs that are computed in one call, of one size m or padded to it.

    Parameters
    ----------
    group : which set of weights they use.
    subgraphs : their numbers.
    nodes : node at each place (0 in padding).
    hop : its distance from the centre.
    pairs : number of the ordered pair at each two places (0 in padding).
    mask : which places hold a node; None when all do.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840.

    Examples
    --------
    >>> import torch
    >>> from reprise.symmetry.spen import make_blocks, whole_graphs
    >>> (block,) = make_blocks(whole_graphs(torch.tensor([0, 0, 1, 1])), 4).blocks
    >>> block.pairs.shape
    torch.Size([2, 2, 2])
    """

    group: int
    subgraphs: Int[Tensor, " B"]
    nodes: Int[Tensor, "B m"]
    hop: Int[Tensor, "B m"]
    pairs: Int[Tensor, "B m m"]
    mask: Bool[Tensor, "B m"] | None

    @property
    def pair_mask(self) -> Bool[Tensor, "B m m"] | None:
        """Which two places both hold a node."""
        return None if self.mask is None else self.mask[:, :, None] & self.mask[:, None, :]


@dataclass(frozen=True)
class Blocks:
    """All subgraphs of a graph (or of many) as blocks, and the ordered pairs of nodes that share a subgraph.

    Parameters
    ----------
    blocks : the subgraphs.
    first, second : the nodes of each distinct pair; the pairs are in ascending order of (first, second).
    nodes : how many nodes there are.
    node_index, pair_index : node and pair number at each place, over all blocks in turn and without padding.
    node_count, pair_count : in how many subgraphs each occurs.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840.

    Examples
    --------
    The ego-networks of a path of three nodes share its middle:

    >>> import torch
    >>> from reprise.symmetry.spen import ego_networks, make_blocks
    >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> blocks = make_blocks(ego_networks(path, 3), 3)
    >>> [tuple(block.nodes.shape) for block in blocks.blocks]
    [(2, 2), (1, 3)]
    >>> blocks.node_count.tolist()
    [2, 3, 2]
    """

    blocks: tuple[Block, ...]
    first: Int[Tensor, " P"]
    second: Int[Tensor, " P"]
    nodes: int
    node_index: Int[Tensor, " S"]
    pair_index: Int[Tensor, " Q"]
    node_count: Int[Tensor, " N"]
    pair_count: Int[Tensor, " P"]

    def find(self, edge_index: Int[Tensor, "2 E"]) -> Int[Tensor, " E"]:
        """Give the number of the pair of each edge; both its nodes must share a subgraph."""
        keys = self.first * self.nodes + self.second
        return torch.searchsorted(keys, edge_index[0] * self.nodes + edge_index[1])

    def pool_nodes(self, values: Float[Tensor, "S c"]) -> Float[Tensor, "N c"]:
        """Average the values at all places of each node."""
        return _mean(values, self.node_index, self.node_count)

    def pool_pairs(self, values: Float[Tensor, "Q c"]) -> Float[Tensor, "P c"]:
        """Average the values at all places of each pair."""
        return _mean(values, self.pair_index, self.pair_count)


def make_blocks(
    subgraphs: Subgraphs,
    num_nodes: int,
    *,
    sizes: Sequence[int] = (),
    batching: Literal["bucket", "pad"] = "bucket",
) -> Blocks:
    """Arrange subgraphs as dense blocks, one for each size, or with padding one for each set of weights.

    Parameters
    ----------
    subgraphs, num_nodes : of `ego_networks` or `whole_graphs`.
    sizes : in ascending order, sizes that have a set of weights of their own; a subgraph takes that of the largest
        such size it reaches, or else of the smallest. Empty for one set.
    batching : ``"bucket"`` computes Σ m² entries in as many calls as there are sizes, ``"pad"`` B · max(m)² in one.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840, section 5.3.

    Examples
    --------
    >>> import torch
    >>> from reprise.symmetry.spen import whole_graphs
    >>> graphs = whole_graphs(torch.tensor([0, 0, 0, 1]))
    >>> [block.nodes.tolist() for block in make_blocks(graphs, 4, batching="pad").blocks]
    [[[0, 1, 2], [3, 0, 0]]]
    """
    device = subgraphs.sizes.device
    first_place = subgraphs.sizes.cumsum(0) - subgraphs.sizes
    present = torch.unique(subgraphs.sizes).tolist()
    group_of = {size: size_group(size, sizes) for size in present}
    if batching == "bucket":
        together = [(group_of[size], [size]) for size in present]
    else:
        groups = sorted(set(group_of.values()))
        together = [(group, [size for size in present if group_of[size] == group]) for group in groups]
    arranged: list[tuple[int, Tensor, Tensor, Tensor, Tensor | None]] = []
    keys = []
    for group, members in together:
        size = members[-1]
        chosen = ((subgraphs.sizes >= members[0]) & (subgraphs.sizes <= size)).nonzero().flatten()
        place = torch.arange(size, device=device)
        mask = None if len(members) == 1 else place < subgraphs.sizes[chosen, None]
        listed = first_place[chosen, None] + place
        if mask is not None:
            listed = listed.where(mask, first_place[chosen, None])
        nodes, hop = subgraphs.nodes[listed], subgraphs.hop[listed]
        if mask is not None:
            nodes, hop = nodes * mask, hop * mask
        arranged.append((group, chosen, nodes, hop, mask))
        block_keys = nodes[:, :, None] * num_nodes + nodes[:, None, :]
        keys.append(block_keys.flatten() if mask is None else block_keys[mask[:, :, None] & mask[:, None, :]])
    distinct, pair_index = torch.unique(torch.cat(keys), return_inverse=True)
    blocks = []
    for (group, chosen, nodes, hop, mask), found in zip(
        arranged, pair_index.split([len(k) for k in keys]), strict=True
    ):
        pairs = found
        if mask is not None:
            pairs = found.new_zeros(*nodes.shape, nodes.shape[1])
            pairs[mask[:, :, None] & mask[:, None, :]] = found
        blocks.append(Block(group, chosen, nodes, hop, pairs.view(*nodes.shape, nodes.shape[1]), mask))
    node_index = torch.cat([b.nodes.flatten() if b.mask is None else b.nodes[b.mask] for b in blocks])
    return Blocks(
        blocks=tuple(blocks),
        first=distinct // num_nodes,
        second=distinct % num_nodes,
        nodes=num_nodes,
        node_index=node_index,
        pair_index=pair_index,
        node_count=torch.bincount(node_index, minlength=num_nodes),
        pair_count=torch.bincount(pair_index, minlength=len(distinct)),
    )


def size_group(size: int, sizes: Sequence[int]) -> int:
    """Say which of `sizes` (ascending) a subgraph of `size` nodes takes its weights from.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840, section 5.3; the rule is that of github.com/JoshuaMitton/LPEGN.

    Examples
    --------
    >>> [size_group(size, (2, 3, 8)) for size in (1, 2, 3, 7, 8, 20)]
    [0, 0, 1, 1, 2, 2]
    """
    return max(bisect_right(sizes, size) - 1, 0)


def frequent_sizes(sizes: Int[Tensor, " B"], rare: float = 0.01) -> tuple[int, ...]:
    """Give the sizes that at least a share `rare` of the subgraphs have, for weights of their own.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840, section 5.3, which lumps rare sizes together by hand.

    Examples
    --------
    >>> import torch
    >>> frequent_sizes(torch.tensor([2, 2, 3, 3, 3, 9]), rare=0.2)
    (2, 3)
    """
    count = torch.bincount(sizes)
    return tuple((count >= max(rare * len(sizes), 1)).nonzero().flatten().tolist())


def _mean(values: Tensor, index: Tensor, count: Tensor) -> Tensor:
    total = values.new_zeros(len(count), values.shape[1]).index_add_(0, index, values)
    return total / count.clamp_min(1).to(values.dtype)[:, None]

"""Which nodes each subgraph has: the ego-networks of all nodes of a graph, or each graph whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from reprise.errors import InvalidInputError


@dataclass(frozen=True)
class Subgraphs:
    """Subsets of the nodes of a graph, each listed in ascending order, one subset after the other.

    Parameters
    ----------
    nodes : node numbers.
    sizes : how many of them belong to each subgraph.
    hop : distance of each listed node from the centre of its subgraph, in hops; 0 where there is no centre.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840, section 5.

    Examples
    --------
    >>> import torch
    >>> Subgraphs(torch.tensor([0, 1, 2]), torch.tensor([1, 2]), torch.tensor([0, 0, 1])).subgraph.tolist()
    [0, 1, 1]
    """

    nodes: Int[Tensor, " S"]
    sizes: Int[Tensor, " B"]
    hop: Int[Tensor, " S"]

    @property
    def subgraph(self) -> Int[Tensor, " S"]:
        """The subgraph of each listed node."""
        return torch.arange(len(self.sizes), device=self.sizes.device).repeat_interleave(self.sizes)


def ego_networks(
    edge_index: Int[Tensor, "2 E"], num_nodes: int, hops: int = 1, max_size: int | None = None
) -> Subgraphs:
    """Find, for every node, the nodes within `hops` edges of it, itself among them.

    All nodes at once, by index arithmetic: each hop looks up the neighbours of all frontiers, and sorts them. Cost
    O(S log S) with S the sum of the sizes of the result, times the mean degree at the frontier.

    Parameters
    ----------
    edge_index : edges, followed from source to target; give each undirected edge in both directions.
    num_nodes : how many nodes there are (those without edges are their own ego-networks).
    hops : at least 1.
    max_size : largest ego-network to allow; None allows any.

    Returns
    -------
    Subgraphs
        Subgraph v is centred on node v.

    Raises
    ------
    InvalidInputError
        If there is no node, an edge names a node that is not there, `hops` is below 1, or an ego-network exceeds
        `max_size`.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840, section 5.2.

    Examples
    --------
    >>> import torch
    >>> path = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
    >>> egos = ego_networks(path, 4)
    >>> egos.sizes.tolist()
    [2, 3, 3, 2]
    >>> egos.hop.tolist()
    [0, 1, 1, 0, 1, 1, 0, 1, 1, 0]
    """
    _check(edge_index, num_nodes, hops, max_size)
    device = edge_index.device
    source, target = edge_index[:, edge_index[0].argsort()]
    degree = torch.bincount(source, minlength=num_nodes)
    first = degree.cumsum(0) - degree
    centre = frontier = torch.arange(num_nodes, device=device)
    known, hop = centre * num_nodes + centre, torch.zeros_like(centre)  # (centre, node) as one number, in order
    for step in range(1, hops + 1):
        reach = degree[frontier]
        place = torch.arange(int(reach.sum()), device=device) - (reach.cumsum(0) - reach).repeat_interleave(reach)
        neighbour = target[first[frontier].repeat_interleave(reach) + place]
        found = torch.unique(centre.repeat_interleave(reach) * num_nodes + neighbour)
        fresh = found[known[torch.searchsorted(known, found).clamp_max(len(known) - 1)] != found]
        if not len(fresh):
            break
        centre, frontier = fresh // num_nodes, fresh % num_nodes
        known, order = torch.cat([known, fresh]).sort()
        hop = torch.cat([hop, torch.full_like(fresh, step)])[order]
        _check_sizes(torch.bincount(known // num_nodes, minlength=num_nodes), max_size, step)
    return Subgraphs(known % num_nodes, torch.bincount(known // num_nodes, minlength=num_nodes), hop)


def ego_subgraphs(
    edge_index: Int[Tensor, "2 E"], num_nodes: int, hops: int = 1, max_size: int | None = None
) -> list[Int[Tensor, " m"]]:
    """List the nodes of each node's ego-network; parameters, cost and errors as in `ego_networks`.

    References
    ----------
    Mitton, Murray-Smith (2021), arXiv:2111.11840, section 5.2.

    Examples
    --------
    >>> import torch
    >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> [nodes.tolist() for nodes in ego_subgraphs(path, 4)]
    [[0, 1], [0, 1, 2], [1, 2], [3]]
    """
    egos = ego_networks(edge_index, num_nodes, hops, max_size)
    return list(egos.nodes.split(egos.sizes.tolist()))


def whole_graphs(batch: Int[Tensor, " N"], max_size: int | None = None) -> Subgraphs:
    """Take each graph whole, as its own and only subgraph; `batch` names the graph of each node, in ascending order.

    Raises
    ------
    InvalidInputError
        If there is no node, the graphs are not in order or one is empty, or one exceeds `max_size`.

    References
    ----------
    Maron, Ben-Hamu, Shamir, Lipman (2019), Invariant and equivariant graph networks, arXiv:1812.09902.

    Examples
    --------
    >>> import torch
    >>> whole_graphs(torch.tensor([0, 0, 1])).sizes.tolist()
    [2, 1]
    """
    if not len(batch):
        raise InvalidInputError("There are no graphs: `batch` is empty; at least one node is expected.")
    sizes = torch.bincount(batch)
    if bool((batch.diff() < 0).any()) or bool((sizes == 0).any()):
        raise InvalidInputError("`batch` must name the graphs 0, 1, 2, ... in order, each with at least one node.")
    _check_sizes(sizes, max_size, None)
    return Subgraphs(torch.arange(len(batch), device=batch.device), sizes, torch.zeros_like(batch))


def _check(edge_index: Tensor, num_nodes: int, hops: int, max_size: int | None) -> None:
    if edge_index.ndim != 2 or edge_index.shape[0] != 2 or edge_index.is_floating_point():
        raise InvalidInputError(
            f"edge_index must be integers of shape (2, E); got {edge_index.dtype} of shape {tuple(edge_index.shape)}."
        )
    if num_nodes < 1:
        raise InvalidInputError("The graph is empty: it has no nodes; at least one is expected.")
    if edge_index.numel() and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < num_nodes:
        raise InvalidInputError(
            f"edge_index names nodes {int(edge_index.min())} to {int(edge_index.max())}, but the {num_nodes} nodes "
            f"are numbered 0 to {num_nodes - 1}."
        )
    if hops < 1:
        raise InvalidInputError(f"hops must be at least 1; got {hops}.")
    if max_size is not None and max_size < 1:
        raise InvalidInputError(f"max_size must be at least 1; got {max_size}.")


def _check_sizes(sizes: Tensor, max_size: int | None, hops: int | None) -> None:
    largest = int(sizes.max())
    if max_size is not None and largest > max_size:
        where = f"around node {int(sizes.argmax())} within {hops} hops" if hops else f"(graph {int(sizes.argmax())})"
        raise InvalidInputError(
            f"The subgraph {where} has {largest} nodes, more than max_size={max_size}; memory grows with the square: "
            "take fewer hops, or raise max_size."
        )

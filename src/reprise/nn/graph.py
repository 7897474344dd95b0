"""Graphs in networks: sums over neighbours, GIN and edge-message layers, and Weisfeiler-Leman colours.

A graph is `edge_index` (2, E), each column an edge from a source node to a target node (torch-geometric's
convention), with nodes of many graphs numbered through and `batch` (N,) naming the graph of each node; small graphs
of one size may instead be a dense `adjacency` (B, n, n).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError

Graph = Int[Tensor, "2 E"] | Float[Tensor, "*batch n n"]


def segment_sum(values: Float[Tensor, " m *rest"], index: Int[Tensor, " m"], size: int) -> Float[Tensor, " size *rest"]:
    """Sum the rows of `values` that share an index into `size` rows; an index that never occurs gives zeros.

    Examples
    --------
    >>> import torch
    >>> segment_sum(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 2, 0]), 3).flatten().tolist()
    [5.0, 0.0, 2.0]
    """
    if values.ndim < 3:
        return values.new_zeros(size, *values.shape[1:]).index_add_(0, index, values)
    rows = values.flatten(1)  # an index_add_ of more than two axes goes row by row
    return rows.new_zeros(size, rows.shape[1]).index_add_(0, index, rows).view(size, *values.shape[1:])


def segment_mean(
    values: Float[Tensor, " m *rest"], index: Int[Tensor, " m"], size: int
) -> Float[Tensor, " size *rest"]:
    """Average the rows of `values` that share an index; an index that never occurs gives zeros."""
    count = torch.bincount(index, minlength=size).clamp_min(1).to(values.dtype)
    return segment_sum(values, index, size) / count.reshape(-1, *[1] * (values.ndim - 1))


def complete_edges(nodes: int, *, device: torch.device | str | None = None) -> Int[Tensor, "2 E"]:
    """Give the n(n - 1) edges of the complete directed graph without loops, sorted by target.

    Examples
    --------
    >>> complete_edges(3).tolist()
    [[1, 2, 0, 2, 0, 1], [0, 0, 1, 1, 2, 2]]
    """
    target, source = (~torch.eye(nodes, dtype=torch.bool, device=device)).nonzero(as_tuple=True)
    return torch.stack([source, target])


def disjoint_copies(edge_index: Int[Tensor, "2 E"], nodes: int, copies: int) -> Int[Tensor, "2 CE"]:
    """Repeat a graph of `nodes` nodes as `copies` unconnected ones; copy c numbers its nodes from c · `nodes`."""
    offset = nodes * torch.arange(copies, device=edge_index.device)
    return (edge_index[:, None, :] + offset[None, :, None]).flatten(1)


def complete_systems(
    systems: int, nodes: int, *, device: torch.device | str | None = None
) -> tuple[Int[Tensor, "2 E"], Int[Tensor, " N"]]:
    """Give `systems` unconnected complete graphs of `nodes` nodes: edges, each graph's in turn, and `batch`."""
    edge_index = disjoint_copies(complete_edges(nodes, device=device), nodes, systems)
    return edge_index, torch.arange(systems, device=device).repeat_interleave(nodes)


def complete_graphs(batch: Int[Tensor, " N"]) -> Int[Tensor, "2 E"]:
    """Give the edges, without loops, between all nodes of the same graph, for graphs of any sizes; sorted by target.

    Examples
    --------
    >>> import torch
    >>> complete_graphs(torch.tensor([0, 0, 1])).tolist()
    [[1, 0], [0, 1]]
    """
    count = torch.bincount(batch)
    members = batch.argsort(stable=True)  # the nodes of each graph in turn
    first = count.cumsum(0) - count
    degree = count[batch]
    target = torch.arange(len(batch), device=batch.device).repeat_interleave(degree)
    place = torch.arange(len(target), device=batch.device) - (degree.cumsum(0) - degree)[target]
    source = members[first[batch[target]] + place]
    return torch.stack([source, target])[:, source != target]


def radius_edges(
    pos: Float[Tensor, "N d"], radius: float, batch: Int[Tensor, " N"] | None = None
) -> Int[Tensor, "2 E"]:
    """Give the edges, in both directions and without loops, between nodes of a graph at most `radius` apart.

    A k-d tree on the processor, over all graphs at once: O(N log N + E).

    Examples
    --------
    >>> import torch
    >>> radius_edges(torch.tensor([[0.0], [1.0], [3.0]]), 1.5).tolist()
    [[1, 0], [0, 1]]
    """
    from scipy.spatial import cKDTree

    points = pos.detach().double().cpu()
    if batch is not None:  # graphs lie apart along a further axis
        points = torch.cat([points, 2 * radius * batch[:, None].cpu()], dim=-1)
    pairs = torch.from_numpy(cKDTree(points.numpy()).query_pairs(radius, output_type="ndarray")).to(pos.device)
    edges = torch.cat([pairs, pairs.flip(1)]).mT.long()
    return edges[:, edges[1].argsort(stable=True)]


def edges_from_dense(adjacency: Float[Tensor, "B n n"]) -> tuple[Int[Tensor, "2 E"], Int[Tensor, " B*n"]]:
    """Turn dense graphs into one `edge_index` over B·n nodes and the graph of each node (weights are dropped)."""
    graphs, nodes, _ = adjacency.shape
    graph, target, source = adjacency.nonzero(as_tuple=True)
    batch = torch.arange(graphs, device=adjacency.device).repeat_interleave(nodes)
    return torch.stack([graph * nodes + source, graph * nodes + target]), batch


def dense_from_edges(
    edge_index: Int[Tensor, "2 E"], batch: Int[Tensor, " N"], *, dtype: torch.dtype = torch.float32
) -> tuple[Float[Tensor, "B n n"], Int[Tensor, " N"]]:
    """Turn graphs into dense 0/1 adjacencies, padded to the largest, and the place of each node inside its graph.

    With `place` the second result, ``dense[batch, place] = x`` pads node features likewise. Memory is B · n².

    Raises
    ------
    InvalidInputError
        If an edge joins two graphs.
    """
    source, target = edge_index
    if bool((batch[source] != batch[target]).any()):
        raise InvalidInputError("An edge joins nodes of two graphs; each edge's nodes must have the same `batch`.")
    graphs = int(batch.max()) + 1 if batch.numel() else 0
    count = torch.bincount(batch, minlength=graphs)
    order = batch.argsort(stable=True)
    place = torch.empty_like(batch)
    place[order] = torch.arange(len(batch), device=batch.device) - (count.cumsum(0) - count)[batch[order]]
    size = int(count.max()) if graphs else 0
    adjacency = torch.zeros(graphs, size, size, dtype=dtype, device=batch.device)
    adjacency[batch[target], place[target], place[source]] = 1
    return adjacency, place


def propagate(x: Float[Tensor, "*batch n c"], graph: Graph) -> Float[Tensor, "*batch n c"]:
    """Sum at each node the features of its neighbours, over `edge_index` or a (weighted) dense adjacency."""
    if graph.is_floating_point():
        return graph @ x
    source, target = graph
    return torch.zeros_like(x).index_add_(-2, target, x.index_select(-2, source))


class GINLayer(nn.Module):
    """One step of a graph isomorphism network: ``network((1 + eps) x_i + sum of x_j over neighbours j)``.

    As strong as one round of 1-WL refinement when `network` is injective. O((E + N) c) beside `network`.

    Parameters
    ----------
    network : applied to each node.
    eps : initial weight of the node itself beyond 1; learned.

    References
    ----------
    Xu, Hu, Leskovec, Jegelka (2019), How powerful are graph neural networks?, arXiv:1810.00826.

    Examples
    --------
    >>> import torch
    >>> layer = GINLayer(torch.nn.Identity())
    >>> layer(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[0, 1], [1, 0]])).flatten().tolist()
    [3.0, 3.0, 4.0]
    """

    def __init__(self, network: nn.Module, eps: float = 0.0):
        super().__init__()
        self.network = network
        self.eps = nn.Parameter(torch.tensor(float(eps)))

    def forward(self, x: Float[Tensor, "*batch n c"], graph: Graph) -> Float[Tensor, "*batch n k"]:
        """Update every node once."""
        return self.network((1 + self.eps) * x + propagate(x, graph))


class MessageLayer(nn.Module):
    """Message passing with edge features: m_ij = φ([h_i, h_j, e_ij]), then h_i + ψ([h_i, Σ_j m_ij]).

    φ is Linear-SiLU-Linear-SiLU, ψ Linear-SiLU-Linear, all of one width (Gilmer et al., 2017; the layer of the n-body
    experiments of EGNN and frame averaging). Its first linear map is taken apart, ``W [h_i, h_j, e] = A h_i + B h_j +
    C e``, so that it costs a product per node in place of one per edge; leading axes of `h` share one graph and one
    product C e. O(N c² + E c²) a leading index.

    Parameters
    ----------
    hidden : width c of the nodes.
    edge_dim : width of the edge features, 0 for none.
    residual : add h_i to its update.

    Raises
    ------
    InvalidInputError
        If, when called, edge features are not of width `edge_dim` (None where that is 0).
    """

    def __init__(self, hidden: int, edge_dim: int = 0, *, residual: bool = True):
        super().__init__()
        self.residual = residual
        self.message_in = nn.Linear(2 * hidden + edge_dim, hidden)
        self.message_out = nn.Linear(hidden, hidden)
        self.update = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(
        self,
        h: Float[Tensor, "*copies N c"],
        edge_index: Int[Tensor, "2 E"],
        edge_attr: Float[Tensor, "E e"] | None = None,
    ) -> Float[Tensor, "*copies N c"]:
        """Pass one message along every edge and update every node."""
        source, target = edge_index
        hidden = h.shape[-1]
        width = self.message_in.in_features - 2 * hidden
        given = 0 if edge_attr is None else edge_attr.shape[-1]
        if given != width:
            raise InvalidInputError(f"Edge features are of width {given}; this layer was made for {width}.")
        to_target, from_source, from_edge = self.message_in.weight.split([hidden, hidden, width], dim=1)
        messages = (h @ to_target.mT + self.message_in.bias).index_select(-2, target)
        messages += (h @ from_source.mT).index_select(-2, source)
        if edge_attr is not None:
            messages += edge_attr @ from_edge.mT
        messages = nn.functional.silu(self.message_out(nn.functional.silu(messages)))
        received = torch.zeros_like(h).index_add_(-2, target, messages)
        update = self.update(torch.cat([h, received], dim=-1))
        return h + update if self.residual else update


class MessagePassingNetwork(nn.Module):
    """Embed nodes linearly, pass messages, decode each node: Linear, `layers` x `MessageLayer`, Linear-SiLU-Linear.

    The plain graph network that equivariant ones are compared with: invariant to the numbering of nodes only.

    Examples
    --------
    >>> import torch
    >>> network = MessagePassingNetwork(in_features=6, hidden=16, out_features=3, edge_dim=2)
    >>> edges = complete_edges(5)
    >>> network(torch.randn(5, 6), edges, torch.randn(20, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(self, in_features: int, hidden: int, out_features: int, *, edge_dim: int = 0, layers: int = 4):
        super().__init__()
        self.embed = nn.Linear(in_features, hidden)
        self.layers = nn.ModuleList(MessageLayer(hidden, edge_dim) for _ in range(layers))
        self.decode = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, out_features))

    def forward(
        self,
        x: Float[Tensor, "*copies N in_features"],
        edge_index: Int[Tensor, "2 E"],
        edge_attr: Float[Tensor, "E e"] | None = None,
    ) -> Float[Tensor, "*copies N out_features"]:
        """Decode every node after all layers."""
        h = self.embed(x)
        for layer in self.layers:
            h = layer(h, edge_index, edge_attr)
        return self.decode(h)


def weisfeiler_leman(
    edge_index: Int[Tensor, "2 E"],
    nodes: int,
    colours: Int[Tensor, " N"] | None = None,
    *,
    rounds: int | None = None,
) -> Int[Tensor, " N"]:
    """Colour nodes by 1-WL refinement: a node's next colour stands for its colour and its neighbours' multiset.

    Exact, without hashing: each round sorts the neighbours' colours of all nodes at once, and gives equal rows equal
    colours. Nodes of many graphs coloured in one call share their colours. Cost a round is a sort of the edges and
    of an N x (largest degree + 1) table.

    Parameters
    ----------
    edge_index : edges, each undirected edge in both directions.
    nodes : how many nodes there are.
    colours : initial colours (default all equal).
    rounds : how many; by default until the number of colours stops growing.

    Examples
    --------
    >>> import torch
    >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> weisfeiler_leman(path, 3).tolist()
    [0, 1, 0]
    """
    source, target = edge_index
    colours = torch.zeros(nodes, dtype=torch.long, device=edge_index.device) if colours is None else colours
    colours = torch.unique(colours, return_inverse=True)[1]
    degree = torch.bincount(target, minlength=nodes)
    rank_offset = degree.cumsum(0) - degree
    widest = int(degree.max()) if nodes else 0
    for _ in range(nodes if rounds is None else rounds):
        count = int(colours.max()) + 1 if nodes else 0
        order = (target * count + colours[source]).argsort()
        to = target[order]
        neighbours = colours.new_full((nodes, widest), -1)
        neighbours[to, torch.arange(len(to), device=to.device) - rank_offset[to]] = colours[source][order]
        refined = torch.unique(torch.cat([colours[:, None], neighbours], dim=1), dim=0, return_inverse=True)[1]
        if rounds is None and int(refined.max()) + 1 == count:
            break
        colours = refined
    return colours


def weisfeiler_leman_classes(edge_index: Int[Tensor, "2 E"], batch: Int[Tensor, " N"]) -> Int[Tensor, " B"]:
    """Give each graph a class: two graphs share one exactly if 1-WL cannot tell them apart.

    Examples
    --------
    A hexagon and two triangles are regular of degree 2, and the same to 1-WL:

    >>> import torch
    >>> ring = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]])
    >>> triangles = torch.tensor([[6, 7, 8, 9, 10, 11], [7, 8, 6, 10, 11, 9]])
    >>> edges = torch.cat([ring, ring.flip(0), triangles, triangles.flip(0)], dim=1)
    >>> weisfeiler_leman_classes(edges, torch.tensor([0] * 6 + [1] * 6)).tolist()
    [0, 0]
    """
    colours = weisfeiler_leman(edge_index, len(batch))
    count = torch.bincount(batch)
    order = (batch * (int(colours.max()) + 1) + colours).argsort()
    graph = batch[order]
    histogram = colours.new_full((len(count), int(count.max())), -1)
    histogram[graph, torch.arange(len(batch), device=batch.device) - (count.cumsum(0) - count)[graph]] = colours[order]
    return torch.unique(histogram, dim=0, return_inverse=True)[1]

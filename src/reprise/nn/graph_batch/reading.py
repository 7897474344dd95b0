"""Several graphs, in whatever forms, as one checked batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.graph_batch.batch import GraphBatch, is_integer, joined_features, starts
from reprise.nn.graph_batch.forms import EXPECTED, Part, as_tensor, checked_part, is_one, kind_of, part_of


def graph_batch(
    graphs: Any, *, node_features: str | None = None, edge_features: str | None = None, dtype: torch.dtype | None = None
) -> GraphBatch:
    """Turn one graph or several into a `GraphBatch`, and check them.

    Edges are taken as they are given: an undirected graph has each of them in both directions (those of an undirected
    `networkx.Graph` are given so). All graphs have features of one width, or none has any.

    Parameters
    ----------
    graphs : graphs in any of the forms that `reprise.nn.graph_batch` lists, not all of one form.
    node_features, edge_features : of `networkx` graphs, the attribute that holds the features, a number or a list of
        numbers; the nodes are numbered as ``graph.nodes`` lists them.
    dtype : of the features; by default the one they have, whole numbers in torch's default.

    Raises
    ------
    InvalidInputError
        If there is no graph, one has no node, an edge names a node that is not there, edges are no whole numbers
        (2, E), features are not finite numbers (N, c) or differ in width, or something is no graph.

    Examples
    --------
    >>> import networkx as nx
    >>> batch = graph_batch([nx.path_graph(3), nx.complete_graph(4)])
    >>> batch.node_counts.tolist(), batch.edge_counts.tolist(), batch.x is None
    ([3, 4], [4, 12], True)
    """
    if isinstance(graphs, GraphBatch):
        return graphs.to(dtype=dtype)
    if getattr(graphs, "edge_index", None) is not None and getattr(graphs, "batch", None) is not None:
        packed = _packed(graphs)
    elif is_one(graphs):
        packed = _stacked([part_of(graphs, "The graph", node_features, edge_features)])
    elif isinstance(graphs, str | bytes | dict) or not isinstance(graphs, Iterable):
        raise InvalidInputError(f"Graphs were given as {kind_of(graphs)}; expected a list, each {EXPECTED}.")
    else:
        packed = _stacked([part_of(g, f"Graph {i}", node_features, edge_features) for i, g in enumerate(graphs)])
    _check(packed)
    return packed.to(dtype=dtype)


def _packed(batch: Any) -> GraphBatch:
    """Take over a batch that torch-geometric has made."""
    of_node = as_tensor(batch.batch, "The batch", "batch")
    if not is_integer(of_node) or of_node.ndim != 1 or bool((of_node.diff() < 0).any()):
        raise InvalidInputError("The batch has a vector `batch` that is not whole numbers (N,) in ascending order.")
    x, edge_attr = getattr(batch, "x", None), getattr(batch, "edge_attr", None)
    part = checked_part(batch.edge_index, x, edge_attr, None, "The batch")
    nodes = len(of_node)
    if part.nodes not in (-1, nodes):
        raise InvalidInputError(f"The batch has node features of {part.nodes} nodes and a vector `batch` of {nodes}.")
    edges = part.edge_index
    _check_range(edges, torch.zeros_like(edges[0]), edges.new_tensor([nodes]), "The batch")
    graphs = max(int(getattr(batch, "num_graphs", 0)), int(of_node[-1]) + 1 if nodes else 0)
    graph = of_node[edges]
    if bool((graph[0] != graph[1]).any()):
        raise InvalidInputError("The batch has an edge that joins nodes of two graphs.")
    order = graph[0].argsort(stable=True)
    return GraphBatch(
        edge_index=edges[:, order],
        x=part.x,
        edge_attr=None if part.edge_attr is None else part.edge_attr[order],
        batch=of_node.long(),
        node_counts=torch.bincount(of_node, minlength=graphs),
        edge_counts=torch.bincount(graph[0], minlength=graphs),
    )


def _stacked(parts: list[Part]) -> GraphBatch:
    if not parts:
        raise InvalidInputError("The list of graphs is empty; expected at least one.")
    edge_index = torch.cat([part.edge_index for part in parts], dim=1)
    device = edge_index.device
    edge_counts = torch.tensor([part.edge_index.shape[1] for part in parts], device=device)
    node_counts = torch.tensor([part.nodes for part in parts], device=device)
    graph = torch.arange(len(parts), device=device).repeat_interleave(edge_counts)
    seen = torch.zeros_like(node_counts).scatter_reduce(0, graph, edge_index.amax(0) + 1, "amax")
    node_counts = torch.where(node_counts < 0, seen, node_counts)
    _check_range(edge_index, graph, node_counts, "Graph {}" if len(parts) > 1 else "The graph")
    return GraphBatch(
        edge_index=edge_index + starts(node_counts)[graph],
        x=joined_features([part.x for part in parts], "node features"),
        edge_attr=joined_features([part.edge_attr for part in parts], "edge features"),
        batch=torch.arange(len(parts), device=device).repeat_interleave(node_counts),
        node_counts=node_counts,
        edge_counts=edge_counts,
    )


def _check(packed: GraphBatch) -> None:
    """Raise unless every graph has nodes and all features are finite."""
    empty = (packed.node_counts == 0).nonzero().flatten()
    if len(empty):
        raise InvalidInputError(
            f"Graph {int(empty[0])} is empty: it has no nodes"
            + (" (without features or a number of nodes, only edges tell of them)." if packed.x is None else ".")
        )
    if not len(packed):
        raise InvalidInputError("The batch is empty; expected at least one graph.")
    edge_graph = packed.batch[packed.edge_index[0]]
    for name, features, graph in (("node", packed.x, packed.batch), ("edge", packed.edge_attr, edge_graph)):
        if features is None:
            continue
        bad = ~features.isfinite().all(1)
        if bool(bad.any()):
            raise InvalidInputError(
                f"Graph {int(graph[bad][0])} has {name} features that are missing (NaN) or infinite "
                f"({int(bad.sum())} {name}s altogether); expected finite numbers."
            )


def _check_range(edge_index: Tensor, graph: Tensor, node_counts: Tensor, what: str) -> None:
    wrong = ((edge_index < 0) | (edge_index >= node_counts[graph])).any(0).nonzero().flatten()
    if len(wrong):
        edge, which = int(wrong[0]), int(graph[wrong[0]])
        source, target = edge_index[:, edge].tolist()
        raise InvalidInputError(
            f"{what.format(which)} has an edge from {source} to {target}, but {int(node_counts[which])} nodes, "
            "numbered from 0."
        )

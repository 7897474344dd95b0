"""One graph in any form that users have it, as tensors that fit each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.graph_batch.batch import GraphBatch, is_integer

EXPECTED = "a torch-geometric Data, a tuple (edge_index, x), or a networkx.Graph"


class Part(NamedTuple):
    """One graph; `nodes` is -1 where only its edges tell how many there are."""

    edge_index: Tensor
    x: Tensor | None
    edge_attr: Tensor | None
    nodes: int


def is_one(graphs: Any) -> bool:
    """Say whether this is a graph rather than several; a tuple is one unless it begins with a graph."""
    if hasattr(graphs, "edge_index") or _is_networkx(graphs):
        return True
    if not isinstance(graphs, tuple) or not graphs:
        return False
    return not (hasattr(graphs[0], "edge_index") or _is_networkx(graphs[0]) or isinstance(graphs[0], tuple))


def part_of(graph: Any, what: str, node_features: str | None, edge_features: str | None) -> Part:
    """Read one graph of any form; `what` names it in errors."""
    if _is_networkx(graph):
        return _from_networkx(graph, what, node_features, edge_features)
    if isinstance(graph, GraphBatch):
        if len(graph) != 1:
            raise InvalidInputError(f"{what} is a batch of {len(graph)} graphs; expected single graphs in a list.")
        return Part(graph.edge_index, graph.x, graph.edge_attr, graph.num_nodes)
    if getattr(graph, "edge_index", None) is not None:
        x, nodes = getattr(graph, "x", None), getattr(graph, "num_nodes", None)
        return checked_part(graph.edge_index, x, getattr(graph, "edge_attr", None), nodes, what)
    if isinstance(graph, tuple) and len(graph) in (2, 3):
        edge_index, x, edge_attr = (*graph, None)[:3]
        if isinstance(x, int | np.integer) and not isinstance(x, bool):
            return checked_part(edge_index, None, edge_attr, int(x), what)
        return checked_part(edge_index, x, edge_attr, None, what)
    raise InvalidInputError(f"{what} is {kind_of(graph)}; expected {EXPECTED}.")


def checked_part(edge_index: Any, x: Any, edge_attr: Any, nodes: int | None, what: str) -> Part:
    """Check that edges, features and number of nodes fit each other."""
    edges = _edges(edge_index, what)
    features = None if x is None else _features(x, what, "node features x", "(N, c)")
    if nodes is None:
        nodes = -1 if features is None else len(features)
    elif nodes < 0:
        raise InvalidInputError(f"{what} has {nodes} nodes; expected a number of at least 1.")
    if features is not None and len(features) != nodes:
        raise InvalidInputError(f"{what} has {nodes} nodes, but node features of {len(features)}.")
    attributes = None if edge_attr is None else _features(edge_attr, what, "edge features", "(E, e)")
    if attributes is not None and len(attributes) != edges.shape[1]:
        raise InvalidInputError(f"{what} has {edges.shape[1]} edges, but edge features of {len(attributes)}.")
    return Part(edges, features, attributes, nodes)


def _edges(edge_index: Any, what: str) -> Tensor:
    edges = as_tensor(edge_index, what, "edge_index")
    if edges.ndim != 2 or edges.shape[0] != 2:
        hint = " edge_index.T has that shape." if edges.ndim == 2 and edges.shape[1] == 2 else ""
        raise InvalidInputError(f"{what} has an edge_index of shape {tuple(edges.shape)}; expected (2, E).{hint}")
    if edges.shape[1] and not is_integer(edges):
        raise InvalidInputError(f"{what} has an edge_index of {edges.dtype}; expected whole numbers.")
    return edges.long()


def _features(values: Any, what: str, name: str, shape: str) -> Tensor:
    features = as_tensor(values, what, name)
    if features.dtype.is_complex:
        raise InvalidInputError(f"{what} has {name} of {features.dtype}; expected real numbers.")
    if features.ndim != 2:
        hint = " .reshape(-1, 1) makes one column of them." if features.ndim == 1 else ""
        raise InvalidInputError(f"{what} has {name} of shape {tuple(features.shape)}; expected {shape}.{hint}")
    return features if features.is_floating_point() else features.to(torch.get_default_dtype())


def as_tensor(values: Any, what: str, name: str) -> Tensor:
    """Take values as a tensor, or say whose they are."""
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise InvalidInputError(
            f"{what} has {name} given as {kind_of(values)} that is no array of numbers ({problem})."
        ) from problem


def _from_networkx(graph: Any, what: str, node_features: str | None, edge_features: str | None) -> Part:
    place = {node: i for i, node in enumerate(graph)}
    edges = list(graph.edges(data=edge_features)) if edge_features is not None else list(graph.edges())
    ends = np.array([(place[edge[0]], place[edge[1]]) for edge in edges], dtype=np.int64).reshape(-1, 2).T
    there = np.arange(len(edges))
    if not graph.is_directed():
        back = np.flatnonzero(ends[0] != ends[1])  # a loop is the same edge both ways
        ends, there = np.concatenate([ends, ends[::-1, back]], axis=1), np.concatenate([there, back])
    x = edge_attr = None
    if node_features is not None:
        x = _attributes([graph.nodes[node].get(node_features) for node in graph], what, "node", node_features)
    if edge_features is not None:
        edge_attr = _attributes([edge[2] for edge in edges], what, "edge", edge_features)[torch.from_numpy(there)]
    return Part(torch.from_numpy(np.ascontiguousarray(ends)), x, edge_attr, len(place))


def _attributes(values: list[Any], what: str, of: str, name: str) -> Tensor:
    lacking = sum(value is None for value in values)
    if lacking:
        raise InvalidInputError(f"{what} lacks the attribute {name!r} at {lacking} of {len(values)} {of}s.")
    try:
        rows = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise InvalidInputError(
            f"{what} has values of the {of} attribute {name!r} that are no numbers, or lists of several lengths."
        ) from problem
    features = rows[:, None] if rows.ndim == 1 else rows
    return _features(torch.from_numpy(features).to(torch.get_default_dtype()), what, f"{of} attributes", "(n, c)")


def _is_networkx(graph: Any) -> bool:
    return hasattr(graph, "is_directed") and hasattr(graph, "adj") and hasattr(graph, "nodes")


def kind_of(value: Any) -> str:
    """Name the type of a value with its article, for errors."""
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"

"""Graphs as users have them, turned into one batch.

A graph is any of

- a torch-geometric `Data` (anything with `edge_index`, and `x`, `edge_attr`, `num_nodes` where it has them),
- a tuple ``(edge_index, x)`` or ``(edge_index, x, edge_attr)`` of tensors or arrays, in which `x` may be None or the
  number of nodes,
- a `networkx.Graph`;

and several are a list of these, a torch-geometric `Batch`, or a `GraphBatch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError

_EXPECTED = "a torch-geometric Data, a tuple (edge_index, x), or a networkx.Graph"


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs as one graph of unconnected parts: their nodes numbered through, graph by graph.

    Made by `graph_batch`, which checks what it is given; the class itself checks nothing. ``batch[rows]`` chooses
    graphs by a number, a slice, a list of numbers or a mask, without a loop; O(N + E) of the chosen ones.

    Parameters
    ----------
    edge_index : (2, E) source and target of each edge, sorted by graph.
    x : (N, c) node features, or None.
    edge_attr : (E, e) edge features, or None.
    batch : (N,) graph of each node, not decreasing.
    node_counts, edge_counts : (B,) how many of them each graph has.

    Examples
    --------
    >>> pair = ([[0, 1], [1, 0]], [[1.0], [2.0]])
    >>> single = ([[], []], [[3.0]])
    >>> batch = graph_batch([pair, single, pair])
    >>> batch.batch.tolist(), batch.edge_index.tolist()
    ([0, 0, 1, 2, 2], [[0, 1, 3, 4], [1, 0, 4, 3]])
    >>> batch[1:].edge_index.tolist(), batch.graph(1).x.tolist()
    ([[1, 2], [2, 1]], [[3.0]])
    """

    edge_index: Int[Tensor, "2 E"]
    x: Float[Tensor, "N c"] | None
    edge_attr: Float[Tensor, "E e"] | None
    batch: Int[Tensor, " N"]
    node_counts: Int[Tensor, " B"]
    edge_counts: Int[Tensor, " B"]

    @property
    def num_graphs(self) -> int:
        """Number B of graphs."""
        return len(self.node_counts)

    @property
    def num_nodes(self) -> int:
        """Number N of nodes of all graphs."""
        return len(self.batch)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.batch.device

    def __len__(self) -> int:
        return self.num_graphs

    def __iter__(self) -> Iterator[GraphBatch]:
        return (self.graph(i) for i in range(len(self)))

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray | Tensor) -> GraphBatch:
        """Choose graphs; one that is named twice is there twice."""
        chosen = self._rows(rows)
        node_counts, edge_counts = self.node_counts[chosen], self.edge_counts[chosen]
        nodes, batch = _spans(self.node_counts, chosen)
        edges, graph = _spans(self.edge_counts, chosen)
        shift = _starts(node_counts) - _starts(self.node_counts)[chosen]
        return GraphBatch(
            edge_index=self.edge_index[:, edges] + shift[graph],
            x=None if self.x is None else self.x[nodes],
            edge_attr=None if self.edge_attr is None else self.edge_attr[edges],
            batch=batch,
            node_counts=node_counts,
            edge_counts=edge_counts,
        )

    def graph(self, i: int) -> GraphBatch:
        """Give graph `i` alone, its nodes numbered from 0.

        Raises
        ------
        InvalidInputError
            If there is no graph of that number.
        """
        if not -len(self) <= i < len(self):
            raise InvalidInputError(f"There is no graph {i} in a batch of {len(self)}.")
        return self[i]

    def tuples(self) -> list[tuple[Any, ...]]:
        """Give each graph as ``(edge_index, x)``, or with edge features ``(edge_index, x, edge_attr)``.

        Without node features the number of nodes stands in place of `x`; `graph_batch` makes the same batch of them.
        """
        edge_counts = self.edge_counts.tolist()
        shift = _starts(self.node_counts).repeat_interleave(self.edge_counts)
        nodes = self.node_counts.tolist()
        columns: list[Any] = [
            (self.edge_index - shift).split(edge_counts, dim=1),
            nodes if self.x is None else self.x.split(nodes),
        ]
        if self.edge_attr is not None:
            columns.append(self.edge_attr.split(edge_counts))
        return list(zip(*columns, strict=True))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> GraphBatch:
        """Give the batch on a device, its features in a dtype; itself where it is already so."""
        home = self.device if device is None else torch.device(device)
        same_place = home.type == self.device.type and home.index in (None, self.device.index)
        if same_place and all(dtype in (None, f.dtype) for f in (self.x, self.edge_attr) if f is not None):
            return self
        return GraphBatch(
            edge_index=self.edge_index.to(home),
            x=None if self.x is None else self.x.to(home, dtype),
            edge_attr=None if self.edge_attr is None else self.edge_attr.to(home, dtype),
            batch=self.batch.to(home),
            node_counts=self.node_counts.to(home),
            edge_counts=self.edge_counts.to(home),
        )

    def _rows(self, rows: Any) -> Tensor:
        if isinstance(rows, slice):
            rows = list(range(*rows.indices(len(self))))
        chosen = torch.as_tensor(rows, device=self.device)
        if chosen.numel() == 0:
            chosen = chosen.long()
        if chosen.dtype == torch.bool:
            if chosen.shape != (len(self),):
                raise InvalidInputError(f"A mask of shape {tuple(chosen.shape)} cannot choose from {len(self)} graphs.")
            return chosen.nonzero().flatten()
        if not _is_integer(chosen) or chosen.ndim > 1:
            raise InvalidInputError("Graphs are chosen by a number, a slice, a list of numbers or a mask.")
        chosen = chosen.reshape(-1).long()
        if bool(((chosen < -len(self)) | (chosen >= len(self))).any()):
            raise InvalidInputError(f"Graphs {chosen.tolist()[:8]} were asked of a batch of {len(self)}.")
        return chosen % len(self)


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
    elif _is_one(graphs):
        packed = _stacked([_part(graphs, "The graph", node_features, edge_features)])
    elif isinstance(graphs, str | bytes | dict) or not isinstance(graphs, Iterable):
        raise InvalidInputError(f"Graphs were given as {_kind(graphs)}; expected a list, each {_EXPECTED}.")
    else:
        packed = _stacked([_part(g, f"Graph {i}", node_features, edge_features) for i, g in enumerate(graphs)])
    _check(packed)
    return packed.to(dtype=dtype)


def joined(batches: Sequence[GraphBatch]) -> GraphBatch:
    """Put batches one after the other into one.

    Raises
    ------
    InvalidInputError
        If there is none, or their features differ in width.
    """
    if not batches:
        raise InvalidInputError("There is no batch to join; expected at least one.")
    graphs = torch.tensor([len(batch) for batch in batches])
    nodes = torch.tensor([batch.num_nodes for batch in batches])
    shifts = list(zip(batches, _starts(nodes).tolist(), _starts(graphs).tolist(), strict=True))
    return GraphBatch(
        edge_index=torch.cat([batch.edge_index + shift for batch, shift, _ in shifts], dim=1),
        x=_joined([batch.x for batch in batches], "node features", "Batch"),
        edge_attr=_joined([batch.edge_attr for batch in batches], "edge features", "Batch"),
        batch=torch.cat([batch.batch + shift for batch, _, shift in shifts]),
        node_counts=torch.cat([batch.node_counts for batch in batches]),
        edge_counts=torch.cat([batch.edge_counts for batch in batches]),
    )


class _Part(NamedTuple):
    """One graph; `nodes` is -1 where only its edges tell how many there are."""

    edge_index: Tensor
    x: Tensor | None
    edge_attr: Tensor | None
    nodes: int


def _is_one(graphs: Any) -> bool:
    """Say whether this is a graph rather than several; a tuple is one unless it begins with a graph."""
    if hasattr(graphs, "edge_index") or _is_networkx(graphs):
        return True
    if not isinstance(graphs, tuple) or not graphs:
        return False
    return not (hasattr(graphs[0], "edge_index") or _is_networkx(graphs[0]) or isinstance(graphs[0], tuple))


def _part(graph: Any, what: str, node_features: str | None, edge_features: str | None) -> _Part:
    if _is_networkx(graph):
        return _from_networkx(graph, what, node_features, edge_features)
    if isinstance(graph, GraphBatch):
        if len(graph) != 1:
            raise InvalidInputError(f"{what} is a batch of {len(graph)} graphs; expected single graphs in a list.")
        return _Part(graph.edge_index, graph.x, graph.edge_attr, graph.num_nodes)
    if getattr(graph, "edge_index", None) is not None:
        x, nodes = getattr(graph, "x", None), getattr(graph, "num_nodes", None)
        return _checked_part(graph.edge_index, x, getattr(graph, "edge_attr", None), nodes, what)
    if isinstance(graph, tuple) and len(graph) in (2, 3):
        edge_index, x, edge_attr = (*graph, None)[:3]
        if isinstance(x, int | np.integer) and not isinstance(x, bool):
            return _checked_part(edge_index, None, edge_attr, int(x), what)
        return _checked_part(edge_index, x, edge_attr, None, what)
    raise InvalidInputError(f"{what} is {_kind(graph)}; expected {_EXPECTED}.")


def _checked_part(edge_index: Any, x: Any, edge_attr: Any, nodes: int | None, what: str) -> _Part:
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
    return _Part(edges, features, attributes, nodes)


def _edges(edge_index: Any, what: str) -> Tensor:
    edges = _tensor(edge_index, what, "edge_index")
    if edges.ndim != 2 or edges.shape[0] != 2:
        hint = " edge_index.T has that shape." if edges.ndim == 2 and edges.shape[1] == 2 else ""
        raise InvalidInputError(f"{what} has an edge_index of shape {tuple(edges.shape)}; expected (2, E).{hint}")
    if edges.shape[1] and not _is_integer(edges):
        raise InvalidInputError(f"{what} has an edge_index of {edges.dtype}; expected whole numbers.")
    return edges.long()


def _features(values: Any, what: str, name: str, shape: str) -> Tensor:
    features = _tensor(values, what, name)
    if features.dtype.is_complex:
        raise InvalidInputError(f"{what} has {name} of {features.dtype}; expected real numbers.")
    if features.ndim != 2:
        hint = " .reshape(-1, 1) makes one column of them." if features.ndim == 1 else ""
        raise InvalidInputError(f"{what} has {name} of shape {tuple(features.shape)}; expected {shape}.{hint}")
    return features if features.is_floating_point() else features.to(torch.get_default_dtype())


def _tensor(values: Any, what: str, name: str) -> Tensor:
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise InvalidInputError(
            f"{what} has {name} given as {_kind(values)} that is no array of numbers ({problem})."
        ) from problem


def _from_networkx(graph: Any, what: str, node_features: str | None, edge_features: str | None) -> _Part:
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
    return _Part(torch.from_numpy(np.ascontiguousarray(ends)), x, edge_attr, len(place))


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


def _packed(batch: Any) -> GraphBatch:
    """Take over a batch that torch-geometric has made."""
    of_node = _tensor(batch.batch, "The batch", "batch")
    if not _is_integer(of_node) or of_node.ndim != 1 or bool((of_node.diff() < 0).any()):
        raise InvalidInputError("The batch has a vector `batch` that is not whole numbers (N,) in ascending order.")
    x, edge_attr = getattr(batch, "x", None), getattr(batch, "edge_attr", None)
    part = _checked_part(batch.edge_index, x, edge_attr, None, "The batch")
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


def _stacked(parts: list[_Part]) -> GraphBatch:
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
        edge_index=edge_index + _starts(node_counts)[graph],
        x=_joined([part.x for part in parts], "node features"),
        edge_attr=_joined([part.edge_attr for part in parts], "edge features"),
        batch=torch.arange(len(parts), device=device).repeat_interleave(node_counts),
        node_counts=node_counts,
        edge_counts=edge_counts,
    )


def _joined(features: list[Tensor | None], name: str, of: str = "Graph") -> Tensor | None:
    given = [each for each in features if each is not None]
    if not given:
        return None
    if len(given) < len(features):
        without = next(i for i, each in enumerate(features) if each is None)
        raise InvalidInputError(
            f"{of} {without} has no {name}, and {len(given)} of {len(features)} have some; expected all or none."
        )
    for i, each in enumerate(given):
        if each.shape[1] != given[0].shape[1]:
            raise InvalidInputError(
                f"{of} {i} has {name} of width {each.shape[1]}, the first {given[0].shape[1]}; expected one width."
            )
    return torch.cat(given)


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


def _starts(counts: Tensor) -> Tensor:
    return counts.cumsum(0) - counts


def _spans(counts: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Give the positions of the members of the chosen groups, group by group, and the place of each one's group."""
    sizes = counts[chosen]
    place = torch.arange(len(chosen), device=counts.device).repeat_interleave(sizes)
    within = torch.arange(len(place), device=counts.device) - _starts(sizes)[place]
    return _starts(counts)[chosen][place] + within, place


def _is_integer(values: Tensor) -> bool:
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)


def _is_networkx(graph: Any) -> bool:
    return hasattr(graph, "is_directed") and hasattr(graph, "adj") and hasattr(graph, "nodes")


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"

"""Graphs as users have them, turned into one batch.

A graph is any of

- a torch-geometric `Data` (anything with `edge_index`, and `x`, `edge_attr`, `num_nodes` where it has them),
- a tuple ``(edge_index, x)`` or ``(edge_index, x, edge_attr)`` of tensors or arrays, in which `x` may be None or the
  number of nodes,
- a `networkx.Graph`;

and several are a list of these, a torch-geometric `Batch`, or a `GraphBatch`.
"""

from reprise.nn.graph_batch.batch import GraphBatch, joined
from reprise.nn.graph_batch.reading import graph_batch

__all__ = ["GraphBatch", "graph_batch", "joined"]

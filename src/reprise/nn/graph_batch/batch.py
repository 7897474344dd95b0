"""The batch itself: graphs as one graph of unconnected parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError


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
    >>> from reprise.nn.graph_batch import graph_batch
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
        nodes, batch = spans(self.node_counts, chosen)
        edges, graph = spans(self.edge_counts, chosen)
        shift = starts(node_counts) - starts(self.node_counts)[chosen]
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
        shift = starts(self.node_counts).repeat_interleave(self.edge_counts)
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
        if not is_integer(chosen) or chosen.ndim > 1:
            raise InvalidInputError("Graphs are chosen by a number, a slice, a list of numbers or a mask.")
        chosen = chosen.reshape(-1).long()
        if bool(((chosen < -len(self)) | (chosen >= len(self))).any()):
            raise InvalidInputError(f"Graphs {chosen.tolist()[:8]} were asked of a batch of {len(self)}.")
        return chosen % len(self)


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
    shifts = list(zip(batches, starts(nodes).tolist(), starts(graphs).tolist(), strict=True))
    return GraphBatch(
        edge_index=torch.cat([batch.edge_index + shift for batch, shift, _ in shifts], dim=1),
        x=joined_features([batch.x for batch in batches], "node features", "Batch"),
        edge_attr=joined_features([batch.edge_attr for batch in batches], "edge features", "Batch"),
        batch=torch.cat([batch.batch + shift for batch, _, shift in shifts]),
        node_counts=torch.cat([batch.node_counts for batch in batches]),
        edge_counts=torch.cat([batch.edge_counts for batch in batches]),
    )


def joined_features(features: list[Tensor | None], name: str, of: str = "Graph") -> Tensor | None:
    """Put the features of several graphs one after the other; all must have some, of one width, or none."""
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


def starts(counts: Tensor) -> Tensor:
    """Give where each group begins when groups of these sizes follow each other."""
    return counts.cumsum(0) - counts


def spans(counts: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Give the positions of the members of the chosen groups, group by group, and the place of each one's group."""
    sizes = counts[chosen]
    place = torch.arange(len(chosen), device=counts.device).repeat_interleave(sizes)
    within = torch.arange(len(place), device=counts.device) - starts(sizes)[place]
    return starts(counts)[chosen][place] + within, place


def is_integer(values: Tensor) -> bool:
    """Say whether a tensor holds whole numbers by its type."""
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)

"""Point clouds as the networks take them: checked, packed into one graph, and unpacked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.graph import complete_graphs, complete_systems, radius_edges
from reprise.nn.point_graphs import point_graph


@dataclass(frozen=True)
class Clouds:
    """Point clouds packed into one graph; `shape` is (B, n) where they came dense, else None."""

    pos: Float[Tensor, "N d"]
    scalars: Float[Tensor, "N s"] | None
    vectors: Float[Tensor, "N v d"] | None
    edge_index: Int[Tensor, "2 E"]
    batch: Int[Tensor, " N"]
    count: int
    undirected: bool
    shape: tuple[int, int] | None

    @classmethod
    def of(
        cls,
        pos: Tensor | Any,
        scalars: Tensor | None,
        vectors: Tensor | None,
        edge_index: Tensor | None,
        batch: Tensor | None,
        *,
        dim: int,
        scalar_in: int,
        vector_in: int,
        radius: float | None,
    ) -> Clouds:
        """Check and pack; edges that are not given join all pairs, or those nearer than `radius`. Loops are dropped.

        Raises
        ------
        InvalidInputError
            Saying what does not fit.
        """
        if not isinstance(pos, Tensor):
            if any(value is not None for value in (scalars, vectors, edge_index, batch)):
                raise InvalidInputError("A torch-geometric graph holds all inputs; give it alone.")
            pos, scalars, vectors, edge_index, _, batch = point_graph(pos)
        shape: tuple[int, int] | None = None
        if pos.ndim == 3:
            if batch is not None or edge_index is not None:
                raise InvalidInputError("Dense positions (B, n, d) go without batch and edge_index; pack them (N, d).")
            shape = (pos.shape[0], pos.shape[1])
        if pos.ndim not in {2, 3} or pos.shape[-1] != dim or not pos.is_floating_point():
            raise InvalidInputError(
                f"Positions must be floating, (N, {dim}) or dense (B, n, {dim}); got {tuple(pos.shape)}, {pos.dtype}."
            )
        points = tuple(pos.shape[:-1])
        if 0 in points:
            raise InvalidInputError(f"The graph is empty: positions have shape {tuple(pos.shape)}.")
        _check("scalars", scalars, pos, (*points, scalar_in), scalar_in)
        _check("vectors", vectors, pos, (*points, vector_in, dim), vector_in)
        if not all(bool(value.isfinite().all()) for value in (pos, scalars, vectors) if value is not None):
            raise InvalidInputError("Positions and features must be finite; some are NaN or infinite.")
        given = edge_index is not None
        if shape is not None:
            pos = pos.flatten(0, 1)
            scalars = None if scalars is None else scalars.flatten(0, 1)
            vectors = None if vectors is None else vectors.flatten(0, 1)
            complete, batch = complete_systems(*shape, device=pos.device)
            edge_index = complete if radius is None else radius_edges(pos, radius, batch)
            count = shape[0]
        else:
            batch, count = _checked_batch(batch, pos)
            if edge_index is None:
                edge_index = complete_graphs(batch) if radius is None else radius_edges(pos, radius, batch)
            else:
                edge_index = _checked_edges(edge_index, batch)
        return cls(pos, scalars, vectors, edge_index, batch, count, not given, shape)

    def unpack_nodes(self, value: Tensor) -> Tensor:
        """Give rows of nodes the layout that the positions came in."""
        return value if self.shape is None else value.unflatten(0, self.shape)


def _check(name: str, value: Tensor | None, pos: Tensor, shape: tuple[int, ...], channels: int) -> None:
    if value is None and channels:
        raise InvalidInputError(f"The network takes {channels} {name} a point and got none.")
    if value is not None and not channels:
        raise InvalidInputError(f"The network was made without {name} ({name[:-1]}_in=0) but got some.")
    if value is not None and (tuple(value.shape) != shape or value.dtype != pos.dtype):
        raise InvalidInputError(
            f"Expected {name} of shape {shape} and the positions' type {pos.dtype}; got {tuple(value.shape)}, "
            f"{value.dtype}."
        )


def _checked_batch(batch: Tensor | None, pos: Tensor) -> tuple[Tensor, int]:
    if batch is None:
        return torch.zeros(len(pos), dtype=torch.long, device=pos.device), 1
    if batch.shape != pos.shape[:1] or batch.is_floating_point():
        raise InvalidInputError(f"batch must be {len(pos)} graph numbers; got {tuple(batch.shape)}, {batch.dtype}.")
    if int(batch.min()) < 0:
        raise InvalidInputError("batch numbers graphs from 0; it holds a negative number.")
    nodes = torch.bincount(batch)
    if bool((nodes == 0).any()):
        raise InvalidInputError(f"Graph {int((nodes == 0).nonzero()[0])} of the batch is empty: it has no node.")
    return batch, len(nodes)


def _checked_edges(edge_index: Tensor, batch: Tensor) -> Tensor:
    if edge_index.ndim != 2 or len(edge_index) != 2 or edge_index.is_floating_point():
        raise InvalidInputError(
            f"edge_index must be integers (2, E), sources and targets; got {tuple(edge_index.shape)}, "
            f"{edge_index.dtype}."
        )
    if edge_index.numel() and (int(edge_index.min()) < 0 or int(edge_index.max()) >= len(batch)):
        raise InvalidInputError(
            f"edge_index names nodes from {int(edge_index.min())} to {int(edge_index.max())}; there are nodes 0 to "
            f"{len(batch) - 1}."
        )
    source, target = edge_index
    if bool((batch[source] != batch[target]).any()):
        raise InvalidInputError("An edge joins nodes of two graphs; each edge's nodes must have the same `batch`.")
    return edge_index[:, source != target].long()

"""Graphs of points in space as torch-geometric holds them, read by duck typing."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from reprise.errors import InvalidInputError


class PointGraph(NamedTuple):
    """What a torch-geometric graph or batch holds; None where it has no such part."""

    pos: Tensor
    x: Tensor | None
    vec: Tensor | None
    edge_index: Tensor | None
    edge_attr: Tensor | None
    batch: Tensor | None


def point_graph(data: Any) -> PointGraph:
    """Take a torch-geometric `Data` or `Batch` of points apart: `pos`, features `x`, vectors `vec`, edges, `batch`.

    Raises
    ------
    InvalidInputError
        If it has no positions.

    Examples
    --------
    >>> import torch
    >>> from types import SimpleNamespace
    >>> point_graph(SimpleNamespace(pos=torch.zeros(4, 3))).pos.shape
    torch.Size([4, 3])
    """
    parts: list[Any] = [getattr(data, name, None) for name in PointGraph._fields]
    if not isinstance(parts[0], Tensor):
        raise InvalidInputError(
            f"Expected positions, or a torch-geometric graph with pos (and x, vec, edge_index, edge_attr, batch); got "
            f"a {type(data).__name__}."
        )
    return PointGraph(*parts)

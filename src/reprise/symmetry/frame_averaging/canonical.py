"""Canonical forms: the distinct graphs that a sorting frame makes of a graph, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.symmetry.frame_averaging.sort import (
    MAX_FRAMES,
    NodeOrder,
    enumerate_frames,
    node_order,
    sample_frames,
)

_ELEMENTS_A_BLOCK = 200_000  # frame elements compared at once, about 100 MB for graphs of 8 nodes
_CODE_LIMIT = 2**62


@dataclass(frozen=True)
class CanonicalGraphs:
    """The canonical forms of B graphs: what a backbone sees, each form once, and how to come back.

    Attributes
    ----------
    adjacency, x : the M distinct forms (x is None without features).
    graph : which graph a form is of. All forms of a graph occur equally often in its frame.
    permutations : all S elements of all frames, or None where nothing asks for them.
    form, element_graph : form and graph of each element.

    Examples
    --------
    The path of three nodes can be read from either end, which makes one graph:

    >>> import torch
    >>> path = torch.tensor([[[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]])
    >>> forms = canonical_graphs(path, elements=True)
    >>> len(forms.permutations), len(forms.adjacency)
    (2, 1)
    """

    adjacency: Float[Tensor, "M n n"]
    x: Float[Tensor, "M n c"] | None
    graph: Int[Tensor, " M"]
    permutations: Int[Tensor, "S n"] | None = None
    form: Int[Tensor, " S"] | None = None
    element_graph: Int[Tensor, " S"] | None = None


def canonical_graphs(
    adjacency: Float[Tensor, "B n n"],
    x: Float[Tensor, "B n c"] | None = None,
    *,
    mask: Bool[Tensor, "B n"] | None = None,
    max_frames: int = MAX_FRAMES,
    sample: int | None = None,
    generator: torch.Generator | None = None,
    elements: bool = False,
) -> CanonicalGraphs:
    """Renumber each graph by every element of its sorting frame, and keep each distinct result once.

    Elements that differ by an automorphism of the graph give the same numbers, and a frame is made of whole cosets of
    automorphisms. So the average over the |F| elements is the average over the |F| / |Aut| distinct forms, each
    exactly as frequent: one form for the complete graph of 8 nodes in place of 40 320. Forms are compared exactly,
    as integers. Cost O(|F| n²) integer operations; blocks of graphs bound the memory.

    Parameters
    ----------
    adjacency, x, mask : B graphs, padded where `mask` is False.
    max_frames, sample, generator : as in `sort_frames`. A sample is kept as drawn.
    elements : also give all elements, which outputs per node need.

    Examples
    --------
    >>> import torch
    >>> complete = 1 - torch.eye(6)[None]
    >>> len(canonical_graphs(complete, max_frames=720).adjacency)
    1
    """
    nodes = node_order(adjacency, x, mask=mask)
    n = adjacency.shape[-1]
    codes = _codes(adjacency, x)
    first: list[Tensor] = []
    graphs: list[Tensor] = []
    every: list[tuple[Tensor, Tensor, Tensor]] = []
    count = 0
    for permutation, graph in _blocks(nodes, max_frames, sample, generator):
        if sample is None:
            form, keep = _distinct(codes(permutation, graph), graph)
        else:
            form = keep = torch.arange(len(graph), device=graph.device)
        first.append(permutation[keep])
        graphs.append(graph[keep])
        if elements:
            every.append((permutation, form + count, graph))
        count += len(keep)
    chosen, owner = torch.cat(first), torch.cat(graphs)
    rows = adjacency[owner].gather(1, chosen[:, :, None].expand(-1, n, n))
    canonical = rows.gather(2, chosen[:, None, :].expand(-1, n, n))
    features = None if x is None else x[owner].gather(1, chosen[:, :, None].expand(-1, n, x.shape[-1]))
    if not elements:
        return CanonicalGraphs(canonical, features, owner)
    return CanonicalGraphs(canonical, features, owner, *(torch.cat(part) for part in zip(*every, strict=True)))


def _blocks(
    nodes: NodeOrder, max_frames: int, sample: int | None, generator: torch.Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the elements of all frames, and the graph of each, a block of graphs at a time."""
    graphs = len(nodes.order)
    number = torch.arange(graphs, device=nodes.order.device)
    if sample is not None:
        yield sample_frames(nodes, sample, generator).flatten(0, 1), number.repeat_interleave(sample)
        return
    sizes = nodes.sizes
    begin = 0
    while begin < graphs:
        end, total = begin, 0.0
        while end < graphs and (end == begin or total + sizes[end] <= _ELEMENTS_A_BLOCK):
            total += sizes[end]
            end += 1
        block = NodeOrder(nodes.order[begin:end], nodes.starts[begin:end])
        frames = enumerate_frames(block, max_frames=max_frames)
        counts = torch.tensor([len(frame) for frame in frames], device=number.device)
        yield torch.cat(frames), number[begin:end].repeat_interleave(counts)
        begin = end


def _codes(adjacency: Tensor, x: Tensor | None) -> Callable[[Tensor, Tensor], Tensor]:
    """Give a function from permutations to exact integer codes (S, words) of the graphs they make."""
    n = adjacency.shape[-1]
    weights, edge = adjacency.unique(return_inverse=True)
    levels = len(weights)
    above, below = torch.triu_indices(n, n, device=adjacency.device)
    node = torch.zeros(adjacency.shape[:2], dtype=torch.long, device=adjacency.device)
    if x is not None:
        node = x.flatten(0, 1).unique(dim=0, return_inverse=True)[1].reshape(node.shape)
    node_levels = int(node.max()) + 1

    def codes(permutation: Tensor, graph: Tensor) -> Tensor:
        pairs = (permutation[:, above] * n + permutation[:, below]) + graph[:, None] * n * n
        words = _pack(edge.flatten()[pairs], levels)
        if node_levels > 1:
            words += _pack(node[graph].gather(1, permutation), node_levels)
        return torch.stack(words, dim=1)

    return codes


def _pack(digits: Tensor, base: int) -> list[Tensor]:
    """Write rows of digits below `base` as few integers each, without overflow."""
    width = 1
    while base ** (width + 1) < _CODE_LIMIT and width < digits.shape[1]:
        width += 1
    powers = torch.tensor([base**k for k in range(width)], device=digits.device)
    return [(part * powers[: part.shape[1]]).sum(1) for part in digits.split(width, dim=1)]


def _distinct(codes: Tensor, graph: Tensor) -> tuple[Tensor, Tensor]:
    """Number the distinct (graph, code) rows in order of graphs, and give the place of one row of each."""
    distinct, form = torch.cat([graph[:, None], codes], dim=1).unique(dim=0, return_inverse=True)
    place = torch.empty(len(distinct), dtype=torch.long, device=codes.device)
    place[form] = torch.arange(len(form), device=codes.device)
    return form, place

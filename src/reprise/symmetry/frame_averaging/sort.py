"""Sorting frames: the numberings of a graph's nodes that sort its Laplacian's eigenvectors, up to their ties."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from reprise.errors import InvalidInputError

EIGENVALUE_TOLERANCE = 1e-5  # relative to the largest: closer eigenvalues count as one
DECIMALS = 2  # the paper's rounding of the sorted entries
_ROUNDING_SHIFT = 1.7e-7
"""Added before rounding: entries of eigenvectors do lie halfway between two decimals (the constant one of 64 nodes is
0.125), where the last bit would decide between 0.12 and 0.13 and differ from one numbering of a graph to the next."""
MAX_FRAMES = 120
_ASYMMETRY = 1e-6  # of computed weights, relative to the largest


@dataclass(frozen=True)
class NodeOrder:
    """Nodes of B graphs in sorted order, and where runs of equal rows begin: all that a sorting frame depends on.

    Attributes
    ----------
    order : node at each place.
    starts : whether a place begins a new run; a frame permutes the nodes of each run among themselves.
    """

    order: Int[Tensor, "B n"]
    starts: Bool[Tensor, "B n"]

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Number of elements of each graph's frame: the product of the factorials of its runs."""
        return np.array([math.prod(map(math.factorial, _runs(row)), start=1.0) for row in self.starts.tolist()])


def sort_frames(
    adjacency: Float[Tensor, "n n"],
    x: Float[Tensor, "n c"] | None = None,
    *,
    max_frames: int = MAX_FRAMES,
    sample: int | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "F n"]:
    """Give the frame of a graph under renumbering: the permutations of its nodes that sort them.

    The Laplacian L = D - A gives each node a row of S: for each eigenvalue, the length of the node's projection onto
    its eigenspace, ``sqrt(sum of v² over an orthonormal basis)``, whatever basis that is. Rows, rounded to two
    decimals, are sorted lexicographically, smallest eigenvalue first; node features `x`, if given, break ties. The
    frame is every way to do so: one sorting, times all permutations within runs of equal rows. Renumbering the graph
    renumbers its frame. O(n³) and the size of the frame, at least the graph's number of automorphisms.

    Parameters
    ----------
    adjacency : symmetric, weights allowed.
    x : node features.
    max_frames : largest frame to enumerate.
    sample : draw that many elements at random (with replacement) in place of the whole frame. The average over a
        sample is invariant in expectation only.
    generator : of the sample.

    Returns
    -------
    Tensor
        Permutations; ``adjacency[p][:, p]`` is the graph renumbered by one of them.

    Raises
    ------
    InvalidInputError
        If the adjacency is not a symmetric, finite square matrix, or the frame is larger than `max_frames` and no
        `sample` is asked for. Vertex-transitive graphs are such: all rows of S are equal, and the frame is all n!
        permutations.

    Notes
    -----
    The authors' code groups eigenvalues by exact equality of float32 numbers, so that a double eigenvalue which
    rounding splits gives columns that depend on the numbering. Here eigenvalues within 1e-5 of the largest count as
    equal, and all is done in float64; and entries that lie halfway between two decimals round up, whatever their last
    bit.

    References
    ----------
    Puny et al. (2022), arXiv:2110.03336, sections 3.2 and 5.2.

    Examples
    --------
    The path of three nodes may be read from either end; the complete graph in any order:

    >>> import torch
    >>> sort_frames(torch.tensor([[0., 1, 0], [1, 0, 1], [0, 1, 0]])).shape
    torch.Size([2, 3])
    >>> sort_frames(1 - torch.eye(4)).shape
    torch.Size([24, 4])
    """
    if adjacency.ndim != 2:
        raise InvalidInputError(f"sort_frames takes one graph, (n, n); got shape {tuple(adjacency.shape)}.")
    nodes = node_order(adjacency[None], None if x is None else x[None])
    if sample is not None:
        return sample_frames(nodes, sample, generator)[0]
    return enumerate_frames(nodes, max_frames=max_frames)[0]


def node_order(
    adjacency: Float[Tensor, "B n n"],
    x: Float[Tensor, "B n c"] | None = None,
    *,
    mask: Bool[Tensor, "B n"] | None = None,
) -> NodeOrder:
    """Sort the nodes of B graphs at once; see `sort_frames`. Padding (where `mask` is False) comes last, in order."""
    _check_graphs(adjacency)
    weights = adjacency.double()
    values, vectors = torch.linalg.eigh(torch.diag_embed(weights.sum(-1)) - weights)
    apart = values.diff(dim=-1) > EIGENVALUE_TOLERANCE * values.abs().amax(-1, keepdim=True)
    eigenspace = torch.nn.functional.pad(apart.long().cumsum(-1), (1, 0))
    squared = torch.zeros_like(vectors).scatter_add_(-1, eigenspace[:, None, :].expand_as(vectors), vectors.square())
    keys = torch.round(squared.sqrt() + _ROUNDING_SHIFT, decimals=DECIMALS)
    if x is not None:
        keys = torch.cat([keys, x.double()], dim=-1)
    if mask is not None:
        keys = torch.cat([(~mask)[..., None].double(), keys], dim=-1)
    order = torch.arange(keys.shape[1], device=keys.device).expand(keys.shape[:2])
    for column in reversed(range(keys.shape[2])):
        order = order.gather(1, keys[..., column].gather(1, order).argsort(dim=1, stable=True))
    rows = keys.gather(1, order[..., None].expand(keys.shape))
    starts = torch.nn.functional.pad((rows.diff(dim=1) != 0).any(-1), (1, 0), value=True)
    if mask is not None:
        starts = starts | ~mask.gather(1, order)
    return NodeOrder(order, starts)


def enumerate_frames(nodes: NodeOrder, *, max_frames: int = MAX_FRAMES) -> list[Int[Tensor, "F n"]]:
    """Give the whole frame of each graph; see `sort_frames`."""
    sizes = nodes.sizes
    if (large := sizes > max_frames).any():
        which = int(large.argmax())
        raise InvalidInputError(
            f"The frame of graph {which} has {sizes[which]:.0f} permutations, more than max_frames={max_frames}. "
            "Raise max_frames, or give `sample` to average over that many of them at random."
        )
    return [
        order[torch.from_numpy(_run_permutations(_runs(starts))).to(order.device)]
        for order, starts in zip(nodes.order, nodes.starts.tolist(), strict=True)
    ]


def sample_frames(nodes: NodeOrder, sample: int, generator: torch.Generator | None) -> Int[Tensor, "B k n"]:
    """Draw `sample` elements of each graph's frame, uniformly and with replacement."""
    if sample < 1 or generator is None:
        raise InvalidInputError(f"Sampling needs a generator and a positive `sample`; got sample={sample}.")
    graphs, n = nodes.order.shape
    run = nodes.starts.long().cumsum(1)
    noise = torch.rand(graphs, sample, n, generator=generator, dtype=torch.float64, device=generator.device)
    places = (run[:, None, :] + noise.to(run.device)).argsort(-1)
    return nodes.order[:, None, :].expand(-1, sample, -1).gather(2, places)


def _runs(starts: list[bool]) -> tuple[int, ...]:
    """Turn begin-of-run flags into the lengths of the runs."""
    begins = [place for place, start in enumerate(starts) if start]
    return tuple(np.diff([*begins, len(starts)]).tolist())


@lru_cache(maxsize=256)
def _run_permutations(runs: tuple[int, ...]) -> NDArray[np.int64]:
    """All permutations of places that keep every run in place, (product of factorials, n)."""
    offsets = np.cumsum([0, *runs[:-1]])
    within = [
        offset + np.array(list(permutations(range(run))), dtype=np.int64)
        for offset, run in zip(offsets, runs, strict=True)
    ]
    choices = np.array(list(product(*(range(len(block)) for block in within))), dtype=np.int64)
    return np.concatenate([block[choices[:, k]] for k, block in enumerate(within)], axis=1)


def _check_graphs(adjacency: Tensor) -> None:
    if adjacency.ndim != 3 or adjacency.shape[1] != adjacency.shape[2] or adjacency.shape[1] == 0:
        raise InvalidInputError(f"Adjacencies must be square, (B, n, n); got shape {tuple(adjacency.shape)}.")
    if not bool(torch.isfinite(adjacency).all()):
        raise InvalidInputError("An adjacency contains NaN or infinite values.")
    if not torch.allclose(adjacency, adjacency.mT, atol=_ASYMMETRY * float(adjacency.abs().max())):
        raise InvalidInputError("An adjacency is not symmetric: the frame is defined for undirected graphs.")

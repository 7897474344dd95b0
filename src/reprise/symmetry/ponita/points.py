"""The networks without a grid: PNITA on positions, EdgePONITA on edges."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.graph import segment_mean
from reprise.nn.linalg import safe_norm
from reprise.symmetry.ponita.convolution import PointConv
from reprise.symmetry.ponita.invariants import oriented_pair_invariants
from reprise.symmetry.ponita.trunk import ConvolutionalTrunk, Outputs, Task


class PNITA(ConvolutionalTrunk):
    """Predict scalars of points, or of clouds, invariantly: the same network without orientations.

    Features live on positions, (N, C), and the only invariant of an edge is its length: exact under E(d), but blind
    to angles within a layer. With `task` ``"graph"``, scalars are energies and their negative gradients forces, which
    are equivariant vectors. O(E (k C L + k H) + N 8 C² L).

    Parameters and errors are those of `PONITA`.

    References
    ----------
    Bekkers et al. (2024), arXiv:2310.02970; PNITA is ``num_ori=0`` in github.com/ebekkers/ponita.

    Examples
    --------
    >>> import torch
    >>> energy = PNITA(scalar_in=1, hidden=16, layers=2, basis=8, task="graph")
    >>> energy(torch.randn(4, 5, 3), torch.ones(4, 5, 1)).shape
    torch.Size([4, 1])
    """

    def __init__(
        self,
        scalar_in: int,
        hidden: int = 128,
        scalar_out: int = 1,
        layers: int = 5,
        basis: int = 256,
        degree: int = 3,
        widening: int = 4,
        layer_scale: float | None = 1e-6,
        radius: float | None = None,
        task: Task = "node",
        multiple_readouts: bool = True,
        dim: int = 3,
    ):
        super().__init__(
            PointConv,
            scalar_in=scalar_in,
            vector_in=0,
            scalar_out=scalar_out,
            vector_out=0,
            hidden=hidden,
            layers=layers,
            basis=basis,
            degree=degree,
            invariants=1,
            widening=widening,
            layer_scale=layer_scale,
            radius=radius,
            task=task,
            multiple_readouts=multiple_readouts,
            dim=dim,
        )

    def forward(
        self,
        pos: Float[Tensor, "*points d"] | Any,
        scalars: Float[Tensor, "*points s"] | None = None,
        edge_index: Int[Tensor, "2 E"] | None = None,
        batch: Int[Tensor, " N"] | None = None,
    ) -> Float[Tensor, "*rows scalar_out"]:
        """Predict scalars; inputs as in `PONITA.forward`, without vectors."""
        clouds = self._clouds(pos, scalars, None, edge_index, batch)
        source, target = clouds.edge_index
        distance = safe_norm(clouds.pos.index_select(0, source) - clouds.pos.index_select(0, target))
        basis, loop_basis = self._spatial_basis(distance[:, None], distance)
        assert clouds.scalars is not None  # a network without scalars is not made
        answers, none = self._run(clouds.scalars, clouds.edge_index, basis, loop_basis)
        result = self._give(answers, none, clouds)[0]
        assert result is not None
        return result


class EdgePONITA(ConvolutionalTrunk):
    """Predict scalars and vectors exactly equivariantly, with the edges' own directions for orientations.

    Each edge from j to i becomes a point with position p_i and orientation towards p_j; two such points are joined
    where their positions are, or coincide. Vectors are lifted by their components along the orientation; answers are
    means over the edges that arrive at a node (zero where none does). No grid, so rotations are exact; the price is
    Σ over edges (i, j) of |N(i)| |N(j)| pairs, for sparse graphs (molecules by their bonds).

    Parameters and errors are those of `PONITA`, without a grid, and

    Parameters
    ----------
    complete : add the invariants that the paper's three lack (`oriented_pair_invariants`): in space the network then
        tells mirror images apart, and its symmetry is SE(3) in place of E(3).

    References
    ----------
    Bekkers et al. (2024), arXiv:2310.02970; this is ``num_ori=-1`` in github.com/ebekkers/ponita.

    Examples
    --------
    >>> import torch
    >>> model = EdgePONITA(scalar_in=1, hidden=16, layers=2, basis=8)
    >>> ring = torch.tensor([[0, 1, 2, 3, 1, 2, 3, 0], [1, 2, 3, 0, 0, 1, 2, 3]])
    >>> scalars, _ = model(torch.randn(4, 3), torch.ones(4, 1), edge_index=ring)
    >>> scalars.shape
    torch.Size([4, 1])
    """

    def __init__(
        self,
        scalar_in: int,
        vector_in: int = 0,
        hidden: int = 128,
        scalar_out: int = 1,
        vector_out: int = 0,
        layers: int = 5,
        basis: int = 256,
        degree: int = 3,
        widening: int = 4,
        layer_scale: float | None = 1e-6,
        radius: float | None = None,
        task: Task = "node",
        multiple_readouts: bool = True,
        dim: int = 3,
        *,
        complete: bool = False,
    ):
        super().__init__(
            PointConv,
            scalar_in=scalar_in,
            vector_in=vector_in,
            scalar_out=scalar_out,
            vector_out=vector_out,
            hidden=hidden,
            layers=layers,
            basis=basis,
            degree=degree,
            invariants={2: 4, 3: 5}.get(dim, 3) if complete else 3,
            widening=widening,
            layer_scale=layer_scale,
            radius=radius,
            task=task,
            multiple_readouts=multiple_readouts,
            dim=dim,
        )
        self.complete = complete

    def forward(
        self,
        pos: Float[Tensor, "*points d"] | Any,
        scalars: Float[Tensor, "*points s"] | None = None,
        vectors: Float[Tensor, "*points v d"] | None = None,
        edge_index: Int[Tensor, "2 E"] | None = None,
        batch: Int[Tensor, " N"] | None = None,
    ) -> Outputs:
        """Predict scalars and vectors; inputs and outputs as in `PONITA.forward`.

        Raises
        ------
        InvalidInputError
            Also if the two ends of an edge coincide, which gives no direction.
        """
        clouds = self._clouds(pos, scalars, vectors, edge_index, batch)
        source, target = clouds.edge_index
        offset = clouds.pos.index_select(0, source) - clouds.pos.index_select(0, target)
        length = safe_norm(offset)
        if bool((length == 0).any()):
            raise InvalidInputError("Two joined points coincide: the edge between them has no direction.")
        towards = offset / length[:, None]
        base = clouds.pos.index_select(0, target)
        pairs = lift_edges(clouds.edge_index, len(clouds.pos))
        invariants = oriented_pair_invariants(base, towards, pairs, complete=self.complete)
        basis, _ = self._spatial_basis(invariants, safe_norm(base[pairs[0]] - base[pairs[1]]))
        parts = [] if clouds.scalars is None else [clouds.scalars.index_select(0, target)]
        if clouds.vectors is not None:
            parts.append((clouds.vectors.index_select(0, target) * towards[:, None]).sum(-1))
        on_edges, along_edges = self._run(torch.cat(parts, dim=-1), pairs, basis)
        nodes = len(clouds.pos)
        answers = segment_mean(along_edges[..., None] * towards[:, None], target, nodes)
        return self._give(segment_mean(on_edges, target, nodes), answers, clouds)


def lift_edges(edge_index: Int[Tensor, "2 E"], nodes: int) -> Int[Tensor, "2 P"]:
    """Join edges into a graph of their own: edge a acts on edge b if a's target is b's, or sends to b's.

    Examples
    --------
    A path 0 → 1 → 2: each edge acts on itself, and the first on the second.

    >>> import torch
    >>> lift_edges(torch.tensor([[0, 1], [1, 2]]), 3).tolist()
    [[0, 1, 0], [0, 1, 1]]
    """
    source, target = edge_index
    device = edge_index.device
    arriving = target.argsort(stable=True)  # the edges that arrive at each node in turn
    degree = torch.bincount(target, minlength=nodes)
    first = degree.cumsum(0) - degree
    loops = torch.arange(nodes, device=device)
    sender, receiver = torch.cat([loops, source]), torch.cat([loops, target])
    pairs = degree[sender] * degree[receiver]
    joined = torch.arange(len(sender), device=device).repeat_interleave(pairs)
    place = torch.arange(len(joined), device=device) - (pairs.cumsum(0) - pairs)[joined]
    sender, receiver = sender[joined], receiver[joined]
    width = degree[receiver]
    lifted = torch.stack([first[sender] + place // width, first[receiver] + place % width])
    return arriving[lifted]

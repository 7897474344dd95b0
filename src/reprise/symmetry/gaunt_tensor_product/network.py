"""An equivariant network of points made of Gaunt products, or of Clebsch-Gordan products in their place."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import complete_graphs, complete_systems
from reprise.nn.point_graphs import point_graph
from reprise.symmetry.gaunt_tensor_product.layout import check_degree, size_of
from reprise.symmetry.gaunt_tensor_product.message import GauntMessageLayer, Product


class GauntNetwork(nn.Module):
    """Predict scalars and vectors of points from their positions, scalars and vectors, equivariantly to E(3).

    Scalars and vectors are mixed linearly into `channels` features of degrees 0 and 1; `layers` of `GauntMessageLayer`
    follow; scalars are read from degree 0 by a small network, vectors from degree 1 linearly, plus the given vectors
    times learned functions of the scalars. An edge's invariants are its length, `basis` Gaussians of it, and
    `edge_attr`. O(L³ C + L² C²) an edge and node with Gaunt products.

    Parameters
    ----------
    scalar_in, vector_in : features given at each point; at least one scalar.
    scalar_out, vector_out : answers at each point.
    channels, lmax, layers : sizes.
    edge_dim : invariants given for each edge.
    basis, reach : number of Gaussians of an edge's length, evenly between 0 and `reach`.
    product, odd_paths : as in `GauntMessageLayer`.

    Raises
    ------
    InvalidInputError
        If a size is impossible, inputs do not fit, or two joined points coincide.
    UnknownNameError
        If there is no such product.

    References
    ----------
    Luo, Chen, Krishnapriyan (2024), arXiv:2401.10216.

    Examples
    --------
    >>> import torch
    >>> network = GauntNetwork(scalar_in=1, vector_in=1, scalar_out=0, vector_out=1, channels=8, layers=2)
    >>> position, velocity = torch.randn(2, 4, 5, 3)
    >>> scalars, vectors = network(position, torch.ones(4, 5, 1), velocity[..., None, :])
    >>> vectors.shape
    torch.Size([4, 5, 1, 3])
    """

    centres: Tensor

    def __init__(
        self,
        scalar_in: int,
        vector_in: int = 0,
        scalar_out: int = 1,
        vector_out: int = 0,
        channels: int = 16,
        lmax: int = 2,
        layers: int = 3,
        edge_dim: int = 0,
        basis: int = 8,
        reach: float = 5.0,
        product: Product = "gaunt",
        *,
        odd_paths: bool = False,
    ):
        super().__init__()
        if check_degree(lmax) < 1:
            raise InvalidInputError("lmax must be at least 1, for vectors; got 0.")
        if scalar_in < 1 or min(vector_in, scalar_out, vector_out, edge_dim) < 0 or scalar_out + vector_out < 1:
            raise InvalidInputError(
                "The network takes at least one scalar a point and gives at least one answer, no number negative; got "
                f"scalar_in={scalar_in}, vector_in={vector_in}, scalar_out={scalar_out}, vector_out={vector_out}, "
                f"edge_dim={edge_dim}."
            )
        if layers < 1 or basis < 2 or not reach > 0:
            raise InvalidInputError(
                f"layers must be at least 1, basis at least 2 and reach positive; got {layers}, {basis} and {reach}."
            )
        self.scalar_in, self.vector_in, self.edge_dim, self.lmax = scalar_in, vector_in, edge_dim, lmax
        self.embed_scalars = nn.Linear(scalar_in, channels)
        self.embed_vectors = nn.Linear(vector_in, channels, bias=False) if vector_in else None
        self.layers = nn.ModuleList(
            GauntMessageLayer(channels, lmax, 1 + basis + edge_dim, product, odd_paths=odd_paths) for _ in range(layers)
        )
        read = scalar_out + vector_in * vector_out
        self.read_scalars = (
            nn.Sequential(nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, read)) if read else None
        )
        self.read_vectors = nn.Linear(channels, vector_out, bias=False) if vector_out else None
        self.scalar_out, self.vector_out = scalar_out, vector_out
        self.register_buffer("centres", torch.linspace(0, reach, basis))

    def forward(
        self,
        pos: Float[Tensor, "*points 3"] | Any,
        scalars: Float[Tensor, "*points s"] | None = None,
        vectors: Float[Tensor, "*points v 3"] | None = None,
        edge_index: Int[Tensor, "2 E"] | None = None,
        edge_attr: Float[Tensor, "*edges e"] | None = None,
    ) -> tuple[Float[Tensor, "*answers scalar_out"], Float[Tensor, "*answers vector_out 3"]]:
        """Predict, for clouds (B, n, 3) whose points all see each other, or packed points (N, 3) with `edge_index`.

        Edges of clouds are numbered as `reprise.nn.graph.complete_edges` does, in `edge_attr` too: (B, n (n - 1), e).
        A torch-geometric graph or batch may be given alone: its `pos`, `x` (scalars), `vec` (vectors), `edge_index`
        and `edge_attr`; without edges all points of a graph see each other.
        """
        if not isinstance(pos, Tensor):
            if any(value is not None for value in (scalars, vectors, edge_index, edge_attr)):
                raise InvalidInputError("A torch-geometric graph holds all inputs; give it alone.")
            pos, scalars, vectors, edge_index, edge_attr, batch = point_graph(pos)
            if edge_index is None:
                edge_index = complete_graphs(pos.new_zeros(len(pos), dtype=torch.long) if batch is None else batch)
        if scalars is None:
            raise InvalidInputError(f"The network takes {self.scalar_in} scalars a point and got none.")
        shape = self._check(pos, scalars, vectors, edge_index, edge_attr)
        if edge_index is None:
            edge_index, _ = complete_systems(pos.shape[0], pos.shape[1], device=pos.device)
        packed, nodes = pos.reshape(-1, 3), shape.numel()
        offset = packed.index_select(0, edge_index[0]) - packed.index_select(0, edge_index[1])
        first = self.layers[0]
        assert isinstance(first, GauntMessageLayer)
        geometry = first.geometry(offset)
        length = torch.linalg.vector_norm(offset, dim=-1, keepdim=True)
        nearness = (-((length - self.centres) / (self.centres[1] - self.centres[0])).square()).exp()
        given = [] if edge_attr is None else [edge_attr.reshape(len(offset), -1)]
        invariants = torch.cat([length, nearness, *given], dim=-1)
        h = self._embed(scalars.reshape(nodes, -1), None if vectors is None else vectors.reshape(nodes, -1, 3))
        for layer in self.layers:
            h = layer(h, geometry, invariants, edge_index)
        read = h.new_zeros(nodes, 0) if self.read_scalars is None else self.read_scalars(h[..., 0])
        answers = read.new_zeros(nodes, 0, 3)
        if self.read_vectors is not None:
            answers = self.read_vectors(h[..., 1:4].mT).mT
            if vectors is not None:
                answers = answers + read[:, self.scalar_out :].unflatten(-1, (-1, self.vector_in)) @ vectors.reshape(
                    nodes, -1, 3
                )
        return read[:, : self.scalar_out].reshape(*shape, -1), answers.reshape(*shape, self.vector_out, 3)

    def _embed(self, scalars: Tensor, vectors: Tensor | None) -> Tensor:
        parts = [self.embed_scalars(scalars)[..., None]]
        if vectors is not None and self.embed_vectors is not None:
            parts.append(self.embed_vectors(vectors.mT).mT)
        h = torch.cat(parts, dim=-1)
        return nn.functional.pad(h, (0, size_of(self.lmax) - h.shape[-1]))

    def _check(
        self, pos: Tensor, scalars: Tensor, vectors: Tensor | None, edge_index: Tensor | None, edge_attr: Tensor | None
    ) -> torch.Size:
        dense = edge_index is None
        if pos.shape[-1:] != (3,) or pos.ndim != (3 if dense else 2):
            expected = "(B, n, 3) without edge_index" if dense else "(N, 3) with edge_index"
            raise InvalidInputError(f"Positions have shape {expected}; got {tuple(pos.shape)}.")
        shape = pos.shape[:-1]
        if scalars.shape != (*shape, self.scalar_in):
            raise InvalidInputError(f"scalars must have shape {(*shape, self.scalar_in)}; got {tuple(scalars.shape)}.")
        wanted = (*shape, self.vector_in, 3) if self.vector_in else None
        given = None if vectors is None else tuple(vectors.shape)
        if given != wanted:
            raise InvalidInputError(f"vectors must be {wanted or None}, by vector_in; got {given}.")
        if edge_index is not None:
            whole = not edge_index.is_floating_point() and edge_index.dtype != torch.bool
            if edge_index.ndim != 2 or len(edge_index) != 2 or not whole:
                raise InvalidInputError(
                    f"edge_index must be whole numbers (2, E); got {tuple(edge_index.shape)} of {edge_index.dtype}."
                )
            if edge_index.numel() and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < len(pos):
                raise InvalidInputError(
                    f"edge_index names points from {int(edge_index.min())} to {int(edge_index.max())}; there are "
                    f"{len(pos)}, from 0."
                )
        edges = edge_index.shape[1] if edge_index is not None else pos.shape[0] * pos.shape[1] * (pos.shape[1] - 1)
        numbers = 0 if edge_attr is None else edge_attr.numel()
        if numbers != edges * self.edge_dim:
            raise InvalidInputError(
                f"edge_attr must hold {self.edge_dim} numbers for each of {edges} edges; got {numbers} numbers."
            )
        return shape

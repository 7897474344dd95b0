"""PONITA: features on a grid of orientations at every point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.linalg import random_rotations, safe_norm
from reprise.symmetry.ponita.clouds import Clouds
from reprise.symmetry.ponita.convolution import FiberBundleConv, KernelBasis
from reprise.symmetry.ponita.invariants import fibre_invariants, spatial_invariants
from reprise.symmetry.ponita.orientations import GridMethod, mirrored_order, orientation_grid
from reprise.symmetry.ponita.trunk import ConvolutionalTrunk, Outputs, Task


class PONITA(ConvolutionalTrunk):
    r"""Predict scalars and vectors of points, or of whole clouds, equivariantly to rigid motions.

    Features live on positions and orientations: each point has C of them for each direction of a grid that all points
    share, x of shape (N, O, C). Scalars are lifted as constants over the grid, a vector v as $v \cdot o_a$; blocks
    convolve over points and grid (`FiberBundleConv` in a `ConvNeXtBlock`) with kernels that depend on invariants only
    (`position_orientation_invariants`). The answers are means over the grid: of a channel for a scalar, of a channel
    times $o_a$ for a vector (so lifting and reading a vector gives v / d).

    Translations and the numbering of points are exact. Rotations are up to the resolution of the grid, and exact for
    those that map it onto itself (60 for the polyhedra, each with the reflection through the centre for
    the icosahedron and the dodecahedron; O for O directions in the plane). Without regard to the grid the symmetry is
    E(3) in space, so that mirror images look alike, and SE(2) in the plane. Frame averaging (`FrameAveraging` around
    this network, in evaluation mode) makes rotations exact too.

    Cost: O(E O (k C L + k H) + N O C (O + 8 C) L) for E edges, L layers, k = `basis`, H = C = `hidden`. Where edges
    are not given, all pairs or those within `radius` are joined, and where the grid holds opposite pairs too, an
    edge and its reverse share one kernel: half of the first term.

    Parameters
    ----------
    scalar_in, vector_in : scalars and vectors a point. At least one channel is needed.
    hidden, layers : width C and number L of blocks.
    scalar_out, vector_out : scalars and vectors to predict.
    num_ori : directions O of the grid; 12 for the icosahedron, 20 for the dodecahedron.
    basis, degree : functions that all layers' kernels are made of, and degree of the polynomials these start from.
    widening, layer_scale : of the blocks.
    radius : beyond it points do not act on each other, and approaching it they fade out; None for no limit.
    task : ``"node"`` for predictions of each point, ``"graph"`` for their sums over each cloud.
    multiple_readouts : average predictions read from all blocks, or read the last alone.
    dim : 2 or 3.
    grid : ``"repulsion"``, ``"fibonacci"``, ``"icosahedron"`` or ``"dodecahedron"``, see `orientation_grid`.
    signed : in the plane, tell the angle between two orientations from its negative, which the authors do not.
    random_pose : while training, turn each cloud at random before the grid sees it and its answers back, so that the
        network learns to be equivariant between the directions of the grid (draws from torch's global generator).
    seed : of the grid.

    Raises
    ------
    InvalidInputError
        At construction for impossible settings; in `forward` for inputs that do not fit them.

    References
    ----------
    Bekkers, Vadgama, Hesselink, van der Linden, Romero (2024), Fast, Expressive SE(n) Equivariant Networks through
    Weight-Sharing in Position-Orientation Space, ICLR, arXiv:2310.02970; github.com/ebekkers/ponita.

    Examples
    --------
    Charges and velocities of 4 systems of 5 particles each; how far each particle goes:

    >>> import torch
    >>> model = PONITA(scalar_in=1, vector_in=1, hidden=16, scalar_out=0, vector_out=1, layers=2, basis=8)
    >>> position, velocity, charge = torch.randn(4, 5, 3), torch.randn(4, 5, 1, 3), torch.ones(4, 5, 1)
    >>> _, shift = model(position, charge, velocity)
    >>> shift.shape
    torch.Size([4, 5, 1, 3])
    """

    grid: Float[Tensor, "O d"]

    def __init__(
        self,
        scalar_in: int,
        vector_in: int = 0,
        hidden: int = 128,
        scalar_out: int = 1,
        vector_out: int = 0,
        layers: int = 5,
        num_ori: int = 16,
        basis: int = 256,
        degree: int = 3,
        widening: int = 4,
        layer_scale: float | None = 1e-6,
        radius: float | None = None,
        task: Task = "node",
        multiple_readouts: bool = True,
        dim: int = 3,
        grid: GridMethod = "repulsion",
        *,
        signed: bool = False,
        random_pose: bool = True,
        seed: int = 0,
    ):
        if num_ori < 1:
            raise InvalidInputError(
                f"num_ori counts directions and must be at least 1; got {num_ori}. Without orientations there is PNITA "
                "(scalars only), with those of the edges EdgePONITA."
            )
        super().__init__(
            FiberBundleConv,
            scalar_in=scalar_in,
            vector_in=vector_in,
            scalar_out=scalar_out,
            vector_out=vector_out,
            hidden=hidden,
            layers=layers,
            basis=basis,
            degree=degree,
            invariants=2,
            widening=widening,
            layer_scale=layer_scale,
            radius=radius,
            task=task,
            multiple_readouts=multiple_readouts,
            dim=dim,
        )
        self.signed, self.random_pose = signed, random_pose
        directions = orientation_grid(num_ori, dim, grid, seed=seed)
        order = mirrored_order(directions)
        directions = directions if order is None else directions[order]
        self.fibre_basis = KernelBasis(fibre_invariants(directions, signed=signed).shape[-1], hidden, basis, degree)
        self.register_buffer("grid", directions.to(self.embed.weight.dtype), persistent=False)
        self._directions = directions
        self._mirrored = order is not None

    def forward(
        self,
        pos: Float[Tensor, "*points d"] | Any,
        scalars: Float[Tensor, "*points s"] | None = None,
        vectors: Float[Tensor, "*points v d"] | None = None,
        edge_index: Int[Tensor, "2 E"] | None = None,
        batch: Int[Tensor, " N"] | None = None,
    ) -> Outputs:
        """Predict scalars (..., scalar_out) and vectors (..., vector_out, d); None where there is no such channel.

        Parameters
        ----------
        pos : packed (N, d) or, for clouds of one size, dense (B, n, d); or a torch-geometric graph or batch alone,
            with attributes `pos`, `x` (scalars), `vec` (vectors), `edge_index` and `batch`.
        scalars, vectors : features of the points, (..., scalar_in) and (..., vector_in, d).
        edge_index : senders and receivers (packed only). Each point always sends to itself, once; a repeated edge
            counts as often as it is given.
        batch : the cloud of each point (packed only); one cloud by default.
        """
        clouds = self._clouds(pos, scalars, vectors, edge_index, batch)
        turn = self._pose(clouds)
        mirrored = clouds.undirected and self._mirrored
        edges = clouds.edge_index
        if mirrored:
            edges = edges[:, edges[0] < edges[1]]
        source, target = edges
        offset = clouds.pos.index_select(0, source) - clouds.pos.index_select(0, target)
        distance = safe_norm(offset) if self.cutoff.radius is not None else offset
        towards = clouds.vectors
        if turn is not None:
            offset = torch.einsum("eij,ej->ei", turn[clouds.batch[target]], offset)
            towards = None if towards is None else torch.einsum("nij,nvj->nvi", turn[clouds.batch], towards)
        basis, loop_basis = self._spatial_basis(spatial_invariants(offset, self.grid), distance)
        fibre_basis = self.fibre_basis(fibre_invariants(self.grid, signed=self.signed))
        x = self._lift(clouds.scalars, towards)
        on_grid, along_grid = self._run(x, edges, basis, fibre_basis, loop_basis, mirrored=mirrored)
        answers = torch.einsum("nav,ad->nvd", along_grid, self.grid) / len(self.grid)
        if turn is not None:
            answers = torch.einsum("nji,nvj->nvi", turn[clouds.batch], answers)
        return self._give(on_grid.mean(1), answers, clouds)

    def get_extra_state(self) -> Float[Tensor, "O d"]:
        """Give the grid in float64, as the state dict keeps it."""
        return self._directions

    def set_extra_state(self, state: Float[Tensor, "O d"]) -> None:
        """Take over the grid of a state dict.

        Raises
        ------
        InvalidInputError
            If it has another number of directions.
        """
        if state.shape != self._directions.shape:
            raise InvalidInputError(
                f"The state is of a network with a grid of shape {tuple(state.shape)}; this one has "
                f"{tuple(self._directions.shape)}."
            )
        self._directions = state.detach().double().cpu()
        self._mirrored = bool((self._directions + self._directions.roll(len(state) // 2, 0)).abs().max() < 1e-6)
        self.grid = self._directions.to(self.grid)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PONITA:
        """Move or convert; the grid from its float64 original, whose symmetry a rounded one would lose."""
        super()._apply(fn, recurse)
        self.grid = self._directions.to(self.grid)
        return self

    def _lift(self, scalars: Tensor | None, vectors: Tensor | None) -> Float[Tensor, "N O c"]:
        parts = []
        if scalars is not None:
            parts.append(scalars[:, None].expand(-1, len(self.grid), -1))
        if vectors is not None:
            parts.append(torch.einsum("nvd,ad->nav", vectors, self.grid))
        return torch.cat(parts, dim=-1)

    def _pose(self, clouds: Clouds) -> Float[Tensor, "B d d"] | None:
        if not (self.training and self.random_pose):
            return None
        like = clouds.pos
        return random_rotations(self.dim, clouds.count, torch.default_generator, dtype=like.dtype, device=like.device)

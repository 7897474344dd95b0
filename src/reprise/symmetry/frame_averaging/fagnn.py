"""FA-GNN: message passing in frames, with a new frame between layers, for moving particles."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import MessageLayer, complete_systems, segment_mean, segment_sum
from reprise.symmetry.frame_averaging.pca import Degenerate, Frames, euclidean_group, frames_of_scatter, pca_frames


class FAGNN(nn.Module):
    """Predict where particles go, equivariant to rigid motions (and reflections): the paper's n-body network.

    Positions and vectors (velocities) of each particle, expressed in every frame of the positions, are embedded
    linearly and pass through message layers, the frames side by side in one batch. Between layers the `hidden`
    numbers of a particle are read as hidden / d vectors, taken back from the frames and averaged: these are
    equivariant features. The principal axes of all such vectors of a system give its next frames, in which they are
    expressed anew. A two-layer decoder gives one vector a particle, which goes back through the last frames, averaged,
    to the centre of the input. Exact up to rounding, and invariant to the numbering of particles.

    Cost: 2^d (2^(d-1) without reflections) times that of the plain network beside one d x d eigen-decomposition a
    system and layer.

    Parameters
    ----------
    in_vectors : vectors a particle, the position among them: 2 for position and velocity.
    edge_dim : invariant features an edge, such as the product of charges and the squared distance; 0 for none.
    hidden : width of the layers, a multiple of the dimension.
    layers : number of message layers.
    group : ``"E3"`` as in the paper, or ``"SE3"``, ``"E2"``, ...
    degenerate : what happens where two principal axes of the *input* have equal variance, as in `pca_frames`; the
        frames between layers never warn.

    Raises
    ------
    InvalidInputError
        At construction for an unknown group, a group without translations, or sizes that do not fit; in `forward` for
        inputs whose shapes do not match, or that `pca_frames` refuses.

    References
    ----------
    Puny et al. (2022), arXiv:2110.03336, section 5.3 and appendix; github.com/omri1348/Frame-Averaging,
    nbody/n_body_system/model_FA.py. As there, axes are constants in the gradient while centres are not, and the
    centre of the latent vectors is not added back.

    Examples
    --------
    >>> import torch
    >>> model = FAGNN(edge_dim=1)
    >>> position, velocity = torch.randn(2, 4, 5, 3)
    >>> model(position, velocity, edge_attr=torch.randn(4, 20, 1)).shape
    torch.Size([4, 5, 3])
    """

    def __init__(
        self,
        in_vectors: int = 2,
        edge_dim: int = 2,
        hidden: int = 60,
        layers: int = 4,
        *,
        group: str = "E3",
        degenerate: Degenerate = "warn",
    ):
        super().__init__()
        self.group = euclidean_group(group)
        dim = self.group.dim
        if not self.group.translations:
            raise InvalidInputError(
                f"FAGNN predicts positions and needs a group with translations (E, SE); got {group!r}."
            )
        if hidden < dim or hidden % dim:
            raise InvalidInputError(f"hidden must be a multiple of the dimension {dim}; got {hidden}.")
        if in_vectors < 1 or edge_dim < 0 or layers < 1:
            raise InvalidInputError(
                f"in_vectors and layers must be positive and edge_dim not negative; got in_vectors={in_vectors}, "
                f"layers={layers}, edge_dim={edge_dim}."
            )
        self.in_vectors = in_vectors
        self.edge_dim = edge_dim
        self.degenerate: Degenerate = degenerate
        self.embed = nn.Linear(in_vectors * dim, hidden)
        self.layers = nn.ModuleList(MessageLayer(hidden, edge_dim) for _ in range(layers))
        self.decode = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, dim))

    def forward(
        self,
        position: Float[Tensor, "*points d"],
        *vectors: Float[Tensor, "*points d"],
        edge_attr: Float[Tensor, "*edges e"] | None = None,
        edge_index: Int[Tensor, "2 E"] | None = None,
        batch: Int[Tensor, " N"] | None = None,
    ) -> Float[Tensor, "*points d"]:
        """Predict positions.

        Parameters
        ----------
        position, vectors : dense, (B, n, d), for systems in which every particle acts on every other; or packed,
            (N, d), beside `edge_index`.
        edge_attr : dense (B, n(n - 1), e) in the order of `reprise.nn.graph.complete_edges`, packed (E, e).
        edge_index, batch : edges, and the system of each particle (one system by default).
        """
        shape = position.shape
        self._check(position, vectors, edge_attr)
        if edge_index is None:
            if position.ndim != 3:
                raise InvalidInputError(f"Without edge_index, positions must be (B, n, d); got {tuple(shape)}.")
            edge_index, batch = complete_systems(shape[0], shape[1], device=position.device)
            edge_attr = None if edge_attr is None else edge_attr.flatten(0, 1)
        elif batch is None:
            batch = torch.zeros(len(position), dtype=torch.long, device=position.device)
        if edge_attr is not None and len(edge_attr) != edge_index.shape[1]:
            raise InvalidInputError(f"There are {edge_index.shape[1]} edges but edge_attr has {len(edge_attr)} rows.")
        packed = [value.reshape(-1, shape[-1]) for value in (position, *vectors)]
        return self._predict(packed, edge_attr, edge_index, batch).reshape(shape)

    def _predict(self, vectors: list[Tensor], edge_attr: Tensor | None, edge_index: Tensor, batch: Tensor) -> Tensor:
        group = f"{'' if self.group.reflections else 'S'}E{self.group.dim}"
        frames = pca_frames(vectors[0], group, batch=batch, degenerate=self.degenerate)
        frames = replace(frames, axes=frames.axes.detach())
        centre = frames.t[batch, 0]
        framed = [frames.apply(value, "vector" if k else "position") for k, value in enumerate(vectors)]
        h = self.embed(torch.cat(framed, dim=-1))
        for depth, layer in enumerate(self.layers):
            if depth:
                latent = frames.average(h.unflatten(-1, (-1, self.group.dim)), "vector")
                frames = self._latent_frames(latent, batch, len(frames.axes))
                h = frames.apply(latent, "position").flatten(-2)
            h = layer(h, edge_index, edge_attr)
        return frames.average(self.decode(h), "vector") + centre

    def _latent_frames(self, latent: Float[Tensor, "N k d"], batch: Int[Tensor, " N"], systems: int) -> Frames:
        """PCA frames of all latent vectors of each system together."""
        centre = segment_mean(latent.mean(1), batch, systems)
        with torch.no_grad():
            centred = (latent - centre[batch, None]).double()
            scatter = segment_sum(centred.mT @ centred, batch, systems)
            frames = frames_of_scatter(scatter, centre, self.group, batch=batch, degenerate="ignore")
        return replace(
            frames, axes=frames.axes.to(latent.dtype), signs=frames.signs.to(latent.dtype), t=centre[:, None]
        )

    def _check(self, position: Tensor, vectors: tuple[Tensor, ...], edge_attr: Tensor | None) -> None:
        if 1 + len(vectors) != self.in_vectors or any(value.shape != position.shape for value in vectors):
            shapes = [tuple(value.shape) for value in (position, *vectors)]
            raise InvalidInputError(
                f"Expected {self.in_vectors} tensors of one shape, the positions first; got {shapes}."
            )
        width = 0 if edge_attr is None else edge_attr.shape[-1]
        if width != self.edge_dim:
            raise InvalidInputError(f"Expected {self.edge_dim} features an edge; got {width}.")

"""What the networks share: embedding, blocks, readouts."""

from __future__ import annotations

from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import segment_sum
from reprise.symmetry.ponita.clouds import Clouds
from reprise.symmetry.ponita.convolution import ConvNeXtBlock, FiberBundleConv, KernelBasis, PointConv, PolynomialCutoff

Task = Literal["node", "graph"]
Outputs = tuple[Float[Tensor, "*rows scalar_out"] | None, Float[Tensor, "*rows vector_out d"] | None]


class ConvolutionalTrunk(nn.Module):
    """Embedding, blocks and readouts, which the networks share; the convolutions and their inputs differ."""

    def __init__(
        self,
        conv: type[FiberBundleConv] | type[PointConv],
        *,
        scalar_in: int,
        vector_in: int,
        scalar_out: int,
        vector_out: int,
        hidden: int,
        layers: int,
        basis: int,
        degree: int,
        invariants: int,
        widening: int,
        layer_scale: float | None,
        radius: float | None,
        task: Task,
        multiple_readouts: bool,
        dim: int,
    ):
        super().__init__()
        sizes = {"hidden": hidden, "layers": layers, "basis": basis, "degree": degree, "widening": widening}
        if wrong := [f"{name}={value}" for name, value in sizes.items() if value < 1]:
            raise InvalidInputError(f"Sizes must be at least 1; got {', '.join(wrong)}.")
        if min(scalar_in, vector_in, scalar_out, vector_out) < 0 or not scalar_in + vector_in:
            raise InvalidInputError(
                "The network needs a scalar or a vector a point (ones, if there is nothing to say of them) and no "
                f"negative number of channels; got scalar_in={scalar_in}, vector_in={vector_in}, "
                f"scalar_out={scalar_out}, vector_out={vector_out}."
            )
        if not scalar_out + vector_out:
            raise InvalidInputError("The network has nothing to predict: scalar_out and vector_out are 0.")
        if task not in {"node", "graph"}:
            raise InvalidInputError(f"The task is 'node' or 'graph'; got {task!r}.")
        if dim not in {2, 3}:
            raise InvalidInputError(f"Points lie in the plane (dim=2) or in space (dim=3); got dim={dim}.")
        self.scalar_in, self.vector_in = scalar_in, vector_in
        self.scalar_out, self.vector_out = scalar_out, vector_out
        self.task, self.dim = task, dim
        self.kernel_basis = KernelBasis(invariants, hidden, basis, degree)
        self.cutoff = PolynomialCutoff(radius)
        self.embed = nn.Linear(scalar_in + vector_in, hidden, bias=False)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(conv(hidden, basis), hidden, widening, layer_scale) for _ in range(layers)
        )
        self.readouts = nn.ModuleList(
            nn.Linear(hidden, scalar_out + vector_out) for _ in range(layers if multiple_readouts else 1)
        )

    def _clouds(self, pos: Any, *inputs: Tensor | None) -> Clouds:
        return Clouds.of(
            pos,
            *inputs,
            dim=self.dim,
            scalar_in=self.scalar_in,
            vector_in=self.vector_in,
            radius=self.cutoff.radius,
        )

    def _spatial_basis(self, invariants: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """Basis functions on edges, cut off at the radius, and on loops, whose spatial invariants are all zero."""
        basis = self.kernel_basis(invariants)
        if self.cutoff.radius is not None:
            basis = basis * self.cutoff(distance).view(-1, *[1] * (basis.ndim - 1))
        return basis, self.kernel_basis(invariants.new_zeros(invariants.shape[-1]))

    def _run(self, x: Tensor, *conv_inputs: Tensor, **conv_settings: bool) -> tuple[Tensor, Tensor]:
        """Give the scalar and the vector channels, averaged over the readouts."""
        x = self.embed(x)
        read = x.new_zeros(())
        unread = len(self.blocks) - len(self.readouts)
        for depth, block in enumerate(self.blocks):
            x = block(x, *conv_inputs, **conv_settings)
            if depth >= unread:
                read = read + self.readouts[depth - unread](x)
        scalars, vectors = (read / len(self.readouts)).split([self.scalar_out, self.vector_out], dim=-1)
        return scalars, vectors

    def _give(self, scalars: Tensor, vectors: Tensor, clouds: Clouds) -> Outputs:
        """Sum over the nodes of each graph where the task is the graph's."""
        outputs: list[Tensor | None] = []
        for value, channels in ((scalars, self.scalar_out), (vectors, self.vector_out)):
            if not channels:
                outputs.append(None)
            elif self.task == "graph":
                outputs.append(segment_sum(value, clouds.batch, clouds.count))
            else:
                outputs.append(clouds.unpack_nodes(value))
        return outputs[0], outputs[1]

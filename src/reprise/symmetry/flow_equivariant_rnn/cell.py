"""One step of the recurrent network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.flow_equivariant_rnn.checks import require_count, require_floating, require_odd
from reprise.symmetry.flow_equivariant_rnn.flows import Rotations, Velocities, as_velocities, neighbour_table
from reprise.symmetry.flow_equivariant_rnn.orientations import CyclicConv
from reprise.symmetry.flow_equivariant_rnn.transport import (
    LearnedTransport,
    RotationTransport,
    TranslationTransport,
    pad_circular,
)

Carrying = Literal["flow", "learned"]
Activation = Literal["relu", "tanh"]


class FERNNCell(nn.Module):
    """One step of a recurrent network whose hidden state has a part for each velocity, carried along by it.

    With h(ν) the part of velocity ν, ψ_1(ν) the motion of one frame, u the current frame, and σ the activation,

        h_{t+1}(ν) = σ( W ∗ ψ_1(ν) h_t(ν) + U ∗ u_t ):

    each part moves, then is convolved with weights that all share, and receives the same view of the frame. If the
    scene moves with velocity ν̂ on top of its own motion, the hidden state does so too, with its parts renumbered:
    h'_t(ν) = ψ_{t-1}(ν̂) h_t(ν - ν̂) wherever ν - ν̂ is in the set; parts that come from outside of it are lost. One
    velocity of zero gives the ordinary convolutional network, G-RNN, and the parameters are as many for any set.

    Translations live on a torus, and are exact. Rotations (`Rotations`) add `orientations` channels to each feature
    (see `CyclicConv`), turned with the image; they are as exact as the interpolation between pixels.

    Parameters
    ----------
    in_channels : of a frame.
    hidden : features K of the hidden state; `channels` is K, or K times `orientations`.
    velocities : a set of `translation_velocities` or `rotation_velocities`, or a sequence of (vx, vy) or (vx,).
    kernel : odd width of both convolutions.
    mix_velocities : how many grid steps apart velocities may be to influence each other; 0 keeps them apart, as in
        the paper's experiments. Beyond that W also runs over differences of velocities, before the motion, which
        objects need that meet or push each other. Beyond the edge of the set there are zeros, which parts near it
        feel: states follow a motion as far from the edge as mixing has reached.
    dims : 2 for images (B, C, H, W), 1 for signals (B, C, W).
    orientations : N of rotations.
    transport : ``"flow"``, or ``"learned"`` for a free kernel in place of each motion, the baseline G-RNN+.
    activation : ``"relu"`` or ``"tanh"``.

    Raises
    ------
    InvalidInputError
        If a setting cannot work, or a frame or state does not have its shape.

    Notes
    -----
    A step costs V times a convolution of K channels; the motion is one gather, whose index is made once for each
    size of frames. All parts are alike after the first frame: the state is then one part seen V times, and the second
    step costs one convolution only, as moving and convolving on a torus may be exchanged.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793; github.com/akandykeller/FERNN.

    Examples
    --------
    >>> from reprise.symmetry.flow_equivariant_rnn import translation_velocities
    >>> cell = FERNNCell(1, 8, translation_velocities(1))
    >>> h = cell(torch.rand(2, 1, 16, 16))
    >>> cell(torch.rand(2, 1, 16, 16), h).shape
    torch.Size([2, 9, 8, 16, 16])
    """

    neighbours: Tensor

    def __init__(
        self,
        in_channels: int,
        hidden: int,
        velocities: Velocities | Sequence[Sequence[int]],
        kernel: int = 3,
        mix_velocities: int = 0,
        dims: int = 2,
        *,
        orientations: int = 8,
        transport: Carrying = "flow",
        activation: Activation = "relu",
    ):
        super().__init__()
        self.velocities = as_velocities(velocities)
        for name, count, least in (
            ("in_channels", in_channels, 1),
            ("hidden", hidden, 1),
            ("orientations", orientations, 1),
            ("mix_velocities", int(mix_velocities), 0),
        ):
            require_count(name, count, least)
        require_odd("kernel", kernel)
        if dims != self.velocities.dims:
            raise InvalidInputError(
                f"The velocities are for dims={self.velocities.dims}, the cell for dims={dims}; both must agree."
            )
        if transport not in get_args(Carrying) or activation not in get_args(Activation):
            raise InvalidInputError(
                f"transport is 'flow' or 'learned' and activation 'relu' or 'tanh'; got {transport!r}, {activation!r}."
            )
        self.in_channels, self.hidden, self.dims = in_channels, hidden, dims
        self.reach = (kernel // 2 if dims == 2 else 0, kernel // 2)
        self.activation = activation
        table = neighbour_table(self.velocities, int(mix_velocities))
        self.mixed = len(table[0]) if mix_velocities else 1
        self.register_buffer("neighbours", torch.tensor(table), persistent=False)
        if isinstance(self.velocities, Rotations):
            if transport == "learned":
                raise InvalidInputError("A learned transport stands in for translations only; rotations need 'flow'.")
            self.orientations = orientations
            self.carrier: nn.Module = RotationTransport(self.velocities, orientations)
            self.conv_u: nn.Module = CyclicConv(in_channels, hidden, orientations, kernel)
            self.conv_h: nn.Module = CyclicConv(
                hidden * self.mixed, hidden, orientations, kernel, source="regular", target="regular"
            )
        else:
            self.orientations = 1
            self.carrier = (TranslationTransport if transport == "flow" else LearnedTransport)(self.velocities)
            convolution = nn.Conv2d if dims == 2 else nn.Conv1d
            self.conv_u = convolution(in_channels, hidden, kernel, bias=False)
            self.conv_h = convolution(hidden * self.mixed, hidden, kernel, bias=False)

    @property
    def channels(self) -> int:
        """Channels of each part of the hidden state."""
        return self.hidden * self.orientations

    @property
    def closed(self) -> bool:
        """Whether frames are on a torus: for translations; rotations have zeros around."""
        return not isinstance(self.velocities, Rotations)

    def forward(
        self, u: Float[Tensor, "B C *space"], h: Float[Tensor, "B V K *space"] | None = None
    ) -> Float[Tensor, "B V K *space"]:
        """Take in a frame; no state stands for zeros, the state before the first."""
        self._require_frame(u)
        frame = self._see(u)
        count = len(self.velocities)
        if h is None:
            first = self._activate(frame)[:, None]
            return self._public(first.expand(-1, count, -1, -1, -1))
        self._require_state(u, h)
        inner = self._inner(h)
        if count > 1 and h.stride(1) == 0 and self.mixed == 1 and isinstance(self.carrier, TranslationTransport):
            recurrent = self.carrier.spread(self._convolve(self._pad(inner[:, :1]))[:, 0])
        else:
            recurrent = self._recur(inner)
        return self._public(self._joined(recurrent, frame))

    def advance(self, h: Float[Tensor, "B V K *space"]) -> Float[Tensor, "B V K *space"]:
        """Move each part by one frame of its own velocity: where the scene will be, if it goes on."""
        self._require_state(None, h)
        return self._public(self.carrier(self._inner(h), (0, 0)))

    def advance_and_pad(self, h: Float[Tensor, "B V K *space"]) -> Float[Tensor, "B V K *wider"]:
        """Give `advance` with the margin that `update` needs to go on from it; `crop` takes it off."""
        return self._public(self.carrier(self._inner(h), self.reach))

    def crop(self, padded: Float[Tensor, "*batch Hm Wm"]) -> Float[Tensor, "*batch H W"]:
        """Take the margin of `advance_and_pad` off again."""
        for axis, margin in ((-2, self.reach[0]), (-1, self.reach[1])):
            if margin:
                padded = padded.narrow(axis, margin, padded.shape[axis] - 2 * margin)
        return padded

    def update(
        self, u: Float[Tensor, "B C *space"], moved: Float[Tensor, "B V K *wider"]
    ) -> Float[Tensor, "B V K *space"]:
        """Do the rest of `forward`, from what `advance_and_pad` gave: one motion serves two purposes."""
        self._require_frame(u)
        if self.mixed > 1:
            raise InvalidInputError("Velocities that mix are convolved before they move; call the cell itself.")
        return self._public(self._joined(self._convolve(self._inner(moved)), self._see(u)))

    def _recur(self, inner: Tensor) -> Tensor:
        if self.mixed == 1:
            return self._convolve(self.carrier(inner, self.reach))
        # W over velocities and positions comes first: its result at ν moves with ν
        return self.carrier(self._convolve(self._pad(self._gather_neighbours(inner))), (0, 0))

    def _gather_neighbours(self, inner: Tensor) -> Tensor:
        """Stack the features of neighbouring velocities, zeros where there is none: (B, V, H, W, mixed · K)."""
        batch, count, height, width, channels = inner.shape
        with_none = torch.cat([inner, torch.zeros_like(inner[:, :1])], dim=1)
        taken = with_none.index_select(1, (self.neighbours % (count + 1)).flatten())
        taken = taken.view(batch, count, self.mixed, height, width, channels)
        return taken.permute(0, 1, 3, 4, 2, 5).reshape(batch, count, height, width, self.mixed * channels)

    def _pad(self, inner: Tensor) -> Tensor:
        rows, columns = self.reach
        images = inner.flatten(0, 1).permute(0, 3, 1, 2)
        if self.closed:
            padded = pad_circular(images, self.reach)
        else:
            padded = nn.functional.pad(images, (columns, columns, rows, rows))
        return padded.permute(0, 2, 3, 1).unflatten(0, inner.shape[:2])

    def _convolve(self, padded: Tensor) -> Tensor:
        """Convolve (B, V, Hm, Wm, C) with the weights of `conv_h`; memory stays channels last."""
        images = padded.flatten(0, 1).permute(0, 3, 1, 2)
        result = nn.functional.conv2d(images, self._kernels(self.conv_h))
        return result.permute(0, 2, 3, 1).unflatten(0, padded.shape[:2])

    def _see(self, u: Tensor) -> Tensor:
        """Convolve a frame with the weights of `conv_u`, (B, H, W, K)."""
        images = u if self.dims == 2 else u[..., None, :]
        rows, columns = self.reach
        padded = (
            pad_circular(images, self.reach)
            if self.closed
            else nn.functional.pad(images, (columns, columns, rows, rows))
        )
        seen = nn.functional.conv2d(padded, self._kernels(self.conv_u))
        return seen.permute(0, 2, 3, 1).contiguous()

    def _kernels(self, convolution: nn.Module) -> Tensor:
        if isinstance(convolution, CyclicConv):
            return convolution.kernels()
        weight = convolution.weight
        assert isinstance(weight, Tensor)
        return weight if self.dims == 2 else weight[..., None, :]

    def _joined(self, recurrent: Tensor, frame: Tensor) -> Tensor:
        """Add what all parts see of the frame, and activate."""
        if recurrent.requires_grad or frame.requires_grad:
            return self._activate(recurrent + frame[:, None])  # in place on a view, gradients would be copied around
        return self._activate(recurrent.add_(frame[:, None]))

    def _activate(self, values: Tensor) -> Tensor:
        return values.relu_() if self.activation == "relu" else values.tanh_()

    def _inner(self, h: Tensor) -> Tensor:
        """Give a state (B, V, K, *space) as (B, V, H, W, K)."""
        return h.permute(0, 1, 3, 4, 2) if self.dims == 2 else h[..., None, :].permute(0, 1, 3, 4, 2)

    def _public(self, inner: Tensor) -> Tensor:
        """Do the opposite of `_inner`."""
        h = inner.permute(0, 1, 4, 2, 3)
        return h if self.dims == 2 else h[..., 0, :]

    def _require_frame(self, u: Tensor) -> None:
        shape = "(B, {}, H, W)" if self.dims == 2 else "(B, {}, W)"
        if u.ndim != self.dims + 2 or u.shape[1] != self.in_channels or 0 in u.shape:
            raise InvalidInputError(
                f"A frame has shape {shape.format(self.in_channels)}, nothing empty; got {tuple(u.shape)}."
            )
        require_floating("A frame", u)

    def _require_state(self, u: Tensor | None, h: Tensor) -> None:
        parts = (len(self.velocities), self.channels)
        if h.ndim != self.dims + 3 or h.shape[1:3] != parts:
            raise InvalidInputError(
                f"A state has {parts[0]} velocities and {parts[1]} channels, (B, {parts[0]}, {parts[1]}, ...); "
                f"got shape {tuple(h.shape)}."
            )
        if u is not None and (h.shape[0] != u.shape[0] or h.shape[3:] != u.shape[2:]):
            raise InvalidInputError(
                f"State and frame must agree in batch and size; got {tuple(h.shape)} and {tuple(u.shape)}."
            )

"""Sequence to sequence: read frames, then predict those that follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.flow_equivariant_rnn.cell import FERNNCell
from reprise.symmetry.flow_equivariant_rnn.checks import require_count, require_sequence
from reprise.symmetry.flow_equivariant_rnn.flows import Velocities, translation_velocities
from reprise.symmetry.flow_equivariant_rnn.orientations import CyclicConv
from reprise.symmetry.flow_equivariant_rnn.pooling import max_over_velocities

Pool = Literal["max", "mean", "sum"]
Decode = Literal["transported", "official"]


class FERNNSeq2Seq(nn.Module):
    """Predict the frames that follow a sequence, at speeds and horizons beyond those of training.

    A `FERNNCell` reads the frames. For each further step, the parts of its state are pooled over velocities, a small
    convolutional decoder makes a frame of them, and that frame (without gradient) is read in turn. Two ways:

    - ``decode="transported"``: the state is first moved to the time of the frame that is to come,
      x_{t+1} = decoder( pool_ν ψ_1(ν) h_{t+1}(ν) ). If the velocities are closed under addition (all W velocities of
      a torus of width W) and do not mix, predictions are exactly equivariant to flows; otherwise up to what leaves the
      set. (With `mix_velocities` above 0 the convolution over velocities meets zeros beyond the edge of the set.)
    - ``decode="official"``: as in the authors' code, the last frame is read a second time, and the state that results
      is decoded where it is. The frame read then lags one step behind, so that predictions are not equivariant.

    For rotations the decoder consists of convolutions over orientations (the authors' has ordinary ones, which are
    not equivariant).

    Parameters
    ----------
    in_channels : of a frame.
    hidden, velocities, kernel, dims : as in `FERNNCell`; by default the velocities are all whole ones up to 2 pixels a
        frame along each axis.
    decoder_layers : hidden layers of the decoder.
    pool : over velocities, ``"max"``, ``"mean"`` or ``"sum"``.
    decode : as above.
    **settings : `mix_velocities`, `orientations`, `transport` and `activation` of `FERNNCell`.

    Raises
    ------
    InvalidInputError
        If a setting is unknown or cannot work, the input is not (B, T, C, H, W) (dims=1: (B, T, C, W)) and finite, or
        `steps` is below 1.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793; github.com/akandykeller/FERNN.

    Examples
    --------
    >>> model = FERNNSeq2Seq(1, hidden=8, velocities=[(-1, 0), (0, 0), (1, 0)], decoder_layers=1)
    >>> model(torch.rand(2, 4, 1, 16, 16), steps=6).shape
    torch.Size([2, 6, 1, 16, 16])
    """

    def __init__(
        self,
        in_channels: int,
        hidden: int = 128,
        velocities: Velocities | Sequence[Sequence[int]] | None = None,
        decoder_layers: int = 4,
        pool: Pool = "max",
        decode: Decode = "transported",
        *,
        kernel: int = 3,
        dims: int = 2,
        **settings: Any,
    ):
        super().__init__()
        if pool not in get_args(Pool):
            raise InvalidInputError(f"pool is one of {', '.join(get_args(Pool))}; got {pool!r}.")
        if decode not in get_args(Decode):
            raise InvalidInputError(f"decode is one of {', '.join(get_args(Decode))}; got {decode!r}.")
        require_count("decoder_layers", decoder_layers, 0)
        if velocities is None:
            velocities = translation_velocities(2, dims)
        self.pool, self.decode, self.dims = pool, decode, dims
        self.cell = FERNNCell(in_channels, hidden, velocities, kernel, dims=dims, **settings)
        layers: list[nn.Module] = []
        for _ in range(decoder_layers):
            layers += [self._convolution(hidden), nn.ReLU()]
        self.decoder_conv = nn.Sequential(*layers, self._convolution(in_channels, last=True))

    def forward(
        self, x: Float[Tensor, "B T C *space"], steps: int, return_hidden: bool = False
    ) -> Float[Tensor, "B S C *space"] | tuple[Tensor, Tensor, Tensor]:
        """Predict `steps` frames; with `return_hidden` also the states after each frame read and each predicted.

        The states are (B, T, V, K, *space) and (B, steps, V, K, *space); the predicted frames' are those they are
        decoded from (``"transported"``: moved to the frame's time).
        """
        require_sequence(x, self.cell.in_channels, self.dims)
        require_count("steps", steps, 1)
        state: Tensor | None = None
        read, decoded = [], []
        for frame in x.unbind(1):
            state = self.cell(frame, state)
            if return_hidden:
                read.append(state)
        assert state is not None
        previous = x[:, -1]
        frames: list[Tensor] = []
        ahead: Tensor | None = None
        for step in range(steps):
            if self.decode == "official":
                state = shown = self.cell(previous.detach(), state)
                features = self._pooled(shown)
            elif self.cell.mixed > 1:
                state = self.cell(previous.detach(), state) if step else state
                shown = self.cell.advance(state)
                features = self._pooled(shown)
            else:
                state = state if ahead is None else self.cell.update(previous.detach(), ahead)
                ahead = self.cell.advance_and_pad(state)
                shown = self.cell.crop(ahead)
                features = self.cell.crop(self._pooled(ahead))  # cropping after pooling is cheaper by a factor V
            previous = self.decoder_conv(features)
            frames.append(previous)
            if return_hidden:
                decoded.append(shown)
        predicted = torch.stack(frames, dim=1)
        if return_hidden:
            return predicted, torch.stack(read, dim=1), torch.stack(decoded, dim=1)
        return predicted

    def _pooled(self, state: Tensor) -> Tensor:
        if self.pool == "max":
            return max_over_velocities(state)
        return state.mean(1) if self.pool == "mean" else state.sum(1)

    def _convolution(self, out_channels: int, last: bool = False) -> nn.Module:
        cell = self.cell
        if not cell.closed:
            target: Literal["scalar", "regular"] = "scalar" if last else "regular"
            return CyclicConv(cell.hidden, out_channels, cell.orientations, source="regular", target=target)
        convolution = nn.Conv2d if self.dims == 2 else nn.Conv1d
        return convolution(cell.hidden, out_channels, 3, padding=1, padding_mode="circular", bias=False)

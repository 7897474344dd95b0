"""Classification of sequences, whatever the motion of the scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.flow_equivariant_rnn.cell import FERNNCell
from reprise.symmetry.flow_equivariant_rnn.checks import require_count, require_sequence
from reprise.symmetry.flow_equivariant_rnn.flows import Velocities, translation_velocities
from reprise.symmetry.flow_equivariant_rnn.pooling import max_over_velocities


class FERNNClassifier(nn.Module):
    """Class scores of a sequence: the last state's maximum over velocities, its mean over positions, a linear layer.

    Moving the scene with a velocity of the set renumbers and moves the state, which neither pooling notices: on a
    torus whose velocities are closed under addition and do not mix, the scores are exactly invariant to flows; with
    `mix_velocities` above 0 the convolution over velocities meets zeros beyond the edge of the set. For rotations the
    maximum runs over orientations too.

    Parameters
    ----------
    in_channels : of a frame, or of what `encoder` makes of it.
    num_classes : at least 2.
    hidden, velocities, kernel, dims : as in `FERNNCell`.
    encoder : a module applied to every frame first, (B, C, H, W) to (B, in_channels, H', W'), such as convolutions;
        flows pass through it as far as it is equivariant to translations.
    **settings : `mix_velocities`, `orientations`, `transport` and `activation` of `FERNNCell`.

    Raises
    ------
    InvalidInputError
        If a setting cannot work, or the input is not (B, T, C, H, W) (dims=1: (B, T, C, W)) and finite.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793; github.com/akandykeller/FERNN.

    Examples
    --------
    >>> import torch
    >>> model = FERNNClassifier(1, num_classes=10, hidden=8, velocities=[(-1, 0), (0, 0), (1, 0)])
    >>> model(torch.rand(2, 4, 1, 16, 16)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        hidden: int = 128,
        velocities: Velocities | Sequence[Sequence[int]] | None = None,
        *,
        kernel: int = 3,
        dims: int = 2,
        encoder: nn.Module | None = None,
        **settings: Any,
    ):
        super().__init__()
        require_count("num_classes", num_classes, 2)
        if encoder is not None and not isinstance(encoder, nn.Module):
            raise InvalidInputError(f"encoder is a module or None; got {type(encoder).__name__}.")
        if velocities is None:
            velocities = translation_velocities(2, dims)
        self.dims = dims
        self.encoder = encoder
        self.cell = FERNNCell(in_channels, hidden, velocities, kernel, dims=dims, **settings)
        self.linear = nn.Linear(hidden, num_classes)

    def forward(self, x: Float[Tensor, "B T C *space"]) -> Float[Tensor, "B classes"]:
        """Score each class."""
        require_sequence(x, None if self.encoder is not None else self.cell.in_channels, self.dims)
        if self.encoder is not None:
            x = self.encoder(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        state: Tensor | None = None
        for frame in x.unbind(1):
            state = self.cell(frame, state)
        assert state is not None
        strongest = max_over_velocities(state)
        if self.cell.orientations > 1:
            strongest = strongest.unflatten(1, (self.cell.hidden, self.cell.orientations)).amax(2)
        scores: Tensor = self.linear(strongest.flatten(2).mean(2))
        return scores

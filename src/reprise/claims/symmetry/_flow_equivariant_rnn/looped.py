"""The network as the authors' code computes it, with a loop over velocities: what ours is timed against.

It does the same sums in the same order: a roll for each velocity, their stack, circular padding, one convolution. Its
weights have the names of ours (`cell.conv_u`, `cell.conv_h`, `decoder_conv`), so that either can load the other's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reprise.symmetry.flow_equivariant_rnn import translation_velocities


class LoopedCell(nn.Module):
    """One step; velocities in the order of `translation_velocities`."""

    def __init__(self, in_channels: int, hidden: int, v_range: int):
        super().__init__()
        self.velocities = translation_velocities(v_range).velocities
        self.conv_u = nn.Conv2d(in_channels, hidden, 3, padding=1, padding_mode="circular", bias=False)
        self.conv_h = nn.Conv2d(hidden, hidden, 3, padding=1, padding_mode="circular", bias=False)

    def forward(self, u: Tensor, h: Tensor) -> Tensor:
        """Take in a frame."""
        moved = torch.stack(
            [torch.roll(h[:, v], (vy, vx), dims=(2, 3)) for v, (vx, vy) in enumerate(self.velocities)], dim=1
        )
        seen = self.conv_u(u)[:, None].expand(-1, len(self.velocities), -1, -1, -1)
        recurrent = self.conv_h(moved.flatten(0, 1)).view_as(moved)
        return torch.relu(seen + recurrent)


class LoopedSeq2Seq(nn.Module):
    """Read, then predict with the last frame read a second time."""

    def __init__(self, in_channels: int, hidden: int, v_range: int, decoder_layers: int = 4):
        super().__init__()
        self.cell = LoopedCell(in_channels, hidden, v_range)
        layers: list[nn.Module] = []
        for width in [hidden] * decoder_layers + [in_channels]:
            layers += [nn.Conv2d(hidden, width, 3, padding=1, padding_mode="circular", bias=False), nn.ReLU()]
        self.decoder_conv = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor, steps: int) -> Tensor:
        """Predict frames."""
        batch, _, _, height, width = x.shape
        hidden = self.cell.conv_h.out_channels
        h = torch.zeros(batch, len(self.cell.velocities), hidden, height, width, dtype=x.dtype, device=x.device)
        for frame in x.unbind(1):
            h = self.cell(frame, h)
        previous, frames = x[:, -1], []
        for _ in range(steps):
            h = self.cell(previous.detach(), h)
            previous = self.decoder_conv(h.max(1).values)
            frames.append(previous)
        return torch.stack(frames, dim=1)

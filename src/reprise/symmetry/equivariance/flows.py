"""Flows on sequences: elements under which the displacement of a scene grows with time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.equivariance.images import warp


@dataclass(frozen=True)
class FlowGroup:
    """Constant motions ψ_t(ν) = exp(t ν) of a scene: frame t of a sequence is moved by t times the velocity ν.

    ``motion="shift"`` moves by whole pixels round a torus (exact), ``motion="turn"`` turns about the middle (square
    frames, interpolated; exact where ν is a quarter turn). Velocities are (νx, νy), x along columns and y down rows.
    Kinds of tensors: ``"sequence"`` (..., T, C, *space) has frame t moved by t ν, ``"frame"`` (..., C, *space) is moved
    by ν once, ``"trajectory"`` (..., T, n, d) of n points (x, y) by the same motion, and ``"scalar"`` (also
    ``"invariant"``) stays. A sequence that does not begin at t = 0, such as a forecast, has the kind that
    `sequence_from` gives.

    Parameters
    ----------
    dims : number of axes of space, 1 or 2; turns need 2.
    motion : ``"shift"`` or ``"turn"``.
    reach : largest velocity along an axis: pixels a frame, or steps of `step` degrees a frame.
    step : degrees of the smallest turn.

    Raises
    ------
    InvalidInputError
        If a setting is not one of these.

    Examples
    --------
    Pooling over space is invariant to shifts; a memory of past frames is not equivariant to flows, though each frame
    taken alone is:

    >>> import torch
    >>> from reprise.symmetry.equivariance import equivariance_error
    >>> clip = torch.randn(1, 6, 1, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> flow = FlowGroup(dims=1)
    >>> equivariance_error(torch.relu, clip, flow, input_kinds="sequence", output_kind="sequence").maximal
    0.0
    >>> memory = lambda clip: clip.cumsum(1)
    >>> equivariance_error(memory, clip, flow, input_kinds="sequence", output_kind="sequence").mean > 0.1
    True
    """

    dims: int = 2
    motion: Literal["shift", "turn"] = "shift"
    reach: int = 2
    step: float = 90.0

    def __post_init__(self) -> None:
        if self.motion not in {"shift", "turn"}:
            raise InvalidInputError(f"A flow's motion is 'shift' or 'turn'; got {self.motion!r}.")
        if self.dims not in {1, 2} or (self.motion == "turn" and self.dims != 2):
            raise InvalidInputError(f"Space has 1 or 2 axes, and turns need 2; got {self.dims} for {self.motion!r}.")
        if self.reach < 1 or not self.step > 0:
            raise InvalidInputError(f"reach is at least 1 and step positive; got {self.reach} and {self.step}.")

    def draw(self, inputs: Sequence[Tensor], kinds: Sequence[object], generator: torch.Generator) -> Tensor:
        """Draw a velocity other than 0, uniform within `reach`: (dims,) pixels a frame, or (1,) degrees a frame."""
        size = self.dims if self.motion == "shift" else 1
        while True:
            velocity = torch.randint(-self.reach, self.reach + 1, (size,), generator=generator, device=generator.device)
            if bool(velocity.any()):
                return velocity.cpu() * (1 if self.motion == "shift" else self.step)

    def act(self, element: Tensor, value: Tensor, kind: str) -> Tensor:
        """Move each frame of `value` by its own multiple of the velocity."""
        if kind in {"scalar", "invariant"}:
            return value
        if kind == "frame":
            return self._moved(value, element)
        if kind == "sequence":
            return self._flowed(value, element, start=0)
        if kind == "trajectory":
            return self._trajectory(value, element)
        raise InvalidInputError(
            f"A flow does not act on {kind!r}; it acts on sequence, frame, trajectory, scalar, or sequence_from(start)."
        )

    def sequence_from(self, start: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Give the kind of a sequence (..., T, C, *space) whose first frame belongs to time `start`."""
        return lambda element, value: self._flowed(value, element, start=start)

    def _flowed(self, value: Tensor, velocity: Tensor, start: int) -> Tensor:
        axis = -(self.dims + 2)
        if value.ndim < self.dims + 2:
            raise InvalidInputError(
                f"A sequence is (..., T, C, *space) with {self.dims} axes of space; got shape {tuple(value.shape)}."
            )
        frames = [self._moved(frame, (start + t) * velocity) for t, frame in enumerate(value.unbind(axis))]
        return torch.stack(frames, axis)

    def _moved(self, frame: Tensor, displacement: Tensor) -> Tensor:
        if self.motion == "shift":
            return frame.roll([int(pixels) for pixels in displacement], list(range(-1, -self.dims - 1, -1)))
        degrees = float(displacement) % 360
        if degrees % 90 == 0 and frame.shape[-1] == frame.shape[-2]:
            return frame.rot90(-int(degrees // 90), (-2, -1))
        return warp(frame, rotation(degrees))

    def _trajectory(self, points: Tensor, velocity: Tensor) -> Tensor:
        if points.ndim < 3 or points.shape[-1] != self.dims:
            raise InvalidInputError(f"A trajectory is (..., T, n, {self.dims}); got shape {tuple(points.shape)}.")
        time = torch.arange(points.shape[-3], device=points.device)
        if self.motion == "shift":
            return points + (time[:, None] * velocity.to(points.device)).to(points)[:, None, :]
        turns = torch.stack([rotation(float(t * velocity)) for t in time]).to(points)
        return points @ turns.mT


def rotation(degrees: float) -> Tensor:
    """Give the (2, 2) float64 matrix that turns the x axis towards the y axis.

    Examples
    --------
    >>> rotation(90.0).round().int()
    tensor([[ 0, -1],
            [ 1,  0]], dtype=torch.int32)
    """
    angle = math.radians(degrees)
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)

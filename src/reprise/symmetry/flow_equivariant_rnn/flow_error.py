"""Flows of sequences, and how far a model is from respecting them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.images import rotate_images
from reprise.symmetry.flow_equivariant_rnn.cell import FERNNCell
from reprise.symmetry.flow_equivariant_rnn.checks import require_sequence
from reprise.symmetry.flow_equivariant_rnn.flows import Rotations, Translations
from reprise.training.stage import modes_kept

Kind = Literal["translation", "rotation"]
Velocity = Sequence[int] | int | float


def flow_transform(
    x: Float[Tensor, "B T C *space"], velocity: Velocity, *, kind: Kind = "translation", start: int = 0
) -> Float[Tensor, "B T C *space"]:
    """Set a sequence in motion: frame t is moved by t steps of the velocity, (ψ(ν) f)_t = ψ_t(ν) f_t.

    Translations wrap around; one gather moves all frames. Rotations are about the centre, with zeros from outside.

    Parameters
    ----------
    x : images (B, T, C, H, W), or signals (B, T, C, W).
    velocity : (vx, vy) in whole pixels a frame for images, (vx,) for signals; degrees a frame for rotations.
    kind : ``"translation"`` or ``"rotation"``.
    start : time of the first frame of `x`.

    Raises
    ------
    InvalidInputError
        If x has another shape or is not finite and floating, or the velocity is not as described.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793.

    Examples
    --------
    >>> still = torch.eye(4).view(4, 1, 1, 4)[:1].expand(1, 3, 1, 4)
    >>> flow_transform(still, (1,))[0, :, 0].tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    if kind not in get_args(Kind):
        raise InvalidInputError(f"kind is 'translation' or 'rotation'; got {kind!r}.")
    dims = 1 if x.ndim == 4 else 2
    require_sequence(x, None, dims)
    batch, frames, channels = x.shape[:3]
    time = torch.arange(start, start + frames, device=x.device)
    if kind == "rotation":
        if dims == 1 or isinstance(velocity, Sequence):
            raise InvalidInputError(f"A rotation is of images, by a number of degrees; got velocity {velocity!r}.")
        (angle,) = Rotations((velocity,)).degrees
        images = x.transpose(0, 1).flatten(1, 2)
        turned = rotate_images(images, angle * time.double())
        return turned.unflatten(1, (batch, channels)).transpose(0, 1)
    (shift,) = Translations((velocity if isinstance(velocity, Sequence) else (velocity,),)).velocities  # type: ignore[arg-type]
    if len(shift) != dims:
        raise InvalidInputError(f"Frames of {dims} axes have velocities of {dims} numbers; got {velocity!r}.")
    for axis, speed in zip(range(x.ndim - 1, 2, -1), shift, strict=True):
        size = x.shape[axis]
        origin = (torch.arange(size, device=x.device) - speed * time[:, None]) % size  # (T, size)
        shape = [1] * x.ndim
        shape[1], shape[axis] = frames, size
        x = x.gather(axis, origin.view(shape).expand_as(x))
    return x


def flow_equivariance_error(
    model: Callable[[Tensor], Tensor],
    x: Float[Tensor, "B T C *space"],
    velocity: Velocity,
    *,
    kind: Kind = "translation",
    start: int | None = None,
) -> float:
    """Give |model(ψ x) - ψ model(x)| / |ψ model(x)|, for the flow ψ of one velocity.

    A model that gives sequences should give moving ones when its input moves; one that gives anything else, such as
    class scores (B, classes), should not notice. Run without gradients; a module in evaluation mode,
    each part of it put back into the mode it was in.

    Parameters
    ----------
    model : a function of a sequence; for forecasts, ``lambda x: network(x, steps)``.
    x, velocity, kind : as in `flow_transform`.
    start : time of the first frame that the model gives; by default T, that of a forecast. 0 is that of a model which
        gives a frame for each that it reads.

    Raises
    ------
    InvalidInputError
        As `flow_transform`, or if the model's output is all zero.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793.

    Examples
    --------
    Copying the last frame is not a forecast of anything that moves:

    >>> x = torch.rand(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> flow_equivariance_error(lambda x: x[:, -1:], x, (1, 0)) > 0.1
    True
    >>> flow_equivariance_error(lambda x: x, x, (1, 0), start=0)
    0.0
    """
    with modes_kept(model) if isinstance(model, nn.Module) else nullcontext(), torch.no_grad():
        if isinstance(model, nn.Module):
            model.eval()
        straight, got = model(x), model(flow_transform(x, velocity, kind=kind))
    expected = straight
    if straight.ndim == x.ndim:
        expected = flow_transform(straight, velocity, kind=kind, start=x.shape[1] if start is None else start)
    return _relative(got, expected)


def state_equivariance_error(
    cell: FERNNCell, x: Float[Tensor, "B T C *space"], velocity: Velocity, *, kind: Kind = "translation"
) -> float:
    """Give how far the hidden states of a cell are from h'_t(ν) = ψ_{t-1}(ν̂) h_t(ν - ν̂), relative to their size.

    Over all T frames, and the velocities ν for which ν - ν̂ is in the set (on a torus also if it is so only modulo the
    size of the frames).

    Parameters
    ----------
    cell : the cell, which reads `x` from its first frame.
    x, velocity, kind : as in `flow_transform`.

    Raises
    ------
    InvalidInputError
        As `flow_transform`, or if no velocity of the set differs from another by `velocity`.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793.

    Examples
    --------
    >>> x = torch.rand(2, 5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> state_equivariance_error(FERNNCell(1, 4, [(0, 0), (1, 0)]), x, (1, 0)) < 1e-5
    True
    """
    with torch.no_grad():
        straight, moved = _states(cell, x), _states(cell, flow_transform(x, velocity, kind=kind))
    here, origin = _matching(cell, velocity, x.shape)
    before = straight[:, :, origin].flatten(2, 3)  # (B, T, V K, *space)
    if kind == "rotation":
        # the orientation channels turn with the frame, by t steps at time t
        from reprise.symmetry.flow_equivariant_rnn.transport import orientation_turns

        angle = float(velocity) * torch.arange(x.shape[1], dtype=torch.float64)  # type: ignore[arg-type]
        turn = orientation_turns(angle, cell.orientations).to(x)
        parts = before.unflatten(2, (-1, cell.orientations))
        before = torch.einsum("tnm,btpmhw->btpnhw", turn, parts).flatten(2, 3)
    expected = flow_transform(before, velocity, kind=kind)
    return _relative(moved[:, :, here].flatten(2, 3), expected)


def _states(cell: FERNNCell, x: Tensor) -> Tensor:
    states, h = [], None
    for frame in x.unbind(1):
        h = cell(frame, h)
        states.append(h)
    return torch.stack(states, dim=1)


def _matching(cell: FERNNCell, velocity: Velocity, shape: Sequence[int]) -> tuple[list[int], list[int]]:
    """Give the numbers of velocities ν whose ν - ν̂ is in the set, and of those."""
    points = cell.velocities.coordinates
    step = tuple(velocity) if isinstance(velocity, Sequence) else (velocity,)
    periods = tuple(reversed(shape[3:])) if isinstance(cell.velocities, Translations) else (360,) * len(step)
    number = {_wrapped(point, periods): v for v, point in enumerate(points)}
    found = [
        (v, number.get(_wrapped([x - s for x, s in zip(point, step, strict=True)], periods)))
        for v, point in enumerate(points)
    ]
    pairs = [(v, w) for v, w in found if w is not None]
    if not pairs:
        raise InvalidInputError(f"No two velocities of the set differ by {velocity!r}; there is nothing to compare.")
    return [v for v, _ in pairs], [w for _, w in pairs]


def _wrapped(point: Sequence[float], periods: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(x % period, 6) % period for x, period in zip(point, periods, strict=True))


def _relative(got: Tensor, expected: Tensor) -> float:
    size = float(expected.double().norm())
    if size == 0:
        raise InvalidInputError("The output is all zero: its equivariance says nothing.")
    return float((got - expected).double().norm()) / size

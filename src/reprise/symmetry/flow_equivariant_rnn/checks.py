"""What the modules of this package ask of their settings and inputs."""

from __future__ import annotations

from torch import Tensor

from reprise.errors import InvalidInputError


def require_count(name: str, value: object, least: int) -> None:
    """Raise unless `value` is a whole number of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidInputError(f"{name} is {value!r}; a whole number of at least {least} is expected.")


def require_odd(name: str, value: object) -> None:
    """Raise unless `value` is an odd positive number."""
    require_count(name, value, 1)
    if isinstance(value, int) and value % 2 == 0:
        raise InvalidInputError(f"{name} is {value}; an odd number is expected, so that kernels have a centre.")


def require_floating(what: str, value: Tensor) -> None:
    """Raise unless the tensor is floating."""
    if not value.is_floating_point():
        raise InvalidInputError(f"{what} is a floating tensor; got {value.dtype}.")


def require_sequence(x: Tensor, channels: int | None, dims: int) -> None:
    """Raise unless x is a finite floating (B, T, C, H, W), or (B, T, C, W) for dims=1."""
    shape = "(B, T, C, H, W)" if dims == 2 else "(B, T, C, W)"
    if x.ndim != dims + 3 or 0 in x.shape:
        raise InvalidInputError(f"A sequence of frames has shape {shape}, nothing empty; got {tuple(x.shape)}.")
    if channels is not None and x.shape[2] != channels:
        raise InvalidInputError(f"Frames of {channels} channels are expected; got shape {tuple(x.shape)} as {shape}.")
    require_floating("A sequence", x)
    if not bool(x.isfinite().all()):
        raise InvalidInputError("The sequence holds values that are not finite; replace or drop them first.")

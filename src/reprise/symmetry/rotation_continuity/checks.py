"""What the maps of this package ask of their input."""

from __future__ import annotations

import torch
from torch import Tensor

from reprise.errors import InvalidInputError

ORTHOGONALITY_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}
"""Largest entry of RᵀR - I that `check=True` lets pass; looser for shorter types."""
_TOLERANCE_OF_SHORT_TYPES = 3e-2


def require_vectors(vector: Tensor, length: int, what: str) -> None:
    """Raise unless `vector` is a floating (..., length) tensor."""
    if not vector.is_floating_point():
        raise InvalidInputError(f"{what} takes a floating tensor; got {vector.dtype}.")
    if vector.ndim < 1 or vector.shape[-1] != length:
        raise InvalidInputError(f"{what} takes vectors (..., {length}); got shape {tuple(vector.shape)}.")


def require_square(matrix: Tensor, what: str, n: int | None = None) -> int:
    """Raise unless `matrix` is a floating (..., n, n) tensor with n at least 2, and give n."""
    if not matrix.is_floating_point():
        raise InvalidInputError(f"{what} takes a floating tensor; got {matrix.dtype}.")
    size = matrix.shape[-1] if matrix.ndim >= 2 else 0
    if size < 2 or matrix.shape[-2] != size or size != (n or size):
        shape = f"(..., {n}, {n})" if n else "(..., n, n) with n of at least 2"
        raise InvalidInputError(f"{what} takes matrices {shape}; got shape {tuple(matrix.shape)}.")
    return size


def require_rotations(matrix: Tensor, what: str, n: int | None = None, *, check: bool) -> int:
    """Do as `require_square`, and where `check` raise unless the matrices are rotations."""
    size = require_orthogonal(matrix, what, n, check=check)
    if check and bool((torch.linalg.det(matrix.detach().double()) < 0).any()):
        raise InvalidInputError(f"{what} takes rotations; the input holds a reflection (determinant -1).")
    return size


def require_orthogonal(matrix: Tensor, what: str, n: int | None = None, *, check: bool) -> int:
    """Do as `require_square`, and where `check` raise unless the matrices are orthogonal."""
    size = require_square(matrix, what, n)
    if check:
        exact = matrix.detach().double()
        residual = exact.mT @ exact - torch.eye(size, dtype=exact.dtype, device=exact.device)
        worst = float(residual.abs().amax()) if residual.numel() else 0.0
        if not worst <= ORTHOGONALITY_TOLERANCE.get(matrix.dtype, _TOLERANCE_OF_SHORT_TYPES):
            raise InvalidInputError(
                f"{what} takes orthogonal matrices; RᵀR differs from the identity by up to {worst:.2g}. "
                "Project them first (rotation_from_svd), or pass check=False if they are orthogonal on purpose only "
                "to that accuracy."
            )
    return size


def require_dimension(n: int, what: str, least: int = 2) -> None:
    """Raise unless n is an integer of at least `least`."""
    if not isinstance(n, int) or n < least:
        raise InvalidInputError(f"{what} is defined for n of at least {least}; got n={n!r}.")

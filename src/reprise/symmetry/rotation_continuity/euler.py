"""Euler angles, and their sines and cosines: three or six numbers, with jumps. Any order of three different axes."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.rotation_continuity.checks import require_rotations, require_vectors
from reprise.symmetry.rotation_continuity.quaternions import artanh

EulerOrder = Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
EULER_ORDERS: tuple[str, ...] = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
GIMBAL_LOCK = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Cosine of the middle Euler angle below which the outer two are not told apart."""


def rotation_from_euler(vector: Float[Tensor, "*batch 3"], order: EulerOrder = "XZY") -> Float[Tensor, "*batch 3 3"]:
    """Make three angles, in radians and not bounded, a rotation: the product of turns about the axes of `order`.

    The turns are intrinsic, as with capital letters in `scipy.spatial.transform.Rotation`: about X, then about the new
    Z, then about the newest Y for the default, which is the authors' order.

    Parameters
    ----------
    vector : angles, in the order of the axes.
    order : three different axes.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 3, the type not floating, or the order unknown.

    Examples
    --------
    >>> import torch
    >>> rotation_from_euler(torch.tensor([torch.pi / 2, 0.0, 0.0])).round().int().tolist()
    [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    """
    require_vectors(vector, 3, "rotation_from_euler")
    _axes(order)
    return _of_sines_and_cosines(vector.sin(), vector.cos(), order)


def rotation_to_euler(
    matrix: Float[Tensor, "*batch 3 3"], order: EulerOrder = "XZY", *, check: bool = False
) -> Float[Tensor, "*batch 3"]:
    """Give the angles that `rotation_from_euler` turns into `matrix`: the middle one in ±π/2, the others in ±π.

    Jumps where an outer angle passes π, and where the middle one reaches ±π/2 (gimbal lock): there only the sum or
    difference of the outer angles is determined, and the last is given as 0.

    Parameters
    ----------
    matrix : rotations.
    order : three different axes.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., 3, 3), the order unknown, or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_euler(rotation_from_euler(torch.tensor([3.0, 1.0, 2.0])))
    tensor([3.0000, 1.0000, 2.0000])
    """
    require_rotations(matrix, "rotation_to_euler", 3, check=check)
    i, j, k, sign = _axes(order)
    cosine = torch.hypot(matrix[..., i, i], matrix[..., i, j])
    locked = cosine < GIMBAL_LOCK.get(matrix.dtype, 1e-2)
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    first = torch.atan2(
        torch.where(locked, sign * matrix[..., k, j], -sign * matrix[..., j, k]),
        torch.where(locked, matrix[..., j, j], matrix[..., k, k]),
    )
    middle = torch.atan2(sign * matrix[..., i, k], cosine)
    last = torch.atan2(
        torch.where(locked, zero, -sign * matrix[..., i, j]), torch.where(locked, one, matrix[..., i, i])
    )
    return torch.stack((first, middle, last), dim=-1)


def matrix_from_euler_sin_cos(
    vector: Float[Tensor, "*batch 6"], order: EulerOrder = "XZY"
) -> Float[Tensor, "*batch 3 3"]:
    """Make six numbers a matrix as `rotation_from_euler` does, with tanh of them for sines and cosines.

    The numbers are (sine, cosine) of the three angles in turn. Nothing makes their squares sum to one, so that the
    matrix is in general no rotation: it is the authors' baseline, and a reason not to use it.

    Parameters
    ----------
    vector : six numbers.
    order : three different axes.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 6, the type not floating, or the order unknown.

    Examples
    --------
    >>> import torch
    >>> matrix_from_euler_sin_cos(torch.zeros(6)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    require_vectors(vector, 6, "matrix_from_euler_sin_cos")
    _axes(order)
    bounded = torch.tanh(vector)
    return _of_sines_and_cosines(bounded[..., 0::2], bounded[..., 1::2], order)


def rotation_to_euler_sin_cos(
    matrix: Float[Tensor, "*batch 3 3"], order: EulerOrder = "XZY", *, check: bool = False
) -> Float[Tensor, "*batch 6"]:
    """Give the six numbers that `matrix_from_euler_sin_cos` turns into `matrix`. Jumps at gimbal lock.

    Parameters
    ----------
    matrix : rotations.
    order : three different axes.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., 3, 3), the order unknown, or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_euler_sin_cos(torch.eye(3)).shape
    torch.Size([6])
    """
    angles = rotation_to_euler(matrix, order, check=check)
    return artanh(torch.stack((angles.sin(), angles.cos()), dim=-1)).flatten(-2)


def _of_sines_and_cosines(sines: Tensor, cosines: Tensor, order: str) -> Tensor:
    """Multiply out the three elementary turns R_i(a) R_j(b) R_k(c)."""
    i, j, k, sign = _axes(order)
    (sa, sb, sc), (ca, cb, cc) = (sign * sines).unbind(-1), cosines.unbind(-1)
    entries = {
        (i, i): cb * cc, (i, j): -cb * sc, (i, k): sb,
        (j, i): ca * sc + sa * sb * cc, (j, j): ca * cc - sa * sb * sc, (j, k): -sa * cb,
        (k, i): sa * sc - ca * sb * cc, (k, j): sa * cc + ca * sb * sc, (k, k): ca * cb,
    }  # fmt: skip
    return torch.stack([entries[place] for place in sorted(entries)], dim=-1).unflatten(-1, (3, 3))


def _axes(order: str) -> tuple[int, int, int, int]:
    """Give the axes' numbers, and the sign of their permutation."""
    if order not in EULER_ORDERS:
        raise InvalidInputError(f"order is one of {', '.join(EULER_ORDERS)}; got {order!r}.")
    i, j, k = ("XYZ".index(axis) for axis in order)
    return i, j, k, 1 if (j - i) % 3 == 1 else -1

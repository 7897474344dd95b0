"""The usual representations of rotations of space, in three or four numbers: each must jump somewhere.

They are here to be compared with, in the conventions of the authors' code, each in both directions. A rotation has two
quaternions, many triples of Euler angles, and so on; the maps from matrices choose one, and jump where the choice does.
Bounded angles come out of tanh: the ends of their ranges need infinite numbers, and are met to rounding only.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.rotation_continuity.checks import require_rotations, require_vectors
from reprise.symmetry.rotation_continuity.gram_schmidt import EPS, normalised

EulerOrder = Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
EULER_ORDERS: tuple[str, ...] = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
GIMBAL_LOCK = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Cosine of the middle Euler angle below which the outer two are not told apart."""


def rotation_from_quaternion(vector: Float[Tensor, "*batch 4"], eps: float = EPS) -> Float[Tensor, "*batch 3 3"]:
    """Make a quaternion (w, x, y, z) of any length a rotation. Quaternions of both signs give the same.

    The variant "quaternion-half" of the authors' code turns the sign such that the last number is positive: this
    changes neither matrix nor gradient, so there is no map of its own for it here.

    Parameters
    ----------
    vector : real part first.
    eps : shortest length that is divided by; the quaternion 0 gives the identity.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 4 or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_quaternion(torch.tensor([0.0, 0.0, 0.0, 2.0])).int().tolist()
    [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]
    """
    require_vectors(vector, 4, "rotation_from_quaternion")
    return _of_unit_quaternion(normalised(vector, eps))


def rotation_to_quaternion(
    matrix: Float[Tensor, "*batch 3 3"], positive: Literal["w", "z"] = "w", *, check: bool = False
) -> Float[Tensor, "*batch 4"]:
    """Give the unit quaternion (w, x, y, z) of a rotation, of the sign that makes its part `positive` so.

    From the largest column of 4 q qᵀ, whose entries are linear in the matrix: accurate for every rotation. For w the
    choice of sign jumps at the rotations by 180 degrees.

    Parameters
    ----------
    matrix : rotations.
    positive : ``"w"``, or ``"z"`` for the authors' "quaternion-half".
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., 3, 3), `positive` neither, or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_quaternion(torch.eye(3)).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    require_rotations(matrix, "rotation_to_quaternion", 3, check=check)
    if positive not in ("w", "z"):
        raise InvalidInputError(f"positive is 'w' or 'z'; got {positive!r}.")
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = matrix.flatten(-2).unbind(-1)
    x, y, z = m21 - m12, m02 - m20, m10 - m01
    xy, xz, yz = m01 + m10, m02 + m20, m12 + m21
    outer = torch.stack(
        (
            torch.stack((1 + m00 + m11 + m22, x, y, z), -1),
            torch.stack((x, 1 + m00 - m11 - m22, xy, xz), -1),
            torch.stack((y, xy, 1 - m00 + m11 - m22, yz), -1),
            torch.stack((z, xz, yz, 1 - m00 - m11 + m22), -1),
        ),
        dim=-2,
    )
    largest = outer.detach().diagonal(dim1=-2, dim2=-1).argmax(-1)
    column = outer.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4)).squeeze(-2)
    quaternion = normalised(column)
    deciding = quaternion[..., 0 if positive == "w" else 3].detach().unsqueeze(-1)
    return torch.where(deciding < 0, -quaternion, quaternion)


def rotation_from_axis_angle(vector: Float[Tensor, "*batch 4"], eps: float = EPS) -> Float[Tensor, "*batch 3 3"]:
    """Make four numbers a rotation: by the angle π tanh(v_0), about the axis (v_1, v_2, v_3) of any length.

    Parameters
    ----------
    vector : angle's number first.
    eps : shortest axis that is divided by; the axis 0 gives the identity at angle 0.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 4 or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_axis_angle(torch.tensor([20.0, 0.0, 3.0, 0.0])).round().int().tolist()
    [[-1, 0, 0], [0, 1, 0], [0, 0, -1]]
    """
    require_vectors(vector, 4, "rotation_from_axis_angle")
    half = torch.tanh(vector[..., :1]) * (math.pi / 2)
    return _of_unit_quaternion(torch.cat((half.cos(), half.sin() * normalised(vector[..., 1:], eps)), dim=-1))


def rotation_to_axis_angle(matrix: Float[Tensor, "*batch 3 3"], *, check: bool = False) -> Float[Tensor, "*batch 4"]:
    """Give artanh(angle / π), with the angle in [0, π], and the unit axis; the identity has the axis (1, 0, 0).

    Jumps at the identity and at 180 degrees.

    Parameters
    ----------
    matrix : rotations.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., 3, 3), or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_axis_angle(torch.eye(3)).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    require_rotations(matrix, "rotation_to_axis_angle", 3, check=check)
    quaternion = rotation_to_quaternion(matrix)
    sine = torch.linalg.vector_norm(quaternion[..., 1:], dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, quaternion[..., :1])
    tiny = torch.finfo(matrix.dtype).tiny
    some_axis = torch.tensor([1.0, 0.0, 0.0], dtype=matrix.dtype, device=matrix.device)
    axis = torch.where(sine > tiny, quaternion[..., 1:] / sine.clamp_min(tiny), some_axis)
    return torch.cat((_artanh(angle / math.pi), axis), dim=-1)


def rotation_from_rotation_vector(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Make a rotation vector (Rodrigues) a rotation: about its direction, by its length in radians.

    The authors' code halves neither sine nor cosine: there, a vector's length is half the angle.

    Parameters
    ----------
    vector : axis times angle.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 3 or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_rotation_vector(torch.tensor([0.0, 0.0, torch.pi / 2])).round().int().tolist()
    [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    require_vectors(vector, 3, "rotation_from_rotation_vector")
    angle = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    return _of_unit_quaternion(torch.cat(((angle / 2).cos(), vector * (torch.sinc(angle / math.tau) / 2)), dim=-1))


def rotation_to_rotation_vector(
    matrix: Float[Tensor, "*batch 3 3"], *, check: bool = False
) -> Float[Tensor, "*batch 3"]:
    """Give the axis times the angle, in [0, π] radians. Jumps at 180 degrees.

    Parameters
    ----------
    matrix : rotations.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., 3, 3), or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_rotation_vector(torch.eye(3)).tolist()
    [0.0, 0.0, 0.0]
    """
    require_rotations(matrix, "rotation_to_rotation_vector", 3, check=check)
    quaternion = rotation_to_quaternion(matrix)
    sine = torch.linalg.vector_norm(quaternion[..., 1:], dim=-1, keepdim=True)
    tiny = torch.finfo(matrix.dtype).tiny
    lengthening = torch.where(sine > tiny, 2 * torch.atan2(sine, quaternion[..., :1]) / sine.clamp_min(tiny), 2.0)
    return quaternion[..., 1:] * lengthening


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
    return _artanh(torch.stack((angles.sin(), angles.cos()), dim=-1)).flatten(-2)


def rotation_from_hopf(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Make three numbers a rotation through Hopf coordinates: bounded angles θ in (0, π), φ and τ in (0, 2π).

    The quaternion is (cos θ/2 cos τ/2, cos θ/2 sin τ/2, sin θ/2 cos(φ + τ/2), sin θ/2 sin(φ + τ/2)); each angle is its
    range times (tanh + 1) / 2 of a number.

    Parameters
    ----------
    vector : the numbers of θ, φ, τ.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 3 or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_hopf(torch.tensor([-20.0, 0.0, 0.0])).round().int().tolist()
    [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    """
    require_vectors(vector, 3, "rotation_from_hopf")
    theta, phi, tau = ((torch.tanh(vector) + 1) * math.pi).unbind(-1)
    theta = theta / 2
    turned = phi + tau / 2
    parts = (
        (theta / 2).cos() * (tau / 2).cos(),
        (theta / 2).cos() * (tau / 2).sin(),
        (theta / 2).sin() * turned.cos(),
        (theta / 2).sin() * turned.sin(),
    )
    return _of_unit_quaternion(torch.stack(parts, dim=-1))


def rotation_to_hopf(matrix: Float[Tensor, "*batch 3 3"], *, check: bool = False) -> Float[Tensor, "*batch 3"]:
    """Give the three numbers that `rotation_from_hopf` turns into `matrix`. Jumps where φ or τ passes 2π.

    Parameters
    ----------
    matrix : rotations.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., 3, 3), or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_hopf(torch.eye(3)).shape
    torch.Size([3])
    """
    require_rotations(matrix, "rotation_to_hopf", 3, check=check)
    w, x, y, z = rotation_to_quaternion(matrix).unbind(-1)
    theta = 2 * torch.atan2(torch.hypot(y, z), torch.hypot(w, x))
    half_tau = torch.atan2(x, w)
    phi = torch.atan2(z, y) - half_tau
    angles = torch.stack((2 * theta, phi.remainder(math.tau), (2 * half_tau).remainder(math.tau)), dim=-1)
    return _artanh(angles / math.pi - 1)


def _of_unit_quaternion(quaternion: Tensor) -> Tensor:
    w, x, y, z = quaternion.unbind(-1)
    x2, y2, z2 = 2 * x, 2 * y, 2 * z
    xx, yy, zz = x * x2, y * y2, z * z2
    xy, xz, yz = x * y2, x * z2, y * z2
    wx, wy, wz = w * x2, w * y2, w * z2
    entries = (1 - yy - zz, xy - wz, xz + wy, xy + wz, 1 - xx - zz, yz - wx, xz - wy, yz + wx, 1 - xx - yy)
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))


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


def _artanh(value: Tensor) -> Tensor:
    """Invert tanh, up to the last number below 1."""
    largest = 1 - torch.finfo(value.dtype).eps
    return torch.atanh(value.clamp(-largest, largest))

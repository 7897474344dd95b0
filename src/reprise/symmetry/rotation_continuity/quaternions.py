"""Quaternions, axis and angle, rotation vectors and Hopf coordinates: three or four numbers, which must jump somewhere.

They are here to be compared with, in the conventions of the authors' code, each in both directions. A rotation has two
quaternions, two axes with angles, and so on; the maps from matrices choose one, and jump where the choice does.
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
    return torch.cat((artanh(angle / math.pi), axis), dim=-1)


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
    return artanh(angles / math.pi - 1)


def _of_unit_quaternion(quaternion: Tensor) -> Tensor:
    w, x, y, z = quaternion.unbind(-1)
    x2, y2, z2 = 2 * x, 2 * y, 2 * z
    xx, yy, zz = x * x2, y * y2, z * z2
    xy, xz, yz = x * y2, x * z2, y * z2
    wx, wy, wz = w * x2, w * y2, w * z2
    entries = (1 - yy - zz, xy - wz, xz + wy, xy + wz, 1 - xx - zz, yz - wx, xz - wy, yz + wx, 1 - xx - yy)
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))


def artanh(value: Tensor) -> Tensor:
    """Invert tanh, up to the last number below 1."""
    largest = 1 - torch.finfo(value.dtype).eps
    return torch.atanh(value.clamp(-largest, largest))

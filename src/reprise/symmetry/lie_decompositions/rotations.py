"""Exponential and logarithm of rotations in n dimensions."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.rotation_continuity import rotation_to_rotation_vector

_NO_TURN = {torch.float64: 1e-9}
_NO_TURN_OF_SHORT_TYPES = 1e-5
"""In the plane, an angle so little below 0 is rounding, and not nearly a whole turn."""


def rotation_exp(skew: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
    """Give the rotation exp(A) of a skew matrix; in the plane from cosine and sine.

    Examples
    --------
    >>> import torch
    >>> rotation_exp(torch.tensor([[0.0, -3.14159265], [3.14159265, 0.0]])).round().abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    if skew.shape[-1] != 2:
        return torch.linalg.matrix_exp(skew)
    angle = skew[..., 1, 0]
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], dim=-1).view(*angle.shape, 2, 2)


def rotation_log(r: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
    """Give a skew matrix A with exp(A) = R: angles in [0, 2π) in the plane, the shortest turn in more dimensions.

    In the plane the angle is 0, and not nearly 2π, for a rotation that rounding has brought just below the identity;
    its gradient is exact everywhere. In space it goes through the quaternion. In more than three dimensions it is found
    from SciPy's Schur decomposition, matrix by matrix and without a gradient. Where a plane turns by π there are two
    shortest turns, of which one is given.

    Raises
    ------
    InvalidInputError
        If a gradient is asked for in more than three dimensions.

    Examples
    --------
    >>> import torch
    >>> rotation_log(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))[1, 0]  # a quarter turn backwards
    tensor(4.7124)
    """
    n = r.shape[-1]
    if n == 2:
        angle = torch.atan2(r[..., 1, 0] - r[..., 0, 1], r[..., 0, 0] + r[..., 1, 1])
        angle = torch.where(
            angle < -_NO_TURN.get(r.dtype, _NO_TURN_OF_SHORT_TYPES), angle + 2 * math.pi, angle.clamp_min(0)
        )
        zero = torch.zeros_like(angle)
        return torch.stack([zero, -angle, angle, zero], dim=-1).view(*angle.shape, 2, 2)
    if n == 3:
        x, y, z = rotation_to_rotation_vector(r).unbind(-1)
        zero = torch.zeros_like(x)
        return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).view(*x.shape, 3, 3)
    if r.requires_grad and torch.is_grad_enabled():
        raise InvalidInputError(
            f"The logarithm of rotations has no gradient in more than three dimensions; got n={n} and a tensor that "
            "requires one. Detach it, or work under torch.no_grad()."
        )
    flat = r.detach().double().cpu().reshape(-1, n, n).numpy()
    logarithms = np.stack([_log_by_schur(matrix) for matrix in flat]) if len(flat) else flat
    return torch.from_numpy(logarithms).view(r.shape).to(r)


def _log_by_schur(rotation: np.ndarray) -> np.ndarray:
    """Logarithm of one rotation; eigenvalues -1, which come singly, are paired into half turns."""
    blocks, basis = scipy.linalg.schur(rotation, output="real")
    n = len(rotation)
    inner = np.zeros((n, n))
    half_turned: list[int] = []
    i = 0
    while i < n:
        if i + 1 < n and abs(blocks[i + 1, i]) > 1e-12:  # a plane that turns
            sine, cosine = blocks[i + 1, i] - blocks[i, i + 1], blocks[i, i] + blocks[i + 1, i + 1]
            angle = np.arctan2(sine, cosine)
            inner[i + 1, i], inner[i, i + 1] = angle, -angle
            i += 2
        else:
            if blocks[i, i] < 0:
                half_turned.append(i)
            i += 1
    for first, second in zip(half_turned[::2], half_turned[1::2], strict=True):
        inner[second, first], inner[first, second] = np.pi, -np.pi
    return np.asarray(basis @ inner @ basis.T)

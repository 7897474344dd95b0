"""Nine raw numbers: Gram-Schmidt after training, as in the paper's baseline, or the nearest rotation by SVD."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.symmetry.rotation_continuity.checks import require_dimension, require_rotations, require_vectors
from reprise.symmetry.rotation_continuity.gram_schmidt import EPS
from reprise.symmetry.rotation_continuity.similarity import orthogonal_from_gram_schmidt

SMALLEST_GAP = 1e-7
"""Smallest sum of two signed singular values, relative to the largest, that the gradient divides by."""


def rotation_from_matrix9(vector: Float[Tensor, "*batch 9"], eps: float = EPS) -> Float[Tensor, "*batch 3 3"]:
    """Make nine numbers, the rows of a matrix, orthonormal columns: the authors' matrix baseline at test time.

    The baseline is trained on the raw matrix. All three columns are free, so that a matrix of negative determinant
    gives a reflection: this is the authors' choice; `rotation_from_svd` always gives a rotation.

    Parameters
    ----------
    vector : a 3 x 3 matrix, row by row.
    eps : shortest length that is divided by.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 9 or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_matrix9(torch.diag(torch.tensor([2.0, 3.0, 4.0])).flatten()).int().tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    require_vectors(vector, 9, "rotation_from_matrix9")
    return orthogonal_from_gram_schmidt(vector.unflatten(-1, (3, 3)).mT.flatten(-2), 3, eps)


def rotation_to_matrix9(matrix: Float[Tensor, "*batch n n"], *, check: bool = False) -> Float[Tensor, "*batch d"]:
    """Give the n² entries of rotations, row by row: what `rotation_from_matrix9` and `rotation_from_svd` take.

    Parameters
    ----------
    matrix : rotations.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., n, n) with n of at least 2, or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_matrix9(torch.eye(2)).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    require_rotations(matrix, "rotation_to_matrix9", check=check)
    return matrix.flatten(-2)


def rotation_from_svd(vector: Float[Tensor, "*batch d"], n: int = 3) -> Float[Tensor, "*batch n n"]:
    r"""Make n² numbers, the rows of a matrix M, the rotation nearest to M in the Frobenius norm.

    $$M = U S V^\top, \qquad R = U\ \mathrm{diag}(1, ..., 1, \det(U V^\top))\ V^\top$$

    Not of the paper: the later alternative to its maps, which treats all columns alike (Levinson et al., 2020,
    arXiv:2006.14616). The nearest rotation is not unique where the two smallest signed singular values cancel; R jumps
    there, and the gradient, otherwise in closed form and finite also for equal singular values, is cut off.
    O(n³) a matrix; differentiable once.

    Parameters
    ----------
    vector : a matrix, row by row.
    n : its size, at least 2.

    Raises
    ------
    InvalidInputError
        If n is below 2, the last dimension is not n², or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_svd(torch.tensor([2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, -0.1])).round().int().tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    require_dimension(n, "rotation_from_svd")
    require_vectors(vector, n * n, f"rotation_from_svd for n={n}")
    nearest: Tensor = _NearestRotation.apply(vector.unflatten(-1, (n, n)))
    return nearest


class _NearestRotation(torch.autograd.Function):
    """With R = U D Vᵀ and A = Uᵀ dM V D, dR = U [(A - Aᵀ) / (s_i + s_j)] D Vᵀ, where s are the signed values."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        left, values, right = torch.linalg.svd(matrix)
        sign = torch.where(torch.linalg.det(left) * torch.linalg.det(right) < 0, -1.0, 1.0).to(values)
        signs = torch.cat((torch.ones_like(values[..., :-1]), sign.unsqueeze(-1)), dim=-1)
        right = signs.unsqueeze(-1) * right
        ctx.save_for_backward(left, values * signs, right)
        return left @ right

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        left, values, right = ctx.saved_tensors
        sums = values.unsqueeze(-1) + values.unsqueeze(-2)
        floor = (SMALLEST_GAP * values[..., :1, None].abs()).clamp_min(torch.finfo(values.dtype).tiny)
        inner = left.mT @ gradient @ right.mT
        return left @ torch.where(sums > floor, (inner - inner.mT) / sums.clamp_min(floor), 0.0) @ right

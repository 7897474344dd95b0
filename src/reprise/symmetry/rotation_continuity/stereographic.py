"""Fewer numbers still: stereographic projection takes one off for each column from the second on, five for n = 3."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.rotation_continuity.checks import require_dimension, require_rotations, require_vectors
from reprise.symmetry.rotation_continuity.gram_schmidt import EPS, rotation_from_gram_schmidt

WIDE, NARROW = math.sqrt(2) + 1, math.sqrt(2)
"""Largest coordinates that a projected column takes over all rotations: elsewhere, and in the row of its partner."""


def rotation_from_5d(vector: Float[Tensor, "*batch 5"], eps: float = EPS) -> Float[Tensor, "*batch 3 3"]:
    r"""Make five numbers a rotation of space, the fewest from which that can be done without jumps.

    With p the last three numbers times (√2 + 1, √2 + 1, √2) and s = |p|, the six numbers for `rotation_from_6d` are

    $$a = (v_1,\ v_2,\ (s^2 - 1) / (2s)), \qquad b = p / s.$$

    That is the inverse stereographic projection of p to the sphere in R^4, scaled so that b has length 1. Layout and
    constants are those of the authors' code; the constants make every coordinate of `rotation_to_5d` fill [-1, 1].

    Parameters
    ----------
    vector : five numbers.
    eps : shortest length that is divided by.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 5 or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_5d(rotation_to_5d(torch.eye(3))).round().int().tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    require_vectors(vector, 5, "rotation_from_5d")
    return rotation_from_stereographic(vector, 3, eps=eps)


def rotation_to_5d(matrix: Float[Tensor, "*batch 3 3"], *, check: bool = False) -> Float[Tensor, "*batch 5"]:
    """Give the five numbers, each within [-1, 1], that `rotation_from_5d` turns into `matrix`. Continuous.

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
    >>> rotation_to_5d(torch.eye(3))
    tensor([1.0000, 0.0000, 0.0000, 0.4142, 0.0000])
    """
    require_rotations(matrix, "rotation_to_5d", 3, check=check)
    return rotation_to_stereographic(matrix)


def rotation_from_stereographic(
    vector: Float[Tensor, "*batch d"], n: int, projections: int | None = None, eps: float = EPS
) -> Float[Tensor, "*batch n n"]:
    r"""Make n² - n - k numbers a rotation of R^n, where k = `projections` is 1 to n - 2: at least n² - 2n + 2 numbers.

    Each of the last k columns b of the Gram-Schmidt representation takes one partner r out of the first column (column
    i, counted from 0, the entry i + 1), and the n + 1 numbers (r, b) are projected from the sphere to n numbers,

    $$p = \frac{b}{\sqrt{1 + r^2} - r}, \qquad r = \frac{|p|^2 - 1}{2 |p|}, \quad b = \frac{p}{|p|},$$

    which loses nothing because b has length 1. p is divided by √2 + 1, and by √2 in the partner's row, to fill [-1, 1].
    For n = 3 this is `rotation_from_5d`.

    Parameters
    ----------
    vector : what is left of the first column, then the other columns one after the other.
    n : dimension of the space, at least 3.
    projections : k; the default n - 2 gives the fewest numbers.
    eps : shortest length that is divided by.

    Raises
    ------
    InvalidInputError
        If n is below 3, k not within 1 to n - 2, the last dimension not n² - n - k, or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_stereographic(torch.ones(2, 10), n=4).shape
    torch.Size([2, 4, 4])
    """
    projections = _projections(n, projections, "rotation_from_stereographic")
    require_vectors(vector, n * n - n - projections, f"rotation_from_stereographic for n={n}, k={projections}")
    kept = n - projections
    columns = vector[..., kept:].unflatten(-1, (n - 2, n))
    projected = columns[..., n - 2 - projections :, :] * _scales(n, projections, vector)
    length = torch.linalg.vector_norm(projected, dim=-1).clamp_min(eps)
    partners = (length - length.reciprocal()) / 2
    raw = torch.cat((vector[..., :kept], partners, columns[..., : n - 2 - projections, :].flatten(-2)), dim=-1)
    return rotation_from_gram_schmidt(torch.cat((raw, projected.flatten(-2)), dim=-1), n, eps)


def rotation_to_stereographic(
    matrix: Float[Tensor, "*batch n n"], projections: int | None = None, *, check: bool = False
) -> Float[Tensor, "*batch d"]:
    """Give the n² - n - k numbers that `rotation_from_stereographic` turns into `matrix`. Continuous.

    Parameters
    ----------
    matrix : rotations.
    projections : k, as there.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., n, n) with n of at least 3, k not within 1 to n - 2, or (with `check`) a matrix is no
        rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_stereographic(torch.eye(4), projections=1).shape
    torch.Size([11])
    """
    n = require_rotations(matrix, "rotation_to_stereographic", check=check)
    projections = _projections(n, projections, "rotation_to_stereographic")
    kept = n - projections
    first, columns = matrix[..., 0], matrix[..., 1:-1].mT
    partners = first[..., kept:].unsqueeze(-1)
    projected = columns[..., n - 2 - projections :, :] / (torch.sqrt(1 + partners.square()) - partners)
    projected = projected / _scales(n, projections, matrix)
    untouched = columns[..., : n - 2 - projections, :]
    return torch.cat((first[..., :kept], untouched.flatten(-2), projected.flatten(-2)), dim=-1)


def _projections(n: int, projections: int | None, what: str) -> int:
    require_dimension(n, what, least=3)
    wanted = n - 2 if projections is None else projections
    if not 1 <= wanted <= n - 2:
        raise InvalidInputError(f"{what} makes 1 to n - 2 = {n - 2} projections; got {projections}.")
    return wanted


def _scales(n: int, projections: int, like: Tensor) -> Tensor:
    """Largest coordinates (k, n) of the projected columns."""
    scales = torch.full((projections, n), WIDE, dtype=like.dtype, device=like.device)
    rows = torch.arange(projections, device=like.device)
    scales[rows, rows + n - projections] = NARROW
    return scales

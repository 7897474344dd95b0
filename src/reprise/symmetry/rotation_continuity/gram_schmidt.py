"""Gram-Schmidt: raw vectors of n² - n numbers to SO(n), six for n = 3."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.rotation_continuity.checks import (
    require_dimension,
    require_rotations,
    require_vectors,
)

EPS = 1e-8
"""Shortest length that is still divided by (the authors' value)."""
MANY, BLOCK = 4096, 8192
"""On a CPU, rows from which blocks are faster, and rows of a block, whose intermediate results stay in the cache."""

Convention = Literal["columns", "rows"]


def rotation_from_6d(
    vector: Float[Tensor, "*batch 6"], convention: Convention = "columns", eps: float = EPS
) -> Float[Tensor, "*batch 3 3"]:
    r"""Make six numbers a rotation of space: two vectors a, b, made orthonormal, and their cross product.

    $$x = N(a), \quad z = N(x \times b), \quad y = z \times x, \quad R = [x\ y\ z]$$

    with N(v) = v / max(|v|, eps).

    R depends on the direction of a, and on the half-plane beyond a in which b lies; only where a = 0 or b ∥ a is it
    undefined, and there the columns concerned are 0, not NaN, as are their gradients. b's part along a is taken away
    before the cross product, which changes nothing but rounding: R is orthonormal however small their angle is.
    Rotating a and b rotates R: for vectors made by an equivariant network, R is equivariant.

    O(1) a vector, differentiable any number of times.

    Parameters
    ----------
    vector : a and b, one after the other.
    convention : whether a and b become the first two ``"columns"`` of R, as in the paper's code, or ``"rows"``, as in
        PyTorch3D: each gives the other's transpose.
    eps : shortest length that is divided by.

    Raises
    ------
    InvalidInputError
        If the last dimension is not 6, the type not floating, or the convention unknown.

    Examples
    --------
    >>> import torch
    >>> rotation_from_6d(torch.tensor([0.0, 2.0, 0.0, 0.0, 0.0, 3.0])).int().tolist()
    [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    """
    require_vectors(vector, 6, "rotation_from_6d")
    _require_convention(convention)
    many = vector.device.type == "cpu" and vector.shape[:-1].numel() > MANY
    matrix = _from_two_columns_in_blocks(vector, eps) if many else _from_two_columns(vector, eps)
    return matrix.mT if convention == "rows" else matrix


def rotation_to_6d(
    matrix: Float[Tensor, "*batch 3 3"], convention: Convention = "columns", *, check: bool = False
) -> Float[Tensor, "*batch 6"]:
    """Give the six numbers that `rotation_from_6d` turns into `matrix`: its first two columns, or rows. Continuous.

    Parameters
    ----------
    matrix : rotations.
    convention : as in `rotation_from_6d`.
    check : raise if a matrix is not a rotation.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., 3, 3), the convention unknown, or (with `check`) a matrix is no rotation.

    Examples
    --------
    >>> import torch
    >>> rotation_to_6d(torch.eye(3)).tolist()
    [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    require_rotations(matrix, "rotation_to_6d", 3, check=check)
    _require_convention(convention)
    columns = matrix if convention == "columns" else matrix.mT
    return columns[..., :2].mT.flatten(-2)


def rotation_from_gram_schmidt(
    vector: Float[Tensor, "*batch d"], n: int, eps: float = EPS
) -> Float[Tensor, "*batch n n"]:
    r"""Make n² - n numbers a rotation of R^n: n - 1 vectors, made orthonormal one after the other, and a last column.

    $$b_1 = N(a_1), \quad b_i = N\Big(a_i - \sum_{j<i} (b_j \cdot a_i)\, b_j\Big)$$

    The last column is the generalised cross product of the others, whose k-th component is det [b_1 ... b_{n-1} e_k]:
    the one that makes the determinant +1. For n = 3 this is `rotation_from_6d`, for n = 2 a vector and its quarter
    turn. Each projection is done twice, after which the columns are orthogonal to rounding (the paper's formula does it
    once); the last column comes from the unit vector e_k that is furthest from the others, O(n³) in all rather than
    n determinants of O(n³) each.

    Parameters
    ----------
    vector : a_1, ..., a_{n-1}, one after the other: d = n² - n numbers.
    n : dimension of the space, at least 2.
    eps : shortest length that is divided by. A vector that depends on those before it gives a column of zeros.

    Raises
    ------
    InvalidInputError
        If n is below 2, the last dimension is not n² - n, or the type not floating.

    Examples
    --------
    >>> import torch
    >>> rotation_from_gram_schmidt(torch.tensor([3.0, 4.0]), n=2)
    tensor([[ 0.6000, -0.8000],
            [ 0.8000,  0.6000]])
    """
    require_dimension(n, "rotation_from_gram_schmidt")
    require_vectors(vector, n * n - n, f"rotation_from_gram_schmidt for n={n}")
    if n == 3:
        return rotation_from_6d(vector, eps=eps)
    columns = orthonormal(vector.unflatten(-1, (n - 1, n)), eps)
    return torch.cat((columns, _cross_product(columns).unsqueeze(-2)), dim=-2).mT


def rotation_to_gram_schmidt(matrix: Float[Tensor, "*batch n n"], *, check: bool = False) -> Float[Tensor, "*batch d"]:
    """Give the n² - n numbers that `rotation_from_gram_schmidt` turns into `matrix`: all but its last column.

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
    >>> rotation_to_gram_schmidt(torch.eye(4)).shape
    torch.Size([12])
    """
    require_rotations(matrix, "rotation_to_gram_schmidt", check=check)
    return matrix[..., :-1].mT.flatten(-2)


def normalised(vector: Tensor, eps: float = EPS) -> Tensor:
    """Divide by the length, or by eps where that is shorter: no NaN at 0, neither in value nor in gradient."""
    floor = max(eps * eps, torch.finfo(vector.dtype).tiny)
    return vector * vector.square().sum(-1, keepdim=True).clamp_min(floor).rsqrt()


def _from_two_columns(vector: Tensor, eps: float) -> Tensor:
    x, b = normalised(vector[..., :3], eps), vector[..., 3:]
    z = normalised(torch.linalg.cross(x, b - (x * b).sum(-1, keepdim=True) * x), eps)
    return torch.stack((x, torch.linalg.cross(z, x), z), dim=-1)


def _from_two_columns_in_blocks(vector: Tensor, eps: float) -> Tensor:
    """Do the same number by number: more operations, each without a loop over three, for as many rows as fit a cache.

    One and a half times as fast for many rows on a CPU, and slower for few.
    """
    floor = max(eps * eps, torch.finfo(vector.dtype).tiny)

    def scaled(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scale = (a * a + b * b + c * c).clamp_min(floor).rsqrt()
        return a * scale, b * scale, c * scale

    blocks = []
    for block in vector.reshape(-1, 6).split(BLOCK):
        x0, x1, x2, b0, b1, b2 = block.unbind(-1)
        x0, x1, x2 = scaled(x0, x1, x2)
        along = x0 * b0 + x1 * b1 + x2 * b2
        b0, b1, b2 = b0 - along * x0, b1 - along * x1, b2 - along * x2
        z0, z1, z2 = scaled(x1 * b2 - x2 * b1, x2 * b0 - x0 * b2, x0 * b1 - x1 * b0)
        y0, y1, y2 = z1 * x2 - z2 * x1, z2 * x0 - z0 * x2, z0 * x1 - z1 * x0
        blocks.append(torch.stack((x0, y0, z0, x1, y1, z1, x2, y2, z2), dim=-1))
    return torch.cat(blocks).reshape(*vector.shape[:-1], 3, 3)


def orthonormal(vectors: Tensor, eps: float) -> Tensor:
    """Make the rows (..., m, n) orthonormal, each projected twice ("twice is enough", Kahan and Parlett)."""
    done = normalised(vectors[..., :1, :], eps)
    for i in range(1, vectors.shape[-2]):
        row = vectors[..., i : i + 1, :]
        for _ in range(2):
            row = row - (row @ done.mT) @ done
        done = torch.cat((done, normalised(row, eps)), dim=-2)
    return done


def _cross_product(rows: Tensor) -> Tensor:
    """Give the unit vector orthogonal to the n - 1 orthonormal rows, of positive orientation; 0 where a row is 0."""
    n = rows.shape[-1]
    furthest = rows.detach().square().sum(-2).argmin(-1)
    unit = torch.nn.functional.one_hot(furthest, n).to(rows.dtype).unsqueeze(-2)
    for _ in range(2):
        unit = unit - (unit @ rows.mT) @ rows
    last = normalised(unit)
    orientation = torch.linalg.det(torch.cat((rows, last), dim=-2).detach()).round()
    return last.squeeze(-2) * orientation.unsqueeze(-1)


def _require_convention(convention: str) -> None:
    if convention not in ("columns", "rows"):
        raise InvalidInputError(f"convention is 'columns' or 'rows'; got {convention!r}.")

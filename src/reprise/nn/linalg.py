"""Linear algebra that several papers share: random rotations, and eigenvectors of small symmetric matrices."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError


def random_orthogonal(
    dim: int,
    count: int,
    generator: torch.Generator,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Float[Tensor, "count dim dim"]:
    """Draw orthogonal matrices from the Haar (uniform) measure of O(dim); about half of them reflect.

    The Q of a Gaussian matrix's QR decomposition, its columns signed so that R has a positive diagonal: without the
    signs the draw is not uniform (Mezzadri, 2007, arXiv:math-ph/0609050). The work is done in float64 on the
    generator's device, O(count · dim³).

    Parameters
    ----------
    dim : size of the matrices, at least 1.
    count : how many to draw.
    generator : the only source of randomness.
    dtype, device : of the result; the device defaults to the generator's.

    Raises
    ------
    InvalidInputError
        If `dim` is below 1 or `count` below 0.

    Examples
    --------
    >>> import torch
    >>> Q = random_orthogonal(3, 5, torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> torch.allclose(Q @ Q.mT, torch.eye(3, dtype=torch.float64).expand(5, 3, 3))
    True
    """
    if dim < 1 or count < 0:
        raise InvalidInputError(f"dim must be at least 1 and count at least 0; got dim={dim}, count={count}.")
    gaussian = torch.randn(count, dim, dim, generator=generator, dtype=torch.float64, device=generator.device)
    q, r = torch.linalg.qr(gaussian)
    signs = torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(q.dtype)
    return (q * signs[:, None, :]).to(device=device or generator.device, dtype=dtype)


def random_rotations(
    dim: int,
    count: int,
    generator: torch.Generator,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Float[Tensor, "count dim dim"]:
    """Draw rotations from the Haar (uniform) measure of SO(dim).

    Draws of `random_orthogonal` whose first column is turned round where the determinant is -1, which keeps the
    measure uniform. Parameters and errors are those of `random_orthogonal`.

    Examples
    --------
    >>> import torch
    >>> R = random_rotations(2, 4, torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> torch.allclose(torch.linalg.det(R), torch.ones(4, dtype=torch.float64))
    True
    """
    q = random_orthogonal(dim, count, generator, dtype=torch.float64)
    q[:, :, 0] *= torch.linalg.det(q)[:, None]
    return q.to(device=device or generator.device, dtype=dtype)


def random_invertible(
    dim: int,
    count: int,
    generator: torch.Generator,
    *,
    unimodular: bool = False,
    spread: float = 0.3,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Float[Tensor, "count dim dim"]:
    """Draw A = exp(S) R with positive determinant: R a uniform rotation, S symmetric with Gaussian entries.

    By the polar decomposition every matrix of GL+(dim) is such a product in one way, and one of SL(dim) where S has no
    trace.

    Parameters
    ----------
    dim, count : of the matrices, each at least 1.
    generator : source of all randomness.
    unimodular : whether det A = 1.
    spread : standard deviation of the entries of S: 0 gives rotations, 0.3 stretches by up to about 2.
    dtype, device : of the result; the device of the generator where not given.

    Raises
    ------
    InvalidInputError
        If `dim` or `count` is below 1 or `spread` is negative.

    Examples
    --------
    >>> import torch
    >>> A = random_invertible(3, 5, torch.Generator().manual_seed(0), unimodular=True, dtype=torch.float64)
    >>> torch.allclose(torch.linalg.det(A), torch.ones(5, dtype=torch.float64))
    True
    """
    rotations = random_rotations(dim, count, generator, dtype=torch.float64)
    if not spread >= 0:
        raise InvalidInputError(f"spread is a standard deviation and at least 0; got {spread}.")
    gaussian = torch.randn(count, dim, dim, generator=generator, dtype=torch.float64, device=generator.device)
    symmetric = spread * (gaussian.tril() + gaussian.tril(-1).mT)
    if unimodular:
        trace = symmetric.diagonal(dim1=-2, dim2=-1).mean(-1)
        symmetric = symmetric - trace[:, None, None] * torch.eye(dim, dtype=torch.float64, device=generator.device)
    stretches = torch.linalg.matrix_exp(symmetric)
    return (stretches @ rotations).to(device=device or generator.device, dtype=dtype)


def symmetric_eigen(
    matrix: Float[Tensor, "*batch d d"],
) -> tuple[Float[Tensor, "*batch d"], Float[Tensor, "*batch d d"]]:
    """Eigenvalues (ascending) and orthonormal eigenvectors (columns) of symmetric matrices, computed in float64.

    The eigenvectors of a small matrix cost little, and those of close eigenvalues lose about as many digits as the
    relative gap has zeros, which float32 cannot spare. Only the lower triangle is read. The results have the
    matrix's dtype; the gradient is `torch.linalg.eigh`'s, unbounded as two eigenvalues meet. O(d³) a matrix.

    Examples
    --------
    >>> import torch
    >>> values, vectors = symmetric_eigen(torch.diag(torch.tensor([3.0, 1.0])))
    >>> values.tolist(), vectors.abs().tolist()
    ([1.0, 3.0], [[0.0, 1.0], [1.0, 0.0]])
    """
    values, vectors = torch.linalg.eigh(matrix.double())
    return values.to(matrix.dtype), vectors.to(matrix.dtype)


def relative_eigengap(values: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """Smallest distance between neighbouring eigenvalues over the largest magnitude: 0 where two coincide.

    `values` are sorted along the last axis. A single eigenvalue has nothing to coincide with: its gap is 1; a
    vanishing matrix has gap 0.

    Examples
    --------
    >>> import torch
    >>> relative_eigengap(torch.tensor([[0.0, 1.0, 4.0], [2.0, 2.0, 4.0]])).tolist()
    [0.25, 0.0]
    """
    if values.shape[-1] == 1:
        return torch.ones_like(values[..., 0])
    smallest = values.diff(dim=-1).abs().amin(dim=-1)
    largest = values.abs().amax(dim=-1)
    return torch.where(largest > 0, smallest / largest.clamp_min(torch.finfo(values.dtype).tiny), 0.0)


def geodesic_distance(
    first: Float[Tensor, "*#batch n n"], second: Float[Tensor, "*#batch n n"], *, degrees: bool = False
) -> Float[Tensor, "*out"]:
    r"""Angle of the rotation that leads from one rotation to another: the length of the shortest path in SO(n).

    For M = `first` · `second`ᵀ in three dimensions, with w the vector of M - Mᵀ,

    $$\theta = \mathrm{atan2}(|w|/2,\ (\mathrm{tr} M - 1)/2).$$

    In contrast to the arc cosine, that is accurate near 0 and 180 degrees, and its gradient is finite everywhere:
    of length about 1 close to 0, and 0 at 0. In n dimensions it is the root of the sum of the squared angles of the
    planes in which M turns, from its eigenvalues; there the gradient is that of `torch.linalg.eigvals`, unbounded where
    two planes turn by the same angle. Inputs that are not quite rotations are taken as they are.
    O(n³) a pair, and O(1) for n of 2 and 3.

    Parameters
    ----------
    first, second : rotations, of shapes that broadcast.
    degrees : give degrees instead of radians.

    Raises
    ------
    InvalidInputError
        If the shapes are not (..., n, n) with the same n of at least 2.

    Examples
    --------
    >>> import torch
    >>> geodesic_distance(torch.eye(3), torch.diag(torch.tensor([-1.0, -1.0, 1.0])), degrees=True).item()
    180.0
    """
    n = first.shape[-1] if first.ndim >= 2 else 0
    if n < 2 or first.shape[-2:] != (n, n) or second.shape[-2:] != (n, n):
        raise InvalidInputError(
            f"geodesic_distance takes matrices (..., n, n) with the same n of at least 2; got shapes "
            f"{tuple(first.shape)} and {tuple(second.shape)}."
        )
    if n == 3:  # w is the sum of the cross products of the columns
        w = torch.linalg.cross(*torch.broadcast_tensors(second, first), dim=-2).sum(-1)
        angle = torch.atan2(torch.linalg.vector_norm(w, dim=-1) / 2, ((first * second).sum((-2, -1)) - 1) / 2)
        return angle.rad2deg() if degrees else angle
    turn = first @ second.mT
    if n == 2:
        sine = (turn[..., 1, 0] - turn[..., 0, 1]) / 2
        angle = torch.atan2(sine.abs(), (turn[..., 0, 0] + turn[..., 1, 1]) / 2)
    else:
        values = torch.linalg.eigvals(turn)  # each plane that turns by t gives exp(it) and exp(-it)
        angle = torch.linalg.vector_norm(torch.atan2(values.imag, values.real), dim=-1) / math.sqrt(2)
    return angle.rad2deg() if degrees else angle


def safe_norm(vectors: Float[Tensor, "*batch d"], *, keepdim: bool = False) -> Float[Tensor, "*lengths"]:
    """Euclidean length along the last axis, with gradient 0 (to any order) at the zero vector, where none exists.

    Examples
    --------
    >>> import torch
    >>> x = torch.zeros(3, requires_grad=True)
    >>> safe_norm(x).backward()
    >>> x.grad.tolist()
    [0.0, 0.0, 0.0]
    """
    squared = vectors.square().sum(-1, keepdim=keepdim)
    zero = squared == 0
    return squared.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)

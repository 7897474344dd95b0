"""Rotations, symmetric positive definite matrices, and the groups that are products of the two, in n dimensions."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.nn.linalg import random_rotations
from reprise.nn.matrix_groups import (
    polar_decompose,
    require_positive_determinant,
    require_rotation,
    require_symmetric,
    symmetric_exp,
    symmetric_log,
)
from reprise.symmetry.lie_decompositions.groups import MatrixGroup
from reprise.symmetry.lie_decompositions.rotations import rotation_exp, rotation_log

Rotations = Literal["equidistant", "uniform"]

UNIT_DETERMINANT = 1e-4
"""How far the determinant of an element of SL(n) may be from 1."""


class SOn(MatrixGroup):
    """Rotations SO(n), of dimension n (n - 1) / 2; coordinates are those of the principal logarithm.

    For n = 2 it is the angle (times √2), in [0, 2π).

    Parameters
    ----------
    n, alpha : see `MatrixGroup`.
    rotations : ``"equidistant"`` angles 2π i / N (n = 2 only), or ``"uniform"`` draws (Haar's measure).

    Examples
    --------
    >>> import torch
    >>> SOn(3).dim, SOn(3).basis.shape
    (3, torch.Size([3, 3, 3]))
    """

    name = "SO"
    volume_preserving = True

    def __init__(self, n: int, alpha: float = 1.0, *, rotations: Rotations = "uniform"):
        super().__init__(n, alpha)
        self.rotations = _known_rotations(rotations, n)

    def exp(self, coordinates: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch n n"]:
        """Give the rotation of these coordinates: the matrix exponential."""
        return rotation_exp(self.hat(coordinates))

    def _make_basis(self) -> list[Tensor]:
        return _skew_basis(self.n)

    def _require(self, g: Tensor) -> int:
        return require_rotation(g, str(self))

    def _log(self, g: Tensor) -> Tensor:
        return rotation_log(g)

    def _sample_pair(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        r = _draw_rotations(self.n, count, generator, self.rotations)
        return r, r.mT


class SPDn(MatrixGroup):
    """Symmetric positive definite matrices, the other factor of the decomposition (no group); `exp` is onto.

    Samples are log-normal: the logarithm's coordinates are independent and normal (Schwartzman, 2016).

    Parameters
    ----------
    n, alpha : see `MatrixGroup`.
    traceless : only those of determinant 1, whose logarithms have trace 0.
    variance : of each coordinate of a sample's logarithm.

    Examples
    --------
    >>> import torch
    >>> SPDn(2).dim, SPDn(2, traceless=True).dim
    (3, 2)
    """

    name = "SPD"

    def __init__(self, n: int, alpha: float = 1.0, *, traceless: bool = False, variance: float = 0.1):
        self.traceless = self.volume_preserving = traceless
        self.variance = _positive_variance(variance)
        super().__init__(n, alpha)

    def exp(self, coordinates: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch n n"]:
        """Give the symmetric positive definite matrix whose logarithm has these coordinates."""
        return symmetric_exp(self.hat(coordinates), check=False)

    def draw_logarithms(self, count: int, generator: torch.Generator) -> Float[Tensor, "count n n"]:
        """Draw the logarithms of samples, in float64."""
        normal = torch.randn(count, self.dim, generator=generator, dtype=torch.float64, device=generator.device)
        return self.hat(math.sqrt(self.variance) * normal)

    def _make_basis(self) -> list[Tensor]:
        return _symmetric_basis(self.n, self.traceless)

    def _require(self, g: Tensor) -> int:
        n = require_symmetric(g, str(self))
        require_positive_determinant(g, str(self))
        if self.traceless:
            _require_unit_determinant(g, str(self))
        return n

    def _log(self, g: Tensor) -> Tensor:
        return symmetric_log(g, check=True)

    def _sample_pair(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = self.draw_logarithms(count, generator)
        return symmetric_exp(x, check=False), symmetric_exp(-x, check=False)


class _PolarGroup(MatrixGroup):
    """GL+(n) and SL(n): g = exp(X) R with coordinates vee(X + log R), and samples S^(1/2) R.

    A product of a log-normal S and a rotation: Haar's measure of the group is that of SO(n) times a density on the
    symmetric factor, which the log-normal stands for, near the identity, as Haar's own has no finite total.
    """

    def __init__(self, n: int, alpha: float = 1.0, *, variance: float = 0.1, rotations: Rotations | None = None):
        super().__init__(n, alpha)
        self.rotations = _known_rotations(rotations or ("equidistant" if n == 2 else "uniform"), n)
        self.spd = SPDn(n, alpha, traceless=self.volume_preserving, variance=variance)

    @property
    def _symmetric_factor(self) -> MatrixGroup:
        return self.spd

    def exp(self, coordinates: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch n n"]:
        """Give ξ(v) = exp(X) exp(A), X and A the symmetric and the skew part of hat(v)."""
        matrix = self.hat(coordinates)
        return symmetric_exp(matrix, check=False) @ rotation_exp((matrix - matrix.mT) / 2)

    def _log(self, g: Tensor) -> Tensor:
        log_p, r = polar_decompose(g, check=False)
        return log_p + rotation_log(r)

    def _sample_pair(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        half = self.spd.draw_logarithms(count, generator) / 2
        r = _draw_rotations(self.n, count, generator, self.rotations)
        return symmetric_exp(half, check=False) @ r, r.mT @ symmetric_exp(-half, check=False)


class GLn(_PolarGroup):
    """Matrices of positive determinant GL+(n), of dimension n².

    Parameters
    ----------
    n, alpha : see `MatrixGroup`.
    variance : of each coordinate of log S, for a sample's S.
    rotations : ``"equidistant"`` angles 2π i / N (n = 2, the default there), or ``"uniform"`` (Haar's measure).

    Examples
    --------
    >>> import torch
    >>> group = GLn(3)
    >>> g = torch.tensor([[-2.0, 0.0, 0.0], [0.0, -0.5, 0.0], [0.0, 1.0, 3.0]])
    >>> torch.allclose(group.exp(group.log(g)), g, atol=1e-5)
    True
    """

    name = "GL+"
    volume_preserving = False

    def _make_basis(self) -> list[Tensor]:
        return [*_symmetric_basis(self.n, traceless=False), *_skew_basis(self.n)]

    def _require(self, g: Tensor) -> int:
        return require_positive_determinant(g, str(self))


class SLn(_PolarGroup):
    """Matrices of determinant 1, SL(n), of dimension n² - 1; parameters as those of `GLn`.

    Examples
    --------
    >>> import torch
    >>> samples = SLn(3).sample_pair(4, torch.Generator().manual_seed(0))
    >>> torch.allclose(torch.linalg.det(samples.g), torch.ones(4), atol=1e-5)
    True
    """

    name = "SL"
    volume_preserving = True

    def _make_basis(self) -> list[Tensor]:
        symmetric = _symmetric_basis(self.n, traceless=True)
        diagonal = [matrix for matrix in symmetric if bool((matrix == matrix.diagonal().diag()).all())]
        off_diagonal = [matrix for matrix in symmetric if bool(matrix.diagonal().eq(0).all())]
        return [*off_diagonal, *_skew_basis(self.n), *diagonal]

    def _require(self, g: Tensor) -> int:
        n = require_positive_determinant(g, str(self))
        _require_unit_determinant(g, str(self))
        return n


def _symmetric_basis(n: int, traceless: bool) -> list[Tensor]:
    """Symmetric matrices, orthonormal for tr(Aᵀ B); traceless: differences of the diagonal first."""
    if traceless:
        basis = [
            torch.diag(torch.tensor([1.0] * k + [-float(k)] + [0.0] * (n - k - 1), dtype=torch.float64))
            / math.sqrt(k * (k + 1))
            for k in range(1, n)
        ]
        return basis + [_unit(n, i, j, 1.0) / math.sqrt(2) for i, j in combinations(range(n), 2)]
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    return [_unit(n, i, j, 1.0) / (1 if i == j else math.sqrt(2)) for i, j in pairs]


def _skew_basis(n: int) -> list[Tensor]:
    """Skew matrices, orthonormal for tr(Aᵀ B), each turning axis i towards axis j."""
    return [_unit(n, j, i, -1.0) / math.sqrt(2) for i, j in combinations(range(n), 2)]


def _unit(n: int, i: int, j: int, mirrored: float) -> Tensor:
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix[j, i] = mirrored
    matrix[i, j] = 1.0
    return matrix


def _draw_rotations(n: int, count: int, generator: torch.Generator, how: Rotations) -> Tensor:
    if how == "uniform":
        return random_rotations(n, count, generator, dtype=torch.float64)
    # Endpoint-free: both ends of [-π, π], which the authors' code includes, are the same rotation.
    angle = 2 * math.pi / count * torch.arange(count, dtype=torch.float64, device=generator.device)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], dim=-1).view(-1, 2, 2)


def _known_rotations(how: Rotations, n: int) -> Rotations:
    if how not in {"equidistant", "uniform"}:
        raise UnknownNameError("way to draw rotations", how, ("equidistant", "uniform"))
    if how == "equidistant" and n != 2:
        raise InvalidInputError(f"Equidistant rotations are those of the plane; got n={n}. Use 'uniform'.")
    return how


def _positive_variance(variance: float) -> float:
    if not 0 < variance < math.inf:
        raise InvalidInputError(f"The variance of the symmetric factor must be positive; got {variance}.")
    return variance


def _require_unit_determinant(g: Tensor, what: str) -> None:
    off = (torch.linalg.det(g.detach().double()) - 1).abs()
    if g.numel() and float(off.amax()) > UNIT_DETERMINANT:
        raise InvalidInputError(f"{what} takes matrices of determinant 1; one is {float(off.amax()):.3g} off.")

"""The matrix groups: bases of their Lie algebras, their global coordinates, and samples of their elements."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from itertools import combinations
from typing import Literal, NamedTuple

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
from reprise.symmetry.lie_decompositions.rotations import rotation_exp, rotation_log

Rotations = Literal["equidistant", "uniform"]

UNIT_DETERMINANT = 1e-4
"""How far the determinant of an element of SL(n) may be from 1."""


class GroupSamples(NamedTuple):
    """N elements of a group and their inverses, which were made together: no matrix was inverted.

    Examples
    --------
    >>> import torch
    >>> samples = SL2().sample_pair(5, torch.Generator().manual_seed(0))
    >>> torch.allclose(samples.g @ samples.inverse, torch.eye(2).expand(5, 2, 2), atol=1e-5)
    True
    """

    g: Float[Tensor, "N n n"]
    inverse: Float[Tensor, "N n n"]

    def moved(self, h: Float[Tensor, "n n"]) -> GroupSamples:
        """Give h g and g⁻¹ h⁻¹: the samples as they move with an image that h acts on."""
        h = h.to(self.g)
        return GroupSamples(h @ self.g, self.inverse @ torch.linalg.inv(h))


class MatrixGroup(ABC):
    """What the groups have in common: a basis of the algebra, coordinates, samples.

    The basis is orthonormal for <A, B> = alpha tr(Aᵀ B). `hat` makes coordinates a matrix of the algebra and `vee`
    turns it back; `log` is the global coordinate map ξ⁻¹ of the group and `exp` its inverse ξ.

    Parameters
    ----------
    n : size of the matrices.
    alpha : scale of the inner product.

    Attributes
    ----------
    dim : of the group.
    basis : (dim, n, n), float64.
    volume_preserving : whether all determinants are 1.
    """

    name: str
    volume_preserving: bool

    def __init__(self, n: int, alpha: float = 1.0):
        if not isinstance(n, int) or n < 2:
            raise InvalidInputError(f"Matrix groups are defined here for n of at least 2; got n={n!r}.")
        if not 0 < alpha < math.inf:
            raise InvalidInputError(f"alpha scales an inner product and must be positive; got {alpha}.")
        self.n, self.alpha = n, alpha
        self.basis: Float[Tensor, "dim n n"] = torch.stack(self._make_basis()) / math.sqrt(alpha)

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return len(self.basis)

    def hat(self, coordinates: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch n n"]:
        """Make coordinates a matrix of the algebra: Σ v_i B_i."""
        if coordinates.ndim < 1 or coordinates.shape[-1] != self.dim:
            raise InvalidInputError(
                f"{self} has {self.dim} coordinates (..., {self.dim}); got shape {tuple(coordinates.shape)}."
            )
        return torch.tensordot(coordinates, self.basis.to(coordinates), dims=1)

    def vee(self, matrix: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch dim"]:
        """Give the coordinates <B_i, A> of a matrix; of one outside the algebra, those of its projection."""
        if matrix.shape[-2:] != (self.n, self.n):
            raise InvalidInputError(f"{self} has matrices (..., {self.n}, {self.n}); got {tuple(matrix.shape)}.")
        return self.alpha * torch.einsum("...ij,kij->...k", matrix, self.basis.to(matrix))

    def log(self, g: Float[Tensor, "*batch n n"], *, check: bool = True) -> Float[Tensor, "*batch dim"]:
        """Give the global coordinates ξ⁻¹(g).

        Parameters
        ----------
        g : elements.
        check : raise `InvalidInputError` for what is no element; False where it is known to be one.
        """
        if check:
            self.require(g)
        return self.vee(self._log(g))

    @property
    def periodic_dim(self) -> int:
        """Number of numbers that `periodic` gives."""
        symmetric = self._symmetric_factor
        return (2 if self.n == 2 else self.n**2) + (0 if symmetric is None else symmetric.dim)

    def periodic(self, g: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch periodic_dim"]:
        """Give coordinates that are continuous all round: vee(log P), and the entries of R instead of log R.

        The angle of `log` jumps by 2π at the identity, where elements of a group are most often compared; its cosine
        and sine do not. They are no chart, having more numbers than the group has dimensions, but tell elements apart
        as well. In the plane R's first column stands for R. The input is not checked.
        """
        log_p, r = polar_decompose(g, check=False)
        numbers = r[..., 0] if self.n == 2 else r.flatten(-2)
        symmetric = self._symmetric_factor
        return numbers if symmetric is None else torch.cat([symmetric.vee(log_p), numbers], dim=-1)

    @property
    def _symmetric_factor(self) -> MatrixGroup | None:
        return None

    @abstractmethod
    def exp(self, coordinates: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch n n"]:
        """Give the element ξ(v) of these coordinates."""

    def require(self, g: Float[Tensor, "*batch n n"]) -> None:
        """Raise `InvalidInputError` unless `g` are elements of the group."""
        n = self._require(g)
        if n != self.n:
            raise InvalidInputError(f"{self} has matrices (..., {self.n}, {self.n}); got {tuple(g.shape)}.")

    def sample_pair(
        self,
        count: int,
        generator: torch.Generator | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> GroupSamples:
        """Draw elements, each with its inverse from the same draw.

        Parameters
        ----------
        count : how many, at least 1.
        generator : the only source of randomness; None for torch's global generator, as in `torch.nn.Dropout`.
        dtype, device : of the result; drawn in float64 on the generator's device, which the device defaults to.
        """
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise InvalidInputError(f"samples counts group elements and must be at least 1; got {count!r}.")
        generator = generator or torch.default_generator
        g, inverse = self._sample_pair(count, generator)
        place = device or generator.device
        return GroupSamples(g.to(place, dtype), inverse.to(place, dtype))

    @abstractmethod
    def _make_basis(self) -> list[Tensor]: ...

    @abstractmethod
    def _require(self, g: Tensor) -> int: ...

    @abstractmethod
    def _log(self, g: Tensor) -> Tensor: ...

    @abstractmethod
    def _sample_pair(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]: ...

    def __repr__(self) -> str:
        return f"{self.name}({self.n})"


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


class SO2(SOn):
    """Rotations of the plane; one coordinate, √2 times the angle in [0, 2π). Samples are equidistant by default.

    Examples
    --------
    >>> import torch
    >>> SO2().log(torch.tensor([[0.0, -1.0], [1.0, 0.0]])) / 2**0.5  # a quarter turn
    tensor([1.5708])
    """

    def __init__(self, alpha: float = 1.0, *, rotations: Rotations = "equidistant"):
        super().__init__(2, alpha, rotations=rotations)


class SPD2(SPDn):
    """Symmetric positive definite 2 x 2 matrices; see `SPDn`.

    Examples
    --------
    >>> SPD2(traceless=True).basis.shape
    torch.Size([2, 2, 2])
    """

    def __init__(self, traceless: bool = False, alpha: float = 1.0, *, variance: float = 0.1):
        super().__init__(2, alpha, traceless=traceless, variance=variance)


class GL2(GLn):
    """Linear maps of the plane that keep orientation, GL+(2); basis: diag(1, 0), symmetric, diag(0, 1), skew.

    Examples
    --------
    >>> import torch
    >>> GL2().log(torch.diag(torch.tensor([2.0, 1.0])))
    tensor([0.6931, 0.0000, 0.0000, 0.0000])
    """

    def __init__(self, alpha: float = 1.0, *, variance: float = 0.1, rotations: Rotations = "equidistant"):
        super().__init__(2, alpha, variance=variance, rotations=rotations)


class SL2(SLn):
    """Linear maps of the plane that keep orientation and area, SL(2); basis: symmetric, skew, diag(1, -1), over √2.

    Examples
    --------
    >>> import torch
    >>> group = SL2()
    >>> group.log(torch.diag(torch.tensor([-2.0, -0.5])))  # no real matrix logarithm reaches it
    tensor([0.0000, 4.4429, 0.9803])
    """

    def __init__(self, alpha: float = 1.0, *, variance: float = 0.1, rotations: Rotations = "equidistant"):
        super().__init__(2, alpha, variance=variance, rotations=rotations)


GROUPS: dict[str, type[SO2] | type[SL2] | type[GL2]] = {"so2": SO2, "sl2": SL2, "gl2": GL2}


def group_named(name: str) -> MatrixGroup:
    """Give the group of the plane of a name, with the paper's settings: ``"so2"``, ``"sl2"`` or ``"gl2"``.

    Raises
    ------
    UnknownNameError
        If there is no such group.

    Examples
    --------
    >>> group_named("gl2")
    GL+(2)
    """
    if name not in GROUPS:
        raise UnknownNameError("group", name, GROUPS)
    return GROUPS[name]()


def group_log(
    g: Float[Tensor, "*batch n n"], group: str | MatrixGroup, *, check: bool = True
) -> Float[Tensor, "*batch dim"]:
    r"""Give the global coordinates of group elements, $\xi^{-1}(g) = \mathrm{vee}(\log P + \log R)$ with g = P R.

    In contrast to the matrix logarithm they exist for every g of GL+(n) and SL(n), and are unique.

    Parameters
    ----------
    g : elements.
    group : ``"so2"``, ``"sl2"``, ``"gl2"``, or a `MatrixGroup`.
    check : look at the input, which waits for an accelerator.

    Raises
    ------
    InvalidInputError
        If `g` are not elements: not square, not finite, det g not positive, for SL further than 1e-4 from 1, for SO
        not orthogonal.

    Examples
    --------
    >>> import torch
    >>> group_log(torch.eye(2), "gl2")
    tensor([0., 0., 0., 0.])
    """
    return (group_named(group) if isinstance(group, str) else group).log(g, check=check)


def group_exp(v: Float[Tensor, "*batch dim"], group: str | MatrixGroup) -> Float[Tensor, "*batch n n"]:
    r"""Give the group elements of global coordinates, $\xi(v) = \exp(X) \exp(A)$ with hat(v) = X + A.

    X is the symmetric and A the skew part. The inverse of `group_log`.

    Parameters
    ----------
    v : coordinates.
    group : ``"so2"``, ``"sl2"``, ``"gl2"``, or a `MatrixGroup`.

    Raises
    ------
    InvalidInputError
        If the last axis is not as long as the group's dimension.

    Examples
    --------
    >>> import torch
    >>> g = torch.tensor([[-2.0, 1.0], [0.0, -0.5]])
    >>> torch.allclose(group_exp(group_log(g, "sl2"), "sl2"), g, atol=1e-6)
    True
    """
    return (group_named(group) if isinstance(group, str) else group).exp(v)


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

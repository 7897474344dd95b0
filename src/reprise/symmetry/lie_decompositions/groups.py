"""What matrix groups have in common: a basis of the Lie algebra, global coordinates, samples of elements."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.matrix_groups import polar_decompose


class GroupSamples(NamedTuple):
    """N elements of a group and their inverses, which were made together: no matrix was inverted.

    Examples
    --------
    >>> import torch
    >>> from reprise.symmetry.lie_decompositions import SL2
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

    Examples
    --------
    >>> import torch
    >>> from reprise.symmetry.lie_decompositions import GL2
    >>> group: MatrixGroup = GL2()
    >>> group.dim, torch.allclose(group.vee(group.hat(torch.ones(4))), torch.ones(4))
    (4, True)
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

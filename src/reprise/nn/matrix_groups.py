"""Polar decomposition, and exponential and logarithm of symmetric matrices, with gradients that stay finite.

The textbook gradient of an eigendecomposition divides by differences of eigenvalues and is not a number where two of
them are equal, as at the identity. Functions of the *matrix* are smooth there. Their gradients are written here with
divided differences, (f(a) - f(b)) / (a - b), which tend to f'(a) (Daleckii and Krein's formula; Higham, 2008,
*Functions of Matrices*, theorem 3.11).
"""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from reprise.errors import InvalidInputError, UnknownNameError

Side = Literal["left", "right"]


def symmetric_exp(matrix: Float[Tensor, "*batch n n"], *, check: bool = True) -> Float[Tensor, "*batch n n"]:
    """Exponential of symmetric matrices: symmetric positive definite, V diag(exp e) Vᵀ.

    Of the input its symmetric part is taken. Computed in float64, given in the input's dtype; differentiable once,
    with finite gradients at equal eigenvalues. O(n³) a matrix.

    Parameters
    ----------
    matrix : symmetric matrices.
    check : look at the input, which waits for an accelerator; False where it is known to be in order.

    Raises
    ------
    InvalidInputError
        If the input is not of shape (..., n, n), floating and finite.

    Examples
    --------
    >>> import torch
    >>> symmetric_exp(torch.zeros(2, 2, requires_grad=True)).sum().item()
    2.0
    """
    if check:
        require_square(matrix, "symmetric_exp")
    return cast(Tensor, _SymmetricFunction.apply(matrix, "exp"))


def symmetric_log(matrix: Float[Tensor, "*batch n n"], *, check: bool = True) -> Float[Tensor, "*batch n n"]:
    """Logarithm of symmetric positive definite matrices: the symmetric matrix V diag(log e) Vᵀ.

    The inverse of `symmetric_exp`; precision, cost and `check` as there.

    Raises
    ------
    InvalidInputError
        If the input is not of shape (..., n, n), floating and finite, or an eigenvalue is not positive.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.5, 0.2], [0.2, -0.1]], dtype=torch.float64)
    >>> torch.allclose(symmetric_log(symmetric_exp(x)), x)
    True
    """
    if check:
        require_square(matrix, "symmetric_log")
        exact = matrix.detach().double()
        least = float(torch.linalg.eigvalsh((exact + exact.mT) / 2).amin()) if matrix.numel() else 1.0
        if least <= 0:
            raise InvalidInputError(
                f"symmetric_log takes positive definite matrices; the input has an eigenvalue {least:.3g}."
            )
    return cast(Tensor, _SymmetricFunction.apply(matrix, "log"))


def polar_decompose(
    g: Float[Tensor, "*batch n n"], side: Side = "left", *, check: bool = True
) -> tuple[Float[Tensor, "*batch n n"], Float[Tensor, "*batch n n"]]:
    r"""Write invertible matrices of positive determinant as g = exp(X) R (left) or g = R exp(X) (right).

    X is symmetric and R a rotation. Both are unique: $(X, R) \mapsto \exp(X) R$ is a diffeomorphism of Sym(n) x SO(n)
    onto GL+(n), also where g has no real logarithm. det g = 1 exactly where tr X = 0.

    Through the singular value decomposition g = U diag(s) Wᵀ, in float64: X = U diag(log s) Uᵀ and R = U Wᵀ. Against
    the eigenvalues of g gᵀ, which are s², that keeps all digits of small singular values. Differentiable once, with
    gradients that are finite wherever g is invertible, equal singular values included. O(n³) a matrix.

    Parameters
    ----------
    g : matrices with det g > 0.
    side : where the symmetric factor stands, ``"left"`` or ``"right"``.
    check : look at the input, which waits for an accelerator; False where it is known to be in order.

    Returns
    -------
    X and R, in g's dtype.

    Raises
    ------
    InvalidInputError
        If g is not of shape (..., n, n), floating and finite, or a determinant is not positive.
    UnknownNameError
        If there is no such side.

    Examples
    --------
    diag(-2, -1/2) is no exponential of a real matrix. It stretches by 2 and 1/2, and turns by half a turn:

    >>> import torch
    >>> log_p, r = polar_decompose(torch.diag(torch.tensor([-2.0, -0.5])))
    >>> log_p.diagonal(), r.diagonal()
    (tensor([ 0.6931, -0.6931]), tensor([-1., -1.]))
    """
    _require_side(side)
    if check:
        require_positive_determinant(g, "polar_decompose")
    if side == "right":  # g = R P is gᵀ = P Rᵀ
        log_p, r = _Polar.apply(g.mT)
        return log_p, r.mT
    log_p, r = _Polar.apply(g)
    return log_p, r


def polar_compose(
    log_p: Float[Tensor, "*batch n n"], r: Float[Tensor, "*batch n n"], side: Side = "left", *, check: bool = True
) -> Float[Tensor, "*batch n n"]:
    """Put g = exp(X) R (left) or g = R exp(X) (right) together again: the inverse of `polar_decompose`.

    Parameters
    ----------
    log_p : symmetric X.
    r : rotations R.
    side, check : as in `polar_decompose`.

    Raises
    ------
    InvalidInputError
        If X is not symmetric, R not a rotation, or the shapes differ in n.
    UnknownNameError
        If there is no such side.

    Examples
    --------
    >>> import torch
    >>> g = torch.tensor([[1.0, 2.0], [-1.0, 3.0]])
    >>> torch.allclose(polar_compose(*polar_decompose(g)), g, atol=1e-6)
    True
    """
    _require_side(side)
    if check:
        require_symmetric(log_p, "polar_compose")
        require_rotation(r, "polar_compose")
        if log_p.shape[-1] != r.shape[-1]:
            raise InvalidInputError(
                f"polar_compose takes X and R of equal size; got shapes {tuple(log_p.shape)} and {tuple(r.shape)}."
            )
    p = symmetric_exp(log_p, check=False)
    return p @ r if side == "left" else r @ p


ROUNDING = {torch.float64: 1e-6, torch.float32: 1e-3}
"""How far the entries of a symmetric or orthogonal matrix may be off, relative to its size, by dtype."""


def require_square(matrix: Tensor, what: str) -> int:
    """Raise unless `matrix` is a floating, finite (..., n, n) tensor; give n."""
    n = matrix.shape[-1] if matrix.ndim >= 2 else 0
    if n < 1 or matrix.shape[-2] != n:
        raise InvalidInputError(f"{what} takes square matrices (..., n, n); got shape {tuple(matrix.shape)}.")
    if not matrix.is_floating_point():
        raise InvalidInputError(f"{what} takes a floating tensor; got {matrix.dtype}.")
    if not bool(matrix.detach().isfinite().all()):
        raise InvalidInputError(f"{what} takes finite matrices; the input holds NaN or infinity.")
    return n


def require_positive_determinant(matrix: Tensor, what: str) -> int:
    """Raise unless `matrix` is a finite (..., n, n) tensor of positive determinants; give n."""
    n = require_square(matrix, what)
    sign, _ = torch.linalg.slogdet(matrix.detach().double())
    if bool((sign <= 0).any()):
        least = float(torch.linalg.det(matrix.detach().double()).amin())
        raise InvalidInputError(f"{what} takes matrices of positive determinant; the input has one of {least:.3g}.")
    return n


def require_symmetric(matrix: Tensor, what: str) -> int:
    """Raise unless `matrix` is a finite, symmetric (..., n, n) tensor; give n."""
    n = require_square(matrix, what)
    off = (matrix - matrix.mT).detach().abs().amax() if matrix.numel() else torch.tensor(0.0)
    size = matrix.detach().abs().amax() if matrix.numel() else torch.tensor(0.0)
    if float(off) > _rounding(matrix) * max(float(size), 1.0):
        raise InvalidInputError(f"{what} takes symmetric matrices; this one differs from its transpose by {off:.2g}.")
    return n


def require_rotation(matrix: Tensor, what: str) -> int:
    """Raise unless `matrix` is a finite (..., n, n) tensor of rotations; give n."""
    n = require_square(matrix, what)
    exact = matrix.detach().double()
    off = (exact @ exact.mT - torch.eye(n, dtype=exact.dtype, device=exact.device)).abs()
    if matrix.numel() and float(off.amax()) > _rounding(matrix):
        raise InvalidInputError(f"{what} takes rotations; R Rᵀ differs from the identity by {float(off.amax()):.2g}.")
    if bool((torch.linalg.det(exact) < 0).any()):
        raise InvalidInputError(f"{what} takes rotations; the input holds a reflection (determinant -1).")
    return n


def _rounding(matrix: Tensor) -> float:
    return ROUNDING.get(matrix.dtype, 3e-2)


def _require_side(side: str) -> None:
    if side not in {"left", "right"}:
        raise UnknownNameError("side", side, ("left", "right"))


def _log_slopes(values: Tensor) -> Tensor:
    """Give (log a - log b) / (a - b) for all pairs of the last axis, and 1 / a where a = b."""
    low = torch.minimum(values[..., :, None], values[..., None, :])
    gap = (values[..., :, None] - values[..., None, :]).abs()
    apart = gap > 0
    return torch.where(apart, torch.log1p(gap / low) / gap.where(apart, 1.0), 1 / low)


def _exp_slopes(values: Tensor) -> Tensor:
    """Give (exp a - exp b) / (a - b) for all pairs of the last axis, and exp a where a = b."""
    low = torch.minimum(values[..., :, None], values[..., None, :])
    gap = (values[..., :, None] - values[..., None, :]).abs()
    apart = gap > 0
    return low.exp() * torch.where(apart, torch.expm1(gap) / gap.where(apart, 1.0), 1.0)


class _SymmetricFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, name: str) -> Tensor:
        exact = matrix.double()
        values, vectors = torch.linalg.eigh((exact + exact.mT) / 2)
        ctx.save_for_backward(values, vectors)
        ctx.name = name
        image = values.exp() if name == "exp" else values.log()
        return ((vectors * image[..., None, :]) @ vectors.mT).to(matrix.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        values, vectors = ctx.saved_tensors
        slopes = _exp_slopes(values) if ctx.name == "exp" else _log_slopes(values)
        return _through_slopes(grad.double(), slopes, vectors).to(grad.dtype), None


class _Polar(torch.autograd.Function):
    """The left decomposition. With dR = W R, W skew, and M = dg Rᵀ: dP = M - P W, and M - Mᵀ = P W + W P gives W."""

    @staticmethod
    def forward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        u, values, wt = torch.linalg.svd(g.double())
        r = u @ wt
        ctx.save_for_backward(u, values, r)
        log_p = (u * values.log()[..., None, :]) @ u.mT
        return log_p.to(g.dtype), r.to(g.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_log_p: Tensor, grad_r: Tensor) -> Tensor:
        u, values, r = ctx.saved_tensors
        of_p = _through_slopes(grad_log_p.double(), _log_slopes(values), u)
        p = (u * values[..., None, :]) @ u.mT
        of_w = u.mT @ (grad_r.double() @ r.mT - p @ of_p) @ u
        of_w = of_w / (values[..., :, None] + values[..., None, :])
        of_m = of_p + u @ (of_w - of_w.mT) @ u.mT
        return (of_m @ r).to(grad_log_p.dtype)


def _through_slopes(grad: Tensor, slopes: Tensor, vectors: Tensor) -> Tensor:
    """Give V (slopes ∘ (Vᵀ G V)) Vᵀ for the symmetric part G of the gradient."""
    inner = vectors.mT @ ((grad + grad.mT) / 2) @ vectors
    return vectors @ (slopes * inner) @ vectors.mT

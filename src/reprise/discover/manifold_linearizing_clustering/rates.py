"""Coding rates: how many nats it takes to say features up to a precision, all together or group by group."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError

CHUNK = 128  # groups whose d x d matrices are held together


def coding_rate(Z: Float[Tensor, "n d"], eps2: float = 0.2) -> Float[Tensor, ""]:
    r"""Rate that codes n features together, up to a squared error of ε².

    .. math:: R(Z) = \tfrac12 \log\det\Big( I + \frac{d}{n \varepsilon^2} Z^\top Z \Big)

    It is largest where unit features spread evenly over all directions. With the factor ½ of the rate reduction that
    it comes from; this paper leaves it out. O(n d min(n, d)), by the smaller of the two Gram matrices.

    Parameters
    ----------
    Z : features, by rows.
    eps2 : ε², in squared units of the features.

    Raises
    ------
    InvalidInputError
        If Z is not a non-empty floating matrix, or `eps2` is not positive. NaN gives NaN.

    Examples
    --------
    Orthonormal features reach d / 2 log(1 + 1 / ε²); equal ones stay at log(1 + d / ε²) / 2:

    >>> import torch
    >>> coding_rate(torch.eye(4), eps2=1.0), coding_rate(torch.eye(4)[[0, 0, 0, 0]], eps2=1.0)
    (tensor(1.3863), tensor(0.8047))

    References
    ----------
    Yu et al. (2020), "Learning diverse and discriminative representations via the principle of maximal coding rate
    reduction", arXiv 2006.08558.
    """
    check_rate_input(Z, eps2)
    n, d = Z.shape
    gram = Z.mT @ Z if d <= n else Z @ Z.mT
    return _half_log_det(gram * (d / (n * eps2)))[0]


def conditional_coding_rate(
    Z: Float[Tensor, "n d"],
    Gamma: Float[Tensor, "n m"],
    eps2: float = 0.2,
    chunk: int = CHUNK,
) -> Float[Tensor, ""]:
    r"""Mean rate of m soft groups, of which each column of Γ is one: how much its members weigh.

    .. math:: R_c(Z, \Gamma) = \frac{1}{2 m} \sum_{j=1}^{m}
              \log\det\Big( I + \frac{d}{\varepsilon^2} Z^\top \operatorname{diag}(\gamma_j) Z \Big)

    With a doubly stochastic Γ every point has a group of its own, those whom it shares a cluster with; if Γ is block
    diagonal with blocks 1/n_k this is the conditional rate of those clusters. Some columns of it, drawn at random, give
    an unbiased estimate. R(Z) is never below it.

    The m matrices come from one product of Γ with the features' outer products, and value and gradient together,
    `chunk` groups at a time: O(n m d² + m d³) time and O((n + chunk) d²) memory; the Gram matrices of n x n are taken
    where n < d.

    Parameters
    ----------
    Z : features, by rows.
    Gamma : weights of the n points in m groups; at least 0, and each column sums to one.
    eps2 : ε², in squared units of the features.
    chunk : groups whose matrices are held together.

    Raises
    ------
    InvalidInputError
        As for `coding_rate`; also if Γ has not n rows or `chunk` is below 1.

    Examples
    --------
    >>> import torch
    >>> Z, together, apart = torch.eye(2), torch.full((2, 2), 0.5), torch.eye(2)
    >>> conditional_coding_rate(Z, together, eps2=1.0), conditional_coding_rate(Z, apart, eps2=1.0)
    (tensor(0.6931), tensor(0.5493))

    References
    ----------
    Ding et al. (2023), "Unsupervised manifold linearizing and clustering", arXiv 2301.01805, equation 4.
    """
    check_rate_input(Z, eps2)
    if Gamma.ndim != 2 or len(Gamma) != len(Z) or not Gamma.shape[1] or chunk < 1:
        raise InvalidInputError(
            f"A membership of shape ({len(Z)}, m) and a chunk of at least 1 are expected; got {tuple(Gamma.shape)} and "
            f"{chunk}."
        )
    weights = torch.full((Gamma.shape[1],), 1 / Gamma.shape[1], dtype=Z.dtype, device=Z.device)
    return _group_rates(Z, Gamma, weights, eps2, chunk)


def mcr2(
    Z: Float[Tensor, "n d"], labels: Int[Tensor, " n"] | Float[Tensor, "n K"], eps2: float = 0.2
) -> Float[Tensor, ""]:
    r"""Rate reduction of known clusters: the rate of all features less the mean rate of their clusters.

    .. math:: \Delta R = R(Z) - \sum_k \frac{n_k}{2n} \log\det\Big(I + \frac{d}{n_k \varepsilon^2}
              Z^\top \operatorname{diag}(\pi_k) Z\Big), \qquad n_k = \sum_i \pi_{ik}

    Parameters
    ----------
    Z : features, by rows.
    labels : (n,) cluster of each, or (n, K) memberships π whose rows sum to one.
    eps2 : ε², in squared units of the features.

    Raises
    ------
    InvalidInputError
        As for `coding_rate`; also if there are not n labels, or a membership is negative or not finite.

    Examples
    --------
    >>> import torch
    >>> Z = torch.eye(2)[[0, 0, 1, 1]]
    >>> mcr2(Z, torch.tensor([0, 0, 1, 1])), mcr2(Z, torch.tensor([0, 1, 0, 1]))
    (tensor(0.5928), tensor(0.))

    References
    ----------
    Yu et al. (2020), "Learning diverse and discriminative representations via the principle of maximal coding rate
    reduction", arXiv 2006.08558.
    """
    check_rate_input(Z, eps2)
    if len(labels) != len(Z) or labels.ndim not in (1, 2):
        raise InvalidInputError(f"{len(Z)} labels or rows of memberships are expected; got {tuple(labels.shape)}.")
    if labels.ndim == 1:
        _, position = labels.unique(return_inverse=True)
        memberships = torch.nn.functional.one_hot(position).to(Z.dtype)
    else:
        memberships = labels.to(Z.dtype)
    if not bool((memberships >= 0).all() & memberships.isfinite().all()):
        raise InvalidInputError("Memberships must be finite and at least 0.")
    sizes = memberships.sum(0)
    memberships, sizes = memberships[:, sizes > 0], sizes[sizes > 0]
    return coding_rate(Z, eps2) - _group_rates(Z, memberships / sizes, sizes / len(Z), eps2, CHUNK)


def check_rate_input(Z: Tensor, eps2: float) -> None:
    """Refuse what has no coding rate."""
    if Z.ndim != 2 or not Z.numel() or not Z.is_floating_point():
        raise InvalidInputError(
            f"Features are a non-empty floating matrix (n, d); got {Z.dtype} of shape {tuple(Z.shape)}."
        )
    if not 0 < eps2 < math.inf:
        raise InvalidInputError(f"eps2 is {eps2!r}; a positive number is expected.")


def _group_rates(Z: Tensor, groups: Tensor, weights: Tensor, eps2: float, chunk: int) -> Tensor:
    n, d = Z.shape
    if d <= n:
        return _GroupRates.apply(Z, groups, weights, d / eps2, chunk)
    # I + a Zᵀ diag(γ) Z and I + a diag(√γ) Z Zᵀ diag(√γ) have one determinant.
    kernel, rates = Z @ Z.mT, []
    for columns in groups.split(chunk, dim=1):
        roots = columns.clamp(min=torch.finfo(Z.dtype).tiny).sqrt().mT
        rates.append(_half_log_det(d / eps2 * roots[:, :, None] * kernel * roots[:, None, :])[0])
    return (torch.cat(rates) * weights).sum()


class _GroupRates(torch.autograd.Function):
    """Σ_j w_j / 2 logdet(I + a Zᵀ diag(γ_j) Z), its gradient made on the way, as its matrices are too many to keep.

    Only the lower triangle of the outer products z zᵀ is used, its other half counted twice.
    """

    @staticmethod
    def forward(ctx: Any, Z: Tensor, groups: Tensor, weights: Tensor, scale: float, chunk: int) -> Tensor:
        d = Z.shape[1]
        rows, columns = torch.tril_indices(d, d, device=Z.device)
        outer = Z[:, rows] * Z[:, columns]
        twice = torch.where(rows == columns, 1.0, 2.0).to(Z.dtype)
        needs_Z, needs_groups = ctx.needs_input_grad[:2]
        slope_groups = torch.empty_like(groups) if needs_groups else None
        slope_outer = torch.zeros_like(outer) if needs_Z else None
        value = Z.new_zeros(())
        for start in range(0, groups.shape[1], chunk):
            part = slice(start, start + chunk)
            matrices = Z.new_zeros(len(weights[part]), d, d)
            matrices[:, rows, columns] = scale * (groups[:, part].mT @ outer)
            half, factors = _half_log_det(matrices)
            value = value + (half * weights[part]).sum()
            if not (needs_Z or needs_groups):
                continue
            inverses = torch.cholesky_inverse(factors)[:, rows, columns] * twice
            if slope_groups is not None:
                slope_groups[:, part] = scale / 2 * (outer @ inverses.mT) * weights[part]
            if slope_outer is not None:
                slope_outer += scale / 2 * (groups[:, part] * weights[part]) @ inverses
        slope_Z = torch.zeros_like(Z) if needs_Z else None
        if slope_Z is not None and slope_outer is not None:
            slope_Z.index_add_(1, rows, slope_outer * Z[:, columns])
            slope_Z.index_add_(1, columns, slope_outer * Z[:, rows])
        ctx.slopes = slope_Z, slope_groups
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        slope_Z, slope_groups = (None if slope is None else slope * gradient for slope in ctx.slopes)
        return slope_Z, slope_groups, None, None, None


def _half_log_det(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Give logdet(I + A) / 2 of positive semidefinite A, of which the lower triangles are read, and I + A's factors.

    NaN where A holds NaN, as a Cholesky factor of I + A exists for every other.
    """
    identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    factors, failed = torch.linalg.cholesky_ex(matrices + identity)
    logs = factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return torch.where(failed == 0, logs, logs.new_full((), math.nan)), factors

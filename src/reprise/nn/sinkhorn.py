"""The doubly stochastic matrix nearest to a kernel in relative entropy: Sinkhorn's scaling, in log space."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from reprise.errors import InvalidInputError

_ASYMMETRY = 1e-4  # of the kernel's largest entry, that rounding in float32 explains


@overload
def doubly_stochastic(
    K: Float[Tensor, "n n"], eta: float = 0.175, max_iter: int = 50, tol: float = 1e-4, *, symmetric: bool = True
) -> Float[Tensor, "n n"]: ...


@overload
def doubly_stochastic(
    K: Float[np.ndarray, "n n"], eta: float = 0.175, max_iter: int = 50, tol: float = 1e-4, *, symmetric: bool = True
) -> NDArray[Any]: ...


def doubly_stochastic(
    K: Float[Tensor, "n n"] | Float[np.ndarray, "n n"],
    eta: float = 0.175,
    max_iter: int = 50,
    tol: float = 1e-4,
    *,
    symmetric: bool = True,
) -> Float[Tensor, "n n"] | NDArray[Any]:
    r"""Project a kernel onto the matrices whose rows and columns sum to one.

    .. math:: \Gamma = \arg\min_{G \ge 0,\; G 1 = G^\top 1 = 1}
                       -\langle K, G \rangle + \eta \sum_{ij} G_{ij} \log G_{ij}
                     = \operatorname{diag}(u) \, e^{K / \eta} \, \operatorname{diag}(v)

    For a symmetric kernel u = v, and the averaged update of the potentials f = η log u,

    .. math:: f \leftarrow \tfrac12 \Big( f - \eta \log \sum_j e^{(K_{\cdot j} + f_j) / \eta} \Big),

    keeps Γ symmetric at every step and converges in a few of them. A large η gives 1/n everywhere, a small one (below
    0.02 for cosines; ask for more steps) a matching. Time O(n² steps), memory O(n²); gradients of the symmetric form
    are those of the limit, by one solve of (I + Γ) w = b, O(n³ / 3), and nothing of the steps is kept.

    Parameters
    ----------
    K : (n, n) kernel, a floating tensor or array. Entries of minus infinity give zeros.
    eta : η, weight of the entropy, in the kernel's units.
    max_iter : steps at most.
    tol : largest difference of a row's sum from one at which to stop.
    symmetric : K is symmetric. Otherwise rows and columns have potentials of their own, which are updated in turn, and
        gradients run back through the steps.

    Returns
    -------
    (n, n) of the kernel's kind, with entries in [0, 1].

    Raises
    ------
    InvalidInputError
        If K is not square, floating and non-empty, if it is not symmetric where that is said, or if `eta`, `max_iter`
        or `tol` is not positive. NaN in a tensor gives NaN, so that a training names the step; in an array it is
        an error.

    Examples
    --------
    >>> import numpy as np
    >>> G = doubly_stochastic(np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]]), eta=0.2)
    >>> G.round(2)
    array([[0.62, 0.38, 0.01],
           [0.38, 0.62, 0.01],
           [0.01, 0.01, 0.99]])

    References
    ----------
    Sinkhorn and Knopp (1967), "Concerning nonnegative matrices and doubly stochastic matrices",
    doi:10.2140/pjm.1967.21.343.
    Knight, Ruiz and Uçar (2014), "A symmetry preserving algorithm for matrix scaling", doi:10.1137/110825753.
    Eisenberger et al. (2022), "A unified framework for implicit Sinkhorn differentiation", arXiv 2205.06688.
    """
    _check_setting("eta", eta)
    _check_setting("max_iter", max_iter)
    _check_setting("tol", tol)
    kernel = torch.from_numpy(K) if isinstance(K, np.ndarray) else K
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or not len(kernel) or not kernel.is_floating_point():
        raise InvalidInputError(
            f"A square, non-empty, floating kernel is expected; got {kernel.dtype} of shape {tuple(kernel.shape)}."
        )
    if isinstance(K, np.ndarray) and bool(kernel.isnan().any() or (kernel == math.inf).any()):
        raise InvalidInputError("The kernel holds NaN or infinity; finite numbers (or minus infinity) are expected.")
    if symmetric:
        _check_symmetric(kernel.detach())
        scaled = _SymmetricScaling.apply(kernel, eta, max_iter, tol)
    else:
        scaled = _scale_in_turn(kernel, eta, max_iter, tol)
    return scaled.numpy() if isinstance(K, np.ndarray) else scaled


def sinkhorn_potentials(
    K: Float[Tensor, "n n"], eta: float, max_iter: int = 50, tol: float = 1e-4
) -> Float[Tensor, " n"]:
    """Give the potentials f of a symmetric kernel, for which exp((K_ij + f_i + f_j) / eta) has rows that sum to one.

    They extend the matrix to a new point: its row over the old ones is in proportion to exp((K_j + f_j) / eta).

    Parameters
    ----------
    K : (n, n) symmetric kernel; not checked.
    eta, max_iter, tol : as for `doubly_stochastic`.

    Examples
    --------
    >>> import torch
    >>> sinkhorn_potentials(torch.zeros(4, 4), eta=1.0)   # -log(4) / 2
    tensor([-0.6931, -0.6931, -0.6931, -0.6931])
    """
    logits = K / eta
    f = -logits.logsumexp(1) / 2
    for _ in range(max_iter):
        excess = (logits + f).logsumexp(1) + f  # the logarithm of each row's sum
        if not float(excess.abs().max()) > tol:
            break
        f = f - excess / 2
    return eta * f


class _SymmetricScaling(torch.autograd.Function):
    """diag(u) exp(K / η) diag(u), differentiated at its fixed point.

    From Γ 1 = 1 follows (I + Γ) df = -(Γ ∘ dK) 1, so with S = Γ ∘ ∂L/∂Γ / η the gradient is ∂L/∂K = S - diag(w) Γ,
    where (I + Γ) w = (S + Sᵀ) 1.
    """

    @staticmethod
    def forward(ctx: Any, kernel: Tensor, eta: float, max_iter: int, tol: float) -> Tensor:
        f = sinkhorn_potentials(kernel, eta, max_iter, tol)
        scaled = ((kernel + f[:, None] + f) / eta).exp()
        ctx.save_for_backward(scaled)
        ctx.eta = eta
        return scaled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (scaled,) = ctx.saved_tensors
        flow = scaled * gradient / ctx.eta
        through_sums = flow.sum(0) + flow.sum(1)
        system = scaled + torch.eye(len(scaled), dtype=scaled.dtype, device=scaled.device)
        w = torch.linalg.solve_ex(system, through_sums).result
        return flow - w[:, None] * scaled, None, None, None


def _scale_in_turn(kernel: Tensor, eta: float, max_iter: int, tol: float) -> Tensor:
    logits = kernel / eta
    f, g = logits.new_zeros(len(logits)), logits.new_zeros(len(logits))
    for _ in range(max_iter):
        f = -(logits + g).logsumexp(1)
        excess = (logits + f[:, None]).logsumexp(0) + g
        g = g - excess
        if not float(excess.detach().abs().max()) > tol:
            break
    return (logits + f[:, None] + g).exp()


def _check_setting(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InvalidInputError(f"{name} is {value!r}; a positive number is expected.")


def _check_symmetric(kernel: Tensor) -> None:
    difference = float((kernel - kernel.mT).nan_to_num().abs().max())
    if difference > _ASYMMETRY * max(1.0, float(kernel.nan_to_num(0.0, 0.0, 0.0).abs().max())):
        raise InvalidInputError(
            f"The kernel is not symmetric: two entries that should be equal differ by {difference:.3g}. Symmetrise it, "
            "or say symmetric=False."
        )

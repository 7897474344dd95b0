"""Random subsets through which gradients pass: relaxed Bernoulli variables, correlated by a Gaussian copula."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError


def copula_log_odds(
    std: Float[Tensor, "B n"],
    factors: Float[Tensor, "B n r"],
    samples: int,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "B samples n"]:
    """Give log(u / (1 - u)) for correlated numbers u in (0, 1): u = Phi(g) with g = std * eps + factors @ eps_r.

    Phi is the distribution function of N(0, 1), although the variance of g is std^2 + |factors|^2, as in the authors'
    code; so u is uniform only where that is 1. Worked out as log Phi(g) - log Phi(-g), which does not overflow.

    Parameters
    ----------
    std : positive standard deviations of each element's own noise.
    factors : loadings of the `r` noises that the elements of a pool share.
    samples : draws for each pool.
    generator : the only source of randomness; None takes torch's global one.

    References
    ----------
    Z. Ou et al., "Learning neural set functions under the optimal subset oracle", NeurIPS 2022, arXiv:2203.01693.

    Examples
    --------
    >>> g = torch.Generator().manual_seed(0)
    >>> odds = copula_log_odds(torch.full((1, 2), 0.1), torch.full((1, 2, 1), 0.99), 1000, g)
    >>> bool(torch.corrcoef(odds[0].T)[0, 1] > 0.9)
    True
    """
    own = draw(torch.randn, (std.shape[0], samples, std.shape[1]), std, generator)
    shared = draw(torch.randn, (std.shape[0], samples, factors.shape[2]), std, generator)
    g = own * std[:, None] + shared @ factors.mT
    return torch.special.log_ndtr(g) - torch.special.log_ndtr(-g)


def uniform_log_odds(like: Float[Tensor, "B n"], samples: int, generator: torch.Generator | None = None) -> Tensor:
    """Give log(u / (1 - u)) for independent uniform u, (B, samples, n): logistic noise.

    References
    ----------
    Z. Ou et al., NeurIPS 2022, arXiv:2203.01693.

    Examples
    --------
    >>> uniform_log_odds(torch.zeros(2, 5), 7).shape
    torch.Size([2, 7, 5])
    """
    u = draw(torch.rand, (like.shape[0], samples, like.shape[1]), like, generator)
    return u.logit(eps=torch.finfo(u.dtype).eps)


class StraightThroughBernoulli(nn.Module):
    """Subsets of zeros and ones whose gradient is that of their relaxation.

    s = sigmoid((log_odds + noise) / tau) is relaxed; b ~ Bernoulli(s) comes out, with the gradient of s.

    Parameters
    ----------
    tau : temperature; the lower, the closer s to zeros and ones.

    Raises
    ------
    InvalidInputError
        If `tau` is not positive.

    References
    ----------
    Z. Ou et al., NeurIPS 2022, arXiv:2203.01693.

    Examples
    --------
    >>> log_odds = torch.zeros(1, 4, requires_grad=True)
    >>> b = StraightThroughBernoulli()(log_odds, uniform_log_odds(log_odds, 3))
    >>> set(b.detach().unique().tolist()) <= {0.0, 1.0}
    True
    """

    def __init__(self, tau: float = 0.1):
        super().__init__()
        if not tau > 0:
            raise InvalidInputError(f"tau is {tau!r}; a positive temperature is expected.")
        self.tau = tau

    def forward(
        self,
        log_odds: Float[Tensor, "B n"],
        noise: Float[Tensor, "B samples n"],
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "B samples n"]:
        """Draw one subset for each row of the noise (from `uniform_log_odds` or `copula_log_odds`)."""
        relaxed = ((log_odds[:, None] + noise) / self.tau).sigmoid()
        with torch.no_grad():
            drawn = (draw(torch.rand, tuple(relaxed.shape), relaxed, generator) < relaxed).to(relaxed)
        return drawn + (relaxed - relaxed.detach())


def draw(sampler: object, shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Call torch.rand or torch.randn with the type and device of `like`, drawing where the generator lives."""
    assert callable(sampler)
    device = like.device if generator is None else generator.device
    drawn: Tensor = sampler(shape, generator=generator, dtype=like.dtype, device=device)
    return drawn.to(like.device)

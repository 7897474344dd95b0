"""The two losses that training alternates: of the recognition network, and of the energy."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from reprise.errors import InvalidInputError
from reprise.symmetry.inset.bernoulli import draw
from reprise.symmetry.inset.elements import check_counts
from reprise.symmetry.inset.meanfield import Energy
from reprise.symmetry.inset.recognition import RecognitionNet


def negative_elbo(
    energy: Energy,
    recognition: RecognitionNet,
    pool: Float[Tensor, "B n *features"],
    *,
    samples: int = 8,
    pool_mask: Bool[Tensor, "B n"] | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """Give -(mean F(s) + sum_i H(mu_i)), s drawn by the recognition network: what it minimises, the energy frozen.

    The entropy is that of independent elements, as in the authors' code, also where a copula correlates them.

    Parameters
    ----------
    energy, recognition : the networks.
    pool, pool_mask : elements, and which are there.
    samples : subsets drawn of each pool.
    generator : the only source of randomness.

    References
    ----------
    Z. Ou et al., NeurIPS 2022, arXiv:2203.01693, section 4.

    Examples
    --------
    >>> from reprise.symmetry.inset import SetEnergy
    >>> energy, recognition = SetEnergy(2, hidden=8, width=16), RecognitionNet(2, hidden=8, width=16)
    >>> negative_elbo(energy, recognition, torch.randn(4, 6, 2)).requires_grad
    True
    """
    guess = recognition.guess(pool, pool_mask)
    subsets = recognition.sample(guess, samples, pool_mask, generator)
    entropy = functional.binary_cross_entropy_with_logits(guess.log_odds, guess.log_odds.sigmoid(), reduction="none")
    if pool_mask is not None:
        entropy = entropy * pool_mask
    return -(energy(pool, subsets, pool_mask).mean(1) + entropy.sum(1)).mean()


def subset_cross_entropy(
    log_odds: Float[Tensor, "B n"], chosen: Bool[Tensor, "B n"], counted: Bool[Tensor, "B n"]
) -> Float[Tensor, ""]:
    """Give -sum over counted i of [S_i log q_i + (1 - S_i) log(1 - q_i)], averaged over pools: the energy's loss.

    Parameters
    ----------
    log_odds : of q, from `mean_field_log_odds`.
    chosen : the best subset.
    counted : the best subset and what was drawn by `sample_negatives`.

    References
    ----------
    Z. Ou et al., NeurIPS 2022, arXiv:2203.01693, section 4.

    Examples
    --------
    >>> yes, no = torch.ones(1, 2, dtype=torch.bool), torch.zeros(1, 2, dtype=torch.bool)
    >>> round(subset_cross_entropy(torch.zeros(1, 2), no, yes).item(), 4)  # 2 log 2
    1.3863
    """
    if not log_odds.shape == chosen.shape == counted.shape:
        raise InvalidInputError(
            f"log_odds, chosen and counted must have one shape; they have {tuple(log_odds.shape)}, "
            f"{tuple(chosen.shape)} and {tuple(counted.shape)}."
        )
    loss = functional.binary_cross_entropy_with_logits(log_odds, chosen.to(log_odds), reduction="none")
    return (loss * counted).sum(1).mean()


def sample_negatives(
    chosen: Bool[Tensor, "B n"],
    ratio: int = 1,
    pool_mask: Bool[Tensor, "B n"] | None = None,
    generator: torch.Generator | None = None,
) -> Bool[Tensor, "B n"]:
    """Draw `ratio` times as many elements outside each subset as it has (or all there are), without replacement.

    References
    ----------
    Z. Ou et al., NeurIPS 2022, arXiv:2203.01693, section 4.

    Examples
    --------
    >>> chosen = torch.tensor([[True, True, False, False, False, False]])
    >>> int(sample_negatives(chosen).sum())
    2
    """
    check_counts(ratio=ratio)
    outside = ~chosen if pool_mask is None else ~chosen & pool_mask
    keys = draw(torch.rand, tuple(chosen.shape), torch.empty(0, device=chosen.device), generator)
    ranks = keys.masked_fill(~outside, 2.0).argsort(1).argsort(1)
    return outside & (ranks < ratio * chosen.sum(1, keepdim=True))

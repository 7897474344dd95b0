"""Mean-field inference: the probability of each element under p(S | V) proportional to exp F(S, V)."""

from __future__ import annotations

from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from reprise.errors import InvalidInputError
from reprise.symmetry.inset.bernoulli import draw
from reprise.symmetry.inset.elements import check_counts, check_pool
from reprise.symmetry.inset.energy import SetEnergy

BLOCK = 2**25
"""Numbers in the largest intermediate array; where there would be more, elements are treated in blocks."""


class Energy(Protocol):
    """What `mean_field` asks of an energy: values (B, ...) of subsets (B, ..., n) of pools (B, n, ...)."""

    def __call__(self, pool: Tensor, subset: Tensor, pool_mask: Tensor | None = None, /) -> Tensor:
        """Give the value of each subset."""


def mean_field(
    energy: Energy,
    pool: Float[Tensor, "B n *features"],
    q: Float[Tensor, "B n"],
    *,
    samples: int = 8,
    steps: int = 1,
    pool_mask: Bool[Tensor, "B n"] | None = None,
    generator: torch.Generator | None = None,
    noise: Float[Tensor, "steps batch samples n n"] | None = None,
    block: int = BLOCK,
) -> Float[Tensor, "B n"]:
    """Iterate q_i <- sigmoid(E_{S ~ q without i}[F(S + i) - F(S)]), each expectation over `samples` subsets.

    Each element of each pool gets subsets of its own, as in the authors' code. Gradients reach the energy through the
    last step; q passes through the draws, which have none.

    Parameters
    ----------
    energy : a `SetEnergy`, or any function of pool, subsets and mask.
    pool, pool_mask : elements, and which are there where pools are padded.
    q : probabilities to start from: `RecognitionNet`'s, or one half everywhere.
    samples : subsets M for each element.
    steps : iterations.
    generator : the only source of randomness; None takes torch's global one.
    noise : uniform numbers to draw the subsets from, where they are to be fixed: j is in the subset for i where
        ``noise[step, b, m, i, j] < q[b, j]``.
    block : numbers in the largest intermediate array. Elements are treated in blocks of that many, whose activations
        are worked out again for gradients. The draws from a generator depend on the blocks.

    Returns
    -------
    Probabilities; 0 where there is no element.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, a probability is outside 0 to 1, or a number is below 1.

    Notes
    -----
    Cost O(B M n) values of the energy a step, hence O(B M n (n w + depth w^2)); memory O(`block`).

    References
    ----------
    B. Xie et al., ICLR 2024, arXiv:2402.03139; Z. Ou et al., NeurIPS 2022, arXiv:2203.01693.

    Examples
    --------
    Where F is a sum of weights, one step is exact, whatever the samples:

    >>> weights = torch.tensor([[0.0, 2.0, -1.0]])
    >>> modular = lambda pool, subset, pool_mask=None: (subset * weights[:, None, None]).sum(-1)
    >>> q = mean_field(modular, torch.zeros(1, 3, 1), torch.full((1, 3), 0.5))
    >>> torch.allclose(q, weights.sigmoid())
    True
    """
    log_odds = mean_field_log_odds(
        energy,
        pool,
        q,
        samples=samples,
        steps=steps,
        pool_mask=pool_mask,
        generator=generator,
        noise=noise,
        block=block,
    )
    return log_odds.sigmoid() if pool_mask is None else log_odds.sigmoid() * pool_mask


def mean_field_log_odds(
    energy: Energy,
    pool: Float[Tensor, "B n *features"],
    q: Float[Tensor, "B n"],
    *,
    samples: int = 8,
    steps: int = 1,
    pool_mask: Bool[Tensor, "B n"] | None = None,
    generator: torch.Generator | None = None,
    noise: Float[Tensor, "steps batch samples n n"] | None = None,
    block: int = BLOCK,
) -> Float[Tensor, "B n"]:
    """Give log(q / (1 - q)) of `mean_field`, which a loss can use without rounding q to 0 or 1; parameters as there.

    What stands where there is no element means nothing.

    References
    ----------
    B. Xie et al., ICLR 2024, arXiv:2402.03139.

    Examples
    --------
    >>> energy = SetEnergy(2, hidden=8, width=16)
    >>> mean_field_log_odds(energy, torch.randn(4, 6, 2), torch.full((4, 6), 0.5)).shape
    torch.Size([4, 6])
    """
    check_counts(samples=samples, steps=steps, block=block)
    check_pool(pool, pool_mask)
    batch, n = pool.shape[:2]
    if q.shape != (batch, n) or not bool(((q >= 0) & (q <= 1)).all()):
        raise InvalidInputError(f"q must be probabilities ({batch}, {n}) from 0 to 1; its shape is {tuple(q.shape)}.")
    fitting = {(steps, pools, samples, n, n) for pools in (1, batch)}
    if noise is not None and tuple(noise.shape) not in fitting:
        raise InvalidInputError(
            f"noise must be ({steps}, {batch} or 1, {samples}, {n}, {n}); its shape is {tuple(noise.shape)}."
        )
    width = n + (energy.width if isinstance(energy, SetEnergy) else 0)
    rows = max(1, min(n, block // (batch * samples * width)))
    with torch.no_grad():
        for step in range(steps - 1):
            fixed = None if noise is None else noise[step]
            q = _log_odds(energy, pool, q, samples, rows, pool_mask, generator, fixed).sigmoid()
    return _log_odds(energy, pool, q, samples, rows, pool_mask, generator, None if noise is None else noise[-1])


def _log_odds(
    energy: Energy,
    pool: Tensor,
    q: Tensor,
    samples: int,
    rows: int,
    pool_mask: Tensor | None,
    generator: torch.Generator | None,
    noise: Tensor | None,
) -> Tensor:
    """Do one step, `rows` elements at a time."""
    batch, n = q.shape
    there = q.detach() if pool_mask is None else q.detach() * pool_mask
    elements = energy.encode(pool, pool_mask) if isinstance(energy, SetEnergy) else None
    means = []
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        if noise is None:
            uniform = draw(torch.rand, (batch, samples, stop - start, n), there, generator)
        else:
            uniform = noise[..., start:stop, :].to(there)
        subset = uniform < there[:, None, None, :]
        subset.diagonal(offset=start, dim1=-2, dim2=-1).fill_(False)

        def gain(subset: Tensor, start: int = start) -> Tensor:
            if elements is not None and isinstance(energy, SetEnergy):
                return energy.gains(elements, subset, start).mean(1)
            return _plain_gains(energy, pool, subset.to(pool), start, pool_mask).mean(1)

        if rows < n and torch.is_grad_enabled():
            mean: Tensor = checkpoint(gain, subset, use_reentrant=False)
        else:
            mean = gain(subset)
        means.append(mean)
    return torch.cat(means, dim=1)


def _plain_gains(energy: Energy, pool: Tensor, without: Tensor, start: int, pool_mask: Tensor | None) -> Tensor:
    together = without.clone()
    together.diagonal(offset=start, dim1=-2, dim2=-1).fill_(1)
    return energy(pool, together, pool_mask) - energy(pool, without, pool_mask)

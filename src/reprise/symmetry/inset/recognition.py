"""The recognition network: a quick first guess at which elements belong to the best subset."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from reprise.errors import UnknownNameError
from reprise.nn.encoders import MLP
from reprise.symmetry.inset.bernoulli import StraightThroughBernoulli, copula_log_odds, uniform_log_odds
from reprise.symmetry.inset.elements import ElementEncoder, check_counts

Noise = Literal["copula", "ind"]
NOISES: tuple[str, ...] = get_args(Noise)


class Guess(NamedTuple):
    """A distribution over subsets of a pool: log odds (B, n), and deviations (B, n) and factors (B, n, r) of a copula.

    The last two are None where elements are independent.
    """

    log_odds: Tensor
    std: Tensor | None
    factors: Tensor | None


class RecognitionNet(nn.Module):
    """Guess a distribution over subsets from the elements: mu_i, where the mean-field iteration starts.

    h = ReLU(FF(e')) with an encoder e' of its own; mu = sigmoid(w h). For training it draws subsets: independent
    elements (``"ind"``), or correlated by a Gaussian copula (``"copula"``) with std = softplus(w' h) and factors
    U = tanh(W h) of rank r.

    Each element is judged by itself: context comes from the energy in the mean-field step.

    Parameters
    ----------
    encoder, hidden, width : as of `SetEnergy`.
    depth : hidden layers, as in the energy; at least 1.
    mode : ``"copula"`` or ``"ind"``.
    rank : noises that elements share, in the copula.
    tau : temperature of the relaxed samples.

    Raises
    ------
    InvalidInputError
        If a width, `rank`, `depth` or `tau` is too small, or (when called) shapes do not fit or a feature is not
        finite.
    UnknownNameError
        If there is no such mode.

    References
    ----------
    Z. Ou et al., "Learning neural set functions under the optimal subset oracle", NeurIPS 2022, arXiv:2203.01693.

    Examples
    --------
    >>> recognition = RecognitionNet(2, hidden=8, width=16)
    >>> pool = torch.randn(4, 6, 2)
    >>> recognition(pool).shape, recognition.sample(recognition.guess(pool), samples=5).shape
    (torch.Size([4, 6]), torch.Size([4, 5, 6]))
    """

    def __init__(
        self,
        encoder: int | nn.Module,
        hidden: int = 256,
        width: int = 500,
        depth: int = 2,
        mode: Noise = "copula",
        rank: int = 8,
        tau: float = 0.1,
    ):
        super().__init__()
        if mode not in NOISES:
            raise UnknownNameError("mode", mode, NOISES)
        check_counts(width=width, depth=depth, rank=rank)
        self.mode = mode
        self.encoder = ElementEncoder(encoder, hidden)
        self.features = MLP(hidden, width, hidden=(width,) * (depth - 1))
        self.log_odds = nn.Linear(width, 1)
        if mode == "copula":
            self.std = nn.Linear(width, 1)
            self.factors = nn.Linear(width, rank)
        self.bernoulli = StraightThroughBernoulli(tau)

    def forward(
        self, pool: Float[Tensor, "B n *features"], pool_mask: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B n"]:
        """Give the probabilities mu; 0 where there is no element."""
        mu = self.log_odds(self._features(pool, pool_mask))[..., 0].sigmoid()
        return mu if pool_mask is None else mu * pool_mask

    def guess(self, pool: Float[Tensor, "B n *features"], pool_mask: Bool[Tensor, "B n"] | None = None) -> Guess:
        """Give all parameters of the distribution."""
        h = self._features(pool, pool_mask)
        log_odds = self.log_odds(h)[..., 0]
        if self.mode == "ind":
            return Guess(log_odds, None, None)
        return Guess(log_odds, functional.softplus(self.std(h))[..., 0], self.factors(h).tanh())

    def sample(
        self,
        guess: Guess,
        samples: int,
        pool_mask: Bool[Tensor, "B n"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "B samples n"]:
        """Draw subsets of zeros and ones through which gradients reach the guess."""
        check_counts(samples=samples)
        if guess.std is None or guess.factors is None:
            noise = uniform_log_odds(guess.log_odds, samples, generator)
        else:
            noise = copula_log_odds(guess.std, guess.factors, samples, generator)
        drawn: Tensor = self.bernoulli(guess.log_odds, noise, generator)
        return drawn if pool_mask is None else drawn * pool_mask[:, None]

    def _features(self, pool: Tensor, pool_mask: Tensor | None) -> Tensor:
        features: Tensor = self.features(self.encoder(pool, pool_mask)).relu()
        return features

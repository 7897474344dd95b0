"""Messages from a bag to its rows: what the count of positives, and what the others are, say of each one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from reprise.discover.label_proportions.bags import Bags
from reprise.discover.label_proportions.poisson_binomial import expectations_without_each

LARGEST = 30.0
"""Log-odds beyond which a message says no more."""

CELLS_AT_ONCE = 1 << 18
STEEPEST = 80.0
"""Bound of the shift of log-odds that brings a bag to its count."""

SMALLEST = 1e-300


class _Bucket(NamedTuple):
    """Bags of similar size: (b,) bags, (b, M) rows, and (b, M) whether there is one."""

    bags: Int[np.ndarray, " b"]
    rows: Int[np.ndarray, "b M"]
    filled: Float[np.ndarray, "b M"]


class BagFactors:
    """Factors ``exp(-lam (sum of labels - count)^2)``, one a bag.

    Parameters
    ----------
    bags : n rows in B bags.
    lam : positive; infinite where the count is to be met exactly.
    exact_up_to : larger bags get the Gaussian approximation.
    """

    def __init__(self, bags: Bags, lam: float, exact_up_to: float):
        self.bags, self.lam = bags, lam
        self.exact = bags.sizes <= exact_up_to
        self.buckets = _buckets(bags, np.flatnonzero(self.exact))

    def messages(self, cavity: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Give each row its message as log-odds.

        Parameters
        ----------
        cavity : (n,) log-odds of the rows without what their own bag has said.
        """
        messages = np.zeros(len(cavity)) if self.exact.all() else self._gaussian(cavity)
        if self.buckets:
            self._set_exact(cavity, messages)
        return np.clip(messages, -LARGEST, LARGEST)

    def _gaussian(self, cavity: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """``lam (2 (c - m) - 1) / (1 + 2 lam v)``, m and v the others' mean and variance; O(n)."""
        p = expit(cavity)
        spread = p * (1 - p)
        index = self.bags.index
        missing = (self.bags.counts - self.bags.sums(p))[index] + p
        variance = np.maximum(self.bags.sums(spread)[index] - spread, 0)
        return self.lam * (2 * missing - 1) / (1 + 2 * self.lam * variance)

    def _set_exact(self, cavity: Float[np.ndarray, " n"], messages: Float[np.ndarray, " n"]) -> None:
        """Set the messages of the exact bags: ``log E psi(S_-i + 1) - log E psi(S_-i)``.

        Odds are first multiplied by a factor e^tau of the bag, which changes psi by a known factor and the message by
        tau, such that the bag expects about its count: the expectations are then of ordinary size.
        """
        slack = 1 / (2 * self.lam)
        shift = shift_to_counts(cavity, self.bags, slack=slack, steps=20)
        tilted = expit(cavity + shift[self.bags.index])
        for bucket in self.buckets:
            p = tilted[bucket.rows] * bucket.filled
            s = np.arange(p.shape[1] + 1)
            psi = self._psi(s, bucket.bags, shift[bucket.bags])
            expected = np.maximum(expectations_without_each(p, psi), SMALLEST)
            told = np.log(expected[..., 1]) - np.log(expected[..., 0]) + shift[bucket.bags][:, None]
            there = bucket.filled > 0
            messages[bucket.rows[there]] = told[there]

    def _psi(
        self, s: Int[np.ndarray, " S"], chosen: Int[np.ndarray, " b"], shift: Float[np.ndarray, " b"]
    ) -> Float[np.ndarray, "b S"]:
        off = s - self.bags.counts[chosen][:, None]
        if np.isinf(self.lam):
            return (off == 0).astype(float)
        log_psi = np.where(s <= self.bags.sizes[chosen][:, None], -self.lam * off**2 - shift[:, None] * s, -np.inf)
        return np.exp(log_psi - log_psi.max(axis=1, keepdims=True))


def shift_to_counts(
    logits: Float[np.ndarray, " n"], bags: Bags, *, slack: float = 0.0, steps: int = 60
) -> Float[np.ndarray, " B"]:
    """Find the shift tau of each bag's log-odds with ``sum sigmoid(logit + tau) + slack tau = count``, by bisection.

    Without slack the shifted probabilities sum to the count of each bag; O(n) a step.
    """
    low, high = np.full(len(bags), -STEEPEST), np.full(len(bags), STEEPEST)
    for _ in range(steps):
        middle = (low + high) / 2
        below = bags.sums(expit(logits + middle[bags.index])) + slack * middle < bags.counts
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _buckets(bags: Bags, chosen: Int[np.ndarray, " chosen"]) -> list[_Bucket]:
    """Lay bags out as matrices, those whose sizes have the same next power of two together."""
    if not len(chosen):
        return []
    members = bags.members()
    widths = 1 << np.ceil(np.log2(bags.sizes[chosen])).astype(int)
    buckets = []
    for width in np.unique(widths):
        alike = chosen[widths == width]
        for part in np.array_split(alike, -(-len(alike) * int(width) // CELLS_AT_ONCE)):
            rows = np.zeros((len(part), width), dtype=np.int64)
            filled = np.arange(width) < bags.sizes[part][:, None]
            rows[filled] = np.concatenate([members[b] for b in part])
            buckets.append(_Bucket(part, rows, filled.astype(float)))
    return buckets

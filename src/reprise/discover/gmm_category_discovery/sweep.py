"""One sweep of splits and merges over the components of new classes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from reprise.discover.gmm_category_discovery.hastings import log_hastings_merge, log_hastings_split
from reprise.discover.gmm_category_discovery.prior import Moments, NIWPrior

__all__ = ["Accept", "Chance", "Proposals", "Swept", "Whole", "halves", "sweep"]

Accept = Literal["metropolis", "coin", "greedy"]


class Swept(NamedTuple):
    """Centres of the new classes after a sweep, and how many splits and merges made them."""

    centres: Float[np.ndarray, "K_new D"]
    splits: int
    merges: int


@dataclass(frozen=True)
class Chance:
    """How a move is accepted: surely where log H > 0, and else by its own probability H, by a coin, or never."""

    accept: Accept
    split_prob: float
    state: np.random.RandomState

    def takes(self, log_ratio: float) -> bool:
        """Say whether a move of this log H is accepted."""
        if log_ratio > 0 or self.accept == "greedy":
            return log_ratio > 0
        chance = exp(log_ratio) if self.accept == "metropolis" else self.split_prob
        return float(self.state.uniform()) < chance


@dataclass(frozen=True)
class Whole:
    """A component: the moments of its points, and their evidence."""

    moments: Moments
    evidence: float

    @classmethod
    def of(cls, moments: Moments, prior: NIWPrior) -> Whole:
        """Weigh moments."""
        return cls(moments, prior.log_marginal_likelihood(moments))


@dataclass(frozen=True)
class Proposals:
    """What a sweep judges moves by."""

    prior: NIWPrior
    alpha: float
    min_size: int
    chance: Chance

    def split(self, X: Float[np.ndarray, "n D"], whole: Whole) -> list[Float[np.ndarray, " D"]]:
        """Give the means of the two halves if the component is to be split, else nothing."""
        parts = halves(X, self.min_size, self.chance.state)
        if parts is None:
            return []
        first, second = (Whole.of(part, self.prior) for part in parts)
        log_ratio = log_hastings_split(
            first.moments.n, second.moments.n, first.evidence, second.evidence, whole.evidence, self.alpha
        )
        return [part.moments.mean for part in (first, second)] if self.chance.takes(log_ratio) else []

    def release(
        self, tied: Float[np.ndarray, "n_tied D"], free: Float[np.ndarray, "n_free D"]
    ) -> list[Float[np.ndarray, " D"]]:
        """Give the mean of the unlabelled rows that are to leave the component of a known class, if any."""
        parts = halves(free, self.min_size, self.chance.state)
        if parts is None:
            return []
        labelled = Moments.of(tied)
        near, far = sorted(parts, key=lambda part: float(((part.mean - labelled.mean) ** 2).sum()))
        stays, leaves = Whole.of(labelled + near, self.prior), Whole.of(far, self.prior)
        whole = Whole.of(stays.moments + far, self.prior)
        log_ratio = log_hastings_split(
            stays.moments.n, far.n, stays.evidence, leaves.evidence, whole.evidence, self.alpha
        )
        return [far.mean] if self.chance.takes(log_ratio) else []

    def merge(self, first: Whole, second: Whole) -> Whole | None:
        """Give the union if the two are to be merged."""
        union = Whole.of(first.moments + second.moments, self.prior)
        log_ratio = log_hastings_merge(
            first.moments.n, second.moments.n, first.evidence, second.evidence, union.evidence, self.alpha
        )
        return union if self.chance.takes(log_ratio) else None


def sweep(members: Sequence[Float[np.ndarray, "_ D"]], proposals: Proposals) -> Swept:
    """Try to split each component, then to merge each that was not with its nearest; O(N D^2 + K D^3).

    Parameters
    ----------
    members : the points of each component that holds no labelled one, none empty.
    proposals : prior, limits, and chance.
    """
    wholes = [Whole.of(Moments.of(X), proposals.prior) for X in members]
    split = [proposals.split(X, whole) for X, whole in zip(members, wholes, strict=True)]
    stayed = [whole for whole, parts in zip(wholes, split, strict=True) if not parts]
    kept, merged = _merge_nearest(stayed, proposals)
    centres = [whole.moments.mean for whole in (*kept, *merged)] + [mean for parts in split for mean in parts]
    D = proposals.prior.dim
    return Swept(np.reshape(centres, (-1, D)), len(wholes) - len(stayed), len(merged))


def halves(X: Float[np.ndarray, "n D"], min_size: int, state: np.random.RandomState) -> tuple[Moments, Moments] | None:
    """Cut points in two by 2-means; None where a part, or the whole, would be smaller than `min_size`."""
    if len(X) < max(min_size, 2) or not np.ptp(X, axis=0).any():
        return None
    with warnings.catch_warnings(), config_context(assume_finite=True):
        warnings.simplefilter("ignore", ConvergenceWarning)  # points that differ by rounding only
        second: Bool[np.ndarray, " n"] = KMeans(2, n_init=SUB_STARTS, random_state=state).fit_predict(X) == 1
    if min(second.sum(), (~second).sum()) < min_size:
        return None
    return Moments.of(X[~second]), Moments.of(X[second])


SUB_STARTS = 3
"""Starts of the 2-means that proposes a split."""


def _merge_nearest(stayed: Sequence[Whole], proposals: Proposals) -> tuple[list[Whole], list[Whole]]:
    """Give what stays as it is, and what pairs became; each pair is tried once, the nearest first."""
    if len(stayed) < 2:
        return list(stayed), []
    means = np.stack([whole.moments.mean for whole in stayed])
    apart = cdist(means, means)
    np.fill_diagonal(apart, np.inf)
    nearest: Int[np.ndarray, " K"] = apart.argmin(axis=1)
    pairs = {(min(i, j), max(i, j)) for i, j in enumerate(nearest.tolist())}
    gone: set[int] = set()
    merged = []
    for i, j in sorted(pairs, key=lambda pair: (apart[pair], pair)):
        if gone.isdisjoint((i, j)) and (union := proposals.merge(stayed[i], stayed[j])) is not None:
            merged.append(union)
            gone |= {i, j}
    return [whole for i, whole in enumerate(stayed) if i not in gone], merged

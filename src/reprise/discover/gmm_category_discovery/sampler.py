"""The state between sweeps: centres and assignments, and where to start."""

from __future__ import annotations

import warnings
from math import lgamma, log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning

from reprise.discover.gmm_category_discovery.prior import Moments
from reprise.discover.gmm_category_discovery.sweep import Proposals, Whole, sweep
from reprise.errors import InvalidInputError
from reprise.nn.partial_labels import PartialLabels
from reprise.nn.semi_supervised_kmeans import semi_supervised_kmeans

__all__ = ["Sampler", "first_guess"]

UNKNOWN_START = 10
"""Components to start from where no class is known and none are asked for."""


class Sampler(NamedTuple):
    """Centres and assignments between sweeps; the known classes are the first ones."""

    centres: Float[np.ndarray, "K D"]
    assigned: Int[np.ndarray, " n"]

    @classmethod
    def start(
        cls, X: Float[np.ndarray, "n D"], known: PartialLabels, n_components: int, state: np.random.RandomState
    ) -> Sampler:
        """Cluster from scratch by semi-supervised k-means."""
        return cls._settled(X, known, n_components, None, state)

    def moved_to(self, X: Float[np.ndarray, "n D"], known: PartialLabels, state: np.random.RandomState) -> Sampler:
        """Go on in other features of the same rows: each new class starts at the mean of its rows there."""
        C, K = len(known.classes), len(self.centres)
        means = [X[self.assigned == k].mean(axis=0) for k in range(C, K)]
        return self._settled(X, known, K, np.reshape(means, (K - C, X.shape[1])), state)

    def swept(
        self, X: Float[np.ndarray, "n D"], known: PartialLabels, proposals: Proposals, *, exchange: bool
    ) -> tuple[Sampler, int, int]:
        """Split and merge the components of new classes once, then reassign; give the accepted moves of each kind."""
        C = len(known.classes)
        K = len(self.centres)
        joining = self._joining(X, C, proposals) if exchange else set()
        leaving = self._leaving(X, known, proposals) if exchange else []
        after = sweep([X[self.assigned == k] for k in range(C, K) if k not in joining], proposals)
        splits, merges = after.splits + len(leaving), after.merges + len(joining)
        if not splits + merges:
            return self, 0, 0
        new_centres = np.vstack([after.centres, *leaving])
        settled = self._settled(X, known, C + len(new_centres), new_centres, proposals.chance.state)
        return settled, splits, merges

    def _joining(self, X: Float[np.ndarray, "n D"], C: int, proposals: Proposals) -> set[int]:
        """New components that merge into the known class that is their nearest component."""
        apart = cdist(self.centres, self.centres)
        np.fill_diagonal(apart, np.inf)
        nearest = apart.argmin(axis=1).tolist()
        return {
            k
            for k in range(C, len(self.centres))
            if nearest[k] < C and proposals.merge(*(self._whole(X, j, proposals) for j in (k, nearest[k]))) is not None
        }

    def _whole(self, X: Float[np.ndarray, "n D"], k: int, proposals: Proposals) -> Whole:
        return Whole.of(Moments.of(X[self.assigned == k]), proposals.prior)

    def _leaving(
        self, X: Float[np.ndarray, "n D"], known: PartialLabels, proposals: Proposals
    ) -> list[Float[np.ndarray, " D"]]:
        """Means of unlabelled rows that leave the components of known classes."""
        return [
            mean
            for k in range(len(known.classes))
            for mean in proposals.release(X[known.codes == k], X[(self.assigned == k) & ~known.labelled])
        ]

    def log_probability(self, X: Float[np.ndarray, "n D"], proposals: Proposals) -> float:
        """Log probability of points and partition, up to a constant: what accepted splits and merges raise."""
        wholes = [self._whole(X, k, proposals) for k in range(len(self.centres))]
        return sum(log(proposals.alpha) + lgamma(whole.moments.n) + whole.evidence for whole in wholes)

    @classmethod
    def _settled(
        cls,
        X: Float[np.ndarray, "n D"],
        known: PartialLabels,
        n_components: int,
        new_centres: Float[np.ndarray, "K_new D"] | None,
        state: np.random.RandomState,
    ) -> Sampler:
        with warnings.catch_warnings():
            # Components without rows are dropped below; a fit of labelled rows alone has warned already.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message="Every point is labelled")
            found = semi_supervised_kmeans(X, known.codes, n_components, init=new_centres, random_state=state)
        filled, assigned = np.unique(found.labels, return_inverse=True)
        return cls(found.centres[np.searchsorted(found.classes, filled)], assigned)


def first_guess(n_init_components: int | None, known: PartialLabels) -> int:
    """Give the components to start from.

    Raises
    ------
    InvalidInputError
        If fewer are asked for than classes are known.
    """
    C, free = len(known.classes), int((known.codes < 0).sum())
    if n_init_components is None:
        return C + min(max(C // 2, 1) if C else UNKNOWN_START, free)
    if n_init_components < C:
        raise InvalidInputError(
            f"n_init_components={n_init_components} was given for {C} known classes; expected at least {C}."
        )
    if n_init_components - C > free:
        raise InvalidInputError(
            f"n_init_components={n_init_components} leaves {n_init_components - C} new components for {free} "
            "unlabelled rows; expected at least one row for each."
        )
    return n_init_components

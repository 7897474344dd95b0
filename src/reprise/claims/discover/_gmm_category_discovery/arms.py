"""The ways to find the number of classes, and the classes, that are compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from reprise.claims.discover._gmm_category_discovery.tables import CLASSES
from reprise.discover.gmm_category_discovery import GPC, SemiSupervisedGMM
from reprise.nn.class_number import estimate_class_number
from reprise.nn.semi_supervised_kmeans import semi_supervised_kmeans

MIXTURE, EXCHANGE = "splits and merges, as in the paper", "splits and merges with exchange"
NO_LABELS = "splits and merges without labels"
KMEANS = "semi-supervised k-means, start's number"
GCD, SILHOUETTE = "semi-supervised k-means, number by GCD", "semi-supervised k-means, number by silhouette"
DIRICHLET, BIC = "Dirichlet process mixture", "Gaussian mixture, number by BIC"
TRUE_NUMBER = "semi-supervised k-means, true number"
LOOP, NO_PROTOTYPES, RAW = "GPC", "GPC without prototypes", "mixture of the features as they are"

# Chosen on pilot seed 1000, as the share of variance within components and the freedom of the sampler without labels
# (the fallbacks of `calibrate`) were: the covariances that count best, and of equal counts cluster best.
DIRICHLET_COVARIANCE = "tied"
BIC_COVARIANCE = {"digits": "full", "MNIST": "full", "CIFAR-10 features": "diag"}


class Found(NamedTuple):
    """The classes of all rows, and how many there are."""

    labels: NDArray[np.int64]
    n_classes: int

    @classmethod
    def of(cls, labels: NDArray[Any]) -> Found:
        return cls(labels, len(np.unique(labels)))


@dataclass(frozen=True)
class Arms:
    """All arms on one partly labelled table; those that need no start are run once."""

    data: str
    X: NDArray[np.float64]
    y: NDArray[np.int64]
    seed: int
    largest: int

    def from_start(self) -> dict[str, Callable[[int], Found]]:
        """Give each arm as a function of the number of classes to start from."""
        return {
            MIXTURE: lambda start: self.mixture(start),
            EXCHANGE: lambda start: self.mixture(start, exchange=True),
            NO_LABELS: self._without_labels,
            KMEANS: self._kmeans,
            DIRICHLET: self._dirichlet,
            GCD: lambda start: self._by_gcd,
            SILHOUETTE: lambda start: self._by_silhouette,
            BIC: lambda start: self._by_bic,
            TRUE_NUMBER: lambda start: self._with_true_number,
        }

    def mixture(self, start: int | None, **settings: Any) -> Found:
        """Run the mixture from a start."""
        model = SemiSupervisedGMM(start, random_state=self.seed, **settings).fit(self.X, self.y)
        return Found(model.labels_, model.n_classes_)

    def learnt(self, epochs: int) -> dict[str, Found]:
        """Learn features with and without prototypes, and not at all; the mixture is the same, from its own start."""
        found = {}
        for arm, warmup in ((LOOP, epochs // 4), (NO_PROTOTYPES, epochs)):
            model = GPC(SemiSupervisedGMM(exchange=True), epochs=epochs, warmup=warmup, random_state=self.seed)
            found[arm] = Found.of(model.fit(self.X, self.y).labels_)
        return found | {RAW: self.mixture(None, exchange=True)}

    def _without_labels(self, start: int) -> Found:
        model = SemiSupervisedGMM(start, random_state=self.seed).fit(self.X)
        return Found(model.labels_, model.n_classes_)

    def _kmeans(self, start: int) -> Found:
        return Found.of(semi_supervised_kmeans(self.X, self.y, start, random_state=self.seed).labels)

    def _dirichlet(self, start: int) -> Found:
        model = BayesianGaussianMixture(
            n_components=start, covariance_type=DIRICHLET_COVARIANCE, max_iter=200, random_state=self.seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return Found.of(model.fit_predict(self.X))

    @cached_property
    def _by_gcd(self) -> Found:
        number = estimate_class_number(self.X, self.y, max_classes=self.largest, random_state=self.seed).n_classes
        return self._kmeans(number)

    @cached_property
    def _by_silhouette(self) -> Found:
        known = len(np.unique(self.y[self.y >= 0]))
        tried = [self._kmeans(number) for number in range(known, self.largest + 1)]
        return max(tried, key=lambda found: silhouette_score(self.X, found.labels))

    @cached_property
    def _by_bic(self) -> Found:
        ridge = 1e-3 * self.X.var(axis=0).mean()
        models = [
            GaussianMixture(
                number, covariance_type=BIC_COVARIANCE[self.data], reg_covar=ridge, random_state=self.seed
            ).fit(self.X)
            for number in range(2, self.largest + 1)
        ]
        return Found.of(min(models, key=lambda model: model.bic(self.X)).predict(self.X))

    @cached_property
    def _with_true_number(self) -> Found:
        return self._kmeans(CLASSES)

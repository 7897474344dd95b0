"""The semi-supervised Gaussian mixture that finds its number of components by splits and merges."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from reprise.discover.gmm_category_discovery.calibration import PsiForm, calibrate
from reprise.discover.gmm_category_discovery.concentration import concentrations
from reprise.discover.gmm_category_discovery.prior import Moments, NIWPrior
from reprise.discover.gmm_category_discovery.sampler import Sampler, first_guess
from reprise.discover.gmm_category_discovery.sweep import Accept, Chance, Proposals
from reprise.nn.mixtures import GaussianFactors
from reprise.nn.partial_labels import PartialLabels, partial_labels

__all__ = ["SemiSupervisedGMM", "estimate_n_classes"]


class SemiSupervisedGMM(ClusterMixin, BaseEstimator):
    r"""Cluster partly labelled points into known and new classes, of which nobody knows the number.

    Labelled rows stay in the component of their class. From any number of components to start with, sweeps alternate
    semi-supervised k-means with moves that change the number: each component without labelled rows is cut in two by
    2-means and splits if its halves are compact and apart, and is merged with its nearest if they are not, both judged
    by the Hastings ratio of their evidence under a normal-inverse-Wishart prior,

    .. math:: \log H_\text{split} = \log \alpha + \log \Gamma(N_1) + \ell(X_1) + \log \Gamma(N_2) + \ell(X_2)
              - \log \Gamma(N) - \ell(X)

    How compact a class is to be is learnt from the known ones: unless given, the strength `nu` and the expected
    covariance of the prior are those under which the known classes themselves would neither split nor merge.

    Parameters
    ----------
    n_init_components : components to start from, the known classes among them; None for the known ones and half as
        many again, or 10 where none is known.
    alpha : concentration of the Dirichlet process; the higher, the more components.
    kappa : points that the prior mean, the mean of all rows, is worth.
    nu : degrees of freedom of the prior, above D + 1: the belief in the expected covariance. None learns it.
    psi : form of the expected covariance ``Psi / (nu - D - 1)``: ``"isotropic"``, `psi_scale` times the mean variance
        of a column in each; ``"diagonal"``, times each column's own; ``"within"``, times the pooled covariance of the
        known classes.
    psi_scale : see `psi`; None learns it.
    accept : of a move with H < 1, ``"metropolis"`` takes a share H, ``"coin"`` a share `split_prob`, as the authors'
        code, ``"greedy"`` none.
    split_prob : see `accept`.
    exchange : let known classes exchange unlabelled rows with new components, by the same ratios: some may leave as a
        new component, and a new component may join the known class it is nearest to. In the paper components with
        labelled rows never split nor merge, so what a known class has swallowed stays there, a start from the known
        classes alone finds nothing new, and a start from too many leaves splinters beside them.
    max_sweeps : sweeps at most.
    patience : sweeps in a row that find no more probable partition, after which it stops.
    min_size : rows that each half of a split has at least.
    temperature : mean of the concentrations.
    random_state : seeds k-means, 2-means and chance.

    Attributes
    ----------
    labels_ : (n,) classes: known ones by their labels, new ones by numbers that follow the largest known label.
    classes_ : (K,) all classes, known ones first.
    n_components_, n_classes_ : K.
    means_ : (K, D) mean of each component, after the prior.
    covariances_ : (K, D, D) most probable covariance of each, after the prior.
    weights_ : (K,) shares of the rows.
    cluster_centers_ : (K, D) prototypes: centroids of the components.
    concentrations_ : (K,) how loosely rows lie about their prototype; see `concentrations`.
    prior_ : the `NIWPrior`.
    log_probability_ : joint log probability of the points and `labels_` under prior and Dirichlet process, up to a
        constant; of all partitions that sweeps went through, the most probable is kept.
    history_ : one dictionary a sweep: ``n_components`` after it, accepted ``splits`` and ``merges``, and its
        ``log_probability``.
    n_iter_ : sweeps done.

    Raises
    ------
    InvalidInputError
        If `n_init_components` is below the number of known classes or leaves more new components than unlabelled
        rows, `nu` is at most D + 1, labels are no integers, or there are fewer than two rows.

    Warns
    -----
    UserWarning
        If every row is labelled.

    Notes
    -----
    A sweep costs O(n K D + n D^2 + K D^3). Features of hundreds of dimensions want a reduction first: the evidence of
    a few dozen points in them is mostly the prior's. The authors' code starts each sweep from the same number of
    components and keeps merged parents beside their union; here the number carries over and parents go.

    References
    ----------
    B. Zhao, X. Wen, K. Han, "Learning semi-supervised Gaussian mixture models for generalized category discovery",
    ICCV 2023, arXiv 2305.06144; code https://github.com/DTennant/GPC.

    Examples
    --------
    Four groups, of which two are half labelled, from a start of two and of nine:

    >>> rng = np.random.default_rng(0)
    >>> truth = np.repeat([0, 1, 2, 3], 60)
    >>> X = rng.normal(size=(240, 2)) + 9 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[truth]
    >>> y = np.where((truth < 2) & (rng.random(240) < 0.5), truth, -1)
    >>> [SemiSupervisedGMM(start, exchange=True, random_state=0).fit(X, y).n_classes_ for start in (2, 9)]
    [4, 4]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_init_components": [None, Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "kappa": [Interval(Real, 0, None, closed="neither")],
        "nu": [None, Interval(Real, 0, None, closed="neither")],
        "psi": [StrOptions({"isotropic", "diagonal", "within"})],
        "psi_scale": [None, Interval(Real, 0, None, closed="neither")],
        "accept": [StrOptions({"metropolis", "coin", "greedy"})],
        "exchange": ["boolean"],
        "split_prob": [Interval(Real, 0, 1, closed="both")],
        "max_sweeps": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "min_size": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_init_components: int | None = None,
        *,
        alpha: float = 1.0,
        kappa: float = 1e-4,
        nu: float | None = None,
        psi: PsiForm = "isotropic",
        psi_scale: float | None = None,
        accept: Accept = "metropolis",
        split_prob: float = 0.1,
        exchange: bool = False,
        max_sweeps: int = 50,
        patience: int = 5,
        min_size: int = 6,
        temperature: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_init_components = n_init_components
        self.alpha = alpha
        self.kappa = kappa
        self.nu = nu
        self.psi = psi
        self.psi_scale = psi_scale
        self.accept = accept
        self.split_prob = split_prob
        self.exchange = exchange
        self.max_sweeps = max_sweeps
        self.patience = patience
        self.min_size = min_size
        self.temperature = temperature
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> SemiSupervisedGMM:
        """Cluster the rows of `X`.

        Parameters
        ----------
        X : (n, D) points.
        y : (n,) integer classes, -1 where unknown; None labels no row.

        Returns
        -------
        self
        """
        self._validate_params()
        points: Float[np.ndarray, "n D"] = validate_data(self, X, dtype=float, ensure_min_samples=2)
        known = partial_labels(y, len(points))
        state = check_random_state(self.random_state)
        start = Sampler.start(points, known, first_guess(self.n_init_components, known), state)
        return self.settle(points, known, start, state)

    def settle(
        self, X: Float[np.ndarray, "n D"], known: PartialLabels, start: Sampler, state: np.random.RandomState
    ) -> SemiSupervisedGMM:
        """Sweep from a given start until nothing gets more probable; what `fit` does from its own.

        Parameters
        ----------
        X : (n, D) points.
        known : their known classes.
        start : centres and assignments to go on from.
        state : of all random numbers.
        """
        proposals = self.proposals(X, known, state)
        best = sampler = start
        self.log_probability_ = start.log_probability(X, proposals)
        self.history_: list[dict[str, float]] = []
        idle = 0
        while len(self.history_) < self.max_sweeps and idle < self.patience:
            sampler, splits, merges = sampler.swept(X, known, proposals, exchange=self.exchange)
            value = sampler.log_probability(X, proposals)
            self.history_.append(
                {"n_components": len(sampler.centres), "splits": splits, "merges": merges, "log_probability": value}
            )
            idle += 1
            if value > self.log_probability_:
                best, self.log_probability_, idle = sampler, value, 0
        self.n_iter_ = len(self.history_)
        self._describe(X, known, best, proposals.prior)
        return self

    def proposals(self, X: Float[np.ndarray, "n D"], known: PartialLabels, state: np.random.RandomState) -> Proposals:
        """Give what sweeps over these points judge by: the prior, learnt where not given, the limits, and chance.

        Parameters
        ----------
        X : (n, D) points.
        known : their known classes.
        state : of all random numbers.
        """
        prior = calibrate(
            X,
            known.codes,
            form=self.psi,
            kappa=self.kappa,
            nu=self.nu,
            scale=self.psi_scale,
            alpha=self.alpha,
            min_size=self.min_size,
            state=state,
        )
        return Proposals(prior, self.alpha, self.min_size, Chance(self.accept, self.split_prob, state))

    def predict(self, X: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give each point the class of its nearest prototype; O(n K D)."""
        check_is_fitted(self)
        points = validate_data(self, X, dtype=float, reset=False)
        return self.classes_[pairwise_distances_argmin(points, self.cluster_centers_)]

    def predict_proba(self, X: ArrayLike) -> Float[np.ndarray, "n K"]:
        """Give the responsibility of each component's Gaussian for each point, in the order of `classes_`."""
        joint = self._log_joint(X)
        return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))

    def score_samples(self, X: ArrayLike) -> Float[np.ndarray, " n"]:
        """Give the log density of each point under the mixture."""
        return logsumexp(self._log_joint(X), axis=1)

    def _log_joint(self, X: ArrayLike) -> Float[np.ndarray, "n K"]:
        check_is_fitted(self)
        points = validate_data(self, X, dtype=float, reset=False)
        deviances = GaussianFactors.of(self.covariances_).deviances(points, self.means_)
        return np.log(self.weights_) - (deviances + points.shape[1] * np.log(2 * np.pi)) / 2

    def _describe(self, X: Float[np.ndarray, "n D"], known: PartialLabels, sampler: Sampler, prior: NIWPrior) -> None:
        K = len(sampler.centres)
        parts = [Moments.of(X[sampler.assigned == k]) for k in range(K)]
        self.prior_ = prior
        self.n_components_ = self.n_classes_ = K
        self.classes_ = known.names(K)
        self.labels_ = self.classes_[sampler.assigned]
        self.cluster_centers_ = sampler.centres
        self.means_ = np.stack([prior.posterior_mean(part) for part in parts])
        self.covariances_ = np.stack([prior.posterior_cov(part) for part in parts])
        self.weights_ = np.array([part.n for part in parts]) / len(X)
        self.concentrations_ = concentrations(X, sampler.centres, sampler.assigned, self.temperature)


def estimate_n_classes(X: ArrayLike, y: ArrayLike | None = None, **settings: Any) -> int:
    """Estimate how many classes partly labelled points have, known ones included.

    Parameters
    ----------
    X : (n, D) points.
    y : (n,) integer classes, -1 where unknown; None labels no row.
    settings : of `SemiSupervisedGMM`.

    Raises
    ------
    InvalidInputError
        As `SemiSupervisedGMM`.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(90, 2)) + np.repeat([[0, 0], [20, 0], [0, 20]], 30, axis=0)
    >>> estimate_n_classes(X, [0] * 20 + [-1] * 10 + [1] * 20 + [-1] * 40, random_state=0)
    3
    """
    return int(SemiSupervisedGMM(**settings).fit(X, y).n_classes_)

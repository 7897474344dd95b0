"""95 % intervals of means and of ratios of means: Student t for few units, a bootstrap for many."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from reprise.claim.crossed import components, group_means, shared

CONFIDENCE = 0.95
FEW_UNITS = 20  # below this a bootstrap of the mean is too narrow, see tests/test_claim.py
RESAMPLES = 4999
_BOOTSTRAP_SEED = 20260101
_BATCH_VALUES = 2**20  # resampled at once: bounds the memory of a bootstrap over many units


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval, the number of units behind it, and how it was made.

    `tail(bound)` is the one-sided p-value against the quantity being at most `bound`; `p_above` and `p_below` double
    it, so that `p_above(bound) < 0.05` says the same as `low > bound` (exactly for Student t, nearly for a bootstrap).
    `certain` says that all units had one value, as in a deterministic comparison.
    """

    estimate: float
    low: float
    high: float
    units: int
    method: str
    tail: Callable[[float], float]
    certain: bool = False

    def p_above(self, bound: float) -> float:
        """Two-sided p-value in the direction of lying above `bound`."""
        return min(1.0, 2 * self.tail(bound))

    def p_below(self, bound: float) -> float:
        """Two-sided p-value in the direction of lying below `bound`."""
        return min(1.0, 2 * (1 - self.tail(bound)))


def mean_interval(values: np.ndarray, groups: np.ndarray | None = None, items: np.ndarray | None = None) -> Interval:
    r"""Give the interval of a mean.

    Below 20 units Student's :math:`\bar v \pm t_{n-1}\, s/\sqrt n`; from 20 on the bias-corrected and accelerated
    bootstrap, expanded by as much as Student t is wider than the normal distribution at that number of units. With
    `groups` (the seed of each value) the means of the groups are the units: what varies within them shows in these.

    Where groups share `items`, both are samples. The estimate is the mean of the items' means, its variance
    :math:`v = v_g + v_i` that of the groups' means over G plus that of the items' means over I, and Student t takes
    Satterthwaite's :math:`v^2 / (v_g^2/(G-1) + v_i^2/(I-1))` degrees of freedom.

    Parameters
    ----------
    values : (n,) one value a unit.
    groups : (n,) labels of the groups in which items are nested, or with which they are crossed; or None.
    items : (n,) labels of the items, each at most once a group; None if no two groups share any.

    Examples
    --------
    >>> interval = mean_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(interval.low, 2), interval.estimate, round(interval.high, 2)
    (-0.48, 2.0, 4.48)
    """
    values = np.asarray(values, dtype=float)
    if groups is not None:
        n_groups = len(np.unique(groups))
        if items is not None and shared(items):
            return _crossed(values, groups, items)
        if n_groups > 1:
            interval = mean_interval(group_means(values, groups))
            return replace(interval, method=f"{interval.method} over {n_groups} groups of {len(values)} units")
    n = len(values)
    if n >= 2 and np.ptp(values) == 0:
        return _constant(float(values[0]), n)
    if n < FEW_UNITS:
        return _student(values)
    return _bootstrap((values,), _mean, n)


def ratio_interval(
    numerator: np.ndarray,
    denominator: np.ndarray,
    groups: np.ndarray | None = None,
    items: np.ndarray | None = None,
) -> Interval:
    """Give the interval of mean(numerator) / mean(denominator) over paired units.

    Fieller's interval below 20 units, and for items that groups share (unbounded where the denominator may be zero);
    the bootstrap from 20 on.

    Parameters
    ----------
    numerator, denominator : (n,) values of the same units.
    groups, items : as in `mean_interval`.
    """
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    if groups is not None:
        if items is not None and shared(items):
            return _crossed_ratio(numerator, denominator, groups, items)
        if len(np.unique(groups)) > 1:
            return ratio_interval(group_means(numerator, groups), group_means(denominator, groups))
    n = len(numerator)
    bottom = float(denominator.mean())
    if bottom == 0:
        return _unknown(math.nan, n, "the baseline is zero")
    estimate = float(numerator.mean()) / bottom
    if n >= 2 and np.ptp(numerator - estimate * denominator) == 0:
        return _constant(estimate, n)
    if n >= FEW_UNITS:
        return _bootstrap((numerator, denominator), _ratio, n)
    if n < 2:
        return _unknown(estimate, n, "Fieller")
    low, high = _fieller(float(numerator.mean()), bottom, np.cov(numerator, denominator) / n, n - 1)

    def tail(bound: float) -> float:
        return _student(numerator - bound * denominator).tail(0.0)

    return Interval(estimate, low, high, n, "Fieller", tail)


def statistic_interval(arrays: tuple[np.ndarray, ...], statistic: Callable[..., np.ndarray]) -> Interval:
    """Give the bootstrap interval of any vectorised `statistic(*arrays, axis=-1)` of paired units."""
    return _bootstrap(arrays, statistic, len(arrays[0]))


def _student(values: np.ndarray) -> Interval:
    n = len(values)
    estimate = float(values.mean())
    if n < 2:
        return _unknown(estimate, n, "one unit")
    error = float(values.std(ddof=1)) / math.sqrt(n)
    if error == 0:
        return _constant(estimate, n)
    return _t_interval(estimate, error, n - 1, n, "Student t")


def _t_interval(estimate: float, error: float, freedom: float, n: int, method: str) -> Interval:
    from scipy import stats

    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error

    def tail(bound: float) -> float:
        return float(stats.t.sf((estimate - bound) / error, freedom))

    return Interval(estimate, estimate - half, estimate + half, n, method, tail)


def _crossed(values: np.ndarray, groups: np.ndarray, items: np.ndarray) -> Interval:
    n_groups, n_items = len(np.unique(groups)), len(np.unique(items))
    if n_items < 2:
        return _unknown(float(values.mean()), n_items, "one unit")
    found = components(values[np.newaxis], groups, items)
    error, freedom = found.error(np.ones(1))
    if error == 0:
        return replace(_student(values), units=n_items)
    method = f"Student t over {n_items} units crossed with {n_groups} groups"
    return _t_interval(float(found.means[0]), error, freedom, n_items, method)


def _crossed_ratio(numerator: np.ndarray, denominator: np.ndarray, groups: np.ndarray, items: np.ndarray) -> Interval:
    n = len(np.unique(items))
    if n < 2:
        return _unknown(float(numerator.mean() / denominator.mean()), n, "one unit")
    found = components(np.stack([numerator, denominator]), groups, items)
    top, bottom = found.means.tolist()
    if bottom == 0:
        return _unknown(math.nan, n, "the baseline is zero")
    estimate = top / bottom
    if np.ptp(numerator - estimate * denominator) == 0:
        return _constant(estimate, n)
    _, freedom = found.error(np.array([1.0, -estimate]))
    low, high = _fieller(top, bottom, found.covariances.sum(axis=0), freedom)

    def tail(bound: float) -> float:
        return _crossed(numerator - bound * denominator, groups, items).tail(0.0)

    return Interval(estimate, low, high, n, "Fieller over crossed units", tail)


def _bootstrap(arrays: tuple[np.ndarray, ...], statistic: Callable[..., np.ndarray], n: int) -> Interval:
    """Resample units; the level is that of an expanded interval, which for normal data is as wide as Student's."""
    from scipy import stats

    expansion = math.sqrt(n / (n - 1))
    level = 1 - 2 * float(stats.norm.sf(expansion * stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)))
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # such data take the percentiles, below
        result = stats.bootstrap(
            arrays,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            confidence_level=level,
            method="BCa",
            batch=max(1, _BATCH_VALUES // n),
            rng=np.random.default_rng(_BOOTSTRAP_SEED),
        )
    draws = np.asarray(result.bootstrap_distribution)
    low, high = float(result.confidence_interval.low), float(result.confidence_interval.high)
    method = "bootstrap (BCa)"
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]).tolist()
        method = "bootstrap (percentile)"

    def tail(bound: float) -> float:
        share = (1 + int((draws <= bound).sum())) / (2 + len(draws))
        return float(stats.t.cdf(stats.norm.ppf(share) / expansion, n - 1))

    return Interval(float(statistic(*arrays, axis=-1)), low, high, n, method, tail)


def _fieller(a: float, b: float, covariance: np.ndarray, freedom: float) -> tuple[float, float]:
    """Solve (a - r b)^2 = t^2 var(a - r b) for r, with the means a and b and their covariance."""
    from scipy import stats

    covariance = covariance * float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) ** 2
    quadratic = b * b - covariance[1, 1]
    linear = a * b - covariance[0, 1]
    constant = a * a - covariance[0, 0]
    if quadratic <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max(linear * linear - quadratic * constant, 0.0))
    return (linear - root) / quadratic, (linear + root) / quadratic


def _constant(value: float, n: int) -> Interval:
    return Interval(value, value, value, n, "constant", lambda bound: 0.0 if value > bound else 1.0, certain=True)


def _unknown(estimate: float, n: int, method: str) -> Interval:
    return Interval(estimate, -math.inf, math.inf, n, method, lambda bound: 0.5)


def _mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return values.mean(axis=axis)


def _ratio(numerator: np.ndarray, denominator: np.ndarray, axis: int = -1) -> np.ndarray:
    return numerator.mean(axis=axis) / denominator.mean(axis=axis)

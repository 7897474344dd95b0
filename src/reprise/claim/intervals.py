"""95 % intervals of means and of ratios of means: Student t for few units, a bootstrap for many."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

CONFIDENCE = 0.95
FEW_UNITS = 20  # below this a bootstrap of the mean is too narrow, see tests/test_claim.py
RESAMPLES = 4999
_BOOTSTRAP_SEED = 20260101


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval, the number of units behind it, and how it was made.

    `tail(bound)` is the one-sided p-value against the quantity being at most `bound`; `p_above` and `p_below` double
    it, so that `p_above(bound) < 0.05` says the same as `low > bound` (exactly for Student t, nearly for a bootstrap).
    """

    estimate: float
    low: float
    high: float
    units: int
    method: str
    tail: Callable[[float], float]

    def p_above(self, bound: float) -> float:
        """Two-sided p-value in the direction of lying above `bound`."""
        return min(1.0, 2 * self.tail(bound))

    def p_below(self, bound: float) -> float:
        """Two-sided p-value in the direction of lying below `bound`."""
        return min(1.0, 2 * (1 - self.tail(bound)))


def mean_interval(values: np.ndarray, groups: np.ndarray | None = None) -> Interval:
    r"""Give the interval of a mean.

    Below 20 units Student's :math:`\bar v \pm t_{n-1}\, s/\sqrt n`; from 20 on the bias-corrected and accelerated
    bootstrap. With `groups` (the seed of each value) and at least 20 groups, groups are resampled first and values
    within them second (hierarchical bootstrap); with fewer groups the means of the groups are the units, because five
    resampled seeds give an interval that is too narrow.

    Parameters
    ----------
    values : (n,) one value a unit.
    groups : (n,) labels of the groups in which the units are nested, or None.

    Examples
    --------
    >>> interval = mean_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(interval.low, 2), interval.estimate, round(interval.high, 2)
    (-0.48, 2.0, 4.48)
    """
    values = np.asarray(values, dtype=float)
    if groups is not None:
        names, codes = np.unique(np.asarray(groups), return_inverse=True)
        if len(names) >= FEW_UNITS:
            return _hierarchical(values, codes, len(names))
        if len(names) > 1:
            means = np.bincount(codes, weights=values) / np.bincount(codes)
            interval = mean_interval(means)
            return replace(interval, method=f"Student t over {len(names)} groups of {len(values)} units")
    n = len(values)
    if n >= 2 and np.ptp(values) == 0:
        return _constant(float(values[0]), n, "constant")
    if n < FEW_UNITS:
        return _student(values)
    return _bootstrap((values,), _mean, n)


def ratio_interval(numerator: np.ndarray, denominator: np.ndarray) -> Interval:
    """Give the interval of mean(numerator) / mean(denominator) over paired units.

    Fieller's interval below 20 units (unbounded where the denominator may be zero), the bootstrap from 20 on.

    Parameters
    ----------
    numerator, denominator : (n,) values of the same units.
    """
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    n = len(numerator)
    bottom = float(denominator.mean())
    if bottom == 0:
        return Interval(math.nan, -math.inf, math.inf, n, "the baseline is zero", lambda bound: 0.5)
    estimate = float(numerator.mean()) / bottom
    if n >= 2 and np.ptp(numerator - estimate * denominator) == 0:
        return _constant(estimate, n, "constant")
    if n >= FEW_UNITS:
        return _bootstrap((numerator, denominator), _ratio, n)
    low, high = _fieller(numerator, denominator)

    def tail(bound: float) -> float:
        return _student(numerator - bound * denominator).tail(0.0)

    return Interval(estimate, low, high, n, "Fieller", tail)


def statistic_interval(arrays: tuple[np.ndarray, ...], statistic: Callable[..., np.ndarray]) -> Interval:
    """Give the bootstrap interval of any vectorised `statistic(*arrays, axis=-1)` of paired units."""
    return _bootstrap(arrays, statistic, len(arrays[0]))


def _student(values: np.ndarray) -> Interval:
    from scipy import stats

    n = len(values)
    estimate = float(values.mean())
    if n < 2:
        return Interval(estimate, -math.inf, math.inf, n, "one unit", lambda bound: 0.5)
    error = float(values.std(ddof=1)) / math.sqrt(n)
    if error == 0:
        return _constant(estimate, n, "constant")
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error

    def tail(bound: float) -> float:
        return float(stats.t.sf((estimate - bound) / error, n - 1))

    return Interval(estimate, estimate - half, estimate + half, n, "Student t", tail)


def _bootstrap(arrays: tuple[np.ndarray, ...], statistic: Callable[..., np.ndarray], n: int) -> Interval:
    from scipy import stats

    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # such data take the percentiles, below
        result = stats.bootstrap(
            arrays,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="BCa",
            rng=np.random.default_rng(_BOOTSTRAP_SEED),
        )
    draws = np.asarray(result.bootstrap_distribution)
    low, high = float(result.confidence_interval.low), float(result.confidence_interval.high)
    method = "bootstrap (BCa)"
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).tolist()
        method = "bootstrap (percentile)"
    return Interval(float(statistic(*arrays, axis=-1)), low, high, n, method, _tail_of(draws))


def _hierarchical(values: np.ndarray, codes: np.ndarray, n_groups: int) -> Interval:
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    order = np.argsort(codes, kind="stable")
    values, sizes = values[order], np.bincount(codes)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    draws = np.empty(RESAMPLES)
    for draw in range(RESAMPLES):
        chosen = rng.integers(n_groups, size=n_groups)
        counts = sizes[chosen]
        within = (rng.random(counts.sum()) * np.repeat(counts, counts)).astype(int)
        means = np.add.reduceat(
            values[np.repeat(starts[chosen], counts) + within], np.concatenate(([0], np.cumsum(counts)[:-1]))
        )
        draws[draw] = (means / counts).mean()
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).tolist()
    estimate = float((np.add.reduceat(values, starts) / sizes).mean())
    return Interval(estimate, low, high, n_groups, "hierarchical bootstrap", _tail_of(draws))


def _fieller(numerator: np.ndarray, denominator: np.ndarray) -> tuple[float, float]:
    """Solve (a - r b)^2 = t^2 var(a - r b) / n for r, with a and b the means."""
    from scipy import stats

    n = len(numerator)
    if n < 2:
        return -math.inf, math.inf
    a, b = float(numerator.mean()), float(denominator.mean())
    covariance = np.cov(numerator, denominator) / n * float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) ** 2
    quadratic = b * b - covariance[1, 1]
    linear = a * b - covariance[0, 1]
    constant = a * a - covariance[0, 0]
    if quadratic <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max(linear * linear - quadratic * constant, 0.0))
    return (linear - root) / quadratic, (linear + root) / quadratic


def _tail_of(draws: np.ndarray) -> Callable[[float], float]:
    def tail(bound: float) -> float:
        return (1 + int((draws <= bound).sum())) / (2 + len(draws))

    return tail


def _constant(value: float, n: int, method: str) -> Interval:
    return Interval(value, value, value, n, method, lambda bound: 0.0 if value > bound else 1.0)


def _mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return values.mean(axis=axis)


def _ratio(numerator: np.ndarray, denominator: np.ndarray, axis: int = -1) -> np.ndarray:
    return numerator.mean(axis=axis) / denominator.mean(axis=axis)

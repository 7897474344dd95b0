"""The interval of a rank correlation over items."""

from __future__ import annotations

import math

import numpy as np

from reprise.claim.intervals import CONFIDENCE, FEW_UNITS, Interval, statistic_interval

MIN_ITEMS_FOR_RANKS = 3
_MIN_ITEMS_FOR_AN_INTERVAL = 5


def rank_interval(a: np.ndarray, b: np.ndarray) -> Interval:
    """Give Spearman's rho of paired items with its interval: Bonett and Wright's below 20 items, then the bootstrap.

    A perfect or absent order leaves nothing to resample, so there Bonett and Wright's serves any number of items.
    """
    rho, n = float(spearman(a, b)), len(a)
    if n >= FEW_UNITS and 0 < abs(rho) <= _nearest_to_perfect(n):
        return statistic_interval((a, b), spearman)
    return bonett_wright(rho, n)


def bonett_wright(rho: float, n: int) -> Interval:
    r"""Give the interval :math:`\mathrm{atanh}(\rho) \pm 1.96 \sqrt{(1 + \rho^2/2)/(n-3)}` of a rank correlation.

    Below five items it says nothing. A perfect order has no finite atanh; its interval reaches from the order itself
    to the far end of the interval of an order with one pair of neighbours swapped.

    References
    ----------
    Bonett and Wright (2000). Sample size requirements for estimating Pearson, Kendall and Spearman correlations.
    Psychometrika 65.
    """
    from scipy import stats

    if n < _MIN_ITEMS_FOR_AN_INTERVAL:
        return Interval(rho, -1.0, 1.0, n, "too few items", lambda bound: 0.5)
    nearest = _nearest_to_perfect(n)
    inner = min(max(rho, -nearest), nearest)
    centre, error = math.atanh(inner), math.sqrt((1 + inner**2 / 2) / (n - 3))
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * error

    def tail(bound: float) -> float:
        if abs(bound) >= 1:
            return 0.0 if bound < 0 else 1.0
        return float(stats.norm.sf((centre - math.atanh(bound)) / error))

    low = -1.0 if rho < -nearest else math.tanh(centre - half)
    high = 1.0 if rho > nearest else math.tanh(centre + half)
    return Interval(rho, low, high, n, "Bonett-Wright", tail)


def spearman(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    """Rank correlation along an axis; zero where one side is constant, since then it orders nothing."""
    from scipy import stats

    x, y = stats.rankdata(a, axis=axis), stats.rankdata(b, axis=axis)
    x, y = x - x.mean(axis=axis, keepdims=True), y - y.mean(axis=axis, keepdims=True)
    scale = np.sqrt((x * x).sum(axis=axis) * (y * y).sum(axis=axis))
    return np.divide((x * y).sum(axis=axis), scale, out=np.zeros_like(scale), where=scale > 0)


def _nearest_to_perfect(n: int) -> float:
    """Rho of two orders of n items that differ by one swap of neighbours."""
    return 1 - 12 / (n**3 - n)

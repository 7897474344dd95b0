"""How far two samples are apart, in their own standard deviations: Cohen's d with its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError

_NORMAL_975 = 1.959963984540054


class EffectSize(NamedTuple):
    """A standardised difference of means, and the half-width of its 95 % interval; arrays where several were asked."""

    d: Float[np.ndarray, "*rest"]
    half_width: Float[np.ndarray, "*rest"]

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the 95 % interval."""
        return self.d - self.half_width, self.d + self.half_width


def cohens_d(a: ArrayLike, b: ArrayLike, axis: int = 0) -> EffectSize:
    r"""Cohen's d of two independent samples, with its large-sample 95 % interval.

    .. math:: d = \frac{\bar a - \bar b}{s}, \quad s^2 = \frac{(n_a-1) s_a^2 + (n_b-1) s_b^2}{n_a+n_b-2}, \quad
              d \pm 1.96 \sqrt{\frac{n_a+n_b}{n_a n_b} + \frac{d^2}{2 (n_a+n_b)}}

    Parameters
    ----------
    a, b : samples along `axis`; their other axes are the same.
    axis : along which samples lie.

    Returns
    -------
    EffectSize
        d and the half-width of its interval, of the shape that is left without `axis`.

    Raises
    ------
    InvalidInputError
        If a sample has fewer than two values, holds NaN or infinite ones, shapes differ beyond `axis`, or nothing
        varies within either sample.

    Notes
    -----
    The interval takes the samples to be independent and normal; it is poor below some ten values a sample.

    References
    ----------
    L. V. Hedges and I. Olkin (1985). Statistical Methods for Meta-Analysis, chapter 5.

    Examples
    --------
    >>> effect = cohens_d([1, 2, 3], [2, 3, 4])
    >>> float(effect.d), round(float(effect.half_width), 3)
    (-1.0, 1.697)
    """
    first, second = (_sample(values, axis, name) for values, name in ((a, "a"), (b, "b")))
    if first.shape[1:] != second.shape[1:]:
        raise InvalidInputError(
            f"Beyond axis {axis} the samples have shapes {first.shape[1:]} and {second.shape[1:]}; one shape is "
            "expected."
        )
    n_a, n_b = len(first), len(second)
    d = (first.mean(axis=0) - second.mean(axis=0)) / pooled_deviation(first, second)
    return EffectSize(d, _NORMAL_975 * np.sqrt((n_a + n_b) / (n_a * n_b) + d**2 / (2 * (n_a + n_b))))


def pooled_deviation(a: Float[np.ndarray, n * rest], b: Float[np.ndarray, m * rest]) -> Float[np.ndarray, "*rest"]:
    """Give the standard deviation within two samples along their first axis.

    Raises
    ------
    InvalidInputError
        If nothing varies within either.

    Examples
    --------
    >>> float(pooled_deviation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])))
    1.0
    """
    sums = sum((len(sample) - 1) * sample.var(axis=0, ddof=1) for sample in (a, b))
    pooled = np.asarray(sums / (len(a) + len(b) - 2))
    if not np.all(pooled > 0):
        raise InvalidInputError("Nothing varies within either sample; Cohen's d needs a standard deviation above 0.")
    return np.sqrt(pooled)


def _sample(values: ArrayLike, axis: int, name: str) -> Float[np.ndarray, n * rest]:
    sample = np.asarray(values, dtype=np.float64)
    if not -sample.ndim <= axis < sample.ndim:
        raise InvalidInputError(f"Sample {name} has shape {sample.shape}, which has no axis {axis}.")
    sample = np.moveaxis(sample, axis, 0)
    if len(sample) < 2:
        raise InvalidInputError(f"Sample {name} has {len(sample)} values; at least two are expected.")
    if not np.isfinite(sample).all():
        raise InvalidInputError(f"Sample {name} holds values that are not finite; none is expected.")
    return sample

"""Numbers that sum up curves over residual streams."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import stats

from reprise.errors import InvalidInputError


def switch_layer(latent: ArrayLike, target: ArrayLike) -> int | None:
    """Give the first stream from which the target language leads for good; None if it does not lead at the end.

    Examples
    --------
    >>> switch_layer([0.5, 0.6, 0.2, 0.1], [0.0, 0.1, 0.3, 0.8])
    2
    """
    first, second = _curves(latent, target)
    behind = np.flatnonzero(second <= first)
    start = behind[-1] + 1 if len(behind) else 0
    return int(start) if start < len(first) else None


def latent_area(latent: ArrayLike, target: ArrayLike) -> float:
    """Add up how far the latent language is ahead of the target language, over the streams where it is.

    Examples
    --------
    >>> round(latent_area([0.5, 0.6, 0.2, 0.1], [0.0, 0.1, 0.3, 0.8]), 6)
    1.0
    """
    first, second = _curves(latent, target)
    return float(np.clip(first - second, 0, None).sum())


def bootstrap_interval(
    values: Float[np.ndarray, items * rest], *, level: float = 0.95, n_resamples: int = 1000, random_state: int = 0
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Give the percentile bootstrap interval of the mean over items.

    Raises
    ------
    InvalidInputError
        If there are fewer than two items.

    Examples
    --------
    >>> low, high = bootstrap_interval(np.arange(20.0)[:, None])
    >>> bool(low[0] < 9.5 < high[0])
    True
    """
    if len(values) < 2:
        raise InvalidInputError(f"An interval over items needs at least 2 of them; there is {len(values)}.")
    found = stats.bootstrap(
        (values,),
        np.mean,
        axis=0,
        confidence_level=level,
        n_resamples=n_resamples,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(random_state),
    ).confidence_interval
    return found.low, found.high


def _curves(latent: ArrayLike, target: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(latent, dtype=float), np.asarray(target, dtype=float)
    if first.ndim != 1 or first.shape != second.shape or not len(first) or not np.isfinite([first, second]).all():
        raise InvalidInputError(
            f"Two finite curves of one length are expected; shapes {first.shape} and {second.shape} were given."
        )
    return first, second

"""Pools of elements and the subset that is to be selected of each: simulated, or drawn from rows of a table.

=========================  ==================================================================
`two_moons_pools`          points of one moon, some replaced by points of the other
`gaussian_mixture_pools`   points of one Gaussian, some replaced by points of the other
`anomaly_pools`            rows of one class, some replaced by rows of another
`top_k_pools`              random rows; those with the largest targets are chosen
`bundle_pools`             a bundle, and the rows that are least like it
=========================  ==================================================================

All follow the constructions of the set-selection experiments of Ou et al. (2022, arXiv 2203.01693) and Xie et al.
(2024, arXiv 2402.03139); their code for the last three works on CelebA's attributes, on binding affinities and on
Amazon's baby registries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.datasets import make_moons

from reprise.errors import InvalidInputError


class SubsetPools(NamedTuple):
    """Pools (count, size, d), and for each the indices of the subset within its pool, in order."""

    pools: NDArray[np.float32]
    subsets: list[NDArray[np.intp]]


def two_moons_pools(
    count: int, rng: np.random.Generator, *, size: int = 100, chosen: int = 10, noise: float = 0.1
) -> SubsetPools:
    """Draw pools of one moon in which `chosen` points at random places are from the other.

    Which moon is the pool is drawn anew for each; points are those of scikit-learn's `make_moons`, evenly spaced along
    the moon before noise is added, times 2 and moved by (-1, -0.2). The papers use `size` 100 and `chosen` 10.

    Parameters
    ----------
    count : pools.
    rng : the only source of randomness.
    noise : standard deviation added to the curves, before they are stretched.

    Raises
    ------
    InvalidInputError
        If `count` is below 1, or `chosen` not from 1 to ``size - 1``.

    Examples
    --------
    >>> pools, subsets = two_moons_pools(5, np.random.default_rng(0), size=30)
    >>> pools.shape, len(subsets[0])
    ((5, 30, 2), 10)
    """
    _check(count, size, chosen)
    curves = make_moons(2 * size, shuffle=False)[0].reshape(2, 1, size, 2)
    order = rng.random((2, count, size, 1)).argsort(axis=2)
    points = np.take_along_axis(curves, order, axis=2) + noise * rng.normal(size=(2, count, size, 2))
    return _replaced(2 * points + (-1, -0.2), chosen, rng)


def gaussian_mixture_pools(
    count: int, rng: np.random.Generator, *, size: int = 100, chosen: int = 10, std: float = 0.5
) -> SubsetPools:
    """Draw pools of one of two round Gaussians at distance 2 in which `chosen` points are from the other.

    Centres are at (1, 1) / sqrt 2 and its negative. The papers use `size` 100 and `chosen` 10.

    Parameters
    ----------
    count : pools.
    rng : the only source of randomness.
    std : standard deviation of each coordinate.

    Raises
    ------
    InvalidInputError
        If `count` is below 1, or `chosen` not from 1 to ``size - 1``.

    Examples
    --------
    >>> gaussian_mixture_pools(5, np.random.default_rng(0), size=30).pools.shape
    (5, 30, 2)
    """
    _check(count, size, chosen)
    centres = np.array([1.0, -1.0])[:, None, None, None] / np.sqrt(2)
    return _replaced(centres + std * rng.normal(size=(2, count, size, 2)), chosen, rng)


def anomaly_pools(
    X: ArrayLike,
    y: ArrayLike,
    count: int,
    rng: np.random.Generator,
    *,
    size: int = 16,
    chosen: tuple[int, int] = (2, 4),
    mixed: bool = False,
) -> SubsetPools:
    """Draw pools of rows of one class in which a few rows, the subset, are of another.

    Parameters
    ----------
    X : (rows, d).
    y : classes; each as likely to be the pool's.
    count : pools.
    rng : the only source of randomness.
    size : of a pool; a class that fills pools needs as many rows.
    chosen : smallest and largest number of anomalies.
    mixed : anomalies may be of several other classes, instead of all of one.

    Raises
    ------
    InvalidInputError
        If a number does not fit, there are fewer than two classes, or a class has fewer than `size` rows.

    Examples
    --------
    >>> X, y = np.arange(40.0)[:, None], np.repeat([0, 1], 20)
    >>> pools, subsets = anomaly_pools(X, y, 3, np.random.default_rng(0), size=8)
    >>> (pools[0][subsets[0]] >= 20).all() != (np.delete(pools[0], subsets[0]) >= 20).all()
    np.True_
    """
    X, y = _checked_table(X, y)
    least, most = chosen
    _check(count, size, least)
    _check(count, size, most)
    classes, sizes = np.unique(y, return_counts=True)
    if least > most or len(classes) < 2 or sizes.min() < size:
        raise InvalidInputError(
            f"Pools of {size} with {least} to {most} anomalies were asked of classes of {sizes.tolist()} rows; "
            "at least two classes, each of as many rows as a pool, are expected."
        )
    pools, subsets = [], []
    for _ in range(count):
        normal, other = rng.choice(classes, 2, replace=False)
        odd = int(rng.integers(least, most + 1))
        rows = rng.choice(np.flatnonzero(y == normal), size, replace=False)
        places = np.sort(rng.choice(size, odd, replace=False))
        rows[places] = rng.choice(np.flatnonzero(y != normal if mixed else y == other), odd, replace=False)
        pools.append(X[rows])
        subsets.append(places)
    return SubsetPools(np.stack(pools).astype(np.float32), subsets)


def top_k_pools(
    X: ArrayLike, y: ArrayLike, count: int, rng: np.random.Generator, *, size: int = 30, chosen: int = 5
) -> SubsetPools:
    """Draw random rows for each pool; those with the `chosen` largest targets are the subset.

    It is how pools of compounds were made from binding affinities: 30 with the 5 best (PDBBind), 300 with the 15 best
    (BindingDB).

    Parameters
    ----------
    X : (rows, d).
    y : a number for each row; of equal ones the earlier in the pool wins.
    count : pools.
    rng : the only source of randomness.

    Raises
    ------
    InvalidInputError
        If a number does not fit, or there are fewer rows than a pool takes.

    Examples
    --------
    >>> pools, subsets = top_k_pools(np.arange(40.0)[:, None], np.arange(40), 3, np.random.default_rng(0), size=8)
    >>> bool(pools[0][subsets[0]].min() > np.delete(pools[0], subsets[0]).max())
    True
    """
    X, y = _checked_table(X, y)
    _check(count, size, chosen)
    if len(X) < size or not np.issubdtype(y.dtype, np.number) or not np.isfinite(y).all():
        raise InvalidInputError(
            f"Pools of {size} were asked of {len(X)} rows with targets of type {y.dtype}; as many rows and finite "
            "numbers are expected."
        )
    rows = rng.random((count, len(X))).argpartition(size - 1, axis=1)[:, :size]
    places = np.sort(np.argsort(-y[rows], axis=1, kind="stable")[:, :chosen], axis=1)
    return SubsetPools(X[rows].astype(np.float32), list(places))


def bundle_pools(
    X: ArrayLike, bundles: Sequence[ArrayLike], rng: np.random.Generator, *, size: int = 30
) -> SubsetPools:
    """Fill up each bundle to a pool by the rows whose cosine similarity to its mean is smallest; the bundle is chosen.

    Parameters
    ----------
    X : (rows, d).
    bundles : row numbers of each, 1 to ``size - 1`` of them.
    rng : of the places at which a bundle stands in its pool.

    Raises
    ------
    InvalidInputError
        If a bundle does not fit into a pool, names a row twice or one that is not there, or rows are too few.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [-1.0, 0.0], [0.5, 0.5]])
    >>> pools, subsets = bundle_pools(X, [[0, 1]], np.random.default_rng(0), size=4)
    >>> np.delete(pools[0], subsets[0], axis=0).tolist()
    [[-1.0, 0.0], [0.0, 1.0]]
    """
    X, _ = _checked_table(X, np.zeros(len(np.asarray(X))))
    if len(X) < size:
        raise InvalidInputError(f"Pools of {size} were asked of {len(X)} rows; as many are expected.")
    unit = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), np.finfo(float).tiny)
    pools, subsets = np.empty((len(bundles), size, X.shape[1]), np.float32), []
    for number, bundle in enumerate(bundles):
        members = np.asarray(bundle, dtype=np.intp)
        _check(1, size, len(members))
        if len(np.unique(members)) != len(members) or members.min() < 0 or members.max() >= len(X):
            raise InvalidInputError(f"Bundle {number} must hold different rows from 0 to {len(X) - 1}.")
        similarity = unit @ X[members].mean(axis=0)  # the mean's length changes no order
        similarity[members] = np.inf
        places = np.sort(rng.choice(size, len(members), replace=False))
        pools[number, places] = X[members]
        pools[number, np.delete(np.arange(size), places)] = X[
            np.argsort(similarity, kind="stable")[: size - len(members)]
        ]
        subsets.append(places)
    return SubsetPools(pools, subsets)


def _replaced(halves: NDArray[np.float64], chosen: int, rng: np.random.Generator) -> SubsetPools:
    """Take one of two kinds of points (2, count, size, d) for each pool, and put points of the other at some places."""
    _, count, size, _ = halves.shape
    pool = rng.integers(2, size=count)
    places = np.sort(rng.random((count, size)).argpartition(chosen - 1, axis=1)[:, :chosen], axis=1)
    each = np.arange(count)
    pools = halves[pool, each].astype(np.float32)
    pools[each[:, None], places] = halves[1 - pool, each, :chosen]
    return SubsetPools(pools, list(places))


def _check(count: int, size: int, chosen: int) -> None:
    if count < 1 or not 1 <= chosen < size:
        raise InvalidInputError(
            f"{count} pools of {size} elements with {chosen} chosen were asked for; at least one pool and 1 to "
            "size - 1 chosen are expected."
        )


def _checked_table(X: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    if X.ndim != 2 or not X.size or y.shape != X.shape[:1] or not np.isfinite(X).all():
        raise InvalidInputError(
            f"Finite rows (n, d) with a class or target each are expected; got shapes {X.shape} and {y.shape}"
            f"{'' if np.isfinite(X).all() else ', with NaN or infinity'}."
        )
    return X, y

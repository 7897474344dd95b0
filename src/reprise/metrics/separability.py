"""How well classes separate in a representation: the Generalized Discrimination Value.

References
----------
A. Schilling, A. Maier, R. Gerum, C. Metzner and P. Krauss (2021). Quantifying the separability of data classes in
neural networks. Neural Networks 139, 278-293.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from reprise.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 512  # rows whose distances are in memory together
_NUMBERS = 1 << 22  # that a block of close pairs, or of label indicators, may hold
_CLOSE = 1e-3  # squared distance, relative to the squared norms, below which the dot-product form loses digits
_MANY = 0.05  # share of such pairs beyond which all are made one by one


def gdv(X: ArrayLike, y: ArrayLike, *, balanced: bool = True, random_state: int = 0) -> float:
    """Generalized Discrimination Value: how well the classes `y` separate in the representation `X`.

    Every dimension is standardised over all points and halved, ``s = (x - mean) / (2 std)``. With d(C) the mean
    distance of two different points of class C, and d(C, C') that of a point of C and one of C'::

        GDV = 1 / sqrt(D) * [ mean over classes of d(C)  -  mean over pairs of classes of d(C, C') ]

    It is 0 where labels say nothing, and -1 for two classes of equal size that are one point each, at opposite values
    of every dimension. Moving or scaling a dimension, permuting dimensions or doubling them all leave it as it is;
    rotations do not.

    Parameters
    ----------
    X : (n, D) representation; dimensions without variance are left out.
    y : (n,) classes, of any type that can be sorted.
    balanced : take as many points of each class as the smallest has, chosen at random, before anything is computed.
        Otherwise large classes weigh more in the standardisation, though not in the means.
    random_state : of that choice.

    Returns
    -------
    float
        Negative where classes cluster, around 0 where they do not.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, a value is not finite, there are fewer than two classes, a class has fewer than two
        points, or all points are the same.

    Notes
    -----
    Exact, in O(n^2 D) time and O(n (D + 512)) memory: distances are made in blocks, by matrix products where these
    keep their digits and one by one for points that nearly coincide.

    Examples
    --------
    >>> gdv([[1, 1], [1, 1], [-1, -1], [-1, -1]], ["noun", "noun", "verb", "verb"])
    -1.0
    >>> X = np.random.default_rng(0).normal(size=(500, 20))
    >>> abs(gdv(X, np.arange(500) % 4)) < 0.01
    True
    """
    points, labels = _checked(X, y)
    kept = _kept(labels, balanced, random_state)
    return float(_values(_standardised(points[kept]), labels[kept][None])[0])


def gdv_profile(
    activations: Mapping[str, ArrayLike],
    y: ArrayLike,
    *,
    n_permutations: int = 100,
    balanced: bool = True,
    random_state: int = 0,
) -> pd.DataFrame:
    """Give the Generalized Discrimination Value of each layer, beside that of permuted labels.

    Parameters
    ----------
    activations : layer's name to (n, D) activations of the same n samples.
    y : (n,) classes.
    n_permutations : random permutations of the labels, the same for all layers; 0 leaves the last three columns NaN.
    balanced, random_state : as in `gdv`; `random_state` chooses the permutations too.

    Returns
    -------
    pandas.DataFrame
        One row a layer: ``layer``, ``gdv``, ``null_mean`` and ``null_std`` over the permutations, and ``z``, by how
        many of these standard deviations ``gdv`` lies below their mean (negative) or above it.

    Raises
    ------
    InvalidInputError
        As `gdv`, or if there is no layer or `n_permutations` is negative.

    Notes
    -----
    Distances are made once a layer: O(n^2 (D + L * n_permutations)) time for L classes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["noun", "verb"], 50)
    >>> layers = {"input": rng.normal(size=(100, 5)), "hidden": rng.normal(size=(100, 5)) + 3 * (y == "noun")[:, None]}
    >>> profile = gdv_profile(layers, y, n_permutations=20)
    >>> profile.columns.tolist(), (profile["z"] < -10).tolist()
    (['layer', 'gdv', 'null_mean', 'null_std', 'z'], [False, True])
    """
    import pandas as pd

    if not activations:
        raise InvalidInputError("There is no layer; at least one is expected.")
    if isinstance(n_permutations, bool) or not isinstance(n_permutations, Integral) or n_permutations < 0:
        raise InvalidInputError(f"n_permutations is {n_permutations!r}; a whole number from 0 on is expected.")
    rows = []
    for layer, X in activations.items():
        points, labels = _checked(X, y, where=f"Layer {layer!r}")
        kept = _kept(labels, balanced, random_state)
        true, rng = labels[kept], np.random.default_rng(random_state)
        null = [rng.permutation(true) for _ in range(n_permutations)]
        value, *others = _values(_standardised(points[kept]), np.stack([true, *null]))
        mean, std = (float(np.mean(others)), float(np.std(others))) if others else (np.nan, np.nan)
        rows.append((layer, float(value), mean, std, (value - mean) / std if std else np.nan))
    return pd.DataFrame(rows, columns=["layer", "gdv", "null_mean", "null_std", "z"])


def _checked(
    X: ArrayLike, y: ArrayLike, where: str = "X"
) -> tuple[Float[np.ndarray, "points dimensions"], Int[np.ndarray, " points"]]:
    """Give points in double precision and classes as numbers from 0 on."""
    points, classes = np.asarray(X), np.asarray(y)
    if points.ndim != 2 or not points.size or classes.shape != points.shape[:1]:
        raise InvalidInputError(
            f"{where} has shape {points.shape} and the labels {classes.shape}; (n, D) and (n,) are expected."
        )
    if not (np.issubdtype(points.dtype, np.floating) or np.issubdtype(points.dtype, np.integer)):
        raise InvalidInputError(f"{where} is of type {points.dtype}; real numbers are expected.")
    points = points.astype(np.float64)
    if bad := int((~np.isfinite(points)).sum()):
        raise InvalidInputError(f"{where} holds {bad} values that are not finite; none is expected.")
    if np.issubdtype(classes.dtype, np.floating) and not np.isfinite(classes).all():
        raise InvalidInputError("The labels hold values that are not finite; none is expected.")
    names, labels, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InvalidInputError(f"All points are of class {names[0]}; at least two classes are expected.")
    if counts.min() < 2:
        raise InvalidInputError(f"Class {names[counts.argmin()]} has one point; at least two of each are expected.")
    return points, labels


def _kept(labels: Int[np.ndarray, " points"], balanced: bool, random_state: int) -> Int[np.ndarray, " kept"]:
    counts = np.bincount(labels)
    if not balanced or counts.min() == counts.max():
        return np.arange(len(labels))
    shuffled = np.random.default_rng(random_state).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(by_class[rank < counts.min()])


def _standardised(points: Float[np.ndarray, "points dimensions"]) -> Float[np.ndarray, "points varied"]:
    varied = points[:, np.ptp(points, axis=0) > 0]
    if not varied.shape[1]:
        raise InvalidInputError("All points are the same; at least one dimension that varies is expected.")
    centred = varied - varied.mean(axis=0)
    return centred / (2 * centred.std(axis=0))


def _values(
    points: Float[np.ndarray, "points dimensions"], labellings: Int[np.ndarray, "labellings points"]
) -> Float[np.ndarray, " labellings"]:
    """Compute the value of every labelling; all of them have the same class sizes."""
    counts = np.bincount(labellings[0])
    sums = _class_sums(points, labellings, len(counts))
    within = np.diagonal(sums, axis1=1, axis2=2) / (counts * (counts - 1))
    first, second = np.triu_indices(len(counts), 1)
    between = sums[:, first, second] / (counts[first] * counts[second])
    return (within.mean(axis=1) - between.mean(axis=1)) / np.sqrt(points.shape[1])


def _class_sums(
    points: Float[np.ndarray, "points dimensions"], labellings: Int[np.ndarray, "labellings points"], classes: int
) -> Float[np.ndarray, "labellings classes classes"]:
    """Sum the distances over all ordered pairs of points of two classes, for every labelling."""
    at_once = max(1, _NUMBERS // (len(points) * classes))
    sums = np.zeros((len(labellings), classes, classes))
    for start in range(0, len(points), _BLOCK):
        block, rest = points[start : start + _BLOCK], points[start:]
        distances = _distances(block, rest)
        distances[:, : len(block)] /= 2  # the transpose that is added below counts them again
        for first in range(0, len(labellings), at_once):
            indicators = np.eye(classes)[labellings[first : first + at_once, start:]]
            to_classes = np.einsum("bp,kpc->kbc", distances, indicators, optimize=True)
            sums[first : first + at_once] += indicators[:, : len(block)].transpose(0, 2, 1) @ to_classes
    return sums + sums.transpose(0, 2, 1)


def _distances(
    block: Float[np.ndarray, "block dimensions"], rest: Float[np.ndarray, "rest dimensions"]
) -> Float[np.ndarray, "block rest"]:
    norms = (block**2).sum(axis=1)[:, None] + (rest**2).sum(axis=1)
    squared = norms - 2 * block @ rest.T
    close = np.flatnonzero(squared <= _CLOSE * norms)
    if len(close) > _MANY * squared.size:
        return cdist(block, rest)
    for pairs in np.array_split(close, -(-len(close) * block.shape[1] // _NUMBERS) or 1):
        rows, columns = np.unravel_index(pairs, squared.shape)
        squared.flat[pairs] = ((block[rows] - rest[columns]) ** 2).sum(axis=1)
    return np.sqrt(squared)

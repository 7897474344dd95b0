r"""Global spatial autocorrelation of many maps at once.

With :math:`z = x - \bar x` and weights :math:`w_{ij}` of sum :math:`S_0`, Moran's

.. math:: I = \frac{n}{S_0} \frac{\sum_{ij} w_{ij} z_i z_j}{\sum_i z_i^2}

is near 1 where neighbours are alike, and :math:`-1/(n-1)` on average where values are dealt out at random.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy import sparse, stats

from reprise.errors import InvalidInputError, counted
from reprise.language.geospatial_interpretability.weights import as_weights

MIN_NONZERO = 20
# A block of columns stays in a core's cache through a permutation: 128 float32 of 1,000 places are half a megabyte.
_COLUMNS = 128
_ROUNDING = 1e-6  # of permuted I in float32: what comes so near counts as a tie, and speaks against


@dataclass(frozen=True)
class MoranResult:
    """Moran's I of each column, and how it compares with maps whose places were dealt out anew.

    Parameters
    ----------
    I : nan where a column was left out (see `n_constant`, `n_rare`), as in all arrays that follow.
    expected : mean of I where values are dealt out at random, -1/(n-1).
    z : distance of I from it in standard deviations, by the exact moments of all n! permutations.
    p_sim : share of permutations whose I is as large, with the map itself among them (one-sided). esda folds it, so
        that for an I below the median it counts from the other side; where I is large both agree.
    p_family : the same against the largest I of all columns in each permutation, which corrects for their number.
    q : p_sim after Benjamini and Hochberg's correction, the expected share of false finds.
    largest_permuted : largest I of all columns in each permutation.
    n_constant, n_rare : columns left out because they are constant, or non-zero at too few places.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import knn_weights
    >>> coords = np.random.default_rng(0).uniform(40, 60, size=(101, 2))
    >>> noise = np.random.default_rng(1).normal(size=101)
    >>> result = morans_i(np.column_stack([noise, coords[:, 0]]), knn_weights(coords), permutations=199)
    >>> result.selected().tolist(), result.expected, bool(result.I[1] > result.largest_permuted.max())
    ([1], -0.01, True)
    """

    I: Float[np.ndarray, " columns"]  # noqa: E741
    expected: float
    z: Float[np.ndarray, " columns"]
    p_sim: Float[np.ndarray, " columns"]
    p_family: Float[np.ndarray, " columns"]
    q: Float[np.ndarray, " columns"]
    largest_permuted: Float[np.ndarray, " permutations"]
    n_constant: int
    n_rare: int

    def selected(self, threshold: float = 0.3, p: float = 0.01) -> Int[np.ndarray, " chosen"]:
        """Give the columns that the paper maps (I of 0.3 and more with p_sim below 0.01), the largest I first."""
        chosen = np.flatnonzero(np.greater_equal(self.I, threshold) & (self.p_sim < p))
        return chosen[np.argsort(-self.I[chosen])]


def morans_i(
    X: ArrayLike, W: Any, permutations: int = 999, *, min_nonzero: int = MIN_NONZERO, random_state: int = 0
) -> MoranResult:
    """Measure the spatial autocorrelation of each column of `X`: neurons, sparse features, or anything on a map.

    All columns share their permutations, so that the largest I of a permuted map says what the best of as many columns
    reaches by chance. That includes what columns have in common: many neurons are no independent tests.

    Parameters
    ----------
    X : (n, m) one row a place, one column a map.
    W : spatial weights of the n places: `knn_weights`, a matrix, or a libpysal `W` or `Graph`.
    permutations : of the places; 0 leaves all but `I`, `expected` and `z` empty or nan.
    min_nonzero : columns that are non-zero at fewer places are left out: one or two places make any I.
    random_state : seed of the permutations.

    Returns
    -------
    MoranResult

    Warns
    -----
    UserWarning
        If columns were left out.

    Raises
    ------
    InvalidInputError
        If `X` is not a finite matrix of at least 4 places, or `W` not weights of as many.

    Notes
    -----
    O(permutations * edges * m) time: one product of a sparse with a dense matrix a permutation, in float32 and over
    pairs of neighbours, blocks of columns one after the other. O(n (permutations + m)) memory. `I` and `z` are float64.

    References
    ----------
    P. A. P. Moran (1950). Notes on continuous stochastic phenomena. Biometrika 37. A. D. Cliff and J. K. Ord (1981).
    Spatial Processes. S. De Sabbata, S. Mizzaro and K. Roitero (2025), arXiv:2505.03368.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import knn_weights
    >>> rng = np.random.default_rng(0)
    >>> coords = rng.uniform(40, 60, size=(200, 2))
    >>> maps = np.column_stack([coords[:, 0] > 50, rng.normal(size=200)])
    >>> result = morans_i(maps, knn_weights(coords), permutations=99)
    >>> print(result.I.round(2), result.p_sim[0])
    [0.9  0.08] 0.01
    """
    values = np.asarray(X)
    if values.ndim != 2 or values.shape[0] < 4 or values.dtype.kind not in "biuf":
        raise InvalidInputError(
            f"Maps are numbers of shape (places, columns), at least 4 places; {values.shape} of {values.dtype} "
            "was given."
        )
    if permutations < 0:
        raise InvalidInputError(f"`permutations` is 0 or more; {permutations} was given.")
    n, m = values.shape
    weights = as_weights(W, n)
    if not np.isfinite(values).all():
        place, column = np.argwhere(~np.isfinite(values))[0].tolist()
        raise InvalidInputError(f"Column {column} has no finite value at place {place}.")
    constant = _constant(values)
    rare = ~constant & (np.count_nonzero(values, axis=0) < min_nonzero)
    _warn(constant, rare, min_nonzero)
    kept = np.flatnonzero(~constant & ~rare)
    pairs = _pairs(weights)
    deals = _deals(n, permutations, random_state)
    observed, z, p_sim = (np.full(m, np.nan) for _ in range(3))
    largest = np.full(permutations, -np.inf)
    for start in range(0, len(kept), _COLUMNS):
        columns = kept[start : start + _COLUMNS]
        units = _standardised(values[:, columns])
        observed[columns] = _autocorrelation(units, pairs)
        z[columns] = (observed[columns] + 1 / (n - 1)) / np.sqrt(_variance(units, weights))
        if permutations:
            p_sim[columns] = _permuted(units, pairs, deals, observed[columns], largest)
    p_family, q = (np.full(m, np.nan) for _ in range(2))
    if permutations and len(kept):
        reached = permutations - np.searchsorted(np.sort(largest), observed[kept] - _ROUNDING)
        p_family[kept] = (1 + reached) / (1 + permutations)
        q[kept] = stats.false_discovery_control(p_sim[kept])
    return MoranResult(
        I=observed,
        expected=-1 / (n - 1),
        z=z,
        p_sim=p_sim,
        p_family=p_family,
        q=q,
        largest_permuted=largest if len(kept) else np.full(permutations, np.nan),
        n_constant=int(constant.sum()),
        n_rare=int(rare.sum()),
    )


def _constant(values: np.ndarray) -> np.ndarray:
    """Find columns whose spread is nothing but rounding."""
    low, high = values.min(axis=0).astype(np.float64), values.max(axis=0).astype(np.float64)
    resolution = np.finfo(values.dtype).eps if np.issubdtype(values.dtype, np.floating) else 0.0
    return high - low <= 4 * resolution * np.maximum(np.abs(low), np.abs(high))


def _warn(constant: np.ndarray, rare: np.ndarray, min_nonzero: int) -> None:
    for which, why in ((constant, "constant"), (rare, f"non-zero at fewer than {min_nonzero} places")):
        if which.any():
            warnings.warn(
                f"{int(which.sum())} of {counted(len(which), 'column')} are {why}; their Moran's I is nan.",
                UserWarning,
                stacklevel=3,
            )


def _pairs(weights: sparse.csr_array) -> sparse.csr_array:
    """Put the weights of each pair of neighbours in both directions into one, scaled to n / S0."""
    upper = sparse.triu(weights, format="csr") + sparse.tril(weights, format="csr").T
    return sparse.csr_array(upper * (weights.shape[0] / weights.sum()))


def _deals(n: int, permutations: int, random_state: int) -> Int[np.ndarray, "permutations places"]:
    places = np.tile(np.arange(n, dtype=np.int32), (permutations, 1))
    return np.random.default_rng(random_state).permuted(places, axis=1, out=places)


def _standardised(values: np.ndarray) -> Float[np.ndarray, "places columns"]:
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    return centred / np.linalg.norm(centred, axis=0)


def _autocorrelation(units: np.ndarray, pairs: sparse.csr_array) -> np.ndarray:
    return np.einsum("ij,ij->j", units, pairs @ units)


def _permuted(
    units: np.ndarray, pairs: sparse.csr_array, deals: np.ndarray, observed: np.ndarray, largest: np.ndarray
) -> np.ndarray:
    """Give p-values, and raise `largest` to the largest I of each permutation in place."""
    single, light = np.ascontiguousarray(units, dtype=np.float32), pairs.astype(np.float32)
    dealt = np.empty_like(single)
    reached = np.ones(units.shape[1])
    for number, deal in enumerate(deals):
        np.take(single, deal, axis=0, out=dealt, mode="clip")  # without a check of bounds, which costs a copy
        permuted = _autocorrelation(dealt, light)
        reached += permuted >= observed - _ROUNDING
        largest[number] = max(largest[number], float(permuted.max()))
    return reached / (1 + len(deals))


def _variance(units: np.ndarray, weights: sparse.csr_array) -> np.ndarray:
    """Give the variance of I over all permutations (Cliff and Ord, 1981, eq. 2.36)."""
    n = len(units)
    both = weights + weights.T
    s0, s1 = weights.sum(), (both.multiply(both)).sum() / 2
    s2 = ((weights.sum(axis=0) + weights.sum(axis=1)) ** 2).sum()
    kurtosis = n * (units**4).sum(axis=0)
    free = n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0 * s0)
    bound = kurtosis * ((n * n - n) * s1 - 2 * n * s2 + 6 * s0 * s0)
    return (free - bound) / ((n - 1) * (n - 2) * (n - 3) * s0 * s0) - 1 / (n - 1) ** 2

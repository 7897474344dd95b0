r"""Where on a map neighbours are alike: local indicators of spatial association (LISA).

Place i of one map has :math:`I_i = z_i \sum_j w_{ij} z_j / m_2` with :math:`m_2 = \sum_i z_i^2 / n`, so that with
weights of row sum one the :math:`I_i` add up to n times the map's I.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import ArrayLike
from scipy import sparse, stats

from reprise.errors import InvalidInputError
from reprise.language.geospatial_interpretability.weights import as_weights

QUADRANTS = ("HH", "LH", "LL", "HL")  # the place's value (high or low), then its neighbours'
NOT_SIGNIFICANT = "ns"
_BLOCK_VALUES = 2**22  # gathered at once


@dataclass(frozen=True)
class LisaResult:
    """Local Moran's I of each place.

    Parameters
    ----------
    I : (n,) positive where neighbours are alike; esda's are smaller by the factor (n - 1) / n.
    quadrant : 1 a high value among high ones (HH), 2 low among high (LH), 3 low among low (LL), 4 high among low (HL).
    p_sim : share of permutations with an I as far out on the same side; at most about one half; esda calls this
        "directed".

    Examples
    --------
    >>> p_sim = np.array([0.001, 0.002, 0.4])
    >>> lisa = LisaResult(I=np.array([2.1, -1.4, 0.1]), quadrant=np.array([1, 4, 3]), p_sim=p_sim)
    >>> lisa.clusters().tolist()
    ['HH', 'HL', 'ns']
    """

    I: Float[np.ndarray, " places"]  # noqa: E741
    quadrant: Int[np.ndarray, " places"]
    p_sim: Float[np.ndarray, " places"]

    def clusters(self, p: float = 0.01, *, corrected: bool = False) -> Shaped[np.ndarray, " places"]:
        """Name each place's quadrant where p_sim is below `p`, elsewhere ``"ns"``.

        Parameters
        ----------
        p : the paper's 0.01.
        corrected : correct for the number of places first (Benjamini and Hochberg); `p` then bounds the expected share
            of false finds. With few permutations nothing may be left.
        """
        significant = (stats.false_discovery_control(self.p_sim) if corrected else self.p_sim) < p
        return np.where(significant, np.array(QUADRANTS)[self.quadrant - 1], NOT_SIGNIFICANT)


def local_moran(x: ArrayLike, W: Any, permutations: int = 999, *, random_state: int = 0) -> LisaResult:
    """Find the places whose neighbours are like them, or unlike them, more than chance has it.

    A place keeps its value while the values of its neighbours are drawn from all others, without replacement
    (conditional permutation).

    Parameters
    ----------
    x : (n,) one map.
    W : spatial weights of the n places, as for `morans_i`; rows should sum to one.
    permutations : draws of neighbours.
    random_state : seed of the draws, which all places share.

    Raises
    ------
    InvalidInputError
        If `x` is no finite vector, or constant, or `W` does not fit it.

    Notes
    -----
    O(permutations * n * k) time for at most k neighbours a place.

    References
    ----------
    L. Anselin (1995). Local indicators of spatial association: LISA. Geographical Analysis 27.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import knn_weights
    >>> coords = np.random.default_rng(0).uniform(40, 60, size=(200, 2))
    >>> lisa = local_moran(coords[:, 0] > 50, knn_weights(coords), permutations=199)
    >>> np.unique(lisa.clusters()).tolist()
    ['HH', 'LL', 'ns']
    """
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InvalidInputError(f"A map is a vector of finite numbers; shape {values.shape} was given.")
    if permutations < 1:
        raise InvalidInputError(f"`permutations` is 1 or more; {permutations} was given.")
    weights = as_weights(W, len(values))
    z = values - values.mean()
    spread = float(np.sqrt((z * z).mean()))
    if np.ptp(values) == 0 or spread == 0:
        raise InvalidInputError("The map is constant; it has no clusters.")
    z /= spread
    lag = weights @ z
    quadrant = np.where(z > 0, np.where(lag > 0, 1, 4), np.where(lag > 0, 2, 3))
    above = _draws_above(z, weights, z * lag, permutations, random_state)
    folded = np.minimum(above, permutations - above)
    return LisaResult(z * lag, quadrant, (1 + folded) / (1 + permutations))


def _draws_above(
    z: np.ndarray, weights: sparse.csr_array, observed: np.ndarray, permutations: int, random_state: int
) -> Int[np.ndarray, " places"]:
    """Count for each place the draws of neighbours that give an I as large."""
    n, rng = len(z), np.random.default_rng(random_state)
    dense = _by_rank(weights)
    most = dense.shape[1]
    drawn = np.stack([rng.choice(n - 1, size=most, replace=False) for _ in range(permutations)])
    above = np.empty(n, dtype=np.int64)
    step = max(1, _BLOCK_VALUES // drawn.size)
    for start in range(0, n, step):
        places = np.arange(start, min(start + step, n))
        others = drawn[None] + (drawn[None] >= places[:, None, None])  # all places but this one
        lags = np.einsum("ipk,ik->ip", z[others], dense[places])
        above[places] = (z[places, None] * lags >= observed[places, None]).sum(axis=1)
    return above


def _by_rank(weights: sparse.csr_array) -> Float[np.ndarray, "places most"]:
    """Line up each place's weights, with zeros behind where it has fewer neighbours than others."""
    counts = np.diff(weights.indptr)
    dense = np.zeros((len(counts), int(counts.max())))
    dense[np.arange(dense.shape[1]) < counts[:, None]] = weights.data
    return dense

"""Messages along the edges of a graph between rows, in both directions of all edges at once."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import sparse

from reprise.discover.label_proportions.bag_factor import LARGEST
from reprise.discover.label_proportions.bags import Bags
from reprise.errors import InvalidInputError

EDGES_AT_ONCE = 1 << 19
"""Edges whose intermediate results fit into a cache."""

SURE = 1 - 1e-12
PAIRWISE_LIMIT = 256
"""Rows of a bag up to which its square may be spread over all pairs of rows."""


class Edges:
    """Pairwise factors between rows, and the messages on them.

    Parameters
    ----------
    weights : (n, n) symmetric, without a diagonal.
    kind : ``"attract"`` for ``exp(-w [y_i != y_j])``, ``"repel"`` for ``exp(-2 w y_i y_j)``.

    Attributes
    ----------
    messages : (E,) log-odds that each row (in the order of rows) hears from each neighbour; both directions count.
    """

    def __init__(self, weights: sparse.csr_matrix, kind: Literal["attract", "repel"]):
        self.kind = kind
        ordered = sparse.csr_matrix(weights)
        ordered.sort_indices()
        n, m = ordered.shape[0], ordered.nnz
        narrow = np.int32 if m < np.iinfo(np.int32).max else np.int64
        self.degrees = np.diff(ordered.indptr)
        self.starts = ordered.indptr[:-1][self.degrees > 0]
        self.listeners = np.repeat(np.arange(n, dtype=narrow), self.degrees)
        self.speakers = ordered.indices.astype(narrow, copy=False)
        # The transpose of a symmetric pattern lists edge (j, i) where (i, j) stands.
        numbered = sparse.csr_matrix((np.arange(m), ordered.indices, ordered.indptr), shape=(n, n)).T.tocsr()
        self.reverse = numbered.data.astype(narrow)
        self.strength = np.tanh(ordered.data / 2) if kind == "attract" else 2 * ordered.data
        self.messages = np.zeros(m)

    def heard(self) -> Float[np.ndarray, " n"]:
        """Sum what each row hears."""
        total = np.zeros(len(self.degrees))
        if len(self.starts):
            total[self.degrees > 0] = np.add.reduceat(self.messages, self.starts)
        return total

    def update(self, beliefs: Float[np.ndarray, " n"], damping: float) -> float:
        """Send all messages anew; give the largest change.

        Parameters
        ----------
        beliefs : (n,) log-odds of the rows, all that they have heard included.
        damping : share of the old message that stays.
        """
        old, largest = self.messages, 0.0
        new = np.empty_like(old)
        for start in range(0, len(old), EDGES_AT_ONCE):
            part = slice(start, start + EDGES_AT_ONCE)
            cavity = beliefs[self.speakers[part]]
            cavity -= old[self.reverse[part]]
            np.clip(cavity, -LARGEST, LARGEST, out=cavity)
            told = self._tell(cavity, self.strength[part])
            told -= old[part]
            told *= 1 - damping
            largest = max(largest, float(np.abs(told).max()))
            np.add(old[part], told, out=new[part])
        self.messages = new
        return largest

    def _tell(
        self, cavity: Float[np.ndarray, " part"], strength: Float[np.ndarray, " part"]
    ) -> Float[np.ndarray, " part"]:
        """``2 artanh(tanh(w / 2) tanh(h / 2))``, or ``log[(1 + e^(h - 2w)) / (1 + e^h)]`` where rows repel."""
        if self.kind == "repel":
            return np.logaddexp(0, cavity - strength) - np.logaddexp(0, cavity)
        cavity /= 2
        np.tanh(cavity, out=cavity)
        cavity *= strength
        np.clip(cavity, -SURE, SURE, out=cavity)
        np.arctanh(cavity, out=cavity)
        cavity *= 2
        return cavity


def pairs_within(bags: Bags, lam: float) -> Edges:
    """Spread ``lam (sum of labels)^2`` of each bag over all pairs of its rows; O(sum |B|^2)."""
    if bags.sizes.max() > PAIRWISE_LIMIT:
        raise InvalidInputError(
            f"A bag has {bags.sizes.max()} rows; pairs of rows as factors are for at most {PAIRWISE_LIMIT} rows a bag."
        )
    members = bags.members()
    rows = np.concatenate([np.repeat(rows, len(rows)) for rows in members])
    columns = np.concatenate([np.tile(rows, len(rows)) for rows in members])
    apart = rows != columns
    n = len(bags.index)
    pairs = sparse.csr_matrix((np.full(apart.sum(), lam), (rows[apart], columns[apart])), shape=(n, n))
    return Edges(pairs, "repel")

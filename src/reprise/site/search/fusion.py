r"""Rankings joined by reciprocal rank fusion.

.. math:: s(d) = \sum_i \frac{w_i}{k + r_i(d)}

over the rankings i that hold the document d at rank r_i(d), counted from 1. Ranks need no common scale, which the
scores of words and of meanings do not have.

References
----------
G. V. Cormack, C. L. A. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods", SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

K = 60.0
"""The paper's constant."""


class Fused(NamedTuple):
    """A document, its score, and the rankings that hold it."""

    id: int
    score: float
    why: tuple[str, ...]


def fuse(
    rankings: Mapping[str, Sequence[int]], k: float = K, weights: Mapping[str, float] | None = None
) -> list[Fused]:
    """Join rankings into one, best first; among equals the one that an earlier ranking holds first comes first.

    Parameters
    ----------
    rankings : documents, best first, by the ranking's name.
    k : how slowly ranks lose weight.
    weights : of rankings; 1 for those not named.

    Examples
    --------
    >>> [(fused.id, fused.why) for fused in fuse({"words": [7, 3], "meaning": [3, 9]})]
    [(3, ('words', 'meaning')), (7, ('words',)), (9, ('meaning',))]
    """
    scores: dict[int, float] = {}
    why: dict[int, list[str]] = {}
    for name, ranking in rankings.items():
        weight = (weights or {}).get(name, 1.0)
        for rank, document in enumerate(dict.fromkeys(ranking), start=1):
            scores[document] = scores.get(document, 0.0) + weight / (k + rank)
            why.setdefault(document, []).append(name)
    ordered = sorted(scores, key=lambda document: -scores[document])  # stable
    return [Fused(document, scores[document], tuple(why[document])) for document in ordered]

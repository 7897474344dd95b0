"""Words that are related before any context: where their own order stays, and where that of the context goes.

The seven days lie on a ring in many models. The paper puts them on a shuffled ring, and finds their own order in the
first two principal components and that of the context in the next two.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.spectral import component_alignment
from reprise.language.in_context_representations.tracing import DAYS


@dataclass(frozen=True)
class SemanticAlignment:
    """How far pairs of principal components follow the words' own ring, and the context's; see `component_alignment`.

    Parameters
    ----------
    own_first, own_next : the words' own order in components 1 and 2, and in 3 and 4.
    context_first, context_next : the context's in the same.
    """

    own_first: float
    own_next: float
    context_first: float
    context_next: float


def order_ring(words: Sequence[str], order: Sequence[str] = DAYS) -> Int[np.ndarray, "nodes nodes"]:
    """Give the ring of words in their own order, as an adjacency matrix of the nodes that they stand for.

    Parameters
    ----------
    words : the word of each node, as `GraphTrace.words` has them.
    order : the same words as they follow each other, the first after the last.

    Raises
    ------
    InvalidInputError
        If the two are not the same words, or fewer than three.

    Examples
    --------
    >>> order_ring(["noon", "morning", "night", "evening"], ["morning", "noon", "evening", "night"])
    array([[0, 1, 0, 1],
           [1, 0, 1, 0],
           [0, 1, 0, 1],
           [1, 0, 1, 0]])
    """
    if sorted(words) != sorted(order) or len(set(order)) < max(3, len(order)):
        raise InvalidInputError(f"The words {list(words)} are not those of the order {list(order)}, once each.")
    places = np.array([list(order).index(word) for word in words])
    apart = np.abs(places[:, None] - places)
    return ((apart == 1) | (apart == len(order) - 1)).astype(np.int64)


def semantic_alignment(
    X: ArrayLike, adjacency: ArrayLike, words: Sequence[str], order: Sequence[str] = DAYS
) -> SemanticAlignment:
    """Compare the first four principal components with the words' own ring and with that of the context.

    Parameters
    ----------
    X : (n, d) representations of the nodes.
    adjacency : the context's graph.
    words, order : as in `order_ring`.

    Examples
    --------
    >>> angles = 2 * np.pi * np.arange(7) / 7
    >>> circle = lambda step: np.stack([np.cos(step * angles), np.sin(step * angles)], axis=1)
    >>> shuffled = order_ring([DAYS[3 * day % 7] for day in range(7)])
    >>> found = semantic_alignment(np.hstack([2 * circle(1), circle(3)]), shuffled, DAYS)
    >>> round(found.own_first, 3), round(found.context_next, 3)
    (1.0, 1.0)
    """
    own = order_ring(words, order)
    first, following = (0, 1), (2, 3)
    return SemanticAlignment(
        own_first=component_alignment(X, own, first),
        own_next=component_alignment(X, own, following),
        context_first=component_alignment(X, adjacency, first),
        context_next=component_alignment(X, adjacency, following),
    )

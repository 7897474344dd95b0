"""Whether predictions follow the graph's rule: the next node is a neighbour of the one before.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.graphs import check_adjacency


@dataclass(frozen=True)
class RuleAccuracy:
    """How predictions follow the rule, after each step.

    Parameters
    ----------
    neighbours : probability of the words of neighbours, which is the paper's accuracy.
    nodes : probability of the words of any node.
    share : `neighbours` as a share of `nodes`.
    itself : probability of the same word again, as a share of `nodes`.
    """

    neighbours: Float[np.ndarray, " steps"]
    nodes: Float[np.ndarray, " steps"]
    share: Float[np.ndarray, " steps"]
    itself: Float[np.ndarray, " steps"]


def rule_accuracy(masses: Float[np.ndarray, "steps nodes"], nodes: ArrayLike, adjacency: ArrayLike) -> RuleAccuracy:
    """Measure the probability that predictions put on neighbours of the present node.

    Where the graph does not rule every step, as in pairs, give the steps of `GraphTrace.ruled` alone.

    Parameters
    ----------
    masses : probability of each node's word as the next token, as `node_probabilities` gives it.
    nodes : (steps,) the present node.
    adjacency : of the graph.

    Raises
    ------
    InvalidInputError
        If lengths do not match, or `masses` are no probabilities.

    Examples
    --------
    >>> path = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> found = rule_accuracy(np.array([[0.1, 0.3, 0.1], [0.2, 0.1, 0.2]]), [0, 1], path)
    >>> found.neighbours, found.share
    (array([0.3, 0.4]), array([0.6, 0.8]))
    """
    matrix = check_adjacency(adjacency)
    here = np.asarray(nodes)
    if masses.shape != (len(here), len(matrix)):
        raise InvalidInputError(
            f"masses have shape {masses.shape}; ({len(here)} steps, {len(matrix)} nodes) is expected."
        )
    total = masses.sum(axis=1)
    if not (masses >= 0).all() or not (total > 0).all() or total.max(initial=0) > 1 + 1e-6:
        raise InvalidInputError("masses are probabilities of single tokens: from 0 on, with a sum from above 0 to 1.")
    neighbours = (masses * matrix[here]).sum(axis=1)
    itself = masses[np.arange(len(here)), here]
    return RuleAccuracy(neighbours, total, neighbours / total, itself / total)

r"""What graph-like maps arise without any graph being learned.

A token's residual stream holds something of the token before it, which in a walk is a neighbour. Averaging over visits
then mixes each node with its neighbours, whatever the model has understood.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
A. Arditi (2026). In-context learning of representations can be explained by induction circuits. ICLR blog post.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.energy import check_points
from reprise.language.in_context_representations.spectral import GraphAlignment, graph_alignment


def mixing_null(X: ArrayLike, adjacency: ArrayLike, alpha: float = 1.0) -> Float[np.ndarray, "nodes d"]:
    r"""Mix each node's vector with the mean of its neighbours', once.

    .. math:: \tilde e_i = e_i + \alpha \frac{1}{d_i} \sum_j A_{ij} e_j

    Parameters
    ----------
    X : (n, d) vectors that know nothing of the graph, such as a model's word embeddings.
    adjacency : of the graph.
    alpha : the neighbours' share.

    Examples
    --------
    >>> mixing_null([[1.0], [0.0]], [[0, 1], [1, 0]], alpha=0.5)
    array([[1. ],
           [0.5]])
    """
    points, joined = check_points(X, adjacency)
    if not np.isfinite(alpha):
        raise InvalidInputError(f"alpha is {alpha}; a finite number is expected.")
    return points + alpha * (joined / joined.sum(axis=1, keepdims=True)) @ points


def permuted_alignment(
    X: ArrayLike, adjacency: ArrayLike, *, permutations: int = 20, random_state: int = 0
) -> GraphAlignment:
    """Give the mean alignment of the same vectors put on the nodes in random orders.

    Parameters
    ----------
    X, adjacency : as in `graph_alignment`; rows of absent nodes hold NaN and stay where they are.
    permutations : orders.
    random_state : of the orders.

    Examples
    --------
    >>> ring = [[0, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1], [1, 0, 0, 1, 0]]
    >>> angles = 2 * np.pi * np.arange(5) / 5
    >>> circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    >>> graph_alignment(circle, ring).distance_corr > 0.9
    True
    >>> abs(permuted_alignment(circle, ring, permutations=200).distance_corr) < 0.1
    True
    """
    if permutations < 1:
        raise InvalidInputError(f"{permutations} permutations were asked for; at least one is expected.")
    points = np.asarray(X, dtype=np.float64)
    rng = np.random.default_rng(random_state)
    present = np.flatnonzero(np.isfinite(points).all(axis=1))
    found = []
    for _ in range(permutations):
        shuffled = points.copy()
        shuffled[present] = points[rng.permutation(present)]
        found.append(graph_alignment(shuffled, adjacency))
    return GraphAlignment(
        energy_ratio=float(np.mean([one.energy_ratio for one in found])),
        distance_corr=float(np.mean([one.distance_corr for one in found])),
        spectral_corr=float(np.mean([one.spectral_corr for one in found])),
        nodes=len(present),
    )

"""Belief propagation on the labels of rows that resemble each other and whose bags hold a known number of positives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.special import expit
from tqdm import tqdm

from reprise.discover.label_proportions.bag_factor import BagFactors, shift_to_counts
from reprise.discover.label_proportions.bags import Bags
from reprise.discover.label_proportions.edges import Edges, pairs_within
from reprise.discover.label_proportions.graph import Kernel, similarity_graph
from reprise.errors import InvalidInputError

BagFactor = Literal["auto", "exact", "gaussian", "hard", "pairwise"]

EXACT_UP_TO = 128
"""Rows of a bag up to which ``"auto"`` is exact."""


@dataclass(frozen=True)
class BPResult:
    """What belief propagation says of each row, and whether it has come to rest.

    Parameters
    ----------
    marginals : (n,) probability of each row to be positive.
    logits : (n,) the same as log-odds.
    n_iter : sweeps.
    converged : whether the last sweep changed no message by more than the tolerance.
    bag_residual : (B,) how far the marginals of each bag, sorted by name, sum from its count.
    calibrated : (n,) the marginals with the log-odds of each bag shifted so that they sum to its count.

    Examples
    --------
    >>> half = np.array([0.5, 0.5])
    >>> BPResult(half, np.zeros(2), 1, True, np.array([0.0]), half).marginals
    array([0.5, 0.5])
    """

    marginals: Float[np.ndarray, " n"]
    logits: Float[np.ndarray, " n"]
    n_iter: int
    converged: bool
    bag_residual: Float[np.ndarray, " B"]
    calibrated: Float[np.ndarray, " n"]


def bag_belief_propagation(
    groups: ArrayLike,
    proportions: Any = None,
    X: ArrayLike | None = None,
    *,
    counts: Any = None,
    graph: Any = None,
    prior_logit: ArrayLike | None = None,
    n_neighbors: int = 10,
    kernel: Kernel = "rbf",
    lam_s: float = 0.5,
    lam_b: float = 0.5,
    bag_factor: BagFactor = "auto",
    damping: float = 0.5,
    max_iter: int = 200,
    tol: float = 1e-4,
    progress: bool = False,
) -> BPResult:
    r"""Give each row's probability to be positive, from the counts of positives in bags and from who resembles whom.

    Sum-product belief propagation on the Gibbs distribution over labels y in {0, 1}^n::

        P(y) ~ exp{ sum_i prior_i y_i - lam_s sum_ij K(x_i, x_j) (y_i - y_j)^2
                    - lam_b sum_B (sum_{j in B} y_j - c_B)^2 }

    with one factor a bag, whose messages are exact (from the Poisson binomial distribution of the others in the bag)
    or, for large bags, from its Gaussian limit. All messages are sent at once (flooding), and damped from the second
    sweep on.

    Parameters
    ----------
    groups : (n,) bag of each row.
    proportions : bag -> share of its rows that are positive.
    X : (n, d) rows, for `similarity_graph`.
    counts : bag -> number of positives, in place of `proportions`.
    graph : (n, n) sparse symmetric weights in place of those of `X`; with neither, bags alone speak.
    prior_logit : (n,) log-odds of each row before; 0 unless given.
    n_neighbors, kernel : of `similarity_graph`.
    lam_s : weight of the graph.
    lam_b : weight of the bags.
    bag_factor : ``"exact"``, O(sum \|B\|^2) a sweep; ``"gaussian"``, O(n); ``"auto"``, exact up to 128 rows a bag;
        ``"hard"``, exact with every count met for certain (`lam_b` infinite); ``"pairwise"``, the square spread over
        all pairs of rows of a bag as in the authors' code, the same distribution but a graph full of loops, for bags of
        at most 256 rows.
    damping : share of each old message that stays.
    max_iter : sweeps at most.
    tol : change of a message at which it stops.
    progress : show a bar.

    Returns
    -------
    BPResult
        Exact on trees. O(n `n_neighbors`) a sweep beside the bags.

    Raises
    ------
    InvalidInputError
        If bags are not as `Bags.of` expects, lengths differ, the graph is not symmetric and non-negative, or a setting
        is out of range.

    References
    ----------
    S. Havaldar et al., "Learning from label proportions: bootstrapping supervised learners via belief propagation",
    ICLR 2024, arXiv:2310.08056; code https://github.com/google-deepmind/llp_bp.

    Examples
    --------
    Two positives among four rows, of which two and two are alike, and a bag of one that tells which:

    >>> X = [[0.0], [0.1], [5.0], [5.1], [0.05]]
    >>> result = bag_belief_propagation(["a"] * 4 + ["b"], {"a": 0.5, "b": 1.0}, X, n_neighbors=1, lam_s=3, lam_b=2)
    >>> (result.marginals > 0.5).tolist(), result.converged
    ([True, True, False, False, True], True)
    """
    bags = Bags.of(groups, proportions, counts)
    n = len(bags.index)
    _check_settings(lam_s, lam_b, bag_factor, damping, max_iter, tol)
    prior = np.zeros(n) if prior_logit is None else np.asarray(prior_logit, dtype=float)
    if prior.shape != (n,) or not np.isfinite(prior).all():
        raise InvalidInputError(f"prior_logit has shape {prior.shape}; expected {n} finite numbers, one a row.")
    edges: list[Edges] = []
    if graph is None and X is not None:
        _check_rows(X, n)
        if lam_s > 0:
            graph = similarity_graph(X, n_neighbors, kernel=kernel)
    if graph is not None:
        edges.append(Edges(_checked_graph(graph, n) * lam_s, "attract"))
    factors = None
    if bag_factor == "pairwise":
        edges.append(pairs_within(bags, lam_b))
        prior = prior + lam_b * (2 * bags.counts[bags.index] - 1)
    elif lam_b > 0:
        limit = {"auto": EXACT_UP_TO, "gaussian": 0, "exact": np.inf, "hard": np.inf}[bag_factor]
        factors = BagFactors(bags, np.inf if bag_factor == "hard" else lam_b, limit)
    return _propagate(bags, prior, edges, factors, damping, max_iter, tol, progress)


def _propagate(
    bags: Bags,
    prior: Float[np.ndarray, " n"],
    edges: list[Edges],
    factors: BagFactors | None,
    damping: float,
    max_iter: int,
    tol: float,
    progress: bool,
) -> BPResult:
    heard = np.zeros_like(prior)
    from_bag = np.zeros_like(prior)
    change, iteration = np.inf, 0
    sweeps = tqdm(range(1, max_iter + 1), desc="belief propagation", disable=not progress)
    for iteration in sweeps:
        kept = damping if iteration > 1 else 0.0  # nothing has been said before the first sweep
        without_bag = prior + heard
        beliefs = without_bag + from_bag
        change = max((each.update(beliefs, kept) for each in edges), default=0.0)
        if factors is not None:
            step = (1 - kept) * (factors.messages(without_bag) - from_bag)
            from_bag = from_bag + step
            change = max(change, float(np.abs(step).max()))
        heard = sum((each.heard() for each in edges), np.zeros_like(prior))
        sweeps.set_postfix_str(f"largest change {change:.1e}")
        # Where only bags speak, what they hear never changes: one sweep is exact.
        if change < tol or not edges:
            change = 0.0
            break
    sweeps.close()
    logits = prior + heard + from_bag
    marginals = expit(logits)
    calibrated = expit(logits + shift_to_counts(logits, bags)[bags.index])
    residual = np.abs(bags.sums(marginals) - bags.counts)
    return BPResult(marginals, logits, iteration, change < tol, residual, calibrated)


def _check_settings(lam_s: float, lam_b: float, bag_factor: str, damping: float, max_iter: int, tol: float) -> None:
    if bag_factor not in get_args(BagFactor):
        raise InvalidInputError(f"There is no bag_factor {bag_factor!r}; expected {', '.join(get_args(BagFactor))}.")
    if not 0 <= lam_s < np.inf or not 0 <= lam_b < np.inf:
        raise InvalidInputError(f"lam_s and lam_b must be finite and at least 0, got {lam_s} and {lam_b}.")
    if not 0 <= damping < 1 or max_iter < 1 or tol < 0:
        raise InvalidInputError(
            f"Expected damping in [0, 1), max_iter from 1 and tol from 0 on; got {damping}, {max_iter}, {tol}."
        )


def _check_rows(X: Any, n: int) -> None:
    if len(X) != n:
        raise InvalidInputError(f"X has {len(X)} rows and groups has {n}; expected the bag of each row.")


def _checked_graph(graph: Any, n: int) -> sparse.csr_matrix:
    weights = sparse.csr_matrix(graph, dtype=float, copy=True)
    if weights.shape != (n, n):
        raise InvalidInputError(f"The graph has shape {weights.shape}; expected ({n}, {n}), a row and a column a row.")
    weights.setdiag(0)
    weights.eliminate_zeros()
    if not np.isfinite(weights.data).all() or (weights.data < 0).any():
        raise InvalidInputError("The graph has weights that are negative or not finite.")
    if abs(weights - weights.T).max() > 0:
        raise InvalidInputError("The graph is not symmetric; graph.maximum(graph.T) makes it so.")
    return weights

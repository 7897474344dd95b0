r"""Moving a node's representation to another's, and asking whether predictions move along.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.tracing import GraphTrace
from reprise.language.model import LanguageModel
from reprise.nn.activations import Transform


@dataclass(frozen=True)
class MovedNode:
    """Predictions after a node's representation was moved to that of others, as shares of the mass on node words.

    Parameters
    ----------
    node : the node at the end of the context.
    targets : the nodes that it was moved to.
    before : shares without any change.
    after : shares with each change.
    gains : growth of the share of nodes that are neighbours of the target and not of the node itself; NaN where there
        are none.
    """

    node: int
    targets: Int[np.ndarray, " targets"]
    before: Float[np.ndarray, " nodes"]
    after: Float[np.ndarray, "targets nodes"]
    gains: Float[np.ndarray, " targets"]


def node_subspace(means: ArrayLike, components: int | Sequence[int] = 2) -> Float[np.ndarray, "k d"]:
    """Give directions of principal components of the nodes' representations, as orthonormal rows.

    Parameters
    ----------
    means : (n, d) representations; nodes with NaN are left out.
    components : how many leading ones, or which, counted from 0.

    Raises
    ------
    InvalidInputError
        If the nodes present do not have such components.

    Examples
    --------
    >>> print(abs(node_subspace([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [4.0, 1.0]], 1)))
    [[1. 0.]]
    """
    points = np.asarray(means, dtype=np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    chosen = list(range(components)) if isinstance(components, int) else list(components)
    if not chosen or min(chosen) < 0 or max(chosen) >= min(len(points) - 1, points.shape[1]):
        raise InvalidInputError(f"{len(points)} nodes do not have components {chosen}, counted from 0.")
    _, _, directions = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return directions[chosen]


def random_subspace(means: ArrayLike, k: int = 2, random_state: int = 0) -> Float[np.ndarray, "k d"]:
    """Give k random orthonormal directions within the span of the nodes' representations: the control.

    Directions outside that span hold no difference between nodes, so that moving along them would change nothing.

    Examples
    --------
    >>> directions = random_subspace(np.random.default_rng(0).normal(size=(6, 10)), k=2)
    >>> print((directions @ directions.T).round(6) + 0)
    [[1. 0.]
     [0. 1.]]
    """
    present = int(np.isfinite(np.asarray(means, dtype=float)).all(axis=1).sum())
    span = node_subspace(means, min(present - 1, np.shape(means)[1]))
    if not 1 <= k <= len(span):
        raise InvalidInputError(f"k is {k}; a number from 1 to {len(span)} is expected.")
    mixture = np.random.default_rng(random_state).normal(size=(len(span), k))
    return np.linalg.qr(mixture)[0].T @ span


def move_node(
    model: LanguageModel,
    trace: GraphTrace,
    means: Float[np.ndarray, "nodes d_model"],
    layer: int,
    directions: Float[np.ndarray, "k d_model"],
    *,
    targets: Sequence[int] | None = None,
    scale: float = 1.0,
) -> MovedNode:
    r"""Put another node in the place of the last one of a context, within a subspace.

    At the last token the part of the residual stream within the subspace becomes that of target j, stretched from the
    mean of all nodes by `scale`; the rest stays:

    .. math:: h' = h + P\,\bigl(\mu + s\,(H_j - \mu) - h\bigr)

    Parameters
    ----------
    model : the language model.
    trace : a context; its last node is moved.
    means : (n, d) representations of the nodes at `layer`, as `trace_representations` gives them; the unweighted mean
        of those present is :math:`\mu`.
    layer : residual stream.
    directions : orthonormal rows that span the subspace, of `node_subspace` or `random_subspace`.
    targets : nodes to move to; by default all others that are present.
    scale : s.

    Raises
    ------
    InvalidInputError
        If shapes do not match, directions are not orthonormal, or a target is absent.

    Notes
    -----
    The context is read once; each target then costs one token.

    Examples
    --------
    >>> from reprise.language.in_context_representations import WORDS, GraphTracing, trace_representations
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model(" ".join(WORDS)))
    >>> trace = GraphTracing("ring", 6).sample(60, model.tokenizer)
    >>> means = trace_representations(model, trace, [60], [1]).at(60, 1)
    >>> moved = move_node(model, trace, means, 1, node_subspace(means, 2))
    >>> moved.after.shape
    (5, 6)
    """
    present = np.isfinite(means).all(axis=1)
    node = int(trace.nodes[-1])
    chosen = np.flatnonzero(present & (np.arange(len(means)) != node)) if targets is None else np.asarray(targets)
    _check(model, trace, means, directions, chosen, present)
    centre = means[present].mean(axis=0)
    basis = torch.as_tensor(directions, dtype=torch.float32, device=model.device)
    goals = torch.as_tensor((centre + scale * (means[chosen] - centre)) @ directions.T, dtype=torch.float32)
    decoding = model.decoding([trace.ids])
    end = decoding.length
    before = _shares(decoding.step().logits, trace)[0]
    after = np.empty((len(chosen), len(means)))
    for row, goal in zip(after, goals.to(basis), strict=True):
        decoding.crop(end)
        with model.edit_residual(layer, _moved(basis, goal)):
            row[:] = _shares(decoding.step().logits, trace)[0]
    return MovedNode(node, chosen, before, after, _gains(trace.adjacency, node, chosen, before, after))


def _moved(basis: Float[Tensor, "k d"], goal: Float[Tensor, " k"]) -> Transform:
    def move(hidden: Tensor) -> Tensor:
        wide = hidden.float()
        return (wide + (goal - wide @ basis.T) @ basis).to(hidden)

    return move


def _shares(logits: Float[Tensor, "batch vocabulary"], trace: GraphTrace) -> Float[np.ndarray, "batch nodes"]:
    """Give the share of each node's word among node words, which needs their logits only."""
    columns = torch.as_tensor(trace.node_ids, device=logits.device)
    return logits[:, columns].double().softmax(-1).cpu().numpy()


def _gains(
    adjacency: Int[np.ndarray, "nodes nodes"],
    node: int,
    targets: Int[np.ndarray, " targets"],
    before: Float[np.ndarray, " nodes"],
    after: Float[np.ndarray, "targets nodes"],
) -> Float[np.ndarray, " targets"]:
    own = (adjacency[targets] > adjacency[node]) & (np.arange(len(adjacency)) != node)
    gains = ((after - before) * own).sum(axis=1)
    return np.where(own.any(axis=1), gains, np.nan)


def _check(
    model: LanguageModel,
    trace: GraphTrace,
    means: Float[np.ndarray, "nodes d_model"],
    directions: Float[np.ndarray, "k d_model"],
    targets: Int[np.ndarray, " targets"],
    present: Bool[np.ndarray, " nodes"],
) -> None:
    if means.shape != (len(trace.node_ids), model.d_model):
        raise InvalidInputError(
            f"means have shape {means.shape}; ({len(trace.node_ids)}, {model.d_model}) is expected."
        )
    if directions.ndim != 2 or directions.shape[1] != model.d_model:
        raise InvalidInputError(f"directions have shape {directions.shape}; (k, {model.d_model}) is expected.")
    if not np.allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-4):
        raise InvalidInputError("directions are not orthonormal rows.")
    if not len(targets) or targets.min() < 0 or targets.max() >= len(means):
        raise InvalidInputError(f"targets are nodes 0 to {len(means) - 1}, at least one; others were given.")
    if not present[targets].all():
        raise InvalidInputError(f"Node {int(targets[~present[targets]][0])} has no representation to move to.")

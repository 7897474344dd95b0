"""Reading a model on a context: representations of the nodes at every length, and what it predicts, from one pass.

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
from numpy.typing import NDArray
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.tracing import GraphTrace
from reprise.language.model import LanguageModel

MIN_VISITS = 3
_LOGITS_AT_ONCE = 2**24  # numbers: 64 MB in float32


@dataclass(frozen=True)
class TraceReading:
    """What `trace_representations` read.

    Parameters
    ----------
    lengths : context lengths, in nodes.
    layers : residual streams.
    means : mean representation of each node within the window before each length; NaN where it was visited too
        seldom.
    visits : how often each node occurs in each window.
    masses : where asked for, the probability of each node's word as the next token, after each step of the longest
        context.

    Examples
    --------
    >>> means = np.zeros((1, 2, 3, 4))
    >>> means[0, :, 2] = np.nan
    >>> reading = TraceReading((100,), (0, 5), means, np.array([[40, 58, 2]]))
    >>> reading.at(100, layer=5).shape, reading.absent
    ((3, 4), array([1]))
    """

    lengths: tuple[int, ...]
    layers: tuple[int, ...]
    means: Float[np.ndarray, "lengths layers nodes d_model"]
    visits: Int[np.ndarray, "lengths nodes"]
    masses: Float[np.ndarray, "steps nodes"] | None = None

    def at(self, length: int, layer: int) -> Float[np.ndarray, "nodes d_model"]:
        """Give the representations at one length and layer.

        Raises
        ------
        InvalidInputError
            If they were not read.
        """
        if length not in self.lengths or layer not in self.layers:
            raise InvalidInputError(
                f"Length {length} at layer {layer} was not read; lengths {self.lengths} at layers {self.layers} were."
            )
        return self.means[self.lengths.index(length), self.layers.index(layer)]

    @property
    def absent(self) -> Int[np.ndarray, " lengths"]:
        """How many nodes were left out at each length."""
        return np.isnan(self.means[:, 0, :, 0]).sum(axis=1)


def trace_representations(
    model: LanguageModel,
    trace: GraphTrace,
    lengths: Sequence[int],
    layers: Sequence[int],
    *,
    window: int | Sequence[int] = 50,
    min_visits: int = MIN_VISITS,
    predictions: bool = False,
) -> TraceReading:
    r"""Give each node's mean representation at several context lengths, from one pass over the longest.

    .. math:: H^l_T[i] = \operatorname{mean}\{ h^l_t : T - w < t \le T,\ x_t = i \}

    A shorter context is the beginning of a longer one, and no token sees what follows it, so that all lengths come from
    one pass.

    Parameters
    ----------
    model : the language model.
    trace : a context.
    lengths : context lengths T, in nodes.
    layers : residual streams; stream l + 1 is what layer l writes.
    window : w, for all lengths or each; the paper takes 50. With 16 nodes, 200 visits each about 12 times.
    min_visits : a node visited less often within the window is left out, as NaN.
    predictions : also read what the model predicts, in the same pass, which then goes to the end.

    Raises
    ------
    InvalidInputError
        If a length lies outside the trace or is shorter than the window.

    Notes
    -----
    One forward pass up to the deepest layer asked for; memory for the streams asked for at the places within windows.

    Examples
    --------
    >>> from reprise.language.in_context_representations.tracing import WORDS, GraphTracing
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model(" ".join(WORDS)))
    >>> trace = GraphTracing("ring", 5).sample(60, model.tokenizer)
    >>> reading = trace_representations(model, trace, lengths=[30, 60], layers=[0, 2], window=30)
    >>> reading.means.shape
    (2, 2, 5, 32)
    >>> reading.at(60, layer=2).shape
    (5, 32)
    """
    within = _windows(trace, lengths, window)
    if not layers or min_visits < 1:
        raise InvalidInputError(f"layers={layers}, min_visits={min_visits}: at least one of each is expected.")
    steps = np.arange(within.shape[1]) if predictions else np.flatnonzero(within.any(axis=0))
    streams = model.residuals(
        [trace.first(within.shape[1]).ids],
        layers=[*layers, model.n_layers] if predictions else list(layers),
        positions=(steps + trace.start).tolist(),
    )[0]
    means, visits = _means(streams[: len(layers)], trace.nodes[steps], within[:, steps], len(trace.node_ids))
    means[np.broadcast_to((visits < min_visits)[:, None], means.shape[:3])] = np.nan
    masses = node_masses(model, streams[-1], trace) if predictions else None
    return TraceReading(tuple(lengths), tuple(layers), means, visits, masses)


def _windows(
    trace: GraphTrace, lengths: Sequence[int], window: int | Sequence[int]
) -> Bool[np.ndarray, "lengths longest"]:
    """Say which steps lie in the window before each length."""
    windows = np.full(len(lengths), window) if isinstance(window, int) else np.asarray(window)
    if not lengths or len(windows) != len(lengths):
        raise InvalidInputError(f"A window for each length is expected; {len(windows)} for {len(lengths)} were given.")
    for length, before in zip(lengths, windows, strict=True):
        if not 1 <= before <= length <= len(trace):
            raise InvalidInputError(
                f"A window of {before} steps before length {length} was asked for; it must be at least 1 and at most "
                f"the length, and that at most the {len(trace)} steps of the trace."
            )
    steps, ends = np.arange(max(lengths)), np.asarray(lengths)[:, None]
    return (steps >= ends - windows[:, None]) & (steps < ends)


def _means(
    streams: Float[Tensor, "layers steps d_model"],
    nodes: Int[np.ndarray, " steps"],
    within: Bool[np.ndarray, "lengths steps"],
    n_nodes: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Average over the visits to each node within each window."""
    belongs = within[:, None] & (nodes == np.arange(n_nodes)[:, None])
    visits = belongs.sum(axis=2)
    weights = torch.from_numpy(belongs / np.maximum(visits, 1)[..., None]).to(streams.device, torch.float32)
    return torch.einsum("tns,lsd->tlnd", weights, streams.float()).cpu().numpy(), visits


def node_probabilities(
    model: LanguageModel, trace: GraphTrace, steps: Sequence[int] | NDArray[np.int64] | None = None
) -> Float[np.ndarray, "steps nodes"]:
    """Give the probability of each node's word as the next token, after each of some steps.

    Parameters
    ----------
    model : the language model.
    trace : a context.
    steps : after which steps, counted from 0; None takes all.

    Notes
    -----
    One forward pass; the logits of the whole vocabulary are made for some places at a time, since only their sum of
    exponentials is kept.

    Examples
    --------
    >>> from reprise.language.in_context_representations.tracing import WORDS, GraphTracing
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model(" ".join(WORDS)))
    >>> trace = GraphTracing("ring", 5).sample(20, model.tokenizer)
    >>> node_probabilities(model, trace, [9, 19]).shape
    (2, 5)
    """
    chosen = np.arange(len(trace)) if steps is None else np.asarray(steps)
    if chosen.ndim != 1 or not chosen.size or chosen.min() < 0 or chosen.max() >= len(trace):
        raise InvalidInputError(f"Steps lie in 0..{len(trace) - 1}; others, or none, were given.")
    hidden = model.residuals([trace.ids], layers=[model.n_layers], positions=(chosen + trace.start).tolist())[0, 0]
    return node_masses(model, hidden, trace)


def node_masses(
    model: LanguageModel, hidden: Float[Tensor, "steps d_model"], trace: GraphTrace
) -> Float[np.ndarray, "steps nodes"]:
    """Turn last residual streams into the probability of each node's word."""
    columns = torch.as_tensor(trace.node_ids, device=hidden.device)
    blocks = hidden.split(max(1, _LOGITS_AT_ONCE // model.vocabulary_size))
    parts = []
    for block in blocks:
        logits = model.unembed(block).double()
        parts.append((logits[:, columns] - logits.logsumexp(-1, keepdim=True)).exp())
    return torch.cat(parts).cpu().numpy()

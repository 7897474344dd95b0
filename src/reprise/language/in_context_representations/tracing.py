"""The graph-tracing task: contexts in which words stand for the nodes of a graph that is never shown.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from jaxtyping import Bool, Int
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.graphs import (
    GraphName,
    graph_adjacency,
    random_walks,
    stationary_distribution,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Mode = Literal["walk", "pairs", "independent"]

_NOUNS = (
    "apple bird car egg house milk plane opera box sand sun mango rock math code phone "
    "tree fish ring lamp door king book road hand fire wind salt gold moon ship bell"
)
WORDS = tuple(_NOUNS.split())
"""Nouns that most tokenizers write as one token after a space; the first 16 are the paper's."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""Words whose own order is a ring, for the condition in which words are related before any context."""


@dataclass(frozen=True)
class GraphTrace:
    """One context of the graph-tracing task.

    Parameters
    ----------
    ids : token ids of the whole context, special tokens first.
    nodes : the node at each step; its token stands at place ``step + start`` of `ids`.
    adjacency : of the graph.
    node_ids : the token of each node.
    start : how many special tokens come first.
    ruled : at which steps the graph says what comes next; in pairs, at the first of each.
    words : the word of each node, where there are words.

    Examples
    --------
    >>> trace = GraphTracing("ring", 5).sample(8, token_ids=range(100, 105), prefix=[0], random_state=1)
    >>> trace.ids[1:] == trace.node_ids[trace.nodes].tolist()
    True
    >>> len(trace), len(trace.first(3).ids)
    (8, 4)
    """

    ids: list[int]
    nodes: Int[np.ndarray, " steps"]
    adjacency: Int[np.ndarray, "nodes nodes"]
    node_ids: Int[np.ndarray, " nodes"]
    start: int
    ruled: Bool[np.ndarray, " steps"]
    words: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.nodes)

    def text(self) -> str:
        """Give the context as text, without special tokens.

        Raises
        ------
        InvalidInputError
            If the trace was made of token ids.
        """
        if self.words is None:
            raise InvalidInputError("This trace was made of token ids; it has no words.")
        return " " + " ".join(self.words[node] for node in self.nodes)

    def first(self, steps: int) -> GraphTrace:
        """Cut the context after `steps` nodes."""
        if not 1 <= steps <= len(self):
            raise InvalidInputError(f"The trace has {len(self)} steps; it cannot be cut after {steps}.")
        return GraphTrace(
            self.ids[: self.start + steps],
            self.nodes[:steps],
            self.adjacency,
            self.node_ids,
            self.start,
            self.ruled[:steps],
            self.words,
        )


class GraphTracing:
    """The in-context graph-tracing task: words are put on the nodes of a graph at random, and a walk names them.

    Parameters
    ----------
    graph, size : a name and its size, or an adjacency matrix; see `graph_adjacency`.
    words : one for each node, or more (then each trace takes some); by default `WORDS`.
    mode : ``"walk"``, a random walk; ``"pairs"``, random edges in a random direction, one after another;
        ``"independent"``, nodes drawn independently with the walk's long-run frequencies, the control without a graph.

    Raises
    ------
    InvalidInputError
        If the graph is not connected, or its matrix not symmetric; if words are repeated, or fewer than nodes.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> _, tokenizer = tiny_language_model(" ".join(WORDS))
    >>> trace = GraphTracing("ring", 5).sample(6, tokenizer)
    >>> trace.text()
    ' king sun car sun king sun'
    >>> len(trace.ids), trace.start
    (7, 1)
    """

    def __init__(
        self,
        graph: GraphName | ArrayLike = "grid",
        size: int | tuple[int, int] | None = None,
        *,
        words: Sequence[str] | None = None,
        mode: Mode = "walk",
    ):
        self.adjacency = graph_adjacency(graph, size)
        self.words = tuple(WORDS if words is None else words)
        self.mode = mode
        if mode not in get_args(Mode):
            raise InvalidInputError(f"mode is {mode!r}; one of {', '.join(get_args(Mode))} is expected.")
        if len(set(self.words)) < len(self.words):
            raise InvalidInputError("`words` repeats a word; each node needs one of its own.")
        if words is not None and len(self.words) < self.n_nodes:
            raise InvalidInputError(f"A graph of {self.n_nodes} nodes needs as many words; {len(words)} were given.")

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.adjacency)

    def sample(
        self,
        length: int,
        tokenizer: PreTrainedTokenizerBase | None = None,
        *,
        token_ids: Sequence[int] | None = None,
        prefix: Sequence[int] | None = None,
        random_state: int = 0,
    ) -> GraphTrace:
        """Draw words for the nodes, and a context.

        Parameters
        ----------
        length : nodes named in the context.
        tokenizer : writes the words, each after a space.
        token_ids : tokens to put on the nodes instead, for models without words; at least one a node.
        prefix : special tokens that come first; by default the tokenizer's beginning-of-text token, which models need
            as a place for attention to rest on.
        random_state : of words and walk.

        Raises
        ------
        InvalidInputError
            If a word is not one token, or there are too few.
        """
        if length < 2:
            raise InvalidInputError(f"A context names at least two nodes; length {length} was given.")
        rng = np.random.default_rng(random_state)
        words, node_ids = self._assignment(tokenizer, token_ids, rng)
        if prefix is None:
            bos = None if tokenizer is None else tokenizer.bos_token_id
            prefix = [] if bos is None else [bos]
        nodes = self.draw(length, rng)
        ruled = np.arange(length) % 2 == 0 if self.mode == "pairs" else np.full(length, self.mode == "walk")
        ids = [*map(int, prefix), *node_ids[nodes].tolist()]
        return GraphTrace(ids, nodes, self.adjacency, node_ids, len(prefix), ruled, words)

    def draw(self, length: int, rng: np.random.Generator) -> Int[np.ndarray, " length"]:
        """Draw the nodes of a context."""
        if self.mode == "walk":
            start = rng.choice(self.n_nodes, size=1, p=stationary_distribution(self.adjacency))
            return random_walks(self.adjacency[None], start, length, rng)[0]
        if self.mode == "pairs":
            edges = np.argwhere(self.adjacency)
            return edges[rng.integers(len(edges), size=(length + 1) // 2)].reshape(-1)[:length].astype(np.int64)
        return rng.choice(self.n_nodes, size=length, p=stationary_distribution(self.adjacency))

    def _assignment(
        self,
        tokenizer: PreTrainedTokenizerBase | None,
        token_ids: Sequence[int] | None,
        rng: np.random.Generator,
    ) -> tuple[tuple[str, ...] | None, NDArray[np.int64]]:
        if (tokenizer is None) == (token_ids is None):
            raise InvalidInputError("A trace is made with a tokenizer or with token ids; exactly one is expected.")
        pool: Sequence[str] | Sequence[int] = self.words if token_ids is None else token_ids
        if len(set(pool)) < max(len(pool), self.n_nodes):
            raise InvalidInputError(
                f"A graph of {self.n_nodes} nodes needs as many different words or tokens; "
                f"{len(set(pool))} different ones of {len(pool)} were given."
            )
        chosen = rng.permutation(len(pool))[: self.n_nodes]
        if tokenizer is None:
            return None, np.asarray(token_ids, dtype=np.int64)[chosen]
        words = tuple(self.words[place] for place in chosen)
        return words, np.array(single_tokens(words, tokenizer), dtype=np.int64)


def single_tokens(words: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Give the token that each word is after a space.

    Raises
    ------
    InvalidInputError
        If a word is not one token; the message names it.
    """
    unknown = tokenizer.unk_token_id
    ids = []
    for word in words:
        tokens = tokenizer.encode(f" {word}", add_special_tokens=False)
        if len(tokens) != 1 or tokens[0] == unknown:
            raise InvalidInputError(
                f"The word {word!r} is {len(tokens)} tokens of this tokenizer, or unknown to it; "
                "words of one token are expected."
            )
        ids.append(int(tokens[0]))
    return ids

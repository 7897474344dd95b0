"""Can an agent that knows a paper's abstract find the paper by the names in the tree alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.discover.science_hierarchography.papers import as_papers
from reprise.discover.science_hierarchography.tree import Node
from reprise.errors import InvalidInputError
from reprise.models.chat import Chat

SNIPPET = 300  # letters of the abstract that the agent is shown
_TOPIC = re.compile(r"Topic:\s*(\S.*)")
_EMBEDDED_AT_ONCE = 5000


class Agent(Protocol):
    """Whoever looks a paper up: scores the children of a node, None for an answer that names none of them."""

    def scores(self, query: str, path: Sequence[Node], children: Sequence[Node]) -> Float[np.ndarray, " c"] | None:
        """Give a score for each child; the walk goes to the largest."""


class EmbeddingAgent:
    """Goes to the child whose name and summary are most alike to the query, by the cosine of their vectors.

    Parameters
    ----------
    embed : from texts to vectors.
    summaries : whether summaries are read beside names.

    References
    ----------
    M. Gao, J. Shah, W. Wang, D. Khashabi, "Science Hierarchography", 2025, arXiv 2504.13834; there a language model
    chooses, as `ChatAgent` does.

    Examples
    --------
    >>> agent = EmbeddingAgent(lambda texts: [[text.count("a"), text.count("b")] for text in texts])
    >>> agent.scores("aa", [], [Node(1, 1, [0], name="b"), Node(2, 1, [1], name="a")]).tolist()
    [0.0, 1.0]
    """

    def __init__(self, embed: Callable[[list[str]], ArrayLike], *, summaries: bool = True):
        self.embed, self.summaries = embed, summaries
        self._known: dict[str, np.ndarray] = {}

    def learn(self, texts: Sequence[str]) -> None:
        """Embed texts that are to come up, all at once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if not new:
            return
        vectors = np.asarray(self.embed(new), dtype=float)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self._known |= dict(zip(new, vectors / np.where(lengths > 0, lengths, 1.0), strict=True))

    def text(self, node: Node) -> str:
        """Give what is read of a node."""
        return f"{node.name}. {node.summary}" if self.summaries and node.summary else node.name

    def scores(self, query: str, path: Sequence[Node], children: Sequence[Node]) -> Float[np.ndarray, " c"] | None:
        """Give the cosine of the query and each child."""
        texts = [self.text(child) for child in children]
        self.learn([query, *texts])
        return np.array([self._known[text] for text in texts]) @ self._known[query]


class ChatAgent:
    """Lets a language model choose among the children's names, as the paper's evaluation does.

    Parameters
    ----------
    chat : answers with ``Topic: NAME``; a name that is not among the children ends the walk.

    Examples
    --------
    >>> class Fixed:
    ...     name = "fixed"
    ...     def complete(self, messages, *, max_tokens=300):
    ...         return "Topic: Library cards"
    >>> children = [Node(1, 1, [0], name="Wing flutter"), Node(2, 1, [1], name="Library cards")]
    >>> ChatAgent(Fixed()).scores("catalogues", [], children).tolist()
    [0.0, 1.0]
    """

    def __init__(self, chat: Chat):
        self.chat = chat

    def scores(self, query: str, path: Sequence[Node], children: Sequence[Node]) -> Float[np.ndarray, " c"] | None:
        """Give 1 to the child that the model names."""
        names = [child.name for child in children]
        prompt = (
            "A paper is to be found in a taxonomy. Which of the topics below most likely contains it?\n\n"
            f"Paper: {query}\n\nPath so far: {' > '.join(node.name for node in path) or 'Root'}\n\nTopics:\n"
            + "\n".join(names)
            + "\n\nAnswer with one line, the exact name of one of these topics and no other:\nTopic: NAME"
        )
        answer = self.chat.complete([{"role": "user", "content": prompt}], max_tokens=60)
        found = _TOPIC.findall(answer)
        named = (found[0] if found else answer.partition("\n")[0]).strip()
        return None if named not in names else np.array([float(name == named) for name in names])


class Lookup(NamedTuple):
    """How papers were found.

    Attributes
    ----------
    strict : share of papers whose walk ended at their leaf.
    node_match : nodes of the walks in common with the true path from the top, over the nodes of true paths.
    levelwise : share of papers still on their path at each level, from the top.
    invalid : share of walks that ended with an answer that named no child.
    chance : share that a walker would find who takes any child with equal chance.
    papers : how many were looked up.

    Examples
    --------
    >>> Lookup(strict=0.5, node_match=0.7, levelwise=(0.9, 0.5), invalid=0.0, chance=0.02, papers=200).levelwise[0]
    0.9
    """

    strict: float
    node_match: float
    levelwise: tuple[float, ...]
    invalid: float
    chance: float
    papers: int


def agent_lookup_eval(
    tree: Node,
    papers: Sequence,
    agent: Agent,
    n: int = 200,
    seed: int = 30,
    *,
    queries: Mapping[int, str] | None = None,
) -> Lookup:
    """Let an agent look papers up in a tree, from the root to a leaf, and say how often it finds them.

    The agent is told a paper's title and the first 300 letters of its abstract (or a question), and sees at each node
    the names of its children. Nodes are told apart by their ids, so that equal names in different places count as
    different, unlike in the authors' code.

    Parameters
    ----------
    tree : the root.
    papers : all papers, those of the tree by their positions.
    agent : chooses.
    n : papers to look up, drawn at random; all of them where there are fewer.
    seed : of the draw.
    queries : paper -> what the agent is told in its place, such as a question that the paper answers; only these
        papers are looked up.

    Returns
    -------
    Lookup

    Raises
    ------
    InvalidInputError
        If the tree is a lone root, a paper of it is not among those given, or n is below 1.
    ChatError
        If a language model gives no answer at all; one that names no child counts as invalid.

    References
    ----------
    M. Gao, J. Shah, W. Wang, D. Khashabi, "Science Hierarchography", 2025, arXiv 2504.13834, section on evaluation.

    Examples
    --------
    >>> root = Node(0, 0, [0, 1], [Node(1, 1, [0], name="a"), Node(2, 1, [1], name="b")])
    >>> agent = EmbeddingAgent(lambda texts: [[text.count("a"), text.count("b")] for text in texts])
    >>> agent_lookup_eval(root, [("aa", ""), ("bb", "")], agent).strict
    1.0
    """
    given = as_papers(papers)
    paths = tree.paths()
    if not paths:
        raise InvalidInputError("The tree is a root without topics; there is nothing to look up in.")
    if n < 1:
        raise InvalidInputError(f"n is at least 1; got {n}.")
    if max(paths) >= len(given):
        raise InvalidInputError(f"The tree holds paper {max(paths)}, but {len(given)} papers were given.")
    pool = sorted(paths if queries is None else set(queries) & set(paths))
    if not pool:
        raise InvalidInputError("No paper that has a query is in the tree.")
    chosen = np.random.default_rng(seed).permutation(pool)[:n].tolist()
    asked = {i: queries[i] if queries is not None else query_of(given[i].title, given[i].abstract) for i in chosen}
    _learn_at_once(agent, tree, list(asked.values()))
    walks = [walk(tree, asked[i], agent) for i in chosen]
    return _judged(tree, [(path, valid, paths[i]) for (path, valid), i in zip(walks, chosen, strict=True)])


def query_of(title: str, abstract: str) -> str:
    """Give what an agent is told of a paper: its title, and the first 300 letters of its abstract.

    Examples
    --------
    >>> query_of("Trees", "We arrange papers.")
    'Trees. We arrange papers.'
    """
    return f"{title}. {abstract[:SNIPPET]}" if title else abstract[:SNIPPET]


def walk(tree: Node, query: str, agent: Agent) -> tuple[list[Node], bool]:
    """Go from the root to a leaf; give the path without the root, and whether every answer named a child."""
    node = tree
    path: list[Node] = []
    while node.children:
        scores = agent.scores(query, path, node.children)
        if scores is None:
            return path, False
        node = node.children[int(np.argmax(scores))]
        path.append(node)
    return path, True


def beam_walk(tree: Node, query: str, agent: Agent, beam: int) -> list[Node]:
    """Go down on the `beam` best paths at once, by their mean score; give the best of those that reach a leaf."""
    ways: list[tuple[float, list[Node]]] = [(0.0, [])]
    finished: list[tuple[float, list[Node]]] = []
    while ways:
        longer: list[tuple[float, list[Node]]] = []
        for total, path in ways:
            children = (path[-1] if path else tree).children
            scores = agent.scores(query, path, children)
            if scores is not None:
                longer += [(total + float(s), [*path, child]) for s, child in zip(scores, children, strict=True)]
        best = sorted(longer, key=lambda way: -way[0] / len(way[1]))[:beam]
        finished += [way for way in best if not way[1][-1].children]
        ways = [way for way in best if way[1][-1].children]
    return max(finished, key=lambda way: way[0] / len(way[1]), default=(0.0, []))[1]


def _learn_at_once(agent: Agent, tree: Node, queries: list[str]) -> None:
    """Let an embedding agent embed a small tree in one go, which is quicker than family by family."""
    if isinstance(agent, EmbeddingAgent):
        texts = [agent.text(node) for node in tree.walk() if node.level]
        agent.learn([*queries, *(texts if len(texts) <= _EMBEDDED_AT_ONCE else [])])


def _judged(tree: Node, walks: Sequence[tuple[list[Node], bool, list[list[Node]]]]) -> Lookup:
    common = [max(_in_common(path, true) for true in truths) for path, _, truths in walks]
    lengths = [float(np.mean([len(true) for true in truths])) for *_, truths in walks]
    depth = max(len(true) for *_, truths in walks for true in truths)
    ends = [valid and any(path[-1] is true[-1] for true in truths) for path, valid, truths in walks]
    chance = [sum(_chance(tree, true) for true in truths) for *_, truths in walks]
    return Lookup(
        strict=float(np.mean(ends)),
        node_match=float(sum(common) / sum(lengths)),
        levelwise=tuple(float(np.mean([c >= level for c in common])) for level in range(1, depth + 1)),
        invalid=float(np.mean([not valid for _, valid, _ in walks])),
        chance=float(np.mean(chance)),
        papers=len(walks),
    )


def _in_common(path: Sequence[Node], true: Sequence[Node]) -> int:
    return next((i for i, (a, b) in enumerate(zip(path, true, strict=False)) if a is not b), min(len(path), len(true)))


def _chance(tree: Node, path: Sequence[Node]) -> float:
    return float(np.prod([1 / len(node.children) for node in (tree, *path[:-1])]))

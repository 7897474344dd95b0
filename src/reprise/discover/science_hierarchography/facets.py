"""The eleven facets of a paper: read by a language model, or three of them by the cue words of its sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.discover.science_hierarchography.answers import ask_for_object
from reprise.discover.science_hierarchography.papers import Facets, Paper
from reprise.errors import InvalidInputError
from reprise.models.chat import Chat, ChatError

FACETS: dict[str, tuple[str, ...]] = {
    "problem": (
        "overarching problem domain",
        "challenges/difficulties",
        "research question/goal",
        "novelty of the problem",
        "knowns or prior work",
    ),
    "solution": (
        "overarching solution domain",
        "knowns or prior work",
        "solution approach",
        "novelty of the solution",
    ),
    "results": ("findings/results", "potential impact of the results"),
}
"""Group -> its facets, as the paper's appendix and code name them."""

CENTRAL = {"problem": "research question/goal", "solution": "solution approach", "results": "findings/results"}
"""The facet of each group that the cue words stand in for."""

_CUES = {
    "problem": r"however|challeng\w*|difficult\w*|limit(ed|ation\w*)|we (address|tackle|consider|study|ask)|remain\w*|"
    r"lack\w*|problem|despite|unclear|open question",
    "solution": r"we (propose|introduce|present|develop|design|describe|build|derive)|method|approach|algorithm|"
    r"framework|novel|our (model|technique|system)|based on|using",
    "results": r"we (show|find|demonstrate|prove|observe|report)|outperform\w*|results?|achiev\w*|improv\w*|"
    r"experiments?|\d+ ?%|significant\w*|conclu\w*|evidence|accura\w*",
}
_PATTERNS = {group: re.compile(rf"\b(?:{cues})\b|\d%", re.IGNORECASE) for group, cues in _CUES.items()}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
_MAX_TOKENS = 700


def sentences(text: str) -> list[str]:
    """Divide a text into sentences, at a full stop before a capital.

    Examples
    --------
    >>> sentences("We ask. It works (e.g. here). 5 % better!")
    ['We ask.', 'It works (e.g. here).', '5 % better!']
    """
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def rhetorical_parts(abstract: str) -> dict[str, str]:
    """Sort an abstract's sentences into problem, solution and results by their cue words.

    A sentence goes where it has most cue words ("however", "we propose", "outperforms", ...); without any, where it
    stands: first third, middle, last third.

    Parameters
    ----------
    abstract : a text.

    Returns
    -------
    The three parts by name; each sentence is in exactly one, so that one may be empty.

    Examples
    --------
    >>> parts = rhetorical_parts("However, trees are a challenge. We propose a method. Results improve by 5%.")
    >>> parts["solution"]
    'We propose a method.'
    """
    parts: dict[str, list[str]] = {group: [] for group in FACETS}
    listed = sentences(abstract)
    for i, sentence in enumerate(listed):
        counts = {group: len(pattern.findall(sentence)) for group, pattern in _PATTERNS.items()}
        group = max(counts, key=lambda group: counts[group])
        if not counts[group]:
            group = tuple(FACETS)[min(2, 3 * i // len(listed))]
        parts[group].append(sentence)
    return {group: " ".join(chosen) for group, chosen in parts.items()}


def rhetorical_facets(paper: Paper) -> Facets:
    """Give the facets that cue words find: one in each group, the others empty."""
    parts = rhetorical_parts(paper.abstract or paper.title)
    return {group: {CENTRAL[group]: text} for group, text in parts.items()}


def chat_facets(papers: Sequence[Paper], chat: Chat) -> tuple[list[Paper], int]:
    """Let a language model read the eleven facets of every paper that has none yet, one call each.

    Parameters
    ----------
    papers : n of them.
    chat : answers; put bounds around it with `reprise.models.chat.BoundedChat`.

    Returns
    -------
    The papers with facets, and of how many the cue words had to do because the model gave no usable answer.

    Examples
    --------
    >>> class Fixed:
    ...     name = "fixed"
    ...     def complete(self, messages, *, max_tokens=300):
    ...         return '{"problem": {"research question/goal": "Why do wings flutter?"}}'
    >>> papers, by_cues = chat_facets([Paper("Flutter", "Wings flutter.")], Fixed())
    >>> papers[0].facets["problem"]["research question/goal"], by_cues
    ('Why do wings flutter?', 0)
    """
    read, by_cues = [], 0
    for paper in papers:
        if paper.facets is not None:
            read.append(paper)
            continue
        try:
            facets = _facets_of(ask_for_object(chat, _prompt(paper), max_tokens=_MAX_TOKENS, usable=_has_facets))
        except ChatError:
            facets, by_cues = rhetorical_facets(paper), by_cues + 1
        read.append(replace(paper, facets=facets))
    return read, by_cues


def facet_vectors(
    papers: Sequence[Paper], facet: str, embed: Callable[[list[str]], ArrayLike]
) -> Float[np.ndarray, "n d"]:
    """Give a vector for each paper: of one facet, or of several side by side.

    Each facet's text is embedded by itself (an empty one is the zero vector), the vectors of the chosen facets are
    joined end to end, and the whole is brought to length 1.

    Parameters
    ----------
    papers : n of them, all with facets or all without. Without, ``"all"`` embeds title and abstract as one text, and a
        group what its cue words find, or the whole text where they find nothing; a single facet then needs a model.
    facet : ``"all"``, a group (``"problem"``, ``"solution"``, ``"results"``), or one facet (``"problem.novelty of the
        problem"``).
    embed : from texts to vectors.

    Returns
    -------
    (n, d), d being the encoder's width times the number of facets

    Raises
    ------
    InvalidInputError
        If the facet is unknown, or some papers have facets and others not.

    Examples
    --------
    >>> facet_vectors([Paper("Trees", "We propose trees.")], "all", lambda texts: [[3.0, 4.0] for _ in texts]).tolist()
    [[0.6, 0.8]]
    """
    chosen = facet_names(facet)
    known = [paper.facets is not None for paper in papers]
    if any(known) and not all(known):
        raise InvalidInputError(f"Of {len(papers)} papers {sum(known)} have facets; expected all of them, or none.")
    if all(known):
        columns = [[(paper.facets or {}).get(group, {}).get(name, "") for paper in papers] for group, name in chosen]
    elif facet == "all":
        columns = [[paper.text for paper in papers]]
    elif "." in facet:
        raise InvalidInputError(f"The papers have no facets, so {facet!r} cannot be read; give them, or a chat.")
    else:
        # A zero vector is nearer to all others than they are to each other: k-means would put all papers around it.
        columns = [[rhetorical_parts(paper.abstract or paper.title)[facet] or paper.text for paper in papers]]
    joined = np.hstack([_embedded(column, embed) for column in columns])
    lengths = np.linalg.norm(joined, axis=1, keepdims=True)
    return joined / np.where(lengths > 0, lengths, 1.0)


def facet_names(facet: str) -> list[tuple[str, str]]:
    """Give the facets that a name stands for, each as (group, name).

    Raises
    ------
    InvalidInputError
        If it stands for none.

    Examples
    --------
    >>> facet_names("results")
    [('results', 'findings/results'), ('results', 'potential impact of the results')]
    """
    every = [(group, name) for group, names in FACETS.items() for name in names]
    chosen = [(group, name) for group, name in every if facet in ("all", group, f"{group}.{name}")]
    if not chosen:
        raise InvalidInputError(f"There is no facet {facet!r}; expected 'all', {', '.join(FACETS)}, or GROUP.FACET.")
    return chosen


def _embedded(texts: list[str], embed: Callable[[list[str]], ArrayLike]) -> Float[np.ndarray, "n d"]:
    filled = [i for i, text in enumerate(texts) if text.strip()]
    if not filled:
        vectors = np.asarray(embed(["-"]), dtype=np.float32)
        return np.zeros((len(texts), vectors.shape[1]), np.float32)
    vectors = np.asarray(embed([texts[i] for i in filled]), dtype=np.float32)
    whole = np.zeros((len(texts), vectors.shape[1]), np.float32)
    whole[filled] = vectors
    return whole


def _prompt(paper: Paper) -> str:
    wanted = "\n".join(f'"{group}": {{{", ".join(f"{name!r}: text" for name in FACETS[group])}}}' for group in FACETS)
    return (
        "Read the paper below and answer with one JSON object that holds, of what it says itself, a phrase or sentence "
        f'for each of these; "" where it says nothing:\n{wanted}\n\n'
        f"Title: {paper.title}\nAbstract: {paper.abstract}"
    )


def _has_facets(answer: dict) -> bool:
    return any(isinstance(answer.get(group), dict) for group in FACETS)


def _facets_of(answer: dict) -> Facets:
    def text(group: str, name: str) -> str:
        held = answer.get(group)
        value = held.get(name, "") if isinstance(held, dict) else ""
        return value if isinstance(value, str) else ""

    return {group: {name: text(group, name) for name in names} for group, names in FACETS.items()}

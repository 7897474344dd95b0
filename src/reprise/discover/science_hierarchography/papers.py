"""What is arranged: papers, each a title, an abstract, and its facets where they are known."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reprise.errors import InvalidInputError

Facets = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Paper:
    """A text to arrange.

    Parameters
    ----------
    title, abstract : one of them may be empty.
    facets : group (problem, solution, results) -> name of a facet -> text, where they are known; see `FACETS`.

    Examples
    --------
    >>> Paper("Trees", "We arrange papers.").text
    'Trees. We arrange papers.'
    """

    title: str
    abstract: str = ""
    facets: Facets | None = None

    @property
    def text(self) -> str:
        """Title and abstract in one."""
        return f"{self.title}. {self.abstract}" if self.title and self.abstract else self.title or self.abstract


class DuplicateTitleWarning(UserWarning):
    """Several papers have one title; they are all kept, and told apart by their positions."""


def as_papers(papers: Sequence[Any]) -> list[Paper]:
    """Read papers given as `Paper`, mappings with title and abstract (and facets), pairs, or texts.

    Parameters
    ----------
    papers : n of them.

    Returns
    -------
    n papers, in their order.

    Raises
    ------
    InvalidInputError
        If there is none, or one has no text: names its position.

    Warns
    -----
    DuplicateTitleWarning
        If titles repeat.

    Examples
    --------
    >>> as_papers([{"title": "A", "abstract": "B"}, ("C", "D")])[1].title
    'C'
    """
    if isinstance(papers, str | bytes | Mapping):
        raise InvalidInputError(f"A list of papers is expected; got {type(papers).__name__}.")
    read = [_as_paper(paper, i) for i, paper in enumerate(papers)]
    if not read:
        raise InvalidInputError("There is no paper; expected one or more, each with title and abstract.")
    titles = [paper.title.casefold().strip() for paper in read if paper.title]
    repeated = len(titles) - len(set(titles))
    if repeated:
        message = f"{repeated} of {len(read)} papers repeat the title of another; all are kept, by their positions."
        warnings.warn(message, DuplicateTitleWarning, stacklevel=3)
    return read


def _as_paper(paper: Any, i: int) -> Paper:
    if isinstance(paper, str):
        paper = Paper("", paper)
    elif isinstance(paper, Mapping):
        groups = {group: paper[group] for group in ("problem", "solution", "results") if group in paper}
        given = paper.get("facets", groups or None)
        paper = Paper(paper.get("title", ""), paper.get("abstract", ""), given)
    elif isinstance(paper, tuple | list) and len(paper) == 2:
        paper = Paper(*paper)
    if not isinstance(paper, Paper) or not isinstance(paper.title, str) or not isinstance(paper.abstract, str):
        raise InvalidInputError(f"Paper {i} (counted from 0) has no texts as title and abstract; got {paper!r:.120}.")
    if paper.facets is not None:
        _check_facets(paper.facets, i)
    if not paper.text.strip() and paper.facets is None:
        raise InvalidInputError(f"Paper {i} (counted from 0) is empty: it has neither a title nor an abstract.")
    return paper


def _check_facets(facets: Any, i: int) -> None:
    right = isinstance(facets, Mapping) and all(
        isinstance(group, Mapping) and all(isinstance(text, str) for text in group.values())
        for group in facets.values()
    )
    if not right:
        raise InvalidInputError(f"The facets of paper {i} are a mapping of group to a mapping of facet to text.")

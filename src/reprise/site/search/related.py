"""Papers like a paper: the nearest by meaning, or, where it has no vector, those that share its words."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from reprise.site.search.nearest import Nearest
from reprise.site.search.query import MAX_TERMS, Query, Term
from reprise.site.search.words import by_words, narrow
from reprise.site.store.feed import papers_of
from reprise.site.store.tables import Embedding, Paper


def related(session: Session, nearest: Nearest | None, paper: Paper, count: int = 6) -> list[Paper]:
    """Give the papers most like one, the likest first; those that share its words where `nearest` is None."""
    vector = session.scalar(select(Embedding.vector).where(Embedding.paper_id == paper.id))
    if vector is not None and nearest is not None:
        ids, _ = nearest(session, vector, count + 1, partial(narrow, session, Query()), False)
        numbers = [int(number) for number in ids]
    else:
        numbers = by_words(session, words_of(paper), count + 1)
    return papers_of(session, [number for number in numbers if number != paper.id][:count])


def words_of(paper: Paper) -> Query:
    """Give the query for papers that share words with the title of one.

    Examples
    --------
    >>> words_of(Paper(title="On \\"Rings\\", in brief: a study")).text
    'On Rings in brief a study'
    """
    words = ["".join(letter if letter.isalnum() else " " for letter in word).split() for word in paper.title.split()]
    flat = [word for several in words for word in several]
    return Query(terms=tuple(Term(word) for word in dict.fromkeys(flat))[:MAX_TERMS])

"""Words in SQLite: FTS5, whose ranking is BM25."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, String, Text, column, exists, func, select, table
from sqlalchemy.orm import Session

from reprise.site.search.query import Term
from reprise.site.search.words_common import (
    ABSTRACT,
    AUTHORS,
    BEGIN,
    COMMON,
    END,
    SNIPPET_WORDS,
    SUMMARY,
    TITLE,
    Passing,
)
from reprise.site.store.tables import Paper

_BM25 = f"bm25({TITLE}, {ABSTRACT}, {SUMMARY}, {AUTHORS})"
_words = table(
    "paper_words", column("rowid"), column("rank", Float), column("title", Text), column("paper_words", String)
)


class Asked:
    """The terms of a search.

    Parameters
    ----------
    terms : at least one.
    """

    def __init__(self, session: Session, terms: Sequence[Term]):
        self.session, self.terms = session, terms

    @cached_property
    def counts(self) -> dict[Term, int]:
        """How many papers have each term, counted no further than needed."""
        several = [select(_words.c.rowid).where(_match(_quoted(term))).limit(COMMON).subquery() for term in self.terms]
        counts = [select(func.count()).select_from(each).scalar_subquery() for each in several]
        return dict(zip(self.terms, self.session.execute(select(*counts)).one(), strict=True))

    def ranked(self, passing: Passing, terms: Sequence[Term], together: bool, count: int) -> list[int]:
        """Give the papers that pass and have all terms, or some of them, the best first."""
        expression = (" AND " if together else " OR ").join(_quoted(term) for term in terms)
        # FTS5 gives its matches in the order of their rank; each is then looked up by its key until enough have passed.
        passes = passing(select(Paper.id).where(Paper.id == _words.c.rowid)).correlate(_words)
        best = (
            select(_words.c.rowid)
            .where(_match(expression), _words.c.rank.bool_op("match")(_BM25), exists(passes))
            .order_by(_words.c.rank)
            .limit(count)
        )
        return list(self.session.scalars(best))


def has(term: Term) -> ColumnElement[bool]:
    """Say of a paper whether it has a term."""
    return Paper.id.in_(select(_words.c.rowid).where(_match(_quoted(term))))


def written_by(name: str) -> ColumnElement[bool]:
    """Say of a paper whether a name, or a part of one, is among its authors."""
    return Paper.id.in_(select(_words.c.rowid).where(_match(f"authors : {_quoted(Term(name))}")))


def snippets(terms: Sequence[Term], papers: Sequence[int]) -> Select[Any]:
    """Select passages of papers with some of the terms: of their abstracts, and of our summaries."""
    either = " OR ".join(_quoted(term) for term in terms)
    whole: Any = column("paper_words", is_literal=True)
    passages = [func.snippet(whole, place, BEGIN, END, "…", SNIPPET_WORDS) for place in (1, 2)]
    return select(_words.c.rowid, *passages).where(_match(either), _words.c.rowid.in_(papers))


def _match(expression: str) -> ColumnElement[bool]:
    return _words.c.paper_words.bool_op("match")(expression)


def _quoted(term: Term) -> str:
    """Write a term as FTS5's string, in which nothing but a quote has a meaning."""
    return '"' + term.text.replace('"', " ") + '"'

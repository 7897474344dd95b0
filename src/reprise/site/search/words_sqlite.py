"""Words in SQLite: FTS5, whose ranking is BM25. Of very many papers that match, the latest `RANKED` are ranked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, String, Text, column, exists, func, select, table
from sqlalchemy.orm import Session

from reprise.site.search.query import Query, Term
from reprise.site.search.words_common import (
    ABSTRACT,
    AUTHORS,
    BEGIN,
    COMMON,
    END,
    SNIPPET_WORDS,
    SUMMARY,
    TITLE,
    shown,
)
from reprise.site.store.tables import Paper

RANKED = 10_000
_BM25 = f"bm25({TITLE}, {ABSTRACT}, {SUMMARY}, {AUTHORS})"
_words = table(
    "paper_words", column("rowid"), column("rank", Float), column("title", Text), column("paper_words", String)
)


class Asked:
    """The words of a search.

    Parameters
    ----------
    terms : of the query, those that are looked for; at least one.
    """

    def __init__(self, session: Session, query: Query, terms: Sequence[Term]):
        self.session, self.query, self.terms = session, query, terms

    @cached_property
    def counts(self) -> dict[Term, int]:
        """How many papers have each term, up to `COMMON`."""
        return self.count(COMMON)

    def count(self, most: int) -> dict[Term, int]:
        """Count the papers that have each term, up to `most`."""
        several = [select(_words.c.rowid).where(_match(_quoted(term))).limit(most).subquery() for term in self.terms]
        counts = [select(func.count()).select_from(each).scalar_subquery() for each in several]
        return dict(zip(self.terms, self.session.execute(select(*counts)).one(), strict=True))

    def ranked(self, every: Sequence[Term], some: Sequence[Term], count: int) -> list[int]:
        """Give the papers that have every term and, where any are given, some of the others, the best first."""
        wanted = [*map(_quoted, every), *([f"({' OR '.join(map(_quoted, some))})"] if some else [])]
        # Authors and exclusions are left to FTS5, which skips what does not match instead of ranking it first.
        wanted += [_by(name) for name in self.query.authors]
        expression = " NOT ".join([f"({' AND '.join(wanted)})", *map(_quoted, self.query.without)])
        # FTS5 gives its matches in the order of their rank; each is then looked up by its key until enough have passed.
        passes = shown(self.query, select(Paper.id).where(Paper.id == _words.c.rowid), each=True).correlate(_words)
        best = (
            select(_words.c.rowid)
            .where(_match(expression), _words.c.rank.bool_op("match")(_BM25), exists(passes))
            .order_by(_words.c.rank)
            .limit(count)
        )
        if not self.query.filters.keys() - {f'author:"{name}"' for name in self.query.authors}:
            latest = select(_words.c.rowid).where(_match(expression)).order_by(_words.c.rowid.desc())
            if (last := self.session.scalar(latest.limit(1).offset(RANKED))) is not None:
                best = best.where(_words.c.rowid > last)
        return list(self.session.scalars(best))


def conditions(query: Query) -> list[ColumnElement[bool]]:
    """Give what a query's phrases, exclusions and authors ask of a paper."""
    wanted = [*(_quoted(Term(phrase)) for phrase in query.phrases), *(_by(name) for name in query.authors)]
    found = [_found(expression) for expression in wanted]
    return found + [~_found(_quoted(term)) for term in query.without]


def snippets(terms: Sequence[Term], papers: Sequence[int]) -> Select[Any]:
    """Select passages of papers with some of the terms: of their abstracts, and of our summaries."""
    either = " OR ".join(_quoted(term) for term in terms)
    whole: Any = column("paper_words", is_literal=True)
    passages = [func.snippet(whole, place, BEGIN, END, "…", SNIPPET_WORDS) for place in (1, 2)]
    return select(_words.c.rowid, *passages).where(_match(either), _words.c.rowid.in_(papers))


def _by(name: str) -> str:
    return f"authors : {_quoted(Term(name))}"


def _found(expression: str) -> ColumnElement[bool]:
    return Paper.id.in_(select(_words.c.rowid).where(_match(expression)))


def _match(expression: str) -> ColumnElement[bool]:
    return _words.c.paper_words.bool_op("match")(expression)


def _quoted(term: Term) -> str:
    """Write a term as FTS5's string, in which nothing but a quote has a meaning."""
    return '"' + term.text.replace('"', " ") + '"'

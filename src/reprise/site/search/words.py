"""Papers by their words, ranked by BM25: SQLite's FTS5 or PostgreSQL's full text; titles count most.

A paper that has all the words comes before one that has some of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import ModuleType

from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from reprise.site.search import words_postgresql, words_sqlite
from reprise.site.search.query import MAX_TERMS, Query, Selection, Term
from reprise.site.search.stop_words import STOP
from reprise.site.search.words_common import BEGIN, END, MATCHED, shown

SELDOM = 3
"""Papers from which on a word is taken for one that the site knows."""


def by_words(session: Session, query: Query, count: int) -> list[int]:
    """Give papers that match the words of a query, the best first: those with all of them before those with some."""
    terms = telling(query)
    if not terms:
        return []
    asked = _words(session).Asked(session, query, terms)
    found: list[int] = asked.ranked(terms, (), count)
    single = [term for term in terms if not term.phrase]
    if len(found) < count and len(single) > 1:
        found += asked.ranked([term for term in terms if term.phrase], _rarest(asked.counts, single), count)
    return list(dict.fromkeys(found))[:count]


def telling(query: Query) -> list[Term]:
    """Give the terms that say something, or all of them where none does."""
    return [term for term in query.terms if term.phrase or term.text.casefold() not in STOP] or list(query.terms)


def seldom(session: Session, words: Sequence[str]) -> list[str]:
    """Give those of some words, stop words apart, that fewer than `SELDOM` papers have."""
    terms = [Term(word) for word in words if word.casefold() not in STOP][:MAX_TERMS]
    if not terms:
        return []
    counts = _words(session).Asked(session, Query(), terms).count(SELDOM)
    return [term.text for term in terms if counts[term] < SELDOM]


def narrow(session: Session, query: Query, statement: Selection, *, each: bool = False) -> Selection:
    """Narrow a selection of papers to those shown that pass all of a query's filters, phrases and exclusions."""
    return shown(query, statement, each=each).where(*_words(session).conditions(query))


def narrows(query: Query) -> bool:
    """Say whether a query leaves any shown paper out, whatever its words."""
    return bool(query.phrases or query.without or query.filters)


def snippets(session: Session, query: Query, papers: Sequence[int]) -> dict[int, Markup]:
    """Give, for those papers whose text has words of the query, the passage with most of them, these marked.

    All of it is escaped but the marks.
    """
    terms = telling(query)
    if not terms or not papers:
        return {}
    found: dict[int, Markup] = {}
    for number, *passages in session.execute(_words(session).snippets(terms, papers)):
        best = max((passage or "" for passage in passages), key=lambda passage: passage.count(BEGIN))
        if BEGIN in best:
            found[number] = marked(best)
    return found


def marked(passage: str) -> Markup:
    """Escape a passage and mark what the search has enclosed.

    Examples
    --------
    >>> str(marked("a \\x02word\\x03 <b>"))
    'a <mark>word</mark> &lt;b&gt;'
    """
    opened, closed = passage.count(BEGIN), passage.count(END)
    escaped = str(escape(passage))
    if opened != closed:  # the paper's own text has such signs
        return Markup(escaped.replace(BEGIN, "").replace(END, ""))
    return Markup(escaped.replace(BEGIN, "<mark>").replace(END, "</mark>"))


def _words(session: Session) -> ModuleType:
    return words_sqlite if session.get_bind().dialect.name == "sqlite" else words_postgresql


def _rarest(counts: dict[Term, int], terms: Sequence[Term]) -> list[Term]:
    """Give the rarest of some words, as many as make no more than `MATCHED` matches: the others say little beside them.

    Examples
    --------
    >>> the, rings, of, saturn = (Term(word) for word in ("the", "rings", "of", "saturn"))
    >>> [term.text for term in _rarest({the: 9_999, rings: 500, of: 9_000, saturn: 20}, [the, rings, of, saturn])]
    ['rings', 'saturn']
    """
    ordered = sorted((term for term in dict.fromkeys(terms) if counts[term]), key=lambda term: counts[term])
    matches = itertools.accumulate(counts[term] for term in ordered)
    kept = [term for term, so_far in zip(ordered, matches, strict=True) if so_far <= MATCHED] or ordered[:1]
    return [term for term in terms if term in kept] or list(terms)

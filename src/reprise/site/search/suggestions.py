"""What else a reader may have meant: the same search without a slip of the keyboard, or a looser one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reprise.site.search.query import Query, Term
from reprise.site.search.vocabulary import near_word
from reprise.site.search.words import by_words, narrow, seldom
from reprise.site.store.tables import Paper

_MOST = 4
_TRIES = 12
_CORRECTED = 4  # words of a search that are looked up
_IN_NAME = re.compile(r"\w+")


def corrected(session: Session, query: Query) -> Query | None:
    """Give the search with words that the site hardly knows put right; None where there is nothing to put right.

    Words, those of phrases and of names alike, that several papers have stay as they are.
    """
    words = [word for text in _texts(query) for word in _IN_NAME.findall(text)]
    unknown = seldom(session, list(dict.fromkeys(words)))[:_CORRECTED]
    right = {word: near for word in unknown if (near := near_word(session, word)) is not None}
    if not right:
        return None

    def put_right(text: str) -> str:
        return _IN_NAME.sub(lambda found: right.get(found[0], found[0]), text)

    return replace(
        query,
        terms=tuple(replace(term, text=put_right(term.text)) for term in query.terms),
        authors=tuple(put_right(name) for name in query.authors),
    )


def looser(session: Session, query: Query) -> tuple[str, ...]:
    """Give searches like one that find something: without a filter, without quotes, or of one word."""
    loose = tuple(Term(word) for term in query.terms for word in re.findall(r"\w+", term.text))
    tries = [*query.filters.values()]
    if query.without:
        tries.append(replace(query, without=()))
    if query.phrases:
        tries.append(replace(query, terms=loose))
    if len(query.filters) > 1 or (query.filters and query.phrases):
        tries.append(Query(terms=loose))
    tries += [Query(terms=(term,)) for term in loose if len(loose) > 1 or query.filters]
    found: list[str] = []
    for attempt in tries[:_TRIES]:
        if attempt and len(found) < _MOST and str(attempt) not in found and _finds(session, attempt):
            found.append(str(attempt))
    return tuple(found)


def _texts(query: Query) -> Iterable[str]:
    return [*(term.text for term in query.terms), *query.authors]


def _finds(session: Session, query: Query) -> bool:
    if query.terms:
        return bool(by_words(session, query, 1))
    some = narrow(session, query, select(Paper.id)).limit(1).subquery()
    return bool(session.scalar(select(func.count()).select_from(some)))

"""What both databases count and mark words by."""

from __future__ import annotations

from sqlalchemy import func

from reprise.site.search.query import Query, Selection
from reprise.site.store.tables import SHOWN, Paper

TITLE, ABSTRACT, SUMMARY, AUTHORS = 3.0, 1.0, 1.5, 2.0
"""How often a word counts for one that stands there."""

COMMON = 20_000
"""Papers with a word are counted up to so many."""

MATCHED = 5_000
"""Papers among which those with some of the words are looked for."""

BEGIN, END = "\x02", "\x03"
"""Enclose the words that were looked for."""

SNIPPET_WORDS = 40


def shown(query: Query, statement: Selection, *, each: bool = False) -> Selection:
    """Narrow a selection of papers to those shown that pass the filters that need no index of words."""
    # Hidden from SQLite's planner where papers are few: it would rather walk all that are shown than look these up.
    state = func.coalesce(Paper.state, "") if each else Paper.state
    return query.narrow(statement.where(state == SHOWN), each=each)

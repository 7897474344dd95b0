"""The site's own words, counted, for readers who have mistyped one.

The words of titles, abstracts and names are counted as papers come, from where the last count stopped; what has been
counted stands in the same transaction as the bookmark, so that nothing is counted twice.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session

from reprise.site.search.words import SELDOM
from reprise.site.store import Store
from reprise.site.store.tables import WORD_LENGTH, Bookmark, Paper, Word
from reprise.site.store.types import now

BATCH = 1_000
LEAST = 4
"""Letters of the shortest words that are counted; shorter ones are near too many others."""

_LONG = 6  # letters from which on two slips are looked for
_ONE_IN = 100_000
_ROWS = 2_000  # in one statement
_BOOKMARK = "vocabulary"
_WORD = re.compile(rf"[^\W\d_]{{{LEAST},{WORD_LENGTH}}}")


def count_words(store: Store, *, stop: threading.Event | None = None) -> int:
    """Count the words of all papers that have come since the last time; give how many papers these are.

    Parameters
    ----------
    stop : set by whoever wants it to end after the batch at hand.
    """
    done = 0
    while not (stop is not None and stop.is_set()) and (counted := _count_batch(store)):
        done += counted
    return done


def words_of(text: str) -> set[str]:
    """Give the different words of a text, in lower case.

    Examples
    --------
    >>> sorted(words_of("Rings, rings of Saturn; Zoë's 4th"))
    ['rings', 'saturn']
    """
    return set(_WORD.findall(text.lower()))


def near_word(session: Session, word: str) -> str | None:
    """Give the word of the site that is nearest to one in spelling, the commonest of these; None where none is near.

    Up to five letters, one may be missing, too many, wrong or in its neighbour's place; two in longer words. One of the
    first two letters must be the first of the word that is meant. On a large site words count from one in a hundred
    thousand papers on: rarer ones are mostly slips themselves.
    """
    word = word.lower()
    if not _WORD.fullmatch(word):
        return None
    least = max(SELDOM, _reached(session) // _ONE_IN)
    initials = dict.fromkeys(word[:2])
    return next((near for initial in initials if (near := _nearest(session, word, initial, least)) is not None), None)


def _nearest(session: Session, word: str, initial: str, least: int) -> str | None:
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    most = 1 if len(word) < _LONG else 2
    lengths = range(len(word) - most, len(word) + most + 1)
    alike = select(Word.word, Word.papers).where(
        Word.initial == initial, Word.length.in_(lengths), Word.papers >= least, Word.word != word
    )
    papers = {row.word: row.papers for row in session.execute(alike)}
    near = process.extract(word, list(papers), scorer=OSA.distance, score_cutoff=most, limit=None)
    return min(near, key=lambda found: (found[1], -papers[found[0]], found[0]))[0] if near else None


def _count_batch(store: Store) -> int:
    with store.reading() as session:
        reached = _reached(session)
        papers = session.execute(
            select(Paper.id, Paper.title, Paper.abstract, Paper.authors)
            .where(Paper.id > reached)
            .order_by(Paper.id)
            .limit(BATCH)
        ).all()
    if not papers:
        return 0
    counts: Counter[str] = Counter()
    for paper in papers:
        counts.update(words_of(f"{paper.title} {paper.abstract} {' '.join(paper.authors)}"))
    with store.writing() as session:
        if _reached(session, lock=True) == reached:  # else another server has counted them
            _add(session, counts.items())
            session.merge(Bookmark(source=_BOOKMARK, state={"to": papers[-1].id}, at=now()))
    return len(papers)


def _reached(session: Session, *, lock: bool = False) -> int:
    known = session.get(Bookmark, _BOOKMARK, with_for_update=lock)
    return int(known.state["to"]) if known is not None else 0


def _add(session: Session, counts: Iterable[tuple[str, int]]) -> None:
    rows: Sequence[dict[str, object]] = [
        {"word": word, "initial": word[0], "length": len(word), "papers": papers} for word, papers in sorted(counts)
    ]
    insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    new = insert(Word)
    more = {"papers": Word.papers + new.excluded.papers}
    statement = new.on_conflict_do_update(index_elements=[Word.word], set_=more)
    for start in range(0, len(rows), _ROWS):
        session.execute(statement, rows[start : start + _ROWS])

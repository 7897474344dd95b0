"""A search: words and meaning side by side, joined into one list, page by page."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from reprise.site.garbage import settle
from reprise.site.search import encoding
from reprise.site.search.fusion import Fused, fuse
from reprise.site.search.meaning import SharedEncoder, load_encoder
from reprise.site.search.named import named_paper, names_a_paper
from reprise.site.search.nearest import Nearest, nearest_in
from reprise.site.search.query import Query, parse
from reprise.site.search.related import related
from reprise.site.search.suggestions import corrected, looser
from reprise.site.search.vocabulary import count_words
from reprise.site.search.words import by_words, narrow, narrows, snippets
from reprise.site.store import Store
from reprise.site.store.feed import LAST_DAY, MAX_PAGE, Filter, feed, papers_of
from reprise.site.store.tables import Paper

DEPTH = 200
"""Papers that each of words and meaning gives to the joined list."""

PAGE_SIZE = 20
NEAR = 0.25
"""Cosine below which a meaning has nothing to do with a query."""

_LOOK = 30.0  # seconds between two looks for papers to encode
_REFRESH = 10  # looks between two for vectors that others wrote
_BETWEEN = 300.0  # seconds of encoding between two
_WHOLE = 120  # looks between two at all papers, and not at the new ones alone
_DAY = datetime.timedelta(days=1)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hit:
    """A paper that was found.

    Parameters
    ----------
    paper : with its labels.
    score : by which the list is ordered.
    why : ``"words"``, ``"meaning"`` or ``"both"``; ``"name"`` where its id, DOI or link was asked for; empty where only
        filters were.
    snippet : passage with the words marked, as HTML; may be empty.
    """

    paper: Paper
    score: float
    why: str
    snippet: Markup


@dataclass(frozen=True)
class SearchPage:
    """One page of a search.

    Parameters
    ----------
    query : as it was understood; `query.problems` tells what was not.
    hits : of this page, the best first.
    number, size : pages are counted from 1.
    more : whether another page follows.
    meaning : whether meanings were searched too.
    corrected : the same search without a slip of the keyboard; empty where none is seen.
    suggestions : searches that find something, where this one finds nothing.
    names : whether the query is the name of one paper: an id, a DOI or a link.
    """

    query: Query
    hits: tuple[Hit, ...]
    number: int
    size: int
    more: bool
    meaning: bool
    corrected: str = ""
    suggestions: tuple[str, ...] = ()
    names: bool = False

    @property
    def problems(self) -> tuple[str, ...]:
        """What of the query was not understood, a sentence each."""
        return self.query.problems

    @property
    def papers(self) -> list[Paper]:
        """The papers found."""
        return [hit.paper for hit in self.hits]


class Searcher:
    """Searches the site, and keeps the meanings of its papers up to date.

    Parameters
    ----------
    store : the database.
    folder : where the index of meanings is kept.
    encoder : of meanings; None until `start` has loaded one: till then, and where none is installed, words alone serve.

    Attributes
    ----------
    on_encoded : called by what `start` began, after papers have been encoded.
    """

    def __init__(self, store: Store, folder: Path, encoder: SharedEncoder | None = None):
        self.store, self.encoder = store, encoder
        self.nearest: Nearest = nearest_in(store, folder)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._opening = False  # the index, which takes a while where papers are many
        self._encoded_to = 0
        self._refreshed = 0.0
        self.on_encoded: Callable[[], object] = lambda: None

    def search(self, session: Session, text: str | Query, page: int = 1, size: int = PAGE_SIZE) -> SearchPage:
        """Find papers.

        Parameters
        ----------
        text : as a reader types it, or read already.
        page, size : pages are counted from 1.
        """
        query = parse(text) if isinstance(text, str) else text
        page = min(max(page, 1), MAX_PAGE)
        line = query.text if not narrows(query) else ""
        if (named := named_paper(session, line)) is not None:
            only = (Hit(named, 1.0, "name", Markup("")),) if page == 1 else ()
            return SearchPage(query, only, page, size, more=False, meaning=False, names=True)
        start = (page - 1) * size
        if query.terms:
            ranked = self.ranked(session, query)
            found, more = ranked[start : start + size], len(ranked) > start + size
        else:
            found, more = _filtered(session, query, page, size)
        papers = {paper.id: paper for paper in papers_of(session, [each.id for each in found])}
        passages = snippets(session, query, list(papers))
        hits = tuple(
            Hit(papers[each.id], each.score, _why(each.why), passages.get(each.id, Markup("")))
            for each in found
            if each.id in papers
        )
        names = names_a_paper(line)
        right = corrected(session, query) if page == 1 and not names else None
        return SearchPage(
            query,
            hits,
            page,
            size,
            more,
            meaning=self.by_meaning_too and bool(query.terms),
            corrected=str(right) if right is not None else "",
            suggestions=looser(session, query) if not hits and page == 1 and not names else (),
            names=names,
        )

    @property
    def by_meaning_too(self) -> bool:
        """Whether meanings are searched: not without an encoder, nor until `start` has opened the index."""
        return self.encoder is not None and not self._opening

    def ranked(self, session: Session, query: Query, depth: int = DEPTH) -> list[Fused]:
        """Give the whole joined list: of words and of meaning as many as `depth` each."""
        rankings = {"words": by_words(session, query, depth)}
        if self.by_meaning_too:
            rankings["meaning"] = self.by_meaning(session, query, depth)
        return fuse(rankings)

    def by_meaning(self, session: Session, query: Query, count: int) -> list[int]:
        """Give the papers whose meaning is nearest to that of the query's words, unless it is far."""
        if self.encoder is None or not query.text:
            return []

        passing = partial(narrow, session, query)

        ids, cosines = self.nearest(session, self.encoder.query(query.text), count, passing, narrows(query))
        return [int(number) for number in ids[cosines >= NEAR]]

    def related(self, session: Session, paper: Paper, count: int = 6) -> list[Paper]:
        """Give the papers most like one."""
        return related(session, None if self._opening else self.nearest, paper, count)

    def start(self, *, encode: bool = True, meaning: bool = True) -> None:
        """Load the encoder, and keep meanings and counts of words up to date, beside whatever goes on, until `stop`.

        Parameters
        ----------
        encode : whether papers that wait are encoded, and their words counted, here; of several servers, one does.
        meaning : whether there are meanings at all.
        """
        self._opening = meaning
        self._thread = threading.Thread(target=self._keep_up, args=(encode, meaning), name="search", daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End what `start` began, after the batch at hand."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _keep_up(self, encode: bool, meaning: bool) -> None:
        try:
            self.encoder = self.encoder or (load_encoder() if meaning else None)
        except Exception:  # a broken installation must not take the site down
            _logger.exception("The sentence encoder cannot be loaded; search goes by words alone.")
        settle()
        turn = 0
        while not self._stop.is_set():
            try:
                if meaning and turn % _REFRESH == 0:
                    self._refresh()
                if encode:  # words first: they take seconds
                    count_words(self.store, stop=self._stop)
                if encode and self._encode(whole=turn % _WHOLE == 0) and not self._stop.is_set():
                    self._refresh()
                    self.on_encoded()
            except Exception:  # it is tried again
                _logger.exception("Meanings could not be brought up to date.")
            turn += 1
            self._stop.wait(_LOOK)

    def _refresh(self) -> None:
        with self.store.reading() as session:
            self.nearest.refresh(session)
        self._opening, self._refreshed = False, time.monotonic()

    def _encode(self, *, whole: bool) -> int:
        if self.encoder is None:
            return 0
        latest = encoding.latest(self.store)
        after = 0 if whole else self._encoded_to
        done = encoding.encode(
            self.store, self.encoder, after=after, stop=self._stop, report=self._refresh_now_and_then
        )
        if not self._stop.is_set():
            self._encoded_to = latest
        return done.papers

    def _refresh_now_and_then(self, _: encoding.Encoded) -> None:
        """Let papers be found while others still wait: a queue of many takes hours."""
        if time.monotonic() - self._refreshed > _BETWEEN:
            self._refresh()


def _why(rankings: tuple[str, ...]) -> str:
    return "both" if len(rankings) > 1 else "".join(rankings)


def _filtered(session: Session, query: Query, page: int, size: int) -> tuple[list[Fused], bool]:
    """Give the papers that pass the filters, the latest first; there are no words to rank by."""
    if not query:
        return [], False
    if (listed := _as_list(query)) is not None:
        narrowed, days = listed
        found = feed(session, days=days, order="new", narrowed=narrowed, page=page, size=size)
        return [Fused(paper.id, 0.0, ()) for paper in found.papers], found.more
    passing = narrow(session, query, select(Paper.id)).order_by(Paper.day.desc(), Paper.id.desc())
    numbers = list(session.scalars(passing.limit(size + 1).offset((page - 1) * size)))
    return [Fused(number, 0.0, ()) for number in numbers[:size]], len(numbers) > size


def _as_list(query: Query) -> tuple[Filter, tuple[datetime.date, datetime.date] | None] | None:
    """Give the filter and the days of a list that is what a query asks for, or None where no list is."""
    if query.without or query.phrases or query.authors or len(query.categories) > 1 or query.runs is False:
        return None
    if query.before == datetime.date.min:  # no day is the last
        return None
    narrowed = Filter(category="".join(query.categories), family=query.family, runs=query.runs is True)
    if query.after is None and query.before is None:
        return narrowed, None
    last = query.before - _DAY if query.before is not None else LAST_DAY
    return narrowed, (query.after or datetime.date.min, last)

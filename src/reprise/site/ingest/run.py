"""Runs of the sources: page by page into the database, with a bookmark in the same transaction."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from reprise.errors import InvalidInputError, RepriseError, UnknownNameError
from reprise.site.ingest import arxiv_atom, daily, fields, files, oai
from reprise.site.ingest.client import MAX_BYTES, Client
from reprise.site.ingest.steps import Page, State, Step, Withdrawn
from reprise.site.settings import Settings
from reprise.site.store import Store
from reprise.site.store.papers import CHUNK, Kept, keep
from reprise.site.store.tables import SHOWN, WITHDRAWN, Bookmark, Paper
from reprise.site.store.types import now

SOURCES = ("arxiv", "oai", "daily", "file")
FIRST_DAYS = 7
"""How far back a first run goes where no date is given."""

_TRIES = 4
_PROBLEMS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tally:
    """What a run did, so far or in all.

    Parameters
    ----------
    new, changed, same : papers that were added, were changed, and were known as they are.
    withdrawn : papers that are no longer shown because their source has withdrawn them.
    refused : papers that could not be kept; `problems` are the first reasons.
    expected : how many papers the part that is being read has, where that is known.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    withdrawn: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()
    expected: int | None = field(default=None, compare=False)

    @property
    def papers(self) -> int:
        """How many papers were read."""
        return self.new + self.changed + self.same + self.withdrawn + self.refused

    def facts(self) -> dict[str, Any]:
        """Give the numbers and problems for machines."""
        return {name: value for name, value in asdict(self).items() if name != "expected"}

    def __add__(self, other: Tally) -> Tally:
        numbers = {n: getattr(self, n) + getattr(other, n) for n in ("new", "changed", "same", "withdrawn", "refused")}
        return Tally(**numbers, problems=(self.problems + other.problems)[:_PROBLEMS], expected=other.expected)


Watch = Callable[[str, Tally], None]
"""Is told which part is read, and what was done of it so far."""


@dataclass(frozen=True)
class _Part:
    """One list that is read to its end: `name` is that of its bookmark.

    `begin` yields pages from a state on; `settle` says what is kept once the end is reached, where it is not the
    bookmark that the last page left.
    """

    name: str
    begin: Callable[[State], Iterator[Page]]
    settle: Callable[[Session], None] | None = None


def ingest(
    settings: Settings,
    store: Store,
    source: str,
    *,
    file: str | Path | None = None,
    first: datetime.date | None = None,
    until: datetime.date | None = None,
    categories: Sequence[str] | None = None,
    limit: int | None = None,
    watch: Watch | None = None,
) -> Tally:
    """Bring the papers of one source into the database.

    What is kept stays kept when a run is stopped or fails, and the same call goes on from there.

    Parameters
    ----------
    source : ``"arxiv"``, ``"oai"``, ``"daily"`` or ``"file"``.
    file : for ``"file"``: csv, jsonl or parquet, or ``"arxiv"`` for the sample of `reprise.data.arxiv`.
    first, until : days to read: of a paper's first version (arxiv), of its last change (oai), or of the feed (daily).
        Without `first`, all that is new since the last run; the first time, of the last seven days.
    categories : of arXiv; None takes those of the settings.
    limit : at most so many papers.
    watch : is called after each transaction.

    Raises
    ------
    InvalidInputError
        If an argument does not fit the source, or the file cannot be read.
    SourceError
        If the source cannot be reached, refuses, or answers what cannot be read.
    """
    if source not in SOURCES:
        raise UnknownNameError("source", source, SOURCES)
    if first and until and first > until:
        raise InvalidInputError(f"The first day, {first}, is after the last, {until}.")
    if first and first > now().date() and source != "file":
        raise InvalidInputError(f"The first day, {first}, is yet to come.")
    if until and not first and source != "file":
        raise InvalidInputError("A last day needs a first one too.")
    if limit is not None and limit < 1:
        raise InvalidInputError(f"The limit must be at least 1; {limit} was given.")
    if (file is None) == (source == "file"):
        raise InvalidInputError("The source `file` needs a file." if file is None else f"{source} reads no file.")
    if file is not None:
        path = files.locate(file)
        return _read(store, [_file_part(path)], limit, watch)
    chosen = settings.arxiv_categories if categories is None else tuple(categories)
    unknown = [name for name in chosen if fields.categories(name) != [name]]
    if unknown or (not chosen and source != "daily"):
        raise InvalidInputError(f"{unknown[0]!r} is no arXiv category." if unknown else "No category is given.")
    urls = {"arxiv": settings.arxiv_url, "oai": settings.oai_url, "daily": settings.daily_url}
    largest = oai.MAX_BYTES if source == "oai" else MAX_BYTES
    with Client(urls[source], pause=settings.request_pause, max_bytes=largest) as client:
        parts = (
            [_daily_part(client, first, until)]
            if source == "daily"
            else [_arxiv_part(source, client, category, first, until) for category in chosen]
        )
        return _read(store, parts, limit, watch)


def ingest_all(settings: Settings, store: Store) -> dict[str, Tally | RepriseError]:
    """Bring what is new of every source of ``settings.ingest_sources``, one after the other; one may fail.

    Returns
    -------
    dict
        For each source what was done, or what went wrong.
    """
    done: dict[str, Tally | RepriseError] = {}
    for source in settings.ingest_sources:
        try:
            done[source] = tally = ingest(settings, store, source)
            _log.info("%s: %d new, %d changed, %d same", source, tally.new, tally.changed, tally.same)
        except RepriseError as problem:
            done[source] = problem
            _log.warning("%s: %s", source, problem)
    return done


def _file_part(path: Path) -> _Part:
    digest = hashlib.blake2s(str(path.resolve()).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
    name = f"file {digest}"
    return _Part(name, lambda state: files.pages(path, state), lambda session: _forget(session, name))


def _daily_part(client: Client, first: datetime.date | None, until: datetime.date | None) -> _Part:
    today = now().date()
    last = min(until or today, today)
    if first is None:
        return _Part("daily", lambda state: daily.days(client, state, today - datetime.timedelta(FIRST_DAYS), last))
    name = f"daily {first}..{until or ''}"
    return _Part(name, lambda state: daily.days(client, state, first, last), lambda session: _forget(session, name))


def _arxiv_part(
    source: str, client: Client, category: str, first: datetime.date | None, until: datetime.date | None
) -> _Part:
    began = now()
    week_ago = began - datetime.timedelta(FIRST_DAYS)
    plain = f"{source} {category}"
    if first is None:
        if source == "oai":
            return _Part(plain, lambda state: oai.harvest(client, category, state, week_ago.date()))
        return _Part(plain, lambda state: arxiv_atom.catch_up(client, category, state, week_ago))
    name = f"{plain} {first}..{until or ''}"

    def begin(state: State) -> Iterator[Page]:
        if source == "oai":
            return oai.harvest(client, category, state, first, until)
        return arxiv_atom.submitted(client, category, state, first, until or began.date())

    def settle(session: Session) -> None:
        _forget(session, name)
        if until is None and session.get(Bookmark, plain) is None:  # later runs go on from this one
            state = {"from": str(began.date())} if source == "oai" else {"through": began.isoformat()}
            session.add(Bookmark(source=plain, state=state))

    return _Part(name, begin, settle)


def _forget(session: Session, name: str) -> None:
    session.execute(delete(Bookmark).where(Bookmark.source == name))


def _read(store: Store, parts: Iterable[_Part], limit: int | None, watch: Watch | None) -> Tally:
    total = Tally()
    for part in parts:
        left = None if limit is None else limit - total.papers
        if left is not None and left <= 0:
            break
        for tally in _part(store, part, left):
            if watch is not None:
                watch(part.name, tally)
        total += tally
    return total


def _part(store: Store, part: _Part, limit: int | None) -> Iterator[Tally]:
    with store.reading() as session:
        bookmark = session.get(Bookmark, part.name)
        state = dict(bookmark.state) if bookmark else {}
    done = Tally()
    for page in part.begin(state):
        for steps in _batches(page.steps):
            some = steps if limit is None else _up_to(steps, limit - done.papers)
            done += replace(_write(store, part.name, some), expected=page.expected)
            yield done
            if len(some) < len(steps):
                return
    if part.settle is not None:
        with store.writing() as session:
            part.settle(session)
    yield done


def _batches(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    return (steps[start : start + CHUNK] for start in range(0, len(steps), CHUNK))


def _up_to(steps: Sequence[Step], limit: int) -> Sequence[Step]:
    """Give the first steps that hold `limit` papers; what only says where to go on costs nothing."""
    costs = itertools.accumulate(bool(step.record or step.withdrawn or step.refused) for step in steps)
    return [step for step, cost in zip(steps, costs, strict=True) if cost <= limit]


def _write(store: Store, name: str, steps: Sequence[Step]) -> Tally:
    """Keep what the steps bring, and where to go on after them: all of it, or nothing."""
    records = [step.record for step in steps if step.record is not None]
    withdrawn = [step.withdrawn for step in steps if step.withdrawn is not None]
    refused = [step.refused for step in steps if step.refused]
    for attempt in range(_TRIES):
        try:
            with store.writing() as session:
                kept = keep(session, records)
                hidden = _withdraw(session, withdrawn)
                if steps:
                    session.merge(Bookmark(source=name, state=steps[-1].state, at=now()))
            break
        except (IntegrityError, OperationalError):  # another run kept the same paper just now: then it is known
            if attempt == _TRIES - 1:
                raise
    return _tally(kept, len(records), hidden, refused)


def _withdraw(session: Session, papers: Sequence[Withdrawn]) -> int:
    hidden = 0
    for name, version in papers:
        gone = update(Paper).where(Paper.arxiv == name, Paper.slug.is_(None), Paper.state == SHOWN)
        if version:
            gone = gone.where(Paper.version <= version).values(version=version)
        hidden += session.execute(gone.values(state=WITHDRAWN)).rowcount  # type: ignore[attr-defined]
    return hidden


def _tally(kept: Kept, given: int, hidden: int, refused: Sequence[str]) -> Tally:
    twice = given - kept.new - kept.changed - kept.same  # the same paper twice in one batch
    return Tally(kept.new, kept.changed, kept.same + twice, hidden, len(refused), tuple(refused[:_PROBLEMS]))

"""Papers coming in: each is kept once, and a newer version changes it in place."""

from __future__ import annotations

import datetime
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session

from reprise.site.store.heat import event_heat
from reprise.site.store.tables import ARCHIVE, CATEGORY, PENDING, RANK, SHOWN, TASK, WITHDRAWN, Label, Paper
from reprise.site.store.types import now

CHUNK = 500
_NOT_KEPT = re.compile(  # control characters, those that turn the direction of what follows, half characters
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

CATALOGUE, ARXIV, DAILY, SUBMITTED, FILE = "catalogue", "arxiv", "daily", "submitted", "file"


@dataclass(frozen=True, kw_only=True)
class PaperRecord:
    """A paper as a source tells it; what the source does not know is empty.

    Parameters
    ----------
    title, authors, abstract, day : of the paper; `day` is that of the feed, and of its first version elsewhere.
    arxiv : arXiv id without version; `slug` : name in the catalogue. One of the two, or `link`, tells it apart.
    summary, family, runs, venue, code, tasks : what the catalogue knows.
    updated, version : of the text; version 0 where the source does not tell it.
    categories : the primary one first.
    source : where it came from; `state` whether it is shown.
    """

    title: str
    authors: Sequence[str]
    day: datetime.date
    source: str
    abstract: str = ""
    arxiv: str | None = None
    slug: str | None = None
    summary: str = ""
    updated: datetime.datetime = field(default_factory=now)
    version: int = 1
    categories: Sequence[str] = ()
    tasks: Sequence[str] = ()
    family: str = ""
    runs: bool = False
    venue: str = ""
    code: str = ""
    link: str = ""
    state: str = SHOWN

    def __post_init__(self) -> None:
        for name in ("title", "abstract", "summary", "venue", "code", "link"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        for name in ("authors", "categories", "tasks"):
            object.__setattr__(self, name, tuple(plain(text) for text in getattr(self, name)))


def plain(text: str) -> str:
    """Give a text without what no database keeps, and what turns the words after it around.

    Examples
    --------
    >>> plain("a\\x00b\\ud83dc")
    'abc'
    """
    return text if text.isprintable() else _NOT_KEPT.sub("", text)


@dataclass(frozen=True)
class Kept:
    """How many papers of a batch were new, were changed, and were known as they are."""

    new: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.new + other.new, self.changed + other.changed, self.same + other.same)


def keep(session: Session, records: Iterable[PaperRecord]) -> Kept:
    """Keep papers: new ones are added, known ones (by arXiv id, slug or link) take what is new of them.

    A text of an older version than the one kept only fills what is empty; what a source leaves empty is left as it is;
    the day of a paper never changes here. A proposed paper that waits is shown once a source brings it, and a withdrawn
    one once a newer version comes; others stay shown, or not. Memory is that of `CHUNK` records.
    """
    kept = Kept()
    stream = iter(records)
    while chunk := list(itertools.islice(stream, CHUNK)):
        kept += _keep_chunk(session, chunk)
    return kept


def _keep_chunk(session: Session, records: Sequence[PaperRecord]) -> Kept:
    by_name: dict[tuple[str, str], PaperRecord] = {}
    merged: list[PaperRecord] = []
    for record in records:  # the same paper twice in one chunk: the later version
        name = _name(record)
        if name in by_name and by_name[name].version > record.version:
            continue
        by_name[name] = record
    merged = list(by_name.values())
    known = _known(session, merged)
    labelled = _labelled(session, {paper.id for paper in known.values()})
    new: list[PaperRecord] = []
    changes: list[dict[str, Any]] = []
    relabel: dict[int, list[dict[str, Any]]] = {}
    same = 0
    for record in merged:
        paper = next((known[name] for name in _names(record) if name in known), None)
        if paper is None:
            new.append(record)
            continue
        change = _change(paper, record)
        labels = _missing_labels(paper, labelled[paper.id], record)
        if labels is not None:
            relabel[paper.id] = labels
        if change:
            changes.append({"id": paper.id, **change})
        same += not change and labels is None
    _add(session, new)
    for paper_id, labels in relabel.items():
        kinds = {label["kind"] for label in labels}
        session.execute(delete(Label).where(Label.paper_id == paper_id, Label.kind.in_(kinds)))
        session.execute(insert(Label), labels)
    if changes:  # after the labels, which follow their papers
        for fields, group in itertools.groupby(sorted(changes, key=_fields), key=_fields):
            assert fields
            session.execute(update(Paper), list(group))
    changed = len(merged) - len(new) - same
    return Kept(len(new), changed, same)


def _fields(change: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(change))


def _names(record: PaperRecord) -> list[tuple[str, str]]:
    named = [("arxiv", record.arxiv), ("slug", record.slug)]
    if not record.arxiv and not record.slug:
        named.append(("link", record.link))
    return [(kind, name) for kind, name in named if name]


def _name(record: PaperRecord) -> tuple[str, str]:
    names = _names(record)
    return names[0] if names else ("title", record.title.casefold())


_COLUMNS = (
    "id", "arxiv", "slug", "title", "authors", "abstract", "summary", "version", "primary_category", "family", "runs",
    "venue", "code", "link", *RANK,
)  # fmt: skip
"""What is compared; rows are read several times as fast as objects that are tracked."""


def _known(session: Session, records: Sequence[PaperRecord]) -> dict[tuple[str, str], Row[Any]]:
    wanted: dict[str, list[str]] = {"arxiv": [], "slug": [], "link": []}
    for record in records:
        for kind, name in _names(record):
            wanted[kind].append(name)
    conditions = [getattr(Paper, kind).in_(names) for kind, names in wanted.items() if names]
    if not conditions:
        return {}
    papers = session.execute(
        select(*(getattr(Paper, column) for column in _COLUMNS))
        .where(or_(*conditions))
        .order_by(Paper.id)  # in one order everywhere, so that nobody waits in a circle
        .with_for_update()
    )
    return {(kind, name): paper for paper in papers for kind in wanted if (name := getattr(paper, kind))}


def _labelled(session: Session, papers: set[int]) -> dict[int, set[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = defaultdict(set)
    if papers:
        for paper_id, kind, value in session.execute(
            select(Label.paper_id, Label.kind, Label.value).where(Label.paper_id.in_(papers))
        ):
            found[paper_id].add((kind, value))
    return found


def _older(paper: Row[Any], record: PaperRecord) -> bool:
    """Say whether the kept text is newer; what the catalogue tells has no version, and is always up to date."""
    return record.source != CATALOGUE and record.version < paper.version


def _change(paper: Row[Any], record: PaperRecord) -> dict[str, Any]:
    incoming: dict[str, Any] = {
        "arxiv": record.arxiv,
        "slug": record.slug,
        "title": record.title,
        "authors": list(record.authors),
        "abstract": record.abstract,
        "summary": record.summary,
        "version": record.version,
        "primary_category": record.categories[0] if record.categories else "",
        "family": record.family,
        "runs": record.runs,
        "venue": record.venue,
        "code": record.code,
        "link": record.link,
    }
    if record.source != CATALOGUE:
        incoming.pop("runs")
    else:
        incoming.pop("version")
        if paper.abstract:  # a text from arXiv is newer than the catalogue's
            incoming["title"], incoming["authors"] = paper.title, paper.authors
    older = _older(paper, record)
    change = {
        name: value
        for name, value in incoming.items()
        if (value or name == "runs") and value != (kept := getattr(paper, name)) and not (older and kept)
    }
    if change and record.source != CATALOGUE and not older:
        change["updated"] = record.updated
    back = paper.state == WITHDRAWN and record.version > paper.version
    if back or (paper.state == PENDING and record.state == SHOWN):
        change["state"] = SHOWN
    return change


def _labels(record: PaperRecord) -> list[tuple[str, str]]:
    archives = [category.partition(".")[0] for category in record.categories]
    return [
        (kind, value)
        for kind, values in ((CATEGORY, record.categories), (ARCHIVE, archives), (TASK, record.tasks))
        for value in dict.fromkeys(values)
    ]


def _missing_labels(
    paper: Row[Any], labelled: set[tuple[str, str]], record: PaperRecord
) -> list[dict[str, Any]] | None:
    """Give the labels of the kinds that the record knows, or None where the paper has these and no others."""
    labels = _labels(record)
    kinds = {kind for kind, _ in labels}
    has = {label for label in labelled if label[0] in kinds}
    if (_older(paper, record) and has) or has == set(labels):
        return None
    rank = {name: getattr(paper, name) for name in RANK}
    return [{"paper_id": paper.id, "kind": kind, "value": value, **rank} for kind, value in labels]


def _add(session: Session, records: Sequence[PaperRecord]) -> None:
    if not records:
        return
    numbers = _numbers(session, len(records))
    rows = [
        {
            "id": number,
            "arxiv": record.arxiv,
            "slug": record.slug,
            "title": record.title,
            "authors": list(record.authors),
            "abstract": record.abstract,
            "summary": record.summary,
            "day": record.day,
            "updated": record.updated,
            "version": record.version,
            "source": record.source,
            "state": record.state,
            "primary_category": record.categories[0] if record.categories else "",
            "family": record.family,
            "runs": record.runs,
            "venue": record.venue,
            "code": record.code,
            "link": record.link,
            "votes": 0,
            "heat": event_heat("day", record.day),
        }
        for number, record in zip(numbers, records, strict=True)
    ]
    session.execute(insert(Paper), rows)
    labels = [
        {"paper_id": number, "kind": kind, "value": value, **{name: row[name] for name in RANK}}
        for number, record, row in zip(numbers, records, rows, strict=True)
        for kind, value in _labels(record)
    ]
    if labels:
        session.execute(insert(Label), labels)


def _numbers(session: Session, count: int) -> Sequence[int]:
    """Give the numbers that `count` new papers get: told beforehand, they are not asked for row by row.

    SQLite has one writer at a time, which takes the numbers after the last; PostgreSQL has a sequence.
    """
    if session.get_bind().dialect.name == "postgresql":
        taken = text("select nextval(pg_get_serial_sequence('papers', 'id')) from generate_series(1, :count)")
        return session.scalars(taken, {"count": count}).all()
    first = (session.scalar(select(func.max(Paper.id))) or 0) + 1
    return range(first, first + count)

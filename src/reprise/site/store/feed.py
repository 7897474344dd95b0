"""The feed: papers of a day, a week or a month, what is trending, and the filters that narrow them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, selectinload

from reprise.site.store.tables import SHOWN, Label, Paper, Read, VerdictEvent

Span = Literal["day", "week", "month"]
Order = Literal["top", "trending", "new"]
PAGE_SIZE = 30
LAST_DAY = datetime.date(9998, 12, 31)
"""Later days are taken for this one: the week or month after it is still a date."""
MAX_PAGE = 1000

Selection = TypeVar("Selection", bound=Select[Any])


@dataclass(frozen=True)
class Filter:
    """What narrows a list of papers; an empty field does not.

    Parameters
    ----------
    category : such as ``"cs.LG"``, or an archive such as ``"cs"``.
    family, task : of the catalogue.
    runs : only papers that run here.
    unread_by : only papers that the account of this number has not marked as read.
    """

    category: str = ""
    family: str = ""
    task: str = ""
    runs: bool = False
    unread_by: int | None = field(default=None, repr=False)

    def narrow(self, statement: Selection) -> Selection:
        """Narrow a selection of papers."""
        if self.category:
            value = Label.value == self.category
            if "." not in self.category:  # an archive: its categories follow it in the index
                value = value | Label.value.between(self.category + ".", self.category + "/")
            labelled = select(Label.paper_id).where(Label.kind == "category", value)
            statement = statement.where(Paper.id.in_(labelled))
        if self.task:
            served = select(Label.paper_id).where(Label.kind == "task", Label.value == self.task)
            statement = statement.where(Paper.id.in_(served))
        if self.family:
            statement = statement.where(Paper.family == self.family)
        if self.runs:
            statement = statement.where(Paper.runs)
        if self.unread_by is not None:
            read = exists().where(Read.account_id == self.unread_by, Read.paper_id == Paper.id)
            statement = statement.where(~read)
        return statement

    @property
    def asked(self) -> dict[str, str | int]:
        """The filters as an address asks for them.

        Examples
        --------
        >>> Filter(category="cs.LG", runs=True).asked
        {'category': 'cs.LG', 'runs': 1}
        """
        asked = {"category": self.category, "family": self.family, "task": self.task}
        marks = {"runs": self.runs, "unread": self.unread_by is not None}
        return {name: value for name, value in asked.items() if value} | {name: 1 for name, on in marks.items() if on}

    def __bool__(self) -> bool:
        return bool(self.asked)


class Page(NamedTuple):
    """One page of a list of papers; `more` says whether another follows."""

    papers: Sequence[Paper]
    number: int
    more: bool


def days_of(span: Span, day: datetime.date) -> tuple[datetime.date, datetime.date]:
    """Give the first and last day of the day, the week (from Monday) or the month that `day` lies in.

    Examples
    --------
    >>> [str(end) for end in days_of("week", datetime.date(2026, 11, 26))]
    ['2026-11-23', '2026-11-29']
    >>> [str(end) for end in days_of("month", datetime.date(2024, 2, 10))]
    ['2024-02-01', '2024-02-29']
    """
    day = min(day, LAST_DAY)
    if span == "day":
        return day, day
    if span == "week":
        monday = day - datetime.timedelta(days=day.weekday())
        return monday, monday + datetime.timedelta(days=6)
    first = day.replace(day=1)
    following = (first + datetime.timedelta(days=32)).replace(day=1)
    return first, following - datetime.timedelta(days=1)


def feed(
    session: Session,
    *,
    days: tuple[datetime.date, datetime.date] | None = None,
    order: Order = "top",
    narrowed: Filter | None = None,
    page: int = 1,
    size: int = PAGE_SIZE,
) -> Page:
    """Give one page of papers, with their labels.

    Parameters
    ----------
    days : first and last day; None takes all.
    order : ``"top"`` (votes), ``"trending"`` (heat), or ``"new"`` (day).
    narrowed : filters.
    page, size : pages are counted from 1.
    """
    statement = select(Paper).where(Paper.state == SHOWN)
    if days is not None:
        statement = statement.where(Paper.day.between(*days))
    orders = {
        "top": (Paper.votes.desc(), Paper.heat.desc()),
        "trending": (Paper.heat.desc(),),
        "new": (Paper.day.desc(), Paper.votes.desc()),
    }
    return page_of(
        session, (narrowed or Filter()).narrow(statement).order_by(*orders[order], Paper.id.desc()), page, size
    )


def page_of(session: Session, statement: Select[Paper], page: int, size: int = PAGE_SIZE) -> Page:
    """Give one page of a selection of papers, with their labels."""
    page = min(max(page, 1), MAX_PAGE)
    found = session.scalars(
        statement.options(selectinload(Paper.labels)).limit(size + 1).offset((page - 1) * size)
    ).all()
    return Page(found[:size], page, len(found) > size)


def latest_day(session: Session, by: datetime.date, narrowed: Filter | None = None) -> datetime.date | None:
    """Give the latest day up to `by` that has papers."""
    return _neighbour(session, narrowed, Paper.day <= by, latest=True)


def next_day(session: Session, after: datetime.date, narrowed: Filter | None = None) -> datetime.date | None:
    """Give the first day after `after` that has papers."""
    return _neighbour(session, narrowed, Paper.day > after, latest=False)


def _neighbour(session: Session, narrowed: Filter | None, condition: Any, *, latest: bool) -> datetime.date | None:
    order = Paper.day.desc() if latest else Paper.day
    statement = (narrowed or Filter()).narrow(select(Paper.day).where(Paper.state == SHOWN, condition))
    return session.scalar(statement.order_by(order).limit(1))


def verdicts_of(session: Session, papers: Sequence[Paper]) -> dict[int, list[str]]:
    """Give the verdicts on each paper's claims: those that hold first."""
    running = [paper.id for paper in papers if paper.runs]
    if not running:
        return {}
    verdicts: dict[int, list[str]] = {}
    rows = session.execute(
        select(VerdictEvent.paper_id, VerdictEvent.verdict).where(
            VerdictEvent.paper_id.in_(running), VerdictEvent.scale != "quick"
        )
    )
    for paper_id, verdict in rows:
        verdicts.setdefault(paper_id, []).append(verdict)
    order = ("holds", "undecided", "does not hold")
    return {paper_id: sorted(several, key=order.index) for paper_id, several in verdicts.items()}


def find_paper(session: Session, name: str) -> Paper | None:
    """Give the shown paper that `name` means: a slug, an arXiv id (with or without version), or our own number."""
    plain = name.removeprefix("arxiv:").removeprefix("arXiv:")
    head, _, version = plain.rpartition("v")
    if head and version.isdecimal():
        plain = head
    named = select(Paper).where(Paper.state == SHOWN).options(selectinload(Paper.labels))
    found = session.scalar(named.where((Paper.arxiv == plain) | (Paper.slug == plain)).limit(1))
    if found is None and name.isdecimal() and len(name) <= 18:
        found = session.scalar(named.where(Paper.id == int(name)))
    return found


def latest_number(session: Session) -> int:
    """Give the number of the paper that came last, 0 if there is none."""
    return session.scalar(select(func.max(Paper.id))) or 0


def label_counts(session: Session, kind: str, limit: int = 60) -> list[tuple[str, int]]:
    """Give the labels of one kind by how many papers have them, the commonest first."""
    counted = func.count().label("papers")
    rows = session.execute(
        select(Label.value, counted)
        .where(Label.kind == kind)
        .group_by(Label.value)
        .order_by(counted.desc())
        .limit(limit)
    )
    return [(value, count) for value, count in rows]

"""The feed: papers of a day, a week or a month, what is trending, and the filters that narrow them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased, selectinload

from reprise.site.store.tables import ARCHIVE, CATEGORY, RANK, SHOWN, TASK, Label, Paper, Read, VerdictEvent

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

    def narrow(self, statement: Selection, *, each: bool = False) -> Selection:
        """Narrow a selection of papers.

        Parameters
        ----------
        statement : selects from papers.
        each : whether labels are looked up for each paper of a selection that is short already, instead of all papers
            that have them first. SQLite's planner takes the way that it is told.
        """
        for kind, value in self.labels:
            label = aliased(Label)
            labelled = (label.paper_id == Paper.id, label.kind == kind, label.value == value)
            if each or (kind != TASK and self.few):
                statement = statement.where(exists().where(*labelled))
            else:
                statement = statement.where(*labelled)
        if self.family:
            statement = statement.where(Paper.family == self.family)
        if self.runs:
            statement = statement.where(Paper.runs)
        if self.unread_by is not None:
            statement = statement.where(_unread(self.unread_by, Paper.id))
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

    @property
    def labels(self) -> list[tuple[str, str]]:
        """The labels that a paper must have, by kind and value."""
        asked = [(TASK, self.task), (CATEGORY if "." in self.category else ARCHIVE, self.category)]
        return [(kind, value) for kind, value in asked if value]

    @property
    def few(self) -> bool:
        """Whether it leaves only papers of the catalogue, which are few however many papers there are."""
        return bool(self.family or self.task or self.runs)

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
    narrowed = narrowed or Filter()
    walk = _walk(narrowed)
    listed = select(walk.id).where(walk.passing(narrowed))
    if days is not None:
        first, last = days
        listed = listed.where(walk.day == first if first == last else walk.day.between(first, last))
    orders = {
        "top": (walk.votes, walk.heat),
        "trending": (walk.heat,),
        "new": (walk.day, walk.votes, walk.heat),
    }
    listed = listed.order_by(*(column.desc() for column in (*orders[order], walk.id)))
    page = min(max(page, 1), MAX_PAGE)
    numbers = session.scalars(listed.limit(size + 1).offset((page - 1) * size)).all()
    return Page(papers_of(session, numbers[:size]), page, len(numbers) > size)


def page_of(session: Session, statement: Select[Paper], page: int, size: int = PAGE_SIZE) -> Page:
    """Give one page of a selection of papers, with their labels."""
    page = min(max(page, 1), MAX_PAGE)
    found = session.scalars(
        statement.options(selectinload(Paper.labels)).limit(size + 1).offset((page - 1) * size)
    ).all()
    return Page(found[:size], page, len(found) > size)


def papers_of(session: Session, numbers: Sequence[int]) -> list[Paper]:
    """Give papers with their labels, in the order of their numbers."""
    found = session.scalars(select(Paper).where(Paper.id.in_(numbers)).options(selectinload(Paper.labels)))
    papers = {paper.id: paper for paper in found}
    return [papers[number] for number in numbers if number in papers]


def latest_day(session: Session, by: datetime.date, narrowed: Filter | None = None) -> datetime.date | None:
    """Give the latest day up to `by` that has papers."""
    narrowed = narrowed or Filter()
    walk = _walk(narrowed)
    earlier = select(walk.day).where(walk.passing(narrowed), walk.day <= by)
    return session.scalar(earlier.order_by(walk.day.desc()).limit(1))


def next_day(session: Session, after: datetime.date, narrowed: Filter | None = None) -> datetime.date | None:
    """Give the first day after `after` that has papers."""
    narrowed = narrowed or Filter()
    walk = _walk(narrowed)
    later = select(walk.day).where(walk.passing(narrowed), walk.day > after)
    return session.scalar(later.order_by(walk.day).limit(1))


class _Walk(NamedTuple):
    """What a list goes along: the columns of all papers, of the labels of one kind and value, or of a few papers."""

    id: Any
    state: Any
    day: Any
    votes: Any
    heat: Any

    def passing(self, narrowed: Filter) -> ColumnElement[bool]:
        """Give the condition that a paper is shown, and not read yet where those that were are left out."""
        shown: ColumnElement[bool] = self.state == SHOWN
        return shown if narrowed.unread_by is None else shown & _unread(narrowed.unread_by, self.id)


def _walk(narrowed: Filter) -> _Walk:
    """Choose what a list goes along, so that a common label is as quick as a rare one, whatever a planner knows of it.

    All papers, and those of a category or an archive, lie in an index in the order of the list. Papers of the catalogue
    are few: they are all taken, and then sorted.
    """
    if narrowed.few:
        few = narrowed.narrow(select(*_columns(Paper, Paper.id))).cte("few").prefix_with("materialized")
        return _columns(few.c, few.c.id)
    for kind, value in narrowed.labels:
        labelled = select(*_columns(Label, Label.paper_id)).where(Label.kind == kind, Label.value == value).subquery()
        return _columns(labelled.c, labelled.c.paper_id)
    return _columns(Paper, Paper.id)


def _unread(account: int, paper: Any) -> ColumnElement[bool]:
    return ~exists().where(Read.account_id == account, Read.paper_id == paper)


def _columns(of: Any, number: Any) -> _Walk:
    return _Walk(number, *(getattr(of, name) for name in RANK))


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

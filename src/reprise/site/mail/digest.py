"""The digests of a day: one mail a subscription, written once, whatever happens meanwhile."""

from __future__ import annotations

import datetime
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from reprise.site.mail.outbox import enqueue
from reprise.site.mail.personal import rank
from reprise.site.mail.subscriptions import describe, manage_link, topic_filter, unsubscribe_link
from reprise.site.settings import Settings
from reprise.site.store import Store
from reprise.site.store.feed import latest_number, verdicts_of
from reprise.site.store.tables import SHOWN, Account, Paper, Subscription
from reprise.site.templating import environment, path
from reprise.site.tokens import Signer

MOST_PAPERS = 25
LATE = 14
_LATE_HITS = 200
_CONSIDERED = 2000
_DAY = datetime.timedelta(days=1)
_LOG = logging.getLogger("reprise.site")


class Finds(Protocol):
    """Searches papers; see `reprise.site.search`."""

    def search(self, session: Session, text: str, page: int = 1, size: int = 20) -> Any:
        """Give an object whose `hits` have a `paper` each."""


@dataclass(frozen=True)
class Written:
    """How many digests were written, were due but had no papers, had been written before, and could not be written."""

    written: int = 0
    empty: int = 0
    before: int = 0
    failed: int = 0


def write_digests(
    store: Store, settings: Settings, signer: Signer, day: datetime.date, *, searcher: Finds | None = None
) -> Written:
    """Write the digests that are due on `day` into the outbox: daily ones, and on Mondays weekly ones.

    Each holds the papers of the days after the last one that was sent, up to the day before `day`, and those that have
    come since under one of the `LATE` days before: arXiv announces a paper days after its date. A mail and the note
    that it was written go into one transaction, so that a second run, or one after a kill, writes no digest twice. One
    that cannot be written holds up no other, and is tried again by the next run.
    """
    outcomes: Counter[str] = Counter()
    for number in due(store, day):
        try:
            with store.writing() as session:
                outcomes[_write(session, settings, signer, number, day, searcher)] += 1
        except Exception:
            _LOG.exception("the digest of subscription %d could not be written", number)
            outcomes["failed"] += 1
    return Written(**outcomes)


def due(store: Store, day: datetime.date) -> Sequence[int]:
    """Give the numbers of the subscriptions whose digest is due on a day."""
    frequencies = ["daily", "weekly"] if day.weekday() == 0 else ["daily"]
    with store.reading() as session:
        return session.scalars(
            select(Subscription.id)
            .where(
                Subscription.confirmed.is_not(None),
                Subscription.frequency.in_(frequencies),
                or_(Subscription.sent_through.is_(None), Subscription.sent_through < day - _DAY),
            )
            .order_by(Subscription.id)
        ).all()


class _Period(NamedTuple):
    """The days of a digest, and between which numbers the papers lie that came since the one before."""

    first: datetime.date
    last: datetime.date
    seen: int
    latest: int

    @property
    def late(self) -> tuple[datetime.date, datetime.date]:
        """The days before, whose papers belong to this digest if they have come since the last."""
        return self.first - LATE * _DAY, self.first - _DAY

    def holds(self) -> ColumnElement[bool]:
        """Give the condition that a paper belongs here; it does to one digest of a subscription and no other."""
        came_late = and_(Paper.id > self.seen, Paper.day.between(*self.late))
        return and_(Paper.id <= self.latest, or_(Paper.day.between(self.first, self.last), came_late))


def _write(
    session: Session,
    settings: Settings,
    signer: Signer,
    number: int,
    day: datetime.date,
    searcher: Finds | None,
) -> Literal["written", "empty", "before"]:
    through = day - _DAY
    subscription = session.scalar(select(Subscription).where(Subscription.id == number).with_for_update())
    if subscription is None or (subscription.sent_through is not None and subscription.sent_through >= through):
        return "before"
    first = (subscription.sent_through or through - _DAY) + _DAY
    period = _Period(first, through, subscription.seen, latest_number(session))
    papers, why = _papers(session, subscription, period, searcher)
    subscription.sent_through, subscription.seen = through, period.latest
    if not papers:
        return "empty"
    key = f"digest {subscription.id} {day.isoformat()}"
    fresh = _enqueue(session, settings, signer, subscription, papers, why, period, key)
    return "written" if fresh else "before"


def _papers(
    session: Session, subscription: Subscription, period: _Period, searcher: Finds | None
) -> tuple[list[Paper], str]:
    if subscription.scope == "search":
        found = _found(session, subscription.query, period, searcher) if searcher is not None else []
        return found, f"Found by your search: {subscription.query}"
    statement = select(Paper).where(Paper.state == SHOWN, period.holds())
    if subscription.scope == "topic":
        statement = topic_filter(subscription.query).narrow(statement)
    ordered = statement.order_by(Paper.votes.desc(), Paper.heat.desc(), Paper.id.desc())
    papers = list(session.scalars(ordered.options(selectinload(Paper.labels)).limit(_CONSIDERED)))
    if subscription.scope == "personal":
        account = session.scalar(select(Account.id).where(Account.email == subscription.email))
        ranked = rank(session, account, papers)
        return ranked.papers, ranked.why
    return papers, ""


def _found(session: Session, query: str, period: _Period, searcher: Finds) -> list[Paper]:
    """Give what a search finds of the period, and after it what has come late."""

    def of(days: tuple[datetime.date, datetime.date], size: int) -> list[Paper]:
        text = f"{query} after:{days[0] - _DAY} before:{days[1] + _DAY}"
        hits = searcher.search(session, text, page=1, size=size).hits
        return [hit.paper for hit in hits if days[0] <= hit.paper.day <= days[1] and hit.paper.id <= period.latest]

    late = [paper for paper in of(period.late, _LATE_HITS) if paper.id > period.seen]
    return of((period.first, period.last), MOST_PAPERS + 1) + late


def _whole(subscription: Subscription, last: datetime.date) -> str:
    """Give the page that shows all of what a digest shows the beginning of."""
    if subscription.scope == "search":
        return path("/search", q=subscription.query)
    if subscription.scope == "personal":
        return "/for-you"
    topic = topic_filter(subscription.query)
    span = "week" if subscription.frequency == "weekly" else ""
    narrowed = {"category": topic.category, "family": topic.family, "task": topic.task, "runs": 1 if topic.runs else ""}
    return path("/", date=last, span=span, **narrowed)


def _enqueue(
    session: Session,
    settings: Settings,
    signer: Signer,
    subscription: Subscription,
    papers: Sequence[Paper],
    why: str,
    period: _Period,
    key: str,
) -> bool:
    leave = unsubscribe_link(settings, signer, subscription)
    content = {
        "settings": settings,
        "papers": papers[:MOST_PAPERS],
        "more": max(0, len(papers) - MOST_PAPERS),
        "why": why,
        "first": period.first,
        "last": period.last,
        "whole": settings.base_url + _whole(subscription, period.last),
        "what": describe(subscription),
        "verdicts": verdicts_of(session, papers[:MOST_PAPERS]),
        "leave": leave,
        "manage": manage_link(settings, signer, subscription.email),
    }
    render = environment().get_template
    return enqueue(
        session,
        key,
        subscription.email,
        f"{papers[0].title[:90]}{' and more' if len(papers) > 1 else ''} · {settings.title}",
        render("mail/digest.txt").render(**content),
        render("mail/digest.html").render(**content),
        {
            "List-Unsubscribe": f"<{leave}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"<digest.{settings.mail_from.partition('@')[2] or 'localhost'}>",
            "Precedence": "bulk",
        },
    )

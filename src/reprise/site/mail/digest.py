"""The digests of a day: one mail a subscription, written once, whatever happens meanwhile."""

from __future__ import annotations

import datetime
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from reprise.site.mail.outbox import enqueue
from reprise.site.mail.personal import rank
from reprise.site.mail.subscriptions import describe, manage_link, topic_filter, unsubscribe_link
from reprise.site.settings import Settings
from reprise.site.store import Store
from reprise.site.store.feed import verdicts_of
from reprise.site.store.tables import SHOWN, Account, Paper, Subscription
from reprise.site.templating import environment
from reprise.site.tokens import Signer

MOST_PAPERS = 25
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

    Each holds the papers of the days after the last one that was sent, up to the day before `day`. A mail and the note
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
    papers, why = _papers(session, subscription, first, through, searcher)
    subscription.sent_through = through
    if not papers:
        return "empty"
    key = f"digest {subscription.id} {day.isoformat()}"
    fresh = _enqueue(session, settings, signer, subscription, papers, why, first, through, key)
    return "written" if fresh else "before"


def _papers(
    session: Session,
    subscription: Subscription,
    first: datetime.date,
    last: datetime.date,
    searcher: Finds | None,
) -> tuple[list[Paper], str]:
    if subscription.scope == "search":
        if searcher is None:
            return [], ""
        text = f"{subscription.query} after:{first - _DAY} before:{last + _DAY}"
        hits = searcher.search(session, text, page=1, size=MOST_PAPERS + 1).hits
        return [
            hit.paper for hit in hits if first <= hit.paper.day <= last
        ], f"Found by your search: {subscription.query}"
    statement = select(Paper).where(Paper.state == SHOWN, Paper.day.between(first, last))
    if subscription.scope == "topic":
        statement = topic_filter(subscription.query).narrow(statement)
    ordered = statement.order_by(Paper.votes.desc(), Paper.heat.desc(), Paper.id.desc())
    papers = list(session.scalars(ordered.options(selectinload(Paper.labels)).limit(_CONSIDERED)))
    if subscription.scope == "personal":
        account = session.scalar(select(Account.id).where(Account.email == subscription.email))
        ranked = rank(session, account, papers)
        return ranked.papers, ranked.why
    return papers, ""


def _enqueue(
    session: Session,
    settings: Settings,
    signer: Signer,
    subscription: Subscription,
    papers: Sequence[Paper],
    why: str,
    first: datetime.date,
    last: datetime.date,
    key: str,
) -> bool:
    leave = unsubscribe_link(settings, signer, subscription)
    content = {
        "settings": settings,
        "papers": papers[:MOST_PAPERS],
        "more": max(0, len(papers) - MOST_PAPERS),
        "why": why,
        "first": first,
        "last": last,
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

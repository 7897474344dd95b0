"""Who gets which digest: subscribed by mail, confirmed by mail, ended by one click."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from reprise.catalogue import FAMILIES, TASKS
from reprise.errors import InvalidInputError
from reprise.site.mail.outbox import enqueue
from reprise.site.search.query import parse
from reprise.site.settings import Settings
from reprise.site.store import add_once
from reprise.site.store.feed import Filter, latest_number
from reprise.site.store.papers import plain
from reprise.site.store.tables import Subscription
from reprise.site.store.types import now
from reprise.site.templating import environment
from reprise.site.tokens import Signer

Frequency = Literal["daily", "weekly"]
Scope = Literal["all", "topic", "search", "personal"]
CONFIRM, MANAGE = "confirm subscription", "manage subscriptions"
CONFIRM_SECONDS = 3 * 24 * 3600.0
MOST = 20  # subscriptions of one address
_LONGEST = 500
_UNSAID: dict[Scope, str] = {
    "all": "all papers",
    "topic": "the papers on a topic",
    "search": "what a search finds",
    "personal": "papers like those you voted for",
}
"""What a mail that was not asked for says: no words of whoever typed the address, for the site would send them on."""


class Wish(NamedTuple):
    """What somebody wants to be sent."""

    email: str
    frequency: Frequency
    scope: Scope
    query: str = ""


def topic_query(filters: Filter) -> str:
    """Write a topic as it is kept.

    Examples
    --------
    >>> topic_query(Filter(category="cs.LG", runs=True))
    'category=cs.LG&runs=1'
    """
    parts = {"category": filters.category, "family": filters.family, "task": filters.task, "runs": "1" * filters.runs}
    return urlencode({name: value for name, value in parts.items() if value})


def topic_filter(query: str) -> Filter:
    """Read a topic as it is kept.

    Examples
    --------
    >>> topic_filter("category=cs.LG&runs=1")
    Filter(category='cs.LG', family='', task='', runs=True)
    """
    parts = dict(parse_qsl(query))
    return Filter(parts.get("category", ""), parts.get("family", ""), parts.get("task", ""), "runs" in parts)


def describe(subscription: Subscription | Wish) -> str:
    """Say in words what a subscription sends.

    Examples
    --------
    >>> describe(Wish("a@x.org", "daily", "topic", "category=cs.LG&runs=1"))
    'daily: papers in cs.LG that run here'
    >>> describe(Wish("a@x.org", "weekly", "search", "wings"))
    'weekly: what the search “wings” finds'
    """
    what = {
        "all": "all papers",
        "topic": _topic_words(topic_filter(subscription.query)),
        "search": f"what the search “{subscription.query}” finds",
        "personal": "papers like those you voted for",
    }[subscription.scope]
    return f"{subscription.frequency}: {what}"


def _topic_words(filters: Filter) -> str:
    words = [f"in {filters.category}"] if filters.category else []
    words += [f"of the family {filters.family}"] if filters.family else []
    words += [f"for the task {filters.task}"] if filters.task else []
    words += ["that run here"] if filters.runs else []
    return " ".join(["papers", *words])


def ask_confirmation(session: Session, settings: Settings, signer: Signer, wish: Wish) -> None:
    """Send a mail that asks whether the address wants this; nothing is subscribed before it is confirmed.

    Raises
    ------
    InvalidInputError
        If a topic or search is empty or too long, or a topic is none that papers have.
    """
    query = " ".join(plain(wish.query).split())
    if wish.scope == "topic":
        query = topic_query(_known_topic(topic_filter(query)))
    if wish.scope in ("topic", "search") and not query:
        raise InvalidInputError(f"A subscription by {wish.scope} needs one.")
    if len(query) > _LONGEST:
        raise InvalidInputError(
            f"A search to subscribe to has at most {_LONGEST} characters; this one has {len(query)}."
        )
    wish = wish._replace(query=query if wish.scope in ("topic", "search") else "")
    token = signer.sign(CONFIRM, list(wish))
    link = f"{settings.base_url}/subscribe/confirm/{token}"
    what = f"{wish.frequency}: {_UNSAID[wish.scope]}"
    text = environment().get_template("mail/confirm.txt").render(settings=settings, what=what, link=link)
    enqueue(session, f"confirm {now().isoformat()} {wish.email}"[:160], wish.email, f"Confirm: {settings.title}", text)


def _known_topic(filters: Filter) -> Filter:
    """Give a topic as papers have it; a reader may write ``cs.lg``."""
    category = filters.category
    if category:
        read = parse(f'cat:"{category}"')
        if len(read.categories) != 1:
            raise InvalidInputError(f"{category!r} is no category; cs.LG or math is.")
        category = read.categories[0]
    if filters.family and filters.family not in FAMILIES:
        raise InvalidInputError(f"{filters.family!r} is no family; there are {', '.join(FAMILIES)}.")
    if filters.task and filters.task not in TASKS:
        raise InvalidInputError(f"{filters.task!r} is no task; there are {', '.join(TASKS)}.")
    return replace(filters, category=category)


def read_wish(signer: Signer, token: str) -> Wish | None:
    """Give what a link confirms, or None if it is not whole or too old."""
    content = signer.read(CONFIRM, token, max_age=CONFIRM_SECONDS)
    return Wish(*content) if isinstance(content, list) and len(content) == len(Wish._fields) else None


def confirm(session: Session, wish: Wish) -> Subscription:
    """Subscribe; twice is as once.

    Raises
    ------
    InvalidInputError
        If the address has many subscriptions already.
    """
    known = session.scalar(
        select(Subscription).where(
            Subscription.email == wish.email,
            Subscription.frequency == wish.frequency,
            Subscription.scope == wish.scope,
            Subscription.query == wish.query,
        )
    )
    if known is not None:
        known.confirmed = known.confirmed or now()
        return known
    count = session.scalar(select(func.count()).select_from(Subscription).where(Subscription.email == wish.email)) or 0
    if count >= MOST:
        raise InvalidInputError(f"This address has {MOST} subscriptions already; end one first.")
    at = now()
    yesterday = at.date() - datetime.timedelta(days=1)
    made = Subscription(**wish._asdict(), confirmed=at, sent_through=yesterday, seen=latest_number(session))
    return made if add_once(session, made) else confirm(session, wish)


def manage_link(settings: Settings, signer: Signer, email: str) -> str:
    """Give the address of the page on which an address sees and ends its subscriptions."""
    return f"{settings.base_url}/subscriptions/{signer.sign(MANAGE, email)}"


def unsubscribe_link(settings: Settings, signer: Signer, subscription: Subscription) -> str:
    """Give the address that ends one subscription."""
    token = signer.sign("unsubscribe", [subscription.id, subscription.email])
    return f"{settings.base_url}/unsubscribe/{token}"


def end(session: Session, signer: Signer, token: str) -> str | None:
    """End the subscription of a link; give its address, also if it had ended, or None for a link that is not ours."""
    content = signer.read("unsubscribe", token, max_age=None)
    if not isinstance(content, list) or len(content) != 2:
        return None
    number, email = content
    session.execute(delete(Subscription).where(Subscription.id == number, Subscription.email == email))
    return str(email)


def subscriptions_of(session: Session, email: str) -> Sequence[Subscription]:
    """Give the confirmed subscriptions of an address."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.email == email, Subscription.confirmed.is_not(None))
        .order_by(Subscription.created)
    ).all()

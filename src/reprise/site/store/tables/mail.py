"""Subscriptions, and the mails that wait to be sent."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from reprise.site.store.tables.base import Base, Identity
from reprise.site.store.types import now


class Subscription(Base):
    """A digest by mail, sent once its address is confirmed; whoever subscribes needs no account.

    `scope` is ``"all"``, ``"topic"``, ``"search"`` or ``"personal"``; `query` is that of the scope. Papers up to the
    day `sent_through` have been sent, of those up to the number `seen`.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("email", "frequency", "scope", "query"),)

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), index=True)
    frequency: Mapped[str] = mapped_column(String(8))
    scope: Mapped[str] = mapped_column(String(12))
    query: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[datetime.datetime] = mapped_column(default=now)
    confirmed: Mapped[datetime.datetime | None]
    sent_through: Mapped[datetime.date | None]
    seen: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class Mail(Base):
    """A mail to be sent: written in one transaction with the reason for it, and so neither lost nor written twice.

    `key` names the reason ("digest 12 2026-11-26"). A sender claims a mail before it sends it (`claimed`).
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    recipient: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text, default="")
    headers: Mapped[dict[str, Any]]
    message_id: Mapped[str] = mapped_column(String(160))
    created: Mapped[datetime.datetime] = mapped_column(default=now)
    due: Mapped[datetime.datetime] = mapped_column(default=now, index=True)
    claimed: Mapped[datetime.datetime | None]
    sent: Mapped[datetime.datetime | None]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    problem: Mapped[str] = mapped_column(Text, default="")

"""Readers, and what they do and keep."""

from __future__ import annotations

import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from reprise.site.store.tables.base import PENDING, Base, Identity, of_account, of_paper
from reprise.site.store.types import now


class Account(Base):
    """A reader who has logged in once; `email` is in lower case."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(80), default="")
    created: Mapped[datetime.datetime] = mapped_column(default=now)


class Barred(Base):
    """An address that moderators keep from logging in; only its digest is kept."""

    __tablename__ = "barred"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class LoginToken(Base):
    """A link to log in that was sent; only the digest of its secret is kept, and it serves once."""

    __tablename__ = "login_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), index=True)
    expires: Mapped[datetime.datetime]
    used: Mapped[datetime.datetime | None]


class LoginSession(Base):
    """A browser that is logged in; only the digest of its cookie is kept."""

    __tablename__ = "login_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = of_account(index=True)
    created: Mapped[datetime.datetime] = mapped_column(default=now)
    expires: Mapped[datetime.datetime]


class Vote(Base):
    """A reader's vote for a paper."""

    __tablename__ = "votes"

    account_id: Mapped[int] = of_account(primary=True)
    paper_id: Mapped[int] = of_paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class Read(Base):
    """A paper that a reader has marked as read."""

    __tablename__ = "reads"

    account_id: Mapped[int] = of_account(primary=True)
    paper_id: Mapped[int] = of_paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class Note(Base):
    """A reader's private note on a paper."""

    __tablename__ = "notes"

    account_id: Mapped[int] = of_account(primary=True)
    paper_id: Mapped[int] = of_paper(primary=True, index=True)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class ReadingList(Base):
    """A named list of papers; `public` ones have a page that anyone can open."""

    __tablename__ = "lists"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    account_id: Mapped[int] = of_account(index=True)
    name: Mapped[str] = mapped_column(String(80))
    public: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime.datetime] = mapped_column(default=now)


class Listed(Base):
    """A paper on a list."""

    __tablename__ = "listed"

    list_id: Mapped[int] = mapped_column(Identity, ForeignKey("lists.id", ondelete="CASCADE"), primary_key=True)
    paper_id: Mapped[int] = of_paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class Comment(Base):
    """A comment in Markdown; answers name their parent. A removed one keeps its place without its text or author."""

    __tablename__ = "comments"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    paper_id: Mapped[int] = of_paper(index=True)
    account_id: Mapped[int | None] = mapped_column(Identity, ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    parent_id: Mapped[int | None] = mapped_column(Identity, ForeignKey("comments.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime.datetime] = mapped_column(default=now)
    edited: Mapped[datetime.datetime | None]
    removed: Mapped[bool] = mapped_column(default=False)


class SavedSearch(Base):
    """A query that a reader keeps."""

    __tablename__ = "saved_searches"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    account_id: Mapped[int] = of_account(index=True)
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime.datetime] = mapped_column(default=now)


class Submission(Base):
    """A paper that a reader proposes; moderators decide."""

    __tablename__ = "submissions"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(Identity, ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    paper_id: Mapped[int] = of_paper(index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(String(12), default=PENDING, index=True)
    decided: Mapped[datetime.datetime | None]
    decided_by: Mapped[str] = mapped_column(String(320), default="")
    reason: Mapped[str] = mapped_column(Text, default="")


class Authorship(Base):
    """A reader's claim to have written a paper; moderators decide."""

    __tablename__ = "authorships"

    account_id: Mapped[int] = of_account(primary=True)
    paper_id: Mapped[int] = of_paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(String(12), default=PENDING, index=True)
    decided_by: Mapped[str] = mapped_column(String(320), default="")

"""What the site keeps, as tables. Migrations (`migrations/versions`) make and change them; a test compares the two."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from reprise.site.store.types import UtcDateTime, Vector, now

Identity = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER keys count up by themselves in SQLite
Json = JSON().with_variant(JSONB, "postgresql")

SHOWN, PENDING, REJECTED, WITHDRAWN = "shown", "pending", "rejected", "withdrawn"
CATEGORY, ARCHIVE, TASK = "category", "archive", "task"
"""Kinds of labels; the archive of a category such as cs.LG is cs."""
WORD_LENGTH = 32
"""Letters of the longest words that are counted."""
LARGEST_ID = 2**62
"""No row has a larger number; one that is asked for names nothing."""


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime.datetime: UtcDateTime(),
        list[str]: Json,
        dict[str, Any]: Json,
    }


def _paper(*, primary: bool = False, index: bool = False) -> Mapped[int]:
    return mapped_column(Identity, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=primary, index=index)


def _account(*, primary: bool = False, index: bool = False) -> Mapped[int]:
    return mapped_column(Identity, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=primary, index=index)


# Papers


class _Ranked:
    """What lists of papers are ordered by.

    `state` says whether a paper is shown, `day` is the date under which the feed shows it, and `heat` orders what is
    trending (see `reprise.site.store.heat`).
    """

    state: Mapped[str] = mapped_column(String(12), default=SHOWN)
    day: Mapped[datetime.date]
    votes: Mapped[int] = mapped_column(Integer, default=0)
    heat: Mapped[float] = mapped_column(default=0.0)


RANK = ("state", "day", "votes", "heat")
_ORDERS = (RANK, ("state", "heat"), ("state", "votes", "heat"))
"""Each list of papers (by day, what is trending, what is top) is a walk along an index of these columns."""


class Paper(_Ranked, Base):
    """A paper, however it came: from the catalogue, from arXiv, from a daily feed, or submitted by a reader.

    `family` is set for catalogued papers, `runs` where the ledger holds a result.
    """

    __tablename__ = "papers"
    __table_args__ = (
        *(Index(None, *columns, "id") for columns in _ORDERS),
        Index("ix_papers_runs", "runs", sqlite_where=text("runs = 1"), postgresql_where=text("runs")),
    )

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    arxiv: Mapped[str | None] = mapped_column(String(32), unique=True)
    slug: Mapped[str | None] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(Text)
    authors: Mapped[list[str]]
    abstract: Mapped[str] = mapped_column(Text, default="")
    summary: Mapped[str] = mapped_column(Text, default="")
    updated: Mapped[datetime.datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(Integer, default=1)
    source: Mapped[str] = mapped_column(String(16))
    primary_category: Mapped[str] = mapped_column(String(32), default="", index=True)
    family: Mapped[str] = mapped_column(String(32), default="", index=True)
    runs: Mapped[bool] = mapped_column(default=False)
    venue: Mapped[str] = mapped_column(Text, default="")
    code: Mapped[str] = mapped_column(Text, default="")
    link: Mapped[str] = mapped_column(Text, default="", index=True)
    views: Mapped[int] = mapped_column(Integer, default=0)
    comments: Mapped[int] = mapped_column(Integer, default=0)

    labels: Mapped[list[Label]] = relationship(
        primaryjoin=lambda: (Label.paper_id == Paper.id) & (Label.kind != ARCHIVE), viewonly=True, lazy="raise_on_sql"
    )
    """Its categories and tasks."""

    @property
    def categories(self) -> list[str]:
        """Its categories."""
        return [label.value for label in self.labels if label.kind == CATEGORY]

    @property
    def name(self) -> str:
        """The paper's name in addresses: its slug, its arXiv id, or its number."""
        return self.slug or self.arxiv or str(self.id)


class Label(_Ranked, Base):
    """A category of a paper, an archive of its categories, or a task, with what its paper is ordered by.

    A trigger changes that when the paper's own changes. So the papers of a label, too, are listed by walking an index,
    however many they are.
    """

    __tablename__ = "labels"
    __table_args__ = (
        *(Index(None, "kind", "value", *columns, "paper_id") for columns in _ORDERS),
        {"sqlite_with_rowid": False},
    )

    paper_id: Mapped[int] = _paper(primary=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    value: Mapped[str] = mapped_column(String(64), primary_key=True)


class Embedding(Base):
    """The meaning of a paper's title and abstract; `digest` is that of the text which was encoded.

    A trigger empties the digest when the text changes; the old vector serves until the new one is there.
    """

    __tablename__ = "embeddings"
    __table_args__ = (Index("ix_embeddings_digest_paper_id", "digest", "paper_id"),)

    paper_id: Mapped[int] = _paper(primary=True)
    digest: Mapped[str] = mapped_column(String(32))
    vector: Mapped[NDArray[np.float32]] = mapped_column(Vector)


class Word(Base):
    """A word, in lower case, and in how many papers it was counted (see `reprise.site.search.vocabulary`)."""

    __tablename__ = "vocabulary"
    __table_args__ = (Index("ix_vocabulary_initial_length_papers", "initial", "length", "papers"),)

    word: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    initial: Mapped[str] = mapped_column(String(1))
    length: Mapped[int] = mapped_column(Integer)
    papers: Mapped[int] = mapped_column(Integer)


class Views(Base):
    """How often a paper's page was opened on one day."""

    __tablename__ = "views"

    paper_id: Mapped[int] = _paper(primary=True)
    day: Mapped[datetime.date] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(Integer, default=0)


class VerdictEvent(Base):
    """A verdict of the ledger on one claim of a catalogued paper, and when it was measured."""

    __tablename__ = "verdicts"

    paper_id: Mapped[int] = _paper(primary=True)
    claim: Mapped[str] = mapped_column(String(96), primary_key=True)
    scale: Mapped[str] = mapped_column(String(12), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime.datetime]


# Readers


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
    account_id: Mapped[int] = _account(index=True)
    created: Mapped[datetime.datetime] = mapped_column(default=now)
    expires: Mapped[datetime.datetime]


class Vote(Base):
    """A reader's vote for a paper."""

    __tablename__ = "votes"

    account_id: Mapped[int] = _account(primary=True)
    paper_id: Mapped[int] = _paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class Read(Base):
    """A paper that a reader has marked as read."""

    __tablename__ = "reads"

    account_id: Mapped[int] = _account(primary=True)
    paper_id: Mapped[int] = _paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class Note(Base):
    """A reader's private note on a paper."""

    __tablename__ = "notes"

    account_id: Mapped[int] = _account(primary=True)
    paper_id: Mapped[int] = _paper(primary=True, index=True)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class ReadingList(Base):
    """A named list of papers; `public` ones have a page that anyone can open."""

    __tablename__ = "lists"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    account_id: Mapped[int] = _account(index=True)
    name: Mapped[str] = mapped_column(String(80))
    public: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime.datetime] = mapped_column(default=now)


class Listed(Base):
    """A paper on a list."""

    __tablename__ = "listed"

    list_id: Mapped[int] = mapped_column(Identity, ForeignKey("lists.id", ondelete="CASCADE"), primary_key=True)
    paper_id: Mapped[int] = _paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)


class Comment(Base):
    """A comment in Markdown; answers name their parent. A removed one keeps its place without its text or author."""

    __tablename__ = "comments"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    paper_id: Mapped[int] = _paper(index=True)
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
    account_id: Mapped[int] = _account(index=True)
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime.datetime] = mapped_column(default=now)


class Submission(Base):
    """A paper that a reader proposes; moderators decide."""

    __tablename__ = "submissions"

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(Identity, ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    paper_id: Mapped[int] = _paper(index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(String(12), default=PENDING, index=True)
    decided: Mapped[datetime.datetime | None]
    decided_by: Mapped[str] = mapped_column(String(320), default="")
    reason: Mapped[str] = mapped_column(Text, default="")


class Authorship(Base):
    """A reader's claim to have written a paper; moderators decide."""

    __tablename__ = "authorships"

    account_id: Mapped[int] = _account(primary=True)
    paper_id: Mapped[int] = _paper(primary=True, index=True)
    at: Mapped[datetime.datetime] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(String(12), default=PENDING, index=True)
    decided_by: Mapped[str] = mapped_column(String(320), default="")


# Mail


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


# Ingesting


class Bookmark(Base):
    """Where an ingest stopped: the state of one source, to go on from."""

    __tablename__ = "bookmarks"

    source: Mapped[str] = mapped_column(String(96), primary_key=True)
    state: Mapped[dict[str, Any]]
    at: Mapped[datetime.datetime] = mapped_column(default=now)

"""Papers, and what is known of them."""

from __future__ import annotations

import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from reprise.site.store.tables.base import SHOWN, Base, Identity, of_paper
from reprise.site.store.types import Vector, now

CATEGORY, ARCHIVE, TASK = "category", "archive", "task"
"""Kinds of labels; the archive of a category such as cs.LG is cs."""
WORD_LENGTH = 32
"""Letters of the longest words that are counted."""


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

    paper_id: Mapped[int] = of_paper(primary=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    value: Mapped[str] = mapped_column(String(64), primary_key=True)


class Embedding(Base):
    """The meaning of a paper's title and abstract; `digest` is that of the text which was encoded.

    A trigger empties the digest when the text changes; the old vector serves until the new one is there.
    """

    __tablename__ = "embeddings"
    __table_args__ = (Index("ix_embeddings_digest_paper_id", "digest", "paper_id"),)

    paper_id: Mapped[int] = of_paper(primary=True)
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

    paper_id: Mapped[int] = of_paper(primary=True)
    day: Mapped[datetime.date] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(Integer, default=0)


class VerdictEvent(Base):
    """A verdict of the ledger on one claim of a catalogued paper, and when it was measured."""

    __tablename__ = "verdicts"

    paper_id: Mapped[int] = of_paper(primary=True)
    claim: Mapped[str] = mapped_column(String(96), primary_key=True)
    scale: Mapped[str] = mapped_column(String(12), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime.datetime]

"""What a reader has made of papers: voted for, read, noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from reprise.site.store.tables import Paper, Read, Vote
from reprise.site.web.context import Reader


@dataclass(frozen=True)
class Marks:
    """The papers, by number, that a reader has voted for and has read; `known` says whether there is a reader."""

    voted: set[int] = field(default_factory=set)
    read: set[int] = field(default_factory=set)
    known: bool = False


def marks_of(session: Session, reader: Reader | None, papers: Sequence[Paper]) -> Marks:
    """Give a reader's marks on some papers."""
    if reader is None or not papers:
        return Marks(known=reader is not None)
    numbers = [paper.id for paper in papers]
    voted = session.scalars(select(Vote.paper_id).where(Vote.account_id == reader.id, Vote.paper_id.in_(numbers)))
    read = session.scalars(select(Read.paper_id).where(Read.account_id == reader.id, Read.paper_id.in_(numbers)))
    return Marks(set(voted), set(read), known=True)

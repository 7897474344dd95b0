"""Where work that goes through all papers has come to."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from reprise.site.store.tables.base import Base
from reprise.site.store.types import now


class Bookmark(Base):
    """Where an ingest of one source, or the count of words, stopped: its state, to go on from."""

    __tablename__ = "bookmarks"

    source: Mapped[str] = mapped_column(String(96), primary_key=True)
    state: Mapped[dict[str, Any]]
    at: Mapped[datetime.datetime] = mapped_column(default=now)

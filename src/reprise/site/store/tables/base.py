"""What all tables have in common."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from reprise.site.store.types import UtcDateTime

Identity = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER keys count up by themselves in SQLite
Json = JSON().with_variant(JSONB, "postgresql")

SHOWN, PENDING, REJECTED, WITHDRAWN = "shown", "pending", "rejected", "withdrawn"
"""States of papers, and of what moderators decide."""
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


def of_paper(*, primary: bool = False, index: bool = False) -> Mapped[int]:
    """Give a column that names a paper; the row goes with it."""
    return mapped_column(Identity, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=primary, index=index)


def of_account(*, primary: bool = False, index: bool = False) -> Mapped[int]:
    """Give a column that names an account; the row goes with it."""
    return mapped_column(Identity, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=primary, index=index)

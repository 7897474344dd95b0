"""Columns that SQLite and PostgreSQL keep in ways of their own: moments in UTC, and vectors."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import DateTime, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator, TypeEngine

WIDTH = 384
"""Numbers in a sentence embedding (all-MiniLM-L6-v2)."""


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """A moment, with its time zone, kept in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        """Turn a moment into UTC; one without a time zone is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(datetime.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        """Give the moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)


class Vector(TypeDecorator[NDArray[np.float32]]):
    """A unit vector of `WIDTH` numbers, kept in half precision: bytes in SQLite, pgvector's type in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's own type."""
        if dialect.name == "postgresql":
            from pgvector.sqlalchemy import HALFVEC

            return dialect.type_descriptor(HALFVEC(WIDTH))
        return dialect.type_descriptor(LargeBinary())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Turn numbers into what the column keeps."""
        if value is None:
            return None
        numbers = np.asarray(value, np.float32)
        if numbers.shape != (WIDTH,):
            raise ValueError(f"a vector has {WIDTH} numbers; shape {numbers.shape} was given")
        return numbers if dialect.name == "postgresql" else numbers.astype("<f2").tobytes()

    def process_result_value(self, value: Any, dialect: Dialect) -> NDArray[np.float32] | None:
        """Give the numbers back."""
        if value is None:
            return None
        if isinstance(value, bytes):
            return np.frombuffer(value, "<f2").astype(np.float32)
        return np.asarray(value.to_list() if hasattr(value, "to_list") else value, np.float32)


def now() -> datetime.datetime:
    """Give this moment in UTC."""
    return datetime.datetime.now(datetime.UTC)

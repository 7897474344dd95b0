"""Opening the database: its settings, its transactions, and bringing it up to date."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.orm import Session

from reprise.errors import InvalidInputError

_WRITING = "reprise_writing"
_BUSY_MS = 15_000
_KEPT = 16  # connections; a new one has nothing in its cache
_CACHE_KIB = 8_192  # of each; beyond it the operating system has the pages at hand
_ANALYSED = 1_000  # rows of an index


class Store:
    """The open database.

    Reading and writing are apart: in SQLite a transaction that will write takes the one lock for it at its start, so
    that it waits for others instead of failing on them, while readers go on.

    Parameters
    ----------
    engine : of SQLAlchemy.
    passing : folder that goes with the store.

    Examples
    --------
    >>> from sqlalchemy import text
    >>> store = open_store("sqlite://")
    >>> with store.reading() as session:
    ...     session.scalar(text("select count(*) from papers"))
    0
    """

    def __init__(self, engine: Engine, passing: tempfile.TemporaryDirectory[str] | None = None):
        self.engine = engine
        self._passing = passing
        self._writing = engine.execution_options(**{_WRITING: True})

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction that only reads; what it changes is dropped."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that writes: kept whole at the end, or dropped whole where an error leaves it."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def analyse(self) -> None:
        """Let SQLite see what its tables hold, so that it chooses its indices well; PostgreSQL does so by itself."""
        if self.dialect == "sqlite":
            with self._writing.begin() as connection:
                connection.exec_driver_sql(f"PRAGMA analysis_limit = {_ANALYSED}")
                connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
        if self._passing is not None:
            self._passing.cleanup()


def add_once(session: Session, row: Any) -> bool:
    """Add a row, unless another request has just added the same one; say whether it was added."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def open_store(url: str, revision: str = "head") -> Store:
    """Open the database at `url`, made or brought up to date where needed.

    Parameters
    ----------
    url : ``sqlite:///path/to/site.db``, ``sqlite://`` (for the time being), or ``postgresql+psycopg://...``.
    revision : to which the tables are brought; the code needs the newest.

    Raises
    ------
    InvalidInputError
        If the address is not understood, the database cannot be reached, or a newer version of the site wrote it.
    """
    passing: tempfile.TemporaryDirectory[str] | None = None
    try:
        address = make_url(url)
        if address.get_backend_name() not in ("sqlite", "postgresql"):
            raise InvalidInputError(
                f"The database {address.get_backend_name()!r} is not supported; sqlite or postgresql is."
            )
        if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
            passing = tempfile.TemporaryDirectory(prefix="reprise-site-")  # transactions side by side need a file
            address = address.set(database=str(Path(passing.name) / "site.db"))
        engine = create_engine(address, **_arguments(address.get_backend_name()))
    except (ArgumentError, NoSuchModuleError, ValueError) as problem:
        raise InvalidInputError(f"The database's address is not understood: {problem}") from problem
    if engine.dialect.name == "sqlite":
        try:
            if not str(address.database).startswith("file:"):  # which says itself how it is opened
                _make_private(Path(str(address.database)))
        except OSError as problem:
            raise InvalidInputError(f"The database {address.database} cannot be used: {problem}") from problem
        _prepare_sqlite(engine)
    else:
        _prepare_postgresql(engine)
    store = Store(engine, passing)
    try:
        migrate(store, revision)
    except DBAPIError as problem:
        engine.dispose()
        raise InvalidInputError(
            f"The database {address.render_as_string(hide_password=True)} cannot be used: {problem.orig}"
        ) from problem
    return store


def migrate(store: Store, revision: str = "head") -> None:
    """Bring the tables to `revision`, keeping all data.

    Raises
    ------
    InvalidInputError
        If the database is of a newer version of the site.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", "reprise.site.store:migrations")
    with store.engine.execution_options(**{_WRITING: True}).begin() as connection:
        if store.dialect == "postgresql":
            connection.exec_driver_sql("select pg_advisory_xact_lock(7377737)")  # several servers may start at once
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as problem:
            raise InvalidInputError(f"The database was written by another version of the site: {problem}") from problem


def _make_private(database: Path) -> None:
    """Make the file, if there is none, such that other users of the machine cannot read it."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(database, os.O_CREAT | os.O_EXCL, 0o600))


def _arguments(backend: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "json_serializer": partial(json.dumps, ensure_ascii=False),
        "hide_parameters": True,  # else an error that is logged tells notes, and links that log in
        "pool_size": _KEPT,
        "max_overflow": _KEPT,
    }
    if backend == "postgresql":
        arguments["pool_pre_ping"] = True
    return arguments


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.execute("set random_page_cost = 1.1")  # no disk turns any more; else whole tables are read
        connection.execute("set jit = off")  # what is compiled is run once, in less time than compiling takes
        connection.commit()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, and not by the driver
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            f"busy_timeout = {_BUSY_MS}",
            f"cache_size = -{_CACHE_KIB}",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

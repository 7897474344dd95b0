"""A site for the tests: its own database, a browser's stand-in, and papers to read."""

import datetime

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from reprise.site import Settings, open_store
from reprise.site.store.papers import PaperRecord, keep
from reprise.site.web import create_app


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


@pytest.fixture
def settings(tmp_path):
    return Settings(folder=tmp_path, database_url="", secret_key="a secret for tests", base_url="http://testserver")


@pytest.fixture
def store(settings):
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

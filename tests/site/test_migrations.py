import datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, Table, func, insert, inspect, select, text

from reprise.site import open_store
from reprise.site.search import parse
from reprise.site.search.vocabulary import count_words
from reprise.site.search.words import by_words
from reprise.site.store.feed import find_paper, papers_of
from reprise.site.store.tables import Base, Bookmark, Label, Paper, Subscription
from reprise.site.store.types import WIDTH

AT = datetime.datetime(2026, 11, 20, 12, 30)
DAY = datetime.date(2026, 11, 20)
PAPER = {
    "title": "Möbius",
    "abstract": "A strip.",
    "summary": "",
    "updated": AT,
    "version": 2,
    "source": "arxiv",
    "state": "shown",
    "primary_category": "math.GT",
    "family": "",
    "runs": False,
    "venue": "",
    "code": "",
    "link": "",
    "votes": 3,
    "views": 5,
    "comments": 1,
    "heat": 12.5,
}


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """Give the address of a database in which there is nothing."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'old.db'}"
    empty = request.getfixturevalue("fresh_postgresql")
    store = open_store(empty)
    with store.engine.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    store.close()
    return empty


def fill(store):
    """Put a row into every table of the first version, in the order in which they lean on each other."""
    old = MetaData()
    old.reflect(store.engine, only=lambda name, _: name in Base.metadata.tables)
    rows = {}
    with store.writing() as session:
        for table in (table for table in Base.metadata.sorted_tables if table.name in old.tables):
            columns = old.tables[table.name].columns
            row = {}
            for column in columns:
                known = PAPER if table.name == "papers" else {}
                if column.computed is None:
                    row[column.name] = known.get(column.name, value_for(column, table))
            if table.name == "papers":
                row |= {"arxiv": "2611.00001", "slug": None}
            session.execute(
                insert(Table(table.name, MetaData(), *[c._copy() for c in columns if c.computed is None])), [row]
            )
            rows[table.name] = row
    return rows


def value_for(column, table):
    kind = table.columns[column.name].type
    python = type(kind).__name__
    if column.name == "parent_id":
        return None
    if "Vector" in python:
        return bytes(2 * WIDTH) if "BLOB" in str(column.type) else [0.0] * WIDTH
    if "Date" in python:
        return DAY if python == "Date" else AT.replace(tzinfo=datetime.UTC) if "with" in str(column.type) else AT
    if "JSON" in python:
        return ["Ada"] if column.name == "authors" else {"a": 1}
    if "Bool" in python:
        return False
    if "Int" in python or "Float" in python:
        return 1
    return "x"


def test_a_file_of_the_first_version_keeps_all_its_data(address):
    store = open_store(address, "0001")
    rows = fill(store)
    store.close()
    store = open_store(address)
    with store.reading() as session:
        kept_tables = [table for table in Base.metadata.sorted_tables if table.name in rows]
        assert {table.name for table in Base.metadata.sorted_tables} - rows.keys() == {"barred", "vocabulary"}
        for table in kept_tables:
            assert session.scalar(select(func.count()).select_from(table)) == 1, table.name
        paper = find_paper(session, "2611.00001")
        assert (paper.title, paper.version, paper.votes, paper.views, paper.heat) == ("Möbius", 2, 3, 5, 12.5)
        assert paper.authors == ["Ada"]
        for table in kept_tables:
            kept = session.execute(select(table)).mappings().one()
            for name in rows[table.name].keys() & {"email", "name", "text", "query", "key", "subject", "verdict"}:
                assert kept[name] == rows[table.name][name]
        assert session.scalar(select(Paper.state)) == "shown"
        assert session.scalar(select(Subscription.seen)) == paper.id  # no digest brings old papers as news
    store.close()


def test_the_way_back_leaves_nothing_and_the_way_forth_makes_it_again(address):
    store = open_store(address, "0001")
    fill(store)
    back_to(store, "base")
    left = set(inspect(store.engine).get_table_names())
    assert left == {"alembic_version"}
    store.close()
    store = open_store(address)
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Paper)) == 0
    store.close()


def test_words_are_read_anew_there_and_back(address):
    store = open_store(address, "0001")
    fill(store)
    store.close()
    store = open_store(address)
    assert found(store, "mobius") == ["Möbius"]
    assert count_words(store) == 1
    back_to(store, "0002")
    assert "vocabulary" not in inspect(store.engine).get_table_names()
    with store.reading() as session:
        assert session.get(Bookmark, "vocabulary") is None
    store.close()
    store = open_store(address)
    assert found(store, "mobius") == ["Möbius"]
    assert count_words(store) == 1
    store.close()


def found(store, line):
    with store.reading() as session:
        return [paper.title for paper in papers_of(session, by_words(session, parse(line), 5))]


def test_archives_become_labels_and_go_again(address):
    def labels(store):
        with store.reading() as session:
            return {tuple(row) for row in session.execute(text("select paper_id, kind, value from labels"))}

    store = open_store(address, "0005")
    before = {(1, "category", "cs.LG"), (1, "category", "cs.CL"), (1, "category", "hep-th"), (1, "task", "cluster")}
    with store.writing() as session:
        papers = MetaData()
        papers.reflect(session.connection(), only=["papers", "labels"])
        row = PAPER | {"id": 1, "day": DAY, "authors": ["Ada"], "arxiv": "2611.00001"}
        session.execute(insert(papers.tables["papers"]), [row])
        names = ("paper_id", "kind", "value")
        session.execute(insert(papers.tables["labels"]), [dict(zip(names, label, strict=True)) for label in before])
    store.close()
    store = open_store(address)
    assert labels(store) == before | {(1, "archive", "cs"), (1, "archive", "hep-th")}
    with store.reading() as session:
        ranks = session.execute(select(Label.state, Label.day, Label.votes, Label.heat).distinct()).all()
        assert ranks == [("shown", DAY, 3, 12.5)]
    back_to(store, "0005")
    assert labels(store) == before
    store.close()


def back_to(store, revision):
    config = Config()
    config.set_main_option("script_location", "reprise.site.store:migrations")
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

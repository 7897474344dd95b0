"""`reprise ingest` as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select
from starlette.responses import PlainTextResponse
from tests.site.sources import work
from typer.testing import CliRunner

from reprise.cli import app
from reprise.errors import InvalidInputError
from reprise.site import open_store
from reprise.site.store.tables import Paper
from reprise.site.store.types import now


@pytest.fixture
def call(tmp_path, sources, monkeypatch):
    for name in ("arxiv", "oai", "daily"):
        path = "atom" if name == "arxiv" else name
        monkeypatch.setenv(f"REPRISE_SITE_{name.upper()}_URL", f"{sources.url}/{path}")
    monkeypatch.setenv("REPRISE_SITE_REQUEST_PAUSE", "0")
    monkeypatch.setenv("REPRISE_SITE_ARXIV_CATEGORIES", "cs.LG")
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def call(*arguments, code=0):
        given = ["ingest", *map(str, arguments), "--folder", str(tmp_path / "site")]
        outcome = CliRunner().invoke(app, given)
        if outcome.exception and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        assert outcome.exit_code == code, outcome.output
        return outcome

    return call


@pytest.fixture
def jsonl(tmp_path):
    def write(count):
        path = tmp_path / "papers.jsonl"
        rows = ({"id": f"2611.{n:05d}", "title": f"Paper {n}", "abstract": "word " * 100} for n in range(count))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


def count(folder):
    store = open_store(f"sqlite:///{folder}/site.db")
    with store.reading() as session:
        papers = session.scalar(select(func.count()).select_from(Paper))
    store.close()
    return papers


def test_all_sources_of_the_settings(call, sources, tmp_path):
    today = now()
    sources.works = [work(n, published=today, updated=today) for n in range(3)]
    text = call().output
    assert "arxiv: 3 new, 0 changed, 0 known." in text
    assert "daily: 0 new, 0 changed, 3 known." in text
    assert count(tmp_path / "site") == 3


def test_one_source_categories_dates_and_json(call, sources):
    sources.works = [work(n, categories=["cs.CL"]) for n in range(30)]
    days = ("--from", "2026-11-02", "--until", "2026-11-02")
    facts = json.loads(call("--source", "oai", "--categories", "cs.CL, cs.LG", *days, "--json").stdout)
    assert facts["sources"]["oai"]["new"] == 18  # 12 hours of the first day are before, and the rest of the second
    assert (facts["sources"]["oai"]["error"], facts["interrupted"]) == (None, False)
    assert {query["set"] for query in sources.asked if "set" in query} == {"cs:cs:CL", "cs:cs:LG"}


def test_a_file_and_what_is_left_out(call, jsonl):
    path = jsonl(3)
    with path.open("a") as file:
        file.write('{"title": "[bold]x[/bold]", "id": "[red]no[/red]"}\n')
    text = call("--file", path).output
    assert "file: 3 new, 0 changed, 0 known, 1 left out." in text
    assert "row 4: '[red]no[/red]' is neither an arXiv id nor a link" in text


def test_a_source_that_fails_is_told_and_the_others_run(call, sources):
    today = now()
    sources.works = [work(n, published=today, updated=today) for n in range(3)]
    sources.mishaps = [PlainTextResponse("no", 403)]
    text = call(code=2).output
    assert "arxiv: 127.0.0.1 refused: it answered 403" in " ".join(text.split())
    assert "daily: 3 new" in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--from", "yesterday"], "--from takes a day"),
        (["--source", "daily", "--file", "x.csv"], "leave one of the two out"),
        (["--source", "file"], "needs a file"),
        (["--file", "nowhere.csv"], "no file nowhere.csv"),
        (["--source", "arxiv", "--categories", "cs LG"], "no arXiv category"),
        (["--source", "arxiv", "--categories", ""], "No category is given"),
        (["--source", "daily", "--categories", "cs.LG"], "has no categories"),
        (["--file", "x.csv", "--from", "2026-11-02"], "read whole"),
        (["--source", "daily", "--from", "2099-01-01"], "is yet to come"),
    ],
)
def test_bad_arguments(call, arguments, problem):
    with pytest.raises(InvalidInputError, match=problem):
        call(*arguments)


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(jsonl, tmp_path):
    path, folder = jsonl(20_000), tmp_path / "site"
    command = [sys.executable, "-m", "reprise", "ingest", "--file", str(path), "--folder", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and not ((folder / "site.db").exists() and count(folder) >= 500):
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=600)
    assert child.returncode == 130
    kept = count(folder)
    assert 500 <= kept < 20_000
    assert f"{kept:,} papers kept; the same command goes on from there." in " ".join(told.split())
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, env=environment, check=True)
    assert json.loads(again.stdout)["sources"]["file"]["new"] == 20_000 - kept

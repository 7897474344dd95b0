"""Files of papers, and runs that are killed, interrupted, or made side by side."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from sqlalchemy import select

from reprise.errors import InvalidInputError
from reprise.site.ingest import Tally, ingest
from reprise.site.store.tables import Bookmark, Paper


def numbers(store):
    with store.reading() as session:
        return sorted(int(name.rpartition(".")[2]) for name in session.scalars(select(Paper.arxiv)))


def bookmarks(store):
    with store.reading() as session:
        return {mark.source: mark.state for mark in session.scalars(select(Bookmark))}


def rows(count):
    return [
        {
            "arxiv_id": f"2611.{n:05d}",
            "title": f"Paper {n}",
            "abstract": "A",
            "created": "2026-11-02",
            "categories": "cs.LG",
        }
        for n in range(count)
    ]


def write_jsonl(path, listed):
    text = "".join(json.dumps(row) + "\n" for row in listed)
    if path.suffix == ".gz":
        with gzip.open(path, "wt") as file:
            file.write(text)
    else:
        path.write_text(text)
    return path


class TestFile:
    @pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.gz", "a.parquet"])
    def test_every_kind_of_file(self, settings, store, tmp_path, name):
        path = tmp_path / name
        if "csv" in name:
            with (gzip.open if name.endswith("gz") else open)(path, "wt", newline="") as file:
                writer = csv.DictWriter(file, rows(1)[0])
                writer.writeheader()
                writer.writerows(rows(7))
        elif "parquet" in name:
            import pyarrow as pa
            import pyarrow.parquet

            pyarrow.parquet.write_table(pa.Table.from_pylist(rows(7)), path)
        else:
            write_jsonl(path, rows(7))
        assert ingest(settings, store, "file", file=path) == Tally(new=7)
        assert ingest(settings, store, "file", file=path).same == 7
        assert bookmarks(store) == {}

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.csv", "arXiv ID,TITLE,Abstract ,odd\n2401.00001,T,A,x\n"),
            ("a.csv", '\ufefftitle;arxiv_id;abstract\n"T";2401.00001;A\n'),
            ("a.tsv", "abstract\ttitle\tid\nA\tT\t2401.00001\n"),
            ("a.csv", "title,id,abstract\nT,2401.00001,A,one,too,many\n"),
            ("a.json", '{"ID": "2401.00001", "Title": "T", "Abstract": "A", "odd": {"x": [1]}}'),
        ],
    )
    def test_columns_as_people_write_them(self, settings, store, tmp_path, name, content):
        (tmp_path / name).write_text(content)
        assert ingest(settings, store, "file", file=tmp_path / name).new == 1
        with store.reading() as session:
            assert session.execute(select(Paper.arxiv, Paper.title, Paper.abstract)).one() == ("2401.00001", "T", "A")

    def test_rows_that_are_no_papers_are_left_out_and_named(self, settings, store, tmp_path):
        path = write_jsonl(tmp_path / "a.jsonl", [*rows(2), {"title": "No id"}, 7])
        with path.open("a") as file:
            file.write('{"cut\n\n')
        tally = ingest(settings, store, "file", file=path)
        assert (tally.new, tally.refused) == (2, 3)
        assert tally.problems[0] == "row 3: it has neither an arXiv id nor a link"

    def test_it_goes_on_after_a_limit_and_begins_anew_with_another_file(self, settings, store, tmp_path):
        path = write_jsonl(tmp_path / "a.jsonl", rows(1200))
        assert ingest(settings, store, "file", file=path, limit=700).new == 700
        assert (tally := ingest(settings, store, "file", file=path)).new == 500
        assert tally.same == 0
        ingest(settings, store, "file", file=path, limit=700)
        write_jsonl(path, rows(3))
        assert ingest(settings, store, "file", file=path).same == 3

    def test_what_stands_before_the_damage_is_kept(self, settings, store, tmp_path):
        path = write_jsonl(tmp_path / "a.jsonl.gz", [row | {"abstract": os.urandom(200).hex()} for row in rows(2000)])
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InvalidInputError, match="cannot be read"):
            ingest(settings, store, "file", file=path)
        kept = len(numbers(store))
        assert kept in (500, 1000)
        path.write_bytes(whole)
        assert ingest(settings, store, "file", file=path) == Tally(new=2000 - kept, same=kept)

    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("a.csv", b"name,year\nx,1\n", "no columns title and arxiv_id"),
            ("a.csv.gz", b"no gzip", "cannot be read"),
            ("a.jsonl.gz", gzip.compress(b"{}\n" * 1000)[:-20], "cannot be read"),
            ("a.parquet", b"PAR1 nonsense", "cannot be read"),
            ("a.csv", b"title,arxiv_id\n\xff\xfe,1\n", "not in UTF-8"),
            ("a.csv", b"", "no columns title and arxiv_id"),
            ("a.json", b'[{"id": "2401.00001", "title": "T"}]', "each line must be a JSON object"),
            ("a.jsonl", b"\x93\xb3 no text\n{}\n", "each line must be a JSON object"),
            ("a.csv", b"title,arxiv_id\n" + b"x" * 200_000, "cannot be read"),
            ("a.jsonl", b"x" * (5 * 2**20), "it is no jsonl"),
            ("a.xlsx", b"", "of no kind"),
        ],
    )
    def test_files_that_cannot_be_read(self, settings, store, tmp_path, name, content, problem):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInputError, match=problem):
            ingest(settings, store, "file", file=tmp_path / name)

    def test_the_sample(self, settings, store):
        from reprise.data.arxiv import SOURCE

        if not SOURCE.here():
            pytest.skip("the arXiv sample is not on this machine")
        assert ingest(settings, store, "file", file="arxiv", limit=50).new == 50


KILLED = """
import os, signal, sys
from reprise.site import Settings, open_store
from reprise.site.ingest import run

calls = 0
def dying(session, names):  # after the papers are written and before they are committed
    global calls
    calls += 1
    if calls == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0
run._withdraw = dying
url, file = sys.argv[1:]
settings = Settings(database_url=url)
run.ingest(settings, open_store(settings.database_url), "file", file=file)
"""


def test_a_kill_loses_nothing_and_repeats_nothing(settings, store, tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", rows(2000))
    url = settings.database_url
    child = subprocess.run([sys.executable, "-c", KILLED, url, str(path)], env=os.environ, timeout=600)
    assert child.returncode == -signal.SIGKILL
    assert len(numbers(store)) == 1000
    assert ingest(settings, store, "file", file=path) == Tally(new=1000)
    assert numbers(store) == list(range(2000))


def test_an_interruption_keeps_what_is_done(settings, store, tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", rows(1500))

    def stop(part, tally):
        if tally.new >= 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(settings, store, "file", file=path, watch=stop)
    assert ingest(settings, store, "file", file=path).new == 500


def test_two_runs_at_once_keep_each_paper_once(settings, store, tmp_path):
    paths = [write_jsonl(tmp_path / f"{n}.jsonl", rows(1000)[:: 1 if n else -1]) for n in range(3)]
    tallies, problems = [], []

    def read(path):
        try:
            tallies.append(ingest(settings, store, "file", file=path))
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=read, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sum(tally.new for tally in tallies) == 1000
    assert numbers(store) == list(range(1000))

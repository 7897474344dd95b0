"""Memory and speed of `reprise ingest --file` on a generated collection, and of reading it a second time.

Run with ``python benchmarks/bench_site_ingest.py --papers 1000000``; pytest takes a few papers only. Abstracts have the
length of arXiv's, with words drawn as words are in English. Prints the peak memory of the ingesting process at each
tenth of the way: it is flat where the tenths are.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PAPERS, FEW = 200_000, 20_000
WORDS_OF_ABSTRACT, WORDS_OF_TITLE, VOCABULARY = 125, 9, 60_000
CATEGORIES = ["cs.LG", "cs.CL", "cs.CV", "stat.ML", "math.CO", "hep-th", "quant-ph", "cond-mat.str-el"]

CHILD = """
import json, resource, sys, time
from reprise.site import Settings, open_store
from reprise.site.ingest import ingest

url, file, papers = sys.argv[1], sys.argv[2], int(sys.argv[3])
peaks, start = [], time.perf_counter()

def watch(part, tally):
    while len(peaks) < 10 * tally.papers // papers:
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

settings = Settings(database_url=url)
store = open_store(settings.database_url)
tally = ingest(settings, store, "file", file=file, watch=watch)
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps(tally.facts() | {"seconds": seconds, "processor": used.ru_utime + used.ru_stime, "peaks": peaks}))
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
            month, index = divmod(number, 20_000)
            row = {
                "id": f"{15 + month // 12:02d}{month % 12 + 1:02d}.{index + 1:05d}",
                "title": " ".join(drawn[:WORDS_OF_TITLE]),
                "authors": ", ".join(f"A. {word.title()}" for word in drawn[:4]),
                "abstract": " ".join(drawn[WORDS_OF_TITLE:]),
                "categories": " ".join((CATEGORIES * 2)[number % 8 :][:3]),
                "created": f"{2015 + month // 12}-{month % 12 + 1:02d}-{index * 28 // 20_000 + 1:02d}",
            }
            file.write(json.dumps(row) + "\n")


def measure(papers, database=None, times=("first time", "again")):
    """Ingest a generated collection, each time in a process of its own; print and give what it took."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "papers.jsonl"
        generate(file, papers)
        print(f"\n{papers:,} papers, {file.stat().st_size / 2**20:.0f} MiB")
        url = database or f"sqlite:///{folder}/site.db"
        runs = []
        for what in times:
            child = subprocess.run(
                [sys.executable, "-c", CHILD, url, str(file), str(papers)], capture_output=True, text=True, check=True
            )
            runs.append(run := json.loads(child.stdout))
            print(
                f"{what}: {run['new']:,} new, {run['same']:,} known; {papers / run['seconds']:,.0f} papers/s "
                f"({run['processor']:.0f} s of processor); peak memory by tenths, MiB: {run['peaks']}"
            )
        if not database:
            print(f"database: {(Path(folder) / 'site.db').stat().st_size / 2**20:.0f} MiB")
    return runs


def test_memory_is_flat():
    first, again = measure(FEW)
    assert (first["new"], again["same"]) == (FEW, FEW)
    for run in (first, again):
        assert run["peaks"][-1] < 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--papers", type=int, default=PAPERS)
    parser.add_argument("--database", help="instead of a SQLite file")
    parser.add_argument("--once", action="store_true", help="do not read it a second time")
    chosen = parser.parse_args()
    measure(chosen.papers, chosen.database, ("first time",) if chosen.once else ("first time", "again"))

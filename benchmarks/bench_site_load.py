"""The site under load: requests a second, the slowest in a hundred, and memory, with many papers and readers.

``python benchmarks/bench_site_load.py --papers 100000 --readers 10000`` fills a database with made-up papers and votes,
serves it in a process of its own, and asks for pages over a few connections at once from another. Figures are printed
and written beside this file, with the machine they come from.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
from sqlalchemy import insert, text

from reprise.site import open_store
from reprise.site.mail.sink import free_port
from reprise.site.seed import seed
from reprise.site.store import Store
from reprise.site.store.papers import PaperRecord, keep
from reprise.site.store.tables import Account, Vote
from reprise.site.store.types import now

RESULT = Path(__file__).with_name("site_load.json")
CATEGORIES = ("cs.LG", "cs.CL", "cs.CV", "stat.ML", "math.CO", "physics.optics", "q-bio.NC", "econ.EM")
PAGES = {
    "front page": "/",
    "trending": "/trending",
    "a day": "/?date={day}",
    "a category": "/new?category=cs.CL",
    "search": "/search?q={word}+{other}",
    "JSON list": "/api/papers?order=trending",
    "a paper": "/papers/9001.{number:05d}",
}
_WORDS = 4000


def words(rng: random.Random) -> list[str]:
    """Make up a vocabulary whose words are as frequent as those of a language (Zipf)."""
    syllables = [a + b for a in "bcdfghjklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "in", "on")]
    return ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(_WORDS)]


def papers(n: int, vocabulary: list[str], rng: random.Random) -> Iterator[PaperRecord]:
    """Make up papers of the last three years."""
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    today = now().date()
    for number in range(n):
        told = rng.choices(vocabulary, weights, k=130)
        yield PaperRecord(
            title=" ".join(told[:9]).capitalize(),
            authors=[f"{rng.choice(vocabulary).title()} {rng.choice(vocabulary).title()}" for _ in range(4)],
            abstract=" ".join(told[9:]).capitalize() + ".",
            day=today - datetime.timedelta(days=int(1000 * rng.random() ** 2)),
            source="arxiv",
            arxiv=f"{9001 + number // 100_000:04d}.{number % 100_000:05d}",
            categories=rng.sample(CATEGORIES, rng.randint(1, 3)),
        )


def fill(store: Store, n: int, readers: int, vocabulary: list[str], rng: random.Random) -> dict[str, float]:
    """Fill a database; give what it took."""
    start = time.perf_counter()
    seed(store)
    with store.writing() as session:
        keep(session, papers(n, vocabulary, rng))
    kept = time.perf_counter() - start
    generator = np.random.default_rng(0)
    with store.writing() as session:
        session.execute(
            insert(Account), [{"id": k, "email": f"{k}@example.org", "name": ""} for k in range(1, readers + 1)]
        )
        votes = {
            (int(k), int(paper))
            for k in range(1, readers + 1)
            for paper in 1 + (n * generator.random(10) ** 3).astype(int)
        }
        session.execute(insert(Vote), [{"account_id": k, "paper_id": paper, "at": now()} for k, paper in sorted(votes)])
        session.execute(text("update papers set votes = (select count(*) from votes where votes.paper_id = papers.id)"))
        if store.dialect == "sqlite":
            session.execute(text("analyze"))
    return {"seconds to keep the papers": kept, "papers a second": n / kept, "votes": len(votes)}


async def ask(address: str, targets: list[str], connections: int) -> tuple[list[float], int]:
    """Ask for addresses over several connections; give seconds of each and how many failed."""
    taken: list[float] = []
    failed = 0
    waiting = iter(targets)
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:

        async def reader() -> None:
            nonlocal failed
            for target in waiting:
                start = time.perf_counter()
                answer = await client.get(target)
                taken.append(time.perf_counter() - start)
                failed += answer.status_code != 200

        await asyncio.gather(*(reader() for _ in range(connections)))
    return taken, failed


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--papers", type=int, default=100_000)
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=400, help="of each kind")
    parser.add_argument("--connections", type=int, default=8)
    settings = parser.parse_args()
    rng = random.Random(0)
    vocabulary = words(rng)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/site.db"
        store = open_store(url)
        figures: dict[str, object] = {
            "machine": f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}",
            "date": str(now().date()),
            "papers": settings.papers,
            "readers": settings.readers,
            "connections": settings.connections,
            **fill(store, settings.papers, settings.readers, vocabulary, rng),
        }
        store.close()
        figures["database MiB"] = os.path.getsize(f"{folder}/site.db") / 2**20
        port = free_port()
        environment = os.environ | {
            "REPRISE_SITE_FOLDER": folder,
            "REPRISE_SITE_JOBS": "false",
            "REPRISE_SITE_SEARCH_RATE": "1000000/minute",
            "REPRISE_SITE_BASE_URL": f"http://127.0.0.1:{port}",
        }
        server = subprocess.Popen([sys.executable, "-m", "reprise", "serve", "--port", str(port)], env=environment)
        address = f"http://127.0.0.1:{port}"
        while True:
            try:
                httpx.get(address, timeout=60)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        pages: dict[str, dict[str, float]] = {}
        for name, template in PAGES.items():
            targets = [
                template.format(
                    day=now().date() - datetime.timedelta(days=rng.randint(0, 300)),
                    word=rng.choice(vocabulary),
                    other=rng.choice(vocabulary[:200]),
                    number=rng.randrange(min(settings.papers, 100_000)),
                )
                for _ in range(settings.requests)
            ]
            start = time.perf_counter()
            taken, failed = asyncio.run(ask(address, targets, settings.connections))
            median, slow = np.quantile(taken, [0.5, 0.99]) * 1000
            pages[name] = {
                "requests a second": len(taken) / (time.perf_counter() - start),
                "p50 ms": float(median),
                "p99 ms": float(slow),
                "failed": failed,
            }
            print(f"{name:12} {pages[name]}", flush=True)
        figures["pages"] = pages
        figures["server MiB"] = psutil.Process(server.pid).memory_info().rss / 2**20
        server.terminate()
        server.wait(20)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

"""The site under load: requests a second, the slowest in a hundred, and memory, with many papers and readers.

``python benchmarks/bench_site_load.py --papers 100000 --readers 10000`` fills a database with made-up papers and votes,
serves it in a process of its own, and asks for pages over a few connections at once from another. With ``--folder`` the
database stays, and a fill that was stopped goes on there: a million papers take long. Beside times, which a busy
machine makes longer, there is the processor time that the server takes for a request. Figures are printed and written
beside this file, by how many papers there were, with the machine they come from.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
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

from reprise.site import open_store
from reprise.site.mail.sink import free_port
from reprise.site.store.types import now
from site_fill import arxiv_id, fill, vocabulary

RESULT = Path(__file__).with_name("site_load.json")
PAGES = {
    "front page": "/",
    "trending": "/trending",
    "a day": "/?date={day}",
    "a month": "/?date={day}&span=month",
    "a common category": "/new?category=cs.LG",
    "a rare category": "/new?category=q-fin.ST",
    "trending in an archive": "/trending?category=cs",
    "top of the month in a category": "/top?span=month&category=cs.CV",
    "top of all time": "/top?span=all",
    "papers that run": "/trending?runs=1",
    "search": "/search?q={word}+{other}",
    "search in a category": "/search?q={word}+cat:cs.LG",
    "JSON list": "/api/papers?order=trending",
    "a paper": "/papers/{paper}",
}


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
    parser.add_argument("--folder", type=Path, help="where the database is kept, for an interrupted fill to go on")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = settings.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        store = open_store(f"sqlite:///{folder}/site.db")
        figures: dict[str, object] = {
            "machine": f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}",
            "date": str(now().date()),
            "readers": settings.readers,
            "connections": settings.connections,
            **fill(store, settings.papers, settings.readers),
        }
        store.close()
        figures["database MiB"] = (folder / "site.db").stat().st_size / 2**20
        with serving(folder) as (address, server):
            figures["pages"] = {
                name: measured(address, server, targets(template, settings), settings.connections, name)
                for name, template in PAGES.items()
            }
            figures["server MiB"] = server.memory_info().rss / 2**20
    known = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    known[str(settings.papers)] = figures
    RESULT.write_text(json.dumps(known, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve a folder's site in a process of its own; give its address and the process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "REPRISE_SITE_FOLDER": str(folder),
        "REPRISE_SITE_JOBS": "false",
        "REPRISE_SITE_SEARCH_RATE": "1000000/minute",
        "REPRISE_SITE_BASE_URL": address,
    }
    server = subprocess.Popen([sys.executable, "-m", "reprise", "serve", "--port", str(port)], env=environment)
    try:
        start = time.perf_counter()
        while server.poll() is None and not _by_meaning(address):
            time.sleep(1)
        print(f"searches by meaning after {time.perf_counter() - start:.0f} s", flush=True)
        yield address, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(20)


def _by_meaning(address: str) -> bool:
    """Say whether the server is up, and its index of meanings is too."""
    try:
        found = httpx.get(f"{address}/search", params={"q": vocabulary()[0]}, timeout=60)
    except httpx.TransportError:
        return False
    return found.status_code == 200 and "Meanings are not at hand" not in found.text


def targets(template: str, settings: argparse.Namespace) -> list[str]:
    """Draw the addresses of one kind of page."""
    rng = random.Random(template)
    words = vocabulary()
    return [
        template.format(
            day=now().date() - datetime.timedelta(days=rng.randint(0, 300)),
            word=rng.choice(words),
            other=rng.choice(words[:200]),
            paper=arxiv_id(rng.randrange(settings.papers)),
        )
        for _ in range(settings.requests)
    ]


def measured(address: str, server: psutil.Process, asked: list[str], connections: int, name: str) -> dict[str, float]:
    """Ask for pages; give how long they took."""
    before, start = server.cpu_times(), time.perf_counter()
    taken, failed = asyncio.run(ask(address, asked, connections))
    seconds, after = time.perf_counter() - start, server.cpu_times()
    median, slow = np.quantile(taken, [0.5, 0.99]) * 1000
    found = {
        "requests a second": len(taken) / seconds,
        "processor ms a request": 1000 * (after.user + after.system - before.user - before.system) / len(taken),
        "p50 ms": float(median),
        "p99 ms": float(slow),
        "failed": failed,
    }
    print(f"{name:30} {found}", flush=True)
    return found


if __name__ == "__main__":
    main()

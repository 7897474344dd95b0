"""A database of made-up papers, meanings, readers and votes, as many as one likes; an interrupted fill goes on.

Papers come in blocks. Each block is drawn from its own number and kept in one transaction, so that the same fill is the
same database, wherever it was stopped.
"""

from __future__ import annotations

import datetime
import itertools
import random
import time
from collections.abc import Iterator

import numpy as np
from sqlalchemy import func, insert, select, update

from reprise.site.seed import seed
from reprise.site.store import Store
from reprise.site.store.heat import reheat
from reprise.site.store.papers import PaperRecord, keep
from reprise.site.store.tables import Account, Embedding, Paper, Vote
from reprise.site.store.types import WIDTH, now

BLOCK = 10_000
VOTES = 10  # of each reader
_FIRST = 9001  # month of the made-up arXiv ids: no real one
_DAYS, _GROWTH = 1000, 1.25  # over which papers are spread, more of them lately
_WORDS = 4000
_SUBJECTS = 200  # centres around which meanings lie
CATEGORIES = tuple(
    f"{archive}.{subject}"
    for archive, subjects in {
        "cs": ["LG", "CV", "CL", "AI", "RO", "CR", "SE", "HC", "NE", "IR", "SI", "DS", "DC", "IT", "LO"],
        "math": ["CO", "AP", "NT", "PR", "OC", "AG", "GT"],
        "physics": ["optics", "flu-dyn", "app-ph", "soc-ph"],
        "stat": ["ML", "ME", "AP"],
        "eess": ["IV", "SP", "AS", "SY"],
        "q-bio": ["NC", "QM", "BM"],
        "econ": ["EM", "TH"],
        "q-fin": ["ST"],
    }.items()
    for subject in subjects
)
"""The commonest first; papers have them as often as Zipf's law says, so that the last are rare."""


def vocabulary() -> list[str]:
    """Make up words; the first are to be drawn most often."""
    rng = random.Random(0)
    syllables = [a + b for a in "bcdfghjklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "in", "on")]
    return ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(_WORDS)]


def arxiv_id(number: int) -> str:
    """Give the id of the made-up paper of a number."""
    return f"{_FIRST + number // 100_000:04d}.{number % 100_000:05d}"


def fill(store: Store, papers: int, readers: int) -> dict[str, float]:
    """Fill a database, from where it was left; give what it took."""
    seed(store)
    words = vocabulary()
    there = _filled(store)
    start = time.perf_counter()
    for block in range(there // BLOCK, -(-papers // BLOCK)):
        numbers = range(max(block * BLOCK, there), min((block + 1) * BLOCK, papers))
        with store.writing() as session:
            keep(session, _papers(numbers, words))
            named = select(Paper.id).where(Paper.arxiv.between(arxiv_id(numbers[0]), arxiv_id(numbers[-1])))
            ids = session.scalars(named.order_by(Paper.arxiv)).all()
            rows = zip(ids, _meanings(len(ids), block), strict=True)
            session.execute(
                insert(Embedding), [{"paper_id": i, "digest": f"{i:032x}", "vector": vector} for i, vector in rows]
            )
        print(f"{numbers[-1] + 1:,} papers", end="\r", flush=True)
    kept = time.perf_counter() - start
    _vote(store, papers, readers)
    added = papers - there
    return {"papers added": added, "papers a second": added / kept} if added > 0 else {}


def _filled(store: Store) -> int:
    with store.reading() as session:
        made_up = Paper.arxiv.between(arxiv_id(0), "9999")
        return session.scalar(select(func.count()).select_from(Paper).where(made_up)) or 0


def _papers(numbers: range, words: list[str]) -> Iterator[PaperRecord]:
    rng = random.Random(numbers[0])
    frequent = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))
    common = [1 / (rank + 1) for rank in range(len(CATEGORIES))]
    today = now().date()
    for number in numbers:
        told = rng.choices(words, cum_weights=frequent, k=138)
        yield PaperRecord(
            title=" ".join(told[:9]).capitalize(),
            authors=[f"{told[k].title()} {told[k + 1].title()}" for k in range(130, 138, 2)],
            abstract=" ".join(told[9:130]).capitalize() + ".",
            day=today - datetime.timedelta(days=int(_DAYS * rng.random() ** _GROWTH)),
            source="arxiv",
            arxiv=arxiv_id(number),
            categories=list(dict.fromkeys(rng.choices(CATEGORIES, common, k=rng.randint(1, 3)))),
        )


def _meanings(count: int, block: int) -> np.ndarray:
    """Draw unit vectors around centres: cosine to their own about 0.7, as abstracts of one subject have."""
    centres = np.random.default_rng(0).standard_normal((_SUBJECTS, WIDTH), np.float32)
    rng = np.random.default_rng([1, block])
    noise = rng.standard_normal((count, WIDTH), np.float32)
    vectors = centres[rng.integers(0, _SUBJECTS, count)] + noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _vote(store: Store, papers: int, readers: int) -> None:
    with store.reading() as session:
        known = session.scalar(select(func.count()).select_from(Account)) or 0
        numbers = np.array(session.scalars(select(Paper.id).order_by(Paper.id.desc())).all())
    if known >= readers:
        return
    rng = np.random.default_rng(known)
    accounts = range(known + 1, readers + 1)
    chosen = numbers[(len(numbers) * rng.random((len(accounts), VOTES)) ** 3).astype(int)]
    votes = {(k, int(paper)) for k, several in zip(accounts, chosen, strict=True) for paper in several}
    at = now()
    with store.writing() as session:
        session.execute(insert(Account), [{"id": k, "email": f"{k}@example.org", "name": ""} for k in accounts])
        session.execute(insert(Vote), [{"account_id": k, "paper_id": paper, "at": at} for k, paper in sorted(votes)])
        voted = select(func.count()).where(Vote.paper_id == Paper.id).scalar_subquery()
        session.execute(update(Paper).where(Paper.id.in_(select(Vote.paper_id))).values(votes=voted))
        for start in range(0, len(every := sorted({paper for _, paper in votes})), BLOCK):
            reheat(session, every[start : start + BLOCK])

"""Votes and views: each counted once, with the heat they give."""

from __future__ import annotations

import datetime
import threading
from collections import Counter

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reprise.site.store import Store
from reprise.site.store.heat import reheat, warmer
from reprise.site.store.tables import Paper, Views, Vote
from reprise.site.store.types import now


def locked_paper(session: Session, number: int) -> Paper | None:
    """Give a paper, held until the end of the transaction so that its counts cannot drift."""
    return session.scalar(select(Paper).where(Paper.id == number).with_for_update())


def set_vote(session: Session, account: int, number: int, on: bool) -> Paper | None:
    """Vote for a paper, or take the vote back; give the paper, or None if there is none. Twice is as once."""
    paper = locked_paper(session, number)
    if paper is None:
        return None
    vote = session.get(Vote, (account, number))
    if on and vote is None:
        at = now()
        session.add(Vote(account_id=account, paper_id=number, at=at))
        paper.votes += 1
        paper.heat = warmer(paper.heat, "vote", at)
    elif not on and vote is not None:
        session.delete(vote)
        paper.votes -= 1
        session.flush()
        reheat(session, [number])
    session.flush()
    return paper


_OF_ONE_PLACE = 8
"""Views of a paper a day from one address: some readers share theirs, and a program can call itself what it likes."""


class ViewCounter:
    """Counts views in memory and writes them together, so that reading a page waits for no lock.

    A visitor counts once a day a paper, and so do up to `_OF_ONE_PLACE` visitors of one address. What was counted since
    the last `flush` is lost if the server is killed.

    Parameters
    ----------
    store : where they are written.
    most : visitors remembered a day; beyond, they are forgotten and may count again.
    """

    def __init__(self, store: Store, most: int = 200_000):
        self._store, self._most = store, most
        self._lock = threading.Lock()
        self._day = now().date()
        self._seen: set[int] = set()  # by their hashes, which are small whatever a visitor says of itself
        self._places: Counter[int] = Counter()
        self._counts: Counter[tuple[int, datetime.date]] = Counter()

    def see(self, paper: int, address: str, agent: str = "") -> None:
        """Count a view, unless this visitor, or enough others from the same address, have had one today."""
        today = now().date()
        place, visitor = hash((paper, address)), hash((paper, address, agent))
        with self._lock:
            if today != self._day or len(self._seen) >= self._most:
                self._day, self._seen, self._places = today, set(), Counter()
            if visitor not in self._seen and self._places[place] < _OF_ONE_PLACE:
                self._seen.add(visitor)
                self._places[place] += 1
                self._counts[paper, today] += 1

    def flush(self) -> int:
        """Write what was counted; give how many views."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return 0
        try:
            with self._store.writing() as session:
                for (paper, day), count in sorted(counts.items()):
                    self._write(session, paper, day, count)
        except Exception:
            with self._lock:
                self._counts.update(counts)
            raise
        return counts.total()

    @staticmethod
    def _write(session: Session, number: int, day: datetime.date, count: int) -> None:
        paper = locked_paper(session, number)
        if paper is None:
            return
        changed = session.execute(
            update(Views).where(Views.paper_id == number, Views.day == day).values(count=Views.count + count)
        )
        if not changed.rowcount:  # type: ignore[attr-defined]
            session.add(Views(paper_id=number, day=day, count=count))
        paper.views += count
        at = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        for _ in range(count):
            paper.heat = warmer(paper.heat, "view", at)
        session.flush()

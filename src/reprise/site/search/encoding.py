"""The queue of papers whose meaning is to be encoded: those without a vector, and those whose text has changed.

There is no list of them: a paper waits as long as it has no row in `embeddings`, or one whose digest is empty, to which
a trigger sets it when the paper's text changes. So the queue cannot be lost, and whoever is stopped goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only

from reprise.site.search.meaning import Encoder, digest_of, text_of
from reprise.site.store import Store
from reprise.site.store.tables import Embedding, Paper

BATCH = 64
_LOOK_UP = 20_000
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoded:
    """How many papers were encoded, and in how many seconds."""

    papers: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Papers a second."""
        return self.papers / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        return f"{self.papers} papers encoded, {self.rate:.1f} a second"


def encode(
    store: Store,
    encoder: Encoder,
    *,
    batch: int = BATCH,
    after: int = 0,
    stop: threading.Event | None = None,
    report: Callable[[Encoded], None] | None = None,
) -> Encoded:
    """Encode all papers that wait, the latest first; each batch is kept before the next is begun.

    Parameters
    ----------
    encoder : from texts to unit vectors.
    batch : papers at once: what an interruption can lose.
    after : papers up to this number are known to have been encoded; those of them that have changed are found all the
        same.
    stop : set by whoever wants it to end after the batch at hand.
    report : called after each batch.
    """
    started = time.perf_counter()
    done = Encoded()
    before = -1
    while done.papers > before and (numbers := _waiting(store, after)):
        before = done.papers
        for start in range(0, len(numbers), batch):
            if stop is not None and stop.is_set():
                return done
            kept = _encode_batch(store, encoder, numbers[start : start + batch])
            done = Encoded(done.papers + kept, time.perf_counter() - started)
            if report is not None:
                report(done)
    if done.papers:
        _logger.info("%s", done)
    return done


def waiting(session: Session, limit: int, after: int = 0) -> list[int]:
    """Give papers that wait to be encoded: those whose text has changed, then new ones, the latest first.

    Parameters
    ----------
    limit : at most so many of each.
    after : of the new ones only those with higher numbers, where the others are known to have vectors.
    """
    changed = select(Embedding.paper_id).where(Embedding.digest == "").limit(limit)
    encoded = select(Embedding.paper_id).where(Embedding.paper_id == Paper.id).exists()
    new = select(Paper.id).where(Paper.id > after, ~encoded).order_by(Paper.id.desc()).limit(limit)
    return [*session.scalars(changed), *session.scalars(new)]


def latest(store: Store) -> int:
    """Give the highest number of a paper."""
    with store.reading() as session:
        return session.scalar(select(func.max(Paper.id))) or 0


def _waiting(store: Store, after: int) -> list[int]:
    with store.reading() as session:
        return waiting(session, _LOOK_UP, after)


def _encode_batch(store: Store, encoder: Encoder, numbers: Sequence[int]) -> int:
    with store.reading() as session:
        texts = _texts(session, numbers)
    if not texts:
        return 0
    vectors = encoder(list(texts.values()))
    with store.writing() as session:
        now = _texts(session, list(texts), lock=True)
        kept = 0
        for (number, text), vector in zip(texts.items(), vectors, strict=True):
            if now.get(number) == text:  # else it has changed meanwhile, and waits again
                session.merge(Embedding(paper_id=number, digest=digest_of(text), vector=vector))
                kept += 1
    return kept


def _texts(session: Session, numbers: Sequence[int], *, lock: bool = False) -> dict[int, str]:
    statement = (
        select(Paper)
        .where(Paper.id.in_(numbers))
        .order_by(Paper.id)
        .options(load_only(Paper.title, Paper.abstract, Paper.summary))
    )
    if lock:
        statement = statement.with_for_update()
    return {paper.id: text_of(paper) for paper in session.scalars(statement)}

"""The vectors of papers, near ones found quickly: what SQLite has no index for.

Most papers are in a graph (usearch, HNSW) of 8-bit vectors, a file mapped into memory. Those that came or changed since
it was written are compared one by one; when they become many, a new graph takes them in. So a site of some thousands
has no file, and is exact. What the graph finds is scored again with the vectors of the table.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from reprise.site.store.tables import Embedding
from reprise.site.store.types import WIDTH

EXACT = 10_000
"""Papers outside the graph that are compared one by one."""

_CHUNK = 2_000  # numbers in one statement
_EXPANSION = 128
_POINTER, _GRAPH, _IDS, _DIGESTS = "meanings.current", "graph.usearch", "ids.npy", "digests.npy"
_ORPHANED = 24 * 3600.0  # seconds after which what an interrupted writer left is removed
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class _State:
    """What is known of the table, sorted by paper; never changed, only replaced.

    `hidden` are papers of the graph that have changed or gone.
    """

    graph: Any = None
    folder: Path | None = None
    graph_ids: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    graph_digests: NDArray[np.bytes_] = field(default_factory=lambda: np.empty(0, "S32"))
    hidden: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    ids: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    digests: NDArray[np.bytes_] = field(default_factory=lambda: np.empty(0, "S32"))
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, WIDTH), np.float32))

    def known(self) -> tuple[Ids, NDArray[np.bytes_]]:
        """Give all papers and their digests, sorted by paper."""
        kept = ~np.isin(self.graph_ids, self.hidden)
        ids = np.concatenate([self.graph_ids[kept], self.ids])
        digests = np.concatenate([self.graph_digests[kept], self.digests])
        order = np.argsort(ids, kind="stable")
        return ids[order], digests[order]


class MeaningIndex:
    """Finds the papers nearest to a vector.

    Parameters
    ----------
    folder : where the graph's file is kept.
    exact : papers outside the graph that are compared one by one before a new graph is made.
    threads : that build a graph; 0 takes all processors.
    """

    def __init__(self, folder: Path, exact: int = EXACT, threads: int = 1):
        self.folder, self.exact, self.threads = folder, exact, threads
        self._state: _State | None = None
        self._refreshing = threading.Lock()

    def __len__(self) -> int:
        state = self._state or _State()
        return len(state.graph_ids) - len(state.hidden) + len(state.ids)

    def refresh(self, session: Session) -> int:
        """Catch up with the table; give how many papers were new, had changed or were gone."""
        with self._refreshing:
            state = self._state or _opened(self.folder)
            ids, digests = _table(session)
            known, known_digests = state.known()
            at = np.searchsorted(known, ids)
            there = at < len(known)
            there[there] = known[at[there]] == ids[there]
            same = there.copy()
            # An empty digest is that of a text which waits to be encoded again; till then its vector stands.
            same[there] = (known_digests[at[there]] == digests[there]) | (digests[there] == b"")
            changed, gone = ids[~same], np.setdiff1d(known, ids, assume_unique=True)
            if len(changed) or len(gone):
                state = self._caught_up(session, state, changed, digests[~same], gone)
            self._state = state
            return len(changed) + len(gone)

    def nearest(self, session: Session, vector: NDArray[np.float32], count: int) -> tuple[Ids, NDArray[np.float32]]:
        """Give the papers nearest to a unit vector, the nearest first, and their cosines.

        Parameters
        ----------
        vector : (384,)
        count : at most so many.
        """
        return self.scored(session, vector, *self.candidates(session, vector, count), count)

    def candidates(self, session: Session, vector: NDArray[np.float32], count: int) -> tuple[Ids, NDArray[np.float32]]:
        """Give the nearest, as `nearest` does, with the cosines of the graph's 8 bits."""
        if self._state is None:
            self.refresh(session)
        state = self._state or _State()
        ids, cosines = state.ids, state.vectors @ vector
        if state.graph is not None:
            found = state.graph.search(vector, min(count, len(state.graph_ids)), threads=1)
            keys = found.keys.astype(np.int64)
            kept = ~np.isin(keys, state.hidden)
            ids = np.concatenate([ids, keys[kept]])
            cosines = np.concatenate([cosines, 1 - found.distances[kept].astype(np.float32)])
        return best(ids, cosines, count)

    def scored(
        self, session: Session, vector: NDArray[np.float32], ids: Ids, cosines: NDArray[np.float32], count: int
    ) -> tuple[Ids, NDArray[np.float32]]:
        """Give the best of some candidates by the vectors of the table, which are finer than the graph's."""
        state = self._state
        if state is None or state.graph is None:
            return best(ids, cosines, count)
        exact = vectors_of(session, ids.tolist())
        rows = np.array(list(exact.values()), np.float32).reshape(-1, WIDTH)
        return best(np.fromiter(exact, np.int64, len(exact)), rows @ vector, count)

    def _caught_up(
        self, session: Session, state: _State, changed: Ids, digests: NDArray[np.bytes_], gone: Ids
    ) -> _State:
        outdated = np.concatenate([changed, gone])
        hidden = np.union1d(state.hidden, np.intersect1d(outdated, state.graph_ids))
        kept = ~np.isin(state.ids, outdated)
        waiting = int(kept.sum()) + len(changed)
        if waiting > self.exact or (len(hidden) > self.exact and 5 * len(hidden) > len(state.graph_ids)):
            ids = np.concatenate([state.ids[kept], changed])
            every = np.concatenate([state.digests[kept], digests])
            return self._written(session, state, hidden, ids, every)
        found = vectors_of(session, changed.tolist())
        there = np.array([number in found for number in changed.tolist()], bool)  # else removed just now
        rows = [found[number] for number in changed[there].tolist()]
        ids = np.concatenate([state.ids[kept], changed[there]])
        order = np.argsort(ids)
        return _State(
            state.graph,
            state.folder,
            state.graph_ids,
            state.graph_digests,
            hidden,
            ids[order],
            np.concatenate([state.digests[kept], digests[there]])[order],
            np.concatenate([state.vectors[kept], np.array(rows, np.float32).reshape(-1, WIDTH)])[order],
        )

    def _written(self, session: Session, state: _State, hidden: Ids, ids: Ids, digests: NDArray[np.bytes_]) -> _State:
        """Make a graph of all papers, put it in the place of the one before, and map it."""
        graph = new_graph()
        kept = ~np.isin(state.graph_ids, hidden)
        if state.folder is not None and 5 * len(hidden) <= len(state.graph_ids):
            graph.load(state.folder / _GRAPH)
            if len(hidden):
                graph.remove(hidden.astype(np.uint64))
        else:
            ids = np.concatenate([state.graph_ids[kept], ids])
            digests = np.concatenate([state.graph_digests[kept], digests])
            kept[:] = False
        present = [add(graph, chunk, self.threads) for chunk in _read(session, ids.tolist())]
        there = np.isin(ids, np.concatenate([*present, np.empty(0, np.int64)]))
        ids = np.concatenate([state.graph_ids[kept], ids[there]])
        digests = np.concatenate([state.graph_digests[kept], digests[there]])
        order = np.argsort(ids)
        return _saved(self.folder, graph, ids[order], digests[order])


def new_graph() -> Any:
    """Make an empty graph of 8-bit vectors."""
    from usearch.index import Index

    return Index(ndim=WIDTH, metric="cos", dtype="i8", expansion_search=_EXPANSION)


def add(graph: Any, vectors: dict[int, NDArray[np.float32]], threads: int = 1) -> Ids:
    """Add vectors of papers to a graph; give the papers."""
    ids = np.fromiter(vectors, np.int64, len(vectors))
    if len(ids):
        graph.add(ids.astype(np.uint64), np.stack(list(vectors.values())), threads=threads)
    return ids


def best(ids: Ids, scores: NDArray[np.float32], count: int) -> tuple[Ids, NDArray[np.float32]]:
    """Give the `count` highest scores, the highest first, and whose they are."""
    if len(ids) > count:
        chosen = np.argpartition(-scores, count)[:count]
        ids, scores = ids[chosen], scores[chosen]
    order = np.lexsort((-ids, -scores))
    return ids[order], scores[order]


def vectors_of(session: Session, papers: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    """Give the vectors of papers that have one."""
    found: dict[int, NDArray[np.float32]] = {}
    for chunk in _read(session, papers):
        found |= chunk
    return found


def _read(session: Session, papers: Sequence[int]) -> Iterator[dict[int, NDArray[np.float32]]]:
    for start in range(0, len(papers), _CHUNK):
        chunk = papers[start : start + _CHUNK]
        rows = session.execute(select(Embedding.paper_id, Embedding.vector).where(Embedding.paper_id.in_(chunk)))
        yield {row.paper_id: row.vector for row in rows}


def _table(session: Session) -> tuple[Ids, NDArray[np.bytes_]]:
    """Read which papers have vectors, of which digest, sorted by paper; an index holds both, without the vectors."""
    parts: list[tuple[Ids, NDArray[np.bytes_]]] = []
    every_row = select(Embedding.paper_id, Embedding.digest).execution_options(yield_per=10_000)
    for part in session.execute(every_row).partitions():
        numbers, digests = zip(*part, strict=True)
        parts.append((np.array(numbers, np.int64), np.array([digest.encode() for digest in digests], "S32")))
    if not parts:
        return np.empty(0, np.int64), np.empty(0, "S32")
    ids, every = np.concatenate([ids for ids, _ in parts]), np.concatenate([digests for _, digests in parts])
    order = np.argsort(ids)
    return ids[order], every[order]


def _saved(folder: Path, graph: Any, ids: Ids, digests: NDArray[np.bytes_]) -> _State:
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="meanings-", dir=folder))
    graph.save(place / _GRAPH)
    np.save(place / _IDS, ids)
    np.save(place / _DIGESTS, digests)
    before = _pointed(folder)
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="meanings-", suffix=".part", delete=False) as stream:
        stream.write(place.name)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(stream.name, folder / _POINTER)  # from here on it is the one
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)  # whoever has it mapped keeps it
    _sweep(folder, place)
    return _mapped(place, ids, digests)


def _opened(folder: Path) -> _State:
    """Map the graph that is there; a missing or damaged one is as none."""
    place = _pointed(folder)
    if place is not None:
        with contextlib.suppress(OSError, ValueError, EOFError, RuntimeError):
            ids, digests = (np.load(place / name, allow_pickle=False) for name in (_IDS, _DIGESTS))
            state = _mapped(place, ids, digests)
            if len(ids) == len(digests) == len(state.graph):
                return state
    return _State()


def _mapped(place: Path, ids: Ids, digests: NDArray[np.bytes_]) -> _State:
    from usearch.index import Index

    graph = Index(ndim=WIDTH, metric="cos", dtype="i8", expansion_search=_EXPANSION, enable_key_lookups=False)
    graph.view(place / _GRAPH)
    return _State(graph, place, ids, digests)


def _pointed(folder: Path) -> Path | None:
    try:
        name = (folder / _POINTER).read_text()
    except (OSError, ValueError):
        return None
    place = folder / name
    return place if name.startswith("meanings-") and "/" not in name and place.is_dir() else None


def _sweep(folder: Path, place: Path) -> None:
    for other in folder.glob("meanings-*"):
        with contextlib.suppress(OSError):
            if other != place and other.stat().st_mtime < time.time() - _ORPHANED:
                shutil.rmtree(other) if other.is_dir() else other.unlink()

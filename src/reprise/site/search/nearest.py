"""Papers by their meaning: those nearest to a vector that pass a query's filters.

Few papers pass a narrow filter: these are compared one by one. Many pass a wide one: more of the nearest are fetched
than are asked for, and those that do not pass are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BindParameter, Float, Row, Select, bindparam, func, null, select, text, union_all
from sqlalchemy.orm import Session

from reprise.site.search.index import Ids, MeaningIndex, best
from reprise.site.store import Store
from reprise.site.store.tables import Embedding, Paper

FEW = 3_000
"""Papers that are compared one by one where no more pass a filter."""

FEW_IN_SERVER = 20_000
"""The same where PostgreSQL does it, which need not give their vectors away."""

_CHUNK = 2_000  # numbers in one statement
_WIDER = 8  # times as many are fetched where a filter leaves some out
_BEAM = 400  # that pgvector's graph keeps in view


class Narrow(Protocol):
    """Narrows a selection of papers to those that pass; `each` as for lists of papers."""

    def __call__(self, statement: Select[Any], /, *, each: bool = False) -> Select[Any]: ...  # noqa: D102


class Nearest(Protocol):
    """Finds the papers nearest to a vector."""

    def refresh(self, session: Session) -> int:
        """Catch up with the table."""
        ...

    def __call__(
        self, session: Session, vector: NDArray[np.float32], count: int, narrow: Narrow, few: bool, /
    ) -> tuple[Ids, NDArray[np.float32]]:
        """Give at most `count` papers, the nearest first, and their cosines.

        Parameters
        ----------
        vector : (384,), of length 1.
        narrow : narrows a selection of papers to those that pass.
        few : whether they may be few.
        """
        ...


def nearest_in(store: Store, folder: Path) -> Nearest:
    """Give the way to find near papers in a database."""
    return NearestInTable() if store.dialect == "postgresql" else NearestInIndex(MeaningIndex(folder))


class NearestInIndex:
    """Near papers by an index beside a SQLite file."""

    def __init__(self, index: MeaningIndex):
        self.index = index

    def refresh(self, session: Session) -> int:
        """Catch up with the table."""
        return self.index.refresh(session)

    def __call__(
        self, session: Session, vector: NDArray[np.float32], count: int, narrow: Narrow, few: bool
    ) -> tuple[Ids, NDArray[np.float32]]:
        """Give the nearest."""
        if few and (some := _few(session, narrow)) is not None:
            return _exact(session, vector, count, some)
        ids, cosines = self.index.candidates(session, vector, count * _WIDER if few else count + count // 4)
        passed: list[int] = []
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK].tolist()
            passed += session.scalars(narrow(select(Paper.id).where(Paper.id.in_(chunk)), each=True))
        kept = np.flatnonzero(np.isin(ids, np.array(passed, np.int64)))[: count + count // 4]
        return self.index.scored(session, vector, ids[kept], cosines[kept], count)


class NearestInTable:
    """Near papers by pgvector's index (HNSW) in PostgreSQL."""

    def refresh(self, session: Session) -> int:
        """PostgreSQL's index is always up to date."""
        return 0

    def __call__(
        self, session: Session, vector: NDArray[np.float32], count: int, narrow: Narrow, few: bool
    ) -> tuple[Ids, NDArray[np.float32]]:
        """Give the nearest."""
        given = bindparam("vector", vector, Embedding.vector.type)
        if few and (near := self._of_few(session, given, count, narrow)) is not None:
            return near
        session.execute(text("select set_config('hnsw.ef_search', :beam, true)"), {"beam": str(_BEAM)})
        if _goes_on(session):
            session.execute(text("select set_config('hnsw.iterative_scan', 'relaxed_order', true)"))
        # The walk along the index comes first; what it gives is then looked up in papers, and dropped or kept.
        distance = Embedding.vector.op("<#>", return_type=Float)(given)
        passing = narrow(
            select(Embedding.paper_id, distance.label("distance")).join(Paper, Paper.id == Embedding.paper_id)
        )
        return _best(session.execute(passing.order_by(distance).limit(count)).all(), count)

    def _of_few(
        self, session: Session, given: BindParameter[Any], count: int, narrow: Narrow
    ) -> tuple[Ids, NDArray[np.float32]] | None:
        """Compare the papers that pass one by one, in the server; None where these are many."""
        passing = narrow(select(Paper.id)).limit(FEW_IN_SERVER + 1).cte("passing").prefix_with("materialized")
        some = select(func.count()).select_from(passing).scalar_subquery()
        distance = Embedding.vector.op("<#>", return_type=Float)(given).label("distance")
        of_all = select(Embedding.paper_id, distance).join(passing, passing.c.id == Embedding.paper_id)
        every = of_all.where(some <= FEW_IN_SERVER).cte("every").prefix_with("materialized")
        nearest = select(every.c.paper_id, every.c.distance).order_by(every.c.distance).limit(count).subquery()
        too_many = select(null(), null()).where(some > FEW_IN_SERVER)
        rows = session.execute(union_all(select(nearest), too_many)).all()
        return None if rows and rows[-1][0] is None else _best(rows, count)


def _few(session: Session, narrow: Narrow) -> list[int] | None:
    """Give all papers that pass, or None where these are many."""
    numbers = list(session.scalars(narrow(select(Paper.id)).limit(FEW + 1)))
    return numbers if len(numbers) <= FEW else None


def _exact(
    session: Session, vector: NDArray[np.float32], count: int, papers: list[int]
) -> tuple[Ids, NDArray[np.float32]]:
    from reprise.site.search.index import vectors_of

    found = vectors_of(session, papers)
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    return best(np.fromiter(found, np.int64, len(found)), np.stack(list(found.values())) @ vector, count)


def _best(rows: Sequence[Row[Any]], count: int) -> tuple[Ids, NDArray[np.float32]]:
    ids, distances = (np.array([row[place] for row in rows]) for place in (0, 1))
    return best(ids.astype(np.int64), -distances.astype(np.float32), count)


def _goes_on(session: Session) -> bool:
    """Say whether pgvector's walk goes on until enough have passed (since 0.8)."""
    version = session.scalar(text("select extversion from pg_extension where extname = 'vector'")) or "0"
    return tuple(int(part) for part in version.split(".")[:2]) >= (0, 8)

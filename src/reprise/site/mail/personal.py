"""A reader's taste: a linear model on the meanings of the papers they voted for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reprise.site.store.tables import SHOWN, Embedding, Paper, Vote

FEWEST = 5  # votes from which a taste is learned
MOST = 500
_NEGATIVES = 5  # unvoted papers a vote


class Candidate(Protocol):
    """A paper, or what of it an order needs."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def heat(self) -> float:
        """By which it is ordered among equals."""


C = TypeVar("C", bound=Candidate)


class Ranked(NamedTuple, Generic[C]):
    """Papers in an order, and a sentence on how it was found."""

    papers: list[C]
    why: str
    personal: bool


def rank(session: Session, account: int | None, papers: Sequence[C], *, seed: int = 0) -> Ranked[C]:
    """Order papers by a reader's taste, or by heat where it is not known.

    The taste is a logistic regression (balanced, C = 1) that tells the embeddings of papers voted for (the latest
    `MOST`) from those of five times as many that were not. Papers without an embedding come last, by heat.

    Parameters
    ----------
    account : of the reader; None is nobody in particular.
    papers : to order.
    seed : of the choice of the others.
    """
    by_heat = sorted(papers, key=lambda paper: (-paper.heat, -paper.id))
    if account is None:
        return Ranked(by_heat, "In the order of what is trending.", False)
    liked = _vectors(
        session,
        session.scalars(select(Vote.paper_id).where(Vote.account_id == account).order_by(Vote.at.desc()).limit(MOST)),
    )
    if len(liked) < FEWEST:
        votes = f"{len(liked)} vote{'' if len(liked) == 1 else 's'}"
        why = f"In the order of what is trending: your taste is learned from {FEWEST} votes on, and there are {votes}."
        return Ranked(by_heat, why, False)
    others = _others(session, account, _NEGATIVES * len(liked), seed)
    known = _vectors(session, [paper.id for paper in papers])
    if len(others) < FEWEST or not known:
        return Ranked(by_heat, "In the order of what is trending: there is not enough to compare with yet.", False)
    scores = _scores(np.stack([*liked.values()]), np.stack([*others.values()]), np.stack([*known.values()]))
    score = dict(zip(known, scores.tolist(), strict=True))
    ordered = sorted(by_heat, key=lambda paper: -score.get(paper.id, -np.inf))
    return Ranked(ordered, f"In the order of your taste, learned from {len(liked)} of your votes.", True)


def _scores(
    liked: NDArray[np.float32], others: NDArray[np.float32], candidates: NDArray[np.float32]
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit(np.concatenate([liked, others]), np.repeat([1, 0], [len(liked), len(others)]))
    return np.asarray(model.decision_function(candidates), dtype=np.float64)


def _others(session: Session, account: int, count: int, seed: int) -> dict[int, NDArray[np.float32]]:
    """Draw papers that the reader did not vote for, by their numbers, so that no table is read whole."""
    most = session.scalar(select(func.max(Embedding.paper_id))) or 0
    drawn = np.random.default_rng(seed).choice(most, min(most, 4 * count), replace=False) + 1
    voted = select(Vote.paper_id).where(Vote.account_id == account)
    found: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(drawn), 500):
        if len(found) >= count:
            break
        numbers = [int(number) for number in drawn[start : start + 500]]
        rows = session.execute(
            select(Embedding.paper_id, Embedding.vector)
            .join(Paper, Paper.id == Embedding.paper_id)
            .where(Embedding.paper_id.in_(numbers), Embedding.paper_id.not_in(voted), Paper.state == SHOWN)
        ).all()
        found |= {row[0]: row[1] for row in rows[: count - len(found)]}
    return found


def _vectors(session: Session, numbers: Iterable[int]) -> dict[int, NDArray[np.float32]]:
    listed = list(numbers)
    found: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(listed), 500):
        rows = session.execute(
            select(Embedding.paper_id, Embedding.vector).where(Embedding.paper_id.in_(listed[start : start + 500]))
        )
        found |= {row[0]: row[1] for row in rows}
    return found

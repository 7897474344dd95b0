r"""What is trending: events that each count half as much after three days.

.. math:: H(t) = \sum_e w_e \, 2^{-(t - t_e) / h}

over the events e of a paper: its day (weight 1), votes (1), comments (0.5), views (0.02), and verdicts of the ledger on
its claims (2). Because all papers cool at one rate, their order does not depend on t. So a paper keeps

.. math:: \log_2 \sum_e w_e \, 2^{t_e / h},

which a new event changes once and time never does, and the trending page is a walk along an index.
"""

from __future__ import annotations

import datetime
import math
from collections import defaultdict
from collections.abc import Collection
from typing import Literal

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reprise.site.store.tables import Comment, Paper, VerdictEvent, Views, Vote

HALF_LIFE = datetime.timedelta(days=3)
Event = Literal["day", "vote", "comment", "view", "verdict"]
WEIGHTS: dict[Event, float] = {"day": 1.0, "vote": 1.0, "comment": 0.5, "view": 0.02, "verdict": 2.0}
_EPOCH = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def event_heat(event: Event, at: datetime.datetime | datetime.date, count: int = 1) -> float:
    """Give log2 of the weight of `count` events, grown by the half-lives from 2020 to their time.

    Examples
    --------
    >>> day = datetime.date(2020, 1, 7)
    >>> event_heat("vote", day), event_heat("vote", day, count=4)
    (2.0, 4.0)
    """
    if not isinstance(at, datetime.datetime):
        at = datetime.datetime(at.year, at.month, at.day, tzinfo=datetime.UTC)
    return math.log2(WEIGHTS[event] * count) + (at - _EPOCH) / HALF_LIFE


def warmer(heat: float, event: Event, at: datetime.datetime) -> float:
    """Give the heat after one more event.

    Examples
    --------
    >>> day = datetime.datetime(2020, 1, 7, tzinfo=datetime.UTC)
    >>> warmer(event_heat("vote", day), "vote", day)
    3.0
    """
    return float(np.logaddexp2(heat, event_heat(event, at)))


def reheat(session: Session, papers: Collection[int]) -> None:
    """Work the heat of `papers` out from all their events, as is needed where one was taken back."""
    heats: dict[int, list[float]] = defaultdict(list)
    for paper, day in session.execute(select(Paper.id, Paper.day).where(Paper.id.in_(papers))):
        heats[paper].append(event_heat("day", day))
    for paper, at in session.execute(select(Vote.paper_id, Vote.at).where(Vote.paper_id.in_(papers))):
        heats[paper].append(event_heat("vote", at))
    shown = select(Comment.paper_id, Comment.at).where(Comment.paper_id.in_(papers), Comment.removed.is_(False))
    for paper, at in session.execute(shown):
        heats[paper].append(event_heat("comment", at))
    for paper, day, count in session.execute(
        select(Views.paper_id, Views.day, Views.count).where(Views.paper_id.in_(papers), Views.count > 0)
    ):
        heats[paper].append(event_heat("view", day, count))
    for paper, at in session.execute(
        select(VerdictEvent.paper_id, VerdictEvent.at).where(VerdictEvent.paper_id.in_(papers))
    ):
        heats[paper].append(event_heat("verdict", at))
    if heats:
        session.execute(
            update(Paper),
            [{"id": paper, "heat": float(np.logaddexp2.reduce(several))} for paper, several in heats.items()],
        )

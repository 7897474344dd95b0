"""What a source yields: papers one by one, each with where to go on after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from reprise.site.ingest.errors import RefusedError
from reprise.site.store.papers import PaperRecord

State = dict[str, Any]


class Withdrawn(NamedTuple):
    """A paper that was taken back, and the version that says so; 0 where the source does not have it any more."""

    arxiv: str
    version: int = 0


@dataclass(frozen=True)
class Step:
    """One thing that a source tells.

    Parameters
    ----------
    state : where to go on once this is kept.
    record : a paper.
    withdrawn : a paper that was taken back.
    refused : why a paper was left out.
    """

    state: State
    record: PaperRecord | None = None
    withdrawn: Withdrawn | None = None
    refused: str = ""


def step_of(state: State, told: PaperRecord | Withdrawn | RefusedError) -> Step:
    """Give the step for what a source tells of one paper."""
    if isinstance(told, PaperRecord):
        return Step(state, told)
    if isinstance(told, Withdrawn):
        return Step(state, withdrawn=told)
    return Step(state, refused=str(told))


class Page(NamedTuple):
    """What one request, or one piece of a file, brought; `expected` is how many papers there are in all, if known."""

    steps: Sequence[Step]
    expected: int | None = None

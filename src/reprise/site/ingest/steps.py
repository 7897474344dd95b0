"""What a source yields: papers one by one, each with where to go on after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from reprise.site.store.papers import PaperRecord

State = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One thing that a source tells.

    Parameters
    ----------
    state : where to go on once this is kept.
    record : a paper.
    withdrawn : arXiv id of a paper that its source no longer has.
    refused : why a paper was left out.
    """

    state: State
    record: PaperRecord | None = None
    withdrawn: str | None = None
    refused: str = ""


class Page(NamedTuple):
    """What one request, or one piece of a file, brought; `expected` is how many papers there are in all, if known."""

    steps: Sequence[Step]
    expected: int | None = None

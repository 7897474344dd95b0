"""What a task of the workbench is: how it reads the data, which methods it compares, and how it scores them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reprise.workbench.budget import Budget
    from reprise.workbench.leaderboard import Leaderboard, Row

Kind = Literal["paper", "baseline", "yours"]


@dataclass(frozen=True)
class Metric:
    """A column of a leaderboard.

    Parameters
    ----------
    name : as the column is headed.
    better : whether higher or lower is better; None where neither is.
    says : one sentence on what it measures and how.
    digits : decimals shown.
    detail : whether it can be left out where there is little room.
    ranged : whether its range over runs is worth showing.
    """

    name: str
    better: Literal["higher", "lower"] | None
    says: str
    digits: int = 3
    detail: bool = False
    ranged: bool = True


@dataclass(frozen=True)
class Entry:
    """A method that takes part. It is named, not held, because a process of its own builds and runs it.

    Parameters
    ----------
    name : as the leaderboard shows it.
    factory : where its class is, ``"module:Class"``.
    settings : the arguments it is built with, beside those that the task offers to every method.
    kind : ``"paper"`` (in the catalogue), ``"baseline"``, or ``"yours"``.
    paper : slug of the paper.
    max_rows : above as many rows it is fitted on a random sample of that size; None where it copes by itself.
    note : what a reader should know of these settings.
    """

    name: str
    factory: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "yours"
    paper: str = ""
    max_rows: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Job:
    """One run of one method: with which seed, and for which `purpose` (the task's word) and `part` of it."""

    entry: Entry
    seed: int
    purpose: str = "fit"
    part: int = 0


@dataclass
class Outcome:
    """What a run gave.

    Attributes
    ----------
    seconds : time of the method itself, without scoring.
    measured : metrics, by name; one that is not defined for this answer is left out.
    answer : what the method answered, such as labels.
    seeded : whether the method depends on a seed, so that running it again tells something.
    call : the method as it was built, as Python code.
    notes : what a reader should know of this run.
    """

    seconds: float
    measured: dict[str, float] = field(default_factory=dict)
    answer: np.ndarray | None = None
    seeded: bool = False
    call: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class Problem:
    """The user's data, ready for every method of a task.

    Attributes
    ----------
    source : the file, or ``"the given array"``.
    title : one line on what is done with what.
    facts : what the report says of the data, by name.
    notes : sentences for the user on how the data were read and prepared.
    seed : all randomness comes from it.
    """

    source: str
    title: str
    facts: dict[str, str]
    notes: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Picture:
    """A figure of a report with its title and a sentence on how to read it."""

    title: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Ranking:
    """Names of the finished methods, best first (those that cannot be ranked left out), and the rule in a sentence."""

    names: tuple[str, ...]
    rule: str


class Task(Protocol):
    """A kind of work on the user's own data; a module of `reprise.workbench.tasks` holds one as ``TASK``."""

    name: str
    title: str
    over: str
    """What a method's runs differ in, as in "means over folds"."""
    answers: str
    """What `files` holds, as the report says it."""

    def pose(self, data: Any, labels: Any, *, seed: int, budget: Budget) -> Problem:
        """Read and check the data; further keyword arguments of an implementation are the task's settings."""

    def entries(self, problem: Any) -> list[Entry]:
        """Give the methods that take part, the cheapest first."""

    def solve(self, problem: Any, job: Job) -> Outcome:
        """Run one job and score it; called in a process of its own."""

    def repeats(self, problem: Any, row: Row) -> Iterator[Job]:
        """Give the jobs that make a method's figures surer once its first run is there, in order of use."""

    def summarise(self, problem: Any, row: Row) -> dict[str, list[float]]:
        """Give a method's metrics from all its runs: one value a run, or whatever the mean and range are taken over."""

    def metrics(self, problem: Any) -> Sequence[Metric]:
        """Give the columns of the leaderboard."""

    def rank(self, problem: Any, rows: Sequence[Row]) -> Ranking:
        """Rank the methods that have finished."""

    def answer(self, problem: Any, row: Row) -> np.ndarray | None:
        """Give what a method answered, from its runs: one a row or whatever the data consist of."""

    def pictures(self, board: Leaderboard) -> list[Picture]:
        """Draw what the report shows beside the leaderboard."""

    def files(self, board: Leaderboard) -> dict[str, bytes]:
        """Give the files that hold the best method's answer, by name."""

    def snippet(self, board: Leaderboard) -> str:
        """Give Python code that runs the best method again."""

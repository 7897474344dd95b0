"""Runs methods within a time budget, one at a time so that their seconds can be compared; keeps whatever finishes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from reprise.workbench.budget import Budget, readable
from reprise.workbench.contract import Job, Outcome
from reprise.workbench.leaderboard import Leaderboard, Row, Run
from reprise.workbench.worker import Failure, Worker

FIRST_RUNS = 0.7  # share of the budget for the methods' first runs; the rest makes their figures surer
_WORTH_RETRYING = 1.5  # a method that was ended gets a second chance if its share has grown by this factor
_SLACK = 1.2  # a repeat is begun only if as much time is left as this factor of the method's last run


@dataclass(frozen=True)
class Event:
    """What happens during a bench, for whoever shows progress.

    `stage` is ``"note"`` (a sentence on the data), ``"run"`` (a method begins) or ``"end"``; `done` of `total` runs
    are over, which grows as repeats come up; `budget` tells the time that is left at any moment.
    """

    stage: Literal["note", "run", "end"]
    text: str
    done: int
    total: int
    budget: Budget


class Race:
    """Brings the rows of a leaderboard from "not run" to their end.

    First every method runs once, in order, each with an equal share of what is left of `FIRST_RUNS` of the budget, so
    that what a cheap method leaves over goes to the dearer ones after it. Then repeats go round, the quickest methods
    first, while they fit in. A method that was ended has a second chance before the repeats and another after them, if
    what is left by then is much more than it had.
    """

    def __init__(self, board: Leaderboard, budget: Budget, on_event: Callable[[Event], None]):
        self.board, self.budget, self.on_event = board, budget, on_event
        self.done, self.total = 0, len(board.rows)
        self.took: dict[str, float] = {}
        self.shares: dict[str, float] = {}
        self.running = ""

    def run(self) -> None:
        """Run until all is done, the budget is spent, or Ctrl-C.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C comes before any method has finished; later it only ends the race.
        """
        try:
            with Worker(self.board.task.name, self.board.problem) as self.worker:
                self._first_runs()
                self._second_chances(FIRST_RUNS)
                self._repeats()
                self._second_chances(1.0)
        except KeyboardInterrupt:
            if not any(row.runs for row in self.board.rows):
                raise
            self.board.interrupted = True
        for row in self.board.rows:
            if row.status == "not run":
                row.note("stopped while it ran" if row.name == self.running else "stopped before its turn")
        self._tell("end", "")

    def _first_runs(self) -> None:
        for i, row in enumerate(self.board.rows):
            self._first_run(row, self._left(FIRST_RUNS) / (len(self.board.rows) - i))

    def _second_chances(self, part: float) -> None:
        """Run methods that were ended once more, if what is left of that part of the budget gives them much more."""
        late = [row for row in self.board.rows if row.status == "out of time"]
        for i, row in enumerate(late):
            share = self._left(part) / (len(late) - i)
            if share > _WORTH_RETRYING * self.shares[row.name]:
                self.total += 1
                self._first_run(row, share)

    def _left(self, part: float) -> float:
        return max(0.0, part * self.budget.seconds - self.budget.spent)

    def _first_run(self, row: Row, share: float) -> None:
        self.shares[row.name] = share
        job = Job(row.entry, seed=self.board.problem.seed)
        outcome = self._attempt(row, job, share, row.name)
        row.notes.clear()
        if isinstance(outcome, Outcome):
            row.status = "done"
            row.runs.append(Run(job, outcome))
            for note in (row.entry.note, *outcome.notes):
                if note:
                    row.note(note)
        elif outcome.out_of_time:
            row.status = "out of time"
            row.note(f"ended after {readable(share)}, its share of the budget")
        else:
            row.status = "failed"
            row.note(outcome.reason)

    def _repeats(self) -> None:
        pending: dict[str, tuple[Row, Iterator[Job], Job]] = {}
        for row in self.board.rows:
            if row.status == "done":
                jobs = list(self.board.task.repeats(self.board.problem, row))
                self.total += len(jobs)
                if jobs:
                    pending[row.name] = (row, iter(jobs[1:]), jobs[0])
        while pending:
            for name in sorted(pending, key=lambda name: self.took[name]):
                row, rest, job = pending.pop(name)
                if self.took[name] * _SLACK > self.budget.left:
                    row.note(f"no time for more than {len(row.runs)} run{'s' if len(row.runs) > 1 else ''}")
                    self.total -= 1 + sum(1 for _ in rest)
                    continue
                outcome = self._attempt(row, job, self.budget.left, f"{name}, run {len(row.runs) + 1}")
                if not isinstance(outcome, Outcome):
                    row.note(f"its run {len(row.runs) + 1} was not finished: {outcome.reason}")
                    self.total -= sum(1 for _ in rest)
                    continue
                row.runs.append(Run(job, outcome))
                following = next(rest, None)
                if following is not None:
                    pending[name] = (row, rest, following)

    def _attempt(self, row: Row, job: Job, seconds: float, text: str) -> Outcome | Failure:
        self.running = row.name
        self._tell("run", text)
        with self.budget.paused():  # starting a process and importing are not what a method is judged by
            problem = self.worker.ready_for(row.entry)
        if problem is not None:
            self.done += 1
            return problem
        began = time.perf_counter()
        outcome = self.worker.run(job, seconds)
        self.took[row.name] = time.perf_counter() - began
        self.done += 1
        return outcome

    def _tell(self, stage: Literal["run", "end"], text: str) -> None:
        self.on_event(Event(stage, text, self.done, self.total, self.budget))

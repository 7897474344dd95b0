"""The result of a bench: the methods ranked, with all that was measured of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from reprise.errors import RepriseError
from reprise.workbench.contract import Entry, Job, Metric, Outcome, Problem, Task

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["done", "out of time", "failed", "not run"]
_ORDER: tuple[Status, ...] = ("done", "out of time", "failed", "not run")


@dataclass
class Run:
    """A finished job and its outcome."""

    job: Job
    outcome: Outcome


@dataclass
class Row:
    """One method on the leaderboard.

    Attributes
    ----------
    entry : the method.
    status : ``"done"`` if its first run has finished; else why not.
    runs : its finished runs, the first one first.
    measured : its metrics, each with the values that mean and range are taken over.
    notes : what a reader should know, such as why it failed.
    """

    entry: Entry
    status: Status = "not run"
    runs: list[Run] = field(default_factory=list)
    measured: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The method's name."""
        return self.entry.name

    @property
    def first(self) -> Outcome | None:
        """The outcome of the first run, whose answer stands for the method."""
        return self.runs[0].outcome if self.runs else None

    def mean(self, metric: str) -> float | None:
        """Give the mean of a metric over the runs, or None where it was not measured."""
        values = self.measured.get(metric)
        return math.fsum(values) / len(values) if values else None

    def span(self, metric: str) -> tuple[float, float] | None:
        """Give the least and the greatest value of a metric, or None where it was not measured."""
        values = self.measured.get(metric)
        return (min(values), max(values)) if values else None

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(repr=False)
class Leaderboard:
    """All methods of a bench, the best first; those that were not ranked follow with the reason why.

    Attributes
    ----------
    task : name of the task.
    problem : the data as the methods saw them.
    metrics : the columns.
    rows : the methods, best first.
    ranked : how many of the rows are ranked.
    rule : how they were ranked, in a sentence.
    budget, spent : seconds that were given and used.
    interrupted : whether Ctrl-C ended the bench early.
    command : the command line that does the same, where the data came from a file.
    environment : the machine and the versions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from reprise.workbench import bench
    >>> X, y = load_iris(return_X_y=True)
    >>> board = bench("cluster", X, labels=y, budget="20s", progress=False)  # doctest: +SKIP
    >>> board.best.name, board.labels.shape  # doctest: +SKIP
    ('GaussianMixture', (150,))
    """

    task: Task
    problem: Problem
    metrics: tuple[Metric, ...]
    rows: list[Row]
    ranked: int = 0
    rule: str = ""
    budget: float = 0.0
    spent: float = 0.0
    interrupted: bool = False
    command: str = ""
    environment: dict[str, str | int | float] = field(default_factory=dict)

    @property
    def best(self) -> Row | None:
        """The first of the ranked methods, or None where none could be ranked."""
        return self.rows[0] if self.ranked else None

    @property
    def labels(self) -> np.ndarray | None:
        """The best method's answer, one a row of the data."""
        return self.task.answer(self.problem, self.best) if self.best and self.best.runs else None

    def settle(self) -> None:
        """Take every method's metrics from its runs, and rank the methods."""
        for row in self.rows:
            row.measured = self.task.summarise(self.problem, row) if row.runs else {}
        self.metrics = tuple(self.task.metrics(self.problem))
        ranking = self.task.rank(self.problem, [row for row in self.rows if row.status == "done"])
        place = {name: i for i, name in enumerate(ranking.names)}
        self.rows.sort(key=lambda row: (place.get(row.name, len(place)), _ORDER.index(row.status)))
        self.ranked, self.rule = len(place), ranking.rule

    def frame(self) -> pd.DataFrame:
        """Give the leaderboard as a data frame: of each metric the mean, the least and the greatest value."""
        import pandas as pd

        records = []
        for place, row in enumerate(self.rows, start=1):
            record: dict[str, Any] = {
                "rank": place if place <= self.ranked else None,
                "method": row.name,
                "kind": row.entry.kind,
                "status": row.status,
            }
            for metric in self.metrics:
                record[metric.name] = row.mean(metric.name)
                low, high = row.span(metric.name) or (None, None)
                record[f"{metric.name} low"], record[f"{metric.name} high"] = low, high
            records.append(record | {"runs": len(row.runs), "note": "; ".join(row.notes)})
        return pd.DataFrame.from_records(records).astype({"rank": "Int64"})

    def to_json(self) -> dict[str, Any]:
        """Give the leaderboard as plain data for JSON: no NaN, no array."""
        return {
            "task": self.task.name,
            "source": self.problem.source,
            "facts": self.problem.facts,
            "notes": list(self.problem.notes),
            "seed": self.problem.seed,
            "budget_seconds": self.budget,
            "spent_seconds": round(self.spent, 2),
            "interrupted": self.interrupted,
            "rule": self.rule,
            "best": self.best.name if self.best else None,
            "metrics": {metric.name: {"better": metric.better, "says": metric.says} for metric in self.metrics},
            "rows": [
                {
                    "rank": place if place <= self.ranked else None,
                    "method": row.name,
                    "kind": row.entry.kind,
                    "paper": row.entry.paper or None,
                    "status": row.status,
                    "call": row.first.call if row.first else None,
                    "runs": len(row.runs),
                    "metrics": {
                        metric.name: _summary(row.measured[metric.name])
                        for metric in self.metrics
                        if row.measured.get(metric.name)
                    },
                    "notes": row.notes,
                }
                for place, row in enumerate(self.rows, start=1)
            ],
            "environment": self.environment,
        }

    def page(self) -> str:
        """Give the leaderboard as an HTML page that opens without a server."""
        from reprise.workbench.page import page

        return page(self)

    def write(self, folder: str | Path) -> list[Path]:
        """Write the report and the best answer, each file whole or not at all; give the files, the page first.

        `index.html`, `leaderboard.csv`, `leaderboard.json`, and what the task adds (for ``cluster``: `labels.npy`,
        `labels.csv`).

        Raises
        ------
        RepriseError
            If a file cannot be written; what was there before is untouched.
        """
        import json

        from reprise.ledger import write_bytes

        contents = {
            "index.html": self.page().encode(),
            "leaderboard.csv": self.frame().to_csv(index=False).encode(),
            "leaderboard.json": (json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n").encode(),
        }
        if self.best:
            contents |= self.task.files(self)
        paths = [Path(folder) / name for name in contents]
        for path, content in zip(paths, contents.values(), strict=True):
            write_bytes(path, content)
        return paths

    def need_one(self) -> None:
        """Raise unless a method has finished.

        Raises
        ------
        RepriseError
            If none has: says why.
        """
        if any(row.status == "done" for row in self.rows):
            return
        if all(row.status == "out of time" for row in self.rows):
            raise RepriseError(f"No method finished within {self.budget:g} s; give more time (--budget 10m).")
        raise RepriseError(f"No method finished; {self.rows[0].name}: {'; '.join(self.rows[0].notes)}.")

    def _repr_html_(self) -> str:
        return str(self._brief().to_html(index=False, na_rep="", float_format="{:.3f}".format))

    def __repr__(self) -> str:
        return str(self._brief().to_string(index=False, na_rep="", float_format="{:.3f}".format))

    def _brief(self) -> pd.DataFrame:
        return self.frame()[["rank", "method", "status", *(metric.name for metric in self.metrics)]]


def _summary(values: list[float]) -> dict[str, Any]:
    return {"mean": math.fsum(values) / len(values), "low": min(values), "high": max(values), "over": len(values)}

"""The task ``discover``: which methods run, on which hidden labels, and what the classes they find are worth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KNeighborsClassifier

from reprise.errors import InvalidInputError
from reprise.metrics import category_accuracy
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job, Metric, Outcome, Picture, Ranking
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.methods import build, paper_entries
from reprise.workbench.scaling import Scale
from reprise.workbench.tables import listing
from reprise.workbench.tasks.cluster.scores import NOISE, number_of_clusters
from reprise.workbench.tasks.discover.baselines import baselines
from reprise.workbench.tasks.discover.problem import UNLABELLED, DiscoverProblem, pose

TRIALS = 5  # hidings of labels, or seeds where the truth is known

METRICS = (
    Metric(
        "all", "higher", "Share of the scored rows in the right class, when found classes are matched to true ones."
    ),
    Metric("known", "higher", "The same over rows of classes that were labelled, under the same matching."),
    Metric("new", "higher", "The same over rows of classes of which no row was labelled."),
    Metric("ARI", "higher", "Adjusted Rand index on the scored rows; 0 is chance, 1 is all."),
    Metric("classes", None, "Classes found among all rows; rows left out as noise are none.", digits=0),
    Metric("seconds", "lower", "Time of one run, one method at a time, without scoring.", digits=2, ranged=False),
)
_SCORES = ("all", "known", "new")


class DiscoverTask:
    """Name the rows without label, with the known classes and with new ones."""

    name = "discover"
    title = "Category discovery"
    over = "trials"
    answers = "A class for each of these rows, in their order"

    def pose(
        self,
        data: Any,
        labels: Any = None,
        *,
        seed: int = 0,
        budget: Budget,
        n_clusters: int | None = None,
        truth: Any = None,
        scale: Scale = "auto",
    ) -> DiscoverProblem:
        """Read and scale the table, and settle how many classes to look for.

        Parameters
        ----------
        data : see `reprise.workbench.tables.read_table`.
        labels : likewise; a label that is missing, empty or -1 says that the row's class is not known.
        seed : of what is hidden.
        budget : not needed here.
        n_clusters : classes to look for, known and new together; None takes the number of true classes, or without
            them the number with which k-means agrees best with the labels.
        truth : the true class of every row, for scores only: a column, a file or an array. Without it labels are
            hidden from the methods to score them by. Where every row has a label, the labels are the truth, and half
            of the classes and half of the labels of the others are hidden.
        scale : as in ``cluster``.

        Raises
        ------
        InvalidInputError, UnknownNameError
            If the data, the labels, the truth or a setting cannot be used.
        """
        return pose(data, labels, seed=seed, n_clusters=n_clusters, truth=truth, scale=scale)

    def entries(self, problem: DiscoverProblem) -> list[Entry]:
        """Give the standard methods, the cheapest first, then the papers' methods."""
        return [*baselines(problem.X.shape, problem.n_classes), *paper_entries(self.name)]

    def solve(self, problem: DiscoverProblem, job: Job) -> Outcome:
        """Find classes with the labels as they are (``"fit"``), or with those of the job's `part` hidden."""
        seen = problem.hidden(job.part)
        y = problem.y if job.purpose == "fit" else seen.y
        count = problem.n_classes
        offered = dict.fromkeys(("n_classes", "n_clusters", "n_init_components"), count) | {"random_state": job.seed}
        built = build(job.entry, offered)
        began = time.perf_counter()
        found, sampled = _fit(built.method, problem.X, y, job)
        seconds = time.perf_counter() - began
        found = named_by_labels(found, y)
        values: dict[str, float] = {"classes": number_of_clusters(found), "seconds": seconds}
        if (job.purpose == "hidden" or problem.truth is not None) and len(seen.scored):
            values |= _scores(problem, seen.scored, seen.known, found)
        notes = []
        if sampled:
            notes.append(
                f"fitted on {job.entry.max_rows:,} of {len(y):,} rows; the others took the nearest one's class"
            )
        if (found == NOISE).any():
            notes.append(f"left {np.mean(found == NOISE):.0%} of the rows out as noise (-1)")
        return Outcome(seconds, values, found.astype(np.int32), built.seeded or sampled, built.call, tuple(notes))

    def repeats(self, problem: DiscoverProblem, row: Row) -> Iterator[Job]:
        """Give the trials that hide labels, or further seeds where the truth is known."""
        if problem.truth is None:
            for part in range(TRIALS):
                yield Job(row.entry, problem.seed + part, "hidden", part)
        elif row.first is not None and row.first.seeded:
            for i in range(1, TRIALS):
                yield Job(row.entry, problem.seed + i)

    def summarise(self, problem: DiscoverProblem, row: Row) -> dict[str, list[float]]:
        """Give each score of the trials, and number and time of the runs with all labels."""
        values: dict[str, list[float]] = {}
        for metric in METRICS:
            purpose = "fit" if problem.truth is not None or metric.name in ("classes", "seconds") else "hidden"
            runs = [run.outcome.measured for run in row.runs if run.job.purpose == purpose]
            values[metric.name] = [run[metric.name] for run in runs if metric.name in run]
        return {name: each for name, each in values.items() if each}

    def metrics(self, problem: DiscoverProblem) -> Sequence[Metric]:
        """Give the columns of the leaderboard."""
        return METRICS

    def rank(self, problem: DiscoverProblem, rows: Sequence[Row]) -> Ranking:
        """Rank by accuracy on all scored rows."""
        scored = [row for row in rows if row.mean("all") is not None]
        order = sorted(scored, key=lambda row: -(row.mean("all") or 0.0))
        how = "by their true classes" if problem.truth is not None else "by labels that were hidden from the methods"
        said = f"Ranked by accuracy on all rows that were scored, {how}; found classes are matched to true ones once."
        late = [row.name for row in rows if row not in scored]
        if late:
            said += f" No time to score {listing(late)}."
        return Ranking(tuple(row.name for row in order), said)

    def answer(self, problem: DiscoverProblem, row: Row) -> np.ndarray | None:
        """Give the classes of the first run, as positions: the known ones first."""
        return row.first.answer if row.first else None

    def pictures(self, board: Leaderboard) -> list[Picture]:
        """Draw the scores, the rows in two dimensions, and found classes against true ones."""
        from reprise.workbench import figures

        problem = board.problem
        assert isinstance(problem, DiscoverProblem)
        drawn = [figures.scores(board, _SCORES)]
        if board.labels is not None and board.best is not None:
            names = problem.names(int(board.labels.max(initial=0)) + 1)
            panels = [
                figures.Panel(f"classes of {board.best.name}", board.labels, names),
                figures.Panel("labels (grey: none)", problem.y, problem.classes),
            ]
            if problem.truth is not None:
                panels.append(figures.Panel("true classes", problem.truth, problem.true_classes))
            drawn.append(figures.plane(problem.X, panels, problem.columns, problem.seed))
            if problem.truth is not None:
                hidden = problem.y == UNLABELLED
                drawn.append(
                    figures.confusion(problem.truth[hidden], problem.true_classes, board.labels[hidden], names)
                )
        return drawn

    def files(self, board: Leaderboard) -> dict[str, bytes]:
        """Give the best method's classes, one a row of the data, whether it is new, and the label if there is one."""
        import pandas as pd

        problem = board.problem
        assert isinstance(problem, DiscoverProblem)
        assert board.labels is not None
        names = np.array([*problem.names(int(board.labels.max(initial=0)) + 1), ""])  # -1, noise, has no name
        table = pd.DataFrame(
            {
                "class": names[board.labels],
                "new": board.labels >= len(problem.classes),
                "label": np.array([*problem.classes, ""])[problem.y],
            }
        )
        return {"classes.csv": table.to_csv(index_label="row").encode()}

    def snippet(self, board: Leaderboard) -> str:
        """Give Python code that runs the best method again."""
        if board.best is None or board.best.first is None:
            return ""
        problem, entry = board.problem, board.best.entry
        assert isinstance(problem, DiscoverProblem)
        module, _, name = entry.factory.partition(":")
        scaler = {"standard": "StandardScaler", "unit": "Normalizer"}.get(problem.scale)
        lines = [f"from sklearn.preprocessing import {scaler}"] if scaler else []
        lines.append(f"from {module} import {name}")
        if problem.reading:
            lines += ["from reprise.workbench import read_table", "", f"table = {problem.reading}", "X = table.X"]
        lines.append("# y (n,): your classes as whole numbers from 0, -1 where a row has no label")
        X = f"{scaler}().fit_transform(X)" if scaler else "X"
        return "\n".join([*lines, f"classes = {board.best.first.call}.fit({X}, y).labels_"])


def named_by_labels(found: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give found classes the numbers of the known classes that they match on labelled rows, and new ones the next.

    Known classes are the values of `y`; those that match no found class stay without rows. A method that gave every
    labelled row its own label keeps its numbers. Noise stays -1.

    Examples
    --------
    >>> named_by_labels(np.array([5, 5, 7, 7, 9]), np.array([1, -1, 0, -1, -1])).tolist()
    [1, 1, 0, 0, 2]
    """
    labelled = y != UNLABELLED
    known = np.unique(y[labelled])
    classes = np.setdiff1d(found, [NOISE])
    first = int(known[-1]) + 1
    name: dict[int, int] = {NOISE: NOISE}
    if (found[labelled] == y[labelled]).all():
        name |= {int(k): int(k) for k in known}
    else:
        clear = labelled & (found != NOISE)
        if clear.any():
            name |= _matched(found[clear], y[clear])
    new = [int(c) for c in classes if int(c) not in name]
    name |= {c: first + i for i, c in enumerate(new)}
    values, positions = np.unique(found, return_inverse=True)
    return np.array([name[int(value)] for value in values])[positions]


def _matched(found: np.ndarray, y: np.ndarray) -> dict[int, int]:
    from reprise.metrics import hungarian_matching

    known, classes = np.unique(y), np.unique(found)
    return {int(classes[cluster]): int(known[k]) for k, cluster in hungarian_matching(y, found)}


def _fit(method: Any, X: np.ndarray, y: np.ndarray, job: Job) -> tuple[np.ndarray, bool]:
    """Give a class of each row, and whether the method saw a sample of them only (all labelled ones that fit in)."""
    most = job.entry.max_rows
    if most is None or len(X) <= most:
        return _labels(method, X, y), False
    rng = np.random.default_rng(job.seed)
    order = np.lexsort((rng.random(len(y)), y == UNLABELLED))  # labelled rows first, at most half of the sample
    labelled = order[: int((y != UNLABELLED).sum())][: most // 2]
    others = rng.permutation(np.setdiff1d(np.arange(len(y)), labelled))[: most - len(labelled)]
    chosen = np.sort(np.concatenate([labelled, others]))
    found = np.empty(len(X), dtype=np.int64)
    found[chosen] = _labels(method, X[chosen], y[chosen])
    rest = np.setdiff1d(np.arange(len(X)), chosen)
    found[rest] = KNeighborsClassifier(n_neighbors=1).fit(X[chosen], found[chosen]).predict(X[rest])
    return found, True


def _labels(method: Any, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    fitted = method.fit(X, y) if hasattr(method, "fit") else method
    labels = np.asarray(fitted.labels_ if hasattr(fitted, "labels_") else fitted.predict(X))
    if labels.shape != (len(X),) or labels.dtype.kind not in "iu":
        raise InvalidInputError(
            f"{type(method).__name__} gave labels of shape {labels.shape} and dtype {labels.dtype}; "
            f"expected a whole number for each of {len(X)} rows."
        )
    return labels.astype(np.int64)


def _scores(problem: DiscoverProblem, scored: np.ndarray, known: np.ndarray, found: np.ndarray) -> dict[str, float]:
    truth = problem.truth if problem.truth is not None else problem.y
    accuracy = category_accuracy(truth[scored], found[scored], known)
    values = {name: float(value) for name, value in accuracy._asdict().items() if not np.isnan(value)}
    return values | {"ARI": float(adjusted_rand_score(truth[scored], found[scored]))}

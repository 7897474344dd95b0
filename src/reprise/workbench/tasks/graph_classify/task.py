"""The task ``graph-classify``: which methods run, on which folds, and what their predictions are worth."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from reprise.errors import counted
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job, Metric, Outcome, Picture, Ranking
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.methods import build, paper_entries
from reprise.workbench.tables import listing
from reprise.workbench.tasks.graph_classify.baselines import MAX_DENSE_NODES, averaged, baselines
from reprise.workbench.tasks.graph_classify.problem import GraphProblem, pose
from reprise.workbench.tasks.graph_classify.scores import METRICS, fold_scores, lead, predict

_SCORES = ("accuracy", "balanced accuracy", "macro F1")
_NOT_PREDICTED = -1


class GraphClassifyTask:
    """Predict a label for each graph."""

    name = "graph-classify"
    title = "Graph classification"
    over = "folds"
    answers = "Predicted labels of these graphs, each by a fit that had not seen it"

    def pose(
        self, data: Any, labels: Any = None, *, seed: int = 0, budget: Budget, folds: int | None = None
    ) -> GraphProblem:
        """Read the graphs and divide them into folds.

        Parameters
        ----------
        data, labels : see `reprise.workbench.read_graphs`.
        seed : of the folds.
        budget : not needed here.
        folds : how many stratified folds; None takes 10, or as many as the rarest label has graphs.

        Raises
        ------
        InvalidInputError, DamagedFileError
            If the graphs, the labels or the folds cannot be used.
        """
        return pose(data, labels, seed=seed, folds=folds)

    def entries(self, problem: GraphProblem) -> list[Entry]:
        """Give the baselines, the cheapest first, then the papers' methods."""
        small = int(problem.batch.node_counts.max()) <= MAX_DENSE_NODES
        return [*baselines(), *([averaged()] if small else []), *paper_entries(self.name)]

    def solve(self, problem: GraphProblem, job: Job) -> Outcome:
        """Fit on all folds but one, and predict that one: the job's `part`."""
        tested = problem.fold_of == job.part
        graphs = problem.batch.tuples()
        train = [graphs[i] for i in np.flatnonzero(~tested)]
        test = [graphs[i] for i in np.flatnonzero(tested)]
        built = build(job.entry, {"random_state": job.seed})
        began = time.perf_counter()
        predicted, embeds = predict(built.method, train, problem.truth[~tested], test, job.seed)
        seconds = time.perf_counter() - began
        values = fold_scores(problem.truth[tested], predicted, len(problem.labels)) | {"seconds": seconds}
        notes = ("gives vectors; logistic regression on them predicts",) if embeds else ()
        return Outcome(seconds, values, predicted.astype(np.int32), built.seeded, built.call, notes)

    def repeats(self, problem: GraphProblem, row: Row) -> Iterator[Job]:
        """Give the other folds."""
        for fold in range(1, problem.folds):
            yield Job(row.entry, problem.seed, part=fold)

    def summarise(self, problem: GraphProblem, row: Row) -> dict[str, list[float]]:
        """Give each score of every fold."""
        measured = [run.outcome.measured for run in row.runs]
        values = {name: [each[name] for each in measured] for name in (*_SCORES, "seconds")}
        if len(measured) > 1:
            values["std"] = [float(np.std(values["accuracy"]))]
        return values | {"folds": [float(len(measured))]}

    def metrics(self, problem: GraphProblem) -> Sequence[Metric]:
        """Give the columns of the leaderboard."""
        return list(METRICS.values())

    def rank(self, problem: GraphProblem, rows: Sequence[Row]) -> Ranking:
        """Rank by accuracy on the folds that every method was tested on."""
        shared = min((len(row.runs) for row in rows), default=0)
        order = sorted(rows, key=lambda row: -sum(list(_by_fold(row).values())[:shared]))
        said = [f"Ranked by the mean accuracy over {shared} fold{'' if shared == 1 else 's'}."]
        more = [row.name for row in order if len(row.runs) > shared]
        if more:
            said = [f"Ranked by the mean accuracy over the {counted(shared, 'fold')} that all were tested on."]
            said.append(f"There was time for more folds of {listing(more)}; their figures are over all of theirs.")
        if shared < problem.folds:
            said.append(f"Of {problem.folds} folds not all were tested; more time makes this surer.")
        if len(order) > 1:
            said.append(_lead_in_words(order[0], order[1]))
        return Ranking(tuple(row.name for row in order), " ".join(filter(None, said)))

    def answer(self, problem: GraphProblem, row: Row) -> np.ndarray:
        """Give the label that each graph was predicted to have when its fold was tested; None where it was not."""
        predicted = _predicted(problem, row)
        labels = problem.labels[predicted]
        if (predicted == _NOT_PREDICTED).any():
            labels = labels.astype(object)
            labels[predicted == _NOT_PREDICTED] = None
        return labels

    def pictures(self, board: Leaderboard) -> list[Picture]:
        """Draw the scores, and the best method's predictions against the labels."""
        from reprise.workbench import figures

        problem = board.problem
        assert isinstance(problem, GraphProblem)
        drawn = [figures.scores(board, _SCORES)]
        if board.best is not None:
            predicted = _predicted(problem, board.best)
            tested = predicted != _NOT_PREDICTED
            drawn.append(
                figures.predictions(problem.truth[tested], predicted[tested], problem.classes, board.best.name)
            )
        return drawn

    def files(self, board: Leaderboard) -> dict[str, bytes]:
        """Give the best method's predictions, one a graph, with the fold in which each was made."""
        import pandas as pd

        problem = board.problem
        assert isinstance(problem, GraphProblem)
        table = pd.DataFrame(
            {"label": problem.labels[problem.truth], "predicted": board.labels, "fold": problem.fold_of}
        )
        return {"predictions.csv": table.to_csv(index_label="graph").encode()}

    def snippet(self, board: Leaderboard) -> str:
        """Give Python code that fits the best method on all graphs."""
        if board.best is None or board.best.first is None:
            return ""
        problem, entry = board.problem, board.best.entry
        assert isinstance(problem, GraphProblem)
        module, _, name = entry.factory.partition(":")
        lines = [f"from {module} import {name}"]
        if problem.reading:
            lines += ["from reprise.workbench import read_graphs", "", f"data = {problem.reading}"]
        else:
            lines.append("")
        given = "data.graphs, data.y" if problem.reading else "graphs, y"
        return "\n".join([*lines, f"method = {board.best.first.call}.fit({given})"])


def _predicted(problem: GraphProblem, row: Row) -> np.ndarray:
    """Give the (n,) positions of the labels that a method predicted, each when its fold was tested."""
    predicted = np.full(len(problem.truth), _NOT_PREDICTED)
    for run in row.runs:
        predicted[problem.fold_of == run.job.part] = run.outcome.answer
    return predicted


def _by_fold(row: Row) -> dict[int, float]:
    """Give a method's accuracy on each fold it was tested on, in order."""
    return dict(sorted((run.job.part, run.outcome.measured["accuracy"]) for run in row.runs))


def _lead_in_words(first: Row, second: Row) -> str:
    by_fold = [_by_fold(row) for row in (first, second)]
    shared = sorted(by_fold[0].keys() & by_fold[1].keys())
    mean, half = lead(*([accuracies[fold] for fold in shared] for accuracies in by_fold))
    if not math.isfinite(half):
        return ""
    if mean == half == 0:
        return f"{first.name} and {second.name} were right equally often in every fold."
    settled = "the order is settled" if mean - half > 0 else "the order of the two is not settled"
    return (
        f"{first.name} leads {second.name} by {100 * mean:.1f} points (95 % interval {100 * (mean - half):.1f} to "
        f"{100 * (mean + half):.1f}, corrected for overlapping training sets): {settled}."
    )

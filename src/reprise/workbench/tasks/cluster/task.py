"""The task ``cluster``: which methods run, how often, and what their clusterings are worth."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job, Metric, Outcome, Picture, Ranking
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.methods import build, paper_entries
from reprise.workbench.scaling import Scale
from reprise.workbench.tables import listing
from reprise.workbench.tasks.cluster import scores
from reprise.workbench.tasks.cluster.baselines import baselines
from reprise.workbench.tasks.cluster.columns import METRICS, SUBSETS, columns
from reprise.workbench.tasks.cluster.problem import ClusterProblem, pose

SEEDS = 5  # runs of a method that depends on a seed


class ClusterTask:
    """Group the rows of a table."""

    name = "cluster"
    title = "Clustering"
    over = "runs with different seeds"
    answers = "Its answer for these rows, in their order"

    def pose(
        self,
        data: Any,
        labels: Any = None,
        *,
        seed: int = 0,
        budget: Budget,
        n_clusters: int | None = None,
        scale: Scale = "auto",
    ) -> ClusterProblem:
        """Read and scale the table, and settle how many clusters to look for.

        Parameters
        ----------
        data, labels : see `reprise.workbench.tables.read_table`.
        seed : of the estimate of the number of scores.
        budget : a fifth of it at most goes into that estimate.
        n_clusters : how many clusters to look for; None takes the number of labels, or without labels the number from 2
            to 10 for which K-means has the highest silhouette.
        scale : ``"standard"`` brings each column to mean 0 and standard deviation 1, ``"unit"`` each row to length 1,
            ``"none"`` neither; ``"auto"`` standardises if the columns seem to be of several units (the widest spreads
            more than 10 times as far as the median one), and says what it did.

        Raises
        ------
        InvalidInputError, UnknownNameError
            If the data, the labels or a setting cannot be used.
        """
        return pose(data, labels, seed=seed, budget=budget, n_clusters=n_clusters, scale=scale)

    def entries(self, problem: ClusterProblem) -> list[Entry]:
        """Give scikit-learn's clusterers, the cheapest first, then the papers' methods."""
        return [*baselines(problem.X.shape, problem.n_clusters), *paper_entries(self.name)]

    def solve(self, problem: ClusterProblem, job: Job) -> Outcome:
        """Cluster all rows, or a subset of them for ``"stability"``."""
        X = problem.X if job.purpose == "fit" else problem.X[scores.subset(len(problem.X), problem.seed, job.part)]
        built = build(job.entry, {"n_clusters": problem.n_clusters, "random_state": job.seed})
        sampled = job.entry.max_rows is not None and len(X) > job.entry.max_rows
        notes: list[str] = []
        began = time.perf_counter()
        if sampled:
            assert job.entry.max_rows is not None
            rng = np.random.default_rng([problem.seed, job.seed])
            labels = scores.fit_labels_on_sample(built.method, X, job.entry.max_rows, rng)
        else:
            labels = scores.fit_labels(built.method, X)
        seconds = time.perf_counter() - began
        labels = scores.by_size(labels)
        values: dict[str, float] = {}
        if job.purpose == "fit":
            values = scores.shape_scores(problem.X, labels, np.random.default_rng(problem.seed))
            values["clusters"] = scores.number_of_clusters(labels)
            values["seconds"] = seconds
            if problem.truth is not None:
                values |= scores.label_scores(problem.truth, labels)
            if sampled:
                notes.append(
                    f"fitted on {job.entry.max_rows:,} of {len(X):,} rows; the others took the nearest one's cluster"
                )
            if (labels == scores.NOISE).any():
                notes.append(f"left {np.mean(labels == scores.NOISE):.0%} of the rows out as noise (-1)")
        return Outcome(seconds, values, labels, built.seeded or sampled, built.call, tuple(notes))

    def repeats(self, problem: ClusterProblem, row: Row) -> Iterator[Job]:
        """Give subsets for stability where there are no labels, then further seeds for methods that take one."""
        if problem.truth is None and scores.SUBSET_SHARE * len(problem.X) > problem.n_clusters + 1:
            for part in range(SUBSETS):
                yield Job(row.entry, problem.seed, "stability", part)
        if row.first is not None and row.first.seeded:
            for i in range(1, SEEDS):
                yield Job(row.entry, problem.seed + i)

    def summarise(self, problem: ClusterProblem, row: Row) -> dict[str, list[float]]:
        """Give each score of the runs on all rows, and the stability of every pair of subsets."""
        fits = [run.outcome.measured for run in row.runs if run.job.purpose == "fit"]
        values = {name: [fit[name] for fit in fits if name in fit] for name in METRICS}
        pieces = [run for run in row.runs if run.job.purpose == "stability"]
        values["stability"] = scores.stability(
            [scores.subset(len(problem.X), problem.seed, run.job.part) for run in pieces],
            [run.outcome.answer for run in pieces if run.outcome.answer is not None],
        )
        found = {name: each for name, each in values.items() if each}
        if "silhouette" in found and "stability" in found:
            found["score"] = [_score(fmean(found["silhouette"]), fmean(found["stability"]))]
        return found

    def metrics(self, problem: ClusterProblem) -> Sequence[Metric]:
        """Give the scores against the labels, or those that need none."""
        return columns(labelled=problem.truth is not None)

    def rank(self, problem: ClusterProblem, rows: Sequence[Row]) -> Ranking:
        """Rank by ARI where there are labels, else by silhouette times stability."""
        if problem.truth is not None:
            order = sorted(rows, key=lambda row: (-(row.mean("ARI") or 0.0), -(row.mean("silhouette") or -1.0)))
            return Ranking(
                tuple(row.name for row in order),
                "Ranked by ARI against the labels. The labels chose the winner, so its figures are optimistic: expect "
                "somewhat less on other data of the kind.",
            )
        scored = [row for row in rows if row.mean("silhouette") is not None]
        unstable = [row.name for row in scored if row.mean("stability") is None]
        order = sorted(scored, key=lambda row: -(row.mean("silhouette" if unstable else "score") or 0.0))
        caution = (
            "Without labels a score can only say how compact and separate clusters are, which favours round ones: look "
            "at the picture before you trust the order."
        )
        if unstable:
            return Ranking(
                tuple(row.name for row in order),
                f"Ranked by silhouette alone, as there was no stability to measure for {listing(unstable)}. {caution}",
            )
        return Ranking(
            tuple(row.name for row in order),
            "Ranked by silhouette × stability: clusters that are compact, apart from each other, and found again in "
            f"other samples of the rows. {caution}",
        )

    def answer(self, problem: ClusterProblem, row: Row) -> np.ndarray | None:
        """Give the clusters of the first run."""
        return row.first.answer if row.first else None

    def pictures(self, board: Leaderboard) -> list[Picture]:
        """Draw the scores, the rows in two dimensions, clusters against labels, and the number of scores."""
        from reprise.workbench import figures

        problem = board.problem
        assert isinstance(problem, ClusterProblem)
        shown = ("ARI", "accuracy", "silhouette") if problem.truth is not None else ("score", "silhouette", "stability")
        drawn = [figures.scores(board, shown)]
        if board.labels is not None and board.best is not None:
            names = _cluster_names(board.labels)
            panels = [figures.Panel(f"clusters of {board.best.name}", board.labels, names)]
            if problem.truth is not None:
                hues = figures.matched_classes(problem.truth, board.labels, len(problem.classes), len(names))
                panels = [panels[0]._replace(hues=hues)]
                panels.append(figures.Panel(f"labels: {problem.label_name}", problem.truth, problem.classes))
            drawn.append(figures.plane(problem.X, panels, problem.columns, problem.seed))
            if problem.truth is not None:
                drawn.append(figures.confusion(problem.truth, problem.classes, board.labels, names))
        if problem.curve:
            drawn.append(figures.curve(problem.curve, problem.n_clusters))
        return drawn

    def files(self, board: Leaderboard) -> dict[str, bytes]:
        """Give the best clusters, one a row of the data."""
        assert board.labels is not None
        array = io.BytesIO()
        np.save(array, board.labels)
        lines = "".join(f"{row},{label}\n" for row, label in enumerate(board.labels.tolist()))
        return {"labels.npy": array.getvalue(), "labels.csv": f"row,cluster\n{lines}".encode()}

    def snippet(self, board: Leaderboard) -> str:
        """Give Python code that clusters the data as the best method did."""
        if board.best is None or board.best.first is None:
            return ""
        problem, entry = board.problem, board.best.entry
        assert isinstance(problem, ClusterProblem)
        module, _, name = entry.factory.partition(":")
        scaler = {"standard": "StandardScaler", "unit": "Normalizer"}.get(problem.scale)
        lines = [f"from sklearn.preprocessing import {scaler}"] if scaler else []
        lines.append(f"from {module} import {name}")
        if problem.reading:
            lines += ["from reprise.workbench import read_table", "", f"X = {problem.reading}.X"]
        else:
            lines.append("")
        if entry.max_rows is not None and len(problem.X) > entry.max_rows:
            lines.append(
                f"# The bench fitted it on {entry.max_rows:,} random rows and gave the others the nearest one's."
            )
        X = f"{scaler}().fit_transform(X)" if scaler else "X"
        return "\n".join([*lines, f"labels = {board.best.first.call}.fit_predict({X})"])


def _score(silhouette: float, stability: float) -> float:
    """Give what methods are ranked by without labels; to find a silhouette below zero again makes it no better."""
    return silhouette * stability if silhouette > 0 else silhouette


def _cluster_names(labels: np.ndarray) -> tuple[str, ...]:
    return tuple(map(str, range(int(labels.max()) + 1)))

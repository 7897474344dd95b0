"""The task ``proportions``: which methods run, on which bags, and what their probabilities are worth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from reprise.errors import InvalidInputError
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job, Metric, Outcome, Picture, Ranking
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.methods import build, paper_entries
from reprise.workbench.tables import listing
from reprise.workbench.tasks.proportions.baselines import baselines
from reprise.workbench.tasks.proportions.problem import ProportionsProblem, pose

BAG_LOSS, BAG_ERROR, AUC, ACCURACY = "bag log loss", "bag error", "AUC", "accuracy"

_OF_BAGS = (
    Metric(
        BAG_LOSS,
        "lower",
        "Cross-entropy of the share of positives of each held-out bag with the mean probability of its rows; needs no "
        "label. Its least value is the entropy of the shares.",
        digits=4,
    ),
    Metric(BAG_ERROR, "lower", "Mean difference of the two, as a share.", detail=True),
)
_OF_ROWS = (
    Metric(AUC, "higher", "Chance that a positive row of held-out bags is given a higher probability than a negative."),
    Metric(ACCURACY, "higher", "Share of held-out rows on the right side of one half.", detail=True),
)
_OF_RUNS = (
    Metric("folds", None, "Folds that the method was tested on.", digits=0, ranged=False),
    Metric(
        "seconds", "lower", "Time to fit on the other folds and to predict one, one method at a time.", digits=2,
        ranged=False,
    ),
)  # fmt: skip


class ProportionsTask:
    """Learn the probability of single rows from shares of positives in bags."""

    name = "proportions"
    title = "Learning from proportions"
    over = "folds"
    answers = "Probabilities of these rows, each by a fit that had not seen its bag, and shifted to the bag's share"

    def pose(
        self,
        data: Any,
        labels: Any = None,
        *,
        seed: int = 0,
        budget: Budget,
        groups: Any = None,
        proportions: Any = None,
        folds: int | None = None,
    ) -> ProportionsProblem:
        """Read rows in bags and divide the bags into folds.

        Parameters
        ----------
        data, labels, groups, proportions : see `reprise.workbench.read_bags`.
        seed : of the folds.
        budget : not needed here.
        folds : how many folds of whole bags; None takes 5, or as many as there are bags.

        Raises
        ------
        InvalidInputError, UnknownNameError
            If the data, the bags, the labels or the folds cannot be used.
        """
        return pose(data, labels, seed=seed, groups=groups, proportions=proportions, folds=folds)

    def entries(self, problem: ProportionsProblem) -> list[Entry]:
        """Give the baselines, the cheapest first, then the papers' methods."""
        return [*baselines(len(problem.X)), *paper_entries(self.name)]

    def solve(self, problem: ProportionsProblem, job: Job) -> Outcome:
        """Fit on the bags of all folds but one, and give probabilities of the rows of that one: the job's `part`."""
        from sklearn.metrics import accuracy_score, roc_auc_score

        from reprise.metrics import bag_log_loss, bag_means

        tested = problem.fold_of == job.part
        known = {bag: problem.shares[bag] for bag in np.unique(problem.groups[~tested]).tolist()}
        built = build(job.entry, {"random_state": job.seed, "device": "cpu"})
        began = time.perf_counter()
        fitted = built.method.fit(problem.X[~tested], problem.groups[~tested], known)
        p = _probabilities(fitted, problem.X[tested])
        seconds = time.perf_counter() - began
        groups = problem.groups[tested]
        shares, means = bag_means(groups, problem.shares, p)
        values = {
            BAG_LOSS: bag_log_loss(groups, problem.shares, p),
            BAG_ERROR: float(np.abs(shares - means).mean()),
            "seconds": seconds,
        }
        if problem.truth is not None:
            truth = problem.truth[tested]
            values[ACCURACY] = float(accuracy_score(truth, p > 0.5))
            if truth.min() < truth.max():
                values[AUC] = float(roc_auc_score(truth, p))
        return Outcome(seconds, values, p, built.seeded, built.call)

    def repeats(self, problem: ProportionsProblem, row: Row) -> Iterator[Job]:
        """Give the other folds."""
        for fold in range(1, problem.folds):
            yield Job(row.entry, problem.seed, part=fold)

    def summarise(self, problem: ProportionsProblem, row: Row) -> dict[str, list[float]]:
        """Give each score of every fold where it is defined."""
        measured = [run.outcome.measured for run in row.runs]
        values = {
            metric.name: [each[metric.name] for each in measured if metric.name in each]
            for metric in self.metrics(problem)
        }
        return {name: found for name, found in values.items() if found} | {"folds": [float(len(measured))]}

    def metrics(self, problem: ProportionsProblem) -> Sequence[Metric]:
        """Give the columns of the leaderboard."""
        return [*(_OF_ROWS if problem.truth is not None else ()), *_OF_BAGS, *_OF_RUNS]

    def rank(self, problem: ProportionsProblem, rows: Sequence[Row]) -> Ranking:
        """Rank by AUC where there are labels, else by bag log loss; methods that missed folds come after the others."""
        most = max((len(row.runs) for row in rows), default=0)
        by = AUC if problem.truth is not None and any(row.mean(AUC) is not None for row in rows) else BAG_LOSS
        sign = -1 if by == AUC else 1
        order = sorted(rows, key=lambda row: (len(row.runs) < most, sign * (row.mean(by) or 0.0)))
        said = [f"Ranked by the mean {by} over {most} fold{'' if most == 1 else 's'} of held-out bags."]
        if by == BAG_LOSS:
            said.append("Bags of many rows that all have about the same share say little about single rows.")
        late = [row.name for row in order if len(row.runs) < most]
        if late:
            said.append(f"No time for all of them, and listed after the others: {listing(late)}.")
        if most < problem.folds:
            said.append(f"Only {most} of {problem.folds} folds were tested; more time makes this surer.")
        return Ranking(tuple(row.name for row in order), " ".join(said))

    def answer(self, problem: ProportionsProblem, row: Row) -> np.ndarray:
        """Give each row's probability from when its bag was held out; NaN where it was not."""
        p = np.full(len(problem.X), np.nan)
        for run in row.runs:
            p[problem.fold_of == run.job.part] = run.outcome.answer
        return p

    def pictures(self, board: Leaderboard) -> list[Picture]:
        """Draw the scores, and the best method's mean probability of each bag against its share."""
        from reprise.workbench import figures

        problem = board.problem
        assert isinstance(problem, ProportionsProblem)
        drawn = [figures.scores(board, (AUC, BAG_LOSS) if problem.truth is not None else (BAG_LOSS, BAG_ERROR))]
        if board.best is not None:
            from reprise.metrics import bag_means

            p = self.answer(problem, board.best)
            there = ~np.isnan(p)
            shares, means = bag_means(problem.groups[there], problem.shares, p[there])
            sizes = np.unique(problem.groups[there], return_counts=True)[1]
            drawn.append(figures.bags(shares, means, sizes, board.best.name))
        return drawn

    def files(self, board: Leaderboard) -> dict[str, bytes]:
        """Give the best method's probabilities, one a row, as they are and shifted to each bag's share."""
        import pandas as pd

        problem = board.problem
        assert isinstance(problem, ProportionsProblem)
        assert board.labels is not None
        columns: dict[str, Any] = {
            "bag": problem.names[problem.groups],
            "probability": board.labels,
            "shifted": _shifted(problem, board.labels),
            "fold": problem.fold_of,
        }
        if problem.truth is not None:
            columns["label"] = problem.truth
        return {"probabilities.csv": pd.DataFrame(columns).to_csv(index_label="row").encode()}

    def snippet(self, board: Leaderboard) -> str:
        """Give Python code that fits the best method on all bags."""
        if board.best is None or board.best.first is None:
            return ""
        problem, entry = board.problem, board.best.entry
        assert isinstance(problem, ProportionsProblem)
        module, _, name = entry.factory.partition(":")
        lines = [f"from {module} import {name}"]
        if problem.reading:
            lines += ["from reprise.workbench import read_bags", "", f"data = {problem.reading}"]
        else:
            lines.append("")
        given = "data.X, data.groups, data.proportions" if problem.reading else "X, groups, proportions"
        rows = "data.X" if problem.reading else "X"
        fit = f"method = {board.best.first.call}.fit({given})"
        return "\n".join([*lines, fit, f"probabilities = method.predict_proba({rows})[:, 1]"])


def _probabilities(method: Any, X: np.ndarray) -> np.ndarray:
    name = type(method).__name__
    if not hasattr(method, "predict_proba"):
        raise InvalidInputError(f"{name} has no predict_proba; expected fit(X, groups, proportions) and predict_proba.")
    found = np.asarray(method.predict_proba(X), dtype=float)
    p = found[:, -1] if found.ndim == 2 else found
    if p.shape != (len(X),) or not ((p >= 0) & (p <= 1)).all():
        raise InvalidInputError(
            f"{name} gave probabilities of shape {found.shape}; expected ({len(X)}, 2), each from 0 to 1."
        )
    return p


def _shifted(problem: ProportionsProblem, p: np.ndarray) -> np.ndarray:
    """Shift the log-odds of each bag whose rows all have a probability, so that these sum to its share."""
    from reprise.discover.label_proportions import calibrate_to_bags

    there = ~np.isnan(p)
    shifted = p.copy()
    shifted[there] = calibrate_to_bags(p[there], problem.groups[there], {
        bag: problem.shares[bag] for bag in np.unique(problem.groups[there]).tolist()
    })  # fmt: skip
    return shifted

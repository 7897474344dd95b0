"""The task ``proportions``: on a small table of bags, whole and in this process."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from reprise import workbench
from reprise.cli import app
from reprise.data.simulators.bags import bag_counts, bag_shares, make_bags
from reprise.errors import InvalidInputError, UnknownNameError
from reprise.metrics import bag_log_loss
from reprise.workbench import Entry, bench, read_bags
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Job
from reprise.workbench.leaderboard import Leaderboard, Row, Run
from reprise.workbench.tasks.proportions import TASK, ProportionsTask, baselines
from reprise.workbench.tasks.proportions.simple import BagMeanLogistic, OverallShare, ShareSpreading

CHEAP = ("Overall share", "Bag means + logistic", "Share spreading")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=240)
    X = rng.normal(size=(240, 3)) + 2.5 * y[:, None] * [1, 0, 0]
    groups = np.array([f"clinic {g}" for g in make_bags(240, 8, rng, y=y, concentration=2.0)])
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    shares = bag_shares(groups, y)
    return frame.assign(clinic=groups, share=[shares[g] for g in groups], ill=np.where(y, "yes", "no")), y


@pytest.fixture(scope="module")
def file(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("bags") / "clinics.csv"
    table[0].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def whole(file, tmp_path_factory):
    """Give a bench of a file, through its child process."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        chosen = [entry for entry in baselines.baselines(240) if entry.name in CHEAP]
        patch.setattr(ProportionsTask, "entries", lambda self, problem: chosen)
        strange = [Entry(name, f"proportion_methods_for_tests:{name}") for name in ("FirstColumn", "Sure", "Silent")]
        board = bench(
            "proportions", file, "ill", groups="clinic", proportions="share", budget="60s", folds=3, progress=False,
            out=out, extra=strange,
        )  # fmt: skip
    return SimpleNamespace(board=board, out=out)


def test_methods_that_look_at_rows_beat_the_overall_share(whole):
    rows = {row.name: row for row in whole.board.rows}
    assert rows["Bag means + logistic"].mean("AUC") > 0.9
    assert rows["Share spreading"].mean("AUC") > 0.75
    assert rows["Overall share"].mean("AUC") == 0.5
    assert rows["Bag means + logistic"].mean("bag log loss") < rows["Overall share"].mean("bag log loss")
    assert rows["FirstColumn"].status == "done"
    assert {len(rows[name].runs) for name in CHEAP} == {3}


def test_methods_that_give_no_probabilities_fail_with_the_reason(whole):
    rows = {row.name: row for row in whole.board.rows}
    assert rows["Sure"].status == rows["Silent"].status == "failed"
    assert "Sure gave probabilities of shape" in rows["Sure"].notes[0]
    assert "no predict_proba" in rows["Silent"].notes[0]


def test_the_written_probabilities_have_the_scores_that_are_shown(whole, table):
    written = pd.read_csv(whole.out / "probabilities.csv")
    assert written["label"].tolist() == table[1].tolist()
    assert written["bag"].tolist() == table[0]["clinic"].tolist()
    best = whole.board.best
    for fold, part in written.groupby("fold"):
        run = next(run for run in best.runs if run.job.part == fold)
        assert roc_auc_score(part["label"], part["probability"]) == pytest.approx(run.outcome.measured["AUC"])
    shifted = written.groupby("bag")["shifted"].mean()
    shares = table[0].groupby("clinic")["share"].first()
    np.testing.assert_allclose(shifted, shares, atol=1e-6)
    folds = written.groupby("bag")["fold"].nunique()
    assert (folds == 1).all()


def test_the_page_and_the_command_say_what_was_done(whole):
    page = (whole.out / "index.html").read_text(encoding="utf-8")
    assert "Learning from proportions in clinics.csv" in page
    assert "Held-out bags" in page
    board = json.loads((whole.out / "leaderboard.json").read_text())
    assert board["facts"]["tested on"] == "3 folds of whole bags"
    assert "--groups clinic --proportions share --folds 3" in whole.board.command
    assert "Ranked by the mean AUC over 3 folds" in whole.board.rule


def test_the_snippet_gives_probabilities_of_all_rows(whole, table):
    names = {}
    exec(whole.board.task.snippet(whole.board), names)
    assert roc_auc_score(table[1], names["probabilities"]) > 0.9


def board_of(problem, entries, folds=None):
    rows = [Row(entry, "done") for entry in entries]
    for row in rows:
        for fold in range((folds or {}).get(row.name, problem.folds)):
            job = Job(row.entry, 0, part=fold)
            row.runs.append(Run(job, TASK.solve(problem, job)))
    board = Leaderboard(TASK, problem, (), rows, budget=60.0, spent=1.0)
    board.settle()
    return board


def test_without_labels_bags_judge(table):
    frame = table[0].drop(columns="ill")
    problem = TASK.pose(frame, seed=0, budget=Budget("1h"), groups="clinic", proportions="share", folds=2)
    entries = [entry for entry in baselines.baselines(240) if entry.name in CHEAP]
    board = board_of(problem, entries, {"Share spreading": 1})
    assert "Ranked by the mean bag log loss" in board.rule
    assert [row.name for row in board.rows] == ["Bag means + logistic", "Overall share", "Share spreading"]
    assert "listed after the others: Share spreading" in board.rule
    one = board_of(problem, entries, dict.fromkeys(CHEAP, 1))
    assert np.isnan(one.labels).sum() == (problem.fold_of == 1).sum()
    assert b"nan" not in TASK.files(one)["probabilities.csv"]
    assert len(TASK.pictures(one)) == 2
    assert "AUC" not in {metric.name for metric in TASK.metrics(problem)}


def test_every_method_of_the_task_runs(table):
    problem = TASK.pose(table[0], "ill", seed=0, budget=Budget("1h"), groups="clinic", proportions="share", folds=2)
    entries = {entry.name: entry for entry in TASK.entries(problem)}
    assert entries["LabelProportionClassifier"].paper == "label-proportions"
    for name in ("DLLP, linear", "EasyLLP", "DLLP", "LabelProportionClassifier"):
        entry = entries[name]
        quick = Entry(name, entry.factory, dict(entry.settings) | {"epochs": 2})
        first, again = (TASK.solve(problem, Job(quick, 5)) for _ in range(2))
        np.testing.assert_array_equal(first.answer, again.answer)
        assert first.seeded


def test_shares_come_from_columns_files_mappings_and_labels(table, tmp_path):
    frame, y = table
    shares = bag_shares(frame["clinic"], y)
    counts = bag_counts(frame["clinic"], y)
    pd.DataFrame({"bag": list(counts), "positives": list(counts.values())}).to_csv(tmp_path / "counts.csv", index=False)
    np.save(tmp_path / "rows.npy", frame["share"].to_numpy())
    features = frame[["a", "b", "c", "clinic"]]
    for given in (shares, counts, pd.Series(shares), tmp_path / "counts.csv", str(tmp_path / "rows.npy")):
        read = read_bags(features, "clinic", given)
        assert read.proportions == pytest.approx(shares)
        assert read.X.shape == (240, 3)
        assert read.truth is None
    from_labels = read_bags(features.assign(ill=frame["ill"]), "clinic", labels="ill")
    assert from_labels.proportions == pytest.approx(shares)
    assert any("counted from the labels ('yes' is positive)" in note for note in from_labels.notes)
    codes = np.unique(frame["clinic"], return_inverse=True)[1]
    by_number = read_bags(frame[["a"]].to_numpy(), codes, dict(enumerate(read.proportions.values())))
    assert by_number.groups.tolist() == codes.tolist()


def test_the_positive_label_is_the_one_that_fits(table):
    frame, y = table
    flipped = {bag: 1 - share for bag, share in bag_shares(frame["clinic"], y).items()}
    read = read_bags(frame.drop(columns="share"), "clinic", flipped, labels="ill")
    assert read.positive == "no"
    assert read.truth.tolist() == (1 - y).tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "The bag of each row is needed"),
        ({"groups": "clinic"}, "share or number of positives is needed"),
        ({"groups": "clinic", "proportions": "a"}, "holds a number that is missing or below 0|not constant within bag"),
        ({"groups": "clinic", "proportions": {"clinic 0": 0.5}}, "says nothing of 29 bags"),
        ({"groups": "clinic", "proportions": "many"}, "gives 99 for bag"),
        ({"groups": "clinic", "proportions": [0.5]}, "holds 1 numbers for 240 rows"),
        ({"groups": "clinic", "proportions": "text"}, "does not hold numbers"),
        ({"groups": "one", "proportions": "share"}, "belong to the bag 'x'; expected at least two bags"),
        ({"groups": "clinic", "proportions": "share", "folds": 31}, "31 folds were asked for, but there are 30 bags"),
        ({"groups": "clinic", "proportions": "share", "folds": 1}, "folds must be a whole number from 2 on"),
        ({"groups": "clinic", "proportions": "share", "labels": "three"}, "of 3 kinds"),
        (
            {"groups": "clinic", "proportions": "share", "scale": "none"},
            "no setting 'scale'; it has groups",
        ),
    ],
)
def test_impossible_bags_and_settings_are_refused(table, settings, message):
    frame = table[0].assign(many=99.0, one="x", text="none", three=np.arange(240) % 3)
    settings = dict(settings)
    with pytest.raises(InvalidInputError, match=message):
        bench("proportions", frame, settings.pop("labels", None), progress=False, **settings)


def test_unknown_columns_are_named(table):
    with pytest.raises(UnknownNameError, match="column or file of groups"):
        read_bags(table[0], "clinc", "share")
    with pytest.raises(UnknownNameError, match="column or file of proportions"):
        read_bags(table[0], "clinic", "shar")


def test_bags_named_twice_or_without_rows_are_refused(table, tmp_path):
    names = [f"clinic {i}" for i in range(30)]
    pd.DataFrame({"bag": [*names, "nowhere"], "share": 0.5}).to_csv(tmp_path / "more.csv", index=False)
    pd.DataFrame({"bag": [*names, names[0]], "share": 0.5}).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(InvalidInputError, match="names 1 bag without a row: nowhere"):
        read_bags(table[0], "clinic", tmp_path / "more.csv")
    with pytest.raises(InvalidInputError, match="names a bag twice"):
        read_bags(table[0], "clinic", tmp_path / "twice.csv")


def test_simple_methods_learn_from_bags(table):
    frame, y = table
    X, shares = frame[["a", "b", "c"]].to_numpy(), bag_shares(frame["clinic"], y)
    groups = frame["clinic"].to_numpy()
    losses = {}
    for model in (OverallShare(), BagMeanLogistic(), ShareSpreading()):
        p = model.fit(X, groups, shares).predict_proba(X)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        losses[type(model).__name__] = bag_log_loss(groups, shares, p[:, 1])
    assert max(losses, key=losses.get) == "OverallShare"
    none = BagMeanLogistic().fit(X, groups, dict.fromkeys(shares, 0.0))
    assert none.predict_proba(X)[:, 1].max() == 0


def test_the_command_line_asks_for_bags_and_writes_probabilities(table, file, tmp_path, monkeypatch):
    asked = []
    problem = TASK.pose(table[0], "ill", seed=0, budget=Budget("1h"), groups="clinic", proportions="share", folds=2)

    def benched(task, data, labels, **settings):
        asked.append((task, data, labels, settings))
        return board_of(problem, baselines.baselines(240)[:1])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workbench, "bench", benched)
    arguments = ["--groups", "clinic", "--proportions", "share", "--budget", "60s"]
    outcome = CliRunner().invoke(app, ["bench", "proportions", str(file), *arguments])
    assert outcome.exit_code == 0, outcome.output
    settings = {"budget": "60s", "seed": 0, "groups": "clinic", "proportions": "share"}
    assert asked == [("proportions", str(file), None, settings)]
    assert (tmp_path / "reprise-bench" / "clinics" / "probabilities.csv").is_file()

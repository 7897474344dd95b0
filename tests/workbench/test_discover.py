"""The task ``discover``: what is hidden, what is scored, and what is written."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from typer.testing import CliRunner

from reprise.cli import app
from reprise.errors import InvalidInputError, UnknownNameError
from reprise.workbench import bench, read_table
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job
from reprise.workbench.leaderboard import Leaderboard, Row, Run
from reprise.workbench.tasks.discover import TASK, DiscoverTask
from reprise.workbench.tasks.discover.baselines import baselines
from reprise.workbench.tasks.discover.task import named_by_labels

KINDS = np.array(["ant", "bee", "cow", "dog"])
KMEANS = Entry("Semi-supervised k-means", "reprise.workbench.tasks.discover.baselines:SemiSupervisedKMeans")
SPREADING = Entry("LabelSpreading", "reprise.workbench.tasks.discover.baselines:LabelSpreading")


@pytest.fixture(scope="module")
def rows():
    """Give four clear classes, of which half of the ants and bees are labelled."""
    X, y = make_blobs(160, 5, centers=20 * np.eye(5)[:4], random_state=0)
    shown = (y < 2) & (np.random.default_rng(0).random(160) < 0.5)
    return X, y, np.where(shown, KINDS[y], None)


def pose(data, labels, **settings):
    return TASK.pose(data, labels, seed=0, budget=Budget("1h"), **settings)


def test_what_was_not_labelled_is_named_and_scored_by_the_truth(rows):
    X, y, labels = rows
    problem = pose(X, labels, truth=KINDS[y])
    outcome = TASK.solve(problem, Job(KMEANS, 0))
    assert problem.classes == ("ant", "bee")
    assert problem.true_classes == tuple(KINDS)
    assert outcome.measured["all"] == outcome.measured["known"] == outcome.measured["new"] == 1.0
    assert outcome.measured["classes"] == 4
    assert np.array(problem.names(4))[outcome.answer[y == 1]].tolist() == ["bee"] * (y == 1).sum()
    assert set(outcome.answer[y >= 2]) == {2, 3}


def test_without_the_truth_labels_are_hidden_and_scored_by():
    X, y = make_blobs(240, 6, centers=20 * np.eye(6), random_state=0)
    labels = np.where(np.arange(240) % 4 > 0, y, -1)
    problem = pose(X, labels)
    assert problem.n_classes == 6
    for part in range(3):
        hidden = problem.hidden(part)
        assert len(hidden.known) == 4
        assert (labels[hidden.scored] >= 0).all()
        assert (hidden.y[hidden.scored] == -1).all()
        seen = hidden.y >= 0
        assert (hidden.y[seen] == labels[seen]).all()
        assert set(np.unique(hidden.y[seen])) == set(hidden.known)
        for kind in range(6):
            of_kind = labels == kind
            share = (hidden.y[of_kind] >= 0).mean()
            assert share == (pytest.approx(0.5, abs=0.05) if kind in hidden.known else 0)
    assert (problem.hidden(0).y != problem.hidden(1).y).any()
    outcome = TASK.solve(problem, Job(KMEANS, 1, "hidden", 1))
    assert outcome.measured["all"] == 1.0
    assert "all" not in TASK.solve(problem, Job(KMEANS, 0)).measured


def test_where_every_row_is_labelled_a_part_is_hidden_and_it_is_said(rows):
    X, y, _ = rows
    problem = pose(X, KINDS[y])
    assert len(problem.classes) == 2
    np.testing.assert_array_equal(np.array(problem.true_classes)[problem.truth], KINDS[y])
    assert any("2 were hidden" in note for note in problem.notes)
    labelled = problem.y >= 0
    assert (problem.y[labelled] == problem.truth[labelled]).all()
    assert 0 < labelled.sum() < 60


def test_a_method_that_knows_no_new_class_finds_none(rows):
    X, y, labels = rows
    outcome = TASK.solve(pose(X, labels, truth=KINDS[y]), Job(SPREADING, 0))
    assert set(outcome.answer) == {0, 1}
    assert outcome.measured["all"] < 0.7


@pytest.mark.parametrize("entry", baselines((160, 5), 4), ids=lambda entry: entry.name)
def test_every_standard_method_takes_part(rows, entry):
    X, y, labels = rows
    outcome = TASK.solve(pose(X, labels, truth=KINDS[y]), Job(entry, 0))
    assert outcome.measured["all"] > (0.4 if entry.name == "LabelSpreading" else 0.9)
    labelled = labels != None  # noqa: E711
    assert (KINDS[outcome.answer[labelled]] == labels[labelled]).mean() > 0.9


def test_above_the_limit_a_sample_with_labelled_rows_is_fitted(rows):
    X, y, labels = rows
    entry = Entry("few", KMEANS.factory, max_rows=40)
    outcome = TASK.solve(pose(X, labels, truth=KINDS[y]), Job(entry, 0))
    assert outcome.measured["all"] == 1.0
    assert "fitted on 40 of 160" in outcome.notes[0]


def test_clusters_take_the_names_of_the_labels_they_hold():
    y = np.array([0, 0, 1, -1, -1, -1])
    assert named_by_labels(np.array([9, 9, 4, 4, 6, -1]), y).tolist() == [0, 0, 1, 1, 2, -1]
    assert named_by_labels(np.array([0, 0, 1, 3, 2, -1]), y).tolist() == [0, 0, 1, 3, 2, -1]
    assert named_by_labels(np.full(6, -1), y).tolist() == [-1] * 6


def test_numbers_with_gaps_and_files_are_read(rows, tmp_path):
    X, y, labels = rows
    table = pd.DataFrame(X, columns=list("abcde")).assign(kind=labels, truth=KINDS[y])
    table.to_csv(tmp_path / "rows.csv", index=False)
    read = read_table(tmp_path / "rows.csv", "kind", partial=True, apart="truth")
    assert read.columns == tuple("abcde")
    assert set(read.labels) == {"", "ant", "bee"}
    problem = pose(tmp_path / "rows.csv", "kind", truth="truth")
    assert "truth" not in problem.columns
    numbers = np.where(labels == None, np.nan, y)  # noqa: E711
    assert pose(X, numbers.astype(float), truth=y).classes == ("0", "1")


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        (None, {}, "--labels"),
        ([-1] * 8, {}, "No row has a label"),
        ([0] * 8, {}, "same label"),
        ([0] * 4 + [-1] * 4, {}, "Only one class is labelled"),
        ([0, 1] * 2 + [-1] * 4, {"n_clusters": 1}, "from 2 on"),
        ([0, 1, 2] + [-1] * 5, {"n_clusters": 2}, "3 are labelled"),
        ([0, 1] + [-1] * 6, {"n_clusters": 9}, "there are 8 rows"),
        ([0, 1] + [-1] * 6, {"truth": [1, 1] + [2] * 6}, "differ in 1 labelled rows, the first in row 0"),
        ([0, 1] + [-1] * 6, {"truth": [0, 1]}, "2, but"),
        ([0, 1] + [-1] * 6, {"scale": "loud"}, "no scale"),
    ],
)
def test_bad_input_is_refused(labels, settings, message):
    with pytest.raises(InvalidInputError, match=message):
        pose(np.random.default_rng(0).normal(size=(8, 2)), labels, **settings)


def test_an_unknown_column_is_named(rows):
    table = pd.DataFrame(rows[0], columns=list("abcde"))
    with pytest.raises(UnknownNameError, match="knid"):
        pose(table, "knid")


def board_of(problem, entries):
    found = [Row(entry, "done") for entry in entries]
    for row in found:
        jobs = [Job(row.entry, 0)] + [job for job in TASK.repeats(problem, row) if problem.truth is None]
        row.runs = [Run(job, TASK.solve(problem, job)) for job in jobs]
    board = Leaderboard(TASK, problem, tuple(TASK.metrics(problem)), found, budget=60.0, spent=1.0)
    board.settle()
    return board


@pytest.mark.parametrize("with_truth", [True, False])
def test_the_report_is_whole(rows, tmp_path, with_truth):
    X, y, labels = rows
    problem = pose(X, labels, **({"truth": KINDS[y]} if with_truth else {"n_clusters": 4}))
    board = board_of(problem, [KMEANS, SPREADING])
    assert board.best.name == KMEANS.name
    board.write(tmp_path)
    table = pd.read_csv(tmp_path / "classes.csv", keep_default_na=False)
    assert table["class"].value_counts().to_dict() == {"ant": 40, "bee": 40, "new 1": 40, "new 2": 40}
    assert table["new"].tolist() == table["class"].str.startswith("new").tolist()
    assert (table["label"][table["label"] != ""] == table["class"][table["label"] != ""]).all()
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Classes in the given array" in page
    assert ("true classes" in page) == with_truth
    assert re.search(r"classes = SemiSupervisedKMeans\(.*\)\.fit\(X, y\)\.labels_", TASK.snippet(board))


def test_from_the_command_line(rows, tmp_path, monkeypatch):
    X, y, labels = rows
    monkeypatch.setattr(DiscoverTask, "entries", lambda self, problem: [KMEANS])
    pd.DataFrame(X, columns=list("abcde")).assign(kind=labels, truth=KINDS[y]).to_csv(tmp_path / "r.csv", index=False)
    asked = ["bench", "discover", str(tmp_path / "r.csv"), "--labels", "kind", "--truth", "truth", "--budget", "60s"]
    result = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 0, result.output
    board = json.loads(result.stdout)
    assert board["rows"][0]["metrics"]["all"]["mean"] == 1.0
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "--labels kind --truth truth --budget 60s --seed 0" in page
    assert (tmp_path / "out" / "classes.csv").is_file()


def test_trials_are_repeated_in_a_bench(rows):
    X, _, labels = rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DiscoverTask, "entries", lambda self, problem: [KMEANS])
        board = bench("discover", X, labels, n_clusters=4, budget="60s", progress=False)
    assert len(board.best.measured["all"]) == 5
    assert board.best.mean("all") == 1.0

"""Whole benches, with their child process, budget and interruptions."""

import itertools
import multiprocessing
import os
import re
import signal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from reprise import catalogue
from reprise.errors import InvalidInputError, RepriseError, UnknownNameError
from reprise.metrics import hungarian_accuracy
from reprise.workbench import Entry, bench, methods
from reprise.workbench.tasks.cluster import ClusterTask
from reprise.workbench.worker import Worker

AMPLE = "1h"  # which no machine is too slow for
BASELINES = {"KMeans", "GaussianMixture", "HDBSCAN", "AgglomerativeClustering", "SpectralClustering"}


@pytest.fixture(scope="module")
def labelled(iris, tmp_path_factory):
    """Give a whole bench on a file with labels, and the events it told."""
    folder = tmp_path_factory.mktemp("labelled")
    iris.to_csv(folder / "iris.csv", index=False)
    events = []
    board = bench(
        "cluster", folder / "iris.csv", "species", budget=AMPLE, progress=events.append, out=folder / "deep" / "out"
    )
    return SimpleNamespace(board=board, events=events, out=folder / "deep" / "out")


@pytest.fixture
def only_extra(monkeypatch):
    monkeypatch.setattr(ClusterTask, "entries", lambda self, problem: [])


def test_every_method_is_on_the_leaderboard(labelled):
    assert {row.name for row in labelled.board.rows} >= BASELINES
    assert {row.status for row in labelled.board.rows if row.name in BASELINES} == {"done"}
    assert not multiprocessing.active_children()


def test_the_written_labels_have_the_scores_that_are_shown(labelled, iris):
    labels = np.load(labelled.out / "labels.npy")
    best = labelled.board.best.first.measured
    truth = iris["species"]
    assert adjusted_rand_score(truth, labels) == pytest.approx(best["ARI"])
    assert normalized_mutual_info_score(truth, labels) == pytest.approx(best["NMI"])
    assert hungarian_accuracy(truth, labels) == pytest.approx(best["accuracy"])
    np.testing.assert_array_equal(labels, labelled.board.labels)
    table = pd.read_csv(labelled.out / "labels.csv")
    assert table["row"].tolist() == list(range(150))
    assert table["cluster"].tolist() == labels.tolist()


def test_the_written_leaderboard_is_the_board(labelled):
    written = pd.read_csv(labelled.out / "leaderboard.csv")
    assert written["method"].tolist() == [row.name for row in labelled.board.rows]
    assert written["ARI"].tolist() == pytest.approx([row.mean("ARI") for row in labelled.board.rows])
    assert {path.name for path in labelled.out.iterdir()} == {
        "index.html", "labels.csv", "labels.npy", "leaderboard.csv", "leaderboard.json",
    }  # fmt: skip


def test_the_snippet_gives_the_same_clusters(labelled):
    names = {}
    exec(labelled.board.task.snippet(labelled.board), names)
    assert adjusted_rand_score(names["labels"], labelled.board.labels) == 1


def test_methods_that_take_a_seed_are_run_again(labelled):
    runs = {row.name: len(row.runs) for row in labelled.board.rows}
    assert runs["KMeans"] == runs["GaussianMixture"] == 5
    assert runs["AgglomerativeClustering"] == runs["HDBSCAN"] == 1


def test_progress_tells_what_was_read_and_what_runs(labelled):
    notes = [event.text for event in labelled.events if event.stage == "note"]
    assert any("4 columns" in note for note in notes)
    running = [event for event in labelled.events if event.stage == "run"]
    assert {event.text for event in running} >= BASELINES
    assert "KMeans, run 2" in {event.text for event in running}
    assert labelled.events[-1].stage == "end"
    assert labelled.events[-1].done == labelled.events[-1].total == len(running)


def test_the_command_says_how_to_do_it_again(labelled):
    assert labelled.board.command.startswith("reprise bench cluster ")
    assert f"--labels species --budget {AMPLE} --seed 0" in labelled.board.command


def press_ctrl_c_in_the_child(event):
    """Do what a terminal does: it sends Ctrl-C to the children too, and ours must not answer it."""
    if event.stage == "run":
        for child in multiprocessing.active_children():
            os.kill(child.pid, signal.SIGINT)


def test_without_labels(blobs, only_untrained):
    board = bench("cluster", blobs[0], budget=AMPLE, progress=press_ctrl_c_in_the_child)
    assert {row.status for row in board.rows} == {"done"}
    assert board.labels.shape == (90,)
    assert adjusted_rand_score(board.labels, blobs[1]) == 1
    for row in board.rows:
        assert len(row.measured["stability"]) == 10, row.name  # pairs of five subsets
    assert board.command == ""
    assert "silhouette × stability" in board.rule
    assert "KMeans" in repr(board)
    assert "<table" in board._repr_html_()


def test_misbehaving_methods_are_passed_over_with_the_reason(blobs, toys, only_extra, capfd):
    names = ("Dies", "Spoils", "Halves", "Raises", "Exits", "WrongShape", "Demanding", "function", "Nowhere")
    missing = Entry("Missing", "reprise.nowhere:Clusterer", kind="paper", paper="some-paper")
    board = bench("cluster", *blobs, budget=AMPLE, progress=False, extra=[*toys(*names), missing])
    rows = {row.name: row for row in board.rows}
    reasons = {name: "; ".join(row.notes) for name, row in rows.items()}
    assert [row.status for row in board.rows] == ["done"] * 2 + ["failed"] * 8
    assert "ended with code 7" in reasons["Dies"]
    assert reasons["Raises"] == "RuntimeError: no luck today"
    assert reasons["Exits"] == "SystemExit: enough"
    assert "gave labels of shape (90, 2)" in reasons["WrongShape"]
    assert "needs groups" in reasons["Demanding"]
    assert "is a function" in reasons["function"]
    assert "has no Nowhere" in reasons["Nowhere"]
    assert "No module named 'reprise.nowhere'" in reasons["Missing"]
    assert reasons["Spoils"] == "UserWarning: I spoilt your array"
    np.testing.assert_array_equal(rows["Halves"].first.answer, rows["Spoils"].first.answer)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def shares(monkeypatch):
    """Give a dict to fill: seconds, in place of its share of the budget, for a method's runs by its name, in order."""
    seconds_of, run = {}, Worker.run

    def run_for(worker, job, share):
        return run(worker, job, next(seconds_of.get(job.entry.name, iter(())), share))

    monkeypatch.setattr(Worker, "run", run_for)
    return seconds_of


def test_a_method_that_takes_too_long_is_ended_and_listed(blobs, toys, only_extra, shares):
    shares["Sleeps"] = itertools.repeat(0.1)
    board = bench("cluster", *blobs, budget=AMPLE, progress=False, extra=toys("Halves", "OneCluster", "Sleeps"))
    rows = {row.name: row for row in board.rows}
    assert rows["Sleeps"].status == "out of time"
    assert re.match("ended after 4[12] min, its share of the budget", rows["Sleeps"].notes[0])
    assert {row.status for row in board.rows if row.name != "Sleeps"} == {"done"}
    assert not multiprocessing.active_children()


def test_a_method_that_was_ended_has_a_second_chance(blobs, toys, only_extra, shares, tmp_path):
    marker = tmp_path / "there"

    def too_little_once():
        yield 0.1
        marker.touch()

    shares["SleepsUntil"] = too_little_once()
    slow = Entry("SleepsUntil", "clusterers_for_tests:SleepsUntil", {"marker": str(marker)})
    board = bench("cluster", *blobs, budget=AMPLE, progress=False, extra=[slow, *toys("Halves", "OneCluster")])
    assert {row.name: row.status for row in board.rows} == {
        "SleepsUntil": "done",
        "Halves": "done",
        "OneCluster": "done",
    }


def test_an_interruption_keeps_what_has_finished(blobs, toys, only_extra):
    board = bench("cluster", *blobs, budget=AMPLE, progress=False, extra=toys("Halves", "Interrupts", "Raises"))
    assert board.interrupted
    assert board.best.name == "Halves"
    assert [(row.name, row.status) for row in board.rows[1:]] == [("Interrupts", "not run"), ("Raises", "not run")]
    assert board.rows[1].notes == ["stopped while it ran"]
    assert board.rows[2].notes == ["stopped before its turn"]
    assert not multiprocessing.active_children()


def test_an_interruption_before_anything_has_finished_is_one(blobs, toys, only_extra):
    with pytest.raises(KeyboardInterrupt):
        bench("cluster", *blobs, budget=AMPLE, progress=False, extra=toys("Interrupts"))
    assert not multiprocessing.active_children()


def test_papers_of_the_catalogue_take_part_once_their_method_exists(monkeypatch):
    def paper(status, *served):
        serves = [SimpleNamespace(task=task, name=name) for task, name in served]
        return SimpleNamespace(slug="a-paper", module="reprise.discover.a_paper", status=status, serves=serves)

    shelf = [paper("planned", ("cluster", "Not")), paper("method", ("cluster", "Yes"), ("discover", "Other"))]
    monkeypatch.setattr(catalogue, "papers", lambda task: shelf)
    assert methods.paper_entries("cluster") == [
        Entry("Yes", "reprise.discover.a_paper:Yes", kind="paper", paper="a-paper")
    ]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("out of time", "No method finished within 60 s; give more time"),
        ("failed", "No method finished; KMeans: no luck"),
    ],
)
def test_when_nothing_finishes_the_reason_is_said(blobs, inline_board, status, message):
    board = inline_board(*blobs)
    for row in board.rows:
        row.status, row.runs, row.notes = status, [], ["no luck"]
    board.settle()
    assert board.best is None
    assert board.labels is None
    with pytest.raises(RepriseError, match=message):
        board.need_one()
    assert status in board.page()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": [0]}, "no setting 'groups'; it has n_clusters, scale"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"budget": "soon"}, "time budget"),
        ({"extra": [Entry("KMeans", "sklearn.cluster:KMeans")]}, "Two methods are called 'KMeans'"),
    ],
)
def test_impossible_arguments_are_refused_before_anything_runs(blobs, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        bench("cluster", blobs[0], progress=False, **arguments)


def test_an_unknown_task_gets_the_nearest_names(blobs):
    with pytest.raises(UnknownNameError, match="Did you mean cluster"):
        bench("clusters", blobs[0])


def test_a_folder_that_cannot_be_made_is_refused_first(blobs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="cannot be made"):
        bench("cluster", blobs[0], out=tmp_path / "file" / "out")

"""The task ``graph-classify``: on a small TU folder, whole and in this process."""

import json
import math
import multiprocessing
import shutil
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score
from torch_geometric.data import Data
from typer.testing import CliRunner

from reprise import catalogue, workbench
from reprise.cli import app
from reprise.data.graph_files import read_tu_folder
from reprise.errors import DamagedFileError, InvalidInputError, RepriseError
from reprise.workbench import Entry, bench, read_graphs
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Job
from reprise.workbench.leaderboard import Leaderboard, Row, Run
from reprise.workbench.tasks.graph_classify import TASK, GraphClassifyTask, baselines
from reprise.workbench.tasks.graph_classify.scores import fold_scores, lead

CHEAP = ("Majority", "Histogram + logistic", "WL subtree kernel")
FEW_EPOCHS = {"epochs": 2}


def write_tu_folder(folder: Path, name: str, graphs, labels):
    """Write graphs, whose nodes have a `kind`, as the TU collection does."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = nx.disjoint_union_all([nx.convert_node_labels_to_integers(graph) for graph in graphs]).to_directed()
    owners = np.repeat(np.arange(len(graphs)), [len(graph) for graph in graphs]) + 1
    for part, lines in {
        "A": [f"{a + 1}, {b + 1}" for a, b in whole.edges],
        "graph_indicator": owners,
        "graph_labels": labels,
        "node_labels": [whole.nodes[node]["kind"] for node in whole],
    }.items():
        (folder / f"{name}_{part}.txt").write_text("".join(f"{line}\n" for line in lines))


def toy_graphs(count=18):
    """Give rings with their two kinds of node in turn, and with each kind in one block: alike but for the structure."""
    graphs, labels = [], []
    for i in range(count):
        n = 4 + i % 5
        for label in ("mixed", "parted"):
            ring = nx.cycle_graph(2 * n)
            kinds = {node: node % 2 if label == "mixed" else node // n for node in ring}
            nx.set_node_attributes(ring, kinds, "kind")
            graphs.append(ring)
            labels.append(label)
    return graphs, labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs") / "RINGS"
    write_tu_folder(folder, "RINGS", *toy_graphs())
    return folder


@pytest.fixture(scope="module")
def problem(folder):
    return TASK.pose(folder, seed=0, budget=Budget("1h"), folds=3)


def board_of(problem, entries, folds=None):
    """Give a leaderboard as a bench would; `folds` by the names of methods that were not tested on all."""
    rows = [Row(entry, "done") for entry in entries]
    for row in rows:
        for fold in range((folds or {}).get(row.name, problem.folds)):
            job = Job(row.entry, 0, part=fold)
            row.runs.append(Run(job, TASK.solve(problem, job)))
    board = Leaderboard(TASK, problem, (), rows, budget=60.0, spent=1.0)
    board.settle()
    return board


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    """Give a bench of a folder, through its child process."""
    out = tmp_path_factory.mktemp("out")
    events = []
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        chosen = [entry for entry in baselines.baselines() if entry.name in CHEAP]
        patch.setattr(GraphClassifyTask, "entries", lambda self, problem: chosen)
        strange = [Entry(name, f"graph_methods_for_tests:{name}") for name in ("Strange", "Sizes", "Mute")]
        board = bench("graph-classify", folder, budget="60s", folds=4, progress=events.append, out=out, extra=strange)
    return SimpleNamespace(board=board, out=out, events=events)


def test_structure_wins_where_only_structure_tells(whole):
    rows = {row.name: row for row in whole.board.rows}
    assert whole.board.best.name == "WL subtree kernel"
    assert rows["WL subtree kernel"].mean("accuracy") == 1
    assert rows["Histogram + logistic"].mean("accuracy") <= 0.6
    assert rows["Majority"].mean("balanced accuracy") == 0.5
    assert {len(rows[name].runs) for name in (*CHEAP, "Sizes")} == {4}
    assert not multiprocessing.active_children()


def test_methods_that_predict_no_label_fail_with_the_reason(whole):
    rows = {row.name: row for row in whole.board.rows}
    assert rows["Strange"].status == rows["Mute"].status == "failed"
    assert "Strange gave predictions of shape (9,)" in rows["Strange"].notes[0]
    assert "neither predict nor transform" in rows["Mute"].notes[0]


def test_vectors_are_classified_by_regression(whole):
    row = next(row for row in whole.board.rows if row.name == "Sizes")
    assert row.status == "done"
    assert "logistic regression on them predicts" in row.notes[0]


def test_the_written_predictions_have_the_scores_that_are_shown(whole, folder):
    table = pd.read_csv(whole.out / "predictions.csv")
    assert table["graph"].tolist() == list(range(36))
    assert table["label"].tolist() == read_tu_folder(folder).y.tolist()
    hits = (table["label"] == table["predicted"]).groupby(table["fold"]).mean()
    assert hits.tolist() == pytest.approx(whole.board.best.measured["accuracy"])
    assert whole.board.labels.tolist() == table["predicted"].tolist()
    assert {path.name for path in whole.out.iterdir()} == {
        "index.html", "leaderboard.csv", "leaderboard.json", "predictions.csv",
    }  # fmt: skip


def test_the_page_says_what_was_done(whole):
    page = (whole.out / "index.html").read_text(encoding="utf-8")
    assert "Classifying graphs of RINGS" in page
    assert "Means over folds" in page
    assert "Predictions against labels" in page
    assert "each by a fit that had not seen it" in page
    board = json.loads((whole.out / "leaderboard.json").read_text())
    assert board["facts"]["tested on"] == "4 stratified folds, as asked for"
    assert "reprise bench graph-classify" in whole.board.command
    assert "--folds 4" in whole.board.command


def test_progress_tells_what_was_read_and_which_fold_runs(whole):
    notes = " ".join(event.text for event in whole.events if event.stage == "note")
    assert "Read 36 graphs with 420 nodes and 840 edges from RINGS" in notes
    assert "one-hot of 2 node labels" in notes
    assert "WL subtree kernel, run 4" in {event.text for event in whole.events if event.stage == "run"}
    assert whole.events[-1].done == whole.events[-1].total


def test_the_snippet_fits_the_best_method_on_all_graphs(whole, folder):
    names = {}
    exec(whole.board.task.snippet(whole.board), names)
    assert (names["method"].predict(names["data"].graphs) == names["data"].y).all()


def test_networks_take_part_and_so_do_the_papers(problem, monkeypatch):
    entries = {entry.name: entry for entry in TASK.entries(problem)}
    assert list(entries)[:5] == [entry.name for entry in baselines.baselines()]
    for name in ("GIN", "Frame-averaged GIN"):
        entry = Entry(name, entries[name].factory, FEW_EPOCHS)
        first, again = (TASK.solve(problem, Job(entry, 5)) for _ in range(2))
        np.testing.assert_array_equal(first.answer, again.answer)
        assert first.answer.shape == (12,)
        assert first.seeded
    assert entries["Frame-averaged GIN"].paper == "frame-averaging"
    paper = SimpleNamespace(
        slug="a-paper", module="reprise.symmetry.a_paper", status="method",
        serves=[SimpleNamespace(task="graph-classify", name="Yes"), SimpleNamespace(task="equivariance", name="No")],
    )  # fmt: skip
    monkeypatch.setattr(catalogue, "papers", lambda task: [paper])
    assert TASK.entries(problem)[-1] == Entry("Yes", "reprise.symmetry.a_paper:Yes", kind="paper", paper="a-paper")


def test_dense_networks_are_left_out_of_large_graphs():
    graphs = [nx.star_graph(n) for n in (3, 4, 5, 200)]
    problem = TASK.pose(graphs, [0, 0, 1, 1], seed=0, budget=Budget("1h"))
    assert "Frame-averaged GIN" not in {entry.name for entry in TASK.entries(problem)}


def test_scores_of_a_fold_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(3, size=50), rng.integers(3, size=50)
    scores = fold_scores(truth, predicted, 3)
    assert scores["accuracy"] == np.mean(truth == predicted)
    assert scores["balanced accuracy"] == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert scores["macro F1"] == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_a_lead_is_as_sure_as_its_folds():
    mean, half = lead([0.9, 0.8, 0.7], [0.8, 0.7, 0.6])
    assert mean == pytest.approx(0.1)
    assert half == pytest.approx(0.0, abs=1e-9)
    difference = np.array([0.2, 0.0, 0.1, 0.3])
    mean, half = lead(difference, np.zeros(4))
    naive = 3.182446 * difference.std(ddof=1) / 2  # Student's t with 3 degrees of freedom
    assert half == pytest.approx(naive * math.sqrt((1 / 4 + 1 / 3) / (1 / 4)), rel=1e-5)
    assert lead([0.9], [0.8])[1] == math.inf


def test_folds_are_the_same_for_every_method_and_depend_on_the_seed(folder):
    def folds(seed):
        return TASK.pose(folder, seed=seed, budget=Budget("1h")).fold_of.tolist()

    assert folds(0) == folds(0) != folds(1)


def test_as_many_folds_as_the_rarest_label_allows():
    graphs = [nx.path_graph(n) for n in range(2, 12)]
    problem = TASK.pose(graphs, ["a"] * 7 + ["b"] * 3, seed=0, budget=Budget("1h"))
    assert problem.folds == 3
    assert "as label 'b' has 3 graphs" in problem.facts["tested on"]


def test_methods_are_ranked_on_the_folds_that_all_were_tested_on(problem):
    entries = [entry for entry in baselines.baselines() if entry.name in CHEAP]
    board = board_of(problem, entries, {"WL subtree kernel": 1})
    assert board.best.name == "WL subtree kernel"
    assert "over the 1 fold that all were tested on" in board.rule
    assert "more folds of " in board.rule
    assert "Of 3 folds not all were tested" in board.rule
    assert {row.mean("folds") for row in board.rows} == {1, 3}
    few = board_of(problem, entries, dict.fromkeys(CHEAP, 2))
    assert few.rule.startswith("Ranked by the mean accuracy over 2 folds. Of 3 folds not all were tested")
    assert "WL subtree kernel leads" in few.rule
    missing = [label is None for label in few.labels]
    one = board_of(problem, entries, dict.fromkeys(CHEAP, 1))
    assert one.rule.startswith("Ranked by the mean accuracy over 1 fold.")
    assert one.best.mean("std") is None
    assert missing == (problem.fold_of == 2).tolist()


def test_equal_methods_are_said_to_be_equal(problem):
    twice = [Entry(name, "sklearn.dummy:DummyClassifier") for name in ("one", "other")]
    assert "one and other were right equally often in every fold" in board_of(problem, twice).rule


def test_graphs_from_python_with_labels_of_their_own_or_beside(folder):
    graphs, labels = toy_graphs(4)
    data = [Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=2, y=torch.tensor([i % 2])) for i in range(6)]
    own = read_graphs(data)
    assert own.y.tolist() == [0, 1] * 3
    assert own.features == "one-hot of 1 node degree"
    beside = read_graphs(graphs, labels)
    assert beside.y.tolist() == labels
    assert beside.batch.x.shape == (beside.batch.num_nodes, 1)  # rings: every degree is 2
    assert read_graphs(read_tu_folder(folder)).y.tolist() == read_graphs(folder).y.tolist()
    again = read_graphs(read_graphs(folder))
    assert torch.equal(again.batch.edge_index, read_graphs(folder).batch.edge_index)


def test_labels_in_a_file_take_the_place_of_the_folders(folder, tmp_path):
    np.save(tmp_path / "sizes.npy", np.arange(36) % 3)
    read = read_graphs(folder, tmp_path / "sizes.npy")
    assert read.y.tolist() == [0, 1, 2] * 12
    assert read.label_name == "sizes.npy"


def test_edges_that_go_one_way_are_pointed_out():
    graphs = [([[0, 1], [1, 2]], 3), ([[0], [1]], 2)]
    assert any("go one way only" in note for note in read_graphs(graphs, [0, 1]).notes)
    assert not any("go one way only" in note for note in read_graphs([nx.path_graph(3)] * 2, [0, 1]).notes)


def test_the_folder_of_a_torch_geometric_data_set_is_found(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "RINGS" / "raw")
    assert len(read_graphs(tmp_path / "RINGS")) == 36


def test_a_text_file_is_read(tmp_path):
    (tmp_path / "toy.txt").write_text("2\n2 0\n5 1 1\n7 1 0\n1 1\n5 0\n")
    assert read_graphs(tmp_path / "toy.txt").y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        (None, {}, "The given graphs have no labels; give one for each of 4"),
        ([0, 1], {}, "The labels .* are 2, but the given graphs has 4 graphs"),
        ([0, 0, 0, 1], {}, "label '1' has 1 graph; to train and to test"),
        ([0] * 4, {}, "All labels are 0"),
        ([0, 0, 1, 1], {"folds": 3}, "3 folds were asked for, but label '0' has 2 graphs"),
        ([0, 0, 1, 1], {"folds": 1}, "folds must be a whole number from 2 on"),
        ([0, 0, 1, 1], {"n_clusters": 3}, "no setting 'n_clusters'; it has folds"),
    ],
)
def test_impossible_graphs_and_settings_are_refused(labels, settings, message):
    graphs = [nx.path_graph(n) for n in (2, 3, 4, 5)]
    with pytest.raises(InvalidInputError, match=message):
        bench("graph-classify", graphs, labels, progress=False, **settings)


def test_the_command_line_refuses_what_it_cannot_read(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, tmp_path / "CUT")
    path = tmp_path / "CUT" / "RINGS_node_labels.txt"
    path.write_text(path.read_text()[:-4])
    (tmp_path / "empty").mkdir()
    (tmp_path / "graphs.npy").touch()
    for name, kind, message in (
        ("CUT", DamagedFileError, "RINGS_node_labels.txt is damaged: it has 418 lines for 420 nodes"),
        ("empty", InvalidInputError, "holds no NAME_graph_indicator.txt"),
        ("nowhere", InvalidInputError, "no file or folder nowhere"),
        ("graphs.npy", InvalidInputError, "graphs come as a folder in the form of the TU collection"),
    ):
        problem = CliRunner().invoke(app, ["bench", "graph-classify", name]).exception
        assert isinstance(problem, kind)
        assert isinstance(problem, RepriseError)  # one sentence and exit code 2
        assert message in str(problem)


def test_the_command_line_asks_for_folds_and_writes_beside_the_folders_name(problem, folder, tmp_path, monkeypatch):
    asked = []

    def benched(task, data, labels, **settings):
        asked.append((task, data, labels, settings))
        return board_of(problem, baselines.baselines()[:1])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workbench, "bench", benched)
    outcome = CliRunner().invoke(app, ["bench", "graph-classify", f"{folder}/", "--folds", "3", "--budget", "60s"])
    assert outcome.exit_code == 0, outcome.output
    assert asked == [("graph-classify", f"{folder}/", None, {"budget": "60s", "seed": 0, "folds": 3})]
    assert "Best: Majority" in outcome.output
    assert (tmp_path / "reprise-bench" / "RINGS" / "predictions.csv").is_file()

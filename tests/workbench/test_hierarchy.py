"""The task ``hierarchy``: on the catalogue's own summaries, in this process, and once as a command."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from reprise import catalogue
from reprise.cli import app
from reprise.discover.science_hierarchography import Node
from reprise.errors import InvalidInputError, UnknownNameError
from reprise.models import text
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Job
from reprise.workbench.leaderboard import Leaderboard, Row, Run
from reprise.workbench.tasks.hierarchy import TASK
from reprise.workbench.tasks.hierarchy.baselines import RandomTree, WardTree


@pytest.fixture(autouse=True)
def without_models(monkeypatch):
    """Let TF-IDF embed, as MiniLM takes long to load; name by key phrases."""
    monkeypatch.setattr(text, "is_installed", lambda: False)
    monkeypatch.delenv("REPRISE_CHAT_URL", raising=False)
    monkeypatch.delenv("REPRISE_CHAT_MODEL", raising=False)


@pytest.fixture(scope="session")
def papers():
    return pd.DataFrame(
        [{"Title": p.title, "summary": p.summary, "family": p.family, "url": p.arxiv_url} for p in catalogue.papers()]
    )


def board_of(data, labels=None, names=None, **settings):
    problem = TASK.pose(data, labels, budget=Budget("1h"), **settings)
    rows = [Row(entry, "done") for entry in TASK.entries(problem) if names is None or entry.name in names]
    for row in rows:
        row.runs = [Run(Job(row.entry, 0), TASK.solve(problem, Job(row.entry, 0)))]
    board = Leaderboard(TASK, problem, (), rows, budget=60.0, spent=1.0)
    board.settle()
    return board


@pytest.fixture(scope="module")
def board(papers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "is_installed", lambda: False)
        return board_of(papers, "family")


def test_every_tree_beats_the_random_one_and_all_are_scored(board):
    means = {row.name: row.mean("found") for row in board.rows}
    assert set(means) == {
        "Random tree", "Flat KMeans", "Ward tree", "ScienceHierarchy, top-down", "ScienceHierarchy, bottom-up",
        "ScienceHierarchy, bidirectional",
    }  # fmt: skip
    assert min(mean for name, mean in means.items() if name != "Random tree") > means["Random tree"]
    assert all(0 <= row.mean("NMI") <= 1 and row.mean("LLM calls") == 0 for row in board.rows)
    assert board.problem.sizes[-1] == 11
    assert list(means.values()) == sorted(means.values(), reverse=True)


def test_the_best_tree_is_written_with_the_report(board, tmp_path):
    files = {path.name: path for path in board.write(tmp_path)}
    assert set(files) >= {"index.html", "tree.html", "tree.json", "topics.csv"}
    content = json.loads(files["tree.json"].read_text())
    assert len(content["titles"]) == 78
    assert Node.from_dict(content["tree"]).papers == list(range(78))
    page = files["tree.html"].read_text()
    assert page.count("<li>") == 78
    assert 'href="https://arxiv.org/' in page
    assert len(pd.read_csv(files["topics.csv"])) == 78
    assert board.labels.shape == (78,)
    assert (board.labels > 0).all()
    assert "tree" in TASK.snippet(board) or "find" in TASK.snippet(board)
    assert TASK.name in json.dumps(board.to_json())


def test_hostile_texts_stay_texts(tmp_path):
    rows = [
        {"title": f"<script>alert({i})</script> =cmd {i}", "abstract": f"trees <img onerror=x> {i}"} for i in range(6)
    ]
    board = board_of(rows, names=("ScienceHierarchy, top-down",), n_clusters=2)
    board.write(tmp_path)
    for page in ("tree.html", "index.html"):
        assert "<script>alert" not in (tmp_path / page).read_text()
        assert "<img onerror" not in (tmp_path / page).read_text()


def test_the_command_reads_a_file_and_writes_the_tree(papers, tmp_path, monkeypatch):
    file = tmp_path / "papers.jsonl"
    papers.head(20).to_json(file, orient="records", lines=True)
    command = ["bench", "hierarchy", str(file), "--labels", "family", "--budget", "40s", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*command, "--n-clusters", "2"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "tree.html").is_file()
    assert (tmp_path / "out" / "tree.json").is_file()


def test_repeats_and_columns(papers):
    problem = TASK.pose(papers, budget=Budget("1m"))
    assert [metric.name for metric in TASK.metrics(problem)][:2] == ["found", "quoted"]
    assert "NMI" not in [metric.name for metric in TASK.metrics(problem)]
    jobs = {entry.name: len([*TASK.repeats(problem, Row(entry))]) for entry in TASK.entries(problem)}
    assert jobs["Ward tree"] == 0
    assert jobs["ScienceHierarchy, top-down"] == 2


def test_minilm_gives_way_where_it_would_take_too_long(papers, monkeypatch):
    class Slow:
        name = "slow"

        def __call__(self, texts):
            import time

            time.sleep(0.01 * len(texts))
            return np.ones((len(texts), 3))

    monkeypatch.setattr(text, "is_installed", lambda: True)
    monkeypatch.setattr("reprise.workbench.tasks.hierarchy.problem.LazyEncoder", Slow)
    assert "would need more than 30%" in TASK.pose(papers, budget=Budget("1s")).facts["vectors"]
    assert "texts a second" in TASK.pose(papers, budget=Budget("1h")).facts["vectors"]


@pytest.mark.parametrize(
    ("data", "labels", "error", "message"),
    [
        ([{"a": 1}] * 5, None, InvalidInputError, "no column of titles"),
        ([{"title": "A"}, {"title": None}, {"title": "B"}], None, InvalidInputError, "row 1"),
        ([{"title": "A"}] * 2, None, InvalidInputError, "at least three"),
        ([{"title": "A", "y": 1}] * 4, "z", UnknownNameError, "z"),
        ([{"title": "A", "y": 1}] * 4, "y", InvalidInputError, "1 kinds"),
        ([{"title": "A"}] * 4, [1, 2], InvalidInputError, "4 texts"),
        (5, None, InvalidInputError, "Texts come as"),
        ("nowhere.csv", None, InvalidInputError, "no file"),
    ],
)
def test_bad_input_is_refused(data, labels, error, message):
    with pytest.raises(error, match=message):
        TASK.pose(data, labels, budget=Budget("1m"))


def test_baseline_trees_have_their_sizes():
    X = np.random.default_rng(0).standard_normal((30, 3))
    for kind in (RandomTree, WardTree):
        levels = kind([9, 3]).levels(X)
        assert [len(np.unique(column)) for column in levels.T] == [3, 9]

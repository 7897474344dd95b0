"""`reprise bench` as a user meets it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_wine
from typer.testing import CliRunner

from reprise import workbench
from reprise.cli import EXIT_INTERRUPTED, app
from reprise.errors import InvalidInputError


def reprise(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "reprise", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=600
    )


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wine")
    X, y = load_wine(return_X_y=True)
    np.save(folder / "wine.npy", X)
    np.save(folder / "kinds.npy", y)
    return folder


def test_from_a_file_to_labels(wine):
    ended = reprise("bench", "cluster", "wine.npy", "--labels", "kinds.npy", "--budget", "60s", "--json", cwd=wine)
    assert ended.returncode == 0, ended.stderr
    board = json.loads(ended.stdout)
    assert board["rows"][0]["metrics"]["ARI"]["mean"] > 0.8
    assert "Read 178 rows of 13 numbers from wine.npy." in ended.stderr
    assert (
        "Each column was brought to mean 0 and standard deviation 1 (the widest column spreads 388 times"
        in ended.stderr
    )
    out = wine / "reprise-bench" / "wine"
    labels = np.load(out / "labels.npy")
    assert labels.shape == (178,)
    assert (out / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_an_unknown_task_is_one_sentence_and_code_2(wine):
    ended = reprise("bench", "clutser", "wine.npy", cwd=wine)
    assert ended.returncode == 2
    assert ended.stderr.strip() == "Error: There is no task 'clutser'. Did you mean cluster?"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.npy",), "no file nowhere.npy"),
        (("wine.npy", "--labels", "wine.npy"), "expected one label a row"),
        (("wine.npy", "--budget", "soon"), "time budget"),
        (("wine.npy", "--scale", "log"), "expected auto, standard, unit, none"),
    ],
)
def test_bad_input_is_an_error_of_ours(wine, monkeypatch, arguments, message):
    monkeypatch.chdir(wine)
    outcome = CliRunner().invoke(app, ["bench", "cluster", *arguments])
    assert isinstance(outcome.exception, InvalidInputError)
    assert message in str(outcome.exception)


def test_the_table_is_printed_and_files_go_where_asked(wine, monkeypatch, tmp_path, inline_board):
    asked = []

    def bench(task, data, labels, **settings):
        asked.append((task, labels, settings))
        return inline_board(data, labels, n_clusters=settings["n_clusters"], scale=settings["scale"])

    monkeypatch.setattr(workbench, "bench", bench)
    arguments = ["--n-clusters", "3", "--scale", "unit", "--budget", "9s", "--seed", "4", "--out", str(tmp_path)]
    outcome = CliRunner().invoke(app, ["bench", "cluster", str(wine / "wine.npy"), *arguments])
    assert outcome.exit_code == 0, outcome.output
    assert asked == [("cluster", None, {"budget": "9s", "seed": 4, "n_clusters": 3, "scale": "unit"})]
    assert "Best: " in outcome.output
    assert {"index.html", "labels.npy"} <= {path.name for path in tmp_path.iterdir()}


def test_an_interrupted_bench_prints_what_it_has_and_says_so(wine, monkeypatch, tmp_path, inline_board):
    board = inline_board(str(wine / "wine.npy"))
    board.interrupted = True
    monkeypatch.setattr(workbench, "bench", lambda *arguments, **settings: board)
    outcome = CliRunner().invoke(app, ["bench", "cluster", "wine.npy", "--out", str(tmp_path)])
    assert outcome.exit_code == EXIT_INTERRUPTED
    assert "Stopped by Ctrl-C" in outcome.output
    assert (tmp_path / "index.html").is_file()

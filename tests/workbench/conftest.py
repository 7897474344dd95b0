"""Benches for tests: real ones, and ones that run in this process."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_blobs

from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job
from reprise.workbench.leaderboard import Leaderboard, Row, Run
from reprise.workbench.tasks.cluster import TASK, ClusterTask

TRAINED = "ManifoldLinearizingClustering"
"""The one method that trains a network, and costs more than all others together."""


@pytest.fixture(scope="session")
def iris():
    data = load_iris(as_frame=True)
    table = data.data.copy()
    table["species"] = data.target_names[data.target]
    return table


@pytest.fixture(scope="session")
def blobs():
    X, y = make_blobs(90, 3, centers=[[0, 0, 0], [20, 0, 0], [0, 20, 0]], random_state=0)
    return X, y


@pytest.fixture
def toys(monkeypatch):
    """Give entries by the names of the classes beside this file, which a child process can import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return lambda *names: [Entry(name, f"clusterers_for_tests:{name}") for name in names]


all_entries = ClusterTask.entries


def untrained(problem):
    return [entry for entry in all_entries(TASK, problem) if entry.name != TRAINED]


@pytest.fixture
def only_untrained(monkeypatch):
    """Leave out what trains a network, where nothing is said of it that whole benches do not say already."""
    monkeypatch.setattr(ClusterTask, "entries", lambda self, problem: untrained(problem))


@pytest.fixture(scope="session")
def inline_board():
    """Give a leaderboard as a bench would, with each method but the trained one run once (and on two subsets) here."""

    def board_of(data, labels=None, entries=None, **settings):
        problem = TASK.pose(data, labels, seed=0, budget=Budget("1h"), **settings)
        rows = [Row(entry, "done") for entry in entries or untrained(problem)]
        for row in rows:
            jobs = [Job(row.entry, 0)]
            if problem.truth is None:
                jobs += [Job(row.entry, 0, "stability", part) for part in range(2)]
            row.runs = [Run(job, TASK.solve(problem, job)) for job in jobs]
        board = Leaderboard(TASK, problem, (), rows, budget=60.0, spent=1.0)
        board.settle()
        return board

    return board_of


@pytest.fixture
def hostile_table():
    """Give a table whose names and labels try to break out of a page, a figure or a formula."""
    rng = np.random.default_rng(0)
    names = ["<script>alert(1)</script>", "--><b onload=x>", "$\\frac{", "表"]
    table = pd.DataFrame(rng.normal(size=(40, 4)), columns=names)
    table["label <img src=http://evil.example>"] = ["<script>alert(2)</script>", "$x_{$"] * 20
    return table

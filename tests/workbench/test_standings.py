"""Leaderboards of well-known data sets, kept as files."""

import json

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from reprise.errors import DamagedFileError, MissingDataError
from reprise.workbench import standings
from reprise.workbench.contract import Entry
from reprise.workbench.standings import STANDINGS, Rows, Standing, clustered, markdown, measure
from reprise.workbench.tasks.cluster import ClusterTask


def blobs():
    X, y = make_blobs(60, 2, centers=[[0, 0], [20, 0], [0, 20]], random_state=0)
    return Rows(X, y, "three heaps")


BLOBS = Standing("cluster", "Heaps", blobs, clustered, budget="60s", metrics=("ARI", "accuracy"))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(ClusterTask, "entries", lambda self, problem: [Entry("KMeans", "sklearn.cluster:KMeans")])


def test_a_bench_is_kept_and_not_repeated(quick, tmp_path):
    (path,) = measure(tmp_path, [BLOBS])
    assert path.name == "cluster-heaps.json"
    board = json.loads(path.read_text())
    assert board["rows"][0]["metrics"]["ARI"]["mean"] == 1.0
    assert measure(tmp_path, [BLOBS]) == []
    table = markdown(tmp_path, "cluster", [BLOBS])
    assert "**Heaps: three heaps** (rows: 60)" in table
    assert "| 1 | KMeans | 1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) |" in table
    assert markdown(tmp_path, "discover", [BLOBS]) == ""


def test_data_that_are_not_here_are_passed_over(tmp_path, capsys):
    def absent():
        raise MissingDataError("MNIST is not on this machine.")

    assert measure(tmp_path, [Standing("cluster", "MNIST", absent, clustered)]) == []
    assert "left out: MNIST is not on this machine" in capsys.readouterr().err


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / BLOBS.file).write_text('{"rows": [')
    with pytest.raises(DamagedFileError, match=r"cluster-heaps\.json"):
        markdown(tmp_path, "cluster", [BLOBS])


def test_files_have_names_of_their_own():
    assert len({standing.file for standing in STANDINGS}) == len(STANDINGS)


def test_rows_are_reduced_to_one_scale():
    rows = standings._reduced(np.random.default_rng(0).integers(0, 255, (80, 10, 10)), np.arange(80), "squares")
    assert rows.X.shape == (80, 50)
    assert rows.X.std(axis=0).max() == pytest.approx(1)
    assert rows.made == "80 squares, 50 principal components"

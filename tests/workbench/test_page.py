import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from reprise.workbench import figures
from reprise.workbench.terminal import in_lines, leaderboard

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Page(HTMLParser):
    """Reads a page: its tags, attributes and text; complains about tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def labelled(inline_board, iris):
    return inline_board(iris, "species")


@pytest.fixture(scope="module")
def unlabelled(inline_board, iris):
    return inline_board(iris.drop(columns="species"))


@pytest.fixture(scope="module", params=["labelled", "unlabelled"])
def board(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def source(board):
    return board.page()


def test_the_page_stands_alone(source):
    page = Page(source)
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    for _, name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "xlink:href"):
            assert not value.startswith(("http", "//", "javascript"))
        if name == "style":
            assert "http" not in value
    styles = source.split("<style>")[1].split("</style>")[0]
    assert "@import" not in styles
    assert "url(" not in styles


def test_the_page_shows_what_was_found(board, source):
    text = " ".join(Page(source).text)
    assert f"Best: {board.best.name}" in text
    for row in board.rows:
        assert row.name in text
        assert all(note in text for note in row.notes)
    for metric in board.metrics:
        assert metric.says in text
    assert board.rule in text
    assert all(note in text for note in board.problem.notes)


def test_each_figure_is_there(board, source):
    titles = ["Scores", "The data", "Clusters against labels" if board.problem.classes else "How many clusters"]
    assert [picture.title for picture in board.task.pictures(board)] == titles
    assert Page(source).tags.count("svg") == 3


@pytest.mark.filterwarnings("error")
def test_hostile_names_are_text(inline_board, hostile_table):
    label = hostile_table.columns[-1]
    board = inline_board(hostile_table, label)
    page = Page(board.page())
    assert not {"script", "img"} & set(page.tags)
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    text = " ".join(page.text)
    assert "<script>alert(1)</script>" in text
    assert "<script>alert(2)</script>" in text
    assert "表" in text
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(leaderboard(board))
    assert board.best.name in console.export_text()


def test_the_table_fits_a_narrow_terminal(board):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(leaderboard(board, 80))
    text = console.export_text()
    assert "…" not in text
    for metric in board.metrics:
        assert metric.detail or metric.name in text
    for row in board.rows:
        assert all(line in text for line in in_lines(row.name).split("\n"))


def test_json_has_no_nan_and_the_ranks_in_order(board):
    content = json.loads(json.dumps(board.to_json(), allow_nan=False))
    assert [row["rank"] for row in content["rows"]] == list(range(1, board.ranked + 1))
    assert content["best"] == board.rows[0].name
    for row, written in zip(board.rows, content["rows"], strict=True):
        for name, values in written["metrics"].items():
            assert values["low"] <= values["mean"] + 1e-12
            assert values["mean"] <= values["high"] + 1e-12
            assert values["mean"] == pytest.approx(row.mean(name))


def test_clusters_get_the_colour_of_the_class_they_match():
    truth = np.repeat([0, 1, 2], 10)
    labels = np.repeat([2, 0, 1], 10)
    labels[3] = 3
    labels[-1] = -1
    assert figures.matched_classes(truth, labels, 3, 4) == [1, 2, 0, 3]
    assert figures.matched_classes(truth, np.zeros(30, int), 3, 1) in ([0], [1], [2])


@pytest.mark.parametrize("groups", [2, 8, 15, 40])
def test_colours_differ(groups):
    assert len(set(figures._colours(groups))) == groups


@pytest.mark.parametrize("shape", [(5000, 3), (30, 1), (30, 40)])
def test_any_shape_can_be_drawn(shape):
    X = np.random.default_rng(0).normal(size=shape)
    labels = (X[:, 0] > 0).astype(int) - 1
    picture = figures.plane(X, [figures.Panel("clusters", labels, ["0"])], [f"c{i}" for i in range(shape[1])], seed=0)
    assert figures.svg(picture.figure).startswith("<svg")
    assert ("4,000 of 5,000 rows" in picture.caption) == (shape[0] == 5000)


def test_many_classes_are_cut_and_said():
    rng = np.random.default_rng(0)
    truth, labels = rng.integers(60, size=500), rng.integers(-1, 50, size=500)
    picture = figures.confusion(truth, [f"class {i}" for i in range(60)], labels, [str(i) for i in range(50)])
    assert "25 of 60 labels" in picture.caption
    figures.svg(picture.figure)

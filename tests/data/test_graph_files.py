import numpy as np
import pytest

from reprise.data.graph_files import is_tu_folder, read_graph_text, read_tu_folder
from reprise.errors import DamagedFileError, InvalidInputError
from reprise.nn.graph_batch import graph_batch

TRIANGLE_AND_EDGE = "2\n3 7\n0 2 1 2\n0 2 0 2\n5 2 0 1\n2 -1\n5 1 1\n0 1 0\n"

TU = {
    "A": "1, 2\n2, 1\n2, 3\n3, 2\n4, 5\n5, 4\n",
    "graph_indicator": "1\n1\n1\n2\n2\n",
    "graph_labels": "1\n-1\n",
    "node_labels": "4\n6\n4\n6\n6\n",
    "node_attributes": "0.5, 1\n0.25, 2\n0, 3\n0, 4\n1e-1, 5\n",
    "edge_labels": "0\n0\n1\n1\n2\n2\n",
}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "two.txt"
    path.write_text(TRIANGLE_AND_EDGE)
    return path


@pytest.fixture
def folder(tmp_path):
    for part, content in TU.items():
        (tmp_path / f"TOY_{part}.txt").write_text(content)
    return tmp_path


def edges(graph):
    return sorted(map(tuple, graph[0].T.tolist()))


def test_text_is_read(text):
    graphs, y, name, features = read_graph_text(text)
    assert edges(graphs[0]) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    assert edges(graphs[1]) == [(0, 1), (1, 0)]
    assert graphs[0][1].tolist() == [[1, 0], [1, 0], [0, 1]]
    assert graphs[1][1].tolist() == [[0, 1], [1, 0]]
    assert y.tolist() == [7, -1]
    assert (name, features) == ("two", "one-hot of 2 node labels")
    assert len(graph_batch(graphs)) == 2


def test_an_edge_that_one_end_names_is_taken_both_ways_once(text):
    text.write_text("1\n3 0\n0 1 1\n1 0\n2 2 0 0\n")
    assert edges(read_graph_text(text).graphs[0]) == [(0, 1), (0, 2), (1, 0), (2, 0)]


def test_without_node_labels_features_are_degrees(text):
    text.write_text("1\n3 0\n0 1 1\n0 2 0 2\n0 1 1\n")
    graphs, _, _, features = read_graph_text(text)
    assert graphs[0][1].tolist() == [[1, 0], [0, 1], [1, 0]]
    assert features == "one-hot of 2 node degrees"


def test_attributes_come_after_the_neighbours(text):
    text.write_text("1\n2 0\n0 1 1 0.5 -2\n1 1 0 1.5 3e1\n")
    graphs, _, _, features = read_graph_text(text)
    assert graphs[0][1].tolist() == [[1, 0, 0.5, -2], [0, 1, 1.5, 30]]
    assert features == "one-hot of 2 node labels, 2 node attributes"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it is empty"),
        ("two\n", "line 1 is 'two'; expected the number of graphs"),
        ("0\n", "line 1 says 0 graphs"),
        (TRIANGLE_AND_EDGE[:-9], "line 7 promises 1 neighbours and names 0 .it may be cut"),
        ("2\n" + TRIANGLE_AND_EDGE[2:-6], "ends after line 7, and more"),
        ("3" + TRIANGLE_AND_EDGE[1:], "ends after line 8, and more"),
        ("1" + TRIANGLE_AND_EDGE[1:], "line 6 comes after the last of the 1 graphs"),
        (TRIANGLE_AND_EDGE.replace("3 7", "3"), "line 2 is '3'; expected 'nodes label'"),
        (TRIANGLE_AND_EDGE.replace("3 7", "0 7"), "line 2 says that graph 0 has 0 nodes"),
        (TRIANGLE_AND_EDGE.replace("5 2 0 1", "5 2 0 x"), "line 5 is '5 2 0 x'; expected 'tag degree"),
        (TRIANGLE_AND_EDGE.replace("5 2 0 1", "5"), "line 5 is '5'"),
        (TRIANGLE_AND_EDGE.replace("5 2 0 1", "5 2 0"), "line 5 promises 2 neighbours and names 1"),
        (TRIANGLE_AND_EDGE.replace("5 2 0 1", "5 -1 0"), "line 5 promises -1 neighbours"),
        (TRIANGLE_AND_EDGE.replace("5 2 0 1", "5 2 0 3"), "line 5 names a neighbour outside 0 to 2"),
        (TRIANGLE_AND_EDGE.replace("5 2 0 1", "5 2 0 1 0.5"), "line 5 has 1 numbers after its neighbours"),
        (TRIANGLE_AND_EDGE.replace("0 2 1 2", "0 2 1 2 nan"), "line 3 has an attribute that is missing"),
    ],
)
def test_damage_in_a_text_is_named_with_its_line(text, content, problem):
    text.write_text(content)
    with pytest.raises(DamagedFileError, match=problem) as caught:
        read_graph_text(text)
    assert caught.value.path == text


def test_a_tu_folder_is_read(folder):
    graphs, y, name, features = read_tu_folder(folder)
    assert is_tu_folder(folder)
    assert edges(graphs[0]) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert edges(graphs[1]) == [(0, 1), (1, 0)]
    np.testing.assert_allclose(graphs[0][1], [[1, 0, 0.5, 1], [0, 1, 0.25, 2], [1, 0, 0, 3]])
    np.testing.assert_allclose(graphs[1][1], [[0, 1, 0, 4], [0, 1, 0.1, 5]])
    assert graphs[0][2].tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert y.tolist() == [1, -1]
    assert name == "TOY"
    assert features == "one-hot of 2 node labels, 2 node attributes; of edges one-hot of 3 edge labels"
    batch = graph_batch(graphs)
    assert batch.edge_attr.shape == (6, 3)


def test_files_in_another_order_are_the_same_graphs(folder):
    expected = read_tu_folder(folder)
    for part, order in (("graph_indicator", [3, 0, 1, 4, 2]), ("node_labels", [3, 0, 1, 4, 2])):
        path = folder / f"TOY_{part}.txt"
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines[i] for i in order))
    (folder / "TOY_node_attributes.txt").unlink()
    new_number = {1: 2, 2: 3, 3: 5, 4: 1, 5: 4}
    ends = [[new_number[int(end)] for end in line.split(",")] for line in TU["A"].splitlines()]
    shuffled = [4, 1, 0, 5, 3, 2]
    (folder / "TOY_A.txt").write_text("\n".join(f"{ends[i][0]}, {ends[i][1]}" for i in shuffled))
    labels = TU["edge_labels"].splitlines()
    (folder / "TOY_edge_labels.txt").write_text("\n".join(labels[i] for i in shuffled))
    found = read_tu_folder(folder)
    for (e, x, a), (f, z, b) in zip(expected.graphs, found.graphs, strict=True):
        np.testing.assert_array_equal(x[:, :2], z)
        one, other = (sorted(zip(*ends.tolist(), of.tolist(), strict=True)) for ends, of in ((e, a), (f, b)))
        assert one == other


def test_labels_may_be_words_and_nodes_bare(folder):
    for part in ("node_labels", "node_attributes", "edge_labels"):
        (folder / f"TOY_{part}.txt").unlink()
    (folder / "TOY_graph_labels.txt").write_text("toxic\nharmless\n")
    graphs, y, _, features = read_tu_folder(folder)
    assert y.tolist() == ["toxic", "harmless"]
    assert features == "one-hot of 2 node degrees"
    assert graphs[0][1].tolist() == [[1, 0], [0, 1], [1, 0]]
    assert len(graphs[0]) == 2


def test_graphs_without_edges_are_graphs(folder):
    for part in ("A", "edge_labels"):
        (folder / f"TOY_{part}.txt").write_text("")
    graphs = read_tu_folder(folder).graphs
    assert graphs[0][0].shape == (2, 0)
    assert graph_batch(graphs).node_counts.tolist() == [3, 2]


@pytest.mark.parametrize(
    ("part", "content", "problem"),
    [
        ("A", "1, 2\n2 1\n", "line 2 is '2 1'; expected whole numbers"),
        ("A", "1, 2\n2\n", "line 2 has 1 number, the first 2"),
        ("A", "1, 2, 3\n", "line 1 has 3 numbers; expected 'source, target'"),
        ("A", "1, 2\n2, 6\n", "line 2 names a node outside 1 to 5"),
        ("A", "0, 1\n", "line 1 names a node outside 1 to 5"),
        ("A", "1, 2\n3, 4\n", "line 2 joins nodes of two graphs"),
        ("A", "1, 2\n\n2, 1\n", "line 2 is empty"),
        ("A", "1, x\n", "line 1 is '1, x'"),
        ("graph_indicator", "1\n1\n1\n2\n3\n", "line 5 names a graph outside 1 to 2"),
        ("graph_indicator", "1\n1\n1\n1\n1\n", "no line names graph 2"),
        ("graph_indicator", "1, 1\n2, 1\n", "line 1 has 2 numbers"),
        ("graph_indicator", "", "it is empty"),
        ("graph_labels", "1\n", "line 4 names a graph outside 1 to 1"),
        ("graph_labels", "1, 2\n2, 3\n", "line 1 is '1, 2'; expected one label"),
        ("node_labels", "4\n6\n4\n6\n", "4 lines for 5 nodes"),
        ("node_labels", "4\n6\n4.5\n6\n6\n", r"line 3 is '4\.5'; expected whole numbers"),
        ("node_attributes", "0.5, 1\n0.25, 2\n0, 3\n0, 4\n0.1\n", "line 5 has 1 number, the first 2"),
        ("node_attributes", "1\n1\n1\nnan\n1\n", "line 4 has a number that is missing"),
        ("edge_labels", "0\n0\n1\n1\n2\n", "5 lines for 6 edges"),
    ],
)
def test_damage_in_a_folder_is_named_with_file_and_line(folder, part, content, problem):
    (folder / f"TOY_{part}.txt").write_text(content)
    with pytest.raises(DamagedFileError, match=problem) as caught:
        read_tu_folder(folder)
    named = "graph_indicator" if part == "graph_labels" and "names a graph" in problem else part
    assert caught.value.path == folder / f"TOY_{named}.txt"


def test_folders_of_another_form_are_refused(folder, tmp_path):
    with pytest.raises(InvalidInputError, match="no folder"):
        read_tu_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert not is_tu_folder(tmp_path / "empty")
    with pytest.raises(InvalidInputError, match=r"holds no NAME_graph_indicator\.txt"):
        read_tu_folder(tmp_path / "empty")
    (folder / "OTHER_graph_indicator.txt").write_text("1\n")
    with pytest.raises(InvalidInputError, match=r"holds 2 data sets \(OTHER, TOY\)"):
        read_tu_folder(folder)
    (folder / "OTHER_graph_indicator.txt").unlink()
    (folder / "TOY_A.txt").unlink()
    with pytest.raises(InvalidInputError, match=r"lacks TOY_A\.txt"):
        read_tu_folder(folder)
    with pytest.raises(InvalidInputError, match="no file"):
        read_graph_text(tmp_path / "nowhere.txt")


def test_a_file_that_is_no_text_is_refused(text):
    text.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedFileError, match="it is no text"):
        read_graph_text(text)

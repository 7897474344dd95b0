"""Labelled graphs in files: the folders of the TU collection, and the text form of DGCNN and GIN."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reprise.errors import DamagedFileError, InvalidInputError, counted

Graph = (
    tuple[NDArray[np.int64], NDArray[np.float32]] | tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
)

_A, _INDICATOR, _GRAPH_LABELS = "A", "graph_indicator", "graph_labels"
_MAX_SHOWN = 40


class LabelledGraphs(NamedTuple):
    """Graphs with a label each.

    Attributes
    ----------
    graphs : tuples ``(edge_index, x)``, or ``(edge_index, x, edge_attr)`` where edges have labels or attributes:
        `edge_index` (2, E) from source to target, nodes numbered from 0 in each graph; `x` (n, c); `edge_attr` (E, e).
    y : (B,) labels as the file has them, whole numbers or text.
    name : of the data set.
    features : what the columns of `x` are, in words.
    """

    graphs: list[Graph]
    y: NDArray[np.int64] | NDArray[np.str_]
    name: str
    features: str


def read_graph_text(path: str | Path) -> LabelledGraphs:
    """Read graphs in the text form of DGCNN and GIN.

    The first line is the number of graphs; each graph is a line ``n label`` and, for each of its nodes, a line
    ``tag degree neighbours...`` with neighbours counted from 0, after which real attributes may follow. As GIN does,
    each edge is taken in both directions, once. Node features are the one-hot tags, or the one-hot degrees where all
    tags are the same (as in networks without node labels); attributes come after them.

    Raises
    ------
    InvalidInputError
        If there is no such file.
    DamagedFileError
        If it is cut or not of that form; names the line.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "two.txt"
    ...     _ = path.write_text("2\\n2 0\\n5 1 1\\n7 1 0\\n1 1\\n5 0\\n")
    ...     graphs, y, name, features = read_graph_text(path)
    >>> graphs[0][0].tolist(), graphs[0][1].tolist(), y.tolist(), features
    ([[0, 1], [1, 0]], [[1.0, 0.0], [0.0, 1.0]], [0, 1], 'one-hot of 2 node labels')
    """
    path = Path(path)
    lines = _lines(path)
    count = _whole_numbers(path, 1, lines[0], "the number of graphs", 1)[0]
    if count < 1:
        raise DamagedFileError(path, f"line 1 says {count} graphs; expected at least one")
    labels: list[int] = []
    sizes: list[int] = []
    tags: list[int] = []
    degrees: list[int] = []
    neighbours: list[int] = []
    attributes: list[list[float]] = []
    place = 1
    for graph in range(count):
        n, label = _whole_numbers(path, place + 1, _line(path, lines, place), "'nodes label' of a graph", 2)
        if n < 1:
            raise DamagedFileError(path, f"line {place + 1} says that graph {graph} has {n} nodes; expected at least 1")
        for at in range(place + 1, place + 1 + n):
            tag, beside, more = _node(path, at + 1, _line(path, lines, at), n)
            tags.append(tag)
            degrees.append(len(beside))
            neighbours += beside
            attributes.append(more)
            if len(more) != len(attributes[0]):
                raise DamagedFileError(
                    path, f"line {at + 1} has {len(more)} numbers after its neighbours, line 3 {len(attributes[0])}"
                )
        labels.append(label)
        sizes.append(n)
        place += 1 + n
    if len(lines) > place:
        raise DamagedFileError(path, f"line {place + 1} comes after the last of the {count} graphs that line 1 says")
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)  # of each node's graph
    ends = np.repeat(np.arange(len(tags)), degrees), np.array(neighbours, dtype=np.int64) + np.repeat(start, degrees)
    edges = np.unique(np.concatenate([np.array(ends), np.array(ends[::-1])], axis=1), axis=1)
    if len(set(tags)) == 1:
        x, features = _one_hot(np.bincount(edges[0], minlength=len(tags)), "node degree")
    else:
        x, features = _one_hot(np.array(tags), "node label")
    if attributes[0]:
        x = np.column_stack([x, np.array(attributes, dtype=np.float32)])
        features += f", {counted(len(attributes[0]), 'node attribute')}"
    return LabelledGraphs(_split(edges, x, None, np.array(sizes)), np.array(labels), path.stem, features)


def read_tu_folder(folder: str | Path) -> LabelledGraphs:
    """Read a folder of the TU collection (chrsmrrs.github.io/datasets), or one of your own in its form.

    ``NAME_A.txt`` holds an edge ``source, target`` a line, nodes of all graphs counted from 1;
    ``NAME_graph_indicator.txt`` the graph of each node, counted from 1; ``NAME_graph_labels.txt`` a label for each
    graph. ``NAME_node_labels.txt``, ``NAME_node_attributes.txt``, ``NAME_edge_labels.txt`` and
    ``NAME_edge_attributes.txt`` may be there. Features are the one-hot labels and then the attributes; without either,
    the one-hot degrees of the nodes, and no features for edges. Edges are taken as they stand, an undirected one twice.

    Raises
    ------
    InvalidInputError
        If there is no such folder, or it holds not one data set of that form.
    DamagedFileError
        If a file is cut or malformed, or does not fit the others; names the file and the line.
    """
    folder = Path(folder)
    name = _name_of_set(folder)

    def file(part: str) -> Path:
        return folder / f"{name}_{part}.txt"

    graph_of_node = _table(file(_INDICATOR), np.int64)
    if graph_of_node.shape[1] != 1:
        raise DamagedFileError(file(_INDICATOR), f"line 1 has {graph_of_node.shape[1]} numbers; expected one graph")
    owner = graph_of_node[:, 0]
    y = _graph_labels(file(_GRAPH_LABELS))
    _first_wrong(file(_INDICATOR), (owner < 1) | (owner > len(y)), f"names a graph outside 1 to {len(y)}, the labels")
    sizes = np.bincount(owner - 1, minlength=len(y))
    if not sizes.all():
        raise DamagedFileError(file(_INDICATOR), f"no line names graph {int(np.argmin(sizes)) + 1}, so it has no nodes")
    order = np.argsort(owner, kind="stable")  # nodes graph by graph, though files usually are so
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    ends = _edges(file(_A), owner)
    edges = number[ends]
    by_graph = np.argsort(owner[ends[0]], kind="stable")
    x, features = _features(file("node_labels"), file("node_attributes"), len(owner), "node")
    if x is None:
        x, features = _one_hot(np.bincount(edges[1], minlength=len(owner)), "node degree")
    else:
        x = x[order]
    edge_attr, of_edges = _features(file("edge_labels"), file("edge_attributes"), edges.shape[1], "edge")
    if edge_attr is not None:
        edge_attr = edge_attr[by_graph]
        features += f"; of edges {of_edges}"
    return LabelledGraphs(_split(edges[:, by_graph], x, edge_attr, sizes), y, name, features)


def is_tu_folder(folder: str | Path) -> bool:
    """Say whether a folder looks like one of the TU collection."""
    return Path(folder).is_dir() and any(Path(folder).glob(f"*_{_INDICATOR}.txt"))


def _name_of_set(folder: Path) -> str:
    if not folder.is_dir():
        raise InvalidInputError(f"There is no folder {folder}.")
    names = sorted(path.name.removesuffix(f"_{_INDICATOR}.txt") for path in folder.glob(f"*_{_INDICATOR}.txt"))
    if len(names) != 1:
        found = f"holds {len(names)} data sets ({', '.join(names)})" if names else "holds no NAME_graph_indicator.txt"
        raise InvalidInputError(f"{folder} {found}; expected one data set in the form of the TU collection.")
    lacking = [part for part in (_A, _GRAPH_LABELS) if not (folder / f"{names[0]}_{part}.txt").is_file()]
    if lacking:
        raise InvalidInputError(f"{folder} lacks {names[0]}_{lacking[0]}.txt; the form of the TU collection has it.")
    return names[0]


def _edges(path: Path, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give (2, E) edges of nodes counted from 0."""
    if not path.read_bytes().strip():
        return np.zeros((2, 0), dtype=np.int64)  # graphs of single nodes
    ends = _table(path, np.int64)
    if ends.shape[1] != 2:
        raise DamagedFileError(path, f"line 1 has {counted(ends.shape[1], 'number')}; expected 'source, target'")
    outside = ((ends < 1) | (ends > len(owner))).any(axis=1)
    _first_wrong(path, outside, f"names a node outside 1 to {len(owner)}, the lines of the graph indicator")
    ends -= 1
    _first_wrong(path, owner[ends[:, 0]] != owner[ends[:, 1]], "joins nodes of two graphs")
    return np.ascontiguousarray(ends.T)


def _graph_labels(path: Path) -> NDArray[np.int64] | NDArray[np.str_]:
    words = [line.strip() for line in _lines(path)]
    wrong = next((i for i, word in enumerate(words) if not word or "," in word), None)
    if wrong is not None:
        raise DamagedFileError(path, f"line {wrong + 1} is {_shown(words[wrong])}; expected one label of a graph")
    try:
        return np.array(words, dtype=np.int64)
    except (ValueError, OverflowError):
        return np.array(words)


def _features(labels: Path, attributes: Path, count: int, of: str) -> tuple[NDArray[np.float32] | None, str]:
    """Give the features of the nodes or edges that the files hold, and what they are; None where there are no files."""
    columns: list[NDArray[np.float32]] = []
    words = []
    for path, dtype in ((labels, np.int64), (attributes, np.float64)):
        if not path.is_file() or (not count and not path.read_bytes().strip()):
            continue
        table = _table(path, dtype)
        if len(table) != count:
            raise DamagedFileError(
                path, f"it has {counted(len(table), 'line')} for {counted(count, of)} (it may be cut)"
            )
        if path == labels:
            for column in table.T:
                hot, said = _one_hot(column, f"{of} label")
                columns.append(hot)
                words.append(said)
        else:
            _first_wrong(path, ~np.isfinite(table).all(axis=1), "has a number that is missing (NaN) or infinite")
            columns.append(table.astype(np.float32))
            words.append(counted(table.shape[1], f"{of} attribute"))
    return (np.column_stack(columns), ", ".join(words)) if columns else (None, "")


def _table(path: Path, dtype: type) -> NDArray[Any]:
    """Read lines of numbers with commas between them; a line that cannot be read is looked for only then."""
    lines = _lines(path)
    blank = next((i for i, line in enumerate(lines) if not line.strip()), None)
    if blank is not None:
        raise DamagedFileError(path, f"line {blank + 1} is empty, and others follow")
    try:
        return np.loadtxt(lines, dtype=dtype, delimiter=",", comments=None, ndmin=2)
    except (ValueError, OverflowError) as problem:
        raise DamagedFileError(path, _bad_line(lines, dtype)) from problem


def _bad_line(lines: list[str], dtype: type) -> str:
    width = len(lines[0].split(","))
    kind = "whole numbers" if dtype is np.int64 else "numbers"
    for number, line in enumerate(lines, start=1):
        words = line.split(",")
        try:
            _ = [dtype(word) for word in words]
        except (ValueError, OverflowError):
            return f"line {number} is {_shown(line)}; expected {kind} with commas between them"
        if len(words) != width:
            return f"line {number} has {counted(len(words), 'number')}, the first {width} (it may be cut)"
    return f"its lines are no {kind}"


def _lines(path: Path) -> list[str]:
    """Give the lines of a file without the empty ones at its end."""
    if not path.is_file():
        raise InvalidInputError(f"There is no file {path}.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise DamagedFileError(path, f"it is no text ({problem.reason} at byte {problem.start})") from problem
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise DamagedFileError(path, "it is empty")
    return lines


def _line(path: Path, lines: list[str], place: int) -> str:
    if place >= len(lines):
        raise DamagedFileError(path, f"it ends after line {len(lines)}, and more graphs or nodes were promised")
    return lines[place]


def _whole_numbers(path: Path, number: int, line: str, what: str, count: int) -> list[int]:
    try:
        values = [int(word) for word in line.split()]
    except ValueError:
        values = []
    if len(values) != count:
        raise DamagedFileError(path, f"line {number} is {_shown(line)}; expected {what} in whole numbers")
    return values


def _node(path: Path, number: int, line: str, nodes: int) -> tuple[int, list[int], list[float]]:
    """Read the tag, the neighbours and the attributes of a node of a graph with so many nodes."""
    words = line.split()
    try:
        tag, degree = int(words[0]), int(words[1])
        beside = [int(word) for word in words[2 : 2 + degree]]
        more = [float(word) for word in words[2 + degree :]]
    except (ValueError, IndexError) as problem:
        expected = "'tag degree neighbours...' of a node, in whole numbers"
        raise DamagedFileError(path, f"line {number} is {_shown(line)}; expected {expected}") from problem
    if len(beside) != degree:
        raise DamagedFileError(
            path, f"line {number} promises {degree} neighbours and names {len(beside)} (it may be cut)"
        )
    if beside and not 0 <= min(beside) <= max(beside) < nodes:
        raise DamagedFileError(path, f"line {number} names a neighbour outside 0 to {nodes - 1}, its graph's nodes")
    if not all(map(math.isfinite, more)):
        raise DamagedFileError(path, f"line {number} has an attribute that is missing (NaN) or infinite")
    return tag, beside, more


def _first_wrong(path: Path, wrong: Any, problem: str) -> None:
    if wrong.any():
        raise DamagedFileError(path, f"line {int(np.argmax(wrong)) + 1} {problem}")


def _one_hot(values: NDArray[np.int64], of: str) -> tuple[NDArray[np.float32], str]:
    """Give a column for each value there is, in ascending order, and what they are in words."""
    found, place = np.unique(values, return_inverse=True)
    hot = np.zeros((len(values), len(found)), dtype=np.float32)
    hot[np.arange(len(values)), place] = 1
    return hot, f"one-hot of {counted(len(found), of)}"


def _split(
    edges: NDArray[np.int64], x: NDArray[np.float32], edge_attr: NDArray[np.float32] | None, sizes: NDArray[np.int64]
) -> list[Graph]:
    """Cut edges that are sorted by graph, and nodes, into graphs with nodes numbered from 0."""
    start = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(sizes)), sizes)[edges[0]]
    cuts = np.cumsum(np.bincount(owner, minlength=len(sizes)))[:-1]
    parts = np.split(edges - start[owner], cuts, axis=1), np.split(x, start[1:])
    if edge_attr is None:
        return list(zip(*parts, strict=True))
    return list(zip(*parts, np.split(edge_attr, cuts), strict=True))


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…")

"""The user's labelled graphs: from a folder or a file, or as the library takes graphs, with a word on what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.data.graph_files import LabelledGraphs, read_graph_text, read_tu_folder
from reprise.errors import InvalidInputError, counted
from reprise.workbench.tables import read_labels

if TYPE_CHECKING:
    from reprise.nn.graph_batch import GraphBatch  # which needs torch, and whoever works on tables does not

_TEXT_ENDINGS = (".txt", ".graphs")
_GRAPHS, _EDGES, _NODES = "graph", "edge", "node"


@dataclass(frozen=True)
class Graphs:
    """Graphs to work on, all with node features of one width.

    Attributes
    ----------
    graphs : B tuples ``(edge_index, x)``, or ``(edge_index, x, edge_attr)``.
    y : (B,) labels as they were given.
    batch : the same graphs in one.
    features : what the node features are, in words.
    label_name : what the labels are called.
    source : the file or folder, or ``"the given graphs"``.
    notes : sentences for the user: what was read, and how.
    """

    graphs: list[tuple[Any, ...]]
    y: np.ndarray
    batch: GraphBatch
    features: str
    label_name: str
    source: str
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.graphs)


def read_graphs(data: Any, labels: Any = None) -> Graphs:
    """Read labelled graphs.

    Graphs without node features get the one-hot of the degrees there are.

    Parameters
    ----------
    data : a folder in the form of the TU collection (`reprise.data.graph_files.read_tu_folder`), a txt file in the form
        of GIN (`reprise.data.graph_files.read_graph_text`), or graphs in any of the forms of `reprise.nn.graph_batch`.
    labels : one for each graph: an array, or the path of a file as `read_table` takes it. None takes those in `data`:
        of the folder or the file, or the `y` that each torch-geometric graph has.

    Raises
    ------
    InvalidInputError, DamagedFileError
        If the graphs cannot be read or used, or the labels do not fit.

    Examples
    --------
    >>> import networkx as nx
    >>> data = read_graphs([nx.path_graph(3), nx.cycle_graph(3)], labels=["open", "closed"])
    >>> len(data), data.features, data.y.tolist()
    (2, 'one-hot of 2 node degrees', ['open', 'closed'])
    """
    import torch

    from reprise.nn.graph_batch import graph_batch

    held, own_labels, features, source = _held(data)
    name = Path(source).name if isinstance(data, str | Path) else source
    batch = graph_batch(held, dtype=torch.get_default_dtype())
    if batch.x is None:
        batch, features = _with_degrees(batch)
    features = features or f"{counted(_width(batch), 'number')} of each node"
    if labels is not None:
        y, label_name = read_labels(labels, len(batch), name, noun=_GRAPHS)
    elif own_labels is not None:
        y, label_name = read_labels(own_labels, len(batch), name, noun=_GRAPHS)[0], f"labels of {name}"
    else:
        raise InvalidInputError(
            f"{name[0].upper()}{name[1:]} have no labels; give one for each of {len(batch)} graphs."
        )
    sizes = f"{counted(batch.num_nodes, _NODES)} and {counted(batch.edge_index.shape[1], _EDGES)}"
    notes = [f"Read {counted(len(batch), _GRAPHS)} with {sizes} from {name}. Node features: {features}."]
    if not _is_symmetric(batch):
        notes.append(
            "Some edges go one way only and are taken as such; list each edge in both directions if the graphs are "
            "undirected."
        )
    return Graphs(batch.tuples(), y, batch, features, label_name, source, tuple(notes))


def _held(data: Any) -> tuple[Any, Any, str, str]:
    """Give the graphs, their own labels, what their node features are, and the source."""
    if isinstance(data, str | Path):
        read = _read(Path(data))
        return read.graphs, read.y, read.features, str(data)
    if isinstance(data, LabelledGraphs):
        return data.graphs, data.y, data.features, data.name
    if isinstance(data, Graphs):
        return data.batch, data.y, data.features, data.source
    if isinstance(data, Iterable) and not isinstance(data, tuple) and not hasattr(data, "edge_index"):
        data = list(data)  # a torch-geometric data set too
        return data, _own_labels(data), "", "the given graphs"
    return data, _own_labels([data]), "", "the given graphs"


def _read(path: Path) -> LabelledGraphs:
    if path.is_dir():
        raw = path / "raw"  # where torch-geometric keeps the files of a data set
        return read_tu_folder(raw if raw.is_dir() and not any(path.glob("*_graph_indicator.txt")) else path)
    if not path.exists():
        raise InvalidInputError(f"There is no file or folder {path}.")
    if path.suffix.lower() not in _TEXT_ENDINGS:
        raise InvalidInputError(
            f"{path} ends in {path.suffix or 'nothing'!r}; graphs come as a folder in the form of the TU collection "
            f"(NAME_A.txt, NAME_graph_indicator.txt, NAME_graph_labels.txt) or as a txt file in the text form of GIN."
        )
    return read_graph_text(path)


def _own_labels(graphs: list[Any]) -> np.ndarray | None:
    """Give the labels that torch-geometric graphs carry, where each has a single one."""
    found = [getattr(graph, "y", None) for graph in graphs]
    if not found or any(label is None for label in found):
        return None
    values = [np.asarray(label).reshape(-1) for label in found]
    if len(graphs) == 1:
        return values[0]
    return np.concatenate(values) if all(len(value) == 1 for value in values) else None


def _with_degrees(batch: GraphBatch) -> tuple[GraphBatch, str]:
    """Give nodes the one-hot of their degree, as GIN does where there are no labels of nodes."""
    import torch

    from reprise.nn.graph_batch import GraphBatch

    degree = torch.bincount(batch.edge_index[1], minlength=batch.num_nodes)
    found, place = torch.unique(degree, return_inverse=True)
    x = torch.nn.functional.one_hot(place, len(found)).to(torch.get_default_dtype())
    with_x = GraphBatch(batch.edge_index, x, batch.edge_attr, batch.batch, batch.node_counts, batch.edge_counts)
    return with_x, f"one-hot of {counted(len(found), 'node degree')}"


def _is_symmetric(batch: GraphBatch) -> bool:
    import torch

    source, target = batch.edge_index
    there, back = source * batch.num_nodes + target, target * batch.num_nodes + source
    return torch.equal(torch.unique(there), torch.unique(back))


def _width(batch: GraphBatch) -> int:
    return 0 if batch.x is None else batch.x.shape[1]

"""Small graphs without labels: all connected graphs of 8 nodes (graph8c), and networkx's atlas up to 7 nodes."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import InvalidInputError

GRAPH8C = Source(
    name="graph8c",
    title="All 11,117 connected graphs of 8 nodes",
    licence="public (a mathematical enumeration)",
    origin="B. D. McKay's lists of graphs; file graph8c.g6 of github.com/omri1348/Frame-Averaging",
    loader="reprise.data.graph8c.graph8c",
    serves=("frame-averaging", "spen"),
    files=("graph8c.g6",),
    sha256={"graph8c.g6": "0002354f1ab3344a2706626a037ad15367bf23a2163aa68f552c3a169ca9a036"},
    urls={
        "graph8c.g6": "https://raw.githubusercontent.com/omri1348/Frame-Averaging/"
        "9de18e10a6b01f0fc94b11b89db09518ab96d900/graph_separation/dataset/graph8c/raw/graph8c.g6"
    },
    obtain="It is downloaded (78 kB) on first use, or put graph8c.g6 into the folder graph8c under REPRISE_DATA.",
)


def graph8c() -> NDArray[np.uint8]:
    """Load the adjacency matrices (11117, 8, 8) of all connected graphs of 8 nodes, one per isomorphism class.

    Raises
    ------
    MissingDataError
        If the file is neither on this machine nor can be downloaded.
    """
    graphs = nx.read_graph6(GRAPH8C.locate("graph8c.g6"))
    return _stack(graphs if isinstance(graphs, list) else [graphs])


def atlas_graphs(nodes: int, *, connected: bool = True) -> NDArray[np.uint8]:
    """Load the adjacency matrices (m, nodes, nodes) of all graphs of 1 to 7 nodes, one per isomorphism class.

    From networkx's copy of An Atlas of Graphs (Read and Wilson, 1998): 853 connected graphs of 7 nodes, 112 of 6.

    Parameters
    ----------
    nodes : 1 to 7.
    connected : leave out graphs in several pieces.

    Raises
    ------
    InvalidInputError
        If `nodes` is not between 1 and 7.

    Examples
    --------
    >>> atlas_graphs(4).shape
    (6, 4, 4)
    """
    if not 1 <= nodes <= 7:
        raise InvalidInputError(f"The atlas has graphs of 1 to 7 nodes; got nodes={nodes}.")
    return _stack(
        graph for graph in nx.graph_atlas_g() if len(graph) == nodes and (not connected or nx.is_connected(graph))
    )


def _stack(graphs: Iterable[nx.Graph[int]]) -> NDArray[np.uint8]:
    return np.stack([nx.to_numpy_array(graph, nodelist=sorted(graph), dtype=np.dtype(np.uint8)) for graph in graphs])

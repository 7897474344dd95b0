import pickle
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from reprise.errors import InvalidInputError
from reprise.nn.graph_batch import GraphBatch, graph_batch, joined


def random_graphs(count=12, seed=0, width=3, edge_width=2):
    rng = np.random.default_rng(seed)
    graphs = []
    for _ in range(count):
        nodes = int(rng.integers(1, 9))
        edges = torch.from_numpy(rng.integers(nodes, size=(2, int(rng.integers(0, 15)))))
        graphs.append((edges, torch.randn(nodes, width), torch.randn(edges.shape[1], edge_width)))
    return graphs


def same(one: GraphBatch, other: GraphBatch) -> bool:
    names = ("edge_index", "batch", "node_counts", "edge_counts", "x", "edge_attr")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(a is b if a is None or b is None else torch.equal(a, b) for a, b in pairs)


def test_a_batch_is_what_torch_geometric_makes():
    graphs = random_graphs()
    theirs = Batch.from_data_list([Data(x=x, edge_index=e, edge_attr=a) for e, x, a in graphs])
    ours = graph_batch(graphs)
    assert torch.equal(ours.edge_index, theirs.edge_index)
    assert torch.equal(ours.x, theirs.x)
    assert torch.equal(ours.edge_attr, theirs.edge_attr)
    assert torch.equal(ours.batch, theirs.batch)
    assert ours.node_counts.tolist() == [len(x) for _, x, _ in graphs]
    assert ours.num_nodes == theirs.num_nodes


def test_every_form_of_the_same_graphs_gives_the_same_batch():
    graphs = random_graphs()
    data = [Data(x=x, edge_index=e, edge_attr=a) for e, x, a in graphs]
    expected = graph_batch(graphs)
    assert same(graph_batch(data), expected)
    assert same(graph_batch(Batch.from_data_list(data)), expected)
    assert same(graph_batch([*data[:5], *graphs[5:]]), expected)
    assert same(graph_batch([(e.numpy(), x.numpy(), a.numpy()) for e, x, a in graphs]), expected)
    assert same(graph_batch([(e.int(), x, a) for e, x, a in graphs]), expected)
    assert same(graph_batch(iter(graphs)), expected)
    assert same(graph_batch(list(expected)), expected)
    assert graph_batch(expected) is expected


def test_one_graph_may_stand_alone():
    edges, x, attributes = random_graphs(1, seed=3)[0]
    expected = graph_batch([(edges, x, attributes)])
    assert same(graph_batch((edges, x, attributes)), expected)
    assert same(graph_batch(Data(x=x, edge_index=edges, edge_attr=attributes)), expected)
    assert len(graph_batch(nx.path_graph(4))) == 1
    assert len(graph_batch(((edges, x), (edges, x)))) == 2


def test_without_features_nodes_are_those_of_the_edges_or_as_many_as_said():
    edges = torch.tensor([[0, 2], [2, 0]])
    batch = graph_batch([(edges, None), (edges, 5), Data(edge_index=edges, num_nodes=4)])
    assert batch.x is None
    assert batch.node_counts.tolist() == [3, 5, 4]
    assert batch.edge_index.tolist() == [[0, 2, 3, 5, 8, 10], [2, 0, 5, 3, 10, 8]]


def test_networkx_graphs_have_their_edges_both_ways_and_their_attributes():
    graph = nx.Graph()
    graph.add_node("a", kind=[1, 0])
    graph.add_node("b", kind=[0, 1])
    graph.add_node("c", kind=[0, 1])
    graph.add_edge("b", "a", weight=2.0)
    graph.add_edge("b", "b", weight=3.0)
    batch = graph_batch([graph], node_features="kind", edge_features="weight")
    found = {(s, t): w for s, t, w in zip(*batch.edge_index.tolist(), batch.edge_attr[:, 0].tolist(), strict=True)}
    assert found == {(0, 1): 2.0, (1, 0): 2.0, (1, 1): 3.0}
    assert batch.x.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert batch.x.dtype == torch.float32
    directed = graph_batch(nx.DiGraph([(0, 1), (1, 2)]))
    assert directed.edge_index.tolist() == [[0, 1], [1, 2]]


def test_networkx_adjacency_is_kept():
    graphs = [nx.gnp_random_graph(n, 0.4, seed=n) for n in (1, 4, 9)]
    batch = graph_batch(graphs)
    for i, graph in enumerate(graphs):
        dense = torch.zeros(len(graph), len(graph))
        dense[tuple(batch.graph(i).edge_index)] = 1
        assert np.array_equal(dense.numpy(), nx.to_numpy_array(graph))


@pytest.mark.parametrize(
    "rows", [slice(2, 7), slice(None, None, -2), [5, 0, 5], np.array([3]), torch.tensor([-1, 1]), [], 4]
)
def test_choosing_graphs_is_packing_them_again(rows):
    graphs = random_graphs()
    batch = graph_batch(graphs)
    chosen = batch[rows]
    expected = [
        graphs[i]
        for i in np.atleast_1d(np.arange(12)[rows if isinstance(rows, slice) else np.asarray(rows, dtype=int)])
    ]
    if not expected:
        assert len(chosen) == chosen.num_nodes == 0
        assert chosen.edge_index.shape == (2, 0)
    else:
        assert same(chosen, graph_batch(expected))


def test_a_mask_chooses_and_a_graph_comes_back_as_it_was():
    graphs = random_graphs()
    batch = graph_batch(graphs)
    mask = np.arange(12) % 3 == 0
    assert same(batch[mask], batch[np.flatnonzero(mask)])
    edges, x, attributes = graphs[7]
    alone = batch.graph(7)
    assert torch.equal(alone.edge_index, edges)
    assert torch.equal(alone.x, x)
    assert torch.equal(alone.edge_attr, attributes)


def test_tuples_are_the_graphs_that_went_in():
    graphs = random_graphs()
    for ours, given in zip(graph_batch(graphs).tuples(), graphs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, given, strict=True))
    bare = [(e, len(x)) for e, x, _ in graphs]
    assert same(graph_batch(graph_batch(bare).tuples()), graph_batch(bare))


def test_joining_batches_is_packing_all_at_once():
    graphs = random_graphs()
    parts = [graph_batch(graphs[:5]), graph_batch(graphs[5:6]), graph_batch(graphs[6:])]
    assert same(joined(parts), graph_batch(graphs))
    with pytest.raises(InvalidInputError, match="no batch to join"):
        joined([])
    with pytest.raises(InvalidInputError, match="Batch 1 has node features of width 2, the first 3"):
        joined([graph_batch(graphs), graph_batch(random_graphs(width=2))])


def test_dtypes_and_devices():
    edges = [[0, 1], [1, 0]]
    assert graph_batch([(edges, np.eye(2, dtype=int))]).x.dtype == torch.float32
    assert graph_batch([(edges, np.eye(2))]).x.dtype == torch.float64
    assert graph_batch([(edges, np.eye(2))], dtype=torch.float32).x.dtype == torch.float32
    batch = graph_batch(random_graphs())
    assert batch.to("cpu") is batch
    moved = batch.to("meta", torch.float64)
    assert {moved.device.type, moved.edge_index.device.type, moved.x.device.type} == {"meta"}
    assert moved.x.dtype == moved.edge_attr.dtype == torch.float64


def test_batches_survive_pickling():
    batch = graph_batch(random_graphs())
    assert same(pickle.loads(pickle.dumps(batch)), batch)


def test_edges_of_a_foreign_batch_are_put_in_order():
    foreign = SimpleNamespace(
        edge_index=torch.tensor([[2, 0], [2, 1]]), edge_attr=torch.tensor([[1.0], [2.0]]), batch=torch.tensor([0, 0, 1])
    )
    batch = graph_batch(foreign)
    assert batch.edge_index.tolist() == [[0, 2], [1, 2]]
    assert batch.edge_attr.tolist() == [[2.0], [1.0]]
    assert batch.graph(1).edge_index.tolist() == [[0], [0]]


EDGE = [[0], [1]]
X = [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("graphs", "message"),
    [
        ([], "list of graphs is empty"),
        ([(EDGE, X), (np.zeros((2, 0)), np.zeros((0, 1)))], "Graph 1 is empty: it has no nodes"),
        ([(EDGE, X), ([[], []], np.zeros((0, 1)))], "Graph 1 is empty"),
        ([([[], []], None)], "Graph 0 is empty.*only edges tell"),
        ([nx.Graph()], "Graph 0 is empty"),
        ([(EDGE, X), ([[0], [2]], X)], "Graph 1 has an edge from 0 to 2, but 2 nodes"),
        ([([[0], [-1]], X)], "an edge from 0 to -1"),
        ([(EDGE, -1)], "Graph 0 has -1 nodes"),
        ([(EDGE, X), (EDGE, -3)], "Graph 1 has -3 nodes"),
        ([(EDGE, 1)], "an edge from 0 to 1, but 1 nodes"),
        ([([[0, 1], [1, 0], [1, 1]], X)], r"shape \(3, 2\); expected \(2, E\)\. edge_index\.T"),
        ([([0, 1], X)], r"shape \(2,\); expected \(2, E\)"),
        ([([[0.0], [1.0]], X)], "edge_index of torch.float32; expected whole numbers"),
        ([([[True], [False]], X)], "edge_index of torch.bool"),
        ([("ab", X)], "edge_index given as a str"),
        ([([[0, 1], [1]], X)], "edge_index given as a list"),
        ([(EDGE, [1.0, 2.0])], r"shape \(2,\); expected \(N, c\)\..*one column"),
        ([(EDGE, [["a"], ["b"]])], "node features x given as a list"),
        ([(EDGE, np.ones((2, 1), dtype=complex))], "expected real numbers"),
        (
            [(EDGE, X), (EDGE, [[1.0, 1.0], [2.0, 2.0]])],
            "Graph 1 has node features of width 2, the first 1; expected one",
        ),
        ([(EDGE, X), (EDGE, None)], "Graph 1 has no node features, and 1 of 2 have some"),
        ([(EDGE, X), (EDGE, [[1.0], [np.nan]])], r"Graph 1 has node features that are missing \(NaN\)"),
        ([(EDGE, X, [[np.inf]])], "Graph 0 has edge features that are missing"),
        ([(EDGE, X, [[1.0], [1.0]])], "has 1 edges, but edge features of 2"),
        ([Data(edge_index=torch.tensor(EDGE), x=torch.ones(3, 1), num_nodes=2)], "has 2 nodes, but node features of 3"),
        ([(EDGE, X), 3], "Graph 1 is an int; expected a torch-geometric Data"),
        ([(EDGE, X), [EDGE, X]], "Graph 1 is a list"),
        ([(EDGE,)], "Graph 0 is a tuple"),
        (7, "given as an int; expected a list"),
        ("graphs.txt", "given as a str"),
        ({"edge_index": EDGE}, "given as a dict"),
        (
            SimpleNamespace(edge_index=torch.tensor(EDGE), batch=torch.tensor([1, 0])),
            "not whole numbers .* in ascending order",
        ),
        (SimpleNamespace(edge_index=torch.tensor(EDGE), batch=torch.tensor([0, 1])), "joins nodes of two graphs"),
        (SimpleNamespace(edge_index=torch.tensor(EDGE), batch=torch.tensor([0])), "an edge from 0 to 1, but 1 nodes"),
        (SimpleNamespace(edge_index=torch.tensor(EDGE), batch=torch.tensor([1, 1])), "Graph 0 is empty"),
        (
            SimpleNamespace(edge_index=torch.tensor(EDGE), batch=torch.tensor([0, 0]), x=torch.ones(3, 1)),
            "node features of 3 nodes and a vector `batch` of 2",
        ),
    ],
)
def test_what_is_no_graph_is_refused(graphs, message):
    with pytest.raises(InvalidInputError, match=message):
        graph_batch(graphs)


def test_attributes_that_are_lacking_or_no_numbers_are_refused():
    graph = nx.path_graph(3)
    with pytest.raises(InvalidInputError, match="Graph 0 lacks the attribute 'kind' at 3 of 3 nodes"):
        graph_batch([graph], node_features="kind")
    nx.set_node_attributes(graph, "carbon", "kind")
    with pytest.raises(InvalidInputError, match="'kind' that are no numbers"):
        graph_batch([graph], node_features="kind")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 12], "were asked of a batch of 12"),
        (np.ones(3, dtype=bool), "mask of shape"),
        ([0.5], "chosen by a number"),
        ([[0]], "chosen by a number"),
    ],
)
def test_graphs_that_are_not_there_cannot_be_chosen(rows, message):
    batch = graph_batch(random_graphs())
    with pytest.raises(InvalidInputError, match=message):
        batch[rows]
    with pytest.raises(InvalidInputError, match="no graph 12 in a batch of 12"):
        batch.graph(12)

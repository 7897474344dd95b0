import pickle

import networkx as nx
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch_geometric.data import Data
from torch_geometric.nn import GINConv, global_add_pool

from reprise.errors import InvalidInputError
from reprise.nn.graph_batch import graph_batch
from reprise.nn.graph_classifiers import GINClassifier, GraphIsomorphismNetwork, class_labels


def rings_and_trees(count=24, seed=0):
    """Give graphs of one number of nodes and of edges beside each other, told apart by structure alone."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(6, 12, size=count)
    rings = [nx.cycle_graph(n) for n in sizes]
    others = [nx.Graph([*nx.star_graph(n - 1).edges, (1, 2)]) for n in sizes]
    return rings + others, np.repeat(["ring", "star"], count)


def renumbered(graph, seed):
    order = np.random.default_rng(seed).permutation(len(graph))
    edges = torch.from_numpy(order[np.array(nx.to_directed(graph).edges)].T.copy())
    return edges, len(graph)


@pytest.mark.parametrize("pooling", ["sum", "mean"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_network_does_not_see_the_numbering_nor_the_other_graphs(pooling, dtype):
    torch.manual_seed(0)
    network = GraphIsomorphismNetwork(0, 3, pooling=pooling).to(dtype).eval()
    graphs = rings_and_trees(6)[0]
    tolerance = {"rtol": 0, "atol": 1e-4 if dtype == torch.float32 else 1e-10}
    together = network(graph_batch(graphs))
    assert together.dtype == dtype
    torch.testing.assert_close(
        network(graph_batch([renumbered(g, i) for i, g in enumerate(graphs)])), together, **tolerance
    )
    alone = torch.cat([network(graph_batch(graph)) for graph in graphs])
    torch.testing.assert_close(alone, together, **tolerance)


def test_the_network_is_the_one_of_torch_geometric_parts():
    torch.manual_seed(0)
    network = GraphIsomorphismNetwork(4, 3, hidden=8, layers=2).eval()
    batch = graph_batch([(torch.randint(5, (2, 12)), torch.randn(5, 4)) for _ in range(3)])
    expected = network.readouts[0](global_add_pool(batch.x, batch.batch))
    h = batch.x
    for layer, norm, readout in zip(network.layers, network.norms, list(network.readouts)[1:], strict=True):
        theirs = GINConv(layer.network, eps=layer.eps.item())
        h = torch.relu(norm(theirs(h, batch.edge_index)))
        expected = expected + readout(global_add_pool(h, batch.batch))
    torch.testing.assert_close(network(batch), expected, rtol=1e-5, atol=1e-5)


def test_weights_can_be_carried_over():
    batch = graph_batch(rings_and_trees(3)[0])
    torch.manual_seed(0)
    one, other = GraphIsomorphismNetwork(0, 2), GraphIsomorphismNetwork(0, 2)
    assert not torch.equal(one.eval()(batch), other.eval()(batch))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(batch), other(batch))


def test_gin_learns_structure_and_predicts_unseen_graphs():
    graphs, labels = rings_and_trees()
    classifier = GINClassifier(epochs=15, random_state=0).fit(graphs, labels)
    unseen, truth = rings_and_trees(seed=1)
    assert (classifier.predict(unseen) == truth).mean() > 0.9
    assert classifier.history_["loss"][-1] < classifier.history_["loss"][0]
    probabilities = classifier.predict_proba(unseen)
    assert probabilities.shape == (48, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_a_classifier_depends_on_its_seed_alone_and_survives_pickling():
    graphs, labels = rings_and_trees(8)
    classifier = GINClassifier(epochs=2, random_state=3)
    state = torch.get_rng_state()
    first = classifier.fit(graphs, labels).predict_proba(graphs)
    assert torch.equal(torch.get_rng_state(), state)
    again = clone(classifier).fit(graphs, labels).predict_proba(graphs)
    np.testing.assert_array_equal(first, again)
    assert (GINClassifier(epochs=2, random_state=4).fit(graphs, labels).predict_proba(graphs) != first).any()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(graphs), first)


def test_every_form_of_graphs_and_labels_is_taken():
    graphs, labels = rings_and_trees(6)
    data = [Data(edge_index=edges, num_nodes=n) for edges, n in map(renumbered, graphs, range(12))]
    classifier = GINClassifier(epochs=1, batch_size=11, random_state=0)  # 12 graphs leave a last batch of one
    expected = classifier.fit(graphs, (labels == "star").tolist()).classes_
    assert expected.tolist() == [False, True]
    assert classifier.fit(data, labels.astype(object)).predict(graph_batch(graphs)).shape == (12,)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b"], r"shape \(2,\) were given for 3 graphs"),
        ([["a"], ["b"], ["a"]], r"shape \(3, 1\)"),
        ([0.5, 1.0, 0.0], "fractions or missing"),
        ([np.nan, 1.0, 0.0], "fractions or missing"),
        (["a", None, "b"], "Some labels are missing"),
        (["a", "a", "a"], "All labels are 'a'"),
        (np.array(["a", 1, "b"], dtype=object), "cannot be sorted"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(InvalidInputError, match=message):
        class_labels(labels, 3)


@pytest.mark.parametrize(
    "settings", [{"in_features": -1}, {"out_features": 0}, {"hidden": 0}, {"layers": -1}, {"dropout": 1.0}]
)
def test_impossible_sizes_are_refused(settings):
    with pytest.raises(InvalidInputError, match="Widths must be at least 1"):
        GraphIsomorphismNetwork(**({"in_features": 2, "out_features": 2} | settings))


def test_labels_that_are_objects_stay_what_they_are():
    classes, target = class_labels(np.array([10, 9, 10], dtype=object), 3)
    assert classes.tolist() == [9, 10]
    assert target.tolist() == [1, 0, 1]
    assert [type(label) for label in classes] == [int, int]


def test_a_batch_size_of_0_is_refused():
    graphs = [nx.path_graph(3), nx.cycle_graph(3)]
    with pytest.raises(InvalidInputError, match="batch_size"):
        GINClassifier(epochs=1, batch_size=0).fit(graphs, [0, 1])


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInputError, match="pooling must be"):
        GraphIsomorphismNetwork(1, 1, pooling="max")
    with pytest.raises(NotFittedError):
        GINClassifier().predict([nx.path_graph(3)])
    graphs, labels = rings_and_trees(2)
    fitted = GINClassifier(epochs=1).fit(graphs, labels)
    with pytest.raises(InvalidInputError, match="width 2; expected 0"):
        fitted.predict([([[0], [1]], np.eye(2))])
    with pytest.raises(InvalidInputError, match="list of graphs is empty"):
        fitted.predict([])

import pickle
from collections import Counter

import networkx as nx
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from reprise.errors import InvalidInputError
from reprise.nn.subtree_kernel import SubtreeKernelClassifier, WeisfeilerLemanFeatures


def labelled_graphs(count=14, seed=0, kinds=3):
    rng = np.random.default_rng(seed)
    graphs = []
    for _ in range(count):
        graph = nx.gnp_random_graph(int(rng.integers(2, 9)), 0.4, seed=int(rng.integers(1 << 30)))
        edges = np.array(nx.to_directed(graph).edges, dtype=int).reshape(-1, 2).T
        graphs.append((edges, np.eye(kinds)[rng.integers(kinds, size=len(graph))]))
    return graphs


def histograms(graph, rounds):
    """Count colours as the paper writes them, a colour being the nested multiset itself."""
    edges, x = graph
    colours = [tuple(row) for row in x.tolist()]
    found = [Counter((0, colour) for colour in colours)]
    for step in range(1, rounds + 1):
        beside = [sorted(colours[s] for s, t in edges.T.tolist() if t == node) for node in range(len(x))]
        colours = [(own, tuple(others)) for own, others in zip(colours, beside, strict=True)]
        found.append(Counter((step, colour) for colour in colours))
    return sum(found, Counter())


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_inner_products_are_the_kernel_of_the_paper(rounds):
    known, new = labelled_graphs(), labelled_graphs(6, seed=1)
    features = WeisfeilerLemanFeatures(rounds)
    counts = features.fit_transform(known)
    assert counts.shape[1] == features.columns_.sum()
    slow = [histograms(graph, rounds) for graph in known]
    expected = [[sum(a[c] * b[c] for c in a) for b in slow] for a in slow]
    np.testing.assert_array_equal((counts @ counts.T).toarray(), expected)
    np.testing.assert_array_equal(features.transform(known).toarray(), counts.toarray())
    slow_new = [histograms(graph, rounds) for graph in new]
    expected = [[sum(a[c] * b[c] for c in a) for b in slow] for a in slow_new]
    np.testing.assert_array_equal((features.transform(new) @ counts.T).toarray(), expected)


def test_one_new_graph_is_counted_as_among_many():
    features = WeisfeilerLemanFeatures(2).fit(labelled_graphs())
    new = labelled_graphs(5, seed=1)
    together = features.transform(new).toarray()
    np.testing.assert_array_equal(np.vstack([features.transform([graph]).toarray() for graph in new]), together)


def test_columns_with_fractions_are_no_colours():
    graphs = labelled_graphs(6)
    rng = np.random.default_rng(0)
    with_amounts = [(edges, np.column_stack([x, rng.normal(size=len(x))])) for edges, x in graphs]
    one, other = (WeisfeilerLemanFeatures(2).fit_transform(each).toarray() for each in (graphs, with_amounts))
    np.testing.assert_array_equal(one, other)
    bare = [(edges, len(x)) for edges, x in graphs]
    only_amounts = [(edges, x[:, 3:]) for edges, x in with_amounts]
    one, other = (WeisfeilerLemanFeatures(2).fit_transform(each).toarray() for each in (bare, only_amounts))
    np.testing.assert_array_equal(one, other)


def rings_and_pairs(count=15):
    """Give rings, and the same numbers of nodes of the same degrees with labels swapped between neighbours."""
    graphs, labels = [], []
    for n in range(4, 4 + count):
        ring = np.array([[i, (i + 1) % (2 * n)] for i in range(2 * n)])
        edges = np.concatenate([ring, ring[:, ::-1]]).T
        for name, kinds in (("alternating", np.arange(2 * n) % 2), ("blocks", np.arange(2 * n) // n)):
            graphs.append((edges, np.eye(2)[kinds]))
            labels.append(name)
    return graphs, np.array(labels)


def test_the_classifier_uses_what_histograms_do_not_show():
    graphs, labels = rings_and_pairs()
    classifier = SubtreeKernelClassifier(random_state=0).fit(graphs[:20], labels[:20])
    assert (classifier.predict(graphs[20:]) == labels[20:]).all()
    blind = SubtreeKernelClassifier(rounds=(0,), random_state=0).fit(graphs[:20], labels[:20])
    assert (blind.predict(graphs[20:]) == labels[20:]).mean() == 0.5
    assert classifier.rounds_ in classifier.rounds
    assert classifier.C_ in classifier.C


def test_a_classifier_is_cloned_and_pickled():
    graphs, labels = rings_and_pairs(4)
    classifier = SubtreeKernelClassifier(random_state=0).fit(graphs, labels)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict(graphs), classifier.predict(graphs))
    np.testing.assert_array_equal(clone(classifier).fit(graphs, labels).predict(graphs), classifier.predict(graphs))


def test_a_label_of_a_single_graph_leaves_nothing_to_choose_by():
    graphs, labels = rings_and_pairs(2)
    labels[1:] = "other"
    classifier = SubtreeKernelClassifier(random_state=0).fit(graphs, labels)
    assert (classifier.rounds_, classifier.C_) == (1, 1.0)
    few = SubtreeKernelClassifier(rounds=(2, 3), C=(0.01, 10.0), random_state=0).fit(graphs, labels)
    assert (few.rounds_, few.C_) == (2, 10.0)


def test_what_cannot_be_used_is_refused():
    graphs, labels = rings_and_pairs(2)
    with pytest.raises(NotFittedError):
        WeisfeilerLemanFeatures().transform(graphs)
    with pytest.raises(NotFittedError):
        SubtreeKernelClassifier().predict(graphs)
    for rounds in (-1, 1.5, True):
        with pytest.raises(InvalidInputError, match="rounds must be a whole number"):
            WeisfeilerLemanFeatures(rounds).fit(graphs)
    for settings in ({"rounds": ()}, {"C": ()}, {"C": (0.0,)}):
        with pytest.raises(InvalidInputError, match="at least one value each"):
            SubtreeKernelClassifier(**settings).fit(graphs, labels)
    with pytest.raises(InvalidInputError, match="width 0; those of fit have 2"):
        WeisfeilerLemanFeatures().fit(graphs).transform([(graphs[0][0], len(graphs[0][1]))])

from dataclasses import replace

import networkx as nx
import pytest
import torch
from torch import nn

from reprise.claim import Trial
from reprise.claims.symmetry._spen import accuracy
from reprise.claims.symmetry._spen.expressivity import UNSEPARATED, confused_graphs, measure_expressivity
from reprise.claims.symmetry._spen.memory import measure_memory, random_graph, saved_bytes, star
from reprise.claims.symmetry._spen.sizes import CASTS, MOLECULES, SIZES
from reprise.claims.symmetry.spen import CLAIMS, stand_in
from reprise.data.graph8c import atlas_graphs
from reprise.symmetry.spen import SPEN, GlobalPermutationNet

TRIAL = Trial(seed=1000, scale="quick")


def test_saved_bytes_are_counted_once_and_without_parameters():
    layer = nn.Linear(10, 20)
    x = torch.zeros(5, 10, requires_grad=True)
    assert saved_bytes(lambda: layer(x), layer) == 5 * 10 * 4  # the input; the weights are parameters
    y = torch.zeros(7, requires_grad=True)
    assert saved_bytes(lambda: (y * 2).sin() * (y * 2).cos(), layer) == 4 * 7 * 4  # two products, sine and cosine
    assert saved_bytes(lambda: y.view(7) * y, layer) == 7 * 4  # one storage, seen twice


@pytest.mark.parametrize(("make", "exponent"), [(SPEN, 1.0), (GlobalPermutationNet, 2.0)])
def test_memory_grows_as_the_subgraphs_do(make, exponent):
    def count(nodes):
        model = make(0, channels=(4, 2), layers=1)
        return saved_bytes(lambda: model([nx.cycle_graph(nodes)]), model)

    assert count(200) / count(100) == pytest.approx(2**exponent, rel=0.05)


def test_random_graphs_and_stars_are_what_they_say():
    graph = random_graph(60, 0.25, TRIAL.rng())
    source, target = graph.edge_index
    assert set(zip(source.tolist(), target.tolist(), strict=True)) == set(
        zip(target.tolist(), source.tolist(), strict=True)
    )
    assert bool((source != target).all())
    assert graph.edge_index.shape[1] / (60 * 59) == pytest.approx(0.25, abs=0.05)
    assert sorted(torch.bincount(star(9).edge_index[0]).tolist()) == [1] * 8 + [8]


def test_confused_graphs_are_those_of_equal_refinement():
    adjacency = torch.from_numpy(atlas_graphs(6, connected=False)).double()
    graphs, pairs = confused_graphs(adjacency)
    forms = [nx.from_numpy_array(graph.numpy()) for graph in graphs]
    assert any(
        nx.is_isomorphic(forms[i], nx.cycle_graph(6)) or nx.is_isomorphic(forms[j], nx.cycle_graph(6))
        for i, j in pairs.tolist()
    )
    for i, j in pairs.tolist():
        assert sorted(dict(forms[i].degree).values()) == sorted(dict(forms[j].degree).values())
        assert not nx.is_isomorphic(forms[i], forms[j])
    counts = {
        m.arm: m.value for m in measure_expressivity(TRIAL, SIZES["quick"], graphs, pairs) if m.metric == UNSEPARATED
    }
    assert counts["GIN"] == counts["global network"] == counts["1-WL"] == len(pairs)
    assert counts["SPEN"] < len(pairs)


def test_cross_validation_makes_its_network_of_the_training_rows_and_repeats():
    graphs, y = stand_in("MUTAG")
    seen = []

    def make(training, classes, size):
        seen.append(len(training))
        return accuracy.make_gin(training, classes, size)

    train_and_test = accuracy._trainer(make, (graphs, y), SIZES["quick"], 1e-2, 32, TRIAL)
    curve = train_and_test(torch.arange(30).numpy(), torch.arange(30, 38).numpy())
    assert seen == [30]
    assert len(curve) == SIZES["quick"].epochs
    assert curve == train_and_test(torch.arange(30).numpy(), torch.arange(30, 38).numpy())


def test_every_set_has_a_claim_of_its_own_about_memory():
    """A mean over sets would let one that saves much hide one that saves nothing."""
    claims = {claim.id: claim for claim in CLAIMS}
    for whole, names in (("less-memory-on-molecules", MOLECULES), ("less-memory-on-casts", CASTS)):
        assert [claims[part].items for part in claims[whole].parts] == [(name,) for name in names]
    sets = {name: stand_in(name) for name in (*MOLECULES, *CASTS)}
    measured = list(measure_memory(TRIAL, replace(SIZES["quick"], sparse_nodes=(), dense_nodes=()), sets))
    assert [m.item for m in measured] == [*MOLECULES, *CASTS]
    for measurement in measured:
        read = [claim.items for claim in CLAIMS if claim.items and claim.reads(measurement, "SPEN")]
        assert read == [(measurement.item,)]


def test_full_scale_is_the_authors_setting_for_mutag():
    graphs, _ = stand_in("MUTAG")
    model = accuracy.make_spen(graphs, 2, SIZES["full"])
    assert [layer.out_features for layer in model.head if isinstance(layer, nn.Linear)] == [256, 128, 2]
    assert model.head[0].in_features == 128

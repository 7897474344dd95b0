import itertools

import pytest
import torch

from reprise.claim import Trial
from reprise.claims.symmetry._frame_averaging.particles import _mean_error, _turned, simulate
from reprise.claims.symmetry._frame_averaging.separation import (
    _close_pairs,
    _embed,
    confused_by_refinement,
    exact_forms,
    measure_graphs,
)
from reprise.claims.symmetry._frame_averaging.sizes import SIZES, Size
from reprise.data.graph8c import atlas_graphs
from reprise.symmetry.frame_averaging import FAGNN, GIN, CanonicalGraphs

TINY = Size(pool=10, train=5, validation=3, test=4, epochs=1, models=3, copies=20, copy_models=3)


def graphs_of(nodes):
    return torch.from_numpy(atlas_graphs(nodes)).double()


@pytest.mark.parametrize("tolerance", [1e-6, 1e-2, 0.3])
def test_close_pairs_are_those_of_all_comparisons(tolerance):
    adjacency = graphs_of(6)
    graphs = CanonicalGraphs(adjacency, None, torch.arange(len(adjacency)))
    seeds = [1, 2, 3]

    def make():
        return GIN(identity=False)

    embedded = [_embed(make, seed, graphs, "cpu") for seed in seeds]
    expected = {
        (i, j)
        for i, j in itertools.combinations(range(len(adjacency)), 2)
        if all(float((y[i] - y[j]).abs().sum()) <= tolerance for y in embedded)
    }
    assert {tuple(sorted(pair)) for pair in _close_pairs(make, seeds, graphs, tolerance, "cpu").tolist()} == expected


def test_embedding_part_of_the_graphs_gives_what_embedding_all_does():
    forms = exact_forms(graphs_of(5))
    wanted = torch.tensor([3, 7, 20])
    every, some = (_embed(GIN, 1, forms, "cpu", of) for of in (None, wanted))
    assert torch.allclose(every[wanted], some[wanted], atol=1e-14)
    assert int((some != 0).any(1).sum()) == 3


def test_four_rounds_of_refinement_confuse_the_known_pairs():
    assert confused_by_refinement(graphs_of(6)) == 3
    assert confused_by_refinement(graphs_of(7)) == 17


def test_graph_measurements_depend_on_the_seed_alone():
    adjacency = graphs_of(5)
    forms = exact_forms(adjacency)

    def values(seed):
        trial = Trial(seed=seed, scale="quick")
        return [m.value for m in measure_graphs(trial, TINY, adjacency, forms, confused=0)]

    first = values(1)
    torch.manual_seed(77)
    assert values(1) == first
    assert values(2) != first


def test_scales_hold_no_more_than_the_data_has():
    for size in SIZES.values():
        assert size.train <= size.pool <= 10_000
        assert max(size.validation, size.test) <= 2000


def test_turned_systems_are_the_same_to_an_equivariant_network():
    torch.manual_seed(0)
    test = simulate(TINY, dim=2)["test"]
    assert (test[0][..., 2] == 0).all()
    model = FAGNN()
    turn = torch.linalg.qr(torch.randn(4, 3, 3))[0]
    straight = _mean_error(model, test)
    assert _mean_error(model, _turned(test, turn)) == pytest.approx(straight, rel=1e-4)
    position, velocity, edges, target = test
    expected = float((model(position, velocity, edge_attr=edges) - target).square().mean().detach())
    assert straight == pytest.approx(expected, rel=1e-5)

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from reprise.data.graph8c import atlas_graphs
from reprise.errors import InvalidInputError
from reprise.nn.graph import (
    GINLayer,
    MessageLayer,
    MessagePassingNetwork,
    complete_edges,
    complete_systems,
    dense_from_edges,
    disjoint_copies,
    edges_from_dense,
    propagate,
    radius_edges,
    segment_mean,
    segment_sum,
    weisfeiler_leman,
    weisfeiler_leman_classes,
)
from reprise.symmetry.equivariance import assert_equivariant


def random_graphs(graphs=4, nodes=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    upper = (torch.rand(graphs, nodes, nodes, generator=generator) < 0.4).float().triu(1)
    return upper + upper.mT


def test_segments_agree_with_a_loop():
    values = torch.randn(20, 2, 3, dtype=torch.float64)
    index = torch.randint(5, (20,))
    total, mean = segment_sum(values, index, 6), segment_mean(values, index, 6)
    for k in range(6):
        rows = values[index == k]
        assert torch.allclose(total[k], rows.sum(0))
        assert torch.allclose(mean[k], rows.mean(0) if len(rows) else torch.zeros(2, 3, dtype=torch.float64))


def test_complete_edges_join_every_two_nodes():
    source, target = complete_edges(6)
    assert {*zip(source.tolist(), target.tolist(), strict=True)} == {
        (i, j) for i in range(6) for j in range(6) if i != j
    }
    assert target.tolist() == sorted(target.tolist())


def test_complete_systems_stay_apart():
    edges, batch = complete_systems(3, 4)
    assert edges.shape == (2, 36)
    assert torch.equal(batch[edges[0]], batch[edges[1]])
    assert batch.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_copies_are_the_graph_again():
    edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    copies = disjoint_copies(edges, 3, 4)
    for copy, part in enumerate(copies.chunk(4, dim=1)):
        assert torch.equal(part - 3 * copy, edges)


def test_dense_and_packed_graphs_are_the_same():
    adjacency = random_graphs()
    edges, batch = edges_from_dense(adjacency)
    back, place = dense_from_edges(edges, batch)
    assert torch.equal(back, adjacency)
    assert place.tolist() == [*range(7)] * 4
    x = torch.randn(4, 7, 3)
    assert torch.allclose(propagate(x, adjacency).flatten(0, 1), propagate(x.flatten(0, 1), edges), atol=1e-6)


def test_padding_follows_the_batch_even_where_it_is_not_sorted():
    edges, batch = torch.tensor([[0, 2, 1, 3], [2, 0, 3, 1]]), torch.tensor([1, 0, 1, 0, 1])
    adjacency, place = dense_from_edges(edges, batch)
    assert adjacency.shape == (2, 3, 3)
    assert place.tolist() == [0, 0, 1, 1, 2]
    assert adjacency.sum().item() == 4
    with pytest.raises(InvalidInputError, match="joins nodes of two graphs"):
        dense_from_edges(torch.tensor([[0], [1]]), batch)


def test_gin_layer_agrees_with_its_slow_twin():
    edges, batch = edges_from_dense(random_graphs())
    x, network = torch.randn(len(batch), 5), nn.Linear(5, 3)
    layer = GINLayer(network, eps=0.3)
    summed = 1.3 * x
    for source, target in edges.T.tolist():
        summed[target] += x[source]
    assert torch.allclose(layer(x, edges), network(summed), atol=1e-5)
    assert layer.eps.requires_grad


def messages_one_by_one(layer, h, edges, attributes):
    """Slow twin: concatenates, and walks over the edges."""
    received = torch.zeros_like(h)
    for (source, target), attribute in zip(edges.T.tolist(), attributes, strict=True):
        together = torch.cat([h[target], h[source], attribute])
        received[target] += nn.functional.silu(layer.message_out(nn.functional.silu(layer.message_in(together))))
    return h + layer.update(torch.cat([h, received], dim=-1))


def test_message_layer_agrees_with_its_slow_twin():
    layer = MessageLayer(6, edge_dim=2).double()
    edges, _ = edges_from_dense(random_graphs(2))
    h, attributes = torch.randn(14, 6).double(), torch.randn(edges.shape[1], 2).double()
    with torch.no_grad():
        expected = messages_one_by_one(layer, h, edges, attributes)
        assert torch.allclose(layer(h, edges, attributes), expected, atol=1e-12)
        stacked = layer(torch.stack([h, 2 * h]), edges, attributes)
    assert torch.allclose(stacked[0], expected, atol=1e-12)
    assert torch.allclose(stacked[1], messages_one_by_one(layer, 2 * h, edges, attributes), atol=1e-12)


@pytest.mark.parametrize("width", [0, 1, 3])
def test_message_layer_refuses_other_edge_features(width):
    edges = complete_edges(3)
    attributes = torch.zeros(6, width) if width else None
    with pytest.raises(InvalidInputError, match=f"of width {width}; this layer was made for 2"):
        MessageLayer(4, edge_dim=2)(torch.zeros(3, 4), edges, attributes)


def test_radius_edges_join_also_what_is_exactly_so_far_apart():
    assert radius_edges(torch.tensor([[0.0], [1.0]]), 1.0).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "network", [GINLayer(nn.Linear(4, 4)), MessagePassingNetwork(4, 8, 4)], ids=lambda m: type(m).__name__
)
def test_networks_commute_with_renumbering(network):
    edges, _ = edges_from_dense(random_graphs(1))
    assert_equivariant(network, (torch.randn(7, 4), edges), "S", input_kinds=("set", "edge_index"), output_kind="set")


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_colours_part_graphs_as_networkx_does(rounds):
    adjacency = np.concatenate([atlas_graphs(6), atlas_graphs(6)[::-1]])
    edges, batch = edges_from_dense(torch.from_numpy(adjacency).float())
    colours = weisfeiler_leman(edges, len(batch), rounds=rounds + 1).view(len(adjacency), -1).sort(1).values
    ours = colours.unique(dim=0, return_inverse=True)[1].tolist()
    theirs = []
    for graph in map(nx.from_numpy_array, adjacency):
        nx.set_node_attributes(graph, dict(graph.degree), "degree")  # our first round
        theirs.append(nx.weisfeiler_lehman_graph_hash(graph, node_attr="degree", iterations=rounds))
    assert len(set(ours)) == len(set(theirs)) == len(set(zip(ours, theirs, strict=True)))


def test_colours_respect_initial_colours_and_need_no_edges():
    path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    assert weisfeiler_leman(path, 3, torch.tensor([5, 0, 9])).unique().numel() == 3
    assert weisfeiler_leman(torch.zeros(2, 0, dtype=torch.long), 3).tolist() == [0, 0, 0]


def test_classes_are_invariant_to_renumbering_and_to_the_number_of_nodes():
    adjacency = random_graphs(1)[0]
    order = torch.randperm(7)
    small = torch.zeros(2, 0, dtype=torch.long)
    edges, _ = edges_from_dense(torch.stack([adjacency, adjacency[order][:, order]]))
    batch = torch.tensor([0] * 7 + [1] * 7 + [2] * 2)
    one, other, third = weisfeiler_leman_classes(torch.cat([edges, small], dim=1), batch).tolist()
    assert one == other != third

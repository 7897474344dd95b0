import itertools
import math

import networkx as nx
import pytest
import torch
from torch import nn

from reprise.data.graph8c import atlas_graphs
from reprise.errors import InvalidInputError
from reprise.nn.graph import edges_from_dense
from reprise.symmetry.equivariance import assert_equivariant, equivariance_error
from reprise.symmetry.frame_averaging import (
    GIN,
    CanonicalGraphs,
    GraphFrameAveraging,
    GraphMLP,
    canonical_graphs,
    sort_frames,
)
from reprise.symmetry.frame_averaging import canonical as canonical_module


def tensor(graph, dtype=torch.float64):
    return torch.from_numpy(nx.to_numpy_array(graph, nodelist=sorted(graph))).to(dtype)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def every_small_graph():
    return [
        torch.from_numpy(graph).double() for nodes in (2, 3, 4, 5) for graph in atlas_graphs(nodes, connected=False)
    ]


CYCLE, TRIANGLES = tensor(nx.cycle_graph(6)), tensor(nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3)))
DECALIN = tensor(nx.Graph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (5, 6), (6, 7), (7, 8), (8, 9), (9, 0)]))
BICYCLOPENTYL = tensor(
    nx.Graph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 5)])
)
ASYMMETRIC = tensor(nx.Graph([(0, 1), (1, 2), (2, 3), (3, 4), (1, 3), (2, 5)]))  # degrees 1 3 3 3 1 1


def automorphisms(adjacency):
    order = torch.tensor(list(itertools.permutations(range(len(adjacency)))))
    return int((adjacency[order[:, :, None], order[:, None, :]] == adjacency).all(dim=(1, 2)).sum())


@pytest.mark.parametrize(
    ("graph", "size"),
    [
        (nx.complete_graph(4), 24),
        (nx.path_graph(3), 2),
        (nx.star_graph(4), 24),
        (nx.path_graph(6), 8),
        (nx.empty_graph(3), 6),
    ],
)
def test_frames_of_known_graphs(graph, size):
    frames = sort_frames(tensor(graph))
    assert frames.shape == (size, len(graph))
    assert len(frames.unique(dim=0)) == size
    assert torch.equal(frames.sort(1).values, torch.arange(len(graph)).expand(size, -1))


def test_a_graph_without_symmetry_has_one_frame():
    smallest = [graph for graph in atlas_graphs(6) if automorphisms(torch.from_numpy(graph)) == 1]
    assert len(smallest) == 8  # the smallest graphs without symmetry
    sizes = [len(sort_frames(torch.from_numpy(graph).double(), max_frames=720)) for graph in smallest]
    assert sizes.count(1) >= 4  # rounding to two decimals merges rows of the others
    assert all(size in {1, 2, 4, 6, 12} for size in sizes)


def test_frames_are_whole_cosets_of_automorphisms():
    for adjacency in every_small_graph():
        frames = sort_frames(adjacency)
        group = automorphisms(adjacency)
        forms = torch.stack([adjacency[p][:, p] for p in frames])
        _, counts = forms.unique(dim=0, return_counts=True)
        assert counts.tolist() == [group] * (len(frames) // group)


def forms_of(adjacency):
    return {tuple(adjacency[p][:, p].flatten().tolist()) for p in sort_frames(adjacency, max_frames=10**4)}


def test_frame_of_a_renumbered_graph_is_the_renumbered_frame():
    for adjacency in [*every_small_graph(), CYCLE, TRIANGLES, ASYMMETRIC]:
        order = torch.randperm(len(adjacency), generator=generator(len(adjacency)))
        renumbered = adjacency[order][:, order]
        frame = {tuple(p) for p in sort_frames(adjacency, max_frames=720).tolist()}
        moved = {tuple(order[p].tolist()) for p in sort_frames(renumbered, max_frames=720)}
        assert frame == moved


def test_entries_halfway_between_two_decimals_do_not_split_a_frame():
    """With 64 nodes the constant eigenvector is 0.125: whether it rounds up must not depend on the last bit."""
    for seed in range(5):
        graph = tensor(nx.gnp_random_graph(64, 0.2, seed=seed))
        order = torch.randperm(64, generator=generator(seed))
        renumbered = graph[order][:, order]
        (straight,), (moved,) = sort_frames(graph), sort_frames(renumbered)
        assert torch.equal(graph[straight][:, straight], renumbered[moved][:, moved])


def test_double_eigenvalues_are_found_whatever_rounding_does():
    prism = tensor(nx.circular_ladder_graph(3))
    noise = 1e-9 * torch.randn(6, 6, generator=generator(), dtype=torch.float64)
    assert len(sort_frames(prism, max_frames=720)) == 720
    assert len(sort_frames(prism + (noise + noise.mT), max_frames=720)) == 720


def test_features_break_ties():
    complete = tensor(nx.complete_graph(4))
    labels = torch.tensor([[2.0], [1.0], [1.0], [0.0]], dtype=torch.float64)
    frames = sort_frames(complete, labels)
    assert {tuple(p) for p in frames.tolist()} == {(3, 1, 2, 0), (3, 2, 1, 0)}


def test_sampled_frames_are_elements_of_the_frame():
    full = {tuple(p) for p in sort_frames(CYCLE, max_frames=720).tolist()}
    sampled = sort_frames(CYCLE, sample=50, generator=generator(1))
    assert sampled.shape == (50, 6)
    assert {tuple(p) for p in sampled.tolist()} <= full
    assert torch.equal(sampled, sort_frames(CYCLE, sample=50, generator=generator(1)))
    assert not torch.equal(sampled, sort_frames(CYCLE, sample=50, generator=generator(2)))
    path = sort_frames(tensor(nx.path_graph(3)), sample=400, generator=generator())
    ends = (path[:, -1] == 2).double().mean()
    assert 0.4 < ends < 0.6


def rook_and_shrikhande():
    rook = nx.line_graph(nx.complete_bipartite_graph(4, 4))
    shrikhande = nx.Graph()
    for x, y in itertools.product(range(4), repeat=2):
        for dx, dy in ((0, 1), (1, 0), (1, 1)):
            shrikhande.add_edge((x, y), ((x + dx) % 4, (y + dy) % 4))
    return tensor(rook), tensor(shrikhande)


def test_vertex_transitive_graphs_of_16_nodes_need_a_sample():
    for adjacency in rook_and_shrikhande():
        with pytest.raises(InvalidInputError, match=f"{math.factorial(16)} permutations.*`sample`"):
            sort_frames(adjacency)
        assert sort_frames(adjacency, sample=3, generator=generator()).shape == (3, 16)


def test_canonical_forms_are_the_distinct_renumbered_graphs():
    graphs = torch.from_numpy(atlas_graphs(5)).double()
    found = canonical_graphs(graphs, elements=True)
    for k, adjacency in enumerate(graphs):
        ours = {tuple(form.flatten().tolist()) for form in found.adjacency[found.graph == k]}
        assert ours == forms_of(adjacency)
        assert len(ours) == int((found.graph == k).sum())
    for p, form, k in zip(found.permutations, found.form, found.element_graph, strict=True):
        assert torch.equal(graphs[k][p][:, p], found.adjacency[form])


def test_blocks_change_nothing(monkeypatch):
    graphs = torch.from_numpy(atlas_graphs(6)).double()
    x = torch.randint(2, (len(graphs), 6, 2), generator=generator()).double()
    whole = canonical_graphs(graphs, x, max_frames=720, elements=True)
    monkeypatch.setattr(canonical_module, "_ELEMENTS_A_BLOCK", 100)
    parts = canonical_graphs(graphs, x, max_frames=720, elements=True)
    for name in CanonicalGraphs.__dataclass_fields__:
        assert torch.equal(getattr(whole, name), getattr(parts, name))


def test_codes_hold_many_levels_without_overflow():
    weights = torch.rand(3, 9, 9, generator=generator(), dtype=torch.float64)
    weights = weights + weights.mT
    forms = canonical_graphs(weights, torch.rand(3, 9, 2, generator=generator()).double())
    assert torch.bincount(forms.graph).tolist() == [1, 1, 1]
    twins = torch.ones(1, 30, 30, dtype=torch.float64) - torch.eye(30, dtype=torch.float64)
    sampled = canonical_graphs(twins, sample=5, generator=generator())
    assert sampled.graph.tolist() == [0] * 5  # a sample is kept as drawn


@pytest.mark.parametrize("backbone", [GIN(max_nodes=10), GraphMLP(10)], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize(("one", "other"), [(CYCLE, TRIANGLES), (DECALIN, BICYCLOPENTYL)], ids=["hexagon", "decalin"])
def test_frames_separate_what_refinement_cannot(backbone, one, other):
    torch.manual_seed(0)
    blind = GIN(identity=False).double()
    pair = torch.stack([one, other])
    plain = blind(pair)
    assert torch.allclose(plain[0], plain[1], atol=1e-12)
    model = GraphFrameAveraging(backbone.double(), max_frames=10_000)
    found = model(pair)
    assert (found[0] - found[1]).abs().sum() > 1e-6
    assert_equivariant(lambda a: model.to(a.dtype)(a), pair, "S", input_kinds="adjacency", output_kind="scalar", n=5)


def test_average_is_that_of_a_loop_over_frames():
    torch.manual_seed(0)
    backbone = GraphMLP(6, in_features=2).double()
    model = GraphFrameAveraging(backbone, max_frames=720)
    x = torch.randint(2, (2, 6, 2), generator=generator()).double()
    graphs = torch.stack([CYCLE, ASYMMETRIC])
    for k, found in enumerate(model(graphs, x)):
        frames = sort_frames(graphs[k], x[k], max_frames=720)
        every = [backbone(graphs[k][p][:, p][None], x[k][p][None])[0] for p in frames]
        assert torch.allclose(found, torch.stack(every).mean(0), atol=1e-12)


class NodeNetwork(nn.Module):
    """One output a node, and no symmetry."""

    def __init__(self, nodes):
        super().__init__()
        self.net = nn.Linear(nodes * nodes, nodes * 2).double()

    def forward(self, adjacency, x=None):
        return torch.tanh(self.net(adjacency.flatten(1))).unflatten(1, (-1, 2))


def test_node_outputs_go_back_to_their_nodes():
    torch.manual_seed(0)
    model = GraphFrameAveraging(NodeNetwork(6), output_kind="node", max_frames=720)
    graphs = torch.stack([CYCLE, ASYMMETRIC])
    error = equivariance_error(model, graphs, "S", input_kinds="adjacency", output_kind="set", n=20)
    assert error.maximal < 1e-12
    assert error.scale > 1e-2
    found = model(graphs)
    assert torch.allclose(found[0], found[0, :1].expand(6, -1))  # all nodes of a ring are alike
    assert (found[1, 0] - found[1, 1]).abs().max() > 1e-3


def test_packed_and_padded_graphs_agree_with_each_graph_alone():
    torch.manual_seed(0)
    model = GraphFrameAveraging(GIN(in_features=2).double(), max_frames=720)
    small = tensor(nx.path_graph(4))
    x = torch.randint(2, (10, 2), generator=generator()).double()
    edges, _ = edges_from_dense(CYCLE[None])
    more, _ = edges_from_dense(small[None])
    batch = torch.tensor([0] * 6 + [1] * 4)
    together = model(torch.cat([edges, more + 6], dim=1), x, batch=batch)
    assert torch.allclose(together[0], model(CYCLE[None], x[None, :6])[0], atol=1e-12)
    assert torch.allclose(together[1], model(small[None], x[None, 6:])[0], atol=1e-12)
    assert torch.allclose(model(edges, x[:6])[0], together[0], atol=1e-12)

    class Degree(nn.Module):
        def forward(self, adjacency, x, *, mask=None):
            return adjacency.sum(-1, keepdim=True) + 10 * x

    per_node = GraphFrameAveraging(Degree(), output_kind="node", max_frames=720)
    found = per_node(torch.cat([edges, more + 6], dim=1), x, batch=batch)
    degree = torch.cat([CYCLE.sum(1), small.sum(1)])[:, None]
    assert torch.allclose(found, degree + 10 * x)


def test_sampling_is_invariant_in_expectation_only():
    torch.manual_seed(0)
    backbone = GraphMLP(6).double()
    exact = GraphFrameAveraging(backbone, max_frames=720)(ASYMMETRIC[None])
    loose = GraphFrameAveraging(backbone, sample=1, seed=1)
    ring = CYCLE[None]
    draws = torch.cat([loose(ring) for _ in range(300)]).detach()
    assert draws.std(0).max() > 1e-3
    full = GraphFrameAveraging(backbone, max_frames=720)(ring)[0].detach()
    assert torch.allclose(draws.mean(0), full, atol=5 * float(draws.std()) / 300**0.5)
    assert torch.isfinite(exact).all()
    first, second = (GraphFrameAveraging(backbone, sample=1, seed=1)(ring) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("model", [GIN(max_nodes=8), GraphMLP(8, in_features=2)], ids=lambda m: type(m).__name__)
def test_backbones_round_trip_and_learn(model):
    graphs = torch.from_numpy(atlas_graphs(5)).float()
    x = None if isinstance(model, GIN) else graphs.sum(-1, keepdim=True).expand(-1, -1, 2)
    averaged = GraphFrameAveraging(model)
    again = GraphFrameAveraging(GIN(max_nodes=8) if x is None else GraphMLP(8, in_features=2))
    again.load_state_dict(averaged.state_dict())
    assert torch.equal(again(graphs, x), averaged(graphs, x))
    averaged(graphs, x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_frames_let_a_network_learn_what_refinement_cannot():
    torch.manual_seed(0)
    pair, target = torch.stack([CYCLE, TRIANGLES]).float(), torch.tensor([[0.5], [-0.5]])
    accuracy = {}
    for name, model in (
        ("GIN", GIN(identity=False, out_features=1)),
        ("FA-MLP", GraphFrameAveraging(GraphMLP(6, out_features=1), max_frames=720)),
    ):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(60):
            loss = (model(pair) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy[name] = float(((model(pair) > 0) == (target > 0)).float().mean())
    assert accuracy == {"GIN": 0.5, "FA-MLP": 1.0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sort_frames(torch.ones(3, 4)), "must be square"),
        (lambda: sort_frames(torch.ones(2, 3, 3)), "takes one graph"),
        (lambda: sort_frames(torch.full((3, 3), torch.nan)), "NaN"),
        (lambda: sort_frames(torch.tensor([[0.0, 1.0], [0.0, 0.0]])), "not symmetric"),
        (lambda: sort_frames(torch.zeros(0, 0)), "must be square"),
        (lambda: sort_frames(CYCLE, max_frames=100), "720 permutations, more than max_frames=100"),
        (lambda: sort_frames(CYCLE, sample=3), "needs a generator"),
        (lambda: GraphFrameAveraging(nn.Identity(), output_kind="edge"), "'invariant' or 'node'"),
        (lambda: GraphFrameAveraging(nn.Identity(), sample=0), "must be positive"),
        (
            lambda: GraphFrameAveraging(lambda a: a[:1], max_frames=720)(torch.stack([CYCLE, ASYMMETRIC])),
            "output of 1 rows",
        ),
        (lambda: GraphFrameAveraging(GIN())(torch.tensor([[0], [1]])), "needs x or batch"),
        (lambda: GIN(max_nodes=4)(CYCLE[None].float()), "at most 4 nodes; a graph has 6"),
        (lambda: GraphMLP(4)(CYCLE[None].float()), "at most 4 nodes; a graph has 6"),
        (lambda: GraphMLP(6, in_features=2)(CYCLE[None].float()), "takes 2 features a node; got 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_graphs_are_taken_as_torch_geometric_has_them():
    data = pytest.importorskip("torch_geometric.data")
    graphs = [nx.cycle_graph(6), nx.path_graph(4)]
    parts = [torch.tensor(list(graph.to_directed().edges)).mT for graph in graphs]
    features = [torch.randn(len(graph), 2, generator=generator(), dtype=torch.float64) for graph in graphs]
    batch = data.Batch.from_data_list(
        [data.Data(edge_index=edges, x=x) for edges, x in zip(parts, features, strict=True)]
    )
    model = GraphFrameAveraging(GIN(in_features=2, max_nodes=6).double(), max_frames=720).eval()
    together = model(batch)
    apart = torch.cat([model(edges, x) for edges, x in zip(parts, features, strict=True)])
    assert torch.allclose(together, apart)
    assert torch.allclose(together, model(list(zip(parts, features, strict=True))))
    with pytest.raises(InvalidInputError, match="give it alone"):
        model(batch, torch.cat(features))

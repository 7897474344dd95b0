import itertools
import pickle

import networkx as nx
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from reprise.data.graph8c import atlas_graphs
from reprise.errors import InvalidInputError
from reprise.nn.graph import edges_from_dense, weisfeiler_leman_classes
from reprise.nn.graph_batch import graph_batch
from reprise.symmetry.equivariance import PermutationGroup, assert_equivariant, equivariance_error
from reprise.symmetry.frame_averaging import GraphFrameAveraging
from reprise.symmetry.spen import (
    SPEN,
    EquivariantLinear,
    GlobalPermutationNet,
    InvariantLinear,
    SPENClassifier,
    ego_networks,
    ego_subgraphs,
    frequent_sizes,
    make_blocks,
    whole_graphs,
)

HEXAGON = nx.cycle_graph(6)
TRIANGLES = nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))
DECALIN = nx.Graph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (5, 6), (6, 7), (7, 8), (8, 9), (9, 0)])
BICYCLOPENTYL = nx.Graph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 5)])
MIXINGS = ("pool", "concat", "none")


def seeded(make, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return make().to(dtype).eval()


def random_graphs(count=6, features=3, edge_features=2, seed=0):
    """Graphs of all kinds: dense, sparse, in pieces, with isolated nodes, of one node."""
    rng = np.random.default_rng(seed)
    drawn = [nx.gnp_random_graph(int(rng.integers(2, 12)), float(rng.uniform(0.1, 0.7)), seed=k) for k in range(count)]
    graphs = []
    for graph in [*drawn, nx.empty_graph(1), nx.star_graph(6)]:
        edges = np.array([(a, b) for u, v in graph.edges for a, b in ((u, v), (v, u))], dtype=int).reshape(-1, 2).T
        kind = rng.normal(size=(len(graph), features))
        graphs.append((edges, kind, rng.normal(size=(edges.shape[1], edge_features))))
    return graphs


def relabelled(graph, rng):
    edges, x, edge_attr = graph
    order = rng.permutation(len(x))
    shuffle = rng.permutation(edges.shape[1])
    return np.argsort(order)[edges][:, shuffle], x[order], edge_attr[shuffle]


# --- subgraphs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, 2, 3, 10])
def test_ego_networks_agree_with_networkx(hops):
    for seed, density in itertools.product(range(3), (0.05, 0.2, 0.6)):
        graph = nx.gnp_random_graph(14, density, seed=seed)
        batch = graph_batch(graph)
        egos = ego_networks(batch.edge_index, len(graph), hops)
        assert egos.sizes.sum() == len(egos.nodes) == len(egos.hop)
        listed = ego_subgraphs(batch.edge_index, len(graph), hops)
        for centre, (nodes, hop) in enumerate(zip(listed, egos.hop.split(egos.sizes.tolist()), strict=True)):
            near = nx.single_source_shortest_path_length(graph, centre, cutoff=hops)
            assert dict(zip(nodes.tolist(), hop.tolist(), strict=True)) == dict(near)
            assert nodes.tolist() == sorted(near)


def test_ego_networks_survive_loops_and_repeated_edges():
    edges = torch.tensor([[0, 0, 0, 1, 1], [0, 1, 1, 0, 0]])
    assert [nodes.tolist() for nodes in ego_subgraphs(edges, 3)] == [[0, 1], [0, 1], [2]]


@pytest.mark.parametrize("batching", ["bucket", "pad"])
@pytest.mark.parametrize("sizes", [(), (2, 4)])
def test_blocks_hold_every_subgraph_once_and_number_pairs_rightly(sizes, batching):
    batch = graph_batch([graph[:2] for graph in random_graphs()])
    egos = ego_networks(batch.edge_index, batch.num_nodes)
    blocks = make_blocks(egos, batch.num_nodes, sizes=sizes, batching=batching)
    expected = egos.nodes.split(egos.sizes.tolist())
    seen = {}
    for block in blocks.blocks:
        mask = torch.ones_like(block.nodes, dtype=torch.bool) if block.mask is None else block.mask
        for number, nodes, there, pairs in zip(block.subgraphs.tolist(), block.nodes, mask, block.pairs, strict=True):
            seen[number] = nodes[there]
            for i, j in itertools.product(there.nonzero().flatten().tolist(), repeat=2):
                assert (blocks.first[pairs[i, j]], blocks.second[pairs[i, j]]) == (nodes[i], nodes[j])
    assert seen.keys() == set(range(batch.num_nodes))
    assert all(torch.equal(seen[v], expected[v]) for v in seen)
    counted = torch.bincount(egos.nodes, minlength=batch.num_nodes)
    assert torch.equal(blocks.node_count, counted)
    assert int(blocks.pair_count.sum()) == int(egos.sizes.square().sum())


def test_frequent_sizes_and_the_sizes_that_borrow_from_them():
    assert frequent_sizes(torch.tensor([1] * 50 + [5] * 49 + [7]), 0.02) == (1, 5)
    batch = graph_batch([nx.star_graph(k) for k in (1, 3, 9)])
    blocks = make_blocks(ego_networks(batch.edge_index, batch.num_nodes), batch.num_nodes, sizes=(4, 5))
    assert {block.nodes.shape[1]: block.group for block in blocks.blocks} == {2: 0, 4: 0, 10: 1}


# --- equivariant linear maps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduce", ["mean", "sum"])
@pytest.mark.parametrize("m", range(1, 9))
def test_linear_map_is_equivariant(m, reduce):
    layer = seeded(lambda: EquivariantLinear(3, 2, 4, 5, reduce), dtype=torch.float32)
    inputs = torch.randn(2, m, 3), torch.randn(2, m, m, 2)
    assert_equivariant(layer, inputs, PermutationGroup(), input_kinds=("set", "edges"), output_kind=("set", "edges"))
    invariant = seeded(lambda: InvariantLinear(3, 2, 4, reduce), dtype=torch.float32)
    assert_equivariant(
        invariant, inputs, PermutationGroup(), input_kinds=("set", "edges"), output_kind="scalar",
        dtypes=(torch.float64,),
    )  # fmt: skip


def written_out(layer, x1, x2):
    """The 27 basis maps one after another, as Maron et al. list them."""
    m = x2.shape[1]
    eye = torch.eye(m, dtype=x2.dtype)[None, :, :, None]
    diag = torch.stack([x2[:, i, i] for i in range(m)], dim=1)
    vectors = torch.cat([diag, x2.mean(2), x2.mean(1), x1], dim=-1)
    scalars = torch.cat([diag.mean(1), x2.mean((1, 2)), x1.mean(1)], dim=-1)
    w2, wv, ws, bias = (
        layer.from_matrices.weight, layer.from_vectors.weight, layer.from_scalars.weight, layer.from_scalars.bias
    )  # fmt: skip
    o1, o2 = layer.out1, layer.out2
    y2 = x2 @ w2[:o2].T + (x2 @ w2[o2:].T).transpose(1, 2)
    y2 = y2 + (vectors @ wv[:o2].T)[:, :, None] + (vectors @ wv[o2 : 2 * o2].T)[:, None]
    y2 = y2 + eye * (vectors @ wv[2 * o2 : 3 * o2].T)[:, :, None]
    shared = scalars @ ws.T + bias
    y2 = y2 + shared[:, None, None, :o2] + eye * shared[:, None, None, o2 : 2 * o2]
    return vectors @ wv[3 * o2 :].T + shared[:, None, 2 * o2 : 2 * o2 + o1], y2


def test_linear_map_is_the_sum_of_its_27_basis_maps():
    layer = seeded(lambda: EquivariantLinear(3, 2, 4, 5))
    x1, x2 = torch.randn(3, 6, 3, dtype=torch.float64), torch.randn(3, 6, 6, 2, dtype=torch.float64)
    for ours, slow in zip(layer(x1, x2), written_out(layer, x1, x2), strict=True):
        torch.testing.assert_close(ours, slow)


def matrices_of(layer, m):
    """The linear map (without its bias) that each single weight stands for, flattened: one row a weight."""
    count = m + m * m
    x1 = torch.eye(count, m, dtype=torch.float64)[..., None]
    x2 = torch.eye(count, dtype=torch.float64)[:, m:].view(count, m, m, 1)
    rows = []
    weights = [layer.from_matrices.weight, layer.from_vectors.weight, layer.from_scalars.weight]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        for weight in weights:
            for place in range(weight.numel()):
                weight.view(-1)[place] = 1
                y1, y2 = layer(x1, x2)
                rows.append(torch.cat([y1.flatten(1), y2.flatten(1)], dim=1).flatten())
                weight.view(-1)[place] = 0
    return torch.stack(rows)


@pytest.mark.parametrize(("m", "rank"), [(1, 4), (2, 18), (3, 26), (4, 27)])
def test_basis_is_complete_and_independent(m, rank):
    """As many maps as the equations P W = W P leave free: Bell numbers from m = 4 on."""
    found = matrices_of(seeded(lambda: EquivariantLinear(1, 1, 1, 1)), m)
    assert len(found) == 27
    assert torch.linalg.matrix_rank(found) == rank
    size = m + m * m
    constraints = []
    swap = [1, 0, *range(2, m)] if m > 1 else [0]
    for order in ([*range(1, m), 0], swap):  # a cycle and a swap generate S_m
        pair_order = [m + i * m + j for i in order for j in order]
        action = torch.eye(size, dtype=torch.float64)[[*order, *pair_order]]
        constraints.append(
            torch.kron(action, torch.eye(size, dtype=torch.float64))
            - torch.kron(torch.eye(size, dtype=torch.float64), action.T.contiguous())
        )
    assert size**2 - torch.linalg.matrix_rank(torch.cat(constraints)) == rank
    for row in found:
        for constraint in constraints:
            assert (constraint @ row).abs().max() < 1e-12


def test_fifteen_maps_between_matrices_are_independent():
    m = 4
    maps = matrices_of(seeded(lambda: EquivariantLinear(1, 1, 1, 1)), m).view(27, m + m * m, m + m * m)
    assert torch.linalg.matrix_rank(maps[:, m:, m:].reshape(27, -1)) == 15
    assert torch.linalg.matrix_rank(maps[:, m:, :m].reshape(27, -1)) == 5
    assert torch.linalg.matrix_rank(maps[:, :m, m:].reshape(27, -1)) == 5
    assert torch.linalg.matrix_rank(maps[:, :m, :m].reshape(27, -1)) == 2


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_padding_changes_nothing(reduce):
    layer, invariant = (
        seeded(lambda: EquivariantLinear(3, 2, 4, 5, reduce)),
        seeded(lambda: InvariantLinear(3, 2, 4, reduce)),
    )
    x1, x2 = torch.randn(2, 4, 3, dtype=torch.float64), torch.randn(2, 4, 4, 2, dtype=torch.float64)
    wide1 = torch.nn.functional.pad(x1, (0, 0, 0, 3))
    wide2 = torch.nn.functional.pad(x2, (0, 0, 0, 3, 0, 3))
    mask = torch.arange(7).expand(2, 7) < 4
    y1, y2 = layer(x1, x2)
    padded1, padded2 = layer(wide1, wide2, mask)
    torch.testing.assert_close(padded1, torch.nn.functional.pad(y1, (0, 0, 0, 3)))
    torch.testing.assert_close(padded2, torch.nn.functional.pad(y2, (0, 0, 0, 3, 0, 3)))
    torch.testing.assert_close(invariant(wide1, wide2, mask), invariant(x1, x2))


def test_linear_map_has_right_gradients():
    layer = seeded(lambda: EquivariantLinear(2, 1, 2, 2))
    x1 = torch.randn(1, 3, 2, dtype=torch.float64, requires_grad=True)
    x2 = torch.randn(1, 3, 3, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x1, x2))


# --- the network ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("settings", [{}, {"sizes": (2, 4)}, {"hops": 2, "mark_centre": True, "readout": "sum"}])
def test_output_does_not_depend_on_numbering(settings, mixing):
    graphs = random_graphs()
    rng = np.random.default_rng(1)
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-10)):
        model = seeded(lambda: SPEN(3, 2, mixing=mixing, **settings), dtype=dtype)
        straight, moved = model(graphs), model([relabelled(graph, rng) for graph in graphs])
        assert straight.dtype == dtype
        assert ((straight - moved).norm() / straight.norm()) < tolerance


@pytest.mark.parametrize("make", [SPEN, GlobalPermutationNet])
def test_permutation_group_acts_on_nodes_and_leaves_the_graph(make):
    graph = nx.connected_watts_strogatz_graph(9, 4, 0.3, seed=0)
    edges = graph_batch(graph).edge_index
    x = torch.randn(9, 3)
    model = seeded(lambda: make(3), dtype=torch.float32)

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x, edges):
            return self.model((edges, x)), self.model.embed_nodes((edges, x))

    kinds = ("set", "edge_index")
    assert_equivariant(Whole(), (x, edges), PermutationGroup(), input_kinds=kinds, output_kind=("scalar", "set"))
    blind = equivariance_error(Whole(), (x, edges), PermutationGroup(), input_kinds=("set", "scalar"),
                               output_kind=("scalar", "set"))  # fmt: skip
    assert blind.maximal > 1e-3  # renumbering the nodes but not the edges is another graph


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("sizes", [None, (2, 4)])
def test_bucketing_and_padding_agree(sizes, mixing):
    graphs = random_graphs()
    results = []
    for batching in ("bucket", "pad"):
        model = seeded(lambda batching=batching: SPEN(3, 2, mixing=mixing, sizes=sizes, batching=batching))
        loss = model(graphs).square().sum()
        results.append((loss.detach(), torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)))
    (one, gradients), (other, others) = results
    torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)
    for ours, theirs in zip(gradients, others, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mixing", ["pool", "none"])
def test_global_network_is_the_one_whose_hops_reach_everywhere(mixing):
    graphs = [nx.path_graph(4), nx.cycle_graph(5), nx.star_graph(4), nx.complete_graph(6)]
    one = seeded(lambda: SPEN(0, hops=4, mixing=mixing))
    whole = seeded(lambda: GlobalPermutationNet(0, mixing=mixing))
    torch.testing.assert_close(one(graphs), whole(graphs))


def test_batch_does_not_change_a_graph():
    graphs = random_graphs()
    model = seeded(lambda: SPEN(3, 2))
    torch.testing.assert_close(model(graphs), torch.cat([model([graph]) for graph in graphs]))


def embedded(graphs, **settings):
    return seeded(lambda: SPEN(0, embedding=16, **settings)).embed(graphs)


def apart(graphs, **settings):
    one, other = embedded(graphs, **settings)
    return float(((one - other).norm() / one.norm()).detach())


@pytest.mark.parametrize("mixing", MIXINGS)
def test_one_hop_tells_hexagon_from_triangles(mixing):
    assert apart([HEXAGON, TRIANGLES], mixing=mixing) > 1e-3


def test_what_message_passing_confuses():
    batch = graph_batch([DECALIN, BICYCLOPENTYL])
    assert weisfeiler_leman_classes(batch.edge_index, batch.batch).tolist() == [0, 0]
    pair = [DECALIN, BICYCLOPENTYL]
    whole = seeded(lambda: GlobalPermutationNet(0)).embed(pair)
    torch.testing.assert_close(whole[0], whole[1])  # order 2 on whole graphs is no stronger
    assert apart(pair, mixing="none", adjacency="plain") < 1e-9  # the two bags of ego-networks are one
    assert apart(pair, mixing="none", adjacency="plain", hops=2) > 1e-5  # rings of five close within 2 hops


def test_parameters_do_not_depend_on_hops_or_graphs():
    def count(**settings):
        return sum(p.numel() for p in SPEN(3, **settings).parameters())

    assert count() == count(hops=3) == count(batching="pad")
    assert count(sizes=(2, 3)) > count()
    graphs = [nx.gnp_random_graph(n, 0.3, seed=n) for n in (3, 10, 30)]
    assert SPEN(0)(graphs).shape == (3, 2)


def test_isolated_nodes_and_graphs_without_edges_work():
    model = seeded(lambda: SPEN(0))
    assert model([nx.empty_graph(1), nx.empty_graph(4)]).isfinite().all()
    isolated = nx.path_graph(3)
    isolated.add_node("alone")
    assert model([isolated]).isfinite().all()


def test_edge_features_and_their_direction_matter():
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    model = seeded(lambda: SPEN(0, 1))
    weights = torch.tensor([[1.0], [1.0], [2.0], [2.0]])
    swapped = torch.tensor([[1.0], [2.0], [1.0], [2.0]])
    assert not torch.allclose(model((edges, 3, weights)), model((edges, 3, swapped)))


def test_forms_of_graphs_agree():
    graphs = random_graphs(edge_features=1)
    model = seeded(lambda: SPEN(3, 1))
    straight = model(graphs)
    geometric = pytest.importorskip("torch_geometric.data")
    data = [
        geometric.Data(torch.from_numpy(x), torch.from_numpy(edges).long(), torch.from_numpy(attributes))
        for edges, x, attributes in graphs
    ]
    torch.testing.assert_close(model(data), straight)
    torch.testing.assert_close(model(geometric.Batch.from_data_list(data)), straight)
    torch.testing.assert_close(model(graph_batch(graphs)), straight)


def test_state_dict_round_trip():
    graphs = random_graphs()
    one, other = seeded(lambda: SPEN(3, 2, sizes=(2, 3)), 0), seeded(lambda: SPEN(3, 2, sizes=(2, 3)), 1)
    assert not torch.allclose(one(graphs), other(graphs))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(graphs), other(graphs))


def test_backbone_of_frame_averaging():
    """SPEN beside numbers of nodes depends on the numbering; frames mend it, and part what SPEN alone confuses."""

    class Numbered(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.spen = SPEN(6, mixing="none")

        def forward(self, adjacency):
            edges, batch = edges_from_dense(adjacency)
            numbers = torch.eye(6, dtype=adjacency.dtype).repeat(len(adjacency), 1)
            graphs = [(edges[:, batch[edges[0]] == k] - 6 * k, numbers[batch == k]) for k in range(len(adjacency))]
            return self.spen.embed(graphs)

    model = seeded(Numbered)
    graph = torch.from_numpy(atlas_graphs(6)[40:43]).double()
    assert equivariance_error(model, graph, "S", input_kinds="adjacency", output_kind="scalar").mean > 1e-3
    framed = GraphFrameAveraging(model, max_frames=720)
    assert_equivariant(framed, graph, "S", input_kinds="adjacency", output_kind="scalar", dtypes=(torch.float64,))


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ego_networks(torch.zeros(2, 0, dtype=torch.long), 0), "has no nodes"),
        (lambda: ego_networks(torch.tensor([[0], [3]]), 3), "nodes 0 to 3, but the 3 nodes"),
        (lambda: ego_networks(torch.tensor([[-1], [0]]), 3), "nodes -1 to 0"),
        (lambda: ego_networks(torch.tensor([[0], [1]]), 3, hops=0), "hops must be at least 1; got 0"),
        (lambda: ego_networks(torch.tensor([[0.0], [1.0]]), 3), "must be integers"),
        (lambda: ego_networks(torch.tensor([0, 1]), 3), r"shape \(2, E\)"),
        (lambda: ego_subgraphs(graph_batch(nx.star_graph(9)).edge_index, 10, max_size=5),
         "around node 0 within 1 hops has 10 nodes, more than max_size=5.*fewer hops"),
        (lambda: whole_graphs(torch.tensor([1, 0])), "in order"),
        (lambda: whole_graphs(torch.tensor([], dtype=torch.long)), "empty"),
        (lambda: EquivariantLinear(0, 1, 1, 1), "in1 counts channels"),
        (lambda: EquivariantLinear(1, 1, 1, 1, reduce="max"), "'mean' or 'sum'"),
        (lambda: EquivariantLinear(1, 1, 1, 1)(torch.zeros(1, 3, 1), torch.zeros(1, 3, 4, 1)), "Expected node"),
        (lambda: InvariantLinear(1, 1, 1)(torch.zeros(1, 3, 2), torch.zeros(1, 3, 3, 1)), "Expected node features"),
        (lambda: SPEN(-1), "node_features is a width"),
        (lambda: SPEN(0, hops=0), "hops must be at least 1"),
        (lambda: SPEN(0, layers=0), "layers must be at least 1"),
        (lambda: SPEN(0, mixing="stir"), "mixing must be one of"),
        (lambda: SPEN(0, sizes=(3, 2)), "ascending"),
        (lambda: SPEN(0, max_size=0), "max_size"),
        (lambda: GlobalPermutationNet(0, hops=2), "no setting 'hops'"),
        (lambda: SPEN(2)([nx.path_graph(3)]), "x of width 0; this network was made for 2"),
        (lambda: SPEN(0)([(torch.tensor([[0], [1]]), torch.zeros(2, 4))]), "x of width 4"),
        (lambda: SPEN(0)([(torch.tensor([[0], [1]]), 2, torch.zeros(1, 1))]), "edge_attr of width 1"),
        (lambda: SPEN(0)([]), "empty"),
        (lambda: SPEN(0)([nx.empty_graph(0)]), "no nodes"),
        (lambda: SPEN(0)([(torch.tensor([[0], [5]]), 2)]), "edge from 0 to 5"),
        (lambda: SPEN(1)([(torch.tensor([[0], [1]]), torch.tensor([[1.0], [float("nan")]]))]), "NaN"),
        (lambda: SPEN(0, max_size=5)([nx.star_graph(9)]), "more than max_size=5"),
        (lambda: GlobalPermutationNet(0, max_size=5)([nx.star_graph(9)]), "more than max_size=5"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


# --- the classifier -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def task():
    """Rings with or without a chord that closes a triangle: degrees alone do not tell, triangles do."""
    rng = np.random.default_rng(0)
    graphs, labels = [], []
    for _ in range(40):
        n = int(rng.integers(8, 12))
        for label, reach in (("triangle", 2), ("square", 3)):
            graph = nx.cycle_graph(n)
            graph.add_edge(0, reach)
            graphs.append(nx.relabel_nodes(graph, dict(enumerate(rng.permutation(n).tolist()))))
            labels.append(label)
    return graphs, np.array(labels)


SMALL = {"epochs": 15, "lr": 0.01, "batch_size": 16, "channels": (8, 4), "layers": 2, "embedding": 16, "device": "cpu"}


@pytest.fixture(scope="module")
def fitted(task):
    graphs, labels = task
    return SPENClassifier(**SMALL, random_state=0).fit(graphs[:60], labels[:60])


def test_learns_what_random_weights_do_not_know(fitted, task):
    graphs, labels = task
    assert fitted.score(graphs[60:], labels[60:]) == 1.0
    untrained = SPENClassifier(**{**SMALL, "epochs": 1, "lr": 1e-9}, random_state=0).fit(graphs[:60], labels[:60])
    assert untrained.score(graphs[60:], labels[60:]) < 0.8


def test_classifier_keeps_the_conventions(fitted, task):
    graphs, _ = task
    assert fitted.classes_.tolist() == ["square", "triangle"]
    assert fitted.sizes_ == (3, 4)
    probabilities = fitted.predict_proba(graphs)
    assert probabilities.shape == (80, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert np.array_equal(fitted.predict(graphs), fitted.classes_[probabilities.argmax(1)])
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(graphs), probabilities)
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    assert not hasattr(fresh, "network_")
    assert len(fitted.history_) == SMALL["epochs"]


def test_result_depends_on_the_seed_alone(fitted, task):
    graphs, labels = task
    torch.manual_seed(7)
    again = clone(fitted).fit(graph_batch(graphs[:60]), labels[:60])
    assert np.array_equal(again.predict_proba(graphs), fitted.predict_proba(graphs))
    other = clone(fitted).set_params(random_state=1).fit(graphs[:60], labels[:60])
    assert not np.array_equal(other.predict_proba(graphs), fitted.predict_proba(graphs))


def test_embeddings_serve_another_classifier(fitted, task):
    graphs, labels = task
    plain = make_pipeline(SPENClassifier(**{**SMALL, "sharing": "all"}, random_state=0), LogisticRegression(C=100))
    assert plain.fit(graphs[:60], labels[:60]).score(graphs[60:], labels[60:]) > 0.95
    assert fitted.transform(graphs).shape == (80, SMALL["embedding"])


def test_cross_validation_takes_lists_of_graphs(task):
    graphs, labels = task
    model = SPENClassifier(**{**SMALL, "epochs": 2}, random_state=0)
    assert cross_val_score(model, graphs, labels, cv=2, error_score="raise").shape == (2,)


@pytest.mark.parametrize(
    ("settings", "take", "labels", "message"),
    [
        ({}, 4, ["a", "b", "a"], r"Labels of shape \(3,\) were given for 4 graphs"),
        ({}, 4, ["a"] * 4, "at least two classes"),
        ({}, 4, [0.5, 0.1, 0.2, 0.7], "fractions"),
        ({}, 4, [[0, 1], [1, 0], [0, 1], [1, 1]], r"Labels of shape \(4, 2\)"),
        ({"hops": 0}, 4, [0, 1, 0, 1], "hops must be at least 1"),
        ({"sharing": "some"}, 4, [0, 1, 0, 1], "sharing must be"),
        ({"rare": 1.5}, 4, [0, 1, 0, 1], "rare is a share"),
        ({"lr": -1.0}, 4, [0, 1, 0, 1], "lr"),
        ({"epochs": 0}, 4, [0, 1, 0, 1], "epochs"),
        ({"max_size": 2}, 4, [0, 1, 0, 1], "more than max_size=2"),
    ],
)
def test_classifier_names_bad_input(settings, take, labels, message, task):
    with pytest.raises(InvalidInputError, match=message):
        SPENClassifier(**{"epochs": 1, **settings}).fit(task[0][:take], labels)


def test_predict_checks_the_graphs(fitted):
    with pytest.raises(InvalidInputError, match="x of width 2; this network was made for 0"):
        fitted.predict([(torch.tensor([[0], [1]]), torch.zeros(2, 2))])


@pytest.mark.parametrize("setting", [{"hidden": (0,)}, {"hidden": (8, -1)}, {"dropout": 2}, {"dropout": -0.1}])
def test_impossible_perceptrons_are_refused(setting):
    with pytest.raises(InvalidInputError, match=r"dropout in \[0, 1\)"):
        SPEN(2, **setting)

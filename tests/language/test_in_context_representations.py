import numpy as np
import pytest
import torch
from scipy.stats import ortho_group

from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.language.in_context_representations import (
    DAYS,
    WORDS,
    GraphTracing,
    component_alignment,
    critical_length,
    crossing_length,
    dimension_energies,
    dirichlet_energy,
    graph_adjacency,
    graph_alignment,
    graph_distances,
    mixing_null,
    move_node,
    node_probabilities,
    node_subspace,
    order_ring,
    permuted_alignment,
    principal_components,
    random_subspace,
    rule_accuracy,
    scaling_exponent,
    seen_component,
    semantic_alignment,
    spectral_embedding,
    trace_representations,
)
from reprise.language.in_context_representations.graphs import random_graphs, random_walks
from reprise.language.in_context_representations.tracer import graph_tracer, tracing_sequences, train_graph_tracer
from reprise.models.tiny import tiny_language_model

GRID = graph_adjacency("grid", 4)


@pytest.fixture(scope="module")
def model():
    return LanguageModel(*tiny_language_model(" ".join([*WORDS, *DAYS])))


# Graphs and walks


@pytest.mark.parametrize(
    ("name", "size", "nodes", "edges"),
    [("grid", None, 16, 24), ("grid", (2, 5), 10, 13), ("ring", 7, 7, 7), ("hex", None, 16, 19), ("hex", (1, 1), 6, 6)],
)
def test_graphs_have_their_nodes_and_edges(name, size, nodes, edges):
    adjacency = graph_adjacency(name, size)
    assert (len(adjacency), adjacency.sum() // 2) == (nodes, edges)
    assert (graph_adjacency(adjacency) == adjacency).all()


def test_grid_is_numbered_by_rows():
    rows, columns = np.divmod(np.arange(16), 4)
    apart = abs(rows[:, None] - rows) + abs(columns[:, None] - columns)
    np.testing.assert_array_equal(GRID, apart == 1)
    np.testing.assert_array_equal(graph_distances(GRID), apart)


@pytest.mark.parametrize(
    ("graph", "size", "message"),
    [
        ("square", None, "one of grid, ring, hex"),
        ("ring", 2, "from 3 on"),
        ("grid", (0, 4), "rows and columns"),
        (np.eye(3), None, "joined to itself"),
        ([[0, 1], [0, 0]], None, "nodes 0 and 1 are joined in one direction"),
        ([[0, 2], [2, 0]], None, "0 and 1"),
        (np.kron(np.eye(2), [[0, 1], [1, 0]]), None, "2 parts"),
        (np.zeros((2, 3)), None, r"shape \(2, 3\)"),
        (GRID, 4, "goes with the name"),
    ],
)
def test_bad_graphs_are_refused(graph, size, message):
    with pytest.raises(InvalidInputError, match=message):
        graph_adjacency(graph, size)


def test_walks_step_along_edges_and_dwell_by_degree():
    nodes = GraphTracing("grid").draw(40_000, np.random.default_rng(0))
    assert GRID[nodes[:-1], nodes[1:]].all()
    expected = GRID.sum(axis=1) / GRID.sum()
    # On a two-coloured graph every other step is on the same side, and visits a few steps apart hang together: the
    # spread is measured on blocks that are long beside that.
    shares = np.stack([np.bincount(block, minlength=16) / 400 for block in nodes.reshape(100, 400)])
    errors = shares.std(axis=0, ddof=1) / 10
    assert (abs(shares.mean(axis=0) - expected) < 3.5 * errors).all()


def test_steps_are_uniform_over_neighbours():
    nodes = random_walks(np.repeat(GRID[None], 200, 0), np.full(200, 5), 200, np.random.default_rng(1))
    counts = np.zeros((16, 16))
    np.add.at(counts, (nodes[:, :-1].ravel(), nodes[:, 1:].ravel()), 1)
    chances = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances, GRID / GRID.sum(axis=1, keepdims=True), atol=0.04)


def test_pairs_are_edges_and_ruled_at_the_first():
    trace = GraphTracing("ring", 6, mode="pairs").sample(101, token_ids=range(6))
    first, second = trace.nodes[:100:2], trace.nodes[1:100:2]
    assert trace.adjacency[first, second].all()
    assert len(trace) == 101
    np.testing.assert_array_equal(trace.ruled, np.arange(101) % 2 == 0)
    assert not trace.adjacency[trace.nodes[1:99:2], trace.nodes[2:100:2]].all()


def test_independent_draws_share_words_and_frequencies_with_the_walk(model):
    walk, drawn = (GraphTracing(mode=mode).sample(8_000, model.tokenizer) for mode in ("walk", "independent"))
    assert walk.words == drawn.words
    assert not drawn.ruled.any()
    frequencies = np.bincount(drawn.nodes) / 8_000
    np.testing.assert_allclose(frequencies, GRID.sum(axis=1) / GRID.sum(), atol=0.015)
    assert 0.1 < GRID[drawn.nodes[:-1], drawn.nodes[1:]].mean() < 0.25


def test_traces_are_text_that_the_tokenizer_reads_as_it_was_made(model):
    trace = GraphTracing("hex").sample(50, model.tokenizer, random_state=3)
    assert model.encode(trace.text()) == trace.ids
    assert trace.first(20).ids == trace.ids[:21]
    again = GraphTracing("hex").sample(50, model.tokenizer, random_state=3)
    assert again.ids == trace.ids
    assert GraphTracing("hex").sample(50, model.tokenizer, random_state=4).words != trace.words


def test_bad_tasks_are_refused(model):
    with pytest.raises(InvalidInputError, match="one of walk, pairs"):
        GraphTracing(mode="jump")
    with pytest.raises(InvalidInputError, match="repeats"):
        GraphTracing("ring", 3, words=["a", "b", "a"])
    with pytest.raises(InvalidInputError, match="16 nodes needs as many"):
        GraphTracing("grid", words=DAYS)
    with pytest.raises(InvalidInputError, match="different words or tokens"):
        GraphTracing("grid", 7).sample(9, model.tokenizer)
    with pytest.raises(InvalidInputError, match="'Friday night'"):
        GraphTracing("ring", 3, words=["Friday night", "Monday", "Tuesday"]).sample(9, model.tokenizer)
    with pytest.raises(InvalidInputError, match="'aardvark'"):
        GraphTracing("ring", 3, words=["aardvark", "Monday", "Tuesday"]).sample(9, model.tokenizer)
    with pytest.raises(InvalidInputError, match="exactly one"):
        GraphTracing().sample(9)
    trace = GraphTracing().sample(9, token_ids=range(16))
    with pytest.raises(InvalidInputError, match="no words"):
        trace.text()
    with pytest.raises(InvalidInputError, match="9 steps"):
        trace.first(10)


def test_random_graphs_are_connected():
    graphs, sizes = random_graphs(50, np.random.default_rng(0), nodes=(2, 12))
    assert set(sizes) == set(range(2, 13))
    for graph, size in zip(graphs, sizes, strict=True):
        graph_adjacency(graph[:size, :size])
        assert not graph[size:].any()


# Energy


def test_energy_is_the_laplacian_form():
    X = np.random.default_rng(0).normal(size=(16, 7))
    laplacian = np.diag(GRID.sum(axis=1)) - GRID
    assert dirichlet_energy(X, GRID) == pytest.approx(2 * np.trace(X.T @ laplacian @ X), abs=1e-9)
    assert dimension_energies(X, GRID).sum() == pytest.approx(dirichlet_energy(X, GRID), abs=1e-9)
    slow = sum(GRID[i, j] * ((X[i] - X[j]) ** 2).sum() for i in range(16) for j in range(16))
    assert dirichlet_energy(X, GRID) == pytest.approx(slow)


def test_constant_points_have_no_energy_and_no_ratio():
    X = np.ones((16, 3))
    assert dirichlet_energy(X, GRID) == 0
    np.testing.assert_array_equal(dimension_energies(X, GRID), 0)
    with pytest.raises(InvalidInputError, match="coincide"):
        dirichlet_energy(X, GRID, "nonadjacent")


@pytest.mark.parametrize("normalize", ["nonadjacent", "total"])
def test_ratio_is_one_without_structure(normalize):
    rng = np.random.default_rng(0)
    ratios = [dirichlet_energy(rng.normal(size=(16, 500)), GRID, normalize) for _ in range(5)]
    np.testing.assert_allclose(ratios, 1.0, atol=0.03)


def test_ratio_does_not_depend_on_scale_place_or_axes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(16, 9))
    turned = 7 * X @ ortho_group.rvs(9, random_state=rng) + rng.normal(size=9)
    assert dirichlet_energy(turned, GRID, "nonadjacent") == pytest.approx(dirichlet_energy(X, GRID, "nonadjacent"))
    for name in ("energy_ratio", "distance_corr", "spectral_corr"):
        assert getattr(graph_alignment(turned, GRID), name) == pytest.approx(getattr(graph_alignment(X, GRID), name))


def test_bad_points_are_refused():
    with pytest.raises(InvalidInputError, match="16 nodes"):
        dirichlet_energy(np.ones((15, 2)), GRID)
    X = np.random.default_rng(0).normal(size=(16, 2))
    with pytest.raises(InvalidInputError, match="normalize"):
        dirichlet_energy(X, GRID, "edges")
    X[3] = np.nan
    with pytest.raises(InvalidInputError, match="node 3"):
        dirichlet_energy(X, GRID)


# Spectral maps


def test_ring_has_its_known_eigenvalues():
    values = spectral_embedding(graph_adjacency("ring", 10), 9).values
    expected = np.sort(2 - 2 * np.cos(2 * np.pi * np.arange(1, 10) / 10))
    np.testing.assert_allclose(values, expected, atol=1e-12)


def test_grid_eigenvalues_are_sums_of_those_of_paths():
    path = 2 - 2 * np.cos(np.pi * np.arange(4) / 4)
    expected = np.sort((path[:, None] + path).ravel())[1:]
    embedding = spectral_embedding(GRID, 15)
    np.testing.assert_allclose(embedding.values, expected, atol=1e-12)
    np.testing.assert_allclose(spectral_embedding(GRID, 2).values, 0.585786, atol=1e-6)
    np.testing.assert_allclose(embedding.vectors.T @ embedding.vectors, np.eye(15), atol=1e-12)
    np.testing.assert_allclose(embedding.vectors.sum(axis=0), 0, atol=1e-12)


def test_embedding_has_less_energy_than_other_maps():
    best = dirichlet_energy(spectral_embedding(GRID, 2).vectors, GRID)
    assert best == pytest.approx(4 * 0.585786, abs=1e-5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        centred = rng.normal(size=(16, 2))
        other = np.linalg.qr(centred - centred.mean(axis=0))[0]
        assert dirichlet_energy(other, GRID) > best


def test_embedding_of_the_grid_measures_as_computed_by_hand():
    found = graph_alignment(spectral_embedding(GRID, 2).vectors, GRID)
    assert found.energy_ratio == pytest.approx(0.15201, abs=5e-6)
    assert found.distance_corr == pytest.approx(0.9525, abs=5e-5)
    assert found.spectral_corr == pytest.approx(1.0)
    assert found.nodes == 16


def test_agreement_is_of_subspaces():
    vectors = spectral_embedding(GRID, 15).vectors
    turn = ortho_group.rvs(2, random_state=0)
    assert component_alignment(vectors[:, :2] @ turn * [3, 2], GRID) == pytest.approx(1.0)
    assert component_alignment(vectors[:, 3:5], GRID) == pytest.approx(0.0, abs=1e-7)
    half = np.stack([2 * vectors[:, 0], vectors[:, 7]], axis=1)
    assert component_alignment(half, GRID) == pytest.approx(np.sqrt(0.5))


def test_embedding_that_ends_within_an_eigenspace_takes_all_of_it():
    vectors = spectral_embedding(GRID, 2).vectors
    for angle in (0.0, 0.7, 2.0):
        single = vectors @ [np.cos(angle), np.sin(angle)]
        assert component_alignment(single[:, None], GRID, components=(0,)) == pytest.approx(1.0)


def test_absent_nodes_are_left_out():
    X = spectral_embedding(GRID, 2).vectors.copy()
    X[[0, 9]] = np.nan
    found = graph_alignment(X, GRID)
    assert found.nodes == 14
    assert found.spectral_corr == pytest.approx(1.0)
    assert found.distance_corr > 0.9
    X[3:] = np.nan
    with pytest.raises(InvalidInputError, match="2 nodes are present"):
        graph_alignment(X, GRID)


def test_components_are_those_of_scikit_learn():
    from sklearn.decomposition import PCA

    X = np.random.default_rng(0).normal(size=(12, 5))
    theirs = PCA(3).fit_transform(X)
    ours = principal_components(X, (0, 1, 2))
    np.testing.assert_allclose(abs((theirs / np.linalg.norm(theirs, axis=0)).T @ ours), np.eye(3), atol=1e-10)
    with pytest.raises(InvalidInputError, match="0 to 4"):
        principal_components(X, (5,))


def test_spectral_embedding_spans_what_scikit_learn_finds():
    from sklearn.manifold import spectral_embedding as theirs

    ring = graph_adjacency("ring", 9)
    found = theirs(ring.astype(float), n_components=2, norm_laplacian=False, drop_first=True, random_state=0)
    assert component_alignment(found, ring) == pytest.approx(1.0, abs=1e-6)


# Nulls


def test_mixing_alone_draws_the_grid():
    words = np.random.default_rng(0).normal(size=(16, 400))
    before, after = graph_alignment(words, GRID), graph_alignment(mixing_null(words, GRID), GRID)
    assert after.energy_ratio < 0.8 < before.energy_ratio
    assert after.distance_corr > 0.5 > before.distance_corr
    np.testing.assert_array_equal(mixing_null(words, GRID, alpha=0), words)


def test_permuted_nodes_lose_the_graph():
    null = permuted_alignment(spectral_embedding(GRID, 2).vectors, GRID, permutations=200)
    assert null.energy_ratio == pytest.approx(1.0, abs=0.05)
    assert null.distance_corr == pytest.approx(0.0, abs=0.05)
    with pytest.raises(InvalidInputError, match="at least one"):
        permuted_alignment(np.eye(16), GRID, permutations=0)


# Accuracy and critical lengths


def test_rule_accuracy_of_known_predictions():
    nodes = np.arange(16)
    exact = GRID / GRID.sum(axis=1, keepdims=True)
    found = rule_accuracy(0.5 * exact, nodes, GRID)
    np.testing.assert_allclose(found.neighbours, 0.5)
    np.testing.assert_allclose(found.share, 1.0)
    np.testing.assert_allclose(found.itself, 0.0)
    even = rule_accuracy(np.full((16, 16), 1 / 16), nodes, GRID)
    np.testing.assert_allclose(even.share, GRID.sum(axis=1) / 16)
    np.testing.assert_allclose(even.itself, 1 / 16)
    with pytest.raises(InvalidInputError, match="probabilities"):
        rule_accuracy(np.full((16, 16), 1.0), nodes, GRID)
    with pytest.raises(InvalidInputError, match="16 nodes"):
        rule_accuracy(np.ones((16, 3)), nodes, GRID)


@pytest.mark.parametrize("turn", [40, 100, 300])
def test_bend_is_found_in_noise(turn):
    lengths = np.array([10, 15, 25, 40, 65, 100, 150, 250, 400, 650, 1000])
    noise = np.random.default_rng(0).normal(scale=0.005, size=len(lengths))
    values = 0.2 + 0.02 * np.log(lengths) + 0.2 * np.maximum(0, np.log(lengths / turn)) + noise
    found = critical_length(lengths, values)
    assert found.length == pytest.approx(turn, rel=0.15)
    assert found.slope_before == pytest.approx(0.02, abs=0.02)
    assert found.slope_after == pytest.approx(0.22, abs=0.03)
    order = np.random.default_rng(1).permutation(len(lengths))
    assert critical_length(lengths[order], values[order]) == found


def test_crossings():
    assert crossing_length([10, 100, 1000], [1.0, 0.6, 0.2], 0.4) == pytest.approx(10**2.5)
    assert crossing_length([10, 100], [0.5, 0.9], 0.4) == pytest.approx(10)
    assert np.isnan(crossing_length([10, 100], [0.1, 0.2], 0.4))


def test_exponent_of_a_power():
    assert scaling_exponent([9, 16, 25], 3 * np.array([9, 16, 25]) ** 0.7) == pytest.approx(0.7)


def test_seen_edges_join(model):
    walk = GraphTracing("grid").sample(300, model.tokenizer)
    visited = [len(set(walk.nodes[:length])) / 16 for length in (2, 10, 40, 300)]
    np.testing.assert_allclose(seen_component(walk, [2, 10, 40, 300]), visited)
    pairs = GraphTracing("ring", 6, mode="pairs").sample(8, token_ids=range(6), random_state=1)
    seen = {frozenset(pair) for pair in pairs.nodes.reshape(4, 2).tolist()}
    import networkx as nx

    largest = max(map(len, nx.connected_components(nx.Graph(map(tuple, seen)))))
    assert seen_component(pairs, [8])[0] == largest / 6


def test_bad_curves_are_refused():
    with pytest.raises(InvalidInputError, match="five lengths"):
        critical_length([1, 2, 3], [1, 2, 3])
    with pytest.raises(InvalidInputError, match="different"):
        critical_length([1, 2, 2, 3, 4], [1, 2, 3, 4, 5])
    with pytest.raises(InvalidInputError, match="finite"):
        crossing_length([1, 2], [np.nan, 1.0], 0.5)
    with pytest.raises(InvalidInputError, match="positive"):
        scaling_exponent([9, 16], [0, 1])


# Reading models


def test_means_are_those_of_visits_within_the_window(lm):
    trace = GraphTracing("ring", 5).sample(40, token_ids=range(10, 30), prefix=[0])
    reading = trace_representations(lm, trace, [25, 40], [0, 2, 3], window=[10, 20], min_visits=2)
    streams = lm.residuals([trace.ids], layers=[0, 2, 3])[0, :, 1:].numpy()
    for at, (length, window) in enumerate([(25, 10), (40, 20)]):
        for node in range(5):
            steps = [step for step in range(length - window, length) if trace.nodes[step] == node]
            assert reading.visits[at, node] == len(steps)
            if len(steps) < 2:
                assert np.isnan(reading.means[at, :, node]).all()
            else:
                np.testing.assert_allclose(reading.means[at, :, node], streams[:, steps].mean(axis=1), atol=1e-5)
    np.testing.assert_array_equal(reading.absent, (reading.visits < 2).sum(axis=1))


def test_predictions_come_from_the_same_pass(lm):
    trace = GraphTracing("ring", 5).sample(40, token_ids=range(10, 30), prefix=[0])
    reading = trace_representations(lm, trace, [40], [1], window=20, predictions=True)
    expected = lm.logits([trace.ids])[0, 1:].softmax(-1)[:, trace.node_ids].numpy()
    np.testing.assert_allclose(reading.masses, expected, atol=1e-6)
    np.testing.assert_allclose(node_probabilities(lm, trace, [7, 39]), expected[[7, 39]], atol=1e-6)


def test_half_precision(make_tiny):
    exact, rough = make_tiny("llama"), make_tiny("llama")
    rough.model.to(torch.bfloat16)
    trace = GraphTracing("ring", 5).sample(40, token_ids=range(10, 30), prefix=[0])
    full, half = (trace_representations(m, trace, [40], [2], window=40, predictions=True) for m in (exact, rough))
    np.testing.assert_allclose(half.means, full.means, atol=0.1)
    np.testing.assert_allclose(half.masses, full.masses, atol=0.02)
    moved = move_node(rough, trace, half.at(40, 2), 2, node_subspace(half.at(40, 2)))
    assert np.isfinite(moved.after).all()


def test_bad_readings_are_refused(model):
    trace = GraphTracing("ring", 5).sample(40, model.tokenizer)
    with pytest.raises(InvalidInputError, match="window of 50 steps before length 40"):
        trace_representations(model, trace, [40], [1])
    with pytest.raises(InvalidInputError, match="40 steps of the trace"):
        trace_representations(model, trace, [50], [1])
    with pytest.raises(InvalidInputError, match="at least one of each"):
        trace_representations(model, trace, [40], [], window=20)
    with pytest.raises(InvalidInputError, match="window for each length"):
        trace_representations(model, trace, [30, 40], [1], window=[20])
    with pytest.raises(InvalidInputError, match="Steps lie in"):
        node_probabilities(model, trace, [40])
    with pytest.raises(InvalidInputError, match="was not read"):
        trace_representations(model, trace, [40], [1], window=20).at(40, 2)


def test_shorter_contexts_come_from_the_longer_one(smollm2):
    trace = GraphTracing("grid").sample(400, smollm2.tokenizer)
    long = trace_representations(smollm2, trace, [100, 400], [5, 29], window=100)
    short = trace_representations(smollm2, trace.first(100), [100], [5, 29], window=100)
    gap = np.nanmax(abs(long.means[0] - short.means[0]), axis=(0, 1, 2))
    assert gap < 1e-4 * np.nanmax(abs(short.means))


# Moving nodes


def test_moving_along_everything_is_replacing_the_span(lm):
    trace = GraphTracing("ring", 5).sample(60, token_ids=range(10, 30), prefix=[0])
    means = trace_representations(lm, trace, [60], [2], window=60).at(60, 2)
    basis = node_subspace(means, 4)
    moved = move_node(lm, trace, means, 2, basis)
    assert trace.nodes[-1] not in moved.targets
    here = lm.residuals([trace.ids], layers=[2], positions=-1)[0, 0, 0].numpy()
    for target, shares in zip(moved.targets, moved.after, strict=True):
        goal = torch.from_numpy((here + (means[target] - here) @ basis.T @ basis).astype(np.float32))
        at_end = torch.zeros(1, len(trace.ids), 1)
        at_end[:, -1] = 1

        def put(hidden, goal=goal, at_end=at_end):
            return hidden * (1 - at_end) + goal * at_end

        with lm.edit_residual(2, put):
            expected = lm.logits([trace.ids], positions=-1)[0, 0, trace.node_ids].softmax(-1)
        np.testing.assert_allclose(shares, expected, atol=1e-5)
    expected = lm.logits([trace.ids], positions=-1)[0, 0, trace.node_ids].softmax(-1)
    np.testing.assert_allclose(moved.before, expected, atol=1e-5)


def test_moving_a_node_to_where_it_is_changes_nothing(model):
    trace = GraphTracing("ring", 6).sample(60, model.tokenizer)
    here = model.residuals([trace.ids], layers=[1], positions=-1)[0, 0, 0].numpy()
    means = trace_representations(model, trace, [60], [1]).at(60, 1).copy()
    basis = node_subspace(means, 2)
    means[trace.nodes[-1]] = here
    moved = move_node(model, trace, means, 1, basis, targets=[int(trace.nodes[-1])])
    np.testing.assert_allclose(moved.after[0], moved.before, atol=1e-6)
    assert np.isnan(moved.gains).all()
    far = move_node(model, trace, means, 1, basis, scale=5.0)
    near = move_node(model, trace, means, 1, basis, scale=1.0)
    assert abs(far.after - far.before).max() > abs(near.after - near.before).max()


def test_subspaces_are_orthonormal_and_random_ones_lie_among_nodes():
    means = np.random.default_rng(0).normal(size=(8, 30))
    means[2] = np.nan
    span = node_subspace(means, 6)
    for basis in (span, node_subspace(means, [2, 3]), random_subspace(means, 2)):
        np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-10)
        np.testing.assert_allclose(basis @ span.T @ span, basis, atol=1e-10)
    with pytest.raises(InvalidInputError, match="7 nodes do not have"):
        node_subspace(means, 7)
    with pytest.raises(InvalidInputError, match="1 to 6"):
        random_subspace(means, 7)


def test_bad_moves_are_refused(model):
    trace = GraphTracing("ring", 6).sample(60, model.tokenizer)
    means = trace_representations(model, trace, [60], [1]).at(60, 1).copy()
    basis = node_subspace(means, 2)
    with pytest.raises(InvalidInputError, match="not orthonormal"):
        move_node(model, trace, means, 1, 2 * basis)
    with pytest.raises(InvalidInputError, match=r"\(k, 32\)"):
        move_node(model, trace, means, 1, basis[:, :5])
    with pytest.raises(InvalidInputError, match=r"\(6, 32\)"):
        move_node(model, trace, means[:5], 1, basis)
    with pytest.raises(InvalidInputError, match="nodes 0 to 5"):
        move_node(model, trace, means, 1, basis, targets=[6])
    means[4] = np.nan
    with pytest.raises(InvalidInputError, match="Node 4 has no representation"):
        move_node(model, trace, means, 1, basis, targets=[4])


# Days of the week


def test_own_and_context_order_are_told_apart():
    angles = 2 * np.pi * np.arange(7) / 7
    circles = [np.stack([np.cos(step * angles), np.sin(step * angles)], axis=1) for step in (1, 3)]
    context = graph_adjacency("ring", 7)
    words = [DAYS[4 * node % 7] for node in range(7)]  # neighbours in the week are two apart on the ring
    assert not (order_ring(words) * context).any()
    found = semantic_alignment(np.hstack([circles[0], 2 * circles[1]]), context, words)
    assert (found.own_first, found.context_next) == pytest.approx((1, 1))
    assert (found.own_next, found.context_first) == pytest.approx((0, 0), abs=1e-7)
    with pytest.raises(InvalidInputError, match="not those of the order"):
        order_ring(words[:6])


# The positive control


def test_sequences_are_walks_over_words_of_their_own():
    sequences = tracing_sequences(40, 60, np.random.default_rng(0), words=12, nodes=(4, 9))
    assert (sequences[:, 0] == 12).all()
    assert (sequences[:, 1:] < 12).all()
    assert (sequences[:, 1:-1] != sequences[:, 2:]).all()
    assert len({tuple(set(row.tolist())) for row in sequences}) > 20
    with pytest.raises(InvalidInputError, match="as many words"):
        tracing_sequences(1, 5, np.random.default_rng(0), words=8)


def test_a_tracer_learns_to_follow_graphs():
    tracer = graph_tracer(words=8, d_model=32)

    def accuracy():
        found = []
        for seed in range(8):
            trace = GraphTracing("ring", 8).sample(32, token_ids=range(8), prefix=[8], random_state=seed)
            masses = node_probabilities(tracer, trace)
            found.append(rule_accuracy(masses, trace.nodes, trace.adjacency).neighbours[8:].mean())
        return np.mean(found)

    before = accuracy()
    history = train_graph_tracer(tracer, steps=150, batch_size=16, length=32, nodes=(6, 8), device="cpu")
    assert before < 0.35
    assert accuracy() > 0.4
    assert history.last["loss"] < np.log(8)

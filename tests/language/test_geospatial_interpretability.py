import warnings

import numpy as np
import pytest
import torch
from scipy import sparse, stats
from sklearn.exceptions import DataConversionWarning
from sklearn.neighbors import BallTree
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import validate_data

from reprise.claims.language._geospatial_interpretability.control import TAUGHT, UNTAUGHT, taught_names
from reprise.claims.language._geospatial_interpretability.reading import AREAS, read
from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.language.geospatial_interpretability import (
    GeoProbe,
    activation_map,
    coordinates,
    equirectangular,
    feature_maps,
    geo_scores,
    great_circle_km,
    held_out_scores,
    knn_weights,
    lisa_map,
    local_moran,
    morans_i,
    name_probe,
    place_activations,
    place_prompts,
    place_sae,
    predict_held_out,
    sparse_features,
    spatial_blocks,
    unit_vectors,
)
from reprise.language.geospatial_interpretability.sphere import check_coordinates
from reprise.models.tiny import tiny_language_model
from reprise.nn.sparse_autoencoders import TopKSAE

PROMPTS = [[5, 6, 7, 8], [9, 3], [4], [11, 12, 13, 14, 15, 2], [21, 22, 23]]


def rook(rows, columns, *, torus=False):
    """Give the weights of a grid whose cells touch at their sides."""

    def line(n):
        path = sparse.diags_array([np.ones(n - 1)] * 2, offsets=[-1, 1], shape=(n, n)).tolil()
        if torus:
            path[0, n - 1] = path[n - 1, 0] = 1
        return path.tocsr()

    return sparse.csr_array(sparse.kron(line(rows), sparse.eye(columns)) + sparse.kron(sparse.eye(rows), line(columns)))


def row_standardised(weights):
    return sparse.csr_array(weights.multiply(1 / weights.sum(axis=1)[:, None]))


def moran_by_loops(x, weights):
    z, dense = x - x.mean(), weights.toarray()
    products = sum(dense[i, j] * z[i] * z[j] for i in range(len(x)) for j in range(len(x)))
    return len(x) / dense.sum() * products / (z @ z)


@pytest.fixture(scope="module")
def coords():
    return np.random.default_rng(0).uniform((40, -10), (60, 20), size=(150, 2))


@pytest.fixture(scope="module")
def maps(coords):
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(coords), 50))
    return noise + np.linspace(0, 2, 50) * coords[:, :1] / 5


# Activations


@pytest.mark.parametrize("pool", ["mean", "last", "max"])
@pytest.mark.parametrize("site", ["mlp_in", "resid"])
def test_activations_are_pooled_over_each_prompts_own_tokens(lm, site, pool):
    handle = LanguageModel(lm.model, _Ids())
    together = place_activations(handle, [str(row) for row in PROMPTS], [2, 0], site=site, pool=pool, batch_size=3)
    assert list(together) == [2, 0]
    for layer, rows in together.items():
        assert (rows.shape, rows.dtype) == ((len(PROMPTS), lm.d_model), np.float32)
        for row, prompt in zip(rows, PROMPTS, strict=True):
            trace = lm.trace([prompt], **{"mlp_input" if site == "mlp_in" else "residual": [layer]})
            hidden = (trace.mlp_input if site == "mlp_in" else trace.residual)[0, 0]
            pooled = {"mean": hidden.mean(0), "last": hidden[-1], "max": hidden.amax(0)}[pool]
            np.testing.assert_allclose(row, pooled.numpy(), atol=2e-5)


def test_the_mlps_input_is_the_normalised_residual_stream(lm):
    block = lm.parts.blocks[1].block
    norm = next(getattr(block, name) for name in ("ln_2", "post_attention_layernorm") if hasattr(block, name))
    seen = []
    hook = norm.register_forward_hook(lambda *args: seen.append(args[-1]))
    read = lm.trace(PROMPTS, mlp_input=[1]).mlp_input
    hook.remove()
    torch.testing.assert_close(read[:, 0], seen[0])
    np.testing.assert_allclose(read[0, 0, -1].std().item(), norm.weight.std().item(), atol=1.0)


def test_a_first_token_half_precision_and_one_layer(llama):
    handle = LanguageModel(llama.model, _Ids())
    with_first = place_activations(handle, [str(row) for row in PROMPTS], 1, first_token=3)
    expected = place_activations(handle, [str([3, *row]) for row in PROMPTS], 1)
    np.testing.assert_array_equal(with_first[1], expected[1])
    words = "York Bath Cardiff , England Wales"
    model, tokenizer = tiny_language_model(words)
    prompts = place_prompts(["York", "Cardiff"], ["England", "Wales"])
    full = place_activations(LanguageModel(model, tokenizer), prompts, [0, 1])
    half = place_activations(LanguageModel(model.to(torch.bfloat16), tokenizer), prompts, [0, 1])
    for layer in (0, 1):
        assert half[layer].dtype == np.float32
        assert np.abs(half[layer] - full[layer]).max() < 0.1 * np.abs(full[layer]).max()


@pytest.mark.parametrize(
    ("prompts", "layers", "changes", "message"),
    [
        ([], [0], {}, "one text for each place"),
        ("York", [0], {}, "one text for each place"),
        (["[5]"], [], {}, "give at least one"),
        (["[5]"], [3], {}, "Layer 3"),
        (["[5]"], [0], {"site": "mlp"}, "mlp_in, resid"),
        (["[5]"], [0], {"pool": "sum"}, "mean, last, max"),
        (["[5]"], [0], {"batch_size": 0}, "batch_size"),
    ],
)
def test_bad_requests_are_named(llama, prompts, layers, changes, message):
    with pytest.raises(InvalidInputError, match=message):
        place_activations(LanguageModel(llama.model, _Ids()), prompts, layers, **changes)


def test_prompts_need_a_region_each():
    assert place_prompts(["York"]) == ["York"]
    with pytest.raises(InvalidInputError, match="2 names and 1 region"):
        place_prompts(["York", "Bath"], ["England"])


def test_smollm2_knows_longitudes(smollm2):
    east = ["Beijing", "Tokyo", "Seoul", "Osaka", "Shanghai", "Manila", "Hanoi", "Jakarta"]
    west = ["Chicago", "Houston", "Lima", "Bogota", "Denver", "Toronto", "Havana", "Dallas"]
    longitude = [120.0] * len(east) + [-85.0] * len(west)
    X = place_activations(smollm2, east + west, [20], site="resid", pool="last", first_token=0)[20]
    coords = np.column_stack([np.linspace(-40, 60, 16), longitude])
    assert geo_scores(coords, predict_held_out(GeoProbe(alpha=100), X, coords, n_splits=8)).r2_longitude > 0.2


class _Ids:
    """A tokenizer of texts that are lists of token ids."""

    def encode(self, text, add_special_tokens=True):
        return [int(word) for word in text.strip("[]").split(",")]


def test_pilots_and_ledger_share_no_place():
    pilot, ledger = (read("quick", pilot=pilot) for pilot in (True, False))
    for area in AREAS:
        places = [set(map(tuple, reading.areas[area].coords)) for reading in (pilot, ledger)]
        assert all(places)
        assert not places[0] & places[1]
    assert not set(map(tuple, pilot.world.coords)) & set(map(tuple, ledger.world.coords))


def test_a_model_that_is_taught_places_makes_a_map_of_names():
    means = dict(taught_names(seed=1000, epochs=25))
    assert means[UNTAUGHT] < 0.05
    assert means[TAUGHT] > means[UNTAUGHT] + 0.1


# Weights


def test_neighbours_are_those_of_great_circles(coords):
    weights = knn_weights(coords, k=5)
    tree = BallTree(np.radians(coords), metric="haversine")
    nearest = tree.query(np.radians(coords), k=6, return_distance=False)[:, 1:]
    assert [set(row) for row in nearest] == [set(weights[[i]].nonzero()[1]) for i in range(len(coords))]
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert not weights.diagonal().any()


def test_neighbours_cross_the_date_line():
    assert knn_weights([[0, 179.5], [0, -179.5], [0, 170]], k=1).toarray()[:2].tolist() == [[0, 1, 0], [1, 0, 0]]


def test_a_regions_plane_gives_almost_the_same_neighbours(coords):
    small = coords / 5 + [41, 9]
    sphere, plane = knn_weights(small), knn_weights(equirectangular(small), metric="euclidean")
    assert (sphere.multiply(plane) > 0).sum() > 0.98 * sphere.nnz


@pytest.mark.parametrize(
    ("points", "k", "metric", "message"),
    [
        ([[0, 0], [1, 1]], 2, "haversine", "2 places cannot have 2 neighbours"),
        ([[0, 0], [1, 1]], 0, "haversine", "0 neighbours"),
        ([[0, 0], [1, np.nan], [2, 2]], 1, "haversine", "Place 1 has no finite"),
        ([[0, 0], [1, 1], [91, 2]], 1, "haversine", "Place 2 lies at latitude 91"),
        ([[0, 0], [1, 1], [2, 181]], 1, "haversine", "longitude 181"),
        ([[0, 0], [1, 1], [2, 2], [1, 1], [1, 1]], 1, "euclidean", "Place 3 has the same coordinates as place 1 .2 s"),
        ([[0, 0, 0]], 1, "haversine", r"\(places, 2\)"),
        ([[0, 0], [1, 1]], 1, "manhattan", "haversine"),
    ],
)
def test_bad_places_are_named(points, k, metric, message):
    with pytest.raises(InvalidInputError, match=message):
        knn_weights(points, k, metric)


# Moran's I


def test_a_checkerboard_repels_and_halves_attract():
    board = np.indices((20, 20)).sum(axis=0) % 2
    halves = np.repeat([[0.0] * 10 + [1.0] * 10], 20, axis=0)
    on_torus = morans_i(board.reshape(-1, 1), rook(20, 20, torus=True), 0)
    on_plane = morans_i(halves.reshape(-1, 1), rook(20, 20), 0)
    assert on_torus.I[0] == pytest.approx(-1, abs=1e-12)
    assert on_plane.I[0] > 0.9


def test_the_fast_path_does_what_the_formula_says(coords, maps):
    for weights in (knn_weights(coords), sparse.csr_array(np.triu(np.random.default_rng(2).random((150, 150)), 1))):
        result = morans_i(maps[:, :5], weights, 0)
        np.testing.assert_allclose(result.I, [moran_by_loops(x, weights) for x in maps[:, :5].T], rtol=1e-10)


def test_random_maps_have_the_expected_mean_and_uniform_p_values():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(1000, 200))
    result = morans_i(X, knn_weights(rng.uniform(-60, 60, size=(1000, 2))), 199)
    assert abs(result.I.mean() + 1 / 999) < 3 * result.I.std() / np.sqrt(200)
    assert result.expected == -1 / 999
    assert stats.kstest(result.p_sim, "uniform").pvalue > 0.01
    assert abs(result.z.std() - 1) < 0.15
    assert result.p_family.min() > 0.05
    assert len(result.selected()) == 0


def test_units_do_not_matter(coords, maps):
    weights = knn_weights(coords)
    result, other = morans_i(maps, weights, 99), morans_i(-3 * maps + 7, weights, 99)
    np.testing.assert_allclose(result.I, other.I, atol=1e-12)
    np.testing.assert_allclose(result.p_sim, other.p_sim)
    np.testing.assert_allclose(morans_i(maps, 5 * weights, 0).I, result.I)


def test_all_permutations_have_the_variance_of_z():
    rng = np.random.default_rng(4)
    x, weights = rng.exponential(size=60), knn_weights(rng.uniform(0, 9, size=(60, 2)), k=4)
    drawn = np.column_stack([x, *(rng.permutation(x) for _ in range(4000))])
    result = morans_i(drawn, weights, 0, min_nonzero=0)
    assert result.z[1:].std() == pytest.approx(1, abs=0.04)
    assert result.z[1:].mean() == pytest.approx(0, abs=0.06)


def test_p_values_count_permutations(coords, maps):
    result = morans_i(maps, knn_weights(coords), 199, random_state=5)
    assert (result.p_family >= result.p_sim).all()
    assert (result.q >= result.p_sim).all()
    assert result.p_sim.min() == pytest.approx(1 / 200)
    assert len(result.largest_permuted) == 199
    again = morans_i(maps, knn_weights(coords), 199, random_state=5)
    np.testing.assert_array_equal(result.p_sim, again.p_sim)
    strongest = result.selected(threshold=0.1, p=0.01)
    assert (np.diff(result.I[strongest]) <= 0).all()
    assert set(strongest) == set(np.flatnonzero((result.I >= 0.1) & (result.p_sim < 0.01)))


def test_ties_speak_against():
    rng = np.random.default_rng(6)
    n = 6
    weights = row_standardised(rook(1, n))
    x = np.array([1.0, 1, 0, 0, 0, 0])
    result = morans_i(x[:, None], weights, 999, min_nonzero=0)
    values = [moran_by_loops(rng.permutation(x), weights) for _ in range(2000)]
    share = np.mean(np.array(values) >= result.I[0] - 1e-12)
    assert result.p_sim[0] == pytest.approx(share, abs=0.05)


def test_columns_are_measured_alike_whatever_their_company(coords):
    X = np.random.default_rng(7).normal(size=(150, 300))
    weights = knn_weights(coords)
    together, alone = morans_i(X, weights, 49), morans_i(X[:, [290]], weights, 49)
    assert together.I[290] == pytest.approx(alone.I[0], abs=1e-12)
    assert together.p_sim[290] == alone.p_sim[0]
    assert together.largest_permuted.min() >= alone.largest_permuted.min()


def test_constant_and_rare_columns_are_left_out_and_counted(coords):
    rng = np.random.default_rng(8)
    rare = np.zeros(150)
    rare[:19] = 1
    X = np.column_stack([np.full(150, 0.1), rare, rng.normal(size=150), np.zeros(150)]).astype(np.float32)
    with pytest.warns(UserWarning, match="are constant"), pytest.warns(UserWarning, match="fewer than 20 places"):
        result = morans_i(X, knn_weights(coords), 49)
    assert np.isnan(result.I).tolist() == np.isnan(result.q).tolist() == [True, True, False, True]
    assert (result.n_constant, result.n_rare) == (2, 1)
    with pytest.warns(UserWarning, match="2 of 4 columns are constant"):
        assert not np.isnan(morans_i(X, knn_weights(coords), 0, min_nonzero=19).I[1])


@pytest.mark.parametrize(
    ("X", "W", "message"),
    [
        (np.ones(10), np.eye(10), r"\(places, columns\)"),
        (np.full((10, 1), "a"), np.eye(10), "numbers"),
        (np.ones((3, 1)), np.eye(3), "at least 4"),
        (np.r_[np.ones(9), np.nan][:, None], rook(2, 5), "Column 0 has no finite value at place 9"),
        (np.ones((10, 1)), rook(2, 4), r"10 places have shape \(10, 10\)"),
        (np.ones((10, 1)), np.eye(10), "Place 0 is its own neighbour"),
        (np.ones((10, 1)), np.zeros((10, 10)), "positive sum"),
    ],
)
def test_bad_maps_and_weights_are_named(X, W, message):
    with pytest.raises(InvalidInputError, match=message):
        morans_i(X, W, 9)


def test_agreement_with_esda(coords, maps):
    esda, libpysal = pytest.importorskip("esda"), pytest.importorskip("libpysal")
    plane = equirectangular(coords)
    theirs = libpysal.weights.KNN(plane, k=8)
    theirs.transform = "r"
    ours = knn_weights(plane, metric="euclidean")
    np.testing.assert_allclose(ours.toarray(), theirs.sparse.toarray())
    graph = libpysal.graph.Graph.from_W(theirs)
    result = morans_i(maps, theirs)
    np.testing.assert_array_equal(result.p_sim, morans_i(maps, graph).p_sim)
    peers = [esda.Moran(x, theirs, permutations=0) for x in maps.T]
    np.testing.assert_allclose(result.I, [peer.I for peer in peers], atol=1e-10)
    np.testing.assert_allclose(result.z, [peer.z_rand for peer in peers], rtol=1e-8)
    for column in (0, 10, 25):
        folded = min(result.p_sim[column], 1.001 - result.p_sim[column])
        p_sim = esda.Moran(maps[:, column], theirs).p_sim
        assert abs(folded - p_sim) < 5 * np.sqrt(p_sim / 999) + 0.002


def test_local_agreement_with_esda(coords, maps):
    esda, libpysal = pytest.importorskip("esda"), pytest.importorskip("libpysal")
    x = maps[:, 30]
    theirs = libpysal.weights.KNN(equirectangular(coords), k=8)
    theirs.transform = "r"
    ours, peer = local_moran(x, theirs), esda.Moran_Local(x, theirs, permutations=0)
    n = len(x)
    np.testing.assert_allclose(ours.I * (n - 1) / n, peer.Is, atol=1e-10)
    np.testing.assert_array_equal(ours.quadrant, peer.q)


# Local Moran


def test_local_values_add_up_to_the_global_one(coords, maps):
    weights = knn_weights(coords)
    lisa = local_moran(maps[:, 20], weights, 99)
    assert lisa.I.sum() == pytest.approx(len(coords) * morans_i(maps[:, [20]], weights, 0).I[0])


def test_clusters_lie_where_they_were_put():
    x = np.random.default_rng(9).normal(size=(20, 20))
    x[:6, :6] += 5
    x[2, 2] = -4
    lisa = local_moran(x.ravel(), row_standardised(rook(20, 20)), random_state=1)
    names = lisa.clusters().reshape(20, 20)
    assert (names[:5, :5] == "HH").sum() >= 15
    assert names[2, 2] == "LH"
    assert (names[8:, 8:] != "ns").mean() < 0.1
    assert (lisa.clusters(corrected=True) != "ns").sum() < (names != "ns").sum()


def test_conditional_draws_keep_the_place_and_take_others():
    x = np.array([0.0, 1, 2, 3, 4, 10])
    weights = knn_weights(np.column_stack([np.arange(6.0), np.zeros(6)]), 2)
    lisa = local_moran(x, weights, 4999, random_state=2)
    z = (x - x.mean()) / x.std()
    for place in range(6):
        others = np.delete(z, place)
        pairs = np.array([(a + b) / 2 for i, a in enumerate(others) for b in np.delete(others, i)])
        above = np.mean(z[place] * pairs >= lisa.I[place] - 1e-9)
        assert lisa.p_sim[place] == pytest.approx(min(above, 1 - above), abs=0.03)


def test_places_may_have_different_numbers_of_neighbours():
    weights = row_standardised(rook(4, 5))
    lisa = local_moran(np.arange(20.0), weights, 99)
    assert lisa.I.sum() == pytest.approx(20 * morans_i(np.arange(20.0)[:, None], weights, 0, min_nonzero=0).I[0])


@pytest.mark.parametrize(
    ("x", "permutations", "message"),
    [(np.ones(10), 9, "constant"), (np.ones((10, 1)), 9, "vector"), (np.arange(10.0), 0, "1 or more")],
)
def test_bad_local_input_is_named(x, permutations, message):
    with pytest.raises(InvalidInputError, match=message):
        local_moran(x, rook(2, 5), permutations)


# Probes


class _OneTarget(GeoProbe):
    """A probe as scikit-learn's checks can fit it: with one column of any numbers, which becomes two angles."""

    def fit(self, X, y):
        X, y = self._checked(X, y)
        self.span_ = max(float(np.abs(y).max()), 1e-9) / 80
        if y.ndim == 2:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected.", DataConversionWarning, stacklevel=2
            )
        angles = y.reshape(len(y), -1)[:, 0] / self.span_
        return super().fit(X, np.stack([angles, angles], axis=1))

    def predict(self, X):
        return super().predict(X)[:, 0] * self.span_

    def _checked(self, X, y):
        _, checked = validate_data(self, X, y, multi_output=True, y_numeric=True)
        return X, np.asarray(checked, dtype=float)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = False
        return tags


@parametrize_with_checks([_OneTarget(alphas=(0.1, 1.0))])
def test_the_probe_is_an_estimator(estimator, check):
    check(estimator)


def test_distances_on_the_sphere():
    assert great_circle_km([[10, 20]], [[10, 20]]).tolist() == [0]
    assert great_circle_km([[10, 20], [90, 0]], [[-10, -160], [-90, 7]]) == pytest.approx([20015] * 2, abs=5)
    assert great_circle_km([[0, 179]], [[0, -179]]) == pytest.approx(222.4, abs=0.1)
    points = np.random.default_rng(10).uniform((-90, -180), (90, 180), size=(50, 2))
    np.testing.assert_allclose(coordinates(3 * unit_vectors(points)), points, atol=1e-9)


@pytest.mark.parametrize("target", ["latlon", "sphere"])
def test_a_probe_finds_what_is_there(target):
    rng = np.random.default_rng(11)
    coords = rng.uniform((-80, -180), (80, 180), size=(300, 2))
    found = coords if target == "latlon" else unit_vectors(coords)
    X = found @ rng.normal(size=(found.shape[1], 12)) + 3
    probe = GeoProbe(target=target).fit(X[:200], coords[:200])
    assert probe.geo_scores(X[200:], coords[200:]).median_km < 5
    np.testing.assert_allclose(np.linalg.norm(probe.predict_vectors(X), axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(unit_vectors(probe.predict(X)), probe.predict_vectors(X), atol=1e-9)
    assert probe.alpha_.shape == (found.shape[1],)
    shuffled = held_out_scores(GeoProbe(target=target), X, rng.permutation(coords))
    assert max(shuffled[:2]) < 0.1


def test_the_sphere_knows_no_date_line():
    rng = np.random.default_rng(12)
    coords = np.column_stack([rng.uniform(-20, 20, 200), (rng.uniform(160, 200, 200) + 180) % 360 - 180])
    X = unit_vectors(coords) + rng.normal(scale=0.01, size=(200, 3))
    errors = {target: held_out_scores(GeoProbe(target=target), X, coords).median_km for target in ("latlon", "sphere")}
    assert errors["sphere"] < 200 < errors["latlon"]


def test_the_penalty_is_that_of_the_smallest_leave_one_out_error():
    rng = np.random.default_rng(13)
    X, coords = rng.normal(size=(40, 10)), rng.uniform(-60, 60, size=(40, 2))
    tuned = GeoProbe(alphas=(0.1, 10.0, 1000.0)).fit(X, coords)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    for axis in range(2):
        errors = []
        for alpha in (0.1, 10.0, 1000.0):
            centred = np.column_stack([np.ones(40), scaled])
            penalty = alpha * np.diag([0.0, *[1.0] * 10])
            hat = centred @ np.linalg.solve(centred.T @ centred + penalty, centred.T)
            errors.append(np.mean(((coords[:, axis] - hat @ coords[:, axis]) / (1 - np.diag(hat))) ** 2))
        assert tuned.alpha_[axis] == (0.1, 10.0, 1000.0)[int(np.argmin(errors))]
    fixed = GeoProbe(alpha=10.0).fit(X, coords)
    np.testing.assert_allclose(
        fixed.predict(X)[:, 0], GeoProbe(alphas=(10.0,)).fit(X, coords).predict(X)[:, 0], atol=1e-9
    )


def test_letters_tell_what_endings_tell():
    rng = np.random.default_rng(14)
    east = rng.random(120) < 0.5
    names = [f"{''.join(rng.choice(list('aeioulmn'), 4))}{'grad' if side else 'ville'}" for side in east]
    coords = np.column_stack([rng.uniform(-60, 60, 120), np.where(east, 40.0, -90.0) + rng.normal(size=120)])
    scores = held_out_scores(name_probe(), names, coords)
    assert scores.r2_longitude > 0.9
    assert scores.r2_latitude < 0.2


def test_groups_and_blocks_are_held_out_whole():
    rng = np.random.default_rng(15)
    coords = rng.uniform(-60, 60, size=(90, 2))
    blocks = spatial_blocks(coords, 12)
    assert set(blocks) == set(range(12))
    seen = []

    class Spy(GeoProbe):
        def fit(self, X, y):
            seen.append(set(blocks[np.asarray(X)[:, 0].astype(int)]))
            return super().fit(X, y)

    X = np.column_stack([np.arange(90.0), rng.normal(size=90)])
    held_out = predict_held_out(Spy(alpha=1.0), X, coords, blocks, n_splits=4)
    assert np.isfinite(held_out).all()
    assert len(seen) == 4
    assert sum(12 - len(fitted) for fitted in seen) == 12
    inside = np.mean(
        [great_circle_km(coords[[i]], coords[[j]])[0] for i in range(30) for j in range(i) if blocks[i] == blocks[j]]
    )
    assert inside < 0.5 * np.mean(great_circle_km(coords[:45], coords[45:]))


@pytest.mark.parametrize(
    ("settings", "y", "message"),
    [
        ({"target": "plane"}, [[0, 0], [1, 1]], "latlon, sphere"),
        ({"alpha": -1}, [[0, 0], [1, 1]], "0 or more"),
        ({"alpha": "auto"}, [[0, 0], [1, 1]], "'cv'"),
        ({}, [0, 1], r"\(places, 2\)"),
        ({}, [[0, 0], [100, 1]], "Place 1 lies at latitude 100"),
    ],
)
def test_bad_probes_are_named(settings, y, message):
    with pytest.raises(InvalidInputError, match=message):
        GeoProbe(**settings).fit([[0.0], [1.0]], y)


def test_bad_splits_and_sparse_input_are_named():
    coords = np.random.default_rng(16).uniform(-60, 60, size=(10, 2))
    with pytest.raises(InvalidInputError, match="2 groups cannot be split into 5"):
        held_out_scores(GeoProbe(), coords, coords, np.arange(10) % 2)
    with pytest.raises(InvalidInputError, match="cannot be cut into 11"):
        spatial_blocks(coords, 11)
    with pytest.raises((InvalidInputError, TypeError), match=r"centred|[Ss]parse"):
        GeoProbe().fit(sparse.csr_array(coords), coords)
    with pytest.raises(InvalidInputError, match="latitudes from -90"):
        check_coordinates([[-91, 0]])


# Sparse features


@pytest.fixture(scope="module")
def mixed(coords):
    """Activations in which three regional features, and others, lie on top of each other."""
    rng = np.random.default_rng(17)
    regional = np.stack([coords[:, 0] > 53, coords[:, 1] > 12, coords.sum(axis=1) < 42], axis=1)
    sources = np.concatenate([regional, rng.random((150, 21)) < 0.15], axis=1) * rng.uniform(1, 2, size=(150, 24))
    return (sources @ rng.normal(size=(24, 12)) + 0.02 * rng.normal(size=(150, 12))).astype(np.float32)


def test_the_autoencoder_is_the_papers(mixed):
    sae = place_sae(mixed, epochs=2, device="cpu")
    assert (sae.n_features, sae.k, sae.l1) == (96, 6, 0.01)
    assert (sae.relative, sae.centred, sae.unit_directions) == (True, False, False)
    features = sparse_features(sae, mixed)
    assert (features != 0).sum(axis=1).max() <= 6
    assert features.min() >= 0
    again = place_sae(mixed, epochs=2, device="cpu")
    np.testing.assert_array_equal(features, sparse_features(again, mixed))


def test_features_are_measured_with_their_weaknesses(coords, mixed):
    weights = knn_weights(coords)
    sae = place_sae(mixed, epochs=60, expansion=4, kept=0.1, device="cpu")
    maps = feature_maps(sae, mixed, weights, 49)
    on = maps.features != 0
    assert maps.dead == np.mean(~on.any(axis=0))
    assert maps.used == pytest.approx(on.sum(axis=1).mean())
    assert np.isnan(maps.moran.I).tolist() == (on.sum(axis=0) < 20).tolist()
    assert maps.unexplained < feature_maps(TopKSAE(12, 48, k=5, seed=3), mixed, weights, 0).unexplained
    errors = ((sae(torch.as_tensor(mixed)).detach().numpy() - mixed) ** 2).sum(axis=1) / (mixed**2).sum(axis=1)
    assert maps.unexplained == pytest.approx(errors.mean(), rel=1e-4)
    assert np.nanmax(maps.moran.I) > maps.moran.largest_permuted.max()


def test_all_features_and_no_penalty_reconstruct():
    rng = np.random.default_rng(18)
    flat = (rng.normal(size=(128, 3)) @ rng.normal(size=(3, 16))).astype(np.float32)
    sae = place_sae(flat, expansion=2, kept=1.0, l1=0.0, epochs=150, device="cpu")
    assert sae.k == sae.n_features
    assert sae.unexplained(torch.as_tensor(flat)) < 0.01


@pytest.mark.parametrize(
    ("X", "changes", "message"),
    [
        (np.ones((4, 3)), {"kept": 0}, "share above 0"),
        (np.ones((4, 3)), {"expansion": 0}, "1 or more"),
        (np.ones(4), {}, r"\(places, width\)"),
        (np.full((4, 3), np.nan), {}, "NaN"),
    ],
)
def test_bad_autoencoders_are_named(X, changes, message):
    with pytest.raises(InvalidInputError, match=message):
        place_sae(X, epochs=1, **changes)


# Pictures


def test_maps_are_drawn_without_pyplot(coords, maps, tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    lisa = local_moran(maps[:, 49], knn_weights(coords), 199)
    clusters, activation = lisa_map(coords, lisa, "neuron 49"), activation_map(coords, maps[:, 49])
    assert not pyplot.get_fignums()
    legend = [text.get_text() for text in clusters.axes[0].get_legend().get_texts()]
    assert sum(int(text.rpartition(": ")[2]) for text in legend) == len(coords)
    assert clusters.axes[0].get_title() == "neuron 49"
    drawn = activation.axes[0].collections[0]
    assert len(drawn.get_offsets()) == len(coords)
    assert (np.diff(drawn.get_array()) >= 0).all()
    clusters.savefig(tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 5_000


def test_maps_need_a_value_a_place(coords):
    with pytest.raises(InvalidInputError, match="150 places"):
        activation_map(coords, np.ones(149))
    with pytest.raises(InvalidInputError, match="finite"):
        activation_map(coords, np.full(150, np.nan))

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import normalize
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from reprise.errors import InvalidInputError
from reprise.nn.contrastive import InfoNCE, negative_distance
from reprise.retrieve.matryoshka import (
    MatryoshkaClassifier,
    MatryoshkaEmbeddingLoss,
    MatryoshkaHead,
    MatryoshkaIndex,
    MatryoshkaLoss,
    adaptive_retrieval,
    calibrate_cascade,
    cascade_levels,
    funnel_retrieval,
    ncm_classify,
    truncate,
)

DIMS, CLASSES = (2, 4, 8), 5


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def labels(n, classes=CLASSES, seed=0):
    return torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))


# Heads


@pytest.mark.parametrize("bias", [True, False])
def test_efficient_head_slices_one_weight_and_shares_its_bias(bias):
    head = MatryoshkaHead(DIMS, CLASSES, efficient=True, bias=bias).double()
    z, weight = draw(7, 8), head.classifier.weight
    for m, logits in zip(DIMS, head(z), strict=True):
        expected = z[:, :m] @ weight[:, :m].T + (head.classifier.bias if bias else 0)
        torch.testing.assert_close(logits, expected)
        torch.testing.assert_close(head.logits(z, m), expected)
    torch.testing.assert_close(head.logits(z, 3), F.linear(z[:, :3], weight[:, :3], head.classifier.bias))
    assert sum(p.numel() for p in head.parameters()) == CLASSES * 8 + bias * CLASSES


def test_plain_head_has_a_classifier_for_each_size():
    head = MatryoshkaHead(DIMS, CLASSES).double()
    z = draw(7, 8)
    for m, classifier, logits in zip(DIMS, head.classifiers, head(z), strict=True):
        torch.testing.assert_close(logits, z[:, :m] @ classifier.weight.T + classifier.bias)
        torch.testing.assert_close(logits, head.logits(z, m))
    assert sum(p.numel() for p in head.parameters()) == CLASSES * sum(DIMS) + CLASSES * len(DIMS)
    with pytest.raises(InvalidInputError, match="dim=3 has no classifier"):
        head.logits(z, 3)


@pytest.mark.parametrize("efficient", [False, True])
def test_a_size_does_not_feel_the_coordinates_after_it(efficient):
    head = MatryoshkaHead(DIMS, CLASSES, efficient).double()
    for level, m in enumerate(DIMS):
        z = draw(6, 10).requires_grad_()
        MatryoshkaLoss()([head(z)[level]], labels(6)).backward()
        assert not z.grad[:, m:].any()
        assert z.grad[:, :m].all()


@pytest.mark.parametrize("efficient", [False, True])
def test_head_takes_leading_axes_and_survives_a_state_dict_round_trip(efficient):
    head, other = (MatryoshkaHead(DIMS, CLASSES, efficient).double() for _ in range(2))
    other.load_state_dict(head.state_dict())
    tokens = draw(3, 4, 8)
    for logits, again in zip(head(tokens), other(tokens.flatten(0, 1)), strict=True):
        torch.testing.assert_close(logits.flatten(0, 1), again)


def test_efficient_head_ties_with_an_embedding_matrix():
    embedding, head = nn.Embedding(CLASSES, 8), MatryoshkaHead(DIMS, CLASSES, efficient=True)
    head.classifier.weight = embedding.weight
    MatryoshkaLoss()(head(embedding(torch.arange(CLASSES))), torch.arange(CLASSES)).backward()
    assert {id(p) for p in embedding.parameters()} < {id(p) for p in head.parameters()}
    assert embedding.weight.grad.any()


@pytest.mark.parametrize("dims", [(), (0, 2), (4, 2), (2, 2), (2.5, 4), (-1, 3)])
def test_nesting_lists_that_do_not_nest_are_refused(dims):
    for make in (
        lambda: MatryoshkaHead(dims, 3),
        lambda: MatryoshkaEmbeddingLoss(InfoNCE(), dims),
        lambda: MatryoshkaClassifier(dims=dims).fit([[0.0], [1.0]], [0, 1]),
    ):
        with pytest.raises(InvalidInputError, match="nested sizes must be"):
            make()


@pytest.mark.parametrize(
    "call",
    [
        lambda: MatryoshkaHead(DIMS, 0),
        lambda: MatryoshkaHead(DIMS, 3)(torch.zeros(2, 7)),
        lambda: MatryoshkaHead(DIMS, 3, efficient=True).logits(torch.zeros(2, 8), 9),
        lambda: MatryoshkaHead(DIMS, 3, efficient=True).logits(torch.zeros(2, 8), 0),
        lambda: MatryoshkaLoss(weights=(1.0, float("nan"))),
        lambda: MatryoshkaLoss(weights=(1.0, 2.0))(torch.zeros(3, 2, 2), torch.zeros(2, dtype=torch.long)),
        lambda: MatryoshkaLoss()((), torch.zeros(2, dtype=torch.long)),
        lambda: MatryoshkaEmbeddingLoss(InfoNCE(), DIMS, weights=(1.0,)),
        lambda: MatryoshkaEmbeddingLoss(InfoNCE(), DIMS)(torch.zeros(2, 8), torch.zeros(2, 7)),
        lambda: MatryoshkaEmbeddingLoss(InfoNCE(), DIMS)(),
        lambda: MatryoshkaEmbeddingLoss(InfoNCE(), DIMS)(torch.zeros(3, 8), torch.zeros(2, 8)),
    ],
)
def test_impossible_heads_and_losses_are_refused(call):
    with pytest.raises(InvalidInputError):
        call()


# Losses on logits


def test_loss_is_the_weighted_sum():
    first, second, target = draw(3, 5), draw(3, 5, seed=1), labels(3)
    expected = 0.1 * F.cross_entropy(first, target) + 0.9 * F.cross_entropy(second, target)
    torch.testing.assert_close(MatryoshkaLoss(weights=[0.1, 0.9])((first, second), target), expected)
    stacked = torch.stack([first, second])
    torch.testing.assert_close(
        MatryoshkaLoss()(stacked, target), F.cross_entropy(first, target) + F.cross_entropy(second, target)
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([torch.float32, torch.float64, torch.bfloat16]), st.booleans())
def test_loss_equals_an_explicit_loop_bit_for_bit(seed, dtype, smoothed):
    logits, target = draw(4, 6, CLASSES, seed=seed, dtype=dtype), labels(6, seed=seed)
    weights = [0.5, 1.0, 2.0, 0.25]  # exact in every precision
    base = nn.CrossEntropyLoss(label_smoothing=0.1 * smoothed)
    terms = [weight * base(of_size, target) for weight, of_size in zip(weights, logits, strict=True)]
    ours = MatryoshkaLoss(base, weights)(logits, target)
    assert ours.dtype == dtype
    assert torch.equal(ours, torch.stack(terms).sum())


def test_unreduced_losses_are_summed_for_each_sample():
    logits, target = draw(2, 6, CLASSES), labels(6)
    each = MatryoshkaLoss(nn.CrossEntropyLoss(reduction="none"))(logits, target)
    torch.testing.assert_close(each.mean(), MatryoshkaLoss()(logits, target))


@pytest.mark.parametrize("efficient", [False, True])
def test_one_size_is_the_ordinary_classifier(efficient):
    head, linear = MatryoshkaHead((8,), CLASSES, efficient), nn.Linear(8, CLASSES)
    linear.load_state_dict((head.classifier if efficient else head.classifiers[0]).state_dict())
    x, target = draw(9, 8, dtype=torch.float32), labels(9)
    ours, plain = x.clone().requires_grad_(), x.clone().requires_grad_()
    loss, expected = MatryoshkaLoss()(head(ours), target), F.cross_entropy(linear(plain), target)
    loss.backward(), expected.backward()
    assert torch.equal(loss, expected)
    assert torch.equal(ours.grad, plain.grad)
    for a, b in zip(head.parameters(), linear.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


# Losses on embeddings


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans())
def test_accumulated_info_nce_agrees_with_a_loop_in_value_and_gradient(seed, symmetric, negatives, excluded):
    towers = [draw(6, 12, seed=seed + i).requires_grad_() for i in range(2)]
    if negatives:
        towers.append(draw(4, 12, seed=seed + 2).requires_grad_())
    others = {}
    if excluded:
        others["exclude"] = torch.zeros(6, 6 + 4 * negatives, dtype=torch.bool)
        others["exclude"][0, 3] = True
    base, dims, weights = InfoNCE(0.2, symmetric=symmetric), (1, 3, 12), (1.0, 0.5, 2.0)
    ours = MatryoshkaEmbeddingLoss(base, dims, weights)(*towers, **others)
    gradients = torch.autograd.grad(ours, towers)
    slow = sum(
        weight * base(*(F.normalize(t[:, :m], dim=1) for t in towers), **others)
        for m, weight in zip(dims, weights, strict=True)
    )
    torch.testing.assert_close(ours, slow)
    for gradient, expected in zip(gradients, torch.autograd.grad(slow, towers), strict=True):
        torch.testing.assert_close(gradient, expected)


def test_zero_prefixes_do_not_break_the_gradient():
    a, b = draw(4, 8), draw(4, 8, seed=1)
    a[0, :2] = 0
    a.requires_grad_()
    MatryoshkaEmbeddingLoss(InfoNCE(), (2, 8))(a, b).backward()
    assert torch.isfinite(a.grad).all()


def test_any_base_loss_sees_unit_prefixes_of_every_tower():
    seen = []

    def spy(*towers, margin):
        seen.append([tuple(t.shape) for t in towers])
        for t in towers:
            torch.testing.assert_close(t.norm(dim=-1), torch.ones(t.shape[:-1], dtype=t.dtype))
        return towers[0].sum() * margin

    MatryoshkaEmbeddingLoss(spy, DIMS)(draw(3, 8), draw(3, 8), draw(5, 8), margin=2.0)
    assert seen == [[(3, m), (3, m), (5, m)] for m in DIMS]


@pytest.mark.parametrize("base", [nn.TripletMarginLoss(), InfoNCE(0.5, negative_distance), InfoNCE(0.5, "dot")])
@pytest.mark.parametrize("normalized", [False, True])
def test_other_base_losses_agree_with_a_loop(base, normalized):
    towers = [draw(6, 8, seed=i) for i in range(3)]
    cut = F.normalize if normalized else lambda t: t
    slow = sum(base(*(cut(t[:, :m]) for t in towers)) for m in DIMS)
    torch.testing.assert_close(MatryoshkaEmbeddingLoss(base, DIMS, normalize=normalized)(*towers), slow)


def test_agrees_with_sentence_transformers():
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")

    class Precomputed(nn.Module):
        """Stands for a SentenceTransformer: its features are already embeddings."""

        def forward(self, features):
            return dict(features)

        def get_embedding_dimension(self):
            return 8

    a, b = draw(6, 8), draw(6, 8, seed=1)
    model = Precomputed()
    peer = losses.MatryoshkaLoss(
        model, losses.MultipleNegativesRankingLoss(model, scale=20.0), list(DIMS), [0.5, 1.0, 2.0]
    )
    theirs = peer([{"sentence_embedding": a}, {"sentence_embedding": b}], torch.zeros(6))
    ours = MatryoshkaEmbeddingLoss(InfoNCE(temperature=1 / 20), DIMS, [0.5, 1.0, 2.0])(a, b)
    torch.testing.assert_close(ours, theirs)


# Cascade


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 40))
def test_calibration_agrees_with_trying_every_threshold(seed, sizes, n):
    rng = np.random.default_rng(seed)
    # Rounded, so that confidences fall on the grid and tie.
    confidences, correct = rng.random((sizes, n)).round(2), rng.random((sizes, n)) < 0.6
    slow = []
    for level in range(sizes - 1):
        accuracy = [
            np.where(confidences[level] > t, correct[level], correct[level + 1]).mean() for t in np.linspace(0, 1, 101)
        ]
        slow.append(np.linspace(0, 1, 101)[int(np.argmax(accuracy))])
    np.testing.assert_array_equal(calibrate_cascade(confidences, correct), slow)


def test_cascade_levels_are_the_first_confident_ones():
    rng = np.random.default_rng(0)
    confidences, thresholds = rng.random((4, 50)), rng.random(3)
    slow = [next((g for g in range(3) if confidences[g, i] > thresholds[g]), 3) for i in range(50)]
    assert cascade_levels(confidences, thresholds).tolist() == slow


@pytest.mark.parametrize(
    "call",
    [
        lambda: calibrate_cascade([[0.5]], [[True, False]]),
        lambda: calibrate_cascade([[1.5]], [[True]]),
        lambda: calibrate_cascade([[np.nan]], [[True]]),
        lambda: calibrate_cascade(np.empty((2, 0)), np.empty((2, 0))),
        lambda: cascade_levels([[0.5], [0.5]], [0.1, 0.2]),
        lambda: cascade_levels([[0.5], [0.5]], [np.nan]),
        lambda: cascade_levels([0.5, 0.5], [0.5]),
    ],
)
def test_impossible_cascades_are_refused(call):
    with pytest.raises(InvalidInputError):
        call()


# Search


@pytest.fixture(scope="module")
def embeddings():
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(np.arange(1, 17))  # as in a trained embedding, early coordinates matter most
    return rng.standard_normal((300, 16)) * scale, rng.standard_normal((20, 16)) * scale


def test_truncation_renormalises_arrays_and_tensors_alike(embeddings):
    db, _ = embeddings
    cut = truncate(db, 4)
    np.testing.assert_allclose(cut, normalize(db[:, :4]))
    np.testing.assert_allclose(truncate(torch.from_numpy(db), 4).numpy(), cut)
    np.testing.assert_array_equal(truncate(db, 4, normalize=False), db[:, :4])
    np.testing.assert_allclose(truncate(truncate(db, 9), 4), cut)
    assert not truncate(np.zeros((1, 3)), 2).any()


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("normalized", [False, True])
def test_a_shortlist_of_everything_is_brute_force(embeddings, metric, normalized):
    db, queries = embeddings
    found = adaptive_retrieval(db, queries, 4, 16, k=300, metric=metric, normalize=normalized)
    a, b = (normalize(v) if normalized else v for v in (queries, db))
    every = euclidean_distances(a, b) if metric == "l2" else -(a @ b.T)
    np.testing.assert_array_equal(found.indices, every.argsort(axis=1))
    np.testing.assert_allclose(found.distances, np.sort(every, axis=1), atol=1e-7)
    assert found.flops == 4 * 300 + 300 * 16


def test_equal_sizes_are_plain_nearest_neighbours(embeddings):
    db, queries = embeddings
    found = adaptive_retrieval(db, queries, 8, 8, k=7)
    every = euclidean_distances(normalize(queries[:, :8]), normalize(db[:, :8]))
    np.testing.assert_array_equal(found.indices, every.argsort(axis=1)[:, :7])
    assert found.flops == 8 * 300 + 7 * 8


def test_funnel_agrees_with_its_stages_one_by_one(embeddings):
    db, queries = embeddings
    found = funnel_retrieval(db, queries, 2, (4, 8, 16), (40, 20, 5))
    for i, query in enumerate(queries):
        every = euclidean_distances(normalize(query[None, :2]), normalize(db[:, :2]))[0]
        listed = every.argsort()
        for dim, length in ((4, 40), (8, 20), (16, 5)):
            listed = listed[:length]
            distances = euclidean_distances(normalize(query[None, :dim]), normalize(db[listed, :dim]))[0]
            listed = listed[distances.argsort()]
        np.testing.assert_array_equal(found.indices[i], listed)
        np.testing.assert_allclose(found.distances[i], np.sort(distances), atol=1e-7)
    assert found.flops == 2 * 300 + 40 * 4 + 20 * 8 + 5 * 16


def test_funnel_of_one_stage_is_adaptive_retrieval(embeddings):
    one, other = funnel_retrieval(*embeddings, 4, (16,), (30,)), adaptive_retrieval(*embeddings, 4, 16, k=30)
    np.testing.assert_array_equal(one.indices, other.indices)
    assert one.flops == other.flops


def test_an_index_is_searched_again_and_again(embeddings):
    db, queries = embeddings
    index = MatryoshkaIndex(db, 4)
    assert len(index) == 300
    for k in (3, 30):
        again, once = index.search(queries, (16,), (k,)), adaptive_retrieval(db, queries, 4, 16, k=k)
        np.testing.assert_array_equal(again.indices, once.indices)
        np.testing.assert_array_equal(again.distances, once.distances)
        assert again.flops == once.flops


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_zero_prefixes_stay_zero_when_normalised(embeddings, metric):
    db, queries = embeddings
    db = db.copy()
    db[5] = 0
    found = adaptive_retrieval(db, queries, 4, 16, k=300, metric=metric)
    assert found.distances[found.indices == 5] == pytest.approx(1.0 if metric == "l2" else 0.0)


def test_search_keeps_single_precision_and_reads_memory_maps(embeddings, tmp_path):
    db, queries = (v.astype(np.float32) for v in embeddings)
    np.save(tmp_path / "db.npy", db)
    mapped = np.load(tmp_path / "db.npy", mmap_mode="r")
    found = adaptive_retrieval(mapped, queries, 8, 16, k=10)
    assert found.distances.dtype == np.float32
    np.testing.assert_array_equal(found.indices, adaptive_retrieval(db, queries, 8, 16, k=10).indices)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((4, 16, 301), "from 1 to 300"),
        ((4, 16, 0), "from 1 to 300"),
        ((0, 16, 5), "start_dim=0"),
        ((8, 4, 5), "must rise"),
        ((8, 17, 5), "at most 16"),
        ((4, 16, 5, "cosine"), "no metric 'cosine'"),
    ],
)
def test_impossible_searches_are_refused(embeddings, arguments, problem):
    with pytest.raises(InvalidInputError, match=problem):
        adaptive_retrieval(*embeddings, *arguments)


def test_searches_on_bad_arrays_are_refused(embeddings):
    db, queries = embeddings
    early, late = db.copy(), db.copy()
    early[3, 1], late[:, 15] = np.nan, np.inf
    with pytest.raises(ValueError, match="NaN"):
        adaptive_retrieval(early, queries, 4, 16, k=5)
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        adaptive_retrieval(late, queries, 4, 16, k=5)
    with pytest.raises(ValueError, match="queries contains NaN"):
        adaptive_retrieval(db, early[:5], 4, 16, k=5)
    with pytest.raises(InvalidInputError, match="widths must agree"):
        adaptive_retrieval(db, queries[:, :8], 4, 8, k=5)
    with pytest.raises(InvalidInputError, match="come in pairs"):
        funnel_retrieval(db, queries, 2, (4, 8), (10,))
    with pytest.raises(InvalidInputError, match="must not grow"):
        funnel_retrieval(db, queries, 2, (4, 8), (10, 20))
    for bad in (np.nan, np.inf):
        with pytest.raises(InvalidInputError, match="NaN or infinite"):
            truncate(np.full((2, 3), bad), 2)
    for dim in (0, 17):
        with pytest.raises(InvalidInputError, match=f"dim={dim}"):
            truncate(db, dim)


def test_nearest_class_mean_agrees_with_scikit_learn(embeddings):
    db, queries = embeddings
    y = np.array(["a", "b", "c"])[np.random.default_rng(1).integers(0, 3, 300)]
    means = NearestCentroid().fit(normalize(db[:, :6]), y).centroids_
    expected = np.unique(y)[euclidean_distances(normalize(queries[:, :6]), normalize(means)).argmin(axis=1)]
    np.testing.assert_array_equal(ncm_classify(db, y, queries, dim=6), expected)
    np.testing.assert_array_equal(ncm_classify(db, y, queries), ncm_classify(db, y, queries, dim=16))
    with pytest.raises(ValueError, match="inconsistent"):
        ncm_classify(db, y[:5], queries)
    with pytest.raises(InvalidInputError, match="widths must agree"):
        ncm_classify(db, y, queries[:, :3])
    with pytest.raises(InvalidInputError, match="dim=17"):
        ncm_classify(db, y, queries, dim=17)


# The estimator


@parametrize_with_checks(
    [
        MatryoshkaClassifier(dims=(2, 4), hidden=(16,), epochs=15, batch_size=16, lr=0.03),
        MatryoshkaClassifier(dims=(2, 4), hidden=(16,), efficient=True, epochs=15, batch_size=16, lr=0.03),
    ]
)
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, test_size=0.4, random_state=0, stratify=y)


@pytest.fixture(scope="module")
def fitted(digits):
    X, _, y, _ = digits
    return MatryoshkaClassifier(dims=(2, 8, 32), hidden=(64,), epochs=20, lr=3e-3, random_state=0).fit(X, y)


def test_every_prefix_classifies_far_above_an_untrained_network(digits, fitted):
    X, X_test, y, y_test = digits
    untrained = MatryoshkaClassifier(dims=(2, 8, 32), hidden=(64,), epochs=1, lr=1e-9, random_state=0).fit(X, y)
    for dim, expected in ((2, 0.5), (8, 0.9), (32, 0.93)):
        accuracy = (fitted.predict(X_test, dim) == y_test).mean()
        assert accuracy > expected
        assert accuracy > (untrained.predict(X_test, dim) == y_test).mean() + 0.3
        neighbours = ncm_classify(fitted.transform(X), y, fitted.transform(X_test), dim)
        assert (neighbours == y_test).mean() > expected - 0.15
    assert fitted.score(X_test, y_test) == (fitted.predict(X_test) == y_test).mean()


def test_embeddings_nest_and_probabilities_sum_to_one(digits, fitted):
    _, X_test, _, _ = digits
    whole = fitted.transform(X_test)
    assert whole.shape == (len(X_test), 32)
    np.testing.assert_array_equal(fitted.transform(X_test, 5), whole[:, :5])
    for dim in (2, 8, 32, None):
        np.testing.assert_allclose(fitted.predict_proba(X_test, dim).sum(axis=1), 1, rtol=1e-5)
    assert list(fitted.get_feature_names_out())[:2] == ["matryoshkaclassifier0", "matryoshkaclassifier1"]


def test_cascade_of_extreme_thresholds(digits, fitted):
    _, X_test, _, _ = digits
    for thresholds, dim in (([0, 0], 2), ([1.01, 1.01], 32), ([1.01, 0], 8)):
        predicted, dims = fitted.adaptive_predict(X_test, thresholds, return_dim=True)
        assert (dims == dim).all()
        np.testing.assert_array_equal(predicted, fitted.predict(X_test, dim))


def test_calibrated_cascade_is_cheap_and_as_accurate(digits, fitted):
    _, X_test, _, y_test = digits
    model = copy.deepcopy(fitted).calibrate(X_test[::2], y_test[::2])
    predicted, dims = model.adaptive_predict(X_test[1::2], return_dim=True)
    assert (predicted == y_test[1::2]).mean() > model.score(X_test[1::2], y_test[1::2]) - 0.02
    assert dims.mean() < 24
    np.testing.assert_array_equal(predicted, model.adaptive_predict(X_test[1::2]))
    probabilities = np.stack([model.predict_proba(X_test[1::2], m).max(axis=1) for m in (2, 8, 32)])
    np.testing.assert_array_equal(np.array([2, 8, 32])[cascade_levels(probabilities, model.thresholds_)], dims)


def test_efficient_classifier_reads_any_prefix(digits):
    X, X_test, y, y_test = digits
    model = MatryoshkaClassifier(dims=(4, 16), hidden=(64,), efficient=True, epochs=15, lr=3e-3, random_state=0)
    model.fit(X, y)
    accuracy = [(model.predict(X_test, dim) == y_test).mean() for dim in (4, 9, 16)]
    assert min(accuracy) > 0.75
    with pytest.raises(InvalidInputError, match="dim=17"):
        model.predict(X_test, 17)


def test_result_depends_on_the_seed_alone_and_survives_pickling(digits, fitted):
    X, X_test, y, _ = digits
    torch.manual_seed(123)
    state = torch.get_rng_state()
    again = MatryoshkaClassifier(dims=(2, 8, 32), hidden=(64,), epochs=20, lr=3e-3, random_state=0).fit(X, y)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(again.transform(X_test), fitted.transform(X_test))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X_test), fitted.transform(X_test))
    other = MatryoshkaClassifier(dims=(2, 8, 32), hidden=(64,), epochs=1, random_state=1).fit(X, y)
    assert not np.array_equal(other.transform(X_test), fitted.transform(X_test))


@pytest.mark.parametrize("kind", [str, np.int8, float, bool, object])
def test_labels_of_any_type_come_back(kind):
    rng = np.random.default_rng(0)
    y = np.array([0, 1] * 20).astype(kind) if kind is not object else np.array(["no", "yes"] * 20, dtype=object)
    X = rng.standard_normal((40, 3)) + 4 * np.array([0, 1] * 20)[:, None]
    model = MatryoshkaClassifier(dims=(1, 2), hidden=(8,), epochs=30, lr=0.01, batch_size=8, random_state=0).fit(X, y)
    assert model.predict(X).dtype == y.dtype
    assert (model.predict(X) == y).mean() > 0.9
    labels_too, dims = model.calibrate(X, y.tolist()).adaptive_predict(X, return_dim=True)
    assert labels_too.dtype == y.dtype
    assert set(dims) <= {1, 2}


def test_own_encoder_reads_rows(digits):
    X, X_test, y, y_test = digits

    def convolutional(features, width):
        return nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(width)
        )

    model = MatryoshkaClassifier(dims=(4, 16), encoder=convolutional, epochs=15, lr=5e-3, random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.9


def test_wrong_uses_of_the_estimator_are_refused(digits, fitted):
    X, X_test, y, y_test = digits
    for method in ("transform", "predict", "predict_proba", "adaptive_predict"):
        with pytest.raises(NotFittedError):
            getattr(MatryoshkaClassifier(), method)(X_test)
    with pytest.raises(NotFittedError):
        MatryoshkaClassifier().calibrate(X_test, y_test)
    with pytest.raises(NotFittedError, match="Call calibrate first"):
        fitted.adaptive_predict(X_test)
    for dim in (0, 33):
        with pytest.raises(InvalidInputError, match=f"dim={dim}"):
            fitted.transform(X_test, dim)
    with pytest.raises(InvalidInputError, match="2 thresholds"):
        fitted.adaptive_predict(X_test, [0.5])
    with pytest.raises(InvalidInputError, match="label 77 was not seen"):
        fitted.calibrate(X_test[:2], [0, 77])
    with pytest.raises(InvalidInputError, match="one label a sample"):
        fitted.calibrate(X_test[:2], [0])
    with pytest.raises(InvalidInputError, match="2 weights were given for 3"):
        MatryoshkaClassifier(dims=DIMS, weights=(1, 2)).fit(X, y)
    with pytest.raises(InvalidInputError, match="label_smoothing"):
        MatryoshkaClassifier(dims=DIMS, label_smoothing=1.0).fit(X, y)

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from reprise.data.simulators.curved_manifolds import curved_manifolds
from reprise.discover.manifold_linearizing_clustering import (
    AugmentedViews,
    ManifoldLinearizingClustering,
    ManifoldLinearizingLoss,
    NeighbourViews,
    TotalCodingRateLoss,
    TwoHeadedNetwork,
    coding_rate,
    conditional_coding_rate,
    linearize,
    mcr2,
    numerical_rank,
    pretrain,
)
from reprise.discover.manifold_linearizing_clustering.assignment import Assignment
from reprise.errors import DivergedError, InvalidInputError
from reprise.metrics import hungarian_accuracy
from reprise.nn.sinkhorn import doubly_stochastic

QUICK = {"pretrain_epochs": 20, "epochs": 10, "hidden_dim": 32, "feature_dim": 8}


def unit(n, d, seed=0, dtype=torch.float64):
    Z = torch.randn(n, d, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return nn.functional.normalize(Z, dim=1)


def slow_conditional_rate(Z, Gamma, eps2):
    d = Z.shape[1]
    each = [torch.logdet(torch.eye(d, dtype=Z.dtype) + d / eps2 * Z.T @ torch.diag(g) @ Z) / 2 for g in Gamma.T]
    return torch.stack(each).mean()


@pytest.mark.parametrize(("n", "d"), [(9, 4), (4, 9), (5, 5), (1, 3)])
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_conditional_rate_is_the_mean_of_log_determinants(n, d, chunk):
    Z, Gamma = unit(n, d), doubly_stochastic(unit(n, 3, 1) @ unit(n, 3, 1).T, 0.3)
    expected = slow_conditional_rate(Z, Gamma, 0.2)
    torch.testing.assert_close(conditional_coding_rate(Z, Gamma, 0.2, chunk=chunk), expected)
    single = conditional_coding_rate(Z.float(), Gamma.float(), 0.2, chunk=chunk)
    torch.testing.assert_close(single, expected.float(), rtol=1e-4, atol=1e-5)


def test_both_sides_of_the_determinant_agree():
    for n, d in ((4, 9), (9, 4)):
        Z = unit(n, d)
        direct = torch.logdet(torch.eye(d, dtype=Z.dtype) + d / (n * 0.2) * Z.T @ Z) / 2
        torch.testing.assert_close(coding_rate(Z, 0.2), direct)


def test_block_diagonal_membership_gives_the_rate_of_clusters():
    Z, labels = unit(12, 5), torch.tensor([0] * 3 + [1] * 4 + [2] * 5)
    same = (labels[:, None] == labels).double()
    reduction = coding_rate(Z) - conditional_coding_rate(Z, same / same.sum(0))
    assert float(mcr2(Z, labels)) == pytest.approx(float(reduction), abs=1e-10)
    assert float(mcr2(Z, nn.functional.one_hot(labels).double())) == pytest.approx(float(reduction), abs=1e-10)


@pytest.mark.parametrize("d", [2, 5])
def test_rates_of_orthonormal_and_of_equal_features(d):
    assert float(coding_rate(torch.eye(d), 1.0)) == pytest.approx(d / 2 * np.log(2))
    assert float(coding_rate(torch.eye(d), 0.3)) == pytest.approx(d / 2 * np.log(1 + 1 / 0.3), rel=1e-5)
    assert float(coding_rate(torch.eye(d)[[0] * 7], 1.0)) == pytest.approx(np.log(1 + d) / 2, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(1, 6), st.floats(0.05, 3.0), st.integers(0, 1000))
def test_reduction_is_never_negative_and_zero_for_one_cluster(n, d, eta, seed):
    Z, C = unit(n, d, seed), unit(n, 3, seed + 1)
    Gamma = doubly_stochastic(C @ C.T, eta, 500, 1e-9)
    assert float(coding_rate(Z) - conditional_coding_rate(Z, Gamma)) >= -1e-7
    whole = torch.full((n, n), 1 / n, dtype=Z.dtype)
    assert float(coding_rate(Z) - conditional_coding_rate(Z, whole)) == pytest.approx(0, abs=1e-9)


def test_rotated_features_have_the_same_loss():
    Z, C = unit(20, 6), unit(20, 6, 1)
    Q = torch.from_numpy(ortho_group.rvs(6, random_state=0))
    loss = ManifoldLinearizingLoss()
    torch.testing.assert_close(loss(Z @ Q, C @ Q), loss(Z, C), atol=1e-9, rtol=0)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(loss(Z[order], C[order]), loss(Z, C), atol=1e-9, rtol=0)


def test_true_membership_of_orthogonal_subspaces_scores_higher():
    rng = np.random.default_rng(0)
    Z = np.zeros((40, 6))
    Z[:20, :3], Z[20:, 3:] = rng.standard_normal((2, 20, 3))
    Z = nn.functional.normalize(torch.from_numpy(Z), dim=1)
    truth = torch.arange(40) // 20
    shuffled = truth[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    assert mcr2(Z, truth) > 2 * mcr2(Z, shuffled)


@pytest.mark.parametrize(("n", "d"), [(7, 3), (4, 6)])
def test_gradient_of_the_loss(n, d):
    def reduction(Z, C):
        Gamma = doubly_stochastic(C @ C.mT, 0.3, 2000, 1e-13)
        return coding_rate(Z) - conditional_coding_rate(Z, Gamma, chunk=3)

    assert torch.autograd.gradcheck(reduction, (unit(n, d).requires_grad_(), unit(n, 2, 1).requires_grad_()))


def test_some_columns_estimate_the_rate_without_bias():
    Z, C = unit(30, 4), unit(30, 4, 1)
    full, sampled = ManifoldLinearizingLoss(), ManifoldLinearizingLoss(anchors=10)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        values = torch.stack([sampled(Z, C) for _ in range(100)])
    assert float(values.mean()) == pytest.approx(float(full(Z, C)), abs=3 * float(values.std()) / 10)


def test_views_are_averaged():
    Z, C = torch.stack([unit(8, 3, 0), unit(8, 3, 1)]), torch.stack([unit(8, 3, 2), unit(8, 3, 3)])
    Gamma = sum(doubly_stochastic(c @ c.T, 0.175) for c in C) / 2
    merged = nn.functional.normalize(Z.mean(0), dim=1)
    expected = conditional_coding_rate(merged, Gamma) - coding_rate(merged)
    torch.testing.assert_close(ManifoldLinearizingLoss()(Z, C), expected)
    torch.testing.assert_close(ManifoldLinearizingLoss()(Z[:1], C[:1]), ManifoldLinearizingLoss()(Z[0], C[0]))


def test_total_coding_rate_prefers_views_that_agree_and_samples_that_spread():
    loss = TotalCodingRateLoss()
    spread, other = torch.eye(6), unit(6, 6, dtype=torch.float32)
    assert loss(spread, spread) < loss(spread, other)
    assert loss(spread, spread) < loss(spread[[0] * 6], spread[[0] * 6])


def test_cluster_head_starts_as_a_copy():
    network = TwoHeadedNetwork(nn.Identity(), 3, 8, 4).eval()
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(*network(x))
    network.copy_feature_head()
    torch.testing.assert_close(*network(x))
    torch.testing.assert_close(network.features(x), network(x)[0])


def test_landmarks_and_the_points_they_are_agree():
    X, y = make_blobs(90, centers=[[5, 0, 0], [0, 5, 0], [0, 0, 5]], random_state=0)
    C = X / np.linalg.norm(X, axis=1, keepdims=True)
    assignment = Assignment.of(C[::3], 3, 0.1, 0)
    assert hungarian_accuracy(y[::3], assignment.labels) == 1
    shares = assignment.shares(C)
    np.testing.assert_allclose(shares.sum(1), 1)
    np.testing.assert_array_equal(shares[::3].argmax(1), assignment.labels)
    assert hungarian_accuracy(y, shares.argmax(1)) == 1


def test_neighbour_views_stay_between_a_point_and_its_neighbours():
    samples = torch.tensor([[0.0], [1.0], [10.0], [11.0], [11.0]])
    views = NeighbourViews(samples, neighbours=1)
    torch.manual_seed(0)
    near = torch.stack([views(torch.arange(5)) for _ in range(50)])
    assert bool((near[:, :2] <= 1).all() & (near[:, 2:] >= 10).all())
    assert near[:, 0].std() > 0
    whole = AugmentedViews(samples, lambda x: -x)
    torch.testing.assert_close(whole(torch.tensor([1, 2])), torch.tensor([[-1.0], [-10.0]]))


def test_numerical_rank():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((50, 3)) @ rng.standard_normal((3, 10))
    assert numerical_rank(flat, 0.999) == 3
    assert numerical_rank(flat[:0]) == 0


@parametrize_with_checks([ManifoldLinearizingClustering(pretrain_epochs=10, epochs=3, hidden_dim=16, feature_dim=4)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_bent_manifolds_are_found_where_k_means_fails():
    rng = np.random.default_rng(1001)
    X, y, _ = curved_manifolds(3, rng).draw(80, rng)
    model = ManifoldLinearizingClustering(3, eta=0.1, pretrain_epochs=100, epochs=30, random_state=0).fit(X)
    assert hungarian_accuracy(y, model.labels_) > 0.75
    assert hungarian_accuracy(y, KMeans(3, n_init=10, random_state=0).fit_predict(X)) < 0.55
    history = model.history_
    gain = history["rate"] - history["conditional_rate"]
    assert gain[-1] > gain[0]


def test_real_digits_beyond_random_weights():
    X, y = load_digits(n_class=4, return_X_y=True)
    X, y = X[:400], y[:400]
    model = ManifoldLinearizingClustering(4, pretrain_epochs=60, epochs=20, random_state=0).fit(X)
    untrained = ManifoldLinearizingClustering(
        4, lr=1e-9, fine_lr=1e-9, pretrain_epochs=1, epochs=1, random_state=0
    ).fit(X)
    assert hungarian_accuracy(y, model.labels_) > 0.93
    assert hungarian_accuracy(y, model.labels_) > hungarian_accuracy(y, untrained.labels_) + 0.1


def test_images_pass_a_backbone():
    X, y = load_digits(n_class=3, return_X_y=True)
    images = X.reshape(-1, 1, 8, 8).astype(np.float32) / 16
    backbone = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten())
    before = backbone[0].weight.clone()
    model = ManifoldLinearizingClustering(
        3, backbone=backbone, augment=lambda x: x + 0.2 * torch.randn_like(x), random_state=0, **QUICK
    ).fit(images)
    assert hungarian_accuracy(y, model.labels_) > 0.6
    torch.testing.assert_close(backbone[0].weight, before)
    assert model.transform(images[:5]).shape == (5, 8)
    with pytest.raises(InvalidInputError, match="were seen in fit"):
        model.predict(images[:, :, 1:])


def test_new_points_join_the_clusters_of_the_old():
    X, y = make_blobs(300, centers=4, n_features=5, random_state=0)
    model = ManifoldLinearizingClustering(4, landmarks=60, random_state=0, **QUICK).fit(X[:200])
    assert len(model.assignment_.labels) == 60
    assert hungarian_accuracy(y[200:], model.predict(X[200:])) > 0.9
    np.testing.assert_array_equal(model.predict(X[:200]), model.labels_)
    np.testing.assert_array_equal(model.predict_proba(X[200:]).argmax(1), model.predict(X[200:]))
    Gamma = model.membership(X[:50])
    np.testing.assert_allclose(Gamma.sum(0), 1, atol=1e-3)
    assert model.subspace_dims_.shape == (4,)


def test_result_depends_on_the_seed_alone_and_survives_pickling():
    X, _ = load_iris(return_X_y=True)
    torch.manual_seed(0)
    first = ManifoldLinearizingClustering(3, random_state=4, **QUICK).fit(X)
    state = torch.random.get_rng_state()
    torch.manual_seed(1)
    second = ManifoldLinearizingClustering(3, random_state=4, **QUICK).fit(X)
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    np.testing.assert_array_equal(first.labels_, second.labels_)
    torch.manual_seed(0)
    torch.testing.assert_close(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict(X), first.predict(X))


def test_duplicates_constant_columns_and_zero_rows_are_no_trouble():
    X, y = make_blobs(60, centers=[[8, 0], [-8, 0]], random_state=0)
    X = np.column_stack([np.vstack([X, X[:20], np.zeros((1, 2))]), np.full(81, 3.0)])
    model = ManifoldLinearizingClustering(2, random_state=0, **QUICK).fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert hungarian_accuracy(y, model.labels_[:60]) == 1
    np.testing.assert_array_equal(model.labels_[60:80], model.labels_[:20])


def test_one_cluster_is_the_whole():
    X, _ = load_iris(return_X_y=True)
    assert set(ManifoldLinearizingClustering(1, random_state=0, **QUICK).fit(X).labels_) == {0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_clusters": 12}, "n_samples=11 were given for 12"),
        ({"n_clusters": 0}, "n_clusters"),
        ({"eta": 0.0}, "eta"),
        ({"eta": -0.1}, "eta"),
        ({"eps2": 0.0}, "eps2"),
        ({"batch_size": 1}, "batch_size"),
        ({"augment": 3}, "augment"),
        ({"backbone": nn.Identity()}, "augment"),
        ({"backbone": nn.Unflatten(1, (1, 3)), "augment": lambda x: x}, r"gave \(2, 1, 3\)"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    X = np.random.default_rng(0).standard_normal((11, 3))
    with pytest.raises(ValueError, match=message):
        ManifoldLinearizingClustering(**arguments).fit(X)


def test_bad_data_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        ManifoldLinearizingClustering().fit([[0.0, np.nan], [1.0, 2.0]])
    with pytest.raises(InvalidInputError, match="Only 2 of 10 samples are different"):
        ManifoldLinearizingClustering(3).fit(np.eye(2)[[0, 1] * 5])
    with pytest.raises(NotFittedError):
        ManifoldLinearizingClustering().predict(np.zeros((3, 2)))


def test_a_loss_that_is_no_number_names_the_epoch():
    network = TwoHeadedNetwork(nn.Identity(), 3, 8, 4)
    views = AugmentedViews(torch.randn(16, 3), lambda x: x / 0 * 0)
    with pytest.raises(DivergedError, match="epoch 1"):
        pretrain(network, views, 16, TotalCodingRateLoss(), epochs=3)
    with pytest.raises(DivergedError, match="epoch 1"):
        linearize(network, views, 16, ManifoldLinearizingLoss(), epochs=3)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: coding_rate(torch.eye(3), 0.0), "eps2 is 0.0"),
        (lambda: coding_rate(torch.eye(3)[0]), r"shape \(3,\)"),
        (lambda: coding_rate(torch.zeros(0, 3)), "non-empty"),
        (lambda: conditional_coding_rate(torch.eye(3), torch.eye(2)), r"\(3, m\)"),
        (lambda: conditional_coding_rate(torch.eye(3), torch.eye(3), chunk=0), "chunk"),
        (lambda: mcr2(torch.eye(3), torch.tensor([0, 1])), "3 labels"),
        (lambda: mcr2(torch.eye(2), torch.tensor([[1.0], [-1.0]])), "at least 0"),
        (lambda: ManifoldLinearizingLoss(eta=0.0), "eta is 0.0"),
        (lambda: ManifoldLinearizingLoss(anchors=0), "anchors"),
        (lambda: ManifoldLinearizingLoss()(torch.eye(3), torch.eye(2)), "same views"),
        (lambda: ManifoldLinearizingLoss()(torch.tensor([[1.0, 0], [0, 0]]), torch.eye(2)), "Row 1 of Z is zero"),
        (lambda: ManifoldLinearizingLoss()(torch.zeros(0, 2), torch.zeros(0, 2)), "non-empty"),
        (lambda: TotalCodingRateLoss(invariance=-1.0), "invariance"),
        (lambda: TotalCodingRateLoss()(torch.eye(3), torch.eye(2)), "one shape"),
        (lambda: TwoHeadedNetwork(nn.Identity(), 0), "Dimensions"),
        (lambda: NeighbourViews(torch.zeros(3)), "table"),
    ],
)
def test_bad_parts_are_refused(work, message):
    with pytest.raises(InvalidInputError, match=message):
        work()

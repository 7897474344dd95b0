import pickle
import warnings

import geoopt
import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from reprise.data.simulators.category_split import category_split
from reprise.discover.hypcd import (
    HyperbolicCategoryDiscovery,
    HypLinear,
    PoincareBall,
    ToPoincare,
    hybrid_contrastive_loss,
    self_distillation_loss,
)
from reprise.discover.hypcd.fitting import BalancedBatches, JoinedOptimizer
from reprise.discover.hypcd.losses import labelled_cross_entropy
from reprise.errors import InvalidInputError
from reprise.metrics import category_accuracy

CURVATURES = [0.1, 1.0]
SMALL = {"head_dim": 8, "hidden": 16, "epochs": 2, "batch_size": 32, "random_state": 0}


def points(n, d, c=0.1, seed=0, largest=0.95, dtype=torch.float64):
    """Points of the ball, of all norms up to a share of its radius."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.randn(n, d, generator=generator, dtype=torch.float64)
    norms = largest / c**0.5 * torch.rand(n, 1, generator=generator, dtype=torch.float64)
    return (u / u.norm(dim=1, keepdim=True) * norms).to(dtype)


def partly_labelled(n=120, d=6, classes=4, known=2, seed=0):
    """Clusters on as many axes: the encoder keeps directions, and clips lengths."""
    X, y = make_blobs(n, centers=8 * np.eye(classes, d), random_state=seed)
    return X, y, category_split(y, range(known), np.random.default_rng(seed))


# The ball


def test_distance_tends_to_twice_the_euclidean_one():
    x, y = torch.randn(2, 50, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(PoincareBall(1e-6).dist(x, y), 2 * (x - y).norm(dim=1), rtol=1e-4, atol=0)


def test_distance_from_the_origin_in_closed_form():
    half = torch.tensor([0.5, 0.0], dtype=torch.float64)
    assert float(PoincareBall(1.0).dist(torch.zeros(2, dtype=torch.float64), half)) == pytest.approx(
        np.log(3), abs=1e-12
    )
    for c in CURVATURES:
        x = points(40, 3, c)
        expected = 2 / c**0.5 * (c**0.5 * x.norm(dim=1)).atanh()
        torch.testing.assert_close(
            PoincareBall(c).dist(torch.zeros(3, dtype=torch.float64), x), expected, rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("c", CURVATURES)
def test_distance_is_a_metric_and_translations_are_isometries(c):
    ball, (x, y, a) = PoincareBall(c), (points(60, 4, c, seed) for seed in range(3))
    d = ball.dist
    torch.testing.assert_close(d(x, y), d(y, x))
    assert (d(x, y) <= d(x, a) + d(a, y) + 1e-12).all()
    assert (d(x, x) == 0).all()
    torch.testing.assert_close(d(ball.mobius_add(-a, x), ball.mobius_add(-a, y)), d(x, y), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ball.mobius_add(-x, ball.mobius_add(x, y)), y)


@pytest.mark.parametrize("c", CURVATURES)
def test_distance_is_the_length_of_the_translated_point(c):
    """The two forms of the distance: by Möbius addition, and the one computed."""
    ball, x, y = PoincareBall(c), points(30, 4, c, 0), points(30, 4, c, 1)
    by_addition = 2 / c**0.5 * (c**0.5 * ball.mobius_add(-x, y).norm(dim=1)).atanh()
    torch.testing.assert_close(ball.dist(x, y), by_addition, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distance_matrix_holds_the_pairwise_distances(dtype):
    x, y = points(20, 5, seed=0, dtype=dtype), points(30, 5, seed=1, dtype=dtype)
    matrix = PoincareBall().dist_matrix(x, y)
    assert matrix.dtype == dtype
    torch.testing.assert_close(matrix, PoincareBall().dist(x.unsqueeze(1), y.unsqueeze(0)))


def test_float32_distances_stay_exact_near_the_boundary():
    ball = PoincareBall()
    rim = ball.project(1e3 * points(40, 8, seed=0, dtype=torch.float32))
    near = ball.project(rim + 1e-3 * torch.randn(40, 8, generator=torch.Generator().manual_seed(1)))
    x = torch.cat([rim, near])
    exact = ball.dist(x.double().unsqueeze(1), x.double().unsqueeze(0))
    torch.testing.assert_close(ball.dist_matrix(x, x).double(), exact, rtol=2e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_have_finite_gradients_at_coincident_points_and_on_the_rim(dtype):
    ball = PoincareBall()
    rim = ball.project(torch.tensor([[9.0, 0.0], [9.0, 0.0], [0.0, 0.0], [-9.0, 0.0]], dtype=dtype))
    x = rim.requires_grad_()
    (ball.dist_matrix(x, x).sum() + ball.dist(x, x).sum()).backward()
    assert x.grad.isfinite().all()


def test_gradients_of_the_maps_are_right():
    ball, u = PoincareBall(), points(4, 3, largest=0.8).requires_grad_()
    y = points(5, 3, seed=1)
    M = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for function in (ball.expmap0, ball.logmap0, lambda u: ball.dist_matrix(u, y), lambda u: ball.mobius_matvec(M, u)):
        assert torch.autograd.gradcheck(function, (u,))


@pytest.mark.parametrize("c", CURVATURES)
def test_logarithm_undoes_the_exponential(c):
    u = torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    u = u / u.norm(dim=1, keepdim=True) * torch.linspace(0, 5, 50, dtype=torch.float64).unsqueeze(1)
    ball = PoincareBall(c)
    torch.testing.assert_close(ball.logmap0(ball.expmap0(u)), u, rtol=1e-8, atol=1e-8)


def test_matrices_act_as_on_the_flat_space():
    ball, x = PoincareBall(), points(20, 4, largest=0.5)
    M1, M2 = torch.randn(2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 4
    torch.testing.assert_close(ball.mobius_matvec(torch.eye(4, dtype=torch.float64), x), x)
    torch.testing.assert_close(ball.mobius_matvec(M2 @ M1, x), ball.mobius_matvec(M2, ball.mobius_matvec(M1, x)))
    assert (ball.mobius_matvec(torch.zeros(3, 4, dtype=torch.float64), x) == 0).all()


@pytest.mark.parametrize("c", CURVATURES)
def test_agrees_with_geoopt(c):
    ours, peer = PoincareBall(c), geoopt.PoincareBall(c=c).double()
    x, y = points(30, 5, c, 0), points(30, 5, c, 1)
    M = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    close = {"rtol": 1e-6, "atol": 1e-6}
    torch.testing.assert_close(ours.dist(x, y), peer.dist(x, y), **close)
    torch.testing.assert_close(ours.expmap0(x), peer.expmap0(x, project=False), **close)
    torch.testing.assert_close(ours.logmap0(x), peer.logmap0(x), **close)
    torch.testing.assert_close(ours.mobius_add(x, y), peer.mobius_add(x, y, project=False), **close)
    inside = ours.mobius_matvec(M, x / 4)
    torch.testing.assert_close(inside, peer.mobius_matvec(M, x / 4, project=False), **close)


def test_frechet_mean_is_least_and_moves_with_the_points():
    ball, x, a = PoincareBall(), points(25, 3, largest=0.99), points(1, 3, seed=5)
    mean = ball.frechet_mean(x)

    def spread(m):
        return float(ball.dist(m, x).square().mean())

    for seed in range(5):
        assert spread(mean) <= spread(ball.mobius_add(mean, 1e-3 * points(1, 3, seed=seed)[0]))
    moved = ball.frechet_mean(ball.mobius_add(a, x))
    torch.testing.assert_close(moved, ball.mobius_add(a[0], mean), rtol=1e-6, atol=1e-6)
    pair = torch.stack([x[0], -x[0]])
    torch.testing.assert_close(ball.frechet_mean(pair), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-9)


def test_points_outside_the_ball_are_refused_and_half_precision_is_widened():
    ball, outside = PoincareBall(1.0), torch.tensor([[1.0, 0.0]])
    with pytest.raises(InvalidInputError, match="inside the ball of radius 1"):
        ball.dist(outside, outside)
    with pytest.raises(InvalidInputError, match="norm nan"):
        ball.dist_matrix(outside * torch.nan, outside)
    assert ball.expmap0(outside.bfloat16()).dtype == torch.float32
    for c in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="c is"):
            PoincareBall(c)
    with pytest.raises(InvalidInputError, match="at least one"):
        ball.frechet_mean(torch.zeros(0, 2))


# Layers


@pytest.mark.parametrize("clip_r", [0.5, 2.0])
def test_clipping_bounds_the_points(clip_r):
    x = 1e3 * torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    norms = ToPoincare(0.1, clip_r)(x).norm(dim=1)
    assert (norms <= np.tanh(0.1**0.5 * clip_r) / 0.1**0.5 + 1e-6).all()
    assert (ToPoincare(0.1, None)(x).norm(dim=1) < PoincareBall().radius).all()


@pytest.mark.parametrize("size", [1e4, 1e-12, 0.0])
@pytest.mark.parametrize("clip_r", [2.0, None])
def test_loss_and_gradients_are_finite_for_any_size_of_input(size, clip_r):
    x = (size * torch.randn(12, 6, generator=torch.Generator().manual_seed(0))).requires_grad_()
    layer = HypLinear(6, 4)
    z = ToPoincare(0.1, clip_r)(x)
    loss = hybrid_contrastive_loss(z, torch.tensor([0, 1, 0, 1, -1, -1])) + self_distillation_loss(layer(z))
    loss.backward()
    assert loss.isfinite()
    assert x.grad.isfinite().all()
    assert layer.weight.grad.isfinite().all()


def test_riemannian_gradient_is_scaled_by_the_inverse_metric():
    grads = []
    for riemannian in (False, True):
        x = points(5, 3, dtype=torch.float32).requires_grad_()
        p = ToPoincare(0.1, 2.0, riemannian=riemannian)(x)
        p.sum().backward()
        grads.append(x.grad)
    scale = (1 - 0.1 * p.detach().square().sum(1, keepdim=True)) ** 2 / 4
    torch.testing.assert_close(grads[1], grads[0] * scale)


def test_hyp_linear_stays_in_the_ball_and_translates_by_its_bias():
    ball, layer = PoincareBall(), HypLinear(5, 3).double()
    x = points(20, 5, largest=0.999)
    assert (layer(x).norm(dim=1) < ball.radius).all()
    torch.testing.assert_close(layer(torch.zeros(1, 5).double())[0], ball.expmap0(layer.bias))
    torch.testing.assert_close(
        HypLinear(5, 3, bias=False).double()(torch.zeros(1, 5).double()).norm(), torch.tensor(0.0).double()
    )
    copy = HypLinear(5, 3).double()
    copy.load_state_dict(layer.state_dict())
    assert torch.equal(copy(x), layer(x))


def test_layers_refuse_what_cannot_be():
    with pytest.raises(InvalidInputError, match="clip_r"):
        ToPoincare(clip_r=0.0)
    with pytest.raises(InvalidInputError, match="c is"):
        ToPoincare(c=-0.1)
    with pytest.raises(InvalidInputError, match="sizes"):
        HypLinear(0, 2)


# Losses


def slow_hybrid(z, labels, c, lam, angle_scale=0.3, w=0.35):
    """The loss row by row, as the paper writes it."""
    z, B = z.double(), len(z) // 2
    unit = z / z.norm(dim=1, keepdim=True)
    similarities = {"angle": unit @ unit.T, "distance": -PoincareBall(c).dist(z.unsqueeze(1), z.unsqueeze(0))}
    total = 0.0
    for name, share, scale in (("angle", 1 - lam, angle_scale), ("distance", lam, 1.0)):
        s = similarities[name].numpy()
        unsupervised = [
            -np.log(
                np.exp(s[i, (i + B) % (2 * B)] / scale) / sum(np.exp(s[i, j] / scale) for j in range(2 * B) if j != i)
            )
            for i in range(2 * B)
        ]
        rows = [i for i in range(2 * B) if labels[i % B] != -1]
        supervised = []
        for i in rows:
            others = [j for j in rows if j != i]
            log_sum = np.log(sum(np.exp(s[i, j] / (0.07 * scale)) for j in others))
            same = [j for j in others if labels[j % B] == labels[i % B]]
            supervised.append(-np.mean([s[i, j] / (0.07 * scale) - log_sum for j in same]))
        total += share * ((1 - w) * np.mean(unsupervised) + w * np.mean(supervised))
    return total


@pytest.mark.parametrize("lam", [0.0, 0.4, 1.0])
def test_hybrid_loss_is_what_the_paper_writes(lam):
    z, labels = points(12, 4, largest=0.6, dtype=torch.float32), torch.tensor([0, 0, 1, -1, 2, -1])
    found = hybrid_contrastive_loss(z, labels, c=0.1, lam=lam)
    assert float(found) == pytest.approx(slow_hybrid(z, labels.tolist(), 0.1, lam), rel=1e-5)


def test_angles_do_not_see_the_radius_and_distances_do():
    z = points(12, 4, largest=0.6)
    shorter = z * torch.linspace(0.3, 1, 12, dtype=torch.float64).unsqueeze(1)
    labels = torch.tensor([0, 0, 1, 1, -1, -1])
    by_angle = [float(hybrid_contrastive_loss(p, labels, lam=0.0)) for p in (z, shorter)]
    by_distance = [float(hybrid_contrastive_loss(p, labels, lam=1.0)) for p in (z, shorter)]
    assert by_angle[0] == pytest.approx(by_angle[1], rel=1e-9)
    assert abs(by_distance[0] - by_distance[1]) > 1e-3


def test_without_labels_the_contrast_is_unsupervised():
    z = points(8, 3)
    none = hybrid_contrastive_loss(z, torch.full((4,), -1))
    assert none == hybrid_contrastive_loss(z)
    assert none != hybrid_contrastive_loss(z, torch.tensor([0, 0, 1, 1]))


def test_self_distillation_is_what_simgcd_writes():
    logits = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = self_distillation_loss(logits, teacher_temperature=0.5, student_temperature=1.0, memax_weight=2.0)
    o = logits.numpy().reshape(2, 4, 3)

    def soft(a):
        return np.exp(a) / np.exp(a).sum(-1, keepdims=True)

    agreement = np.mean([-(soft(o[a] / 0.5) * np.log(soft(o[1 - a]))).sum(-1).mean() for a in range(2)])
    mean = soft(o).mean((0, 1))
    assert float(found) == pytest.approx(agreement + 2 * ((mean * np.log(mean)).sum() + np.log(3)), rel=1e-9)


def test_the_teacher_gets_no_gradient():
    logits = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    self_distillation_loss(logits, memax_weight=0.0).backward()
    fixed = (logits.detach() / 0.04).softmax(-1).roll(2, 0)
    expected = ((logits.detach() / 0.1).softmax(-1) - fixed) / 0.1 / 4
    torch.testing.assert_close(logits.grad, expected)


def test_supervision_without_labels_is_nothing():
    logits = torch.randn(4, 3, requires_grad=True)
    assert labelled_cross_entropy(logits, torch.tensor([-1, -1])) == 0
    expected = nn.functional.cross_entropy(logits[[1, 3]] / 0.1, torch.tensor([2, 2]))
    assert torch.equal(labelled_cross_entropy(logits, torch.tensor([-1, 2])), expected)


def test_losses_refuse_what_cannot_be():
    z = points(6, 3)
    for bad in ({"n_views": 4}, {"n_views": 1}, {"labels": torch.zeros(2, dtype=torch.long)}, {"lam": 1.5},
                {"sup_weight": -0.1}, {"tau_unsup": 0.0}, {"c": 0.0}, {"angle_scale": 0.0}):  # fmt: skip
        with pytest.raises(InvalidInputError):
            hybrid_contrastive_loss(z, **bad)
    with pytest.raises(InvalidInputError, match="inside the ball"):
        hybrid_contrastive_loss(10 * z)
    with pytest.raises(InvalidInputError, match="views"):
        self_distillation_loss(z[:5])
    with pytest.raises(InvalidInputError, match="positive"):
        self_distillation_loss(z, teacher_temperature=0.0)


# Training


def test_batches_are_half_labelled():
    y = torch.cat([torch.zeros(100), -torch.ones(900)]).long()
    batches = BalancedBatches(y, 50, seed=0)
    drawn = torch.tensor(list(batches))
    assert drawn.shape == (20, 50)
    assert float((y[drawn] == 0).double().mean()) == pytest.approx(0.5, abs=0.06)


def test_joined_optimizers_keep_their_state():
    def make():
        torch.manual_seed(0)
        a, b = (nn.Parameter(torch.randn(3)) for _ in range(2))
        return (a, b), JoinedOptimizer(torch.optim.SGD([a], lr=0.1, momentum=0.9), torch.optim.Adam([b], lr=0.01))

    def step(parameters, optimizer):
        optimizer.zero_grad()
        sum(p.square().sum() for p in parameters).backward()
        optimizer.step()

    (first, straight), (second, resumed) = make(), make()
    step(first, straight)
    step(second, resumed)
    state = resumed.state_dict()
    (third, fresh) = make()
    for p, q in zip(third, second, strict=True):
        p.data.copy_(q.data)
    fresh.load_state_dict(state)
    step(first, straight)
    step(third, fresh)
    assert all(torch.equal(p, q) for p, q in zip(first, third, strict=True))
    assert [group["lr"] for group in fresh.param_groups] == [0.1, 0.01]


# The estimator


@parametrize_with_checks(
    [
        HyperbolicCategoryDiscovery(head_dim=4, hidden=4, epochs=1, max_classes=None, random_state=0),
        HyperbolicCategoryDiscovery(mode="nonparametric", head_dim=4, hidden=4, epochs=1, random_state=0),
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("mode", ["parametric", "nonparametric"])
@pytest.mark.parametrize("geometry", ["hyperbolic", "spherical"])
def test_finds_the_classes_of_blobs(mode, geometry):
    X, truth, y = partly_labelled(240, 8, classes=5, known=3)
    y = np.where(y >= 0, y * 10 + 5, -1)  # names need not count from 0
    model = HyperbolicCategoryDiscovery(
        5, mode=mode, geometry=geometry, **SMALL | {"epochs": 20, "hidden": 32, "head_dim": 16}
    )
    model.fit(X, y)
    assert model.classes_.tolist() == [5, 15, 25, 26, 27]
    hidden = y == -1
    assert category_accuracy(truth[hidden], model.labels_[hidden], known=range(3)).all > 0.9
    assert (model.labels_[~hidden] == y[~hidden]).all()
    assert np.mean(model.predict(X)[~hidden] == y[~hidden]) > 0.9, "known classes keep their names"
    embedded = model.transform(X)
    norms = np.linalg.norm(embedded, axis=1)
    if geometry == "hyperbolic":
        assert embedded.shape == (240, 16)
        assert norms.max() < PoincareBall().radius
    else:
        np.testing.assert_allclose(norms, 1)


def test_beats_chance_and_random_weights_on_digits():
    X, truth = load_digits(return_X_y=True)
    X, truth = X[:500], truth[:500]
    y = category_split(truth, range(5), np.random.default_rng(0))
    hidden = y == -1
    model = HyperbolicCategoryDiscovery(10, **SMALL | {"epochs": 12, "head_dim": 16, "hidden": 64}).fit(X, y)
    untrained = clone(model).set_params(epochs=1, lr=1e-9, classifier_lr=1e-9).fit(X, y)
    accuracy, chance = (category_accuracy(truth[hidden], m.labels_[hidden], known=range(5)) for m in (model, untrained))
    assert accuracy.all > max(0.5, chance.all + 0.1)
    assert accuracy.known > 0.75
    fresh = load_digits().data[600:900]
    assert set(model.predict(fresh)) <= set(model.classes_)


def test_probabilities_agree_with_predictions_and_need_the_classifier():
    X, _, y = partly_labelled()
    model = HyperbolicCategoryDiscovery(4, **SMALL).fit(X, y)
    probability = model.predict_proba(X)
    np.testing.assert_allclose(probability.sum(1), 1)
    assert (model.classes_[probability.argmax(1)] == model.predict(X)).all()
    assert not hasattr(HyperbolicCategoryDiscovery(mode="nonparametric"), "predict_proba")


@pytest.mark.parametrize("mode", ["parametric", "nonparametric"])
def test_the_number_of_classes_is_estimated_where_it_is_not_given(mode):
    X, _, y = partly_labelled(300, 8, classes=6, known=4)
    model = HyperbolicCategoryDiscovery(mode=mode, **SMALL).fit(X, y)
    assert model.n_classes_ == 6
    assert model.class_accuracies_[6] == max(model.class_accuracies_.values())
    assert len(model.classes_) == 6


def test_results_depend_on_the_seed_alone_and_survive_pickling():
    X, _, y = partly_labelled()
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = HyperbolicCategoryDiscovery(4, **SMALL).fit(X, y)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    second = clone(first).fit(X, y)
    other = clone(first).set_params(random_state=1).fit(X, y)
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    assert np.abs(first.transform(X) - other.transform(X)).max() > 1e-3
    np.testing.assert_array_equal(first.predict(X), pickle.loads(pickle.dumps(first)).predict(X))


def test_images_go_through_a_backbone_of_which_a_copy_is_trained():
    X, truth = load_digits(return_X_y=True)
    images = X[:200].reshape(-1, 1, 8, 8) / 16
    y = category_split(truth[:200], range(5), np.random.default_rng(0))
    backbone = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 12))
    backbone[0].requires_grad_(False)
    kept = {name: value.clone() for name, value in backbone.state_dict().items()}

    def shift(batch):
        return batch.roll(int(torch.randint(-1, 2, ())), -1)

    for mode, width in (("parametric", 12), ("nonparametric", 8)):
        model = HyperbolicCategoryDiscovery(mode=mode, backbone=backbone, augment=shift, **SMALL).fit(images, y)
        assert model.transform(images[:3]).shape == (3, width)
        trained = model.network_.encoder.state_dict()
        assert torch.equal(trained["0.weight"], kept["0.weight"])
        assert not torch.equal(trained["3.weight"], kept["3.weight"])
    assert all(torch.equal(value, kept[name]) for name, value in backbone.state_dict().items())
    with pytest.raises(InvalidInputError, match="augment"):
        HyperbolicCategoryDiscovery(backbone=backbone).fit(images, y)
    with pytest.raises(InvalidInputError, match=r"\(1, width\)"):
        HyperbolicCategoryDiscovery(backbone=nn.Identity(), augment=shift).fit(images, y)


@pytest.mark.parametrize("mode", ["parametric", "nonparametric"])
def test_constant_features_and_duplicate_points_do_no_harm(mode):
    X, _, y = partly_labelled()
    X[:, 0] = 7.0
    X[1::2] = X[::2]
    y[1::2] = y[::2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = HyperbolicCategoryDiscovery(4, mode=mode, **SMALL).fit(X, y)
        same = HyperbolicCategoryDiscovery(3, mode=mode, **SMALL).fit(np.ones((20, 3)), np.arange(20) % 3 - 1)
    assert np.isfinite(model.transform(X)).all()
    np.testing.assert_array_equal(model.predict(X[1::2]), model.predict(X[::2]))
    assert np.isfinite(same.transform(np.ones((2, 3)))).all()


def test_all_labelled_warns_and_classifies():
    X, truth, _ = partly_labelled()
    with pytest.warns(UserWarning, match="Every point is labelled"):
        model = HyperbolicCategoryDiscovery(**SMALL | {"epochs": 15}).fit(X, truth)
    assert model.n_classes_ == 4
    assert np.mean(model.predict(X) == truth) > 0.9


def test_few_rows_make_one_batch():
    X, _, y = partly_labelled(12, classes=3, known=2)
    model = HyperbolicCategoryDiscovery(3, **SMALL | {"batch_size": 128}).fit(X, y)
    assert len(model.labels_) == 12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_classes": 1}, "n_classes=1"),
        ({"n_classes": 121}, "n_samples=120"),
        ({"c": 0.0}, "c' parameter"),
        ({"clip_r": -1.0}, "clip_r"),
        ({"geometry": "flat"}, "geometry"),
        ({"mode": "semi"}, "mode"),
        ({"epochs": 0}, "epochs"),
        ({"n_classes": None, "max_classes": 1}, "max_classes"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    X, _, y = partly_labelled()
    with pytest.raises(ValueError, match=message):
        HyperbolicCategoryDiscovery(**{"n_classes": 4} | SMALL | settings).fit(X, y)


def test_bad_data_is_refused():
    X, _, y = partly_labelled()
    model = HyperbolicCategoryDiscovery(4, **SMALL)
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(InvalidInputError, match="No point is labelled"):
        model.fit(X, np.full(len(X), -1))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(X > 5, np.nan, X), y)
    with pytest.raises(InvalidInputError, match="one label a row"):
        model.fit(X, y[:-1])
    with pytest.raises(InvalidInputError, match="whole numbers"):
        model.fit(X, y + 0.5)
    with pytest.raises(ValueError, match="features"):
        model.fit(X, y).predict(X[:, :3])


def test_distance_matrix_has_a_slow_twin():
    """Against the textbook arcosh form, computed by SciPy from Euclidean distances."""
    c, x = 0.1, points(30, 4)
    room = 1 - c * x.square().sum(1).numpy()
    expected = np.arccosh(1 + 2 * c * cdist(x, x, "sqeuclidean") / np.outer(room, room)) / c**0.5
    np.testing.assert_allclose(PoincareBall(c).dist_matrix(x, x).numpy(), expected, atol=1e-6)

import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import multigammaln
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from reprise.data.simulators.category_split import category_split
from reprise.discover.gmm_category_discovery import (
    GPC,
    Moments,
    NIWPrior,
    PrototypicalContrastiveLoss,
    RepresentationLoss,
    SemiSupervisedGMM,
    calibration,
    concentrations,
    estimate_n_classes,
    log_hastings_merge,
    log_hastings_split,
)
from reprise.discover.gmm_category_discovery.sweep import Chance, Proposals, Whole, sweep
from reprise.errors import InvalidInputError
from reprise.metrics import category_accuracy
from reprise.nn.contrastive import SupCon
from reprise.nn.partial_labels import partial_labels

KNOWN = (0, 1, 2, 3, 4)


def blobs(sizes=(60, 60, 60, 60), separation=9.0, p=3, seed=0):
    truth = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    centres = separation * np.vstack([np.eye(p), -np.eye(p)])[: len(sizes)]
    return rng.standard_normal((len(truth), p)) + centres[truth], truth


def half_labelled(truth, known, seed=0):
    return category_split(truth, known, np.random.default_rng(seed))


def any_prior(p, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((p, p))
    return NIWPrior(rng.standard_normal(p), 0.7, p + 1.5, root @ root.T + np.eye(p))


def proposals(prior, accept="greedy", seed=0):
    return Proposals(prior, 1.0, 6, Chance(accept, 0.1, np.random.RandomState(seed)))


def digits():
    X, truth = load_digits(return_X_y=True)
    return PCA(16, random_state=0).fit_transform(X), truth


def predictive(prior, x):
    """Student's t: the probability of one more point, in the form of the textbook."""
    D = len(x)
    freedom = prior.nu - D + 1
    shape = prior.Psi * (prior.kappa + 1) / (prior.kappa * freedom)
    return stats.multivariate_t.logpdf(x, prior.m, shape, df=freedom)


# the prior


@pytest.mark.parametrize("p", [1, 2, 5])
def test_evidence_is_the_product_of_predictives(p):
    prior, X = any_prior(p), np.random.default_rng(1).standard_normal((7, p)) * 2
    chained, seen = 0.0, prior
    for x in X:
        chained += predictive(seen, x)
        seen = seen.posterior(x[None])
    assert prior.log_marginal_likelihood(X) == pytest.approx(chained, abs=1e-8)
    assert prior.log_marginal_likelihood(X[::-1]) == pytest.approx(chained, abs=1e-8)
    whole = prior.posterior(X)
    np.testing.assert_allclose(seen.m, whole.m)
    np.testing.assert_allclose(seen.Psi, whole.Psi)


def test_evidence_is_the_integral_over_mean_and_variance():
    prior, X = NIWPrior(np.array([0.3]), 0.5, 3.0, np.array([[2.0]])), np.array([[1.0], [-0.5], [2.0]])

    def joint(mean, log_variance):
        variance = np.exp(log_variance)
        return np.exp(
            stats.norm.logpdf(X[:, 0], mean, np.sqrt(variance)).sum()
            + stats.norm.logpdf(mean, 0.3, np.sqrt(variance / 0.5))
            + stats.invgamma.logpdf(variance, 1.5, scale=1.0)
            + log_variance
        )

    value, _ = integrate.dblquad(joint, -4, 5, -4, 5, epsabs=1e-7, epsrel=1e-3)
    assert prior.log_marginal_likelihood(X) == pytest.approx(np.log(value), abs=1e-3)


def test_evidence_in_closed_form():
    one = NIWPrior(np.zeros(1), 1.0, 1.0, np.eye(1))
    assert one.log_marginal_likelihood([[0.0]]) == pytest.approx(-np.log(np.pi * np.sqrt(2)))
    two = NIWPrior(np.zeros(2), 1.0, 3.0, np.eye(2))
    assert two.log_marginal_likelihood([[0, 0], [1, 0], [0, 1], [3, 3]]) == pytest.approx(-15.734714, abs=1e-6)


def test_posterior_tends_to_the_data():
    rng, prior = np.random.default_rng(0), any_prior(2)
    X = rng.multivariate_normal([4.0, -1.0], [[2.0, 0.5], [0.5, 1.0]], size=20_000)
    away = [np.abs(prior.posterior_mean(X[:n]) - X[:n].mean(axis=0)).max() for n in (10, 100, 20_000)]
    assert away[0] > away[1] > away[2]
    assert away[2] < 1e-3
    np.testing.assert_allclose(prior.posterior_cov(X), np.cov(X.T), rtol=0.01)
    assert prior.posterior_mean(X).tolist() == prior.posterior(X).m.tolist()


def test_moments_add_to_those_of_the_union():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((9, 3)), rng.standard_normal((4, 3)) + 5
    for part, whole in zip(Moments.of(X) + Moments.of(Y), Moments.of(np.vstack([X, Y])), strict=True):
        np.testing.assert_allclose(part, whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kappa": 0.0}, "kappa"),
        ({"nu": 1.0}, "more than 1"),
        ({"nu": np.inf}, "nu=inf"),
        ({"Psi": np.eye(3)}, "expected"),
        ({"Psi": np.array([[1.0, 2.0], [0.0, 1.0]])}, "symmetric"),
        ({"Psi": -np.eye(2)}, "positive definite"),
        ({"m": np.array([np.nan, 0.0])}, "finite"),
    ],
)
def test_impossible_priors_are_refused(change, message):
    with pytest.raises(InvalidInputError, match=message):
        NIWPrior(**{"m": np.zeros(2), "kappa": 1.0, "nu": 4.0, "Psi": np.eye(2), **change})


def test_points_must_fit_the_prior():
    with pytest.raises(InvalidInputError, match="expected 2"):
        any_prior(2).posterior(np.zeros((4, 3)))
    with pytest.raises(InvalidInputError, match="at least 1"):
        any_prior(2).posterior(np.zeros((0, 2)))


# splits and merges


@given(
    st.integers(1, 1000), st.integers(1, 1000), *[st.floats(-1e4, 1e4)] * 3, st.floats(1e-3, 1e3)
)  # fmt: skip
def test_a_merge_is_the_split_undone(N1, N2, l1, l2, whole, alpha):
    assert log_hastings_merge(N1, N2, l1, l2, whole, alpha) == -log_hastings_split(N1, N2, l1, l2, whole, alpha)
    assert log_hastings_split(N1, N2, l1, l2, whole, alpha) == pytest.approx(
        log_hastings_split(N2, N1, l2, l1, whole, alpha), abs=1e-8
    )


def test_empty_parts_have_no_ratio():
    for ratio in (log_hastings_split, log_hastings_merge):
        with pytest.raises(InvalidInputError, match="one point each"):
            ratio(0, 3, 0.0, 0.0, 0.0)
        with pytest.raises(InvalidInputError, match="alpha"):
            ratio(1, 3, 0.0, 0.0, 0.0, alpha=0.0)


def test_far_blobs_split_and_halves_of_one_merge():
    X, truth = blobs((80, 80), separation=10.0)
    split = SemiSupervisedGMM(1, accept="greedy", random_state=0).fit(X)
    assert split.n_components_ == 2
    assert category_accuracy(truth, split.labels_, []).all == 1.0
    merged = SemiSupervisedGMM(2, accept="greedy", random_state=0).fit(X[truth == 0])
    assert merged.n_components_ == 1
    assert merged.history_[0]["merges"] == 1


def test_parents_of_a_merge_go_and_no_pair_is_tried_twice():
    X, truth = blobs((60, 60, 40), separation=30.0)
    prior = NIWPrior(X.mean(axis=0), 1e-4, 8.0, 4 * np.eye(3))
    cut = [X[truth == 0][:30], X[truth == 0][30:], X[truth == 1], X[truth == 2]]
    after = sweep(cut, proposals(prior))
    assert (after.splits, after.merges, len(after.centres)) == (0, 1, 3)
    assert np.abs(after.centres - X[truth == 0].mean(axis=0)).sum(axis=1).min() < 1e-9


@pytest.mark.parametrize(("accept", "expected"), [("metropolis", np.exp(-1)), ("coin", 0.1), ("greedy", 0.0)])
def test_moves_are_accepted_at_their_rate(accept, expected):
    chance = Chance(accept, 0.1, np.random.RandomState(0))
    assert np.mean([chance.takes(-1.0) for _ in range(20_000)]) == pytest.approx(expected, abs=0.01)
    assert all(chance.takes(0.1) for _ in range(50))


def test_splits_smaller_than_min_size_are_not_proposed():
    X, _ = blobs((40, 5), separation=40.0)
    sizes = [SemiSupervisedGMM(1, min_size=size, random_state=0).fit(X).n_components_ for size in (5, 6)]
    assert sizes == [2, 1]


# calibration


def test_grid_of_priors_agrees_with_each_prior():
    rng = np.random.default_rng(0)
    X, root = rng.standard_normal((20, 3)) + 2, rng.standard_normal((3, 3))
    base = root @ root.T + np.eye(3)
    grid = calibration._Grid.of(np.ones(3), 0.3, base, np.array([0.5, 4.0]), np.array([0.2, 3.0]))
    moments = Moments.of(X)
    for nu, strength, value in zip(grid.nus, grid.strengths, grid.evidence(moments), strict=True):
        assert NIWPrior(np.ones(3), 0.3, nu, strength * base).log_marginal_likelihood(moments) == pytest.approx(value)
    assert multigammaln(grid.nus[0] / 2, 3) > 0


def test_calibrated_prior_leaves_known_classes_whole():
    X, truth = digits()
    y = half_labelled(truth, KNOWN)
    prior = SemiSupervisedGMM(random_state=0).fit(X, y).prior_
    whole = [Whole.of(Moments.of(X[y == label]), prior) for label in KNOWN]
    for first, second in pairwise(whole):
        union = prior.log_marginal_likelihood(first.moments + second.moments)
        assert log_hastings_merge(first.moments.n, second.moments.n, first.evidence, second.evidence, union) < 0
    after = sweep([X[y == label] for label in KNOWN], proposals(prior))
    assert after.merges == 0
    assert after.splits <= 2


@pytest.mark.parametrize("psi", ["isotropic", "diagonal", "within"])
def test_given_settings_of_the_prior_stay(psi):
    X, truth = blobs()
    y = half_labelled(truth, (0, 1))
    model = SemiSupervisedGMM(psi=psi, nu=20.0, psi_scale=0.5, random_state=0).fit(X, y)
    assert model.prior_.nu == pytest.approx(20.0)
    base = {"isotropic": X.var(axis=0).mean() * np.eye(3), "diagonal": np.diag(X.var(axis=0))}
    if psi in base:
        np.testing.assert_allclose(model.prior_.Psi / (20.0 - 4), 0.5 * base[psi])


# the mixture


@pytest.mark.parametrize("start", [3, 4, 9, 20])
def test_number_of_classes_is_found_from_any_start(start):
    X, truth = blobs((60, 60, 60, 60, 60), separation=9.0)
    y = half_labelled(truth, (0, 1))
    model = SemiSupervisedGMM(start, exchange=True, random_state=0).fit(X, y)
    assert model.n_classes_ == 5
    assert category_accuracy(truth, model.labels_, [0, 1]).all > 0.99
    assert estimate_n_classes(X, y, n_init_components=start, exchange=True, random_state=0) == 5


def test_labelled_rows_stay_and_their_components_neither_split_nor_merge():
    X, truth = blobs((60, 60, 60), separation=1.0)
    y = half_labelled(truth, (0, 1, 2)) * 7  # 0, 7, 14; -7 is a class too
    y[y == -7] = -1
    far = np.flatnonzero(y == 0)[:5]
    X[far] += 50.0
    model = SemiSupervisedGMM(3, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.labels_[y != -1], y[y != -1])
    assert model.classes_.tolist() == [0, 7, 14]
    assert all(move["splits"] == move["merges"] == 0 for move in model.history_)


def test_exchanged_rows_are_unlabelled_ones():
    X, truth = blobs((80, 80, 80), separation=12.0)
    y = half_labelled(truth, (0, 1))
    kept = SemiSupervisedGMM(2, random_state=0).fit(X, y)
    freed = SemiSupervisedGMM(2, exchange=True, random_state=0).fit(X, y)
    assert (kept.n_classes_, freed.n_classes_) == (2, 3)
    for model in (kept, freed):
        np.testing.assert_array_equal(model.labels_[y >= 0], y[y >= 0])
    assert set(freed.labels_[truth == 2]) == {2}


@pytest.mark.parametrize("psi", ["isotropic", "within"])
def test_rotation_and_shift_change_nothing(psi):
    X, truth = blobs((60, 60, 60, 60), separation=3.0)
    y = half_labelled(truth, (0, 1))
    turn = stats.special_ortho_group.rvs(3, random_state=0)
    runs = [SemiSupervisedGMM(8, psi=psi, random_state=0).fit(Z, y) for Z in (X, X @ turn.T + 100.0)]
    histories = [[(h["n_components"], h["splits"], h["merges"]) for h in run.history_] for run in runs]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(runs[0].labels_, runs[1].labels_)


def test_scores_and_responsibilities_are_those_of_the_gaussians():
    X, truth = blobs(separation=3.0)
    model = SemiSupervisedGMM(6, random_state=0).fit(X, half_labelled(truth, (0, 1)))
    densities = np.stack(
        [
            w * stats.multivariate_normal.pdf(X, m, S)
            for w, m, S in zip(model.weights_, model.means_, model.covariances_, strict=True)
        ],
        axis=1,
    )
    np.testing.assert_allclose(np.exp(model.score_samples(X)), densities.sum(axis=1))
    np.testing.assert_allclose(model.predict_proba(X), densities / densities.sum(axis=1, keepdims=True), atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.weights_.sum() == pytest.approx(1)
    free = half_labelled(truth, (0, 1)) < 0
    np.testing.assert_array_equal(model.predict(X)[free], model.labels_[free])


def test_most_probable_partition_is_kept():
    X, _ = blobs(separation=2.0)
    model = SemiSupervisedGMM(9, accept="coin", split_prob=0.5, patience=8, random_state=0).fit(X)
    assert model.log_probability_ >= max(move["log_probability"] for move in model.history_)
    assert model.n_iter_ == len(model.history_) <= 50


def test_digits_are_counted_from_few_and_from_many():
    X, truth = digits()
    y = half_labelled(truth, KNOWN)
    free = y < 0
    for start in (5, 20):
        model = SemiSupervisedGMM(start, exchange=True, random_state=0).fit(X, y)
        assert abs(model.n_classes_ - 10) <= 3
        assert category_accuracy(truth[free], model.labels_[free], KNOWN).all > 0.6


def test_concentrations_by_hand():
    rng = np.random.default_rng(0)
    X, centres, assigned = rng.standard_normal((50, 2)), rng.standard_normal((4, 2)), rng.integers(3, size=50)
    phi = concentrations(X, centres, assigned, temperature=0.3)
    raw = [
        np.linalg.norm(X[assigned == k] - centres[k], axis=1).mean() / np.log((assigned == k).sum() + 10)
        for k in range(3)
    ]
    raw = np.clip([*raw, max(raw)], *np.percentile([*raw, max(raw)], [10, 90]))
    np.testing.assert_allclose(phi, 0.3 * raw / raw.mean())
    np.testing.assert_allclose(concentrations(centres, centres, np.arange(4)), 0.1)
    with pytest.raises(InvalidInputError, match="temperature"):
        concentrations(X, centres, assigned, temperature=0.0)


# bad and odd input


def test_all_labelled_is_a_warning_and_none_is_allowed():
    X, truth = blobs()
    with pytest.warns(UserWarning, match="nothing to discover"):
        model = SemiSupervisedGMM(random_state=0).fit(X, truth)
    np.testing.assert_array_equal(model.labels_, truth)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = SemiSupervisedGMM(10, random_state=0).fit(X, np.full(len(X), -1))
    assert plain.n_classes_ == 4
    assert plain.classes_.tolist() == [0, 1, 2, 3]


def test_constant_features_and_coinciding_rows():
    X, truth = blobs()
    y = half_labelled(truth, (0, 1))
    padded = np.hstack([X, np.full((len(X), 2), 3.0)])
    for psi in ("isotropic", "diagonal", "within"):
        assert SemiSupervisedGMM(6, psi=psi, random_state=0).fit(padded, y).n_classes_ >= 3
    doubled = np.repeat(np.eye(3), 30, axis=0)
    model = SemiSupervisedGMM(6, random_state=0).fit(doubled, np.where(np.arange(90) < 10, 0, -1))
    assert model.n_classes_ <= 3
    assert SemiSupervisedGMM(4, random_state=0).fit(np.ones((20, 2))).n_classes_ == 1


@pytest.mark.parametrize(
    ("settings_", "y", "message"),
    [
        ({"n_init_components": 1}, [0, 1] + [-1] * 18, "2 known classes"),
        ({"n_init_components": 30}, [0, 1] + [-1] * 18, "28 new components for 18"),
        ({"nu": 3.0}, None, "nu=3.0 was given for 3 dimensions"),
        ({"psi": "within"}, None, "no row is labelled"),
        ({"psi": "full"}, None, "psi"),
        ({"alpha": 0.0}, None, "alpha"),
        ({"accept": "always"}, None, "accept"),
        ({}, [0.5] * 20, "whole numbers"),
        ({}, [0, 1], "20 in all"),
    ],
)
def test_bad_settings_are_refused(settings_, y, message):
    X = np.random.default_rng(0).standard_normal((20, 3))
    with pytest.raises(ValueError, match=message):
        SemiSupervisedGMM(**settings_).fit(X, y)


def test_unreadable_and_unfitted_are_refused():
    for model in (SemiSupervisedGMM(), GPC()):
        with pytest.raises(ValueError, match="NaN"):
            model.fit(np.full((20, 2), np.nan))
        with pytest.raises(ValueError, match="minimum of 2"):
            model.fit(np.zeros((1, 2)))
        with pytest.raises(NotFittedError):
            model.predict(np.zeros((3, 2)))


@parametrize_with_checks(
    [
        SemiSupervisedGMM(max_sweeps=3),
        GPC(SemiSupervisedGMM(max_sweeps=3), hidden=8, projection=4, epochs=2, warmup=1),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_result_depends_on_the_seed_alone_and_survives_pickling():
    X, truth = blobs(separation=3.0)
    y = half_labelled(truth, (0, 1))
    for make in (
        lambda: SemiSupervisedGMM(8, random_state=4),
        lambda: GPC(SemiSupervisedGMM(8), hidden=8, epochs=3, warmup=1, random_state=4),
    ):
        first, second = (make().fit(X, y) for _ in range(2))
        np.testing.assert_array_equal(first.labels_, second.labels_)
        restored = pickle.loads(pickle.dumps(first))
        np.testing.assert_array_equal(restored.predict(X), first.predict(X))


# the features


def test_prototypical_loss_is_the_cross_entropy_of_the_paper():
    generator = torch.Generator().manual_seed(0)
    q, k, P = (F.normalize(torch.randn(n, 4, generator=generator), dim=1) for n in (6, 6, 3))
    assigned, phi = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0.1, 0.2, 0.4])
    slow = 0.0
    for views in (q, k):
        for view, own in zip(views, assigned.tolist(), strict=True):
            scores = [torch.dot(view, P[j]) / phi[j] for j in range(3)]
            slow += -(scores[own] - torch.logsumexp(torch.stack(scores), 0)).item() / 12
    assert PrototypicalContrastiveLoss()(q, k, P, assigned, phi).item() == pytest.approx(slow, rel=1e-5)
    flat = PrototypicalContrastiveLoss(0.2)(q, k, P, assigned)
    assert flat.item() == pytest.approx(PrototypicalContrastiveLoss()(q, k, P, assigned, torch.full((3,), 0.2)).item())


def test_terms_of_the_representation_loss():
    generator = torch.Generator().manual_seed(0)
    q, k = (F.normalize(torch.randn(5, 4, generator=generator), dim=1) for _ in range(2))
    codes, rows = torch.tensor([0, 1, 0, -1, -1]), torch.tensor([7, 3, 0, 5, 1])
    loss = RepresentationLoss(0.35)
    terms = loss((q, k), (q, k), codes, rows)
    labelled = torch.cat([q[:3], k[:3]])
    assert terms["views"].item() == pytest.approx(SupCon(1.0)(torch.cat([q, k]), torch.arange(5).repeat(2)).item())
    assert terms["classes"].item() == pytest.approx(SupCon(0.07)(labelled, codes[:3].repeat(2)).item())
    assert terms["loss"].item() == pytest.approx((0.65 * terms["views"] + 0.35 * terms["classes"]).item())
    assigned = torch.arange(8) % 2
    loss.attract(F.normalize(torch.ones(2, 4), dim=1), torch.tensor([0.1, 0.1]), assigned)
    more = loss((q, k), (q, k), codes, rows)
    assert more["loss"].item() == pytest.approx((terms["loss"] + more["prototypes"]).item())
    assert "classes" not in loss((q, k), (q, k), torch.full((5,), -1), rows)


def test_losses_refuse_what_they_cannot_contrast():
    with pytest.raises(InvalidInputError, match="positive"):
        PrototypicalContrastiveLoss(0.0)
    one = torch.ones(2, 3)
    with pytest.raises(InvalidInputError, match="one shape"):
        PrototypicalContrastiveLoss()(one, torch.ones(3, 3), one, torch.tensor([0, 1]))
    with pytest.raises(InvalidInputError, match="phi"):
        PrototypicalContrastiveLoss()(one, one, one, torch.tensor([0, 1]), torch.tensor([0.1, 0.0]))


def test_learnt_features_discover_digits_better():
    X, truth = digits()
    y = half_labelled(truth, KNOWN)
    free = y < 0
    mixture = SemiSupervisedGMM(20, exchange=True)
    before = mixture.set_params(random_state=0).fit(X, y).labels_
    model = GPC(SemiSupervisedGMM(20, exchange=True), epochs=5, warmup=1, random_state=0).fit(X, y)
    after = category_accuracy(truth[free], model.labels_[free], KNOWN)
    assert after.all > category_accuracy(truth[free], before[free], KNOWN).all
    assert after.all > 0.7
    np.testing.assert_array_equal(model.labels_[~free], y[~free])
    assert abs(model.n_classes_ - 10) <= 4
    assert len(model.history_) == 5
    assert [("n_components" in record) for record in model.history_] == [True] * 4 + [False]
    np.testing.assert_allclose(np.linalg.norm(model.transform(X), axis=1), 1, rtol=1e-5)


def test_an_encoder_of_images_is_trained():
    X, truth = load_digits(return_X_y=True)
    images, truth = X[:300].reshape(-1, 1, 8, 8) / 16, truth[:300]
    y = half_labelled(truth, KNOWN)
    model = GPC(
        SemiSupervisedGMM(8),
        encoder=lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 8)),
        augment=lambda x: x + 0.1 * torch.randn_like(x),
        epochs=2,
        warmup=0,
        random_state=0,
    ).fit(images, y)
    assert model.transform(images).shape == (300, 8)
    assert model.predict(images[:5]).shape == (5,)
    with pytest.raises(InvalidInputError, match="augment"):
        GPC(encoder=nn.Flatten).fit(images, y)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_any_small_table_ends_in_a_partition(seed, classes):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 2)).round(1)
    y = np.where(rng.random(30) < 0.3, rng.integers(classes, size=30), -1)
    model = SemiSupervisedGMM(exchange=True, max_sweeps=5, random_state=0).fit(X, y)
    known = partial_labels(y, 30).classes
    np.testing.assert_array_equal(model.labels_[y >= 0], y[y >= 0])
    np.testing.assert_array_equal(model.classes_[: len(known)], known)
    assert set(model.labels_) == set(model.classes_)

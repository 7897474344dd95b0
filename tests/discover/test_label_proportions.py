import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit, logit
from scipy.stats import binom
from sklearn.datasets import load_breast_cancer, load_digits, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.multiclass import check_classification_targets
from torch import nn

from reprise.data.simulators.bags import bag_counts, bag_shares, make_bags
from reprise.discover.label_proportions import (
    Bags,
    DLLPClassifier,
    EasyLLPClassifier,
    LabelProportionClassifier,
    bag_belief_propagation,
    graph,
    poisson_binomial_leave_one_out,
    similarity_graph,
)
from reprise.discover.label_proportions.bag_factor import BagFactors, shift_to_counts
from reprise.discover.label_proportions.poisson_binomial import expectations_without_each
from reprise.errors import InvalidInputError
from reprise.metrics import bag_log_loss, bag_means

GROUPS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
COUNTS = {0: 2, 1: 4}


def energies(groups, counts, weights, prior, lam_s, lam_b, *, pairwise=False):
    """Log of the unnormalised probability of every labelling, term by term."""
    n = len(groups)
    labellings = np.array(list(itertools.product([0, 1], repeat=n)))
    energy = labellings @ prior
    for i, j in itertools.combinations(range(n), 2):
        energy = energy - lam_s * weights[i, j] * (labellings[:, i] - labellings[:, j]) ** 2
    for bag, count in counts.items():
        inside = labellings[:, groups == bag]
        if pairwise:
            energy = energy + lam_b * (2 * count - 1) * inside.sum(axis=1)
            for i, j in itertools.combinations(range(inside.shape[1]), 2):
                energy = energy - 2 * lam_b * inside[:, i] * inside[:, j]
        else:
            energy = energy - lam_b * (inside.sum(axis=1) - count) ** 2
    return labellings, energy


def brute_force(*arguments, **settings):
    labellings, energy = energies(*arguments, **settings)
    probability = np.exp(energy - energy.max())
    return probability @ labellings / probability.sum()


def chain(rng, n):
    weights = np.zeros((n, n))
    for i in range(n - 1):
        weights[i, i + 1] = weights[i + 1, i] = rng.uniform(0, 2)
    return weights


@pytest.mark.parametrize("seed", range(3))
def test_marginals_on_a_tree_are_exact(seed):
    rng = np.random.default_rng(seed)
    weights, prior = chain(rng, 11), rng.normal(size=11)
    result = bag_belief_propagation(
        GROUPS, counts=COUNTS, graph=weights, prior_logit=prior, lam_s=1, lam_b=0, tol=1e-13
    )
    assert result.converged
    np.testing.assert_allclose(result.marginals, brute_force(GROUPS, COUNTS, weights, prior, 1, 0), atol=1e-8)


@pytest.mark.parametrize(("bag_factor", "lam_b", "same_as"), [("exact", 0.3, 0.3), ("auto", 2, 2), ("hard", 1, 500)])
def test_bags_without_edges_are_exact_at_once(bag_factor, lam_b, same_as):
    prior = np.random.default_rng(0).normal(size=11) * 3
    result = bag_belief_propagation(GROUPS, counts=COUNTS, prior_logit=prior, lam_b=lam_b, bag_factor=bag_factor)
    assert (result.n_iter, result.converged) == (1, True)
    expected = brute_force(GROUPS, COUNTS, np.zeros((11, 11)), prior, 0, same_as)
    np.testing.assert_allclose(result.marginals, expected, atol=1e-12)


def test_a_tree_of_bags_and_edges_is_exact():
    """An edge between two bags closes no loop."""
    weights = np.zeros((11, 11))
    weights[2, 8] = weights[8, 2] = 1.5
    prior = np.random.default_rng(1).normal(size=11)
    result = bag_belief_propagation(GROUPS, counts=COUNTS, graph=weights, prior_logit=prior, lam_s=1, tol=1e-13)
    np.testing.assert_allclose(result.marginals, brute_force(GROUPS, COUNTS, weights, prior, 1, 0.5), atol=1e-8)


def test_a_hard_count_shares_out_evenly():
    for size, count in ((4, 1), (7, 7), (9, 0), (300, 90)):
        result = bag_belief_propagation(np.zeros(size, int), counts={0: count}, bag_factor="hard")
        np.testing.assert_allclose(result.marginals, count / size, atol=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_the_expansion_into_pairs_is_the_same_distribution(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(2, size=7)
    counts = {bag: int(rng.integers((groups == bag).sum() + 1)) for bag in np.unique(groups)}
    prior, weights = rng.normal(size=7), chain(rng, 7)
    _, whole = energies(groups, counts, weights, prior, 0.7, 0.4)
    _, pairs = energies(groups, counts, weights, prior, 0.7, 0.4, pairwise=True)
    assert np.ptp(whole - pairs) < 1e-10


def test_two_rows_a_bag_as_pairs_agree_with_the_bag_factor():
    groups, counts = np.array([0, 0, 1, 1]), {0: 1, 1: 2}
    prior = np.array([0.3, -1.0, 2.0, 0.1])
    whole, pairs = (
        bag_belief_propagation(groups, counts=counts, prior_logit=prior, bag_factor=kind, tol=1e-13).marginals
        for kind in ("exact", "pairwise")
    )
    np.testing.assert_allclose(whole, pairs, atol=1e-10)


@pytest.mark.parametrize("size", [1, 2, 3, 9, 200])
def test_leave_one_out_distributions_are_convolutions(size):
    p = np.random.default_rng(size).random(size)
    p[: min(3, size)] = (0, 1, 0.5)[: min(3, size)]
    left_out = poisson_binomial_leave_one_out(p)
    np.testing.assert_allclose(left_out.sum(axis=1), 1, atol=1e-12)
    for i in range(0, size, 1 + size // 7):
        direct = np.ones(1)
        for j in set(range(size)) - {i}:
            direct = np.convolve(direct, [1 - p[j], p[j]])
        np.testing.assert_allclose(left_out[i], direct, atol=1e-12)
    np.testing.assert_allclose(
        poisson_binomial_leave_one_out([0.3] * 6)[0], binom.pmf(np.arange(6), 5, 0.3), atol=1e-14
    )


@pytest.mark.parametrize("size", [4, 64, 256])
def test_expectations_down_the_tree_are_those_of_the_distributions(size):
    rng = np.random.default_rng(size)
    p, psi = rng.random((2, size)), rng.random((2, size + 1))
    found = expectations_without_each(p, psi)
    for of_set in range(2):
        left_out = poisson_binomial_leave_one_out(p[of_set])
        np.testing.assert_allclose(found[of_set, :, 0], left_out @ psi[of_set, :-1], rtol=1e-8)
        np.testing.assert_allclose(found[of_set, :, 1], left_out @ psi[of_set, 1:], rtol=1e-8)


@pytest.mark.parametrize(("size", "tolerance"), [(8, 8e-3), (32, 5e-3), (256, 6e-4)])
def test_the_gaussian_message_is_near_the_exact_one(size, tolerance):
    p = np.random.default_rng(0).uniform(0.2, 0.8, size)
    bags = Bags.of(np.zeros(size, int), counts={0: min(round(p.sum()) + 2, size)})
    exact, gaussian = (BagFactors(bags, 0.1, limit).messages(logit(p)) for limit in (np.inf, 0))
    assert np.abs(exact - gaussian).max() < tolerance


def test_exact_messages_stay_finite_where_probabilities_underflow():
    sure = np.full(100, 30.0)
    bags = Bags.of(np.zeros(100, int), counts={0: 3})
    for lam in (0.5, 1e3, np.inf):
        told = BagFactors(bags, lam, np.inf).messages(sure)
        assert np.isfinite(told).all()
        assert (told < -20).all()


def random_problem(seed=0, n=60, bag_size=6):
    rng = np.random.default_rng(seed)
    X, y = make_moons(n, noise=0.1, random_state=seed)
    return X, y, make_bags(n, bag_size, rng)


@pytest.mark.parametrize("bag_factor", ["auto", "gaussian", "hard", "pairwise"])
def test_flipping_the_classes_flips_the_answer(bag_factor):
    X, y, groups = random_problem()
    prior = np.random.default_rng(0).normal(size=60)
    settings = {"bag_factor": bag_factor, "tol": 1e-10}
    plain = bag_belief_propagation(groups, None, X, counts=bag_counts(groups, y), prior_logit=prior, **settings)
    flipped = bag_belief_propagation(groups, None, X, counts=bag_counts(groups, 1 - y), prior_logit=-prior, **settings)
    np.testing.assert_allclose(flipped.logits, -plain.logits, atol=1e-5)


def test_names_of_bags_and_the_order_of_rows_do_not_matter():
    X, y, groups = random_problem()
    plain = bag_belief_propagation(groups, bag_shares(groups, y), X)
    order = np.random.default_rng(0).permutation(60)
    renamed = np.array([f"bag {9 - g}" for g in groups])[order]
    other = bag_belief_propagation(renamed, pd.Series(bag_shares(renamed, y[order])), X[order])
    np.testing.assert_allclose(other.marginals, plain.marginals[order], atol=1e-8)


def test_bags_of_one_are_labels_as_their_weight_grows():
    X, y, _ = random_problem()
    groups = np.arange(60)
    gaps = [
        np.abs(bag_belief_propagation(groups, bag_counts(groups, y), X, lam_b=lam_b).marginals - y).max()
        for lam_b in (0.5, 5.0, 25.0)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-6


def test_edges_without_weight_say_nothing():
    X, y, groups = random_problem()
    nothing = sparse.csr_matrix((60, 60))
    with_graph = bag_belief_propagation(groups, bag_shares(groups, y), graph=nothing)
    np.testing.assert_allclose(with_graph.marginals, bag_belief_propagation(groups, bag_shares(groups, y)).marginals)
    np.testing.assert_allclose(
        bag_belief_propagation(groups, bag_shares(groups, y), X, lam_s=0).marginals, with_graph.marginals
    )


def test_the_answer_keeps_the_counts():
    X, y, groups = random_problem(n=300, bag_size=30)
    shares = bag_shares(groups, y)
    result = bag_belief_propagation(groups, shares, X)
    expected, means = bag_means(groups, shares, result.calibrated)
    np.testing.assert_allclose(means, expected, atol=1e-9)
    assert result.bag_residual.mean() < 1
    np.testing.assert_allclose(
        result.bag_residual, np.abs([result.marginals[groups == b].sum() - y[groups == b].sum() for b in range(10)])
    )


def test_shifted_probabilities_sum_to_counts():
    logits = np.random.default_rng(0).normal(size=40) * 4
    bags = Bags.of(np.arange(40) // 10, counts={0: 0, 1: 10, 2: 3, 3: 9})
    shifted = expit(logits + shift_to_counts(logits, bags)[bags.index])
    np.testing.assert_allclose(bags.sums(shifted), bags.counts, atol=1e-9)


@pytest.mark.parametrize("kernel", ["rbf", "matern", "cosine"])
def test_the_graph_is_that_of_nearest_neighbours(kernel):
    X = np.random.default_rng(0).normal(size=(80, 3))
    weights = similarity_graph(X, 4, kernel=kernel)
    metric = "cosine" if kernel == "cosine" else "euclidean"
    far, near = NearestNeighbors(n_neighbors=5, metric=metric).fit(X).kneighbors(X)
    expected = np.zeros((80, 80))
    s = np.median(far[:, -1])
    for i in range(80):
        for d, j in zip(far[i, 1:], near[i, 1:], strict=True):
            k = {"rbf": np.exp(-((d / s) ** 2) / 2), "matern": np.exp(-d / s), "cosine": 1 - d}[kernel]
            expected[i, j] = expected[j, i] = max(k, 0)
    np.testing.assert_allclose(weights.toarray(), expected, atol=1e-6)


def test_neighbours_in_cells_are_mostly_the_nearest(monkeypatch):
    X = np.random.default_rng(0).normal(size=(3000, 4))
    exact = similarity_graph(X, 5) > 0
    monkeypatch.setattr(graph, "EXACT_UP_TO", 1000)
    monkeypatch.setattr(graph, "ROWS_A_CELL", 150)
    monkeypatch.setattr(graph, "CELLS_SEEN", 2000)
    found = similarity_graph(X, 5) > 0
    assert found.multiply(exact).sum() / exact.sum() > 0.9
    assert abs(found - found.T).nnz == 0


def test_duplicates_and_constant_features_make_a_graph():
    weights = similarity_graph(np.zeros((6, 2)), 2)
    assert np.isfinite(weights.data).all()
    assert weights.diagonal().sum() == 0
    far = similarity_graph([[0.0], [1.0], [9.0]], 1, max_distance=2.0)
    assert far.toarray()[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("groups", "known", "message"),
    [
        ([0, 0, 1], {"proportions": {0: 0.5}}, "say nothing of 1 bag; the first is 1"),
        ([0, 0], {"proportions": {0: 0.5, 7: 0.1}}, "name 1 bag without a row, such as '7'"),
        ([0, 0], {"counts": {0: 3}}, "said to hold 3 positives; expected a whole number from 0 to 2"),
        ([0, 0], {"counts": {0: -1}}, "from 0 to 2"),
        ([0, 0], {"counts": {0: 0.5}}, "whole number"),
        ([0, 0], {"proportions": {0: 1.5}}, "share 1.5; shares of positives lie in"),
        ([0, 0], {"proportions": {0: np.nan}}, "expected one number"),
        ([0, 0], {"proportions": {0: [0.2, 0.3, 0.5]}}, "of two classes only"),
        ([0, 0], {"proportions": [0.5]}, "expected a mapping from bags to numbers"),
        ([0, 0], {}, "either `proportions` or `counts`"),
        ([0, 0], {"proportions": {0: 0.5}, "counts": {0: 1}}, "either `proportions` or `counts`"),
        ([0.0, np.nan], {"proportions": {0.0: 0.5}}, "1 row belong to no bag, the first is row 1"),
        ([None, "a"], {"proportions": {"a": 0.5}}, "the first is row 0"),
        ([], {"proportions": {}}, "expected the bag of each row"),
        ([[0, 1]], {"proportions": {0: 0.5}}, "expected the bag of each row"),
    ],
)
def test_impossible_bags_are_refused(groups, known, message):
    with pytest.raises(InvalidInputError, match=message):
        bag_belief_propagation(groups, **known)


def test_a_share_that_no_count_meets_is_rounded_with_a_warning():
    with pytest.warns(UserWarning, match=r"1 share cannot be met.*0.5 of bag 'a' with 3 rows, now 2"):
        bags = Bags.of(["a", "a", "a", "b"], {"a": 0.5, "b": 1})
    assert bags.counts.tolist() == [2, 1]
    assert Bags.of(["a", "a", "a"], {"a": 0.333}).counts.tolist() == [1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"X": [[0.0]]}, "X has 1 rows and groups has 2"),
        ({"graph": sparse.csr_matrix((3, 3))}, r"expected \(2, 2\)"),
        ({"graph": np.array([[0, 1.0], [0, 0]])}, "not symmetric"),
        ({"graph": np.array([[0, -1.0], [-1, 0]])}, "negative or not finite"),
        ({"prior_logit": [0.0]}, "expected 2 finite numbers"),
        ({"prior_logit": [0.0, np.nan]}, "expected 2 finite numbers"),
        ({"damping": 1.0}, "damping"),
        ({"lam_b": -1.0}, "at least 0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        bag_belief_propagation([0, 0], {0: 0.5}, **settings)


def test_pairs_are_refused_in_large_bags():
    with pytest.raises(InvalidInputError, match="at most 256 rows a bag"):
        bag_belief_propagation(np.zeros(300, int), {0: 0.5}, bag_factor="pairwise")


def test_bags_are_of_the_size_and_spread_asked_for():
    y = np.random.default_rng(0).integers(2, size=1000)
    groups = make_bags(1000, 64, np.random.default_rng(0))
    assert np.bincount(groups).tolist() == [64] * 15 + [40]
    pure = make_bags(1000, 50, np.random.default_rng(0), y=y, concentration=0.2)
    assert np.bincount(pure).tolist() == [50] * 20
    spread = [np.std(list(bag_shares(each, y).values())) for each in (groups, pure)]
    assert spread[1] > 3 * spread[0]
    with pytest.raises(InvalidInputError, match="two classes only"):
        bag_counts([0, 0, 1], [0, 1, 2])


def test_bag_log_loss_is_least_at_the_shares():
    groups, shares = np.repeat([0, 1], 10), {0: 0.2, 1: 0.7}
    right = np.where(groups == 0, 0.2, 0.7)
    assert bag_log_loss(groups, shares, right) < bag_log_loss(groups, shares, right + 0.1)
    with pytest.raises(InvalidInputError, match="say nothing of bag 1"):
        bag_log_loss(groups, {0: 0.2}, right)


class Labelled:
    """Takes labels in place of bags: bags of one, which are labels."""

    def fit(self, X, y):
        X, labels = check_array(X), column_or_1d(y, warn=True)
        check_classification_targets(labels)
        classes = np.unique(labels)
        if len(classes) > 2:
            raise ValueError("Only binary classification is supported. The type of the target is multiclass.")
        super().fit(X, np.arange(len(labels)), counts=dict(enumerate((labels == classes[-1]).astype(int).tolist())))
        self.classes_ = np.resize(classes, 2)
        return self


MODELS = [
    LabelProportionClassifier(n_rounds=1, epochs=3, random_state=0),
    LabelProportionClassifier(
        n_rounds=2, epochs=150, lr=0.01, lam_b=20, estimator=LogisticRegression(), random_state=0
    ),
    DLLPClassifier(epochs=3, random_state=0),
    EasyLLPClassifier(epochs=3, random_state=0),
]


def moons_in_bags(n=320, bag_size=8):
    X, y = make_moons(n, noise=0.1, random_state=0)
    return X, y, np.arange(n) // bag_size


@pytest.mark.parametrize("model", [*MODELS[2:], LabelProportionClassifier()])
def test_rows_are_learnt_from_bags(model):
    X, y, groups = moons_in_bags()
    epochs = {"epochs": 60, "lr": 0.01} | ({"n_rounds": 1} if "n_rounds" in model.get_params() else {})
    fitted = type(model)(random_state=0, **epochs).fit(X, groups, bag_shares(groups, y))
    untrained = type(model)(random_state=0, **epochs | {"epochs": 1, "lr": 1e-6}).fit(X, groups, bag_shares(groups, y))
    new, labels = make_moons(200, noise=0.1, random_state=1)
    assert roc_auc_score(labels, fitted.decision_function(new)) > 0.93
    assert roc_auc_score(labels, untrained.decision_function(new)) < 0.93
    np.testing.assert_array_equal(fitted.predict(new), fitted.predict_proba(new)[:, 1] > 0.5)
    assert pickle.loads(pickle.dumps(fitted)).predict(new).tolist() == fitted.predict(new).tolist()
    again = type(model)(random_state=0, **epochs).fit(X, groups, counts=bag_counts(groups, y))
    np.testing.assert_array_equal(again.decision_function(new), fitted.decision_function(new))


def test_pseudo_labels_keep_the_counts():
    X, y, groups = moons_in_bags()
    for pseudo in ("count", "soft"):
        model = LabelProportionClassifier(2, pseudo=pseudo, epochs=2, random_state=0)
        model.fit(X, groups, bag_shares(groups, y))
        sums = np.bincount(groups, model.pseudo_labels_)
        np.testing.assert_allclose(sums, np.bincount(groups, y), atol=1e-9)
        assert len(model.propagations_) == 2
    assert (y == model.bags_.largest(y.astype(float))).all()
    model = LabelProportionClassifier(1, pseudo="threshold", epochs=2, random_state=0)
    model.fit(X, groups, bag_shares(groups, y))
    np.testing.assert_array_equal(model.pseudo_labels_, model.marginals_ >= 0.5)


@pytest.mark.parametrize("pseudo", ["count", "soft"])
def test_a_scikit_learn_classifier_learns_the_pseudo_labels(pseudo):
    X, y, groups = moons_in_bags()
    model = LabelProportionClassifier(1, pseudo=pseudo, estimator=LogisticRegression(), random_state=0)
    model.fit(X, groups, bag_shares(groups, y))
    assert isinstance(model.estimator_, LogisticRegression)
    assert (model.predict(X) == y).mean() > 0.8
    np.testing.assert_allclose(expit(model.decision_function(X)), model.predict_proba(X)[:, 1], rtol=1e-4)
    assert model.transform(X).shape == (320, 2)
    with pytest.raises(InvalidInputError, match="All pseudo-labels are 0"):
        LabelProportionClassifier(1, estimator=LogisticRegression()).fit(X, groups, bag_shares(groups, 0 * y))


def test_a_prior_and_a_graph_of_ones_own_are_taken():
    X, y, groups = moons_in_bags()
    same = np.equal.outer(y, y).astype(float) - np.eye(len(y))
    model = LabelProportionClassifier(2, prior_weight=0.5, epochs=2, lam_s=0.05, random_state=0)
    model.fit(X, groups, bag_shares(groups, y), graph=same)
    assert (model.bags_.largest(model.propagations_[0].logits) == y).mean() > 0.95


def test_images_are_learnt_by_a_convolutional_network():
    X, y = load_digits(return_X_y=True)
    images, odd = X[:600].reshape(-1, 8, 8), y[:600] % 2
    groups = np.arange(600) // 8
    model = LabelProportionClassifier(2, epochs=6, lr=0.003, random_state=0).fit(
        images, groups, bag_shares(groups, odd)
    )
    held_out, labels = X[600:].reshape(-1, 1, 8, 8), y[600:] % 2
    assert roc_auc_score(labels, model.decision_function(held_out[:, 0])) > 0.8
    assert model.transform(held_out[:, 0]).shape == (1197, 64)
    with pytest.raises(InvalidInputError, match=r"Rows have shape \(8, 4\); expected \(8, 8\)"):
        model.predict(np.zeros((2, 8, 4)))


def test_an_encoder_of_ones_own_is_used():
    X, y, groups = moons_in_bags(80)
    model = DLLPClassifier(encoder=lambda: nn.Linear(2, 5), epochs=2, random_state=0)
    assert model.fit(X, groups, bag_shares(groups, y)).transform(X).shape == (80, 5)


def test_a_linear_bag_loss_learns_real_data():
    X, y = load_breast_cancer(return_X_y=True)
    groups = make_bags(400, 16, np.random.default_rng(0))
    shares = bag_shares(groups, y[:400])
    model = DLLPClassifier("linear", epochs=40, lr=0.03, random_state=0).fit(X[:400], groups, shares)
    assert roc_auc_score(y[400:], model.decision_function(X[400:])) > 0.97
    boot = LabelProportionClassifier(1, epochs=20, random_state=0).fit(X[:400], groups, shares)
    assert roc_auc_score(y[400:], boot.decision_function(X[400:])) > 0.85


def test_the_loss_of_easy_llp_is_unbiased():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=40_000)
    groups = make_bags(len(y), 4, rng)
    model = EasyLLPClassifier("linear", epochs=1, random_state=0)
    model.fit(np.zeros((len(y), 1)), groups, bag_shares(groups, y))
    assert model.weights_[y == 1].mean() == pytest.approx(1, abs=0.02)
    assert model.weights_[y == 0].mean() == pytest.approx(0, abs=0.02)


def test_duplicates_and_constant_columns_do_not_break_learning():
    X, y, groups = moons_in_bags(80)
    X = np.column_stack([X, np.ones(80)])
    X[:40] = X[0]
    model = LabelProportionClassifier(2, epochs=2, random_state=0).fit(X, groups, bag_shares(groups, y))
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("model", MODELS)
def test_bad_rows_are_refused(model):
    X, y, groups = moons_in_bags(80)
    shares = bag_shares(groups, y)
    with pytest.raises(NotFittedError):
        type(model)().predict(X)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(X > 1, np.nan, X), groups, shares)
    with pytest.raises(InvalidInputError, match="X has 79 rows and groups has 80"):
        model.fit(X[1:], groups, shares)
    with pytest.raises(ValueError, match="epochs"):
        type(model)(epochs=0).fit(X, groups, shares)
    with pytest.raises(InvalidInputError, match="expected \\(n, d\\)"):
        model.fit(np.zeros((80, 1, 1, 1, 1)), groups, shares)


class LabelledBootstrap(Labelled, LabelProportionClassifier):
    """The bootstrap on bags of one."""


class LabelledDLLP(Labelled, DLLPClassifier):
    """DLLP on bags of one."""


class LabelledEasyLLP(Labelled, EasyLLPClassifier):
    """EasyLLP on bags of one."""


@parametrize_with_checks(
    [
        LabelledBootstrap(n_rounds=1, epochs=30, lr=0.02, random_state=0),
        LabelledDLLP(epochs=30, lr=0.02, random_state=0),
        LabelledEasyLLP(epochs=30, lr=0.02, random_state=0),
    ],
    expected_failed_checks=lambda estimator: {"check_methods_subset_invariance": "networks have single precision"},
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)

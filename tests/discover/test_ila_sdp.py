import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from reprise.data.simulators.mixtures import crossed_ellipsoids, distant_triples
from reprise.discover.ila_sdp import LikelihoodAdjustedSDP, kmeans_sdp, la_sdp, lowrank, profile_loglik
from reprise.discover.ila_sdp.admm import solve as solve_exactly
from reprise.discover.ila_sdp.likelihood import LiftedLikelihood, soft_covariances
from reprise.discover.ila_sdp.mixture import model_partition, refill
from reprise.discover.ila_sdp.programs import round_membership
from reprise.discover.ila_sdp.solution import LiftedSolution
from reprise.errors import InvalidInputError
from reprise.metrics import misclustering_error
from reprise.nn.mixtures import cluster_covariances


def random_case(seed, n=20, p=3, clusters=3):
    """Points, a partition without empty clusters, and covariances that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % clusters)
    root = rng.standard_normal((clusters, p, p))
    return rng.standard_normal((n, p)) * 3, labels, root @ root.transpose(0, 2, 1) + 0.3 * np.eye(p)


def blobs(sizes=(12, 18, 15), separation=10.0, p=4, seed=0):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    X = np.random.default_rng(seed).standard_normal((len(labels), p)) + separation * np.eye(p)[labels]
    return X, labels


def lifted(labels, clusters):
    members = (labels == np.arange(clusters)[:, None]).astype(float)
    return members[:, :, None] * members[:, None, :] / members.sum(axis=1)[:, None, None]


def same_partition(first, second):
    return misclustering_error(first, second) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_lifted_likelihood_is_the_likelihood_of_the_partition(seed):
    X, labels, covariances = random_case(seed)
    likelihood = LiftedLikelihood.of(X, covariances)
    direct = 0.0
    for k, covariance in enumerate(covariances):
        group = X[labels == k]
        direct -= len(group) * np.log(np.linalg.det(covariance))
        direct -= sum((x - group.mean(axis=0)) @ np.linalg.inv(covariance) @ (x - group.mean(axis=0)) for x in group)
    assert np.vdot(likelihood.dense(), lifted(labels, 3)) + likelihood.constant == pytest.approx(direct, rel=1e-9)
    assert likelihood.value(labels) + likelihood.constant == pytest.approx(direct, rel=1e-9)
    assert profile_loglik(X, labels, covariances) == pytest.approx(direct, rel=1e-9)


def test_likelihood_does_not_see_shifts_and_rotations():
    X, labels, covariances = random_case(0)
    R = ortho_group.rvs(3, random_state=0)
    before = profile_loglik(X, labels, covariances)
    assert profile_loglik(X + 100, labels, covariances) == pytest.approx(before, rel=1e-9)
    assert profile_loglik(X @ R, labels, R.T @ covariances @ R) == pytest.approx(before, rel=1e-9)
    np.testing.assert_allclose(
        LiftedLikelihood.of(X + 100, covariances).dense(), LiftedLikelihood.of(X, covariances).dense(), atol=1e-8
    )


def test_deviances_to_centroids_are_distances_to_centroids():
    X, labels, covariances = random_case(1)
    likelihood = LiftedLikelihood.of(X, covariances)
    deviances = likelihood.deviances_to_centroids(labels) + likelihood.shift
    for k, covariance in enumerate(covariances):
        away = X - X[labels == k].mean(axis=0)
        expected = np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away) + np.linalg.slogdet(covariance)[1]
        np.testing.assert_allclose(deviances[:, k], expected)


def test_soft_covariances_of_a_partition_are_its_covariances():
    X, labels, _ = random_case(2)
    Z = lifted(labels, 3)
    soft = soft_covariances(X, X.T @ Z @ X, Z.sum(axis=2).T)
    for k in range(3):
        np.testing.assert_allclose(soft[k], np.cov(X[labels == k].T, bias=True), atol=1e-10)


def test_soft_covariances_of_any_feasible_solution_are_positive_semidefinite():
    X, _, covariances = random_case(3)
    solution = la_sdp(X, covariances, solver="admm", tol=1e-3)
    soft = soft_covariances(X, solution.products(X), solution.weights)
    assert np.linalg.eigvalsh(soft).min() > -1e-6


def with_cvxpy(affinities, traces):
    cvxpy = pytest.importorskip("cvxpy")
    n = affinities.shape[1]
    Z = [cvxpy.Variable((n, n), PSD=True) for _ in affinities]
    constraints = [cvxpy.sum(sum(Z), axis=1) == 1, *(z >= 0 for z in Z)]
    constraints += [cvxpy.trace(z) == t for z, t in zip(Z, traces, strict=True)]
    value = sum(cvxpy.trace(a @ z) for a, z in zip(affinities, Z, strict=True))
    return cvxpy.Problem(cvxpy.Maximize(value), constraints).solve(solver=cvxpy.SCS, eps=1e-6)


def assert_feasible(Z, traces, tolerance=1e-4):
    np.testing.assert_allclose(np.trace(Z, axis1=1, axis2=2), traces, atol=tolerance)
    np.testing.assert_allclose(Z.sum(axis=(0, 2)), 1, atol=tolerance)
    np.testing.assert_allclose(Z, Z.transpose(0, 2, 1))
    assert Z.min() >= -tolerance
    assert np.linalg.eigvalsh(Z).min() >= -tolerance


@pytest.mark.parametrize("separation", [1.0, 4.0])
def test_exact_solution_agrees_with_cvxpy(separation):
    X, labels = blobs((30, 30), separation=separation)
    X[labels == 1] *= 0.5
    covariances = cluster_covariances(X, labels, 2, ridge=1e-3)
    likelihood = LiftedLikelihood.of(X, covariances)
    solution = la_sdp(X, covariances, solver="admm")
    expected = with_cvxpy(likelihood.dense(), [1, 1]) + likelihood.constant
    assert_feasible(solution.matrices, 1)
    assert solution.objective == pytest.approx(expected, rel=1e-3)
    assert solution.upper_bound > expected - 1e-4 * abs(expected)
    assert solution.upper_bound == pytest.approx(expected, rel=1e-3)


def test_exact_kmeans_solution_agrees_with_cvxpy():
    X, _ = blobs((14, 14, 12), separation=1.5)
    solution = kmeans_sdp(X, 3, solver="admm")
    expected = with_cvxpy(LiftedLikelihood.of(X, np.eye(4)[None]).dense(), [3])
    assert_feasible(solution.matrices, 3)
    assert solution.objective == pytest.approx(expected, rel=1e-3)


def test_the_bound_holds_however_early_the_solver_stops():
    X, _labels, covariances = random_case(4)
    affinities = LiftedLikelihood.of(X, covariances).dense()
    optimum = solve_exactly(affinities, np.ones(3))[0]
    early = solve_exactly(affinities, np.ones(3), max_iter=5)[0]
    assert early.residual > optimum.residual
    assert early.upper_bound > optimum.objective


def test_start_changes_the_work_and_not_the_optimum():
    X, labels = crossed_ellipsoids().draw(15, np.random.default_rng(0))
    covariances = crossed_ellipsoids().covariances
    wrong = np.roll(labels, 7)
    from_truth, from_wrong = (la_sdp(X, covariances, solver="admm", labels=start) for start in (labels, wrong))
    assert from_truth.objective == pytest.approx(from_wrong.objective, rel=1e-3)
    affinities = LiftedLikelihood.of(X, covariances).dense()
    _, state = solve_exactly(affinities, np.ones(3))
    again, _ = solve_exactly(affinities, np.ones(3), start=state)
    assert again.n_iter < from_wrong.n_iter


def test_separated_blobs_give_the_integral_solution():
    X, labels = blobs()
    Z = kmeans_sdp(X, 3, solver="admm").matrices[0]
    np.testing.assert_allclose(Z, lifted(labels, 3).sum(axis=0), atol=1e-3)
    assert same_partition(labels, round_membership(kmeans_sdp(X, 3), 3, 0))


def test_equal_covariances_give_the_kmeans_program():
    X, _ = blobs((10, 10, 10), separation=2.0)
    S = np.diag([1.0, 2.0, 0.5, 1.0])
    Z = la_sdp(X, np.stack([S] * 3), solver="admm").matrices.sum(axis=0)
    assert_feasible(Z[None], 3)
    whitened = LiftedLikelihood.of(X, S[None]).dense()
    single = kmeans_sdp(X / np.sqrt(np.diag(S)), 3, solver="admm")
    assert np.vdot(whitened[0], Z) == pytest.approx(single.objective, rel=1e-3)


def test_augmented_lagrangian_agrees_with_its_dense_twin():
    X, _, covariances = random_case(5)
    rng = np.random.default_rng(0)
    likelihood = LiftedLikelihood.of(X, covariances)
    problem = lowrank._AugmentedLagrangian(likelihood, np.ones(3))
    U = rng.random((3, 2, 20))
    problem.project(U)
    y, penalty = rng.standard_normal(20), 0.7
    dense = likelihood.dense() / problem.scale

    def twin(factors):
        Z = factors.transpose(0, 2, 1) @ factors
        excess = Z.sum(axis=(0, 2)) - 1
        return -np.vdot(dense, Z) + y @ excess + penalty / 2 * excess @ excess

    point = lowrank._Point(U, np.empty_like(U), np.empty(20))
    problem.evaluate(point, y, penalty)
    assert point.lagrangian == pytest.approx(twin(U))
    # Finite differences along random directions of the spheres.
    for _ in range(3):
        direction = rng.standard_normal(U.shape)
        direction -= np.einsum("krn,krn->k", direction, U)[:, None, None] * U
        numeric = (twin(U + 1e-6 * direction) - twin(U - 1e-6 * direction)) / 2e-6
        assert np.vdot(point.gradient, direction) == pytest.approx(numeric, rel=1e-5)


def test_projection_is_the_nearest_feasible_point():
    problem = lowrank._AugmentedLagrangian(LiftedLikelihood.of(*random_case(0)[::2]), np.ones(3))
    rng = np.random.default_rng(0)
    V = rng.standard_normal((3, 1, 20))
    V[2] = -1 - rng.random((1, 20))
    U = V.copy()
    problem.project(U)
    np.testing.assert_allclose(np.linalg.norm(U, axis=(1, 2)), 1)
    assert U.min() >= 0
    for _ in range(200):
        other = rng.random(U.shape) * (rng.random(U.shape) < 0.3)
        other[0, 0, 0] += 1e-9
        problem.project(other)
        assert (np.linalg.norm(U - V, axis=(1, 2)) <= np.linalg.norm(other - V, axis=(1, 2)) + 1e-12).all()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_low_rank_stays_below_the_convex_optimum_and_comes_close(rank):
    X, labels = blobs((30, 30), separation=6.0 / np.sqrt(2))
    X[labels == 1] *= 0.7
    covariances = cluster_covariances(X, labels, 2, ridge=1e-3)
    exact = la_sdp(X, covariances, solver="admm")
    local = la_sdp(X, covariances, solver="lowrank", rank=rank, random_state=0)
    assert_feasible(local.matrices, 1, tolerance=2e-3)
    assert exact.objective * 1.01 < local.objective < exact.upper_bound + 1e-3 * abs(exact.upper_bound)


def test_low_rank_recovers_the_overlapping_optimum_that_rounding_loses():
    X, _labels = crossed_ellipsoids().draw(30, np.random.default_rng(1000))
    covariances = crossed_ellipsoids().covariances
    exact = la_sdp(X, covariances, solver="admm", tol=1e-4)
    values = {r: la_sdp(X, covariances, solver="lowrank", rank=r, random_state=0).objective for r in (1, 2)}
    assert values[1] < values[2] < exact.upper_bound + 1e-3 * abs(exact.upper_bound)
    assert values[2] > exact.objective - 5e-3 * abs(exact.objective)


def test_low_rank_kmeans_finds_the_clusters_of_many_points():
    X, labels = blobs((300, 200, 100), separation=7.0)
    solution = kmeans_sdp(X, 3, solver="lowrank", random_state=0)
    assert same_partition(labels, round_membership(solution, 3, 0))
    within = sum(((X[labels == k] - X[labels == k].mean(axis=0)) ** 2).sum() for k in range(3))
    assert -solution.objective == pytest.approx(within, rel=1e-3)


def test_low_rank_memory_grows_with_the_points_and_not_their_square():
    n = 6000
    X, labels = blobs((n // 3,) * 3, separation=8.0)
    tracemalloc.start()
    model = LikelihoodAdjustedSDP(n_clusters=3, max_iter=2, random_state=0).fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert same_partition(labels, model.labels_)
    assert peak < n * n * 8 / 10


def test_solutions_agree_as_matrices_and_as_factors():
    rng = np.random.default_rng(0)
    factored = LiftedSolution(0.0, 0.0, 1, factors=rng.random((7, 2, 3)))
    dense = LiftedSolution(0.0, 0.0, 1, dense=factored.matrices)
    X = rng.standard_normal((7, 4))
    np.testing.assert_allclose(factored.weights, dense.weights)
    np.testing.assert_allclose(factored.products(X), dense.products(X))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(0, 20), st.integers(0, 2**31), st.integers(1, 9))
def test_refilling_leaves_no_cluster_poor_and_touches_only_what_it_moves(clusters, extra, seed, size):
    rng = np.random.default_rng(seed)
    n = 2 * clusters + extra
    labels, misfit = rng.integers(rng.integers(1, clusters + 1), size=n), rng.random(n)
    filled = refill(labels, misfit, clusters, size)
    assert np.bincount(filled, minlength=clusters).min() >= 2
    was_poor = np.bincount(labels, minlength=clusters) < 2
    assert was_poor[filled[filled != labels]].all()
    if not was_poor.any():
        np.testing.assert_array_equal(filled, labels)


def test_refilling_takes_the_points_that_fit_worst():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    misfit = np.array([1.0, 9.0, 2.0, 3.0, 8.0, 0.0, 4.0, 5.0])
    assert refill(labels, misfit, 3, 2).tolist() == [0, 2, 0, 0, 2, 1, 1, 1]


def test_fisher_directions_are_those_of_discriminant_analysis():
    X, labels = crossed_ellipsoids().draw(40, np.random.default_rng(0))
    ours = model_partition(X, labels, 3, ridge=0.0, reduce=2).projection
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(X, labels).scalings_[:, :2]
    cosines = np.linalg.svd(np.linalg.qr(ours)[0].T @ np.linalg.qr(theirs)[0])[1]
    np.testing.assert_allclose(cosines, 1, atol=1e-8)


def test_reduced_likelihood_with_all_directions_is_the_full_likelihood():
    X, labels = crossed_ellipsoids().draw(20, np.random.default_rng(0))
    full, reduced = (model_partition(X, labels, 3, ridge=0.0, reduce=q) for q in (None, 5))
    assert reduced.objective == pytest.approx(full.objective, rel=1e-9)
    # Fewer directions fit less: the rest are one Gaussian for all clusters.
    assert model_partition(X, labels, 3, ridge=0.0, reduce=2).objective < full.objective


@parametrize_with_checks([LikelihoodAdjustedSDP(solver="lowrank", max_iter=3, certificate_size=10)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("solver", ["admm", "lowrank"])
@pytest.mark.parametrize("update", ["rounded", "soft"])
def test_unequal_clusters_are_recovered_better_than_by_the_kmeans_program(solver, update):
    gains = []
    for draw in range(1000, 1006):  # one draw of 90 points is too noisy for the bound
        X, labels = crossed_ellipsoids(separation=4.0).draw(30, np.random.default_rng(draw))
        model = LikelihoodAdjustedSDP(n_clusters=3, solver=solver, update=update, random_state=0).fit(X)
        gains.append(misclustering_error(labels, model.start_labels_) - misclustering_error(labels, model.labels_))
        assert model.objective_ == model.history_.max() > model.history_[0]
        assert model.objective_ == pytest.approx(profile_loglik(X, model.labels_, model.covariances_))
    assert np.mean(gains) > 0.05


def test_adversarial_configuration_is_recovered_exactly():
    X, labels = distant_triples().draw(20, np.random.default_rng(1000))
    model = LikelihoodAdjustedSDP(n_clusters=6, random_state=0).fit(X)
    assert same_partition(labels, model.labels_)


@pytest.mark.parametrize("solver", ["admm", "lowrank"])
def test_permuted_rows_get_permuted_labels(solver):
    X, _ = blobs(separation=5.0)
    order = np.random.default_rng(0).permutation(len(X))
    first, second = (
        LikelihoodAdjustedSDP(n_clusters=3, solver=solver, random_state=0).fit_predict(Y) for Y in (X, X[order])
    )
    assert same_partition(first[order], second)


@pytest.mark.parametrize("solver", ["admm", "lowrank"])
def test_one_cluster_is_the_whole(solver):
    X, _ = blobs()
    model = LikelihoodAdjustedSDP(n_clusters=1, ridge=0.0, solver=solver, random_state=0).fit(X)
    assert set(model.labels_) == {0}
    np.testing.assert_allclose(model.covariances_[0], np.cov(X.T, bias=True))
    np.testing.assert_allclose(model.means_[0], X.mean(axis=0))


@pytest.mark.parametrize("solver", ["admm", "lowrank"])
def test_gap_bounds_what_any_other_partition_could_gain(solver):
    X = np.random.default_rng(3).standard_normal((9, 2)) * [3.0, 0.5]
    model = LikelihoodAdjustedSDP(n_clusters=2, solver=solver, random_state=0).fit(X)
    best = max(
        profile_loglik(X, np.array(labels), model.covariances_)
        for labels in itertools.product((0, 1), repeat=9)
        if 0 < sum(labels) < 9
    )
    assert model.objective_ <= best + 1e-9
    assert (best - model.objective_) / 9 <= model.gap_ + 1e-9


def test_separated_clusters_are_certified():
    X, labels = blobs((40, 40, 40))
    for solver in ("admm", "lowrank"):
        model = LikelihoodAdjustedSDP(n_clusters=3, solver=solver, random_state=0).fit(X)
        assert same_partition(labels, model.labels_)
        assert model.gap_ < 0.02
    assert LikelihoodAdjustedSDP(n_clusters=3, solver="lowrank", certificate_size=0).fit(X).gap_ == np.inf


def test_reduction_finds_the_clusters_among_many_noisy_dimensions():
    rng = np.random.default_rng(0)
    X, labels = blobs((40, 50), separation=6.0, p=4)
    X = np.hstack([X, rng.standard_normal((90, 26))])
    model = LikelihoodAdjustedSDP(n_clusters=2, reduce=1, random_state=0).fit(X)
    assert misclustering_error(labels, model.labels_) <= 0.02
    assert model.projection_.shape == (30, 1)
    assert model.means_.shape == (2, 1)
    assert misclustering_error(model.labels_, model.predict(X)) <= 0.02


def test_start_labels_can_be_given_and_a_lone_point_is_given_company():
    X, labels = blobs()
    start = np.where(np.arange(len(X)) == 0, 2, labels % 2)
    model = LikelihoodAdjustedSDP(n_clusters=3, init=start, random_state=0).fit(X)
    assert np.bincount(model.start_labels_).min() >= 2
    assert np.bincount(model.labels_, minlength=3).min() >= 2


def test_result_depends_on_the_seed_alone_and_survives_pickling():
    X, _ = crossed_ellipsoids().draw(50, np.random.default_rng(0))
    first, second = (LikelihoodAdjustedSDP(n_clusters=3, random_state=4).fit(X) for _ in range(2))
    np.testing.assert_array_equal(first.memberships_.factors, second.memberships_.factors)
    np.testing.assert_array_equal(first.labels_, second.labels_)
    restored = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(restored.predict(X), first.predict(X))


def test_only_a_verbose_fit_says_anything(capsys):
    X, _ = blobs()
    LikelihoodAdjustedSDP(n_clusters=3).fit(X)
    assert capsys.readouterr() == ("", "")
    LikelihoodAdjustedSDP(n_clusters=3, verbose=1).fit(X)
    assert "2 loglik" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_clusters": 6}, "n_samples=11 points were given for 6"),
        ({"n_clusters": 0}, "n_clusters"),
        ({"reduce": 4}, "reduce=4"),
        ({"solver": "sdpnal"}, "solver"),
        ({"init": [0, 1]}, "expected 11 integers"),
        ({"init": [0] * 11}, "every value from 0 to 1"),
        ({"init": [0.5] * 11}, "expected 11 integers"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    X = np.random.default_rng(0).standard_normal((11, 3))
    with pytest.raises(ValueError, match=message):
        LikelihoodAdjustedSDP(**arguments).fit(X)


def test_singular_cluster_without_ridge_is_named():
    X = np.random.default_rng(0).standard_normal((20, 2))
    X[:10] = 50.0
    with pytest.raises(InvalidInputError, match=r"covariance of cluster \d is singular"):
        LikelihoodAdjustedSDP(n_clusters=2, ridge=0.0).fit(X)


def test_unfitted_and_unreadable_are_refused():
    with pytest.raises(NotFittedError):
        LikelihoodAdjustedSDP().predict(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="NaN"):
        LikelihoodAdjustedSDP().fit(np.full((10, 2), np.nan))
    with pytest.raises(InvalidInputError, match="too much memory for more than 2000"):
        kmeans_sdp(np.zeros((2001, 2)), 2, solver="admm")
    with pytest.raises(InvalidInputError, match="5 clusters were asked of 3"):
        kmeans_sdp(np.zeros((3, 2)), 5)
    with pytest.raises(InvalidInputError, match=r"expected \(K, p, p\)"):
        la_sdp(np.zeros((5, 2)), np.eye(2))
    with pytest.raises(InvalidInputError, match="rank of 0"):
        la_sdp(np.eye(6), np.stack([np.eye(6)] * 2), labels=[0, 1] * 3, solver="lowrank", rank=0)


@pytest.mark.parametrize(
    ("labels", "covariances", "message"),
    [
        ([0, 0, 2], np.stack([np.eye(2)] * 2), "from 0 to 1"),
        ([0, 1], np.stack([np.eye(2)] * 2), r"expected \(n, p\)"),
        ([0, 0, 0], np.stack([np.eye(2)] * 2), "no point"),
        ([0, 1, 1], np.zeros((2, 2, 2)), "singular"),
    ],
)
def test_likelihood_refuses_what_is_no_partition(labels, covariances, message):
    with pytest.raises(InvalidInputError, match=message):
        profile_loglik(np.zeros((3, 2)), labels, covariances)

"""The exact solver beside cvxpy with SCS, and whole fits beside EM, up to 100,000 points.

Run with ``pytest benchmarks/bench_ila_sdp.py -s``; prints ratios, asserts no times. Times are processor time.
"""

import resource
import time

import cvxpy
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from reprise.data.simulators.mixtures import GaussianClusters, crossed_ellipsoids
from reprise.discover.ila_sdp import LikelihoodAdjustedSDP, kmeans_sdp
from reprise.metrics import misclustering_error

CLUSTERS = 3


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def timed(work):
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def solve_with_scs(X, n_clusters, eps):
    Z = cvxpy.Variable((len(X), len(X)), PSD=True)
    constraints = [Z >= 0, cvxpy.sum(Z, axis=1) == 1, cvxpy.trace(Z) == n_clusters]
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.trace((X @ X.T) @ Z)), constraints)
    return problem.solve(solver=cvxpy.SCS, eps=eps) - float((X**2).sum())


@pytest.mark.parametrize("size", [60, 150])
def test_exact_program(size):
    X, _ = crossed_ellipsoids().draw(size // CLUSTERS, np.random.default_rng(1000))
    X = X - X.mean(axis=0)
    ours, our_time = timed(lambda: kmeans_sdp(X, CLUSTERS, solver="admm"))
    peer, peer_time = timed(lambda: solve_with_scs(X, CLUSTERS, eps=1e-5))
    print(
        f"\nn = {size}: ours {our_time:.2f} s, SCS {peer_time:.2f} s, SCS / ours {peer_time / our_time:.1f}; "
        f"objectives {ours.objective:.4f}, {peer:.4f}"
    )


@pytest.mark.parametrize("size", [300, 3_000, 30_000])
def test_fit_beside_em(size):
    X, y = crossed_ellipsoids(separation=4.0).draw(size // CLUSTERS, np.random.default_rng(1000))
    report(X, y, CLUSTERS)


@pytest.mark.parametrize(("dimension", "n_clusters"), [(10, 3), (50, 5)])
def test_hundred_thousand_points(dimension, n_clusters):
    rng = np.random.default_rng(1000)
    spread = rng.uniform(0.5, 2.0, (n_clusters, dimension))
    clusters = GaussianClusters(
        means=3 * np.eye(n_clusters, dimension), covariances=np.stack([np.diag(row**2) for row in spread])
    )
    X, y = clusters.draw(100_000 // n_clusters, rng)
    report(X, y, n_clusters)


def report(X, y, n_clusters):
    model = LikelihoodAdjustedSDP(n_clusters, random_state=0)
    em = GaussianMixture(n_clusters, n_init=20, reg_covar=1e-3, max_iter=200, random_state=0)
    ours, our_time = timed(lambda: model.fit_predict(X))
    peer, peer_time = timed(lambda: em.fit_predict(X))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\nn = {len(X)}, p = {X.shape[1]}, K = {n_clusters}: ours {our_time:.1f} s, "
        f"EM of 20 starts {peer_time:.1f} s, EM / ours {peer_time / our_time:.2f}; "
        f"errors {misclustering_error(y, ours):.4f}, "
        f"{misclustering_error(y, peer):.4f}; peak memory of the process so far {memory:.0f} MiB"
    )

import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet

from reprise.claims.discover._manifold_linearizing_clustering.images import _OneHeadLoss, warped
from reprise.claims.discover._manifold_linearizing_clustering.subspaces import _combination, elastic_net_clustering
from reprise.claims.discover.manifold_linearizing_clustering import _halved
from reprise.discover.manifold_linearizing_clustering import ManifoldLinearizingLoss
from reprise.metrics import hungarian_accuracy


def subspaces(points=30, dimension=12, rank=3, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.standard_normal((points, rank)) @ rng.standard_normal((rank, dimension)) for _ in range(3)]
    return np.vstack(X), np.repeat(np.arange(3), points)


def test_rival_finds_subspaces():
    X, y = subspaces()
    assert hungarian_accuracy(y, elastic_net_clustering(X, 3, 20.0, 0.9, 0)) == 1


@pytest.mark.parametrize("tau", [0.9, 1.0])
def test_rival_solves_over_all_points_what_it_solves_over_a_few(tau, monkeypatch):
    X, _ = subspaces(points=40)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    monkeypatch.setattr("reprise.claims.discover._manifold_linearizing_clustering.subspaces._FIRST_GUESS", 10)
    chosen, found = _combination(X, 0, X[0], 10.0, tau)
    likeness = np.abs(X[1:] @ X[0])
    whole = ElasticNet(
        likeness.max() / (10.0 * tau * 12), l1_ratio=tau, fit_intercept=False, tol=1e-8, max_iter=100_000
    )
    error = X[0] - X[1:].T @ whole.fit(X[1:].T, X[0]).coef_
    ours = X[0] - X[chosen].T @ found
    np.testing.assert_allclose(ours, error, atol=2e-2)
    assert 0 not in chosen


def test_warps_keep_shape_and_differ():
    images = torch.rand(6, 1, 14, 14, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    first, second = warped(images), warped(images)
    assert first.shape == images.shape
    assert not torch.allclose(first, second)
    assert float((first - images).abs().mean()) < 0.5


def test_halving_averages_blocks():
    images = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    np.testing.assert_allclose(_halved(images)[0, 0] * 255, [[2.5, 4.5], [10.5, 12.5]], rtol=1e-6)


def test_one_head_takes_the_membership_of_the_features():
    Z, C = torch.nn.functional.normalize(torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    torch.testing.assert_close(_OneHeadLoss()(Z, C), ManifoldLinearizingLoss()(Z, Z))

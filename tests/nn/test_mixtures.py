import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from reprise.errors import InvalidInputError
from reprise.nn.mixtures import GaussianFactors, cluster_covariances, cluster_means, ridged


def random_covariances(rng, k, p):
    root = rng.standard_normal((k, p, p))
    return root @ root.transpose(0, 2, 1) + 0.1 * np.eye(p)


def test_factors_agree_with_scipy_and_numpy():
    rng = np.random.default_rng(0)
    covariances, means, X = random_covariances(rng, 3, 4), rng.standard_normal((3, 4)), rng.standard_normal((6, 4))
    factors = GaussianFactors.of(covariances)
    inverses = np.linalg.inv(covariances)
    np.testing.assert_allclose(factors.precisions, inverses, atol=1e-10)
    np.testing.assert_allclose(factors.log_determinants, np.linalg.slogdet(covariances)[1])
    expected = [[mahalanobis(x, m, i) ** 2 for m, i in zip(means, inverses, strict=True)] for x in X]
    np.testing.assert_allclose(factors.squared_distances(X, means), expected)
    np.testing.assert_allclose(factors.deviances(X, means), expected + np.linalg.slogdet(covariances)[1])


def test_cluster_moments_agree_with_numpy():
    rng = np.random.default_rng(1)
    X, labels = rng.standard_normal((40, 3)), rng.integers(3, size=40)
    for k in range(3):
        np.testing.assert_allclose(cluster_means(X, labels, 3)[k], X[labels == k].mean(axis=0))
        np.testing.assert_allclose(cluster_covariances(X, labels, 3)[k], np.cov(X[labels == k].T, bias=True))


def test_ridge_makes_flat_clusters_invertible_and_follows_the_unit():
    X = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 5.0], [2.0, 5.0]])
    labels = np.array([0, 0, 1, 1])
    covariances = cluster_covariances(X, labels, 2, ridge=1e-3)
    assert np.linalg.eigvalsh(covariances).min() > 0
    np.testing.assert_allclose(cluster_covariances(10 * X, labels, 2, ridge=1e-3), 100 * covariances)
    np.testing.assert_allclose(ridged(covariances, 0.0), covariances)


def test_bad_covariances_are_named():
    with pytest.raises(InvalidInputError, match="cluster 1 is singular"):
        GaussianFactors.of(np.stack([np.eye(2), np.zeros((2, 2))]))
    with pytest.raises(InvalidInputError, match="expected"):
        GaussianFactors.of(np.eye(2))
    with pytest.raises(InvalidInputError, match="Cluster 1 of 2 has no point"):
        cluster_covariances(np.zeros((2, 2)), np.array([0, 0]), 2)

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from reprise.data.simulators.mixtures import (
    GaussianClusters,
    crossed_ellipsoids,
    distant_triples,
    nested_spheres,
)
from reprise.errors import InvalidInputError


@pytest.mark.parametrize("setting", [crossed_ellipsoids, nested_spheres, distant_triples])
def test_draws_have_the_moments_they_promise(setting):
    clusters = setting()
    X, y = clusters.draw(20_000, np.random.default_rng(0))
    for k in range(clusters.n_clusters):
        np.testing.assert_allclose(X[y == k].mean(axis=0), clusters.means[k], atol=0.06)
        np.testing.assert_allclose(np.cov(X[y == k].T), clusters.covariances[k], atol=0.15)


def test_log_density_agrees_with_scipy():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((2, 3, 3))
    clusters = GaussianClusters(rng.standard_normal((2, 3)), root @ root.transpose(0, 2, 1) + np.eye(3))
    X = rng.standard_normal((7, 3))
    expected = np.stack(
        [multivariate_normal(m, c).logpdf(X) for m, c in zip(clusters.means, clusters.covariances, strict=True)], axis=1
    )
    np.testing.assert_allclose(clusters.log_density(X), expected)


def test_bayes_error_of_two_round_clusters_is_the_normal_tail():
    clusters = GaussianClusters(np.array([[0.0, 0.0], [2.0, 0.0]]), np.stack([np.eye(2)] * 2))
    error = clusters.bayes_error(np.random.default_rng(0), draws=200_000)
    assert error == pytest.approx(0.158655, abs=0.003)


def test_draws_depend_on_the_generator_alone():
    first, _ = crossed_ellipsoids().draw([3, 0, 5], np.random.default_rng(4))
    second, labels = crossed_ellipsoids().draw([3, 0, 5], np.random.default_rng(4))
    np.testing.assert_array_equal(first, second)
    assert np.bincount(labels).tolist() == [3, 0, 5]


def test_bad_settings_are_refused():
    with pytest.raises(InvalidInputError, match="positive definite"):
        GaussianClusters(np.zeros((1, 2)), -np.eye(2)[None])
    with pytest.raises(InvalidInputError, match="expected"):
        GaussianClusters(np.zeros((1, 2)), np.eye(3)[None])
    with pytest.raises(InvalidInputError, match="one for each"):
        crossed_ellipsoids().draw([1, 2], np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match="at least 3"):
        nested_spheres(dimension=2)

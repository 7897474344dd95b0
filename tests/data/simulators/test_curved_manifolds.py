import numpy as np
import pytest

from reprise.data.simulators.curved_manifolds import curved_manifolds
from reprise.discover.manifold_linearizing_clustering import numerical_rank
from reprise.errors import InvalidInputError


@pytest.mark.parametrize("dimension", [1, 2])
def test_points_lie_where_their_angles_say(dimension):
    manifolds = curved_manifolds(3, np.random.default_rng(0), dimension=dimension)
    X, labels, angles = manifolds.draw(20, np.random.default_rng(1), noise=0.0)
    np.testing.assert_allclose(X, manifolds.at(labels, angles))
    np.testing.assert_allclose(X, manifolds.at(labels, angles + 2 * np.pi), atol=1e-10)
    assert manifolds.dimension == dimension


def test_manifolds_are_bent_and_thin():
    manifolds = curved_manifolds(2, np.random.default_rng(0))
    X, labels, angles = manifolds.draw(400, np.random.default_rng(1), noise=0.0)
    curve = X[labels == 0]
    assert numerical_rank(curve - curve.mean(0)) > 2
    order = np.argsort(angles[labels == 0, 0])
    steps = np.linalg.norm(np.diff(curve[order], axis=0), axis=1)
    assert np.median(steps) < 0.05 * np.linalg.norm(curve - curve.mean(0), axis=1).mean()


def test_noise_is_in_units_of_the_spread():
    manifolds = curved_manifolds(2, np.random.default_rng(0))
    clean, noisy = (manifolds.draw(500, np.random.default_rng(1), noise)[0] for noise in (0.0, 0.1))
    assert (noisy - clean).std() == pytest.approx(0.1 * clean.std(), rel=0.05)


def test_impossible_numbers_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInputError, match="latent 0"):
        curved_manifolds(2, rng, latent=0)
    with pytest.raises(InvalidInputError, match="bend"):
        curved_manifolds(2, rng, bend=0.0)
    with pytest.raises(InvalidInputError, match="noise"):
        curved_manifolds(2, rng).draw(5, rng, noise=-1.0)

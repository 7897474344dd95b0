import numpy as np
import pytest
from sklearn.datasets import make_moons

from reprise.data.simulators.subset_pools import (
    anomaly_pools,
    bundle_pools,
    gaussian_mixture_pools,
    top_k_pools,
    two_moons_pools,
)
from reprise.errors import InvalidInputError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


TABLE, CLASSES = np.arange(60.0)[:, None] + [0.0, 0.5], np.repeat([3, 7, 9], 20)


def of_moon(points, noise):
    """Say to which of the curves that make_moons draws a point is nearer."""
    curves = make_moons(4000, shuffle=False)[0].reshape(2, -1, 2) * 2 + (-1, -0.2)
    nearest = np.linalg.norm(points[..., None, None, :] - curves, axis=-1).min(-1)
    assert nearest.min(-1).max() < 10 * noise
    return nearest.argmin(-1)


def test_subset_is_of_the_other_moon(rng):
    pools, subsets = two_moons_pools(40, rng, size=12, chosen=3, noise=1e-3)
    for pool, subset in zip(pools, subsets, strict=True):
        odd = np.isin(np.arange(12), subset)
        moons = of_moon(pool, 1e-3)
        assert len(set(moons[odd])) == len(set(moons[~odd])) == 1
        assert moons[odd][0] != moons[~odd][0]
    assert len({tuple(subset) for subset in subsets}) > 20  # places are drawn


def test_moons_are_covered_evenly_as_by_make_moons(rng):
    pools, subsets = two_moons_pools(4, rng, size=10, chosen=1, noise=0.0)
    curves = make_moons(20, shuffle=False)[0].reshape(2, 10, 2) * 2 + (-1, -0.2)
    for pool, subset in zip(pools, subsets, strict=True):
        kept = np.delete(pool, subset, axis=0)
        assert (np.linalg.norm(kept[:, None, None] - curves, axis=-1).min((1, 2)) < 1e-6).all()
        assert len(np.unique(kept, axis=0)) == 9


def test_both_kinds_of_points_serve_as_pool(rng):
    for draw, spread in ((two_moons_pools, {"noise": 1e-3}), (gaussian_mixture_pools, {"std": 1e-3})):
        pools, subsets = draw(200, rng, size=4, chosen=1, **spread)
        first = [np.delete(pool, subset, axis=0).mean() for pool, subset in zip(pools, subsets, strict=True)]
        assert 60 < sum(value > np.median(pools) for value in first) < 140


def test_gaussians_have_the_papers_centres_and_spread(rng):
    pools, subsets = gaussian_mixture_pools(500, rng, size=20, chosen=5)
    odd = np.array([pool[subset] for pool, subset in zip(pools, subsets, strict=True)])
    normal = np.array([np.delete(pool, subset, axis=0) for pool, subset in zip(pools, subsets, strict=True)])
    sign = np.sign(normal.mean((1, 2)))[:, None, None]
    np.testing.assert_allclose((normal * sign).mean((0, 1)), [0.5**0.5] * 2, atol=0.02)
    np.testing.assert_allclose((odd * sign).mean((0, 1)), [-(0.5**0.5)] * 2, atol=0.04)
    np.testing.assert_allclose((normal * sign).std((0, 1)), 0.5, atol=0.02)


@pytest.mark.parametrize("mixed", [False, True])
def test_anomalies_are_of_other_classes(mixed, rng):
    pools, subsets = anomaly_pools(TABLE, CLASSES, 60, rng, size=8, chosen=(2, 4), mixed=mixed)
    several = 0
    for pool, subset in zip(pools, subsets, strict=True):
        classes = CLASSES[pool[:, 0].astype(int)]
        odd = np.isin(np.arange(8), subset)
        assert len(set(classes[~odd])) == 1
        assert not set(classes[~odd]) & set(classes[odd])
        assert len(np.unique(pool[:, 0])) == 8
        several += len(set(classes[odd])) > 1
    assert {len(subset) for subset in subsets} == {2, 3, 4}
    assert (several > 0) == mixed


def test_top_k_are_chosen_and_pools_have_no_row_twice(rng):
    targets = rng.permutation(60)
    pools, subsets = top_k_pools(TABLE, targets, 50, rng, size=9, chosen=4)
    for pool, subset in zip(pools, subsets, strict=True):
        rows = pool[:, 0].astype(int)
        assert len(set(rows)) == 9
        assert set(subset) == set(np.argsort(-targets[rows])[:4])


def test_bundles_are_filled_up_by_what_is_least_like_them(rng):
    X = rng.normal(size=(40, 5))
    bundles = [[3, 8, 1], [5], list(range(9))]
    pools, subsets = bundle_pools(X, bundles, rng, size=10)
    for pool, subset, bundle in zip(pools, subsets, bundles, strict=True):
        np.testing.assert_array_equal(pool[subset], X[bundle].astype(np.float32))
        others = np.setdiff1d(np.arange(40), bundle)
        mean = X[bundle].mean(0)
        cosine = X[others] @ mean / np.linalg.norm(X[others], axis=1) / np.linalg.norm(mean)
        expected = X[others[np.argsort(cosine)[: 10 - len(bundle)]]]
        np.testing.assert_array_equal(np.delete(pool, subset, axis=0), expected.astype(np.float32))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: two_moons_pools(3, rng, size=6, chosen=2),
        lambda rng: gaussian_mixture_pools(3, rng, size=6, chosen=2),
        lambda rng: anomaly_pools(TABLE, CLASSES, 3, rng),
        lambda rng: top_k_pools(TABLE, CLASSES, 3, rng),
        lambda rng: bundle_pools(TABLE, [[0, 1]], rng, size=8),
    ],
)
def test_pools_depend_on_the_generator_alone(draw):
    first, again, other = (draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.pools, again.pools)
    assert all(np.array_equal(a, b) for a, b in zip(first.subsets, again.subsets, strict=True))
    assert not np.array_equal(first.pools, other.pools)
    assert first.pools.dtype == np.float32


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda rng: two_moons_pools(0, rng), "0 pools"),
        (lambda rng: two_moons_pools(1, rng, size=5, chosen=5), "5 elements with 5 chosen"),
        (lambda rng: gaussian_mixture_pools(1, rng, chosen=0), "with 0 chosen"),
        (lambda rng: anomaly_pools(TABLE, CLASSES, 1, rng, size=21), "as many rows as a pool"),
        (lambda rng: anomaly_pools(TABLE, CLASSES, 1, rng, chosen=(4, 2)), "4 to 2"),
        (lambda rng: anomaly_pools(TABLE, np.zeros(60), 1, rng), "two classes"),
        (lambda rng: top_k_pools(TABLE[:9], CLASSES[:9], 1, rng), "9 rows"),
        (lambda rng: top_k_pools(TABLE, ["a"] * 60, 1, rng), "finite"),
        (lambda rng: top_k_pools(TABLE, CLASSES[:5], 1, rng), r"\(5,\)"),
        (lambda rng: top_k_pools(TABLE * np.nan, CLASSES, 1, rng), "NaN"),
        (lambda rng: bundle_pools(TABLE, [[0, 0]], rng), "different rows"),
        (lambda rng: bundle_pools(TABLE, [[60]], rng), "0 to 59"),
        (lambda rng: bundle_pools(TABLE, [range(30)], rng), "30 chosen"),
        (lambda rng: bundle_pools(TABLE[:9], [[1]], rng), "9 rows"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, message, rng):
    with pytest.raises(InvalidInputError, match=message):
        draw(rng)

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from reprise.errors import InvalidInputError
from reprise.metrics import gdv, gdv_profile
from reprise.metrics.separability import _BLOCK


@pytest.fixture
def clusters():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2, 3], [30, 25, 40, 35])
    return rng.normal(size=(len(y), 12)) + rng.normal(size=(4, 12))[y], y


def defined(X, y):
    """The definition, class by class."""
    s = (X - X.mean(axis=0)) / (2 * X.std(axis=0))
    members = [s[y == label] for label in np.unique(y)]
    within = [cdist(part, part).sum() / (len(part) * (len(part) - 1)) for part in members]
    between = [cdist(a, b).mean() for a, b in combinations(members, 2)]
    return (np.mean(within) - np.mean(between)) / np.sqrt(X.shape[1])


@pytest.mark.parametrize("dimensions", [1, 7, 500])
def test_two_opposite_points_give_minus_one(dimensions):
    y = np.array([0, 1] * 20)
    X = np.where(y == 0, 1.0, -1.0)[:, None] * np.ones(dimensions)
    assert gdv(X, y) == pytest.approx(-1.0, abs=1e-14)


def test_random_labels_give_zero():
    rng = np.random.default_rng(0)
    assert abs(gdv(rng.normal(size=(1000, 50)), rng.integers(5, size=1000))) < 0.01


def test_agrees_with_the_definition(clusters):
    assert gdv(*clusters, balanced=False) == pytest.approx(defined(*clusters), abs=1e-12)


def test_blocks_agree_with_the_definition():
    rng = np.random.default_rng(1)
    y = rng.integers(3, size=2 * _BLOCK + 77)
    X = rng.normal(size=(len(y), 6)) + y[:, None]
    assert gdv(X, y, balanced=False) == pytest.approx(defined(X, y), abs=1e-12)


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_points_that_nearly_coincide_keep_their_digits(share):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(400, 30)), np.arange(400) % 2
    twins = rng.choice(400, int(share * 400), replace=False)
    X[twins] = X[twins[0]] + 1e-9 * rng.normal(size=(len(twins), 30))
    assert gdv(X, y, balanced=False) == pytest.approx(defined(X, y), abs=1e-12)


@pytest.mark.parametrize("balanced", [True, False])
def test_invariances(clusters, balanced):
    X, y = clusters
    rng = np.random.default_rng(3)
    value = gdv(X, y, balanced=balanced)
    assert gdv(X * rng.uniform(0.1, 10, 12) + rng.normal(size=12), y, balanced=balanced) == pytest.approx(value, 1e-10)
    assert gdv(X[:, rng.permutation(12)], y, balanced=balanced) == pytest.approx(value, abs=1e-12)
    assert gdv(np.hstack([X, X]), y, balanced=balanced) == pytest.approx(value, abs=1e-10)
    assert gdv(np.hstack([X, np.full((len(X), 2), 7.0)]), y, balanced=balanced) == pytest.approx(value, abs=1e-12)


def test_names_of_classes_do_not_matter(clusters):
    X, y = clusters
    assert gdv(X, np.array(["ab", "d", "c", "e"])[y], balanced=False) == pytest.approx(
        gdv(X, y, balanced=False), abs=1e-12
    )


def test_permuted_labels_are_centred_on_zero(clusters):
    X, y = clusters
    rng = np.random.default_rng(4)
    values = [gdv(X, rng.permutation(y), balanced=False) for _ in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_balancing_takes_as_many_of_each_class():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(60, 4)), np.repeat([0, 1], [50, 10])
    values = {gdv(X, y, random_state=seed) for seed in range(5)}
    assert len(values) == 5
    assert gdv(X, y, random_state=1) == gdv(X, y, random_state=1)
    X[:50], X[50:] = X[0], X[50]
    assert gdv(X, y) == pytest.approx(-1.0)


def test_profile_says_what_gdv_says(clusters):
    X, y = clusters
    layers = {"all": X, "half": X[:, :6], "noise": np.random.default_rng(6).normal(size=(len(X), 8))}
    profile = gdv_profile(layers, y, n_permutations=30, random_state=2)
    assert profile["layer"].tolist() == list(layers)
    assert profile["gdv"].tolist() == pytest.approx([gdv(layer, y, random_state=2) for layer in layers.values()])
    assert (profile["z"][:2] < -5).all()
    assert abs(profile["z"][2]) < 4
    assert (profile["null_mean"].abs() < 3 * profile["null_std"]).all()
    assert gdv_profile(layers, y, n_permutations=0)[["null_mean", "null_std", "z"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((4, 2)), [0, 0, 1, 1], "All points are the same"),
        (np.eye(4), [0, 0, 0, 0], "at least two classes"),
        (np.eye(4), [0, 0, 0, 1], "Class 1 has one point"),
        (np.eye(4), [0, 0, 1], r"labels \(3,\)"),
        (np.zeros((0, 2)), [], r"shape \(0, 2\)"),
        (np.ones(4), [0, 0, 1, 1], r"shape \(4,\)"),
        (np.diag([1, 2, 3, np.nan]), [0, 0, 1, 1], "1 values that are not finite"),
        (np.eye(4), [0.0, 0.0, np.nan, 1.0], "labels hold values"),
        (np.eye(4) > 0, [0, 0, 1, 1], "type bool"),
    ],
)
def test_bad_input_is_named(X, y, message):
    with pytest.raises(InvalidInputError, match=message):
        gdv(X, y)


def test_bad_profiles_are_named():
    with pytest.raises(InvalidInputError, match="no layer"):
        gdv_profile({}, [0, 1])
    with pytest.raises(InvalidInputError, match="n_permutations"):
        gdv_profile({"a": np.eye(4)}, [0, 0, 1, 1], n_permutations=-1)
    with pytest.raises(InvalidInputError, match="Layer 'b'"):
        gdv_profile({"a": np.eye(4), "b": np.eye(3)}, [0, 0, 1, 1])

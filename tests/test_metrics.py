import itertools

import numpy as np
import pytest

from reprise.errors import InvalidInputError
from reprise.metrics import hungarian_accuracy, hungarian_matching, misclustering_error


def best_over_all_permutations(true, pred, clusters):
    return max(np.mean(np.array(permutation)[pred] == true) for permutation in itertools.permutations(range(clusters)))


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_trying_every_matching(seed):
    rng = np.random.default_rng(seed)
    true, pred = rng.integers(4, size=60), rng.integers(4, size=60)
    assert hungarian_accuracy(true, pred) == pytest.approx(best_over_all_permutations(true, pred, 4))


def test_renaming_clusters_changes_nothing():
    rng = np.random.default_rng(0)
    true, pred = rng.integers(5, size=80), rng.integers(5, size=80)
    renamed = np.array(["e", "a", "c", "b", "d"])[pred]
    assert hungarian_accuracy(true, renamed) == hungarian_accuracy(true, pred)
    assert misclustering_error(true, np.array([4, 3, 2, 1, 0])[true]) == 0.0


def test_points_of_surplus_clusters_are_wrong():
    assert hungarian_accuracy([0, 0, 0, 0, 1, 1], [0, 0, 2, 2, 1, 1]) == pytest.approx(4 / 6)
    assert hungarian_accuracy([0, 0, 1, 1], [0, 0, 0, 0]) == pytest.approx(0.5)


def test_matching_is_one_to_one_and_attains_the_accuracy():
    rng = np.random.default_rng(1)
    true, pred = rng.integers(3, size=50), rng.integers(5, size=50)
    pairs = hungarian_matching(true, pred)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs) == 3
    agreeing = sum(np.sum((true == a) & (pred == b)) for a, b in pairs)
    assert agreeing / 50 == pytest.approx(hungarian_accuracy(true, pred))


@pytest.mark.parametrize(("true", "pred"), [([], []), ([0, 1], [0]), ([[0, 1]], [[0, 1]])])
def test_bad_labels_are_refused(true, pred):
    with pytest.raises(InvalidInputError, match="one-dimensional"):
        hungarian_accuracy(true, pred)

import math
from itertools import permutations

import numpy as np
import pytest

from reprise.errors import InvalidInputError
from reprise.metrics import category_accuracy, class_number_error, hungarian_accuracy


def test_one_matching_serves_known_and_new_classes():
    rng = np.random.default_rng(0)
    for _ in range(20):
        true, pred = rng.integers(0, 4, 30), rng.integers(0, 4, 30)
        known = [0, 1]
        found = category_accuracy(true, pred, known)
        best = max((np.mean(np.array(p)[pred] == true), p) for p in permutations(range(4)))[0]
        assert found.all == pytest.approx(best) == pytest.approx(hungarian_accuracy(true, pred))
        share = np.isin(true, known).mean()
        assert found.known * share + found.new * (1 - share) == pytest.approx(found.all)


def test_new_classes_are_not_matched_by_themselves():
    """Both classes fall into one cluster, which goes to the larger, known one: nothing new is found."""
    true = np.array([0] * 6 + [1] * 4)
    assert category_accuracy(true, np.zeros(10, int), known=[0]) == (0.6, 1.0, 0.0)


def test_names_do_not_matter():
    assert category_accuracy(["a", "b", "c"], [9, -4, 2], known=["b", "absent"]) == (1.0, 1.0, 1.0)


def test_a_part_without_points_has_no_accuracy():
    found = category_accuracy([0, 1], [0, 1], known=[])
    assert math.isnan(found.known)
    assert found.new == 1.0


def test_bad_input_is_refused():
    with pytest.raises(InvalidInputError):
        category_accuracy([0, 1], [0], known=[0])
    with pytest.raises(InvalidInputError):
        class_number_error(0, 3)

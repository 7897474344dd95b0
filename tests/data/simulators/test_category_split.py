import numpy as np
import pytest

from reprise.data.simulators.category_split import category_split
from reprise.errors import InvalidInputError


def test_half_of_the_known_classes_keep_their_labels():
    labels = np.repeat([0, 1, 2], [10, 20, 30])
    hidden = category_split(labels, [0, 1], np.random.default_rng(0))
    assert np.bincount(hidden[hidden >= 0], minlength=3).tolist() == [5, 10, 0]
    assert (hidden[hidden >= 0] == labels[hidden >= 0]).all()


def test_a_small_class_keeps_one():
    assert (category_split([0, 1, 1], [0, 1], np.random.default_rng(0), share=0.01) >= 0).sum() == 2


def test_the_seed_says_all():
    labels = np.arange(40) % 4
    draws = [category_split(labels, [0, 1], np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


@pytest.mark.parametrize(
    ("labels", "known", "share", "message"),
    [([], [0], 0.5, "non-empty"), ([0.5], [0], 0.5, "whole"), ([0, 1], [3], 0.5, "3"), ([0, 1], [0], 0.0, "share")],
)
def test_bad_input_is_refused(labels, known, share, message):
    with pytest.raises(InvalidInputError, match=message):
        category_split(labels, known, np.random.default_rng(0), share=share)

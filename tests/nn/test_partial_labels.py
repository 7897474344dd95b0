import numpy as np
import pytest

from reprise.errors import InvalidInputError
from reprise.nn.partial_labels import partial_labels


def test_codes_and_names_are_inverse():
    labels = partial_labels(np.array([7, -1, 2, 7, -1]), 5)
    assert labels.codes.tolist() == [1, -1, 0, 1, -1]
    assert labels.named(np.array([1, 0, 3]), 4).tolist() == [7, 2, 9]
    assert labels.labelled.tolist() == [True, False, True, True, False]


def test_without_labels_new_classes_count_from_0():
    labels = partial_labels(None, 3)
    assert not labels.labelled.any()
    assert labels.names(2).tolist() == [0, 1]


def test_classes_may_be_any_number_but_minus_one():
    labels = partial_labels(np.array([-7, -1, -3]), 3)
    assert labels.codes.tolist() == [0, -1, 1]
    assert labels.names(3).tolist() == [-7, -3, 0]


def test_given_labels_are_left_alone():
    y = np.array([4, -1])
    partial_labels(y, 2)
    assert y.tolist() == [4, -1]


def test_whole_floats_are_taken():
    assert partial_labels(np.array([1.0, -1.0]), 2).codes.tolist() == [0, -1]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1], "3 in all"),
        ([[0, 1], [1, 2], [2, 3]], "one label a row"),
        ([0.5, 1, -1], "whole numbers"),
        ([np.nan, 1, -1], "whole numbers"),
        (["a", "b", "c"], "number your classes"),
    ],
)
def test_other_labels_are_refused(y, message):
    with pytest.raises(InvalidInputError, match=message):
        partial_labels(y, 3)


def test_nothing_labelled_is_refused_where_labels_are_needed():
    with pytest.raises(InvalidInputError, match="No point is labelled"):
        partial_labels([-1, -1], 2, need_labelled=True)


def test_everything_labelled_is_warned_of():
    with pytest.warns(UserWarning, match="nothing to discover"):
        partial_labels([0, 1], 2)

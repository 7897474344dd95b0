import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs

from reprise.data.simulators.category_split import category_split
from reprise.errors import InvalidInputError
from reprise.nn.class_number import SCAN_UP_TO, estimate_class_number


def blobs(k, seed=0):
    X, y = make_blobs(30 * k, 12, centers=k, cluster_std=0.7, random_state=seed)
    return X, y


@pytest.mark.parametrize("k", [4, 6, 9])
def test_separate_classes_are_counted(k):
    X, y = blobs(k)
    hidden = category_split(y, range(k // 2 + 1), np.random.default_rng(0))
    found = estimate_class_number(X, hidden, random_state=0)
    assert found.n_classes == k
    assert found.accuracies[k] == 1.0
    assert min(found.accuracies) == k // 2 + 1


def test_many_candidates_are_searched_not_scanned():
    X, y = blobs(8)
    hidden = category_split(y, range(5), np.random.default_rng(0))
    found = estimate_class_number(X, hidden, max_classes=200, random_state=0)
    assert len(found.accuracies) < SCAN_UP_TO
    assert found.accuracies[found.n_classes] == max(found.accuracies.values())


def test_real_digits_are_counted_about_right():
    X, y = load_digits(return_X_y=True)
    hidden = category_split(y[:600], range(5), np.random.default_rng(0))
    assert 7 <= estimate_class_number(X[:600], hidden, random_state=0).n_classes <= 14


def test_fewer_distinct_rows_than_candidates():
    X = np.repeat(np.eye(3), 5, axis=0)
    assert estimate_class_number(X, np.repeat([0, 1, -1], 5), random_state=0).n_classes <= 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [-1] * 6}, "No point is labelled"),
        ({"y": [0, 1]}, "6 in all"),
        ({"max_classes": 1}, "from 2"),
        ({"max_classes": 7}, "to 6"),
        ({"X": np.full((6, 1), np.nan)}, "NaN"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = {"X": np.arange(6.0)[:, None], "y": [0, 1, -1, -1, -1, -1], **change}
    with pytest.raises(ValueError, match=message) as raised:
        estimate_class_number(**arguments)
    assert "X" in change or isinstance(raised.value, InvalidInputError)

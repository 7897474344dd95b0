import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from reprise.errors import InvalidInputError
from reprise.metrics import hungarian_accuracy
from reprise.nn import semi_supervised_kmeans as module
from reprise.nn.semi_supervised_kmeans import semi_supervised_kmeans


def blobs(sizes=(30, 40, 50, 20), separation=8.0, p=5, seed=0):
    truth = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    return rng.standard_normal((len(truth), p)) + separation * np.eye(p)[truth], truth


def half_labelled(truth, known, seed=0):
    shown = np.isin(truth, known) & (np.random.default_rng(seed).random(len(truth)) < 0.5)
    return np.where(shown, truth, -1)


def slow_lloyd(X, y, centres, steps):
    """Each row on its own; centre k is class k's."""
    for _ in range(steps):
        labels = [label if label >= 0 else int(((x - centres) ** 2).sum(axis=1).argmin())
                  for x, label in zip(X, y, strict=True)]  # fmt: skip
        centres = np.stack([X[np.array(labels) == k].mean(axis=0) for k in range(len(centres))])
    return centres


def test_new_clusters_are_found_beside_known_ones():
    X, truth = blobs()
    y = half_labelled(truth, (0, 2))
    found = semi_supervised_kmeans(X, y, 4, random_state=0)
    assert hungarian_accuracy(truth, found.labels) == 1.0
    assert found.classes.tolist() == [0, 2, 3, 4]
    assert set(found.labels[truth == 2]) == {2}
    for centre, label in zip(found.centres, found.classes, strict=True):
        np.testing.assert_allclose(centre, X[found.labels == label].mean(axis=0))
    own = found.centres[np.searchsorted(found.classes, found.labels)]
    assert found.inertia == pytest.approx(((X - own) ** 2).sum())


def test_steps_are_those_of_the_slow_loop():
    X, truth = blobs(separation=1.5)
    y = half_labelled(truth, (0, 1))
    start = np.random.default_rng(1).standard_normal((2, 5))
    class_means = np.stack([X[y == k].mean(axis=0) for k in (0, 1)])
    for steps in (1, 4):
        found = semi_supervised_kmeans(X, y, 4, init=start, max_iter=steps, tol=0.0)
        np.testing.assert_allclose(found.centres, slow_lloyd(X, y, np.vstack([class_means, start]), steps))
        assert found.n_iter == steps


def test_labelled_rows_stay_with_their_class_however_far():
    X, truth = blobs()
    y = half_labelled(truth, (0, 1))
    y[truth == 3] = np.where(np.arange(20) < 3, 0, -1)
    found = semi_supervised_kmeans(X, y, 4, random_state=0)
    np.testing.assert_array_equal(found.labels[y >= 0], y[y >= 0])


def test_every_step_lowers_the_inertia():
    X, truth = blobs(separation=1.0)
    y = half_labelled(truth, (1,))
    start = X[np.flatnonzero(y < 0)[:5]]
    inertias = [semi_supervised_kmeans(X, y, 6, init=start, max_iter=steps, tol=0.0).inertia for steps in range(1, 15)]
    assert (np.diff(inertias) <= 1e-9).all()
    assert inertias[-1] < inertias[0]


def test_without_labels_it_is_kmeans():
    X, _ = load_digits(return_X_y=True)
    start = X[:10]
    ours = semi_supervised_kmeans(X, np.full(len(X), -1), 10, init=start, tol=0.0)
    theirs = KMeans(10, init=start, n_init=1, tol=0.0).fit(X)
    np.testing.assert_allclose(ours.centres, theirs.cluster_centers_, atol=1e-12)
    assert ours.inertia == pytest.approx(theirs.inertia_)
    drawn = semi_supervised_kmeans(X, np.full(len(X), -1), 10, random_state=0)
    assert drawn.inertia == pytest.approx(KMeans(10, n_init=10, random_state=0).fit(X).inertia_, rel=5e-3)


def test_starts_are_spread_where_the_known_classes_are_not():
    X, truth = blobs(separation=20.0)
    known = X[truth < 2].reshape(-1, 5)
    for seed in range(20):
        drawn = module._plus_plus(X, np.stack([known[:30].mean(axis=0), known[30:].mean(axis=0)]), 2,
                                  np.random.RandomState(seed))  # fmt: skip
        assert {int(truth[(row == X).all(axis=1)][0]) for row in drawn} == {2, 3}


def test_class_values_may_be_any_but_minus_one():
    X, truth = blobs()
    y = np.where(half_labelled(truth, (0, 2)) >= 0, np.array([-7, 0, -3, 0])[truth], -1)
    found = semi_supervised_kmeans(X, y, 4, random_state=0)
    assert found.classes.tolist() == [-7, -3, 0, 1]
    assert hungarian_accuracy(truth, found.labels) == 1.0


def test_a_shift_of_the_data_changes_nothing():
    X, truth = blobs(separation=2.0)
    y = half_labelled(truth, (0, 2))
    here, there = (semi_supervised_kmeans(X + shift, y, 4, random_state=0) for shift in (0.0, 1e6))
    np.testing.assert_array_equal(here.labels, there.labels)
    assert there.inertia == pytest.approx(here.inertia, rel=1e-6)


def test_an_emptied_cluster_takes_the_farthest_row():
    X, truth = blobs()
    y = half_labelled(truth, (0, 1))
    start = np.vstack([X[truth == 2][0], np.full(5, 1e4)])
    found = semi_supervised_kmeans(X, y, 4, init=start)
    assert len(np.unique(found.labels)) == 4


def test_unlabelled_digits_join_their_known_class():
    X, truth = load_digits(return_X_y=True)
    y = half_labelled(truth, range(5))
    found = semi_supervised_kmeans(X, y, 10, random_state=0)
    hidden = (y < 0) & (truth < 5)
    assert (found.labels[hidden] == truth[hidden]).mean() > 0.85


def test_result_depends_on_the_seed_alone():
    X, truth = blobs(separation=1.0)
    y = half_labelled(truth, (0,))
    first, second = (semi_supervised_kmeans(X, y, 6, n_init=2, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.centres, second.centres)


def test_all_labelled_is_a_warning():
    X, truth = blobs()
    with pytest.warns(UserWarning, match="nothing to discover"):
        found = semi_supervised_kmeans(X, truth, 4)
    np.testing.assert_array_equal(found.labels, truth)
    np.testing.assert_allclose(found.centres[1], X[truth == 1].mean(axis=0))


def test_coinciding_rows_and_constant_columns():
    X = np.repeat([[0.0, 1.0], [5.0, 1.0]], 5, axis=0)
    with pytest.warns(ConvergenceWarning, match="Only 2 of 4"):
        found = semi_supervised_kmeans(X, np.full(10, -1), 4, random_state=0)
    assert found.inertia == pytest.approx(0.0, abs=1e-20)
    assert np.isfinite(found.centres).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert semi_supervised_kmeans(X, np.full(10, -1), 2, random_state=0).inertia == pytest.approx(0.0, abs=1e-20)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 1}, "2 known classes"),
        ({"n_clusters": 9}, "7 new clusters for 6 unlabelled rows"),
        ({"y": [0, 1, -1]}, "8 in all"),
        ({"y": [0.5] * 8}, "whole numbers"),
        ({"y": [[0, 0]] * 8}, "one label a row"),
        ({"init": [[0.0]]}, "shape"),
        ({"init": [[0.0, np.nan]]}, "finite"),
        ({"n_init": 0}, "at least 1"),
        ({"X": np.full((8, 2), np.nan)}, "NaN"),
        ({"X": np.zeros((0, 2)), "y": []}, "0 sample"),
        ({"X": np.zeros(8)}, "2D"),
        ({"n_clusters": 0, "y": [-1] * 8}, "and one"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = {"X": np.arange(16.0).reshape(8, 2), "y": [4, 9] + [-1] * 6, "n_clusters": 3, **change}
    with pytest.raises(ValueError, match=message) as raised:
        semi_supervised_kmeans(**arguments)
    assert "X" in change or isinstance(raised.value, InvalidInputError)

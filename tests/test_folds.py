import numpy as np
import pytest

from reprise.errors import InvalidInputError
from reprise.metrics import FoldCurves, fold_curves, stratified_folds

Y = np.repeat(["a", "b", "c"], [40, 30, 20])


def test_every_sample_is_tested_once_and_classes_keep_their_shares():
    seen = []
    for train, test in stratified_folds(Y, 10, seed=3):
        assert sorted([*train, *test]) == list(range(90))
        assert np.unique(Y[test], return_counts=True)[1].tolist() == [4, 3, 2]
        seen += test.tolist()
    assert sorted(seen) == list(range(90))


def test_folds_depend_on_the_seed_alone():
    tests = [[test.tolist() for _, test in stratified_folds(Y, 5, seed=seed)] for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


def test_one_epoch_is_chosen_for_all_folds_on_the_mean_curve():
    curves = np.random.default_rng(0).random((10, 20))
    chosen = FoldCurves(curves)
    means = [sum(curve[epoch] for curve in curves) / 10 for epoch in range(20)]
    assert means[chosen.epoch - 1] == pytest.approx(max(means))
    assert chosen.mean == pytest.approx(max(means))
    assert chosen.mean < np.mean([max(curve) for curve in curves])  # not the best epoch of each fold
    assert chosen.std == pytest.approx(np.sqrt(np.mean((chosen.accuracies - chosen.mean) ** 2)))


def test_each_fold_is_trained_on_the_rest():
    asked = []

    def train_and_test(train, test):
        asked.append((train, test))
        return [0.1 * len(asked), 0.5]

    curves = fold_curves(train_and_test, Y, folds=3)
    assert curves.curves[:, 0].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert len(asked) == 3
    for (train, test), (expected_train, expected_test) in zip(asked, stratified_folds(Y, 3), strict=True):
        np.testing.assert_array_equal(train, expected_train)
        np.testing.assert_array_equal(test, expected_test)


@pytest.mark.parametrize(
    ("y", "folds", "message"),
    [
        (Y, 21, "Class c has 20 samples; 21 stratified folds"),
        (Y, 1, "from 2 on"),
        (Y, 2.0, "from 2 on"),
        ([], 2, r"shape \(0,\)"),
        ([[0, 1]], 2, r"shape \(1, 2\)"),
    ],
)
def test_impossible_folds_are_refused(y, folds, message):
    with pytest.raises(InvalidInputError, match=message):
        stratified_folds(y, folds)


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([[0.5], [0.5, 0.6]], "curves of shapes"),
        ([[], []], "curves of shapes"),
        ([0.5, 0.5], "curves of shapes"),
        ([[0.5], [np.nan]], "not finite"),
    ],
)
def test_curves_that_do_not_fit_are_refused(curves, message):
    given = iter(curves)
    with pytest.raises(InvalidInputError, match=message):
        fold_curves(lambda train, test: next(given), [0, 1] * 5, folds=2)

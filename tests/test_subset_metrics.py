import itertools

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from reprise.errors import InvalidInputError
from reprise.metrics import jaccard, mean_jaccard, random_jaccard


def test_jaccard_is_scikit_learns_on_indicators():
    rng = np.random.default_rng(0)
    true, pred = rng.random((20, 9)) < 0.4, rng.random((20, 9)) < 0.4
    by_index = jaccard([np.flatnonzero(row) for row in true], [rng.permutation(np.flatnonzero(row)) for row in pred])
    np.testing.assert_array_equal(jaccard(true, pred), by_index)
    assert mean_jaccard(true, pred) == pytest.approx(jaccard_score(true, pred, average="samples"))


def test_empty_subsets_are_alike():
    assert jaccard([[], [1]], [[], [2]]).tolist() == [1, 0]


@pytest.mark.parametrize(("size", "chosen"), [(6, 2), (7, 3), (5, 5), (4, 1)])
def test_random_jaccard_is_the_mean_over_all_subsets(size, chosen):
    every = list(itertools.combinations(range(size), chosen))
    assert random_jaccard(size, chosen) == pytest.approx(mean_jaccard([range(chosen)] * len(every), every))


def test_random_jaccard_of_the_papers_pools():
    assert random_jaccard(100, 10) == pytest.approx(0.055, abs=5e-4)  # the paper's "random" on its simulated sets
    assert random_jaccard(30, 10) == pytest.approx(0.21, abs=5e-3)


@pytest.mark.parametrize(
    ("true", "pred", "message"),
    [
        ([], [], "0 true"),
        ([[1]], [[1], [2]], "1 true subsets and 2"),
        ([[0.5]], [[1]], "float64"),
        ([[[1]]], [[1]], r"\(1, 1\)"),
    ],
)
def test_bad_subsets_are_named(true, pred, message):
    with pytest.raises(InvalidInputError, match=message):
        jaccard(true, pred)


@pytest.mark.parametrize("chosen", [0, 5])
def test_bad_sizes_are_named(chosen):
    with pytest.raises(InvalidInputError, match="1 to 4"):
        random_jaccard(4, chosen)

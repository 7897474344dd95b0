import numpy as np
import pytest

from reprise.errors import InvalidInputError
from reprise.metrics import cohens_d


def test_by_hand():
    effect = cohens_d([1, 2, 3], [2, 3, 4])
    assert effect.d == -1.0
    assert effect.half_width == pytest.approx(1.96 * np.sqrt(6 / 9 + 1 / 12), rel=1e-4)
    assert effect.interval == (effect.d - effect.half_width, effect.d + effect.half_width)
    # Means 2 and 6, sums of squares 2 and 20 over 2 + 4 degrees of freedom.
    assert cohens_d([1, 2, 3], [3, 5, 6, 7, 9]).d == pytest.approx(-4 / np.sqrt(22 / 6))


def test_turning_the_samples_around_turns_the_sign():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=20), rng.normal(size=30)
    ahead, back = cohens_d(a, b), cohens_d(b, a)
    assert ahead.d == -back.d
    assert ahead.half_width == back.half_width
    np.testing.assert_allclose(cohens_d(3 * a + 1, 3 * b + 1).d, ahead.d)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_several_at_once(axis):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(8, 3)), rng.normal(size=(9, 3))
    single = [cohens_d(a[:, i], b[:, i]) for i in range(3)]
    several = cohens_d(a if axis == 0 else a.T, b if axis == 0 else b.T, axis=axis)
    np.testing.assert_allclose(several.d, [effect.d for effect in single])
    np.testing.assert_allclose(several.half_width, [effect.half_width for effect in single])


def test_the_interval_covers_the_truth():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(30, 2000)) + 0.5, rng.normal(size=(30, 2000))
    effect = cohens_d(a, b)
    low, high = effect.interval
    assert 0.935 < ((low < 0.5) & (high > 0.5)).mean() < 0.965


@pytest.mark.parametrize(
    ("a", "b", "axis", "problem"),
    [
        ([1.0], [1.0, 2.0], 0, "Sample a has 1 values"),
        ([1.0, np.inf], [1.0, 2.0], 0, "Sample a holds values that are not finite"),
        ([1.0, 1.0], [2.0, 2.0], 0, "Nothing varies"),
        ([[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0], 0, "one shape is expected"),
        ([1.0, 2.0], [1.0, 2.0], 1, "no axis 1"),
    ],
)
def test_bad_samples(a, b, axis, problem):
    with pytest.raises(InvalidInputError, match=problem):
        cohens_d(a, b, axis)

"""The affine-invariant classifier: learning, conventions of scikit-learn, bad input."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from reprise.data.simulators.warped_digits import frame_digits
from reprise.errors import InvalidInputError, UnknownNameError
from reprise.symmetry.lie_decompositions import SO2, AffineInvariantClassifier

TINY = {"width": 4, "samples": 2, "blocks": 0, "epochs": 6, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=3, return_X_y=True)
    return frame_digits(X.reshape(-1, 8, 8), 14), np.array(["nought", "one", "two"])[y]


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    return AffineInvariantClassifier(**TINY).fit(X[:300], y[:300])


def test_it_learns_better_than_chance_and_than_random_weights(fitted, digits):
    X, y = digits
    still = AffineInvariantClassifier(**(TINY | {"lr": 0.0, "epochs": 1})).fit(X[:300], y[:300])
    assert fitted.score(X[300:], y[300:]) > 0.8
    assert still.score(X[300:], y[300:]) < 0.6
    assert fitted.history_.last["loss"] < 0.7


def test_probabilities_are_those_of_the_labels(fitted, digits):
    X, _ = digits
    p = fitted.predict_proba(X[:20])
    assert p.shape == (20, 3)
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    assert fitted.predict(X[:20]).tolist() == fitted.classes_[p.argmax(1)].tolist()
    assert fitted.classes_.tolist() == ["nought", "one", "two"]


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(fitted, digits):
    X, _ = digits
    assert np.allclose(fitted.predict_proba(X[:20])[7:9], fitted.predict_proba(X[7:9]), atol=1e-5)


def test_results_depend_on_the_seed_alone_and_leave_torch_alone(digits):
    X, y = digits
    settings = TINY | {"epochs": 1}
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = AffineInvariantClassifier(**settings).fit(X[:60], y[:60]).predict_proba(X[:9])
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(6)
    assert np.array_equal(first, AffineInvariantClassifier(**settings).fit(X[:60], y[:60]).predict_proba(X[:9]))
    other = AffineInvariantClassifier(**(settings | {"random_state": 1})).fit(X[:60], y[:60])
    assert not np.allclose(first, other.predict_proba(X[:9]))


def test_scale_of_the_pixels_does_not_matter(digits):
    X, y = digits
    settings = TINY | {"epochs": 1}
    plain = AffineInvariantClassifier(**settings).fit(X[:60], y[:60]).predict_proba(X[:9])
    scaled = AffineInvariantClassifier(**settings).fit(X[:60] * 15 + 2, y[:60]).predict_proba(X[:9] * 15 + 2)
    assert np.allclose(plain, scaled, atol=1e-3)


def test_it_is_pickled_and_cloned(fitted, digits):
    X, _ = digits
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(X[:9]), fitted.predict_proba(X[:9]))
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@pytest.mark.parametrize("group", [SO2(), "gl2"])
def test_other_groups_and_kept_elements(group, digits):
    X, y = digits
    model = AffineInvariantClassifier(**(TINY | {"group": group, "epochs": 1, "resample": False}))
    model.fit(X[:60], y[:60])
    assert np.array_equal(model.predict_proba(X[:5]), model.predict_proba(X[:5]))


@pytest.mark.parametrize(
    ("settings", "images", "message"),
    [
        ({}, np.zeros((6, 4, 30)), "at least"),
        ({}, np.zeros((6, 20, 20)), "nothing to learn"),
        ({}, np.random.default_rng(0).random((6, 400)), "Grey images"),
        ({}, np.random.default_rng(0).random((6, 1, 20, 20)), "Grey images"),
        ({"draws": 0}, np.random.default_rng(0).random((6, 20, 20)), "draws"),
        ({"sine_rate": -1}, np.random.default_rng(0).random((6, 20, 20)), "sine_rate"),
        ({"samples": 0}, np.random.default_rng(0).random((6, 20, 20)), "at least 1"),
        ({"epochs": 0}, np.random.default_rng(0).random((6, 20, 20)), "epochs"),
    ],
)
def test_impossible_input_is_named(settings, images, message):
    images = images + (np.arange(6)[:, None, None] if "least" in message and images.shape[1] == 4 else 0)
    with pytest.raises(InvalidInputError, match=message):
        AffineInvariantClassifier(**(TINY | settings)).fit(images, [0, 1, 0, 1, 0, 1])


def test_other_sizes_and_nan_are_refused_when_predicting(fitted, digits):
    X, _ = digits
    with pytest.raises(InvalidInputError, match="14 x 14"):
        fitted.predict(np.zeros((2, 14, 20)))
    with pytest.raises(ValueError, match="NaN"):
        fitted.predict(np.where(X[:2] > 0, np.nan, X[:2]))
    with pytest.raises(UnknownNameError, match="sl2"):
        AffineInvariantClassifier(**(TINY | {"group": "sl"})).fit(X, np.arange(len(X)) % 2)

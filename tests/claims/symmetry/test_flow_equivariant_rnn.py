from dataclasses import replace

import pytest
import torch

from reprise.claim import Trial
from reprise.claims.symmetry._flow_equivariant_rnn import digits, exactness, forecasting
from reprise.claims.symmetry._flow_equivariant_rnn.sizes import (
    BLANK,
    COPY,
    FERNN,
    GRNN,
    GRNN_PLUS,
    SIZES,
)
from reprise.claims.symmetry.flow_equivariant_rnn import CLAIMS
from reprise.data.sources import all_sources
from reprise.errors import MissingDataError

QUICK = SIZES["quick"]
TRIAL = Trial(seed=1000, scale="quick")


@pytest.fixture(scope="module")
def images():
    return digits.load("quick")


def test_digits_of_training_and_test_never_meet(images):
    assert len(images.train) == digits.TRAIN_DIGITS
    assert len(images.train) + len(images.test) == 1797
    assert float(images.train.max()) == 1
    assert float(images.train.min()) == 0


def test_arms_of_a_comparison_have_the_same_weights():
    def count(arm, make):
        return sum(p.numel() for p in make(arm, QUICK).parameters())

    kernels = 5 * 5  # one for each velocity, five wide
    moving = forecasting.moving_network
    assert count(FERNN, moving) == count(GRNN, moving) == count(GRNN_PLUS, moving) - kernels
    assert count(FERNN, forecasting.turning_network) == count(GRNN, forecasting.turning_network)


def test_all_arms_are_measured_at_every_horizon_and_speed(images):
    measured = list(forecasting.measure_moving(TRIAL, replace(QUICK, steps=1), images))
    horizons = {(m.arm, m.x) for m in measured if m.metric == forecasting.BY_HORIZON}
    speeds = {(m.arm, m.x) for m in measured if m.metric == forecasting.BY_SPEED}
    arms = (FERNN, GRNN, GRNN_PLUS, COPY, BLANK)
    slow = (FERNN, GRNN, COPY, BLANK)
    assert horizons == {(arm, x) for arm in arms for x in range(1, QUICK.horizon + 1)}
    assert speeds == {(arm, x) for arm in slow for x in range(-3, 4)}


def test_repeating_the_last_frame_is_right_where_nothing_moves(images):
    still = forecasting._moving(images.test, QUICK, [(0, 0)], 3, length=4, seed=0)
    moving = forecasting._moving(images.test, QUICK, [(2, 0)], 3, length=4, seed=0)
    assert forecasting._errors(forecasting._copy, still, QUICK, TRIAL).tolist() == [0, 0, 0]
    assert (forecasting._errors(forecasting._copy, moving, QUICK, TRIAL) > 0.01).all()
    brightness = still.batch()[:, -1].square().mean()
    assert torch.allclose(forecasting._errors(forecasting._blank, still, QUICK, TRIAL)[-1], brightness)


def test_training_gives_the_same_network_for_the_same_seed(images):
    def weights(seed):
        trial = Trial(seed=seed, scale="quick")
        scenes = forecasting._moving(images.train, QUICK, [(1, 0)], QUICK.read, length=8, seed=seed)
        model = forecasting.trained(lambda: forecasting.moving_network(FERNN, QUICK), scenes, trial, QUICK, 1e-2)
        return torch.cat([p.flatten() for p in model.parameters()])

    assert torch.equal(weights(1000), weights(1000))
    assert not torch.allclose(weights(1000), weights(1001))


def test_errors_shrink_to_nothing_as_the_set_of_velocities_closes(images):
    measured = list(exactness.measure_exactness(TRIAL, images))
    by_reach = [m.value for m in measured if m.metric == exactness.OPEN]
    assert len(by_reach) == 4
    assert by_reach[-1] < 1e-5
    assert all(value > 0.1 for value in by_reach[:-1])
    others = [m.value for m in measured if m.metric == exactness.CLOSED and m.arm != FERNN]
    assert len(others) == 3
    assert min(others) > 0.1


def test_exactness_is_measured_on_large_digits_too():
    large = torch.rand(9, 28, 28, generator=torch.Generator().manual_seed(0))
    measured = list(exactness.measure_exactness(TRIAL, digits.Digits(large, large, "random", "none")))
    exact = [m.value for m in measured if m.arm == FERNN and m.metric != exactness.OPEN]
    assert len(exact) == 3
    assert max(exact) < 1e-5


def test_turning_digits_are_trained_in_batches_of_their_own(images, monkeypatch):
    taken = []
    monkeypatch.setattr(
        forecasting,
        "train",
        lambda *_, batch_size, schedule, **__: taken.append((batch_size, schedule)),
    )
    size = replace(QUICK, rotating_batch=3, schedule="constant")
    list(forecasting.measure_turning(TRIAL, size, images))
    list(forecasting.measure_moving(TRIAL, size, images))
    assert taken == [(3, "constant")] * 2 + [(QUICK.batch, "constant")] * 5


def test_claims_about_what_lies_ahead_are_judged_beyond_what_was_trained():
    for claim in CLAIMS:
        if claim.metric == forecasting.BY_HORIZON:
            for scale in claim.scales:
                assert min(claim.at) > SIZES[scale].read
                assert max(claim.at) <= SIZES[scale].horizon


def test_full_scale_moves_mnist_or_says_what_is_missing():
    here = any(source.name == "mnist" and source.here() for source in all_sources())
    if here:
        full = digits.load("full")
        assert full.train.shape[1:] == full.test.shape[1:] == (28, 28)
        assert float(full.train.max()) == 1
    else:
        with pytest.raises(MissingDataError, match="MNIST"):
            digits.load("full")

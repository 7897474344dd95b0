"""Claims of the Lie group decompositions: what they measure by."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch

from reprise.claim import Measurement, Trial, judge_all
from reprise.claims.symmetry._lie_decompositions import accuracy, group
from reprise.claims.symmetry._lie_decompositions.accuracy import (
    LOST,
    UPRIGHT,
    WARPED,
    Digits,
    PlainResNet,
    measure_accuracy,
)
from reprise.claims.symmetry._lie_decompositions.group import GROUPS, _gaussian, _through_logarithm, _without_logarithm
from reprise.claims.symmetry._lie_decompositions.layers import _draws, measure_layers, smooth_digits
from reprise.claims.symmetry._lie_decompositions.sizes import SIZES
from reprise.claims.symmetry.lie_decompositions import CLAIMS, LARGE
from reprise.symmetry.lie_decompositions import GL2, AffineResNet

DIGITS = np.random.default_rng(0).uniform(0, 16, (8, 8, 8))


@pytest.mark.parametrize("name", GROUPS)
def test_matrices_without_a_real_logarithm_are_those_for_which_scipy_finds_none(name):
    g = _gaussian(GROUPS[name], 60, torch.Generator().manual_seed(0))
    GROUPS[name].require(g)
    ours = _without_logarithm(g).numpy()
    theirs = np.array([np.abs(np.imag(scipy.linalg.logm(matrix))).max() > 1e-3 for matrix in g.numpy()])
    assert 0.05 < ours.mean() < 0.5
    assert np.array_equal(ours, theirs)
    returned = np.array([np.allclose(_through_logarithm(matrix), matrix, atol=1e-6) for matrix in g.numpy()])
    assert not (returned & ours).any()


def test_layers_see_smooth_digits_and_elements_that_are_not_among_their_samples():
    images = smooth_digits(DIGITS, 3)
    assert images.shape == (3, 1, 33, 33)
    assert images[..., 0].max() < 1e-3
    for h, samples in _draws("gl2", 3, 4):
        assert (samples.g - h).abs().amax((1, 2)).min() > 1e-3


def test_layers_are_measured_by_the_seed_alone():
    first, again, other = (
        [m.value for m in measure_layers(Trial(seed=seed, scale="quick"), SIZES["quick"], DIGITS)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_plain_network_is_the_group_networks_twin():
    plain, twin = PlainResNet(6), AffineResNet("sl2", width=6, samples=2)
    images = torch.randn(2, 1, twin.smallest_image, twin.smallest_image)
    assert plain(images).shape == twin(images).shape
    assert [p.shape for p in plain.head.parameters()] == [p.shape for p in twin.head.parameters()]
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in plain.modules())
    assert convolutions == sum(type(module).__name__ in {"LiftConv2d", "GroupConv2d"} for module in twin.modules())


def test_every_network_is_tested_upright_and_warped():
    rng = np.random.default_rng(0)
    digits = Digits(rng.random((120, 16, 16), dtype=np.float32), rng.integers(0, 10, 120))
    found = list(measure_accuracy(Trial(seed=1000, scale="quick"), SIZES["quick"], digits))
    values = {(m.arm, m.metric): m.value for m in found}
    arms = {m.arm for m in found}
    assert arms == {"SL(2)", "SL(2), 2 draws", "SO(2)", "CNN", "wide CNN", "CNN + maps"}
    for arm in arms:
        assert values[arm, LOST] == pytest.approx(values[arm, UPRIGHT] - values[arm, WARPED])
        assert 0 <= values[arm, WARPED] <= 60  # noise has nothing to learn


def test_networks_of_a_comparison_answer_from_one_pass(monkeypatch):
    monkeypatch.setattr(accuracy, "_fit", lambda *_: None)
    monkeypatch.setattr(accuracy, "_accuracy", lambda model, images, labels, trial, draws: float(draws))
    digits = Digits(np.zeros((120, 16, 16), np.float32), np.zeros(120, np.int64))
    found = measure_accuracy(Trial(seed=1000, scale="quick"), SIZES["quick"], digits)
    draws = {m.arm: m.value for m in found if m.metric == WARPED}
    assert draws.pop("SL(2), 2 draws") == 2
    assert set(draws.values()) == {1}
    judged = {
        arm for claim in CLAIMS if claim.metric in {UPRIGHT, WARPED, LOST} for arm in (claim.ours, *claim.against)
    }
    assert judged == set(draws)


def test_wide_network_has_as_many_features_as_the_group_network():
    arms = accuracy._arms(SIZES["quick"])
    narrow, wide = arms["SL(2)"](), arms["wide CNN"]()
    assert wide.lift.out_channels == narrow.lift.out_channels * narrow.samples
    assert arms["CNN"]().lift.out_channels == narrow.lift.out_channels


def test_a_network_at_chance_does_not_win_by_having_nothing_to_lose():
    reached = {"SL(2)": (10.0, 10.0), "SO(2)": (98.0, 85.0), "CNN": (98.0, 80.0), "wide CNN": (98.0, 81.0)}
    trials = [
        (
            seed,
            [
                Measurement(arm, metric, value + seed / 10)
                for arm, (upright, warped) in reached.items()
                for metric, value in ((UPRIGHT, upright), (WARPED, warped), (LOST, upright - warped))
            ],
        )
        for seed in range(5)
    ]
    judged = {"fewer-points-lost", "as-good-upright", "loses-less"}
    outcomes = {v.id: v.outcome for v in judge_all([claim for claim in CLAIMS if claim.id in judged], trials)}
    assert outcomes["fewer-points-lost"] == "holds"
    assert outcomes["loses-less"] == "does not hold"


def test_both_ways_to_coordinates_are_counted_on_the_same_elements(monkeypatch):
    class FailsLater(GL2):
        def exp(self, coordinates):
            found = super().exp(coordinates)
            found[10:] = 0
            return found

    monkeypatch.setattr(group, "GROUPS", {"GL+(2)": FailsLater()})
    size = replace(SIZES["quick"], elements=40, logarithms=10)
    recovered = [m for m in group.measure_groups(Trial(seed=1000, scale="quick"), size) if m.metric == group.RECOVERED]
    assert {m.arm: m.value for m in recovered}["polar coordinates"] == 100


def test_accuracy_is_promised_only_where_networks_are_trained():
    for claim in CLAIMS:
        trained = claim.metric in {UPRIGHT, WARPED, LOST} or claim.kind == "all_of"
        assert claim.scales == (LARGE if trained else ("quick", "desktop", "full"))
        assert not trained or all(SIZES[scale].epochs for scale in claim.scales)

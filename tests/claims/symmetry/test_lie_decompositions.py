"""Claims of the Lie group decompositions: what they measure by."""

import numpy as np
import pytest
import scipy.linalg
import torch

from reprise.claim import Trial
from reprise.claims.symmetry.lie_decompositions import CLAIMS, LARGE
from reprise.claims.symmetry.lie_decompositions.accuracy import (
    LOST,
    UPRIGHT,
    WARPED,
    Digits,
    PlainResNet,
    measure_accuracy,
)
from reprise.claims.symmetry.lie_decompositions.group import GROUPS, _gaussian, _through_logarithm, _without_logarithm
from reprise.claims.symmetry.lie_decompositions.layers import _draws, measure_layers, smooth_digits
from reprise.claims.symmetry.lie_decompositions.sizes import SIZES
from reprise.symmetry.lie_decompositions import AffineResNet

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
    plain, group = PlainResNet(6), AffineResNet("sl2", width=6, samples=2)
    images = torch.randn(2, 1, group.smallest_image, group.smallest_image)
    assert plain(images).shape == group(images).shape
    assert [p.shape for p in plain.head.parameters()] == [p.shape for p in group.head.parameters()]
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in plain.modules())
    assert convolutions == sum(type(module).__name__ in {"LiftConv2d", "GroupConv2d"} for module in group.modules())


def test_every_network_is_tested_upright_and_warped():
    rng = np.random.default_rng(0)
    digits = Digits(rng.random((120, 16, 16), dtype=np.float32), rng.integers(0, 10, 120))
    found = list(measure_accuracy(Trial(seed=1000, scale="quick"), SIZES["quick"], digits))
    values = {(m.arm, m.metric): m.value for m in found}
    arms = {m.arm for m in found}
    assert arms == {"SL(2)", "SO(2)", "CNN", "CNN + maps"}
    for arm in arms:
        assert values[arm, LOST] == pytest.approx(values[arm, UPRIGHT] - values[arm, WARPED])
        assert 0 <= values[arm, WARPED] <= 60  # noise has nothing to learn


def test_accuracy_is_promised_only_where_networks_are_trained():
    for claim in CLAIMS:
        trained = claim.metric in {UPRIGHT, WARPED, LOST}
        assert claim.scales == (LARGE if trained else ("quick", "desktop", "full"))
        assert not trained or all(SIZES[scale].epochs for scale in claim.scales)

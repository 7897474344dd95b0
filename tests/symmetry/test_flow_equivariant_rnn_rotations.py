import pytest
import torch

from reprise.errors import InvalidInputError
from reprise.nn.rotate import rotate_images
from reprise.symmetry.equivariance import FlowGroup, assert_equivariant
from reprise.symmetry.flow_equivariant_rnn import (
    CyclicConv,
    FERNNCell,
    FERNNClassifier,
    FERNNSeq2Seq,
    flow_equivariance_error,
    rotation_velocities,
    state_equivariance_error,
)
from reprise.symmetry.flow_equivariant_rnn.transport import orientation_turns

QUARTERS = rotation_velocities([-90, 0, 90, 180])  # all there are modulo 360 degrees
FIELDS = [("scalar", "regular"), ("regular", "regular"), ("regular", "scalar"), ("scalar", "scalar")]


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def turned(images, degrees, orientations=None):
    """Rotate a field: positions, and the orientation channels of a regular one."""
    images = rotate_images(images, torch.full((len(images),), float(degrees)))
    if orientations is None:
        return images
    parts = images.unflatten(1, (-1, orientations))
    return parts.roll(round(degrees * orientations / 360), dims=2).flatten(1, 2)


def smooth(*shape):
    """Images without detail that interpolation would lose, and nothing near the border."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, shape[-2]), torch.linspace(-1, 1, shape[-1]), indexing="ij")
    coarse = torch.nn.functional.interpolate(torch.randn(shape[0], shape[1], 4, 4), shape[-2:], mode="bicubic")
    return coarse * torch.exp(-8 * (x.square() + y.square()))


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("source", "target"), FIELDS)
@pytest.mark.parametrize("orientations", [4, 8])
def test_convolutions_turn_with_their_input_by_right_angles(orientations, source, target, kernel):
    conv = CyclicConv(2, 3, orientations, kernel, source=source, target=target).double()
    x = torch.randn(2, 2 * (orientations if source == "regular" else 1), 7, 7, dtype=torch.float64)
    moved = conv(turned(x, 90, orientations if source == "regular" else None))
    expected = turned(conv(x), 90, orientations if target == "regular" else None)
    assert torch.allclose(moved, expected, atol=1e-10)
    assert expected.abs().max() > 0.1


@pytest.mark.parametrize("source", ["scalar", "regular"])
def test_convolutions_turn_with_smooth_input_by_half_right_angles(source):
    conv = CyclicConv(1, 4, 8, 5, source=source)
    x = smooth(4, 8 if source == "regular" else 1, 41, 41)
    expected = turned(conv(x), 45, 8)
    with_channels = (conv(turned(x, 45, 8 if source == "regular" else None)) - expected).norm() / expected.norm()
    assert with_channels < 0.1
    without = (conv(turned(x, 45)) - turned(conv(x), 45)).norm() / expected.norm()
    assert without > 3 * with_channels  # the orientation channels must move too


def test_kernels_at_each_orientation_are_the_first_one_turned():
    kernels = CyclicConv(1, 1, 4, 5).kernels()  # (4, 1, 5, 5)
    for n in range(4):
        assert torch.allclose(kernels[n], torch.rot90(kernels[0], n, (1, 2)), atol=1e-5)


def test_orientation_channels_move_by_fractions_of_a_step():
    turn = orientation_turns(torch.tensor([0.0, 45.0, 10.0, -10.0, 360.0]), 8)
    eye = torch.eye(8, dtype=torch.float64)
    assert torch.allclose(turn[0], eye)
    assert torch.allclose(turn[4], eye)
    assert torch.allclose(turn[1], eye.roll(1, 0))
    # 10 degrees are 0.22 steps of 45; rounded towards zero they would be none
    assert torch.allclose(turn[2], (1 - 2 / 9) * eye + 2 / 9 * eye.roll(1, 0))
    assert torch.allclose(turn[3], turn[2].T)
    assert torch.allclose(turn.sum(1), torch.ones(5, 8, dtype=torch.float64))


@pytest.mark.parametrize("velocity", [90, 180])
def test_states_turn_and_are_renumbered(velocity):
    cell = FERNNCell(1, 3, QUARTERS, orientations=4)
    x = torch.rand(2, 5, 1, 7, 7)
    assert state_equivariance_error(cell, x, velocity, kind="rotation") < 1e-5
    assert cell(x[:, 0]).shape == (2, 4, 12, 7, 7)


def test_states_turn_nearly_by_angles_between_pixels():
    x = smooth(2, 4, 41, 41)[:, :, None]
    cell = FERNNCell(1, 3, rotation_velocities([-45, 0, 45]), orientations=8, kernel=5)
    assert state_equivariance_error(cell, x, 45, kind="rotation") < 0.2


def test_predictions_turn_exactly_where_velocities_are_closed():
    x = torch.rand(2, 4, 1, 6, 6)
    errors = {}
    for decode in ("transported", "official"):
        torch.manual_seed(0)
        model = FERNNSeq2Seq(1, 3, QUARTERS, decoder_layers=1, orientations=4, decode=decode)
        errors[decode] = flow_equivariance_error(lambda x, model=model: model(x, 4), x, 90, kind="rotation")
    assert errors["transported"] < 1e-5
    assert errors["official"] > 0.05


def test_forecasts_and_scores_pass_the_check_of_turning_flows():
    flow = FlowGroup(motion="turn", reach=2, step=90)
    x = torch.rand(1, 3, 1, 6, 6)
    scores = FERNNClassifier(1, 3, 4, QUARTERS, orientations=4)
    assert_equivariant(scores, x, flow, input_kinds="sequence", output_kind="scalar", n=3)
    model = FERNNSeq2Seq(1, 3, QUARTERS, decoder_layers=1, orientations=4)
    kinds = {"input_kinds": "sequence", "output_kind": flow.sequence_from(3), "steps": 3}
    assert_equivariant(model, x, flow, **kinds, n=3)


def test_class_scores_do_not_notice_turning():
    x = torch.rand(2, 4, 1, 6, 6)
    model = FERNNClassifier(1, 3, 4, QUARTERS, orientations=4)
    assert flow_equivariance_error(model, x, 90, kind="rotation") < 1e-5
    alone = FERNNClassifier(1, 3, 4, rotation_velocities([0]), orientations=4)
    assert flow_equivariance_error(alone, x, 90, kind="rotation") > 1e-4


def test_rotations_mix_neighbouring_velocities_too():
    cell = FERNNCell(1, 2, rotation_velocities([-20, -10, 0, 10, 20]), mix_velocities=1, orientations=4)
    h = cell(torch.rand(1, 1, 6, 6))
    assert cell.mixed == 3
    assert cell(torch.rand(1, 1, 6, 6), h).shape == (1, 5, 8, 6, 6)


def test_learning_moves_the_weights_of_every_convolution():
    model = FERNNSeq2Seq(1, 2, rotation_velocities([0, 45]), decoder_layers=1)
    model(torch.rand(1, 3, 1, 7, 7), 2).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("settings", [{"orientations": 0}, {"kernel": 4}, {"source": "vector"}])
def test_impossible_convolutions_are_refused(settings):
    with pytest.raises(InvalidInputError, match=r"at least 1|field"):
        CyclicConv(1, 1, **{"orientations": 4, **settings})

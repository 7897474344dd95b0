import copy
import pickle

import pytest
import torch
from torch import nn

from reprise import catalogue
from reprise.claims.symmetry._flow_equivariant_rnn.looped import LoopedSeq2Seq
from reprise.errors import InvalidInputError
from reprise.symmetry.equivariance import FlowGroup, assert_equivariant
from reprise.symmetry.flow_equivariant_rnn import (
    FERNNCell,
    FERNNClassifier,
    FERNNSeq2Seq,
    Rotations,
    Translations,
    flow_equivariance_error,
    flow_transform,
    rotation_velocities,
    state_equivariance_error,
    translation_velocities,
)
from reprise.symmetry.flow_equivariant_rnn.pooling import max_over_velocities
from reprise.training import train

LINE = translation_velocities((2, 0))
CLOSED = translation_velocities((2, 0))  # on frames 5 wide: all velocities there are


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def frames(*shape, dtype=torch.float32):
    return torch.rand(*shape, dtype=dtype)


def states(cell, x):
    h, all_states = None, []
    for frame in x.unbind(1):
        h = cell(frame, h)
        all_states.append(h)
    return all_states


# velocities


def test_grids_of_velocities_are_in_the_order_of_the_authors():
    grid = translation_velocities(2).velocities
    assert grid == tuple((x, y) for x in range(-2, 3) for y in range(-2, 3))
    assert translation_velocities(0).velocities == ((0, 0),)
    assert rotation_velocities([10, -10]).degrees == (10.0, -10.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Translations(()), "no velocities"),
        (lambda: Translations(((0, 0), (0, 0))), "listed twice"),
        (lambda: Translations(((0, 0), (1,))), "same number of axes"),
        (lambda: Translations(((0.5, 0),)), "whole numbers"),
        (lambda: translation_velocities(-1), "at least 0"),
        (lambda: translation_velocities((1, 1), dims=1), "1 of them"),
        (lambda: translation_velocities(1, dims=3), "dims=3"),
        (lambda: rotation_velocities([]), "no velocities"),
        (lambda: rotation_velocities([10, 10.0]), "listed twice"),
        (lambda: rotation_velocities([float("nan")]), "finite number of degrees"),
    ],
)
def test_impossible_velocities_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


# the cell beside its slow twin


@pytest.mark.parametrize("size", [(7, 6), (3, 9)])
@pytest.mark.parametrize("decoder_layers", [0, 2])
def test_outputs_and_gradients_are_those_of_the_loop_over_velocities(size, decoder_layers):
    looped = LoopedSeq2Seq(2, 5, 2, decoder_layers).double()
    ours = FERNNSeq2Seq(2, 5, decoder_layers=decoder_layers, decode="official").double()
    ours.load_state_dict(looped.state_dict())
    x = frames(3, 4, 2, *size, dtype=torch.float64)
    for model in (looped, ours):
        model(x, 3).square().sum().backward()
    assert torch.allclose(ours(x, 3), looped(x, 3), atol=1e-12)
    for name, weight in looped.named_parameters():
        expected = weight.grad
        assert torch.allclose(ours.get_parameter(name).grad, expected, atol=1e-9 * float(expected.abs().max())), name


def test_one_step_is_that_of_the_loop_for_any_state():
    looped = LoopedSeq2Seq(1, 4, 2).cell
    cell = FERNNCell(1, 4, translation_velocities(2))
    cell.load_state_dict(looped.state_dict())
    u, h = frames(2, 1, 8, 8), frames(2, 25, 4, 8, 8)
    assert torch.allclose(cell(u, h), looped(u, h), atol=1e-6)
    assert torch.allclose(cell(u), looped(u, torch.zeros_like(h)), atol=1e-6)
    shared = h[:, :1].expand(-1, 25, -1, -1, -1)  # convolved once, then spread
    assert torch.allclose(cell(u, shared), looped(u, shared), atol=1e-6)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_gradients_through_motion_and_margins(kernel):
    cell = FERNNCell(1, 2, [(0, 0), (2, -1)], kernel).double()
    u, h = frames(1, 1, 2, 3, dtype=torch.float64) - 0.5, frames(1, 2, 2, 2, 3, dtype=torch.float64) - 0.5
    assert torch.autograd.gradcheck(cell, (u.requires_grad_(), h.requires_grad_()))
    assert torch.autograd.gradcheck(lambda u, h: cell(u, cell(u)) + cell(u, h), (u, h))


def test_the_velocity_zero_alone_is_the_ordinary_convolutional_network():
    model = FERNNSeq2Seq(1, 6, [(0, 0)], decoder_layers=1, decode="official")
    conv = {
        name: nn.Conv2d(i, 6, 3, padding=1, padding_mode="circular", bias=False) for name, i in (("u", 1), ("h", 6))
    }
    conv["u"].load_state_dict(model.cell.conv_u.state_dict())
    conv["h"].load_state_dict(model.cell.conv_h.state_dict())
    x = frames(2, 3, 1, 8, 8)
    h = torch.zeros(2, 6, 8, 8)
    for frame in (*x.unbind(1), x[:, -1]):
        h = torch.relu(conv["u"](frame) + conv["h"](h))
    assert torch.allclose(model(x, 1)[:, 0], model.decoder_conv(h), atol=1e-6)


def test_parameters_do_not_depend_on_the_velocities():
    def count(velocities):
        return sum(p.numel() for p in FERNNSeq2Seq(1, 6, velocities).parameters())

    assert count(translation_velocities(0)) == count(translation_velocities(2)) == count([(3, 1)])


def test_moving_and_updating_apart_is_one_step():
    cell = FERNNCell(1, 3, LINE, kernel=5)
    u, h = frames(2, 1, 6, 7), frames(2, 5, 3, 6, 7)
    padded = cell.advance_and_pad(h)
    assert torch.allclose(cell.update(u, padded), cell(u, h), atol=1e-6)
    assert torch.equal(cell.crop(padded), cell.advance(h))
    for v, (vx, vy) in enumerate(LINE.velocities):
        assert torch.equal(cell.advance(h)[:, v], torch.roll(h[:, v], (vy, vx), (2, 3)))


def test_signals_are_images_one_pixel_high():
    signal, image = (
        FERNNSeq2Seq(1, 4, translation_velocities(1, dims=1), dims=1),
        FERNNSeq2Seq(1, 4, [(-1, 0), (0, 0), (1, 0)]),
    )
    for name, weight in signal.named_parameters():
        with torch.no_grad():
            image.get_parameter(name).zero_()[..., 1, :] = weight
    x = frames(2, 4, 1, 9)
    assert signal(x, 3).shape == (2, 3, 1, 9)
    assert torch.allclose(signal(x, 3), image(x[..., None, :], 3)[..., 0, :], atol=1e-6)


# flows


def test_flow_moves_each_frame_by_its_time():
    x = frames(2, 4, 3, 5, 6)
    moved = flow_transform(x, (2, -1), start=3)
    for t in range(4):
        assert torch.equal(moved[:, t], torch.roll(x[:, t], (-(t + 3), 2 * (t + 3)), (-2, -1)))
    turned = flow_transform(frames(2, 3, 1, 6, 6), 90, kind="rotation")
    assert turned.shape == (2, 3, 1, 6, 6)


def test_one_flow_after_another_is_their_sum():
    x = frames(1, 5, 1, 6, 7)
    assert torch.equal(flow_transform(flow_transform(x, (1, 2)), (2, -3)), flow_transform(x, (3, -1)))


@pytest.mark.parametrize("velocity", [(1, 0), (-2, 1), (4, -4)])
def test_hidden_states_move_and_are_renumbered(velocity):
    cell = FERNNCell(1, 6, translation_velocities(2), activation="tanh")
    x = frames(2, 6, 1, 11, 12)
    assert state_equivariance_error(cell, x, velocity) < 1e-5
    moved, straight = states(cell, flow_transform(x, velocity)), states(cell, x)
    listed = cell.velocities.velocities
    for v, nu in enumerate(listed):  # the same, spelled out
        origin = (nu[0] - velocity[0], nu[1] - velocity[1])
        if origin in listed:
            t = 5
            shift = (velocity[1] * t, velocity[0] * t)
            expected = torch.roll(straight[t][:, listed.index(origin)], shift, (2, 3))
            assert torch.allclose(moved[t][:, v], expected, atol=1e-5)


def test_a_network_without_velocities_does_not_follow():
    cell = FERNNCell(1, 6, [(0, 0)])
    x = frames(2, 6, 1, 11, 12)
    still, moved = states(cell, x)[-1], states(cell, flow_transform(x, (1, 0)))[-1]
    assert ((moved - torch.roll(still, 5, -1)).norm() / still.norm()) > 1e-2
    with pytest.raises(InvalidInputError, match="nothing to compare"):
        state_equivariance_error(cell, x, (1, 0))
    learned = FERNNCell(1, 6, LINE, transport="learned")
    assert state_equivariance_error(learned, x, (1, 0)) > 1e-2


@pytest.mark.parametrize("velocities", [[(0, 0)], LINE])
@pytest.mark.parametrize("transport", ["flow", "learned"])
@pytest.mark.parametrize("decode", ["official", "transported"])
def test_shifting_the_whole_sequence_shifts_the_prediction(velocities, transport, decode):
    model = FERNNSeq2Seq(1, 5, velocities, decoder_layers=1, decode=decode, transport=transport)
    x = frames(2, 4, 1, 8, 9)
    shifted = model(torch.roll(x, (3, 2), (-2, -1)), 3)
    assert torch.allclose(shifted, torch.roll(model(x, 3), (3, 2), (-2, -1)), atol=1e-5)


def test_the_part_that_moves_with_a_point_counts_its_frames():
    cell = FERNNCell(1, 1, translation_velocities(2))
    for convolution in (cell.conv_u, cell.conv_h):
        with torch.no_grad():
            convolution.weight.zero_()[..., 1, 1] = 1
    point = torch.zeros(1, 5, 1, 32, 32)
    point[..., 16, 16] = 1
    h = states(cell, flow_transform(point, (1, -2)))[-1][0, :, 0]
    largest = h.flatten(1).max(1).values
    with_point = cell.velocities.velocities.index((1, -2))
    assert h[with_point, 16 - 2 * 4, 16 + 4] == 5
    assert sorted(set(largest.tolist())) == [1, 5]
    assert largest.argmax() == with_point


@pytest.mark.parametrize("pool", ["max", "mean", "sum"])
@pytest.mark.parametrize("mix", [0, 1])
def test_predictions_follow_exactly_where_velocities_are_closed(pool, mix):
    def network(decode):
        torch.manual_seed(1)
        return FERNNSeq2Seq(1, 6, CLOSED, decoder_layers=1, pool=pool, decode=decode, mix_velocities=mix)

    x = frames(2, 4, 1, 4, 5)
    errors = {}
    for decode in ("transported", "official"):
        model = network(decode)
        errors[decode] = flow_equivariance_error(lambda x, model=model: model(x, 4), x, (2, 0))
    if not mix:
        assert errors["transported"] < 1e-5
    assert errors["official"] > 0.02 or pool != "max"
    assert errors["transported"] < errors["official"]


def test_forecasts_and_scores_pass_the_check_of_flows():
    flow = FlowGroup(dims=2, motion="shift", reach=2)
    x = frames(1, 3, 1, 5, 5)
    every = translation_velocities(2)
    model = FERNNSeq2Seq(1, 4, every, decoder_layers=1)
    assert_equivariant(model, x, flow, input_kinds="sequence", output_kind=flow.sequence_from(3), n=3, steps=3)
    assert_equivariant(FERNNClassifier(1, 3, 4, every), x, flow, input_kinds="sequence", output_kind="scalar", n=3)
    line, signals = FlowGroup(dims=1), frames(1, 3, 1, 5)
    network = FERNNSeq2Seq(1, 4, translation_velocities(2, dims=1), decoder_layers=1, dims=1)
    kinds = {"input_kinds": "sequence", "output_kind": line.sequence_from(3), "steps": 2}
    assert_equivariant(network, signals, line, **kinds, n=3)


def test_official_decoding_breaks_the_flow():
    model = FERNNSeq2Seq(1, 8, CLOSED, decoder_layers=2, decode="official")
    x = frames(2, 4, 1, 5, 5)
    assert flow_equivariance_error(lambda x: model(x, 4), x, (1, 0)) > 0.1


def test_truncation_shrinks_as_the_set_grows():
    x = frames(2, 4, 1, 5, 15)
    errors = []
    for reach in (1, 3, 7):  # with 7 all velocities of the width
        torch.manual_seed(1)
        model = FERNNSeq2Seq(1, 6, translation_velocities((reach, 0)), decoder_layers=1, pool="mean")
        errors.append(flow_equivariance_error(lambda x, model=model: model(x, 3), x, (1, 0)))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-5


def test_parts_keep_their_mode_when_the_flow_is_measured():
    norm = nn.BatchNorm3d(1).eval()
    model = nn.Sequential(norm, nn.Dropout(0.5))
    flow_equivariance_error(model, frames(2, 1, 1, 6, 5), (1, 0), start=0)
    assert model.training
    assert model[1].training
    assert not norm.training


@pytest.mark.parametrize("mix", [0, 1])
@pytest.mark.parametrize("dims", [1, 2])
def test_class_scores_do_not_notice_where_a_sequence_is(dims, mix):
    model = FERNNClassifier(1, 4, 5, translation_velocities(1, dims), dims=dims, mix_velocities=mix)
    x = frames(2, 4, 1, *(8, 9)[2 - dims :])
    assert torch.allclose(model(torch.roll(x, 3, -1)), model(x), atol=1e-5)
    assert not torch.allclose(model(x.flip(1)), model(x), atol=1e-5)


@pytest.mark.parametrize(("dims", "mix"), [(1, 0), (1, 1), (2, 1)])
def test_signals_and_mixed_velocities_shift_with_the_sequence_too(dims, mix):
    model = FERNNSeq2Seq(1, 5, translation_velocities(1, dims), decoder_layers=1, dims=dims, mix_velocities=mix)
    x = frames(2, 4, 1, *(8, 9)[2 - dims :])
    assert torch.allclose(model(torch.roll(x, 2, -1), 3), torch.roll(model(x, 3), 2, -1), atol=1e-5)


def test_class_scores_do_not_notice_the_flow():
    x = frames(3, 5, 1, 6, 5)
    model = FERNNClassifier(1, 4, 6, CLOSED)
    assert flow_equivariance_error(model, x, (1, 0)) < 1e-5
    assert flow_equivariance_error(FERNNClassifier(1, 4, 6, [(0, 0)]), x, (1, 0)) > 1e-4
    encoder = nn.Conv2d(1, 3, 3, padding=1, padding_mode="circular")
    assert flow_equivariance_error(FERNNClassifier(3, 4, 6, CLOSED, encoder=encoder), x, (2, 0)) < 1e-5


# mixing


def test_mixing_with_the_weights_of_no_other_velocity_is_no_mixing():
    apart, mixed = (
        FERNNCell(1, 4, translation_velocities(1)),
        FERNNCell(1, 4, translation_velocities(1), mix_velocities=1),
    )
    assert mixed.mixed == 9
    with torch.no_grad():
        mixed.conv_u.weight.copy_(apart.conv_u.weight)
        mixed.conv_h.weight.zero_().unflatten(1, (9, 4))[:, 4] = apart.conv_h.weight
    x = frames(2, 5, 1, 6, 7)
    for one, other in zip(states(apart, x), states(mixed, x), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_mixing_is_a_convolution_over_velocities_before_the_motion():
    cell = FERNNCell(1, 3, LINE, mix_velocities=2)
    u, h = frames(2, 1, 6, 7), frames(2, 5, 3, 6, 7)
    weight = cell.conv_h.weight.unflatten(1, (5, 3))
    padded = nn.functional.pad(h.flatten(0, 1), (1, 1, 1, 1), mode="circular").unflatten(0, (2, 5))
    seen = nn.functional.conv2d(nn.functional.pad(u, (1, 1, 1, 1), mode="circular"), cell.conv_u.weight)
    for v in range(5):
        total = sum(
            nn.functional.conv2d(padded[:, v + offset], weight[:, offset + 2])
            for offset in range(-2, 3)
            if 0 <= v + offset < 5
        )
        expected = torch.relu(torch.roll(total, LINE.velocities[v][0], -1) + seen)
        assert torch.allclose(cell(u, h)[:, v], expected, atol=1e-5)


def test_mixed_states_follow_until_the_edge_of_the_set_is_felt():
    cell = FERNNCell(1, 3, translation_velocities((6, 0)), mix_velocities=1).double()
    x = frames(1, 3, 1, 5, 40, dtype=torch.float64)
    still, moved = states(cell, x)[-1], states(cell, flow_transform(x, (1, 0)))[-1]
    inside = slice(4, 9)  # two recurrent steps reach two velocities far
    expected = torch.roll(still[:, 3:8], 2, -1)
    assert torch.allclose(moved[:, inside], expected, atol=1e-10)


# training and use


@pytest.mark.parametrize("decode", ["transported", "official"])
def test_no_gradient_passes_through_the_frame_that_is_fed_back(decode):
    model = FERNNSeq2Seq(1, 3, LINE, decoder_layers=0, decode=decode)
    weight = model.decoder_conv[0].weight
    predicted, _, decoded = model(frames(1, 3, 1, 6, 6), 2, return_hidden=True)
    # the first frame comes from the same weights, but reaches the second only as a number
    alone = model.decoder_conv(decoded[:, 1].amax(1).detach())
    assert torch.allclose(predicted[:, 1], alone, atol=1e-6)
    (through,) = torch.autograd.grad(predicted[:, 1].sum(), weight)
    (direct,) = torch.autograd.grad(alone.sum(), weight)
    assert torch.allclose(through, direct, atol=1e-5)
    assert direct.abs().sum() > 0


def test_maximum_over_velocities_and_its_gradient_are_those_of_torch():
    state = torch.randn(2, 5, 3, 4, 6, dtype=torch.float64).relu().requires_grad_()
    state.data[0, :2, 0] = 7.0  # ties
    weight = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    ours, theirs = max_over_velocities(state), state.amax(1)
    assert torch.equal(ours, theirs)
    (got,) = torch.autograd.grad((ours * weight).sum(), state)
    (expected,) = torch.autograd.grad((theirs * weight).sum(), state)
    assert torch.allclose(got, expected, atol=1e-12)


def test_hidden_states_come_along():
    model = FERNNSeq2Seq(1, 4, LINE, decoder_layers=1)
    predicted, read, decoded = model(frames(2, 3, 1, 6, 6), 2, return_hidden=True)
    assert predicted.shape == (2, 2, 1, 6, 6)
    assert read.shape == (2, 3, 5, 4, 6, 6)
    assert decoded.shape == (2, 2, 5, 4, 6, 6)
    assert torch.allclose(decoded[:, 0], model.cell.advance(read[:, -1]))


def test_what_is_learned_slowly_holds_at_speed():
    stripes = torch.rand(64, 1, 1, 12, generator=torch.Generator().manual_seed(0)).round()
    still = stripes[:, None].expand(-1, 6, -1, -1, -1)

    def errors(velocities):
        torch.manual_seed(0)
        model = FERNNSeq2Seq(1, 6, velocities, decoder_layers=1)
        x = torch.cat([flow_transform(still, (v, 0)) for v in (-1, 0, 1)])

        def loss(model, x):
            return nn.functional.mse_loss(model(x[:, :3], 3), x[:, 3:])

        train(model, loss, x, epochs=12, batch_size=16, lr=1e-2, clip=1.0, seed=0)
        fast = flow_transform(still, (2, 0))
        with torch.no_grad():
            return float(loss(model, fast))

    assert errors([(v, 0) for v in range(-3, 4)]) < 0.5 * errors([(0, 0)])


@pytest.mark.parametrize(
    "make",
    [
        lambda: FERNNSeq2Seq(1, 4, LINE, decoder_layers=1),
        lambda: FERNNSeq2Seq(1, 2, rotation_velocities([-90, 0, 90]), decoder_layers=1, orientations=4),
        lambda: FERNNSeq2Seq(1, 4, LINE, decoder_layers=1, transport="learned"),
    ],
    ids=["translations", "rotations", "learned"],
)
def test_weights_pickles_and_copies_come_back_whole(make):
    model, x = make(), frames(1, 3, 1, 6, 6)
    expected = model(x, 2)
    other = make()
    other.load_state_dict(model.state_dict())
    for same in (other, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(same(x, 2), expected)
    precise = model.double()(x.double(), 2)
    assert precise.dtype == torch.float64
    assert torch.allclose(precise.float(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FERNNCell(1, 4, LINE, kernel=2), "odd"),
        (lambda: FERNNCell(0, 4, LINE), "in_channels is 0"),
        (lambda: FERNNCell(1, 4, LINE, dims=1), "both must agree"),
        (lambda: FERNNCell(1, 4, LINE, transport="none"), "transport is"),
        (lambda: FERNNCell(1, 4, rotation_velocities([0]), transport="learned"), "translations only"),
        (lambda: FERNNCell(1, 4, []), "no velocities"),
        (lambda: FERNNCell(1, 4, LINE)(torch.zeros(2, 3, 5, 5)), r"\(B, 1, H, W\)"),
        (lambda: FERNNCell(1, 4, LINE)(torch.zeros(2, 1, 5, 5, dtype=torch.long)), "floating"),
        (lambda: FERNNCell(1, 4, LINE)(torch.zeros(2, 1, 5, 5), torch.zeros(2, 4, 4, 5, 5)), "5 velocities"),
        (lambda: FERNNCell(1, 4, LINE)(torch.zeros(2, 1, 5, 5), torch.zeros(2, 5, 4, 5, 6)), "agree in batch and size"),
        (lambda: FERNNCell(1, 4, LINE, mix_velocities=1).update(torch.zeros(1, 1, 5, 5), None), "convolved before"),
        (lambda: FERNNSeq2Seq(1, 4, LINE, pool="median"), "pool is one of"),
        (lambda: FERNNSeq2Seq(1, 4, LINE, decode="twice"), "decode is one of"),
        (lambda: FERNNSeq2Seq(1, 4, LINE)(torch.zeros(2, 3, 5, 5), 2), r"\(B, T, C, H, W\)"),
        (lambda: FERNNSeq2Seq(1, 4, LINE)(torch.zeros(2, 0, 1, 5, 5), 2), "nothing empty"),
        (lambda: FERNNSeq2Seq(1, 4, LINE)(torch.full((2, 3, 1, 5, 5), torch.nan), 2), "not finite"),
        (lambda: FERNNSeq2Seq(1, 4, LINE)(torch.zeros(2, 3, 1, 5, 5), 0), "steps is 0"),
        (lambda: FERNNClassifier(1, 1, 4, LINE), "num_classes is 1"),
        (lambda: FERNNClassifier(1, 3, 4, LINE)(torch.zeros(2, 3, 2, 5, 5)), "1 channels"),
        (lambda: flow_transform(torch.zeros(1, 2, 1, 4, 4), (1,)), "velocities of 2 numbers"),
        (lambda: flow_transform(torch.zeros(1, 2, 1, 4, 4), (0.5, 0)), "whole numbers"),
        (lambda: flow_transform(torch.zeros(1, 2, 1, 4), 10, kind="rotation"), "of images"),
        (lambda: flow_transform(torch.zeros(1, 2, 1, 4, 4), (1, 0), kind="shear"), "kind is"),
        (lambda: flow_equivariance_error(torch.zeros_like, torch.rand(1, 2, 1, 4, 4), (1, 0)), "all zero"),
    ],
)  # fmt: skip
def test_bad_settings_and_inputs_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_everything_the_catalogue_serves_exists():
    for serving in catalogue.paper("flow-equivariant-rnn").serves:
        module, name = serving.object.rsplit(".", 1)
        assert hasattr(__import__(module, fromlist=[name]), name)


def test_velocities_are_compared_as_sets_of_values():
    assert Rotations((0, 10)) == rotation_velocities([0.0, 10.0])

"""Linear groups, pixel grids, warped images and flows as `equivariance_error` takes them."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reprise.errors import InvalidInputError
from reprise.symmetry.equivariance import (
    FlowGroup,
    LinearGroup,
    assert_equivariant,
    central_disc,
    equivariance_error,
    group_named,
    warp,
)

EXACT = 1e-12


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


def error(model, inputs, group, kinds, output, **settings):
    return equivariance_error(model, inputs, group, input_kinds=kinds, output_kind=output, **settings)


def blob(size=65, width=8.0, centre=(4.0, -6.0)):
    """A smooth image: interpolation hardly errs on it."""
    line = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return torch.exp(-((line[:, None] - centre[1]) ** 2 + (line[None, :] - centre[0]) ** 2) / (2 * width**2))[
        None, None
    ]


@pytest.mark.parametrize("name", ["GL+(2)", "GL+3", "SL(2)", "SL(4)"])
def test_linear_groups_act_on_vectors_covectors_and_matrices(name):
    group = group_named(name)
    x, y = randn(6, group.dim), randn(6, group.dim, seed=1)
    pairing = lambda x, y: (x * y).sum(-1)  # noqa: E731
    outer = lambda x, y: x[..., :, None] * y[..., None, :]  # noqa: E731
    assert error(pairing, (x, y), name, ("vector", "covector"), "scalar").maximal < 1e-10
    assert error(outer, (x, y), name, ("vector", "vector"), "matrix").maximal < EXACT
    assert error(pairing, (x, y), name, ("vector", "vector"), "scalar").mean > 0.1


def test_only_the_special_group_keeps_volume():
    volume = lambda x: torch.linalg.det(x)  # noqa: E731
    x = randn(5, 3, 3)
    assert error(volume, x, "SL(3)", "vector", "scalar").maximal < 1e-10
    assert error(volume, x, "GL+(3)", "vector", "scalar").mean > 0.1
    inverse = lambda x: 1 / torch.linalg.det(x)  # noqa: E731
    assert error(inverse, x, "GL+(3)", "vector", "density").maximal < 1e-10


def test_linear_maps_keep_orientation_and_stretch():
    for unimodular in (False, True):
        group = LinearGroup(3, unimodular=unimodular)
        maps = torch.stack([group.draw((randn(1, 3),), ("vector",), generator(seed)) for seed in range(20)])
        assert bool((torch.linalg.det(maps) > 0).all())
        assert bool((torch.linalg.cond(maps) > 1.05).all())
        assert torch.allclose(torch.linalg.det(maps), maps.new_ones(20)) == unimodular


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_warping_by_quarter_turns_moves_pixels(degrees):
    image = randn(2, 3, 7, 7)
    turn = torch.tensor(
        [[math.cos(math.radians(degrees)), -math.sin(math.radians(degrees))],
         [math.sin(math.radians(degrees)), math.cos(math.radians(degrees))]]
    )  # fmt: skip
    assert torch.allclose(warp(image, turn), image.rot90(-degrees // 90, (-2, -1)), atol=1e-6)


def test_warping_shifts_by_whole_pixels():
    image = randn(1, 5, 6)
    moved = warp(image, torch.eye(2), torch.tensor([2.0, 1.0]))
    assert torch.allclose(moved[:, 1:, 2:], image[:, :-1, :-2])
    assert bool((moved[:, 0] == 0).all())


def test_warping_is_an_action():
    group = LinearGroup(2)
    g, h = (group.draw((blob(),), ("image",), generator(seed)) for seed in (0, 1))
    twice, once = warp(warp(blob(), h), g), warp(blob(), g @ h)
    keep = central_disc(0.5)
    assert float((keep(twice - once)).norm() / keep(once).norm()) < 0.02


@pytest.mark.parametrize("name", ["SO(2)", "O(2)", "SE(2)", "GL+(2)", "SL(2)"])
def test_pointwise_image_maps_are_equivariant_up_to_interpolation(name):
    square = lambda x: x**2  # noqa: E731
    ramp = lambda x: x * torch.linspace(0, 1, 65, dtype=x.dtype)  # noqa: E731
    keep = central_disc(0.6)
    assert error(square, blob(), name, "image", "image", region=keep).maximal < 0.05
    assert error(ramp, blob(), name, "image", "image", region=keep).mean > 0.1


def test_central_disc_leaves_out_the_corners_that_a_turn_loses():
    ones = torch.ones(1, 1, 33, 33, dtype=torch.float64)
    identity = lambda x: x  # noqa: E731
    brightness = lambda x: torch.ones_like(x)  # noqa: E731
    assert error(identity, ones, "SO(2)", "image", "image").maximal < EXACT
    assert error(brightness, ones, "SO(2)", "image", "image").maximal > 0.01
    assert error(brightness, ones, "SO(2)", "image", "image", region=central_disc(0.9)).maximal < 1e-6


def test_grid_groups_are_exact_for_convolutions_with_symmetric_kernels():
    kernel = torch.tensor([[1.0, 2, 1], [2, 5, 2], [1, 2, 1]])[None, None]
    skew = torch.tensor([[0.0, 2, 1], [2, 5, 2], [1, 2, 1]])[None, None]
    convolve = lambda kernel: lambda x: F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), kernel.to(x))  # noqa: E731
    for name in ("C4", "D4", "p4", "p4m", "torus"):
        assert_equivariant(convolve(kernel), randn(2, 1, 8, 8), name, input_kinds="image", output_kind="image")
    image = randn(2, 1, 8, 8)
    assert error(convolve(skew), image, "torus", "image", "image").maximal < EXACT
    assert error(convolve(skew), image, "C4", "image", "image").maximal > 0.01


def test_mirrors_are_asked_for():
    kernel = randn(1, 1, 5, 5)
    pinwheel = sum(kernel.rot90(k, (-2, -1)) for k in range(4))
    layer = lambda x: F.conv2d(F.pad(x, (2, 2, 2, 2), mode="circular"), pinwheel.to(x))  # noqa: E731
    image = randn(1, 1, 6, 6, seed=3)
    assert error(layer, image, "p4", "image", "image").maximal < EXACT
    assert error(layer, image, "p4m", "image", "image").maximal > 0.01


class Leaky(nn.Module):
    """A memory of past frames that moves along with velocity `drift` each step."""

    def __init__(self, drift):
        super().__init__()
        self.drift = drift

    def forward(self, clip):
        state, states = torch.zeros_like(clip[:, 0]), []
        for frame in clip.unbind(1):
            state = 0.5 * state.roll(self.drift, -1) + frame
            states.append(state)
        return torch.stack(states, 1)


def test_flows_tell_frame_by_frame_from_memory():
    clip = randn(2, 6, 1, 9)
    static = lambda clip: clip.sum((-1, -2))  # noqa: E731
    assert error(torch.tanh, clip, "flow(1)", "sequence", "sequence").maximal == 0
    assert error(static, clip, "flow(1)", "sequence", "scalar").maximal < EXACT
    assert error(Leaky(0), clip, "flow(1)", "sequence", "sequence").mean > 0.1


def test_memory_of_every_velocity_is_equivariant_to_flows():
    """The sum over all velocities of a torus is permuted by a flow, each state having moved t - 1 steps of it."""
    everywhere = lambda clip: torch.stack([Leaky(v)(clip) for v in range(5)]).amax(0)  # noqa: E731
    clip = randn(2, 6, 1, 5)
    assert error(everywhere, clip, "flow(1)", "sequence", "sequence").maximal < EXACT


def test_forecasts_go_on_with_the_flow():
    clip, flow = randn(1, 4, 2, 7, 8), FlowGroup(dims=2)
    last = lambda clip: clip[:, -1:]  # noqa: E731
    assert error(last, clip, flow, "sequence", flow.sequence_from(3)).maximal == 0
    assert error(last, clip, flow, "sequence", flow.sequence_from(4)).mean > 0.1


@pytest.mark.parametrize(("step", "bound"), [(90.0, 0.0), (30.0, 0.02)])
def test_turning_flows(step, bound):
    clip = blob().expand(1, 5, 1, 65, 65)
    flow = FlowGroup(motion="turn", step=step)
    square = lambda clip: clip**2  # noqa: E731
    assert error(square, clip, flow, "sequence", "sequence", region=central_disc()).maximal <= bound
    assert error(lambda clip: clip.flip(1), clip, flow, "sequence", "sequence", region=central_disc()).mean > 0.05


@pytest.mark.parametrize("motion", ["shift", "turn"])
def test_trajectories_follow_the_same_motion(motion):
    path = randn(2, 6, 3, 2)
    flow = FlowGroup(motion=motion, step=20.0)
    gaps = lambda path: (path[:, :, 0] - path[:, :, 1]).norm(dim=-1)  # noqa: E731
    steps = lambda path: (path[:, 1:] - path[:, :-1]).norm(dim=-1)  # noqa: E731
    assert error(gaps, path, flow, "trajectory", "scalar").maximal < EXACT
    assert error(steps, path, flow, "trajectory", "scalar").mean > 0.1


@pytest.mark.parametrize(("motion", "step"), [("shift", 1.0), ("turn", 90.0)])
def test_frames_and_trajectories_agree_on_where_a_point_goes(motion, step):
    """Reading a dot's place (x, y) off each frame turns the motion of frames into that of trajectories."""
    side = 25
    clip = torch.zeros(1, 4, 1, side, side, dtype=torch.float64)
    clip[0, :, 0, 9, 14] = 1

    def place(clip):
        axis = torch.arange(side, dtype=clip.dtype) - (side - 1) / 2
        x, y = (clip.sum(-2) * axis).sum(-1), (clip.sum(-1) * axis).sum(-1)
        return torch.stack([x, y], -1)

    flow = FlowGroup(motion=motion, step=step)
    assert error(place, clip, flow, "sequence", "trajectory").maximal < EXACT
    assert error(lambda clip: place(clip).flip(-1), clip, flow, "sequence", "trajectory").maximal > 0.1


def test_elements_take_the_type_of_what_they_move():
    """Atom numbers come first and are whole; the rotation must not be."""
    numbers, x = torch.tensor([6, 1, 8]), randn(3, 3)
    heaviest = lambda numbers, x: x[numbers.argmax()]  # noqa: E731
    for kind in ("invariant", "scalar"):
        assert error(heaviest, (numbers, x), "SO3", (kind, "vector"), "vector").maximal < EXACT


def test_shifts_need_no_square():
    layer = lambda x: x + x.roll(1, -1)  # noqa: E731
    assert error(layer, randn(1, 4, 6), "torus", "image", "image").maximal == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: group_named("GL(2)"), "There is no group 'GL\\(2\\)'"),
        (lambda: group_named("SL(2"), "no group"),
        (lambda: group_named("flow(3)"), "Space has 1 or 2 axes"),
        (lambda: FlowGroup(dims=1, motion="turn"), "turns need 2"),
        (lambda: FlowGroup(motion="spin"), "'shift' or 'turn'"),
        (lambda: FlowGroup(reach=0), "reach is at least 1"),
        (lambda: central_disc(0), "positive share"),
        (lambda: warp(torch.zeros(3, 3), torch.zeros(2, 2)), "invertible"),
        (lambda: warp(torch.zeros(3, 3, dtype=torch.long), torch.eye(2)), "floating"),
        (lambda: error(torch.relu, randn(3, 3), "SL(3)", "image", "image"), "maps of the plane"),
        (lambda: error(torch.relu, randn(4, 2), "SL(3)", "vector", "vector"), "shape \\(..., 3\\)"),
        (lambda: error(torch.relu, randn(4, 3), "GL+(3)", "position", "vector"), "does not act on 'position'"),
        (lambda: error(torch.relu, randn(4, 5), "C4", "image", "image"), "square images"),
        (lambda: error(torch.relu, randn(4, 4), "C4", "scalar", "image"), "One input must be of kind 'image'"),
        (lambda: error(torch.relu, randn(4), "torus", "image", "image"), "An image is"),
        (lambda: error(torch.relu, torch.arange(3), "SO3", "vector", "vector"), "acts on floating tensors"),
        (lambda: error(torch.relu, randn(4), "flow(1)", "sequence", "sequence"), "A sequence is"),
        (lambda: error(torch.relu, randn(4, 4, 3), "flow(2)", "trajectory", "scalar"), "A trajectory is"),
        (lambda: error(torch.relu, randn(4, 4, 3), "flow(1)", "clip", "scalar"), "does not act on 'clip'"),
        (lambda: LinearGroup(2, spread=-1).draw((randn(1, 2),), ("vector",), generator()), "at least 0"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(InvalidInputError, match=said):
        call()

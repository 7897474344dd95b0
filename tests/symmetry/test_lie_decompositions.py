"""Lie group decompositions: groups and their coordinates, kernels, layers, the network."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.nn.images import warp_images
from reprise.symmetry.equivariance import LinearGroup, central_disc, equivariance_error
from reprise.symmetry.lie_decompositions import (
    GL2,
    SL2,
    SO2,
    SPD2,
    AffineResNet,
    FeatureNorm,
    GLn,
    GroupConv2d,
    GroupResidualBlock,
    GroupSamples,
    LiftConv2d,
    SineKernel,
    SLn,
    SOn,
    SPDn,
    affine_equivariance_error,
    group_exp,
    group_log,
    group_named,
    polar_compose,
    polar_decompose,
)
from reprise.symmetry.lie_decompositions.kernels import hard_disc, kernel_grid, smooth_ball
from reprise.symmetry.lie_decompositions.rotations import rotation_exp, rotation_log
from reprise.training import train

GROUPS = [SO2(), SPD2(), SPD2(traceless=True), SL2(), GL2(), SOn(3), SOn(4), SPDn(3), SLn(3), GLn(3), SLn(4), GLn(5)]
PLANE = ["so2", "sl2", "gl2"]
REACH = {"so2": 1.0, "sl2": 1.5, "gl2": 3.0}
"""Of the grids that hold a kernel however it is turned and stretched; the smooth cut-off has a tail."""
HALF_TURN = torch.diag(torch.tensor([-2.0, -0.5], dtype=torch.float64))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def exact(group, count, seed=0):
    return group.sample_pair(count, generator(seed), dtype=torch.float64)


def gaussian(n, count, *, unit=False):
    g = torch.randn(count, n, n, generator=generator(), dtype=torch.float64)
    g[torch.linalg.det(g) < 0, :, 0] *= -1
    return g / torch.linalg.det(g)[:, None, None] ** (1 / n) if unit else g


def digits_like(size=33, count=3):
    """Smooth images: bumps at random around the centre."""
    at = 6 * torch.randn(count, 5, 2, 1, 1, generator=generator(5))
    line = torch.arange(size) - (size - 1) / 2
    squared = (line[None, :] - at[:, :, 0]) ** 2 + (line[:, None] - at[:, :, 1]) ** 2
    return torch.exp(-squared / 18).sum(1, keepdim=True)


# --- groups


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_bases_are_orthonormal_and_coordinates_come_back(group):
    gram = torch.einsum("aij,bij->ab", group.basis, group.basis)
    assert torch.allclose(gram, torch.eye(group.dim, dtype=torch.float64), atol=1e-7)
    v = torch.randn(4, 6, group.dim, generator=generator(), dtype=torch.float64)
    assert torch.allclose(group.vee(group.hat(v)), v)
    scaled = type(group)(*(() if type(group) in {SO2, SPD2, SL2, GL2} else (group.n,)), alpha=4.0)
    if scaled.dim == group.dim:
        assert torch.allclose(4 * torch.einsum("aij,bij->ab", scaled.basis, scaled.basis), gram, atol=1e-12)
        assert torch.allclose(scaled.vee(scaled.hat(v)), v)


def test_dimensions_and_the_papers_bases_of_the_plane():
    root = 1 / math.sqrt(2)
    assert [GLn(4).dim, SLn(4).dim, SOn(4).dim, SPDn(4).dim, SPDn(4, traceless=True).dim] == [16, 15, 6, 10, 9]
    symmetric, skew = [[0, root], [root, 0]], [[0, -root], [root, 0]]
    assert torch.allclose(SL2().basis, torch.tensor([symmetric, skew, [[root, 0], [0, -root]]]).double())
    diagonal = [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]
    assert torch.allclose(GL2().basis, torch.tensor([diagonal[0], symmetric, diagonal[1], skew]).double())


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_samples_are_elements_with_their_inverses(group):
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        samples = group.sample_pair(30, generator(), dtype=dtype)
        assert samples.g.dtype == dtype
        identity = torch.eye(group.n, dtype=dtype)
        assert (samples.g @ samples.inverse - identity).abs().max() < tolerance
        group.require(samples.g)
        if group.volume_preserving:
            assert (torch.linalg.det(samples.g) - 1).abs().max() < tolerance
    again, other = group.sample_pair(30, generator()), group.sample_pair(30, generator(1))
    assert torch.equal(again.g.double(), group.sample_pair(30, generator()).g.double())
    assert isinstance(group, SO2) or not torch.equal(again.g, other.g)


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_coordinates_lead_back_to_every_element(group):
    g = exact(group, 40).g
    if isinstance(group, SLn | GLn):
        g = torch.cat([g, gaussian(group.n, 200, unit=isinstance(group, SLn))])
    v = group.log(g)
    assert v.shape == (len(g), group.dim)
    assert (group.exp(v) - g).abs().max() < 1e-10 * max(1.0, float(g.abs().max()))
    assert (group.log(group.exp(v)) - v).abs().max() < 1e-7


def test_element_that_no_real_logarithm_reaches():
    assert np.iscomplexobj(scipy.linalg.logm(HALF_TURN.numpy()))
    log_p, r = polar_decompose(HALF_TURN)
    assert torch.allclose(log_p, torch.diag(torch.tensor([math.log(2), -math.log(2)])).double(), atol=1e-12)
    assert torch.allclose(r, -torch.eye(2, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(polar_compose(log_p, r), HALF_TURN, atol=1e-12)
    for group in ("sl2", "gl2"):
        v = group_log(HALF_TURN, group)
        assert torch.allclose(group_exp(v, group), HALF_TURN, atol=1e-12)
    assert group_log(HALF_TURN, "sl2")[1] == pytest.approx(math.sqrt(2) * math.pi)


@pytest.mark.parametrize("group", PLANE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_relation_of_an_element_to_itself_is_zero_and_not_a_whole_turn(group, dtype):
    samples = group_named(group).sample_pair(200, generator(), dtype=dtype)
    turned = GroupSamples(samples.g, samples.inverse).moved(samples.g[3])
    for s in (samples, turned):
        v = group_log(s.inverse @ s.g, group)
        assert v.abs().max() < (1e-5 if dtype == torch.float32 else 1e-12)
    below = torch.tensor([[1.0, 1e-8], [-1e-8, 1.0]], dtype=torch.float32)
    assert group_log(below, "so2").item() == 0.0


def test_angles_go_once_round():
    angle = torch.linspace(0, 2 * math.pi, 101, dtype=torch.float64)[:-1]
    r = rotation_exp(SO2().hat(math.sqrt(2) * angle[:, None]))
    assert torch.allclose(SO2().log(r)[:, 0], math.sqrt(2) * angle)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_logarithm_of_rotations_is_skew_and_its_exponential_the_rotation(n):
    r = SOn(n).sample_pair(30, generator(), dtype=torch.float64).g
    half = torch.diag(torch.tensor([-1.0, -1.0] + [1.0] * (n - 2), dtype=torch.float64))
    for rotation in (*r, half, torch.eye(n, dtype=torch.float64), r[0] @ half @ r[0].mT):
        a = rotation_log(rotation)
        assert torch.allclose(a, -a.mT, atol=1e-12)
        assert torch.allclose(rotation_exp(a), rotation, atol=1e-7)
    if n == 6:
        assert torch.allclose(rotation_exp(rotation_log(-torch.eye(6).double())), -torch.eye(6).double(), atol=1e-12)


@pytest.mark.parametrize("n", [3, 4])
def test_logarithm_of_rotations_is_that_of_scipy(n):
    r = SOn(n).sample_pair(20, generator(), dtype=torch.float64).g
    assert np.allclose(rotation_log(r), np.stack([scipy.linalg.logm(m).real for m in r.numpy()]), atol=1e-8)


@pytest.mark.parametrize("group", [SO2(), SL2(), GL2(), GLn(3)], ids=str)
def test_coordinates_have_right_gradients_at_the_identity_and_elsewhere(group):
    for v in (torch.zeros(group.dim), 0.3 + 0.1 * torch.arange(group.dim)):
        v = v.double().requires_grad_()
        assert torch.autograd.gradcheck(group.exp, v)
    g = exact(group, 5).g[1:]  # the first rotation is the identity, where an angle just below 0 is taken for 0
    assert torch.autograd.gradcheck(lambda g: group.log(g, check=False), g.requires_grad_())


@pytest.mark.parametrize("group", [SO2(), SL2(), GL2(), SLn(3)], ids=str)
def test_periodic_coordinates_are_continuous_and_tell_elements_apart(group):
    g = exact(group, 30).g
    numbers = group.periodic(g)
    assert numbers.shape == (30, group.periodic_dim)
    assert torch.pdist(numbers).min() > 1e-3
    near, below = torch.eye(group.n).double(), torch.eye(group.n).double()
    below[0, 1], below[1, 0] = 1e-4, -1e-4
    assert (group.periodic(below) - group.periodic(near)).abs().max() < 1e-3
    if group.n == 2:
        assert (group.log(below) - group.log(near)).abs().max() > 8  # √2 times nearly a whole turn
    assert torch.autograd.gradcheck(group.periodic, g[:3].clone().requires_grad_())


def test_convolution_with_periodic_kernels_moves_along():
    conv = GroupConv2d("sl2", 2, 3, 3, periodic=True)
    samples, h = exact(conv.group, 4), exact(conv.group, 1, seed=1).g[0]
    assert conv.kernel.sines[0].linear.in_features == 2 + 4
    x = torch.randn(1, 2, 4, 6, 6)
    # Where a kernel is a single pixel at the origin, moving the samples alone changes nothing.
    single = GroupConv2d("sl2", 2, 3, 1, periodic=True)
    assert torch.allclose(single(x, samples), single(x, samples.moved(h)), atol=1e-5)


def test_logarithms_of_samples_have_the_variance_asked_for():
    for group in (SPD2(variance=0.3), SPDn(3, traceless=True, variance=0.3)):
        v = group.log(exact(group, 4000).g)
        assert torch.allclose(v.T @ v / 4000, 0.3 * torch.eye(group.dim).double(), atol=0.03)
    stretched = polar_decompose(exact(GL2(variance=0.4), 4000).g)[0]  # g = S^(1/2) R halves the logarithm of S
    v = SPD2().vee(stretched)
    assert torch.allclose(v.var(0), torch.full((3,), 0.1).double(), atol=0.01)


def test_equidistant_rotations_do_not_repeat_an_end():
    angles = SO2().log(exact(SO2(), 8).g)[:, 0] / math.sqrt(2)
    assert torch.allclose(angles, 2 * math.pi / 8 * torch.arange(8).double())
    uniform = SO2(rotations="uniform")
    spread = uniform.log(exact(uniform, 2000).g)[:, 0] / math.sqrt(2)
    assert abs(float(spread.mean()) - math.pi) < 0.15


def test_samples_move_along():
    samples, h = exact(SL2(), 4), exact(SL2(), 1, seed=1).g[0]
    moved = samples.moved(h)
    assert torch.allclose(moved.g, h @ samples.g)
    assert torch.allclose(moved.g @ moved.inverse, torch.eye(2).double().expand(4, 2, 2), atol=1e-12)


def test_agrees_with_geomstats():
    pytest.importorskip("geomstats", exc_type=ImportError)
    from geomstats.geometry.spd_matrices import SPDMatrices

    g = gaussian(3, 20)
    theirs = SPDMatrices.logm((g @ g.mT).numpy()) / 2
    assert np.allclose(polar_decompose(g)[0], theirs, atol=1e-8)


# --- kernels


def test_grid_is_that_of_torch_and_subpixels_are_centred_in_their_pixels():
    theirs = nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, 5, 5], align_corners=False)[0]
    assert torch.allclose(kernel_grid(5)[:, 0].view(5, 5, 2), theirs, atol=1e-6)
    fine = kernel_grid(5, subpixels=4, reach=1.3)
    assert fine.shape == (25, 16, 2)
    assert torch.allclose(fine.mean(1), 1.3 * kernel_grid(5)[:, 0], atol=1e-6)
    assert (fine - fine.mean(1, keepdim=True)).abs().max() < 1.3 / 5


def test_kernel_is_the_mean_over_points_of_the_cut_network():
    kernel = SineKernel(3, 2, 4, fan=10, width=7, layers=1)
    nn.init.normal_(kernel.linear.bias)
    at, cut = torch.randn(6, 5, 3), torch.rand(6, 5)
    slow = torch.zeros(6, 4, 2)
    for i in range(6):
        for j in range(5):
            slow[i] += cut[i, j] * kernel.linear(kernel.sines(at[i, j])).view(4, 2) / 5
    assert torch.allclose(kernel(at, cut), slow, atol=1e-5)


def test_sine_layers_keep_their_variance():
    kernel = SineKernel(5, 1, 1, fan=1, width=400, layers=3)
    x = 2 * torch.rand(300, 5) - 1
    for layer in kernel.sines:
        x = layer(x).detach()
        assert 0.6 < float(x.std()) < 0.8  # sines of a wide distribution: 1/√2
    assert 0.5 < float(kernel.linear(x).detach().std()) < 1.8


def test_cut_offs():
    plane = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.01]])
    assert hard_disc(plane).tolist() == [1, 1, 0]
    assert smooth_ball(plane)[1] == 0.5
    assert smooth_ball(torch.ones(1, 6)) < smooth_ball(torch.ones(1, 4))


# --- layers


def slow_lift(layer, x, samples):
    """One pixel, one element, one point of the kernel after the other."""
    size, (count, _, height, width) = layer.kernel_size, x.shape
    points = kernel_grid(size)[:, 0]
    out = torch.zeros(count, layer.out_channels, len(samples.g), height - size + 1, width - size + 1)
    for n, inverse in enumerate(samples.inverse.float()):
        for p, u in enumerate(points):
            at = inverse @ u
            weight = layer.kernel.linear(layer.kernel.sines(at)).view(layer.out_channels, layer.in_channels)
            if layer.group.volume_preserving:
                weight = weight * float(at.norm() <= 1)
            else:
                weight = weight * torch.sigmoid(2 * (1 - at.norm())) / torch.linalg.det(samples.g[n].float())
            row, column = divmod(p, size)
            patch = x[:, :, row : row + out.shape[-2], column : column + out.shape[-1]]
            out[:, :, n] += torch.einsum("oc,bchw->bohw", weight, patch)
    return out + layer.bias[:, None, None, None]


def slow_group_convolution(layer, x, given, wanted):
    size, group = layer.kernel_size, layer.group
    points = kernel_grid(size)[:, 0]
    height, width = (side - size + 1 for side in x.shape[-2:])
    out = torch.zeros(len(x), layer.out_channels, len(wanted.g), height, width)
    for n, inverse in enumerate(wanted.inverse):
        for m, g in enumerate(given.g):
            fibre = group_log(inverse @ g, group).float()
            near = fibre.norm()
            if layer.periodic:  # of GL+(2), whose last coordinate is √2 times the angle
                turn = fibre[3].minimum(2 * math.sqrt(2) * math.pi - fibre[3])
                near, fibre = fibre[:3].norm().hypot(turn), group.periodic(inverse @ g).float()
            for p, u in enumerate(points):
                at = torch.cat([inverse.float() @ u, fibre])
                weight = layer.kernel.linear(layer.kernel.sines(at)).view(layer.out_channels, layer.in_channels)
                if group.volume_preserving:
                    weight = weight * float(at[:2].norm() <= 1)
                else:
                    weight = weight * torch.sigmoid(2 * (1 - at[:2].norm().hypot(near))) / torch.linalg.det(g.float())
                row, column = divmod(p, size)
                patch = x[:, :, m, row : row + height, column : column + width]
                out[:, :, n] += torch.einsum("oc,bchw->bohw", weight, patch)
    return out + layer.bias[:, None, None, None]


@pytest.mark.parametrize("group", PLANE)
def test_layers_are_their_slow_sums(group):
    lift, conv = LiftConv2d(group, 2, 3, 3), GroupConv2d(group, 3, 2, 3)
    for layer in (lift, conv):
        nn.init.normal_(layer.bias)
    given, wanted = exact(lift.group, 4), exact(lift.group, 3, seed=1)
    x = torch.randn(2, 2, 7, 8)
    lifted = lift(x, given)
    assert torch.allclose(lifted, slow_lift(lift, x, given), atol=1e-5)
    assert torch.allclose(conv(lifted, given, wanted), slow_group_convolution(conv, lifted, given, wanted), atol=1e-5)
    assert torch.equal(conv(lifted, given), conv(lifted, given, given))


def test_periodic_kernels_fade_out_with_the_logarithm_and_not_with_the_numbers_they_read():
    conv = GroupConv2d("gl2", 3, 2, 3, periodic=True)
    given, wanted = exact(conv.group, 4), exact(conv.group, 3, seed=1)
    x = torch.randn(2, 3, 4, 7, 8)
    assert torch.allclose(conv(x, given, wanted), slow_group_convolution(conv, x, given, wanted), atol=1e-5)
    turns = torch.tensor([-1e-4, 0.0, 1e-4], dtype=torch.float64)
    r = rotation_exp(SO2().hat(math.sqrt(2) * turns[:, None]))
    weight = conv.weight(GroupSamples(r, r.mT), GroupSamples(r[1:2], r[1:2]))
    below, at, above = weight[:, 0].unbind(2)
    assert (below - at).abs().max() < 0.01 * at.abs().max()
    assert (above - at).abs().max() < 0.01 * at.abs().max()


@pytest.mark.parametrize("group", PLANE)
def test_translations_are_exact(group):
    lift, conv = LiftConv2d(group, 1, 3, 5), GroupConv2d(group, 3, 2, 5)
    samples = exact(lift.group, 4)
    x = torch.zeros(1, 1, 30, 30)
    x[..., 10:18, 12:20] = torch.randn(8, 8)
    straight, moved = (conv(lift(image, samples), samples) for image in (x, x.roll((3, -2), (2, 3))))
    assert (moved - straight.roll((3, -2), (3, 4))).abs().max() < 1e-5


@pytest.mark.parametrize("group", PLANE)
def test_lifting_moves_along_with_the_image_and_an_ordinary_convolution_does_not(group):
    images = digits_like(65)
    lift = LiftConv2d(group, 1, 4, 9, bias=False, subpixels=4, reach=REACH[group], kernel={"w0": 3.0})
    samples = exact(lift.group, 6)
    conv = nn.Conv2d(1, 4, 9, bias=False)
    for h in samples.g[1:4]:
        assert affine_equivariance_error(lift, images, h, samples) < 0.05
        assert affine_equivariance_error(conv, images, h) > 0.1
    # Without the samples' moving along the layer is not equivariant either.
    fixed = lambda x: lift(x, samples).flatten(1, 2)  # noqa: E731
    assert affine_equivariance_error(fixed, images, samples.g[1]) > 0.1


@pytest.mark.parametrize("unimodular", [True, False])
def test_lifting_is_equivariant_to_linear_maps_beyond_its_own_samples(unimodular):
    group = "sl2" if unimodular else "gl2"
    lift = LiftConv2d(group, 1, 4, 9, bias=False, subpixels=4, reach=REACH[group], kernel={"w0": 3.0})
    samples = exact(lift.group, 5)
    error = equivariance_error(
        lambda x, g, inverse: lift(x, GroupSamples(g, inverse)).flatten(1, 2),
        (digits_like(65), *samples),
        LinearGroup(2, unimodular=unimodular, spread=0.1),
        input_kinds=("image", lambda a, g: a.double() @ g, lambda a, g: g @ torch.linalg.inv(a.double())),
        output_kind="image",
        region=central_disc(0.5),
        n=5,
    )
    assert error.mean < 0.05


@pytest.mark.parametrize("group", PLANE)
def test_group_convolution_moves_along_too(group):
    settings = {"bias": False, "subpixels": 4, "reach": REACH[group], "kernel": {"w0": 3.0}}
    lift, conv = LiftConv2d(group, 1, 3, 7, **settings), GroupConv2d(group, 3, 2, 7, **settings)
    given, wanted = exact(lift.group, 5), exact(lift.group, 4, seed=1)
    images, h = digits_like(65), exact(lift.group, 3, seed=2).g[1]
    straight = conv(lift(images, given), given, wanted).flatten(1, 2)
    moved = conv(lift(warp_images(images, h), given.moved(h)), given.moved(h), wanted.moved(h)).flatten(1, 2)
    middle = (..., slice(15, -15), slice(15, -15))
    expected = warp_images(straight, h)[middle]
    assert float((moved[middle] - expected).detach().norm() / expected.detach().norm()) < 0.05


def test_subpixels_bring_coarse_kernels_nearer_to_equivariance():
    images, errors = digits_like(33), []
    for settings in ({}, {"subpixels": 4, "reach": 1.3}):
        torch.manual_seed(0)
        lift = LiftConv2d("sl2", 1, 8, 5, bias=False, **settings)
        samples = exact(lift.group, 6)
        errors.append(np.mean([affine_equivariance_error(lift, images, h, samples) for h in samples.g[1:4]]))
    assert errors[1] < 0.5 * errors[0]


def test_the_papers_layer_is_further_from_equivariance_than_a_smooth_one():
    images, errors = digits_like(65), []
    for settings in ({}, {"subpixels": 4, "reach": 1.3, "kernel": {"w0": 3.0}}):
        torch.manual_seed(0)
        lift = LiftConv2d("sl2", 1, 4, 9, bias=False, **settings)
        samples = exact(lift.group, 6)
        errors.append(np.mean([affine_equivariance_error(lift, images, h, samples) for h in samples.g[1:4]]))
    assert errors[0] > 0.05 > errors[1]


# --- network


@pytest.fixture
def network():
    return AffineResNet("sl2", num_classes=4, width=3, samples=3, resample=False, kernel={"width": 8})


def test_network_gives_logits_and_trains_every_parameter(network):
    images = torch.randn(2, 1, 20, 22)
    logits = network(images)
    assert logits.shape == (2, 4)
    assert network.features(images).shape == (2, 3)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("group", PLANE)
@pytest.mark.parametrize("blocks", [0, 2])
def test_network_of_any_group_and_depth_takes_its_smallest_image(group, blocks):
    network = AffineResNet(group, 2, 3, width=2, blocks=blocks, samples=2, kernel_size=3, kernel={"width": 4}).eval()
    side = network.smallest_image
    assert network(torch.randn(1, 2, side, side)).shape == (1, 3)
    with pytest.raises(InvalidInputError, match=f"at least {side} pixels"):
        network(torch.randn(1, 2, side - 1, side + 5))


def test_features_do_not_see_a_shift():
    network = AffineResNet("sl2", width=4, blocks=0, samples=3, resample=False).eval()
    x = torch.zeros(1, 1, 40, 40)
    x[..., 12:20, 14:22] = torch.rand(8, 8)
    moved = network.features(x.roll((4, 6), (2, 3)))
    assert torch.allclose(network.features(x), moved, atol=1e-4)


def test_kept_elements_make_outputs_repeat_and_new_ones_follow_the_generator(network):
    images = torch.randn(2, 1, 16, 16)
    network.eval()
    assert torch.equal(network(images), network(images))
    network.resample = True
    assert not torch.equal(network(images), network(images))
    assert torch.equal(network(images, generator(3)), network(images, generator(3)))
    torch.manual_seed(7)
    first = network(images)
    torch.manual_seed(7)
    assert torch.equal(first, network(images))


def test_state_goes_round_with_the_kept_elements(network):
    other = AffineResNet("sl2", num_classes=4, width=3, samples=3, resample=False, kernel={"width": 8}, seed=5)
    images = torch.randn(2, 1, 16, 16)
    assert not torch.allclose(network.eval()(images), other.eval()(images))
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(images), other(images))


def test_double_precision_agrees(network):
    images = torch.randn(2, 1, 16, 16)
    single = network.eval()(images)
    assert torch.allclose(network.double()(images.double()), single.double(), atol=1e-3)


def test_training_repeats_under_a_seed():
    x, y = torch.randn(24, 1, 14, 14), torch.randint(0, 3, (24,))
    weights = []
    for _ in range(2):
        torch.manual_seed(3)
        network = AffineResNet("gl2", num_classes=3, width=2, samples=2, blocks=1, kernel={"width": 4})
        train(network, lambda m, b: nn.functional.cross_entropy(m(b[0]), b[1]), (x, y), epochs=1, batch_size=8, seed=1)
        weights.append(network.last.kernel.linear.weight.detach().clone())
    assert torch.equal(*weights)


def test_sine_layers_learn_at_their_own_rate(network):
    others, sines = network.parameter_groups(0.1, 0.5)
    assert (others["lr"], sines["lr"]) == (0.1, 0.05)
    count = len(list(network.parameters()))
    assert len(others["params"]) + len(sines["params"]) == count
    assert len(sines["params"]) == 4 * 3 * 2  # four convolutions, three sine layers of weight and bias


def test_norm_takes_all_of_an_image_and_scales_channels():
    x = 3 + 2 * torch.randn(2, 3, 4, 5, 5)
    y = FeatureNorm(3)(x)
    assert y.mean((1, 2, 3, 4)).abs().max() < 1e-5
    assert (y.var((1, 2, 3, 4), correction=0) - 1).abs().max() < 1e-4
    affine = FeatureNorm(3, affine=True)
    affine.weight.data[:], affine.bias.data[:] = torch.tensor([1.0, 2.0, 3.0]), 1.0
    assert torch.allclose(affine(x)[:, 1], 2 * y[:, 1] + 1, atol=1e-6)


# --- bad input

NAN = torch.full((2, 2), float("nan"))
TURNED_OVER = torch.diag(torch.tensor([1.0, -1.0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_log(TURNED_OVER, "gl2"), "positive determinant"),
        (lambda: group_log(torch.zeros(2, 2), "gl2"), "positive determinant"),
        (lambda: group_log(1.001 * torch.eye(2), "sl2"), "determinant 1"),
        (lambda: group_log(torch.eye(2) + 0.1, "so2"), "rotations"),
        (lambda: group_log(TURNED_OVER, "so2"), "reflection"),
        (lambda: group_log(torch.ones(2, 3), "gl2"), "square"),
        (lambda: group_log(torch.eye(3), "gl2"), "2, 2"),
        (lambda: group_log(NAN, "gl2"), "NaN"),
        (lambda: SPD2().log(-torch.eye(2)), "positive definite"),
        (lambda: SPD2().log(torch.tensor([[1.0, 0.5], [0.0, 1.0]])), "symmetric"),
        (lambda: SPD2(traceless=True).log(2 * torch.eye(2)), "determinant 1"),
        (lambda: group_exp(torch.zeros(3), "gl2"), "4 coordinates"),
        (lambda: SL2().vee(torch.eye(3)), "2, 2"),
        (lambda: SL2().sample_pair(0), "at least 1"),
        (lambda: SL2(variance=0.0), "variance"),
        (lambda: SL2(alpha=-1.0), "alpha"),
        (lambda: GLn(1), "at least 2"),
        (lambda: SOn(3, rotations="equidistant"), "plane"),
        (lambda: LiftConv2d("sl2", 1, 2, 1), "at least 2 x 2"),
        (lambda: LiftConv2d(SLn(3), 1, 2, 3), "groups of the plane"),
        (lambda: LiftConv2d("sl2", 0, 2, 3), "at least 1"),
        (lambda: LiftConv2d(SPD2(), 1, 2, 3), "no group"),
        (lambda: LiftConv2d("sl2", 1, 2, 3, kernel={"layers": -1}), "got -1"),
        (lambda: LiftConv2d("sl2", 1, 2, 3, kernel={"width": 0}), "got width=0"),
        (lambda: rotation_log(torch.eye(4, requires_grad=True)), "no gradient"),
        (lambda: LiftConv2d("sl2", 1, 2, 3, padding=-1), "padding"),
        (lambda: LiftConv2d("sl2", 1, 2, 3, subpixels=0), "at least 1"),
        (lambda: LiftConv2d("sl2", 1, 2, 3, reach=0.0), "reach"),
        (lambda: LiftConv2d("sl2", 1, 2, 3, kernel={"w0": 0.0}), "w0"),
        (lambda: LiftConv2d("sl2", 1, 2, 5)(torch.zeros(1, 1, 4, 9), SL2().sample_pair(2)), "smaller than the kernel"),
        (lambda: LiftConv2d("sl2", 1, 2, 3)(torch.zeros(1, 2, 9, 9), SL2().sample_pair(2)), "Images"),
        (lambda: GroupConv2d("sl2", 1, 2, 3)(torch.zeros(1, 1, 3, 9, 9), SL2().sample_pair(2)), "2 group samples"),
        (lambda: GroupResidualBlock("sl2", 2, 4), "odd"),
        (lambda: AffineResNet(samples=0), "at least 1"),
        (lambda: AffineResNet(width=0), "at least 1"),
        (lambda: AffineResNet(blocks=-1), "blocks"),
        (lambda: affine_equivariance_error(torch.clone, torch.ones(1, 1, 9, 9), torch.eye(2), SL2().sample_pair(1)),
         "Group samples"),
        (lambda: affine_equivariance_error(torch.clone, torch.zeros(1, 1, 9, 9), torch.eye(2)), "is 0"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_unknown_names_are_named():
    for call in (lambda: group_named("sl3"), lambda: SO2(rotations="evenly")):
        with pytest.raises(UnknownNameError):
            call()

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from reprise.errors import InvalidInputError
from reprise.nn.images import rotate_images, warp_images


def turn(degrees):
    angle = math.radians(degrees)
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)


def blob(height=33, width=33, at=(4.0, -2.0), size=3.0):
    """A smooth bump `at` (right, down) pixels from the centre."""
    y = torch.arange(height).double()[:, None] - (height - 1) / 2
    x = torch.arange(width).double() - (width - 1) / 2
    return torch.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * size**2))[None, None]


def random_images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(33, 33), (28, 41), (40, 30)])
def test_a_bump_moves_to_where_the_map_takes_its_centre(shape):
    g = torch.tensor([[1.1, 0.4], [-0.2, 0.9]], dtype=torch.float64)
    shift = torch.tensor([1.5, -2.0], dtype=torch.float64)
    moved = warp_images(blob(*shape), g, shift)[0, 0]
    to = g @ torch.tensor([4.0, -2.0]).double() + shift
    mass = moved / moved.sum()
    x = (mass.sum(0) * (torch.arange(shape[1]).double() - (shape[1] - 1) / 2)).sum()
    y = (mass.sum(1) * (torch.arange(shape[0]).double() - (shape[0] - 1) / 2)).sum()
    assert abs(float(x - to[0])) < 0.1
    assert abs(float(y - to[1])) < 0.1


def test_warp_is_that_of_scipy():
    image = random_images(1, 1, 21, 17)
    g = torch.tensor([[1.2, 0.3], [0.1, 0.8]], dtype=torch.float64)
    shift = torch.tensor([0.7, -1.3], dtype=torch.float64)
    inverse = torch.linalg.inv(g).numpy()[::-1, ::-1]  # scipy's axes are (down, right)
    centre = np.array([10.0, 8.0])
    offset = centre - inverse @ (centre + shift.numpy()[::-1])
    expected = scipy.ndimage.affine_transform(image[0, 0].numpy(), inverse, offset, order=1, mode="grid-constant")
    assert np.allclose(warp_images(image, g, shift)[0, 0], expected, atol=1e-12)


def test_quarter_turns_and_whole_shifts_are_exact():
    image = random_images(2, 3, 9, 9)
    turned = warp_images(image, turn(90))
    assert torch.allclose(turned, image.rot90(-1, (2, 3)), atol=1e-12)  # y points down: to the right goes down
    moved = warp_images(image, torch.eye(2), torch.tensor([2.0, 1.0]))
    assert torch.allclose(moved[..., 1:, 2:], image[..., :-1, :-2], atol=1e-12)
    assert float(moved[..., 0, :].abs().max()) < 1e-12


def test_one_after_the_other_is_the_product():
    g, h = turn(20), torch.tensor([[1.1, 0.2], [0.0, 0.95]], dtype=torch.float64)
    image = blob()
    assert (warp_images(warp_images(image, g), h) - warp_images(image, h @ g)).abs().max() < 0.02


def test_each_image_has_its_own_map():
    image = random_images(3, 1, 8, 8)
    maps = torch.stack([turn(0), turn(30), turn(70)])
    shifts = torch.tensor([[0.0, 0.0], [1.0, 0.5], [-2.0, 0.3]])
    together = warp_images(image, maps, shifts)
    for i in range(3):
        assert torch.allclose(together[i : i + 1], warp_images(image[i : i + 1], maps[i], shifts[i]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_one_map_goes_with_many_shifts_and_one_shift_with_many_maps(count):
    image, maps = random_images(count, 1, 8, 8), torch.stack([turn(10.0 * i) for i in range(count)])
    shifts = torch.arange(2.0 * count).view(count, 2) / 3
    for g, shift in ((maps[0], shifts), (maps, shifts[0])):
        together = warp_images(image, g, shift)
        each = warp_images(image, g.expand(count, 2, 2), shift.expand(count, 2))
        assert torch.allclose(together, each, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_types_lose_only_the_last_rounding(dtype):
    image = random_images(2, 1, 65, 65).to(dtype)
    g = torch.tensor([[1.1, 0.4], [-0.2, 0.9]])
    moved = warp_images(image, g)
    assert moved.dtype == dtype
    assert torch.equal(moved, warp_images(image.float(), g).to(dtype))


def test_gradients_reach_image_map_and_shift():
    image = random_images(1, 1, 6, 6).requires_grad_()
    g = (turn(10) * 1.1).requires_grad_()
    shift = torch.tensor([0.3, 0.2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(warp_images, (image, g, shift))


@pytest.mark.parametrize(
    ("images", "matrix", "shift", "message"),
    [
        (torch.zeros(3, 3), torch.eye(2), None, "Images"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.long), torch.eye(2), None, "floating"),
        (torch.zeros(2, 1, 3, 3), torch.eye(3), None, "Maps of the plane"),
        (torch.zeros(2, 1, 3, 3), torch.eye(2).expand(3, 2, 2), None, "Maps of the plane"),
        (torch.zeros(2, 1, 3, 3), torch.eye(2), torch.zeros(3), "Shifts"),
        (torch.zeros(2, 1, 3, 3), torch.ones(2, 2), None, "invertible"),
        (torch.zeros(2, 1, 3, 3), torch.full((2, 2), float("nan")), None, "finite"),
    ],
)
def test_bad_input_is_named(images, matrix, shift, message):
    with pytest.raises(InvalidInputError, match=message):
        warp_images(images, matrix, shift)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("quarters", [-3, 0, 1, 2, 5])
def test_right_angles_are_exact(quarters, dtype):
    images = torch.rand(2, 3, 7, 7, dtype=dtype)
    turned = rotate_images(images, torch.full((2,), 90.0 * quarters))
    assert torch.allclose(turned, torch.rot90(images, quarters, (2, 3)), atol=1e-5 if dtype == torch.float32 else 1e-12)


def test_a_point_goes_around_counter_clockwise_by_its_own_angle():
    y, x = torch.meshgrid(torch.arange(21.0) - 10, torch.arange(31.0) - 15, indexing="ij")
    blob = torch.exp(-((x - 7).square() + y.square()) / 4).expand(3, 1, 21, 31)
    degrees = torch.tensor([30.0, 90.0, -45.0])
    turned = rotate_images(blob, degrees)
    weight = turned / turned.sum((2, 3), keepdim=True)
    radians = torch.deg2rad(degrees)
    assert torch.allclose((weight * x).sum((1, 2, 3)), 7 * radians.cos(), atol=0.1)
    assert torch.allclose((weight * y).sum((1, 2, 3)), -7 * radians.sin(), atol=0.1)


def test_wrong_images_and_angles_are_refused():
    with pytest.raises(InvalidInputError, match=r"floating tensor \(B, C, H, W\)"):
        rotate_images(torch.zeros(3, 4, 4), torch.zeros(3))
    with pytest.raises(InvalidInputError, match="as many angles"):
        rotate_images(torch.zeros(2, 1, 4, 4), torch.zeros(3))

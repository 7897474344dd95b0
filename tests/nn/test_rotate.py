import pytest
import torch

from reprise.errors import InvalidInputError
from reprise.nn.rotate import rotate_images


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
    with pytest.raises(InvalidInputError, match=r"floating tensor \(N, C, H, W\)"):
        rotate_images(torch.zeros(3, 4, 4), torch.zeros(3))
    with pytest.raises(InvalidInputError, match="as many angles"):
        rotate_images(torch.zeros(2, 1, 4, 4), torch.zeros(3))

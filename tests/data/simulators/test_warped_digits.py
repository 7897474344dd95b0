import numpy as np
import pytest
from sklearn.datasets import load_digits

from reprise.data.simulators.warped_digits import AffineRange, frame_digits, random_affine_maps, warp_digits
from reprise.errors import InvalidInputError


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def framed():
    return frame_digits(load_digits().images[:50] / 16, 24, size=14)


def test_maps_are_rotation_times_shear_times_scales_within_their_ranges():
    maps, shifts = random_affine_maps(5000, rng())
    # QR undoes the product: the rotation is Q, the scales the diagonal of R, the shear what remains.
    q, r = np.linalg.qr(maps)
    signs = np.sign(np.diagonal(r, axis1=1, axis2=2))
    q, r = q * signs[:, None, :], r * signs[:, :, None]
    angles = np.rad2deg(np.arctan2(q[:, 1, 0], q[:, 0, 0]))
    shear = r[:, 0, 1] / r[:, 1, 1]
    for values, low, high in (
        (angles, -20, 20), (shear, -0.2, 0.2), (r[:, 0, 0], 0.8, 1.2), (r[:, 1, 1], 0.8, 1.2), (shifts, -8, 8),
    ):  # fmt: skip
        assert low <= values.min() < low + (high - low) / 100
        assert high - (high - low) / 100 < values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=(high - low) / 50)


def test_no_range_leaves_digits_as_they_are(framed):
    still = AffineRange(rotation=0, shear=0, scale=(1, 1), shift=0)
    assert np.allclose(warp_digits(framed, rng(), still), framed, atol=1e-6)


def test_each_digit_moves_on_its_own_and_by_the_seed_alone(framed):
    first, again, other = (warp_digits(framed, rng(seed), AffineRange(shift=3)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    same = warp_digits(np.repeat(framed[:1], 20, axis=0), rng(), AffineRange(shift=3))
    assert len(np.unique(same.reshape(20, -1), axis=0)) == 20


def test_a_shift_moves_the_centre_of_mass(framed):
    ranges = AffineRange(rotation=0, shear=0, scale=(1, 1), shift=3)
    _, shifts = random_affine_maps(len(framed), rng(), ranges)
    moved = warp_digits(framed, rng(), ranges)
    place = np.arange(24)
    for images, expected in ((framed, np.zeros(2)), (moved, shifts)):
        weights = images.sum((1, 2))
        x = (images.sum(1) @ place) / weights - (framed.sum(1) @ place) / framed.sum((1, 2))
        y = (images.sum(2) @ place) / weights - (framed.sum(2) @ place) / framed.sum((1, 2))
        assert np.allclose(np.stack([x, y], axis=1), expected, atol=0.05)


def test_frames_hold_the_digits_in_their_middle():
    images = rng().random((3, 8, 8))
    framed = frame_digits(images, 12)
    assert np.allclose(framed[:, 2:10, 2:10], images)
    assert framed.sum() == pytest.approx(images.sum(), rel=1e-6)
    assert frame_digits(images, 24, size=14)[:, 5:19, 5:19].min() > 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: frame_digits(np.zeros((2, 8)), 24),
        lambda: frame_digits(np.zeros((2, 8, 8)), 6),
        lambda: warp_digits(np.full((2, 8, 8), np.nan), rng()),
        lambda: warp_digits(np.zeros((8, 8)), rng()),
        lambda: random_affine_maps(-1, rng()),
        lambda: AffineRange(rotation=-1),
        lambda: AffineRange(scale=(0, 1)),
        lambda: AffineRange(scale=(1.2, 0.8)),
        lambda: AffineRange(shift=float("nan")),
    ],
)
def test_impossible_input_is_refused(call):
    with pytest.raises(InvalidInputError):
        call()

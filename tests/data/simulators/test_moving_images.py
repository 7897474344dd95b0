import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from reprise.data.simulators.moving_images import MovingImages, RotatingImages
from reprise.errors import InvalidInputError


@pytest.fixture
def images():
    return torch.rand(7, 5, 6, generator=torch.Generator().manual_seed(0))


def test_frames_are_those_of_a_loop_over_objects(images):
    scenes = MovingImages(images, 4, [(1, 0), (-2, 3), (0, 0)], num_objects=3, canvas=(9, 8), seed=1)
    padded = torch.nn.functional.pad(images, (1, 1, 2, 2))
    for n in range(len(scenes)):
        frames, shown = scenes[n]
        for t in range(4):
            expected = torch.zeros(9, 8)
            for which, (vx, vy), (x, y) in zip(shown, scenes.velocity[n], scenes.start[n], strict=True):
                expected += torch.roll(padded[which], (int(y + t * vy), int(x + t * vx)), (0, 1))
            assert torch.equal(frames[t, 0], expected.clamp(0, 1))


def test_signals_and_colours_move_alike():
    signals = torch.rand(4, 3, 10)
    scenes = MovingImages(signals, 5, [(2,)], num_objects=1, length=6)
    frames, (which,) = scenes[2]
    assert frames.shape == (5, 3, 10)
    assert torch.equal(frames[4], torch.roll(signals[which], int(scenes.start[2, 0, 0]) + 8, -1))
    colours = MovingImages(torch.rand(4, 3, 6, 6), 2, [(1, 1)], num_objects=1)
    assert torch.equal(colours[0][0][1], torch.roll(colours[0][0][0], (1, 1), (1, 2)))


def test_velocities_starts_and_images_are_uniform(images):
    scenes = MovingImages(images, 2, [(-1, 0), (0, 0), (1, 0)], seed=3, length=4000)
    for values, many in ((scenes.shown, 7), (scenes.choice, 3), (scenes.start[..., 0], 6), (scenes.start[..., 1], 5)):
        counts = np.bincount(values.flatten().numpy(), minlength=many)
        assert len(counts) == many
        assert np.abs(counts / counts.sum() - 1 / many).max() < 0.02


def test_turning_by_right_angles_is_exact_and_does_not_blur():
    images = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    scenes = RotatingImages(images, 9, [90], num_objects=1, canvas=10)
    scenes.start.zero_()
    frames, (which,) = scenes[0]
    assert torch.allclose(frames[0, 0, 1:-1, 1:-1], images[which], atol=1e-5)
    for t in range(8):
        assert torch.allclose(frames[t + 1], torch.rot90(frames[t], 1, (1, 2)), atol=1e-5)


def test_turning_keeps_the_brightness_of_what_stays_inside():
    blob = torch.zeros(1, 11, 11)
    blob[0, 3:6, 3:7] = 1
    frames = RotatingImages(blob, 6, [17.0], num_objects=1, canvas=15, seed=2)[0][0]
    assert torch.allclose(frames.sum((1, 2, 3)), blob.sum().expand(6), rtol=0.03)


@pytest.mark.parametrize(
    "make", [lambda i, s: MovingImages(i, 3, [(1, 0)], seed=s), lambda i, s: RotatingImages(i, 3, [5, 9], seed=s)]
)
def test_scenes_depend_on_the_seed_alone(make, images):
    first, again, other = make(images, 0), make(images, 0), make(images, 1)
    assert torch.equal(first.batch(), again.batch())
    assert not torch.equal(first.batch(), other.batch())
    assert torch.equal(first.batch([2, 5])[1], first[5][0])
    assert torch.equal(pickle.loads(pickle.dumps(first))[3][0], first[3][0])
    loaded = torch.cat([frames for frames, _ in DataLoader(first, batch_size=3)])
    assert torch.equal(loaded, first.batch())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: MovingImages(i, 3, []), "at least one"),
        (lambda i: MovingImages(i, 3, [(0.5, 0)]), "whole numbers"),
        (lambda i: MovingImages(i, 3, [(1.0, 0)]), "whole numbers"),
        (lambda i: MovingImages(i, 3, [(float("nan"), 0)]), "whole numbers"),
        (lambda i: MovingImages(i * 3, 3, [(1, 0)]), "from 0 to 1"),
        (lambda i: RotatingImages(i - 1, 3, [5.0]), "from 0 to 1"),
        (lambda i: MovingImages(i[None, None], 3, [(1,)]), "Images have shape"),
        (lambda i: MovingImages(i, 0, [(1, 0)]), "seq_len is 0"),
        (lambda i: MovingImages(i, 3, [(1, 0)], canvas=4), "does not hold"),
        (lambda i: MovingImages(i[0], 3, [(1, 0)]), "Images have shape"),
        (lambda i: MovingImages((i * 255).byte(), 3, [(1, 0)]), "floating"),
        (lambda i: MovingImages(i * float("nan"), 3, [(1, 0)]), "not finite"),
        (lambda i: MovingImages(i, 3, [(1, 0)], length=0), "length is 0"),
        (lambda i: RotatingImages(i, 3, [float("inf")]), "finite numbers of degrees"),
    ],
)
def test_impossible_scenes_are_refused(call, message, images):
    with pytest.raises(InvalidInputError, match=message):
        call(images)
    with pytest.raises(IndexError):
        MovingImages(images, 3, [(1, 0)])[7]

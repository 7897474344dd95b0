import numpy as np
import pytest

from reprise.data.simulators.aeroplanes import simulated_aeroplanes
from reprise.errors import InvalidInputError


def test_planes_are_of_one_pose_different_and_seeded():
    planes = simulated_aeroplanes(50, 500, np.random.default_rng(0))
    assert planes.shape == (50, 500, 3)
    assert planes.dtype == np.float32
    spread = planes.std(axis=1)
    assert (spread[:, 1] < spread[:, 0]).all()
    assert (spread[:, 1] < spread[:, 2]).all()
    assert spread[:, 0].std() > 0.01
    assert (planes[..., 1] > 0.1).any()  # the fin points up: a plane is not its own mirror image upside down
    assert not (planes[..., 1] < -0.15).any()
    assert np.array_equal(planes, simulated_aeroplanes(50, 500, np.random.default_rng(0)))
    assert not np.array_equal(planes, simulated_aeroplanes(50, 500, np.random.default_rng(1)))


@pytest.mark.parametrize(("count", "points"), [(0, 5), (5, 0)])
def test_nothing_is_refused(count, points):
    with pytest.raises(InvalidInputError, match="at least 1"):
        simulated_aeroplanes(count, points, np.random.default_rng(0))

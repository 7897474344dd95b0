import numpy as np
import pytest

from reprise.data.simulators.walker import simulated_walk
from reprise.errors import InvalidInputError


def test_a_person_walks_on_with_legs_in_turn():
    walk = simulated_walk(300, np.random.default_rng(0))
    assert walk.parents[0] == -1
    assert all(parent < joint for joint, parent in enumerate(walk.parents))
    assert np.allclose(walk.rotations.swapaxes(-1, -2) @ walk.rotations, np.eye(3))
    assert np.allclose(np.linalg.det(walk.rotations), 1)
    assert (np.diff(walk.root[:, 2]) > 0).all()
    left, right = (walk.rotations[:, walk.names.index(f"{side}_hip"), 2, 1] for side in ("left", "right"))
    assert np.corrcoef(left, right)[0, 1] < -0.8
    tips = [name.endswith("_tip") for name in walk.names]
    assert np.allclose(walk.rotations[:, tips], np.eye(3))


def test_a_walk_is_smooth_and_depends_on_the_seed_alone():
    first, again, other = (simulated_walk(60, np.random.default_rng(seed)).rotations for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert np.abs(np.diff(first, axis=0)).max() < 0.15


def test_no_frames_are_refused():
    with pytest.raises(InvalidInputError, match="at least 1"):
        simulated_walk(0, np.random.default_rng(0))

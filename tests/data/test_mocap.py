import numpy as np
import pytest

from reprise.data.mocap import SOURCE, mocap_walk, read_bvh
from reprise.errors import DamagedFileError

TWO_BONES = """HIERARCHY
ROOT Hips
{
    OFFSET 1 2 3
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    JOINT Knee
    {
        OFFSET 0 -1 0
        CHANNELS 3 Xrotation Yrotation Zrotation
        End Site
        {
            OFFSET 0 -2 0
        }
    }
    JOINT Arm
    {
        OFFSET 1 0 0
        CHANNELS 1 Zrotation
    }
}
MOTION
Frames: 2
Frame Time: 0.05
0 1 2 90 0 0 0 0 0 0
0 1 3 90 90 0 0 0 90 45
"""


def test_hierarchy_channels_and_frames_are_read(tmp_path):
    path = tmp_path / "two.bvh"
    path.write_text(TWO_BONES)
    motion = read_bvh(path)
    assert motion.names == ("Hips", "Knee", "Knee_tip", "Arm")
    assert motion.parents == (-1, 0, 1, 0)
    assert motion.offsets.tolist() == [[0, 0, 0], [0, -1, 0], [0, -2, 0], [1, 0, 0]]
    assert motion.frame_time == 0.05
    assert motion.root.tolist() == [[0, 1, 2], [0, 1, 3]]
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert np.allclose(motion.rotations[0, 0], quarter)
    # Channels act in the order in which they are named: R_z R_x, applied to the column vector e_y.
    assert np.allclose(motion.rotations[1, 0] @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(motion.rotations[1, 1], quarter)
    assert np.allclose(motion.rotations[:, 2], np.eye(3))
    assert motion.rotations[1, 3, 0, 0] == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("HIERARCHY", "SKELETON", "HIERARCHY"),
        ("OFFSET 0 -1 0", "", "offsets"),
        ("OFFSET 0 -1 0", "PLACE 0 -1 0", "PLACE"),
        ("Frames: 2", "Frames: 3", "3 frames of 10"),
        ("0 1 3 90", "0 1 three 90", "form of BVH"),
        ("0 1 3 90", "0 1 nan 90", "finite"),
        ("Frame Time: 0.05", "", "form of BVH"),
    ],
)
def test_damage_is_named(tmp_path, old, new, problem):
    path = tmp_path / "two.bvh"
    path.write_text(TWO_BONES.replace(old, new))
    with pytest.raises(DamagedFileError, match=problem):
        read_bvh(path)


@pytest.mark.skipif(not SOURCE.here(), reason=f"The walk is not on this machine. {SOURCE.obtain}")
def test_the_walk_is_whole_and_a_walk():
    walk = mocap_walk()
    assert walk.rotations.shape == (1064, 30, 3, 3)
    assert sum(not name.endswith("_tip") for name in walk.names) == 23
    assert np.allclose(walk.rotations.swapaxes(-1, -2) @ walk.rotations, np.eye(3))
    assert walk.frame_time == pytest.approx(1 / 120, rel=1e-4)
    assert walk.root[:, 1].std() < 0.1 * walk.root[:, 1].mean()  # the hips stay at about one height

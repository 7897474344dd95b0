"""A person who walks, out of sines: a stand-in for motion capture where none is at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reprise.data.mocap import Motion
from reprise.errors import InvalidInputError

# Joint: parent, offset in its frame (metres; x left, y up, z forward), swing about x and its phase (radians).
_JOINTS = {
    "hips": (None, (0.0, 0.0, 0.0), 0.05, 0.0),
    "spine": ("hips", (0.0, 0.20, 0.0), 0.10, 0.0),
    "head": ("spine", (0.0, 0.40, 0.0), 0.15, 0.5),
    "head_tip": ("head", (0.0, 0.25, 0.0), 0.0, 0.0),
    "left_hip": ("hips", (0.10, 0.0, 0.0), 0.50, 0.0),
    "left_knee": ("left_hip", (0.0, -0.42, 0.0), 0.60, 1.0),
    "left_foot": ("left_knee", (0.0, -0.42, 0.0), 0.30, 2.0),
    "left_foot_tip": ("left_foot", (0.0, -0.05, 0.18), 0.0, 0.0),
    "right_hip": ("hips", (-0.10, 0.0, 0.0), 0.50, np.pi),
    "right_knee": ("right_hip", (0.0, -0.42, 0.0), 0.60, np.pi + 1.0),
    "right_foot": ("right_knee", (0.0, -0.42, 0.0), 0.30, np.pi + 2.0),
    "right_foot_tip": ("right_foot", (0.0, -0.05, 0.18), 0.0, 0.0),
    "left_arm": ("spine", (0.20, 0.30, 0.0), 0.50, np.pi),
    "left_hand": ("left_arm", (0.0, -0.30, 0.0), 0.40, np.pi + 0.5),
    "left_hand_tip": ("left_hand", (0.0, -0.28, 0.0), 0.0, 0.0),
    "right_arm": ("spine", (-0.20, 0.30, 0.0), 0.50, 0.0),
    "right_hand": ("right_arm", (0.0, -0.30, 0.0), 0.40, 0.5),
    "right_hand_tip": ("right_hand", (0.0, -0.28, 0.0), 0.0, 0.0),
}
FRAME_TIME = 1 / 60
STRIDE = 1.1
"""Seconds of two steps."""
HIP_HEIGHT, SPEED = 0.9, 1.25
SWAY = 0.3
"""Amplitude of the turns about the other two axes, as a share of the swing."""


def simulated_walk(frames: int, rng: np.random.Generator) -> Motion:
    """Let a person of 18 joints walk straight on: each joint swings about x, and sways a little about y and z.

    Amplitudes vary by a tenth from person to person and drift over the frames. O(frames).

    Parameters
    ----------
    frames : at 60 Hz, at least 1.
    rng : the only source of randomness.

    Raises
    ------
    InvalidInputError
        If `frames` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> walk = simulated_walk(60, np.random.default_rng(0))
    >>> walk.rotations.shape, walk.names[0], round(float(walk.root[-1, 2]), 1)
    ((60, 18, 3, 3), 'hips', 1.2)
    """
    if frames < 1:
        raise InvalidInputError(f"frames is at least 1; got {frames}.")
    from scipy.spatial.transform import Rotation

    names = tuple(_JOINTS)
    swings = np.array([swing for _, _, swing, _ in _JOINTS.values()]) * (1 + 0.1 * rng.standard_normal(len(names)))
    phases = np.array([phase for *_, phase in _JOINTS.values()])
    time = np.arange(frames)[:, None] * FRAME_TIME
    stride = 2 * np.pi * time / STRIDE
    drift = 1 + 0.1 * np.sin(stride / 7 + rng.uniform(0, 2 * np.pi, len(names)))
    sway = rng.uniform(0, 2 * np.pi, (2, len(names)))
    angles: NDArray[np.float64] = np.stack(
        (
            swings * drift * np.sin(stride + phases),
            SWAY * swings * np.sin(stride / 2 + sway[0]),
            SWAY * swings * np.sin(stride / 3 + sway[1]),
        ),
        axis=-1,
    )
    rotations = Rotation.from_euler("XYZ", angles.reshape(-1, 3)).as_matrix().reshape(frames, len(names), 3, 3)
    return Motion(
        names=names,
        parents=tuple(-1 if parent is None else names.index(parent) for parent, *_ in _JOINTS.values()),
        offsets=np.array([offset for _, offset, *_ in _JOINTS.values()]),
        rotations=rotations,
        root=np.array([0.0, HIP_HEIGHT, 0.0]) + time * np.array([0.0, 0.0, SPEED]),
        frame_time=FRAME_TIME,
    )

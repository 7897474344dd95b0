"""Motion capture: one recorded walk, and a reader of BVH files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

_FILE = "AV_8Walk_Meredith_HVHA_Rep1.bvh"

SOURCE = Source(
    name="mocap",
    title="A walk, motion capture of 23 joints at 120 Hz",
    licence="MIT (PyMO)",
    origin=f"github.com/omimo/PyMO, demos/data/{_FILE} at ba24f5f",
    loader="reprise.data.mocap.mocap_walk",
    serves=("rotation-continuity", "child-video"),
    files=(_FILE,),
    sha256={_FILE: "f81412d16adb128b3ab0bf9c12dc5d847f89490bd2974b87d2c0ca604ee484a4"},
    urls={
        _FILE: f"https://raw.githubusercontent.com/omimo/PyMO/ba24f5f8d8911173f41e2ea1a367fa7955a6da9f/demos/data/{_FILE}"
    },
    obtain=f"It is downloaded (0.6 MB) on first use, or put {_FILE} into the folder mocap under REPRISE_DATA.",
)


@dataclass(frozen=True)
class Motion:
    """A skeleton and how it moves, y up.

    Parameters
    ----------
    names : of J joints; the ends of limbs, which do not turn, are joints too.
    parents : index of each joint's parent, before the joint itself; -1 for the root, joint 0.
    offsets : (J, 3) place of each joint in its parent's frame; 0 for the root.
    rotations : (T, J, 3, 3) of each joint relative to its parent.
    root : (T, 3) position of the root.
    frame_time : seconds.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.float64]
    rotations: NDArray[np.float64]
    root: NDArray[np.float64]
    frame_time: float


def mocap_walk() -> Motion:
    """Load 1,064 frames (8.9 s) of a person walking; 23 joints and the ends of limbs; lengths in the file's units.

    Raises
    ------
    MissingDataError
        If the file is neither on this machine nor can be downloaded.
    DamagedFileError
        If the file is not as expected.
    """
    return read_bvh(SOURCE.locate(_FILE))


def read_bvh(path: str | Path) -> Motion:
    """Read a Biovision hierarchy: its skeleton, its frames, and Euler angles in whatever order its channels say.

    Raises
    ------
    DamagedFileError
        If the file is no BVH file; says what is missing.
    """
    path = Path(path)
    hierarchy, found, motion = path.read_text(encoding="utf-8").partition("MOTION")
    if not found or not hierarchy.lstrip().startswith("HIERARCHY"):
        raise DamagedFileError(path, "it has no part HIERARCHY followed by MOTION")
    try:
        names, parents, offsets, channels = _skeleton(hierarchy.split())
        count, frame_time, frames = _frames(motion)
    except (ValueError, IndexError) as problem:
        raise DamagedFileError(path, f"hierarchy or motion is not in the form of BVH ({problem})") from problem
    if frames.shape != (count, sum(map(len, channels))) or not np.isfinite(frames).all():
        raise DamagedFileError(
            path, f"{count} frames of {sum(map(len, channels))} finite channels are promised, {frames.shape} are there"
        )
    return _pose(names, parents, offsets, channels, frames, frame_time)


def _skeleton(words: list[str]) -> tuple[list[str], list[int], NDArray[np.float64], list[list[str]]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    open_joints = [-1]
    place = 1
    while place < len(words):
        word = words[place]
        if word in {"ROOT", "JOINT", "End"}:
            names.append(f"{names[open_joints[-1]]}_tip" if word == "End" else words[place + 1])
            parents.append(open_joints[-1])
            channels.append([])
            open_joints.append(len(names) - 1)
            place += 3  # the keyword, the name, and the brace
        elif word == "OFFSET":
            offsets.append([float(number) for number in words[place + 1 : place + 4]])
            place += 4
        elif word == "CHANNELS":
            last = place + 2 + int(words[place + 1])
            channels[-1] = words[place + 2 : last]
            place = last
        elif word == "}":
            open_joints.pop()
            place += 1
        else:
            raise ValueError(f"unexpected word {word!r}")
    if len(offsets) != len(names) or not names:
        raise ValueError(f"{len(names)} joints have {len(offsets)} offsets")
    offsets[0] = [0.0, 0.0, 0.0]
    return names, parents, np.array(offsets), channels


def _frames(motion: str) -> tuple[int, float, NDArray[np.float64]]:
    head, _, rest = motion.partition("Frame Time:")
    time, _, numbers = rest.strip().partition("\n")
    frames = np.array([[float(word) for word in line.split()] for line in numbers.splitlines() if line.strip()])
    return int(head.split(":")[1]), float(time), frames


def _pose(
    names: list[str], parents: list[int], offsets: NDArray[np.float64], channels: list[list[str]],
    frames: NDArray[np.float64], frame_time: float,
) -> Motion:  # fmt: skip
    from scipy.spatial.transform import Rotation

    rotations = np.tile(np.eye(3), (len(frames), len(names), 1, 1))
    root = np.zeros((len(frames), 3))
    column = 0
    for joint, its_channels in enumerate(channels):
        turns = [(name[0].upper(), column + i) for i, name in enumerate(its_channels) if name.endswith("rotation")]
        for i, name in enumerate(its_channels):
            if name.endswith("position") and joint == 0:
                root[:, "XYZ".index(name[0].upper())] = frames[:, column + i]
        if turns:
            order = "".join(axis for axis, _ in turns)
            angles = frames[:, [place for _, place in turns]]
            rotations[:, joint] = Rotation.from_euler(order, angles, degrees=True).as_matrix()
        column += len(its_channels)
    return Motion(tuple(names), tuple(parents), offsets, rotations, root, frame_time)

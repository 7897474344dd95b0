"""MNIST: handwritten digits, a subset of 20,000 to train on and 9,786 to test on."""

from __future__ import annotations

import zipfile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

_FILE = "mnist_subset.npz"

SOURCE = Source(
    name="mnist",
    title="MNIST, 2,000 training and up to 1,000 test images of each digit",
    licence="CC BY-SA 3.0 (images); the repository they come from is under MIT",
    origin="https://github.com/rasbt/mnist-pngs at d26bd33, from LeCun, Cortes and Burges's MNIST",
    loader="reprise.data.mnist.mnist",
    serves=(
        "lie-decompositions",
        "flow-equivariant-rnn",
        "gmm-category-discovery",
        "manifold-linearizing-clustering",
        "label-proportions",
    ),
    files=(_FILE,),
    obtain=(
        "Read 2,000 images of each digit from the folder train of github.com/rasbt/mnist-pngs (commit d26bd33), and "
        "up to 1,000 of each from its folder test, shuffle both (NumPy's default_rng(0)), save them as uint8 "
        "`x_train` and `x_test` (n, 28, 28) with their labels `y_train` and `y_test` in "
        f"{_FILE}, and put it into the folder mnist under REPRISE_DATA."
    ),
)


class MNIST(NamedTuple):
    """Images as uint8 (n, 28, 28), 0 the background, and labels as int64 (n,)."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def mnist() -> MNIST:
    """Load the subset of MNIST, its training and test images from the official split.

    Returns
    -------
    MNIST
        `train_images` (20000, 28, 28) and `test_images` (9786, 28, 28), uint8 from 0 (background) to 255; labels from
        0 to 9, in random order.

    Raises
    ------
    MissingDataError
        If the file is not on this machine; says what would bring it.
    DamagedFileError
        If the file is not as expected.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner (1998), "Gradient-based learning applied to document recognition", Proceedings of
    the IEEE 86(11), doi:10.1109/5.726791.
    """
    path = SOURCE.locate(_FILE)
    try:
        with np.load(path) as file:
            data = MNIST(
                file["x_train"],
                file["y_train"].astype(np.int64),
                file["x_test"],
                file["y_test"].astype(np.int64),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise DamagedFileError(path, f"the arrays cannot be read ({problem})") from problem
    for images, labels in (data[:2], data[2:]):
        if images.dtype != np.uint8 or images.shape != (len(labels), 28, 28):
            raise DamagedFileError(
                path, f"it holds {images.dtype} images {images.shape} for {len(labels)} labels, where uint8 "
                "(n, 28, 28) is expected"
            )  # fmt: skip
        if not len(labels) or labels.min() < 0 or labels.max() > 9:
            raise DamagedFileError(path, "a label is not a digit")
    return data

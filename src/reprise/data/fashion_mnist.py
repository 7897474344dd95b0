"""Fashion-MNIST: 70,000 grey photographs of clothes in ten classes, the harder twin of MNIST."""

from __future__ import annotations

import gzip
import struct
from typing import NamedTuple

import numpy as np

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

_HOME = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
# The Debian package repacks the same files without name and date in the gzip header, so its archives have other sums.
_SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}

SOURCE = Source(
    name="fashion-mnist",
    title="Fashion-MNIST",
    licence="MIT",
    origin="https://github.com/zalandoresearch/fashion-mnist (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747)",
    loader="reprise.data.fashion_mnist.fashion_mnist",
    obtain="Install the Debian package (apt-get install dataset-fashion-mnist), put its four .gz files in "
    "REPRISE_DATA/fashion-mnist, or connect to the internet once.",
    serves=(
        "matryoshka",
        "rich-representations",
        "label-proportions",
        "latent-label-shift",
        "relative-representations",
        "diti",
        "convergent-learning",
        "pac-invariance",
        "semiotic-networks",
    ),
    files=tuple(_SHA256),
    sha256=_SHA256,
    urls={file: f"{_HOME}/{file}" for file in _SHA256},
    system=("/usr/share/datasets/fashion-mnist",),
)

CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


class FashionMNIST(NamedTuple):
    """Images as uint8 (n, 28, 28) and labels as int64 (n,), in the official split."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def fashion_mnist() -> FashionMNIST:
    """Load Fashion-MNIST in its official split of 60,000 training and 10,000 test images.

    Returns
    -------
    FashionMNIST
        `train_images` (60000, 28, 28) and `test_images` (10000, 28, 28), uint8 from 0 (background) to 255;
        `train_labels` and `test_labels`, int64 from 0 to 9, which index `CLASSES`.

    Raises
    ------
    MissingDataError
        If the files are neither on this machine nor to be downloaded.
    DamagedFileError
        If a file is not the IDX archive it should be.

    References
    ----------
    Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv 1708.07747.
    """
    return FashionMNIST(
        _read_idx("train-images-idx3-ubyte.gz", (60_000, 28, 28)),
        _read_idx("train-labels-idx1-ubyte.gz", (60_000,)).astype(np.int64),
        _read_idx("t10k-images-idx3-ubyte.gz", (10_000, 28, 28)),
        _read_idx("t10k-labels-idx1-ubyte.gz", (10_000,)).astype(np.int64),
    )


def _read_idx(file: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read a gzipped IDX file of bytes: a big-endian header (type 8, number of axes, their lengths), then the data."""
    path = SOURCE.locate(file)
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as problem:
        raise DamagedFileError(path, f"it is not a gzip archive ({problem})") from problem
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    if content[: len(header)] != header or len(content) != len(header) + int(np.prod(shape)):
        raise DamagedFileError(path, f"it does not hold bytes of shape {shape} in the IDX format")
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(shape).copy()

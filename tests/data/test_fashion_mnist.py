import gzip
import struct

import numpy as np
import pytest

from reprise.data import fashion_mnist as module
from reprise.data.fashion_mnist import CLASSES, SOURCE, fashion_mnist
from reprise.data.sources import source
from reprise.errors import DamagedFileError, MissingDataError


@pytest.mark.skipif(not SOURCE.here(), reason=f"Fashion-MNIST is not on this machine. {SOURCE.obtain}")
def test_official_split_of_ten_equal_classes():
    data = fashion_mnist()
    assert data.train_images.shape == (60_000, 28, 28)
    assert data.test_images.shape == (10_000, 28, 28)
    assert data.train_images.dtype == data.test_images.dtype == np.uint8
    assert np.bincount(data.train_labels).tolist() == [6_000] * len(CLASSES)
    assert np.bincount(data.test_labels).tolist() == [1_000] * len(CLASSES)
    # The mean pixel that many published recipes normalise with.
    assert data.train_images.mean() / 255 == pytest.approx(0.2860, abs=1e-4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    alone = {name: getattr(SOURCE, name) for name in SOURCE.__dataclass_fields__} | {"system": (), "urls": {}}
    monkeypatch.setattr(module, "SOURCE", type(SOURCE)(**alone))
    yield tmp_path
    SOURCE.__post_init__()


def test_registered_and_says_how_to_obtain_it(folder):
    assert source("fashion-mnist").loader == "reprise.data.fashion_mnist.fashion_mnist"
    with pytest.raises(MissingDataError, match="dataset-fashion-mnist"):
        fashion_mnist()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not an archive", "not a gzip archive"),
        (gzip.compress(struct.pack(">HBBIII", 0, 8, 3, 60_000, 28, 28)), "does not hold bytes of shape"),
        (gzip.compress(b"\0" * 100), "does not hold bytes of shape"),
    ],
    ids=[
        "text",
        "header",
        "zeros",
    ],  # an archive carries its time: its bytes would name the test otherwise in each worker
)
def test_damaged_file_is_named(folder, content, problem):
    path = folder / "fashion-mnist" / SOURCE.files[0]
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=problem):
        fashion_mnist()

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from reprise.data.cifar10 import CLASSES, SOURCE, cifar10
from reprise.data.sources import source
from reprise.errors import DamagedFileError, MissingDataError

here = pytest.mark.skipif(not SOURCE.here(), reason=f"CIFAR-10 is not on this machine. {SOURCE.obtain}")


@here
def test_subset_has_every_class():
    data = cifar10()
    assert data.train_images.shape == (6_000, 32, 32, 3)
    assert np.bincount(data.train_labels).tolist() == [600] * 10
    assert np.bincount(data.test_labels).tolist() == [200] * 10
    blue = data.train_images.mean((1, 2))[:, 2]
    # Sky is bluer than forest.
    assert (
        blue[data.train_labels == CLASSES.index("airplane")].mean()
        > blue[data.train_labels == CLASSES.index("deer")].mean()
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    (tmp_path / "cifar10").mkdir()
    return tmp_path / "cifar10"


def picture(colour, side=32):
    with io.BytesIO() as file:
        Image.new("RGB", (side, side), colour).save(file, "PNG")
        return file.getvalue()


def archive(path, files):
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)


def test_registered_and_says_how_to_obtain_it(folder):
    assert source("cifar10").loader == "reprise.data.cifar10.cifar10"
    with pytest.raises(MissingDataError, match="CIFAR-10-images"):
        cifar10()


def test_folders_become_labels_and_channels_stand_last(folder):
    for name in ("train.zip", "test.zip"):
        archive(folder / name, {"ship/0.png": picture((255, 0, 9)), "bird/0.png": picture((1, 2, 3))})
    data = cifar10()
    assert data.train_labels.tolist() == [2, 8]
    assert data.test_images[1, 0, 0].tolist() == [255, 0, 9]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"boat/0.png": picture((0, 0, 0))}, "no folder of a class"),
        ({"ship/0.png": b"no image"}, "cannot be read"),
        ({"ship/0.png": picture((0, 0, 0), side=8)}, "32 by 32"),
        ({}, "32 by 32"),
    ],
)
def test_damage_is_named(files, message, folder):
    archive(folder / "train.zip", files)
    with pytest.raises(DamagedFileError, match=message):
        cifar10()

import numpy as np
import pytest

from reprise.data.pneumonia_mnist import SOURCE, pneumonia_mnist
from reprise.data.sources import source
from reprise.errors import DamagedFileError, MissingDataError

here = pytest.mark.skipif(not SOURCE.here(), reason=f"PneumoniaMNIST is not on this machine. {SOURCE.obtain}")
SPLITS = ("train", "val", "test")


@here
def test_part_is_balanced_and_of_radiographs():
    data = pneumonia_mnist()
    assert [len(images) for images in data[::2]] == [2_428, 270, 468]
    assert [np.bincount(labels).tolist() for labels in data[1::2]] == [[1_214] * 2, [135] * 2, [234] * 2]
    # A chest is symmetric enough that each image is more like its own mirror image than like the next image.
    test = data.test_images.astype(float)
    assert np.abs(test - test[:, :, ::-1]).mean() < np.abs(test - np.roll(test, 1, axis=0)).mean()
    # Test images are none of the training images.
    assert not {image.tobytes() for image in data.train_images} & {image.tobytes() for image in data.test_images}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    (tmp_path / "medmnist").mkdir()
    return tmp_path / "medmnist"


IMAGES, LABELS = np.zeros((2, 28, 28), dtype=np.uint8), np.array([[0], [1]], dtype=np.uint8)


def content(images=IMAGES, labels=LABELS):
    return {f"{split}_{name}": array for split in SPLITS for name, array in (("images", images), ("labels", labels))}


def test_registered_and_says_how_to_obtain_it():
    assert source("medmnist").loader == "reprise.data.pneumonia_mnist.pneumonia_mnist"
    assert "snn-medmnist" in SOURCE.obtain


def test_absent_file_is_said(folder, monkeypatch):
    monkeypatch.setattr("reprise.data.pneumonia_mnist.SOURCE", source("medmnist"))
    monkeypatch.setattr("pooch.retrieve", lambda *args, **settings: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(MissingDataError, match="snn-medmnist"):
        pneumonia_mnist()


def test_small_file_of_the_right_form_is_read(folder):
    np.savez(folder / "pneumoniamnist.npz", **content())
    assert pneumonia_mnist().test_labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ({"train_images": np.zeros(3)}, "cannot be read"),
        (content(images=np.zeros((3, 28, 28), dtype=np.uint8)), "for 2 labels"),
        (content(images=np.zeros((2, 28, 28))), "uint8"),
        (content(labels=np.array([0, 2])), "neither 0"),
    ],
)
def test_damage_is_named(damaged, message, folder):
    np.savez(folder / "pneumoniamnist.npz", **damaged)
    with pytest.raises(DamagedFileError, match=message):
        pneumonia_mnist()

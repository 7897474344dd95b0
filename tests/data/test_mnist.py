import numpy as np
import pytest

from reprise.data.mnist import SOURCE, mnist
from reprise.data.sources import source
from reprise.errors import DamagedFileError, MissingDataError

here = pytest.mark.skipif(not SOURCE.here(), reason=f"MNIST is not on this machine. {SOURCE.obtain}")


@here
def test_subset_has_every_digit():
    data = mnist()
    assert data.train_images.shape == (20_000, 28, 28)
    assert data.test_images.shape == (9_786, 28, 28)
    assert np.bincount(data.train_labels).tolist() == [2_000] * 10
    assert np.bincount(data.test_labels).min() == 892
    # Digits of MNIST are white on black, about a fifth of the frame.
    assert data.train_images.mean() / 255 == pytest.approx(0.1307, abs=0.005)
    assert len(np.unique(data.train_labels[:100])) == 10


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    (tmp_path / "mnist").mkdir()
    return tmp_path / "mnist"


def test_registered_and_says_how_to_obtain_it(folder):
    assert source("mnist").loader == "reprise.data.mnist.mnist"
    with pytest.raises(MissingDataError, match="mnist-pngs"):
        mnist()


IMAGES, LABELS = np.zeros((3, 28, 28), dtype=np.uint8), np.arange(3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x_train": IMAGES}, "cannot be read"),
        ({"x_train": IMAGES[:2], "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}, "for 3 labels"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES * 1.0, "y_test": LABELS}, "uint8"),
        ({"x_train": IMAGES, "y_train": LABELS + 9, "x_test": IMAGES, "y_test": LABELS}, "not a digit"),
    ],
)
def test_damage_is_named(content, message, folder):
    np.savez(folder / "mnist_subset.npz", **content)
    with pytest.raises(DamagedFileError, match=message):
        mnist()


def test_a_small_file_of_the_right_form_is_read(folder):
    np.savez(folder / "mnist_subset.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=LABELS[:1])
    data = mnist()
    assert data.train_labels.tolist() == [0, 1, 2]
    assert len(data.test_images) == 1

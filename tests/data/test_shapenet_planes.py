import numpy as np
import pytest

from reprise.data.shapenet_planes import SAMPLE, WHOLE, shapenet_planes, shapenet_planes_whole
from reprise.data.sources import source
from reprise.errors import DamagedFileError, InvalidInputError, MissingDataError


@pytest.mark.skipif(not SAMPLE.here(), reason=f"{SAMPLE.title} are not on this machine. {SAMPLE.obtain}")
def test_planes_are_centred_and_in_one_pose():
    planes = shapenet_planes()
    assert planes.shape == (640, 1024, 3)
    assert planes.dtype == np.float32
    assert np.abs(planes).max() <= 0.51
    spread = planes.std(axis=1)
    assert (spread[:, 1] < spread[:, 0]).mean() > 0.95  # wings are wider than the plane is high


@pytest.mark.skipif(not WHOLE.here(), reason=f"{WHOLE.title} are not on this machine. {WHOLE.obtain}")
def test_the_papers_split():
    assert len(shapenet_planes_whole("train")) == 2290
    assert len(shapenet_planes_whole("test")) == 400


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    return tmp_path


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_missing_planes_say_how_to_obtain_them(folder):
    assert source("shapenet-planes").loader.endswith("shapenet_planes")
    with pytest.raises(MissingDataError, match="REPRISE_DATA"):
        shapenet_planes()
    with pytest.raises(MissingDataError, match="Clone"):
        shapenet_planes_whole()
    with pytest.raises(InvalidInputError, match="'valid'"):
        shapenet_planes_whole("valid")


def test_points_are_read_and_damage_is_named(folder):
    path = folder / WHOLE.name / WHOLE.files[0]
    write(path, "0 1 2\n3 4 5.5\n")
    write(path.with_name("zz.pts"), "1 2 3\n")
    first, second = shapenet_planes_whole()
    assert first.tolist() == [[0, 1, 2], [3, 4, 5.5]]
    assert second.shape == (1, 3)
    for content in ("0 1 two\n", "0 1\n", "0 1 nan\n"):
        write(path, content)
        with pytest.raises(DamagedFileError, match=path.name):
            shapenet_planes_whole()


def test_damaged_sample_is_named(folder):
    path = folder / SAMPLE.name / SAMPLE.files[0]
    write(path, "no archive")
    with pytest.raises(DamagedFileError, match="points"):
        shapenet_planes()
    np.savez(path, points=np.zeros((2, 5)))
    with pytest.raises(DamagedFileError, match=r"\(2, 5\)"):
        shapenet_planes()
    np.savez(path, points=np.ones((2, 5, 3), dtype=np.float16))
    assert shapenet_planes().shape == (2, 5, 3)

import numpy as np
import pytest

from reprise.data.meshes import MESHES, SOURCE, Mesh, mesh, surface_points
from reprise.errors import DamagedFileError, InvalidInputError, UnknownNameError

TETRAHEDRON = Mesh(
    np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
)


@pytest.mark.skipif(not SOURCE.here(), reason=f"The meshes are not on this machine. {SOURCE.obtain}")
@pytest.mark.parametrize(
    ("name", "vertices", "triangles"),
    [("spot", 2930, 5856), ("stanford-bunny", 35947, 69451), ("teapot", 3644, 6320)],
)
def test_meshes_are_whole(name, vertices, triangles):
    loaded = mesh(name)
    assert (len(loaded.vertices), len(loaded.triangles)) == (vertices, triangles)
    assert np.isfinite(loaded.vertices).all()
    points, normals = surface_points(loaded, 2000, np.random.default_rng(0))
    assert np.abs(np.linalg.norm(normals, axis=-1) - 1).max() < 1e-9
    # The divergence theorem: the flux of the position through the surface is three times the (positive) volume.
    assert (points * normals).sum(axis=-1).mean() > 0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    (tmp_path / SOURCE.name).mkdir()
    return tmp_path / SOURCE.name


def test_polygons_become_triangles(folder):
    text = "# a square\nv 0 0 0\nv 1 0 0 1.0\nv 1 1 0\nv 0 1 0\nvt 0 0\n\nf 1/1 2/1 3/1 4/1\n"
    (folder / "spot.obj").write_text(text)
    square = mesh("spot")
    assert square.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert square.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    ("content", "problem"), [("v 0 0 zero\n", "line 1"), ("v 0 0 0\nf 1 2 3\n", "does not hold"), ("", "none")]
)
def test_damage_is_named(folder, content, problem):
    (folder / "spot.obj").write_text(content)
    with pytest.raises(DamagedFileError, match=problem):
        mesh("spot")


def test_unknown_mesh_names_the_near_ones():
    assert "teapot" in MESHES
    with pytest.raises(UnknownNameError, match="teapot"):
        mesh("teapots")


def test_points_are_uniform_on_the_surface_with_outward_normals():
    points, normals = surface_points(TETRAHEDRON, 20_000, np.random.default_rng(0))
    slanted = np.abs(points.sum(axis=-1) - 1) < 1e-9
    area = np.sqrt(3) / 2
    assert slanted.mean() == pytest.approx(area / (area + 1.5), abs=0.01)
    assert np.allclose(points[slanted].mean(axis=0), 1 / 3, atol=0.01)
    assert np.allclose(normals[slanted], 1 / np.sqrt(3))
    assert np.isin(normals[~slanted], [-1, 0]).all()
    assert np.array_equal(points, surface_points(TETRAHEDRON, 20_000, np.random.default_rng(0))[0])


def test_no_points_and_no_area_are_refused():
    flat = Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    for surface, count in ((TETRAHEDRON, 0), (flat, 5)):
        with pytest.raises(InvalidInputError, match="area"):
            surface_points(surface, count, np.random.default_rng(0))

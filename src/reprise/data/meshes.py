"""Three meshes that graphics papers know: Spot the cow, the Stanford bunny and the Utah teapot."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError, UnknownNameError

MESHES = ("spot", "stanford-bunny", "teapot")
_PUBLIC = "https://raw.githubusercontent.com/alecjacobson/common-3d-test-models/8a4f8642acaf43f9cd7b67858a1502e1055ef202/data/"
_SHA256 = {
    "spot.obj": "0738b5e8608fed74e5e8c7aa8dd0af97b4b74f9f6cbf7aac84cd7e40b2e44a75",
    "stanford-bunny.obj": "1eb35d1e21ce99e5ce911353b6be278990713448dd9e8f5c9387f9de39b32205",
    "teapot.obj": "1b5396fedd74b577e32cef41146582c2f2e1a050d5b4915193c0ac1ad4187ed4",
}

SOURCE = Source(
    name="meshes",
    title="Spot, the Stanford bunny and the teapot",
    licence="Spot CC0 (K. Crane); bunny for research, crediting the Stanford Computer Graphics Laboratory; teapot free",
    origin="github.com/alecjacobson/common-3d-test-models, data at 8a4f864",
    loader="reprise.data.meshes.mesh",
    files=tuple(_SHA256),
    sha256=_SHA256,
    urls={file: _PUBLIC + file for file in _SHA256},
    obtain="They are downloaded (2.9 MB) on first use, or put the files into the folder meshes under REPRISE_DATA.",
)


@dataclass(frozen=True)
class Mesh:
    """Vertices (v, 3), and triangles (f, 3) as indices of vertices, their corners counter-clockwise from outside."""

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]


def mesh(name: str) -> Mesh:
    """Load ``"spot"``, ``"stanford-bunny"`` or ``"teapot"``, in the units and pose of its file; y is up.

    Raises
    ------
    UnknownNameError
        If there is no such mesh.
    MissingDataError
        If the file is neither on this machine nor can be downloaded.
    DamagedFileError
        If the file is not as expected.
    """
    if name not in MESHES:
        raise UnknownNameError("mesh", name, MESHES)
    path = SOURCE.locate(f"{name}.obj")
    vertices, polygons = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        kind, *words = line.split() or [""]
        try:
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "f":
                polygons.append([int(word.split("/")[0]) - 1 for word in words])
        except ValueError as problem:
            raise DamagedFileError(path, f"line {number} cannot be read ({problem})") from problem
    triangles = [(polygon[0], second, third) for polygon in polygons for second, third in pairwise(polygon[1:])]
    loaded = Mesh(np.array(vertices).reshape(-1, 3), np.array(triangles, dtype=np.int64).reshape(-1, 3))
    if not len(loaded.triangles) or not 0 <= loaded.triangles.min() <= loaded.triangles.max() < len(loaded.vertices):
        raise DamagedFileError(path, "its faces name vertices that it does not hold, or it has none")
    return loaded


def surface_points(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw points (count, 3) uniformly from the surface, with the outward normals (count, 3) there. O(f + count).

    Parameters
    ----------
    mesh : vertices and triangles.
    count : at least 1.
    rng : the only source of randomness.

    Raises
    ------
    InvalidInputError
        If `count` is below 1 or the surface has no area.

    Examples
    --------
    >>> import numpy as np
    >>> square = Mesh(np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]]))
    >>> points, normals = surface_points(square, 5, np.random.default_rng(0))
    >>> points.shape, normals[0].tolist()
    ((5, 3), [0.0, 0.0, 1.0])
    """
    corners = mesh.vertices[mesh.triangles]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(crossed, axis=-1)
    if count < 1 or not areas.sum() > 0:
        raise InvalidInputError(f"count is at least 1 and the surface has an area; got {count} and {areas.sum() / 2}.")
    chosen = rng.choice(len(areas), size=count, p=areas / areas.sum())
    root, along = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack((1 - root, root * (1 - along), root * along), axis=-1)
    points = (weights[..., None] * corners[chosen]).sum(axis=1)
    return points, crossed[chosen] / areas[chosen, None]

"""Places on the Earth: latitudes and longitudes in degrees, distances in kilometres.

Coordinates are (n, 2) arrays of latitude and longitude, in this order. The Earth is a sphere, which puts distances off
by at most half a per cent.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError

EARTH_RADIUS_KM = 6371.0088  # the mean radius (IUGG)
MAX_LATITUDE, MAX_LONGITUDE = 90.0, 180.0


def check_coordinates(coords: ArrayLike) -> Float[np.ndarray, "places 2"]:
    """Give latitudes and longitudes as float64.

    Parameters
    ----------
    coords : (n, 2) latitude from -90 to 90 and longitude from -180 to 180, in degrees.

    Raises
    ------
    InvalidInputError
        If they have another shape, or if one is missing or outside these bounds; the message names the place.

    Examples
    --------
    >>> check_coordinates([[95, 0]])
    Traceback (most recent call last):
    reprise.errors.InvalidInputError: Place 0 lies at latitude 95 and longitude 0; latitudes from -90 to 90 and ...
    """
    points = finite_pairs(coords)
    outside = (np.abs(points) > [MAX_LATITUDE, MAX_LONGITUDE]).any(axis=1)
    if outside.any():
        place = int(outside.argmax())
        raise InvalidInputError(
            f"Place {place} lies at latitude {points[place, 0]:g} and longitude {points[place, 1]:g}; latitudes from "
            "-90 to 90 and longitudes from -180 to 180 degrees are expected, in this order."
        )
    return points


def finite_pairs(coords: ArrayLike) -> Float[np.ndarray, "places 2"]:
    """Give pairs of numbers as float64.

    Raises
    ------
    InvalidInputError
        If the array has another shape than (n, 2), or if a number is missing.
    """
    points = np.asarray(coords, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InvalidInputError(f"Coordinates have shape (places, 2); {points.shape} was given.")
    if not (finite := np.isfinite(points).all(axis=1)).all():
        raise InvalidInputError(f"Place {int((~finite).argmax())} has no finite coordinates; leave such places out.")
    return points


def unit_vectors(coords: ArrayLike) -> Float[np.ndarray, "places 3"]:
    """Turn latitudes and longitudes into points of the unit sphere.

    Examples
    --------
    >>> unit_vectors([[0, 90], [90, 0]]).round(12)
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """
    latitude, longitude = np.radians(finite_pairs(coords)).T
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )


def coordinates(vectors: Float[np.ndarray, "places 3"]) -> Float[np.ndarray, "places 2"]:
    """Turn vectors of any length but zero into the latitude and longitude of their directions.

    Examples
    --------
    >>> coordinates(np.array([[0.0, 3.0, 0.0]]))
    array([[ 0., 90.]])
    """
    x, y, z = vectors.T
    return np.degrees(np.stack([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)], axis=1))


def great_circle_km(first: ArrayLike, second: ArrayLike) -> Float[np.ndarray, " places"]:
    """Give the distance along the Earth's surface from each place of `first` to that of `second`, in kilometres.

    Angles beyond the poles or the date line, as a regression may give them, are read as going on around the sphere.

    Examples
    --------
    >>> great_circle_km([[51.5, -0.13], [0, 0]], [[48.86, 2.35], [0, 180]]).round()
    array([  342., 20015.])
    """
    a, b = unit_vectors(first), unit_vectors(second)
    return EARTH_RADIUS_KM * np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), (a * b).sum(axis=1))


def equirectangular(coords: ArrayLike) -> Float[np.ndarray, "places 2"]:
    """Project a country-sized region to a plane of kilometres east and north of its mean parallel.

    Distances are right along the mean parallel and along meridians. The region must not cross the date line.

    Examples
    --------
    >>> plane = equirectangular([[50.0, 0.0], [51.0, 0.0]])
    >>> float((plane[1] - plane[0])[1])
    111.195
    """
    points = check_coordinates(coords)
    north, east = np.radians(points).T
    middle = north.mean()
    return EARTH_RADIUS_KM * np.stack([np.cos(middle) * east, north - middle], axis=1)

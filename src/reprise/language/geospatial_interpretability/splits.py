"""Cross-validation of probes: at random, by blocks of the map, or by country."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict

from reprise.errors import InvalidInputError, counted
from reprise.language.geospatial_interpretability.probe import GeoScores, geo_scores
from reprise.language.geospatial_interpretability.sphere import check_coordinates, unit_vectors


def spatial_blocks(coords: ArrayLike, n_blocks: int = 50, *, random_state: int = 0) -> Int[np.ndarray, " places"]:
    """Cut a map into compact blocks of places, by k-means on the sphere.

    Neighbours tell about each other; held out block by block they cannot.

    Parameters
    ----------
    coords : (n, 2) latitudes and longitudes in degrees.
    n_blocks : how many.
    random_state : seed of k-means.

    Examples
    --------
    >>> spatial_blocks([[50, 0], [51, 0], [-30, 140], [-31, 141]], 2)[[0, 2]].tolist() in ([0, 1], [1, 0])
    True
    """
    points = check_coordinates(coords)
    if not 2 <= n_blocks <= len(points):
        raise InvalidInputError(f"{counted(len(points), 'place')} cannot be cut into {n_blocks} blocks of 1 or more.")
    return KMeans(n_blocks, n_init=1, random_state=random_state).fit_predict(unit_vectors(points)).astype(np.int64)


def predict_held_out(
    probe: BaseEstimator,
    X: Any,
    coords: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_splits: int = 5,
    random_state: int = 0,
) -> Float[np.ndarray, "places 2"]:
    """Predict each place by a probe fitted on the folds that do not hold it.

    Parameters
    ----------
    probe : a `GeoProbe`, or any estimator of (n, 2) targets such as `name_probe`; it is cloned.
    X : what the probe reads, one row (or name) a place.
    coords : (n, 2) latitudes and longitudes in degrees.
    groups : (n,) held out together: countries, or `spatial_blocks`. None splits at random, which leaves a place's
        neighbours in the data fitted and so measures less than knowing where places are.
    n_splits : folds.
    random_state : seed of the folds.

    Raises
    ------
    InvalidInputError
        If there are fewer groups or places than folds.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import GeoProbe
    >>> coords = np.random.default_rng(0).uniform(-60, 60, size=(60, 2))
    >>> held_out = predict_held_out(GeoProbe(), coords + 1, coords)
    >>> bool(np.abs(held_out - coords).max() < 0.1)
    True
    """
    points = check_coordinates(coords)
    n_groups = len(points) if groups is None else len(np.unique(np.asarray(groups)))
    if not 2 <= n_splits <= n_groups:
        what = "place" if groups is None else "group"
        raise InvalidInputError(f"{counted(n_groups, what)} cannot be split into {n_splits} folds.")
    folds = KFold if groups is None else GroupKFold
    splitter = folds(n_splits, shuffle=True, random_state=random_state)
    rows = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
    return np.asarray(cross_val_predict(clone(probe), rows, points, groups=groups, cv=splitter))


def held_out_scores(
    probe: BaseEstimator, X: Any, coords: ArrayLike, groups: ArrayLike | None = None, **settings: Any
) -> GeoScores:
    """Score `predict_held_out` over all places together; same arguments.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import GeoProbe
    >>> coords = np.random.default_rng(0).uniform(-60, 60, size=(60, 2))
    >>> held_out_scores(GeoProbe(), coords, coords, spatial_blocks(coords, 10)).r2_latitude > 0.99
    True
    """
    return geo_scores(coords, predict_held_out(probe, X, coords, groups, **settings))

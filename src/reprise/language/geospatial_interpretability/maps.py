"""Maps of neurons and features as pictures, drawn by their coordinates alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.language.geospatial_interpretability.local import NOT_SIGNIFICANT, QUADRANTS, LisaResult
from reprise.language.geospatial_interpretability.sphere import check_coordinates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 5.0
_WIDEST = 2.5  # width of a picture over its height
# Red for high and blue for low among their like, as usual in LISA maps; pale where place and neighbours differ.
_COLOURS = {"HH": "#b2182b", "LL": "#2166ac", "LH": "#92c5de", "HL": "#f4a582", NOT_SIGNIFICANT: "#d9d9d9"}
_NAMES = {
    "HH": "high among high",
    "LL": "low among low",
    "LH": "low among high",
    "HL": "high among low",
    NOT_SIGNIFICANT: "not significant",
}


def activation_map(coords: ArrayLike, values: ArrayLike, title: str = "") -> Figure:
    """Draw one neuron or feature over the places, dark where it is high.

    Parameters
    ----------
    coords : (n, 2) latitudes and longitudes in degrees.
    values : (n,)
    title : above the map.

    Returns
    -------
    matplotlib.figure.Figure
        Belongs to the caller alone: pyplot does not know it, so nothing needs closing.

    Examples
    --------
    >>> figure = activation_map([[51.5, -0.1], [55.9, -3.2]], [0.0, 1.0], "feature 7")
    >>> figure.axes[0].get_title()
    'feature 7'
    """
    points, numbers = _checked(coords, values)
    figure, axes = _paper(points, title)
    order = np.argsort(numbers)  # high ones on top
    latitude, longitude = points[order].T
    drawn = axes.scatter(longitude, latitude, c=numbers[order], s=_size(len(points)), cmap="viridis_r", linewidths=0)
    figure.colorbar(drawn, ax=axes, shrink=0.7, label="activation")
    return figure


def lisa_map(
    coords: ArrayLike, lisa: LisaResult, title: str = "", *, p: float = 0.01, corrected: bool = False
) -> Figure:
    """Draw the clusters of one map: where high values gather, where low ones do, and who differs from its neighbours.

    Parameters
    ----------
    coords : (n, 2) latitudes and longitudes in degrees.
    lisa : what `local_moran` gave for these places.
    title : above the map.
    p, corrected : as in `LisaResult.clusters`.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import knn_weights, local_moran
    >>> coords = np.random.default_rng(0).uniform(40, 60, size=(50, 2))
    >>> figure = lisa_map(coords, local_moran(coords[:, 0], knn_weights(coords)), p=0.05)
    >>> [text.get_text().split(":")[0] for text in figure.axes[0].get_legend().get_texts()]
    ['not significant', 'high among high', 'low among low']
    """
    points, _ = _checked(coords, lisa.I)
    names = lisa.clusters(p, corrected=corrected)
    figure, axes = _paper(points, title)
    for name in (NOT_SIGNIFICANT, "HH", "LL", *(other for other in QUADRANTS if other not in ("HH", "LL"))):
        members = names == name
        if members.any():
            latitude, longitude = points[members].T
            label = f"{_NAMES[name]}: {int(members.sum())}"
            axes.scatter(longitude, latitude, color=_COLOURS[name], s=_size(len(points)), linewidths=0, label=label)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def _checked(coords: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    points, numbers = check_coordinates(coords), np.asarray(values, dtype=np.float64)
    if numbers.shape != (len(points),) or not np.isfinite(numbers).all():
        raise InvalidInputError(
            f"A map has one finite value for each of {len(points)} places; {numbers.shape} was given."
        )
    return points, numbers


def _paper(points: np.ndarray, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    stretch = 1 / max(np.cos(np.radians(points[:, 0].mean())), 0.1)  # a degree north over one east
    north, east = np.maximum(np.ptp(points, axis=0), 1e-6)
    width = _HEIGHT_INCHES * float(np.clip(east / (north * stretch), 0.6, _WIDEST)) + 2.0
    figure = Figure(figsize=(width, _HEIGHT_INCHES), layout="constrained")
    axes = figure.add_subplot()
    axes.set_aspect(stretch)
    axes.set_xlabel("longitude (°)")
    axes.set_ylabel("latitude (°)")
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _size(n: int) -> float:
    """Give the area of a point, smaller where there are many."""
    return float(np.clip(8_000 / n, 3.0, 40.0))

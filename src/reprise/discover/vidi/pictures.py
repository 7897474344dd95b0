"""A cluster's pictures: evidence in colour over the mean image in grey."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 99
"""Percentile of a map at which its colour is full."""

OPACITY = 0.85
"""Of full colour."""

MEAN_IMAGE = "mean image"
FOR, AGAINST, SPECIAL = "speaks for", "speaks against", "more or less than elsewhere"
COLOURS = {FOR: "Reds", AGAINST: "Blues", SPECIAL: "RdBu_r"}


def cluster_pictures(
    favorable: Float[np.ndarray, "H W"],
    unfavorable: Float[np.ndarray, "H W"],
    contrast: Float[np.ndarray, "H W"],
    image: Float[np.ndarray, "H W"] | None,
) -> dict[str, Float[np.ndarray, "H W 3"]]:
    """Colour what speaks for and against a class, and what is special to a cluster, over the mean image."""
    under = np.ones((*favorable.shape, 3)) if image is None else grey(image)
    first = {} if image is None else {MEAN_IMAGE: under}
    maps = {FOR: favorable, AGAINST: unfavorable, SPECIAL: contrast}
    return first | {name: _coloured(values, under, COLOURS[name]) for name, values in maps.items()}


def figure_of(pictures: dict[str, Float[np.ndarray, "H W 3"]]) -> Figure:
    """Draw pictures side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2 * len(pictures), 2.5), layout="constrained")
    for axis, (name, picture) in zip(figure.subplots(1, len(pictures)), pictures.items(), strict=True):
        axis.imshow(picture, interpolation="bilinear")
        axis.set_title(name, fontsize=9)
        axis.set_axis_off()
    return figure


def grey(image: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W 3"]:
    """Give an image in grey, its darkest value black and its lightest white."""
    low, high = float(image.min()), float(image.max())
    return np.repeat(((image - low) / (high - low) if high > low else np.zeros_like(image))[..., None], 3, axis=2)


def as_data(picture: Float[np.ndarray, "H W 3"]) -> str:
    """Give a picture as the data address of a PNG."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    imsave(stream, picture, format="png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _coloured(
    values: Float[np.ndarray, "H W"], under: Float[np.ndarray, "H W 3"], colours: str
) -> Float[np.ndarray, "H W 3"]:
    from matplotlib import colormaps

    full = float(np.percentile(np.abs(values), TOP)) or float(np.abs(values).max()) or 1.0
    scaled = np.clip(values / full, -1, 1)
    position = (scaled + 1) / 2 if colours == COLOURS[SPECIAL] else scaled
    weight = OPACITY * np.abs(scaled)[..., None]
    return (1 - weight) * under + weight * colormaps[colours](position)[..., :3]

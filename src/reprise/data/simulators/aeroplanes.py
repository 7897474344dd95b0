"""Aeroplanes made of ellipsoids, as point clouds in one pose: a stand-in for ShapeNet's where those are not at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reprise.errors import InvalidInputError

# Half-lengths of each part (x: wing tip to wing tip, y: up, z: nose to tail) and its centre, for a body of length 1.
PARTS = {
    "fuselage": ((0.05, 0.05, 0.50), (0.0, 0.0, 0.0)),
    "wings": ((0.50, 0.01, 0.08), (0.0, -0.01, -0.05)),
    "tailplane": ((0.18, 0.01, 0.04), (0.0, 0.02, 0.45)),
    "fin": ((0.01, 0.10, 0.05), (0.0, 0.10, 0.45)),
}
SHARES = (0.40, 0.40, 0.12, 0.08)
VARIATION = 0.25
"""Standard deviation of the logarithm of each part's half-lengths."""


def simulated_aeroplanes(count: int, points: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw aeroplanes (count, points, 3) of different proportions: fuselage, wings, tailplane and fin.

    Every plane has the same pose, and no rotation maps it to itself: left and right mirror each other. O(count points).

    Parameters
    ----------
    count, points : how many planes, and points of each; at least 1.
    rng : the only source of randomness.

    Raises
    ------
    InvalidInputError
        If a number is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> simulated_aeroplanes(3, 100, np.random.default_rng(0)).shape
    (3, 100, 3)
    """
    if count < 1 or points < 1:
        raise InvalidInputError(f"count and points are at least 1; got {count} and {points}.")
    sizes = np.array([size for size, _ in PARTS.values()])
    centres = np.array([centre for _, centre in PARTS.values()])
    sizes = sizes * np.exp(VARIATION * rng.standard_normal((count, len(PARTS), 3)))
    part = rng.choice(len(PARTS), size=(count, points), p=SHARES)
    direction = rng.standard_normal((count, points, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    chosen = np.take_along_axis(sizes, part[..., None], axis=1)
    return (chosen * direction + centres[part]).astype(np.float32)

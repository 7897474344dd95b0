"""Sets of velocities: the generators of the flows that a network is equivariant to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

from reprise.errors import InvalidInputError


@dataclass(frozen=True)
class Translations:
    """Velocities of translation, in whole pixels a frame: (vx, vy) for images, (vx,) for signals.

    x runs along the last axis (columns), y along the one before it (rows), both growing with the index.

    Parameters
    ----------
    velocities : V tuples of equal length 1 or 2, all different.

    Raises
    ------
    InvalidInputError
        If there are no velocities, some are equal, not whole numbers, or of other lengths.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793.

    Examples
    --------
    >>> len(Translations(((0, 0), (1, 0))))
    2
    """

    velocities: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        listed = tuple(_whole_tuple(velocity) for velocity in self.velocities)
        _require_distinct(listed)
        if len({len(velocity) for velocity in listed}) > 1:
            raise InvalidInputError(f"All velocities need the same number of axes; got {listed}.")
        object.__setattr__(self, "velocities", listed)

    def __len__(self) -> int:
        return len(self.velocities)

    @property
    def dims(self) -> int:
        """Number of axes: 1 for signals, 2 for images."""
        return len(self.velocities[0])

    @property
    def coordinates(self) -> tuple[tuple[float, ...], ...]:
        """The velocities as points, whose differences say which are neighbours."""
        return self.velocities


@dataclass(frozen=True)
class Rotations:
    """Velocities of rotation about the centre of the image, in degrees a frame, counter-clockwise as it is shown.

    Parameters
    ----------
    degrees : V different angles.

    Raises
    ------
    InvalidInputError
        If there are no angles, some are equal or not finite.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793.

    Examples
    --------
    >>> Rotations((-10, 0, 10)).degrees
    (-10.0, 0.0, 10.0)
    """

    degrees: tuple[float, ...]

    def __post_init__(self) -> None:
        for angle in self.degrees:
            if not isinstance(angle, Real) or not math.isfinite(angle):
                raise InvalidInputError(f"A velocity of rotation is a finite number of degrees a frame; got {angle!r}.")
        listed = tuple(float(angle) for angle in self.degrees)
        _require_distinct(listed)
        object.__setattr__(self, "degrees", listed)

    def __len__(self) -> int:
        return len(self.degrees)

    @property
    def dims(self) -> int:
        """Rotations are those of images: 2."""
        return 2

    @property
    def coordinates(self) -> tuple[tuple[float, ...], ...]:
        """The velocities as points, whose differences say which are neighbours."""
        return tuple((angle,) for angle in self.degrees)


Velocities = Translations | Rotations
"""A set of velocities, of either kind."""


def translation_velocities(v_range: int | Sequence[int], dims: int = 2) -> Translations:
    """Give the grid of all whole velocities up to `v_range` pixels a frame along each axis.

    In the paper's words V_N^T, of (2 N + 1)^dims velocities; x varies slowest.

    Parameters
    ----------
    v_range : the largest speed, at least 0; a sequence gives one for each axis, such as (2, 0) for horizontal motion.
    dims : 2 for images, 1 for signals.

    Raises
    ------
    InvalidInputError
        If a range is negative or not whole, `dims` is not 1 or 2, or there are not `dims` ranges.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793.

    Examples
    --------
    >>> len(translation_velocities(2))
    25
    >>> translation_velocities((1, 0)).velocities
    ((-1, 0), (0, 0), (1, 0))
    >>> translation_velocities(1, dims=1).velocities
    ((-1,), (0,), (1,))
    """
    if dims not in {1, 2}:
        raise InvalidInputError(f"Sequences are of signals (dims=1) or images (dims=2); got dims={dims!r}.")
    ranges = list(v_range) if isinstance(v_range, Sequence) else [v_range] * dims
    if len(ranges) != dims or any(not isinstance(r, Integral) or isinstance(r, bool) or r < 0 for r in ranges):
        raise InvalidInputError(f"v_range is a whole number of at least 0, or {dims} of them; got {v_range!r}.")
    return Translations(tuple(itertools.product(*(range(-int(r), int(r) + 1) for r in ranges))))


def rotation_velocities(degrees: Iterable[float]) -> Rotations:
    """Give a set of angular velocities, in degrees a frame; the paper's V_N^R are multiples of 10.

    Raises
    ------
    InvalidInputError
        As `Rotations`.

    References
    ----------
    Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793.

    Examples
    --------
    >>> len(rotation_velocities(range(-40, 50, 10)))
    9
    """
    return Rotations(tuple(degrees))


def as_velocities(velocities: Velocities | Sequence[Sequence[int]]) -> Velocities:
    """Give a set of velocities as it is, and a plain sequence of tuples as translations."""
    if isinstance(velocities, Translations | Rotations):
        return velocities
    return Translations(tuple(velocities))  # type: ignore[arg-type]


def neighbour_table(velocities: Velocities, reach: int) -> list[list[int]]:
    """Give, for each velocity, the numbers of those at each offset up to `reach` grid steps away, -1 where none is.

    A grid step is the smallest difference that occurs along an axis; offsets are ordered alike for all velocities.
    """
    points = velocities.coordinates
    axes = list(zip(*points, strict=True))
    steps = [min((b - a for a, b in itertools.pairwise(sorted(set(axis)))), default=1.0) for axis in axes]
    varied = [len(set(axis)) > 1 for axis in axes]
    offsets = list(itertools.product(*(range(-reach, reach + 1) if v else (0,) for v in varied)))
    number = {tuple(round(x, 6) for x in point): v for v, point in enumerate(points)}

    def find(point: tuple[float, ...], offset: tuple[int, ...]) -> int:
        return number.get(tuple(round(x + o * s, 6) for x, o, s in zip(point, offset, steps, strict=True)), -1)

    return [[find(point, offset) for offset in offsets] for point in points]


def _whole_tuple(velocity: object) -> tuple[int, ...]:
    if (
        not isinstance(velocity, Sequence)
        or len(velocity) not in {1, 2}
        or not all(isinstance(v, Integral) and not isinstance(v, bool) for v in velocity)
    ):
        raise InvalidInputError(f"A velocity of translation is a tuple of one or two whole numbers; got {velocity!r}.")
    return tuple(int(v) for v in velocity)


def _require_distinct(velocities: tuple[object, ...]) -> None:
    if not velocities:
        raise InvalidInputError("There are no velocities; at least one is expected, such as (0, 0).")
    if len(set(velocities)) < len(velocities):
        twice = next(v for v in velocities if velocities.count(v) > 1)
        raise InvalidInputError(f"The velocity {twice} is listed twice; each is expected once.")

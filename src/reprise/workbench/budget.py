"""The time that a bench may take."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable, Generator

from reprise.errors import InvalidInputError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


class Budget:
    """A number of seconds, and how many of them are left.

    Parameters
    ----------
    duration : ``"90s"``, ``"10m"``, ``"1h30m"``, or seconds as a number.
    clock : tells the time in seconds.

    Raises
    ------
    InvalidInputError
        If that is no duration, or not above zero.

    Examples
    --------
    >>> Budget("1h30m").seconds
    5400.0
    """

    def __init__(self, duration: str | float, clock: Callable[[], float] = time.monotonic):
        self.seconds = parse_duration(duration)
        self._clock = clock
        self._began = clock()

    @property
    def spent(self) -> float:
        """Seconds since the budget was opened, without the pauses."""
        return self._clock() - self._began

    @property
    def left(self) -> float:
        """Seconds that are left, never below zero."""
        return max(0.0, self.seconds - self.spent)

    @contextlib.contextmanager
    def paused(self) -> Generator[None]:
        """Let the time inside the block not count."""
        before = self._clock()
        try:
            yield
        finally:
            self._began += self._clock() - before


def parse_duration(duration: str | float) -> float:
    """Read a duration as seconds.

    Raises
    ------
    InvalidInputError
        If it is none, or not above zero.

    Examples
    --------
    >>> parse_duration("90s"), parse_duration("10m"), parse_duration("1.5h"), parse_duration(45)
    (90.0, 600.0, 5400.0, 45.0)
    """
    if isinstance(duration, int | float) and not isinstance(duration, bool):
        seconds = float(duration)
    else:
        found = _DURATION.fullmatch(str(duration).replace(" ", "").lower())
        if not found or not any(found.groups()):
            raise InvalidInputError(f"{duration!r} is no time budget; expected one such as 90s, 10m or 1h30m.")
        seconds = sum(float(part) * size for part, size in zip(found.groups(), _UNITS.values(), strict=True) if part)
    if not 0 < seconds < math.inf:
        raise InvalidInputError(f"The time budget must be above zero, got {duration!r}.")
    return seconds


def readable(seconds: float) -> str:
    """Write a duration as a person would.

    Examples
    --------
    >>> readable(0.25), readable(42), readable(600), readable(5430)
    ('0.25 s', '42 s', '10 min', '1 h 30 min')
    """
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h" + (f" {rest} min" if rest else "") if hours else f"{minutes} min"

"""Well-known people and events of the years 1400 to 2020, each with its year: a table of Reprise's own."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple


class Dated(NamedTuple):
    """A person with the year of birth, or an event with the year in which it happened or began."""

    name: str
    kind: Literal["person", "event"]
    year: int


@cache
def load_timeline() -> tuple[Dated, ...]:
    """Load the table, which the package holds: 265 names that no reader of encyclopaedias would miss.

    Years are plain facts of general knowledge, in the Gregorian calendar; where sources differ by a year, one is taken.

    Examples
    --------
    >>> rows = load_timeline()
    >>> len(rows), rows[1]
    (265, Dated(name='Leonardo da Vinci', kind='person', year=1452))
    """
    text = files("reprise.data").joinpath("timeline.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(Dated(row["name"], row["kind"], int(row["year"])) for row in rows)  # type: ignore[arg-type]

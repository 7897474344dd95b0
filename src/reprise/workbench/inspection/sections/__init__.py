"""The sections of a report on a language model, one module each."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import cast

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.workbench.inspection.contract import Section

MODULES = {
    "retrieval": "retrieval",
    "successors": "successors",
    "languages": "languages",
    "places": "places",
    "times": "times",
    "geometry": "geometry",
    "steering": "steering",
}
"""Names of the sections in the order of the report, and their modules."""


def names() -> list[str]:
    """Give the names of the sections, in the order of the report."""
    return list(MODULES)


def module(name: str) -> str:
    """Give the dotted name of a section's module.

    Raises
    ------
    UnknownNameError
        If there is no such section; the nearest names are quoted.
    """
    if name not in MODULES:
        raise UnknownNameError("section", name, MODULES)
    return f"{__name__}.{MODULES[name]}"


def check_names(chosen: Iterable[str] | None) -> None:
    """Find out whether there are such sections, without importing them.

    Raises
    ------
    UnknownNameError
        If there is no section of one of the names; the nearest are quoted.
    InvalidInputError
        If none is named.
    """
    wanted = list(MODULES) if chosen is None else list(chosen)
    for name in wanted:
        module(name)
    if not wanted:
        raise InvalidInputError(f"No section is named; there are {', '.join(MODULES)}.")


def load(chosen: Iterable[str] | None = None) -> list[Section]:
    """Import sections, in the order of the report; None imports all.

    Raises
    ------
    UnknownNameError, InvalidInputError
        As `check_names` does.
    """
    wanted = list(MODULES) if chosen is None else list(chosen)
    check_names(wanted)
    return [cast(Section, importlib.import_module(module(name)).SECTION) for name in MODULES if name in wanted]

"""The manual page of a catalogued paper: what its module offers, in the words of the code itself."""

from __future__ import annotations

import functools
import importlib
import inspect
from dataclasses import dataclass

from reprise import catalogue


@dataclass(frozen=True)
class Entry:
    """One class or function: how it is imported and called, and its documentation."""

    name: str
    imported: str
    call: str
    text: str


@dataclass(frozen=True)
class Manual:
    """What a module says of itself, and of each object that serves a task."""

    module: str
    text: str
    entries: tuple[Entry, ...]


@functools.lru_cache(maxsize=256)
def manual(slug: str) -> Manual:
    """Give the manual of a paper.

    Raises
    ------
    UnknownNameError
        If the catalogue has no such paper.
    LookupError
        If there is nothing of it to use yet.
    ImportError
        If packages of its family are not installed.

    Examples
    --------
    >>> manual("matryoshka").entries[0].imported
    'from reprise.retrieve.matryoshka import adaptive_retrieval'
    """
    paper = catalogue.paper(slug)
    if paper.status == "planned":
        raise LookupError(f"Nothing of {slug} can be used yet.")
    module = importlib.import_module(paper.module)
    names = dict.fromkeys(served.name for served in paper.serves)
    entries = (_entry(paper.module, name, getattr(module, name)) for name in names)
    return Manual(paper.module, inspect.getdoc(module) or "", tuple(entries))


def _entry(module: str, name: str, served: object) -> Entry:
    try:
        parameters = inspect.signature(served).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        call = name
    else:
        call = f"{name}({', '.join(str(one.replace(annotation=one.empty)) for one in parameters)})"
    return Entry(name, f"from {module} import {name}", call, inspect.getdoc(served) or "")

"""Reading the catalogue's files."""

from __future__ import annotations

import functools
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reprise.catalogue.model import Paper
from reprise.catalogue.search import rank
from reprise.catalogue.vocabulary import FAMILIES, STATUSES, TASKS
from reprise.errors import DamagedFileError, UnknownNameError

_SUFFIX = ".toml"


def papers(
    family: str | None = None, task: str | None = None, status: str | None = None, query: str | None = None
) -> list[Paper]:
    """List the catalogue's papers.

    Parameters
    ----------
    family, task, status : keep only the papers of this family, for this task, or with this status.
    query : words to look for in slug, title, authors, summary and tasks; misspellings and abbreviations are forgiven.

    Returns
    -------
    The papers by family and slug, or the best match first where there is a `query`.

    Raises
    ------
    UnknownNameError
        If there is no such family, task or status; the nearest names are quoted.
    DamagedFileError
        If a file of the catalogue cannot be read; names the file and the field.

    Examples
    --------
    >>> papers(query="frame avg")[0].title
    'Frame Averaging for Invariant and Equivariant Network Design'
    """
    for kind, name, known in (("family", family, FAMILIES), ("task", task, TASKS), ("status", status, STATUSES)):
        if name is not None and name not in known:
            raise UnknownNameError(kind, name, known)
    found = [
        candidate
        for candidate in _all_papers()
        if (family is None or candidate.family == family)
        and (task is None or task in candidate.tasks)
        and (status is None or candidate.status == status)
    ]
    return rank(query, found) if query else found


def paper(slug: str) -> Paper:
    """Give the paper called `slug`.

    Raises
    ------
    UnknownNameError
        If there is none; the nearest names are quoted.
    DamagedFileError
        If its file cannot be read; names the file and the field.

    Examples
    --------
    >>> paper("retrieval-heads").module
    'reprise.language.retrieval_heads'
    """
    if slug not in slugs():
        raise UnknownNameError("paper", slug, slugs())
    return _paper(slug)


@functools.cache
def slugs() -> tuple[str, ...]:
    """Give the slugs of all papers, sorted; reads no file.

    Examples
    --------
    >>> "ila-sdp" in slugs()
    True
    """
    names = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def read(file: Traversable) -> Paper:
    """Read and validate one file of the catalogue.

    Raises
    ------
    DamagedFileError
        If it cannot be read or breaks a rule; names the file and the field.
    """
    try:
        entry = Paper.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DamagedFileError(str(file), str(problem)) from problem
    except ValidationError as problem:
        raise DamagedFileError(str(file), "; ".join(map(_field_problem, problem.errors()))) from problem
    if f"{entry.slug}{_SUFFIX}" != file.name:
        raise DamagedFileError(str(file), f"field slug: {entry.slug!r} is not the name of the file")
    return entry


def _folder() -> Traversable:
    return files("reprise.catalogue")


@functools.cache
def _paper(slug: str) -> Paper:
    return read(_folder().joinpath(slug + _SUFFIX))


@functools.cache
def _all_papers() -> tuple[Paper, ...]:
    families = list(FAMILIES)
    return tuple(sorted(map(_paper, slugs()), key=lambda entry: (families.index(entry.family), entry.slug)))


def _field_problem(error: ErrorDetails) -> str:
    """Say which field is wrong, and how."""
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    message = error["msg"].removeprefix("Value error, ")
    return f"field {field}: {message}" if field else message

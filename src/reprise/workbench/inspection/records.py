"""Results of sections as files, written atomically, so that an interrupted inspection goes on where it stopped."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reprise.claims import sources
from reprise.ledger import write_text
from reprise.workbench.inspection import sections
from reprise.workbench.inspection.contract import Record

FOLDER = "sections"
_SCHEME = "1"


def fingerprint(section: str, identity: str, seed: int) -> str:
    """Give a hash of what a section's result depends on: the model, the seed, and the code that measures."""
    code = sources.digest((sections.module(section),))
    return f"{_SCHEME}:{identity}:{seed}:{code}"


def write(folder: Path, record: Record) -> None:
    """Write a section's record into the folder of an inspection.

    Raises
    ------
    RepriseError
        If it cannot be written.
    """
    write_text(_path(folder, record.section), json.dumps(to_json(record), indent=1, allow_nan=False) + "\n")


def to_json(record: Record) -> dict[str, Any]:
    """Give a record as plain JSON."""
    content: dict[str, Any] = _adapter().dump_python(record, mode="json")
    del content["kept"]
    return content


def read(folder: Path, section: str) -> Record | None:
    """Read a section's record, or None where there is none.

    Raises
    ------
    ValueError
        If the file cannot be read as one.
    """
    path = _path(folder, section)
    if not path.is_file():
        return None
    try:
        return _adapter().validate_json(path.read_bytes())
    except ValidationError as problem:
        raise ValueError(f"{path} is damaged") from problem


def _path(folder: Path, section: str) -> Path:
    return folder / FOLDER / f"{section}.json"


@cache
def _adapter() -> TypeAdapter[Record]:
    return TypeAdapter(Record)

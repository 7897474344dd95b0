"""The classic test collections of information retrieval, in SMART's format: Cranfield and CISI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

_RECORD, _FIELD = re.compile(r"\.I\s+(\d+)\s*"), re.compile(r"\.([A-Z])\s*")
_LICENCE = "public research collection, no explicit licence"

CRANFIELD = Source(
    name="cranfield",
    title="Cranfield: 1,400 abstracts on aerodynamics, 225 queries, 1,837 judgements",
    licence=_LICENCE,
    origin="https://github.com/xyxxyyxy/cranvectors at 78c84cb, from Cleverdon's collection",
    loader="reprise.data.smart.cranfield",
    serves=("science-hierarchography",),
    files=("cran.all.1400", "cran.qry", "cranqrel"),
    obtain=(
        "Put cran.all.1400, cran.qry and cranqrel of github.com/xyxxyyxy/cranvectors (commit 78c84cb) into the folder "
        "cranfield under REPRISE_DATA."
    ),
)
CISI = Source(
    name="cisi",
    title="CISI: 1,460 abstracts on library science, 112 queries, 3,114 judgements",
    licence=f"{_LICENCE} (University of Glasgow)",
    origin="https://github.com/Shakiba-Alipour/Information-Retrieval-on-CISI at 7a23c34",
    loader="reprise.data.smart.cisi",
    serves=("science-hierarchography",),
    files=("CISI.ALL", "CISI.QRY", "CISI.REL"),
    obtain=(
        "Put CISI.ALL, CISI.QRY and CISI.REL of github.com/Shakiba-Alipour/Information-Retrieval-on-CISI "
        "(commit 7a23c34) into the folder cisi under REPRISE_DATA."
    ),
)


class Collection(NamedTuple):
    """Documents as titles and abstracts of one length, queries, and for each query the documents that answer it.

    Documents and queries are counted from 0 in the order of their files.
    """

    titles: list[str]
    abstracts: list[str]
    queries: list[str]
    relevant: dict[int, list[int]]


def cranfield() -> Collection:
    """Load Cranfield; a document that its assessors judged of no interest (-1) is left out of the judgements.

    Returns
    -------
    Collection
        1,400 documents, of which two have no abstract, and 225 queries.

    Raises
    ------
    MissingDataError, DamagedFileError
        If a file is not on this machine, or not in SMART's format.
    """
    return _collection(CRANFIELD, *CRANFIELD.files, by_position=True)


def cisi() -> Collection:
    """Load CISI.

    Returns
    -------
    Collection
        1,460 documents and 112 queries, 76 of them with judgements.

    Raises
    ------
    MissingDataError, DamagedFileError
        If a file is not on this machine, or not in SMART's format.
    """
    return _collection(CISI, *CISI.files, by_position=False)


def _collection(source: Source, documents: str, queries: str, judgements: str, *, by_position: bool) -> Collection:
    texts = _records(source.locate(documents))
    asked = _records(source.locate(queries))
    # Cranfield's judgements count its queries in order; their own numbers have gaps.
    row_of = {i + 1 if by_position else number: i for i, (number, _) in enumerate(asked)}
    column_of = {number: i for i, (number, _) in enumerate(texts)}
    path = source.locate(judgements)
    relevant: dict[int, list[int]] = {}
    for line, words in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
        fields = words.split()
        if not fields:
            continue
        try:
            query, document = row_of[int(fields[0])], column_of[int(fields[1])]
            counts = len(fields) < 3 or float(fields[2]) >= 0
        except (LookupError, ValueError) as problem:
            raise DamagedFileError(path, f"line {line} is no judgement ({words.strip()[:40]!r})") from problem
        if counts:
            relevant.setdefault(query, []).append(document)
    return Collection(
        titles=[fields.get("T", "").rstrip(" .") for _, fields in texts],
        abstracts=[fields.get("W", "") for _, fields in texts],
        queries=[fields.get("W", "") for _, fields in asked],
        relevant=relevant,
    )


def _records(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Read numbered records of fields, each begun by a dot and a letter."""
    records: list[tuple[int, dict[str, list[str]]]] = []
    field = ""
    for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
        begun, mark = _RECORD.fullmatch(line), _FIELD.fullmatch(line)
        if begun:
            records.append((int(begun[1]), {}))
            field = ""
        elif mark and records:
            field = mark[1]
        elif records and field:
            records[-1][1].setdefault(field, []).append(line)
        elif line.strip():
            raise DamagedFileError(path, f"line {number} belongs to no record; SMART's begin with '.I NUMBER'")
    if not records:
        raise DamagedFileError(path, "it holds no record; SMART's begin with '.I NUMBER'")
    return [(number, {name: " ".join(" ".join(lines).split()) for name, lines in f.items()}) for number, f in records]

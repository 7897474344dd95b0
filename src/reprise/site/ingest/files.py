"""Papers from a file, row by row: csv, tsv, jsonl (each packed with gzip too) or parquet.

Columns go by the names that common collections use, among them those of the arXiv snapshot and of the arXiv sample of
`reprise.data`, in capitals or not, and so no mapping is asked for. A row that cannot be kept is counted and left out.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reprise.errors import InvalidInputError
from reprise.site.ingest import fields
from reprise.site.ingest.errors import RefusedError
from reprise.site.ingest.steps import Page, State, Step, Withdrawn, step_of
from reprise.site.store.papers import CHUNK, FILE, PaperRecord

SAMPLE = "arxiv"
"""Names the arXiv sample of `reprise.data` instead of a file."""
_FIVE_DIGITS = 1501.0
_BUFFER = 2**20
MAX_LINE = 4 * 2**20
ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")
_SEPARATORS = ",;\t"

_COLUMNS = {
    "arxiv": ("arxiv_id", "arxiv", "id", "paper_id"),
    "title": ("title",),
    "abstract": ("abstract", "summary"),
    "authors": ("authors", "author"),
    "day": ("created", "published", "publishedat", "day", "date", "update_date"),
    "updated": ("updated", "update_date"),
    "categories": ("categories", "category"),
    "primary": ("primary_cat", "primary_category"),
    "version": ("version",),
    "comments": ("comments", "comment"),
    "code": ("code", "github", "githubrepo"),
    "link": ("link", "url"),
}


def locate(name: str | Path) -> Path:
    """Find the file that `name` means; ``"arxiv"`` is the sample of `reprise.data.arxiv`.

    Raises
    ------
    InvalidInputError
        If there is no such file, or its ending is not known.
    MissingDataError
        If the sample is not on this machine.
    """
    path = Path(name)
    if str(name) == SAMPLE and not path.exists():
        from reprise.data.arxiv import SOURCE

        return Path(SOURCE.locate(SOURCE.files[0]))
    if not path.is_file():
        raise InvalidInputError(f"{path} is a folder." if path.is_dir() else f"There is no file {path}.")
    if not path.name.lower().endswith(ENDINGS):
        raise InvalidInputError(f"{path.name} is of no kind that can be read: {', '.join(ENDINGS)}.")
    return path


def pages(path: Path, state: State) -> Iterator[Page]:
    """Yield the papers of a file in pieces.

    Parameters
    ----------
    state : ``rows``, how many are taken, and ``size`` and ``changed`` of the file they were taken from; of another
        file all rows are taken.

    Raises
    ------
    InvalidInputError
        If the file cannot be read.
    """
    from pyarrow import ArrowException

    about = path.stat()
    mark: State = {"size": about.st_size, "changed": about.st_mtime_ns}
    taken = int(state.get("rows", 0)) if {name: state.get(name) for name in mark} == mark else 0
    try:
        with _rows(path) as (rows, share):
            numbered = enumerate(rows, 1)
            for _ in itertools.islice(numbered, taken):
                pass
            while piece := list(itertools.islice(numbered, CHUNK)):
                steps = [_step(number, row, mark | {"rows": number}) for number, row in piece]
                yield Page(steps, round(piece[-1][0] / part) if (part := share()) else None)
    except UnicodeDecodeError as problem:
        raise InvalidInputError(f"{path} cannot be read: it is not in UTF-8.") from problem
    except (OSError, EOFError, zlib.error, csv.Error, ArrowException) as problem:
        raise InvalidInputError(f"{path} cannot be read: {fields.clean(str(problem), 200)}.") from problem


def parse(row: Any) -> PaperRecord | Withdrawn:
    """Read one row.

    Raises
    ------
    RefusedError
        If it is no paper that can be kept.
    """
    if not isinstance(row, dict):
        raise RefusedError("it is no JSON object")
    row = {_plain(name): value for name, value in row.items()}
    found = {field: _first(row, names) for field, names in _COLUMNS.items()}
    versions = row.get("versions")
    listed = [v for v in versions if isinstance(v, dict)] if isinstance(versions, list) else []
    dates = [date for v in listed if (date := fields.moment(v.get("created")))]
    paper = fields.paper(
        source=FILE,
        arxiv=_number_as_id(found["arxiv"]),
        title=found["title"],
        authors=_authors(row.get("authors_parsed"), found["authors"]),
        abstract=found["abstract"],
        day=min(dates, default=found["day"]),
        updated=max(dates, default=found["updated"]),
        version=len(listed) or _version(found["version"]),
        categories=fields.categories(found["categories"], found["primary"] or ""),
        code=found["code"],
        link=found["link"],
    )
    if paper.arxiv and fields.withdrawn(str(found["comments"] or ""), paper.abstract):
        return Withdrawn(paper.arxiv, paper.version)
    return paper


def _step(number: int, row: Any, state: State) -> Step:
    try:
        return step_of(state, parse(row))
    except RefusedError as problem:
        return Step(state, refused=f"row {number}: {problem}")


@functools.lru_cache(256)
def _plain(column: Any) -> str:
    """Give the name of a column as `_COLUMNS` has it: "arXiv ID" is arxiv_id."""
    return str(column).strip().lower().replace(" ", "_")


def _first(row: dict[str, Any], names: Iterable[str]) -> Any:
    for name in names:
        if value := row.get(name):
            return value
    return None


def _number_as_id(value: Any) -> Any:
    """Give the arXiv id that a table has kept as a number: 704.1 was 0704.1000.

    Ids have four digits after the dot up to 2014, and five since.
    """
    text = str(value)
    if not isinstance(value, str | float) or not re.fullmatch(r"[0-9]{3,4}\.[0-9]+", text):
        return value
    digits = 4 if float(text) < _FIVE_DIGITS else 5
    return f"{float(text):0{5 + digits}.{digits}f}"


def _authors(parsed: Any, plain: Any) -> list[str]:
    if isinstance(parsed, list) and parsed and all(isinstance(name, list) for name in parsed):
        said = [[str(part) for part in name[:3]] for name in parsed]  # family name, given name, suffix
        return [" ".join(part for part in (*name[1:2], *name[:1], *name[2:3]) if part) for name in said]
    if isinstance(plain, str):
        return fields.names(plain)
    if isinstance(plain, list):
        return [str(name.get("name", "")) if isinstance(name, dict) else str(name) for name in plain]
    return []


def _version(value: Any) -> int:
    text = str(value or "").removeprefix("v")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else 0


Rows = tuple[Iterable[Any], Callable[[], float]]


@contextmanager
def _rows(path: Path) -> Iterator[Rows]:
    """Open a file; give its rows one by one, and a function that says which part of it is read."""
    name = path.name.lower()
    if name.endswith(".parquet"):
        with _parquet(path) as rows:
            yield rows
        return
    size = max(path.stat().st_size, 1)
    read = _csv if name.removesuffix(".gz").endswith((".csv", ".tsv")) else _jsonl
    with path.open("rb") as raw:
        unpacked = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if name.endswith(".gz") else raw
        yield read(unpacked), lambda: 1.0 if raw.closed else raw.tell() / size


def _csv(file: io.BufferedReader[Any]) -> Iterator[Any]:
    with io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        heading = text.readline()
        separator = max(_SEPARATORS, key=heading.count)
        names = next(csv.reader([heading], delimiter=separator), [])
        reader = csv.DictReader(text, names, delimiter=separator)
        columns = {_plain(name) for name in names}
        if "title" not in columns or not columns & {*_COLUMNS["arxiv"], *_COLUMNS["link"]}:
            raise InvalidInputError(
                "The file has no columns title and arxiv_id; also read are "
                "abstract, authors, created, updated, categories, primary_cat, version, code and link."
            )
        yield from reader


def _jsonl(file: io.BufferedReader[Any]) -> Iterator[Any]:
    begun = False
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise InvalidInputError(f"The file has a line of more than {MAX_LINE // 2**20} MiB: it is no jsonl.")
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not begun and not isinstance(row, dict):
            raise InvalidInputError("The file is no jsonl: each line must be a JSON object, and the first is none.")
        begun = True
        yield row


@contextmanager
def _parquet(path: Path) -> Iterator[Rows]:
    from pyarrow.parquet import ParquetFile

    read = 0
    with ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:  # else whole columns are held

        def rows() -> Iterator[Any]:
            nonlocal read
            known = {name for names in _COLUMNS.values() for name in names} | {"versions", "authors_parsed"}
            columns = [name for name in file.schema_arrow.names if _plain(name) in known]
            if "title" not in map(_plain, columns):
                raise InvalidInputError("The file has no column title.")
            for batch in file.iter_batches(batch_size=CHUNK, columns=columns):
                for row in batch.to_pylist():
                    read += 1
                    yield row

        yield rows(), lambda: read / max(file.metadata.num_rows, 1)

"""One file of the user's, whatever its format, as an array or as a table of named columns; nothing is unpickled."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reprise.errors import InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

_NPY_MAGIC = b"\x93NUMPY"
_SEPARATORS = ",;\t|"
_MAX_NAMED = 8


class Content(NamedTuple):
    """What a file holds: an array, or a table whose columns have names; and what the reader had to decide."""

    held: np.ndarray | pd.DataFrame
    notes: tuple[str, ...] = ()


def read_file(location: str | Path) -> Content:
    """Read a file, or one array of it (``FILE:KEY``).

    Parameters
    ----------
    location : a file that ends in npy, npz, csv, tsv, parquet, safetensors or jsonl. After a colon stands the array to
        take from an npz or safetensors file, or the column to take from a table.

    Raises
    ------
    InvalidInputError
        If there is no such file, its ending is not known, it is cut short or damaged, or it would have to be
        unpickled.
    UnknownNameError
        If it holds no array or column of that name; the nearest names are quoted.
    """
    path, key = split_location(location)
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; expected a file that ends in {_known_endings()}.")
    if not path.is_file():
        raise InvalidInputError(f"There is no file {path}.")
    if path.suffix.lower() not in _READERS:
        raise InvalidInputError(
            f"{path} ends in {path.suffix or 'nothing'!r}; the known endings are {_known_endings()}."
        )
    if path.stat().st_size == 0:
        raise InvalidInputError(f"{path} is empty: it holds no bytes.")
    try:
        return _READERS[path.suffix.lower()](path, key)
    except OSError as problem:
        raise InvalidInputError(f"{path} could not be read: {problem.strerror or problem}.") from problem
    except MemoryError as problem:
        raise InvalidInputError(f"{path} does not fit into memory.") from problem


def split_location(location: str | Path) -> tuple[Path, str | None]:
    """Split ``FILE:KEY`` into the file and the key; a file of that whole name goes first.

    Examples
    --------
    >>> split_location("vectors.npz:train")
    (PosixPath('vectors.npz'), 'train')
    """
    text = str(location)
    name, colon, key = text.rpartition(":")
    if colon and key and Path(name).suffix.lower() in _READERS and not Path(text).exists():
        return Path(name), key
    return Path(text), None


def is_location(text: str) -> bool:
    """Say whether a text names a file: there is one, or it ends as one would."""
    path, _ = split_location(text)
    return path.is_file() or path.suffix.lower() in _READERS


def _npy(path: Path, key: str | None) -> Content:
    if key is not None:
        raise InvalidInputError(f"{path} holds one array without a name; leave out ':{key}'.")
    with path.open("rb") as stream:
        if stream.read(len(_NPY_MAGIC)) != _NPY_MAGIC:
            raise InvalidInputError(f"{path} is not an npy file: it does not begin as one.")
    return Content(_numpy_array(path, lambda: np.load(path, allow_pickle=False)))


def _npz(path: Path, key: str | None) -> Content:
    import zipfile

    try:
        archive = np.load(path, allow_pickle=False)
    except (zipfile.BadZipFile, ValueError, EOFError) as problem:
        raise _damaged(path, problem) from problem
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InvalidInputError(f"{path} is not an npz file but a single array; name it {path.stem}.npy.")
    with archive:
        name = _chosen_key(path, key, list(archive.files))
        return Content(_numpy_array(path, lambda: archive[name]))


def _numpy_array(path: Path, load: Callable[[], np.ndarray]) -> np.ndarray:
    import zipfile
    import zlib

    try:
        return load()
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
        if "Object arrays" in str(problem):
            raise InvalidInputError(
                f"{path} holds Python objects (dtype object), which would have to be unpickled; "
                "save numbers or fixed-width text, such as np.save(path, y.astype(str))."
            ) from problem
        raise _damaged(path, problem) from problem


def _safetensors(path: Path, key: str | None) -> Content:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as archive:
            name = _chosen_key(path, key, list(archive.keys()))
            stored = archive.get_slice(name).get_dtype()
            if stored != "BF16":
                return Content(archive.get_tensor(name))
        with safe_open(path, framework="pt") as archive:  # numpy has no bfloat16
            return Content(archive.get_tensor(name).float().numpy())
    except SafetensorError as problem:
        raise _damaged(path, problem) from problem


def _separated(path: Path, key: str | None) -> Content:
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig") as stream:
            first = next((line.rstrip("\n") for line in stream if line.strip()), "")
    except UnicodeDecodeError as problem:
        raise InvalidInputError(f"{path} is not UTF-8 text ({problem.reason} at byte {problem.start}).") from problem
    if not first:
        raise InvalidInputError(f"{path} is empty: it holds no line.")
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    separator = max(_SEPARATORS, key=lambda mark: (first.count(mark), mark == usual))
    header = next(csv.reader([first], delimiter=separator))
    numbered = len(header) > 1 and header == [str(i) for i in range(len(header))]
    nameless = all(map(_is_number, header)) and not numbered
    notes = []
    if separator != usual:
        notes.append(f"{path.name} was read with {separator!r} between its columns.")
    if nameless:
        notes.append(f"The first line of {path.name} is all numbers, so it was read as a row; columns are counted.")
    if numbered:
        last = len(header) - 1
        notes.append(
            f"The first line of {path.name} counts its columns from 0 to {last}, so it was read as their names."
        )
    try:
        table = pd.read_csv(
            path,
            sep=separator,
            header=None if nameless else 0,
            names=[str(i) for i in range(len(header))] if nameless else None,
            encoding="utf-8-sig",
            low_memory=False,
            on_bad_lines="error",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as problem:
        raise _damaged(path, problem) from problem
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus fields at the left for names of the rows
        if nameless or table.index.nlevels > 1:
            raise InvalidInputError(f"{path} has lines with more fields than its first line ({len(header)}).")
        notes.append(f"The lines of {path.name} have one field more than its header: the first is left out as a name.")
        table = table.reset_index(drop=True)
    return Content(_column(path, table, key), tuple(notes))


def _parquet(path: Path, key: str | None) -> Content:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path).to_pandas()
    except (pa.ArrowException, OSError) as problem:
        raise _damaged(path, problem) from problem
    table.columns = [str(name) for name in table.columns]
    return Content(_column(path, table, key))


def _jsonl(path: Path, key: str | None) -> Content:
    import pandas as pd

    records = []
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    records.append(_json_record(path, number, line))
    except UnicodeDecodeError as problem:
        raise InvalidInputError(f"{path} is not UTF-8 text ({problem.reason} at byte {problem.start}).") from problem
    if not records:
        raise InvalidInputError(f"{path} is empty: it holds no line.")
    kinds = {type(record) for record in records}
    if kinds == {dict}:
        return Content(_column(path, pd.DataFrame.from_records(records), key))
    if kinds == {list}:
        if key is not None:
            raise InvalidInputError(f"The lines of {path} are lists without names; leave out ':{key}'.")
        return Content(stacked(records, f"the lines of {path}"))
    raise InvalidInputError(f"The lines of {path} must be all objects or all lists.")


def _json_record(path: Path, number: int, line: str) -> Any:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as problem:
        raise InvalidInputError(f"Line {number} of {path} is not JSON ({problem}); is the file cut?") from problem
    if not isinstance(record, dict | list):
        raise InvalidInputError(
            f"Line {number} of {path} is {type(record).__name__}; expected an object or a list on every line."
        )
    return record


_READERS: dict[str, Callable[[Path, str | None], Content]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _separated,
    ".tsv": _separated,
    ".parquet": _parquet,
    ".safetensors": _safetensors,
    ".jsonl": _jsonl,
}


def stacked(rows: list[Any], what: str) -> np.ndarray:
    """Stack lists of numbers of one length into a matrix."""
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise InvalidInputError(f"{what} differ in length, from {lengths[0]} to {lengths[-1]}; expected one length.")
    try:
        return np.array([np.asarray(row, dtype=float) for row in rows])
    except (TypeError, ValueError) as problem:
        raise InvalidInputError(f"{what} must be lists of numbers ({problem}).") from problem


def holds_vectors(values: pd.Series) -> bool:
    """Say whether a column's cells are lists or arrays."""
    return len(values) > 0 and isinstance(values.iloc[0], list | tuple | np.ndarray)


def _column(path: Path, table: pd.DataFrame, key: str | None) -> np.ndarray | pd.DataFrame:
    if key is None:
        return table
    if key not in table.columns:
        raise UnknownNameError(f"column of {path.name}", key, map(str, table.columns))
    values = table[key]
    return stacked(list(values), f"the lists in column {key!r} of {path}") if holds_vectors(values) else table[[key]]


def _chosen_key(path: Path, key: str | None, keys: list[str]) -> str:
    if key is not None:
        if key not in keys:
            raise UnknownNameError(f"array in {path.name}", key, keys)
        return key
    if len(keys) != 1:
        shown = ", ".join(keys[:_MAX_NAMED]) + (", ..." if len(keys) > _MAX_NAMED else "")
        example = f"; name one, such as {path}:{keys[0]}" if keys else ""
        raise InvalidInputError(f"{path} holds {len(keys)} arrays ({shown}){example}.")
    return keys[0]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text) is not None


def _damaged(path: Path, problem: Exception) -> InvalidInputError:
    lines = str(problem).strip().splitlines()
    reason = f" ({lines[0].rstrip('.')})" if lines else ""
    return InvalidInputError(f"{path} could not be read as {path.suffix.lstrip('.')}{reason}; is it cut or damaged?")


def _known_endings() -> str:
    return ", ".join(ending.lstrip(".") for ending in _READERS)

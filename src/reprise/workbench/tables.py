"""The user's table: features as numbers, labels beside them, and a word on every column that was left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import InvalidInputError, UnknownNameError, counted
from reprise.workbench.formats import holds_vectors, is_location, read_file, stacked

if TYPE_CHECKING:
    import pandas as pd

_MAX_NAMED = 8
_ROW_COUNTER_NAMES = re.compile(r"unnamed: \d+|index|idx|id|row|row_?id|row_?number|", re.IGNORECASE)
_MOSTLY = 0.9  # share of a text column's cells that are numbers above which the others are worth a word


@dataclass(frozen=True)
class Table:
    """Rows to work on.

    Attributes
    ----------
    X : (n, d) float64, or float32 where the file had float32 or less.
    columns : names of the d columns.
    named : whether the names are the user's (else they are positions).
    labels : (n,) array of the labels as they were given, or None.
    label_name : what the labels are called.
    source : the file, or ``"the given array"``.
    notes : sentences for the user: what was read, and what was left out.
    apart : columns that were asked for apart, by name; each (n,).
    """

    X: np.ndarray
    columns: tuple[str, ...]
    named: bool
    labels: np.ndarray | None = None
    label_name: str = ""
    source: str = "the given array"
    notes: tuple[str, ...] = field(default=())
    apart: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.X)


def read_table(data: Any, labels: Any = None, *, partial: bool = False, apart: str | Sequence[str] = ()) -> Table:
    """Read features, and labels where they are given.

    Parameters
    ----------
    data : (n, d) array, data frame, CPU tensor, or the path of a file (npy, npz, csv, tsv, parquet, safetensors,
        jsonl; ``FILE:KEY`` takes one array of a file that holds several). The numeric columns of a table are the
        features; the others are left out and named in `Table.notes`.
    labels : (n,) array, the path of a file of the same formats, or the name of a column of `data`.
    partial : whether labels may be missing; those become -1 among whole numbers, and empty among texts.
    apart : a name, or names, of further columns that are no features; those that `data` has are in `Table.apart`.

    Raises
    ------
    InvalidInputError
        If a file cannot be read, the data are not a finite (n, d) table of at least two rows, or the labels do not fit.
    UnknownNameError
        If `labels` is neither a column nor a file.

    Examples
    --------
    >>> table = read_table([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], labels=["a", "a", "b"])
    >>> table.X.shape, table.labels.tolist()
    ((3, 2), ['a', 'a', 'b'])
    """
    held, source, notes = _held(data)
    name = Path(source).name if isinstance(data, str | Path) else source
    label_values, label_name = None, ""
    taken: dict[str, np.ndarray] = {}
    if isinstance(held, np.ndarray):
        values, columns = _matrix(held, name), tuple(map(str, range(held.shape[1] if held.ndim > 1 else 0)))
        read = f"Read {counted(len(values), 'row')} of {counted(values.shape[1], 'number')} from {name}."
        said = [read]
    else:
        held, label_values, label_name = _take_label_column(held, labels, name)
        for column in [apart] if isinstance(apart, str) else apart:
            if column in held.columns:
                taken[column] = _checked_labels(held.pop(column).to_numpy(), column, len(held), name, what="values")
        values, columns, said = _features(held, name)
    _check_finite(values, columns, name, named=not isinstance(held, np.ndarray))
    if len(values) < 2:
        raise InvalidInputError(f"{name} has {counted(len(values), 'row')}; expected at least two.")
    if labels is not None and label_values is None:
        names = None if isinstance(held, np.ndarray) else tuple(map(str, held.columns))
        label_values, label_name = _given_labels(labels, names, name)
    if label_values is not None:
        label_values = _checked_labels(label_values, label_name, len(values), name, partial=partial)
    return Table(
        X=values,
        columns=columns,
        named=not isinstance(held, np.ndarray),
        labels=label_values,
        label_name=label_name,
        source=source,
        notes=(*notes, *said),
        apart=taken,
    )


def read_labels(
    labels: Any, count: int, name: str, noun: str = "row", *, what: str = "labels"
) -> tuple[np.ndarray, str]:
    """Read labels that stand apart from the data: a file (as for `read_table`) or an array.

    Parameters
    ----------
    labels : the path of a file, or an array.
    count : how many there have to be.
    name : of the data that they belong to, for messages.
    noun : what each belongs to.
    what : what they are, for messages.

    Returns
    -------
    The labels, and what they are called.

    Raises
    ------
    InvalidInputError
        If they cannot be read, are not as many, or some are missing.
    """
    values, called = _given_labels(labels, None, name, what)
    return _checked_labels(values, called, count, name, noun, what), called


def _held(data: Any) -> tuple[np.ndarray | pd.DataFrame, str, tuple[str, ...]]:
    """Give the data as an array or a data frame, with their source and what the reader had to say."""
    import pandas as pd
    import scipy.sparse

    if isinstance(data, str | Path):
        content = read_file(data)
        return content.held, str(data), content.notes
    if isinstance(data, pd.DataFrame):
        return data.rename(columns=str), "the given table", ()
    if isinstance(data, Table):
        raise InvalidInputError("A Table has been read already; give its X.")
    if scipy.sparse.issparse(data):
        raise InvalidInputError("A sparse matrix was given; expected a dense one, such as X.toarray().")
    try:
        return np.asarray(data), "the given array", ()
    except (ValueError, TypeError, RuntimeError) as problem:
        raise InvalidInputError(f"The data cannot be made an array: {problem}.") from problem


def _matrix(array: np.ndarray, name: str) -> np.ndarray:
    """Check that an array is an (n, d) table of numbers."""
    if array.dtype.names is not None:
        raise InvalidInputError(
            f"{name} is a structured array; expected one dtype, or save its fields as csv or parquet."
        )
    if array.dtype.kind not in "fiub":
        raise InvalidInputError(f"{name} has dtype {array.dtype}; expected numbers (float, int or bool).")
    if array.ndim != 2:
        hint = " X.reshape(-1, 1) makes one column of it." if array.ndim == 1 else ""
        hint = " X.reshape(len(X), -1) makes a row of each sample." if array.ndim > 2 else hint
        raise InvalidInputError(f"{name} has shape {array.shape}; expected two dimensions, (rows, columns).{hint}")
    if array.size == 0:
        raise InvalidInputError(f"{name} is empty: its shape is {array.shape}.")
    small = array.dtype.kind == "f" and array.dtype.itemsize <= np.dtype(np.float32).itemsize
    return np.ascontiguousarray(array, dtype=np.float32 if small else np.float64)


def _take_label_column(table: pd.DataFrame, labels: Any, name: str) -> tuple[pd.DataFrame, np.ndarray | None, str]:
    """Take the label column out of a table, where `labels` names one."""
    duplicated = table.columns[table.columns.duplicated()]
    if len(duplicated):
        raise InvalidInputError(f"{name} has two columns called {duplicated[0]!r}.")
    if not isinstance(labels, str) or labels not in table.columns:
        return table, None, ""
    return table.drop(columns=labels), table[labels].to_numpy(), labels


def _features(table: pd.DataFrame, name: str) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Give the numeric columns as a matrix, their names, and sentences on what was used and left out."""
    if len(table) == 0:
        raise InvalidInputError(f"{name} is empty: it has columns but no row.")
    numeric = [c for c in table.columns if _is_numeric(table[c].dtype)]
    counters = [c for c in numeric if _counts_rows(table, c) and len(numeric) > 1]
    used = [c for c in numeric if c not in counters]
    others = [c for c in table.columns if c not in numeric]
    vectors = [c for c in others if holds_vectors(table[c])]
    if not used and len(vectors) == 1:
        column = vectors[0]
        values = _matrix(stacked(list(table[column]), f"the lists in column {column!r} of {name}"), name)
        left = [f"{c} ({_why_not(table[c])})" for c in others if c != column]
        said = [f"Read {counted(len(values), 'row')} of {values.shape[1]:,} numbers from column {column!r} in {name}."]
        return (
            values,
            tuple(map(str, range(values.shape[1]))),
            said + ([f"Left out: {', '.join(left)}."] if left else []),
        )
    if not used:
        found = listing([f"{c} ({_why_not(table[c])})" for c in others] + list(counters)) or "none"
        raise InvalidInputError(f"{name} has no column of numbers; its columns are {found}.")
    frame = table[used]
    dtype = np.float32 if all(d == np.float32 for d in frame.dtypes) else np.float64
    values = np.ascontiguousarray(np.column_stack([frame[c].to_numpy(dtype=dtype, na_value=np.nan) for c in used]))
    said = [f"Read {counted(len(values), 'row')} and {counted(len(used), 'column')} from {name}: {listing(used)}."]
    left = [f"{c} ({_why_not(table[c])})" for c in others] + [f"{c} (it only counts the rows)" for c in counters]
    if left:
        said.append(f"Left out: {listing(left, limit=2 * _MAX_NAMED)}.")
    return values, tuple(used), said


def _is_numeric(dtype: Any) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def _counts_rows(table: pd.DataFrame, column: str) -> bool:
    """Say whether a column is the row numbers that a spreadsheet or `to_csv` adds."""
    if not _ROW_COUNTER_NAMES.fullmatch(column) or table[column].isna().any():
        return False
    counted = table[column].to_numpy(dtype=float) - np.arange(len(table))
    return bool(np.all(counted == 0) or np.all(counted == 1))


def _why_not(values: pd.Series) -> str:
    """Say why a column is no feature."""
    import pandas as pd

    if holds_vectors(values):
        return "lists"
    if not (pd.api.types.is_string_dtype(values.dtype) or values.dtype == object):
        return str(values.dtype)
    wrong = pd.to_numeric(values, errors="coerce").isna() & values.notna()
    if not 0 < wrong.sum() <= (1 - _MOSTLY) * len(values):
        return "text"
    row = int(np.flatnonzero(wrong)[0])
    return f"{wrong.sum()} of {len(values)} cells are no numbers, the first is {values.iloc[row]!r} in row {row}"


def _check_finite(values: np.ndarray, columns: Sequence[str], name: str, *, named: bool) -> None:
    finite = np.isfinite(values)
    if finite.all():
        return
    row, column = np.argwhere(~finite)[0]
    bad = int((~finite).sum())
    missing = int(np.isnan(values).sum())
    what = "missing (NaN)" if missing == bad else "infinite" if not missing else "missing or infinite"
    where = f"column {columns[column]!r}" if named else f"column {column}"
    raise InvalidInputError(
        f"{bad} of {values.size} numbers in {name} are {what}, the first in row {row}, {where} (counted from 0); "
        "fill them in or leave those rows out."
    )


def _given_labels(
    labels: Any, columns: Sequence[str] | None, name: str, what: str = "labels"
) -> tuple[np.ndarray, str]:
    """Give labels that are not among the columns of the data: a file, or an array."""
    import pandas as pd

    if isinstance(labels, str) and not is_location(labels):
        if columns is None:
            raise InvalidInputError(f"{name} has no named columns and there is no file {labels!r}; {what} take a file.")
        raise UnknownNameError(f"label column or file in {name}", labels, columns)
    if isinstance(labels, str | Path):
        content = read_file(labels).held
        called = Path(str(labels)).name
        if isinstance(content, pd.DataFrame):
            if content.shape[1] != 1:
                raise InvalidInputError(
                    f"{called} has {content.shape[1]} columns ({listing(map(str, content.columns))}); "
                    f"name the one with the {what}, such as {labels}:{content.columns[-1]}."
                )
            return content.iloc[:, 0].to_numpy(), called
        return content, called
    try:
        return np.asarray(labels), f"the given {what}"
    except ValueError as problem:
        raise InvalidInputError(f"The {what} cannot be made an array: {problem}.") from problem


def _checked_labels(
    labels: np.ndarray,
    called: str,
    rows: int,
    name: str,
    noun: str = "row",
    what: str = "labels",
    *,
    partial: bool = False,
) -> np.ndarray:
    import pandas as pd

    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise InvalidInputError(
            f"The {what} ({called}) have shape {labels.shape}; expected one label a {noun}, ({rows},)."
        )
    if len(labels) != rows:
        raise InvalidInputError(f"The {what} ({called}) are {len(labels)}, but {name} has {counted(rows, noun)}.")
    missing = np.asarray(pd.isna(labels))
    if missing.any() and partial:
        labels = _filled(labels, missing)
    elif missing.any():
        raise InvalidInputError(
            f"{int(missing.sum())} of the {rows} {what} ({called}) are missing, the first in {noun} "
            f"{int(np.argmax(missing))} (counted from 0); leave those {noun}s out."
        )
    if labels.dtype.kind == "f" and np.all(labels == np.round(labels)):
        return labels.astype(np.int64)
    return labels.astype(str) if labels.dtype.kind in "OTSU" else labels


def _filled(labels: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Give labels with -1, or with no text, where they are missing."""
    given = labels[~missing]
    if labels.dtype.kind == "f" or all(isinstance(label, int | float) for label in given.tolist()):
        filled = np.full(len(labels), -1.0)
        filled[~missing] = given.astype(float)
        return filled
    return np.where(missing, "", labels.astype(str))


def listing(names: Iterable[str], limit: int = _MAX_NAMED) -> str:
    """Write names as a list, the first few where they are many.

    Examples
    --------
    >>> listing(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more

"""The user's rows in bags: a table, the bag of each row, and how many of a bag are positive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import InvalidInputError, UnknownNameError, counted
from reprise.workbench.formats import is_location, read_file
from reprise.workbench.tables import Table, listing, read_labels, read_table

_POSITIVE = {"1", "1.0", "True", "true", "yes", "positive"}


@dataclass(frozen=True)
class BagTable:
    """Rows in bags.

    Attributes
    ----------
    table : the features, with what the reader had to say.
    groups : (n,) bag of each row, integers or texts.
    proportions : bag -> share of positives.
    truth : (n,) label 0 or 1 of each row, or None where no labels were given.
    positive : the label that counts as positive.
    notes : sentences for the user on bags and shares.
    """

    table: Table
    groups: np.ndarray
    proportions: dict[Any, float]
    truth: np.ndarray | None
    positive: str
    notes: tuple[str, ...]

    @property
    def X(self) -> np.ndarray:
        """(n, d) features."""
        return self.table.X

    def __len__(self) -> int:
        return len(self.groups)


def read_bags(data: Any, groups: Any, proportions: Any = None, labels: Any = None) -> BagTable:
    """Read rows in bags.

    Parameters
    ----------
    data : see `read_table`.
    groups : the bag of each row: the name of a column of `data`, the path of a file, or an array (n,).
    proportions : each bag's share of positives, or number of positives if one is above 1: the name of a column of
        `data` that is constant within bags, the path of a file with two columns (bag, number) or with a number a row, a
        mapping, a pandas Series by bag, or an array (n,). None counts them from the labels.
    labels : true labels of two kinds, as for `read_table`; used for scores.

    Raises
    ------
    InvalidInputError
        If something cannot be read, a bag has no share or several, shares are impossible, there is only one bag, or
        labels are not of two kinds.
    UnknownNameError
        If a name is neither a column nor a file.

    Examples
    --------
    >>> bags = read_bags([[0.0], [1.0], [2.0]], groups=["a", "a", "b"], proportions={"a": 1, "b": 0.0})
    >>> bags.proportions
    {'a': 1.0, 'b': 0.0}
    """
    if groups is None:
        raise InvalidInputError("The bag of each row is needed: groups, a column of the data or a file (--groups).")
    if proportions is None and labels is None:
        raise InvalidInputError(
            "Each bag's share or number of positives is needed: proportions, a column of the data or a file "
            "(--proportions); or labels to count it from."
        )
    named = [name for name in (groups, proportions) if isinstance(name, str)]
    table = read_table(data, labels, apart=named)
    name = Path(table.source).name
    bags = _per_row(groups, table, name, "groups")
    names, index = np.unique(bags, return_inverse=True)
    if len(names) < 2:
        only = names.tolist()[0]
        raise InvalidInputError(f"All rows of {name} belong to the bag {only!r}; expected at least two bags.")
    sizes = np.bincount(index)
    kinds, coded = _two_kinds(table)
    if proportions is None:
        assert coded is not None
        positive = next((i for i, kind in enumerate(kinds) if str(kind) in _POSITIVE), 1)
        shares = np.bincount(index, coded == positive) / sizes
        said = f"Shares of bags were counted from the labels ({kinds[positive]!r} is positive)."
    else:
        values, given = _of_bags(proportions, table, names, index, name)
        shares, said = _as_shares(values, sizes, names, given)
        if coded is not None:
            off = [np.abs(np.bincount(index, coded == i) / sizes - shares).mean() for i in (0, 1)]
            positive = int(np.argmin(off))
            said += f" Of the labels {kinds[positive]!r} fits them as the positive one (off by {min(off):.1%} a bag)."
    spread = f"{counted(len(names), 'bag')} of {sizes.min():,} to {sizes.max():,} rows, "
    spread += f"{shares.min():.0%} to {shares.max():.0%} of them positive."
    return BagTable(
        table=table,
        groups=bags,
        proportions=dict(zip(names.tolist(), shares.tolist(), strict=True)),
        truth=None if coded is None else (coded == positive).astype(np.int8),
        positive="" if coded is None else str(kinds[positive]),
        notes=(*table.notes, said, spread),
    )


def _per_row(values: Any, table: Table, name: str, what: str) -> np.ndarray:
    if isinstance(values, str):
        if values in table.apart:
            values = table.apart[values]
        elif not is_location(values):
            raise UnknownNameError(f"column or file of {what} in {name}", values, table.columns)
    return read_labels(values, len(table), name, what=what)[0]


def _two_kinds(table: Table) -> tuple[list[Any], np.ndarray | None]:
    if table.labels is None:
        return [], None
    kinds, coded = np.unique(table.labels, return_inverse=True)
    if len(kinds) != 2:
        raise InvalidInputError(
            f"The labels ({table.label_name}) are of {counted(len(kinds), 'kind')} ({listing(map(str, kinds))}); "
            "expected two, as shares are of positives."
        )
    return kinds.tolist(), coded


def _of_bags(proportions: Any, table: Table, names: np.ndarray, index: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Give a number for each bag, and what gave it."""
    import pandas as pd

    called = "the given proportions"
    if isinstance(proportions, str) and proportions in table.apart:
        called, proportions = f"column {proportions!r}", table.apart[proportions]
    elif isinstance(proportions, str | Path):
        if not is_location(str(proportions)):
            raise UnknownNameError(f"column or file of proportions in {name}", str(proportions), table.columns)
        called, held = Path(str(proportions)).name, read_file(proportions).held
        if isinstance(held, pd.DataFrame) and held.shape[1] == 2:
            bags = read_labels(held.iloc[:, 0], len(held), called, what="bags")[0]
            proportions = dict(zip(bags.tolist(), held.iloc[:, 1].tolist(), strict=True))
            if len(proportions) < len(bags):
                raise InvalidInputError(f"{called} names a bag twice.")
        elif isinstance(held, pd.DataFrame) and held.shape[1] != 1:
            raise InvalidInputError(f"{called} has {held.shape[1]} columns; expected two: bags and their numbers.")
        else:
            proportions = np.asarray(held).reshape(-1)
    if isinstance(proportions, Mapping | pd.Series):
        return _from_mapping(dict(proportions.items()), names, called), called
    values = _numbers(np.asarray(proportions).tolist(), called)
    if len(values) != len(index):
        raise InvalidInputError(f"{called} holds {len(values)} numbers for {len(index)} rows; expected one a row.")
    first = values[np.unique(index, return_index=True)[1]]
    differ = np.flatnonzero(first[index] != values)
    if len(differ):
        raise InvalidInputError(
            f"{called} is not constant within bag {names[index[differ[0]]]!r}: {first[index[differ[0]]]:g} and "
            f"{values[differ[0]]:g}; expected one number a bag."
        )
    return first, called


def _from_mapping(known: dict[Any, Any], names: np.ndarray, called: str) -> np.ndarray:
    by_text = {str(bag): value for bag, value in known.items()}
    lacking = [str(bag) for bag in names.tolist() if str(bag) not in by_text]
    if lacking:
        raise InvalidInputError(f"{called} says nothing of {counted(len(lacking), 'bag')}: {listing(lacking)}.")
    empty = sorted(by_text.keys() - set(map(str, names.tolist())))
    if empty:
        raise InvalidInputError(f"{called} names {counted(len(empty), 'bag')} without a row: {listing(empty)}.")
    return _numbers([by_text[str(bag)] for bag in names.tolist()], called)


def _numbers(values: list[Any], called: str) -> np.ndarray:
    try:
        numbers = np.array([float(value) for value in values])
    except (TypeError, ValueError):
        raise InvalidInputError(f"{called} does not hold numbers; expected shares or numbers of positives.") from None
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        raise InvalidInputError(f"{called} holds a number that is missing or below 0.")
    return numbers


def _as_shares(values: np.ndarray, sizes: np.ndarray, names: np.ndarray, called: str) -> tuple[np.ndarray, str]:
    if values.max() <= 1:
        return values, f"Took {called} for shares of positives, as none is above 1."
    wrong = np.flatnonzero((values > sizes) | (values != np.round(values)))
    if len(wrong):
        b = wrong[0]
        raise InvalidInputError(
            f"{called} gives {values[b]:g} for bag {names.tolist()[b]!r} of {counted(int(sizes[b]), 'row')}; expected "
            "shares from 0 to 1, or whole numbers of positives up to the size of the bag."
        )
    return values / sizes, f"Took {called} for numbers of positives."

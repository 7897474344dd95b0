"""Rows in bags to learn from: read, and the bags divided into folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import InvalidInputError
from reprise.workbench.bags import read_bags
from reprise.workbench.contract import Problem
from reprise.workbench.tables import listing

FOLDS = 5


@dataclass
class ProportionsProblem(Problem):
    """Rows in bags with known shares of positives.

    Attributes
    ----------
    X : (n, d) rows.
    groups : (n,) position of each row's bag in `names`.
    shares : position of a bag -> share of positives.
    names : (B,) the bags.
    truth : (n,) labels 0 and 1, or None where none were given.
    fold_of : (n,) fold in which the bag of each row is held out, from 0.
    folds : how many.
    reading : Python code that reads the bags again, where files are all that it needs.
    """

    X: np.ndarray
    groups: np.ndarray
    shares: dict[int, float]
    names: np.ndarray
    truth: np.ndarray | None
    fold_of: np.ndarray
    folds: int
    reading: str = ""


def pose(data: Any, labels: Any, *, seed: int, groups: Any, proportions: Any, folds: int | None) -> ProportionsProblem:
    """Read rows in bags and divide the bags; see `ProportionsTask.pose`."""
    if folds is not None and (isinstance(folds, bool) or not isinstance(folds, int) or folds < 2):
        raise InvalidInputError(f"folds must be a whole number from 2 on, got {folds!r}.")
    bags = read_bags(data, groups, proportions, labels)
    names, index = np.unique(bags.groups, return_inverse=True)
    if folds is not None and folds > len(names):
        raise InvalidInputError(f"{folds} folds were asked for, but there are {len(names)} bags, at most one a fold.")
    taken = folds or min(FOLDS, len(names))
    fold_of_bag = np.random.default_rng(seed).permutation(np.arange(len(names)) % taken)
    shares = np.array([bags.proportions[name] for name in names.tolist()])
    sizes = np.bincount(index)
    table = bags.table
    split = f"{taken} folds of whole bags"
    facts = {
        "rows": f"{len(bags):,}",
        "columns": f"{table.X.shape[1]:,}" + (f": {listing(table.columns)}" if table.named else ""),
        "bags": f"{len(names):,}, of {sizes.min():,} to {sizes.max():,} rows",
        "positives": f"{shares.min():.0%} to {shares.max():.0%} of a bag, {shares @ sizes / len(index):.0%} of all",
        "tested on": split,
    }
    if bags.truth is not None:
        facts["labels"] = f"{table.label_name}: {bags.positive} is positive, in {bags.truth.mean():.0%} of the rows"
    return ProportionsProblem(
        source=table.source,
        title=f"Learning from proportions in {Path(table.source).name}",
        facts=facts,
        notes=(*bags.notes, f"Each method learns from the bags of all folds but one and is tested on that: {split}."),
        seed=seed,
        X=table.X,
        groups=index.astype(np.int64),
        shares=dict(enumerate(shares.tolist())),
        names=names,
        truth=bags.truth,
        fold_of=fold_of_bag[index].astype(np.int32),
        folds=taken,
        reading=_reading(data, groups, proportions, labels),
    )


def _reading(data: Any, groups: Any, proportions: Any, labels: Any) -> str:
    given = {"groups": groups, "proportions": proportions, "labels": labels}
    if not isinstance(data, str | Path) or not all(isinstance(v, str | Path | None) for v in given.values()):
        return ""
    words = [repr(str(data)), *(f"{name}={str(value)!r}" for name, value in given.items() if value is not None)]
    return f"read_bags({', '.join(words)})"

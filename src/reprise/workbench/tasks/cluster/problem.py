"""A table to cluster: read, scaled, and with the number of clusters settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from reprise.errors import InvalidInputError
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Problem
from reprise.workbench.tables import Table, listing, read_table
from reprise.workbench.tasks.cluster.scores import distinct_rows, silhouette_curve

Scale = Literal["auto", "standard", "unit", "none"]
SCALES: dict[str, str] = {
    "standard": "each column was brought to mean 0 and standard deviation 1",
    "unit": "each row was brought to length 1, so that distances follow the angle between rows",
    "none": "the numbers were used as they are",
}

_OF_ONE_UNIT = 10.0
"""Up to this ratio of the widest column's spread to the median one's, ``"auto"`` takes all columns for of one unit.

Wine (388) and breast cancer (8,700) hold quantities of several units, and K-means agrees better with their labels when
they are standardised; iris (2.3) and the pixels of digits (1.5) are of one unit, and it agrees better when not.
"""
_ESTIMATION_SHARE = 0.2  # of the budget, for the number of clusters


@dataclass
class ClusterProblem(Problem):
    """A table to cluster.

    Attributes
    ----------
    X : (n, d) rows as every method sees them, scaled.
    columns : names of the d columns.
    truth : (n,) positions in `classes`, or None where no labels were given.
    classes : the labels there are, as text.
    label_name : what the labels are called.
    n_clusters : how many clusters are looked for.
    curve : silhouette by number of clusters, where that was estimated.
    scale : how `X` was scaled (``"auto"`` stands for what it chose).
    reading : Python code that reads the table again, where files are all that it needs.
    """

    X: np.ndarray
    columns: tuple[str, ...]
    truth: np.ndarray | None
    classes: tuple[str, ...]
    label_name: str
    n_clusters: int
    curve: dict[int, float] = field(default_factory=dict)
    scale: Scale = "none"
    reading: str = ""


def pose(data: Any, labels: Any, *, seed: int, budget: Budget, n_clusters: int | None, scale: Scale) -> ClusterProblem:
    """Read and check a table to cluster; see `ClusterTask.pose`."""
    if scale not in get_args(Scale):
        raise InvalidInputError(f"There is no scale {scale!r}; expected {', '.join(get_args(Scale))}.")
    if n_clusters is not None and (isinstance(n_clusters, bool) or not isinstance(n_clusters, int) or n_clusters < 2):
        raise InvalidInputError(f"n_clusters must be a whole number from 2 on, got {n_clusters!r}.")
    table = read_table(data, labels)
    X, taken, said = _scaled(table, scale)
    classes, truth = _classes(table)
    most = min(len(table) - 1, distinct_rows(table.X, max(n_clusters or 0, len(classes), 2)))
    if most < 2:
        raise InvalidInputError(
            f"{table.source} has {len(table)} rows, {distinct_rows(table.X, 3)} of them different; "
            "clustering takes at least three rows, two of them different."
        )
    k, why, curve = _how_many(X, classes, n_clusters, most, seed, budget)
    name = Path(table.source).name
    facts = {
        "rows": f"{len(table):,}",
        "columns": f"{X.shape[1]:,}" + (f": {listing(table.columns)}" if table.named else ""),
        "clusters": f"{k}, {why}",
        "scale": f"{taken}: {said[0]}",
    }
    if truth is not None:
        facts["labels"] = f"{table.label_name}: {listing(classes)}"
    return ClusterProblem(
        source=table.source,
        title=f"Clustering {name}",
        facts=facts,
        notes=(*table.notes, *said, f"Looking for {k} clusters, {why}."),
        seed=seed,
        X=X,
        columns=table.columns,
        truth=truth,
        classes=classes,
        label_name=table.label_name,
        n_clusters=k,
        curve=curve,
        scale=taken,
        reading=_reading(data, labels),
    )


def _scaled(table: Table, scale: Scale) -> tuple[np.ndarray, Scale, list[str]]:
    """Scale a table; give the scale that was taken and sentences on it."""
    from sklearn.preprocessing import Normalizer, StandardScaler

    largest = float(np.abs(table.X).max())
    if largest > np.sqrt(np.finfo(table.X.dtype).max) / len(table):
        raise InvalidInputError(
            f"The numbers of {table.source} go up to {largest:.0e}, whose squares overflow; divide them."
        )
    spreads = np.sort(table.X.std(axis=0, dtype=np.float64))
    spreads = spreads[spreads > 0]
    ratio = spreads[-1] / spreads[(len(spreads) - 1) // 2] if len(spreads) else 1.0
    taken: Scale = scale
    why = f"--scale {scale}"
    if scale == "auto":
        taken = "standard" if ratio > _OF_ONE_UNIT else "none"
        other = "none" if taken == "standard" else "standard"
        why = f"the widest column spreads {ratio:,.3g} times as far as the median one; --scale {other} does otherwise"
    said = [f"{SCALES[taken][0].upper()}{SCALES[taken][1:]} ({why})."]
    constant = [name for name, spread in zip(table.columns, np.ptp(table.X, axis=0), strict=True) if spread == 0]
    if constant:
        named = listing(constant) if table.named else f"{len(constant)} of {len(table.columns)}"
        said.append(f"Columns with one value throughout, which tell clusters nothing: {named}.")
    if taken == "none":
        return table.X, taken, said
    return (StandardScaler() if taken == "standard" else Normalizer()).fit_transform(table.X), taken, said


def _classes(table: Table) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Give the labels there are, and each row's position among them."""
    if table.labels is None:
        return (), None
    found, truth = np.unique(table.labels, return_inverse=True)
    if len(found) < 2:
        raise InvalidInputError(f"All labels ({table.label_name}) are {str(found[0])!r}; expected at least two kinds.")
    if len(found) >= len(table):
        raise InvalidInputError(
            f"The labels ({table.label_name}) are different in every one of {len(table)} rows; "
            "expected classes that several rows share."
        )
    return tuple(map(str, found)), truth.astype(np.int32)


def _how_many(
    X: np.ndarray, classes: Sequence[str], n_clusters: int | None, most: int, seed: int, budget: Budget
) -> tuple[int, str, dict[int, float]]:
    """Settle the number of clusters: how many, why, and the scores that the choice was made by."""
    wanted = n_clusters or len(classes)
    if wanted > most:
        raise InvalidInputError(
            f"{wanted} clusters were asked for, but the data allow {most} at most "
            f"({len(X)} rows, and each cluster needs a row unlike the others)."
        )
    if n_clusters is not None:
        return n_clusters, "as asked for", {}
    if classes:
        return len(classes), "as many as there are labels", {}
    curve = silhouette_curve(X, seed, lambda: budget.spent < _ESTIMATION_SHARE * budget.seconds)
    best = max(curve, key=lambda k: curve[k])
    why = f"which gave K-means the highest silhouette ({curve[best]:.2f}) of {min(curve)} to {max(curve)}"
    return best, why, curve


def _reading(data: Any, labels: Any) -> str:
    if not isinstance(data, str | Path) or not isinstance(labels, str | Path | None):
        return ""
    return f"read_table({str(data)!r}" + (f", labels={str(labels)!r})" if labels is not None else ")")

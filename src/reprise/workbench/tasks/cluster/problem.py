"""A table to cluster: read, scaled, and with the number of clusters settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import InvalidInputError
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Problem
from reprise.workbench.scaling import Scale, scaled
from reprise.workbench.tables import Table, listing, read_table
from reprise.workbench.tasks.cluster.scores import distinct_rows, silhouette_curve

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
    if n_clusters is not None and (isinstance(n_clusters, bool) or not isinstance(n_clusters, int) or n_clusters < 2):
        raise InvalidInputError(f"n_clusters must be a whole number from 2 on, got {n_clusters!r}.")
    table = read_table(data, labels)
    X, taken, said = scaled(table, scale)
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

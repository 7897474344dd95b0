"""A partly labelled table: read, scaled, the number of classes settled, and labels hidden to score methods by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reprise.data.simulators.category_split import category_split
from reprise.errors import InvalidInputError
from reprise.nn.class_number import estimate_class_number
from reprise.workbench.contract import Problem
from reprise.workbench.scaling import Scale, scaled
from reprise.workbench.tables import Table, listing, read_labels, read_table

UNLABELLED = -1
_HIDDEN_CLASSES = 1 / 3  # of the known ones, in each trial
_ESTIMATION_ROWS = 5_000


class Hidden(NamedTuple):
    """Labels as a method sees them, and what it is scored by.

    Attributes
    ----------
    y : (n,) positions of classes, -1 where a row has no label or it is hidden.
    scored : rows whose class is known to us and not to the method.
    known : positions of the classes that the method sees.
    """

    y: np.ndarray
    scored: np.ndarray
    known: np.ndarray


@dataclass
class DiscoverProblem(Problem):
    """A partly labelled table.

    Attributes
    ----------
    X : (n, d) rows as every method sees them, scaled.
    columns : names of the d columns.
    y : (n,) positions in `classes`, -1 where a row has no label.
    classes : the known classes, as text.
    truth : (n,) positions in `true_classes`, where the true classes of all rows were given.
    true_classes : those, the known ones first.
    n_classes : how many classes are looked for, known and new.
    scale : how `X` was scaled (``"auto"`` stands for what it chose).
    reading : Python code that reads the table again, where files are all that it needs.
    """

    X: np.ndarray
    columns: tuple[str, ...]
    y: np.ndarray
    classes: tuple[str, ...]
    truth: np.ndarray | None
    true_classes: tuple[str, ...]
    n_classes: int
    scale: Scale = "none"
    reading: str = ""

    def hidden(self, part: int) -> Hidden:
        """Give what a method sees in a trial: the labels as they are where the truth is known, else a part of them.

        Without the truth a third of the known classes is hidden wholly, of the others half of the labels, at random
        in each trial.
        """
        if self.truth is not None:
            return Hidden(self.y, np.flatnonzero(self.y == UNLABELLED), np.arange(len(self.classes)))
        rng = np.random.default_rng([self.seed, part])
        count = len(self.classes)
        kept = np.sort(rng.permutation(count)[: count - max(1, round(_HIDDEN_CLASSES * count))])
        labelled = np.flatnonzero(self.y != UNLABELLED)
        y = np.full(len(self.y), UNLABELLED)
        y[labelled] = category_split(self.y[labelled], kept, rng)
        return Hidden(y, labelled[y[labelled] == UNLABELLED], kept)

    def names(self, count: int) -> tuple[str, ...]:
        """Give the names of the first `count` classes of an answer: the known ones, then ``new 1``, ``new 2``, ..."""
        return (*self.classes, *(f"new {i + 1}" for i in range(count - len(self.classes))))


def pose(data: Any, labels: Any, *, seed: int, n_clusters: int | None, truth: Any, scale: Scale) -> DiscoverProblem:
    """Read and check a partly labelled table; see `DiscoverTask.pose`."""
    if labels is None:
        raise InvalidInputError("Discovery starts from some labels: give them with --labels (a column, or a file).")
    if n_clusters is not None and (isinstance(n_clusters, bool) or not isinstance(n_clusters, int) or n_clusters < 2):
        raise InvalidInputError(f"n_clusters must be a whole number from 2 on, got {n_clusters!r}.")
    table = read_table(data, labels, partial=True, apart=truth if isinstance(truth, str) else ())
    X, taken, said = scaled(table, scale)
    assert table.labels is not None
    classes, y = _classes(table.labels)
    true_classes, true = _truth(table, truth, classes, y)
    notes = list(said)
    if (y != UNLABELLED).all() and true is None:
        true_classes, true, classes, y = _half_hidden(classes, y, seed)
        notes.append(
            f"Every row has a label, so the labels were taken for the truth: of {len(true_classes)} classes "
            f"{len(true_classes) - len(classes)} were hidden, and half of the labels of the others."
        )
    if not classes:
        raise InvalidInputError(f"No row has a label ({table.label_name}); `reprise bench cluster` needs none.")
    if true is None and len(classes) < 2:
        raise InvalidInputError(
            f"Only one class is labelled ({classes[0]}); two are needed, so that one can be hidden to score "
            "methods by, or the true classes of all rows (--truth)."
        )
    k, why = _how_many(X, y, classes, true_classes if true is not None else (), n_clusters, seed)
    notes.append(f"Looking for {k} classes, {len(classes)} of them known, {why}.")
    name = Path(table.source).name
    facts = {
        "rows": f"{len(table):,}, {int((y != UNLABELLED).sum()):,} of them labelled",
        "columns": f"{X.shape[1]:,}" + (f": {listing(table.columns)}" if table.named else ""),
        "known classes": listing(classes),
        "classes": f"{k}, {why}",
        "scored on": "the rows without label, by their true classes"
        if true is not None
        else "labels that were hidden: a third of the known classes wholly, of the others half of the labels",
        "scale": f"{taken}: {said[0]}",
    }
    return DiscoverProblem(
        source=table.source,
        title=f"Classes in {name}",
        facts=facts,
        notes=(*table.notes, *notes),
        seed=seed,
        X=X,
        columns=table.columns,
        y=y,
        classes=classes,
        truth=true,
        true_classes=true_classes,
        n_classes=k,
        scale=taken,
        reading=_reading(data, labels, truth),
    )


def _classes(labels: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Give the classes there are, and each row's position among them."""
    labelled = ~_missing(labels)
    found, positions = np.unique(labels[labelled], return_inverse=True)
    y = np.full(len(labels), UNLABELLED)
    y[labelled] = positions
    return tuple(map(str, found)), y


def _missing(labels: np.ndarray) -> np.ndarray:
    return np.isin(labels, ("", str(UNLABELLED))) if labels.dtype.kind == "U" else labels == UNLABELLED


def _truth(
    table: Table, truth: Any, classes: tuple[str, ...], y: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Give all true classes, the known ones first, and each row's position among them."""
    if truth is None:
        return (), None
    kept = table.apart.get(truth) if isinstance(truth, str) else None
    values = kept if kept is not None else read_labels(truth, len(table), table.source)[0]
    text = np.asarray(values).astype(str)
    unknown = sorted(set(text.tolist()) - set(classes))
    all_classes = (*classes, *unknown)
    place = {name: i for i, name in enumerate(all_classes)}
    true = np.array([place[name] for name in text.tolist()])
    against = np.flatnonzero((y != UNLABELLED) & (true != y))
    if len(against):
        row = int(against[0])
        raise InvalidInputError(
            f"Label and true class differ in {len(against)} labelled rows, the first in row {row} (counted from 0): "
            f"{classes[y[row]]!r} and {all_classes[true[row]]!r}."
        )
    return all_classes, true


def _half_hidden(
    classes: tuple[str, ...], y: np.ndarray, seed: int
) -> tuple[tuple[str, ...], np.ndarray, tuple[str, ...], np.ndarray]:
    """Hide half of the classes and half of the labels of the others: (true classes, truth, known classes, y)."""
    if len(classes) < 2:
        raise InvalidInputError(f"Every row has the same label ({classes[0]}); expected at least two classes.")
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.permutation(len(classes))[: (len(classes) + 1) // 2])
    order = np.concatenate([kept, np.setdiff1d(np.arange(len(classes)), kept)])
    truth = np.argsort(order)[y]
    names = tuple(classes[i] for i in order)
    return names, truth, names[: len(kept)], category_split(truth, np.arange(len(kept)), rng)


def _how_many(
    X: np.ndarray,
    y: np.ndarray,
    classes: tuple[str, ...],
    true_classes: tuple[str, ...],
    n_clusters: int | None,
    seed: int,
) -> tuple[int, str]:
    """Settle the number of classes, and why."""
    if n_clusters is not None:
        if n_clusters < len(classes):
            raise InvalidInputError(f"{n_clusters} classes were asked for, but {len(classes)} are labelled.")
        if n_clusters > len(X):
            raise InvalidInputError(f"{n_clusters} classes were asked for, but there are {len(X)} rows.")
        return n_clusters, "as asked for"
    if true_classes:
        return len(true_classes), "as many as there truly are"
    rows = np.arange(len(X))
    if len(X) > _ESTIMATION_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(X), size=_ESTIMATION_ROWS, replace=False))
        if (y[rows] == UNLABELLED).all():
            rows = np.unique(np.concatenate([rows, np.flatnonzero(y != UNLABELLED)[:_ESTIMATION_ROWS]]))
    found = estimate_class_number(X[rows], y[rows], random_state=seed).n_classes
    return max(found, len(classes)), "with which k-means agrees best with the labels"


def _reading(data: Any, labels: Any, truth: Any) -> str:
    if not isinstance(data, str | Path) or not isinstance(labels, str | Path):
        return ""
    apart = f", apart={str(truth)!r}" if isinstance(truth, str | Path) else ""
    return f"read_table({str(data)!r}, labels={str(labels)!r}, partial=True{apart})"

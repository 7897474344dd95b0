"""Labelled graphs to classify: read, and divided into folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import InvalidInputError
from reprise.metrics import stratified_folds
from reprise.nn.graph_batch import GraphBatch
from reprise.nn.graph_classifiers import class_labels
from reprise.workbench.contract import Problem
from reprise.workbench.graphs import read_graphs
from reprise.workbench.tables import listing

FOLDS = 10  # as the papers on graph classification have it


@dataclass
class GraphProblem(Problem):
    """Labelled graphs to classify.

    Attributes
    ----------
    batch : all graphs in one.
    truth : (n,) positions in `labels`.
    labels : (k,) the labels there are, as they were given.
    label_name : what the labels are called.
    fold_of : (n,) fold in which each graph is tested, from 0.
    folds : how many.
    reading : Python code that reads the graphs again, where files are all that it needs.
    """

    batch: GraphBatch
    truth: np.ndarray
    labels: np.ndarray
    label_name: str
    fold_of: np.ndarray
    folds: int
    reading: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels as text."""
        return tuple(map(str, self.labels))


def pose(data: Any, labels: Any, *, seed: int, folds: int | None) -> GraphProblem:
    """Read labelled graphs and divide them; see `GraphClassifyTask.pose`."""
    if folds is not None and (isinstance(folds, bool) or not isinstance(folds, int) or folds < 2):
        raise InvalidInputError(f"folds must be a whole number from 2 on, got {folds!r}.")
    read = read_graphs(data, labels)
    found, truth = class_labels(read.y, len(read))
    counts = np.bincount(truth)
    rarest = f"label {str(found[counts.argmin()])!r} has {counts.min()} graph{'' if counts.min() == 1 else 's'}"
    if counts.min() < 2:
        raise InvalidInputError(
            f"In {read.source}, {rarest}; to train and to test on each label takes at least two of it."
        )
    if folds is not None and folds > counts.min():
        raise InvalidInputError(f"{folds} folds were asked for, but {rarest}; expected at most {counts.min()} folds.")
    taken = folds or min(FOLDS, int(counts.min()))
    why = "as asked for" if folds else "" if taken == FOLDS else f"as {rarest}"
    split = f"{taken} stratified folds" + (f", {why}" if why else "")
    fold_of = np.empty(len(read), dtype=np.int32)
    for fold, (_, test) in enumerate(stratified_folds(truth, taken, seed=seed)):
        fold_of[test] = fold
    sizes = read.batch.node_counts
    share = counts.max() / counts.sum()
    average = read.batch.num_nodes / len(read)
    facts = {
        "graphs": f"{len(read):,}",
        "nodes": f"{int(sizes.min()):,} to {int(sizes.max()):,} a graph, {average:,.1f} on average",
        "edges": f"{read.batch.edge_index.shape[1] / len(read):,.1f} a graph on average, each direction counted",
        "node features": read.features,
        "labels": f"{read.label_name}: {listing(map(str, found))}; the commonest is {share:.0%} of the graphs",
        "tested on": split,
    }
    return GraphProblem(
        source=read.source,
        title=f"Classifying graphs of {Path(read.source).name}",
        facts=facts,
        notes=(*read.notes, f"Each method is trained and tested on {split}."),
        seed=seed,
        batch=read.batch,
        truth=truth,
        labels=found,
        label_name=read.label_name,
        fold_of=fold_of,
        folds=taken,
        reading=_reading(data, labels),
    )


def _reading(data: Any, labels: Any) -> str:
    if not isinstance(data, str | Path) or not isinstance(labels, str | Path | None):
        return ""
    return f"read_graphs({str(data)!r}" + (f", labels={str(labels)!r})" if labels is not None else ")")

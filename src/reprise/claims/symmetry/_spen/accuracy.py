"""Ten-fold cross-validation on labelled graphs: SPEN, GIN with the same budget, and the Weisfeiler-Leman kernel.

Both networks are trained by the same loop on the same folds for as many epochs. Two figures are reported: that of the
GIN protocol (the epoch at which the mean over folds is highest), and that of the authors' code (the mean over the last
ten epochs), which chooses nothing on the test folds; the kernel's rounds and cost are chosen by inner folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._spen.sizes import Size
from reprise.metrics import fold_curves
from reprise.nn.graph_batch import GraphBatch
from reprise.nn.graph_classifiers import GraphIsomorphismNetwork
from reprise.nn.subtree_kernel import SubtreeKernelClassifier
from reprise.symmetry.spen import SPEN, ego_networks, frequent_sizes
from reprise.training import train

LABELLED = tuple[GraphBatch, np.ndarray]
"""Graphs and the number of each one's class."""

LAST = 10  # epochs whose mean the authors' code reports


def best(name: str) -> str:
    """Name the accuracy of the GIN protocol."""
    return f"accuracy on {name}"


def last(name: str) -> str:
    """Name the accuracy without a choice on the test folds."""
    return f"accuracy on {name}, nothing chosen"


def measure_accuracy(trial: Trial, size: Size, sets: dict[str, LABELLED]) -> Iterator[Measurement]:
    """Cross-validate every method on every set."""
    for name in size.sets:
        labelled = sets[name]
        networks = (("SPEN", make_spen, size.lr, size.batch_size), ("GIN", make_gin, size.gin_lr, size.gin_batch_size))
        for arm, make, lr, batch_size in networks:
            train_and_test = _trainer(make, labelled, size, lr, batch_size, trial)
            curves = fold_curves(train_and_test, labelled[1], folds=size.folds, seed=trial.seed)
            yield Measurement(arm, best(name), 100 * curves.mean)
            yield Measurement(arm, last(name), 100 * float(curves.curves[:, -LAST:].mean()))
            yield Measurement(arm, f"deviation over folds on {name}", 100 * curves.std)
        kernel = fold_curves(_kernel(labelled, trial), labelled[1], folds=size.folds, seed=trial.seed)
        yield Measurement("WL kernel", last(name), 100 * kernel.mean)
        yield Measurement("WL kernel", f"deviation over folds on {name}", 100 * kernel.std)


def make_spen(graphs: GraphBatch, classes: int, size: Size) -> nn.Module:
    """Give a new SPEN as the paper has it: 1 hop, weights for each size of subgraph."""
    sizes = frequent_sizes(ego_networks(graphs.edge_index, graphs.num_nodes).sizes)
    width = 0 if graphs.x is None else graphs.x.shape[1]
    return SPEN(width, num_classes=classes, sizes=sizes, **size.network)


def make_gin(graphs: GraphBatch, classes: int, size: Size) -> nn.Module:
    """Give a new GIN."""
    return GraphIsomorphismNetwork(0 if graphs.x is None else graphs.x.shape[1], classes, hidden=size.gin_hidden)


def _trainer(
    make: Callable[[GraphBatch, int, Size], nn.Module],
    labelled: LABELLED,
    size: Size,
    lr: float,
    batch_size: int,
    trial: Trial,
) -> Callable[[np.ndarray, np.ndarray], list[float]]:
    """Give the function that trains a network on a fold and returns its accuracy after each epoch."""
    graphs, y = labelled
    targets = torch.from_numpy(y)

    def train_and_test(rows: np.ndarray, held_out: np.ndarray) -> list[float]:
        training, known = graphs[rows].to(trial.device), targets[rows].to(trial.device)
        testing, asked = graphs[held_out].to(trial.device), targets[held_out].to(trial.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(trial.seed)
            model = make(training, int(targets.max()) + 1, size).to(trial.device)

        def loss(model: nn.Module, chosen: Tensor) -> Tensor:
            return nn.functional.cross_entropy(model(training[chosen]), known[chosen])

        def validate(model: nn.Module) -> dict[str, float]:
            return {"accuracy": float((model(testing).argmax(1) == asked).double().mean())}

        history = train(
            model,
            loss,
            torch.arange(len(rows)),
            epochs=size.epochs,
            batch_size=batch_size,
            lr=lr,
            schedule="cosine",
            seed=trial.seed,
            device=trial.device,
            validate=validate,
        )
        return history["accuracy"].tolist()

    return train_and_test


def _kernel(labelled: LABELLED, trial: Trial) -> Callable[[np.ndarray, np.ndarray], list[float]]:
    graphs, y = labelled

    def train_and_test(rows: np.ndarray, held_out: np.ndarray) -> list[float]:
        model = SubtreeKernelClassifier(random_state=trial.seed).fit(graphs[rows], y[rows])
        return [float(model.score(graphs[held_out], y[held_out]))]

    return train_and_test

"""How the methods stand on well-known data sets: benches of them all, kept as files that the documentation shows.

    python -m reprise.workbench.standings docs/standings

runs those that are not there yet; delete a file to have it made again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reprise.errors import DamagedFileError, MissingDataError

_ROWS = 2_000
_COMPONENTS = 50
_PLACES = 3


class Rows(NamedTuple):
    """A data set: (n, d) rows, their true classes, and how it was made."""

    X: np.ndarray
    y: np.ndarray
    made: str


@dataclass(frozen=True)
class Standing:
    """A bench to be kept.

    Parameters
    ----------
    task : of the workbench.
    data : as the table names it.
    load : gives the data.
    ask : from the data to the arguments of `bench` beside the task: the data, the labels and settings.
    budget : time of the bench.
    """

    task: str
    data: str
    load: Callable[[], Rows]
    ask: Callable[[Rows], dict[str, Any]]
    budget: str = "2m"
    metrics: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.task}-{self.data.lower().replace(' ', '-')}.json"


def digits() -> Rows:
    """Scikit-learn's 1,797 digits of 8 by 8 pixels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return Rows(X, y, "1,797 images of 8 by 8 pixels")


def mnist_digits() -> Rows:
    """2,000 of MNIST's digits."""
    from reprise.data.mnist import mnist

    data = mnist()
    return _reduced(data.train_images, data.train_labels, "images of 28 by 28 pixels")


def clothes() -> Rows:
    """2,000 of Fashion-MNIST's pieces of clothing."""
    from reprise.data.fashion_mnist import fashion_mnist

    data = fashion_mnist()
    return _reduced(data.train_images, data.train_labels, "images of 28 by 28 pixels")


def photographs() -> Rows:
    """2,000 of CIFAR-10's photographs, as EfficientNet-Lite0 sees them."""
    from reprise.data.cifar10 import cifar10
    from reprise.models.vision import image_features, load_backbone

    data = cifar10()
    rows = np.sort(np.random.default_rng(0).permutation(len(data.train_images))[:_ROWS])
    features = image_features(data.train_images[rows], load_backbone(side=128), progress=True)
    return _reduced(features, data.train_labels[rows], "photographs, as EfficientNet-Lite0's features")


def clustered(rows: Rows) -> dict[str, Any]:
    """Cluster all rows, with the true number of clusters."""
    return {"data": rows.X, "labels": rows.y, "scale": "none"}


def discovered(rows: Rows) -> dict[str, Any]:
    """Hide half of the classes, and half of the labels of the others."""
    return {"data": rows.X, "labels": rows.y, "scale": "none"}


_DATA = {"digits": digits, "MNIST": mnist_digits, "Fashion-MNIST": clothes, "CIFAR-10 features": photographs}
STANDINGS = tuple(
    Standing(task, data, load, ask, budget, metrics)
    for task, ask, budget, metrics in (
        ("discover", discovered, "4m", ("all", "known", "new")),
        ("cluster", clustered, "2m", ("ARI", "accuracy", "NMI")),
    )
    for data, load in _DATA.items()
)


def measure(folder: str | Path, standings: Sequence[Standing] = STANDINGS) -> list[Path]:
    """Run the benches whose files are not in a folder; one whose data are not on this machine is passed over.

    Returns
    -------
    The files that were written.
    """
    from reprise.ledger import write_text
    from reprise.workbench.run import bench

    written = []
    for standing in standings:
        path = Path(folder) / standing.file
        if path.exists():
            continue
        try:
            rows = standing.load()
        except MissingDataError as problem:
            print(f"{standing.data} is left out: {problem}", file=sys.stderr)
            continue
        board = bench(standing.task, budget=standing.budget, **standing.ask(rows))
        board.need_one()
        kept = board.to_json() | {"source": f"{standing.data}: {rows.made}"}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        written.append(path)
    return written


def markdown(folder: str | Path, task: str, standings: Sequence[Standing] = STANDINGS) -> str:
    """Give the kept leaderboards of a task as Markdown tables, one a data set.

    Raises
    ------
    DamagedFileError
        If a file is not a leaderboard.
    """
    parts = []
    for standing in standings:
        path = Path(folder) / standing.file
        if standing.task != task or not path.is_file():
            continue
        try:
            board = json.loads(path.read_text(encoding="utf-8"))
            parts.append(_table(board, standing.metrics))
        except (ValueError, KeyError, TypeError) as problem:
            raise DamagedFileError(path, f"it is no leaderboard ({problem})") from problem
    return "\n\n".join(parts)


def _table(board: dict[str, Any], metrics: Sequence[str]) -> str:
    facts = board["facts"]
    heads = ["", "method", *metrics, "seconds"]
    lines = [
        f"**{board['source']}** (rows: {facts['rows']})",
        "",
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
    ]
    for row in board["rows"]:
        link = f"[{row['method']}](papers/{row['paper']}.md)" if row["paper"] else row["method"]
        if row["status"] == "done":
            cells = [_cell(row["metrics"].get(name), _PLACES) for name in metrics]
            cells.append(_cell(row["metrics"].get("seconds"), 1))
        else:
            cells = [row["status"], *[""] * len(metrics)]
        lines.append(f"| {row['rank'] or ''} | {link} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(summary: dict[str, float] | None, places: int) -> str:
    if summary is None:
        return ""
    span = f" ({summary['low']:.{places}f} to {summary['high']:.{places}f})" if summary["over"] > 1 else ""
    return f"{summary['mean']:.{places}f}{span if places == _PLACES else ''}"


def _reduced(values: np.ndarray, y: np.ndarray, what: str) -> Rows:
    """Give random rows as principal components."""
    from sklearn.decomposition import PCA

    chosen = np.random.default_rng(0).permutation(len(values))[:_ROWS]
    flat = values[chosen].reshape(len(chosen), -1).astype(np.float64)
    X = PCA(_COMPONENTS, random_state=0).fit_transform(flat)
    scale = float(X.std(axis=0).max())
    return Rows(X / scale, y[chosen], f"{len(chosen):,} {what}, {_COMPONENTS} principal components")


if __name__ == "__main__":
    measure(sys.argv[1])

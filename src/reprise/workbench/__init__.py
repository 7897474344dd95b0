"""The workbench: the methods of the papers on your own data, and on your own language model, beside the standard ones.

``reprise bench cluster X.npy --labels y.npy``, ``reprise bench graph-classify FOLDER`` or ``reprise bench proportions
T.csv --groups COLUMN --proportions COLUMN`` on the command line, `bench` in Python. A task is one module of
`reprise.workbench.tasks`. ``reprise inspect MODEL`` and `inspect_model` give a report on a language model.
"""

from typing import TYPE_CHECKING, Any

from reprise.workbench.bags import BagTable, read_bags
from reprise.workbench.contract import Entry
from reprise.workbench.graphs import Graphs, read_graphs
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.race import Event
from reprise.workbench.run import bench
from reprise.workbench.tables import Table, read_table

if TYPE_CHECKING:
    from reprise.workbench.inspection import Inspection, inspect_model

__all__ = [
    "BagTable",
    "Entry",
    "Event",
    "Graphs",
    "Inspection",
    "Leaderboard",
    "Row",
    "Table",
    "bench",
    "inspect_model",
    "read_bags",
    "read_graphs",
    "read_table",
]


def __getattr__(name: str) -> Any:
    """Bring what needs language models only where it is asked for: a bench starts without them."""
    if name in ("Inspection", "inspect_model"):
        from reprise.workbench import inspection

        return getattr(inspection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

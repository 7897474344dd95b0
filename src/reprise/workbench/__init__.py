"""The workbench: the methods of the papers on your own data, beside the standard ones.

``reprise bench cluster X.npy --labels y.npy``, ``reprise bench graph-classify FOLDER`` or ``reprise bench proportions
T.csv --groups COLUMN --proportions COLUMN`` on the command line, `bench` in Python. A task is one module of
`reprise.workbench.tasks`.
"""

from reprise.workbench.bags import BagTable, read_bags
from reprise.workbench.contract import Entry
from reprise.workbench.graphs import Graphs, read_graphs
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.race import Event
from reprise.workbench.run import bench
from reprise.workbench.tables import Table, read_table

__all__ = [
    "BagTable",
    "Entry",
    "Event",
    "Graphs",
    "Leaderboard",
    "Row",
    "Table",
    "bench",
    "read_bags",
    "read_graphs",
    "read_table",
]

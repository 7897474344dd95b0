"""Discover: name the rows that have no label, with the known classes and with new ones.

What is read and hidden stands in `problem`, the standard methods in `baselines`, and how it all comes together in
`task`.
"""

from reprise.workbench.tasks.discover.problem import DiscoverProblem
from reprise.workbench.tasks.discover.task import DiscoverTask

__all__ = ["TASK", "DiscoverProblem", "DiscoverTask"]

TASK = DiscoverTask()

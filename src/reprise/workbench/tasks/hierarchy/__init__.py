"""Hierarchy: arrange texts in a tree of named topics, from a table with titles and abstracts.

What is read and embedded stands in `problem`, the standard trees in `baselines`, and how it all comes together in
`task`.
"""

from reprise.workbench.tasks.hierarchy.problem import HierarchyProblem
from reprise.workbench.tasks.hierarchy.task import HierarchyTask

__all__ = ["TASK", "HierarchyProblem", "HierarchyTask"]

TASK = HierarchyTask()

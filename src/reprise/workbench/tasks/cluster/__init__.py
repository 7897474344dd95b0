"""Cluster: group the rows of a table, with or without labels to compare with.

What is read and scaled stands in `problem`, the standard methods in `baselines`, what a clustering is judged by in
`scores`, and how it all comes together in `task`.
"""

from reprise.workbench.tasks.cluster.problem import ClusterProblem
from reprise.workbench.tasks.cluster.task import ClusterTask

__all__ = ["TASK", "ClusterProblem", "ClusterTask"]

TASK = ClusterTask()

"""Graph classification: predict a label for each graph, judged on folds that were not trained on.

What is read and how it is folded stands in `problem`, the standard methods in `baselines` (`histograms` and `averaged`
hold those that no other part of the library has), what predictions are judged by in `scores`, and how it all comes
together in `task`.
"""

from reprise.workbench.tasks.graph_classify.problem import GraphProblem
from reprise.workbench.tasks.graph_classify.task import GraphClassifyTask

__all__ = ["TASK", "GraphClassifyTask", "GraphProblem"]

TASK = GraphClassifyTask()

"""Proportions: probabilities of single rows from shares of positives in bags, judged on bags that were held out.

What is read and how bags are folded stands in `problem`, the standard methods in `baselines` (`simple` holds those that
no other part of the library has), and how it all comes together in `task`.
"""

from reprise.workbench.tasks.proportions.problem import ProportionsProblem
from reprise.workbench.tasks.proportions.task import ProportionsTask

__all__ = ["TASK", "ProportionsProblem", "ProportionsTask"]

TASK = ProportionsTask()

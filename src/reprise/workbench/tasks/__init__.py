"""The tasks of the workbench: one module each, which holds its task as ``TASK``.

Examples
--------
>>> names()
['cluster', 'discover', 'graph-classify', 'hierarchy', 'proportions']
"""

from __future__ import annotations

import importlib
import pkgutil

from reprise.errors import UnknownNameError
from reprise.workbench.contract import Task


def names() -> list[str]:
    """List the tasks; imports none of them."""
    found = (module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return sorted(name.replace("_", "-") for name in found)


def load(name: str) -> Task:
    """Give the task of that name.

    Raises
    ------
    UnknownNameError
        If there is none; the nearest names are quoted.
    """
    if name not in names():
        raise UnknownNameError("task", name, names())
    task: Task = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").TASK
    return task

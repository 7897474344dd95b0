"""From the catalogue to methods that can be run."""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Mapping
from typing import Any, NamedTuple

from reprise.errors import InvalidInputError
from reprise.workbench.contract import Entry


class Built(NamedTuple):
    """A method as an object, whether it takes a seed, and the Python code that makes it."""

    method: Any
    seeded: bool
    call: str


def paper_entries(task: str) -> list[Entry]:
    """Give the methods of the catalogue that serve a task and exist; imports none of them."""
    from reprise import catalogue

    return [
        Entry(served.name, f"{paper.module}:{served.name}", kind="paper", paper=paper.slug)
        for paper in catalogue.papers(task=task)
        if paper.status != "planned"
        for served in paper.serves
        if served.task == task
    ]


def build(entry: Entry, offered: Mapping[str, Any]) -> Built:
    """Build a method from its settings, and from those of the task's `offered` arguments that it knows.

    Raises
    ------
    InvalidInputError
        If it is not where the entry says, or needs arguments that nobody gives.
    Exception
        Whatever its import raises, such as `MissingPackageError`.
    """
    module_name, _, name = entry.factory.partition(":")
    module = importlib.import_module(module_name)
    if not hasattr(module, name):
        raise InvalidInputError(f"{module_name} has no {name}.")
    made_by = getattr(module, name)
    if isinstance(made_by, types.FunctionType):
        raise InvalidInputError(f"{name} is a function; a bench runs classes that have fit and predict.")
    parameters = inspect.signature(made_by).parameters
    arguments = {key: value for key, value in offered.items() if key in parameters} | dict(entry.settings)
    lacking = [
        key
        for key, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and key not in arguments
    ]
    if lacking:
        raise InvalidInputError(f"{name} needs {', '.join(lacking)}, which this task does not give.")
    call = f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
    return Built(made_by(**arguments), "random_state" in parameters, call)

"""The errors a user can meet, each one clear sentence; the command line prints it and exits with code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class RepriseError(Exception):
    """Base of all errors that Reprise raises on purpose."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidInputError(RepriseError, ValueError):
    """An argument or an array is not what the method needs: says what was given and what is expected."""


class UnknownNameError(RepriseError, KeyError):
    """A name that is not in a catalogue or a registry.

    Parameters
    ----------
    kind : what was looked for, such as ``"paper"``.
    name : the name that was given.
    known : the names there are; the nearest are quoted.

    Examples
    --------
    >>> raise UnknownNameError("paper", "matrioshka", ["matryoshka", "spen"])
    Traceback (most recent call last):
    reprise.errors.UnknownNameError: There is no paper 'matrioshka'. Did you mean matryoshka?
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        known = sorted(known)
        self.nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if self.nearest:
            hint = f"Did you mean {' or '.join(self.nearest)}?"
        else:
            shown = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
            hint = f"Known: {shown}." if known else "None is registered."
        super().__init__(f"There is no {kind} {name!r}. {hint}")


class MissingPackageError(RepriseError, ImportError):
    """An optional package is not installed: gives the command that installs it.

    Parameters
    ----------
    package : the package that failed to import.
    command : what brings it, such as ``pip install "reprise-papers[language]"``.
    purpose : what it is needed for.
    """

    def __init__(self, package: str, command: str, purpose: str):
        self.command = command
        super().__init__(f"{purpose} needs the package {package!r}: {command}")


class MissingDataError(RepriseError, FileNotFoundError):
    """A data set is not on this machine: says in one sentence what would bring it."""


class DamagedFileError(RepriseError, ValueError):
    """A file of ours cannot be read: names the file and the field, and leaves the file as it is.

    Parameters
    ----------
    path : the file.
    problem : which field or position is wrong, and how.
    """

    def __init__(self, path: str | Path, problem: str):
        self.path = Path(path)
        super().__init__(f"{path} is damaged: {problem}. It was left as it is.")


class FailedTrialError(RepriseError):
    """A trial of a claim failed: names the paper, the seed and the reason; the other trials are kept."""


class DivergedError(RepriseError, ArithmeticError):
    """A training's loss is not finite any more: names the epoch and the step."""


def counted(number: int, noun: str) -> str:
    """Write a number of things as messages do.

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")

"""What can go wrong with a source of papers."""

from __future__ import annotations

from reprise.errors import RepriseError


class SourceError(RepriseError):
    """A source of papers cannot be reached, refuses, or answers what cannot be read.

    Parameters
    ----------
    problem : in one sentence.
    status : of the answer, where it was refused with one.
    """

    def __init__(self, problem: str, status: int | None = None):
        super().__init__(problem)
        self.status = status


class DamagedAnswerError(RepriseError):
    """An answer cannot be read; asked again, the source may give a better one."""


class RefusedError(RepriseError):
    """A paper of a source cannot be kept, and why; the others can."""

"""The claims of the papers: `claims.<family>.<slug>` measures what `<family>.<slug>` promises."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

from reprise import catalogue
from reprise.claim.contract import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims import sources
from reprise.errors import InvalidInputError

SCHEME = "3:"  # how a fingerprint is made; the first scheme had no prefix


class ClaimModule(Protocol):
    """What every claim module offers."""

    CLAIMS: tuple[Claim, ...]

    def prepare(self, setting: Setting) -> Prepared:
        """Load and compute, once a run, what all trials share."""

    def measure(self, trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
        """Run one seed and yield what was measured."""


def load(slug: str) -> ClaimModule:
    """Import the claim module of a paper.

    Raises
    ------
    UnknownNameError
        If the catalogue has no such paper.
    InvalidInputError
        If the paper is catalogued but nothing of it can be run yet.

    Examples
    --------
    >>> [claim.of for claim in load("ila-sdp").CLAIMS if claim.of == "paper"][0]
    'paper'
    """
    paper = catalogue.paper(slug)
    if _file(paper.claims_module) is None:
        raise InvalidInputError(f"{slug} is in the catalogue but has no claim to run yet; `reprise show {slug}` tells.")
    return cast(ClaimModule, importlib.import_module(paper.claims_module))


def runnable() -> list[str]:
    """Give the slugs of the papers whose claims can be run."""
    return [paper.slug for paper in catalogue.papers() if _file(paper.claims_module) is not None]


def fingerprint(slug: str) -> str:
    """Give a hash of the code that a paper's measurements come from: results of different code are never joined.

    It covers the paper's method and claims and all of Reprise that they import, by `reprise.claims.sources.digest`,
    and begins with the number of this scheme.
    """
    paper = catalogue.paper(slug)
    return SCHEME + sources.digest((paper.module, paper.claims_module))


def same_code(slug: str, recorded: str) -> bool | None:
    """Tell whether a recorded fingerprint is that of the code as it stands, or None where it is of an older scheme.

    Examples
    --------
    >>> same_code("ila-sdp", fingerprint("ila-sdp")), same_code("ila-sdp", "3:other"), same_code("ila-sdp", "45e2adb2")
    (True, False, None)
    """
    return recorded == fingerprint(slug) if recorded.startswith(SCHEME) else None


def _file(module: str) -> Path | None:
    """Find a module's file without importing it (its parents are packages without side effects)."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None

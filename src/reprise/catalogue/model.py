"""What the catalogue knows of a paper, as validated models."""

from __future__ import annotations

import calendar
import datetime
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, StrictBool, TypeAdapter, model_validator

from reprise.catalogue.vocabulary import FAMILIES, TASKS, Status

ARXIV_ID = re.compile(r"\d{2}(0[1-9]|1[0-2])\.\d{4,5}")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ADDRESS = TypeAdapter(HttpUrl)


def _known_family(name: str) -> str:
    if name not in FAMILIES:
        raise ValueError(f"{name!r} is no family; the families are {', '.join(FAMILIES)}")
    return name


def _known_task(name: str) -> str:
    if name not in TASKS:
        raise ValueError(f"{name!r} is no task; the tasks are {', '.join(TASKS)}")
    return name


def _slug(name: str) -> str:
    if not SLUG.fullmatch(name):
        raise ValueError(f"{name!r} is no slug (lower-case words joined by hyphens)")
    return name


def _arxiv_id(text: str) -> str:
    if not ARXIV_ID.fullmatch(text):
        raise ValueError(f"{text!r} is no arXiv id such as 2209.15097")
    return text


def _address(text: str) -> str:
    if text:
        _ADDRESS.validate_python(text)
    return text


Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Serves(_Entry):
    """A task that a paper serves, and the class or function that serves it."""

    task: Annotated[str, AfterValidator(_known_task)]
    object: Text

    @property
    def name(self) -> str:
        """The object's own name, without its module."""
        return self.object.rpartition(".")[2]


class Figure(_Entry):
    """One of the paper's own headline figures.

    Parameters
    ----------
    metric : the quantity.
    value : its value beside the values it was compared with, as text.
    data : the data set it was measured on.
    verified : where the figure was read, such as ``"abstract"`` or ``"from memory of the paper"``.
    """

    metric: Text
    value: Text
    data: Text
    verified: Text


class Paper(_Entry):
    """What the catalogue knows of a paper; the rest is derived from its slug, its family and what exists.

    Parameters
    ----------
    slug : the paper's one name everywhere; also the name of its file.
    title, authors : as the paper gives them; authors are empty where they could not be verified.
    date : of the first arXiv version.
    date_verified : false where only the month is known (from the arXiv id) and the day stands at 1.
    arxiv : arXiv id.
    venue : where it was published, empty where unknown.
    code : address of the official repository, empty where unverified.
    family : one of `FAMILIES`.
    summary : one sentence of our own: what it does for a user, and how.
    serves : the tasks, each with the class or function that serves it.
    figures : the paper's headline figures.
    """

    slug: Annotated[str, AfterValidator(_slug)]
    title: Text
    authors: tuple[Text, ...]
    date: datetime.date
    date_verified: StrictBool = True
    arxiv: Annotated[str, AfterValidator(_arxiv_id)]
    venue: str
    code: Annotated[str, AfterValidator(_address)]
    family: Annotated[str, AfterValidator(_known_family)]
    summary: Text
    serves: Annotated[tuple[Serves, ...], Field(min_length=1)]
    figures: tuple[Figure, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Paper:
        for entry in self.serves:
            module, _, name = entry.object.rpartition(".")
            if module != self.module or not name.isidentifier():
                raise ValueError(f"serves.object {entry.object!r} is not {self.module}.<Name>")
        month = _month(self.arxiv)
        if self.date > month.replace(day=calendar.monthrange(month.year, month.month)[1]):
            raise ValueError(f"date {self.date} lies after the month of arXiv id {self.arxiv}")
        if not self.date_verified and self.date != month:
            raise ValueError(
                f"date {self.date} is not verified, so it must be {month}, the first day of the id's month"
            )
        return self

    @property
    def python_name(self) -> str:
        """The slug as a module name."""
        return self.slug.replace("-", "_")

    @property
    def module(self) -> str:
        """Dotted name of the method's module."""
        return f"reprise.{self.family}.{self.python_name}"

    @property
    def claims_module(self) -> str:
        """Dotted name of the module that measures the claims."""
        return f"reprise.claims.{self.family}.{self.python_name}"

    @property
    def docs(self) -> str:
        """The paper's page, relative to the folder of the documentation."""
        return f"papers/{self.slug}.md"

    @property
    def arxiv_url(self) -> str:
        """Address of the abstract on arXiv."""
        return f"https://arxiv.org/abs/{self.arxiv}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks served, each once, in the order of `serves`."""
        return tuple(dict.fromkeys(entry.task for entry in self.serves))

    @property
    def status(self) -> Status:
        """How far Reprise has come: ``"planned"``, ``"method"`` (it can be used) or ``"measured"`` (in the ledger)."""
        return derive_status(self, files("reprise"))


def derive_status(paper: Paper, root: Traversable) -> Status:
    """Derive a paper's status from the files below the package folder `root`, importing nothing."""
    if root.joinpath("results", f"{paper.slug}.json").is_file():
        return "measured"
    family = root.joinpath(paper.family)
    module = family.joinpath(f"{paper.python_name}.py")
    package = family.joinpath(paper.python_name, "__init__.py")
    return "method" if module.is_file() or package.is_file() else "planned"


def _month(arxiv: str) -> datetime.date:
    """Give the first day of the month in which arXiv gave the id (YYMM.number)."""
    return datetime.date(2000 + int(arxiv[:2]), int(arxiv[2:4]), 1)

"""What a section of a report on a language model is: what it costs, how it measures, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from reprise.claim import mean_interval
from reprise.errors import RepriseError

if TYPE_CHECKING:
    from reprise.language import LanguageModel

Status = Literal["measured", "not applicable", "out of time", "failed", "not run"]
Answer = Literal["yes", "partly", "no", "unclear"]


class NotApplicableError(RepriseError):
    """A section has nothing to measure on this model: says why in one sentence."""


@dataclass(frozen=True)
class Estimate:
    """A measured number with its 95 % interval; `n` is how many items it was taken over.

    Examples
    --------
    >>> Estimate.over([1.0, 2.0, 3.0])
    Estimate(value=2.0, low=-0.48..., high=4.48..., n=3)
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0

    @classmethod
    def over(cls, values: Sequence[float] | np.ndarray) -> Estimate:
        """Take the mean over items with its interval (none where a single item gives none)."""
        found = mean_interval(np.asarray(values, dtype=float))
        bounded = bool(np.isfinite([found.low, found.high]).all())
        return cls(
            float(found.estimate),
            float(found.low) if bounded else None,
            float(found.high) if bounded else None,
            len(values),
        )

    @classmethod
    def share(cls, values: Sequence[float] | np.ndarray) -> Estimate:
        """Do the same with shares, whose interval ends at 0 and 1.

        >>> Estimate.share([1.0, 1.0, 0.7]).high
        1.0
        """
        found = cls.over(values)
        if found.low is None or found.high is None:
            return found
        return cls(found.value, max(0.0, found.low), min(1.0, found.high), found.n)


@dataclass(frozen=True)
class Number:
    """One line of a section's table: what was measured, and the same measured on a control.

    Parameters
    ----------
    name : what it is.
    measured : its value.
    control : what stands beside it, such as ``"random heads"``.
    controlled : the value of that.
    difference : measured minus control item by item, with its own interval.
    digits : decimals shown.
    """

    name: str
    measured: Estimate
    control: str = ""
    controlled: Estimate | None = None
    difference: Estimate | None = None
    digits: int = 2


@dataclass(frozen=True)
class Series:
    """A curve: values over x with their interval, drawn as a control where it is one."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    control: bool = False


@dataclass(frozen=True)
class Lines:
    """Curves over a common x, with a horizontal line at `level` if there is one."""

    title: str
    caption: str
    x: str
    y: str
    series: tuple[Series, ...]
    level: float | None = None
    whole_x: bool = True
    kind: Literal["lines"] = "lines"


@dataclass(frozen=True)
class Heat:
    """A table of values as colours, such as layers by heads; `marked` cells (row, column) are outlined."""

    title: str
    caption: str
    x: str
    y: str
    colour: str
    values: tuple[tuple[float, ...], ...]
    marked: tuple[tuple[int, int], ...] = ()
    kind: Literal["heat"] = "heat"


@dataclass(frozen=True)
class Bars:
    """Values with their interval, one bar a name; `controls` are the names drawn grey."""

    title: str
    caption: str
    x: str
    names: tuple[str, ...]
    values: tuple[Estimate, ...]
    controls: tuple[str, ...] = ()
    kind: Literal["bars"] = "bars"


@dataclass(frozen=True)
class Points:
    """Points in the plane, coloured by a value; `names` label the few that carry one, `edges` join points."""

    title: str
    caption: str
    x: str
    y: str
    at: tuple[tuple[float, float], ...]
    colours: tuple[float, ...] = ()
    colour: str = ""
    names: tuple[str, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    diagonal: bool = False
    kind: Literal["points"] = "points"


@dataclass(frozen=True)
class Pair:
    """Several panels of points side by side under one title, such as the model's map beside the control's."""

    title: str
    caption: str
    panels: tuple[Points, ...]
    kind: Literal["pair"] = "pair"


Figure = Lines | Heat | Bars | Points | Pair


@dataclass(frozen=True)
class Table:
    """A small table of words, such as the model's own answers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SectionResult:
    """What a section found.

    Parameters
    ----------
    answer : to the section's question: ``"yes"`` where the measure is clearly above its control, ``"partly"``,
        ``"no"`` where it is not above it, ``"unclear"`` where the interval leaves it open.
    headline : the finding in one sentence, for the overview.
    sentences : what was found and how sure it is.
    numbers, figures, tables : the evidence, each with its control.
    method : how it was measured, in sentences.
    limits : what it does not say.
    snippet : Python code to go on with; ``(MODEL)`` stands for the model's name.
    """

    answer: Answer
    headline: str
    sentences: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    method: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    snippet: str = ""


@dataclass(frozen=True)
class Work:
    """What a section will cost, in units that the model's measured speed turns into seconds.

    Parameters
    ----------
    read : tokens that the model reads in long batches.
    steps : tokens that it writes one after the other (a batch counts once).
    seconds : what is computed outside the model.
    """

    read: float = 0
    steps: float = 0
    seconds: float = 0


Watch = Callable[[float], None]
"""Told the share that is done, from 0 to 1; raises where the time is up, so that sections call it often."""


class Section(Protocol):
    """A section of the report; a module of `reprise.workbench.inspection.sections` holds one as ``SECTION``."""

    name: str
    title: str
    question: str
    papers: tuple[str, ...]
    """Slugs of the papers whose methods it uses."""
    terms: tuple[tuple[str, str], ...]
    """Words that a newcomer may not know, each with a sentence."""

    def work(self, model: LanguageModel, effort: float) -> Work:
        """Say what measuring costs at an effort from 0 to 1, which scales the number of items.

        Raises
        ------
        NotApplicableError
            If the model lacks what the section needs.
        """

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Measure, deterministic in `seed` and `effort`."""


@dataclass(frozen=True)
class Record:
    """A section of a report as it is kept: its result, or why there is none.

    Parameters
    ----------
    section : its name.
    fingerprint : of the model, the seed and the code that it comes from.
    status : ``"measured"``, or why not.
    reason : a sentence, where it was not measured.
    seconds : what it took.
    effort : the share of the usual items that were used.
    result : what was found.
    """

    section: str
    fingerprint: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    effort: float = 1.0
    result: SectionResult | None = None
    kept: bool = field(default=False, compare=False)
    """Whether it was measured in an earlier run and kept."""

"""What an inspection will do and how long that will take, before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.workbench.inspection.contract import NotApplicableError, Record, Section, Status
from reprise.workbench.inspection.subject import Speed

EFFORTS = (1.0, 0.5, 0.25)
"""Shares of the usual items that sections are measured on, to fit a budget."""


@dataclass(frozen=True)
class Planned:
    """What will be done about a section.

    Parameters
    ----------
    section : which.
    effort : the share of the usual items that it will be measured on.
    cost : what that takes, in seconds, as far as can be told; 0 where nothing needs to be measured.
    status, reason : why it will not be measured, where it will not.
    record : its result of an earlier run, where that is kept.
    """

    section: Section
    effort: float = 1.0
    cost: float = 0.0
    status: Status = "measured"
    reason: str = ""
    record: Record | None = None

    @property
    def measured(self) -> bool:
        """Whether it will be measured now."""
        return self.status == "measured" and self.record is None

    @property
    def seconds(self) -> float:
        """What it will take; 0 where it will not be measured."""
        return self.cost if self.measured else 0.0


def make_plan(
    model: LanguageModel,
    sections: Sequence[Section],
    *,
    speed: Speed,
    budget: float,
    kept: Mapping[str, Record],
) -> list[Planned]:
    """Choose the largest effort at which all sections fit the budget; at the smallest, the last ones give way.

    Parameters
    ----------
    model : to be measured.
    sections : in their order.
    speed : of the model on this machine.
    budget : seconds.
    kept : results of an earlier run that stand, by section.
    """
    for effort in EFFORTS:
        plan = [_planned(model, section, effort, speed, kept) for section in sections]
        if sum(planned.seconds for planned in plan) <= budget:
            return plan
    left, fitted = budget, []
    for planned in plan:
        if planned.seconds > left:
            needs = f"it needs about {planned.seconds:.0f} s, and the budget leaves {left:.0f} s"
            planned = replace(planned, status="not run", reason=f"No time: {needs}.")
        left -= planned.seconds
        fitted.append(planned)
    return fitted


def _planned(
    model: LanguageModel, section: Section, effort: float, speed: Speed, kept: Mapping[str, Record]
) -> Planned:
    if section.name in kept:
        return Planned(section, record=kept[section.name])
    try:
        return Planned(section, effort, speed.seconds(section.work(model, effort)))
    except (NotApplicableError, InvalidInputError) as problem:
        return Planned(section, effort, status="not applicable", reason=str(problem))

"""The face of an inspection: one call from a model to a report."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from reprise.errors import InvalidInputError, RepriseError
from reprise.language import LanguageModel
from reprise.models.language import DEFAULT_MODEL
from reprise.workbench.budget import Budget, parse_duration
from reprise.workbench.inspection import records
from reprise.workbench.inspection.contract import NotApplicableError, Record, SectionResult, Status
from reprise.workbench.inspection.plan import Planned, make_plan
from reprise.workbench.inspection.report import Inspection
from reprise.workbench.inspection.sections import check_names, load
from reprise.workbench.inspection.subject import Speed, Subject, load_subject, measure_speed

DEFAULT_BUDGET = "8m"
_OVERTIME = 1.5  # a section may take longer than was thought, by this factor of what is left of the budget


@dataclass(frozen=True)
class InspectEvent:
    """What happens during an inspection, for whoever shows progress.

    `stage` is ``"note"`` (a sentence), ``"plan"`` (what will be done, in `plan`), ``"section"`` (one begins),
    ``"share"`` (so much of all the expected time is done) or ``"result"`` (one has ended, in `record`).
    """

    stage: Literal["note", "plan", "section", "share", "result"]
    text: str = ""
    share: float = 0.0
    plan: tuple[Planned, ...] = ()
    record: Record | None = None
    speed: Speed | None = None
    budget: Budget | None = None


Listener = Callable[[InspectEvent], None]


class _OutOfTimeError(Exception):
    """Ends a section whose time is up."""


def inspect_model(
    model: str | LanguageModel = DEFAULT_MODEL,
    *,
    sections: Iterable[str] | None = None,
    budget: str | float = DEFAULT_BUDGET,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | Listener = True,
) -> Inspection:
    """Find out what is in a language model, each finding beside its control, and write a report.

    The model's speed is measured first, and what each section will cost is told before it starts. Where all of it
    exceeds the budget, every section is measured on half or a quarter of its items; what does not fit then is left
    out, and the report says so. Ctrl-C ends it early and keeps the sections that have ended.

    Parameters
    ----------
    model : a packaged model's name, a folder, a name on the Hugging Face hub, or a handle.
    sections : names of those to measure, see `reprise.workbench.inspection.sections.names`; None measures all.
    budget : time for measuring, such as ``"90s"``, ``"10m"``, or seconds. Loading the model comes on top.
    seed : all randomness comes from it.
    device : ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; a handle stays where it is.
    dtype : ``"float32"``, ``"bfloat16"`` or ``"float16"``; a handle stays as it is.
    out : folder for the report and the sections' results; nothing is written where it is None.
    resume : keep the sections that an earlier run with the same model, seed and code has left in `out`.
    progress : True draws a bar on standard error; a function is called with each `InspectEvent`; False is silent.

    Returns
    -------
    Inspection
        ``inspection["retrieval"].result`` and the like, `to_json()`, `page()`, `write(folder)`.

    Raises
    ------
    UnknownNameError
        If there is no such section; the nearest names are quoted.
    MissingDataError
        If there is no such model.
    InvalidInputError
        If the model, the budget or another setting cannot be used.
    KeyboardInterrupt
        If Ctrl-C comes before any section has ended.

    Examples
    --------
    >>> report = inspect_model("smollm2-135m-instruct", sections=["retrieval"], out="report")  # doctest: +SKIP
    >>> report["retrieval"].result.headline  # doctest: +SKIP
    """
    names = None if sections is None else _listed(sections)
    check_names(names)
    seconds = parse_duration(budget)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InvalidInputError(f"seed must be a whole number from 0 on, got {seed!r}.")
    if resume and out is None:
        raise InvalidInputError("resume needs the folder of the earlier run; give it as `out`.")
    folder = _writable(out) if out is not None else None
    with _listener(progress) as tell:
        subject = load_subject(model, device=device, dtype=dtype)
        chosen = load(names)
        found = Inspection(
            subject.name,
            subject.facts,
            chosen,
            seed=seed,
            command=_command(model, names, budget, seed, device, dtype, out),
            environment=_environment(subject),
        )
        run = _Run(subject, found, folder, seed, tell)
        run.go(budget=Budget(seconds), resume=resume)
    if folder is not None:
        found.write(folder)
    return found


class _Run:
    """Measures one section after the other and keeps what each gave."""

    def __init__(self, subject: Subject, found: Inspection, folder: Path | None, seed: int, tell: Listener):
        self.subject, self.found, self.folder, self.seed, self.tell = subject, found, folder, seed, tell
        self.marks = {
            section.name: records.fingerprint(section.name, subject.identity, seed) for section in found.sections
        }

    def go(self, budget: Budget, resume: bool) -> None:
        speed = measure_speed(self.subject.model)
        kept = self._kept() if resume and self.folder is not None else {}
        plan = make_plan(self.subject.model, self.found.sections, speed=speed, budget=budget.left, kept=kept)
        self.tell(InspectEvent("plan", plan=tuple(plan), speed=speed, budget=budget))
        total = sum(planned.seconds for planned in plan) or 1.0
        done = 0.0
        try:
            for planned in plan:
                self.tell(InspectEvent("section", planned.section.title, done / total, budget=budget))
                self._keep(self._attempt(planned, budget, done / total, planned.seconds / total))
                done += planned.seconds
            self._second_chances(plan, budget)
        except KeyboardInterrupt:
            if not self.found.measured:
                raise
            self.found.interrupted = True
            for planned in plan[len(self.found.records) :]:
                self.found.records.append(self._record(planned, "not run", "Stopped by Ctrl-C before its end."))
        self.found.budget, self.found.spent = budget.seconds, budget.spent

    def _second_chances(self, plan: list[Planned], budget: Budget) -> None:
        """Measure what was left out for lack of time, where the machine has turned out quicker than was thought."""
        pairs = list(zip(plan, self.found.records, strict=True))
        thought = sum(planned.cost for planned, record in pairs if planned.measured and record.result)
        took = sum(record.seconds for planned, record in pairs if planned.measured and record.result)
        for place, (planned, _) in enumerate(pairs):
            if planned.status != "not run" or not thought or planned.cost * took / thought > budget.left:
                continue
            again = replace(planned, status="measured", reason="", cost=planned.cost * took / thought)
            self.tell(InspectEvent("section", again.section.title, 1.0, budget=budget))
            self._keep(self._attempt(again, budget, 1.0, 0.0), place)

    def _attempt(self, planned: Planned, budget: Budget, before: float, share: float) -> Record:
        if planned.record is not None:
            return replace(planned.record, kept=True)
        if not planned.measured:
            return self._record(planned, planned.status, planned.reason)
        deadline = max(budget.left, planned.seconds) * _OVERTIME
        began = time.monotonic()

        def watch(part: float) -> None:
            self.tell(InspectEvent("share", planned.section.title, before + share * part, budget=budget))
            if time.monotonic() - began > deadline:
                raise _OutOfTimeError

        try:
            result = planned.section.measure(self.subject.model, effort=planned.effort, seed=self.seed, watch=watch)
        except _OutOfTimeError:
            return self._record(planned, "out of time", f"It was ended after {time.monotonic() - began:.0f} s.")
        except NotApplicableError as problem:
            return self._record(planned, "not applicable", str(problem))
        except RepriseError as problem:
            return self._record(planned, "failed", str(problem))
        except (RuntimeError, MemoryError, ValueError, ImportError) as problem:
            line = str(problem).strip().partition("\n")[0]
            return self._record(planned, "failed", f"It could not be measured ({type(problem).__name__}: {line}).")
        return self._record(planned, "measured", seconds=time.monotonic() - began, result=result)

    def _record(
        self,
        planned: Planned,
        status: Status,
        reason: str = "",
        seconds: float = 0.0,
        result: SectionResult | None = None,
    ) -> Record:
        name = planned.section.name
        return Record(name, self.marks[name], status, reason, seconds, planned.effort, result)

    def _keep(self, record: Record, place: int | None = None) -> None:
        if place is None:
            self.found.records.append(record)
        else:
            self.found.records[place] = record
        if self.folder is not None and not record.kept:
            records.write(self.folder, record)
        self.tell(InspectEvent("result", record=record))

    def _kept(self) -> dict[str, Record]:
        """Read what an earlier run has measured with this model, seed and code."""
        assert self.folder is not None
        found = {}
        for section in self.found.sections:
            try:
                record = records.read(self.folder, section.name)
            except ValueError as problem:
                self.tell(InspectEvent("note", f"{problem}; that section is measured again."))
                continue
            if record is None or record.result is None:
                continue
            if record.fingerprint == self.marks[section.name]:
                found[section.name] = record
            else:
                said = "is of another model, seed or version, and is measured again."
                self.tell(InspectEvent("note", f"What {self.folder} holds of {section.name} {said}"))
        return found


def _listed(names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise InvalidInputError(f"`sections` is a list of names, such as [{names!r}].")
    return list(names)


def _writable(out: str | Path) -> Path:
    """Make the folder of the results before time is spent on them."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InvalidInputError(f"The folder {folder} cannot be made ({problem.strerror or problem}).") from problem
    return folder


def _command(
    model: Any,
    names: list[str] | None,
    budget: str | float,
    seed: int,
    device: str,
    dtype: str,
    out: str | Path | None,
) -> str:
    """Give the command line of an inspection, where a name is all that it needs."""
    if not isinstance(model, str):
        return ""
    words = ["reprise", "inspect", model]
    if names is not None:
        words += ["--sections", ",".join(names)]
    words += ["--budget", budget if isinstance(budget, str) else f"{budget:g}s"]
    for option, value, default in (("seed", seed, 0), ("device", device, "auto"), ("dtype", dtype, "float32")):
        if value != default:
            words += [f"--{option}", str(value)]
    if out is not None:
        words += ["--out", str(out)]
    return shlex.join(words)


def _environment(subject: Subject) -> dict[str, str | int | float]:
    import torch

    from reprise.runner.environment import describe

    return describe(jobs=1, threads=torch.get_num_threads(), device=str(subject.model.device))


@contextlib.contextmanager
def _listener(progress: bool | Listener) -> Generator[Listener]:
    """Give whoever is told of events, for the time of an inspection."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda event: None
        return
    from reprise.workbench.inspection.progress import InspectBar

    bar = InspectBar()
    bar.start()
    try:
        yield bar.show
    finally:
        bar.stop()

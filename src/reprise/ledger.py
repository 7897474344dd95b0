"""The ledger: what was measured of each paper, as JSON files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reprise import claims
from reprise.claim import Claim, Comparison, Measurement, Scale, Verdict, judge_all
from reprise.errors import DamagedFileError, InvalidInputError, RepriseError

SCHEMA = 1
FIRST_PILOT_SEED = 1000  # from here on seeds are for choosing settings and thresholds, never for the ledger
_INNERMOST = re.compile(r"\{\n[^{}]*\}")
_COPY = re.compile(r"\.previous(-\d+)?$")
_LINE_BREAK = re.compile(r"\n\s*")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)


class TrialRecord(_Record):
    """One finished trial: its seed, what it took (seconds, peak memory in MiB), and what it measured."""

    seed: int
    seconds: float
    peak_memory: float | None = None
    measurements: list[Measurement]


class ComparisonRecord(_Record):
    """Ours against one baseline; an open end of the interval is None."""

    baseline: str
    x: float | None = None
    estimate: float | None = None
    interval: tuple[float | None, float | None]
    units: int
    method: str
    p: float
    outcome: str


class ClaimRecord(_Record):
    """The verdict on one claim."""

    id: str
    verdict: str
    estimate: float | None = None
    interval: tuple[float | None, float | None]
    units: int
    unit: str
    method: str
    p: float | None = None
    p_holm: float | None = None
    comparisons: list[ComparisonRecord]


class Run(_Record):
    """All trials of one paper at one scale, with where and on what they were made."""

    fingerprint: str
    environment: dict[str, str | int | float]
    prepared: dict[str, str | int | float | bool]
    trials: list[TrialRecord] = Field(default_factory=list)
    claims: list[ClaimRecord] = Field(default_factory=list)

    @property
    def seeds(self) -> list[int]:
        """The seeds that have finished."""
        return [trial.seed for trial in self.trials]

    def add(self, trial: TrialRecord) -> None:
        """Add a finished trial, in the order of seeds."""
        self.trials = sorted([*(t for t in self.trials if t.seed != trial.seed), trial], key=lambda t: t.seed)

    def judge(self, promised: Sequence[Claim], scale: Scale) -> None:
        """Derive the verdicts on what is promised at this scale from the trials."""
        samples = [(trial.seed, trial.measurements) for trial in self.trials]
        at_scale = [claim for claim in promised if scale in claim.scales]
        self.claims = [_claim_record(verdict) for verdict in judge_all(at_scale, samples)]


class Result(_Record):
    """A paper's file in the ledger: one run a scale."""

    schema_: int = Field(default=SCHEMA, alias="schema")
    paper: str
    runs: dict[Scale, Run] = Field(default_factory=dict)


def read(path: str | Path) -> Result:
    """Read a result file.

    Raises
    ------
    DamagedFileError
        If it is not JSON, or a field is missing, unknown or of a wrong type: names the field.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise DamagedFileError(path, f"not JSON ({problem})") from problem
    if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
        raise DamagedFileError(path, f"field 'schema' is {content['schema']!r}, this version reads {SCHEMA}")
    try:
        return Result.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise DamagedFileError(path, f"field {field!r}: {first['msg']}") from problem


def write(path: str | Path, result: Result) -> None:
    """Write a result file atomically: after a crash or a full disk the old file is still whole.

    Raises
    ------
    RepriseError
        If it cannot be written; what was there before is untouched.
    """
    text = json.dumps(result.model_dump(by_alias=True, exclude_none=True), indent=1, allow_nan=False)
    one_line_each = _INNERMOST.sub(lambda found: _LINE_BREAK.sub(" ", found.group()), text)  # for readable diffs
    write_text(path, one_line_each + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file atomically (a temporary neighbour, flushed, then renamed)."""
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as problem:
        raise RepriseError(f"{path} could not be written ({problem}); what was there before is untouched.") from problem
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def committed(slug: str) -> Result | None:
    """Give a paper's result in the ledger that ships with the package, or None."""
    path = ledger_folder() / f"{slug}.json"
    return read(path) if path.is_file() else None


def all_committed() -> list[Result]:
    """Give every result in the ledger that ships with the package, by slug."""
    return all_in(ledger_folder())


def all_in(folder: str | Path) -> list[Result]:
    """Give every result in a folder, by slug (copies kept of earlier runs are left out)."""
    return [read(path) for path in sorted(Path(folder).glob("*.json")) if not _COPY.search(path.stem)]


def copy_path(path: Path, number: int) -> Path:
    """Give the name of the numbered copy that is kept of a result before a fresh run."""
    return path.with_name(f"{path.stem}.previous-{number}.json")


def ledger_folder() -> Path:
    """Give the folder of the committed results."""
    return Path(str(resources.files("reprise") / "results"))


def rederive(result: Result, scale: Scale) -> list[ClaimRecord]:
    """Judge a run's raw measurements again, by the claims as they stand now."""
    run = result.runs[scale].model_copy(deep=True)
    run.judge(claims.load(result.paper).CLAIMS, scale)
    return run.claims


def adopt(folder: str | Path, slugs: Iterable[str] | None = None, *, force: bool = False) -> list[str]:
    """Take results from a run's folder into the committed ledger, scale by scale; give the slugs taken.

    Every verdict is derived again from the raw measurements on the way.

    Parameters
    ----------
    folder : where `reprise run` wrote.
    slugs : the papers to take; all in the folder unless given.
    force : take results of earlier code too.

    Raises
    ------
    InvalidInputError
        If a result is of scale ``"quick"``, holds pilot seeds, or was measured with other code; nothing is taken then.
    """
    folder = Path(folder)
    wanted = list(slugs) if slugs else [result.paper for result in all_in(folder)]
    results = {slug: read(folder / f"{slug}.json") for slug in wanted}
    for slug, new in results.items():
        for scale, run in new.runs.items():
            _check_worthy(slug, scale, run, force)
    for slug, new in results.items():
        kept = committed(slug) or Result(paper=slug)
        for scale, run in new.runs.items():
            run.judge(claims.load(slug).CLAIMS, scale)
            kept.runs[scale] = run
        write(ledger_folder() / f"{slug}.json", kept)
    return wanted


def _check_worthy(slug: str, scale: Scale, run: Run, force: bool) -> None:
    """Refuse a run that the ledger must not hold."""
    if scale == "quick":
        raise InvalidInputError(f"{slug} was run at scale quick, which is for tests only: the ledger does not take it.")
    pilots = [seed for seed in run.seeds if seed >= FIRST_PILOT_SEED]
    if pilots:
        raise InvalidInputError(
            f"{slug} at scale {scale} holds the pilot seed {pilots[0]}; "
            f"the ledger takes seeds below {FIRST_PILOT_SEED} only."
        )
    if not force and claims.same_code(slug, run.fingerprint) is False:
        raise InvalidInputError(
            f"{slug} at scale {scale} was measured with other code than this; measure it again, or force it."
        )


def _claim_record(verdict: Verdict) -> ClaimRecord:
    return ClaimRecord(
        id=verdict.id,
        verdict=verdict.outcome,
        estimate=_finite(verdict.estimate),
        interval=(_finite(verdict.low), _finite(verdict.high)),
        units=verdict.units,
        unit=verdict.unit,
        method=verdict.method,
        p=verdict.p,
        p_holm=verdict.p_holm,
        comparisons=[_comparison_record(comparison) for comparison in verdict.comparisons],
    )


def _comparison_record(comparison: Comparison) -> ComparisonRecord:
    return ComparisonRecord(
        baseline=comparison.baseline,
        x=comparison.x,
        estimate=_finite(comparison.estimate),
        interval=(_finite(comparison.low), _finite(comparison.high)),
        units=comparison.units,
        method=comparison.method,
        p=comparison.p,
        outcome=comparison.outcome,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""Runs the claims of papers, trial by trial: keeps what is done, and resumes."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reprise import claims, ledger
from reprise.claim import SCALES, Prepared, Scale, Setting, Trial
from reprise.errors import FailedTrialError, InvalidInputError, RepriseError
from reprise.ledger import Result, Run, TrialRecord
from reprise.runner import environment
from reprise.runner.workers import Task, in_processes, inline, on_ray

DEFAULT_FOLDER = Path("reprise-results")


@dataclass(frozen=True)
class Event:
    """What happens while a paper runs, for whoever shows progress.

    `stage` is ``"prepare"``, ``"start"`` (`done` trials are already there), ``"trial"`` (one more finished) or
    ``"judge"``.
    """

    paper: str
    stage: str
    done: int
    total: int
    seed: int | None = None


def run(
    slugs: Sequence[str],
    *,
    seeds: int | Sequence[int] = 5,
    scale: Scale = "desktop",
    device: str = "auto",
    jobs: int = 1,
    ray: str | None = None,
    resume: bool = False,
    out: str | Path = DEFAULT_FOLDER,
    on_event: Callable[[Event], None] = lambda event: None,
) -> list[Result]:
    """Measure the claims of papers and judge them.

    Each finished trial is written to `out/<slug>.json` at once, so that an interruption loses only the trials under
    way; `resume` continues there as long as the code that measures is the same. Where trials of the same scale are
    there that are not continued, the file is copied to `out/<slug>.previous-1.json` (-2, ...) first.

    Parameters
    ----------
    slugs : papers to run, one after the other.
    seeds : how many (0, 1, ...), or which.
    scale : ``"quick"``, ``"desktop"`` or ``"full"``; kept apart in the results.
    device : ``"auto"``, ``"cpu"``, ``"cuda"``, or ``"cuda:1"`` for one GPU of several.
    jobs : trials at once, each in a process of its own with an equal share of the threads; 0 runs them in this process.
        Papers whose claims are about time run one trial at once.
    ray : address of a Ray cluster (``"local"`` starts one here) that runs the trials instead.
    resume : keep all trials that are already in `out` and run those of `seeds` that are missing.
    out : folder of the results.
    on_event : called as things happen.

    Returns
    -------
    The results, one a paper, as they were written.

    Raises
    ------
    UnknownNameError, InvalidInputError
        For a slug, scale, device or number of seeds or jobs that cannot be run, before anything is run.
    RepriseError
        For `ray` with claims about time, before anything is run; and for trials to resume that were made on another
        machine or with other packages.
    FailedTrialError
        If a trial fails: names paper and seed. The others are finished, judged and written first.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = run(["frame-averaging"], seeds=2, scale="quick", jobs=0, out=folder)[0]
    >>> result.runs["quick"].seeds
    [0, 1]
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(dict.fromkeys(seeds))
    if not slugs:
        raise InvalidInputError("No paper was named; `reprise papers` lists them.")
    if not wanted or min(wanted) < 0:
        raise InvalidInputError(f"Seeds must be at least one number, none below 0; got {seeds!r}.")
    if scale not in SCALES:
        raise InvalidInputError(f"There is no scale {scale!r}; the scales are {', '.join(SCALES)}.")
    if jobs < 0:
        raise InvalidInputError(f"jobs must be 0 (in this process) or more, got {jobs}.")
    for slug in slugs:
        module = claims.load(slug)
        if ray is not None and _is_timed(module):
            raise RepriseError(
                f"{slug} has claims about time, whose trials run alone on one machine: run it without --ray."
            )
    setting = Setting(scale=scale, device=environment.resolve_device(device))
    return [_run_paper(slug, wanted, setting, jobs, ray, resume, Path(out), on_event) for slug in slugs]


def _run_paper(
    slug: str,
    seeds: list[int],
    setting: Setting,
    jobs: int,
    ray: str | None,
    resume: bool,
    out: Path,
    on_event: Callable[[Event], None],
) -> Result:
    module = claims.load(slug)
    if _is_timed(module):
        jobs = min(jobs, 1)
    threads = max(1, (os.cpu_count() or 1) // max(jobs, 1))
    path = out / f"{slug}.json"
    here = environment.describe(jobs=jobs, threads=threads, device=setting.device)
    result, before = _begin(path, slug, setting.scale, resume)
    kept = before.trials if before else []
    todo = [seed for seed in seeds if before is None or seed not in before.seeds]
    if before is not None and todo:
        _check_same_place(path, before.environment, here)
    done = len(seeds) - len(todo)
    on_event(Event(slug, "prepare", done, len(seeds)))
    prepared = _prepared(slug, setting, out)
    current = Run(
        fingerprint=claims.fingerprint(slug),
        environment=before.environment if before is not None and not todo else here,
        prepared=dict(prepared.facts),
        trials=list(kept),
    )
    on_event(Event(slug, "start", done, len(seeds)))
    tasks = [Task(slug, Trial(seed=seed, scale=setting.scale, device=setting.device), threads) for seed in todo]
    result.runs[setting.scale] = current
    try:
        with contextlib.closing(_finished(tasks, prepared, _prepared_path(slug, setting, out), jobs, ray)) as finished:
            for record in finished:
                current.add(record)
                ledger.write(path, result)
                done += 1
                on_event(Event(slug, "trial", done, len(seeds), record.seed))
    except FailedTrialError:
        if current.trials:
            with contextlib.suppress(InvalidInputError):  # too few trials to judge; the failure is what to tell
                current.judge(module.CLAIMS, setting.scale)
            ledger.write(path, result)
        raise
    on_event(Event(slug, "judge", done, len(seeds)))
    current.judge(module.CLAIMS, setting.scale)
    ledger.write(path, result)
    return result


def _is_timed(module: claims.ClaimModule) -> bool:
    return any(claim.timing for claim in module.CLAIMS)


def _finished(
    tasks: list[Task], prepared: Prepared, prepared_path: Path, jobs: int, ray: str | None
) -> Generator[TrialRecord]:
    if ray is not None:
        return on_ray(tasks, prepared, ray)
    if jobs == 0:
        return inline(tasks, prepared)
    return in_processes(tasks, prepared_path, jobs)


def _begin(path: Path, slug: str, scale: Scale, resume: bool) -> tuple[Result, Run | None]:
    """Read what is there: other scales are kept as they are, this one's run only when resuming the same code."""
    if not path.is_file():
        return Result(paper=slug), None
    result = ledger.read(path)
    before = result.runs.get(scale)
    if before is None:
        return result, None
    if resume and before.fingerprint == claims.fingerprint(slug):
        return result, before
    ledger.write(_unused(path), result)
    return result, None


def _unused(path: Path) -> Path:
    """Give the first name for a copy of a result that is not taken."""
    copies = (ledger.copy_path(path, number) for number in itertools.count(1))
    return next(copy for copy in copies if not copy.exists())


def _check_same_place(path: Path, before: Mapping[str, object], here: Mapping[str, object]) -> None:
    for name in environment.DECISIVE:
        if name in before and before[name] != here[name]:
            raise RepriseError(
                f"{path} holds trials made with {name} {before[name]}, here it is {here[name]}: trials of different "
                "machines, threads or packages are not joined; name another folder with --out."
            )


def _prepared_path(slug: str, setting: Setting, out: Path) -> Path:
    name = f"{slug}-{setting.scale}-{setting.device}-{claims.fingerprint(slug)}"
    return out / "prepared" / f"{name.replace(':', '-')}.joblib"


def _prepared(slug: str, setting: Setting, out: Path) -> Prepared:
    """Prepare once; a later run of the same code at the same scale finds it on disk."""
    import joblib

    path = _prepared_path(slug, setting, out)
    if path.is_file():
        with contextlib.suppress(Exception):  # a cache that cannot be read is made again
            return joblib.load(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    prepared = claims.load(slug).prepare(Setting(scale=setting.scale, device=setting.device, cache=path.parent))
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        joblib.dump(prepared, temporary)
        os.replace(temporary, path)
    except OSError as problem:
        raise RepriseError(f"What {slug} prepared could not be written to {path} ({problem}).") from problem
    finally:
        temporary.unlink(missing_ok=True)
    return prepared

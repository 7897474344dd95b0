"""Where a trial runs: in this process, in a process of its own, or on a Ray cluster.

A trial that fails takes no other with it: each of these gives the records of all that finish, then raises
`FailedTrialError` where one did not.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Generator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from reprise import claims
from reprise.claim import Prepared, Trial
from reprise.errors import FailedTrialError, MissingPackageError, RepriseError
from reprise.ledger import TrialRecord

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_STOP_SECONDS = 5.0
_MIB = 1024**2


@dataclass(frozen=True)
class Task:
    """One trial of one paper, and the threads it may use."""

    paper: str
    trial: Trial
    threads: int


def inline(tasks: list[Task], prepared: Prepared) -> Generator[TrialRecord]:
    """Run the tasks here, one after the other."""
    failures: list[FailedTrialError] = []
    for task in tasks:
        try:
            record = _measure(task, prepared)
        except RepriseError as problem:
            failures.append(_failed(task, str(problem)))
            continue
        yield record
    _raise_any(failures)


def in_processes(tasks: list[Task], prepared_path: Path, jobs: int) -> Generator[TrialRecord]:
    """Run each task in a fresh process, `jobs` at once; closing the iterator ends those under way.

    A process of its own keeps the peak memory of a trial its own, and a crash of one trial from the others.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(tasks))
    running: dict[Connection, tuple[BaseProcess, Task]] = {}
    failures: list[FailedTrialError] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                task = waiting.pop()
                receiving, sending = context.Pipe(duplex=False)
                with _few_threads(task.threads):
                    process: BaseProcess = context.Process(
                        target=_work, args=(task, prepared_path, sending), daemon=True
                    )
                    process.start()
                sending.close()
                running[receiving] = (process, task)
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                try:
                    record = _receive(ready, *running.pop(ready))
                except FailedTrialError as problem:
                    failures.append(problem)
                    continue
                yield record
        _raise_any(failures)
    finally:
        for started, _ in running.values():
            started.terminate()
        for started, _ in running.values():
            started.join(_STOP_SECONDS)
            if started.is_alive():
                started.kill()


def on_ray(tasks: list[Task], prepared: Prepared, address: str) -> Generator[TrialRecord]:
    """Run the tasks on a Ray cluster; ``"local"`` starts one on this machine for the time of the run.

    A task asks for as many cores as it has threads, or for those of the largest node where no node has so many. Each
    runs in a process of its own, so that its peak memory is its own.

    Raises
    ------
    MissingPackageError
        If Ray is not installed.
    RepriseError
        If the cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as problem:
        raise MissingPackageError("ray", 'pip install "reprise-papers[scale]"', "A Ray cluster") from problem
    started_here = not ray.is_initialized()
    if started_here:
        try:
            if address == "local":
                ray.init(address="local", include_dashboard=False, log_to_driver=False, configure_logging=False)
            else:
                ray.init(address=address, log_to_driver=False, configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError) as problem:
            raise RepriseError(f"No Ray cluster answers at {address!r} ({problem}).") from problem
    try:
        shared = ray.put(prepared)
        remote = ray.remote(max_calls=1)(_measure_with_threads)
        largest = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
        pending = {}
        for task in tasks:
            cores, gpus = reservation(task, largest)
            pending[remote.options(num_cpus=cores, num_gpus=gpus).remote(_on_its_gpu(task), shared)] = task
        failures: list[FailedTrialError] = []
        while pending:
            done, _ = ray.wait(list(pending), num_returns=1)
            for reference in done:
                task = pending.pop(reference)
                try:
                    record: TrialRecord = ray.get(reference)
                except ray.exceptions.RayError as problem:
                    failures.append(_failed(task, str(problem)))
                    continue
                yield record
        _raise_any(failures)
    finally:
        if started_here:
            ray.shutdown()


def reservation(task: Task, largest: float) -> tuple[float, int]:
    """Give the cores and GPUs that a task asks of a cluster whose largest node has so many cores."""
    cores = min(task.threads, largest) if largest else task.threads
    return cores, int(task.trial.device.startswith("cuda"))


def _on_its_gpu(task: Task) -> Task:
    """Let a task take the one GPU that Ray shows it, whatever its number on this machine."""
    accelerated = task.trial.device.startswith("cuda")
    return replace(task, trial=replace(task.trial, device="cuda")) if accelerated else task


def _work(task: Task, prepared_path: Path, sending: Connection) -> None:
    """Run one task in a process of its own and send its record, or the reason why there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends this process
    try:
        import joblib

        sending.send(("record", _measure_with_threads(task, joblib.load(prepared_path))))
    except RepriseError as problem:
        sending.send(("failed", str(problem)))
    except Exception:
        sending.send(("failed", traceback.format_exc()))
    finally:
        sending.close()


def _receive(connection: Connection, process: BaseProcess, task: Task) -> TrialRecord:
    try:
        kind, content = connection.recv()
    except EOFError:
        process.join()
        raise _failed(task, f"its process ended with code {process.exitcode} (-9 is often a lack of memory)") from None
    process.join()
    if kind == "failed":
        raise _failed(task, content)
    return content


def _measure_with_threads(task: Task, prepared: Prepared) -> TrialRecord:
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(task.threads)
    with threadpool_limits(task.threads):
        return _measure(task, prepared)


def _measure(task: Task, prepared: Prepared) -> TrialRecord:
    began = time.perf_counter()
    measurements = list(claims.load(task.paper).measure(task.trial, prepared))
    for m in measurements:
        if not math.isfinite(m.value):
            where = "".join(f", {key} {value}" for key, value in (("item", m.item), ("x", m.x)) if value is not None)
            raise RepriseError(f"{m.metric!r} of {m.arm!r} is {m.value}{where}; the ledger takes finite numbers only")
    return TrialRecord(
        seed=task.trial.seed,
        seconds=round(time.perf_counter() - began, 2),
        peak_memory=_peak_memory(),
        measurements=measurements,
    )


def _peak_memory() -> float | None:
    """Give this process's peak resident memory in MiB, where the system tells it."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / _MIB if sys.platform == "darwin" else peak / 1024, 1)


class _few_threads:
    """For as long as a process starts, tell its libraries how many threads they may have."""

    def __init__(self, threads: int):
        self.threads = threads

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(self.threads)))

    def __exit__(self, *problem: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _failed(task: Task, reason: str) -> FailedTrialError:
    return FailedTrialError(f"{task.paper}, seed {task.trial.seed}, failed: {reason.strip()}")


def _raise_any(failures: list[FailedTrialError]) -> None:
    if failures:
        others = f" ({len(failures) - 1} more failed too.)" if len(failures) > 1 else ""
        raise FailedTrialError(f"{failures[0]}{others}")

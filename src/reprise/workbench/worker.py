"""A process of its own for the methods, so that one that takes too long, or crashes, can be ended and passed over."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import types
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from reprise.errors import RepriseError
from reprise.workbench import tasks
from reprise.workbench.contract import Entry, Job, Outcome, Problem

_START_SECONDS = 300.0  # a cold disk may take long to import the numerical libraries, never this long
_STOP_SECONDS = 30.0
_LEAVE_SECONDS = 1.0
_MAX_WARNINGS = 3
_MAX_CHARACTERS = 240


@dataclass(frozen=True)
class Failure:
    """Why a job gave no outcome."""

    reason: str
    out_of_time: bool = False


class Worker:
    """Runs the jobs of a task one after the other in a child process; a context manager.

    The child is started when it is needed and ended when a job takes too long. It maps the problem's arrays from a
    temporary file, copy on write, so that no method can change what the next one sees. What methods print is dropped.
    """

    def __init__(self, task: str, problem: Problem):
        self._task = task
        self._problem = problem
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Worker:
        import joblib

        self._folder = tempfile.TemporaryDirectory(prefix="reprise-bench-", ignore_cleanup_errors=True)
        self._path = Path(self._folder.name) / "problem.joblib"
        try:
            joblib.dump(self._problem, self._path)
        except OSError as problem:
            self._folder.cleanup()
            raise RepriseError(f"The data could not be handed to the methods' process ({problem}).") from problem
        return self

    def __exit__(self, *problem: object) -> None:
        self._end()
        self._folder.cleanup()

    def ready_for(self, entry: Entry) -> Failure | None:
        """Start the child unless it is running, and let it import a method; give the reason where that fails.

        Raises
        ------
        RepriseError
            If the child does not come up.
        """
        self._start()
        problem: Failure | None = self._ask(entry, _START_SECONDS)
        return problem

    def run(self, job: Job, seconds: float) -> Outcome | Failure:
        """Run a job for at most so many seconds."""
        self._start()
        received: Outcome | Failure = self._ask(job, seconds)
        return received

    def _start(self) -> None:
        if self._process is not None:
            return
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._task, self._path, theirs), daemon=True)
        with _interrupts_held_back(), _no_main_module():
            self._process.start()
        theirs.close()
        problem = self._receive(_START_SECONDS)
        if isinstance(problem, Failure):
            self._end()
            raise RepriseError(f"The methods' process did not start: {problem.reason}.")

    def _ask(self, question: Entry | Job, seconds: float) -> Any:
        assert self._connection is not None
        try:
            self._connection.send(question)
        except OSError:
            answer = self._ended()
        else:
            answer = self._receive(seconds)
        if isinstance(answer, Failure) and (answer.out_of_time or not self._alive()):
            self._end()
        return answer

    def _receive(self, seconds: float) -> Any:
        assert self._connection is not None
        try:
            if self._connection.poll(seconds):
                return self._connection.recv()
        except (EOFError, OSError):
            return self._ended()
        return Failure("out of time", out_of_time=True)

    def _ended(self) -> Failure:
        assert self._process is not None
        self._process.join(_STOP_SECONDS)
        code = self._process.exitcode
        hint = ", often for lack of memory" if code == -signal.SIGKILL else ""
        return Failure(f"its process ended with code {code}{hint}")

    def _alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def _end(self) -> None:
        if self._process is None or self._connection is None:
            return
        self._connection.close()
        self._process.join(_LEAVE_SECONDS)  # an idle child leaves by itself, and takes its semaphores with it
        self._process.kill()
        self._process.join(_STOP_SECONDS)
        self._process = self._connection = None


def _serve(task_name: str, path: Path, connection: Connection) -> None:
    """Answer jobs until the parent goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends this process
    _drop_output()
    try:
        import joblib

        task = tasks.load(task_name)
        joblib.load(path, mmap_mode="c")
    except BaseException as problem:
        connection.send(Failure(_one_line(problem)))
        return
    connection.send(None)
    while True:
        try:
            question: Entry | Job = connection.recv()
        except EOFError:
            return
        try:
            if isinstance(question, Entry):
                importlib.import_module(question.factory.partition(":")[0])
                connection.send(None)
                continue
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("default")
                outcome = task.solve(joblib.load(path, mmap_mode="c"), question)
            outcome.notes += _warned(caught)
            connection.send(outcome)
        except BaseException as problem:  # SystemExit too: a method must not end the bench
            connection.send(Failure(_one_line(problem)))


def _drop_output() -> None:
    """Keep what methods print, from Python or below it, away from the parent's table and JSON."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (for as long as the process lives)


def _warned(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    """Give what a method warned of, each kind once; what only concerns programmers is left out."""
    ours = [w for w in caught if not issubclass(w.category, FutureWarning | DeprecationWarning | ResourceWarning)]
    first_of_each = {w.category.__name__: w for w in reversed(ours)}
    said = [f"{name}: {_shortened(str(w.message))}" for name, w in reversed(first_of_each.items())]
    return tuple(said[:_MAX_WARNINGS])


def _one_line(problem: BaseException) -> str:
    """Give an error's first sentence, with its kind unless it was written for the user."""
    if isinstance(problem, MemoryError):
        return "it ran out of memory"
    text = _shortened(str(problem))
    return text if isinstance(problem, RepriseError) else f"{type(problem).__name__}: {text}"


def _shortened(text: str) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    sentence = re.split(r"(?<=[.!?]) (?=[A-Z])", line, maxsplit=1)[0]
    cut = sentence if len(sentence) <= _MAX_CHARACTERS else sentence[:_MAX_CHARACTERS].rstrip() + "…"
    return cut.rstrip(".")


@contextlib.contextmanager
def _interrupts_held_back() -> Generator[None]:
    """Let a child that starts here inherit that Ctrl-C is not for it, from its first instruction on."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _no_main_module() -> Generator[None]:
    """Keep a spawned child from importing the user's script again, which may lack the ``__main__`` guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main

"""Checkpoints on disk, torch's generator states, and a Ctrl-C that waits for the step to end."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from reprise.errors import DamagedFileError, InvalidInputError

VERSION = 1


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` to `path` in one piece: a reader finds the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            torch.save({"version": VERSION, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_checkpoint(path: Path, fingerprint: dict[str, Any]) -> dict[str, Any]:
    """Read a checkpoint of the training with this fingerprint; runs no code from the file.

    Raises
    ------
    DamagedFileError
        If the file is no checkpoint of this library.
    InvalidInputError
        If it belongs to a training with other settings.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        version, theirs = content["version"], content["fingerprint"]
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as problem:
        raise DamagedFileError(path, f"it is no training checkpoint ({type(problem).__name__})") from problem
    if version != VERSION:
        raise DamagedFileError(path, f"its version is {version!r}, and this library reads {VERSION}")
    ours = dict(fingerprint)
    if ours["schedule"] == "constant":  # then a training may go on beyond what was first planned
        theirs, ours = theirs | {"epochs": None}, ours | {"epochs": None}
    different = [f"{name} {theirs.get(name)!r}, now {ours[name]!r}" for name in ours if theirs.get(name) != ours[name]]
    if different:
        raise InvalidInputError(
            f"The checkpoint {path} belongs to another training ({'; '.join(different)}). "
            "Give the same settings and data, another path, or resume=False."
        )
    return content


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Give the states of torch's generators that a training on `device` draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Set what `random_states` gave."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


class DeferredInterrupt:
    """Within this context, Ctrl-C only sets `pressed`, so that a step is never cut in two; a second one acts at once.

    Signals reach Python's main thread alone: in another thread this does nothing.
    """

    def __init__(self, active: bool = True):
        self.pressed = False
        self._active = active and threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if self._active:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            signal.signal(signal.SIGINT, self._before)
        if self.pressed and problem is None:
            raise KeyboardInterrupt

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True

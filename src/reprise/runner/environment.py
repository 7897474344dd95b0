"""Where a run was made: machine and versions, as the ledger records them."""

from __future__ import annotations

import datetime
import os
import platform
import re
from importlib import metadata
from pathlib import Path

from reprise.errors import InvalidInputError

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "transformers", "lightning-fabric")
DECISIVE = ("device", "processor", "threads", *PACKAGES)
"""What trials of one run share; where it differs they are not joined."""
_DEVICE = re.compile(r"auto|cpu|cuda(:(?P<number>\d+))?")


def describe(*, jobs: int, threads: int, device: str) -> dict[str, str | int | float]:
    """Describe this machine and these packages for the ledger.

    Parameters
    ----------
    jobs, threads : trials at once, and threads of each.
    device : where the trials ran, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """
    facts: dict[str, str | int | float] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "reprise": _version("reprise-papers"),
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "jobs": jobs,
        "threads": threads,
        "device": device if device == "cpu" else _accelerator(device),
    }
    return facts | {name: _version(name) for name in PACKAGES}


def processor() -> str:
    """Give the processor's name, as well as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def resolve_device(device: str) -> str:
    """Turn ``"auto"`` into the accelerator that is here, or the CPU.

    Raises
    ------
    InvalidInputError
        If it is none of ``"auto"``, ``"cpu"``, ``"cuda"`` and ``"cuda:N"``, or this machine has no such GPU.
    """
    asked = _DEVICE.fullmatch(device)
    if not asked:
        raise InvalidInputError(f"There is no device {device!r}; the devices are auto, cpu, cuda and cuda:N.")
    if device == "cpu":
        return device
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if count else "cpu"
    if int(asked["number"] or 0) >= count:
        has = f"{count} GPU{'s' if count > 1 else ''} (cuda:0 to cuda:{count - 1})" if count else "no GPU"
        raise InvalidInputError(f"The device {device!r} is not here: torch sees {has}.")
    return device


def _accelerator(device: str) -> str:
    import torch

    return torch.cuda.get_device_name(device)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        from reprise import __version__

        return __version__ if package == "reprise-papers" else "absent"

"""Where a run was made: machine and versions, as the ledger records them."""

from __future__ import annotations

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "transformers", "lightning-fabric")


def describe(*, jobs: int, threads: int, device: str) -> dict[str, str | int | float]:
    """Describe this machine and these packages for the ledger.

    Parameters
    ----------
    jobs, threads : trials at once, and threads of each.
    device : where the trials ran, ``"cpu"`` or ``"cuda"``.
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
        "device": device if device == "cpu" else _accelerator(),
    }
    return facts | {name: _version(name) for name in _PACKAGES}


def processor() -> str:
    """Give the processor's name, as well as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def resolve_device(device: str) -> str:
    """Turn ``"auto"`` into the accelerator that is here, or the CPU."""
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _accelerator() -> str:
    import torch

    return torch.cuda.get_device_name()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        from reprise import __version__

        return __version__ if package == "reprise-papers" else "absent"

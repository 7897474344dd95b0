"""Where a data set's files come from: the folder in `REPRISE_DATA`, a system package, or the original public place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reprise.errors import MissingDataError, UnknownNameError

SOURCES: dict[str, Source] = {}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set: its origin, its licence, what it serves, and how to find its files.

    Parameters
    ----------
    name : of the data set, and of its folder under `REPRISE_DATA` unless `folder` says another.
    folder : that it shares with another data set.
    title, licence, origin : for people; `origin` cites the public home.
    loader : dotted name of the function that loads it.
    serves : slugs of the papers that use it.
    files : names of its files.
    sha256 : file name -> SHA-256, of files that the public place serves byte for byte as we use them.
    urls : file name -> address of such a file.
    system : folders in which a system package puts the files.
    obtain : one sentence that says what would bring the data.
    """

    name: str
    title: str
    licence: str
    origin: str
    loader: str
    obtain: str
    serves: tuple[str, ...] = ()
    files: tuple[str, ...]
    folder: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    system: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        SOURCES[self.name] = self
        object.__setattr__(self, "folder", self.folder or self.name)

    def here(self) -> bool:
        """Say whether every file of the data set is on this machine."""
        return all(self.find(file) is not None for file in self.files)

    def find(self, file: str) -> Path | None:
        """Give the path of `file` if it is on this machine, else None; downloads nothing."""
        folders = [Path(folder) for folder in self.system]
        if root := os.environ.get("REPRISE_DATA"):
            folders.append(Path(root) / self.folder)
        folders.append(download_folder() / self.folder)
        return next((path for folder in folders if (path := folder / file).is_file()), None)

    def locate(self, file: str) -> Path:
        """Give the path of `file`, downloading it (verified by SHA-256) where a public address is known.

        Raises
        ------
        MissingDataError
            If the file is nowhere; the message says what would bring it.
        """
        if path := self.find(file):
            return path
        if file in self.urls:
            import pooch

            try:
                return Path(
                    pooch.retrieve(
                        self.urls[file],
                        known_hash=f"sha256:{self.sha256[file]}",
                        fname=file,
                        path=download_folder() / self.folder,
                        progressbar=True,
                    )
                )
            except (OSError, ValueError) as problem:
                raise MissingDataError(
                    f"{self.title} ({file}) is not here and could not be downloaded ({problem}). {self.obtain}"
                ) from problem
        raise MissingDataError(f"{self.title} ({file}) is not on this machine. {self.obtain}")


def all_sources() -> list[Source]:
    """Give every data set that a loader of `reprise.data` offers, by name."""
    import importlib
    import pkgutil

    import reprise.data

    for module in pkgutil.iter_modules(reprise.data.__path__, "reprise.data."):
        importlib.import_module(module.name)
    return [SOURCES[name] for name in sorted(SOURCES)]


def download_folder() -> Path:
    """Give the folder where downloads are kept: `REPRISE_CACHE`, else the user's cache directory."""
    import pooch

    return Path(os.environ.get("REPRISE_CACHE") or pooch.os_cache("reprise"))


def source(name: str) -> Source:
    """Give the registered source `name`.

    Raises
    ------
    UnknownNameError
        If no loader registered it; the nearest names are quoted.
    """
    if name not in SOURCES:
        raise UnknownNameError("data set", name, SOURCES)
    return SOURCES[name]

"""Files that come with the site, under addresses that change with their content."""

from __future__ import annotations

import functools
import hashlib
import mimetypes
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

router = APIRouter(include_in_schema=False)
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


def versioned(name: str) -> str:
    """Give the address of a file, with a digest of its content; that of a missing one is empty."""
    return f"/static/{_files()[name].digest}/{name}" if name in _files() else ""


@router.get("/static/{digest}/{name:path}")
def asset(digest: str, name: str) -> Response:
    """Serve a file."""
    file = _files().get(name)
    if file is None:
        raise HTTPException(404)
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    cached = _FOREVER if file.digest == digest else "no-cache"
    return Response(file.content, media_type=kind, headers={"cache-control": cached})


class _File(NamedTuple):
    content: bytes
    digest: str


@functools.cache
def _files() -> dict[str, _File]:
    """Read all files once; what is asked for never becomes a path."""
    return dict(_read(files("reprise.site").joinpath("static"), ""))


def _read(folder: Traversable, inside: str) -> Iterator[tuple[str, _File]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{inside}{entry.name}/")
        else:
            content = entry.read_bytes()
            yield inside + entry.name, _File(content, hashlib.sha256(content).hexdigest()[:12])

"""Files that come with the site, under addresses that change with their content."""

from __future__ import annotations

import functools
import hashlib
import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

router = APIRouter(include_in_schema=False)
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@functools.cache
def _folder() -> Traversable:
    return files("reprise.site").joinpath("static")


@functools.cache
def _content(name: str) -> bytes | None:
    if name.startswith("/") or ".." in name.split("/"):
        return None
    file = _folder().joinpath(name)
    return file.read_bytes() if file.is_file() else None


@functools.cache
def versioned(name: str) -> str:
    """Give the address of a file, with a digest of its content; that of a missing one is empty."""
    content = _content(name)
    return f"/static/{hashlib.sha256(content).hexdigest()[:12]}/{name}" if content is not None else ""


@router.get("/static/{digest}/{name:path}")
def asset(digest: str, name: str) -> Response:
    """Serve a file."""
    content = _content(name)
    if content is None:
        raise HTTPException(404)
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    current = versioned(name).split("/")[2] == digest
    return Response(content, media_type=kind, headers={"cache-control": _FOREVER if current else "no-cache"})

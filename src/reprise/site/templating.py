"""Pages and mails from templates: every text is escaped."""

from __future__ import annotations

import datetime
import functools
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup


@functools.cache
def environment() -> Environment:
    """Give the environment of the site's templates."""
    found = Environment(
        loader=PackageLoader("reprise.site"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"day": day_text, "authors": authors_text, "slugged": slugged, "local": local, "safe_html": Markup}
    found.globals["path"] = path
    return found


def path(base: str, /, **query: Any) -> str:
    """Give an address with the parts of a query that are not empty.

    Examples
    --------
    >>> path("/", category="cs.LG", family="", page=None, runs=1)
    '/?category=cs.LG&runs=1'
    """
    kept = {name: value for name, value in query.items() if value not in ("", None, False)}
    return f"{base}?{urlencode(kept)}" if kept else base


def local(address: object) -> str:
    """Give the path and query of an address of this site."""
    parts = urlsplit(str(address))
    return parts.path + (f"?{parts.query}" if parts.query else "")


def slugged(text: object) -> str:
    """Write a word or two as the name of a style.

    Examples
    --------
    >>> slugged("does not hold")
    'does-not-hold'
    """
    return str(text).replace(" ", "-")


def day_text(day: datetime.date | datetime.datetime) -> str:
    """Write a date as readers do.

    Examples
    --------
    >>> day_text(datetime.date(2026, 11, 5))
    '5 November 2026'
    """
    return f"{day.day} {day:%B %Y}"


def authors_text(authors: list[str], most: int = 4) -> str:
    """Write a list of authors, shortened where there are many.

    Examples
    --------
    >>> authors_text(["A", "B", "C", "D", "E", "F"])
    'A, B, C, D and 2 more'
    """
    if len(authors) <= most + 1:
        return ", ".join(authors)
    return f"{', '.join(authors[:most])} and {len(authors) - most} more"

"""Pages and mails from templates: every text is escaped."""

from __future__ import annotations

import datetime
import functools
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from reprise.site.store.feed import Span, days_of


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
    found.globals |= {"path": path, "period": period_text}
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


def period_text(span: Span, day: datetime.date) -> str:
    """Write the day, week or month that a date lies in.

    Examples
    --------
    >>> period_text("week", datetime.date(2026, 11, 26)), period_text("month", datetime.date(2026, 11, 26))
    ('23 to 29 November 2026', 'November 2026')
    >>> period_text("week", datetime.date(2026, 12, 31))
    '28 December 2026 to 3 January 2027'
    """
    first, last = days_of(span, day)
    if span == "day":
        return day_text(day)
    if span == "month":
        return f"{day:%B %Y}"
    begun = str(first.day)
    if first.month != last.month:
        begun += f" {first:%B}"
    if first.year != last.year:
        begun += f" {first.year}"
    return f"{begun} to {day_text(last)}"


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

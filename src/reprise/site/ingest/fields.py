"""The fields of a paper as sources write them, read with forgiveness: identifiers, names, dates, categories, links."""

from __future__ import annotations

import datetime
import email.utils
import html
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from reprise.site.ingest import tex
from reprise.site.ingest.errors import RefusedError
from reprise.site.store.papers import PaperRecord
from reprise.site.store.types import now

MAX_TITLE, MAX_ABSTRACT, MAX_NAME, MAX_NAMES, MAX_LINK, MAX_CATEGORIES = 1000, 20_000, 200, 5000, 2000, 30
_FIRST_YEAR = 1900

_IDENTIFIER = r"(?P<id>[0-9]{4}\.[0-9]{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/[0-9]{7})(?:v(?P<version>[0-9]{1,3}))?"
_NAMED = re.compile(
    r"(?:(?:https?://)?(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html|format|ps|src|e-print)/"
    r"|(?:(?:https?://)?(?:dx\.)?doi\.org/)?10\.48550/arxiv\.|oai:arxiv\.org:|arxiv:\s?)?"
    rf"(?-i:{_IDENTIFIER})(?:\.pdf)?/?(?:[?#].*)?",
    re.IGNORECASE,
)
_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)*(?:\.[A-Za-z]+(?:-[A-Za-z]+)*)?")
_UNPRINTABLE = re.compile(  # control, direction and half characters
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_WITHDRAWN = re.compile(
    r"(?:arxiv admin note:\s*)?(?:(?:this|the|our)\s+)?(?:"
    r"(?:paper|article|work|manuscript|preprint|submission|version)\s+(?:(?:has|have) been\s+|was\s+|is\s+)?"
    r"(?:temporarily\s+)?withdrawn\b|withdrawn(?:\s+(?:by|due|because|from arxiv)\b|\W*$|[.,;:]))",
    re.IGNORECASE,
)
_AND = re.compile(r"\s*,\s*and\s+|\s+and\s+|\s*,\s*|\s+&\s+")
_SUFFIXES = {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"}


def arxiv_id(text: str) -> tuple[str, int] | None:
    r"""Read an arXiv id, alone or in a link to arXiv; give it without its version, and the version (0: none).

    Examples
    --------
    >>> arxiv_id("2401.01234v3"), arxiv_id("https://arxiv.org/pdf/math.GT/0101001.pdf")
    (('2401.01234', 3), ('math/0101001', 0))
    >>> arxiv_id("https://arxiv.org.example.com/abs/2401.01234") is None
    True
    """
    found = _NAMED.fullmatch(text.strip()) if len(text) <= MAX_LINK else None
    if not found:
        return None
    archive, slash, number = found["id"].partition("/")
    name = f"{archive.partition('.')[0]}/{number}" if slash else archive
    return (name, int(found["version"] or 0)) if len(name) <= 32 else None


def clean(text: object, limit: int) -> str:
    """Give text on one line, without what no reader can see, and no longer than `limit`; what is no text is empty.

    Examples
    --------
    >>> clean("  Learning\\n  with\\x00 less ", 80)
    'Learning with less'
    """
    if not isinstance(text, str):
        return ""
    if not text.isprintable():
        text = _UNPRINTABLE.sub(" ", text)
    return " ".join(text.split())[:limit].strip()


def prose(text: object, limit: int) -> str:
    r"""Give text as `clean` does, with the letters that sources write in TeX's or HTML's way.

    Examples
    --------
    >>> prose(r"The Poincar\'e map of   AT&amp;T", 80)
    'The Poincaré map of AT&T'
    """
    if not isinstance(text, str):
        return ""
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return clean(tex.letters(text), limit)


def names(text: str) -> list[str]:
    r"""Split a line of authors; affiliations in parentheses are dropped, and a collaboration stands by itself.

    Examples
    --------
    >>> names(r"C. Bal\'azs (1), E. L. Berger and P.~Nadolsky, Jr. ((1) MSU (East Lansing), (2) ANL)")
    ['C. Balázs', 'E. L. Berger', 'P. Nadolsky, Jr.']
    >>> names("ATLAS Collaboration: G. Aad, B. Abbott")
    ['ATLAS Collaboration', 'G. Aad', 'B. Abbott']
    >>> names("Lovelace, Ada; Łukasiewicz, Zoë")
    ['Lovelace, Ada', 'Łukasiewicz, Zoë']
    """
    text = prose(text, MAX_NAME * MAX_NAMES).replace("~", " ")
    text = re.sub(r"(\bcollaboration)\s*:", r"\1,", text, flags=re.IGNORECASE)
    text = _outside_parentheses(text)
    parts = text.split(";") if ";" in text else _AND.split(text)
    found: list[str] = []
    for part in (" ".join(part.split()) for part in parts):
        if part.lower() in _SUFFIXES and found:
            found[-1] += f", {part}"
        elif part.strip(".,"):
            found.append(part)
    return found


def _outside_parentheses(text: str) -> str:
    kept: list[str] = []
    opened: list[int] = []
    for part in re.split(r"([()])", text):
        if part == ")" and opened:
            del kept[opened.pop() :]
            kept.append(" ")
            continue
        if part == "(":
            opened.append(len(kept))
        kept.append(part)
    return "".join(kept)


def withdrawn(*notes: str) -> bool:
    """Say whether what authors write beside a paper, or instead of its abstract, begins by taking the paper back.

    Examples
    --------
    >>> withdrawn("This paper has been withdrawn by the author due to an error in Lemma 2.")
    True
    >>> withdrawn("15 pages, supersedes a withdrawn paper")
    False
    """
    return any(_WITHDRAWN.match(note.strip()) for note in notes)


def moment(text: object) -> datetime.datetime | None:
    """Read a date or a moment in ISO 8601 or as mails write it; without a time zone it is in UTC.

    Examples
    --------
    >>> print(moment("2024-01-02"), moment("Mon, 2 Apr 2007 19:18:42 GMT"), moment("soon"))
    2024-01-02 00:00:00+00:00 2007-04-02 19:18:42+00:00 None
    """
    if isinstance(text, datetime.datetime):
        found = text
    elif isinstance(text, datetime.date):
        found = datetime.datetime.combine(text, datetime.time())
    elif not isinstance(text, str) or not text.strip() or len(text) > 64:
        return None
    else:
        try:
            found = datetime.datetime.fromisoformat(text.strip())
        except ValueError:
            try:
                found = email.utils.parsedate_to_datetime(text.strip())
            except (ValueError, IndexError, TypeError, OverflowError):
                return None
    if not _FIRST_YEAR <= found.year <= now().year + 1:
        return None
    return found.replace(tzinfo=datetime.UTC) if found.tzinfo is None else found.astimezone(datetime.UTC)


def month_of(arxiv: str) -> datetime.date | None:
    """Give the first day of the month in which an arXiv id was given.

    Examples
    --------
    >>> str(month_of("2401.01234")), str(month_of("math/9901001"))
    ('2024-01-01', '1999-01-01')
    """
    number = arxiv.rpartition("/")[2]
    year, month = int(number[:2]), int(number[2:4])
    century = 1900 if "/" in arxiv and year > 90 else 2000
    return datetime.date(century + year, month, 1) if 1 <= month <= 12 else None


def categories(listed: object, primary: object = "") -> list[str]:
    """Read categories, given as a list or in a line; the primary one comes first.

    Examples
    --------
    >>> categories("cs.LG stat.ML, <b>", "stat.ML")
    ['stat.ML', 'cs.LG']
    """
    parts = re.split(r"[\s,;]+", listed[:MAX_LINK]) if isinstance(listed, str) else listed
    parts = [primary, *(parts if isinstance(parts, list | tuple) else ())]
    known = (part for part in parts if isinstance(part, str) and len(part) <= 32 and _CATEGORY.fullmatch(part))
    return list(dict.fromkeys(known))[:MAX_CATEGORIES]


def web_address(text: object) -> str:
    """Give a link that readers may follow, or nothing: only http and https, and whole.

    Examples
    --------
    >>> web_address("https://github.com/a/b"), web_address("javascript:alert(1)"), web_address("//host")
    ('https://github.com/a/b', '', '')
    """
    if not isinstance(text, str) or len(text) > MAX_LINK or re.search(r"[\s<>\"'\\]", text.strip()):
        return ""
    try:
        parts = urlsplit(text.strip())
        return text.strip() if parts.scheme in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""


def paper(
    *,
    source: str,
    arxiv: object,
    title: object,
    authors: Iterable[object] = (),
    abstract: object = "",
    day: object = None,
    updated: object = None,
    version: int = 0,
    categories: list[str] | None = None,
    code: object = "",
    link: object = "",
) -> PaperRecord:
    """Make a paper of what a source tells.

    Parameters
    ----------
    version : 0 where neither it nor the id tells: then only what is missing is taken of a paper that is known.
    day : of the first version; where it is not told, the first of the month in the arXiv id.

    Raises
    ------
    RefusedError
        If there is no title, no date, or neither an arXiv id nor a link.
    """
    found = arxiv_id(arxiv) if isinstance(arxiv, str) else None
    name, told = found or (None, 0)
    address = web_address(link)
    said = repr(clean(str(arxiv or link), 60)) if arxiv or link else "it"
    if name is None and not address:
        raise RefusedError(f"{said} {'is' if arxiv or link else 'has'} neither an arXiv id nor a link")
    heading = prose(title, MAX_TITLE)
    if not heading:
        raise RefusedError(f"{said} has no title")
    first = moment(day)
    on = first.date() if first else month_of(name) if name else None
    if on is None:
        raise RefusedError(f"{said} has no date")
    return PaperRecord(
        title=heading,
        authors=[known for author in authors if (known := prose(author, MAX_NAME))][:MAX_NAMES],
        abstract=prose(abstract, MAX_ABSTRACT),
        day=on,
        source=source,
        arxiv=name,
        updated=moment(updated) or first or now(),
        version=version or told,
        categories=categories or [],
        code=web_address(code),
        link="" if name else address,
    )

"""What a reader asks for: a line of words with quotes, exclusions and filters, read into its parts and written back."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Select

from reprise.catalogue import FAMILIES
from reprise.site.store.feed import Filter
from reprise.site.store.tables import Paper

MAX_LENGTH = 500
MAX_TERMS = 32

_PART = re.compile(r'(?P<minus>-?)(?:(?P<field>[A-Za-z]+):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_CATEGORY = re.compile(r"[A-Za-z][A-Za-z-]*(?:\.[A-Za-z][A-Za-z-]*)?")
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_FIELDS = {"author": "author", "cat": "cat", "category": "cat", "family": "family", "runs": "runs"} | {
    name: name for name in ("after", "before")
}
_YES, _NO = {"yes", "true", "1"}, {"no", "false", "0"}

Selection = TypeVar("Selection", bound=Select[Any])


@dataclass(frozen=True)
class Term:
    """A word, or a phrase that must stand in a paper as it is."""

    text: str
    phrase: bool = False

    def __str__(self) -> str:
        return f'"{self.text}"' if self.phrase else self.text


@dataclass(frozen=True)
class Query:
    """A search in its parts.

    Parameters
    ----------
    terms : what is looked for, in order.
    without : what papers must not contain.
    authors : each a name, or a part of one, that must be among the authors.
    categories : each a category (``"cs.LG"``) or an archive (``"cs"``) that a paper must have.
    family : of the catalogue; empty takes all.
    runs : True keeps papers that run here, False the others, None both.
    after : first day; `before` : the day after the last.
    problems : a sentence on each filter that was not understood, and so is not applied.
    """

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    family: str = ""
    runs: bool | None = None
    after: datetime.date | None = None
    before: datetime.date | None = None
    problems: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is looked for, as a sentence whose meaning can be encoded."""
        return " ".join(term.text for term in self.terms)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What must stand in a paper as it is."""
        return tuple(term.text for term in self.terms if term.phrase)

    @property
    def filters(self) -> dict[str, Query]:
        """The filters as they are written, each with the query that is left without it."""
        left: dict[str, Query] = {}
        for name in self.authors:
            left[f'author:"{name}"'] = replace(self, authors=_but(self.authors, name))
        for category in self.categories:
            left[f"cat:{category}"] = replace(self, categories=_but(self.categories, category))
        if self.family:
            left[f"family:{self.family}"] = replace(self, family="")
        if self.runs is not None:
            left[f"runs:{'yes' if self.runs else 'no'}"] = replace(self, runs=None)
        if self.after is not None:
            left[f"after:{self.after}"] = replace(self, after=None)
        if self.before is not None:
            left[f"before:{self.before}"] = replace(self, before=None)
        return left

    def __str__(self) -> str:
        parts = [str(term) for term in self.terms] + [f"-{term}" for term in self.without] + list(self.filters)
        return " ".join(parts)

    def __bool__(self) -> bool:
        return bool(self.terms or self.without or self.filters)

    def narrow(self, statement: Selection, *, each: bool = False) -> Selection:
        """Narrow a selection of papers by the filters that need no index of words; `each` as for lists of papers."""
        for category in self.categories:
            statement = Filter(category=category).narrow(statement, each=each)
        statement = Filter(family=self.family, runs=self.runs is True).narrow(statement, each=each)
        if self.runs is False:
            statement = statement.where(Paper.runs.is_(False))
        if self.after is not None:
            statement = statement.where(Paper.day >= self.after)
        if self.before is not None:
            statement = statement.where(Paper.day < self.before)
        return statement


def parse(text: str) -> Query:
    """Read a line that a reader typed; nothing in it is an error.

    What is no filter is read as words. A filter that is not understood is told in `problems`, and not applied.

    Examples
    --------
    >>> query = parse('sparse "dictionary learning" -images author:"Ada Lovelace" cat:cs.LG after:2024 runs:maybe')
    >>> query.text, query.phrases, [str(term) for term in query.without]
    ('sparse dictionary learning', ('dictionary learning',), ['images'])
    >>> query.authors, query.categories, str(query.after)
    (('Ada Lovelace',), ('cs.LG',), '2024-01-01')
    >>> query.problems
    ('runs:maybe is not understood; runs:yes or runs:no is.',)
    >>> parse(str(query)) == Query(**{**vars(query), "problems": ()})
    True
    """
    line = printable(text)
    found: dict[str, Any] = {"problems": ()}
    for part in _PART.finditer(line):
        given = part["phrase"] if part["phrase"] is not None else part["word"]
        value = " ".join(given.split())
        field = _FIELDS.get((part["field"] or "").lower())
        if (empty := given.removesuffix(":").lower()) in _FIELDS and given.endswith(":") and part["phrase"] is None:
            found["problems"] += (f"{empty}: needs a value right after it.",)
        elif field is None:
            written = f"{part['field']}:{value}" if part["field"] else value
            _add_term(found, Term(written, part["phrase"] is not None), bool(part["minus"]))
        elif part["minus"]:
            found["problems"] += (f"-{field}: is not understood; only words and phrases can be left out.",)
        else:
            _FILTERS[field](found, value)
    return Query(**found)


def printable(text: str) -> str:
    """Give a line without what cannot be printed, of at most `MAX_LENGTH` letters."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:MAX_LENGTH])


def _add_term(found: dict[str, Any], term: Term, negated: bool) -> None:
    name = "without" if negated else "terms"
    kept = found.get(name, ())
    if len(kept) < MAX_TERMS and any(letter.isalnum() for letter in term.text):
        found[name] = (*kept, term)
    elif negated and any(letter.isalnum() for letter in term.text):
        found["problems"] += (f"Only {MAX_TERMS} words can be left out.",)


def _add_author(found: dict[str, Any], value: str) -> None:
    if any(letter.isalnum() for letter in value):
        found["authors"] = tuple(dict.fromkeys((*found.get("authors", ()), value)))[:MAX_TERMS]
    else:
        found["problems"] += ('author: needs a name, such as author:"Ada Lovelace".',)


def _add_category(found: dict[str, Any], value: str) -> None:
    if _CATEGORY.fullmatch(value):
        archive, _, subject = value.partition(".")
        subject = subject.upper() if len(subject) == 2 else subject.lower()
        category = f"{archive.lower()}.{subject}" if subject else archive.lower()
        found["categories"] = tuple(dict.fromkeys((*found.get("categories", ()), category)))[:MAX_TERMS]
    else:
        found["problems"] += (f"cat:{value} is no category; cat:cs.LG or cat:math is.",)


def _set_family(found: dict[str, Any], value: str) -> None:
    if value.lower() in FAMILIES:
        found["family"] = value.lower()
    else:
        found["problems"] += (f"family:{value} is unknown; there are {', '.join(FAMILIES)}.",)


def _set_runs(found: dict[str, Any], value: str) -> None:
    if value.lower() in _YES | _NO:
        found["runs"] = value.lower() in _YES
    else:
        found["problems"] += (f"runs:{value} is not understood; runs:yes or runs:no is.",)


def _set_day(name: str, tighter: Callable[..., datetime.date]) -> Callable[[dict[str, Any], str], None]:
    def set_day(found: dict[str, Any], value: str) -> None:
        try:
            match = _DATE.fullmatch(value)
            assert match is not None
            day = datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
            found[name] = tighter(found.get(name, day), day)
        except (AssertionError, ValueError):
            found["problems"] += (f"{name}:{value} is no date; {name}:2025, {name}:2025-03 or {name}:2025-03-31 is.",)

    return set_day


def _but(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(other for other in values if other != value)


_FILTERS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "author": _add_author,
    "cat": _add_category,
    "family": _set_family,
    "runs": _set_runs,
    "after": _set_day("after", max),
    "before": _set_day("before", min),
}

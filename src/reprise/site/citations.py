"""A paper as others cite it: BibTeX, RIS, APA and CSL-JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Literal, NamedTuple

from reprise.site.store.tables import Paper

Style = Literal["bibtex", "ris", "apa", "csl"]
STYLES: dict[str, tuple[str, str]] = {
    "bibtex": ("application/x-bibtex; charset=utf-8", "bib"),
    "ris": ("application/x-research-info-systems; charset=utf-8", "ris"),
    "apa": ("text/plain; charset=utf-8", "txt"),
    "csl": ("application/vnd.citationstyles.csl+json; charset=utf-8", "json"),
}
"""Media type and file suffix of each style."""

_SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SPECIAL |= {letter: f"\\{letter}" for letter in "#$%&_"}
_BRACES = str.maketrans({"{": "%7B", "}": "%7D"})  # which end a field of BibTeX
_SMALL = {"a", "an", "the", "on", "of", "for", "in", "to", "and", "with", "towards", "toward"}
_SUFFIXES = {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"}
_GROUPS = {"collaboration", "collaborations", "consortium", "group", "team"}
_MATHS = re.compile(r"(\$[^$]*[\\^_{=][^$]*\$)")
_PARTICLES = {"von", "van", "der", "den", "de", "del", "della", "di", "da", "la", "le", "dos", "ter"}


def cite(paper: Paper, style: Style) -> str:
    """Write the citation of a paper."""
    return {"bibtex": _bibtex, "ris": _ris, "apa": _apa, "csl": _csl}[style](paper)


def address(paper: Paper) -> str:
    """Give the public address of a paper, or nothing."""
    return f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else paper.link.translate(_BRACES)


def key(paper: Paper) -> str:
    """Give the key of a BibTeX entry: first author, year, first word of weight.

    Examples
    --------
    >>> import datetime
    >>> key(Paper(title="On the Möbius Strip", authors=["August Möbius"], day=datetime.date(1865, 1, 1)))
    'mobius1865mobius'
    """
    author = split_name(paper.authors[0]).family if paper.authors else "anonymous"
    words = re.findall(r"\w+", _plain(paper.title).lower())
    word = next((word for word in words if word not in _SMALL), "paper")
    return re.sub(r"\W", "", f"{_plain(author).lower()}{paper.day.year}{word}") or f"paper{paper.id}"


class Person(NamedTuple):
    """A name in its parts; a group, such as a collaboration, is all family name."""

    given: str
    family: str
    suffix: str = ""


def split_name(name: str) -> Person:
    """Split a name into given and family name, the particles with the latter.

    Examples
    --------
    >>> split_name("Laurens van der Maaten")
    Person(given='Laurens', family='van der Maaten', suffix='')
    >>> split_name("Martin Luther King Jr.")
    Person(given='Martin Luther', family='King', suffix='Jr.')
    >>> split_name("The ATLAS Collaboration")
    Person(given='', family='The ATLAS Collaboration', suffix='')
    """
    if "," in name:
        family, _, given = name.partition(",")
        if given.strip().lower() not in _SUFFIXES:
            return Person(given.strip(), family.strip())
        name = f"{family} {given}"
    parts = name.split()
    if parts and (parts[0] == "The" or parts[-1].lower() in _GROUPS):
        return Person("", " ".join(parts))
    suffix = parts.pop() if len(parts) > 2 and parts[-1].lower() in _SUFFIXES else ""
    first = len(parts) - 1
    while first > 1 and parts[first - 1].lower() in _PARTICLES:
        first -= 1
    return Person(" ".join(parts[:first]), " ".join(parts[first:]), suffix)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _escape(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _title(text: str) -> str:
    """Escape a title but for its formulas, which are LaTeX already."""
    parts = _MATHS.split(" ".join(text.split()))
    formulas = {part for part in parts[1::2] if part.count("{") == part.count("}")}
    return "".join(part if part in formulas else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _bibtex_name(name: str) -> str:
    person = split_name(name)
    if not person.given:
        return f"{{{_escape(name)}}}" if " " in person.family else _escape(name)
    if person.suffix:
        return _escape(f"{person.family}, {person.suffix}, {person.given}")
    return _escape(name)


def _bibtex(paper: Paper) -> str:
    fields = {
        "title": f"{{{_title(paper.title)}}}",
        "author": " and ".join(map(_bibtex_name, paper.authors)),
        "year": str(paper.day.year),
    }
    if paper.arxiv:
        fields |= {"eprint": paper.arxiv, "archivePrefix": "arXiv"}
        if paper.primary_category:
            fields["primaryClass"] = paper.primary_category
    if paper.venue:
        fields["note"] = _escape(paper.venue)
    if address(paper):
        fields["url"] = address(paper)
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key(paper)},", *lines, "}"]) + "\n"


def _ris(paper: Paper) -> str:
    lines = ["TY  - GEN", f"TI  - {' '.join(paper.title.split())}"]
    for person in map(split_name, paper.authors):
        lines.append("AU  - " + ", ".join(part for part in (person.family, person.given, person.suffix) if part))
    lines += [f"PY  - {paper.day.year}", f"DA  - {paper.day:%Y/%m/%d}"]
    if address(paper):
        lines.append(f"UR  - {address(paper)}")
    return "\n".join([*lines, "ER  - "]) + "\n"


def _apa(paper: Paper) -> str:
    names = []
    for person in map(split_name, paper.authors):
        initials = " ".join(f"{part[0]}." for part in re.split(r"[\s-]+", person.given) if part)
        names.append(", ".join(part for part in (person.family, initials, person.suffix) if part))
    if len(names) > 20:
        people = f"{', '.join(names[:19])}, … {names[-1]}"
    elif len(names) > 1:
        people = f"{', '.join(names[:-1])}, & {names[-1]}"
    else:
        people = names[0] if names else ""
    where = f"arXiv:{paper.arxiv}. " if paper.arxiv else ""
    title = " ".join(paper.title.split()).rstrip(".")
    lead = f"{people.rstrip('.')}. ({paper.day.year}). {title}. " if people else f"{title}. ({paper.day.year}). "
    return f"{lead}{where}{address(paper)}".strip() + "\n"


def _csl(paper: Paper) -> str:
    people = [
        {"literal": one.family} if not one.given else {name: part for name, part in one._asdict().items() if part}
        for one in map(split_name, paper.authors)
    ]
    entry = {
        "id": key(paper),
        "type": "article",
        "title": paper.title,
        "author": people,
        "issued": {"date-parts": [[paper.day.year, paper.day.month, paper.day.day]]},
        "number": f"arXiv:{paper.arxiv}" if paper.arxiv else None,
        "URL": address(paper) or None,
    }
    return json.dumps([{name: value for name, value in entry.items() if value}], ensure_ascii=False, indent=1) + "\n"

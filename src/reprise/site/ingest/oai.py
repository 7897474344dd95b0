"""OAI-PMH, as arXiv offers it for whole collections: lists in pieces, each with a token that leads to the next.

Records are asked for as ``arXivRaw``, which tells the versions; ``arXiv``, which does not, is read as well.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

from reprise.site.ingest import fields, xml
from reprise.site.ingest.client import Client
from reprise.site.ingest.errors import DamagedAnswerError, RefusedError, SourceError
from reprise.site.ingest.steps import Page, State, Step
from reprise.site.store.papers import ARXIV, PaperRecord
from reprise.site.store.types import now

FORMAT = "arXivRaw"
MAX_TOKEN = 4000
_PHYSICS = {
    "astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nlin", "nucl-ex", "nucl-th",
    "physics", "quant-ph",
}  # fmt: skip


class Withdrawn(NamedTuple):
    """A paper that the source no longer has."""

    arxiv: str


class Answer(NamedTuple):
    """What one request brought.

    `token` leads to the next piece, `error` is the protocol's code, `answered` the source's own date.
    """

    records: list[PaperRecord | Withdrawn | RefusedError]
    token: str = ""
    total: int | None = None
    error: str = ""
    message: str = ""
    answered: datetime.date | None = None


def set_of(category: str) -> str:
    """Give the name of the set that holds a category.

    Examples
    --------
    >>> [set_of(category) for category in ("cs.LG", "hep-th", "cond-mat.stat-mech", "math")]
    ['cs:cs:LG', 'physics:hep-th', 'physics:cond-mat:stat-mech', 'math:math']
    """
    archive, _, inner = category.partition(".")
    group = "physics" if archive in _PHYSICS else archive
    return ":".join(part for part in (group, archive, inner) if part)


def parse(content: bytes) -> Answer:
    """Read an answer of a ListRecords or GetRecord request.

    Raises
    ------
    DamagedAnswerError
        If it is no OAI-PMH answer.
    """
    root = xml.parse(content, "OAI-PMH")
    answered = fields.moment(xml.text(root, "responseDate"))
    date = answered.date() if answered else None
    if (error := xml.child(root, "error")) is not None:
        return Answer([], error=str(error.get("code", "")), message="".join(error.itertext()).strip(), answered=date)
    listed = xml.child(root, "ListRecords")
    if listed is None:
        listed = xml.child(root, "GetRecord")
    if listed is None:
        raise DamagedAnswerError("the answer has neither records nor an error")
    records: list[PaperRecord | Withdrawn | RefusedError] = []
    for record in xml.children(listed, "record"):
        try:
            records.append(_record(record))
        except RefusedError as problem:
            records.append(problem)
    token = xml.text(listed, "resumptionToken")
    if len(token) > MAX_TOKEN:
        raise DamagedAnswerError(f"its token is longer than {MAX_TOKEN} letters")
    marked = xml.child(listed, "resumptionToken")
    size = marked.get("completeListSize", "") if marked is not None else ""
    return Answer(records, token, int(size) if re.fullmatch("[0-9]{1,9}", size) else None, answered=date)


def harvest(
    client: Client, category: str, state: State, first: datetime.date, until: datetime.date | None = None
) -> Iterator[Page]:
    """Yield the records of a category that were changed since the last time, with those that were withdrawn.

    Parameters
    ----------
    state : ``from``, the date to ask from; in an unfinished list also ``token``, the piece that is read, ``taken``, how
        many of its records are, and ``next``, the date to ask from the next time.
    first : the date to ask from the first time.
    until : the last date of change; None takes all.
    """
    begin = str(state.get("from", first))
    token, taken, following = str(state.get("token", "")), int(state.get("taken", 0)), state.get("next")
    restarted = False
    while True:
        asked = {"verb": "ListRecords", "resumptionToken": token} if token else _opening(category, begin, until)
        answer = client.get(asked, parse)
        if answer.error == "badResumptionToken" and token and not restarted:  # tokens grow old: the list begins anew
            token, taken, restarted = "", 0, True
            continue
        if answer.error and answer.error != "noRecordsMatch":
            said = fields.clean(answer.message, 200) or "no reason given"
            raise SourceError(f"{client.host} refuses {set_of(category)}: {said} ({fields.clean(answer.error, 40)}).")
        following = following or str(answer.answered or now().date())
        if answer.token and answer.token == token:
            raise SourceError(f"{client.host} gives the same piece of {set_of(category)} again and again.")
        steps = [
            _step(record, {"from": begin, "token": token, "taken": number, "next": following})
            for number, record in enumerate(answer.records, 1)
        ][taken:]
        if not answer.token:
            yield Page([*steps, Step({"from": following})], answer.total)
            return
        token, taken = answer.token, 0
        yield Page([*steps, Step({"from": begin, "token": token, "next": following})], answer.total)


def _opening(category: str, begin: str, until: datetime.date | None) -> dict[str, str]:
    asked = {"verb": "ListRecords", "metadataPrefix": FORMAT, "set": set_of(category), "from": begin}
    return asked | ({"until": str(until)} if until else {})


def _step(record: PaperRecord | Withdrawn | RefusedError, state: State) -> Step:
    if isinstance(record, PaperRecord):
        return Step(state, record)
    if isinstance(record, Withdrawn):
        return Step(state, withdrawn=record.arxiv)
    return Step(state, refused=str(record))


def _record(record: xml.Element) -> PaperRecord | Withdrawn:
    header = xml.child(record, "header")
    identifier = xml.text(header, "identifier")
    if header is not None and header.get("status") == "deleted":
        found = fields.arxiv_id(identifier)
        if found is None:
            raise RefusedError(f"{fields.clean(identifier, 60)!r} was withdrawn, and is no arXiv id")
        return Withdrawn(found[0])
    metadata = xml.child(record, "metadata")
    if (raw := xml.child(metadata, "arXivRaw")) is not None:
        return _raw(raw, identifier)
    if (plain := xml.child(metadata, "arXiv")) is not None:
        return _plain(plain, identifier)
    raise RefusedError(f"{fields.clean(identifier, 60)!r} comes without arXiv's own metadata")


def _raw(inner: xml.Element, identifier: str) -> PaperRecord:
    versions = xml.children(inner, "version")
    numbers = [int(match[1]) for v in versions if (match := re.fullmatch(r"v([0-9]{1,3})", v.get("version", "")))]
    dates = [date for v in versions if (date := fields.moment(xml.text(v, "date")))]
    return fields.paper(
        source=ARXIV,
        arxiv=xml.text(inner, "id") or identifier,
        title=xml.text(inner, "title"),
        authors=fields.names(xml.text(inner, "authors")),
        abstract=xml.text(inner, "abstract"),
        day=min(dates, default=None),
        updated=max(dates, default=None),
        version=max(numbers, default=0),
        categories=fields.categories(xml.text(inner, "categories")),
    )


def _plain(inner: xml.Element, identifier: str) -> PaperRecord:
    people = xml.child(inner, "authors")
    return fields.paper(
        source=ARXIV,
        arxiv=xml.text(inner, "id") or identifier,
        title=xml.text(inner, "title"),
        authors=[_name(author) for author in xml.children(people, "author")] if people is not None else (),
        abstract=xml.text(inner, "abstract"),
        day=xml.text(inner, "created"),
        updated=xml.text(inner, "updated"),
        categories=fields.categories(xml.text(inner, "categories")),
    )


def _name(author: xml.Element) -> str:
    name = " ".join(part for part in (xml.text(author, "forenames"), xml.text(author, "keyname")) if part)
    suffix = xml.text(author, "suffix")
    return f"{name}, {suffix}" if suffix else name

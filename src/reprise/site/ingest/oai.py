"""OAI-PMH, as arXiv offers it for whole collections: lists in pieces, each with a token that leads to the next.

Records are asked for as ``arXivRaw``, which tells the versions; ``arXiv``, which does not, is read as well.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reprise.errors import InvalidInputError
from reprise.site.ingest import fields, xml
from reprise.site.ingest.client import Client
from reprise.site.ingest.errors import DamagedAnswerError, RefusedError, SourceError
from reprise.site.ingest.steps import Page, State, Step, Withdrawn, step_of
from reprise.site.store.papers import ARXIV, PaperRecord
from reprise.site.store.types import now

FORMAT = "arXivRaw"
MAX_BYTES = 64 * 2**20
"""Of one answer: arXiv gives 2,500 records at once, those of large collaborations with all their names."""
MAX_TOKEN = 4000
EARLIEST = datetime.date(2005, 9, 16)
"""No record of arXiv was last changed before; to ask for an earlier day is an error."""
_WITHDRAWN = "I"
"""Among the letters for the kind of a version's source: there is none."""
_PHYSICS = {
    "astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nlin", "nucl-ex", "nucl-th",
    "physics", "quant-ph",
}  # fmt: skip


class Answer(NamedTuple):
    """What one request brought.

    `token` leads to the next piece until it `expires`, `dates` are those of the records' last change, `error` is the
    protocol's code, `answered` the source's own date.
    """

    records: list[PaperRecord | Withdrawn | RefusedError]
    dates: Sequence[str] = ()
    token: str = ""
    expires: datetime.datetime | None = None
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
    dates: list[str] = []
    for record in xml.children(listed, "record"):
        dates.append(xml.text(xml.child(record, "header"), "datestamp")[:10])
        try:
            records.append(_record(record))
        except RefusedError as problem:
            records.append(problem)
    token = xml.text(listed, "resumptionToken")
    if len(token) > MAX_TOKEN:
        raise DamagedAnswerError(f"its token is longer than {MAX_TOKEN} letters")
    marked = xml.child(listed, "resumptionToken")
    told = dict(marked.items()) if marked is not None else {}
    expires = fields.moment(told.get("expirationDate"))
    size = told.get("completeListSize", "")  # which arXiv told up to 2025
    total = int(size) if re.fullmatch("[0-9]{1,9}", size) else None
    return Answer(records, dates, token, expires, total, answered=date)


def harvest(
    client: Client, category: str, state: State, first: datetime.date, until: datetime.date | None = None
) -> Iterator[Page]:
    """Yield the records of a category that were changed since the last time, with those that were withdrawn.

    A token serves for a day. The list of one that is older begins anew, at the day that was reached where the records
    come in the order of their days, as arXiv's do: papers that have changed since would make it skip others.

    Parameters
    ----------
    state : ``from``, the date to ask from; in an unfinished list also ``token``, the piece that is read, when it
        ``expires``, how many of its records are ``taken``, the day ``reached`` before it, and ``next``, the date to ask
        from the next time.
    first : the date to ask from the first time.
    until : the last date of change; None takes all.

    Raises
    ------
    InvalidInputError
        If the last date is before that of any record.
    """
    if until is not None and until < EARLIEST:
        raise InvalidInputError(f"OAI-PMH goes by the day of the last change, and arXiv has none before {EARLIEST}.")
    place = _Place(begin=str(state.get("from", first)), following=state.get("next"), reached=state.get("reached"))
    token, taken = str(state.get("token", "")), int(state.get("taken", 0))
    expires = fields.moment(state.get("expires"))
    begun_anew: str | None = None
    while True:
        answer = Answer([], error="badResumptionToken") if token and expires and expires <= now() else None
        if answer is None:
            asked = (
                {"verb": "ListRecords", "resumptionToken": token} if token else _opening(category, place.begin, until)
            )
            answer = client.get(asked, parse)
        if answer.error == "badResumptionToken" and token and begun_anew != (place.reached or place.begin):
            begun_anew = place.reached or place.begin
            place, token, taken = place._replace(begin=begun_anew), "", 0
            continue
        if answer.error and answer.error != "noRecordsMatch":
            said = fields.clean(answer.message, 300) or "no reason given"
            raise SourceError(f"{client.host} refuses {set_of(category)}: {said} ({fields.clean(answer.error, 40)}).")
        place = place._replace(following=place.following or str(answer.answered or now().date()))
        if answer.token and answer.token == token:
            raise SourceError(f"{client.host} gives the same piece of {set_of(category)} again and again.")
        here = place.state(token, expires)
        steps = [step_of(here | {"taken": number}, record) for number, record in enumerate(answer.records, 1)][taken:]
        if not answer.token:
            yield Page([*steps, Step({"from": place.following})], answer.total)
            return
        place = place._replace(reached=_reached(place.reached or place.begin, answer.dates))
        token, taken, expires = answer.token, 0, answer.expires
        yield Page([*steps, Step(place.state(token, expires))], answer.total)


class _Place(NamedTuple):
    """Where a list is read: asked from `begin` on, to be asked from `following` the next time."""

    begin: str
    following: str | None
    reached: str | None

    def state(self, token: str, expires: datetime.datetime | None) -> State:
        """Give what is kept of it."""
        told = {"expires": expires.isoformat() if expires else None, "reached": self.reached}
        known = {name: value for name, value in told.items() if value}
        return {"from": self.begin, "token": token, "next": self.following, **known}


def _reached(before: str, dates: Sequence[str]) -> str | None:
    """Give the day up to which all is read; None where the records are in no order."""
    days = [before, *dates]
    return days[-1] if days == sorted(days) else None


def _opening(category: str, begin: str, until: datetime.date | None) -> dict[str, str]:
    asked = {"verb": "ListRecords", "metadataPrefix": FORMAT, "set": set_of(category)}
    if begin > str(EARLIEST):
        asked["from"] = begin
    if until is not None and until < now().date():  # a later one is an error, too
        asked["until"] = str(until)
    return asked


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


def _raw(inner: xml.Element, identifier: str) -> PaperRecord | Withdrawn:
    versions = {
        int(match[1]): version
        for version in xml.children(inner, "version")
        if (match := re.fullmatch(r"v([0-9]{1,3})", version.get("version", "")))
    }
    dates = [date for version in versions.values() if (date := fields.moment(xml.text(version, "date")))]
    latest = max(versions, default=0)
    paper = fields.paper(
        source=ARXIV,
        arxiv=xml.text(inner, "id") or identifier,
        title=xml.text(inner, "title"),
        authors=fields.names(xml.text(inner, "authors")),
        abstract=xml.text(inner, "abstract"),
        day=min(dates, default=None),
        updated=max(dates, default=None),
        version=latest,
        categories=fields.categories(xml.text(inner, "categories")),
    )
    if _WITHDRAWN in xml.text(versions.get(latest), "source_type"):
        return Withdrawn(paper.arxiv or "", latest)
    return _unless_withdrawn(paper, inner)


def _plain(inner: xml.Element, identifier: str) -> PaperRecord | Withdrawn:
    people = xml.child(inner, "authors")
    paper = fields.paper(
        source=ARXIV,
        arxiv=xml.text(inner, "id") or identifier,
        title=xml.text(inner, "title"),
        authors=[_name(author) for author in xml.children(people, "author")] if people is not None else (),
        abstract=xml.text(inner, "abstract"),
        day=xml.text(inner, "created"),
        updated=xml.text(inner, "updated"),
        categories=fields.categories(xml.text(inner, "categories")),
    )
    return _unless_withdrawn(paper, inner)


def _unless_withdrawn(paper: PaperRecord, inner: xml.Element) -> PaperRecord | Withdrawn:
    if fields.withdrawn(xml.text(inner, "comments"), paper.abstract):
        return Withdrawn(paper.arxiv or "", paper.version)
    return paper


def _name(author: xml.Element) -> str:
    name = " ".join(part for part in (xml.text(author, "forenames"), xml.text(author, "keyname")) if part)
    suffix = xml.text(author, "suffix")
    return f"{name}, {suffix}" if suffix else name

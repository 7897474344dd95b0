"""arXiv's Atom API: new papers and new versions by walking back in time, and the papers of a range of dates.

The API filters by the date of the first version only, whatever its field is called, and so a filter would never find
a new version of an old paper. What is new is therefore found by walking the list that is sorted by the date of the
last version, from its top down to where the last finished walk began. A paper appears in the list days after the
date that it carries, when it is announced: each walk goes `LATE` further back than it would have to.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

from reprise.site.ingest import fields, xml
from reprise.site.ingest.client import Client
from reprise.site.ingest.errors import DamagedAnswerError, RefusedError, SourceError
from reprise.site.ingest.steps import Page, State, Step, Withdrawn, step_of
from reprise.site.store.papers import ARXIV, PaperRecord
from reprise.site.store.types import now

PAGE = 250
LATE = datetime.timedelta(days=7)
_SMALLEST_PAGE = 1
DEEPEST = 30_000
"""As far as arXiv lets one query be paged."""

_DIVIDED = {"cs", "econ", "eess", "math", "nlin", "physics", "q-bio", "q-fin", "stat", "astro-ph", "cond-mat"}


class Answer(NamedTuple):
    """What one request brought: papers, which may be withdrawn or refused; and how many there are in all."""

    entries: list[PaperRecord | Withdrawn | RefusedError]
    total: int


def parse(content: bytes, source: str = ARXIV) -> Answer:
    """Read an answer of the API.

    Parameters
    ----------
    source : under which the papers are kept.

    Raises
    ------
    DamagedAnswerError
        If it is no Atom feed, or tells an error.
    """
    feed = xml.parse(content, "feed")
    entries: list[PaperRecord | Withdrawn | RefusedError] = []
    for entry in xml.children(feed, "entry"):
        if "/api/errors" in xml.text(entry, "id"):
            raise DamagedAnswerError(f"it says: {fields.clean(xml.text(entry, 'summary'), 200)}")
        try:
            entries.append(_told(entry, source))
        except RefusedError as problem:
            entries.append(problem)
    total = xml.text(feed, "totalResults")
    return Answer(entries, int(total) if re.fullmatch("[0-9]{1,9}", total) else len(entries))


def in_category(category: str) -> str:
    """Give the query for a category, or for all of an archive.

    Examples
    --------
    >>> in_category("cs.LG"), in_category("cs"), in_category("hep-th")
    ('cat:cs.LG', 'cat:cs.*', 'cat:hep-th')
    """
    return f"cat:{category}.*" if category in _DIVIDED else f"cat:{category}"


def catch_up(client: Client, category: str, state: State, first: datetime.datetime) -> Iterator[Page]:
    """Yield papers of a category that are new or have a new version since the last time.

    Parameters
    ----------
    state : of the last time: ``through``, up to when all is known; in an unfinished walk also ``top``, the newest date
        that it met, and ``seen``, how many papers it has taken.
    first : where to begin the first time.
    """
    while "seen" in state:  # an unfinished walk is finished first; what has appeared above it since is for the next
        yield from _walk_down(client, category, state, first)
        state = {"through": state.get("top", state.get("through"))}
    yield from _walk_down(client, category, {"through": state.get("through"), "seen": 0}, first)


def _walk_down(client: Client, category: str, state: State, first: datetime.datetime) -> Iterator[Page]:
    through = fields.moment(state.get("through"))
    floor = through - LATE if through else first
    seen, top = int(state["seen"]), state.get("top")
    while True:
        if seen >= DEEPEST:  # the next walk begins at the top again, and does not end here for ever
            yield Page([Step({"through": top or now().isoformat()})])
            raise SourceError(
                f"arXiv's Atom API lists no more than {DEEPEST:,} papers at once; what is older of {category} comes "
                f"with --source oai --categories {category} --from {floor.date()}."
            )
        answer = _ask(client, in_category(category), seen, "lastUpdatedDate", "descending")
        if seen == 0 and not answer.entries:
            raise SourceError(f"arXiv lists no paper of {category}: is that one of its categories?")
        steps: list[Step] = []
        ended = False
        for entry in answer.entries:
            if isinstance(entry, PaperRecord):
                if entry.updated < floor:
                    ended = True
                    break
                top = top or entry.updated.isoformat()
            seen += 1
            steps.append(step_of({"through": state.get("through"), "top": top, "seen": seen}, entry))
        if ended or seen >= answer.total:
            steps.append(Step({"through": top or now().isoformat()}))
            yield Page(steps)
            return
        yield Page(steps)


def submitted(
    client: Client, category: str, state: State, first: datetime.date, until: datetime.date
) -> Iterator[Page]:
    """Yield papers of a category whose first version is of the days from `first` to `until`, oldest first.

    Parameters
    ----------
    state : ``at``, the minute that was reached, and ``start``, how many papers from there on are taken.
    """
    at, start = str(state.get("at", f"{first:%Y%m%d}0000")), int(state.get("start", 0))
    taken, expected = 0, None
    while True:
        query = f"{in_category(category)} AND submittedDate:[{at} TO {until:%Y%m%d}2359]"
        answer = _ask(client, query, start, "submittedDate", "ascending")
        expected = expected or answer.total
        steps = [step_of({"at": at, "start": start + number}, entry) for number, entry in enumerate(answer.entries, 1)]
        start += len(steps)
        taken += len(steps)
        last = max((e.day for e in answer.entries if isinstance(e, PaperRecord)), default=None)
        more = start < answer.total
        if steps and last is not None and f"{last:%Y%m%d}0000" > at:  # a new query: paging deep is slow, and limited
            started = f"{last:%Y%m%d}0000"
            before = [e for e in answer.entries if not isinstance(e, PaperRecord) or e.day < last]
            at, start = started, len(steps) - len(before)
            steps[-1] = Step({"at": at, "start": start}, steps[-1].record, refused=steps[-1].refused)
        yield Page(steps, expected)
        if not more:
            return


def _ask(client: Client, query: str, start: int, sort: str, order: str) -> Answer:
    told_empty = False

    def read(content: bytes) -> Answer:
        nonlocal told_empty
        answer = parse(content)
        if not answer.entries and start < answer.total:  # which arXiv gives now and then
            raise DamagedAnswerError("it gave an empty page in the middle of a list")
        if not answer.entries and not told_empty:  # and this too, where there are papers: it must say so twice
            told_empty = True
            raise DamagedAnswerError("it gave an empty list")
        return answer

    def asked(attempt: int) -> dict[str, str]:
        return {
            "search_query": query,
            "start": str(start),
            "max_results": str(max(PAGE >> attempt, _SMALLEST_PAGE)),  # what fails at one length may not at another
            "sortBy": sort,
            "sortOrder": order,
        }

    return client.get(asked, read)


def _told(entry: xml.Element, source: str) -> PaperRecord | Withdrawn:
    primary = xml.child(entry, "primary_category")
    paper = fields.paper(
        source=source,
        arxiv=xml.text(entry, "id"),
        title=xml.text(entry, "title"),
        authors=[xml.text(author, "name") for author in xml.children(entry, "author")],
        abstract=xml.text(entry, "summary"),
        day=xml.text(entry, "published"),
        updated=xml.text(entry, "updated"),
        categories=fields.categories(
            [category.get("term") for category in xml.children(entry, "category")],
            primary.get("term") if primary is not None else "",
        ),
    )
    if fields.withdrawn(xml.text(entry, "comment"), paper.abstract):  # the API says it in no other way
        return Withdrawn(paper.arxiv or "", paper.version)
    return paper

"""A daily feed in JSON, of the shape that the known Daily Papers API returns: a list of papers for each date.

Its upvotes are those of readers elsewhere and never become votes here. They only set in which order the new papers of
a day stand as long as no reader here has voted for one of them.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from reprise.site.ingest import fields
from reprise.site.ingest.client import Client
from reprise.site.ingest.errors import DamagedAnswerError, RefusedError
from reprise.site.ingest.steps import Page, State, Step, Withdrawn
from reprise.site.store.papers import DAILY, PaperRecord
from reprise.site.store.types import now

PAGE = 100
_FORGES = {"github.com", "gitlab.com", "codeberg.org", "bitbucket.org"}
MAX_PAGES = 20
"""Pages of one day: no feed has 2,000 papers in a day."""


class Answer(NamedTuple):
    """What one request brought.

    `papers` begin with those of the fewest upvotes, `refused` says why others are left out, `withdrawn` are those taken
    back, and `length` is how many there were in all.
    """

    papers: list[PaperRecord]
    refused: list[str]
    length: int
    withdrawn: Sequence[Withdrawn] = ()


def parse(content: bytes, day: datetime.date | None = None) -> Answer:
    """Read the papers of one day.

    Parameters
    ----------
    day : under which the papers are kept; None takes each paper's own.

    Raises
    ------
    DamagedAnswerError
        If it is no JSON list.
    """
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise DamagedAnswerError(f"the answer is no JSON ({fields.clean(str(problem), 120)})") from problem
    if not isinstance(listed, list):
        raise DamagedAnswerError("the answer is no list of papers")
    papers: list[tuple[int, PaperRecord]] = []
    refused: list[str] = []
    withdrawn: list[Withdrawn] = []
    for item in listed:
        try:
            upvotes, paper = _paper(item, day)
            if item["paper"].get("withdrawnAt"):
                withdrawn.append(Withdrawn(paper.arxiv or ""))
            else:
                papers.append((upvotes, paper))
        except RefusedError as problem:
            refused.append(str(problem))
    papers.sort(key=lambda paper: paper[0])  # of equals, the feed shows the one that was kept last first
    return Answer([paper for _, paper in papers], refused, len(listed), withdrawn)


def days(client: Client, state: State, first: datetime.date, until: datetime.date) -> Iterator[Page]:
    """Yield the papers of each day from the one after the last finished day to `until`.

    Parameters
    ----------
    state : ``done``, the last day that was over when it was read.
    first : the first day, the first time.
    """
    done = fields.moment(state.get("done"))
    day = done.date() + datetime.timedelta(days=1) if done else first
    expected = (until - day).days + 1
    while day <= until:
        steps = list(_day(client, day, state))
        if day < now().date():  # more may come under a day that is not over
            state = {"done": str(day)}
            steps.append(Step(state))
        yield Page(steps, None if expected > 1 else len(steps))
        day += datetime.timedelta(days=1)


def _day(client: Client, day: datetime.date, state: State) -> Iterator[Step]:
    known: set[str] = set()
    for page in range(MAX_PAGES):
        asked = {"date": str(day), "limit": str(PAGE)} | ({"p": str(page)} if page else {})
        answer = client.get(asked, lambda content: parse(content, day))
        fresh = [paper for paper in answer.papers if (paper.arxiv or paper.link) not in known]
        known |= {paper.arxiv or paper.link for paper in fresh}
        yield from (Step(state, paper) for paper in fresh)
        yield from (Step(state, refused=why) for why in answer.refused)
        yield from (Step(state, withdrawn=gone) for gone in answer.withdrawn)
        if answer.length < PAGE or not fresh:  # a feed without pages gives the same one again
            return


def _paper(item: Any, day: datetime.date | None) -> tuple[int, PaperRecord]:
    if not isinstance(item, dict) or not isinstance(item.get("paper"), dict):
        raise RefusedError("an entry has no paper")
    paper = item["paper"]
    authors = paper.get("authors")
    people = [a for a in authors if isinstance(a, dict) and not a.get("hidden")] if isinstance(authors, list) else []
    upvotes = paper.get("upvotes")
    return upvotes if isinstance(upvotes, int) else 0, fields.paper(
        source=DAILY,
        arxiv=paper.get("id"),
        title=paper.get("title") or item.get("title"),
        authors=[person.get("name") for person in people],
        abstract=paper.get("summary") or item.get("summary"),
        day=day or item.get("publishedAt") or paper.get("publishedAt"),
        updated=paper.get("publishedAt"),
        code=paper.get("githubRepo") or _repository(paper.get("projectPage")),
    )


def _repository(page: Any) -> str:
    """Give the page of a project where it is that of its code."""
    address = fields.web_address(page)
    return address if urlsplit(address).hostname in _FORGES else ""

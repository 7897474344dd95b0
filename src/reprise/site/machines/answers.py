"""What machines are told, whatever they speak: the same answers stand behind the interface and the agents' tools."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from reprise.site.run_card import RunCard, run_card
from reprise.site.store.feed import Filter, Order, Page, Span, days_of, feed, find_paper, latest_day
from reprise.site.store.tables import Paper
from reprise.site.store.types import now
from reprise.site.web.context import Site

SUBMITTER = "reprise"
"""Who put papers here, for those who ask in the known shape: the site itself."""


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PaperAnswer(_Answer):
    """A paper."""

    id: int = Field(description="Our own number of the paper.")
    name: str = Field(description="Name in addresses: its slug, its arXiv id, or its number.")
    arxiv: str | None = Field(description="arXiv id, without version.")
    slug: str | None = Field(description="Name in the catalogue of papers that can be run.")
    title: str
    authors: list[str]
    abstract: str
    summary: str = Field(description="What it does for a user, in our own words; for catalogued papers.")
    date: datetime.date = Field(description="The day under which the feed shows it.")
    updated: datetime.datetime
    version: int
    categories: list[str]
    tasks: list[str]
    family: str
    runs: bool = Field(description="Its claims have been measured here.")
    votes: int
    comments: int
    url: str = Field(description="Its page here.")
    arxiv_url: str
    pdf_url: str
    code_url: str
    run_card_url: str = Field(description="Where the run card is, for catalogued papers.")


class PapersAnswer(_Answer):
    """One page of a list of papers."""

    papers: list[PaperAnswer]
    page: int
    more: bool = Field(description="Whether another page follows.")


class ClaimAnswer(_Answer):
    """A claim, and how it came out."""

    id: str
    says: str
    of: str = Field(description='"paper" for the authors\' claim, "here" for what this scale can show.')
    verdict: str = Field(description='"holds", "does not hold" or "undecided".')
    estimate: str = Field(description="The deciding comparison with its 95 % interval.")
    note: str


class FigureAnswer(_Answer):
    """A headline figure of the paper itself."""

    metric: str
    value: str
    data: str
    verified: str = Field(description="Where the figure was read.")


class RunCardAnswer(_Answer):
    """What was measured of a paper here, beside what it reports, and how to run it."""

    slug: str
    family: str
    status: str = Field(description='"planned", "method" (it can be used) or "measured".')
    summary: str
    install: str
    command: str
    snippet: str
    scale: str
    seeds: int
    measured: str
    claims: list[ClaimAnswer]
    figures: list[FigureAnswer]
    problem: str = Field(description="Why something is missing.")


class HitAnswer(_Answer):
    """A paper that a search found, and why."""

    paper: PaperAnswer
    why: str = Field(description='"words", "meaning" or "both"; empty where only filters were asked for.')


class SearchAnswer(_Answer):
    """One page of what a search found."""

    query: str
    hits: list[HitAnswer]
    page: int
    more: bool
    problems: list[str] = Field(default_factory=list, description="Parts of the query that were not understood.")


def paper_answer(site: Site, paper: Paper) -> PaperAnswer:
    """Tell of a paper."""
    name = paper.name
    base = site.settings.base_url
    labels: dict[str, list[str]] = {"category": [], "task": []}
    for label in paper.labels:
        labels.setdefault(label.kind, []).append(label.value)
    primary = [value for value in labels["category"] if value == paper.primary_category]
    return PaperAnswer(
        id=paper.id,
        name=name,
        arxiv=paper.arxiv,
        slug=paper.slug,
        title=paper.title,
        authors=paper.authors,
        abstract=paper.abstract,
        summary=paper.summary,
        date=paper.day,
        updated=paper.updated,
        version=paper.version,
        categories=primary + [value for value in labels["category"] if value not in primary],
        tasks=labels["task"],
        family=paper.family,
        runs=paper.runs,
        votes=paper.votes,
        comments=paper.comments,
        url=f"{base}/papers/{name}",
        arxiv_url=f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else "",
        pdf_url=f"https://arxiv.org/pdf/{paper.arxiv}" if paper.arxiv else "",
        code_url=paper.code,
        run_card_url=f"{base}/api/papers/{name}/run-card" if paper.slug else "",
    )


def papers_answer(site: Site, found: Page) -> PapersAnswer:
    """Tell of a page of papers."""
    return PapersAnswer(
        papers=[paper_answer(site, paper) for paper in found.papers], page=found.number, more=found.more
    )


def list_papers(
    session: Session,
    *,
    order: Order = "top",
    day: datetime.date | None = None,
    span: Span | None = None,
    filters: Filter | None = None,
    page: int = 1,
    size: int = 30,
) -> Page:
    """List papers: of a period where a day or a span is given (the latest with papers, if no day), else of all time."""
    days = None
    if day is not None or span is not None:
        found = day or latest_day(session, now().date(), filters) or now().date()
        days = days_of(span or "day", found)
    return feed(session, days=days, order=order, narrowed=filters, page=page, size=size)


def read_paper(session: Session, name: str) -> Paper:
    """Give the paper that a name means.

    Raises
    ------
    LookupError
        If there is none.
    """
    paper = find_paper(session, name)
    if paper is None:
        raise LookupError(f"There is no paper {name!r} here.")
    return paper


def run_card_answer(paper: Paper) -> RunCardAnswer:
    """Tell what was measured of a catalogued paper.

    Raises
    ------
    LookupError
        If the paper is not in the catalogue.
    """
    if not paper.slug:
        raise LookupError("This paper is not in the catalogue, so nothing of it was measured here.")
    card: RunCard = run_card(paper.slug)
    return RunCardAnswer(
        slug=card.slug,
        family=card.family,
        status=card.status,
        summary=card.summary,
        install=card.install,
        command=card.command,
        snippet=card.snippet,
        scale=card.scale,
        seeds=card.seeds,
        measured=card.measured,
        claims=[
            ClaimAnswer(
                id=row.id,
                says=row.says,
                of="paper" if row.of_paper else "here",
                verdict=row.verdict,
                estimate=row.estimate,
                note=row.note,
            )
            for row in card.claims
        ],
        figures=[FigureAnswer.model_validate(figure) for figure in card.figures],
        problem=card.problem,
    )


def search_answer(site: Site, session: Session, text: str, page: int = 1, size: int = 20) -> SearchAnswer:
    """Search papers by words and meaning."""
    found = site.searcher.search(session, text, page=page, size=size)
    return SearchAnswer(
        query=text,
        hits=[HitAnswer(paper=paper_answer(site, hit.paper), why=hit.why) for hit in found.hits],
        page=found.number,
        more=found.more,
        problems=list(found.problems),
    )


def daily_answer(site: Site, papers: Sequence[Paper]) -> list[dict[str, Any]]:
    """Tell of a day's papers in the shape of the known Daily Papers interface, so that its clients work here too."""
    submitter = {
        "_id": SUBMITTER,
        "avatarUrl": f"{site.settings.base_url}/favicon.ico",
        "fullname": site.settings.title,
        "name": SUBMITTER,
        "user": SUBMITTER,
        "type": "user",
        "isPro": False,
        "isHf": False,
        "isHfAdmin": False,
        "isMod": False,
    }
    answers = []
    for paper in papers:
        told = paper_answer(site, paper)
        at = datetime.datetime.combine(paper.day, datetime.time(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        gist = paper.abstract or paper.summary
        known = {"githubRepo": paper.code, "projectPage": paper.link, "ai_summary": paper.summary}
        answers.append(
            {
                "paper": {
                    "id": told.name if not paper.arxiv else paper.arxiv,
                    "authors": [
                        {"_id": f"{paper.id}-{place}", "name": name, "hidden": False}
                        for place, name in enumerate(paper.authors)
                    ],
                    "publishedAt": at,
                    "submittedOnDailyAt": at,
                    "submittedOnDailyBy": submitter,
                    "title": paper.title,
                    "summary": gist,
                    "upvotes": paper.votes,
                    "discussionId": str(paper.id),
                    "ai_keywords": told.tasks,
                    **{name: value for name, value in known.items() if value},
                },
                "publishedAt": at,
                "title": paper.title,
                "summary": gist,
                "thumbnail": "",
                "numComments": paper.comments,
                "submittedBy": submitter,
                "isAuthorParticipating": False,
            }
        )
    return answers

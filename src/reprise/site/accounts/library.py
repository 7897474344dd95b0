"""What a reader keeps: papers marked as read, private notes, lists, saved searches."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from reprise.errors import InvalidInputError
from reprise.site.store import add_once
from reprise.site.store.feed import Page, page_of
from reprise.site.store.papers import plain
from reprise.site.store.tables import SHOWN, Listed, Note, Paper, Read, ReadingList, SavedSearch
from reprise.site.store.types import now

MOST_LISTS, MOST_LISTED, MOST_SEARCHES, MOST_NOTES = 100, 5000, 100, 5000
_LISTED_PAGE = 50
LONGEST_NAME, LONGEST_NOTE, LONGEST_QUERY = 80, 20_000, 500


class Summary(NamedTuple):
    """A list, how many papers are on it, and whether one that was asked about is."""

    list: ReadingList
    papers: int
    holds: bool = False


def set_read(session: Session, account: int, paper: int, on: bool) -> None:
    """Mark a paper as read, or as not."""
    found = session.get(Read, (account, paper))
    if on and found is None:
        add_once(session, Read(account_id=account, paper_id=paper))
    elif not on and found is not None:
        session.delete(found)


def set_note(session: Session, account: int, paper: int, text: str) -> None:
    """Keep a private note on a paper; an empty one is removed.

    Raises
    ------
    InvalidInputError
        If it is too long, or there are too many.
    """
    text = plain(text).strip()
    if len(text) > LONGEST_NOTE:
        raise InvalidInputError(f"A note holds at most {LONGEST_NOTE:,} characters; this one has {len(text):,}.")
    found = session.get(Note, (account, paper))
    if found is None and text:
        count = session.scalar(select(func.count()).select_from(Note).where(Note.account_id == account)) or 0
        if count >= MOST_NOTES:
            raise InvalidInputError(f"There are {MOST_NOTES:,} notes already; empty one first.")
        if not add_once(session, Note(account_id=account, paper_id=paper, text=text)):
            session.execute(
                update(Note).where(Note.account_id == account, Note.paper_id == paper).values(text=text, at=now())
            )
    elif found is not None and text:
        found.text, found.at = text, now()
    elif found is not None:
        session.delete(found)


def lists_of(session: Session, account: int, paper: int | None = None) -> list[Summary]:
    """Give a reader's lists, with their sizes, and whether each holds `paper`."""
    sizes = dict(
        session.execute(
            select(Listed.list_id, func.count())
            .join(ReadingList, ReadingList.id == Listed.list_id)
            .where(ReadingList.account_id == account)
            .group_by(Listed.list_id)
        ).all()
    )
    holding: set[int] = set()
    if paper is not None:
        holding = set(session.scalars(select(Listed.list_id).where(Listed.paper_id == paper)))
    lists = session.scalars(select(ReadingList).where(ReadingList.account_id == account).order_by(ReadingList.name))
    return [Summary(found, sizes.get(found.id, 0), found.id in holding) for found in lists]


def create_list(session: Session, account: int, name: str, *, public: bool = False) -> ReadingList:
    """Make a list.

    Raises
    ------
    InvalidInputError
        If the name is empty, too long or taken, or there are too many lists.
    """
    name = _name(name)
    count = session.scalar(select(func.count()).select_from(ReadingList).where(ReadingList.account_id == account)) or 0
    if count >= MOST_LISTS:
        raise InvalidInputError(f"There are {MOST_LISTS} lists already; delete one first.")
    made = ReadingList(account_id=account, name=name, public=public)
    _unique(session, made, f"There is a list {name!r} already.")
    return made


def change_list(session: Session, found: ReadingList, name: str, *, public: bool) -> None:
    """Rename a list, and open it to others or close it."""
    name = _name(name)
    taken = select(ReadingList.id).where(
        ReadingList.account_id == found.account_id, ReadingList.name == name, ReadingList.id != found.id
    )
    if session.scalar(taken) is not None:
        raise InvalidInputError(f"There is a list {name!r} already.")
    found.name, found.public = name, public


def set_listed(session: Session, found: ReadingList, paper: int, on: bool) -> None:
    """Put a paper on a list, or take it off."""
    entry = session.get(Listed, (found.id, paper))
    if on and entry is None:
        count = session.scalar(select(func.count()).select_from(Listed).where(Listed.list_id == found.id)) or 0
        if count >= MOST_LISTED:
            raise InvalidInputError(f"A list holds at most {MOST_LISTED:,} papers.")
        add_once(session, Listed(list_id=found.id, paper_id=paper))
    elif not on and entry is not None:
        session.delete(entry)


def papers_on(session: Session, number: int, page: int = 1, size: int = _LISTED_PAGE) -> tuple[Page, int]:
    """Give one page of the papers on a list, the latest put first, and how many there are."""
    listed = (
        select(Paper).join(Listed, Listed.paper_id == Paper.id).where(Listed.list_id == number, Paper.state == SHOWN)
    )
    count = session.scalar(select(func.count()).select_from(listed.with_only_columns(Paper.id).subquery())) or 0
    return page_of(session, listed.order_by(Listed.at.desc(), Paper.id.desc()), page, size), count


def save_search(session: Session, account: int, name: str, query: str) -> SavedSearch:
    """Keep a query under a name.

    Raises
    ------
    InvalidInputError
        If name or query is empty or too long, or the name is taken.
    """
    name, query = _name(name), plain(query).strip()
    if not query or len(query) > LONGEST_QUERY:
        raise InvalidInputError(f"A search to keep has 1 to {LONGEST_QUERY} characters; this one has {len(query)}.")
    count = session.scalar(select(func.count()).select_from(SavedSearch).where(SavedSearch.account_id == account)) or 0
    if count >= MOST_SEARCHES:
        raise InvalidInputError(f"There are {MOST_SEARCHES} saved searches already; delete one first.")
    made = SavedSearch(account_id=account, name=name, query=query)
    _unique(session, made, f"There is a saved search {name!r} already.")
    return made


def _name(text: str) -> str:
    name = " ".join(plain(text).split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInputError(f"A name has 1 to {LONGEST_NAME} characters; this one has {len(name)}.")
    return name


def _unique(session: Session, made: ReadingList | SavedSearch, problem: str) -> None:
    if not add_once(session, made):
        raise InvalidInputError(problem)

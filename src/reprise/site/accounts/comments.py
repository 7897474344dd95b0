"""Comments under a paper: threads of Markdown, whose removed ones keep their place."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from reprise.errors import InvalidInputError
from reprise.site.accounts.markdown import to_html
from reprise.site.accounts.votes import locked_paper
from reprise.site.store.heat import reheat, warmer
from reprise.site.store.papers import plain
from reprise.site.store.tables import SHOWN, Account, Authorship, Comment
from reprise.site.store.types import now

LONGEST, DEEPEST, MOST = 10_000, 8, 2000
_AGAIN = datetime.timedelta(minutes=10)  # within which the same words are the same comment


@dataclass
class Shown:
    """A comment as it is shown, with its answers; its writer, who may change it, is given the `text` too."""

    id: int
    author: str
    html: str
    at: datetime.datetime
    depth: int
    edited: datetime.datetime | None = None
    text: str = ""
    own: bool = False
    removed: bool = False
    wrote_paper: bool = False
    answers: list[Shown] = field(default_factory=list)


def add_comment(session: Session, account: int, number: int, text: str, parent: int | None = None) -> Comment:
    """Put a comment under a paper, as an answer to another if `parent` is given; what is said twice stands once.

    Raises
    ------
    InvalidInputError
        If it is empty or too long, or there is no such paper or parent.
    """
    text = _said(text)
    paper = locked_paper(session, number)
    if paper is None or paper.state != SHOWN:
        raise InvalidInputError("There is no such paper here.")
    said = session.scalars(
        select(Comment).where(
            Comment.paper_id == number,
            Comment.account_id == account,
            Comment.parent_id.is_not_distinct_from(parent),
            Comment.at > now() - _AGAIN,
        )
    )
    if (same := next((comment for comment in said if comment.text == text), None)) is not None:
        return same
    if paper.comments >= MOST:
        raise InvalidInputError(f"There are {MOST:,} comments on this paper already.")
    if parent is not None:
        above = session.get(Comment, parent)
        if above is None or above.paper_id != number or above.removed:
            raise InvalidInputError("The comment to answer is not there any more.")
    comment = Comment(paper_id=number, account_id=account, parent_id=parent, text=text, at=now())
    session.add(comment)
    paper.comments += 1
    paper.heat = warmer(paper.heat, "comment", comment.at)
    session.flush()
    return comment


def edit_comment(session: Session, comment: Comment, text: str) -> None:
    """Change what a comment says; it keeps its place and its time, and tells when it was changed.

    Raises
    ------
    InvalidInputError
        If the text is empty or too long, or the comment was removed.
    """
    text = _said(text)
    session.refresh(comment, with_for_update=True)
    if comment.removed:
        raise InvalidInputError("This comment was removed.")
    if text != comment.text:
        comment.text, comment.edited = text, now()


def remove_comment(session: Session, comment: Comment) -> None:
    """Take a comment's text and author away; its answers stay."""
    paper = locked_paper(session, comment.paper_id)
    session.refresh(comment)
    if comment.removed:
        return
    comment.removed, comment.text, comment.account_id, comment.edited = True, "", None, None
    if paper is not None:
        paper.comments -= 1
        session.flush()
        reheat(session, [paper.id])


def thread(session: Session, number: int, reader: int | None = None) -> list[Shown]:
    """Give the comments under a paper as trees, oldest first; below `DEEPEST` levels answers stand side by side."""
    authors = set(
        session.scalars(select(Authorship.account_id).where(Authorship.paper_id == number, Authorship.state == SHOWN))
    )
    rows = session.execute(
        select(Comment, Account.name)
        .outerjoin(Account, Account.id == Comment.account_id)
        .where(Comment.paper_id == number)
        .order_by(Comment.at, Comment.id)
    ).all()
    by_parent: dict[int | None, list[Shown]] = defaultdict(list)
    shown: dict[int, Shown] = {}
    for comment, name in rows:
        parent = shown.get(comment.parent_id) if comment.parent_id is not None else None
        depth = 0 if parent is None else min(parent.depth + 1, DEEPEST)
        own = reader is not None and comment.account_id == reader
        one = Shown(
            id=comment.id,
            author="removed" if comment.removed else name or "a reader",
            html="" if comment.removed else to_html(comment.text),
            at=comment.at,
            depth=depth,
            edited=comment.edited,
            text=comment.text if own else "",
            own=own,
            removed=comment.removed,
            wrote_paper=comment.account_id in authors,
        )
        shown[comment.id] = one
        (by_parent[None] if parent is None else parent.answers).append(one)
    return by_parent[None]


def _said(text: str) -> str:
    text = plain(text).strip()
    if not text or len(text) > LONGEST:
        raise InvalidInputError(f"A comment has 1 to {LONGEST:,} characters; this one has {len(text):,}.")
    return text


def flat(comments: list[Shown]) -> list[Shown]:
    """Give trees of comments in the order of reading."""
    ordered: list[Shown] = []
    waiting = list(reversed(comments))
    while waiting:
        one = waiting.pop()
        ordered.append(one)
        waiting += reversed(one.answers)
    return ordered

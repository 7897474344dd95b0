"""What readers propose and moderators decide: new papers, and who wrote which."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reprise.errors import InvalidInputError
from reprise.site.accounts.votes import locked_paper
from reprise.site.store import add_once
from reprise.site.store.heat import reheat
from reprise.site.store.papers import PaperRecord, keep, plain
from reprise.site.store.tables import PENDING, REJECTED, SHOWN, WITHDRAWN, Account, Authorship, Paper, Submission
from reprise.site.store.types import now


def submit(session: Session, account: int, record: PaperRecord) -> Submission | None:
    """Propose a paper; None if it is shown already."""
    held = select(Paper).where(Paper.arxiv == record.arxiv).with_for_update()
    known = session.scalar(held)
    if known is None:
        with suppress(IntegrityError), session.begin_nested():  # another may propose it at this moment
            keep(session, [replace(record, state=PENDING, day=now().date())])
        known = session.scalars(held).one()
    if known.state == SHOWN:
        return None
    if known.state == REJECTED:
        raise InvalidInputError("This paper was proposed before, and not taken.")
    if known.state == WITHDRAWN:
        raise InvalidInputError("This paper was withdrawn.")
    made = session.scalar(select(Submission).where(Submission.paper_id == known.id, Submission.account_id == account))
    if made is None:
        session.add(made := Submission(account_id=account, paper_id=known.id))
        session.flush()
    return made


def waiting(session: Session) -> Sequence[tuple[Submission, Paper, str | None]]:
    """Give the proposals that wait, the oldest first, with the paper and who proposed it."""
    return session.execute(
        select(Submission, Paper, Account.email)
        .join(Paper, Paper.id == Submission.paper_id)
        .outerjoin(Account, Account.id == Submission.account_id)
        .where(Submission.state == PENDING)
        .order_by(Submission.at, Submission.id)
        .limit(200)
    ).all()


def decide(session: Session, number: int, *, take: bool, by: str, reason: str = "") -> None:
    """Take or reject a proposal; a paper proposed by several is decided for all.

    Raises
    ------
    InvalidInputError
        If it does not wait any more.
    """
    found = session.scalar(select(Submission).where(Submission.id == number).with_for_update())
    if found is None or found.state != PENDING:
        raise InvalidInputError("This proposal has been decided already.")
    paper = session.get(Paper, found.paper_id)
    for one in session.scalars(
        select(Submission).where(Submission.paper_id == found.paper_id, Submission.state == PENDING)
    ):
        one.state, one.decided, one.decided_by = (SHOWN if take else REJECTED), now(), by
        one.reason = plain(reason).strip()[:2000]
    if paper is not None and paper.state == PENDING:
        paper.state = SHOWN if take else REJECTED
        paper.day = now().date()  # it waited; its day in the feed is the one on which it can be read
        session.flush()
        reheat(session, [paper.id])


def set_shown(session: Session, number: int, on: bool) -> Paper:
    """Show a paper, or hide it from everybody; what readers made of it is kept.

    Raises
    ------
    InvalidInputError
        If there is none, or it waits as a proposal.
    """
    paper = locked_paper(session, number)
    if paper is None or paper.state == PENDING:
        raise InvalidInputError("There is no such paper to show or hide.")
    paper.state = SHOWN if on else REJECTED
    return paper


def hidden(session: Session) -> Sequence[Paper]:
    """Give papers that were hidden or not taken; the newest first."""
    return session.scalars(select(Paper).where(Paper.state == REJECTED).order_by(Paper.id.desc()).limit(100)).all()


def claim_authorship(session: Session, account: int, paper: int) -> None:
    """Say that one wrote a paper; a moderator decides."""
    if session.get(Authorship, (account, paper)) is None:
        add_once(session, Authorship(account_id=account, paper_id=paper))


def claim_of(session: Session, account: int, paper: int) -> str:
    """Give what became of a reader's claim to have written a paper; empty if they made none."""
    found = session.get(Authorship, (account, paper))
    return found.state if found is not None else ""


def claims_waiting(session: Session) -> Sequence[tuple[Authorship, Paper, Account]]:
    """Give the claims of authorship that wait."""
    return session.execute(
        select(Authorship, Paper, Account)
        .join(Paper, Paper.id == Authorship.paper_id)
        .join(Account, Account.id == Authorship.account_id)
        .where(Authorship.state == PENDING)
        .order_by(Authorship.at)
        .limit(200)
    ).all()


def decide_claim(session: Session, account: int, paper: int, *, take: bool, by: str) -> None:
    """Believe a claim of authorship, or not."""
    found = session.get(Authorship, (account, paper))
    if found is None or found.state != PENDING:
        raise InvalidInputError("This claim has been decided already.")
    found.state, found.decided_by = (SHOWN if take else REJECTED), by


def known_authors(session: Session, paper: int) -> list[str]:
    """Give the names of readers who are known to have written a paper."""
    names = session.scalars(
        select(Account.name)
        .join(Authorship, Authorship.account_id == Account.id)
        .where(Authorship.paper_id == paper, Authorship.state == SHOWN)
        .order_by(Account.name)
    )
    return [name or "a reader" for name in names]

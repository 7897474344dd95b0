"""All that the site keeps of a reader, to take away or to delete."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Select, delete, inspect, select, update
from sqlalchemy.orm import Session

from reprise.site.accounts.comments import remove_comment
from reprise.site.accounts.votes import locked_paper
from reprise.site.citations import cite
from reprise.site.store.heat import reheat
from reprise.site.store.tables import (
    Account,
    Authorship,
    Base,
    Comment,
    Listed,
    LoginSession,
    LoginToken,
    Mail,
    Note,
    Paper,
    Read,
    ReadingList,
    SavedSearch,
    Submission,
    Subscription,
    Vote,
)

_SECRET = {"digest", "account_id", "decided_by"}
OWN: dict[str, type[Base]] = {
    "votes": Vote,
    "reads": Read,
    "notes": Note,
    "lists": ReadingList,
    "comments": Comment,
    "saved_searches": SavedSearch,
    "submissions": Submission,
    "authorships": Authorship,
    "sessions": LoginSession,
}
"""The tables whose rows belong to an account, by their names in the export."""


def export_account(session: Session, number: int) -> dict[str, Any]:
    """Give all that is kept of an account as plain data; papers are named by arXiv id or slug."""
    account = session.get_one(Account, number)
    told: dict[str, Any] = {"account": _row(account)}
    for name, table in OWN.items():
        statement: Select[Any] = select(table).where(table.account_id == number)  # type: ignore[attr-defined]
        told[name] = [_row(row) for row in session.scalars(statement)]
    for entry in told["lists"]:
        entry["papers"] = list(session.scalars(select(Listed.paper_id).where(Listed.list_id == entry["id"])))
    told["subscriptions"] = [
        _row(row) for row in session.scalars(select(Subscription).where(Subscription.email == account.email))
    ]
    told["mails"] = [
        {"subject": mail.subject, "created": _plain(mail.created), "sent": _plain(mail.sent)}
        for mail in session.scalars(select(Mail).where(Mail.recipient == account.email).order_by(Mail.id))
    ]
    _name_papers(session, told)
    return told


def export_bibtex(session: Session, number: int) -> str:
    """Give the papers that an account voted for, noted or listed, as BibTeX."""
    wanted = (
        select(Vote.paper_id).where(Vote.account_id == number),
        select(Note.paper_id).where(Note.account_id == number),
        select(Listed.paper_id)
        .join(ReadingList, ReadingList.id == Listed.list_id)
        .where(ReadingList.account_id == number),
    )
    first, *others = wanted
    papers = session.scalars(select(Paper).where(Paper.id.in_(first.union(*others))).order_by(Paper.id))
    return "\n".join(cite(paper, "bibtex") for paper in papers)


def delete_account(session: Session, number: int) -> None:
    """Delete an account and all that is its own; comments stay without text and author, counts follow."""
    account = session.get_one(Account, number)
    for comment in session.scalars(select(Comment).where(Comment.account_id == number)).all():
        remove_comment(session, comment)
    voted = list(session.scalars(select(Vote.paper_id).where(Vote.account_id == number).order_by(Vote.paper_id)))
    for paper_id in voted:
        paper = locked_paper(session, paper_id)
        if paper is not None:
            paper.votes -= 1
    session.execute(delete(Vote).where(Vote.account_id == number))
    session.flush()
    for start in range(0, len(voted), 500):
        reheat(session, voted[start : start + 500])
    session.execute(delete(Subscription).where(Subscription.email == account.email))
    session.execute(delete(LoginToken).where(LoginToken.email == account.email))
    session.execute(delete(Mail).where(Mail.recipient == account.email))
    for table in (Submission, Authorship):
        session.execute(update(table).where(table.decided_by == account.email).values(decided_by=""))
    session.delete(account)
    session.flush()


def _row(row: Base) -> dict[str, Any]:
    columns = [column.key for column in inspect(type(row)).column_attrs if column.key not in _SECRET]
    return {name: _plain(getattr(row, name)) for name in columns}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value


def _name_papers(session: Session, told: dict[str, Any]) -> None:
    rows = [row for name in OWN for row in told[name] if "paper_id" in row]
    numbers = {row["paper_id"] for row in rows} | {paper for entry in told["lists"] for paper in entry["papers"]}
    names: dict[int, str] = {}
    ordered = sorted(numbers)
    for start in range(0, len(ordered), 500):
        for number, arxiv, slug in session.execute(
            select(Paper.id, Paper.arxiv, Paper.slug).where(Paper.id.in_(ordered[start : start + 500]))
        ):
            names[number] = f"arxiv:{arxiv}" if arxiv else slug or str(number)
    for row in rows:
        row["paper"] = names.get(row.pop("paper_id"), "")
    for entry in told["lists"]:
        entry["papers"] = [names[paper] for paper in entry["papers"] if paper in names]

"""Two requests for the same thing at the same moment, such as two clicks on one button."""

import threading

import pytest
from sqlalchemy import func, select
from tests.site.conftest import record
from tests.site.test_accounts import Browser

from reprise.site.accounts.comments import add_comment
from reprise.site.accounts.library import create_list, set_listed, set_note, set_read
from reprise.site.accounts.login import send_link, use_link
from reprise.site.accounts.moderation import claim_authorship, submit
from reprise.site.accounts.votes import set_vote
from reprise.site.mail.subscriptions import Wish, confirm
from reprise.site.store.feed import find_paper
from reprise.site.store.tables import (
    Account,
    Authorship,
    Comment,
    Listed,
    Mail,
    Note,
    Paper,
    Read,
    ReadingList,
    Submission,
    Subscription,
    Vote,
)

WISH = Wish("ada@example.org", "daily", "all")
PROPOSED = record(9, title="Proposed")
DEEDS = {
    "read": (Read, lambda session, paper: set_read(session, 1, paper, True)),
    "note": (Note, lambda session, paper: set_note(session, 1, paper, "A note")),
    "vote": (Vote, lambda session, paper: set_vote(session, 1, paper, True)),
    "authorship": (Authorship, lambda session, paper: claim_authorship(session, 1, paper)),
    "listed": (Listed, lambda session, paper: set_listed(session, session.get_one(ReadingList, 1), paper, True)),
    "comment": (Comment, lambda session, paper: add_comment(session, 1, paper, "Once")),
    "subscription": (Subscription, lambda session, paper: confirm(session, WISH)),
    "submission": (Submission, lambda session, paper: submit(session, 1, PROPOSED)),
}


@pytest.fixture
def paper(store, make_papers):
    make_papers(record(1))
    with store.writing() as session:
        session.add(Account(id=1, email="ada@example.org"))
        session.flush()
        create_list(session, 1, "A list")
        return find_paper(session, "2611.00001").id


@pytest.mark.parametrize("deed", DEEDS)
def test_twice_at_once_is_once(store, paper, deed):
    table, do = DEEDS[deed]
    problems = []

    def again():
        try:
            with store.writing() as session:
                do(session, paper)
        except Exception as problem:
            problems.append(problem)

    with store.writing() as session:
        do(session, paper)
        session.flush()
        second = threading.Thread(target=again)
        second.start()
        second.join(0.3)
        assert second.is_alive()  # it waits for the first to end
    second.join(20)
    assert not problems
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(table)) == 1
        assert session.get_one(Paper, paper).votes == (deed == "vote")
        assert session.get_one(Paper, paper).comments == (deed == "comment")


def test_one_link_pressed_twice_at_once_logs_in_once(store, settings):
    with store.writing() as session:
        send_link(session, settings, "ada@example.org")
    with store.reading() as session:
        secret = session.scalars(select(Mail.text)).one().split("/login/")[1].split()[0]
    cookies, ready = [], threading.Barrier(4)

    def press():
        ready.wait()
        with store.writing() as session:
            cookies.append(use_link(session, settings, secret))

    readers = [threading.Thread(target=press) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len([cookie for cookie in cookies if cookie]) == 1


def test_the_same_words_may_be_said_in_two_places(store, paper):
    with store.writing() as session:
        first = add_comment(session, 1, paper, "Yes")
        add_comment(session, 1, paper, "No")
        answer = add_comment(session, 1, paper, "Yes", parent=first.id)
        assert add_comment(session, 1, paper, "Yes", parent=first.id) is answer
        assert session.get_one(Paper, paper).comments == 3


def test_what_collides_otherwise_is_told_and_no_error_of_ours(client, store, paper, monkeypatch):
    from sqlalchemy.exc import IntegrityError

    def collide(*_):
        raise IntegrityError("insert", {}, Exception("unique"))

    browser = Browser(client)
    browser.log_in(store)
    monkeypatch.setattr("reprise.site.web.pages.marks.set_read", collide)
    answer = browser.post(f"/papers/{paper}/read")
    assert answer.status_code == 409
    assert "try again" in answer.text

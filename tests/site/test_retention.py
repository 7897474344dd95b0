"""For how long the site keeps what it no longer needs."""

import datetime

from sqlalchemy import func, select, update
from tests.site.conftest import record
from tests.site.test_mail import SENDER, mails, put, server, sink  # noqa: F401

from reprise.site.accounts.export import delete_account, export_account
from reprise.site.accounts.login import send_link
from reprise.site.accounts.moderation import claim_authorship, decide, decide_claim, submit
from reprise.site.mail.delivery import ATTEMPTS, deliver, forget
from reprise.site.store.tables import Account, Authorship, Mail, Submission
from reprise.site.store.types import now

DAY = datetime.timedelta(days=1)


def test_a_link_that_logs_in_is_not_kept_once_it_is_sent(store, settings, sink, server):  # noqa: F811
    with store.writing() as session:
        send_link(session, settings, "ada@example.org")
    assert "/login/" in mails(store)[0].text
    deliver(store, server, SENDER)
    assert "/login/" in sink.mails[0].text
    (kept,) = mails(store)
    assert (kept.text, kept.html) == ("", "")
    assert kept.sent


def test_mails_are_forgotten_when_nobody_needs_them(store):
    put(store, 6)
    ages = {
        1: {"sent": now() - 8 * DAY},
        2: {"sent": now() - 6 * DAY},
        3: {"due": now() - 31 * DAY, "attempts": ATTEMPTS},
        4: {"due": now() - 29 * DAY, "attempts": ATTEMPTS},
        5: {"due": now() - 31 * DAY, "attempts": 1},
        6: {"due": now()},
    }
    with store.writing() as session:
        for number, facts in ages.items():
            session.execute(update(Mail).where(Mail.key == f"key {number - 1}").values(**facts))
    assert forget(store) == 2
    assert {mail.key for mail in mails(store)} == {f"key {n - 1}" for n in (2, 4, 5, 6)}


def test_a_moderator_who_leaves_is_named_nowhere(store, make_papers):
    make_papers(record(1))
    with store.writing() as session:
        session.add_all([Account(id=1, email="ada@example.org"), Account(id=2, email="eve@example.org")])
        session.flush()
        number = submit(session, 2, record(2)).id
        decide(session, number, take=True, by="ada@example.org")
        claim_authorship(session, 2, 1)
        session.flush()
        decide_claim(session, 2, 1, take=True, by="ada@example.org")
        session.flush()
        delete_account(session, 1)
        for table in (Submission, Authorship):
            assert session.scalar(select(func.count()).where(table.decided_by != "")) == 0
            assert session.scalars(select(table.state)).all() == ["shown"]


def test_mails_to_a_reader_are_among_what_can_be_taken(store, settings):
    with store.writing() as session:
        session.add(Account(id=1, email="ada@example.org"))
        send_link(session, settings, "ada@example.org")
        session.flush()
        told = export_account(session, 1)
    (mail,) = told["mails"]
    assert mail["subject"].startswith("Log in")
    assert "/login/" not in str(told)

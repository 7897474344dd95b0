"""What a stranger can make the site send, and what one bad mail or subscription does to the others."""

import datetime
import random

import pytest
from sqlalchemy import select
from tests.site.conftest import record
from tests.site.test_accounts import Browser
from tests.site.test_mail import FRIDAY, SENDER, mails, put, server, signer, sink, subscribe  # noqa: F401

from reprise.errors import InvalidInputError
from reprise.site.accounts.login import address_of
from reprise.site.mail import delivery
from reprise.site.mail.delivery import deliver
from reprise.site.mail.digest import write_digests
from reprise.site.mail.smtp import message_of
from reprise.site.store.tables import Mail, Subscription

SATURDAY = FRIDAY + datetime.timedelta(1)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "ada@[",
            "a@ß.org",
            "ü@example.org",
            "=?utf-8?q?=0a?=@x.org",
            "a..b@x.org",
            ".a@x.org",
            "a@-x.org",
            "a@x..org",
        ),
        *("a" * 65 + "@x.org", "a@x.org\u2028Bcc: eve@x.org", "a\x00@x.org", "a\x85@x.org"),
    ],
)
def test_addresses_that_mail_headers_cannot_hold(client, address):
    answer = Browser(client).post("/login", {"email": address})
    assert answer.status_code == 422
    assert "no e-mail address" in answer.text


def test_what_is_taken_for_an_address_stands_in_the_header_as_it_is():
    rng = random.Random(0)
    letters = [*"ab1.@-_+=?!{}|~^`'/*&%$#[]\\\"", "=?utf-8?q?", "?=", "=0a", "é", "K", "\r\n", " "]
    taken = 0
    for _ in range(10_000):
        text = (
            "".join(rng.choices(letters, k=rng.randint(1, 6)))
            + "@"
            + rng.choice(["x.org", "".join(rng.choices(letters, k=4))])
        )
        try:
            address = address_of(text)
        except InvalidInputError:
            continue
        taken += 1
        mail = Mail(recipient=address, subject="S", text="t", html="", headers={}, message_id="<a@b>")
        mail.created = datetime.datetime.now(datetime.UTC)
        assert f"\r\nTo: {address}\r\n".encode() in message_of(mail, SENDER).as_bytes()
    assert taken > 500


def test_a_mail_that_cannot_be_written_holds_up_no_other(store, sink, server, monkeypatch):  # noqa: F811
    put(store, 3)

    def compose(mail, sender):
        if mail.recipient.startswith("reader1@"):
            raise IndexError("list index out of range")
        return message_of(mail, sender)

    monkeypatch.setattr(delivery, "message_of", compose)
    told = deliver(store, server, SENDER)
    assert (told.sent, told.given_up) == (2, 1)


def test_a_digest_that_cannot_be_written_holds_up_no_other(store, settings, signer, make_papers, monkeypatch):  # noqa: F811
    make_papers(record(1, day=FRIDAY))
    for name in ("a", "b", "c"):
        subscribe(store, f"{name}@example.org", scope="search" if name == "b" else "all", query="wings")

    class Broken:
        def search(self, *_, **__):
            raise RuntimeError("the index is gone")

    told = write_digests(store, settings, signer, SATURDAY, searcher=Broken())
    assert (told.written, told.failed) == (2, 1)
    assert {mail.recipient for mail in mails(store)} == {"a@example.org", "c@example.org"}
    with store.reading() as session:
        waiting = session.scalars(select(Subscription).where(Subscription.email == "b@example.org")).one()
        assert waiting.sent_through is None  # and the next run tries again


def test_a_topic_that_no_database_keeps_is_none(store, settings, signer, make_papers):  # noqa: F811
    make_papers(record(1, day=FRIDAY))
    subscribe(store, "eve@example.org", scope="topic", query="category=%00")  # kept before topics were looked at
    subscribe(store, "ada@example.org")
    assert write_digests(store, settings, signer, SATURDAY).written == 1


@pytest.mark.parametrize(
    "topic",
    [
        {"category": "\x00"},
        {"category": "Your account is blocked, go to http://evil.example"},
        {"category": "cs.LG cat:math"},
        {"family": "http://evil.example"},
        {"task": "http://evil.example"},
    ],
)
def test_a_topic_is_one_that_papers_have(client, store, topic):
    answer = Browser(client).post("/subscribe", {"email": "ada@example.org", "scope": "topic"} | topic)
    assert answer.status_code == 422
    assert not mails(store)


def test_a_topic_may_be_written_small(client, store):
    Browser(client).post("/subscribe", {"email": "ada@example.org", "scope": "topic", "category": "cs.lg"})
    link = mails(store)[0].text.partition("http://testserver")[2].split()[0]
    assert "papers in cs.LG" in client.get(link).text


@pytest.mark.parametrize(
    "asked", [{"scope": "search", "q": "Go\nto evil.example"}, {"scope": "topic", "category": "evil.com"}]
)
def test_a_stranger_puts_no_words_into_a_mail(client, store, asked):
    answer = Browser(client).post("/subscribe", {"email": "ada@example.org"} | asked)
    assert answer.status_code == 200
    (mail,) = mails(store)
    assert "evil" not in mail.text + mail.subject + mail.html
    link = mail.text.partition("http://testserver")[2].split()[0]
    assert "evil" in client.get(link).text  # where it is asked whether this is wanted

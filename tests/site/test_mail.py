import datetime
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from html import unescape

import numpy as np
import pytest
from sqlalchemy import func, select, update
from tests.site.conftest import record
from tests.site.test_accounts import Browser

from reprise.errors import InvalidInputError
from reprise.site.mail import delivery
from reprise.site.mail.delivery import ATTEMPTS, claim, deliver
from reprise.site.mail.digest import LATE, MOST_PAPERS, due, write_digests
from reprise.site.mail.outbox import enqueue
from reprise.site.mail.personal import FEWEST, rank
from reprise.site.mail.sink import MailSink
from reprise.site.mail.smtp import MailServer, message_of
from reprise.site.mail.subscriptions import Wish, confirm, topic_query
from reprise.site.search import Searcher
from reprise.site.store.feed import Filter, find_paper
from reprise.site.store.tables import Account, Embedding, Mail, Paper, Subscription, Vote
from reprise.site.store.types import WIDTH, now
from reprise.site.tokens import Signer

pytest.importorskip("aiosmtpd")

NO_TIME = datetime.timedelta(0)
FRIDAY, MONDAY = datetime.date(2026, 11, 20), datetime.date(2026, 11, 23)
SENDER = "papers@example.org"


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def sink():
    sink = MailSink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def server(sink):
    return MailServer.of_url(sink.url)


@pytest.fixture
def signer():
    return Signer("a secret")


def put(store, n=1, **facts):
    with store.writing() as session:
        for number in range(n):
            enqueue(session, f"key {number}", f"reader{number}@example.org", f"Subject {number}", "Text", **facts)


def subscribe(store, email="ada@example.org", frequency="daily", scope="all", query="", through=None):
    with store.writing() as session:
        made = confirm(session, Wish(email, frequency, scope, query))
        made.sent_through = through
        session.flush()
        return made.id


def mails(store):
    with store.reading() as session:
        return session.scalars(select(Mail).order_by(Mail.id)).all()


# The outbox


def test_mails_are_sent_once(store, sink, server):
    put(store, 3)
    assert deliver(store, server, SENDER).sent == 3
    assert deliver(store, server, SENDER).sent == 0
    assert sorted(mail.to for mail in sink.mails) == [f"reader{n}@example.org" for n in range(3)]
    assert {mail.sender for mail in sink.mails} == {SENDER}


def test_a_mail_of_one_key_is_written_once(store):
    put(store, 2)
    put(store, 3)
    assert len(mails(store)) == 3


def test_text_and_html_go_together(store, sink, server):
    with store.writing() as session:
        enqueue(session, "k", "ada@example.org", "Möbius ∞", "Plain ü", "<p>Rich ü</p>", {"X-Reason": "test"})
    deliver(store, server, SENDER)
    mail = sink.mails[0]
    assert (mail.subject, mail.text.strip(), mail.html.strip()) == ("Möbius ∞", "Plain ü", "<p>Rich ü</p>")
    assert mail.headers["X-Reason"] == "test"
    assert mail.message_id == mails(store)[0].message_id


@pytest.mark.parametrize("step", ["claimed", "connected", "taken", "marked"])
def test_killed_at_any_step_nothing_is_lost_and_only_a_known_repeat_comes_twice(store, sink, server, monkeypatch, step):
    put(store, 3)

    def kill_after(name):
        original = getattr(delivery, name)

        def run(*arguments, **more):
            original(*arguments, **more)
            raise Killed

        monkeypatch.setattr(delivery, name, run)

    if step == "claimed":
        kill_after("claim")
    elif step == "connected":
        monkeypatch.setattr(delivery, "message_of", lambda *_: (_ for _ in ()).throw(Killed()))
    elif step == "taken":
        monkeypatch.setattr(type(store), "writing", _killing_after(type(store).writing, 1))
    elif step == "marked":
        monkeypatch.setattr(type(store), "writing", _killing_after(type(store).writing, 2))
    with pytest.raises(BaseException) as caught:  # noqa: PT011  (an end of the process, however it is told)
        deliver(store, server, SENDER)
    assert caught.group_contains(Killed) if isinstance(caught.value, BaseExceptionGroup) else caught.type is Killed
    monkeypatch.undo()
    if step != "marked":
        assert deliver(store, server, SENDER).sent == 2  # the claim of the killed one still stands
    deliver(store, server, SENDER, lease=NO_TIME)
    assert all(mail.sent for mail in mails(store))
    counts = Counter(mail.message_id for mail in sink.mails)
    assert set(counts) == {mail.message_id for mail in mails(store)}
    assert counts.total() == 3 + (step == "taken")  # the server's word was heard, and not yet written down


def _killing_after(original, allowed):
    calls = []

    def writing(self):
        calls.append(1)
        if len(calls) > allowed:
            raise Killed
        return original(self)

    return writing


def test_processes_killed_at_random_lose_nothing(store, settings, sink, tmp_path):
    if store.dialect != "sqlite":
        pytest.skip("one database is enough for processes")
    put(store, 12)
    script = (
        "import sys, datetime\n"
        "from reprise.site import open_store\n"
        "from reprise.site.mail.delivery import deliver\n"
        "from reprise.site.mail.smtp import MailServer\n"
        "store = open_store(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        f"deliver(store, MailServer.of_url(sys.argv[2]), '{SENDER}', lease=datetime.timedelta(0))\n"
    )
    rng = random.Random(0)
    rounds = 0
    while any(mail.sent is None for mail in mails(store)):
        rounds += 1
        assert rounds < 20
        process = subprocess.Popen(
            [sys.executable, "-c", script, settings.database_url, sink.url], stdout=subprocess.PIPE, env=os.environ
        )
        process.stdout.readline()
        if rounds <= 3:
            time.sleep(rng.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdout.close()
    counts = Counter(mail.message_id for mail in sink.mails)
    assert set(counts) == {mail.message_id for mail in mails(store)}
    assert counts.total() <= 12 + 3  # at most one repeat a kill, known by its Message-ID


def test_two_senders_never_take_the_same_mail(store):
    put(store, 6)
    taken = [claim(store).id for _ in range(6)]
    assert len(set(taken)) == 6
    assert claim(store) is None


@pytest.mark.parametrize(
    ("answer", "sent", "given_up"),
    [("250 OK", True, False), ("451 later", False, False), ("550 no such user", False, True)],
)
def test_what_the_server_says_decides(store, sink, server, monkeypatch, answer, sent, given_up):
    put(store)

    async def handle(*_):
        return answer

    monkeypatch.setattr(sink, "handle_DATA", handle)
    told = deliver(store, server, SENDER)
    assert (told.sent, told.given_up) == (int(sent), int(given_up))
    mail = mails(store)[0]
    if not sent:
        assert answer[:3] in mail.problem or answer[4:] in mail.problem
        assert mail.due > now()
    assert deliver(store, server, SENDER).sent == 0


def test_a_refused_recipient_does_not_hold_up_the_others(store, sink, server, monkeypatch):
    put(store, 3)

    async def handle_recipient(_, session, envelope, address, options):
        if address.startswith("reader1@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    monkeypatch.setattr(sink, "handle_RCPT", handle_recipient, raising=False)
    told = deliver(store, server, SENDER)
    assert (told.sent, told.given_up) == (2, 1)


def test_a_server_that_is_away_costs_one_attempt_and_later_gets_all(store, sink):
    put(store, 3)
    away = MailServer("127.0.0.1", 1)
    assert deliver(store, away, SENDER).waiting == 1
    with store.writing() as session:
        session.execute(update(Mail).values(due=now()))
    assert deliver(store, MailServer.of_url(sink.url), SENDER).sent == 3


def test_a_mail_is_given_up_after_many_attempts(store):
    put(store)
    away = MailServer("127.0.0.1", 1)
    for _ in range(ATTEMPTS + 2):
        with store.writing() as session:
            session.execute(update(Mail).values(due=now()))
        deliver(store, away, SENDER)
    mail = mails(store)[0]
    assert (mail.attempts, mail.sent) == (ATTEMPTS, None)
    assert mail.problem


@pytest.mark.parametrize("field", ["recipient", "subject"])
def test_line_breaks_do_not_become_headers(store, field):
    put(store)
    mail = mails(store)[0]
    setattr(mail, field, "x@example.org\r\nBcc: eve@example.org")
    with pytest.raises(ValueError, match=r"linefeed|header"):
        message_of(mail, SENDER).as_bytes()


@pytest.mark.parametrize("url", ["", "http://x", "smtp://", "smtp://x:99999", "mail.example.org"])
def test_addresses_of_no_mail_server(url):
    with pytest.raises(InvalidInputError, match="mail server"):
        MailServer.of_url(url)


# Subscriptions


def link_in(mail):
    return re.search(r"http://testserver(/\S+)", mail.text)[1]


def test_nothing_is_sent_before_it_is_confirmed(client, store):
    browser = Browser(client)
    answer = browser.post("/subscribe", {"email": "ada@example.org", "scope": "topic", "category": "cs.LG"})
    assert answer.status_code == 200
    assert due(store, FRIDAY) == []
    link = link_in(mails(store)[0])
    assert "Yes, send them" in browser.get(link).text
    assert due(store, FRIDAY) == []
    answer = browser.post(link)
    manage = answer.headers["location"]
    page = browser.get(manage).text
    assert "daily: papers in cs.LG" in page
    with store.reading() as session:
        assert session.scalars(select(Subscription)).one().query == "category=cs.LG"
    browser.post(link)  # twice is as once
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == 1
    leave = re.search(r'action="(/unsubscribe/[^"]+)"', page)[1]
    assert client.post(unescape(leave)).status_code == 200
    assert "There are none." in browser.get(manage).text


def test_the_answer_does_not_tell_who_is_subscribed(client, store):
    browser = Browser(client)
    subscribe(store, "ada@example.org")
    strip = re.compile(r'value="[^"]+"|\S+@example.org|"x-csrf-token": "[^"]+"')
    answers = [
        strip.sub("", browser.post("/subscribe", {"email": f"{name}@example.org"}).text) for name in ("ada", "eve")
    ]
    assert answers[0] == answers[1]


def test_a_mail_program_ends_a_subscription_with_one_click(client, store, settings, signer, make_papers, sink, server):
    make_papers(record(1, day=FRIDAY))
    subscribe(store)
    write_digests(store, settings, client.app.state.site.signer, FRIDAY + datetime.timedelta(1))
    deliver(store, server, SENDER)
    headers = sink.mails[0].headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<http://testserver(/unsubscribe/\S+)>", headers["List-Unsubscribe"].replace("\n", ""))[1]
    client.cookies.clear()
    answer = client.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert due(store, FRIDAY) == []
    assert client.post(link).status_code == 200  # again is as once
    assert client.post("/unsubscribe/forged").status_code == 404


@pytest.mark.parametrize("link", ["/subscribe/confirm/x", "/subscriptions/x", "/unsubscribe/x"])
def test_links_that_are_not_ours(client, link):
    assert client.get(link).status_code == 410


def test_a_subscription_by_an_empty_topic_is_told(client):
    answer = Browser(client).post("/subscribe", {"email": "ada@example.org", "scope": "topic"})
    assert answer.status_code == 422
    assert "needs one" in answer.text


# Digests


def test_a_digest_holds_the_new_papers_and_is_written_once(store, settings, signer, make_papers):
    make_papers(record(1, title="Less < more", day=FRIDAY), record(2, day=FRIDAY), record(3, day=MONDAY))
    subscribe(store)
    day = FRIDAY + datetime.timedelta(1)
    assert write_digests(store, settings, signer, day).written == 1
    assert write_digests(store, settings, signer, day).written == 0
    mail = mails(store)[0]
    assert "Less < more" in mail.text
    assert "Less &lt; more" in mail.html
    assert "Paper 2" in mail.text
    assert "Paper 3" not in mail.text
    assert "http://testserver/papers/2611.00001" in mail.text
    assert write_digests(store, settings, signer, MONDAY).empty == 1  # Saturday and Sunday brought nothing
    assert write_digests(store, settings, signer, MONDAY + datetime.timedelta(1)).written == 1
    assert "Paper 3" in mails(store)[1].text


def test_papers_that_come_late_are_sent_once(store, settings, signer, make_papers):
    subscribe(store, through=FRIDAY - datetime.timedelta(1))
    subscribe(store, "bob@example.org", scope="search", query="paper", through=FRIDAY - datetime.timedelta(1))
    make_papers(record(1, day=FRIDAY))
    searcher = Searcher(store, settings.folder)
    days = [FRIDAY + datetime.timedelta(n) for n in (1, 2, 3)]
    assert write_digests(store, settings, signer, days[0], searcher=searcher).written == 2
    make_papers(
        record(2, day=FRIDAY),  # announced after the digest of its day
        record(3, day=FRIDAY - datetime.timedelta(LATE + 1)),  # from the archive: nobody waits for it
        record(4, day=days[0]),
    )
    assert write_digests(store, settings, signer, days[1], searcher=searcher).written == 2
    assert write_digests(store, settings, signer, days[2], searcher=searcher).empty == 2
    for recipient in ("ada@example.org", "bob@example.org"):
        sent = [mail.text for mail in mails(store) if mail.recipient == recipient]
        assert [re.findall(r"^\d+\. Paper (\d)", text, re.MULTILINE) for text in map(str, sent)] in (
            [["1"], ["4", "2"]],
            [["1"], ["2", "4"]],
        )
        assert "20 November 2026" in sent[1]  # the day of the late one is told


def test_what_was_there_before_one_subscribed_is_not_late(store, settings, signer, make_papers):
    make_papers(record(1, day=FRIDAY - datetime.timedelta(3)))
    subscribe(store, through=FRIDAY - datetime.timedelta(1))
    assert write_digests(store, settings, signer, FRIDAY + datetime.timedelta(1)).empty == 1


@pytest.mark.parametrize(
    ("frequency", "scope", "query", "whole"),
    [
        ("daily", "all", "", "/?date=2026-11-22"),
        ("weekly", "topic", "category=cs.LG&runs=1", "/?date=2026-11-22&span=week&category=cs.LG&runs=1"),
    ],
)
def test_a_full_digest_leads_to_the_rest(store, settings, signer, make_papers, frequency, scope, query, whole):
    make_papers(*(record(n, day=FRIDAY, runs=True) for n in range(1, MOST_PAPERS + 3)))
    subscribe(store, frequency=frequency, scope=scope, query=query, through=FRIDAY - datetime.timedelta(1))
    write_digests(store, settings, signer, MONDAY)
    (mail,) = mails(store)
    assert f"And 2 more: http://testserver{whole}\n" in mail.text
    address = unescape(re.search(r'href="([^"]+)"[^>]*>And 2 more', mail.html)[1])
    assert address == f"http://testserver{whole}"


def test_days_without_a_run_are_made_up_for(store, settings, signer, make_papers):
    make_papers(*(record(n, day=datetime.date(2026, 11, n)) for n in (16, 17, 18)))
    subscribe(store, through=datetime.date(2026, 11, 15))
    write_digests(store, settings, signer, datetime.date(2026, 11, 19))
    assert all(f"Paper {n}" in mails(store)[0].text for n in (16, 17, 18))


def test_weekly_digests_come_on_mondays(store, settings, signer, make_papers):
    make_papers(record(1, day=FRIDAY))
    subscribe(store, frequency="weekly", through=FRIDAY - datetime.timedelta(5))
    for day in range(21, 23):
        assert write_digests(store, settings, signer, datetime.date(2026, 11, day)).written == 0
    assert write_digests(store, settings, signer, MONDAY).written == 1


def test_a_topic_narrows(store, settings, signer, make_papers):
    make_papers(record(1, day=FRIDAY), record(2, day=FRIDAY, categories=["math.CO"]))
    subscribe(store, scope="topic", query=topic_query(Filter(category="math")))
    write_digests(store, settings, signer, FRIDAY + datetime.timedelta(1))
    assert "Paper 2" in mails(store)[0].text
    assert "Paper 1" not in mails(store)[0].text


def test_a_run_killed_between_two_subscriptions_goes_on(store, settings, signer, make_papers, monkeypatch):
    make_papers(record(1, day=FRIDAY))
    for name in ("a", "b", "c"):
        subscribe(store, f"{name}@example.org")
    day = FRIDAY + datetime.timedelta(1)
    original, calls = enqueue, []

    def killing(*arguments, **more):
        calls.append(1)
        original(*arguments, **more)
        if len(calls) == 2:
            raise Killed
        return True

    monkeypatch.setattr("reprise.site.mail.digest.enqueue", killing)
    with pytest.raises(Killed):
        write_digests(store, settings, signer, day)
    assert len(mails(store)) == 1  # the second mail went with its transaction
    monkeypatch.undo()
    assert write_digests(store, settings, signer, day).written == 2
    assert sorted(mail.recipient for mail in mails(store)) == [f"{name}@example.org" for name in "abc"]


def test_hostile_titles_stay_words(store, settings, signer, make_papers, sink, server):
    make_papers(record(1, title="X\r\nBcc: eve@example.org\n<script>alert(1)</script>", day=FRIDAY))
    subscribe(store)
    write_digests(store, settings, signer, FRIDAY + datetime.timedelta(1))
    deliver(store, server, SENDER)
    mail = sink.mails[0]
    assert mail.to == "ada@example.org"
    assert "Bcc" not in mail.headers
    assert "<script>" not in mail.html


# Personal


def unit(seed, towards=None, strength=0.0):
    vector = np.random.default_rng(seed).standard_normal(WIDTH)
    vector = vector / np.linalg.norm(vector)
    if towards is not None:
        vector = vector + strength * towards
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def tastes(store, make_papers):
    """Sixty papers, the odd ones on one subject; a reader who voted for six of these."""
    subject = unit(999)
    make_papers(*(record(n, day=FRIDAY) for n in range(1, 61)))
    with store.writing() as session:
        session.add(Account(id=1, email="ada@example.org"))
        for n in range(1, 61):
            paper = find_paper(session, f"2611.{n:05d}")
            vector = unit(n, subject, 2.0) if n % 2 else unit(n)
            session.add(Embedding(paper_id=paper.id, digest=str(n), vector=vector))
            if n % 2 and n < 12:
                session.add(Vote(account_id=1, paper_id=paper.id, at=now()))


def papers_of(session):
    return session.scalars(select(Paper).where(Paper.arxiv > "2611.00020").order_by(Paper.id)).all()


def test_papers_like_those_voted_for_come_first(store, tastes):
    with store.reading() as session:
        ranked = rank(session, 1, papers_of(session))
    assert ranked.personal
    assert "learned from 6 of your votes" in ranked.why
    on_subject = [int(paper.arxiv[-2:]) % 2 for paper in ranked.papers]
    assert sum(on_subject[:20]) >= 18
    assert len(ranked.papers) == 40


def test_few_votes_teach_nothing(store, tastes):
    with store.writing() as session:
        votes = session.scalars(select(Vote)).all()
        for vote in votes[: len(votes) - FEWEST + 1]:
            session.delete(vote)
    with store.reading() as session:
        ranked = rank(session, 1, papers_of(session))
        assert not ranked.personal
        assert f"from {FEWEST} votes on" in ranked.why
        assert not rank(session, None, papers_of(session)).personal


def test_a_personal_digest_says_why(store, settings, signer, tastes):
    subscribe(store, scope="personal")
    write_digests(store, settings, signer, FRIDAY + datetime.timedelta(1))
    assert "In the order of your taste" in mails(store)[0].text


def test_for_you_is_a_page(client, store, tastes):
    browser = Browser(client)
    browser.log_in(store)
    page = browser.get("/for-you").text
    assert "In the order of your taste" in page
    assert "Paper 1<" not in page  # voted for already


# The sink


def test_the_development_server_shows_its_mails(settings, store):
    from fastapi.testclient import TestClient

    from reprise.site.web.app import create_app

    here = {"base_url": "http://127.0.0.1:8000", "client": ("127.0.0.1", 5000), "follow_redirects": False}
    with TestClient(create_app(settings.model_copy(update={"mail_sink": True}), store), **here) as client:
        browser = Browser(client)
        browser.post("/login", {"email": "ada@example.org"})
        site = client.app.state.site
        deliver(store, MailServer.of_url(site.mail_sink.url), settings.mail_from)
        page = client.get("/dev/mail").text
        assert 'href="http://testserver/login/' in page
        assert client.get("/dev/mail", headers={"host": "localhost:8000"}).status_code == 200
        for elsewhere in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "10.0.0.7", "["):
            assert client.get("/dev/mail", headers={"host": elsewhere}).status_code == 403, elsewhere
        client._transport.client = ("10.0.0.7", 5000)
        for address in ("/dev/mail", "/dev/mail/0.html"):
            assert client.get(address).status_code == 403


def test_other_servers_show_no_mails(client):
    assert client.get("/dev/mail").status_code == 404

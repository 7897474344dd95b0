import datetime
import json
import re
import threading
from importlib import import_module

import pytest
from sqlalchemy import func, select, update
from tests.site.conftest import record

from reprise.errors import InvalidInputError
from reprise.site.accounts.comments import add_comment, flat, remove_comment, thread
from reprise.site.accounts.export import OWN, delete_account, export_account
from reprise.site.accounts.login import address_of, pending, send_link, use_link
from reprise.site.accounts.markdown import to_html
from reprise.site.accounts.votes import ViewCounter, set_vote
from reprise.site.digests import digest
from reprise.site.store.feed import find_paper
from reprise.site.store.heat import event_heat, reheat
from reprise.site.store.tables import (
    Account,
    Authorship,
    Base,
    Comment,
    LoginSession,
    LoginToken,
    Mail,
    Paper,
    ReadingList,
    Submission,
    Subscription,
    Views,
    Vote,
)
from reprise.site.store.types import now
from reprise.site.web.app import PAGES
from reprise.site.web.pages import submit as submit_page

DAY = datetime.timedelta(1)


def token_of(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


class Browser:
    """A reader at a browser: carries the token of forms along."""

    def __init__(self, client):
        self.client = client

    def get(self, address, **more):
        return self.client.get(address, **more)

    def post(self, address, data=None, **more):
        token = token_of(self.client.get("/about"))
        return self.client.post(address, data={"csrf_token": token} | (data or {}), **more)

    def log_in(self, store, email="ada@example.org", back="/"):
        assert self.post("/login", {"email": email, "next": back}).status_code == 200
        link = link_to(store, email)
        assert self.get(link).status_code == 200
        return self.post(link.partition("?")[0], {"next": back})


def link_to(store, email):
    with store.reading() as session:
        text = session.scalars(select(Mail.text).where(Mail.recipient == email).order_by(Mail.id.desc())).first()
    return re.search(r"http://testserver(/login/\S+)", text)[1]


@pytest.fixture
def browser(client):
    return Browser(client)


@pytest.fixture
def paper(store, make_papers):
    make_papers(record(1))
    with store.reading() as session:
        return find_paper(session, "2611.00001").id


@pytest.fixture
def people(store):
    with store.writing() as session:
        session.add_all(Account(id=n, email=f"{n}@example.org", name=f"Reader {n}") for n in range(1, 9))
    return range(1, 9)


def test_a_link_logs_in_once(browser, store):
    answer = browser.log_in(store, back="/trending")
    assert (answer.status_code, answer.headers["location"]) == (303, "/trending")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert browser.get("/account").status_code == 200
    again = browser.post(link_to(store, "ada@example.org").partition("?")[0])
    assert again.status_code == 410


def test_a_mail_scanner_that_opens_the_link_uses_nothing_up(browser, store):
    browser.post("/login", {"email": "ada@example.org"})
    link = link_to(store, "ada@example.org")
    for _ in range(3):
        assert browser.get(link).status_code == 200
    assert browser.post(link).status_code == 303


def test_links_expire_and_cannot_be_guessed(store, settings):
    with store.writing() as session:
        send_link(session, settings, "ada@example.org")
        session.flush()
        session.execute(update(LoginToken).values(expires=now() - datetime.timedelta(seconds=1)))
    secret = link_to(store, "ada@example.org").rpartition("/")[2]
    with store.writing() as session:
        for tried in (secret, "x" * 43, "", digest(secret)):
            assert not pending(session, tried)
            assert use_link(session, settings, tried) is None
        kept = session.scalars(select(LoginToken.digest)).one()
        assert secret not in kept


def test_the_answer_does_not_tell_who_has_an_account(browser, store):
    browser.log_in(store)
    browser.post("/logout")
    known = browser.post("/login", {"email": "ada@example.org"})
    unknown = browser.post("/login", {"email": "eve@example.org"})
    strip = re.compile(r'value="[^"]+"|\S+@example.org|"x-csrf-token": "[^"]+"')
    assert strip.sub("", known.text) == strip.sub("", unknown.text)
    assert known.status_code == unknown.status_code == 200


def test_one_address_gets_few_mails_and_the_asker_is_not_told(browser, store, client):
    client.app.state.site.settings = client.app.state.site.settings.model_copy(update={"login_rate": "3/hour"})
    answers = {browser.post("/login", {"email": "ada@example.org"}).status_code for _ in range(3)}
    assert answers == {200}
    assert browser.post("/login", {"email": "eve@example.org"}).status_code == 429  # from one place
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Mail)) == 3


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@x.org",
        "a b@x.org",
        "a@x.org\r\nBcc: eve@x.org",
        "a@x.org,b@x.org",
        "<a@x.org>",
        "a@" + "x" * 300,
    ],
)
def test_addresses_that_are_none(address):
    with pytest.raises(InvalidInputError, match="no e-mail address"):
        address_of(address)


def test_logging_out_everywhere(browser, store):
    browser.log_in(store)
    with store.writing() as session:
        account = session.scalars(select(Account)).one()
        session.add(LoginSession(digest="another", account_id=account.id, expires=now() + datetime.timedelta(days=1)))
    browser.post("/logout", {"everywhere": "true"})
    assert browser.get("/account").status_code == 303
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 0


def test_an_old_session_is_none(browser, store):
    browser.log_in(store)
    with store.writing() as session:
        session.execute(update(LoginSession).values(expires=now()))
    assert browser.get("/account").headers["location"] == "/login?next=%2Faccount"


def test_strangers_are_asked_to_log_in(browser, store, paper):
    answer = browser.post(f"/papers/{paper}/vote", {"on": "1"}, headers={"referer": "http://testserver/trending"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")
    answer = browser.post(f"/papers/{paper}/vote", {"on": "1"}, headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/login")
    assert _paper(store, paper).votes == 0


def test_a_vote_counts_once_and_can_be_taken_back(browser, store, paper):
    browser.log_in(store)
    before = _paper(store, paper).heat
    for _ in range(2):
        answer = browser.post(f"/papers/{paper}/vote", {"on": "1"}, headers={"hx-request": "true"})
        assert 'aria-pressed="true"' in answer.text
        assert '<span class="count">1</span>' in answer.text
    assert _paper(store, paper).votes == 1
    assert _paper(store, paper).heat > before
    assert 'aria-pressed="true"' in browser.get("/papers/2611.00001").text
    browser.post(f"/papers/{paper}/vote", {"on": "0"})
    assert (_paper(store, paper).votes, _paper(store, paper).heat) == (0, pytest.approx(before))


def _paper(store, number):
    with store.reading() as session:
        return session.get_one(Paper, number)


def test_counts_do_not_drift_when_many_vote_at_once(store, paper, people):
    def toggle(account):
        for on in (True, True, False, True, False, True):
            with store.writing() as session:
                set_vote(session, account, paper, on)

    voters = [threading.Thread(target=toggle, args=(account,)) for account in people]
    for voter in voters:
        voter.start()
    for voter in voters:
        voter.join()
    found = _paper(store, paper)
    assert found.votes == len(people)
    with store.writing() as session:
        assert session.scalar(select(func.count()).select_from(Vote)) == len(people)
        reheat(session, [paper])
    assert _paper(store, paper).heat == pytest.approx(found.heat, abs=1e-6)


def test_a_visitor_counts_once_a_day_and_programs_never(browser, client, store, paper):
    views = client.app.state.site.views
    for agent in ("Mozilla/5.0", "Mozilla/5.0", "Another/1.0", "Googlebot/2.1", "curl/8", ""):
        browser.get("/papers/2611.00001", headers={"user-agent": agent})
    assert views.flush() == 2
    assert views.flush() == 0
    assert _paper(store, paper).views == 2
    with store.reading() as session:
        assert session.scalars(select(Views.count)).one() == 2


def test_views_that_could_not_be_written_are_kept_for_later(store, paper):
    class Broken:
        def writing(self):
            raise OSError("the disk is full")

    views = ViewCounter(Broken())
    views.see(paper, "a")
    with pytest.raises(OSError, match="full"):
        views.flush()
    views._store = store
    assert views.flush() == 1


def test_reads_notes_and_lists(browser, store, paper):
    browser.log_in(store)
    browser.post(f"/papers/{paper}/read", {"on": "1"})
    browser.post(f"/papers/{paper}/note", {"text": "<b>mine</b> alone"})
    browser.post(f"/papers/{paper}/list", {"name": "To read"})
    page = browser.get("/papers/2611.00001").text
    assert "✓ Read" in page
    assert "&lt;b&gt;mine&lt;/b&gt; alone" in page
    assert "✓ To read" in page
    assert "✓ Read" in browser.get("/?date=2026-11-20").text
    with store.reading() as session:
        number = session.scalars(select(ReadingList.id)).one()
    assert "Paper 1" in browser.get(f"/lists/{number}").text
    assert "&lt;b&gt;mine" in browser.get("/account").text
    browser.post(f"/papers/{paper}/note", {"text": "  "})
    browser.post(f"/papers/{paper}/list", {"list": str(number), "on": "0"})
    browser.post(f"/papers/{paper}/read", {"on": "0"})
    page = browser.get("/papers/2611.00001").text
    assert "mine" not in page
    assert "+ To read" in page
    assert "Mark as read" in page


def test_what_was_read_can_be_left_out(browser, client, store, make_papers):
    make_papers(*(record(n, day=datetime.date(2026, 11, 17 + n)) for n in (1, 2, 3)))
    browser.log_in(store)
    with store.reading() as session:
        read = find_paper(session, "2611.00002").id
    answer = browser.post(f"/papers/{read}/read", {"on": "1"}, headers={"hx-request": "true"})
    assert answer.text.strip().startswith("<form")
    assert 'aria-pressed="true"' in answer.text

    def shown(address):
        return set(re.findall(r'/papers/(2611\.\d+)"', browser.get(address).text))

    assert shown("/?span=week&date=2026-11-20") == {"2611.00001", "2611.00002", "2611.00003"}
    assert shown("/?span=week&date=2026-11-20&unread=1") == {"2611.00001", "2611.00003"}
    page = browser.get("/?date=2026-11-20&unread=1").text
    assert 'rel="prev" href="/?date=2026-11-18&amp;unread=1"' in page  # past the day that is read, and so filtered
    assert 'name="unread" value="1" checked' in page
    browser.post("/logout")
    stranger = browser.get("/?span=week&date=2026-11-20&unread=1").text
    assert "2611.00002" in stranger
    assert "Mark as read" not in stranger
    assert 'name="unread"' not in stranger


def test_lists_are_their_owners_until_made_public(browser, client, store, paper):
    browser.log_in(store)
    made = browser.post("/lists", {"name": "Mine"}).headers["location"]
    assert browser.post("/lists", {"name": "Mine"}).status_code == 400
    client.cookies.clear()
    assert browser.get(made).status_code == 404
    browser.log_in(store, "eve@example.org")
    assert browser.get(made).status_code == 404
    assert browser.post(made, {"name": "Stolen", "public": "true"}).status_code == 404
    assert browser.post(f"/papers/{paper}/list", {"list": made.rpartition("/")[2]}).status_code == 404
    client.cookies.clear()
    browser.log_in(store)
    browser.post(made, {"name": "Open", "public": "true"})
    client.cookies.clear()
    assert "Open" in browser.get(made).text
    assert "Change this list" not in browser.get(made).text


def test_comments_answer_each_other(browser, store, paper):
    browser.log_in(store)
    first = browser.post(f"/papers/{paper}/comments", {"text": "**First**"}).headers["location"]
    number = first.rpartition("-")[2]
    browser.post(f"/papers/{paper}/comments", {"text": "Second", "parent": number})
    page = browser.get("/papers/2611.00001").text
    assert "<strong>First</strong>" in page
    assert "depth-1" in page
    assert _paper(store, paper).comments == 2
    preview = browser.post(f"/papers/{paper}/comments", {"text": "*maybe*", "preview": "true"})
    assert "<em>maybe</em>" in preview.text
    assert _paper(store, paper).comments == 2
    browser.post(f"/comments/{number}/remove")
    page = browser.get("/papers/2611.00001").text
    assert "This comment was removed." in page
    assert "First" not in page
    assert "Second" in page
    assert _paper(store, paper).comments == 1
    assert browser.post(f"/papers/{paper}/comments", {"text": "x", "parent": number}).status_code == 400


def test_only_writers_change_comments(browser, client, store, paper, people):
    with store.writing() as session:
        other = add_comment(session, 1, paper, "not yours").id
    browser.log_in(store, "2@example.org")
    address = browser.post(f"/papers/{paper}/comments", {"text": "A slpi"}).headers["location"]
    number = int(address.rpartition("-")[2])
    assert browser.post(f"/comments/{number}/edit", {"text": "A **slip**"}).headers["location"] == address
    page = browser.get("/papers/2611.00001").text
    assert "A <strong>slip</strong>" in page
    assert "slpi" not in page
    assert page.count("changed <time") == 1
    assert "A **slip**</textarea>" in page  # to change again; nobody is given the words of another
    assert "not yours</textarea>" not in page
    for empty in ("", " "):
        assert browser.post(f"/comments/{number}/edit", {"text": empty}).status_code == 400
    client.app.state.site.settings = client.app.state.site.settings.model_copy(
        update={"admins": frozenset({"2@example.org"})}
    )
    assert browser.post(f"/comments/{other}/edit", {"text": "mine now"}).status_code == 404
    browser.post(f"/comments/{number}/remove")
    assert browser.post(f"/comments/{number}/edit", {"text": "back"}).status_code == 404
    with store.reading() as session:
        left = {(comment.text, comment.edited) for comment in session.scalars(select(Comment))}
    assert left == {("not yours", None), ("", None)}


def test_only_writers_and_moderators_remove_comments(browser, client, store, paper, people):
    with store.writing() as session:
        number = add_comment(session, 1, paper, "mine").id
    browser.log_in(store, "2@example.org")
    assert browser.post(f"/comments/{number}/remove").status_code == 404
    settings = client.app.state.site.settings
    client.app.state.site.settings = settings.model_copy(update={"admins": frozenset({"2@example.org"})})
    assert browser.post(f"/comments/{number}/remove").status_code == 303


def test_deep_threads_are_shown_flat_at_the_end(store, paper, people):
    with store.writing() as session:
        parent = None
        for place in range(30):
            parent = add_comment(session, 1, paper, f"Level {place}", parent).id
        shown = flat(thread(session, paper))
    assert [re.sub("<.*?>", "", one.html).strip() for one in shown] == [f"Level {place}" for place in range(30)]
    assert max(one.depth for one in shown) == 8


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://evil.example/track.png)",
        "<img src=x onerror=alert(1)>",
        "<a href='https://x' onclick='alert(1)'>x</a>",
        '[x](https://x "onmouseover=alert(1)")',
        "<svg/onload=alert(1)>",
        "<iframe src='//evil.example'></iframe>",
        "`<script>`",
        "<style>*{display:none}</style>",
        "[x]: javascript:alert(1)\n\n[x]",
        '<https://x.org/"onmouseover=alert(1)>',
    ],
)
def test_markdown_does_nothing_but_be_read(attack):
    html = to_html(attack)
    assert not re.search(r"<(script|img|svg|iframe|style)", html)
    assert not re.search(r'(href|src)="(?!https?:|mailto:)', html)
    assert not re.search(r"<[^>]*\son\w+=", html.replace('title="onmouseover', 'title="'))
    for link in re.findall("<a [^>]*>", html):
        assert 'rel="nofollow' in link


def test_submissions_wait_for_a_moderator(browser, client, store, monkeypatch):
    site = client.app.state.site
    monkeypatch.setattr(submit_page, "lookup", lambda _, text: record(7, arxiv=text, title="Proposed"))
    browser.log_in(store)
    assert browser.post("/submit", {"paper": "2611.00007"}).headers["location"] == "/submit"
    browser.post("/submit", {"paper": "2611.00007"})  # again: nothing new
    assert "waits" in browser.get("/submit").text
    assert browser.get("/papers/2611.00007").status_code == 404
    assert browser.get("/moderate").status_code == 404
    site.settings = site.settings.model_copy(update={"admins": frozenset({"ada@example.org"})})
    assert "Proposed" in browser.get("/moderate").text
    with store.writing() as session:
        number = session.scalars(select(Submission.id)).one()
        session.execute(update(Paper).where(Paper.arxiv == "2611.00007").values(day=now().date() - 9 * DAY, heat=0))
    assert browser.post(f"/moderate/papers/{number}", {"take": "true"}).status_code == 303
    with store.reading() as session:  # it is news on the day on which it can be read
        taken = find_paper(session, "2611.00007")
        assert (taken.day, taken.heat) == (now().date(), event_heat("day", now().date()))
    assert browser.get("/papers/2611.00007").status_code == 200
    assert browser.post(f"/moderate/papers/{number}", {"take": "false"}).status_code == 400
    assert browser.post("/submit", {"paper": "2611.00007"}).headers["location"] == "/papers/2611.00007"


def test_a_rejected_paper_is_not_proposed_again(browser, client, store, monkeypatch):
    site = client.app.state.site
    monkeypatch.setattr(submit_page, "lookup", lambda _, text: record(7, arxiv=text))
    site.settings = site.settings.model_copy(update={"admins": frozenset({"ada@example.org"})})
    browser.log_in(store)
    browser.post("/submit", {"paper": "2611.00007"})
    with store.reading() as session:
        number = session.scalars(select(Submission.id)).one()
    browser.post(f"/moderate/papers/{number}", {"take": "false", "reason": "<i>off topic</i>"})
    assert "&lt;i&gt;off topic&lt;/i&gt;" in browser.get("/submit").text
    assert "not taken" in browser.post("/submit", {"paper": "2611.00007"}).text


def test_a_paper_that_is_here_is_proposed_without_asking_anybody(browser, store, make_papers):
    make_papers(record(7))
    browser.log_in(store)  # no look-up is set, and there is no network
    answer = browser.post("/submit", {"paper": "https://arxiv.org/pdf/2611.00007v2"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/papers/2611.00007")


def test_a_proposal_hides_no_paper_that_a_source_brings(browser, store, make_papers, monkeypatch):
    monkeypatch.setattr(submit_page, "lookup", lambda _, text: record(7, arxiv=text, source="submitted"))
    browser.log_in(store)
    browser.post("/submit", {"paper": "2611.00007"})
    assert browser.get("/papers/2611.00007").status_code == 404
    make_papers(record(7))
    assert browser.get("/papers/2611.00007").status_code == 200


def test_a_withdrawn_paper_is_not_proposed(browser, store, make_papers, monkeypatch):
    make_papers(record(7))
    with store.writing() as session:
        session.execute(update(Paper).values(state="withdrawn"))
    monkeypatch.setattr(submit_page, "lookup", lambda _, text: record(7, arxiv=text))
    browser.log_in(store)
    assert "was withdrawn" in browser.post("/submit", {"paper": "2611.00007"}).text


def test_what_cannot_be_looked_up_is_told(browser, store, monkeypatch):
    def fail(_, text):
        raise InvalidInputError(f"{text} is no arXiv id.")

    monkeypatch.setattr(submit_page, "lookup", fail)
    browser.log_in(store)
    answer = browser.post("/submit", {"paper": "https://evil.example/paper.pdf"})
    assert answer.status_code == 422
    assert "is no arXiv id." in answer.text


def test_authors_are_believed_by_moderators(browser, client, store, paper):
    browser.log_in(store)
    browser.post("/account/name", {"name": "Ada Lovelace"})
    browser.post(f"/papers/{paper}/authorship")
    page = browser.get("/papers/2611.00001").text
    assert "Here as readers" not in page
    assert "a moderator looks at it" in page
    assert "I wrote this" not in page
    site = client.app.state.site
    site.settings = site.settings.model_copy(update={"admins": frozenset({"ada@example.org"})})
    assert "says to have written" in browser.get("/moderate").text
    with store.reading() as session:
        account = session.scalars(select(Authorship.account_id)).one()
    browser.post(f"/moderate/authors/{account}/{paper}", {"take": "true"})
    assert "Here as readers: Ada Lovelace" in browser.get("/papers/2611.00001").text


def test_everything_can_be_taken_away(browser, store, paper):
    browser.log_in(store)
    browser.post(f"/papers/{paper}/vote", {"on": "1"})
    browser.post(f"/papers/{paper}/note", {"text": "A note"})
    browser.post(f"/papers/{paper}/list", {"name": "A list"})
    browser.post(f"/papers/{paper}/comments", {"text": "A comment"})
    browser.post("/searches", {"query": "cat:cs.LG wings", "name": "Wings"})
    told = json.loads(browser.get("/account/export.json").text)
    assert told["account"]["email"] == "ada@example.org"
    assert told["votes"][0]["paper"] == "arxiv:2611.00001"
    assert told["notes"][0]["text"] == "A note"
    assert told["lists"][0]["papers"] == ["arxiv:2611.00001"]
    assert told["comments"][0]["text"] == "A comment"
    assert told["saved_searches"][0]["query"] == "cat:cs.LG wings"
    assert "digest" not in json.dumps(told)
    assert browser.get("/account/export.bib").text.startswith("@misc{")


def test_no_table_of_an_account_is_forgotten():
    belonging = {table for table in Base.__subclasses__() if "account_id" in table.__table__.columns}
    assert belonging == set(OWN.values())


def test_a_deleted_account_leaves_nothing_but_removed_comments(browser, store, paper):
    browser.log_in(store)
    browser.post(f"/papers/{paper}/vote", {"on": "1"})
    browser.post(f"/papers/{paper}/note", {"text": "A note"})
    browser.post(f"/papers/{paper}/list", {"name": "A list"})
    browser.post(f"/papers/{paper}/comments", {"text": "A comment"})
    with store.writing() as session:
        session.add(Subscription(email="ada@example.org", frequency="daily", scope="all"))
    assert "Type ada@example.org" in browser.post("/account/delete").text
    assert browser.post("/account/delete", {"confirm": "eve@example.org"}).status_code == 422
    assert browser.post("/account/delete", {"confirm": "Ada@example.org"}).status_code == 303
    assert browser.get("/account").status_code == 303
    with store.reading() as session:
        for table in Base.__subclasses__():
            columns = table.__table__.columns
            for name in ("email", "recipient", "account_id"):
                if name in columns:
                    rows = session.scalar(select(func.count()).select_from(table).where(columns[name].is_not(None)))
                    assert rows == 0, table.__tablename__
        comment = session.scalars(select(Comment)).one()
        assert (comment.text, comment.removed) == ("", True)
        found = session.get_one(Paper, paper)
        assert (found.votes, found.comments) == (0, 0)
        assert found.heat == pytest.approx(event_heat("day", found.day), abs=1e-6)


def test_deleting_one_account_spares_the_others(store, paper, people):
    with store.writing() as session:
        for account in (1, 2):
            set_vote(session, account, paper, True)
            add_comment(session, account, paper, f"By {account}")
        delete_account(session, 1)
        assert export_account(session, 2)["comments"][0]["text"] == "By 2"
    assert (_paper(store, paper).votes, _paper(store, paper).comments) == (1, 1)


def test_removing_a_comment_twice_counts_once(store, paper, people):
    with store.writing() as session:
        comment = add_comment(session, 1, paper, "Once")
        remove_comment(session, comment)
        remove_comment(session, comment)
    assert _paper(store, paper).comments == 0


def test_every_form_needs_its_token(browser, client, store, paper):
    browser.log_in(store)
    routes = [route for name in PAGES for route in import_module(f"reprise.site.web.pages.{name}").router.routes]
    posts = [route for route in routes if "POST" in route.methods and "unsubscribe" not in route.path]
    assert len(posts) > 15
    for route in posts:
        address = re.sub(r"\{[^}]+\}", "1", route.path)
        assert client.post(address, data={"on": "1"}).status_code == 403, address


@pytest.mark.parametrize("number", ["0", "-1", "999999999999999999999999", "1.5", "x"])
def test_numbers_that_name_nothing(browser, store, number):
    browser.log_in(store)
    for address in (
        f"/papers/{number}/vote",
        f"/papers/{number}/comments",
        f"/comments/{number}/remove",
        f"/lists/{number}",
    ):
        assert browser.post(address, {"text": "x", "name": "x"}).status_code in (404, 422), address

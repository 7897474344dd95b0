"""What moderators can hide, remove and refuse, and that it is gone from everywhere."""

import json

import pytest
from sqlalchemy import func, select
from tests.site.conftest import record
from tests.site.test_accounts import Browser, link_to
from tests.site.test_machines import tool

from reprise.site.accounts.comments import add_comment
from reprise.site.accounts.library import create_list, set_listed, set_note
from reprise.site.accounts.votes import set_vote
from reprise.site.atlas.build import Atlas, Region
from reprise.site.store.feed import find_paper
from reprise.site.store.tables import Account, Barred, Base, Comment, LoginSession, Mail, Paper, ReadingList

MODERATOR = "ada@example.org"


@pytest.fixture
def paper(store, make_papers):
    make_papers(record(1, title="Unwanted flutter"), record(2, title="Wanted flutter"))
    with store.writing() as session:
        session.add_all(Account(id=n, email=f"{n}@example.org", name=f"Reader {n}") for n in (7, 8))
        return find_paper(session, "2611.00001").id


@pytest.fixture
def moderating(client, store, paper):
    site = client.app.state.site
    site.settings = site.settings.model_copy(update={"admins": frozenset({MODERATOR}), "comment_rate": "100/minute"})
    browser = Browser(client)
    browser.log_in(store, MODERATOR)
    return browser


def test_a_hidden_paper_is_gone_from_everywhere_and_can_come_back(
    moderating, client, store, settings, paper, monkeypatch
):
    with store.writing() as session:
        moderator = session.scalars(select(Account.id).where(Account.email == MODERATOR)).one()
        kept = create_list(session, moderator, "Kept", public=True)
        session.flush()
        set_listed(session, kept, paper, True)
        set_vote(session, moderator, paper, True)
    region = Region(name="All", level=1, x=1, y=1, size=1, papers=[paper])
    atlas = Atlas(digest="x", families=[""], points=[(paper, 1, 1, 0)], regions=[region])
    (settings.folder / "map.json").write_text(atlas.model_dump_json())

    pages = ["/?date=2026-11-20", "/new", "/trending", "/top?span=all", "/search?q=flutter", "/account/votes", "/map"]
    pages += [f"/lists/{kept.id}", "/feed.atom", "/trending.atom", "/search.atom?q=flutter", "/papers/2611.00002"]
    pages += ["/api/papers?size=100", "/api/search?q=flutter", "/api/daily_papers?date=2026-11-20", "/for-you?page=1"]
    own = ["/papers/2611.00001", "/api/papers/2611.00001", f"/api/papers/{paper}", "/papers/2611.00001/cite"]
    own += ["/papers/2611.00001/feed.atom", "/api/papers/2611.00001/citation"]
    seen = {address for address in pages if "Unwanted" in client.get(address).text}
    assert len(seen) >= len(pages) - 2  # all but those that show what one has not voted for, and what is like it
    assert 'name="on" value="false">Hide this paper' in client.get("/papers/2611.00001").text

    assert moderating.post(f"/moderate/shown/{paper}", {"on": "false"}).status_code == 303
    for address in pages:
        assert "Unwanted" not in client.get(address).text, address
    for address in own:
        assert client.get(address).status_code == 404, address
    assert "Unwanted" not in json.dumps(tool(client, "search_papers", query="flutter"))
    for deed in ("vote", "read", "note", "comments", "authorship"):
        assert moderating.post(f"/papers/{paper}/{deed}", {"text": "x"}).status_code == 404
    monkeypatch.setattr("reprise.site.web.pages.submit.lookup", lambda *_: record(1))
    assert "not taken" in moderating.post("/submit", {"paper": "2611.00001"}).text

    assert "Unwanted" in client.get("/moderate").text
    moderating.post(f"/moderate/shown/{paper}", {"on": "true"})
    assert {address for address in pages if "Unwanted" in client.get(address).text} == seen


def test_an_ingest_does_not_bring_a_hidden_paper_back(moderating, client, paper, make_papers):
    moderating.post(f"/moderate/shown/{paper}", {"on": "false"})
    make_papers(record(1, title="Unwanted flutter, again", version=2))
    assert client.get("/papers/2611.00001").status_code == 404


def test_a_barred_reader_is_gone_and_does_not_come_back(moderating, client, store, paper):
    with store.writing() as session:
        number = add_comment(session, 7, paper, "Buy at evil.example").id
        add_comment(session, 8, paper, "An answer", parent=number)
        set_vote(session, 7, paper, True)
        set_note(session, 7, paper, "A note")
        create_list(session, 7, "Buy at evil.example", public=True)
        session.add(LoginSession(digest="x", account_id=7, expires=session.get_one(Account, 7).created))
    sure = moderating.post(f"/moderate/writers/{number}")
    assert "Reader 7" in sure.text
    with store.reading() as session:
        assert session.get(Account, 7) is not None  # asked first
    assert moderating.post(f"/moderate/writers/{number}", {"sure": "true"}).status_code == 303

    page = client.get("/papers/2611.00001").text
    assert "evil" not in page
    assert "An answer" in page
    with store.reading() as session:
        for table in Base.__subclasses__():
            if "account_id" in table.__table__.columns:
                assert session.scalar(select(func.count()).where(table.account_id == 7)) == 0
        assert session.scalar(select(func.count()).select_from(ReadingList)) == 0
        assert "7@example.org" not in session.scalars(select(Barred.digest)).one()
        assert session.get_one(Paper, paper).votes == 0

    answer = moderating.post("/login", {"email": "7@example.org"})
    assert answer.status_code == 200  # nobody is told
    with store.reading() as session:
        assert session.scalar(select(func.count()).where(Mail.recipient == "7@example.org")) == 0
    assert moderating.post("/moderate/let-in", {"email": "7@Example.org"}).status_code == 303
    assert moderating.post("/moderate/let-in", {"email": "7@example.org"}).status_code == 400
    moderating.post("/login", {"email": "7@example.org"})
    assert link_to(store, "7@example.org")


def test_a_link_that_was_sent_before_does_not_let_a_barred_reader_in(moderating, client, store, paper):
    moderating.post("/login", {"email": "7@example.org"})
    with store.writing() as session:
        number = add_comment(session, 7, paper, "Spam").id
    link = link_to(store, "7@example.org")
    moderating.post(f"/moderate/writers/{number}", {"sure": "true"})
    assert client.get(link).status_code == 410
    assert moderating.post(link).status_code == 410


def test_moderators_bar_neither_themselves_nor_nobody(moderating, store, paper):
    with store.writing() as session:
        moderator = session.scalars(select(Account.id).where(Account.email == MODERATOR)).one()
        own = add_comment(session, moderator, paper, "Mine").id
        removed = add_comment(session, 7, paper, "Spam").id
    moderating.post(f"/comments/{removed}/remove")
    for number in (own, removed, 999):
        assert moderating.post(f"/moderate/writers/{number}", {"sure": "true"}).status_code == 400


@pytest.mark.parametrize(
    "address",
    ["/moderate/shown/1", "/moderate/writers/1", "/moderate/let-in", "/moderate/papers/1", "/moderate/authors/1/1"],
)
def test_only_moderators_moderate(moderating, client, store, paper, address):
    client.cookies.clear()
    data = {"on": "false", "sure": "true", "email": "7@example.org", "take": "true"}
    assert moderating.post(address, data).headers["location"].startswith("/login")
    moderating.log_in(store, "8@example.org")
    assert moderating.post(address, data).status_code == 404


def test_numbers_that_no_row_has(moderating):
    for number in (0, 2**62, 2**63, 10**30):
        for address in (f"papers/{number}", f"authors/{number}/1", f"authors/1/{number}", f"shown/{number}"):
            answer = moderating.post(f"/moderate/{address}", {"take": "true", "on": "true"})
            assert answer.status_code in (400, 422), address


def test_nobody_writes_backwards(moderating, client, store, paper):
    moderating.post("/account/name", {"name": "Ada\u202eevaD"})
    moderating.post(f"/papers/{paper}/comments", {"text": "He said \u2067no"})
    with store.reading() as session:
        assert session.scalars(select(Account.name).where(Account.email == MODERATOR)).one() == "AdaevaD"
        assert session.scalars(select(Comment.text)).one() == "He said no"

"""Sessions: whose they are, and where they end."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update
from tests.site.test_accounts import Browser, link_to

from reprise.site.store.tables import LoginSession, Mail
from reprise.site.web.app import create_app


def test_a_link_says_whom_it_logs_in(client, store):
    browser = Browser(client)
    browser.post("/login", {"email": "eve@example.org"})
    assert "As eve@example.org" in client.get(link_to(store, "eve@example.org")).text


def test_logging_in_again_ends_the_session_before(client, store):
    browser = Browser(client)
    browser.log_in(store)
    first = client.cookies["session"]
    browser.log_in(store)
    assert client.cookies["session"] != first
    with store.writing() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 1
        session.execute(update(LoginSession).values(digest="gone"))
    client.cookies.set("session", first)
    assert client.get("/account").status_code == 303


@pytest.mark.parametrize(("address", "data"), [("/logout", {}), ("/account/delete", {"confirm": "ada@example.org"})])
def test_the_next_at_this_browser_cannot_go_back_to_a_readers_pages(client, store, address, data):
    browser = Browser(client)
    browser.log_in(store)
    answer = browser.post(address, data)
    assert answer.headers["clear-site-data"] == '"cache"'
    assert 'session=""' in answer.headers["set-cookie"]
    assert "session" not in client.cookies


@pytest.fixture
def over_https(settings, store):
    settings = settings.model_copy(update={"base_url": "https://papers.example.org"})
    address = "https://papers.example.org"
    with TestClient(create_app(settings, store), base_url=address, follow_redirects=False) as client:
        yield client


def test_over_https_cookies_stay_with_this_host_and_with_https(over_https, store):
    browser = Browser(over_https)
    browser.post("/login", {"email": "ada@example.org"})
    with store.reading() as session:
        link = re.search(r"https://papers\.example\.org(/login/\S+)", session.scalars(select(Mail.text)).one())[1]
    answers = [over_https.get("/"), browser.post(link), browser.post("/theme", {"theme": "dark"})]
    over_https.cookies.clear()
    answers.append(over_https.get("/"))
    cookies = [cookie for answer in answers for cookie in answer.headers.get_list("set-cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-visitor", "__Host-session", "__Host-theme"}
    for cookie in cookies:
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
        assert not any(part.startswith("domain") for part in parts)
    for answer in answers:
        assert "max-age=31536000" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize("host", ["evil.example", "papers.example.org@evil.example", "["])
def test_the_name_in_a_request_never_gets_into_mails_feeds_or_pages(over_https, store, host):
    headers = {"host": host, "x-forwarded-host": host, "forwarded": f"host={host}"}
    browser = Browser(over_https)
    assert browser.post("/login", {"email": "ada@example.org"}, headers=headers).status_code == 200
    assert browser.post("/subscribe", {"email": "ada@example.org"}, headers=headers).status_code == 200
    with store.reading() as session:
        texts = session.scalars(select(Mail.text)).all()
    assert len(texts) == 2
    for address in ("/", "/papers/matryoshka", "/feed.atom", "/api/papers", "/api/docs", "/nothing", "/search?q=x"):
        texts.append(over_https.get(address, headers=headers).text)
    assert not any("evil" in text for text in texts)
    assert sum("https://papers.example.org/" in text for text in texts) >= 5

"""Sessions: whose they are, and where they end."""

import pytest
from sqlalchemy import func, select, update
from tests.site.test_accounts import Browser, link_to

from reprise.site.store.tables import LoginSession


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

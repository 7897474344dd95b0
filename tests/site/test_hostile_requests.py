"""Requests that no browser of a reader sends."""

import asyncio
import re

import pytest
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from tests.site.test_accounts import Browser

from reprise.site.web import assets, bodies
from reprise.site.web.app import create_app
from reprise.site.web.bodies import MOST_BYTES, BodyLimit

NO_ADDRESSES = ["http://[", "http://a\u2100b/", "//[::1", "https://[evil]/"]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_leads_to_the_front_page(client, address):
    assert 'name="next" value="/"' in client.get("/login", params={"next": address}).text


def test_what_is_no_referer_or_origin_is_no_error(client):
    browser = Browser(client)
    answer = browser.post("/theme", {"theme": "dark"}, headers={"referer": "http://["})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    for origin in ("http://[", "null", "testserver", "file://testserver", "http://testserver.evil.example"):
        assert browser.post("/theme", {"theme": "dark"}, headers={"origin": origin}).status_code == 403, origin
    assert browser.post("/theme", {"theme": "dark"}, headers={"origin": "http://testserver"}).status_code == 303


def test_a_long_address_to_come_back_to_is_dropped(client):
    long = "http://testserver/search?q=" + "x" * 600
    answer = Browser(client).post("/papers/1/vote", headers={"referer": long})
    assert answer.headers["location"] == "/login"
    assert client.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize("span", ["day", "week", "month"])
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_the_ends_of_the_calendar_are_days_too(client, span, day):
    for address in ("/", "/api/papers"):
        assert client.get(address, params={"date": day, "span": span}).status_code == 200


def test_an_answer_to_our_own_mistake_is_tied_down_too(settings, store, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a mistake")

    monkeypatch.setattr("reprise.site.web.pages.feed.feed", broken)
    with TestClient(create_app(settings, store), raise_server_exceptions=False) as client:
        fine, failed = client.get("/about"), client.get("/new")
        store.reading = broken  # and the database with it
        client.cookies.set("session", "x")
        assert "Our mistake" in client.get("/new").text
    assert failed.status_code == 500
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy"):
        assert failed.headers[name] == fine.headers[name]


def test_asking_for_files_that_are_not_there_costs_no_memory(client):
    held = {name: found.cache_info().currsize for name, found in vars(assets).items() if hasattr(found, "cache_info")}
    for name in ("x" * 300, "nul%00", *(f"missing{n}.js" for n in range(50))):
        assert client.get(f"/static/x/{name}").status_code == 404
    for name, before in held.items():
        assert getattr(assets, name).cache_info().currsize <= before + 1


# Bodies


def test_a_body_that_is_too_large_is_refused(client):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/about").text)[1]
    fine = {"csrf_token": token, "theme": "dark", "more": "x" * (MOST_BYTES // 2)}
    assert client.post("/theme", data=fine).status_code == 303
    for content in (b"x" * (MOST_BYTES + 1), (b"x=" + b"y" * 60_000 + b"&" for _ in range(10))):
        answer = client.post("/theme", content=content, headers={"content-type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 413
        assert "more than the site takes" in answer.text
    files = {"theme": ("theme", b"x" * (MOST_BYTES + 1))}
    assert client.post("/theme", data={"csrf_token": token}, files=files).status_code == 413
    assert client.post("/papers/1/authorship", data=fine | {"even": "x" * MOST_BYTES}).status_code == 413


@pytest.mark.parametrize("announced", ["9" * 30, str(10**12)])
def test_a_body_that_only_says_it_is_large_is_not_waited_for(announced):
    read = []

    async def receive():
        read.append(1)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def app(scope, receive, send):
        await receive()

    scope = {"type": "http", "headers": [(b"content-length", announced.encode())]}
    with pytest.raises(Exception) as caught:  # noqa: PT011
        asyncio.run(BodyLimit(app)(scope, receive, None))
    assert caught.value.status_code == 413
    assert not read


def test_a_body_that_comes_too_slowly_is_not_waited_for(settings, store, monkeypatch):
    async def endless(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("read")(scope, receive, send)

    async def drip():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    limited = BodyLimit(endless, most_seconds=0.1)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        asyncio.run(limited({"type": "http", "headers": []}, drip, None))
    assert caught.value.status_code == 408
    assert bodies.MOST_SECONDS >= 10


def test_a_reader_who_waits_for_an_answer_is_not_cut_off():
    async def app(scope, receive, send):
        first = await receive()
        assert not first["more_body"]
        assert (await receive())["type"] == "http.disconnect"

    messages = iter([{"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}])

    async def receive():
        await asyncio.sleep(0.2)
        return next(messages)

    asyncio.run(BodyLimit(app, most_seconds=0.3)({"type": "http", "headers": []}, receive, None))

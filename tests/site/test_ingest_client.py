"""The client of the sources, against a real server and hostile answers."""

import contextlib
import gzip
import socket
import threading
import time

import httpx
import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from reprise.errors import InvalidInputError
from reprise.site.ingest import client as client_module
from reprise.site.ingest.addresses import BoundTransport
from reprise.site.ingest.client import Client
from reprise.site.ingest.errors import DamagedAnswerError, SourceError


@pytest.fixture
def waits():
    return []


@pytest.fixture
def ask(sources, waits):
    """Ask the daily feed's address with the mishaps before it; give the bytes read."""

    def ask(*mishaps, read=bytes, path="/daily", **settings):
        sources.mishaps[:] = mishaps
        given = {"pause": 0.0, "sleep": waits.append, **settings}
        with Client(sources.url + path, **given) as client:
            return client.get({"date": "2026-11-01", "limit": "1"}, read)

    return ask


def cut(_):
    async def body():
        yield b"["

    return StreamingResponse(body(), headers={"content-length": "100"})


def test_it_says_who_asks_and_keeps_what_the_address_asks(sources, ask):
    seen = []
    sources.mishaps = []
    assert ask(lambda request: seen.append((dict(request.headers), dict(request.query_params))), path="/daily?x=1") == (
        b"[]"
    )
    ((headers, query),) = seen
    assert headers["user-agent"].startswith("reprise-papers")
    assert query == {"x": "1", "date": "2026-11-01", "limit": "1"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again(sources, ask, status):
    assert ask(PlainTextResponse("busy", status)) == b"[]"
    assert len(sources.asked) == 2


def test_a_cut_answer_is_asked_for_again(sources, ask):
    assert ask(cut, cut) == b"[]"
    assert len(sources.asked) == 3


def test_a_damaged_answer_is_asked_for_again(ask):
    def read(content):
        if content != b"[]":
            raise DamagedAnswerError("it is damaged")
        return content

    assert ask(PlainTextResponse("[oh"), read=read) == b"[]"
    with pytest.raises(SourceError, match="in 2 tries: it is damaged"):
        ask(*(PlainTextResponse("[oh") for _ in range(2)), read=read, attempts=2)


def test_an_answer_that_takes_too_long_is_asked_for_again(sources, ask):
    def slow(pause):
        def body():
            for _ in range(100):
                time.sleep(pause)
                yield b" "

        return lambda _: StreamingResponse(body())

    assert ask(slow(0.05), deadline=0.2, attempts=99) == b"[]"
    assert ask(slow(0.5), timeout=0.2, attempts=99) == b"[]"


def test_headers_that_drip_are_not_waited_for():
    listening = socket.create_server(("127.0.0.1", 0))
    let_go, finished = threading.Event(), threading.Event()

    def drip():
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            for _ in range(300):
                connection.sendall(b".")
                if let_go.wait(0.1):
                    return
            finished.set()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    with (
        Client(url, pause=0, attempts=1, deadline=0.3, sleep=lambda _: None) as client,
        pytest.raises(SourceError, match="could not be read"),
    ):
        client.get({}, bytes)
    assert not finished.is_set()
    let_go.set()
    thread.join()
    listening.close()


def test_a_refusal_is_final(sources, ask):
    with pytest.raises(SourceError, match="answered 403"):
        ask(PlainTextResponse("no", 403))
    assert len(sources.asked) == 1


def test_tries_end(sources, ask):
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 could not be read in 3 tries: it answered 503"):
        ask(*(PlainTextResponse("busy", 503) for _ in range(9)), attempts=3)
    assert len(sources.asked) == 3


def test_it_waits_as_long_as_it_is_asked_to_or_twice_as_long_each_time(ask, waits):
    def busy(**headers):
        return PlainTextResponse("busy", 503, headers=headers)

    ask(busy(), busy(), busy(**{"retry-after": "7"}), pause=0.001)
    assert waits[1:3] == [pytest.approx(0.001, abs=1e-3), pytest.approx(0.002, abs=1e-3)]
    assert waits[3] == 7
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
    del waits[:]
    ask(busy(**{"retry-after": date}))
    assert 25 < waits[1] <= 30


def test_it_backs_off_though_a_busy_source_asks_for_no_wait(ask, waits):
    busy = [PlainTextResponse("first byte timeout", 503, headers={"retry-after": "0"}) for _ in range(3)]
    ask(*busy, pause=0.01)
    assert [round(wait, 2) for wait in waits[1:]] == [0.01, 0.02, 0.04]


def test_each_try_may_ask_in_its_own_way(sources, ask):
    sources.mishaps[:] = [PlainTextResponse("busy", 500)] * 2
    with Client(sources.url + "/daily", pause=0.0, sleep=lambda _: None) as client:
        client.get(lambda attempt: {"date": "2026-11-01", "limit": str(8 >> attempt)}, bytes)
    assert [query["limit"] for query in sources.asked] == ["8", "4", "2"]


@pytest.mark.parametrize("value", ["-5", "soon", "Mon, 99 Foo 2026", "٣", "9" * 400])
def test_nonsense_in_retry_after_does_no_harm(ask, value):
    response = PlainTextResponse("busy", 503)
    response.raw_headers.append((b"retry-after", value.encode()))
    if value.startswith("9"):
        with pytest.raises(SourceError, match="left alone"):
            ask(response)
    else:
        assert ask(response) == b"[]"


def test_a_source_that_asks_for_more_than_our_patience_is_left_alone(ask):
    with pytest.raises(SourceError, match="asks to be left alone for 60 min"):
        ask(PlainTextResponse("busy", 503, headers={"retry-after": "3600"}))


def test_requests_to_one_host_are_a_pause_apart_whoever_asks(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(client_module.time, "monotonic", lambda: clock[0])
    pace = client_module._Pace()
    assert [pace.turn("a", 3.0) for _ in range(3)] == [0.0, 3.0, 6.0]
    assert pace.turn("b", 3.0) == 0.0
    clock[0] += 20
    assert pace.turn("a", 3.0) == 0.0


def test_a_huge_answer_is_refused(ask):
    with pytest.raises(SourceError, match="more than 1 MiB"):
        ask(PlainTextResponse("x" * (2**20 + 1)), max_bytes=2**20)


def test_a_huge_answer_that_is_packed_small_is_refused(ask):
    packed = gzip.compress(b"0" * 2**24)
    with pytest.raises(SourceError, match="more than 1 MiB"):
        ask(Response(packed, headers={"content-encoding": "gzip"}), max_bytes=2**20)


def test_packing_is_understood_but_not_every_kind(ask):
    assert ask(Response(gzip.compress(b"yes"), headers={"content-encoding": "gzip"})) == b"yes"
    with pytest.raises(SourceError, match="not asked for"):
        ask(Response(b"x", headers={"content-encoding": "zstd"}))
    assert ask(Response(b"no gzip", headers={"content-encoding": "gzip"})) == b"[]"  # damaged: again


def test_a_redirect_on_the_same_host_is_followed(ask, sources):
    assert ask(RedirectResponse("/daily?date=2026-11-02&limit=1")) == b"[]"
    assert sources.asked[-1]["date"] == "2026-11-02"


@pytest.mark.parametrize(
    "target",
    [
        "http://example.com/daily",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:{port}/daily",
        "http://127.0.0.1:1/daily",
        "//example.com/daily",
        "file:///etc/passwd",
        "http://127.0.0.1:{port}@example.com/",
    ],
)
def test_a_redirect_elsewhere_is_refused(ask, sources, target):
    target = target.format(port=sources.url.rpartition(":")[2])
    with pytest.raises(SourceError, match="redirects to"):
        ask(RedirectResponse(target))
    assert len(sources.asked) == 1


def test_a_redirect_in_circles_ends(ask, sources):
    with pytest.raises(SourceError, match="in circles"):
        ask(*(RedirectResponse("/daily") for _ in range(20)))
    assert len(sources.asked) < 10


@pytest.mark.parametrize(
    "url", ["", "ftp://arxiv.org", "arxiv.org/api", "http://", "http://[::1", "file:///etc/passwd"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidInputError, match="no address"):
        Client(url, pause=0)


def resolving(monkeypatch, *addresses):
    answers = list(addresses)

    def resolve(host, port, **_):
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0", "224.0.0.1"])
def test_a_public_name_that_leads_into_a_private_network_is_refused(monkeypatch, address):
    resolving(monkeypatch, address)
    with (
        Client("http://papers.example.org/api", pause=0, sleep=lambda _: None) as client,
        pytest.raises(SourceError, match="no address of the public internet"),
    ):
        client.get({}, bytes)


def test_what_was_checked_is_what_is_connected_to(monkeypatch):
    sent = []

    class Inner(httpx.BaseTransport):
        def handle_request(self, request):
            sent.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
            return httpx.Response(200, content=b"ok")

    resolving(monkeypatch, "151.101.3.42", "127.0.0.1")  # the second answer would be another
    transport = BoundTransport("papers.example.org")
    transport._inner = Inner()
    with httpx.Client(transport=transport) as client:
        client.get("https://papers.example.org/api")
        assert sent == [("151.101.3.42", "papers.example.org", "papers.example.org")]
        with pytest.raises(httpx.UnsupportedProtocol):
            client.get("https://other.example.org/api")


def test_a_private_name_is_asked_where_the_setting_names_it(sources, monkeypatch):
    port = int(sources.url.rpartition(":")[2])
    with Client(f"http://localhost:{port}/daily", pause=0) as client:
        assert client.get({"date": "2026-11-01", "limit": "1"}, bytes) == b"[]"


def test_an_unknown_host_is_one_sentence(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        Client("https://nowhere.example.org", pause=0, sleep=lambda _: None) as client,
        pytest.raises(SourceError, match=r"nowhere\.example\.org is not known here"),
    ):
        client.get({}, bytes)

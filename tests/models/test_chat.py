"""Chat endpoints: a real server on this machine that is right, wrong, late or hostile."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reprise.errors import InvalidInputError
from reprise.models import language
from reprise.models.chat import (
    Answer,
    BoundedChat,
    Chat,
    ChatBudgetError,
    ChatError,
    LocalChat,
    OpenAIChat,
    configured_chat,
)

ASKED = [{"role": "user", "content": "Name it."}]


@pytest.fixture
def endpoint():
    """Give a server's address, the replies it is to give (functions of the handler), and the requests it got."""
    replies, requests = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append((self.path, dict(self.headers), body))
            with contextlib.suppress(OSError):  # who asked may have left
                (replies.pop(0) if replies else completion("Yes."))(self)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", replies, requests
    server.shutdown()
    server.server_close()


def reply(status, content, **headers):
    def send(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return send


def completion(text, **more):
    return reply(200, json.dumps({"choices": [{"message": {"content": text}}], **more}).encode())


def test_a_request_is_openais_and_tokens_are_counted(endpoint, monkeypatch):
    url, replies, requests = endpoint
    monkeypatch.setenv("REPRISE_CHAT_KEY", "secret")
    replies.append(completion("Trees", usage={"prompt_tokens": 7, "completion_tokens": 2}))
    chat = BoundedChat(OpenAIChat(url + "/", "m"))
    assert chat.complete(ASKED, max_tokens=9) == "Trees"
    path, headers, body = requests[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert body == {"model": "m", "messages": ASKED, "max_tokens": 9, "temperature": 0}
    assert (chat.usage.calls, chat.usage.prompt_tokens, chat.usage.answer_tokens) == (1, 7, 2)
    assert "secret" not in chat.name
    assert isinstance(chat, Chat)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>oops\x00</html>", "something else than a chat completion"),
        (b'{"choices": []}', "something else"),
        (b'{"choices": [{"message": {"content": null}}]}', "something else"),
        (b"[" * 100_000, "something else"),
        (b'{"error": "bad"}', "something else"),
    ],
)
def test_wrong_answers_are_errors(endpoint, content, message):
    url, replies, _ = endpoint
    replies.append(reply(200, content))
    with pytest.raises(ChatError, match=message) as caught:
        OpenAIChat(url, "m").complete(ASKED)
    assert caught.value.passing
    assert len(str(caught.value)) < 400


def test_one_who_drips_is_left_in_time(endpoint):
    url, replies, _ = endpoint
    dry = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(600):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
        dry.set()

    replies.append(drip)
    with pytest.raises(ChatError, match=r"no answer within 0\.3 s"):
        OpenAIChat(url, "m", timeout=0.3).complete(ASKED)
    assert not dry.is_set(), "the last drop was waited for"


def test_redirects_are_refused_and_the_key_stays(endpoint):
    url, replies, requests = endpoint
    replies.append(reply(302, b"", Location=url.replace("127.0.0.1", "localhost")))
    with pytest.raises(ChatError, match="status 302"):
        OpenAIChat(url, "m", api_key="k").complete(ASKED)
    assert len(requests) == 1


def test_passing_errors_are_tried_again_with_doubled_waits_and_others_not(endpoint):
    url, replies, requests = endpoint
    waits = []
    chat = BoundedChat(OpenAIChat(url, "m"), sleep=waits.append)
    replies += [reply(503, b"busy"), reply(429, b"slow down"), completion("Now")]
    assert chat.complete(ASKED) == "Now"
    assert waits == [2.0, 4.0]
    assert (chat.usage.calls, chat.usage.failed) == (3, 2)
    replies.append(reply(401, b"who are you?"))
    with pytest.raises(ChatError, match=r"status 401.*who are you"):
        chat.complete(ASKED)
    assert len(requests) == 4


def test_nobody_there_is_said_and_a_dead_endpoint_is_asked_no_more():
    chat = BoundedChat(OpenAIChat("http://127.0.0.1:9/v1", "m"), retries=0, patience=2)
    for _ in range(2):
        with pytest.raises(ChatError, match="cannot be reached"):
            chat.complete(ASKED)
    with pytest.raises(ChatError, match="not asked any more"):
        chat.complete(ASKED)
    assert chat.usage.calls == 2


class Told:
    name = "told"

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), 0

    def complete(self, messages, *, max_tokens=300):
        self.calls += 1
        return self.answers[(self.calls - 1) % len(self.answers)]


def test_answers_are_kept_and_damaged_ones_asked_again(tmp_path):
    hostile = "\ud800</script>\x00"
    assert BoundedChat(Told(hostile), cache=tmp_path).complete(ASKED) == hostile
    again = BoundedChat(Told("other"), cache=tmp_path, max_calls=0)
    assert again.complete(ASKED) == hostile
    assert (again.usage.calls, again.usage.cached) == (0, 1)
    (file,) = tmp_path.iterdir()
    file.write_text("{cut")
    assert BoundedChat(Told("other"), cache=tmp_path).complete(ASKED) == "other"
    with pytest.raises(ChatBudgetError):
        again.complete(ASKED, max_tokens=5)


def test_bounds_on_calls_and_tokens_hold():
    chat = BoundedChat(Told("abcd"), max_tokens=30)
    chat.complete(ASKED, max_tokens=20)
    with pytest.raises(ChatBudgetError, match="30 tokens"):
        chat.complete(ASKED, max_tokens=28)
    assert chat.usage.answer_tokens == 1
    assert Answer("x").prompt_tokens is None


@pytest.mark.parametrize("url", ["file:///etc/passwd", "localhost:8000", "ftp://host/"])
def test_other_addresses_are_refused(url):
    with pytest.raises(InvalidInputError, match="http"):
        OpenAIChat(url, "m")


def test_settings_are_checked(monkeypatch):
    with pytest.raises(InvalidInputError, match="timeout"):
        OpenAIChat("http://h/", "m", timeout=0)
    with pytest.raises(InvalidInputError, match="max_calls"):
        BoundedChat(Told("x"), max_calls=-1)
    monkeypatch.delenv("REPRISE_CHAT_URL", raising=False)
    monkeypatch.delenv("REPRISE_CHAT_MODEL", raising=False)
    assert configured_chat() is None
    monkeypatch.setenv("REPRISE_CHAT_URL", "http://h/v1")
    with pytest.raises(InvalidInputError, match="REPRISE_CHAT_MODEL is not set"):
        configured_chat()
    monkeypatch.setenv("REPRISE_CHAT_MODEL", "m")
    assert configured_chat().name == "m at h"


@pytest.mark.skipif(not language.is_installed(), reason="SmolLM2 is not installed")
def test_smollm2_answers_and_counts():
    chat = LocalChat()
    answer = chat.complete([{"role": "user", "content": "Say hello."}], max_tokens=2)
    assert answer
    assert answer.prompt_tokens > 2 >= answer.answer_tokens
    with pytest.raises(ChatError, match="window"):
        chat.complete(ASKED, max_tokens=100_000)

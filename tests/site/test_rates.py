"""Where requests are counted, and that no door beside is left open."""

import json
import threading

import pytest
from tests.site.conftest import record
from tests.site.test_accounts import Browser
from tests.site.test_machines import tool

from reprise.errors import InvalidInputError
from reprise.site.accounts import library, votes
from reprise.site.accounts.library import set_note
from reprise.site.accounts.votes import ViewCounter
from reprise.site.store.feed import find_paper
from reprise.site.store.tables import Account


@pytest.fixture
def paper(store, make_papers):
    make_papers(record(1), record(2))
    with store.reading() as session:
        return find_paper(session, "2611.00001").id


@pytest.fixture
def strict(client):
    site = client.app.state.site
    rates = {"search_rate": "2/minute", "vote_rate": "2/minute", "comment_rate": "2/hour"}
    site.settings = site.settings.model_copy(update=rates)
    return client


def test_searches_are_counted_together_wherever_they_are_made(strict):
    assert strict.get("/search", params={"q": "wings"}).status_code == 200
    assert "error" not in tool(strict, "search_papers", query="wings")
    assert strict.get("/search", params={"q": "wings"}).status_code == 429
    assert strict.get("/search.atom", params={"q": "wings"}).status_code == 429
    assert strict.get("/api/search", params={"q": "wings"}).status_code == 429
    refused = tool(strict, "search_papers", query="wings")
    assert refused["isError"]
    assert "Too many searches" in json.dumps(refused)


def test_what_a_request_says_of_its_origin_is_believed_of_known_proxies_alone(strict):
    def search(said):
        return strict.get("/search", params={"q": "wings"}, headers={"x-forwarded-for": said}).status_code

    assert [search(f"10.0.0.{n}") for n in range(4)] == [200, 200, 429, 429]
    site = strict.app.state.site
    site.settings = site.settings.model_copy(update={"trusted_proxies": frozenset({"testclient"})})
    assert [search(f"10.0.0.{n}, 10.9.9.9") for n in range(3)] == [200, 200, 429]  # the last hop alone is vouched for


@pytest.mark.parametrize(
    ("address", "data"),
    [
        *[
            (f"/papers/{{paper}}/{deed}", {"text": "x", "name": "A list"})
            for deed in ("read", "note", "list", "authorship")
        ],
        *[(address, {"name": "x", "query": "x"}) for address in ("/account/name", "/lists", "/searches", "/lists/1")],
        ("/searches/1/delete", {}),
        ("/comments/1/remove", {}),
    ],
)
def test_what_a_reader_writes_is_counted(strict, store, paper, address, data):
    browser = Browser(strict)
    browser.log_in(store)
    answers = [browser.post(address.format(paper=paper), data).status_code for _ in range(3)]
    assert answers[2] == 429
    assert 429 not in answers[:2]


@pytest.mark.parametrize("address", ["/account/export.json", "/account/export.bib"])
def test_taking_everything_away_is_counted(strict, store, address):
    browser = Browser(strict)
    browser.log_in(store)
    assert [browser.get(address).status_code for _ in range(3)] == [200, 200, 429]


def test_learning_a_taste_is_counted(strict, store):
    browser = Browser(strict)
    browser.log_in(store)
    assert [browser.get("/for-you").status_code for _ in range(3)] == [200, 200, 429]


def test_notes_have_an_end(store, paper, monkeypatch):
    monkeypatch.setattr(library, "MOST_NOTES", 1)
    with store.writing() as session:
        session.add(Account(id=1, email="ada@example.org"))
        session.flush()
        set_note(session, 1, paper, "First")
        set_note(session, 1, paper, "Changed")
        with pytest.raises(InvalidInputError, match="1 notes already"):
            set_note(session, 1, paper + 1, "Second")


def test_slow_answers_of_arxiv_do_not_take_all_threads(client, store, monkeypatch):
    inside, go = threading.Semaphore(0), threading.Event()

    def slow(_, text):
        inside.release()
        go.wait(20)
        raise InvalidInputError("arXiv has no such paper.")

    monkeypatch.setattr("reprise.site.web.pages.submit.lookup", slow)
    browser = Browser(client)
    browser.log_in(store)
    answers = []
    waiting = [
        threading.Thread(target=lambda: answers.append(browser.post("/submit", {"paper": "2611.00001"}).text))
        for _ in range(4)
    ]
    for one in waiting:
        one.start()
    for _ in waiting:
        assert inside.acquire(timeout=20)
    assert "try again in half a minute" in browser.post("/submit", {"paper": "2611.00001"}).text
    go.set()
    for one in waiting:
        one.join()
    assert all("no such paper" in answer for answer in answers)
    assert "no such paper" in browser.post("/submit", {"paper": "2611.00001"}).text


# Views


def test_one_address_gives_a_paper_few_views_whatever_it_calls_itself(store, paper):
    views = ViewCounter(store)
    for number in range(1000):
        views.see(paper, "10.0.0.1", f"Mozilla/5.0 ({number})")
    views.see(paper, "10.0.0.2", "Mozilla/5.0")
    views.see(paper + 1, "10.0.0.1", "Mozilla/5.0")
    assert views.flush() == votes._OF_ONE_PLACE + 2


def test_what_visitors_say_of_themselves_is_not_held(store, paper):
    import tracemalloc

    views = ViewCounter(store)
    tracemalloc.start()
    for number in range(200):
        views.see(paper, f"10.0.0.{number}", f"{number}" * 10_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000

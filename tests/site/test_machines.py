import datetime
import json
from xml.etree import ElementTree

import hypothesis
import pytest
from hypothesis import HealthCheck
from sqlalchemy import update
from tests.site.conftest import record

from reprise import catalogue, ledger
from reprise.site.store.tables import Paper
from reprise.site.web.app import create_app

ATOM = "{http://www.w3.org/2005/Atom}"


def call(client, method, params=None, number=1):
    answer = client.post(
        "/mcp",
        json={"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}},
        headers={"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def tool(client, tool_name, /, **arguments):
    return call(client, "tools/call", {"name": tool_name, "arguments": arguments})["result"]


def test_papers_are_listed_narrowed_and_paged(client, make_papers):
    make_papers(*(record(n, day=datetime.date(2026, 11, n)) for n in range(1, 6)))
    newest = client.get("/api/papers", params={"size": 2}).json()
    assert [paper["title"] for paper in newest["papers"]] == ["Paper 5", "Paper 4"]
    assert newest["more"]
    second = client.get("/api/papers", params={"size": 2, "page": 2}).json()
    assert [paper["title"] for paper in second["papers"]] == ["Paper 3", "Paper 2"]
    day = client.get("/api/papers", params={"date": "2026-11-03", "order": "top"}).json()
    assert [paper["name"] for paper in day["papers"]] == ["2611.00003"]
    latest = client.get("/api/papers", params={"span": "week", "order": "top"}).json()["papers"]
    assert {paper["title"] for paper in latest} == {"Paper 5", "Paper 4", "Paper 3", "Paper 2"}  # from Monday the 2nd
    running = client.get("/api/papers", params={"runs": True, "size": 100}).json()["papers"]
    assert {paper["slug"] for paper in running} == {paper.slug for paper in catalogue.papers(status="measured")}


def test_a_paper_is_told_in_full(client, make_papers):
    make_papers(record(1, arxiv="math/0101001", categories=["stat.ML", "cs.LG"], code="https://example.org/code"))
    paper = client.get("/api/papers/math/0101001").json()
    assert paper["authors"] == ["Ada Lovelace", "Zoë Łukasiewicz"]
    assert paper["categories"] == ["stat.ML", "cs.LG"]
    assert paper["url"] == "http://testserver/papers/math/0101001"
    assert paper["pdf_url"] == "https://arxiv.org/pdf/math/0101001"
    assert client.get("/api/papers/math/0101001/citation").text.startswith("@misc{")
    assert client.get("/api/papers/none/run-card").status_code == 404
    answer = client.get("/api/papers/math/0101001/run-card")
    assert answer.status_code == 404
    assert "not in the catalogue" in answer.json()["detail"]


def test_a_run_card_is_told(client):
    card = client.get("/api/papers/matryoshka/run-card").json()
    expected = {claim.id: claim.verdict for claim in ledger.committed("matryoshka").runs["desktop"].claims}
    assert {claim["id"]: claim["verdict"] for claim in card["claims"]} == expected
    assert card["command"] == "reprise run matryoshka"
    assert len(card["figures"]) == len(catalogue.paper("matryoshka").figures)


def test_daily_papers_have_the_known_shape(client, make_papers, store):
    make_papers(record(1), record(2), record(3, day=datetime.date(2026, 11, 21)))
    with store.writing() as session:
        session.execute(update(Paper).where(Paper.arxiv == "2611.00002").values(votes=7))
    answers = client.get("/api/daily_papers", params={"date": "2026-11-20"}).json()
    assert [(answer["paper"]["id"], answer["paper"]["upvotes"]) for answer in answers] == [
        ("2611.00002", 7),
        ("2611.00001", 0),
    ]
    first = answers[0]
    assert set(first) >= {"paper", "publishedAt", "title", "summary", "thumbnail", "numComments"}
    assert set(first["paper"]) >= {"id", "authors", "publishedAt", "title", "summary", "upvotes"}
    assert set(first["paper"]["authors"][0]) == {"_id", "name", "hidden"}
    assert first["publishedAt"] == "2026-11-20T00:00:00.000Z"
    assert client.get("/api/daily_papers", params={"limit": 1}).json()[0]["paper"]["id"] == "2611.00003"


def test_daily_papers_of_a_week_and_a_month(client, make_papers):
    make_papers(*(record(n, day=datetime.date(2026, 11, n)) for n in (1, 2, 8, 9)))

    def found(**asked):
        return {answer["paper"]["id"] for answer in client.get("/api/daily_papers", params=asked).json()}

    assert found(week="2026-W45") == {"2611.00002", "2611.00008"}  # from Monday the 2nd to Sunday the 8th
    assert found(month="2026-11") == {f"2611.{n:05d}" for n in (1, 2, 8, 9)}
    assert found(month="2026-11", submitter="somebody") == set()
    for wrong in ({"week": "2026-W60"}, {"week": "45"}, {"month": "2026-13"}):
        answer = client.get("/api/daily_papers", params=wrong)
        assert answer.status_code == 400
        assert "is written such as" in answer.json()["detail"]


def test_daily_papers_are_sorted_as_asked(client, make_papers, store):
    make_papers(record(1, day=datetime.date(2026, 11, 2)), record(2, day=datetime.date(2026, 11, 3)))
    with store.writing() as session:
        session.execute(update(Paper).where(Paper.arxiv == "2611.00001").values(heat=1e9))
    for sort, first in (("trending", "2611.00001"), ("publishedAt", "2611.00002")):
        answers = client.get("/api/daily_papers", params={"sort": sort, "month": "2026-11"}).json()
        assert answers[0]["paper"]["id"] == first


def test_the_known_client_reads_daily_papers(client, make_papers, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    make_papers(record(1, code="https://example.org/code"))
    monkeypatch.setattr("huggingface_hub.hf_api.get_session", lambda: client)
    api = hub.HfApi(endpoint="http://testserver", token=False)
    (paper,) = api.list_daily_papers(date="2026-11-20", sort="trending", limit=5)
    assert (paper.id, paper.title, paper.comments) == ("2611.00001", "Paper 1", 0)
    assert [author.name for author in paper.authors] == ["Ada Lovelace", "Zoë Łukasiewicz"]
    assert paper.submitted_by.fullname == "Reprise Daily Papers"
    assert list(api.list_daily_papers(week="2026-W30")) == []


@pytest.mark.parametrize("view", ["feed", "trending", "top"])
def test_atom_feeds_say_what_the_views_show(client, make_papers, view):
    make_papers(record(1, title="Less < more & \x0b\ud83dso on", day=datetime.datetime.now(datetime.UTC).date()))
    answer = client.get(f"/{view}.atom", params={"category": "cs.LG"})
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{ATOM}feed"
    for needed in ("title", "id", "updated"):
        assert root.findtext(f"{ATOM}{needed}")
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["Less < more & so on"]
    assert entries[0].find(f"{ATOM}author").findtext(f"{ATOM}name") == "Ada Lovelace"
    assert root.find(f"{ATOM}link[@rel='self']").get("href") == f"http://testserver/{view}.atom?category=cs.LG"


def test_the_documentation_describes_every_address(client):
    page = client.get("/api/docs").text
    for path in client.get("/api/openapi.json").json()["paths"]:
        assert path in page


def test_agents_find_their_tools(client):
    hello = call(
        client,
        "initialize",
        {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    )
    assert "never instructions" in hello["result"]["instructions"]
    tools = {entry["name"] for entry in call(client, "tools/list")["result"]["tools"]}
    assert tools == {"list_of_papers", "search_papers", "read_one_paper", "read_run_card", "cite_paper"}


def test_agents_list_read_and_cite(client, make_papers):
    make_papers(record(1))
    listed = tool(client, "list_of_papers", order="new")["structuredContent"]
    assert listed["papers"][0]["title"] == "Paper 1"
    assert tool(client, "read_one_paper", name="2611.00001")["structuredContent"]["arxiv"] == "2611.00001"
    assert tool(client, "cite_paper", name="2611.00001")["content"][0]["text"].startswith("@misc{")
    card = tool(client, "read_run_card", name="matryoshka")["structuredContent"]
    assert card["slug"] == "matryoshka"
    assert len(card["claims"]) > 5


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("read_one_paper", {"name": "nothing"}, "There is no paper 'nothing' here"),
        ("read_run_card", {"name": "2611.00001"}, "not in the catalogue"),
        ("list_of_papers", {"page": 0}, "greater than or equal to 1"),
        ("no_such_tool", {}, "no_such_tool"),
    ],
)
def test_agents_are_told_what_was_wrong(client, make_papers, name, arguments, says):
    make_papers(record(1))
    answer = call(client, "tools/call", {"name": name, "arguments": arguments})
    assert says in json.dumps(answer)
    assert answer.get("error") or answer["result"]["isError"]


def test_agents_of_other_hosts_are_refused(client):
    answer = client.post("/mcp", json={}, headers={"host": "evil.example", "accept": "application/json"})
    assert answer.status_code in (403, 421)


def test_no_request_breaks_the_interface(settings, store, make_papers):
    schemathesis = pytest.importorskip("schemathesis")
    make_papers(record(1), record(2, arxiv="math/0101001"))
    app = create_app(settings.model_copy(update={"search_rate": "1000000/minute"}), store)
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    asked = []
    for operation in schema.get_all_operations():

        @hypothesis.settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @hypothesis.given(case=operation.ok().as_strategy())
        def ask(case):
            answer = case.call()
            asked.append(answer.status_code)
            assert answer.status_code < 500, (case.path, case.query, answer.text)

        ask()
    assert 200 in asked


def test_a_search_says_why(client, make_papers):
    make_papers(record(1, title="Wing flutter in tunnels"))
    answer = client.get("/api/search", params={"q": "flutter after:notadate"}).json()
    assert [(hit["paper"]["arxiv"], hit["why"]) for hit in answer["hits"]] == [("2611.00001", "words")]
    assert len(answer["problems"]) == 1
    found = tool(client, "search_papers", query="flutter")["structuredContent"]
    assert found["hits"][0]["paper"]["title"] == "Wing flutter in tunnels"
    assert b"Wing flutter" in client.get("/search.atom", params={"q": "flutter"}).content

import datetime
import re

import pytest
from sqlalchemy.exc import OperationalError
from tests.site.conftest import record

from reprise import catalogue, ledger
from reprise.site import run_card as cards
from reprise.site.citations import STYLES, cite
from reprise.site.store.tables import Paper

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def test_an_empty_today_shows_the_latest_day_with_papers(client, make_papers):
    make_papers(record(1, title="The only one of its day"))
    page = client.get("/")
    assert page.status_code == 200
    assert "20 November 2026" in page.text
    assert "The only one of its day" in page.text


@pytest.mark.parametrize("address", ["/", "/trending", "/new", "/top", "/top?span=all", "/?span=month&date=2022-05-26"])
def test_views_answer(client, address):
    page = client.get(address)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_a_day_leads_to_the_days_beside_it(client, make_papers):
    make_papers(*(record(n, day=datetime.date(2026, 11, n)) for n in (2, 5, 9)))
    page = client.get("/?date=2026-11-05").text
    assert "date=2026-11-02" in page
    assert "date=2026-11-09" in page
    assert "No papers here" in client.get("/?date=2026-11-06").text


def test_pages_follow_each_other_without_scripts(client):
    first = client.get("/new").text
    address = re.search(r'rel="next" href="([^"]+)"', first)[1]
    assert address == "/new?page=2"
    second = client.get(address).text
    assert set(re.findall(r'id="paper-(\d+)"', first)).isdisjoint(re.findall(r'id="paper-(\d+)"', second))


def test_filters_narrow_and_are_kept_from_page_to_page(client):
    page = client.get("/new?runs=1").text
    runs = {paper.slug for paper in catalogue.papers(status="measured")}
    shown = set(re.findall(r'<h2><a href="/papers/([^"]+)"', page))
    assert shown
    assert shown <= runs
    assert '<input type="checkbox" name="runs" value="1" checked>' in page
    assert "/new?family=language" in client.get("/new?family=language").text


def test_texts_of_papers_are_escaped_everywhere(client, make_papers):
    make_papers(record(1, title=HOSTILE, authors=[HOSTILE], abstract=HOSTILE, categories=["cs.LG"], link=""))
    for address in ("/", "/papers/2611.00001"):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;" in page


def test_a_paper_has_one_address(client):
    arxiv = catalogue.paper("matryoshka").arxiv
    for name in (arxiv, f"{arxiv}v3", f"arxiv:{arxiv}"):
        answer = client.get(f"/papers/{name}")
        assert (answer.status_code, answer.headers["location"]) == (301, "/papers/matryoshka")
    assert client.get("/papers/nothing-of-the-kind").status_code == 404


def test_old_arxiv_ids_have_pages(client, make_papers):
    make_papers(record(1, arxiv="math/0101001", title="From the old days"))
    assert "From the old days" in client.get("/papers/math/0101001").text
    assert client.get("/papers/math/0101001/cite").text.startswith("@misc{")


def test_a_run_card_tells_the_verdicts_of_the_ledger(client):
    page = client.get("/papers/matryoshka").text
    card = cards.run_card("matryoshka")
    result = ledger.committed("matryoshka").runs["desktop"]
    assert len(card.claims) == len(result.claims)
    assert sum(card.counts.values()) == len(result.claims)
    assert "reprise run matryoshka" in page
    assert catalogue.paper("matryoshka").figures[0].value in page
    assert page.count('class="verdict') >= len(result.claims)
    figure = client.get("/papers/matryoshka/figures/0.svg")
    assert figure.headers["content-type"] == "image/svg+xml"
    assert figure.text.startswith("<svg")
    for wrong in ("matryoshka/figures/999.svg", "no-such-paper/figures/0.svg"):
        assert client.get(f"/papers/{wrong}").status_code == 404


def test_a_card_without_its_family_installed_still_tells_the_verdicts(monkeypatch):
    from reprise import claims

    def missing(_):
        raise ImportError("transformers is not installed")

    monkeypatch.setattr(claims, "load", missing)
    monkeypatch.setattr(catalogue, "snippet", missing)
    for cached in (cards.run_card, cards._measured):
        cached.cache_clear()
    card = cards.run_card("matryoshka")
    for cached in (cards.run_card, cards._measured):
        cached.cache_clear()
    assert sum(card.counts.values()) == len(card.claims) > 0
    assert card.problem == "transformers is not installed."
    assert not card.snippet


def test_a_planned_paper_has_a_page_too(client):
    planned = catalogue.papers(status="planned")
    if planned:
        assert "Planned: nothing of it can be run yet." in client.get(f"/papers/{planned[0].slug}").text


def test_headers_tie_the_browser_down(client):
    for address in ("/", "/nothing", "/papers/matryoshka"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in policy


def test_pages_hold_no_script_or_style_of_their_own(client):
    for address in ("/", "/trending", "/papers/matryoshka", "/nothing"):
        page = client.get(address).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)


def test_a_form_without_its_token_changes_nothing(client):
    assert client.post("/theme", data={"theme": "dark"}).status_code == 403
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").text)[1]
    answer = client.post("/theme", data={"theme": "dark", "csrf_token": token})
    assert answer.status_code == 303
    assert 'data-theme="dark"' in client.get("/").text
    assert client.post("/theme", data={"theme": "light", "csrf_token": token + "x"}).status_code == 403
    elsewhere = {"origin": "https://evil.example"}
    assert client.post("/theme", data={"theme": "light", "csrf_token": token}, headers=elsewhere).status_code == 403
    client.cookies.clear()
    assert client.post("/theme", data={"theme": "light", "csrf_token": token}).status_code == 403


@pytest.mark.parametrize(
    "referer", ["https://evil.example/x", "//evil.example", "http://testserver//evil.example/", "junk"]
)
def test_a_reader_is_never_sent_to_another_site(client, referer):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").text)[1]
    answer = client.post("/theme", data={"theme": "dark", "csrf_token": token}, headers={"referer": referer})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "address",
    [
        "/?date=notadate",
        "/?span=century",
        "/new?page=0",
        "/new?page=99999",
        "/papers/x/cite?style=mla",
        "/?category=" + "x" * 99,
    ],
)
def test_bad_addresses_are_told_so(client, address):
    page = client.get(address)
    assert page.status_code == 422
    assert "That did not work" in page.text


@pytest.mark.parametrize(
    "address",
    ["/static/0/..%2Fsettings.py", "/static/settings.py", "/static/x/%2e%2e/settings.py", "/static/x//etc/passwd"],
)
def test_only_files_of_the_site_are_served(client, address):
    assert client.get(address).status_code == 404


def test_files_have_addresses_that_change_with_them(client):
    address = re.search(r'href="(/static/[0-9a-f]{12}/site.css)"', client.get("/").text)[1]
    answer = client.get(address)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in client.get("/static/000000000000/site.css").headers["cache-control"]


def test_citations_read_back():
    bibtexparser = pytest.importorskip("bibtexparser")
    paper = Paper(
        title="100% of {Möbius} & Strips_",
        authors=["August Möbius", "Laurens van der Maaten"],
        day=datetime.date(2024, 2, 1),
        arxiv="2402.00001",
        primary_category="cs.LG",
        venue="ICLR 2024",
    )
    entry = bibtexparser.loads(cite(paper, "bibtex")).entries[0]
    assert (entry["eprint"], entry["primaryclass"], entry["year"]) == ("2402.00001", "cs.LG", "2024")
    assert entry["author"] == "August Möbius and Laurens van der Maaten"
    assert r"100\% of \{Möbius\} \& Strips\_" in entry["title"]
    assert "AU  - van der Maaten, Laurens\n" in cite(paper, "ris")
    assert cite(paper, "apa").startswith("Möbius, A., & van der Maaten, L. (2024). 100%")
    assert '"family": "van der Maaten"' in cite(paper, "csl")


def test_every_style_cites_a_paper_that_says_little():
    for style in STYLES:
        assert cite(Paper(id=7, title="…", authors=[], day=datetime.date(2024, 2, 1), link=""), style).strip()


@pytest.mark.parametrize("address", ["/", "/papers/matryoshka", "/api/papers", "/feed.atom", "/nothing", "/healthz"])
def test_head_is_get_without_a_body(client, address):
    asked, told = client.head(address), client.get(address)
    assert asked.status_code == told.status_code
    assert asked.headers["content-type"] == told.headers["content-type"]
    assert asked.content == b""


def test_what_any_host_is_asked(client, store):
    assert client.get("/healthz").json() == {"status": "ok"}
    rules = client.get("/robots.txt").text.splitlines()
    assert rules[0] == "User-agent: *"
    assert "Disallow: /search" in rules
    assert not any("/papers".startswith(rule.removeprefix("Disallow: ")) for rule in rules[1:])
    icon = client.get(client.get("/favicon.ico").headers["location"])
    assert icon.headers["content-type"] == "image/svg+xml"


def test_a_host_is_told_when_the_database_is_gone(client, store, monkeypatch):
    def gone():
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(store, "reading", gone)
    assert client.get("/healthz").status_code == 503


def test_a_paper_tells_reference_managers_and_previews_what_it_is(client, make_papers):
    make_papers(record(1, title='Wings & "things"'))
    page = client.get("/papers/2611.00001").text
    tags = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page))
    assert tags["citation_title"] == "Wings &amp; &#34;things&#34;"
    assert re.findall(r'citation_author" content="([^"]+)"', page) == ["Ada Lovelace", "Zoë Łukasiewicz"]
    assert tags["citation_pdf_url"] == "https://arxiv.org/pdf/2611.00001"
    assert tags["og:title"] == tags["citation_title"]
    assert tags["og:description"] == tags["description"] == "What paper 1 is about."
    assert '<link rel="canonical" href="http://testserver/papers/2611.00001">' in page

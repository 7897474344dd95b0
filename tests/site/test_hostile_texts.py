"""Texts of papers and comments that are written to do harm."""

import re

import pytest
from sqlalchemy import select
from tests.site.conftest import record
from tests.site.test_accounts import people  # noqa: F401

from reprise.site.accounts.comments import LONGEST, add_comment, thread
from reprise.site.accounts.library import create_list, papers_on, set_listed
from reprise.site.accounts.markdown import to_html
from reprise.site.citations import cite
from reprise.site.ingest import fields
from reprise.site.ingest.client import _shown
from reprise.site.store.feed import find_paper
from reprise.site.store.tables import Account, Paper


def test_a_thread_of_text_that_is_slow_to_read_is_read_once(store, make_papers, people):  # noqa: F811
    make_papers(record(1))
    with store.writing() as session:
        number = find_paper(session, "2611.00001").id
        for reader in people:
            add_comment(session, reader, number, f"{reader}" + "![" * (LONGEST // 2 - 1))
        first = thread(session, number)
        before = to_html.cache_info()
        assert [one.html for one in thread(session, number)] == [one.html for one in first]
    after = to_html.cache_info()
    assert (after.hits - before.hits, after.misses - before.misses) == (len(people), 0)


def slow_outside_parentheses(text):
    import re

    while (shorter := re.sub(r"\([^()]*\)", " ", text)) != text:
        text = shorter
    return text


@pytest.mark.parametrize(
    "text", ["A (1), B", "(a (b) c) d", "a (b", "a) b", "(a (b)", "a) (b) (c", "((a)(b))c)", "", "()", ")(", "((())"]
)
def test_parentheses_are_dropped_as_pairs(text):
    assert fields._outside_parentheses(text).split() == slow_outside_parentheses(text).split()


def test_parentheses_in_parentheses_are_read_in_one_go():
    deep = 400_000  # read layer by layer, these take minutes
    assert fields.names("A. Author " + "(" * deep + ")" * deep) == ["A. Author"]


def test_a_link_ends_no_field_of_a_citation():
    bibtexparser = pytest.importorskip("bibtexparser")
    link = fields.web_address("https://example.org/},author={Eve},note={x")
    paper = Paper(id=1, title="T", authors=["Ada Lovelace"], day=record().day, link=link)
    entry = bibtexparser.loads(cite(paper, "bibtex")).entries[0]
    assert entry["author"] == "Ada Lovelace"
    assert "note" not in entry


def test_a_password_in_the_address_of_a_source_is_not_told():
    import httpx

    assert _shown(httpx.URL("https://me:hunter2@example.org/x?y=1")) == "https://example.org/x?y=1"


def test_a_long_list_is_read_page_by_page(client, store, make_papers):
    make_papers(*(record(n) for n in range(1, 121)))
    with store.writing() as session:
        session.add(Account(id=1, email="ada@example.org"))
        session.flush()
        made = create_list(session, 1, "Long", public=True)
        session.flush()
        numbers = session.scalars(select(Paper.id).where(Paper.source == "arxiv").order_by(Paper.id)).all()
        for number in numbers:
            set_listed(session, made, number, True)
        first, count = papers_on(session, made.id)
        loaded = [paper for paper in session.identity_map.values() if isinstance(paper, Paper)]
    assert (len(first.papers), first.more, count) == (50, True, 120)
    assert len(loaded) < 60
    pages = [client.get(f"/lists/{made.id}", params={"page": page}).text for page in (1, 2, 3)]
    shown = [re.findall(r'id="paper-(\d+)"', page) for page in pages]
    assert [len(page) for page in shown] == [50, 50, 20]
    assert sorted(int(number) for page in shown for number in page) == numbers
    assert "120 papers" in pages[0]

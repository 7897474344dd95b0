"""Answers of the sources, well-formed, odd and hostile."""

import datetime
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.site.sources import atom_feed, oai_answer, oai_record, work

from reprise.site.ingest import arxiv_atom, daily, fields, files, oai, xml
from reprise.site.ingest.errors import DamagedAnswerError, RefusedError
from reprise.site.ingest.steps import Withdrawn
from reprise.site.store.papers import PaperRecord

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><feed><entry><id>&c;</id></entry></feed>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/passwd">]><feed>&x;</feed>"""
TYPED = b"""<!DOCTYPE feed SYSTEM "http://example.com/feed.dtd"><feed/>"""


def raw(inner, header="<identifier>oai:arXiv.org:2611.00001</identifier>"):
    return oai_answer(
        f"<ListRecords><record><header>{header}</header><metadata>{inner}</metadata></record></ListRecords>"
    ).body


def test_atom_tells_a_paper():
    updated = datetime.datetime(2026, 11, 20, 8, tzinfo=datetime.UTC)
    answer = arxiv_atom.parse(atom_feed([work(1, version=3, updated=updated, title="A < B &\n  C")], 17))
    assert answer.total == 17
    (paper,) = answer.entries
    assert (paper.arxiv, paper.version, paper.title) == ("2611.00001", 3, "A < B & C")
    assert (paper.abstract, list(paper.authors)) == ("What paper 1 is about.", ["Ada Lovelace", "Jan Łukasiewicz"])
    assert (paper.day, paper.updated) == (datetime.date(2026, 11, 1), updated)
    assert (list(paper.categories), paper.source) == (["cs.LG", "stat.ML"], "arxiv")


def test_atom_tells_what_is_wrong_with_one_paper_and_keeps_the_others():
    entries = arxiv_atom.parse(atom_feed([work(1, title=" "), work(2), work(3, id="nonsense")], 3)).entries
    assert [isinstance(entry, PaperRecord) for entry in entries] == [False, True, False]
    assert "no title" in str(entries[0])


def test_an_error_of_the_atom_api_is_one():
    feed = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/api/errors#start</id>
        <summary>start must be an integer</summary></entry></feed>"""
    with pytest.raises(DamagedAnswerError, match="start must be an integer"):
        arxiv_atom.parse(feed)


@pytest.mark.parametrize("parse", [arxiv_atom.parse, oai.parse])
@pytest.mark.parametrize(
    "content",
    [b"", b"<feed", b"<html><body>Sorry</body></html>", b"\xff\xfe", b'<?xml version="1.0" encoding="x-none"?><feed/>',
     BOMB, OUTSIDE, TYPED],
)  # fmt: skip
def test_what_is_no_answer_or_could_harm_is_refused(parse, content):
    with pytest.raises(DamagedAnswerError):
        parse(content)


def test_an_answer_of_many_depths_does_no_harm():
    deep = b"<feed><entry>" + b"<author><name>" * 100_000 + b"</name></author>" * 100_000 + b"</entry></feed>"
    (entry,) = arxiv_atom.parse(deep).entries
    assert isinstance(entry, RefusedError)


@pytest.mark.parametrize("part", [b"<a/>", b'<a b="" c="" d=""/>'])
def test_an_answer_of_too_many_parts_is_refused_before_it_fills_the_memory(monkeypatch, part):
    monkeypatch.setattr(xml, "MAX_PARTS", 4000)
    with pytest.raises(DamagedAnswerError, match="more than 4,000 parts"):
        arxiv_atom.parse(b"<feed>" + part * 4000 + b"</feed>")


def test_a_cut_answer_is_damaged():
    whole = atom_feed([work(1), work(2)], 2)
    for length in range(0, len(whole) - 7, 97):
        with pytest.raises(DamagedAnswerError):
            arxiv_atom.parse(whole[:length])


def test_oai_tells_the_versions_of_a_paper_and_what_was_withdrawn():
    later = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    body = oai_record(work(1, version=2, updated=later)) + oai_record(work(2, deleted=True))
    answer = oai.parse(
        oai_answer(
            f'<ListRecords>{body}<resumptionToken completeListSize="9"> a|b </resumptionToken></ListRecords>'
        ).body
    )
    assert (answer.token, answer.total, answer.error) == ("a|b", 9, "")
    assert answer.answered == datetime.date(2026, 11, 26)
    paper, gone = answer.records
    assert (paper.arxiv, paper.version, paper.day, paper.updated) == (
        "2611.00001", 2, datetime.date(2026, 11, 1), later,
    )  # fmt: skip
    assert (list(paper.authors), list(paper.categories)) == (
        ["Ada Lovelace", "Jan Łukasiewicz"], ["cs.LG", "stat.ML"],
    )  # fmt: skip
    assert gone == Withdrawn("2611.00002")


AS_ARXIV_WRITES = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"
         xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
         xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">
    <responseDate>2026-11-26T08:00:00Z</responseDate>
    <request verb='ListRecords' resumptionToken='x'>https://oaipmh.example.org/oai</request>
    <ListRecords>
        <record>
            <header>
                <identifier>oai:arXiv.org:math/0309136</identifier>
                <datestamp>2026-11-20</datestamp>
                <setSpec>math:math:GT</setSpec>
            </header>
            <metadata>
    <arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
              xsi:schemaLocation="http://arxiv.org/OAI/arXivRaw/ https://oaipmh.example.org/OAI/arXivRaw.xsd">
        <id>math/0309136</id>
        <submitter>H. Poincar\\'e</submitter>
            <version version="v10">
                <date>Tue, 03 Mar 2009 09:00:00 GMT</date>
                <size>12kb</size>
                <source_type>D</source_type>
            </version>
            <version version="v2">
                <date>Mon, 08 Sep 2003 18:00:00 GMT</date>
                <size>9kb</size>
            </version>
        <title>On the Poincar\\'e
  conjecture for $\\v$ &amp;amp; more</title>
        <authors>H. Poincar\\'e, J.~{\\L}ukasiewicz (1), K. G\\"odel and ATLAS Collaboration: G. Aad ((1) UJK)</authors>
        <categories>math.GT math.DG</categories>
            <comments>3 pages, Paul Erd\\H{o}s</comments>
            <msc-class>57M40</msc-class>
            <license>http://arxiv.org/licenses/nonexclusive-distrib/1.0/</license>
            <abstract>  Every simply connected, closed
3-manifold of volume &lt; 1 is a sphere.
</abstract>
    </arXivRaw>
            </metadata>
        </record>
            <resumptionToken expirationDate='2026-11-27T00:00:00Z'>verb%3DListRecords%26skip%3D2500</resumptionToken>
    </ListRecords>
</OAI-PMH>""".replace("\\\\", "\\")


def test_oai_as_arxiv_writes_it():
    answer = oai.parse(AS_ARXIV_WRITES.encode())
    assert (answer.token, answer.total) == ("verb%3DListRecords%26skip%3D2500", None)
    assert answer.expires == datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)
    assert answer.dates == ["2026-11-20"]
    (paper,) = answer.records
    assert (paper.arxiv, paper.version, paper.day) == ("math/0309136", 10, datetime.date(2003, 9, 8))
    assert paper.title == r"On the Poincaré conjecture for $\v$ & more"
    assert list(paper.authors) == [
        "H. Poincaré", "J. Łukasiewicz", "K. Gödel", "ATLAS Collaboration", "G. Aad",
    ]  # fmt: skip
    assert paper.abstract == "Every simply connected, closed 3-manifold of volume < 1 is a sphere."


def test_an_empty_token_ends_a_list():
    body = f"<ListRecords>{oai_record(work(1))}<resumptionToken/></ListRecords>"
    assert oai.parse(oai_answer(body).body).token == ""


@pytest.mark.parametrize(
    "facts", [{"source_types": ["", "AI"]}, {"comment": "This paper has been withdrawn"}, {"abstract": "Withdrawn."}]
)
def test_a_paper_that_its_authors_took_back(facts):
    body = f"<ListRecords>{oai_record(work(1, version=2, **facts))}</ListRecords>"
    assert oai.parse(oai_answer(body).body).records == [Withdrawn("2611.00001", 2)]
    if "source_types" not in facts:  # which Atom does not tell
        assert arxiv_atom.parse(atom_feed([work(1, version=2, **facts)], 1)).entries == [Withdrawn("2611.00001", 2)]


def test_a_version_that_was_withdrawn_and_then_replaced_is_a_paper():
    body = f"<ListRecords>{oai_record(work(1, version=3, source_types=['', 'I', 'D']))}</ListRecords>"
    assert oai.parse(oai_answer(body).body).records[0].version == 3


def test_oai_in_the_other_format_is_read_too():
    (paper,) = oai.parse(
        raw(
            """<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>math.GT/0309136</id><created>2003-09-08</created>
            <updated>2004-01-02</updated><authors><author><keyname>Perelman</keyname><forenames>Grisha</forenames>
            </author><author><keyname>King</keyname><forenames>M. L.</forenames><suffix>Jr.</suffix></author></authors>
            <title>T</title><categories>math.GT math.DG</categories><abstract>A</abstract></arXiv>"""
        )
    ).records
    assert (paper.arxiv, paper.version, paper.day) == ("math/0309136", 0, datetime.date(2003, 9, 8))
    assert list(paper.authors) == ["Grisha Perelman", "M. L. King, Jr."]


def test_oai_errors_and_odd_records():
    answer = oai.parse(oai_answer('<error code="badArgument">No such set</error>').body)
    assert (answer.error, answer.message) == ("badArgument", "No such set")
    with pytest.raises(DamagedAnswerError, match="neither records nor an error"):
        oai.parse(oai_answer("<Identify/>").body)
    with pytest.raises(DamagedAnswerError, match="token is longer"):
        oai.parse(oai_answer(f"<ListRecords><resumptionToken>{'x' * 5000}</resumptionToken></ListRecords>").body)
    for inner in ("", "<dc>x</dc>", '<arXivRaw xmlns="x"><id>2611.00001</id></arXivRaw>'):
        (record,) = oai.parse(raw(inner)).records
        assert isinstance(record, RefusedError)
    (record,) = oai.parse(raw("", "<identifier>../x</identifier>")).records
    assert isinstance(record, RefusedError)


def entry(**paper):
    known = {"id": "2611.00001", "title": "T", "summary": "S", "authors": [{"name": "A"}], "upvotes": 3}
    return {"paper": known | paper, "publishedAt": "2026-11-02T00:00:00.000Z"}


def test_a_daily_feed_puts_the_fewest_upvotes_first_and_keeps_its_own_day():
    day = datetime.date(2026, 11, 5)
    listed = [entry(upvotes=9, githubRepo="https://github.com/a/b"), entry(id="2611.00002", upvotes=1)]
    papers, refused, length, _ = daily.parse(json.dumps(listed).encode(), day)
    assert [paper.arxiv for paper in papers] == ["2611.00002", "2611.00001"]
    assert (papers[1].code, papers[1].day, papers[1].version) == ("https://github.com/a/b", day, 0)
    assert (refused, length) == ([], 2)
    assert daily.parse(json.dumps([entry()]).encode()).papers[0].day == datetime.date(2026, 11, 2)


def test_a_daily_feed_as_it_is():
    whole = {
        "paper": {
            "id": "2611.00003",
            "authors": [
                {"_id": "a1", "user": {"_id": "u1", "fullname": "Ada", "type": "user"}, "name": "Ada Lovelace",
                 "status": "claimed_verified", "statusLastChangedAt": "2026-11-03T10:00:00.000Z", "hidden": False},
                {"_id": "a2", "name": "Zo&euml; \u0141ukasiewicz", "hidden": False},
            ],
            "mediaUrls": [], "publishedAt": "2026-11-02T00:00:00.000Z", "submittedOnDailyAt": "2026-11-03T01:00:00Z",
            "title": "A\n  title", "submittedOnDailyBy": {"_id": "u2", "isPro": True, "user": "x", "type": "user"},
            "summary": "Lines\nof text.", "upvotes": 7, "discussionId": "d",
            "projectPage": "https://github.com/a/b", "githubRepoAddedBy": "user", "githubStars": 19, "ai_summary": "S",
            "ai_keywords": ["k"], "organization": {"_id": "o", "name": "org", "fullname": "Org"},
        },
        "publishedAt": "2026-11-02T12:08:18.000Z", "title": "A\n  title", "summary": "Lines\nof text.",
        "thumbnail": "https://example.org/t.png", "numComments": 2, "isAuthorParticipating": False,
        "submittedBy": {"_id": "u2", "fullname": "X", "isHf": False, "followerCount": 3},
    }  # fmt: skip
    gone = entry(id="2611.00004", withdrawnAt="2026-11-04T00:00:00.000Z")
    site = entry(id="2611.00005", projectPage="https://a.github.io/b/")
    answer = daily.parse(json.dumps([whole, gone, site]).encode(), datetime.date(2026, 11, 3))
    other, paper = answer.papers
    assert (paper.arxiv, paper.title, paper.abstract) == ("2611.00003", "A title", "Lines of text.")
    assert (list(paper.authors), paper.code) == (["Ada Lovelace", "Zoë Łukasiewicz"], "https://github.com/a/b")
    assert (answer.withdrawn, answer.length, other.code) == ([Withdrawn("2611.00004")], 3, "")


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b'"x"', b"[" * 100_000, b"\xff", b"null"])
def test_what_is_no_daily_feed_is_damaged(content):
    with pytest.raises(DamagedAnswerError):
        daily.parse(content)


def test_hostile_entries_of_a_daily_feed_are_left_out_or_made_harmless():
    listed = [
        None, 7, {}, {"paper": None}, entry(id=None), entry(id="javascript:alert(1)"), entry(title=["x"]),
        entry(title=""),
        entry(authors="x", upvotes="many", githubRepo="javascript:alert(1)", title="\ud800<script>\x00 "),
        entry(authors=[None, {"name": 7}, {"name": "Hidden", "hidden": True}, {"name": "Shown"}], summary=None),
    ]  # fmt: skip
    papers, refused, *_ = daily.parse(json.dumps(listed).encode(), datetime.date(2026, 11, 5))
    assert len(refused) == 8
    assert [(paper.title, list(paper.authors), paper.code) for paper in papers] == [
        ("<script>", [], ""),
        ("T", ["Shown"], ""),
    ]


def test_rows_of_known_collections():
    snapshot = files.parse(
        {
            "id": "0704.0001",
            "title": "A\n  title",
            "authors": r"C. Bal\'azs",
            "authors_parsed": [["Balázs", "C.", ""], ["King", "M. L.", "Jr."]],
            "categories": "hep-ph hep-th",
            "abstract": "  Text\n",
            "versions": [{"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
                         {"version": "v2", "created": "Tue, 24 Jul 2007 20:10:27 GMT"}],
            "update_date": "2008-11-26",
        }
    )  # fmt: skip
    assert (snapshot.arxiv, snapshot.version, snapshot.day) == ("0704.0001", 2, datetime.date(2007, 4, 2))
    assert (list(snapshot.authors), list(snapshot.categories)) == (
        ["C. Balázs", "M. L. King Jr."], ["hep-ph", "hep-th"],
    )  # fmt: skip
    sample = files.parse({"arxiv_id": "704.1", "title": "T", "primary_cat": "cs.LG", "categories": "cs.CL,cs.LG"})
    assert (sample.arxiv, sample.day, list(sample.categories)) == (
        "0704.1000", datetime.date(2007, 4, 1), ["cs.LG", "cs.CL"],
    )  # fmt: skip
    assert files.parse({"arxiv_id": 1807.05084, "title": "T"}).arxiv == "1807.05084"
    elsewhere = files.parse({"title": "T", "url": "https://example.org/a.pdf", "date": "2024-02-03", "version": "v2"})
    assert (elsewhere.arxiv, elsewhere.link, elsewhere.version) == (None, "https://example.org/a.pdf", 2)


def test_a_row_of_a_paper_that_was_withdrawn():
    row = {"id": "0704.0002", "title": "T", "comments": "This paper has been withdrawn by the author", "version": 2}
    assert files.parse(row) == Withdrawn("0704.0002", 2)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (None, "no JSON object"),
        ([], "no JSON object"),
        ({"title": "T"}, "it has neither an arXiv id nor a link"),
        ({"title": "T", "link": "file:///etc/passwd"}, "neither"),
        ({"id": "2611.00001"}, "no title"),
        ({"id": "2699.00001", "title": "T"}, "no date"),
        ({"link": "https://example.org", "title": "T", "date": "31.12."}, "no date"),
    ],
)
def test_a_row_that_is_no_paper_says_why(row, why):
    with pytest.raises(RefusedError, match=why):
        files.parse(row)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2401.01234", ("2401.01234", 0)),
        (" arXiv:2401.01234v12 ", ("2401.01234", 12)),
        ("http://arxiv.org/abs/0704.0001v1", ("0704.0001", 1)),
        ("https://www.arxiv.org/pdf/2401.01234v2.pdf#page=3", ("2401.01234", 2)),
        ("https://arxiv.org/html/2401.01234?x=1", ("2401.01234", 0)),
        ("export.arxiv.org/abs/hep-th/9901001", ("hep-th/9901001", 0)),
        ("https://doi.org/10.48550/arXiv.2401.01234", ("2401.01234", 0)),
        ("oai:arXiv.org:math/0309136", ("math/0309136", 0)),
    ],
)
def test_links_and_ids_of_arxiv(text, found):
    assert fields.arxiv_id(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "2401.1", "https://example.com/abs/2401.01234", "https://arxiv.org.example.com/abs/2401.01234",
     "https://example.com/?arxiv.org/abs/2401.01234", "https://arxiv.org@example.com/abs/2401.01234",
     "https://arxiv.org/list/cs.LG", "../2401.01234", "2401.01234\nx", "٢٤٠١.٠١٢٣٤", "2401.01234" * 1000],
)  # fmt: skip
def test_what_is_neither(text):
    assert fields.arxiv_id(text) is None


@given(st.text(), st.text(), st.text(), st.lists(st.text()), st.text())
def test_whatever_a_source_says_is_a_paper_that_can_be_kept_or_is_refused(title, abstract, code, authors, updated):
    try:
        paper = fields.paper(
            source="arxiv",
            arxiv="2611.00001",
            title=title,
            abstract=abstract,
            code=code,
            authors=authors,
            updated=updated,
        )
    except RefusedError:
        return
    for text in (paper.title, paper.abstract, *paper.authors):
        text.encode()
        assert not re.search(r"[\x00-\x1f]", text)
    assert paper.title
    assert paper.code == "" or paper.code.startswith(("http://", "https://"))


@given(st.text(max_size=40))
def test_names_and_dates_and_categories_never_fail(text):
    fields.names(text)
    fields.moment(text)
    assert all(len(name) <= 32 for name in fields.categories(text))

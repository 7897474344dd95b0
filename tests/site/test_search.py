import datetime
import threading
import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from tests.site.conftest import record

from reprise.errors import InvalidInputError
from reprise.site.search import Searcher, encode, parse
from reprise.site.search.encoding import waiting
from reprise.site.search.fusion import fuse
from reprise.site.search.index import MeaningIndex
from reprise.site.search.meaning import SharedEncoder
from reprise.site.search.nearest import NearestInIndex
from reprise.site.search.query import Query, Term
from reprise.site.search.words import by_words, marked, narrow
from reprise.site.store.tables import PENDING, REJECTED, Embedding, Paper
from reprise.site.store.types import WIDTH

HOSTILE = (
    "'; drop table papers; --",
    '"',
    '"""',
    "NEAR(a b, 3) AND title:x* OR ^c",
    "a AND OR NOT",
    "(((",
    "* ^ + - : . {a b} : c",
    "\x00\x01\ud800 \x02word\x03",
    "\\' \\\\ ' & | ! <-> :*",
    'author: cat: after: -author:x -"',
    'author:"\' \\ & !:*"',
    "after:9999-99-99 before:0000 runs:perhaps family:none cat:..",
    "%_ % {}[]$$ ${x} {{7*7}}",
    "é́ ﷽ ‮ 中文 क्षि 🦊",
    "word " * 400,
    "-x " * 200,
)


def toy(texts):
    """Encode texts by the words they share: a bag of hashed words, which is all that these tests need of a meaning."""
    import zlib

    vectors = np.zeros((len(texts), WIDTH), np.float32)
    for row, one in enumerate(texts):
        for word in one.lower().replace("\n", " ").split():
            vectors[row, zlib.crc32(word.encode()) % WIDTH] += 1
    vectors[:, 0] += 1e-3
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def searcher(store, tmp_path):
    return Searcher(store, tmp_path, SharedEncoder(toy))


def found(searcher, line, **more):
    with searcher.store.reading() as session:
        return [hit.paper.title for hit in searcher.search(session, line, **more).hits]


def words(store, line, count=20):
    with store.reading() as session:
        numbers = by_words(session, parse(line), count)
        titles = dict(session.execute(select(Paper.id, Paper.title)).all())
        return [titles[number] for number in numbers]


# The query


@given(st.text(alphabet=st.sampled_from('ab -":.,;()*é2 authorcfterb')) | st.text(max_size=80))
def test_a_query_is_read_back_as_it_was_written(line):
    query = parse(line)
    again = parse(str(query))
    assert (again.terms, again.without, again.filters) == (query.terms, query.without, query.filters)


def test_a_query_in_all_its_parts():
    query = parse(
        'rings "of words" -noise -"two words" author:"Ada L" cat:CS.lg cat:math after:2025-03 before:2026 runs:no'
    )
    assert query.terms == (Term("rings"), Term("of words", True))
    assert query.without == (Term("noise"), Term("two words", True))
    assert (query.authors, query.categories) == (("Ada L",), ("cs.LG", "math"))
    assert (query.after, query.before) == (datetime.date(2025, 3, 1), datetime.date(2026, 1, 1))
    assert query.runs is False
    assert not query.problems


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("rings after:yesterday", "after:yesterday is no date"),
        ("rings before:2025-13", "before:2025-13 is no date"),
        ("rings cat:l33t", "cat:l33t is no category"),
        ("rings family:nobody", "family:nobody is unknown"),
        ("rings runs:maybe", "runs:maybe is not understood"),
        ("rings author:", "author: needs a value"),
        ("rings -cat:cs.LG", "-cat: is not understood"),
    ],
)
def test_a_malformed_filter_is_told_and_left_out(line, told):
    query = parse(line)
    assert query.problems[0].startswith(told)
    assert query.terms == (Term("rings"),)
    assert not query.filters


def test_what_is_no_filter_is_read_as_words():
    assert parse("http://x.org/a Theorem:2 re:zero").text == "http://x.org/a Theorem:2 re:zero"


@pytest.mark.parametrize("line", HOSTILE)
def test_no_query_is_an_error(client, store, searcher, make_papers, line):
    make_papers(record(1))
    found(searcher, line)
    assert client.get("/search", params={"q": line.encode("utf-8", "ignore").decode()}).status_code == 200


# Words


def test_words_find_papers_that_have_them_all_before_those_with_some(store, make_papers):
    make_papers(
        record(1, title="A study of nets", abstract="Graph nets at length."),
        record(2, title="Trees", abstract="Some graphs."),
        record(3, title="Graph nets", abstract="In short."),
        record(4, title="Nothing", abstract="at all"),
    )
    assert words(store, "graph nets")[0] == "Graph nets"
    assert set(words(store, "graph nets")[:2]) == {"Graph nets", "A study of nets"}
    assert words(store, "graph nets")[2] == "Trees"
    assert words(store, "the graphs of")[-1] != "Nothing"


def test_words_in_a_title_count_most(store, make_papers):
    filler = "on many things that have nothing to do with it, and others "
    make_papers(*(record(n, title=f"Paper {n}", abstract=f"{filler} manifold {filler}") for n in range(1, 5)))
    make_papers(record(9, title="The manifold", abstract=filler * 3))
    assert words(store, "manifold")[0] == "The manifold"


def test_phrases_exclusions_and_authors(store, searcher, make_papers):
    make_papers(
        record(1, title="Sparse codes", abstract="dictionary learning", authors=["Ada Lovelace"]),
        record(2, title="Other codes", abstract="learning a dictionary", authors=["Charles Babbage"]),
        record(3, title="Pictures", abstract="dictionary learning of images", authors=["Jean-Pierre O'Neil"]),
    )
    assert set(found(searcher, '"dictionary learning"')) == {"Sparse codes", "Pictures"}
    assert set(found(searcher, "dictionary -images")) == {"Sparse codes", "Other codes"}
    assert found(searcher, '"dictionary learning" -"of images"') == ["Sparse codes"]
    assert found(searcher, 'author:"ada lovelace"') == ["Sparse codes"]
    assert found(searcher, "dictionary author:Babbage") == ["Other codes"]
    assert found(searcher, 'author:"O\'Neil"') == found(searcher, 'author:"jean-pierre o\'neil"') == ["Pictures"]
    assert found(searcher, 'author:"Lovelace Babbage"') == []
    assert found(searcher, "author:dictionary") == []
    assert found(searcher, "babbage")[0] == "Other codes"


def test_accents_and_signs_are_no_hindrance(store, searcher, make_papers):
    make_papers(
        record(
            1, title="Möbius strips", abstract="input/output of e-mail", authors=["Zoë Łukasiewicz", "José Nuñez-Ré"]
        ),
        record(
            2, title="Naïve maps", abstract="x_y and C.elegans, e\u0301tale", authors=["W. B. Yeats", "Ngô Bảo Châu"]
        ),
        record(3, title="Ångström units", abstract="“smart” models’ width–height", authors=["Ada O’Neil"]),
    )
    for line, title in {
        "mobius": "Möbius strips",
        "MÖBIUS": "Möbius strips",
        "input": "Möbius strips",
        "e-mail": "Möbius strips",
        '"input output"': "Möbius strips",
        "author:zoe": "Möbius strips",
        "author:ZOË": "Möbius strips",
        "author:łukasiewicz": "Möbius strips",
        'author:"jose nunez re"': "Möbius strips",
        "zoe": "Möbius strips",
        "naive": "Naïve maps",
        "étale": "Naïve maps",
        "elegans": "Naïve maps",
        'author:"ngo bao"': "Naïve maps",
        'author:"B. Yeats"': "Naïve maps",
        "angstrom": "Ångström units",
        "smart": "Ångström units",
        "height": "Ångström units",
        "author:o'neil": "Ångström units",
    }.items():
        assert found(searcher, line) == [title], line
    assert found(searcher, "author:lukasiewicz") == []  # a letter of its own, on either database
    assert found(searcher, 'author:"Lukasiewicz José"') == []
    assert found(searcher, "mobius -naive") == ["Möbius strips"]


@pytest.mark.parametrize("line", ["möbius", "e-mail", '"möbius strip"'])
def test_words_with_accents_and_signs_are_marked(searcher, make_papers, line):
    make_papers(record(1, title="T", abstract="About a Möbius strip, by e-mail."))
    with searcher.store.reading() as session:
        (hit,) = searcher.search(session, line).hits
    assert "<mark>" in hit.snippet


def test_a_rare_word_outweighs_a_common_one_and_short_papers_long_ones(store, make_papers):
    filler = "of quite other things that make it long " * 8
    make_papers(
        *(record(n, title=f"Paper {n}", abstract="nets") for n in range(1, 9)),
        record(10, title="Rare", abstract="quaternion"),
        record(11, title="Long and rare", abstract=f"quaternion {filler}"),
        record(12, title="Both", abstract=f"nets {filler}, quaternion"),
    )
    assert words(store, "nets quaternion")[:3] == ["Both", "Rare", "Long and rare"]


def test_a_word_said_twice_counts_twice(store, make_papers):
    make_papers(record(1, title="Alpha"), record(2, title="Beta"), record(3, title="Gamma"))
    assert words(store, "alpha beta beta")[0] == "Beta"
    assert words(store, "alpha alpha beta")[0] == "Alpha"


def test_of_very_many_matches_the_latest_are_ranked_but_filters_see_all(store, make_papers, monkeypatch):
    monkeypatch.setattr("reprise.site.search.words_sqlite.RANKED", 5)
    monkeypatch.setattr("reprise.site.search.words_postgresql.RANKED", 5)
    make_papers(
        *(
            record(n, title=f"Rings {n}", authors=[f"Ada {n % 2}"], categories=[("cs.CL", "cs.LG")[n % 2]])
            for n in range(1, 21)
        )
    )
    assert sorted(words(store, "rings")) == sorted(f"Rings {n}" for n in range(16, 21))
    assert sorted(words(store, "rings author:1")) == sorted(f"Rings {n}" for n in range(11, 21, 2))
    assert set(words(store, "rings cat:cs.LG")) >= {f"Rings {n}" for n in range(11, 21, 2)}


def test_filters_narrow_words_and_meaning_alike(store, searcher, make_papers):
    make_papers(
        record(1, title="Rings in one", categories=["cs.LG"], day=datetime.date(2024, 5, 1)),
        record(2, title="Rings in two", categories=["math.AG"], day=datetime.date(2025, 5, 1)),
        record(3, title="Rings in three", categories=["math.CO", "cs.LG"], day=datetime.date(2026, 5, 1)),
        record(4, title="Rings in four", categories=["cs.LG"], state=PENDING),
    )
    encode(store, toy)
    assert set(found(searcher, "rings")) == {"Rings in one", "Rings in two", "Rings in three"}
    assert set(found(searcher, "rings cat:math")) == {"Rings in two", "Rings in three"}
    assert found(searcher, "rings cat:math cat:cs.LG") == ["Rings in three"]
    assert found(searcher, "rings after:2025 before:2026") == ["Rings in two"]
    assert found(searcher, "rings runs:yes") == []
    assert found(searcher, "cat:cs.LG") == ["Rings in three", "Rings in one"]  # the latest first
    with store.writing() as session:
        session.execute(update(Paper).where(Paper.arxiv == "2611.00001").values(state=REJECTED))
    assert "Rings in one" not in found(searcher, "rings in one")


def test_snippets_mark_words_and_escape_all_else(searcher, make_papers):
    hostile = "Some <b>hostile</b> & \x02odd\x03 spectral text <script>alert(1)</script>"
    make_papers(record(1, title="T", abstract=hostile))
    with searcher.store.reading() as session:
        (hit,) = searcher.search(session, "spectral").hits
    assert "<mark>spectral</mark>" in hit.snippet
    assert "\x02" not in hit.snippet
    assert "<script>" not in hit.snippet
    assert "<b>" not in hit.snippet
    assert "hostile" in hit.snippet
    assert " &amp; " in hit.snippet


def test_marks_that_the_text_brings_itself_are_dropped():
    assert str(marked("\x02a\x03 \x03b")) == "a b"


# Meaning


def test_the_queue_encodes_what_is_missing_or_has_changed_and_nothing_else(store, make_papers):
    make_papers(*(record(n) for n in range(1, 8)))
    seen = []

    def counted(texts):
        seen.extend(texts)
        return toy(texts)

    assert encode(store, counted, batch=3).papers == 7
    assert encode(store, counted).papers == 0
    make_papers(record(2, abstract="Something else.", version=2), record(3, categories=["math.CO"]))
    with store.reading() as session:
        number = session.scalar(select(Paper.id).where(Paper.arxiv == "2611.00002"))
        old = session.get(Embedding, number)
        assert old.digest == ""
        assert np.linalg.norm(old.vector) == pytest.approx(1, abs=1e-3)  # serves until the new one is there
    assert encode(store, counted).papers == 1
    assert seen[7:] == ["Paper 2\nSomething else."]


def test_an_interrupted_queue_goes_on_where_it_stopped(store, make_papers):
    make_papers(*(record(n) for n in range(1, 11)))
    stop = threading.Event()
    first = encode(store, toy, batch=4, stop=stop, report=lambda _: stop.set())
    assert first.papers == 4
    assert encode(store, toy, batch=4).papers == 6


def test_a_text_that_changes_while_it_is_encoded_waits_again(store, make_papers):
    make_papers(record(1))

    def interrupted(texts):
        make_papers(record(1, abstract="Newer.", version=2))
        return toy(texts)

    assert encode(store, interrupted, batch=1).papers == 0
    assert encode(store, toy).papers == 1


def test_two_who_encode_at_once_do_no_harm(store, make_papers):
    make_papers(*(record(n) for n in range(1, 41)))
    failures = []

    def work():
        try:
            encode(store, toy, batch=5)
        except Exception as problem:
            failures.append(problem)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with store.reading() as session:
        assert len(session.scalars(select(Embedding.paper_id)).all()) == 40


def test_meaning_finds_what_words_do_not_require(store, searcher, make_papers):
    make_papers(record(1, title="alpha beta gamma", abstract="delta"), record(2, title="zeta", abstract="eta theta"))
    encode(store, toy)
    with store.reading() as session:
        page = searcher.search(session, "alpha beta gamma delta")
    assert page.meaning
    assert page.hits[0].why == "both"
    assert [hit.paper.title for hit in page.hits] == ["alpha beta gamma"]


def test_a_wrong_encoder_is_refused():
    with pytest.raises(InvalidInputError, match="384 numbers"):
        SharedEncoder(lambda texts: np.ones((len(texts), 3)))(["a"])


def test_an_encoder_that_fails_leaves_words_to_serve(store, tmp_path, make_papers):
    make_papers(record(1, title="Rings"))
    searcher = Searcher(store, tmp_path)
    with store.reading() as session:
        page = searcher.search(session, "rings")
    assert [hit.why for hit in page.hits] == ["words"]
    assert not page.meaning


def test_fusion_by_the_formula():
    fused = fuse({"words": [1, 2, 3], "meaning": [3, 1, 1]}, k=10, weights={"meaning": 2})
    scores = {each.id: each.score for each in fused}
    assert scores == pytest.approx({1: 1 / 11 + 2 / 12, 2: 1 / 12, 3: 1 / 13 + 2 / 11})
    assert [each.id for each in fused] == [3, 1, 2]


# The index


def unit(n, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((n, WIDTH)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def make_vectors(store, make_papers):
    def make(vectors, first=1, digest="d"):
        make_papers(*(record(first + n) for n in range(len(vectors))))
        with store.writing() as session:
            made = select(Paper.id).where(Paper.arxiv >= f"2611.{first:05d}").order_by(Paper.arxiv)
            ids = list(session.scalars(made))
            for number, vector in zip(ids, vectors, strict=True):
                session.merge(Embedding(paper_id=number, digest=digest, vector=vector))
        return np.array(ids)

    return make


def exact(ids, vectors, query, count):
    return ids[np.argsort(-(vectors @ query))[:count]]


@pytest.mark.parametrize("limit", [1000, 50])
def test_the_index_agrees_with_a_slow_search(store, tmp_path, make_vectors, limit):
    vectors = unit(300)
    ids = make_vectors(vectors)
    index = MeaningIndex(tmp_path, exact=limit)
    with store.reading() as session:
        assert index.refresh(session) == 300
        assert index.refresh(session) == 0
        for query in unit(10, seed=1):
            got, scores = index.nearest(session, query, 40)
            assert len(set(got) & set(exact(ids, vectors, query, 10))) >= 9
            assert (np.diff(scores) <= 0).all()
    assert (tmp_path / "meanings.current").exists() == (limit == 50)


def test_the_index_catches_up_and_is_found_again(store, tmp_path, make_vectors):
    vectors = unit(120)
    ids = make_vectors(vectors)
    with store.reading() as session:
        MeaningIndex(tmp_path, exact=50).refresh(session)
    changed = unit(1, seed=5)[0]
    with store.writing() as session:
        session.execute(delete(Paper).where(Paper.id == int(ids[3])))
        session.execute(update(Embedding).where(Embedding.paper_id == int(ids[4])).values(digest="e", vector=changed))
    again = MeaningIndex(tmp_path, exact=50)
    with store.reading() as session:
        assert again.refresh(session) == 2
        assert len(again) == 119
        assert ids[3] not in again.nearest(session, vectors[3], 119)[0]
        assert again.nearest(session, changed, 1)[0].tolist() == [ids[4]]
    more = unit(60, seed=9)
    new = make_vectors(more, first=500)
    with store.reading() as session:
        again.refresh(session)
        assert again.nearest(session, more[7], 1)[0].tolist() == [new[7]]
        assert again.nearest(session, changed, 1)[0].tolist() == [ids[4]]
        assert ids[3] not in again.nearest(session, vectors[3], 150)[0]
    assert len(list(tmp_path.glob("meanings-*"))) == 1  # the graph before is gone


def test_a_damaged_index_is_made_again(store, tmp_path, make_vectors):
    vectors = unit(80)
    ids = make_vectors(vectors)
    with store.reading() as session:
        MeaningIndex(tmp_path, exact=20).refresh(session)
        place = next(path for path in tmp_path.glob("meanings-*"))
        (place / "ids.npy").write_bytes(b"no array")
        again = MeaningIndex(tmp_path, exact=20)
        assert again.refresh(session) == 80
        assert again.nearest(session, vectors[5], 1)[0].tolist() == [ids[5]]
    (tmp_path / "meanings.current").write_text("../elsewhere")
    assert len(MeaningIndex(tmp_path)) == 0


def test_filters_narrow_the_nearest_to_exactly_those_that_pass(store, searcher, make_vectors, monkeypatch):
    vectors = unit(200)
    ids = make_vectors(vectors)
    with store.writing() as session:
        session.execute(update(Paper).where(Paper.id.in_(ids[::7].tolist())).values(family="language"))
    query = unit(1, seed=3)[0]
    kept = np.arange(0, 200, 7)
    wanted = exact(ids[kept], vectors[kept], query, 5)
    for few in (3000, 10):
        monkeypatch.setattr("reprise.site.search.nearest.FEW", few)
        with store.reading() as session:
            searcher.nearest.refresh(session)
            got, _ = searcher.nearest(session, query, 5, partial(narrow, session, Query(family="language")), True)
        assert set(got) >= set(wanted[:4].tolist())
        assert set(got) <= set(ids[kept].tolist())


def test_readers_search_while_the_index_is_made_anew(store, tmp_path, make_vectors):
    vectors = unit(150)
    make_vectors(vectors)
    index = MeaningIndex(tmp_path, exact=20)
    nearest, wrong = NearestInIndex(index), []
    with store.reading() as session:
        index.refresh(session)

    def read():
        for query in vectors[:60]:
            with store.reading() as session:
                ids, _ = nearest(session, query, 5, partial(narrow, session, Query()), False)
                if len(ids) != 5:
                    wrong.append(ids)

    reader = threading.Thread(target=read)
    reader.start()
    for first in (1000, 2000):
        make_vectors(unit(25, seed=first), first=first)
        with store.reading() as session:
            index.refresh(session)
    reader.join()
    assert not wrong


# The pages


def test_a_search_page_tells_why_and_offers_to_remove_filters(client, make_papers):
    make_papers(record(1, title="Rings of <i>words</i>", abstract="All about rings."))
    page = client.get("/search", params={"q": 'rings cat:cs.LG author:"Ada Lovelace"'}).text
    assert "found by words" in page
    assert "Rings of &lt;i&gt;words&lt;/i&gt;" in page
    assert "<mark>rings</mark>" in page
    assert 'href="/search?q=rings+author%3A%22Ada+Lovelace%22"' in page
    assert 'href="/search?q=rings+cat%3Acs.LG"' in page
    assert client.get("/search").status_code == 200


def test_a_malformed_filter_is_told_on_the_page(client):
    page = client.get("/search", params={"q": "rings after:<script>"}).text
    assert "after:&lt;script&gt; is no date" in page


def test_the_form_writes_its_filters_into_the_query(client):
    answer = client.get("/search", params={"q": "rings cat:cs", "author": 'Ada "L', "after": "2025-01-02", "runs": "1"})
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location == "/search?q=rings+author%3A%22Ada++L%22+cat%3Acs+runs%3Ayes+after%3A2025-01-02".replace("++", "+")
    again = client.get("/search", params={"q": "rings", "after": "never"}).headers["location"]
    assert "after:never is no date" in client.get(again).text


def test_pages_of_a_search_follow_each_other(client, make_papers):
    make_papers(*(record(n, title=f"Rings number {n}") for n in range(1, 31)))
    first = client.get("/search?q=rings").text
    second = client.get("/search?q=rings&page=2").text
    assert 'rel="next" href="/search?q=rings&amp;page=2"' in first
    titles = [{f"Rings number {n}<" for n in range(1, 31) if f"Rings number {n}<" in page} for page in (first, second)]
    assert len(titles[0]) == 20
    assert not titles[0] & titles[1]


def test_nothing_found_suggests_what_finds_something(client, searcher, make_papers):
    make_papers(record(1, title="Rings"))
    with searcher.store.reading() as session:
        page = searcher.search(session, '"rings of saturn" runs:yes')
    assert not page.hits
    assert page.suggestions
    assert all(found(searcher, other) for other in page.suggestions)
    assert "Nothing is found" in client.get("/search?q=xyzzyx").text


def test_searches_are_limited(settings, store):
    from fastapi.testclient import TestClient

    from reprise.site import create_app

    with TestClient(create_app(settings.model_copy(update={"search_rate": "2/minute"}), store)) as client:
        codes = [client.get("/search?q=rings").status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        assert client.get("/search").status_code == 200


def test_a_paper_page_shows_related_papers(client, store, make_papers):
    make_papers(
        record(1, title="Rings of fire", abstract="burning"),
        record(2, title="Rings of ice", abstract="frozen"),
        record(3, title="Zebras", abstract="quite otherwise"),
    )
    page = client.get("/papers/2611.00001").text
    assert "Related papers" in page
    assert '<a href="/papers/2611.00002">Rings of ice</a>' in page
    encode(store, toy)
    page = client.get("/papers/2611.00001").text
    assert '<a href="/papers/2611.00002">Rings of ice</a>' in page


def test_the_background_work_encodes_and_ends(store, tmp_path, make_papers):
    make_papers(record(1, title="Rings"))
    done = threading.Event()

    def encoder(texts):
        done.set()
        return toy(texts)

    searcher = Searcher(store, tmp_path, SharedEncoder(encoder))
    searcher.start()
    assert done.wait(600)
    searcher.stop()
    with store.reading() as session:
        assert session.scalar(select(Embedding.digest))


@pytest.mark.skipif("not __import__('reprise.site.search.meaning', fromlist=['x']).is_installed()")
def test_the_real_encoder_finds_by_meaning(store, tmp_path, make_papers):
    from reprise.site.search.meaning import load_encoder

    make_papers(
        record(1, title="Automobiles on the road", abstract="Vehicles and their engines."),
        record(2, title="Baking bread", abstract="Flour, water and heat."),
    )
    encoder = load_encoder()
    encode(store, encoder)
    with store.reading() as session:
        page = Searcher(store, tmp_path, encoder).search(session, "cars")
    assert [(hit.paper.title, hit.why) for hit in page.hits] == [("Automobiles on the road", "meaning")]


def test_the_command_encodes_and_tells_the_rate(settings, store, make_papers, monkeypatch, capsys):
    from reprise.site.search import __main__ as command

    make_papers(*(record(n) for n in range(1, 4)))
    monkeypatch.setattr(command, "Settings", lambda: settings)
    monkeypatch.setattr(command, "is_installed", lambda: True)
    monkeypatch.setattr(command, "load_encoder", lambda: SharedEncoder(toy))
    assert command.main() == 0
    assert capsys.readouterr().out.startswith("3 papers encoded, ")
    monkeypatch.setattr(command, "is_installed", lambda: False)
    assert command.main() == 1
    assert "pip install" in capsys.readouterr().err


def test_between_whole_passes_only_new_and_changed_papers_are_looked_at(store, make_papers):
    make_papers(*(record(n) for n in range(1, 4)))
    encode(store, toy)
    with store.reading() as session:
        ids = sorted(session.scalars(select(Paper.id)))
    make_papers(record(1, abstract="Anew.", version=2), record(4))
    with store.reading() as session:
        assert waiting(session, 10, after=ids[-1]) == [ids[0], max(session.scalars(select(Paper.id)))]
        assert waiting(session, 1) == waiting(session, 1, after=ids[-1])


def test_a_search_by_words_alone_says_so(client, make_papers):
    make_papers(record(1, title="Rings"))
    assert "this search goes by words" in client.get("/search?q=rings").text


def test_filters_alone_give_the_latest(store, searcher, make_papers):
    make_papers(
        record(1, title="Old", categories=["cs.LG"], day=datetime.date(2024, 5, 1)),
        record(2, title="New", categories=["cs.LG", "math.AG"], day=datetime.date(2025, 5, 1)),
        record(3, title="Other", categories=["math.AG"], day=datetime.date(2025, 6, 1)),
    )
    expected = {
        "cat:cs.LG": ["New", "Old"],
        "cat:cs": ["New", "Old"],
        "cat:cs.LG cat:math.AG": ["New"],
        "cat:math.AG author:ada": ["Other", "New"],
        "after:2025-01-01": ["Other", "New"],
        "cat:cs.LG before:2025-05-01": ["Old"],
        "after:2024-05-01 before:2025-05-02 runs:no": ["New", "Old"],
        "before:0001-01-01": [],
        "after:9999-12-31": [],
    }
    with store.reading() as session:
        for line, titles in expected.items():
            assert [paper.title for paper in searcher.search(session, line).papers] == titles, line
        first, second = (searcher.search(session, "after:2024-01-01 cat:cs", page, size=1) for page in (1, 2))
    assert (first.papers[0].title, first.more, second.papers[0].title, second.more) == ("New", True, "Old", False)


def test_searches_do_not_wait_for_the_index_to_open(store, make_papers, tmp_path, monkeypatch):
    make_papers(record(1, title="Rings", abstract="Of numbers"), record(2, title="Fields", abstract="Of numbers"))
    encoder = SharedEncoder(toy)
    searcher = Searcher(store, tmp_path, encoder)
    encode(store, encoder)
    opened, opening = threading.Event(), threading.Event()

    def slow(session):
        opening.set()
        assert opened.wait(60)
        return 0

    monkeypatch.setattr(searcher.nearest, "refresh", slow)
    searcher.start(encode=False)
    try:
        assert opening.wait(60)
        with store.reading() as session:
            found = searcher.search(session, "rings")
            assert [paper.title for paper in found.papers] == ["Rings"]
            assert not found.meaning
            assert [paper.title for paper in searcher.related(session, found.papers[0])] == []
        opened.set()
        until = time.monotonic() + 60
        while not searcher.by_meaning_too:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        opened.set()
        searcher.stop()


def test_whoever_stops_a_search_is_told_of_nothing_more(store, make_papers, tmp_path):
    make_papers(record(1))
    at_work, go_on, told = threading.Event(), threading.Event(), []

    def slow(texts):
        at_work.set()
        assert go_on.wait(60)
        return toy(texts)

    searcher = Searcher(store, tmp_path, SharedEncoder(slow))
    searcher.on_encoded = lambda: told.append("encoded")
    searcher.start()
    assert at_work.wait(60)
    searcher.stop(0.0)
    go_on.set()
    searcher.stop(60.0)
    assert not told
    with store.reading() as session:
        assert session.scalar(select(Embedding.paper_id)) is not None  # the batch at hand was kept

import pytest
from sqlalchemy import select
from tests.site.conftest import record

from reprise.site.search import Searcher, parse
from reprise.site.search.suggestions import corrected
from reprise.site.search.vocabulary import count_words, near_word
from reprise.site.store.tables import Word


@pytest.fixture
def searcher(store, tmp_path):
    return Searcher(store, tmp_path)


@pytest.fixture
def saturn(store, make_papers):
    """Keep papers whose words are known well, but for one."""
    make_papers(
        *(
            record(n, title="Saturnian rings", abstract="About gravitation.", authors=["Zoë Cassini"])
            for n in range(1, 5)
        ),
        record(5, title="Satirical things", abstract="Of another kind.", authors=[]),
    )
    count_words(store)


def right(store, line):
    with store.reading() as session:
        found = corrected(session, parse(line))
        return None if found is None else str(found)


def test_each_paper_is_counted_once_in_whatever_batches_they_come(store, make_papers, monkeypatch):
    monkeypatch.setattr("reprise.site.search.vocabulary.BATCH", 2)
    make_papers(*(record(n, title="Rings and rings", abstract="", authors=[]) for n in range(1, 6)))
    assert count_words(store) == 5
    make_papers(record(6, title="Rings", abstract="of saturn", authors=["Zoë Łukasiewicz"]))
    assert count_words(store) == 1
    assert count_words(store) == 0
    with store.reading() as session:
        counts = {word.word: word.papers for word in session.scalars(select(Word))}
    assert counts == {"rings": 6, "saturn": 1, "łukasiewicz": 1}


def test_two_who_count_at_once_count_once(store, make_papers, monkeypatch):
    from reprise.site.search import vocabulary

    make_papers(record(1, title="Rings", abstract="", authors=[]))
    words_of = vocabulary.words_of

    def meanwhile(text):
        monkeypatch.setattr(vocabulary, "words_of", words_of)
        count_words(store)  # another server, between our reading and our writing
        return words_of(text)

    monkeypatch.setattr(vocabulary, "words_of", meanwhile)
    count_words(store)
    with store.reading() as session:
        assert session.get(Word, "rings").papers == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("rigns", "rings"),  # in its neighbour's place
        ("rngs", "rings"),  # missing
        ("ringgs", "rings"),  # too many
        ("irngs", "rings"),  # the first two
        ("gravitaton", "gravitation"),
        ("gravitatoin", "gravitation"),
        ("grvitaton", "gravitation"),  # two slips in a long word
        ("cassinni", "cassini"),
        ("rongz", None),  # two slips in a short one
        ("things", None),  # of one paper only
        ("xylophone", None),
        ("ring5", None),
    ],
)
def test_the_word_that_is_meant(store, saturn, written, meant):
    with store.reading() as session:
        assert near_word(session, written) == meant


def test_a_search_is_put_right_in_its_words_phrases_and_names(store, saturn):
    assert right(store, 'rigns "saturnian rnigs" author:"Zoe Casini" cat:cs.LG') == (
        'rings "saturnian rings" author:"Zoe cassini" cat:cs.LG'
    )


@pytest.mark.parametrize(
    "line", ["saturnian rings", "gravitations", "ring with", "the and of", "cat:cs.LG", "", "-rigns"]
)
def test_words_that_the_site_knows_are_left_alone(store, saturn, line):
    assert right(store, line) is None


def test_page_json_and_agents_are_told_alike(client, store, saturn):
    page = client.get("/search?q=saturnain+rigns").text
    assert 'Did you mean <a href="/search?q=saturnian+rings">saturnian rings</a>?' in page
    assert "Did you mean" not in client.get("/search?q=saturnian+rings").text
    answer = client.get("/api/search?q=saturnain+rigns").json()
    assert (answer["hits"], answer["did_you_mean"]) == ([], "saturnian rings")
    assert client.get("/api/search?q=rings+nothingsuch").json()["did_you_mean"] == ""
    assert client.get("/api/search", params={"q": '"rings of gravitation"'}).json()["suggestions"]


def test_the_servers_own_thread_counts(searcher, make_papers, monkeypatch):
    import threading

    counted = threading.Event()
    monkeypatch.setattr("reprise.site.search.searcher.count_words", lambda store, stop: counted.set())
    searcher.start(encode=True, meaning=False)
    assert counted.wait(20)
    searcher.stop()
    assert searcher.encoder is None

"""Runs of the sources into a database: what is kept, and where a run goes on."""

import datetime
import json

import pytest
from sqlalchemy import func, select
from starlette.responses import PlainTextResponse
from tests.site.conftest import record
from tests.site.sources import work

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.site.ingest import Tally, arxiv_atom, daily, ingest, ingest_all, lookup, oai, run
from reprise.site.ingest.errors import SourceError
from reprise.site.store.feed import feed, find_paper
from reprise.site.store.tables import Bookmark, Paper

NOV = [datetime.date(2026, 11, day) for day in range(1, 31)]
NOW = datetime.datetime(2026, 11, 8, 12, tzinfo=datetime.UTC)


@pytest.fixture
def settings(settings, sources):
    return settings.model_copy(
        update={
            "arxiv_url": f"{sources.url}/atom",
            "oai_url": f"{sources.url}/oai",
            "daily_url": f"{sources.url}/daily",
            "arxiv_categories": ("cs.LG",),
            "request_pause": 0.0,
        }
    )


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    """Pages of a few papers, on the 8th of November."""
    monkeypatch.setattr(arxiv_atom, "PAGE", 4)
    monkeypatch.setattr(daily, "PAGE", 4)
    for module in (arxiv_atom, daily, oai, run):
        monkeypatch.setattr(module, "now", lambda: NOW)


def numbers(store):
    with store.reading() as session:
        return sorted(int(name.rpartition(".")[2]) for name in session.scalars(select(Paper.arxiv)))


def bookmarks(store):
    with store.reading() as session:
        return {mark.source: mark.state for mark in session.scalars(select(Bookmark))}


def cursors(sources, name="start"):
    return [query.get(name) for query in sources.asked]


class TestAtom:
    def test_it_keeps_what_is_new_and_then_only_what_is_newer(self, settings, store, sources):
        sources.works = [work(n) for n in range(10)]
        assert ingest(settings, store, "arxiv") == Tally(new=10)
        assert cursors(sources) == ["0", "4", "8"]
        assert ingest(settings, store, "arxiv") == Tally(same=10)  # within the days for late announcements
        sources.works[2] |= {"version": 2, "title": "Better", "updated": NOW}
        sources.works.append(work(99, updated=NOW))
        assert ingest(settings, store, "arxiv") == Tally(new=1, changed=1, same=9)
        with store.reading() as session:
            paper = find_paper(session, "2611.00002")
        assert (paper.title, paper.version, paper.day, paper.updated) == ("Better", 2, NOV[0], NOW)

    def test_it_stops_where_the_last_walk_began_less_the_days_for_late_announcements(self, settings, store, sources):
        sources.works = [work(n, updated=NOW - datetime.timedelta(days=n)) for n in range(30)]
        assert ingest(settings, store, "arxiv").new == 8  # the first time, seven days
        before = len(sources.asked)
        sources.works += [work(n, updated=NOW + datetime.timedelta(days=n - 30)) for n in range(31, 37)]
        assert ingest(settings, store, "arxiv") == Tally(new=6, same=8)
        assert len(sources.asked) - before == 4

    def test_a_walk_that_was_stopped_is_finished_and_what_is_above_comes_too(self, settings, store, sources):
        sources.works = [work(n) for n in range(10)]
        sources.mishaps = [None_, None_, PlainTextResponse("no", 403)]
        with pytest.raises(SourceError, match="403"):
            ingest(settings, store, "arxiv")
        assert numbers(store) == list(range(2, 10))
        sources.works += [work(20), work(21)]  # which appear above the place where it stopped
        del sources.asked[:]
        tally = ingest(settings, store, "arxiv")
        assert (tally.new, numbers(store)) == (4, [*range(10), 20, 21])
        assert cursors(sources)[0] == "8"

    def test_a_range_goes_by_the_first_version_and_is_read_without_deep_pages(self, settings, store, sources):
        sources.works = [work(n) for n in range(0, 240, 6)]  # four a day, from noon of the first
        assert ingest(settings, store, "arxiv", first=NOV[1], until=NOV[5]) == Tally(new=20)
        assert {int(start) for start in cursors(sources)} <= {0, 1, 2, 3, 4}
        with store.reading() as session:
            days = set(session.scalars(select(Paper.day)))
        assert days == set(NOV[1:6])
        assert bookmarks(store) == {}

    def test_many_papers_of_one_day_are_all_read(self, settings, store, sources):
        sources.works = [work(n, published=NOW, updated=NOW) for n in range(11)]
        assert ingest(settings, store, "arxiv", first=NOV[0], until=NOV[20]) == Tally(new=11)

    def test_after_a_range_without_an_end_later_runs_go_on(self, settings, store, sources):
        sources.works = [work(n) for n in range(3)]
        ingest(settings, store, "arxiv", first=NOV[0])
        assert bookmarks(store) == {"arxiv cs.LG": {"through": NOW.isoformat()}}

    def test_an_empty_page_in_the_middle_is_asked_for_again(self, settings, store, sources):
        from tests.site.sources import atom_feed

        sources.works = [work(n) for n in range(6)]
        sources.mishaps = [None_, PlainTextResponse(atom_feed([], 6).decode())]
        assert ingest(settings, store, "arxiv").new == 6

    def test_an_empty_list_is_believed_at_the_second_time(self, settings, store, sources):
        from tests.site.sources import atom_feed

        sources.works = [work(n) for n in range(3)]
        sources.mishaps = [PlainTextResponse(atom_feed([], 0).decode())]
        assert ingest(settings, store, "arxiv").new == 3
        assert ingest(settings, store, "arxiv", first=NOV[5], until=NOV[6]) == Tally()  # days without papers

    def test_a_category_without_any_paper_is_none(self, settings, store, sources):
        sources.works = [work(1)]
        with pytest.raises(SourceError, match=r"lists no paper of cs\.XX"):
            ingest(settings, store, "arxiv", categories=["cs.XX"])
        assert bookmarks(store) == {}

    def test_a_page_that_fails_is_asked_for_in_smaller_pieces(self, settings, store, sources):
        sources.works = [work(n) for n in range(6)]

        def fail(request):
            return PlainTextResponse("no", 500) if int(request.query_params["max_results"]) > 1 else None

        sources.mishaps = [fail, fail, fail, None_]
        assert ingest(settings, store, "arxiv").new == 6
        assert cursors(sources, "max_results") == ["4", "2", "1", "4", "4"]

    def test_a_whole_archive(self, settings, store, sources):
        sources.works = [work(1), work(2, categories=["cs.CL"]), work(3, categories=["hep-th"])]
        assert ingest(settings, store, "arxiv", categories=["cs", "hep-th"]).new == 3

    def test_a_paper_is_hidden_while_it_is_withdrawn(self, settings, store, sources):
        sources.works = [work(1)]
        ingest(settings, store, "arxiv")
        sources.works[0] |= {"version": 2, "updated": NOW, "comment": "This paper has been withdrawn by the author."}
        assert ingest(settings, store, "arxiv") == Tally(withdrawn=1)
        assert ingest(settings, store, "arxiv") == Tally()
        with store.reading() as session:
            assert find_paper(session, "2611.00001") is None
        sources.works[0] |= {"version": 3, "comment": "Corrected"}
        assert ingest(settings, store, "arxiv") == Tally(changed=1)
        with store.reading() as session:
            assert find_paper(session, "2611.00001").version == 3

    def test_a_list_without_end_is_left(self, settings, store, sources, monkeypatch):
        monkeypatch.setattr(arxiv_atom, "DEEPEST", 8)
        sources.works = [work(n) for n in range(20)]
        with pytest.raises(SourceError, match=r"--source oai --categories cs\.LG --from 2026-11-01"):
            ingest(settings, store, "arxiv")
        assert numbers(store) == list(range(12, 20))
        sources.works.append(work(20))
        del sources.works[:14]
        assert ingest(settings, store, "arxiv").new == 1  # the next run is not stopped there

    def test_a_limit_stops_and_the_next_run_goes_on(self, settings, store, sources):
        sources.works = [work(n) for n in range(10)]
        assert ingest(settings, store, "arxiv", limit=3).new == 3
        assert ingest(settings, store, "arxiv", limit=3).new == 3
        assert ingest(settings, store, "arxiv").new == 4
        assert len(numbers(store)) == 10

    def test_each_category_has_a_bookmark_of_its_own(self, settings, store, sources):
        sources.works = [work(1), work(2, categories=["stat.ML"]), work(3, categories=["hep-th"])]
        assert ingest(settings, store, "arxiv", categories=["cs.LG", "stat.ML"]) == Tally(new=2, same=1)
        assert set(bookmarks(store)) == {"arxiv cs.LG", "arxiv stat.ML"}


class TestOai:
    def test_pieces_versions_and_what_was_withdrawn(self, settings, store, sources):
        sources.works = [work(n) for n in range(7)]
        assert ingest(settings, store, "oai", first=NOV[0]) == Tally(new=7)
        assert bookmarks(store) == {"oai cs.LG": {"from": "2026-11-08"}}
        sources.works[3] |= {"version": 2, "title": "Better", "updated": NOW}
        sources.works[4] |= {"deleted": True, "updated": NOW}
        assert ingest(settings, store, "oai") == Tally(changed=1, withdrawn=1)
        assert bookmarks(store) == {"oai cs.LG": {"from": "2026-11-26"}}  # by the source's own calendar
        with store.reading() as session:
            assert find_paper(session, "2611.00003").version == 2
            assert find_paper(session, "2611.00004") is None

    def test_a_catalogued_paper_stays_though_withdrawn(self, settings, store, sources, make_papers):
        make_papers(record(1, slug="ours", source="catalogue"))
        sources.works = [work(1, deleted=True, updated=NOW)]
        assert ingest(settings, store, "oai").withdrawn == 0
        with store.reading() as session:
            assert find_paper(session, "ours") is not None

    def test_a_list_that_was_stopped_goes_on_with_its_token(self, settings, store, sources):
        sources.works = [work(n) for n in range(10)]
        sources.mishaps = [None_, None_, PlainTextResponse("no", 403)]
        with pytest.raises(SourceError):
            ingest(settings, store, "oai", first=NOV[0])
        assert len(numbers(store)) == 6
        del sources.asked[:]
        assert ingest(settings, store, "oai", first=NOV[0]) == Tally(new=4)
        assert len(sources.asked) == 2

    def test_a_limit_in_the_middle_of_a_piece(self, settings, store, sources):
        sources.works = [work(n) for n in range(10)]
        taken = [ingest(settings, store, "oai", first=NOV[0], limit=4) for _ in range(3)]
        assert taken == [Tally(new=4), Tally(new=4), Tally(new=2)]

    def test_a_token_that_has_grown_old_begins_the_list_anew(self, settings, store, sources):
        sources.works = [work(n) for n in range(10)]
        ingest(settings, store, "oai", first=NOV[0], limit=6)
        sources.epoch += 1
        assert ingest(settings, store, "oai", first=NOV[0]) == Tally(new=4, same=6)
        assert len(numbers(store)) == 10

    def test_tokens_that_never_hold_and_lists_that_never_end(self, settings, store, sources):
        from tests.site.sources import oai_answer, oai_record

        sources.works = [work(n) for n in range(10)]

        def expire(_):
            sources.epoch += 1

        sources.mishaps = [expire] * 50
        with pytest.raises(SourceError, match="expired"):  # all are of one day
            ingest(settings, store, "oai", first=NOV[0])
        again = f"<ListRecords>{oai_record(work(1))}<resumptionToken>x</resumptionToken></ListRecords>"
        sources.mishaps = [oai_answer(again) for _ in range(50)]
        with pytest.raises(SourceError, match="again and again"):
            ingest(settings, store, "oai", categories=["stat.ML"])

    def test_a_list_of_an_old_token_goes_on_at_the_day_that_was_reached(self, settings, store, sources, monkeypatch):
        sources.works = [work(n) for n in range(0, 240, 12)]  # two a day
        sources.expires = "2026-11-09T00:00:00Z"
        assert ingest(settings, store, "oai", first=NOV[0], limit=10).new == 10
        del sources.asked[:]
        sources.expires = "2026-11-10T00:00:00Z"
        monkeypatch.setattr(oai, "now", lambda: datetime.datetime(2026, 11, 9, 0, 1, tzinfo=datetime.UTC))
        assert ingest(settings, store, "oai", first=NOV[0]).new == 10
        assert (cursors(sources, "from")[0], cursors(sources, "resumptionToken")[0]) == ("2026-11-05", None)
        assert len(numbers(store)) == 20

    def test_a_list_in_no_order_begins_anew_at_its_beginning(self, settings, store, sources):
        sources.in_order = False
        sources.works = [work(n) for n in (50, 2, 99, 4, 75, 6, 88)]
        ingest(settings, store, "oai", first=NOV[0], limit=3)
        sources.epoch += 1
        assert ingest(settings, store, "oai", first=NOV[0]) == Tally(new=4, same=3)

    def test_a_harvest_goes_on_through_any_number_of_days(self, settings, store, sources):
        sources.works = [work(n) for n in range(0, 240, 12)]

        def expire(_):
            sources.epoch += 1

        sources.mishaps = [expire] * 100  # no token serves at all
        assert ingest(settings, store, "oai", first=NOV[0]).new == 20

    @pytest.mark.parametrize("days", [{"first": datetime.date(1991, 8, 14)}, {"until": datetime.date(2099, 1, 1)}])
    def test_days_beyond_those_of_the_source(self, settings, store, sources, days):
        sources.works = [work(n) for n in range(3)]
        assert ingest(settings, store, "oai", **({"first": NOV[0]} | days)).new == 3

    def test_days_before_any_change(self, settings, store, sources):
        with pytest.raises(InvalidInputError, match="goes by the day of the last change"):
            ingest(settings, store, "oai", first=datetime.date(1991, 8, 14), until=datetime.date(1999, 1, 1))

    def test_nothing_new_and_refusals(self, settings, store, sources):
        from tests.site.sources import oai_answer

        assert ingest(settings, store, "oai") == Tally()
        sources.mishaps = [oai_answer('<error code="badArgument">No such set &lt;b&gt;</error>')]
        with pytest.raises(SourceError, match="refuses cs:cs:LG: No such set"):
            ingest(settings, store, "oai")


class TestDaily:
    def test_days_are_read_once_and_today_again(self, settings, store, sources):
        sources.works = [work(n) for n in range(12, 12 + 24 * 7, 12)]
        tally = ingest(settings, store, "daily")
        assert tally == Tally(new=14)
        assert cursors(sources, "date")[0] == "2026-11-01"
        del sources.asked[:]
        sources.works.append(work(180, published=NOW))
        assert ingest(settings, store, "daily") == Tally(new=1, same=2)
        assert cursors(sources, "date") == ["2026-11-08"]

    def test_a_day_of_many_pages_and_a_feed_that_has_none(self, settings, store, sources):
        sources.works = [work(n, published=NOW) for n in range(10)]
        assert ingest(settings, store, "daily", first=NOV[7], until=NOV[7]).new == 10
        sources.daily = lambda query: PlainTextResponse(
            json.dumps([daily_item(n) for n in range(20, 24)]), media_type="application/json"
        )
        assert ingest(settings, store, "daily", first=NOV[7], until=NOV[7]) == Tally(new=4)

    def test_upvotes_are_no_votes_but_order_the_new_papers_of_a_day(self, settings, store, sources):
        sources.works = [work(n, published=NOW, upvotes=votes) for n, votes in enumerate([3, 50, 7])]
        ingest(settings, store, "daily", first=NOV[7], until=NOV[7])
        with store.reading() as session:
            papers = feed(session, days=(NOV[7], NOV[7])).papers
        assert [(paper.arxiv, paper.votes) for paper in papers] == [
            ("2611.00001", 0),
            ("2611.00002", 0),
            ("2611.00000", 0),
        ]

    def test_what_arxiv_tells_is_not_undone_but_what_it_lacks_is_added(self, settings, store, sources, make_papers):
        make_papers(record(1, version=3, title="From arXiv", code=""))
        sources.works = [work(1, published=NOW, code="https://github.com/a/b")]
        assert ingest(settings, store, "daily", first=NOV[7], until=NOV[7]) == Tally(changed=1)
        with store.reading() as session:
            paper = find_paper(session, "2611.00001")
        assert (paper.title, paper.version, paper.code) == ("From arXiv", 3, "https://github.com/a/b")


def daily_item(number):
    from tests.site.sources import daily_entry

    return daily_entry(work(number))


def None_(_):
    """Let the source answer as it would."""


def test_all_sources_one_after_the_other_though_one_fails(settings, store, sources):
    sources.works = [work(n) for n in range(100, 104)]
    sources.mishaps = [PlainTextResponse("no", 403)]
    done = ingest_all(settings, store)
    assert isinstance(done["arxiv"], SourceError)
    assert done["daily"].new == 4


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"source": "file"}, "needs a file"),
        ({"source": "daily", "file": "x.csv"}, "reads no file"),
        ({"source": "file", "file": "nowhere.csv"}, "no file nowhere.csv"),
        ({"source": "arxiv", "first": NOV[2], "until": NOV[1]}, "is after the last"),
        ({"source": "arxiv", "until": NOV[1]}, "needs a first"),
        ({"source": "oai", "first": NOV[20]}, "is yet to come"),
        ({"source": "arxiv", "limit": 0}, "at least 1"),
        ({"source": "arxiv", "categories": ["cs.LG OR all:x"]}, "is no arXiv category"),
        ({"source": "oai", "categories": []}, "No category"),
    ],
)
def test_bad_arguments_are_one_sentence(settings, store, sources, arguments, problem):
    with pytest.raises(InvalidInputError, match=problem):
        ingest(settings, store, **arguments)
    assert sources.asked == []


def test_an_unknown_source(settings, store):
    with pytest.raises(UnknownNameError, match="Did you mean arxiv"):
        ingest(settings, store, "arxive")


class TestLookup:
    def test_a_link_or_an_id(self, settings, sources):
        sources.works = [work(1, version=4), work(2)]
        for text in ("2611.00001", "arXiv:2611.00001v2", "https://arxiv.org/pdf/2611.00001v1.pdf"):
            paper = lookup(settings, text)
            assert (paper.arxiv, paper.version, paper.source) == ("2611.00001", 4, "submitted")
        assert {query["id_list"] for query in sources.asked} == {"2611.00001"}

    @pytest.mark.parametrize("text", ["https://example.com/2611.00001", "http://127.0.0.1/abs/2611.00001", "", "hello"])
    def test_any_other_link_is_refused_and_nothing_is_asked(self, settings, sources, text):
        with pytest.raises(InvalidInputError, match="Give an arXiv id"):
            lookup(settings, text)
        assert sources.asked == []

    @pytest.mark.parametrize("text", ["2611.00009", "2613.00009"])  # to the second, arXiv answers an error
    def test_a_paper_that_is_not_there(self, settings, sources, text):
        with pytest.raises(InvalidInputError, match=rf"arXiv has no paper {text}"):
            lookup(settings, text)

    def test_a_paper_that_was_withdrawn(self, settings, sources):
        sources.works = [work(1, version=2, comment="Withdrawn by the author")]
        with pytest.raises(InvalidInputError, match="was withdrawn"):
            lookup(settings, "2611.00001")

    def test_a_source_that_answers_about_another_paper_is_not_believed(self, settings, sources):
        from tests.site.sources import atom_feed

        sources.mishaps = [PlainTextResponse(atom_feed([work(2)], 1).decode())]
        with pytest.raises(InvalidInputError, match="has no paper"):
            lookup(settings, "2611.00001")


def test_papers_of_the_catalogue_take_the_text_and_keep_what_is_ours(settings, store, sources, make_papers):
    from reprise.site.seed import seed

    seed(store)
    with store.reading() as session:
        known = session.scalars(select(Paper).where(Paper.arxiv.is_not(None)).limit(1)).one()
        count = session.scalar(select(func.count()).select_from(Paper))
    sources.works = [work(1, id=known.arxiv, version=5, updated=NOW, title="As arXiv has it")]
    assert ingest(settings, store, "arxiv") == Tally(changed=1)
    assert seed(store).changed == 0
    with store.reading() as session:
        paper = find_paper(session, known.slug)
        assert session.scalar(select(func.count()).select_from(Paper)) == count
    assert (paper.title, paper.version, paper.summary) == ("As arXiv has it", 5, known.summary)
    assert paper.abstract == "What paper 1 is about."

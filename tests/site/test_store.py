import datetime
import itertools
import threading

import numpy as np
import pytest
from sqlalchemy import event, func, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload
from tests.site.conftest import record

from reprise.errors import InvalidInputError
from reprise.site import open_store
from reprise.site.seed import seed
from reprise.site.store.feed import Filter, days_of, feed, find_paper, latest_day, next_day
from reprise.site.store.heat import HALF_LIFE, event_heat, reheat, warmer
from reprise.site.store.papers import Kept, keep
from reprise.site.store.tables import PENDING, Account, Base, Embedding, Label, Paper, Views, Vote
from reprise.site.store.types import WIDTH

NOON = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)


def test_the_migrations_make_the_tables_that_the_code_knows(store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def known(name, kind, _):  # what makes words and meanings searchable is each database's own
        own = {"words", "ix_papers_words", "ix_embeddings_vector"}
        return name not in own and not (kind == "table" and name.startswith("paper_words"))

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": known})
        assert compare_metadata(context, Base.metadata) == []


def test_a_paper_is_kept_once_and_a_newer_version_changes_it(store, make_papers):
    assert make_papers(record(1), record(2)) == Kept(new=2)
    assert make_papers(record(1)) == Kept(same=1)
    assert make_papers(record(1, version=2, title="Better", categories=["cs.CL"])) == Kept(changed=1)
    assert make_papers(record(1)) == Kept(same=1)  # an older version
    with store.reading() as session:
        paper = find_paper(session, "2611.00001")
        assert (paper.title, paper.version, [label.value for label in paper.labels]) == ("Better", 2, ["cs.CL"])
        assert session.scalar(select(func.count()).select_from(Paper)) == 2


def test_the_same_paper_twice_in_one_batch(store, make_papers):
    assert make_papers(record(1), record(1, version=3, title="Third"), record(1, version=2, title="Second")) == Kept(
        new=1
    )
    with store.reading() as session:
        assert find_paper(session, "2611.00001").title == "Third"


def test_what_a_source_does_not_know_stays(make_papers, store):
    make_papers(record(1, slug="some-paper", summary="Ours.", family="measure", source="catalogue", abstract=""))
    make_papers(record(1, version=2, summary="", family=""))
    with store.reading() as session:
        paper = find_paper(session, "some-paper")
        assert (paper.summary, paper.family, paper.abstract) == ("Ours.", "measure", "What paper 1 is about.")


def test_an_older_text_only_fills_what_is_empty(make_papers, store):
    make_papers(record(1, version=3, abstract="", categories=[]))
    older = record(1, version=0, title="Old", abstract="Found.", code="https://github.com/a/b", updated=NOON)
    assert make_papers(older) == Kept(changed=1)
    assert make_papers(older) == Kept(same=1)
    with store.reading() as session:
        paper = find_paper(session, "2611.00001")
    assert (paper.title, paper.version, paper.abstract, paper.code) == (
        "Paper 1",
        3,
        "Found.",
        "https://github.com/a/b",
    )
    assert ({label.value for label in paper.labels}, paper.primary_category) == ({"cs.LG", "stat.ML"}, "cs.LG")
    assert paper.updated != NOON


def test_what_the_catalogue_tells_is_up_to_date_whatever_version_the_text_has(make_papers, store):
    ours = {"slug": "ours", "source": "catalogue", "abstract": "", "categories": []}
    make_papers(record(1, **ours))
    make_papers(record(1, version=3, title="From arXiv"))
    assert make_papers(record(1, **ours, runs=True, summary="New.")) == Kept(changed=1)
    with store.reading() as session:
        paper = find_paper(session, "ours")
    assert (paper.title, paper.version, paper.runs, paper.summary) == ("From arXiv", 3, True, "New.")


def test_words_follow_the_papers(store, make_papers):
    def found(words):
        query = {
            "sqlite": "select rowid from paper_words where paper_words match :words",
            "postgresql": """select id from papers, folded(:words) as line
                where words @@ (plainto_tsquery('english', line) || plainto_tsquery('simple', line))""",
        }[store.dialect]
        with store.reading() as session:
            return session.scalars(text(query), {"words": words}).all()

    make_papers(record(1, title="Equivariance of networks"))
    for words in ("equivariance", "network", "Łukasiewicz", "zoë"):
        assert len(found(words)) == 1
    make_papers(record(1, version=2, title="Invariance"))
    assert (found("equivariance"), len(found("invariance"))) == ([], 1)
    with store.writing() as session:
        session.delete(session.scalar(select(Paper)))
    assert found("invariance") == []


def test_the_catalogue_is_seeded_once_with_its_own_dates(store):
    from reprise import catalogue

    assert seed(store) == Kept(new=len(catalogue.slugs()))
    assert seed(store) == Kept(same=len(catalogue.slugs()))
    with store.reading() as session:
        paper = find_paper(session, "matryoshka")
        assert paper.day == catalogue.paper("matryoshka").date
        assert paper.runs
        assert find_paper(session, f"arXiv:{paper.arxiv}v2").id == paper.id
        assert find_paper(session, str(paper.id)).id == paper.id
        assert find_paper(session, "no-such-paper") is None


def test_one_more_vote_now_outweighs_those_of_long_ago():
    old, new = event_heat("day", NOON), event_heat("day", NOON + 4 * HALF_LIFE)
    for _ in range(14):
        old = warmer(old, "vote", NOON)
    assert old < new  # 15 events of weight 1 against one that counts for 16 of them
    assert warmer(warmer(old, "vote", NOON), "vote", NOON) > new


def test_heat_is_the_same_whether_counted_or_worked_out(store, make_papers):
    make_papers(record(1), record(2))
    with store.writing() as session:
        one = find_paper(session, "2611.00001")
        session.add_all([Account(id=n, email=f"{n}@x.org") for n in range(3)])
        session.flush()
        session.add_all([Vote(account_id=n, paper_id=one.id, at=NOON + n * HALF_LIFE) for n in range(3)])
        session.add(Views(paper_id=one.id, day=NOON.date(), count=40))
        session.flush()
        reheat(session, [one.id])
        heat = event_heat("day", one.day)
        for n in range(3):
            heat = warmer(heat, "vote", NOON + n * HALF_LIFE)
        expected = np.logaddexp2(heat, event_heat("view", NOON.date(), 40))
        session.refresh(one)
        assert one.heat == pytest.approx(expected, abs=1e-9)


def test_the_feed_orders_filters_and_pages(store, make_papers):
    make_papers(*(record(n, day=datetime.date(2026, 11, 1 + n % 2)) for n in range(1, 8)))
    make_papers(record(50, categories=["math.CO"], day=datetime.date(2026, 11, 9)), record(60, state=PENDING))
    with store.writing() as session:
        session.execute(update(Paper).where(Paper.arxiv == "2611.00003").values(votes=5))
    with store.reading() as session:

        def titles(**query):
            return [paper.title for paper in feed(session, **query).papers]

        assert titles(days=(datetime.date(2026, 11, 2),) * 2)[0] == "Paper 3"
        assert titles(order="new")[0] == "Paper 50"
        assert titles(narrowed=Filter(category="math")) == titles(narrowed=Filter(category="math.CO")) == ["Paper 50"]
        assert titles(narrowed=Filter(category="mat")) == []
        assert len(titles()) == 8
        first, second = feed(session, size=5), feed(session, size=5, page=2)
        assert (first.more, second.more, len(second.papers)) == (True, False, 3)
        assert not {p.id for p in first.papers} & {p.id for p in second.papers}
        assert latest_day(session, datetime.date(2026, 11, 8)) == datetime.date(2026, 11, 2)
        assert next_day(session, datetime.date(2026, 11, 2)) == datetime.date(2026, 11, 9)
        assert latest_day(session, datetime.date(2026, 10, 1)) is None


@pytest.fixture
def many(store, make_papers):
    """Papers of a month with labels common and rare, votes and heat drawn at random."""
    rng = np.random.default_rng(0)
    make_papers(
        *(
            record(
                n,
                day=datetime.date(2026, 11, int(rng.integers(1, 29))),
                categories=[
                    *rng.permutation(["cs.LG", "cs.CL", "math.CO"])[: rng.integers(1, 3)],
                    *["q-bio.NC"][n % 9 :],
                ],
                tasks=["cluster"] if n % 6 == 0 else [],
                family="measure" if n % 5 == 0 else "",
                slug=f"paper-{n}" if n % 5 == 0 else None,
                runs=n % 10 == 0,
                state=PENDING if n % 11 == 0 else "shown",
            )
            for n in range(1, 80)
        )
    )
    with store.writing() as session:
        for paper in session.scalars(select(Paper)):
            paper.votes, paper.heat = int(rng.integers(0, 4)), float(rng.integers(0, 6))
    return store


FILTERS = [
    Filter(),
    Filter(category="cs.LG"),
    Filter(category="cs"),
    Filter(category="q-bio.NC"),
    Filter(task="cluster"),
    Filter(family="measure"),
    Filter(runs=True),
    Filter(category="cs", family="measure", runs=True),
    Filter(category="cs.LG", task="cluster"),
    Filter(category="nothing.XX"),
]
ORDERS = {
    "top": lambda paper: (paper.votes, paper.heat, paper.id),
    "trending": lambda paper: (paper.heat, paper.id),
    "new": lambda paper: (paper.day, paper.votes, paper.heat, paper.id),
}
PERIODS = [None, (datetime.date(2026, 11, 9),) * 2, (datetime.date(2026, 11, 3), datetime.date(2026, 11, 20))]


def passes(paper, filters):
    categories = {label.value for label in paper.labels if label.kind == "category"}
    tasks = {label.value for label in paper.labels if label.kind == "task"}
    return (
        paper.state == "shown"
        and (not filters.category or filters.category in categories | {value.split(".")[0] for value in categories})
        and (not filters.task or filters.task in tasks)
        and (not filters.family or filters.family == paper.family)
        and (not filters.runs or paper.runs)
    )


def test_lists_are_as_if_all_papers_were_looked_at(many):
    with many.reading() as session:
        papers = session.scalars(select(Paper).options(selectinload(Paper.labels))).all()
        for filters, order, days in itertools.product(FILTERS, ORDERS, PERIODS):
            passing = [paper for paper in papers if passes(paper, filters)]
            period = [paper for paper in passing if days is None or days[0] <= paper.day <= days[1]]
            expected = sorted(period, key=ORDERS[order], reverse=True)
            for page in (1, 2):
                found = feed(session, days=days, order=order, narrowed=filters, page=page, size=7)
                assert found.papers == expected[7 * page - 7 : 7 * page], (filters, order, days)
                assert found.more == (len(expected) > 7 * page)
            middle = datetime.date(2026, 11, 15)
            by_day = sorted({paper.day for paper in passing})
            assert latest_day(session, middle, filters) == max((day for day in by_day if day <= middle), default=None)
            assert next_day(session, middle, filters) == min((day for day in by_day if day > middle), default=None)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("filters", [Filter(), Filter(category="cs.LG"), Filter(category="cs")])
def test_a_list_is_a_walk_along_an_index(many, filters, order):
    with many.reading() as session:
        if many.dialect == "postgresql":  # so small a table would be sorted
            for way in ("sort", "seqscan"):
                session.execute(text(f"set local enable_{way} = off"))
        told = []

        @event.listens_for(session.connection(), "before_cursor_execute", retval=True)
        def explain(connection, cursor, statement, parameters, *_):
            if not told:
                cursor.execute(f"explain {'query plan ' * (many.dialect == 'sqlite')}{statement}", parameters)
                told.extend(str(row) for row in cursor.fetchall())
            return statement, parameters

        feed(session, order=order, narrowed=filters)
    plan = "\n".join(told)
    assert "ix_labels_kind_value_state_" in plan if filters else "ix_papers_state_" in plan
    assert "B-TREE" not in plan
    assert "Sort" not in plan


def test_labels_have_the_ranks_of_their_papers(many):
    with many.writing() as session:
        session.execute(update(Paper).where(Paper.votes == 2).values(votes=9, heat=77.5))
    with many.reading() as session:
        columns = ("state", "day", "votes", "heat")
        both = select(*(getattr(of, name) for of in (Paper, Label) for name in columns))
        rows = session.execute(both.join(Label, Label.paper_id == Paper.id)).all()
        assert any(row[2] == 9 for row in rows)
        assert all(row[:4] == row[4:] for row in rows)


def test_a_week_begins_on_monday():
    assert days_of("week", datetime.date(2026, 11, 29))[0] == datetime.date(2026, 11, 23)


def test_vectors_come_back_in_half_precision(store, make_papers):
    make_papers(record(1))
    vector = np.random.default_rng(0).standard_normal(WIDTH).astype(np.float32)
    vector /= np.linalg.norm(vector)
    with store.writing() as session:
        session.add(Embedding(paper_id=find_paper(session, "2611.00001").id, digest="d", vector=vector))
    with store.reading() as session:
        np.testing.assert_allclose(session.scalar(select(Embedding)).vector, vector, atol=1e-3)


def test_moments_need_a_time_zone(store):
    from sqlalchemy.exc import StatementError

    with pytest.raises(StatementError, match="no time zone"), store.writing() as session:
        session.add(Account(email="a@x.org", created=datetime.datetime(2026, 1, 1)))


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_papers_are_looked_up_by_their_numbers_although_nearly_all_are_shown(many):
    looked_up = select(Paper.id).where(Paper.state == "shown", Paper.id.in_([3, 5]))
    many.analyse()
    with many.reading() as session:
        written = str(looked_up.compile(many.engine, compile_kwargs={"literal_binds": True}))
        plan = session.execute(text(f"explain query plan {written}")).all()
    assert "USING INTEGER PRIMARY KEY" in str(plan)


def test_what_fails_leaves_nothing_behind(store):
    def fail():
        with store.writing() as session:
            keep(session, [record(1)])
            session.execute(insert(Vote).values(account_id=99, paper_id=99, at=NOON))

    with pytest.raises(IntegrityError):
        fail()
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Paper)) == 0


def test_writers_wait_for_each_other_and_lose_nothing(store, make_papers):
    make_papers(record(1))

    def vote():
        for _ in range(10):
            with store.writing() as session:
                paper = session.scalar(select(Paper).with_for_update())
                paper.votes += 1

    writers = [threading.Thread(target=vote) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with store.reading() as session:
        assert session.scalar(select(Paper.votes)) == 40


def test_deleting_a_paper_takes_its_labels(store, make_papers):
    make_papers(record(1))
    with store.writing() as session:
        session.delete(session.scalar(select(Paper)))
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Label)) == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [("mysql://x/y", "mysql"), ("no address", "not understood"), ("sqlite:////proc/nowhere/site.db", "cannot be used")],
)
def test_addresses_that_cannot_be_used(url, says):
    with pytest.raises(InvalidInputError, match=says):
        open_store(url)


def test_a_database_of_a_newer_site_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'site.db'}"
    store = open_store(url)
    with store.writing() as session:
        session.execute(text("update alembic_version set version_num = '9999'"))
    store.close()
    with pytest.raises(InvalidInputError, match="another version of the site"):
        open_store(url)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "site.db").write_text("these are not the tables you are looking for" * 100)
    with pytest.raises(InvalidInputError, match="cannot be used"):
        open_store(f"sqlite:///{tmp_path / 'site.db'}")


def test_the_file_is_in_write_ahead_mode(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'site.db'}")
    with store.reading() as session:
        assert session.scalar(text("pragma journal_mode")) == "wal"
        assert "papers" in inspect(store.engine).get_table_names()

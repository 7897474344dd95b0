"""Papers by their words: SQLite's FTS5 ranked by BM25, or PostgreSQL's full text; titles count most.

A paper that has all the words comes before one that has some of them. Of a PostgreSQL search that very many papers
match, the latest `RANKED` are ranked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import ColumnElement, Float, String, Text, cast, column, exists, func, literal, select, table, text
from sqlalchemy.dialects.postgresql import ARRAY, REAL, REGCONFIG, TSVECTOR
from sqlalchemy.orm import Session

from reprise.site.search.query import Query, Selection, Term
from reprise.site.search.stop_words import STOP
from reprise.site.store.tables import SHOWN, Paper

RANKED = 2_000
_FINER = 300  # of these are ranked word by word
_TITLE, _ABSTRACT, _SUMMARY, _AUTHORS = 3.0, 1.0, 1.5, 2.0
_BM25 = f"bm25({_TITLE}, {_ABSTRACT}, {_SUMMARY}, {_AUTHORS})"
_PG_WEIGHTS = "{0.33,0.5,0.67,1.0}"  # of abstract, summary, authors, title: BM25's, the title's being 1
_COMMON = 4_000  # a word that more papers have is looked for only beside rarer ones
_BY_LOG_LENGTH = 1  # of PostgreSQL: ranks are divided by 1 + the logarithm of the length
_BEGIN, _END = "\x02", "\x03"
_SNIPPET_WORDS = 40

_words = table(
    "paper_words", column("rowid"), column("rank", Float), column("title", Text), column("paper_words", String)
)
_vector: ColumnElement[Any] = column("words", TSVECTOR, _selectable=Paper.__table__)


def by_words(session: Session, query: Query, count: int) -> list[int]:
    """Give papers that match the words of a query, the best first: those with all of them before those with some."""
    terms = [term for term in query.terms if term.phrase or term.text.casefold() not in STOP] or list(query.terms)
    if not terms:
        return []
    ranked = _ranked_sqlite if _dialect(session) == "sqlite" else _ranked_postgresql
    found = ranked(session, query, _all(session, terms), terms, count)
    single = [term for term in terms if not term.phrase]
    if len(found) < count and len(single) > 1:
        phrases = [term for term in terms if term.phrase]
        rare = _rare(session, single)
        found = list(
            dict.fromkeys(found + ranked(session, query, _any(session, rare, phrases), [*rare, *phrases], count))
        )
    return found[:count]


def narrow(session: Session, query: Query, statement: Selection) -> Selection:
    """Narrow a selection of papers to those shown that pass all of a query's filters, phrases and exclusions."""
    statement = query.narrow(statement.where(Paper.state == SHOWN))
    for phrase in query.phrases:
        statement = statement.where(_has(session, Term(phrase, True)))
    for term in query.without:
        statement = statement.where(~_has(session, term))
    for name in query.authors:
        statement = statement.where(_written_by(session, name))
    return statement


def narrows(query: Query) -> bool:
    """Say whether a query leaves any shown paper out, whatever its words."""
    return bool(query.phrases or query.without or query.filters)


def snippets(session: Session, query: Query, papers: Sequence[int]) -> dict[int, Markup]:
    """Give, for those papers whose text has words of the query, the passage with most of them, these marked.

    All of it is escaped but the marks.
    """
    terms = [term for term in query.terms if term.phrase or term.text.casefold() not in STOP] or list(query.terms)
    if not terms or not papers:
        return {}
    if _dialect(session) == "sqlite":
        rows = session.execute(_snippets_sqlite(terms, papers)).all()
    else:
        rows = session.execute(_snippets_postgresql(terms, papers)).all()
    found: dict[int, Markup] = {}
    for number, *passages in rows:
        best = max((passage or "" for passage in passages), key=lambda passage: passage.count(_BEGIN))
        if _BEGIN in best:
            found[number] = marked(best)
    return found


def marked(passage: str) -> Markup:
    """Escape a passage and mark what the search has enclosed.

    Examples
    --------
    >>> str(marked("a \\x02word\\x03 <b>"))
    'a <mark>word</mark> &lt;b&gt;'
    """
    opened, closed = passage.count(_BEGIN), passage.count(_END)
    escaped = str(escape(passage))
    if opened != closed:  # the paper's own text has such signs
        return Markup(escaped.replace(_BEGIN, "").replace(_END, ""))
    return Markup(escaped.replace(_BEGIN, "<mark>").replace(_END, "</mark>"))


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _rare(session: Session, terms: Sequence[Term]) -> list[Term]:
    """Give the words that few papers have, or all of them where none is rare: the others would match half the site."""
    counted = list(zip(_counts(session, terms), terms, strict=True))
    rare = [term for count, term in counted if 0 < count < _COMMON]
    return rare or [term for count, term in counted if count] or list(terms)


def _counts(session: Session, terms: Sequence[Term]) -> list[int]:
    """Count the papers that have each word, no further than needed."""
    one = select(literal(1).label("one"))
    if _dialect(session) == "sqlite":
        matching = [one.select_from(_words).where(_match(_quoted(term))) for term in terms]
    else:
        matching = [one.select_from(Paper).where(_vector.bool_op("@@")(_tsquery(term))) for term in terms]
    counts = [
        select(func.count(each.c.one)).scalar_subquery()
        for each in (several.limit(_COMMON).subquery() for several in matching)
    ]
    return list(session.execute(select(*counts)).one())


def _all(session: Session, terms: Sequence[Term]) -> Any:
    if _dialect(session) == "sqlite":
        return " AND ".join(_quoted(term) for term in terms)
    whole: Any = _tsquery(terms[0])
    for term in terms[1:]:
        whole = whole.op("&&")(_tsquery(term))
    return whole


def _any(session: Session, terms: Sequence[Term], phrases: Sequence[Term]) -> Any:
    if _dialect(session) == "sqlite":
        either = " OR ".join(_quoted(term) for term in terms)
        return " AND ".join([*(_quoted(phrase) for phrase in phrases), f"({either})"])
    either = _either(terms)
    return either.op("&&")(_all(session, phrases)) if phrases else either


def _has(session: Session, term: Term) -> ColumnElement[bool]:
    if _dialect(session) == "sqlite":
        return Paper.id.in_(select(_words.c.rowid).where(_match(_quoted(term))))
    return _vector.bool_op("@@")(_tsquery(term))


def _written_by(session: Session, name: str) -> ColumnElement[bool]:
    if _dialect(session) == "sqlite":
        return Paper.id.in_(select(_words.c.rowid).where(_match(f"authors : {_quoted(Term(name))}")))
    # Only authors have weight B. Quoted, the name is read by the same rules as the text was.
    lexemes = "'" + name.replace("'", " ").replace("\\", " ") + "':B"
    return _vector.bool_op("@@")(func.to_tsquery(_config("simple"), lexemes))


# SQLite


def _match(expression: str) -> ColumnElement[bool]:
    return _words.c.paper_words.bool_op("match")(expression)


def _quoted(term: Term) -> str:
    """Write a term as FTS5's string, in which nothing but a quote has a meaning."""
    return '"' + term.text.replace('"', " ") + '"'


def _ranked_sqlite(session: Session, query: Query, expression: str, _: Sequence[Term], count: int) -> list[int]:
    # FTS5 gives its matches in the order of their rank; each is then looked up by its key until enough have passed.
    passes = narrow(session, query, select(Paper.id).where(Paper.id == _words.c.rowid)).correlate(_words)
    ranked = (
        select(_words.c.rowid)
        .where(_match(expression), _words.c.rank.bool_op("match")(_BM25), exists(passes))
        .order_by(_words.c.rank)
        .limit(count)
    )
    return list(session.scalars(ranked))


def _snippets_sqlite(terms: Sequence[Term], papers: Sequence[int]) -> Any:
    either = " OR ".join(_quoted(term) for term in terms)
    whole: Any = column("paper_words", is_literal=True)
    passages = [func.snippet(whole, place, _BEGIN, _END, "…", _SNIPPET_WORDS) for place in (1, 2)]
    return select(_words.c.rowid, *passages).where(_match(either), _words.c.rowid.in_(papers))


# PostgreSQL


def _either(terms: Sequence[Term]) -> Any:
    either = _tsquery(terms[0])
    for term in terms[1:]:
        either = either.op("||")(_tsquery(term))
    return either


def _config(name: str) -> Any:
    return cast(literal(name), REGCONFIG)


def _tsquery(term: Term) -> Any:
    """Read a term as English, and as it is written, as names are."""
    read = func.phraseto_tsquery if term.phrase else func.plainto_tsquery
    return read(_config("english"), term.text).op("||")(read(_config("simple"), term.text))


def _ranked_postgresql(session: Session, query: Query, wanted: Any, terms: Sequence[Term], count: int) -> list[int]:
    matching = narrow(session, query, select(Paper.id, _vector).where(_vector.bool_op("@@")(wanted)))
    latest = matching.order_by(Paper.id.desc()).limit(RANKED).subquery()
    weights = cast(literal(_PG_WEIGHTS), ARRAY(REAL))
    roughly = func.ts_rank(weights, latest.c.words, wanted)
    good = select(latest).order_by(roughly.desc(), latest.c.id.desc()).limit(max(count, _FINER)).subquery()
    # PostgreSQL does not weigh words by their rarity; each is ranked by itself and counts by its own, as in BM25.
    rank: Any = literal(0.0)
    for term, rarity in zip(terms, _rarities(session, terms), strict=True):
        rank = rank + rarity * func.ts_rank(weights, good.c.words, _tsquery(term), _BY_LOG_LENGTH)
    return list(session.scalars(select(good.c.id).order_by(rank.desc(), good.c.id.desc()).limit(count)))


def _rarities(session: Session, terms: Sequence[Term]) -> list[float]:
    if len(terms) == 1:
        return [1.0]
    known = session.scalar(text("select reltuples from pg_class where oid = 'papers'::regclass")) or 0
    total = known if known > 0 else session.scalar(select(func.count()).select_from(Paper)) or 0
    counts = _counts(session, terms)
    return [math.log1p(max(total - count, 0.5) / (count + 0.5)) for count in counts]


def _snippets_postgresql(terms: Sequence[Term], papers: Sequence[int]) -> Any:
    wanted = _either(terms)
    options = (
        f"StartSel={_BEGIN}, StopSel={_END}, MaxWords={_SNIPPET_WORDS}, MinWords={_SNIPPET_WORDS // 2}, MaxFragments=1"
    )
    passages = [func.ts_headline(_config("english"), text, wanted, options) for text in (Paper.abstract, Paper.summary)]
    return select(Paper.id, *passages).where(Paper.id.in_(papers), _vector.bool_op("@@")(wanted))

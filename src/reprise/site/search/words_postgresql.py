r"""Words in PostgreSQL: full text finds papers, and BM25 is computed for the best of a rough ranking.

.. math:: s(d) = \sum_t \log\frac{N - n_t + 1/2}{n_t + 1/2} \cdot \frac{f_t}{f_t + k_1 (1 - b + b\, l / \bar l)}

over words t that n_t of N papers have, f_t times in this one, where a word of the title counts more than once; l is the
number of a paper's different words. PostgreSQL's own ranks know neither how rare a word is nor how long papers are. Of
very many papers that match, the latest `RANKED` are ranked.

References
----------
S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", Foundations and Trends in
Information Retrieval 3(4), 2009.
"""

from __future__ import annotations

import functools
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, column, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, REAL, REGCONFIG, TSQUERY, TSVECTOR
from sqlalchemy.orm import Session

from reprise.site.search.query import Query, Term
from reprise.site.search.words_common import (
    ABSTRACT,
    AUTHORS,
    BEGIN,
    COMMON,
    END,
    SNIPPET_WORDS,
    SUMMARY,
    TITLE,
    shown,
)
from reprise.site.store.tables import Paper

RANKED = 1_500
_FINER = 300  # of these are ranked by BM25
_K1, _B = 1.2, 0.75
_WEIGHTS = {"A": TITLE, "B": AUTHORS, "C": SUMMARY, "D": ABSTRACT}  # by the letters of PostgreSQL
_LEAST = 1e-6  # that a word counts which most papers have
_BM25 = text("""
    with good as materialized (select id, words, length(words) as length from papers where id = any(:papers)),
    wanted as (select * from unnest(cast(:lexemes as text[]), cast(:rarities as float[])) as each (lexeme, rarity)),
    counted as (
        select id, rarity,
            (select sum(cast(cast(:weights as jsonb) -> letter as float)) from unnest(weights) as letter) as often,
            :k1 * (1 - :b + :b * length / (select avg(length) from good)) as held
        from good, unnest(words) as has join wanted on wanted.lexeme = has.lexeme
    )
    select id from counted group by id
    order by sum(rarity * often / (often + held)) desc, id desc
""").bindparams(k1=_K1, b=_B, weights=json.dumps(_WEIGHTS))
_READ = text("""
    select cast(case when phrase then phraseto_tsquery('english', line) || phraseto_tsquery('simple', line)
                     else plainto_tsquery('english', line) || plainto_tsquery('simple', line) end as text) as wanted,
        tsvector_to_array(to_tsvector('english', line)) as english,
        tsvector_to_array(to_tsvector('english', line) || to_tsvector('simple', line)) as lexemes
    from unnest(cast(:lines as text[]), cast(:phrases as bool[])) with ordinality as term (given, phrase, place),
        folded(given) as line
    order by place
""")
_COUNT = text("""
    with common as materialized (
        select lexeme, share
        from pg_stats, cast(cast(most_common_elems as text) as text[]) as lexemes,
            unnest(lexemes, most_common_elem_freqs) as each (lexeme, share)
        where schemaname = current_schema() and tablename = 'papers' and attname = 'words' and lexeme is not null
    )
    select coalesce(
        (select round(:total * min(share)) from common where lexeme = said having count(*) > 0),
        (select count(*) from (select from papers where words @@ cast(wanted as tsquery) limit :most) as several)
    )
    from unnest(cast(:wanted as text[]), cast(:said as text[])) with ordinality as term (wanted, said, place)
    order by place
""")
_vector: ColumnElement[Any] = column("words", TSVECTOR, _selectable=Paper.__table__)


class Asked:
    """The words of a search.

    Parameters
    ----------
    terms : of the query, those that are looked for; at least one.
    """

    def __init__(self, session: Session, query: Query, terms: Sequence[Term]):
        self.session, self.query = session, query
        given = {"lines": [term.text for term in terms], "phrases": [term.phrase for term in terms]}
        self._read = dict(zip(terms, session.execute(_READ, given), strict=True))

    @functools.cached_property
    def counts(self) -> dict[Term, int]:
        """How many papers have each term: of common words by the server's statistics, of others up to `COMMON`."""
        return self.count(COMMON)

    def count(self, most: int) -> dict[Term, int]:
        """Count the papers that have each term, up to `most` where the server has no statistics of it."""
        wanted = [row.wanted for row in self._read.values()]
        said = [row.english[0] if len(row.english) == 1 else None for row in self._read.values()]
        found = self.session.scalars(_COUNT, {"wanted": wanted, "said": said, "total": self._total, "most": most})
        return {term: int(count) for term, count in zip(self._read, found, strict=True)}

    def ranked(self, every: Sequence[Term], some: Sequence[Term], count: int) -> list[int]:
        """Give the papers that have every term and, where any are given, some of the others, the best first."""
        of_all, of_some = ([read for term in terms if (read := self._read[term].wanted)] for terms in (every, some))
        wanted = [*of_all, *([" | ".join(of_some)] if of_some else [])]
        if not wanted:
            return []
        matching = _matches(" & ".join(f"({each})" for each in wanted))
        passing = shown(self.query, select(Paper.id, _vector)).where(matching, *conditions(self.query))
        # A sum is no key: where few match, the index of words is used, and not that of numbers, which seems cheaper.
        order = Paper.id + 0 if self._few(every, some) else Paper.id
        latest = passing.order_by(order.desc()).limit(RANKED).subquery()
        weights = cast(literal([_WEIGHTS[letter] / TITLE for letter in "DCBA"]), ARRAY(REAL))
        roughly = func.ts_rank(weights, latest.c.words, cast(literal(" | ".join(of_all + of_some)), TSQUERY))
        good = select(latest.c.id).order_by(roughly.desc(), latest.c.id.desc()).limit(max(count, _FINER))
        return self._by_bm25(list(self.session.scalars(good)), [*every, *some])[:count]

    def _few(self, every: Sequence[Term], some: Sequence[Term]) -> bool:
        most = [self.counts[term] for term in every] + ([sum(self.counts[term] for term in some)] if some else [])
        return min(most) < COMMON

    def _by_bm25(self, papers: list[int], terms: Sequence[Term]) -> list[int]:
        rarities: dict[str, float] = defaultdict(float)
        for term in terms:
            for lexeme in self._read[term].lexemes:
                rarities[lexeme] += self._rarity(term) if len(terms) > 1 else 1.0
        given = {"papers": papers, "lexemes": list(rarities), "rarities": list(rarities.values())}
        return list(self.session.scalars(_BM25, given)) if papers else []

    def _rarity(self, term: Term) -> float:
        count = self.counts[term]
        return max(math.log(max(self._total - count, 0.0) + 0.5) - math.log(count + 0.5), _LEAST)

    @functools.cached_property
    def _total(self) -> float:
        known = self.session.scalar(text("select reltuples from pg_class where oid = 'papers'::regclass")) or 0.0
        return known if known > 0 else self.session.scalar(select(func.count()).select_from(Paper)) or 0


def conditions(query: Query) -> list[ColumnElement[bool]]:
    """Give what a query's phrases, exclusions and authors ask of a paper."""
    wanted: list[ColumnElement[bool]] = [
        _vector.bool_op("@@")(_tsquery(Term(phrase, True))) for phrase in query.phrases
    ]
    wanted += [~_vector.bool_op("@@")(_tsquery(term)) for term in query.without]
    return wanted + [_vector.bool_op("@@")(_written_by(name)) for name in query.authors]


def snippets(terms: Sequence[Term], papers: Sequence[int]) -> Select[Any]:
    """Select passages of papers with some of the terms: of their abstracts, and of our summaries."""
    has = functools.reduce(lambda one, other: one.op("||")(other), map(_tsquery, terms))
    # The text that is shown has accents and signs: terms that have them are looked for as they are, too.
    as_given = [_read_as(term, "english", literal(term.text, Text)) for term in terms]
    marked = functools.reduce(lambda one, other: one.op("||")(other), as_given, has)
    options = (
        f"StartSel={BEGIN}, StopSel={END}, MaxWords={SNIPPET_WORDS}, MinWords={SNIPPET_WORDS // 2}, MaxFragments=1"
    )
    passages = [
        func.ts_headline(_config("english"), shown_text, marked, options)
        for shown_text in (Paper.abstract, Paper.summary)
    ]
    return select(Paper.id, *passages).where(Paper.id.in_(papers), _vector.bool_op("@@")(has))


def _matches(wanted: str) -> ColumnElement[bool]:
    return _vector.bool_op("@@")(cast(literal(wanted), TSQUERY))


def _written_by(name: str) -> Any:
    # Only authors have weight B. Quoted, the name is read by the same rules as the text was.
    return func.to_tsquery(_config("simple"), func.quote_literal(_folded(name)).op("||")(":B"))


def _tsquery(term: Term) -> Any:
    """Read a term as English, and as it is written, as names are."""
    return _read_as(term, "english", _folded(term.text)).op("||")(_read_as(term, "simple", _folded(term.text)))


def _read_as(term: Term, config: str, line: Any) -> Any:
    return (func.phraseto_tsquery if term.phrase else func.plainto_tsquery)(_config(config), line)


def _folded(line: str) -> Any:
    return func.folded(literal(line, Text))


def _config(name: str) -> Any:
    return cast(literal(name), REGCONFIG)

"""Are papers found by the names of the tree, does it recover known subjects, and what would it ask a language model.

Trees have no language model here: key phrases name the topics, and an agent that compares embeddings looks the papers
up. All trees hold the same papers with the same vectors, sizes and namer; the agent is the same too. No arm was tuned:
sizes follow the labels there are. Calls are counted with a stand-in that answers in the right form and knows nothing,
so they say nothing of quality. Seeds draw 80 % of the papers, so that they overlap: intervals speak of these corpora.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claim.contract import Scale
from reprise.claims.discover._science_hierarchography.corpora import (
    NAME_TOKENS,
    PAPER_TOKENS,
    ByFacet,
    Corpus,
    Encoder,
    arxiv_corpus,
    by_facet,
    catalogue_corpus,
    disciplines,
)
from reprise.claims.discover._science_hierarchography.stand_in import StandIn
from reprise.claims.discover._science_hierarchography.trees import Bench, Direction, scrambled, shuffled
from reprise.discover.science_hierarchography import (
    Lookup,
    ScienceHierarchy,
    extract_topics,
    incremental_taxonomy,
    parallel_taxonomy,
)
from reprise.metrics import purity

READ, UNREAD = "papers found at their leaf", "papers found at their leaf by names that did not read them"
MATCH, FOUND_TOP = "nodes of the true path met", "papers found at the top level"
BROAD, NARROW = "NMI of the top level with disciplines", "NMI of the second level with subjects"
PURITY, ALIKE, CALLS = "purity of the top level", "agreement of two sets of topics (ARI)", "calls a paper"

TOP, BOTTOM, BOTH = "top-down", "bottom-up", "bidirectional"
NAMES_ALONE, RANDOM, SCRAMBLED = "top-down, names alone", "random tree of its shape", "its names scrambled"
FROM_BELOW: dict[str, Direction] = {BOTTOM: "bottom_up", BOTH: "bidirectional"}
OTHER_SCALING = "top-down, columns scaled the other way"
WARD, FLAT = "Ward's tree", "flat k-means"
FACETS_DIFFER, SEEDS_DIFFER = "problem against solution", "problem against problem, other seed"
FACETS_READ, NOT_READ = "SCYCHIC", "SCYCHIC, abstracts embedded as they are"
INCREMENTAL, PARALLEL = "fLMSci, incremental", "fLMSci, parallel"

SHARE = 0.8  # of the papers, a seed
TOPICS = 8  # in which facets are compared
LATER: tuple[Scale, ...] = ("desktop", "full")


@dataclass(frozen=True, kw_only=True)
class Size:
    """What differs between the scales: papers, clusters a level (bottom to top) and papers looked up."""

    a_category: int
    sizes: tuple[int, ...]
    lookups: int
    a_discipline: int = 0
    asked: int = 200
    by_facet: int = 400


SIZES = {
    "quick": Size(a_category=0, sizes=(11, 4), lookups=20, asked=30),
    "desktop": Size(a_category=25, sizes=(110, 55, 10), lookups=150, a_discipline=150),
    "full": Size(a_category=100, sizes=(640, 55, 10), lookups=1000, a_discipline=400),
}

CLAIMS = (
    Claim(
        id="findable",
        of="paper",
        kind="superior",
        metric=READ,
        ours=TOP,
        against=(RANDOM, SCRAMBLED),
        margin=0.1,
        says="An agent that reads names and summaries finds a paper's leaf far more often (by 10 points) than in a "
        "random tree of the same shape, or with names scrambled among siblings.",
    ),
    Claim(
        id="findable-unread",
        of="here",
        kind="superior",
        metric=UNREAD,
        ours=TOP,
        against=(RANDOM,),
        margin=0.1,
        says="So it does where names and summaries are made without reading the papers that are looked up, so that "
        "nothing of them can be quoted.",
    ),
    Claim(
        id="fewer-calls",
        of="paper",
        kind="superior",
        metric=CALLS,
        better="lower",
        ours=FACETS_READ,
        against=(INCREMENTAL, PARALLEL),
        says="Clustering with a model that reads facets and names clusters asks it less often than either way of "
        "building the tree by the model throughout.",
        note="Below the incremental way; but reading the facets takes a call a paper, as reading the topics does, and "
        "placing topics a hundred at a time adds only one call a hundred, far less than one a cluster.",
    ),
    Claim(
        id="facets-differ",
        of="paper",
        kind="superior",
        metric=ALIKE,
        better="lower",
        ours=FACETS_DIFFER,
        against=(SEEDS_DIFFER,),
        says="Topics of the same papers by problem and by solution (as cue words divide abstracts) differ more than "
        "topics by problem from two seeds do.",
    ),
    Claim(
        id="recovers-disciplines",
        of="here",
        kind="interval",
        metric=PURITY,
        ours=TOP,
        low=0.95,
        scales=LATER,
        says="Three top topics part aerodynamics, library science and biology with a purity of 0.95 or more.",
    ),
    Claim(
        id="recovers-subjects",
        of="here",
        kind="not_inferior",
        metric=NARROW,
        ours=TOP,
        against=(FLAT, WARD),
        margin=0.06,
        says="The second level agrees with the 55 categories of arXiv (at quick scale with the catalogue's tasks) at "
        "most 0.06 of NMI less than k-means of all papers at once and Ward's tree (0.64), which no level above binds.",
    ),
    Claim(
        id="as-findable-as-wards",
        of="here",
        kind="not_inferior",
        metric=UNREAD,
        ours=TOP,
        against=(WARD,),
        margin=0.05,
        says="Papers are found as often, within 5 points, as in Ward's tree of all pairs of papers, whose cost grows "
        "with their square.",
    ),
    Claim(
        id="summaries-help",
        of="here",
        kind="superior",
        metric=UNREAD,
        ours=TOP,
        against=(NAMES_ALONE,),
        says="Papers are found more often by names and summaries than by names alone.",
    ),
    Claim(
        id="one-call-a-cluster",
        of="here",
        kind="superior",
        metric=CALLS,
        better="lower",
        ours=NOT_READ,
        against=(INCREMENTAL, PARALLEL),
        margin=0.5,
        says="Where abstracts are embedded as they are, one call a cluster is left: at least half a call a paper less "
        "than either way of building the tree by the model throughout.",
    ),
)


@dataclass(frozen=True)
class Content:
    """What trials share."""

    corpus: Corpus
    encoder: Encoder
    three: Corpus | None
    by_facet: ByFacet


def prepare(setting: Setting) -> Prepared:
    """Load the papers and embed them."""
    size = SIZES[setting.scale]
    facts: dict[str, str | int | float | bool] = {
        "clusters a level": ", ".join(map(str, size.sizes)),
        "papers looked up": size.lookups,
        "namer": "key phrases (c-TF-IDF)",
        "columns": "standardised in all arms, as by the authors; not those of TF-IDF, whose last ones are noise",
        "agent": "cosine of embeddings of the query (title and 300 letters) and of names with summaries",
        "a seed": f"{SHARE:.0%} of the papers, overlapping: the interval is for this corpus",
    }
    if setting.scale == "quick":
        corpus, encoder = catalogue_corpus()
        facts |= {"data": "titles and summaries of the catalogue", "embedding": "TF-IDF, 32 directions"}
        part = by_facet(corpus, encoder, size.by_facet)
        return Prepared(Content(corpus, encoder, None, part), facts | {"papers": len(corpus.papers)})
    corpus, encoder = arxiv_corpus(setting, size.a_category)
    facts |= {
        "data": "arXiv sample, 55 categories of 10 archives; Cranfield, CISI and arXiv's q-bio as three disciplines",
        "licence": "CC0 (arXiv); public research collections",
        "papers": len(corpus.papers),
        "embedding": f"all-MiniLM-L6-v2, {PAPER_TOKENS} tokens of a paper, {NAME_TOKENS} of a name or query",
    }
    part = by_facet(corpus, encoder, size.by_facet)
    return Prepared(Content(corpus, encoder, disciplines(setting, size.a_discipline), part), facts)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Build every tree of one seed's papers, and look papers up in it."""
    size, content = SIZES[trial.scale], prepared.content
    rng = trial.rng()
    count = len(content.corpus.papers)
    corpus = content.corpus.of(rng.permutation(count)[: int(SHARE * count)])
    bench = Bench(
        corpus, list(size.sizes), trial.seed, content.encoder, size.lookups, standardize=trial.scale != "quick"
    )

    ours = bench.fit("top_down")
    levels = {TOP: ours.labels_, WARD: bench.ward()}
    levels[OTHER_SCALING] = bench.fit("top_down", standardize=not bench.standardize).labels_
    levels |= {arm: bench.fit(direction).labels_ for arm, direction in FROM_BELOW.items()}
    random = shuffled(ours.labels_, rng)
    read = {TOP: ours.tree_, RANDOM: bench.named(random), SCRAMBLED: scrambled(ours.tree_, rng)}
    for arm, tree in read.items():
        yield from _found(arm, READ, bench.look_up(tree))
    unread = {arm: bench.named(levels[arm], reading_all=False) for arm in (TOP, WARD)}
    for arm, tree in (unread | {RANDOM: bench.named(random, reading_all=False)}).items():
        yield from _found(arm, UNREAD, bench.look_up(tree))
    yield from _found(NAMES_ALONE, UNREAD, bench.look_up(unread[TOP], summaries=False))

    for arm, labels in levels.items():
        yield Measurement(arm, BROAD, normalized_mutual_info_score(corpus.broad, labels[:, 0]))
        yield Measurement(arm, NARROW, normalized_mutual_info_score(corpus.narrow, labels[:, 1]))
    yield Measurement(FLAT, BROAD, normalized_mutual_info_score(corpus.broad, bench.kmeans(size.sizes[-1])))
    yield Measurement(FLAT, NARROW, normalized_mutual_info_score(corpus.narrow, bench.kmeans(size.sizes[-2])))
    if content.three is not None:
        yield from _disciplines(content.three, trial)
    yield from _facets(content.by_facet, trial)
    yield from _calls(corpus, size, trial.seed)


def _found(arm: str, metric: str, found: Lookup) -> Iterator[Measurement]:
    yield Measurement(arm, metric, found.strict)
    if metric == READ:
        yield Measurement(arm, MATCH, found.node_match)
        yield Measurement(arm, FOUND_TOP, found.levelwise[0])


def _disciplines(three: Corpus, trial: Trial) -> Iterator[Measurement]:
    rows = trial.rng().permutation(len(three.papers))[: int(SHARE * len(three.papers))]
    corpus = three.of(rows)
    bench = Bench(corpus, [len(rows) // 8, 3], trial.seed, None, 1)
    for arm, labels in ((TOP, bench.fit("top_down").labels_[:, 0]), (WARD, bench.ward()[:, 0])):
        yield Measurement(arm, PURITY, purity(corpus.broad, labels))


def _facets(part: ByFacet, trial: Trial) -> Iterator[Measurement]:
    """Compare the topics of the same papers by problem and by solution, and by problem from two seeds."""
    rows = trial.rng().permutation(len(part.papers))[: int(SHARE * len(part.papers))]
    papers = [part.papers[i] for i in rows]

    def topics(facet: str, seed: int) -> NDArray[np.integer]:
        model = ScienceHierarchy([TOPICS], standardize=trial.scale != "quick", random_state=seed)
        return model.fit_predict(papers, embeddings=part.vectors[facet][rows])

    problem = topics("problem", trial.seed)
    yield Measurement(FACETS_DIFFER, ALIKE, adjusted_rand_score(problem, topics("solution", trial.seed)))
    yield Measurement(SEEDS_DIFFER, ALIKE, adjusted_rand_score(problem, topics("problem", trial.seed + 37)))


def _calls(corpus: Corpus, size: Size, seed: int) -> Iterator[Measurement]:
    """Count what each way of building a tree asks of a language model, on the first papers of the seed."""
    papers = corpus.papers[: size.asked]
    clusters = _scaled(size, size.asked, len(corpus.papers))
    for arm, read in ((FACETS_READ, True), (NOT_READ, False)):
        chat = StandIn()
        model = ScienceHierarchy(clusters, embedder="tfidf", namer=chat, read_facets=read, random_state=seed)
        model.fit(papers)
        yield Measurement(arm, CALLS, chat.calls / len(papers))
    for arm, build in ((INCREMENTAL, incremental_taxonomy), (PARALLEL, parallel_taxonomy)):
        chat = StandIn()
        build(extract_topics(papers, chat), chat)
        yield Measurement(arm, CALLS, chat.calls / len(papers))


def _scaled(size: Size, count: int, of: int) -> list[int]:
    """Give clusters a level for a part of the papers."""
    return [max(1, round(min(count, of) * k / of)) for k in size.sizes]

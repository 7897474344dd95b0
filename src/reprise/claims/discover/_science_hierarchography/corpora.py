"""The papers that are arranged, with what is known of their subjects, and their vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reprise import catalogue
from reprise.claim import Setting
from reprise.data.arxiv import arxiv_abstracts
from reprise.data.smart import cisi, cranfield
from reprise.discover.science_hierarchography import Paper, TfidfEncoder, facet_vectors
from reprise.models.text import load_text_encoder, text_embeddings

# Windows of the encoder: MiniLM reads 15 to 60 abstracts a second on one core at the longer one.
PAPER_TOKENS, NAME_TOKENS = 128, 48


@dataclass(frozen=True)
class Corpus:
    """Papers, their vectors, and two readings of their subjects: a broad one and a narrow one."""

    papers: list[Paper]
    vectors: NDArray[np.floating]
    broad: NDArray[np.str_]
    narrow: NDArray[np.str_]

    def of(self, rows: NDArray[np.integer]) -> Corpus:
        return Corpus([self.papers[i] for i in rows], self.vectors[rows], self.broad[rows], self.narrow[rows])


@dataclass
class Encoder:
    """What turns names and queries into vectors, as it did the papers: MiniLM, loaded when first called, or TF-IDF."""

    tfidf: TfidfEncoder | None = None
    max_tokens: int = NAME_TOKENS
    _loaded: Callable | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return f"all-MiniLM-L6-v2, {self.max_tokens} tokens"

    def __call__(self, texts: list[str]) -> NDArray[np.floating]:
        if self.tfidf is not None:
            return self.tfidf(texts)
        if self._loaded is None:
            self._loaded = load_text_encoder(max_tokens=self.max_tokens)
        return self._loaded(texts)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_loaded": None}


def catalogue_corpus() -> tuple[Corpus, Encoder]:
    """Give the catalogue's own papers by title and summary, with family (broad) and first task (narrow)."""
    listed = catalogue.papers()
    papers = [Paper(paper.title, paper.summary) for paper in listed]
    encoder = Encoder(TfidfEncoder([paper.text for paper in papers], dim=32))
    tasks = np.array([paper.serves[0].task if paper.serves else "none" for paper in listed])
    return Corpus(papers, encoder([p.text for p in papers]), np.array([p.family for p in listed]), tasks), encoder


def arxiv_corpus(setting: Setting, a_category: int) -> tuple[Corpus, Encoder]:
    """Give arXiv's abstracts, so many of each of 55 categories, with archive (broad) and category (narrow)."""
    data = arxiv_abstracts()
    primary = np.array(data.primary)
    rows = np.sort(np.concatenate([np.flatnonzero(primary == name)[:a_category] for name in np.unique(primary)]))
    papers = [Paper(data.titles[i], data.abstracts[i]) for i in rows]
    return Corpus(papers, _embedded(papers, setting), np.array(data.archive)[rows], primary[rows]), Encoder()


def disciplines(setting: Setting, each: int) -> Corpus:
    """Give abstracts of aerodynamics (Cranfield), library science (CISI) and biology (arXiv), so many of each."""
    biology = arxiv_abstracts()
    chosen = [i for i, archive in enumerate(biology.archive) if archive == "q-bio"]
    parts = {
        "aerodynamics": list(zip(cranfield().titles, cranfield().abstracts, strict=True)),
        "library science": list(zip(cisi().titles, cisi().abstracts, strict=True)),
        "biology": [(biology.titles[i], biology.abstracts[i]) for i in chosen],
    }
    rng = np.random.default_rng(0)
    papers, names = [], []
    for name, texts in parts.items():
        full = [*{title.casefold(): (title, abstract) for title, abstract in texts if abstract}.values()]
        papers += [Paper(*full[i]) for i in rng.permutation(len(full))[:each]]
        names += [name] * min(each, len(full))
    return Corpus(papers, _embedded(papers, setting), np.array(names), np.array(names))


@dataclass(frozen=True)
class ByFacet:
    """Papers with their vectors by facet."""

    papers: list[Paper]
    vectors: dict[str, NDArray[np.floating]]


def by_facet(corpus: Corpus, encoder: Encoder, count: int) -> ByFacet:
    """Embed problem and solution of some of the papers, each by itself."""
    rows = np.random.default_rng(0).permutation(len(corpus.papers))[:count]
    papers = [corpus.papers[i] for i in rows]
    return ByFacet(papers, {facet: facet_vectors(papers, facet, encoder) for facet in ("problem", "solution")})


def _embedded(papers: list[Paper], setting: Setting) -> NDArray[np.floating]:
    encoder = Encoder(max_tokens=PAPER_TOKENS)
    return text_embeddings([paper.text for paper in papers], encoder, cache=setting.cache)

"""Class-based TF-IDF beside BERTopic's, topics beside BERTopic's, and the levels of 100,000 papers.

Run with ``pytest benchmarks/bench_science_hierarchography.py -s``; prints ratios, asserts no times.
"""

import resource
import time

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from racing import race
from reprise.data.arxiv import SOURCE, arxiv_abstracts
from reprise.discover.science_hierarchography import Paper, ScienceHierarchy, auto_sizes, class_tfidf
from reprise.models import text

here = pytest.mark.skipif(not SOURCE.here(), reason="the arXiv sample is not on this machine")


def test_class_tfidf_beside_bertopics():
    theirs = pytest.importorskip("bertopic.vectorizers").ClassTfidfTransformer()
    counts = sp.random(500, 50_000, density=0.01, random_state=0, format="csr")
    counts.data = np.ceil(counts.data * 5)
    counts = counts[:, np.asarray(counts.sum(axis=0)).ravel() > 0]
    taken = race({"ours": lambda: class_tfidf(counts), "BERTopic": lambda: theirs.fit(counts).transform(counts.copy())})
    ours = normalize(class_tfidf(counts), "l1")
    peer = normalize(theirs.transform(counts.copy()), "l1")
    print(
        f"\nclass TF-IDF: ours {taken['ours']:.1f} ms, BERTopic {taken['BERTopic']:.1f} ms, "
        f"BERTopic / ours {taken['BERTopic'] / taken['ours']:.2f}; largest difference {abs(ours - peer).max():.1e}"
    )


@pytest.mark.skipif(not text.is_installed(), reason="MiniLM is not installed")
@here
def test_rate_of_minilm():
    data = arxiv_abstracts()
    texts = [f"{title}. {abstract}" for title, abstract in zip(data.titles[:128], data.abstracts[:128], strict=True)]
    for tokens in (256, 128):
        encoder = text.load_text_encoder(max_tokens=tokens)
        encoder(texts[:4])
        began = time.process_time()
        encoder(texts)
        print(f"\nMiniLM, {tokens} tokens: {len(texts) / (time.process_time() - began):.0f} abstracts a CPU second")


@here
def test_levels_and_names_of_a_hundred_thousand_papers():
    n, d = 100_000, 384
    data = arxiv_abstracts()
    rng = np.random.default_rng(0)
    # As clusterable as embeddings are: each paper near one of 2,000 centres, these near one of 40.
    centres = rng.standard_normal((40, d)).repeat(50, axis=0) + 0.7 * rng.standard_normal((2_000, d))
    X = (centres[rng.integers(2_000, size=n)] + rng.standard_normal((n, d))).astype(np.float32)
    papers = [Paper(f"{data.titles[i % 5500]} {i}", data.abstracts[i % 5500]) for i in range(n)]
    began, wall = time.process_time(), time.perf_counter()
    model = ScienceHierarchy(embedder="tfidf").fit(papers, embeddings=X)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"\n{n:,} papers, topics a level {auto_sizes(n)}: {time.process_time() - began:.0f} CPU s, "
        f"{time.perf_counter() - wall:.0f} s of wall clock, of it {model.seconds_['clustering']:.0f} s of clustering "
        f"and {model.seconds_['naming']:.0f} s of naming; peak memory of the process {memory:.1f} GiB"
    )

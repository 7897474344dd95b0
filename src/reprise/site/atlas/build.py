"""Making the map, and keeping it until papers or their meanings change."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError
from sqlalchemy import select

from reprise import ledger
from reprise.catalogue import FAMILIES
from reprise.site.atlas.layout import lay_out
from reprise.site.store import Store
from reprise.site.store.tables import SHOWN, Embedding, Paper
from reprise.site.store.types import WIDTH

FILE = "map.json"
SCALE = 10_000  # places are whole numbers from 0 to this
_CHUNK = 5000
_NAMED_SAMPLE = 4000
_FEWEST = 12  # papers that make regions
_LISTED = 8
_COMMON = 1.5  # regions' worth of papers; a word that more of them have names no region
_AND = " & "  # between two phrases of a name
_STEM = 5  # letters by which two words are forms of one
_FORMULA = re.compile(r"\$[^$]*\$")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]+")


class Region(BaseModel):
    """A named part of the map: broad ones of level 1, narrow ones of level 2; `papers` are the nearest its middle."""

    name: str
    level: int
    x: int
    y: int
    size: int
    papers: list[int]


class Atlas(BaseModel):
    """The map: the number, place and family of each paper (0 for none), and the regions."""

    digest: str
    families: list[str]
    points: list[tuple[int, int, int, int]]
    regions: list[Region]


def read_atlas(folder: Path) -> Atlas | None:
    """Give the map kept in a folder, or None if there is none that can be read."""
    try:
        return Atlas.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def build_atlas(store: Store, folder: Path, *, seed: int = 0) -> Atlas | None:
    """Make the map anew where papers or their meanings have changed, and give it.

    None if no paper has a meaning yet. Memory is that of the vectors, 1.5 kB a paper.
    """
    numbers, families, vectors, digest = _load(store)
    if not len(numbers):
        return None
    kept = read_atlas(folder)
    if kept is not None and kept.digest == digest:
        return kept
    names = ["", *FAMILIES]
    places = np.rint(lay_out(vectors, seed=seed) * SCALE).astype(int)
    atlas = Atlas(
        digest=digest,
        families=names,
        points=[
            (number, int(x), int(y), names.index(family) if family in names else 0)
            for number, (x, y), family in zip(numbers, places, families, strict=True)
        ],
        regions=_regions(store, numbers, vectors, places, seed),
    )
    ledger.write_text(folder / FILE, atlas.model_dump_json())
    return atlas


def _load(store: Store) -> tuple[list[int], list[str], NDArray[np.float32], str]:
    numbers: list[int] = []
    families: list[str] = []
    blocks: list[NDArray[np.float16]] = []
    seen = hashlib.sha256()
    statement = (
        select(Paper.id, Paper.family, Embedding.digest, Embedding.vector)
        .join(Embedding, Embedding.paper_id == Paper.id)
        .where(Paper.state == SHOWN)
        .order_by(Paper.id)
        .execution_options(yield_per=_CHUNK)
    )
    with store.reading() as session:
        for rows in session.execute(statement).partitions():
            numbers += [row[0] for row in rows]
            families += [row[1] for row in rows]
            seen.update(json.dumps([(row[0], row[1], row[2]) for row in rows]).encode())
            blocks.append(np.stack([row[3] for row in rows]).astype(np.float16))
    vectors = np.concatenate(blocks).astype(np.float32) if blocks else np.empty((0, WIDTH), np.float32)
    return numbers, families, vectors, seen.hexdigest()[:24]


def _regions(
    store: Store, numbers: Sequence[int], vectors: NDArray[np.float32], places: NDArray[np.int_], seed: int
) -> list[Region]:
    """Cut the plane into parts, broad and narrow, and name them by what tells their papers from those beside them.

    The tree and its names are those of the paper `science-hierarchography`, with clusters of places instead of
    meanings, so that a region is one part of the plane.
    """
    from sklearn.cluster import AgglomerativeClustering, KMeans

    from reprise.discover.science_hierarchography import KeyPhraseNamer, name_tree, tree_from_labels
    from reprise.discover.science_hierarchography import Paper as Text

    if len(numbers) < _FEWEST:
        return []
    drawn = np.sort(np.random.default_rng(seed).choice(len(numbers), min(_NAMED_SAMPLE, len(numbers)), replace=False))
    texts = _texts(store, [numbers[row] for row in drawn])
    narrow = int(np.clip(np.sqrt(len(numbers)) * 0.9, 4, 40))
    clusters = KMeans(narrow, n_init=3, random_state=seed).fit(places[drawn].astype(float))
    broad = AgglomerativeClustering(max(3, round(narrow / 3.5))).fit_predict(clusters.cluster_centers_)
    tree = tree_from_labels(np.stack([broad[clusters.labels_], clusters.labels_], 1))
    papers = [
        Text("", text) for text in telling([texts.get(numbers[row], "") for row in drawn], _COMMON / (broad.max() + 1))
    ]
    name_tree(tree, KeyPhraseNamer(papers, vectors[drawn].astype(float), phrases=2))
    regions = []
    for node in tree.walk():
        if node.level:
            inside = places[drawn[node.papers]]
            middle = np.median(inside, axis=0)
            nearest = np.argsort(((inside - middle) ** 2).sum(1), kind="stable")[:_LISTED]
            regions.append(
                Region(
                    name=said_once(node.name),
                    level=node.level,
                    x=int(middle[0]),
                    y=int(middle[1]),
                    size=len(node.papers),
                    papers=[numbers[drawn[node.papers[row]]] for row in nearest],
                )
            )
    return regions


def _texts(store: Store, numbers: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    with store.reading() as session:
        for start in range(0, len(numbers), 500):
            statement = select(Paper.id, Paper.title, Paper.abstract, Paper.summary)
            for number, title, abstract, summary in session.execute(
                statement.where(Paper.id.in_(numbers[start : start + 500]))
            ):
                found[number] = f"{title}. {abstract or summary}"
    return found


def said_once(name: str) -> str:
    """Give the name of a region without a phrase that begins as one before it does.

    Examples
    --------
    >>> [said_once(name) for name in ("groups & group", "estimator & estimation", "market & marginal")]
    ['groups', 'estimator', 'market & marginal']
    """
    kept: list[str] = []
    for phrase in name.split(_AND):
        if all(phrase[:_STEM] != said[:_STEM] for said in kept):
            kept.append(phrase)
    return _AND.join(kept)


def telling(texts: Sequence[str], most: float) -> list[str]:
    """Give texts without what names no part of a field: LaTeX, and words that more than a share of the texts have.

    Examples
    --------
    >>> telling([r"A model of $\\mathbb{P}^2$ sheaves", "A model of wings", *["Another model"] * 20], most=0.1)[:2]
    ['A . of . sheaves', 'A . of wings']
    """
    plain = [_COMMAND.sub(".", _FORMULA.sub(".", text)) for text in texts]
    having = Counter(word for text in plain for word in set(_WORD.findall(text.lower())))
    return [
        _WORD.sub(lambda word: word[0] if having[word[0].lower()] <= most * len(texts) else ".", text) for text in plain
    ]

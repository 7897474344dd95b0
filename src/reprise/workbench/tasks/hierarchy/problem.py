"""Texts to arrange: read from a table, embedded once for all methods, with the sizes of the levels settled."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.discover.science_hierarchography import Paper, TfidfEncoder, auto_sizes
from reprise.errors import InvalidInputError, UnknownNameError, counted
from reprise.models import text as sentences
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Problem
from reprise.workbench.formats import is_location, read_file
from reprise.workbench.tables import listing, read_labels

if TYPE_CHECKING:
    import pandas as pd

MAX_TOKENS = 128
LOOKUPS = 200
_TITLES = ("title", "name", "heading")
_ABSTRACTS = ("abstract", "summary", "text", "body", "description")
_LINKS = ("url", "link", "href")
_EMBEDDING_SHARE = 0.3  # of the budget, for MiniLM; what would take longer is done by TF-IDF
_TRIED = 16  # texts by which its rate is measured


@dataclass
class HierarchyProblem(Problem):
    """Texts to arrange.

    Attributes
    ----------
    papers : n texts with their titles.
    vectors : (n, d) of them, the same for every method.
    encoder : what made them, for names and queries.
    sizes : clusters a level, bottom to top.
    links : an address for each text, or "".
    truth : (n,) positions in `classes`, or None where no labels were given.
    classes : the labels there are, as text.
    label_name : what the labels are called.
    reading : Python code that reads the texts again, where a file is all that it needs.
    """

    papers: list[Paper]
    vectors: np.ndarray
    encoder: Any
    sizes: list[int]
    links: list[str]
    truth: np.ndarray | None
    classes: tuple[str, ...]
    label_name: str
    reading: str = ""

    @property
    def standardize(self) -> bool:
        """Whether columns are brought to one spread, as the authors do; of TF-IDF's directions the last are noise."""
        return not isinstance(self.encoder, TfidfEncoder)


class LazyEncoder:
    """MiniLM, loaded where it is first called; it travels to another process without its weights."""

    name = f"all-MiniLM-L6-v2, {MAX_TOKENS} tokens"

    def __init__(self) -> None:
        self.loaded: Any = None

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Give one vector a text."""
        if self.loaded is None:
            self.loaded = sentences.load_text_encoder(max_tokens=MAX_TOKENS)
        return np.asarray(self.loaded(texts))

    def __getstate__(self) -> dict[str, Any]:
        return {"loaded": None}


def pose(data: Any, labels: Any, *, seed: int, budget: Budget, n_clusters: int | None) -> HierarchyProblem:
    """Read and embed texts; see `HierarchyTask.pose`."""
    table, source, notes = _table(data)
    name = Path(source).name
    title, abstract = _column(table, _TITLES), _column(table, _ABSTRACTS)
    if title is None and abstract is None:
        raise InvalidInputError(
            f"{name} has no column of titles ({listing(_TITLES)}) nor of texts ({listing(_ABSTRACTS)}); its columns "
            f"are {listing(map(str, table.columns))}."
        )
    papers = _papers(table, title, abstract, name)
    truth, classes, label_name = _labels(table, labels, name)
    sizes = _sizes(len(papers), n_clusters, classes)
    encoder, vectors, said = _embedded(papers, seed, budget)
    link = _column(table, _LINKS)
    facts = {
        "texts": f"{len(papers):,}: title from {title or 'none'}, text from {abstract or 'none'}",
        "topics a level": ", ".join(map(str, sizes[::-1])) + " (top to bottom)",
        "vectors": said,
    }
    if classes:
        facts["labels"] = f"{label_name}: {listing(classes)}"
    return HierarchyProblem(
        source=source,
        title=f"A hierarchy of {name}",
        facts=facts,
        notes=(*notes, f"Read {counted(len(papers), 'text')} from {name}.", said),
        seed=seed,
        papers=papers,
        vectors=vectors,
        encoder=encoder,
        sizes=sizes,
        links=["" if link is None else _text(value) for value in (table[link] if link else [""] * len(table))],
        truth=truth,
        classes=classes,
        label_name=label_name,
        reading=f"read_file({source!r}).held" if isinstance(data, str | Path) else "",
    )


def _table(data: Any) -> tuple[pd.DataFrame, str, Sequence[str]]:
    import pandas as pd

    if isinstance(data, str | Path):
        content = read_file(data)
        if not isinstance(content.held, pd.DataFrame):
            raise InvalidInputError(f"{data} holds an array; expected a table with columns title and abstract.")
        return content.held, str(data), content.notes
    if isinstance(data, pd.DataFrame):
        return data.rename(columns=str), "the given table", ()
    try:
        return pd.DataFrame.from_records(list(data)).rename(columns=str), "the given texts", ()
    except (TypeError, ValueError, AttributeError) as problem:
        raise InvalidInputError(f"Texts come as a file, a table, or a list of mappings ({problem}).") from problem


def _column(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    known = {str(column).strip().lower(): str(column) for column in table.columns}
    return next((known[name] for name in names if name in known), None)


def _papers(table: pd.DataFrame, title: str | None, abstract: str | None, name: str) -> list[Paper]:
    papers = [
        Paper(_text(head), _text(body))
        for head, body in zip(
            table[title] if title else [""] * len(table),
            table[abstract] if abstract else [""] * len(table),
            strict=True,
        )
    ]
    empty = [i for i, paper in enumerate(papers) if not paper.text]
    if empty:
        raise InvalidInputError(
            f"{counted(len(empty), 'row')} of {name} have neither a title nor a text, the first is row {empty[0]} "
            "(counted from 0); leave those out."
        )
    if len(papers) < 3:
        raise InvalidInputError(f"{name} has {counted(len(papers), 'text')}; a hierarchy takes at least three.")
    return papers


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else "" if value is None or value != value else str(value)


def _labels(table: pd.DataFrame, labels: Any, name: str) -> tuple[np.ndarray | None, tuple[str, ...], str]:
    if labels is None:
        return None, (), ""
    if isinstance(labels, str) and labels in table.columns:
        values, called = np.asarray(table[labels].astype(str)), labels
    elif isinstance(labels, str) and not is_location(labels):
        raise UnknownNameError(f"label column or file in {name}", labels, map(str, table.columns))
    else:
        values, called = read_labels(labels, len(table), name, "text")
    found, truth = np.unique(values, return_inverse=True)
    if not 2 <= len(found) < len(table):
        raise InvalidInputError(
            f"The labels ({called}) are of {len(found)} kinds in {len(table)} texts; expected 2 on."
        )
    return truth.astype(np.int32), tuple(map(str, found)), called


def _sizes(n: int, n_clusters: int | None, classes: Sequence[str]) -> list[int]:
    """Give the levels; the top one has as many topics as were asked for, or as there are labels (to 20)."""
    sizes = auto_sizes(n)
    top = n_clusters or (len(classes) if 2 <= len(classes) <= 20 else None)
    if top is None:
        return sizes if len(sizes) > 1 or sizes[0] > 1 else [min(n, 2)]
    if top > n:
        raise InvalidInputError(f"{top} topics were asked of {n} texts.")
    return [*(size for size in sizes if size > top), top]


def _embedded(papers: list[Paper], seed: int, budget: Budget) -> tuple[Any, np.ndarray, str]:
    """Embed with MiniLM where it is installed and quick enough, else with TF-IDF; say which, and how quickly."""
    texts = [paper.text for paper in papers]
    why = "MiniLM is not installed"
    if sentences.is_installed():
        encoder = LazyEncoder()
        encoder(texts[:1])
        began = time.perf_counter()
        encoder(texts[:_TRIED])
        rate = len(texts[:_TRIED]) / (time.perf_counter() - began)
        if len(texts) / rate <= _EMBEDDING_SHARE * budget.seconds:
            began = time.perf_counter()
            vectors = sentences.text_embeddings(texts, encoder)
            rate = len(texts) / (time.perf_counter() - began)
            return encoder, vectors, f"Embedded by {encoder.name}, {rate:.0f} texts a second."
        why = f"MiniLM, at {rate:.0f} texts a second, would need more than {_EMBEDDING_SHARE:.0%} of the budget"
    tfidf = TfidfEncoder(texts, random_state=seed)
    return tfidf, np.asarray(tfidf(texts)), f"Embedded by TF-IDF with SVD, as {why}."

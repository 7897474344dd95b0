"""Pools of each data set, to learn from, to tell the best epoch by, and to test on.

Digits, people and compounds are split into three before pools are drawn, so that no row is in pools of two parts. Of
work activities occupations are split, whose activities overlap. Scales of columns, counts of tokens and directions of
titles come from all rows (never from what is asked of them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits, make_blobs
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import StandardScaler, normalize

from reprise.claim import Scale
from reprise.claims.symmetry._inset.sizes import Size
from reprise.data import lipophilicity, onet
from reprise.data.simulators.subset_pools import (
    SubsetPools,
    anomaly_pools,
    bundle_pools,
    gaussian_mixture_pools,
    top_k_pools,
    two_moons_pools,
)

SPLIT = {"digits": (0.6, 0.2, 0.2), "diabetes": (260, 80, 102), "compounds": (0.6, 0.2, 0.2)}
TOPICS = 128  # directions of the titles' TF-IDF
SMILES_TOKEN = r"\[[^\]]+\]|Br|Cl|[A-Z]|[=#:()@./\\+-]|[0-9]"
RARE = 40  # compounds that a run of up to three tokens must occur in
BUNDLES = (3, 29)  # sizes that the authors keep, of pools of 30


@dataclass(frozen=True)
class Tables:
    """Features and targets of the rows that pools are drawn from, and bundles of activities."""

    digits: tuple[NDArray, NDArray]
    diabetes: tuple[NDArray, NDArray]
    compounds: tuple[NDArray, NDArray]
    activities: NDArray
    bundles: list[NDArray[np.intp]]


@dataclass(frozen=True)
class Task:
    """Pools to learn from, to tell the best epoch by, and to test on."""

    learnt: SubsetPools
    held_out: SubsetPools
    test: SubsetPools


def load_tables(scale: Scale) -> tuple[Tables, dict[str, str | int]]:
    """Load the tables (at quick scale compounds and activities are simulated), and facts about them."""
    digits, classes = load_digits(return_X_y=True)
    people, progression = load_diabetes(return_X_y=True)
    if scale == "quick":
        rng = np.random.default_rng(0)
        table = rng.normal(size=(300, 8))
        compounds = table, table[:, 0]
        activities, topic = make_blobs(120, 8, centers=8, random_state=0)
        bundles = [rng.choice(np.flatnonzero(topic == number % 8), 5, replace=False) for number in range(40)]
        facts: dict[str, str | int] = {"compounds and work activities": "simulated stand-ins"}
    else:
        smiles, values = lipophilicity.lipophilicity()
        counts = CountVectorizer(token_pattern=SMILES_TOKEN, lowercase=False, ngram_range=(1, 3), min_df=RARE)
        compounds = StandardScaler().fit_transform(np.log1p(counts.fit_transform(smiles).toarray())), values
        titles, _, all_bundles = onet.work_activities()
        words = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(titles)
        activities = normalize(TruncatedSVD(TOPICS, random_state=0).fit_transform(words)) * np.sqrt(TOPICS)
        bundles = [rows for rows in all_bundles if BUNDLES[0] <= len(rows) <= BUNDLES[1]]
        facts = {
            "compounds": f"{lipophilicity.SOURCE.title}: {len(smiles)} with measured log D, "
            f"{compounds[0].shape[1]} counts of one to three SMILES tokens",
            "work activities": f"{onet.SOURCE.title}: {len(titles)} titles ({TOPICS} directions of TF-IDF), "
            f"{len(bundles)} occupations with {BUNDLES[0]} to {BUNDLES[1]} of them",
            "licences": f"{lipophilicity.SOURCE.licence}; {onet.SOURCE.licence}; scikit-learn's digits and diabetes",
        }
    tables = Tables(
        (digits / 16, classes),
        (StandardScaler().fit_transform(people), progression),
        compounds,
        activities,
        bundles,
    )
    return tables, facts


def make_task(name: str, tables: Tables, size: Size, rng: np.random.Generator) -> Task:
    """Split the rows, and draw the pools of one data set."""
    counts = size.pools[name]
    if name == "two moons":
        return Task(*(two_moons_pools(count, rng, size=size.toy_pool) for count in counts))
    if name == "Gaussian mixture":
        return Task(*(gaussian_mixture_pools(count, rng, size=size.toy_pool) for count in counts))
    if name == "work activities":
        order = rng.permutation(len(tables.bundles))
        parts = np.array_split(order, 3)
        taken = [part[:count] for part, count in zip(parts, counts, strict=True)]
        return Task(*(bundle_pools(tables.activities, [tables.bundles[i] for i in part], rng) for part in taken))
    draw: dict[str, Callable[..., SubsetPools]] = {
        "digits": partial(anomaly_pools, size=16, chosen=(2, 4)),
        "diabetes": partial(top_k_pools, size=20, chosen=5),
        "compounds": partial(top_k_pools, size=30, chosen=5),
    }
    X, y = getattr(tables, name)
    return Task(
        *(
            draw[name](X[rows], y[rows], count, rng)
            for rows, count in zip(_split(len(X), SPLIT[name], rng), counts, strict=True)
        )
    )


def _split(rows: int, shares: tuple[Any, ...], rng: np.random.Generator) -> list[NDArray[np.intp]]:
    sizes = [round(share * rows) if isinstance(share, float) else share for share in shares]
    first, second = sizes[0], sizes[0] + sizes[1]
    return np.split(rng.permutation(rows), [first, second])

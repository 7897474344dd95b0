"""What embeddings of words go by: features of numbers put into other words, and words that are given others' places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from reprise.claim import Measurement, Trial
from reprise.claims.language._successor_heads.items import Split, item
from reprise.claims.language._successor_heads.reading import Reading
from reprise.claims.language._successor_heads.sizes import Plan
from reprise.language import LanguageModel
from reprise.language.interventions import Head
from reprise.language.successor_heads import (
    ModFeatures,
    effective_embeddings,
    ordinal_lists,
    steering_test,
    swapping_test,
)

NUMBERS = 500  # 0 to 499, as in the paper
STEERED = "words mapped to the successor of the number they were steered to"
SWAPPED = "words mapped to the successor of the place they were given"
FEATURES, AUTOENCODER, SHUFFLED, UNCHANGED = "features", "autoencoder's features", "shuffled", "unchanged"


def steered(
    model: LanguageModel, reading: Reading, words: Split, head: Head, plan: Plan, trial: Trial
) -> Iterator[Measurement]:
    """Put features of numbers into the words of other lists."""
    lists = {name: each for name, each in reading.lists.items() if not name.startswith("numbers")}
    known = ordinal_lists(model, {"numbers": [str(number) for number in range(NUMBERS)]})
    ids = [token for each in known.values() for token in each.ids]
    numbers = np.array([rank - 1 for each in known.values() for rank in each.ranks])
    rows = effective_embeddings(model, ids, "mlp0")[0].float()
    rng = trial.rng()
    arms = [(FEATURES, ModFeatures().fit(rows, numbers))]
    arms += [(SHUFFLED, ModFeatures().fit(rows, rng.permutation(numbers))) for _ in range(plan.shuffles)]
    if plan.epochs:
        found = ModFeatures.fit_autoencoder(rows, numbers, epochs=plan.epochs, random_state=trial.seed)
        arms.append((AUTOENCODER, found))
    for arm, features in arms:
        yield from _by_word(steering_test(model, *head, features, lists), STEERED, {"success": arm}, words)
    yield from _by_word(steering_test(model, *head, arms[0][1], lists), STEERED, {"before": UNCHANGED}, words)


def swapped(
    model: LanguageModel, reading: Reading, words: Split, head: Head, plan: Plan, seed: int
) -> Iterator[Measurement]:
    """Give words the places of others; of each list one form only, lest a list be fitted on its other form."""
    lists = {name: each for name, each in reading.lists.items() if each.spaced} or dict(reading.lists)
    yield from _by_word(swapping_test(model, *head, lists), SWAPPED, {"success": FEATURES, "before": UNCHANGED}, words)
    for shuffle in range(plan.shuffles):
        shuffled = swapping_test(model, *head, lists, shuffled=plan.shuffles * seed + shuffle)
        yield from _by_word(shuffled, SWAPPED, {"success": SHUFFLED}, words)


def _by_word(rows: pd.DataFrame, metric: str, arms: Mapping[str, str], words: Split) -> Iterator[Measurement]:
    """Average what became of each word that is left."""
    names = [item(name, word) for name, word in zip(rows["list"], rows["word"], strict=True)]
    for name, group in rows.groupby(names):
        if name in words.tested:
            for column, arm in arms.items():
                yield Measurement(arm, metric, float(group[column].mean()), item=str(name))

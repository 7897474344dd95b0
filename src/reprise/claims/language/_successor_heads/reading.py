"""What all seeds share: scores of heads, and what they write in lists and in running text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.claims.language._successor_heads.items import answer_item, item, word_of
from reprise.data.haystacks import load_brown
from reprise.language import LanguageModel
from reprise.language.successor_heads import (
    DEFAULT_LISTS,
    OrdinalLists,
    SuccessionPrompt,
    SuccessionResult,
    direct_attribution,
    list_continuation,
    natural_successions,
    ordinal_lists,
    succession_prompts,
    succession_scores,
)
from reprise.language.successor_heads.circuits import Embedding

EMBEDDINGS: tuple[Embedding, ...] = ("mlp0", "resid", "contextual")
IN_TEXTS = ("number words", "ordinals", "days", "months", "short months")  # digits and initials follow by accident
_WINDOW, _CONTEXT = 24, 40  # tokens
_PILOT_EVERY = 5  # texts


@dataclass(frozen=True)
class Places:
    """Places in running texts that go on with a successor, and what each head writes towards it there."""

    prompts: list[SuccessionPrompt]
    attribution: NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """What was read of a model.

    Parameters
    ----------
    lists : its lists.
    results : scores by embedding.
    prompts, items : lists to be continued, and the word that continues each.
    attribution : (layers, heads, prompts).
    continued : whether the model continues each.
    places : places in the texts of pilots and of other seeds.
    """

    lists: OrdinalLists
    results: dict[Embedding, SuccessionResult]
    prompts: list[SuccessionPrompt]
    items: list[str]
    attribution: NDArray[np.float32]
    continued: NDArray[np.bool_]
    places: dict[str, Places]

    def pair_items(self) -> list[str]:
        """Name the word that each pair of the scores begins with."""
        result = self.results["mlp0"]
        return [
            item(name, word_of(self.lists[name], token))
            for name, token in zip(result.lists, result.pairs[:, 0].tolist(), strict=True)
        ]


def read(model: LanguageModel, texts: Mapping[str, Mapping[str, str]], per_list: int) -> Reading:
    """Read a model; `texts` are those of pilots and of other seeds, of which `per_list` places a list are taken."""
    lists = ordinal_lists(model)
    prompts = succession_prompts(model, lists)
    return Reading(
        lists=lists,
        results={embedding: succession_scores(model, lists, embedding) for embedding in EMBEDDINGS},
        prompts=prompts,
        items=[answer_item(prompt, dict(lists)) for prompt in prompts],
        attribution=direct_attribution(model, prompts),
        continued=list_continuation(model, prompts).correct,
        places={pool: _places(model, lists, some, per_list) for pool, some in texts.items()},
    )


def brown() -> dict[str, dict[str, str]]:
    """Load the texts of the Brown corpus, every fifth for pilots."""
    pools: dict[str, dict[str, str]] = {"pilot": {}, "ledger": {}}
    for number, (name, text) in enumerate(sorted(load_brown().items())):
        pools["pilot" if number % _PILOT_EVERY == 0 else "ledger"][name] = text
    return pools


def made_up_texts() -> dict[str, dict[str, str]]:
    """Make texts of words in no order, among which some follow each other by accident."""
    rng = np.random.default_rng(0)
    words = [*DEFAULT_LISTS["days"].words, *DEFAULT_LISTS["number words"].words, "then", "came", "and"]
    return {pool: {pool: " ".join(rng.choice(words, 120))} for pool in ("pilot", "ledger")}


def _places(model: LanguageModel, lists: OrdinalLists, texts: Mapping[str, str], per_list: int) -> Places:
    """Take the first places of each list, text by text."""
    looked_for = {name: each for name, each in lists.items() if name.removesuffix(", spaced") in IN_TEXTS}
    taken: Counter[str] = Counter()
    prompts = []
    for text in texts.values():
        ids = model.tokenizer.encode(text, add_special_tokens=False, verbose=False)
        for prompt in natural_successions(ids, looked_for, window=_WINDOW, context=_CONTEXT):
            if taken[prompt.list] < per_list:
                taken[prompt.list] += 1
                prompts.append(prompt)
    return Places(prompts, direct_attribution(model, prompts, batch_size=16))

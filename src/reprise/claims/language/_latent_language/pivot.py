"""A positive control: a small transformer that is made to pass through one language on its way to another.

It learns to translate made-up words. In one arm its middle stream must hold, under the lens, the word of a third
language; in the other nothing is asked of the middle. A profile must find the detour in the first and none in the
second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from reprise.language import LanguageModel
from reprise.language.latent_language import Prompt, TokenSets, token_sets, translation_prompts
from reprise.models.tiny import tiny_language_model
from reprise.training import train

PIVOT, SOURCE, TARGET = "en", "fr", "de"  # made-up words, under these names in prompts
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class PivotPlan:
    """Sizes of the small transformer and of its training."""

    concepts: int
    d_model: int
    n_layers: int
    epochs: int
    repeats: int  # prompts of each word, with different examples


def made_up_lexicon(languages: Sequence[str], concepts: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """Make words of four letters up; no two begin alike, so that the languages can be told apart."""
    pairs = [first + second for first in _LETTERS for second in _LETTERS]
    starts = rng.permutation(pairs)[: len(languages) * concepts].reshape(len(languages), concepts)
    return {
        language: [start + str(rng.choice(pairs)) for start in row]
        for language, row in zip(languages, starts.tolist(), strict=True)
    }


def trained_translator(
    lexicon: dict[str, list[str]], plan: PivotPlan, *, pivot: bool, seed: int, device: str = "cpu"
) -> tuple[LanguageModel, TokenSets]:
    """Train a translator, through the pivot language or not; give it with prompts whose examples are new to it."""
    prompts = [
        prompt
        for repeat in range(plan.repeats)
        for prompt in translation_prompts(lexicon, SOURCE, TARGET, 1, random_state=seed + 7 * repeat)
    ]
    text = " ".join([*(prompt.text for prompt in prompts), *(word for words in lexicon.values() for word in words)])
    handle = LanguageModel(
        *tiny_language_model(text, n_layers=plan.n_layers, d_model=plan.d_model, context_length=32, seed=seed)
    )
    handle.model.to(device)
    ids = torch.tensor([handle.encode(prompt.text) for prompt in prompts], device=handle.device)
    answers = {language: _first_tokens(handle, prompts, language).to(handle.device) for language in (PIVOT, TARGET)}
    middle = plan.n_layers // 2

    def loss(_: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        rows, through, target = batch
        trace = handle.trace(rows, residual=[middle], logits=True, positions=-1, gradients=True)
        assert trace.logits is not None
        assert trace.residual is not None
        asked = nn.functional.cross_entropy(trace.logits[:, 0], target)
        if not pivot:
            return asked
        return asked + nn.functional.cross_entropy(handle.unembed(trace.residual[:, 0, 0]), through)

    train(
        handle.model,
        loss,
        (ids, answers[PIVOT], answers[TARGET]),
        epochs=plan.epochs,
        batch_size=32,
        lr=3e-3,
        schedule="one_cycle",
        seed=seed,
        device=device,
    )
    held_out = translation_prompts(lexicon, SOURCE, TARGET, 1, random_state=seed + 7 * plan.repeats)
    return handle, token_sets(handle, held_out, (PIVOT, TARGET))


def _first_tokens(model: LanguageModel, prompts: list[Prompt], language: str) -> Tensor:
    return torch.tensor([model.encode(prompt.words[language], special=False)[0] for prompt in prompts])

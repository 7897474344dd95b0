"""The sentences of pilots and of the ledger, which have none in common, and what is known of them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.feature_extraction.text import TfidfVectorizer

from reprise.claim import Scale
from reprise.claims.language._metacognition.sizes import TINY, Plan
from reprise.data.neurofeedback import load_emotions
from reprise.language import LanguageModel
from reprise.language.metacognition import BINARY, sentence_activations, word_features
from reprise.models.text import text_embeddings
from reprise.models.tiny import tiny_language_model

PILOT_SEEDS = 1000
PILOT_SHARE = 3  # every third sentence, by the checksum of its text, is for pilots
HAPPY, SAD = ("bird", "sun", "gift", "song", "friend"), ("grave", "ruin", "loss", "tear", "storm")
VERBS, PLACES = ("finds", "sees", "hears", "keeps"), ("there", "here", "again", "alone")


@dataclass(frozen=True)
class Pool:
    """Sentences of pilots or of the ledger.

    Parameters
    ----------
    sentences, classes : n of them, in an order that has nothing to do with their class.
    activations : of the layer that is scored, each sentence in a conversation of its own.
    embeddings, words : what observers read that know nothing of the model.
    fitted : how many of the first ones axes are fitted on; the others are shown.
    """

    sentences: list[str]
    classes: Int[np.ndarray, " n"]
    activations: Float[np.ndarray, "n d_model"]
    embeddings: Float[np.ndarray, "n d"]
    words: Float[np.ndarray, "n words"]
    fitted: int

    @property
    def features(self) -> dict[str, np.ndarray]:
        """What observers read, by name."""
        return {"activations": self.activations, "embeddings": self.embeddings, "words": self.words}

    def shown(self, seed: int, block: int) -> Int[np.ndarray, " block"]:
        """Give the sentences of a seed: blocks of those that no axis was fitted on, taken in turn."""
        left = np.arange(self.fitted, len(self.sentences))
        blocks = max(1, len(left) // block)
        return left[seed % blocks * block :][:block]


def make_pools(model: LanguageModel, scale: Scale, plan: Plan) -> dict[str, Pool]:
    """Give the pools ``"pilot"`` and ``"ledger"``."""
    sentences, classes = _made_up() if scale == "quick" else load_emotions()
    pilot = np.array([zlib.crc32(sentence.encode()) % PILOT_SHARE == 0 for sentence in sentences])
    encoder = _letters(sentences) if scale == "quick" else None
    pools = {}
    for name, members in (("pilot", np.flatnonzero(pilot)), ("ledger", np.flatnonzero(~pilot))):
        chosen = np.random.default_rng(0).permutation(members)
        pools[name] = make_pool(model, [sentences[i] for i in chosen], np.array(classes)[chosen], plan, encoder)
    return pools


def make_pool(
    model: LanguageModel,
    sentences: list[str],
    classes: Int[np.ndarray, " n"],
    plan: Plan,
    encoder: Callable[[list[str]], np.ndarray] | None = None,
) -> Pool:
    """Read the activations of sentences, and what the text alone says of them."""
    layer = scored_layer(model)
    activations = sentence_activations(model, [(BINARY.user, sentence) for sentence in sentences], layer)[layer]
    embeddings = np.asarray(text_embeddings(sentences, encoder), dtype=np.float64)
    fitted = plan.fit or len(sentences) // 2
    return Pool(sentences, classes, activations, embeddings, word_features(sentences), fitted)


def load(plan: Plan, device: str) -> LanguageModel:
    """Load the model of a plan."""
    if plan.model == TINY:
        tiny: Any
        text = f"{BINARY.report} {BINARY.control} {BINARY.user} {BINARY.imitate} [Score: {{ 0 1 }} ] "
        tiny, tokenizer = tiny_language_model(text + " ".join(_made_up()[0]), context_length=1024)
        return LanguageModel(tiny.to(device), tokenizer)
    dtype = torch.bfloat16 if torch.device(device).type == "cuda" else torch.float32
    return LanguageModel.from_pretrained(plan.model, device=device, dtype=dtype)


def scored_layer(model: LanguageModel) -> int:
    """Give the middle layer, rounded down as the paper does (15 of Llama-3.1-8B's 0 to 31)."""
    return (model.n_layers - 1) // 2


def _made_up() -> tuple[list[str], list[int]]:
    """Give sentences of two kinds for the tests."""
    made = [
        (f"the {noun} {verb} a {other} {place}", label)
        for label, nouns in ((1, HAPPY), (0, SAD))
        for noun, verb, other, place in product(nouns, VERBS, nouns[:2], PLACES)
        if noun != other
    ]
    return [sentence for sentence, _ in made], [label for _, label in made]


def _letters(sentences: Sequence[str]) -> Callable[[list[str]], np.ndarray]:
    """Give an encoder for the tests, which knows groups of letters."""
    fitted = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)).fit(sentences)
    return lambda texts: fitted.transform(texts).toarray()

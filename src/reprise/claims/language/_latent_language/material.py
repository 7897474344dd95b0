"""What is measured on: words, sentences and questions; the language model; and its last layers after training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from reprise.claim import Scale
from reprise.claims.language._latent_language.pivot import PivotPlan, made_up_lexicon
from reprise.claims.language._latent_language.tail import answer_loss, states_before, tail_of
from reprise.claims.language._latent_language.words import Lexicon
from reprise.data.culture_conflicts import ConflictText, load_culture_conflicts
from reprise.data.word_lexicon import load_swadesh, load_word_lexicon
from reprise.language import LanguageModel
from reprise.language.batch import Batch
from reprise.language.latent_language import language_directions, repetition_prompts, translation_prompts
from reprise.models.tiny import tiny_language_model
from reprise.training import train

SPOKEN = ("en", "fr", "de")
NEAR = ("es", "nl")  # languages akin to those of the prompts, of which the model has read little
OPENING = "<|endoftext|>"  # what SmolLM2 read between documents; its tokenizer does not put it there
_ENDS = 12  # prompts of each language, whose last states give its direction
_ANSWER = re.compile(r"\s*(Answer|Réponse|Antwort)\s*:.*")  # ends a sentence of the lexicon


@dataclass(frozen=True)
class Plan:
    """How much is measured at a scale."""

    shots: int
    words: int  # of each direction
    sentences: int
    few: int  # dimensions
    tail: int  # first layer of the part that is trained, and the stream that is shifted
    taught: int  # words that it is trained on
    epochs: int
    lr: float
    pivot: PivotPlan
    model: str | None = None


SMALL = PivotPlan(concepts=8, d_model=32, n_layers=2, epochs=2, repeats=2)
TRAINED = PivotPlan(concepts=16, d_model=64, n_layers=4, epochs=20, repeats=8)
PLANS: dict[Scale, Plan] = {
    "quick": Plan(shots=1, words=6, sentences=8, few=3, tail=2, taught=8, epochs=1, lr=1e-3, pivot=SMALL),
    "desktop": Plan(shots=4, words=20, sentences=20, few=3, tail=24, taught=32, epochs=3, lr=1.5e-4, pivot=TRAINED),
    "full": Plan(
        shots=4,
        words=60,
        sentences=60,
        few=20,
        tail=26,
        taught=160,
        epochs=3,
        lr=1e-4,
        pivot=TRAINED,
        model="meta-llama/Llama-2-7b-hf",
    ),
}


@dataclass(frozen=True)
class Material:
    """Words, sentences and questions.

    Parameters
    ----------
    lexicon : words of the base paper, in English, French and German.
    basic : Swadesh's, in two more languages.
    sentences : one a word of the lexicon.
    questions : by collection.
    opening : text before every prompt.
    vocabulary : of the tiny random model that takes the language model's place, if it does.
    """

    lexicon: Lexicon
    basic: Lexicon
    sentences: Lexicon
    questions: dict[str, tuple[ConflictText, ...]]
    opening: str = ""
    vocabulary: str = ""


def real_material(opening: str = "") -> Material:
    """Load both lexicons, the sentences, and the questions."""
    described = load_word_lexicon(SPOKEN, "sentences")
    return Material(
        load_word_lexicon(SPOKEN),
        load_swadesh((*SPOKEN, *NEAR)),
        {language: [_ANSWER.sub("", text) for text in texts] for language, texts in described.items()},
        {"ledger": load_culture_conflicts("ledger"), "pilot": load_culture_conflicts("pilot")},
        opening=opening,
    )


def made_up_material() -> Material:
    """Make words up, sentences of two words, and questions that end in a word."""
    rng = np.random.default_rng(0)
    lexicon, basic = (made_up_lexicon((*SPOKEN, *NEAR), 40, rng) for _ in range(2))
    sentences = {
        language: [f"{first} {second}" for first, second in zip(words, words[1:] + words[:1], strict=True)]
        for language, words in lexicon.items()
    }
    questions = tuple(
        ConflictText(
            lexicon["en"][place],
            {language: sentences[language][place] for language in SPOKEN},
            {language: [basic[language][place]] for language in SPOKEN},
        )
        for place in range(3)
    )
    words = [word for table in (lexicon, basic) for column in table.values() for word in column]
    vocabulary = " ".join(['Français English Deutsch Español Nederlands : " - ', *words])
    spoken = {language: lexicon[language] for language in SPOKEN}
    return Material(
        spoken,
        basic,
        {language: sentences[language] for language in SPOKEN},
        {"ledger": questions, "pilot": questions},
        vocabulary=vocabulary,
    )


def load_model(material: Material, plan: Plan, device: str) -> LanguageModel:
    """Load the language model, or make a tiny random one over the made-up words."""
    if material.vocabulary:
        model = LanguageModel(*tiny_language_model(material.vocabulary, n_layers=4))
        model.model.to(device)
        return model
    return LanguageModel.from_pretrained(*([plan.model] if plan.model else []), device=device)


@dataclass(frozen=True)
class Trained:
    """The last layers after training on French answers, and after training on the same answers shuffled.

    Parameters
    ----------
    taught, shuffled : weights.
    directions : of English and French in the stream before these layers, at the end of prompts.
    loss : of the last epoch, on French answers.
    """

    taught: dict[str, Tensor]
    shuffled: dict[str, Tensor]
    directions: dict[str, Tensor]
    loss: float


def train_tails(model: LanguageModel, material: Material, plan: Plan) -> Trained:
    """Train the last layers on French answers, with basic words that are in no prompt that is measured."""
    places = unmeasured(material)[: plan.taught]
    directions = end_directions(model, material, plan, places[:_ENDS])
    states, answers = french_answers(model, material, plan, places)
    order = torch.randperm(len(answers), generator=torch.Generator().manual_seed(0)).to(model.device)
    taught, loss = trained_layers(model, states, answers, plan)
    shuffled, _ = trained_layers(model, states, answers[order], plan)
    return Trained(taught, shuffled, directions, loss)


def french_answers(model: LanguageModel, material: Material, plan: Plan, places: Sequence[int]) -> tuple[Batch, Tensor]:
    """Ask for French words, from each language, and give the states before the last layers and the first tokens."""
    prompts = [
        prompt
        for source in SPOKEN
        for prompt in translation_prompts(
            material.basic, source, "fr", 1, queries=places, shots=places, opening=material.opening
        )
    ]
    firsts = [model.encode('"' + prompt.words["fr"], special=False)[1] for prompt in prompts]
    (states,) = states_before(model, [prompt.text for prompt in prompts], plan.tail, len(prompts))
    return states, torch.tensor(firsts, device=model.device)


def end_directions(model: LanguageModel, material: Material, plan: Plan, places: Sequence[int]) -> dict[str, Tensor]:
    """Give the directions of English and French where the answer to a repetition begins."""
    shots = min(2, plan.shots)
    texts = {
        language: [
            prompt.text
            for prompt in repetition_prompts(
                material.basic, language, shots, queries=places, shots=places, opening=material.opening
            )
        ]
        for language in ("en", "fr")
    }
    directions = language_directions(model, texts, plan.tail, pool="last")
    return {language: vector.cpu() for language, vector in directions.items()}


def trained_layers(model: LanguageModel, states: Batch, answers: Tensor, plan: Plan) -> tuple[dict[str, Tensor], float]:
    """Train a copy of the last layers, and give its weights and the loss of the last epoch."""
    tail = tail_of(model, plan.tail)
    assert states.embeddings is not None

    def loss(_: nn.Module, rows: Sequence[Tensor]) -> Tensor:
        return answer_loss(tail, *rows)

    history = train(
        tail.model,
        loss,
        (states.mask, states.embeddings, answers),
        epochs=plan.epochs,
        batch_size=16,
        lr=plan.lr,
        device=str(model.device),
    )
    layers = tail.model.get_decoder().layers
    return {name: value.cpu() for name, value in layers.state_dict().items()}, float(history.last["loss"])


def unmeasured(material: Material) -> list[int]:
    """Give the places of basic words that the lexicon has neither in English nor in French."""
    used = {word.casefold() for language in ("en", "fr") for word in material.lexicon[language]}
    basic = material.basic
    free = [
        place
        for place, (english, french) in enumerate(zip(basic["en"], basic["fr"], strict=True))
        if not {english.casefold(), french.casefold()} & used
    ]
    return [int(place) for place in np.random.default_rng(0).permutation(free)]

"""Latent languages: which language a model's intermediate states are closest to while it answers in another one.

Ask for words whose answer is in a known language (`translation_prompts`, `repetition_prompts`, `cloze_prompts`), and
read off every residual stream how probable the same word is in each of several languages, beside the level that other
words reach there (`latent_language_profile`)::

    prompts = translation_prompts({"en": [...], "fr": [...], "de": [...]}, "fr", "de")
    profile = latent_language_profile(LanguageModel.from_pretrained(), prompts, ["en", "de"])
    profile.summary(), profile.switch_layer("en"), profile.latent_area_null("en")

`similarity_profile` compares what parallel texts mean with the language they are in, `language_dimensions` finds the
dimensions that tell it, `shift_language` moves a model from one language to another, and `answer_probabilities` follows
the answers of two cultures to one question.

References
----------
C. Zhong, F. Cheng, Q. Liu, J. Jiang, Z. Wan, C. Chu, Y. Murawaki and S. Kurohashi (2024). Beyond English-Centric LLMs:
What Language Do Multilingual Language Models Think in? arXiv:2408.10811. The method is that of C. Wendler, V.
Veselovsky, G. Monea and R. West (2024). Do Llamas Work in English? arXiv:2402.10588; official code:
github.com/epfl-dlab/llm-latent-language.
"""

from reprise.language.latent_language.culture import AnswerProfile, CultureQuestion, answer_probabilities
from reprise.language.latent_language.curves import bootstrap_interval, latent_area, switch_layer
from reprise.language.latent_language.directions import language_directions, shift_language
from reprise.language.latent_language.energy import token_energy
from reprise.language.latent_language.identity import (
    SimilarityProfile,
    language_accuracy,
    language_dimensions,
    parallel_states,
    similarity_profile,
)
from reprise.language.latent_language.lens import LensReading, logit_lens
from reprise.language.latent_language.profile import LanguageProfile, latent_language_profile
from reprise.language.latent_language.prompts import (
    Prompt,
    cloze_prompts,
    repetition_prompts,
    translation_prompts,
)
from reprise.language.latent_language.tokens import TokenSets, language_token_ids, token_sets

__all__ = [
    "AnswerProfile",
    "CultureQuestion",
    "LanguageProfile",
    "LensReading",
    "Prompt",
    "SimilarityProfile",
    "TokenSets",
    "answer_probabilities",
    "bootstrap_interval",
    "cloze_prompts",
    "language_accuracy",
    "language_dimensions",
    "language_directions",
    "language_token_ids",
    "latent_area",
    "latent_language_profile",
    "logit_lens",
    "parallel_states",
    "repetition_prompts",
    "shift_language",
    "similarity_profile",
    "switch_layer",
    "token_energy",
    "token_sets",
    "translation_prompts",
]

"""What is measured on a model, as measurements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from reprise.claim import Measurement
from reprise.claims.language._latent_language.material import SPOKEN, Material, Plan, Trained
from reprise.claims.language._latent_language.pivot import PIVOT, TARGET, made_up_lexicon, trained_translator
from reprise.claims.language._latent_language.tail import last_states, tail_of
from reprise.claims.language._latent_language.words import Lexicon, drawn
from reprise.language import LanguageModel
from reprise.language.batch import Batch
from reprise.language.latent_language import (
    CultureQuestion,
    LanguageProfile,
    TokenSets,
    answer_probabilities,
    language_accuracy,
    language_dimensions,
    latent_language_profile,
    parallel_states,
    shift_language,
    similarity_profile,
    token_sets,
    translation_prompts,
)
from reprise.language.latent_language.profile import profile_of_states

BEFORE_OUTPUT = "lens probability, summed over the streams before the output"
TRANSLATING, REPEATING = f"{BEFORE_OUTPUT}, French to German", f"{BEFORE_OUTPUT}, French and German repeated"
LEADS = "share of words of which English leads before the output, at 1 % or more"
LANGUAGE_PEAK = "highest lens probability before the output, French repeated"
OWN_WORD = "decimal logarithm of the highest English probability before the output"
BALANCE = "decimal logarithm of the English over the French probability, mean of the last layers before the output"
SHIFTED_TO = "decimal logarithm of the English word's probability over that of other English words, at the output"
RETRIEVAL = "share of sentences whose nearest in another language is their translation"
NAMED = "accuracy of naming a sentence's language"
CULTURE = "decimal logarithm of the American answer's probability over the other's"
DETOUR = "highest mean probability of the pivot language before the output"

ENGLISH, TARGET_WORD, OTHER_WORDS = "English", "target language", "English of other words"
OWN, OTHERS = "the word's own English", "other words' English"
AS_IT_WAS, TAUGHT, SHUFFLED = "as it was", "trained on French words", "trained on shuffled French words"
SHIFTED, UNSHIFTED, RANDOM = "shifted to English", "not shifted", "shifted at random"
MIDDLE, FIRST, LAST, NGRAMS = "middle stream", "word vectors", "last stream", "character n-grams"
BEST, ANY = "dimensions that tell languages best", "random dimensions"
PIVOTED, FREE = "made to pass through the pivot", "free"
_LEAD = 0.01
_RANDOM_DRAWS = 20


def chosen_sets(
    model: LanguageModel,
    lexicon: Lexicon,
    pair: tuple[str, str],
    languages: Sequence[str],
    places: Sequence[int],
    plan: Plan,
    opening: str,
    rng: np.random.Generator,
) -> TokenSets:
    """Draw words that can be told apart, with prompts for them."""
    queries = drawn(places, len(places), rng)
    prompts = translation_prompts(
        lexicon, *pair, plan.shots, int(rng.integers(2**31)), queries=queries, shots=places, opening=opening
    )
    sets = token_sets(model, prompts, languages, max_skipped=0.9)
    kept = sets.prompts[: plan.words]
    return TokenSets(kept, {language: rows[: len(kept)] for language, rows in sets.ids.items()}, sets.skipped)


def read_profile(
    model: LanguageModel, sets: TokenSets, keep: int | None = None, batch_size: int = 8
) -> tuple[LanguageProfile, list[Batch]]:
    """Read every stream at the last token and, of stream `keep`, all tokens, in one pass."""
    states, batches = [], []
    texts = [prompt.text for prompt in sets.prompts]
    for start in range(0, len(texts), batch_size):
        batch = model.batch(texts[start : start + batch_size])
        if keep is None:
            states.append(model.residuals(batch, positions=-1)[:, :, 0])
        else:
            everywhere = model.residuals(batch)
            states.append(everywhere[:, :, -1])
            batches.append(Batch(None, batch.mask, everywhere[:, keep].clone()))
    return profile_of_states(model, sets, torch.cat(states), range(model.n_layers + 1)), batches


def curves(profile: LanguageProfile, direction: str) -> Iterator[Measurement]:
    """Give the mean curves of a direction: for figures."""
    for place, language in enumerate(profile.languages):
        for stream, mean, chance in zip(
            profile.streams, profile.mean[:, place], profile.chance[..., place].mean(0), strict=True
        ):
            yield Measurement(language, f"mean lens probability, {direction}", float(mean), x=float(stream))
            yield Measurement(
                f"{language}, other words", f"mean lens probability, {direction}", float(chance), x=float(stream)
            )
    for stream, entropy, energy in zip(profile.streams, profile.entropy.mean(0), profile.energy.mean(0), strict=True):
        yield Measurement("states", f"entropy of the lens in bits, {direction}", float(entropy), x=float(stream))
        yield Measurement("states", f"token energy, {direction}", float(energy), x=float(stream))
    yield Measurement("model", f"accuracy, {direction}", profile.accuracy)
    yield Measurement("model", f"words, {direction}", float(len(profile.prompts)))


def english_before_output(profile: LanguageProfile, metric: str, direction: str) -> Iterator[Measurement]:
    """Compare English with the target language and with other words' English, word by word."""
    english, target = profile.of("en")[:, :-1], profile.of(profile.target)[:, :-1]
    others = profile.chance[..., profile.languages.index("en")][:, :-1]
    leads = np.any((english > target) & (english >= _LEAD), axis=1)
    own, chance = (_log(peaks) for peaks in (profile.peaks("en"), profile.chance_peaks("en")))
    for row, prompt in enumerate(profile.prompts):
        word = f"{direction}: {prompt.words['en']}"
        for arm, values in ((ENGLISH, english), (TARGET_WORD, target), (OTHER_WORDS, others)):
            yield Measurement(arm, metric, float(values[row].sum()), item=word)
        yield Measurement(ENGLISH, LEADS, float(leads[row]), item=word)
        yield Measurement(OWN, OWN_WORD, float(own[row]), item=word)
        yield Measurement(OTHERS, OWN_WORD, float(chance[row].mean()), item=word)


def language_peaks(profile: LanguageProfile) -> Iterator[Measurement]:
    """Compare the languages that may be latent, word by word."""
    for language in profile.languages:
        if language != profile.target:
            for prompt, peak in zip(profile.prompts, profile.peaks(language), strict=True):
                yield Measurement(language, LANGUAGE_PEAK, float(peak), item=prompt.words["en"])


def after_training(
    model: LanguageModel, trained: Trained, sets: TokenSets, batches: list[Batch], plan: Plan
) -> Iterator[Measurement]:
    """Compare English with French in the model as it was, and with last layers that were trained."""
    tail, streams = tail_of(model, plan.tail), range(plan.tail, model.n_layers + 1)
    layers = tail.model.get_decoder().layers
    before = {name: value.clone() for name, value in layers.state_dict().items()}
    for arm, weights in ((AS_IT_WAS, before), (TAUGHT, trained.taught), (SHUFFLED, trained.shuffled)):
        layers.load_state_dict(weights)
        profile = profile_of_states(tail, sets, last_states(tail, batches), streams)
        balance = (_log(profile.of("en")) - _log(profile.of("fr")))[:, 1:-1].mean(1)
        for prompt, value in zip(profile.prompts, balance, strict=True):
            yield Measurement(arm, BALANCE, float(value), item=prompt.words["en"])
        switch = profile.switch_layer("en")
        yield Measurement(
            arm, "stream from which French leads, in the mean", float(model.n_layers + 1 if switch is None else switch)
        )
        yield Measurement(arm, "accuracy, French repeated, by training", profile.accuracy)
        yield Measurement(arm, "latent area of English, by training", profile.latent_area("en"))


def after_shift(
    model: LanguageModel, trained: Trained, sets: TokenSets, batches: list[Batch], plan: Plan, seed: int
) -> Iterator[Measurement]:
    """Shift the stream from French to English, and in a random direction as far, and read the output."""
    tail = tail_of(model, plan.tail)
    directions = {language: vector.to(tail.device) for language, vector in trained.directions.items()}
    length = (directions["en"] - directions["fr"]).norm()
    draw = torch.randn(tail.d_model, generator=torch.Generator().manual_seed(seed)).to(length)
    aside = {"fr": torch.zeros_like(draw), "en": length * draw / draw.norm()}
    for arm, vectors, target in ((UNSHIFTED, directions, "fr"), (SHIFTED, directions, "en"), (RANDOM, aside, "en")):
        with shift_language(tail, 0, vectors, "fr", target):
            states = last_states(tail, batches)[:, -1:]
        profile = profile_of_states(tail, sets, states, [model.n_layers])
        own = _log(profile.of("en")[:, 0])
        others = _log(profile.chance_peaks("en", [model.n_layers])).mean(1)
        for row, prompt in enumerate(profile.prompts):
            yield Measurement(arm, SHIFTED_TO, float(own[row] - others[row]), item=prompt.words["en"])
        yield Measurement(arm, "mean probability of the French word at the output", float(profile.of("fr").mean()))


def meaning_and_language(
    model: LanguageModel, material: Material, places: Sequence[int], plan: Plan, seed: int
) -> Iterator[Measurement]:
    """Compare parallel sentences in each stream, and name their language by few dimensions."""
    texts = {language: [material.sentences[language][place] for place in places] for language in SPOKEN}
    states = parallel_states(model, texts)
    profile, whole = similarity_profile(states, remove_language=True), similarity_profile(states)
    for stream in range(model.n_layers + 1):
        for name, values in (("meaning", whole.meaning), ("language", whole.language)):
            yield Measurement(name, "difference of mean cosines", float(values[stream]), x=float(stream))
        yield Measurement("states", f"{RETRIEVAL}, by stream", float(profile.retrieval[stream]), x=float(stream))
    middle = model.n_layers // 2
    for arm, stream in ((MIDDLE, middle), (FIRST, 0), (LAST, model.n_layers)):
        yield Measurement(arm, RETRIEVAL, float(profile.retrieval[stream]))
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform(chain.from_iterable(texts.values()))
    table = grams.toarray().reshape(len(SPOKEN), len(places), 1, -1)
    yield Measurement(NGRAMS, RETRIEVAL, float(similarity_profile(table, remove_language=True).retrieval[0]))
    half = len(places) // 2
    fitted, read = states[:, :half, middle], states[:, half:, middle]
    rng = np.random.default_rng(seed)
    best = language_dimensions(fitted)[: plan.few]
    drawn_at_random = [rng.permutation(model.d_model)[: plan.few] for _ in range(_RANDOM_DRAWS)]
    yield Measurement(BEST, NAMED, language_accuracy(fitted, read, best))
    yield Measurement(ANY, NAMED, float(np.mean([language_accuracy(fitted, read, some) for some in drawn_at_random])))


def cultures(model: LanguageModel, material: Material, collection: str) -> Iterator[Measurement]:
    """Ask in French and German, and compare the American answer with the language's own in the second half."""
    questions = [CultureQuestion(*text) for text in material.questions[collection]]
    for language in ("fr", "de"):
        answers = answer_probabilities(model, questions, language, ("en", language))
        advantage = answers.advantage("en", language)
        for name, row in zip(answers.names, advantage, strict=True):
            yield Measurement(
                "states", CULTURE, float(row[model.n_layers // 2 : -1].mean()), item=f"{language}: {name}"
            )
        for stream, mean in enumerate(advantage.mean(0)):
            yield Measurement(language, f"{CULTURE}, by stream", float(mean), x=float(stream))


def planted_detour(plan: Plan, seed: int, device: str) -> Iterator[Measurement]:
    """Train two small translators, one of which must pass through a third language."""
    lexicon = made_up_lexicon(SPOKEN, plan.pivot.concepts, np.random.default_rng(seed))
    for arm, pivot in ((PIVOTED, True), (FREE, False)):
        model, sets = trained_translator(lexicon, plan.pivot, pivot=pivot, seed=seed, device=device)
        profile = latent_language_profile(model, sets.prompts, (PIVOT, TARGET))
        yield Measurement(arm, DETOUR, float(profile.of(PIVOT).mean(0)[:-1].max()))
        yield Measurement(arm, "accuracy of the small translator", profile.accuracy)


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(probabilities, np.finfo(np.float32).tiny))

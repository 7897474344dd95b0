"""Does an English language model think in English while it answers in French or German.

SmolLM2-135M-Instruct, trained almost only on English, is asked for words: to translate French into German, and to
repeat French and German words, after four examples. The lens reads every stream at the last token, and adds up the
tokens that begin the word asked for, in English (which no prompt contains) and in the language of the answer. It cannot
translate (no answer is right) and repeats most words, which is the paper's repetition task. Controls:

- chance: the English words of the other prompts, read off the same states. Some tokens are probable whatever is asked;
- words whose English begins like the French or German one are left out, that of the question included: English "site"
  would be the French word, copied. The published code keeps these; they were a third of the pilots' English;
- Spanish and Dutch, in which nothing is asked either, as other languages to think in (Swadesh's basic words);
- a small transformer that is made to pass through a third language, and one that is not: what the profile says of them
  shows that it finds a detour that is there, and none that is not;
- character n-grams beside the states where translations are to be recognised; random dimensions beside the best;
  a random direction as long as that from French to English.

The mean over words is carried by few of them: `most-words` and `its-own-word` ask of each word by itself.

The paper compares Llama-2 with Swallow, which is Llama-2 trained further on Japanese. In its place the last six layers
are trained on French answers, with 32 basic words that are in no prompt they then read, and, as a control, on the same
answers shuffled; `prepare` does so once (45 seconds on one thread), and all seeds read the same trained layers.

Pilots are seeds from 1000 on. They read one English word in three, chosen by its hash, with its prompts, examples and
sentences, and questions of their own; other seeds read the rest. Thresholds of the claims `of="here"` come from them.
A seed draws words, examples and, in the small transformers, made-up words and weights. Intervals are over words and
seeds. Not measured: cloze prompts, of which the model answers none; Russian and Chinese, whose words mostly begin with
one of a few bytes here; and models that speak two languages equally. `full` reads Llama-2-7B and was not run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.language._latent_language.material import (
    NEAR,
    OPENING,
    PLANS,
    Material,
    Trained,
    load_model,
    made_up_material,
    real_material,
    train_tails,
)
from reprise.claims.language._latent_language.reading import (
    ANY,
    AS_IT_WAS,
    BALANCE,
    BEST,
    CULTURE,
    DETOUR,
    ENGLISH,
    FIRST,
    FREE,
    LANGUAGE_PEAK,
    LAST,
    LEADS,
    MIDDLE,
    NAMED,
    NGRAMS,
    OTHER_WORDS,
    OTHERS,
    OWN,
    OWN_WORD,
    PIVOTED,
    RANDOM,
    REPEATING,
    RETRIEVAL,
    SHIFTED,
    SHIFTED_TO,
    SHUFFLED,
    TARGET_WORD,
    TAUGHT,
    TRANSLATING,
    UNSHIFTED,
    after_shift,
    after_training,
    chosen_sets,
    cultures,
    curves,
    english_before_output,
    language_peaks,
    meaning_and_language,
    planted_detour,
    read_profile,
)
from reprise.claims.language._latent_language.words import PILOT_SEEDS, drawn, places
from reprise.models.language import DEFAULT_MODEL, PACKAGED

CLAIMS = (
    Claim(
        id="english-before-german",
        of="paper",
        kind="superior",
        metric=TRANSLATING,
        ours=ENGLISH,
        against=(TARGET_WORD, OTHER_WORDS),
        unit="word",
        says="Asked for the German of a French word, the streams before the output hold the English word more than the "
        "German one, and than the English of other words.",
    ),
    Claim(
        id="english-before-repetition",
        of="paper",
        kind="superior",
        metric=REPEATING,
        ours=ENGLISH,
        against=(TARGET_WORD, OTHER_WORDS),
        unit="word",
        says="So they do where French and German words are only repeated.",
    ),
    Claim(
        id="most-words",
        of="paper",
        kind="interval",
        metric=LEADS,
        ours=ENGLISH,
        low=0.5,
        unit="word",
        says="English leads the language of the answer in some stream before the output, at 1 % or more, for more than "
        "half of all words.",
    ),
    Claim(
        id="english-alone",
        of="paper",
        kind="superior",
        metric=LANGUAGE_PEAK,
        ours="en",
        against=NEAR,
        unit="word",
        says="It is English alone: Spanish and Dutch stay below it while French words are repeated.",
    ),
    Claim(
        id="trained-on-french",
        of="paper",
        kind="superior",
        metric=BALANCE,
        better="lower",
        ours=TAUGHT,
        against=(AS_IT_WAS, SHUFFLED),
        unit="word",
        says="Training the last layers on French brings French forward against English in the streams before the "
        "output, with words it was not trained on.",
    ),
    Claim(
        id="meaning-in-the-middle",
        of="paper",
        kind="superior",
        metric=RETRIEVAL,
        ours=MIDDLE,
        against=(FIRST, LAST, NGRAMS),
        says="Translations are nearest to each other in the middle stream: more than among word vectors, in the last "
        "stream, and by their character n-grams.",
    ),
    Claim(
        id="few-dimensions",
        of="paper",
        kind="superior",
        metric=NAMED,
        ours=BEST,
        against=(ANY,),
        says="Few dimensions of the middle stream carry the language: the three best of 576 name it more often than "
        "three at random.",
    ),
    Claim(
        id="american-answers",
        of="paper",
        kind="interval",
        metric=CULTURE,
        ours="states",
        low=0.0,
        unit="question",
        says="Asked in French or German what cultures answer differently, the second half of the streams before the "
        "output favours the American answer, beyond what it does at other questions.",
    ),
    Claim(
        id="its-own-word",
        of="here",
        kind="superior",
        metric=OWN_WORD,
        ours=OWN,
        against=(OTHERS,),
        unit="word",
        margin=0.3,
        says="Word by word, the highest English probability before the output is more than twice (0.3 decades) that of "
        "other words' English.",
    ),
    Claim(
        id="shift",
        of="here",
        kind="superior",
        metric=SHIFTED_TO,
        ours=SHIFTED,
        against=(UNSHIFTED, RANDOM),
        unit="word",
        says="Shifting a stream from French to English raises the English word above other English words at the "
        "output; a random shift as long does not.",
    ),
    Claim(
        id="finds-a-detour",
        of="here",
        kind="superior",
        metric=DETOUR,
        ours=PIVOTED,
        against=(FREE,),
        margin=0.5,
        says="In a small transformer that was made to pass through a third language the profile finds it, by more than "
        "0.5, and not in one that was not.",
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Load words, sentences and questions, and train the model's last layers on French."""
    plan = PLANS[setting.scale]
    made_up = setting.scale == "quick"
    material = made_up_material() if made_up else real_material("" if plan.model else OPENING)
    start = time.perf_counter()
    trained = train_tails(load_model(material, plan, setting.device), material, plan)
    facts: dict[str, str | int | float | bool] = {
        "data": "made-up words" if made_up else "lexicon of Wendler et al. (2024), Swadesh's lists, our own questions",
        "licence": "none needed" if made_up else "not stated by their repository; GFDL; Apache-2.0",
        "words": len(material.lexicon["en"]),
        "basic words": len(material.basic["en"]),
        "words of a direction, at most": plan.words,
        "examples in a prompt": plan.shots,
        "layers trained on French": f"from {plan.tail} on",
        "loss on French answers, last epoch": round(trained.loss, 3),
        "seconds of training them": round(time.perf_counter() - start, 1),
        "a seed": "new words, examples, made-up words and first weights of the small transformers",
    }
    if not made_up:
        name = plan.model or DEFAULT_MODEL
        facts["language model"] = PACKAGED[name].title if name in PACKAGED else name
    return Prepared((material, trained), facts)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Read the model while it translates, repeats and answers; then the small transformers."""
    plan = PLANS[trial.scale]
    material: Material
    trained: Trained
    material, trained = prepared.content
    model, rng = load_model(material, plan, trial.device), trial.rng()
    lexicon, basic, seed = material.lexicon, material.basic, trial.seed
    ours, base = places(lexicon, seed), places(basic, seed)
    for pair, name, metric in (
        (("fr", "de"), "French to German", TRANSLATING),
        (("de", "de"), "German repeated", REPEATING),
        (("fr", "fr"), "French repeated", REPEATING),
    ):
        sets = chosen_sets(model, lexicon, pair, ("en", pair[1]), ours, plan, material.opening, rng)
        repeats_french = pair == ("fr", "fr")
        profile, batches = read_profile(model, sets, plan.tail if repeats_french else None)
        yield from curves(profile, name)
        yield from english_before_output(profile, metric, name)
        if repeats_french:
            yield from after_training(model, trained, sets, batches, plan)
            yield from after_shift(model, trained, sets, batches, plan, seed)
    sets = chosen_sets(model, basic, ("fr", "fr"), ("en", "fr", *NEAR), base, plan, material.opening, rng)
    profile, _ = read_profile(model, sets)
    yield from curves(profile, "basic French words repeated")
    yield from language_peaks(profile)
    yield from meaning_and_language(model, material, drawn(ours, plan.sentences, rng), plan, seed)
    yield from cultures(model, material, "pilot" if seed >= PILOT_SEEDS else "ledger")
    yield from planted_detour(plan, seed, trial.device)

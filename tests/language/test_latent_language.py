import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from reprise.claims.language._latent_language.material import PLANS, made_up_material, real_material, unmeasured
from reprise.claims.language._latent_language.pivot import PivotPlan, made_up_lexicon, trained_translator
from reprise.claims.language._latent_language.tail import last_states, states_before, tail_of
from reprise.claims.language._latent_language.words import PILOT_SEEDS, places
from reprise.data.word_lexicon import SWADESH_LISTS, WORD_LEXICON
from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.language.latent_language import (
    CultureQuestion,
    LanguageProfile,
    answer_probabilities,
    bootstrap_interval,
    cloze_prompts,
    language_accuracy,
    language_dimensions,
    language_directions,
    language_token_ids,
    latent_area,
    latent_language_profile,
    logit_lens,
    parallel_states,
    repetition_prompts,
    shift_language,
    similarity_profile,
    switch_layer,
    token_energy,
    token_sets,
    translation_prompts,
)
from reprise.language.latent_language.tokens import ASKED, INSIDE, NO_TOKEN, SHARED
from reprise.models.tiny import tiny_language_model

LEXICON = {
    "en": ["cloud", "sun", "rain", "snow", "wind", "sea"],
    "fr": ["nuage", "soleil", "pluie", "neige", "vent", "mer"],
    "de": ["Wolke", "Sonne", "Regen", "Schnee", "Sturm", "Meer"],
}
TEXT = 'Français English Deutsch : " - . A ___ is Answer ' + " ".join(
    word for words in LEXICON.values() for word in words
)
PROMPTS = [[5, 9, 2], [7, 7, 30, 12, 4], [1, 2]]


@pytest.fixture(scope="module")
def small():
    return LanguageModel(*tiny_language_model(TEXT, n_layers=3))


@pytest.fixture(scope="module", params=["byte-level", "metaspace"])
def subwords(request):
    """Train a tokenizer of each common way to write spaces."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    text = ["a book and books , the bookshelf in the library of Ludwigsburg"] * 20
    if request.param == "byte-level":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
        alphabet = [*'abcdefghijklmnopqrstuvwxyzL,"▁']
    names = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, special_tokens=names)
    tokenizer.train_from_iterator(text, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>")
    return LanguageModel(tiny_language_model(TEXT)[0], fast)


def drawn_profile(rng, items=12, streams=5):
    """Make a profile of random probabilities."""
    paired = rng.random((items, streams, items, 2))
    return LanguageProfile(
        languages=("en", "fr"),
        target="fr",
        streams=tuple(range(streams)),
        prompts=tuple(repetition_prompts({"en": ["a"] * items, "fr": [*"abcdefghijklmnopqrst"][:items]}, "fr", 0)),
        skipped={},
        paired=paired,
        entropy=np.zeros((items, streams)),
        top_token=np.zeros((items, streams), int),
        energy=np.zeros((items, streams)),
        correct=np.zeros(items, bool),
    )


# Prompts


def test_prompts_end_with_the_opening_quote_and_never_show_the_answer():
    prompts = translation_prompts(LEXICON, "fr", "de", n_shots=3, random_state=4, opening="<s>")
    assert [prompt.concept for prompt in prompts] == list(range(6))
    for prompt in prompts:
        *examples, question = prompt.text.removeprefix("<s>").split("\n")
        assert question == f'Français: "{prompt.words["fr"]}" - Deutsch: "'
        assert len(set(examples)) == 3
        assert prompt.words["de"] not in prompt.text
        for example in examples:
            french, german = example.split('"')[1::2]
            assert LEXICON["fr"].index(french) == LEXICON["de"].index(german)
    assert prompts == translation_prompts(LEXICON, "fr", "de", n_shots=3, random_state=4, opening="<s>")
    assert prompts != translation_prompts(LEXICON, "fr", "de", n_shots=3, random_state=5, opening="<s>")


def test_queries_and_examples_keep_to_their_places():
    prompts = repetition_prompts(LEXICON, "fr", 2, queries=[0, 1], shots=[0, 4, 5])
    assert [prompt.words["en"] for prompt in prompts] == ["cloud", "sun"]
    assert all(not {"pluie", "neige"} & set(prompt.text.split('"')) for prompt in prompts)
    doubled = {"en": ["one", "two", "three"], "fr": ["même", "même", "autre"]}
    assert "même" not in repetition_prompts(doubled, "fr", 1, queries=[0])[0].text.split("\n")[0]


def test_cloze_prompts_leave_out_what_has_no_sentence():
    sentences = {"en": [f'A "___" is {n}. Answer: "{word}".' for n, word in enumerate(LEXICON["en"])]}
    sentences["en"][2:4] = ["", 'A "___" falls. Answer: "the snow".']
    prompts = cloze_prompts(LEXICON, sentences, "en", n_shots=1)
    assert [prompt.concept for prompt in prompts] == [0, 1, 4, 5]
    assert prompts[0].text.split("\n")[1] == 'A "___" is 0. Answer: "'
    assert "snow" not in "".join(prompt.text for prompt in prompts)


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((LEXICON, "fr", "xx"), {}, "no language 'xx'; it has de, en, fr"),
        (({"fr": ["a"], "de": ["a", "b"]}, "fr", "de"), {}, "as many in each"),
        ((LEXICON, "fr", "de"), {"n_shots": 6}, "6 examples were asked for; there are 5"),
        ((LEXICON, "fr", "de"), {"queries": [6]}, "Place 6 is outside"),
        ((LEXICON, "fr", "de"), {"queries": []}, "no word to ask for"),
    ],
)
def test_impossible_prompts_are_named(arguments, settings, message):
    with pytest.raises(InvalidInputError, match=message):
        translation_prompts(*arguments, **settings)


# Tokens


def test_tokens_are_prefixes_of_two_letters_or_more(subwords):
    ids = language_token_ids(subwords, "books")
    texts = [subwords.decode([token]) for token in ids]
    assert "books" in {text.strip() for text in texts} or "book" in {text.strip() for text in texts}
    assert all("books".startswith(text.strip()) and len(text.strip()) >= 2 for text in texts)
    assert subwords.encode(" book", special=False)[0] in ids
    bare = language_token_ids(subwords, "books", spaces=False)
    assert set(bare) < set(ids)
    one = language_token_ids(subwords, "books", min_chars=1)
    assert set(ids) < set(one)


def test_a_part_of_a_character_counts_where_it_is_the_first_token(subwords):
    anchor = len(subwords.encode('"', special=False))
    first, ids = subwords.encode('"云', special=False)[anchor], language_token_ids(subwords, "云")
    assert first in ids
    assert "\ufffd" in subwords.tokenizer.decode([first])
    assert not set(ids) & set(language_token_ids(subwords, "book"))


def test_prompts_that_cannot_be_told_apart_are_counted(small):
    lexicon = {
        "en": ["cloud", "Regen", "sun", "unknown", "wind", "sea", "sun", "rain"],
        "fr": ["nuage", "pluie", "soleil", "neige", "wind", "mer", "sonne", "soleil"],
        "de": ["Wolke", "Regen", "Sonne", "Schnee", "Sturm", "Meer", "Meersun", "Sonne"],
    }
    prompts = translation_prompts(lexicon, "fr", "de", 1)
    sets = token_sets(small, prompts, ["en", "de"], max_skipped=0.8)
    assert [prompt.concept for prompt in sets.prompts] == [0, 2, 5, 7]
    assert sets.skipped == {INSIDE: 2, NO_TOKEN: 1, ASKED: 1}
    assert sets.ids["de"] == [language_token_ids(small, word) for word in ("Wolke", "Sonne", "Meer", "Sonne")]
    with pytest.raises(InvalidInputError, match=r"4 of 8 prompts were left out.*inside.*: 1"):
        token_sets(small, prompts, ["en", "de"], max_skipped=0.4)


def test_shared_prefixes_are_left_out_or_taken_from_both(subwords):
    words = {"en": ["book", "and"], "fr": ["boox", "the"], "it": ["bookxx", "of"], "de": ["the", "library"]}
    prompts = translation_prompts(words, "de", "fr", 0)
    sets = token_sets(subwords, prompts, ["en", "fr"], max_skipped=0.6)
    assert sets.skipped == {SHARED: 1} or set(sets.skipped) <= {SHARED, NO_TOKEN}
    assert [prompt.words["en"] for prompt in sets.prompts] == ["and"]
    others = token_sets(subwords, translation_prompts(words, "de", "de", 0), ["en", "it", "de"], max_skipped=0.6)
    assert not set(others.ids["en"][0]) & set(others.ids["it"][0])


@pytest.mark.parametrize(
    ("languages", "message"),
    [(["fr", "xx"], "no language 'xx'"), (["en", "de"], "target language 'fr'"), (["fr"], "Two or more")],
)
def test_unknown_languages_are_named(languages, message, small):
    with pytest.raises(InvalidInputError, match=message):
        token_sets(small, repetition_prompts(LEXICON, "fr", 1), languages)


def test_an_empty_word_is_refused(small):
    with pytest.raises(InvalidInputError, match="word"):
        language_token_ids(small, " ")


# The lens


def test_the_last_stream_is_the_models_own_prediction(lm):
    reading = logit_lens(lm, PROMPTS, token_sets=[[token] for token in range(lm.vocabulary_size)], batch_size=2)
    expected = lm.logits(PROMPTS, positions=-1)[:, 0].softmax(-1)
    np.testing.assert_allclose(reading.probability[:, -1], expected, atol=1e-5)
    assert reading.top_token[:, -1].tolist() == expected.argmax(-1).tolist()


def test_probabilities_add_up_and_entropy_is_bounded(lm):
    reading = logit_lens(lm, PROMPTS, token_sets=[range(lm.vocabulary_size), [3, 5]], energy=True)
    np.testing.assert_allclose(reading.probability[..., 0], 1, atol=1e-5)
    whole = lm.logit_lens(PROMPTS).exp()[:, :, 0]
    np.testing.assert_allclose(reading.probability[..., 1], whole[..., [3, 5]].sum(-1), rtol=1e-4)
    np.testing.assert_allclose(reading.entropy, -(whole * whole.log2()).sum(-1), rtol=1e-4)
    assert (reading.entropy <= np.log2(lm.vocabulary_size) + 1e-4).all()


def test_energy_is_that_of_all_cosines(lm):
    hidden = lm.residuals(PROMPTS, positions=-1)[:, :, 0]
    norm, weight = lm.parts.final_norm, lm.parts.unembedding.weight
    tokens = normalize((weight * norm.weight).double(), dim=1)
    cosines = normalize(hidden.double(), dim=-1) @ tokens.T
    expected = cosines.square().mean(-1).sqrt() / (tokens @ tokens.T).square().mean().sqrt()
    torch.testing.assert_close(token_energy(lm, hidden).double(), expected, rtol=1e-3, atol=1e-5)


def test_half_precision_reads_the_same(make_tiny):
    model = make_tiny("llama")
    before = logit_lens(model, PROMPTS, token_sets=[[1, 2, 3]], energy=True)
    model.model.to(torch.bfloat16)
    after = logit_lens(model, PROMPTS, token_sets=[[1, 2, 3]], energy=True)
    np.testing.assert_allclose(after.probability, before.probability, atol=0.02)
    np.testing.assert_allclose(after.energy, before.energy, atol=0.1)


@pytest.mark.parametrize(
    ("inputs", "settings", "message"),
    [
        ([], {}, "at least one prompt"),
        (PROMPTS, {"token_sets": [[1], []]}, "set is empty"),
        (PROMPTS, {"token_sets": [[61]]}, r"0\.\.60"),
        (PROMPTS, {"layers": [4]}, "Residual stream 4"),
    ],
)
def test_bad_readings_are_named(inputs, settings, message, llama):
    with pytest.raises(InvalidInputError, match=message):
        logit_lens(llama, inputs, **settings)


# Profiles and curves


@pytest.mark.parametrize(
    ("latent", "target", "expected"),
    [
        ([0.5, 0.6, 0.2, 0.1], [0, 0.1, 0.3, 0.8], 2),
        ([0, 0.5, 0.1], [0.2, 0.1, 0.3], 2),
        ([0, 0], [1, 1], 0),
        ([0, 0.2], [1, 0.2], None),
    ],
)
def test_the_switch_is_for_good(latent, target, expected):
    assert switch_layer(latent, target) == expected


def test_the_area_counts_where_the_latent_language_leads():
    assert latent_area([0.5, 0.1], [0.2, 0.4]) == pytest.approx(0.3)
    for curves in (([0.1], [0.1, 0.2]), ([], []), ([np.nan], [0.0])):
        with pytest.raises(InvalidInputError, match="curves"):
            latent_area(*curves)


def test_bootstrap_intervals_cover():
    rng = np.random.default_rng(0)
    values = rng.exponential(size=(40, 300))
    low, high = bootstrap_interval(values, n_resamples=400)
    assert 0.86 < ((low < 1) & (high > 1)).mean() < 0.99
    with pytest.raises(InvalidInputError, match="at least 2"):
        bootstrap_interval(values[:1])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox"])
def test_a_profile_is_what_a_loop_reads(kind, small, make_tiny):
    model = LanguageModel(make_tiny(kind).model, small.tokenizer)
    prompts = repetition_prompts(LEXICON, "fr", 1)
    profile = latent_language_profile(model, prompts, ["en", "fr"], batch_size=4)
    whole = model.logit_lens([prompt.text for prompt in prompts]).exp()[:, :, 0]
    for row, prompt in enumerate(profile.prompts):
        for place, language in enumerate(profile.languages):
            tokens = [language_token_ids(model, other.words[language]) for other in prompts]
            expected = np.stack([whole[row][:, ids].sum(-1) for ids in tokens], -1)
            np.testing.assert_allclose(profile.paired[row, :, :, place], expected, rtol=1e-3)
            np.testing.assert_allclose(profile.probability[row, :, place], expected[:, row], rtol=1e-3)
            np.testing.assert_allclose(profile.chance[row, :, place], np.delete(expected, row, 1).mean(1), rtol=1e-3)
            others = profile.chance_peaks(language)[row]
            np.testing.assert_allclose(others, np.delete(expected, row, 1)[:-1].max(0), rtol=1e-3)
        assert prompt.target == "fr"
    assert profile.peaks("en", [1]) == pytest.approx(profile.of("en")[:, 1])
    np.testing.assert_allclose(profile.shares().sum(-1), 1)
    table = profile.summary()
    assert len(table) == 4 * 2
    assert ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all()
    assert profile.entropy.shape == profile.energy.shape == (6, 4)


def test_a_planted_detour_is_found(small):
    """States that are the unembedding of the English word, then of the French one, give just that profile."""
    prompts = repetition_prompts(LEXICON, "fr", 1)
    rows = {
        language: small.parts.unembedding.weight[[language_token_ids(small, word)[0] for word in LEXICON[language]]]
        for language in ("en", "fr")
    }

    def become(language):
        return lambda hidden: hidden * 0 + 30 * normalize(rows[language], dim=-1)[:, None]

    with small.edit_residual(1, become("en")), small.edit_residual(2, become("fr")):
        profile = latent_language_profile(small, prompts, ["en", "fr"])
    assert profile.dominant()[1] == "en"
    assert profile.dominant()[2:] == ["fr", "fr"]
    assert profile.switch_layer("en") == 2
    assert profile.accuracy == 1
    area, null = profile.latent_area_null("en", 100)
    assert area > np.quantile(null, 0.95)


def test_shuffled_words_give_no_latent_area():
    rng = np.random.default_rng(0)
    above = []
    for _ in range(60):
        area, null = drawn_profile(rng).latent_area_null("en", 40, random_state=int(rng.integers(1000)))
        above.append(area > np.quantile(null, 0.95))
    assert np.mean(above) <= 0.1


def test_a_profile_names_what_it_has_not():
    profile = drawn_profile(np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match="no language 'de'; it has en, fr"):
        profile.of("de")
    with pytest.raises(InvalidInputError, match="Stream 9 was not read"):
        profile.peaks("en", [9])
    with pytest.raises(InvalidInputError, match="only one prompt"):
        _ = drawn_profile(np.random.default_rng(0), items=1).chance


# Language and meaning


@pytest.mark.parametrize("pool", ["mean", "last"])
def test_parallel_states_are_those_of_each_text_alone(pool, lm, small):
    model = LanguageModel(lm.model, small.tokenizer)
    texts = {"en": ["cloud sun", "sea"], "fr": ["nuage", "mer soleil pluie"]}
    states = parallel_states(model, texts, pool=pool, batch_size=3)
    assert states.shape == (2, 2, model.n_layers + 1, model.d_model)
    for language, rows in zip(texts, states, strict=True):
        for text, found in zip(texts[language], rows, strict=True):
            alone = model.residuals(text)[0]
            expected = alone[:, 1:].mean(1) if pool == "mean" else alone[:, -1]
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=1e-4)


def test_similarities_are_those_of_a_loop():
    rng = np.random.default_rng(1)
    states = rng.normal(size=(3, 4, 2, 6)).astype(np.float32)
    profile = similarity_profile(states)
    points = states[:, :, 1] - states[:, :, 1].mean((0, 1))
    points = points / np.linalg.norm(points, axis=-1, keepdims=True)
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    parallel = np.mean([points[a, i] @ points[b, i] for a, b in pairs for i in range(4)])
    unrelated = np.mean([points[a, i] @ points[b, j] for a, b in pairs for i in range(4) for j in range(4) if i != j])
    nearest = np.mean([(points[b] @ points[a, i]).argmax() == i for a, b in pairs for i in range(4)])
    assert profile.meaning[1] == pytest.approx(parallel - unrelated)
    assert profile.retrieval[1] == pytest.approx(nearest)


def test_language_and_meaning_are_told_apart():
    rng = np.random.default_rng(2)
    meaning, language = rng.normal(size=(1, 30, 1, 40)), np.zeros((3, 1, 1, 40))
    language[..., 7] = np.array([0, 30, 60])[:, None, None]
    states = meaning + language + 0.3 * rng.normal(size=(3, 30, 1, 40))
    whole, meant = similarity_profile(states), similarity_profile(states, remove_language=True)
    assert whole.language[0] > 0.5 > whole.meaning[0]
    assert meant.retrieval[0] > 0.95
    best = language_dimensions(states[:, :15, 0])
    assert best[0] == 7
    assert language_accuracy(states[:, :15, 0], states[:, 15:, 0], best[:1]) == 1
    assert language_accuracy(states[:, :15, 0], states[:, 15:, 0], best[1:3]) < 0.7


def test_one_language_or_token_is_too_few(small):
    with pytest.raises(InvalidInputError, match="Two or more languages"):
        similarity_profile(np.zeros((1, 3, 2, 4)))
    with pytest.raises(InvalidInputError, match="Two or more languages"):
        language_directions(small, {"en": ["cloud"]}, 1)
    with pytest.raises(InvalidInputError, match="as many"):
        parallel_states(small, {"en": ["cloud"], "fr": ["nuage", "mer"]})
    with pytest.raises(InvalidInputError, match="no language"):
        parallel_states(small, {})


# Shifting


def test_a_shift_moves_one_mean_onto_another_and_ends(small):
    texts = {language: [" ".join(words)] for language, words in LEXICON.items()}
    directions = language_directions(small, texts, 2)
    before = small.logits(["nuage"], positions=-1)
    with shift_language(small, 2, directions, "fr", "de"):
        moved = small.residuals(["nuage"], layers=[2])
    expected = small.residuals(["nuage"], layers=[2]) + directions["de"] - directions["fr"]
    torch.testing.assert_close(moved, expected)
    assert torch.equal(small.logits(["nuage"], positions=-1), before)
    with shift_language(small, 2, directions, "fr", "fr", scale=9.0):
        assert torch.equal(small.logits(["nuage"], positions=-1), before)
    base = small.residuals(["nuage"], layers=[2])
    with shift_language(small, 2, directions, "fr", "de", dimensions=[4, 9]):
        change = (small.residuals(["nuage"], layers=[2]) - base).abs().sum((0, 1, 2))
    assert change.nonzero().flatten().tolist() == [4, 9]


def test_bad_shifts_are_named(small):
    directions = {"en": torch.zeros(small.d_model), "fr": torch.ones(small.d_model)}
    with (
        pytest.raises(InvalidInputError, match="no direction of 'de'"),
        shift_language(small, 1, directions, "fr", "de"),
    ):
        pass
    with (
        pytest.raises(InvalidInputError, match=r"0\.\.31"),
        shift_language(small, 1, directions, "fr", "en", dimensions=[32]),
    ):
        pass


# Cultures


def test_answers_are_followed_and_corrected(small):
    questions = [
        CultureQuestion("a", {"fr": "mer nuage"}, {"en": ["cloud"], "fr": ["pluie"]}),
        CultureQuestion("b", {"fr": "neige"}, {"en": ["sun", "Sonne"], "fr": ["vent"]}),
        CultureQuestion("alike", {"fr": "neige"}, {"en": ["sun"], "fr": ["sun"]}),
        CultureQuestion("not asked", {"de": "Wolke"}, {"en": ["sun"], "fr": ["vent"]}),
    ]
    answers = answer_probabilities(small, questions, "fr", ["en", "fr"])
    assert (answers.names, answers.skipped) == (("a", "b"), 2)
    whole = small.logit_lens(["mer nuage", "neige"])[:, :, 0].exp().numpy()
    ids = [[language_token_ids(small, word)[0] for word in words] for words in (["cloud"], ["pluie"])]
    ratios = np.log10(whole[..., ids[0]] / whole[..., ids[1]])[..., 0]
    np.testing.assert_allclose(answers.advantage("en", "fr", corrected=False)[0], ratios[0], rtol=1e-3, atol=1e-5)
    # At the other question the same two words are no answers.
    np.testing.assert_allclose(answers.advantage("en", "fr")[0], ratios[0] - ratios[1], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(answers.advantage("fr", "en"), -answers.advantage("en", "fr"))
    with pytest.raises(InvalidInputError, match="no culture 'de'"):
        answers.advantage("de", "fr")
    with pytest.raises(InvalidInputError, match="None of 4 questions"):
        answer_probabilities(small, questions, "es", ["en", "fr"])
    with pytest.raises(InvalidInputError, match="Two or more cultures"):
        answer_probabilities(small, questions, "fr", ["fr"])


# SmolLM2


def test_smollm2_tokens_and_lens(smollm2):
    ids = language_token_ids(smollm2, "book")
    assert smollm2.encode(" book")[0] in ids
    assert all(len(smollm2.decode([token]).strip()) >= 2 for token in ids)
    assert "\ufffd" in smollm2.decode(language_token_ids(smollm2, "云")[:1])
    prompts = repetition_prompts(LEXICON, "fr", 2, queries=[0, 4])
    profile = latent_language_profile(smollm2, prompts, ["en", "fr"])
    assert (profile.entropy <= np.log2(49152)).all()
    expected = smollm2.logits([prompt.text for prompt in profile.prompts], positions=-1)[:, 0].softmax(-1)
    for row, prompt in enumerate(profile.prompts):
        own = language_token_ids(smollm2, prompt.words["fr"])
        assert profile.of("fr")[row, -1] == pytest.approx(float(expected[row, own].sum()), abs=1e-5)
    # It repeats the words, and nothing of them can be read off the first streams.
    assert profile.of("fr")[:, -1].mean() > 0.3
    assert profile.of("fr")[:, :15].max() < 0.01


# Parts of the claim


def test_pilots_and_other_seeds_read_different_words():
    lexicon = made_up_material().lexicon
    pilots, others = places(lexicon, PILOT_SEEDS), places(lexicon, 0)
    assert not set(pilots) & set(others)
    assert sorted(pilots + others) == list(range(40))
    assert len(pilots) > 5


@pytest.mark.skipif(
    not (WORD_LEXICON.here() and SWADESH_LISTS.here()), reason=f"{WORD_LEXICON.obtain} {SWADESH_LISTS.obtain}"
)
def test_words_that_layers_are_trained_on_are_in_no_measured_prompt():
    material = real_material()
    taught = unmeasured(material)[: PLANS["desktop"].taught]
    assert len(taught) == PLANS["desktop"].taught
    for language in ("en", "fr"):
        assert not {material.basic[language][place] for place in taught} & set(material.lexicon[language])
    assert not any(text.rstrip().endswith('".') and ":" in text for text in material.sentences["fr"])


def test_a_tail_reads_what_the_whole_model_reads(small):
    tail = tail_of(small, 1)
    texts = ["cloud sun rain", "mer", "Wolke Sonne"]
    found = last_states(tail, states_before(small, texts, 1, batch_size=2))
    torch.testing.assert_close(found, small.residuals(texts, positions=-1)[:, 1:, 0], rtol=1e-4, atol=1e-5)
    trained = [parameter for parameter in tail.model.parameters() if parameter.requires_grad]
    whole = {id(parameter) for parameter in small.model.parameters()}
    assert trained
    assert not any(id(parameter) in whole for parameter in trained)
    assert small.n_layers == 3


def test_a_detour_is_found_where_one_was_trained():
    plan = PivotPlan(concepts=8, d_model=64, n_layers=2, epochs=16, repeats=8)
    lexicon = made_up_lexicon(("en", "fr", "de"), plan.concepts, np.random.default_rng(3))
    peaks = {}
    for pivot in (True, False):
        model, sets = trained_translator(lexicon, plan, pivot=pivot, seed=3)
        peaks[pivot] = latent_language_profile(model, sets.prompts, ["en", "de"]).of("en").mean(0)[:-1].max()
    assert peaks[True] > 0.4
    assert peaks[False] < 0.2

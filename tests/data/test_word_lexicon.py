import zipfile

import pytest

from reprise.data.culture_conflicts import load_culture_conflicts
from reprise.data.word_lexicon import (
    LANGUAGES,
    SWADESH_LISTS,
    WORD_LEXICON,
    load_swadesh,
    load_word_lexicon,
)
from reprise.errors import DamagedFileError, InvalidInputError, MissingDataError

HEADER = "lang,word_original,word_translation,blank_prompt_translation,blank_prompt_translation_masked\n"


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Write two words of each language, of which they share one, and three lists of basic words."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.retrieve", _no_network)
    folder = tmp_path / "latent-language"
    folder.mkdir()
    for language in LANGUAGES:
        rows = [f'{language},{word},{word}-{language},"""{word}"" on","""___"" on"\n' for word in ("sun", language)]
        (folder / f"{language}.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    (tmp_path / "nltk/corpora").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "nltk/corpora/swadesh.zip", "w") as archive:
        archive.writestr("swadesh/", "")
        archive.writestr("swadesh/README", "words")
        archive.writestr("swadesh/en", "I\nman (adult male)\nright\nhere\n")
        archive.writestr("swadesh/fr", "je\nhomme, mari\nà droite\n\n")
    return tmp_path


def test_words_that_all_languages_have(files):
    assert load_word_lexicon(("fr", "de")) == {"fr": ["sun-fr"], "de": ["sun-de"]}
    assert load_word_lexicon(("fr",), "cloze") == {"fr": ['"___" on'] * 2}
    assert load_word_lexicon(("zh",), "sentences") == {"zh": ['"sun" on', '"zh" on']}


def test_swadesh_keeps_single_words(files, monkeypatch):
    monkeypatch.setattr("reprise.data.sources.Source.find", lambda self, file: files / "nltk" / file)
    assert load_swadesh(("en", "fr")) == {"en": ["I", "man"], "fr": ["je", "homme"]}
    with pytest.raises(InvalidInputError, match="'xx'; there are in en, fr"):
        load_swadesh(("en", "xx"))


def test_what_is_wrong_is_named(files):
    with pytest.raises(InvalidInputError, match="'xx'"):
        load_word_lexicon(("en", "xx"))
    with pytest.raises(InvalidInputError, match="Different languages"):
        load_word_lexicon(("en", "en"))
    with pytest.raises(InvalidInputError, match="'column'"):
        load_word_lexicon(("en",), "column")
    (files / "latent-language/fr.csv").write_text("word\nsun\n")
    with pytest.raises(DamagedFileError, match=r"fr\.csv"):
        load_word_lexicon(("fr",))
    (files / "latent-language/fr.csv").unlink()
    with pytest.raises(MissingDataError, match="REPRISE_DATA"):
        load_word_lexicon(("fr",))


@pytest.mark.skipif(not WORD_LEXICON.here(), reason=WORD_LEXICON.obtain)
def test_the_real_lexicon_is_parallel():
    words, cloze = load_word_lexicon(), load_word_lexicon(column="cloze")
    assert len(words["en"]) == 109
    assert all("___" in text for text in cloze["fr"])
    answered = sum(f'"{word}"' in text for word, text in zip(words["fr"], cloze["fr"], strict=True))
    assert answered >= 100
    assert len(load_word_lexicon(LANGUAGES)["zh"]) == 97


@pytest.mark.skipif(not SWADESH_LISTS.here(), reason=SWADESH_LISTS.obtain)
def test_the_real_swadesh_lists():
    words = load_swadesh(("en", "fr", "de"))
    assert len(words["en"]) > 180
    pairs = dict(zip(words["en"], words["fr"], strict=True))
    assert (pairs["water"], pairs["man"]) == ("eau", "homme")
    assert not any(" " in word or "," in word for column in words.values() for word in column)


@pytest.mark.parametrize(("collection", "count"), [("ledger", 12), ("pilot", 4)])
def test_conflicts_are_asked_and_answered(collection, count):
    texts = load_culture_conflicts(collection)
    assert len({text.name for text in texts}) == len(texts) == count
    for text in texts:
        assert {"en", "fr"} <= set(text.prompts) == set(text.answers)
        assert not any(prompt.endswith(" ") for prompt in text.prompts.values())
        for words in text.answers.values():
            assert not any(word in prompt for word in words for prompt in text.prompts.values())
    others = load_culture_conflicts("pilot" if collection == "ledger" else "ledger")
    assert not {text.name for text in texts} & {text.name for text in others}


def test_an_unknown_collection_is_refused():
    with pytest.raises(InvalidInputError, match="'test'"):
        load_culture_conflicts("test")


def _no_network(*arguments, **settings):
    raise OSError("there is no network")

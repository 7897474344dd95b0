"""Words in several languages: a lexicon with a sentence a word, and Swadesh's lists."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Collection, Sequence
from typing import Literal

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError

SWADESH = "corpora/swadesh.zip"
LANGUAGES = ("de", "en", "fr", "ru", "zh")
_NLTK = "https://raw.githubusercontent.com/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28/packages"
_EPFL = "https://raw.githubusercontent.com/epfl-dlab/llm-latent-language/d0e4f292f204d69bf9bc51cbe35e73e4f66e896f"

WORD_LEXICON = Source(
    name="word-lexicon",
    title="Words with a sentence each, in five languages",
    licence="not stated by their repository",
    origin="github.com/epfl-dlab/llm-latent-language (Wendler et al., 2024, arXiv:2402.10588), data/langs",
    loader="reprise.data.word_lexicon.load_word_lexicon",
    serves=("latent-language",),
    files=tuple(f"{language}.csv" for language in LANGUAGES),
    folder="latent-language",
    sha256={
        "de.csv": "361a99c13b048e25d436fc1b7ba12c1eb7e8c3e19e81986a5927b72b3386531f",
        "en.csv": "7d8633a0ee169ebf88d8664df273bec814061b6abe09d48b69ddde33b50030e2",
        "fr.csv": "8b21471cda4931448d46298f31c4311191a3aa69db35c8611ba84455146d13e9",
        "ru.csv": "0c0cb526e5af8d7d2412b8b75ff8b6766bebc6dd8e3a5d7195985fdfb303b041",
        "zh.csv": "c87f2a137554ab87aadb638d072a7f7718d8bf9260e183e9b2d65319a6b8dafb",
    },
    urls={f"{language}.csv": f"{_EPFL}/data/langs/{language}/clean.csv" for language in LANGUAGES},
    obtain="Set REPRISE_DATA to a folder that holds latent-language/fr.csv and the like, or connect to the internet.",
)

SWADESH_LISTS = Source(
    name="swadesh",
    title="Swadesh's lists of 207 basic words, in 24 languages",
    licence="GFDL",
    origin="github.com/nltk/nltk_data; from en.wiktionary.org/wiki/Appendix:Swadesh_list",
    loader="reprise.data.word_lexicon.load_swadesh",
    serves=("latent-language",),
    files=(SWADESH,),
    folder="nltk",
    sha256={SWADESH: "0b69919501a098f25d2abad9edb84689e1ed44915ca1c65c7832d2bf9d1de3b9"},
    urls={SWADESH: f"{_NLTK}/{SWADESH}"},
    system=("/usr/share/nltk_data", "/usr/local/share/nltk_data", "/usr/lib/nltk_data"),
    obtain="Set REPRISE_DATA to a folder that holds nltk/corpora/swadesh.zip, or connect to the internet.",
)

_COLUMNS = {
    "words": "word_translation",
    "cloze": "blank_prompt_translation_masked",
    "sentences": "blank_prompt_translation",
}
_FIRST = re.compile(r"\s*(?:[(/,;].*|\.\.\..*)$")  # what follows the first of several words, and remarks

Column = Literal["words", "cloze", "sentences"]


def load_word_lexicon(languages: Sequence[str] = ("en", "fr", "de"), column: Column = "words") -> dict[str, list[str]]:
    """Load parallel words, most of them nouns, or the sentences that describe them.

    Parameters
    ----------
    languages : of ``"de"``, ``"en"``, ``"fr"``, ``"ru"`` and ``"zh"``; words that one of them lacks are left out (109
        are in English, French and German, 97 in all five).
    column : ``"words"``; ``"cloze"``, sentences with ``___`` in the word's place that end in the answer in quotation
        marks; or ``"sentences"``, the same with the word in its place. A few answers have an article with the word.

    Returns
    -------
    dict[str, list[str]]
        Language to words or sentences, in the same order for each column.

    Raises
    ------
    InvalidInputError
        If there is no such language or column.
    MissingDataError
        If a file is not here and cannot be downloaded.
    DamagedFileError
        If a file cannot be read.
    """
    _check(languages, LANGUAGES)
    if column not in _COLUMNS:
        raise InvalidInputError(f"There is no column {column!r}; there are {', '.join(_COLUMNS)}.")
    tables = {language: _read(f"{language}.csv", _COLUMNS[column]) for language in languages}
    shared = set.intersection(*(set(table) for table in tables.values()))
    order = [word for word in tables[languages[0]] if word in shared]
    return {language: [table[word] for word in order] for language, table in tables.items()}


def load_swadesh(languages: Sequence[str] = ("en", "fr", "de")) -> dict[str, list[str]]:
    """Load Swadesh's basic words.

    Of several words for a concept the first is taken, without remarks in brackets. Concepts that one of the languages
    lacks, or says in more than one word, are left out.

    Parameters
    ----------
    languages : such as ``"en"``, ``"fr"``, ``"de"``, ``"es"``, ``"it"``, ``"nl"``, ``"pt"`` or ``"ru"``.

    Raises
    ------
    InvalidInputError
        If there is no such language.
    MissingDataError
        If the file is not here and cannot be downloaded.
    DamagedFileError
        If it cannot be read.
    """
    path = SWADESH_LISTS.locate(SWADESH)
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removeprefix("swadesh/") for name in archive.namelist()}
            _check(languages, names - {"", "README"})
            columns = [archive.read(f"swadesh/{language}").decode().splitlines() for language in languages]
    except (zipfile.BadZipFile, UnicodeDecodeError) as problem:
        raise DamagedFileError(path, str(problem)) from problem
    rows = [[_FIRST.sub("", entry).strip() for entry in row] for row in zip(*columns, strict=False)]
    whole = [row for row in rows if all(row) and not any(" " in word for word in row)]
    return {language: [row[place] for row in whole] for place, language in enumerate(languages)}


def _read(file: str, column: str) -> dict[str, str]:
    path = WORD_LEXICON.locate(file)
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return {row["word_original"]: row[column] for row in csv.DictReader(lines)}
    except (KeyError, UnicodeDecodeError, csv.Error) as problem:
        raise DamagedFileError(path, str(problem)) from problem


def _check(languages: Sequence[str], known: Collection[str]) -> None:
    if not languages or len(set(languages)) < len(languages):
        raise InvalidInputError(f"Different languages, at least one, are expected; {tuple(languages)} was given.")
    if unknown := set(languages) - set(known):
        raise InvalidInputError(f"There are no words in {min(unknown)!r}; there are in {', '.join(sorted(known))}.")

"""The Brown corpus with its tags: sentences of words and word classes."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError

BROWN = "corpora/brown.zip"
UNIVERSAL = "taggers/universal_tagset.zip"
SHA256 = {
    BROWN: "9b275f9b3b95d7bd66ccfb7cd259f445a13bbe5d1f4107aba09fd3e8364bafa6",
    UNIVERSAL: "d490e1ae8f5625dcdfdda04be15c22a2aade8c2561a36a61edcdf0c7d6aa8352",
}
_COMMIT = "5db857e6f7df11eabb5e5665836db9ec8df07e28"
URLS = {file: f"https://raw.githubusercontent.com/nltk/nltk_data/{_COMMIT}/packages/{file}" for file in SHA256}
SYSTEM = ("/usr/share/nltk_data", "/usr/local/share/nltk_data", "/usr/lib/nltk_data")
ORIGIN = "github.com/nltk/nltk_data; W. N. Francis and H. Kucera, 1964, Brown University"
_MAP = "universal_tagset/en-brown.map"
_OTHER = "X"  # the universal class of what has no other

TAGGED_BROWN = Source(
    name="brown-tagged",
    title="The Brown corpus with word classes",
    licence="non-commercial",
    origin=f"{ORIGIN}; universal classes: S. Petrov, D. Das and R. McDonald, 2012, arXiv:1104.2086",
    loader="reprise.data.brown.load_tagged_brown",
    serves=("word-class-emergence",),
    files=(BROWN, UNIVERSAL),
    folder="nltk",
    sha256=SHA256,
    urls=URLS,
    system=SYSTEM,
    obtain="Set REPRISE_DATA to a folder that holds nltk/corpora/brown.zip and nltk/taggers/universal_tagset.zip, or "
    "connect to the internet.",
)

Sentence = list[tuple[str, str]]


def load_tagged_brown(genres: Collection[str] | None = None, *, universal: bool = True) -> dict[str, list[Sentence]]:
    """Load texts of the Brown corpus as sentences of (word, word class), about 2,300 words and marks each.

    Parameters
    ----------
    genres : such as ``"news"``, ``"hobbies"``, ``"reviews"``; None loads all 15, 500 texts.
    universal : give the twelve universal classes (NOUN, VERB, ADJ, ADV, PRON, DET, ADP, CONJ, NUM, PRT, X and ``"."``)
        instead of the corpus's own 472 tags.

    Returns
    -------
    dict[str, list[list[tuple[str, str]]]]
        File name, such as ``"ca01"``, to sentences.

    Raises
    ------
    MissingDataError
        If a file is not here and cannot be downloaded.
    InvalidInputError
        If the corpus has no such genre.
    DamagedFileError
        If a file cannot be read.
    """
    classes = _universal_classes() if universal else None
    texts = read_brown(TAGGED_BROWN.locate(BROWN), genres)
    return {
        name: [sentence for line in text.splitlines() if (sentence := _pairs(line, classes))]
        for name, text in texts.items()
    }


def read_brown(path: Path, genres: Collection[str] | None = None) -> dict[str, str]:
    """Read the texts of some genres from the corpus's archive, as they are there: pairs of ``word/tag``.

    Raises
    ------
    InvalidInputError
        If the corpus has no such genre.
    DamagedFileError
        If the archive cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            genre_of = dict(line.split() for line in archive.read("brown/cats.txt").decode().splitlines())
            known = set(genre_of.values())
            wanted = known if genres is None else set(genres)
            if unknown := wanted - known:
                raise InvalidInputError(
                    f"The Brown corpus has no genre {min(unknown)!r}; it has {', '.join(sorted(known))}."
                )
            return {name: archive.read(f"brown/{name}").decode() for name, genre in genre_of.items() if genre in wanted}
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as problem:
        raise DamagedFileError(path, str(problem)) from problem


def _universal_classes() -> dict[str, str]:
    path = TAGGED_BROWN.locate(UNIVERSAL)
    try:
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(_MAP).decode().splitlines()
        return dict(line.split("\t") for line in lines if line)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, ValueError) as problem:
        raise DamagedFileError(path, str(problem)) from problem


def _pairs(line: str, classes: dict[str, str] | None) -> Sentence:
    pairs = [(word, tag.upper()) for word, _, tag in (pair.rpartition("/") for pair in line.split())]
    return pairs if classes is None else [(word, classes.get(tag, _OTHER)) for word, tag in pairs]

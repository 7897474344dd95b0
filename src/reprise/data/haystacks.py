"""Long running English text in which something can be hidden: the Brown corpus, and what scikit-learn always has."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError

_BROWN = "corpora/brown.zip"
_COMMIT = "5db857e6f7df11eabb5e5665836db9ec8df07e28"
_DESCRIBED = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")
_MIN_WORDS = 12  # of a paragraph of prose; shorter ones are headings, fields and table rows

NLTK = Source(
    name="nltk",
    title="The Brown corpus",
    licence="non-commercial",
    origin="github.com/nltk/nltk_data; W. N. Francis and H. Kucera, 1964, Brown University",
    loader="reprise.data.haystacks.load_brown",
    serves=("retrieval-heads",),
    files=(_BROWN,),
    sha256={_BROWN: "9b275f9b3b95d7bd66ccfb7cd259f445a13bbe5d1f4107aba09fd3e8364bafa6"},
    urls={_BROWN: f"https://raw.githubusercontent.com/nltk/nltk_data/{_COMMIT}/packages/{_BROWN}"},
    system=("/usr/share/nltk_data", "/usr/local/share/nltk_data", "/usr/lib/nltk_data"),
    obtain="Set REPRISE_DATA to a folder that holds nltk/corpora/brown.zip, or connect to the internet.",
)


def load_brown(genres: Collection[str] | None = None) -> dict[str, str]:
    """Load texts of the Brown corpus as plain text, about 2,000 words each.

    Parameters
    ----------
    genres : such as ``"news"``, ``"hobbies"``, ``"reviews"``; None loads all 15, 500 texts and a million words.

    Returns
    -------
    dict[str, str]
        File name, such as ``"ca01"``, to text; tags are left out, punctuation is set as usual, paragraphs are joined.

    Raises
    ------
    MissingDataError
        If the corpus is not here and cannot be downloaded.
    InvalidInputError
        If the corpus has no such genre.
    DamagedFileError
        If the archive cannot be read.
    """
    path = NLTK.locate(_BROWN)
    try:
        with zipfile.ZipFile(path) as archive:
            genre_of = dict(line.split() for line in archive.read("brown/cats.txt").decode().splitlines())
            known = set(genre_of.values())
            wanted = known if genres is None else set(genres)
            if unknown := wanted - known:
                raise InvalidInputError(
                    f"The Brown corpus has no genre {min(unknown)!r}; it has {', '.join(sorted(known))}."
                )
            return {
                name: plain_text(archive.read(f"brown/{name}").decode())
                for name, genre in genre_of.items()
                if genre in wanted
            }
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as problem:
        raise DamagedFileError(path, str(problem)) from problem


def load_descriptions() -> dict[str, str]:
    """Load the prose of the data-set descriptions that scikit-learn ships, about 1,000 words.

    Examples
    --------
    >>> print(load_descriptions()["iris"][:42])
    The famous Iris database, first used by Si
    """
    from sklearn import datasets

    texts = {}
    for name in _DESCRIBED:
        description = getattr(datasets, f"load_{name}")().DESCR
        paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", description)]
        texts[name] = " ".join(
            paragraph
            for paragraph in paragraphs
            if len(paragraph.split()) >= _MIN_WORDS and paragraph.endswith(".") and "==" not in paragraph
        )
    return texts


def plain_text(tagged: str) -> str:
    """Turn ``word/tag`` pairs into running text.

    Examples
    --------
    >>> plain_text("``/`` Come/vb in/rp ''/'' ,/, he/pps said/vbd (/( twice/rb )/) ./.")
    '"Come in", he said (twice).'
    """
    text = " ".join(pair.rpartition("/")[0] for pair in tagged.split())
    text = re.sub(r"([.;?!:]) \1", r"\1", text)  # the corpus doubles these marks
    text = re.sub(r"(``|\() ", r"\1", text)
    text = re.sub(r" (''|[.,;:?!)])", r"\1", text)
    return text.replace("``", '"').replace("''", '"')

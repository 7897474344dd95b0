"""Long running English text in which something can be hidden: the Brown corpus, and what scikit-learn always has."""

from __future__ import annotations

import re
from collections.abc import Collection

from reprise.data.brown import BROWN, ORIGIN, SHA256, SYSTEM, URLS, read_brown
from reprise.data.sources import Source

_DESCRIBED = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")
_MIN_WORDS = 12  # of a paragraph of prose; shorter ones are headings, fields and table rows

NLTK = Source(
    name="nltk",
    title="The Brown corpus",
    licence="non-commercial",
    origin=ORIGIN,
    loader="reprise.data.haystacks.load_brown",
    serves=("retrieval-heads", "successor-heads"),
    files=(BROWN,),
    sha256={BROWN: SHA256[BROWN]},
    urls={BROWN: URLS[BROWN]},
    system=SYSTEM,
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
    return {name: plain_text(text) for name, text in read_brown(NLTK.locate(BROWN), genres).items()}


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

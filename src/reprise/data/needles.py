"""Needles for needle-in-a-haystack tests: a question, the sentence that answers it, and the answer in it."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError

Collection = Literal["ledger", "pilot"]

_PUBLISHED = "needles.jsonl"
_COMMIT = "3ac171a6f71ce7ef1cda57d4215c390fb6ab51f2"

NEEDLES = Source(
    name="needles",
    title="The needles of the Retrieval Head paper",
    licence="not stated by their repository",
    origin="github.com/nightdessert/Retrieval_Head (Wu et al., 2024), haystack_for_detect/needles.jsonl",
    loader="reprise.data.needles.load_published_needles",
    serves=("retrieval-heads",),
    files=(_PUBLISHED,),
    sha256={_PUBLISHED: "2d973efa88888a6e9ed4eee3affad075b3775e5be3617ac895844cc3cfabf982"},
    urls={
        _PUBLISHED: "https://raw.githubusercontent.com/nightdessert/Retrieval_Head/"
        f"{_COMMIT}/haystack_for_detect/{_PUBLISHED}"
    },
    obtain="Set REPRISE_DATA to a folder that holds needles/needles.jsonl, or connect to the internet.",
)


class NeedleText(NamedTuple):
    """A needle: `answer` lies in `needle` word for word, and `prefix` is how an answer to `question` begins."""

    name: str
    question: str
    needle: str
    answer: str
    prefix: str


@cache
def load_needles(collection: Collection) -> tuple[NeedleText, ...]:
    """Load needles of our own, in which nothing can be known without the text.

    Parameters
    ----------
    collection : ``"ledger"`` (16, on which claims are measured) or ``"pilot"`` (8, on which thresholds were chosen).

    Examples
    --------
    >>> needle = load_needles("pilot")[0]
    >>> print(needle.needle)
    The best thing to do in Odrava is to take the slow train up the hill and drink plum tea beside the ruined tower.
    """
    if collection not in get_args(Collection):
        raise InvalidInputError(f"The collections are {', '.join(get_args(Collection))}; {collection!r} was given.")
    rows = tomllib.loads(files("reprise.data").joinpath("needles.toml").read_text(encoding="utf-8"))[collection]
    return tuple(
        NeedleText(
            row["name"],
            row["question"],
            f"{row['prefix']} {row['answer']}.",
            answer=row["answer"],
            prefix=row["prefix"],
        )
        for row in rows
    )


def load_published_needles() -> tuple[NeedleText, ...]:
    """Load the three needles that the paper's authors published.

    Raises
    ------
    MissingDataError
        If they are not here and cannot be downloaded.
    DamagedFileError
        If a line of the file is not a needle.
    """
    path = NEEDLES.locate(_PUBLISHED)
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(_published(json.loads(line)))
        except (ValueError, KeyError, TypeError) as problem:
            raise DamagedFileError(path, f"line {number} is not a needle ({problem!r})") from problem
    return tuple(found)


def _published(row: dict[str, Any]) -> NeedleText:
    needle, answer = row["needle"], row["real_needle"]
    # One published answer begins with a capital that the sentence has not.
    start = needle.lower().index(answer.lower())
    answer = needle[start : start + len(answer)]
    return NeedleText(
        name=" ".join(needle.split()[:5]),
        question=row["question"],
        needle=needle,
        answer=answer,
        prefix=needle[:start].strip(),
    )

"""Forgiving search over the catalogue: misspellings and abbreviations find the right paper first."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from reprise.catalogue.model import Paper

# How much a match in each field counts; the slug also as one word ("ilasdp").
_SLUG, _TITLE, _AUTHORS, _TASKS, _SUMMARY = 1.0, 0.9, 0.8, 0.7, 0.6
# How much each way of matching a word counts.
_EXACT, _PREFIX, _INSIDE, _ABBREVIATION = 1.0, 0.9, 0.7, 0.6
_MIN_SIMILARITY = 0.75  # difflib ratio below which two words are different words
_MIN_FRAGMENT = 4  # letters that a fragment or misspelling must have to be told from chance
_MIN_ABBREVIATION = 3  # letters that an abbreviation must have
_MAX_VOWELS = 1  # that an abbreviation keeps
_MIN_SHARE = 0.5  # of the best paper's score, below which a paper is left out

_WORD = re.compile(r"[^\W_]+")


def rank(query: str, papers: Sequence[Paper]) -> list[Paper]:
    """Give the papers in which each word of `query` is found, best first.

    A word of the query may be a word of the paper, its beginning ("equi"), a part of it, an abbreviation
    ("avg" for "averaging") or a misspelling of it. Papers that fit far worse than the best one are left out.
    Costs O(words of the query x words of the papers).
    """
    words = _words(query)
    scores = {paper.slug: _score(words, paper) for paper in papers}
    least = _MIN_SHARE * max(scores.values(), default=0.0)
    found = [paper for paper in papers if scores[paper.slug] > 0 and scores[paper.slug] >= least]
    return sorted(found, key=lambda paper: -scores[paper.slug])


def _score(words: Sequence[str], paper: Paper) -> float:
    """Give the mean over the query's words of their best match, or 0 if one of them is not found."""
    index = _index(paper)
    best = [max(weight * _match(word, candidate) for candidate, weight in index.items()) for word in words]
    return sum(best) / len(best) if best and min(best) > 0 else 0.0


@functools.lru_cache(maxsize=1024)
def _index(paper: Paper) -> dict[str, float]:
    """Give each word of the paper with the weight of the best field it stands in."""
    fields = (
        (_SUMMARY, _words(paper.summary)),
        (_TASKS, _words(" ".join(paper.tasks))),
        (_AUTHORS, _words(" ".join(paper.authors))),
        (_TITLE, _words(paper.title)),
        (_SLUG, [*_words(paper.slug), paper.slug.replace("-", "")]),
    )
    return {word: weight for weight, words in fields for word in words}


@functools.lru_cache(maxsize=65536)
def _match(word: str, candidate: str) -> float:
    """Say how well a word of the query fits a word of the paper, from 0 to 1."""
    if word == candidate:
        return _EXACT
    if candidate.startswith(word):
        return _PREFIX
    if len(word) >= _MIN_FRAGMENT:
        if word in candidate:
            return _INSIDE
        similarity = _similarity(word, candidate)
        if similarity >= _MIN_SIMILARITY:
            return similarity * _PREFIX
    return _ABBREVIATION if _abbreviates(word, candidate) else 0.0


def _similarity(word: str, candidate: str) -> float:
    """Give difflib's ratio of two words, or 0 where their first letters differ or it is too low to matter."""
    matcher = SequenceMatcher(None, word, candidate, autojunk=False)
    if word[0] != candidate[0] or min(matcher.real_quick_ratio(), matcher.quick_ratio()) < _MIN_SIMILARITY:
        return 0.0
    return matcher.ratio()


def _abbreviates(word: str, candidate: str) -> bool:
    """Say whether `word`, mostly consonants, has its letters in `candidate` in this order, the first one first."""
    rest = iter(candidate)
    plausible = len(word) >= _MIN_ABBREVIATION and sum(letter in "aeiou" for letter in word) <= _MAX_VOWELS
    return plausible and word[0] == candidate[0] and all(letter in rest for letter in word)


def _words(text: str) -> list[str]:
    """Split a text into its words, without case and accents."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter))
    return _WORD.findall("".join(letters))

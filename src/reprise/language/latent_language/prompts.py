"""Few-shot prompts whose answer is one word in a known language: translation, repetition and cloze.

Each ends with the quotation mark that opens the answer, with no space after it, so that the next token is the first of
the answer.

References
----------
C. Wendler, V. Veselovsky, G. Monea and R. West (2024), arXiv:2402.10588; official code:
github.com/epfl-dlab/llm-latent-language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reprise.errors import InvalidInputError

Lexicon = Mapping[str, Sequence[str]]
"""Language code to words; place `i` is the same concept in every language."""

LANGUAGE_NAMES: dict[str, str] = {
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "it": "Italiano",
    "ja": "日本語",
    "nl": "Nederlands",
    "pt": "Português",
    "ru": "Русский",
    "zh": "中文",
}
"""What a language calls itself, as prompts do; other languages go by their code."""

N_SHOTS = 4  # as in both papers
MASK = "___"


@dataclass(frozen=True)
class Prompt:
    """A prompt, and the word that it asks for in each language.

    Parameters
    ----------
    text : ends with the quotation mark that opens the answer.
    words : language to the word asked for.
    source, target : languages of the question and of the answer.
    concept : its place in the lexicon.

    Examples
    --------
    >>> prompt = Prompt('Français: "soleil" - Deutsch: "', {"fr": "soleil", "de": "Sonne"}, "fr", "de", concept=1)
    >>> prompt.words[prompt.target]
    'Sonne'
    """

    text: str
    words: Mapping[str, str]
    source: str
    target: str
    concept: int


def translation_prompts(
    lexicon: Lexicon,
    source: str,
    target: str,
    n_shots: int = N_SHOTS,
    random_state: int = 0,
    *,
    queries: Sequence[int] | None = None,
    shots: Sequence[int] | None = None,
    opening: str = "",
) -> list[Prompt]:
    """Ask for the translation of each word, after examples: ``Français: "nuage" - Deutsch: "Wolke"``.

    Parameters
    ----------
    lexicon : parallel words.
    source, target : languages; equal ones ask for the same word again.
    n_shots : examples before the question; never of the concept asked for, nor of a word that is the same in the target
        language.
    random_state : seed of the choice of examples, drawn anew for each question.
    queries, shots : places of the words to ask for, and of those that may serve as examples; all by default.
    opening : text before the first example, such as the token between documents where the tokenizer puts none.

    Raises
    ------
    InvalidInputError
        If a language is not in the lexicon, columns differ in length, or there are too few words.

    Examples
    --------
    >>> lexicon = {"en": ["cloud", "sun"], "fr": ["nuage", "soleil"], "de": ["Wolke", "Sonne"]}
    >>> prompt = translation_prompts(lexicon, "fr", "de", n_shots=1)[1]
    >>> print(prompt.text)
    Français: "nuage" - Deutsch: "Wolke"
    Français: "soleil" - Deutsch: "
    >>> prompt.words["en"]
    'sun'
    """
    check_lexicon(lexicon, (source, target))
    names = [LANGUAGE_NAMES.get(language, language) for language in (source, target)]

    def line(concept: int) -> str:
        return f'{names[0]}: "{lexicon[source][concept]}" - {names[1]}: "'

    solved = [f'{line(concept)}{word}"' for concept, word in enumerate(lexicon[target])]
    asked = [line(concept) for concept in range(len(solved))]
    return _prompts(lexicon, solved, asked, source, target, n_shots, random_state, queries, shots, opening)


def repetition_prompts(
    lexicon: Lexicon, language: str, n_shots: int = N_SHOTS, random_state: int = 0, **settings: object
) -> list[Prompt]:
    """Ask for each word again in its own language; see `translation_prompts`, which takes the same settings.

    Examples
    --------
    >>> print(repetition_prompts({"fr": ["nuage", "soleil"]}, "fr", n_shots=1)[1].text)
    Français: "nuage" - Français: "nuage"
    Français: "soleil" - Français: "
    """
    return translation_prompts(lexicon, language, language, n_shots, random_state, **settings)  # type: ignore[arg-type]


def cloze_prompts(
    lexicon: Lexicon,
    sentences: Lexicon,
    language: str,
    n_shots: int = 2,
    random_state: int = 0,
    *,
    queries: Sequence[int] | None = None,
    shots: Sequence[int] | None = None,
    opening: str = "",
) -> list[Prompt]:
    """Ask for the word that a sentence describes, as in ``A "___" is used to read stories. Answer: "book"``.

    Parameters
    ----------
    lexicon : parallel words.
    sentences : for each language one sentence a word, with ``___`` in the word's place and the answer in quotation
        marks at its end. Where it is empty, or its answer is not the lexicon's word, the word is neither asked for nor
        an example.
    language : of sentences and answers.
    n_shots, random_state, queries, shots, opening : as in `translation_prompts`.

    Examples
    --------
    >>> lexicon = {"en": ["book", "cup"]}
    >>> sentences = {"en": ['A "___" is read. Answer: "book".', 'A "___" holds tea. Answer: "cup".']}
    >>> print(cloze_prompts(lexicon, sentences, "en", n_shots=1)[0].text)
    A "___" holds tea. Answer: "cup".
    A "___" is read. Answer: "
    """
    check_lexicon(lexicon, (language,))
    check_lexicon(sentences, (language,))
    words, described = lexicon[language], sentences[language]
    if len(words) != len(described):
        raise InvalidInputError(f"There are {len(words)} words and {len(described)} sentences; one a word is expected.")
    cuts = [text.rfind(f'"{word}"') if MASK in text else -1 for word, text in zip(words, described, strict=True)]
    usable = [concept for concept, cut in enumerate(cuts) if cut >= 0]
    asked = [text[: cut + 1] for text, cut in zip(described, cuts, strict=True)]
    chosen, examples = (
        usable if places is None else [place for place in places if cuts[place] >= 0] for places in (queries, shots)
    )
    return _prompts(
        lexicon, list(described), asked, language, language, n_shots, random_state, chosen, examples, opening
    )


def check_lexicon(lexicon: Lexicon, languages: Sequence[str]) -> None:
    """Raise `InvalidInputError` unless the lexicon has these languages, and as many words in each language."""
    for language in languages:
        if language not in lexicon:
            raise InvalidInputError(f"The lexicon has no language {language!r}; it has {', '.join(sorted(lexicon))}.")
    lengths = {language: len(words) for language, words in lexicon.items()}
    if len(set(lengths.values())) > 1 or not all(lengths.values()):
        raise InvalidInputError(f"Parallel words are expected, as many in each language; there are {lengths}.")


def _prompts(
    lexicon: Lexicon,
    solved: Sequence[str],
    asked: Sequence[str],
    source: str,
    target: str,
    n_shots: int,
    random_state: int,
    queries: Sequence[int] | None,
    shots: Sequence[int] | None,
    opening: str,
) -> list[Prompt]:
    concepts = range(len(solved))
    queries, shots = (list(concepts) if places is None else list(places) for places in (queries, shots))
    if not queries:
        raise InvalidInputError("There is no word to ask for; at least one is expected.")
    if outside := [place for place in (*queries, *shots) if place not in concepts]:
        raise InvalidInputError(f"Place {outside[0]} is outside the lexicon, which has {len(solved)} words.")
    rng, prompts = np.random.default_rng(random_state), []
    for concept in queries:
        answer = lexicon[target][concept]
        others = [place for place in shots if place != concept and lexicon[target][place] != answer]
        if n_shots < 0 or len(others) < n_shots:
            raise InvalidInputError(
                f"{n_shots} examples were asked for; there are {len(others)} words to take them from."
            )
        examples = [solved[place] for place in rng.choice(others, n_shots, replace=False)] if n_shots else []
        words = {language: column[concept] for language, column in lexicon.items()}
        prompts.append(Prompt(opening + "\n".join([*examples, asked[concept]]), words, source, target, concept))
    return prompts

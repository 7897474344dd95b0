"""Which tokens stand for a word in a language: those that can begin it, found by encoding with the model's tokenizer.

References
----------
C. Wendler, V. Veselovsky, G. Monea and R. West (2024), arXiv:2402.10588, and its official code, whose filters these
are; C. Zhong et al. (2024), arXiv:2408.10811.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from reprise.errors import InvalidInputError
from reprise.language.latent_language.prompts import Prompt
from reprise.language.model import LanguageModel

MIN_CHARS = 2
MAX_SKIPPED = 0.5

NO_TOKEN = "no token begins the word"
SHARED = "a token begins the word in the target language and in another"
ASKED = "a token begins the word in the question's language and in another that may be latent"
INSIDE = "the word is inside that of the target language"

_ANCHOR = '"'  # prompts end with it
_INCOMPLETE = "\ufffd"  # what an incomplete sequence of bytes decodes to


@dataclass(frozen=True)
class TokenSets:
    """The prompts whose languages can be told apart, with their tokens.

    Parameters
    ----------
    prompts : those kept.
    ids : language to the token ids of each prompt's word in it.
    skipped : reason to number of prompts that were left out for it.

    Examples
    --------
    >>> prompt = Prompt('Français: "', {"en": "sun", "fr": "soleil"}, "fr", "fr", concept=0)
    >>> sets = TokenSets((prompt,), {"en": [[5]], "fr": [[7, 8]]}, {SHARED: 1})
    >>> sets.ids["fr"][0]  # two tokens may begin the word
    [7, 8]
    """

    prompts: tuple[Prompt, ...]
    ids: Mapping[str, Sequence[Sequence[int]]]
    skipped: Mapping[str, int]


def language_token_ids(
    model: LanguageModel, word: str, *, min_chars: int = MIN_CHARS, spaces: bool = True
) -> list[int]:
    """Give the tokens that are prefixes of a word, and its first token where that is a part of a character.

    Each prefix is encoded; those that are one token count. Nothing is assumed about how the tokenizer marks spaces.

    Parameters
    ----------
    model : only its tokenizer is used.
    word : in any script.
    min_chars : shorter prefixes do not count in the Latin script, where one letter begins words of every language.
    spaces : whether tokens with a space before the word count too.

    Raises
    ------
    InvalidInputError
        If the word is empty.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("a cloud and clouds"))
    >>> model.decode(language_token_ids(model, "clouds"))
    'cloud clouds'
    """
    if not word.strip() or min_chars < 1:
        raise InvalidInputError(f"A word and min_chars of at least 1 are expected; {word!r}, {min_chars} were given.")
    tokenizer, special = model.tokenizer, set(model.tokenizer.all_special_ids)
    prefixes = [word[:end] for end in range(1, len(word) + 1) if end >= min_chars or not _is_latin(word[:end])]
    texts = [_ANCHOR, _ANCHOR + word, *(_ANCHOR + prefix for prefix in prefixes)]
    if spaces:
        texts += [f"{_ANCHOR} {word}", *prefixes, *(" " + prefix for prefix in prefixes)]
    encoded = iter(tokenizer(texts, add_special_tokens=False)["input_ids"])
    anchor, whole = next(encoded), [next(encoded)]
    pieces = [(prefix, _after(anchor, next(encoded))) for prefix in prefixes]
    if spaces:
        whole.append(next(encoded))
        pieces += [(prefix, next(encoded)) for prefix in (*prefixes, *prefixes)]
    found = {
        ids[0]: None
        for prefix, ids in pieces
        if len(ids) == 1 and ids[0] not in special and str(tokenizer.decode(ids)).strip() == prefix
    }
    firsts = [ids[:1] for ids in (_after(anchor, row) for row in whole) if ids]
    return sorted(found | {ids[0]: None for ids in firsts if _INCOMPLETE in tokenizer.decode(ids)})


def token_sets(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    languages: Sequence[str],
    *,
    min_chars: int = MIN_CHARS,
    max_skipped: float = MAX_SKIPPED,
) -> TokenSets:
    """Find the tokens of each prompt's word in several languages, and leave out prompts that they do not tell apart.

    A prompt is left out if the word has no token in one of the languages, if a token begins it both in the target
    language and in another, or if the word of another language is inside that of the target language. It is also left
    out if a token begins the word both in the question's language and in another that may be latent: what looks like
    English "site" would be the French one, copied. (The official code keeps such words.) A token that begins the word
    in two languages other than the target counts for neither.

    Parameters
    ----------
    model : only its tokenizer is used.
    prompts : with one target language.
    languages : those to tell apart, the target language among them.
    min_chars : see `language_token_ids`.
    max_skipped : the largest share of prompts that may be left out.

    Raises
    ------
    InvalidInputError
        If a language is unknown, or more prompts than `max_skipped` are left out; the message counts them by reason.

    Examples
    --------
    >>> from reprise.language.latent_language import repetition_prompts
    >>> from reprise.models.tiny import tiny_language_model
    >>> model = LanguageModel(*tiny_language_model("cloud table nuage"))
    >>> prompts = repetition_prompts({"en": ["cloud", "table"], "fr": ["nuage", "table"]}, "fr", n_shots=0)
    >>> sets = token_sets(model, prompts, ["en", "fr"])
    >>> sets.skipped, model.decode(sets.ids["en"][0])
    ({'the word is inside that of the target language': 1}, 'cloud')
    """
    if len({prompt.target for prompt in prompts}) != 1:
        raise InvalidInputError("Prompts with one target language are expected, at least one of them.")
    target = prompts[0].target
    if len(set(languages)) != len(languages) or target not in languages or len(languages) < 2:
        raise InvalidInputError(
            f"Two or more different languages with the target language {target!r} among them are expected; "
            f"{tuple(languages)} was given."
        )
    if unknown := {language for language in languages for prompt in prompts if language not in prompt.words}:
        raise InvalidInputError(f"The prompts' lexicon has no language {min(unknown)!r}.")
    skipped: Counter[str] = Counter()
    kept, ids = [], []
    for prompt in prompts:
        asked = dict.fromkeys([*languages, prompt.source])
        tokens = {language: _token_set(model, prompt.words[language], min_chars) for language in asked}
        question = tokens[prompt.source] if prompt.source in languages else tokens.pop(prompt.source)
        reason = _reason(prompt, tokens, question) or _without_shared(tokens, target)
        if reason:
            skipped[reason] += 1
        else:
            kept.append(prompt)
            ids.append(tokens)
    if len(kept) < (1 - max_skipped) * len(prompts) or not kept:
        counts = "; ".join(f"{reason}: {count}" for reason, count in skipped.items())
        raise InvalidInputError(
            f"{len(prompts) - len(kept)} of {len(prompts)} prompts were left out, more than a share of {max_skipped} "
            f"({counts})."
        )
    return TokenSets(
        tuple(kept), {language: [sorted(tokens[language]) for tokens in ids] for language in languages}, dict(skipped)
    )


def _token_set(model: LanguageModel, word: str, min_chars: int) -> set[int]:
    return set(language_token_ids(model, word, min_chars=min_chars)) if word.strip() else set()


def _reason(prompt: Prompt, tokens: Mapping[str, set[int]], question: set[int]) -> str | None:
    others = [language for language in tokens if language != prompt.target]
    if not all(tokens.values()):
        return NO_TOKEN
    answer = prompt.words[prompt.target].casefold()
    if any(prompt.words[language].casefold() in answer for language in others):
        return INSIDE
    if any(tokens[language] & tokens[prompt.target] for language in others):
        return SHARED
    return ASKED if any(tokens[language] & question for language in others if language != prompt.source) else None


def _without_shared(tokens: dict[str, set[int]], target: str) -> str | None:
    """Take tokens of two latent languages from both."""
    others = [language for language in tokens if language != target]
    shared = set[int]().union(*(tokens[a] & tokens[b] for a, b in combinations(others, 2)))
    for language in others:
        tokens[language] -= shared
    return None if all(tokens.values()) else NO_TOKEN


def _after(anchor: list[int], ids: list[int]) -> list[int]:
    """Give what follows the anchor; nothing where the tokenizer joins the two."""
    return ids[len(anchor) :] if ids[: len(anchor)] == anchor else []


def _is_latin(text: str) -> bool:
    return all(unicodedata.name(character, "").startswith("LATIN") for character in text)

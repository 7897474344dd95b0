"""Prompts that a word's successor continues: lists made for it, and places in running text.

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024), arXiv:2312.09230.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reprise.errors import InvalidInputError
from reprise.language.model import LanguageModel
from reprise.language.successor_heads.lists import OrdinalList


@dataclass(frozen=True)
class SuccessionPrompt:
    """A text whose next token is the successor of a word in it.

    Parameters
    ----------
    ids : the text, as tokens.
    answer : the next token.
    candidates : the tokens of the list, the answer among them.
    list : its name.

    Examples
    --------
    >>> prompt = SuccessionPrompt(ids=(1, 3, 4, 5, 4), answer=6, candidates=(3, 5, 6, 7), list="counting")
    >>> prompt.candidates.index(prompt.answer)
    2
    """

    ids: tuple[int, ...]
    answer: int
    candidates: tuple[int, ...]
    list: str


def succession_prompts(
    model: LanguageModel,
    lists: Mapping[str, OrdinalList],
    n_shots: int = 3,
    separator: str | Sequence[int] = ",",
) -> list[SuccessionPrompt]:
    """Write ``" Monday, Tuesday, Wednesday,"`` and the like, every run of `n_shots` words that has a successor.

    Each begins with the model's beginning-of-text token, if it has one.

    Parameters
    ----------
    model : the language model.
    lists : from `ordinal_lists`.
    n_shots : words given.
    separator : written after each word; a text, or tokens.

    Raises
    ------
    InvalidInputError
        If `n_shots` is below 1, or no list has a run of ``n_shots + 1`` words that are single tokens.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("one , two three four five"))
    >>> lists = {"counting": OrdinalList.of_ids([3, 5, 6, 7, 8])}
    >>> [(lm.decode(prompt.ids), lm.decode([prompt.answer])) for prompt in succession_prompts(lm, lists, 2)]
    [('one , two ,', 'three'), ('two , three ,', 'four'), ('three , four ,', 'five')]
    """
    if n_shots < 1:
        raise InvalidInputError(f"n_shots is {n_shots}; at least one word must be given.")
    mark = model.encode(separator, special=False) if isinstance(separator, str) else list(separator)
    start = model.model.config.get_text_config(decoder=True).bos_token_id
    begin = [] if start is None else [start]
    prompts = []
    for name, each in lists.items():
        following = dict(each.pairs())
        for first in range(len(each)):
            run = [first]
            while len(run) <= n_shots and run[-1] in following:
                run.append(following[run[-1]])
            if len(run) > n_shots:
                *given, answer = (each.ids[place] for place in run)
                text = [token for word in given for token in (word, *mark)]
                prompts.append(SuccessionPrompt((*begin, *text), answer, each.ids, name))
    if not prompts:
        raise InvalidInputError(f"No list has {n_shots + 1} words on end that are single tokens.")
    return prompts


def natural_successions(
    ids: Sequence[int], lists: Mapping[str, OrdinalList], *, window: int = 32, context: int = 128
) -> list[SuccessionPrompt]:
    """Find the places of a text where it goes on with the successor of a word read shortly before.

    Those are left out where the successor itself stands in the window, so that it might be copied from there.

    Parameters
    ----------
    ids : a text, as long as there is; cost is linear in its length.
    lists : from `ordinal_lists`.
    window : tokens before a place in which the word must stand.
    context : tokens of the text that a prompt keeps, at most.

    Raises
    ------
    InvalidInputError
        If `window` is below 1, or above `context`.

    Examples
    --------
    >>> text = [50, 7, 60, 61, 5, 62, 5, 9]
    >>> found = natural_successions(text, {"three": OrdinalList.of_ids([7, 5, 9])})
    >>> [(prompt.ids, prompt.answer) for prompt in found]
    [((50, 7, 60, 61), 5), ((50, 7, 60, 61, 5, 62, 5), 9)]
    """
    if not 1 <= window <= context:
        raise InvalidInputError(f"window is {window} and context {context}; 1 <= window <= context is expected.")
    before: dict[int, list[tuple[int, str]]] = {}
    for name, each in lists.items():
        for word, successor in each.pairs():
            before.setdefault(each.ids[successor], []).append((each.ids[word], name))
    found = []
    for place, token in enumerate(ids):
        recent = ids[max(0, place - window) : place]
        if token not in before or token in recent:
            continue
        of_list = next((name for word, name in before[token] if word in recent), None)
        if of_list is not None:
            text = tuple(map(int, ids[max(0, place - context) : place]))
            found.append(SuccessionPrompt(text, int(token), lists[of_list].ids, of_list))
    return found

"""Words with a natural order, as the single tokens in which a model reads and writes them.

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024), arXiv:2312.09230.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import TYPE_CHECKING

import pandas as pd

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.language.model import LanguageModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MIN_TOKENS = 3


@dataclass(frozen=True)
class Ordinals:
    """Words in their order.

    Parameters
    ----------
    words : from the first to the last.
    cyclic : whether the first follows the last, as Monday follows Sunday.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> seasons = Ordinals(("spring", "summer", "autumn", "winter"), cyclic=True)
    >>> _, tokenizer = tiny_language_model("spring summer autumn winter")
    >>> ordinal_lists(tokenizer, {"seasons": seasons})["seasons"].pairs()
    ((0, 1), (1, 2), (2, 3), (3, 0))
    """

    words: tuple[str, ...]
    cyclic: bool = False


def _ordered(words: str, *, cyclic: bool = False) -> Ordinals:
    return Ordinals(tuple(words.split()), cyclic)


DEFAULT_LISTS: dict[str, Ordinals] = {
    "numbers": Ordinals(tuple(map(str, range(1, 201)))),
    "number words": _ordered(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty"
    ),
    "ordinals": _ordered("first second third fourth fifth sixth seventh eighth ninth tenth"),
    "days": _ordered("Monday Tuesday Wednesday Thursday Friday Saturday Sunday", cyclic=True),
    "months": _ordered(
        "January February March April May June July August September October November December", cyclic=True
    ),
    "short days": _ordered("Mon Tue Wed Thu Fri Sat Sun", cyclic=True),
    "short months": _ordered("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", cyclic=True),
    "letters": Ordinals(tuple(ascii_uppercase)),
    "Roman numerals": _ordered("I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX"),
}
"""The paper's lists; of the numbers those stay that the tokenizer keeps whole."""


@dataclass(frozen=True)
class OrdinalList:
    """One list of words in their order, each a single token, all with a leading space or all without.

    Parameters
    ----------
    ids : the tokens, in their order.
    words : what they say, without the space.
    ranks : the place of each in the whole list, from 1 on: 3 for Wednesday.
    size : of the whole list.
    cyclic : whether the first follows the last.
    spaced : whether the tokens begin with a space.
    missing : words of the list that are no single token.

    Raises
    ------
    InvalidInputError
        If fewer than three tokens are left, or lengths differ.
    """

    ids: tuple[int, ...]
    words: tuple[str, ...]
    ranks: tuple[int, ...]
    size: int
    cyclic: bool = False
    spaced: bool = False
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.words) == len(self.ranks):
            raise InvalidInputError(
                f"A list has {len(self.ids)} tokens, {len(self.words)} words and {len(self.ranks)} ranks; "
                "as many of each are expected."
            )
        if len(self.ids) < MIN_TOKENS:
            raise InvalidInputError(
                f"Only {len(self.ids)} words of a list are single tokens ({', '.join(self.words) or 'none'}); "
                f"at least {MIN_TOKENS} are expected."
            )

    @classmethod
    def of_ids(cls, ids: Sequence[int], *, cyclic: bool = False) -> OrdinalList:
        """Make a list of token ids that stand in their order.

        Examples
        --------
        >>> OrdinalList.of_ids([7, 5, 9], cyclic=True).pairs()
        ((0, 1), (1, 2), (2, 0))
        """
        ids = tuple(map(int, ids))
        return cls(ids, tuple(map(str, ids)), tuple(range(1, len(ids) + 1)), len(ids), cyclic)

    def __len__(self) -> int:
        return len(self.ids)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Give the places in `ids` of each word and its successor, where both are single tokens.

        A whole list of n words has ``n - 1`` pairs, or n if it is cyclic.
        """
        place = {rank: index for index, rank in enumerate(self.ranks)}
        following = ((index, rank % self.size + 1 if self.cyclic else rank + 1) for rank, index in place.items())
        return tuple((index, place[successor]) for index, successor in following if successor in place)


@dataclass(frozen=True)
class OrdinalLists(Mapping[str, OrdinalList]):
    """Lists by name; ``"days"`` has no leading spaces, ``"days, spaced"`` has.

    Parameters
    ----------
    lists : the lists.
    left_out : what was left out because fewer than three of its words are single tokens, and how many are.

    Examples
    --------
    >>> lists = OrdinalLists({"counting": OrdinalList.of_ids([7, 5, 9])}, left_out={"letters": 2})
    >>> list(lists), lists["counting"].pairs()
    (['counting'], ((0, 1), (1, 2)))
    """

    lists: Mapping[str, OrdinalList]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> OrdinalList:
        if name not in self.lists:
            raise UnknownNameError("ordinal list", name, self.lists)
        return self.lists[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.lists)

    def __len__(self) -> int:
        return len(self.lists)

    def sizes(self) -> pd.DataFrame:
        """Give for each list how many of its words are single tokens, and how many of them have a successor there."""
        rows = [(name, each.size, len(each), len(each.pairs())) for name, each in self.lists.items()]
        return pd.DataFrame(rows, columns=["list", "words", "tokens", "pairs"]).set_index("list")


def ordinal_lists(
    model: LanguageModel | PreTrainedTokenizerBase,
    lists: str | Collection[str] | Mapping[str, Ordinals | Sequence[str]] = "default",
    spaces: Collection[bool] = (True, False),
) -> OrdinalLists:
    """Find the words of ordered lists that are single tokens.

    Parameters
    ----------
    model : a handle with a tokenizer, or the tokenizer.
    lists : ``"default"`` for all of `DEFAULT_LISTS`, names of some of them, or lists of your own by name (as
        `Ordinals`, or as sequences of words that are not cyclic).
    spaces : whether to look for words with a leading space, without, or both, which gives two lists.

    Returns
    -------
    OrdinalLists
        A tokenizer that treats both forms alike gives one list. Of the default lists those are left out, and named in
        `left_out`, that have fewer than three single tokens.

    Raises
    ------
    InvalidInputError
        If a list that was asked for has fewer than three single tokens in every form, or repeats a word.
    UnknownNameError
        If there is no list of a name.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> _, tokenizer = tiny_language_model("Monday Tuesday Wednesday Thursday Friday Saturday Sunday one two three")
    >>> ordinal_lists(tokenizer, ["days", "number words"]).sizes()
                  words  tokens  pairs
    list
    days              7       7      7
    number words     20       3      2
    """
    tokenizer = model.tokenizer if isinstance(model, LanguageModel) else model
    chosen = _chosen(lists)
    if not chosen or not spaces:
        raise InvalidInputError("No list of words, or no form of them, was asked for; at least one is expected.")
    found: dict[str, OrdinalList] = {}
    left_out: dict[str, int] = {}
    for name, ordinals in chosen.items():
        forms: set[tuple[int, ...]] = set()
        for spaced in sorted(set(spaces)):
            tokens = _single_tokens(tokenizer, ordinals.words, spaced)
            ids = tuple(tokens.values())
            if ids in forms:
                continue
            forms.add(ids)
            title = f"{name}, spaced" if spaced else name
            if len(ids) < MIN_TOKENS:
                left_out[title] = len(ids)
                continue
            found[title] = OrdinalList(
                ids,
                tuple(tokens),
                tuple(rank for rank, word in enumerate(ordinals.words, 1) if word in tokens),
                len(ordinals.words),
                ordinals.cyclic,
                spaced,
                tuple(word for word in ordinals.words if word not in tokens),
            )
        if lists != "default" and not {name, f"{name}, spaced"} & found.keys():
            most = max(left_out.get(title, 0) for title in (name, f"{name}, spaced"))
            raise InvalidInputError(
                f"Only {most} of the {len(ordinals.words)} words of {name!r} are single tokens of this tokenizer; "
                f"at least {MIN_TOKENS} are expected."
            )
    if not found:
        raise InvalidInputError("This tokenizer has no list of which three words are single tokens.")
    return OrdinalLists(found, left_out)


def _chosen(lists: str | Collection[str] | Mapping[str, Ordinals | Sequence[str]]) -> dict[str, Ordinals]:
    if isinstance(lists, str):
        if lists == "default":
            return DEFAULT_LISTS
        lists = [lists]
    if not isinstance(lists, Mapping):
        for name in lists:
            if name not in DEFAULT_LISTS:
                raise UnknownNameError("ordinal list", name, DEFAULT_LISTS)
        return {name: DEFAULT_LISTS[name] for name in lists}
    chosen = {name: each if isinstance(each, Ordinals) else Ordinals(tuple(each)) for name, each in lists.items()}
    for name, each in chosen.items():
        if len(set(each.words)) < len(each.words):
            raise InvalidInputError(f"The list {name!r} repeats a word; each is expected once.")
    return chosen


def _single_tokens(tokenizer: PreTrainedTokenizerBase, words: Sequence[str], spaced: bool) -> dict[str, int]:
    """Give the token of each word that is one."""
    found = {}
    for word in words:
        ids = tokenizer.encode(f" {word}" if spaced else word, add_special_tokens=False)
        if len(ids) == 1 and ids[0] != tokenizer.unk_token_id:
            found[word] = int(ids[0])
    return found

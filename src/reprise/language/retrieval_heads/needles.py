"""Needle-in-a-haystack prompts, built from token lists so that the place of the answer is exact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from reprise.errors import InvalidInputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Template = Literal["auto", "plain", "chat"]

_QUESTION = "\nBased on the content of the book, Question: {question}\nAnswer:"
_BOOK = "\N{OPEN BOX}book goes here\N{OPEN BOX}"  # stands for the text while the chat template is filled in
_ANCHOR = "a"
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+")


@dataclass(frozen=True)
class Needle:
    """A sentence to hide, the question that it answers, and the answer in it.

    Parameters
    ----------
    question : asked after the text.
    needle : the sentence; it should make no sense in the haystack, and nobody should know it without.
    answer : what is to be copied, word for word as it stands in `needle`. The copied span is that of the answer, as in
        the authors' code.
    prefix : the beginning of the model's answer, forced; a small model needs it. Empty leaves the model free.
    name : for people.

    Raises
    ------
    InvalidInputError
        If a text is empty, or `needle` does not contain `answer`.

    Examples
    --------
    >>> Needle("Where is the key?", "The key lies under the boat.", "under the boat", prefix="The key lies").answer
    'under the boat'
    """

    question: str
    needle: str
    answer: str
    prefix: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if not self.question.strip() or not self.answer.strip():
            raise InvalidInputError("A needle needs a question and an answer; one of them is empty.")
        if self.answer != self.answer.strip() or self.answer not in self.needle:
            raise InvalidInputError(f"The answer {self.answer!r} does not stand in the needle {self.needle!r}.")


@dataclass(frozen=True)
class NeedleSample:
    """A prompt in which an answer is hidden.

    Parameters
    ----------
    ids : token ids of the prompt.
    start, end : ``ids[start:end]`` is the answer, and nothing else.
    answer : what a right response says.
    needle : what was hidden.
    length, depth : tokens of the text with the needle, and where in it (0 to 1) the needle was to be put.

    Examples
    --------
    >>> needle = Needle("Where is the key?", "The key lies under the boat.", "under the boat")
    >>> NeedleSample((7, 8, 9, 3, 4), 1, 3, needle.answer, needle, length=4, depth=0.5).answer_ids
    (8, 9)
    """

    ids: tuple[int, ...]
    start: int
    end: int
    answer: str
    needle: Needle
    length: int
    depth: float

    @property
    def answer_ids(self) -> tuple[int, ...]:
        """The answer's tokens, which are also the tokens of the right response."""
        return self.ids[self.start : self.end]


@dataclass(frozen=True)
class NeedleTask:
    """Hides needles in a text and asks for them.

    Parameters
    ----------
    haystack : running text; white space is collapsed.
    needles : what to hide, one a prompt.
    template : ``"plain"`` puts the question behind the text; ``"chat"`` sends both as a user's message, the text
        between ``<book>`` and ``</book>``; ``"auto"`` chats if the tokenizer has a chat template.

    Raises
    ------
    InvalidInputError
        If there is no needle, or the haystack is empty.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> text = "It rained all day. Nobody came. The dog slept."
    >>> needle = Needle("Where is the key?", "The key lies under the boat.", "under the boat")
    >>> _, tokenizer = tiny_language_model(f"{text} {needle.needle}")
    >>> sample = NeedleTask(text, [needle]).build(tokenizer, length=18, depth=0.8)
    >>> tokenizer.decode(sample.ids[:18])
    '<s> It rained all day . Nobody came . The key lies under the boat . The dog'
    >>> tokenizer.decode(sample.ids[sample.start : sample.end])
    'under the boat'
    """

    haystack: str
    needles: Sequence[Needle]
    template: Template = "auto"

    def __post_init__(self) -> None:
        if not self.needles:
            raise InvalidInputError("A needle task needs at least one needle.")
        if not self.haystack.strip():
            raise InvalidInputError("The haystack is empty; running text is expected.")
        if self.template not in get_args(Template):
            raise InvalidInputError(
                f"`template` is one of {', '.join(get_args(Template))}; {self.template!r} was given."
            )

    @cached_property
    def sentences(self) -> list[str]:
        """The haystack's sentences, after whose ends needles may be put."""
        return _SENTENCE_END.sub(lambda end: end.group().rstrip() + "\n", " ".join(self.haystack.split())).split("\n")

    def build(
        self,
        tokenizer: PreTrainedTokenizerBase,
        length: int,
        depth: float,
        *,
        needle: int = 0,
        skip: float = 0.0,
    ) -> NeedleSample:
        """Build one prompt.

        Parameters
        ----------
        tokenizer : of the model that is to be asked.
        length : tokens of the text with the needle; the question comes on top.
        depth : 0 puts the needle first, 1 last, otherwise behind the last sentence that ends before that share.
        needle : index of the needle.
        skip : share of the haystack after which the text begins, at the next sentence (what follows must suffice).

        Raises
        ------
        InvalidInputError
            If the needle alone is longer than `length`, the haystack is too short, or `depth` or `skip` is out of
            range.
        """
        if not 0 <= depth <= 1:
            raise InvalidInputError(f"`depth` is a share of the text, 0 to 1; {depth} was given.")
        if not 0 <= skip < 1:
            raise InvalidInputError(f"`skip` is a share of the haystack, from 0 to below 1; {skip} was given.")
        hidden = self.needles[needle]
        pieces = _Pieces(tokenizer)
        before, _, after = hidden.needle.partition(hidden.answer)
        opening, answer, closing = pieces.after_space(before), pieces.after_space(hidden.answer), pieces.glued(after)
        room = length - len(opening) - len(answer) - len(closing)
        if room < 0:
            raise InvalidInputError(
                f"The needle has {length - room} tokens and does not fit into a length of {length}."
            )
        text, ends = self._text(pieces, room, skip)
        place = room if depth == 1 else int(ends[ends <= depth * room].max(initial=0))
        head, tail = self._frame(tokenizer, pieces, hidden)
        start = len(head) + place + len(opening)
        ids = [*head, *text[:place], *opening, *answer, *closing, *text[place:], *tail]
        return NeedleSample(tuple(ids), start, start + len(answer), hidden.answer, hidden, length, depth)

    def grid(
        self, tokenizer: PreTrainedTokenizerBase, lengths: Iterable[int], depths: Iterable[float], *, skip: float = 0.0
    ) -> list[NeedleSample]:
        """Build a prompt for every needle, length and depth."""
        depths = list(depths)
        return [
            self.build(tokenizer, length, depth, needle=needle, skip=skip)
            for length in lengths
            for needle in range(len(self.needles))
            for depth in depths
        ]

    def _text(self, pieces: _Pieces, room: int, skip: float) -> tuple[list[int], np.ndarray]:
        """Give `room` tokens of the haystack and where its sentences end among them."""
        ids: list[int] = []
        ends = [0]
        for sentence in self.sentences[int(skip * len(self.sentences)) :]:
            if len(ids) >= room:
                break
            ids += pieces.after_space(sentence)
            ends.append(len(ids))
        if len(ids) < room:
            raise InvalidInputError(
                f"The haystack gives {len(ids)} tokens from {skip:.0%} on; {room} are needed around the needle."
            )
        return ids[:room], np.array(ends)

    def _frame(
        self, tokenizer: PreTrainedTokenizerBase, pieces: _Pieces, hidden: Needle
    ) -> tuple[list[int], list[int]]:
        """Give the tokens before and after the text."""
        question = _QUESTION.format(question=hidden.question)
        start = f" {hidden.prefix}" if hidden.prefix else ""
        chat = self.template == "chat" or (self.template == "auto" and bool(getattr(tokenizer, "chat_template", None)))
        if not chat:
            bos = tokenizer.bos_token_id
            begins = bos is not None and tokenizer.encode("a")[:1] == [bos]
            return [bos] if begins else [], pieces.glued(question + start)
        if not getattr(tokenizer, "chat_template", None):
            raise InvalidInputError("The tokenizer has no chat template; use template='plain'.")
        message = {"role": "user", "content": f"<book>{_BOOK}</book>{question}"}
        rendered = str(tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True))
        head, found, tail = rendered.partition(_BOOK)
        if not found:
            raise InvalidInputError("The tokenizer's chat template does not repeat the user's message word for word.")
        return _encode(tokenizer, head), pieces.glued(tail + start.strip())


class _Pieces:
    """Tokenises pieces of running text so that the pieces' tokens can be joined."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self._tokenizer = tokenizer
        self._anchor = _encode(tokenizer, _ANCHOR)
        # Tokenizers of the SentencePiece kind put a space before every text themselves.
        self._spaces = tokenizer.convert_ids_to_tokens(self._anchor)[0].startswith("\N{LOWER ONE EIGHTH BLOCK}")

    def after_space(self, text: str) -> list[int]:
        """Give the tokens of a text that follows a space; nothing for white space alone."""
        text = text.strip()
        return _encode(self._tokenizer, text if self._spaces else f" {text}") if text else []

    def glued(self, text: str) -> list[int]:
        """Give the tokens of a text that follows directly on what comes before."""
        ids = _encode(self._tokenizer, _ANCHOR + text)
        anchored = self._spaces and ids[: len(self._anchor)] == self._anchor
        return ids[len(self._anchor) :] if anchored else _encode(self._tokenizer, text)


def _encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))

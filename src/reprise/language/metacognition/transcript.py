"""A conversation as token ids, and where in them each message, sentence and score lies, whatever the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reprise.errors import InvalidInputError
from reprise.language.model import LanguageModel

Message = dict[str, str]
Span = tuple[int, int]


@dataclass(frozen=True)
class Transcript:
    """A conversation in tokens.

    Parameters
    ----------
    ids : of the whole conversation.
    offsets : characters of the text that each token covers.
    starts : the character at which each message's content starts.
    text : the whole conversation.
    """

    ids: list[int]
    offsets: list[Span]
    starts: list[int]
    text: str

    def tokens(self, message: int, start: int, end: int) -> Span:
        """Give the first token, and the one after the last, that cover characters `start` to `end` of a message.

        Raises
        ------
        InvalidInputError
            If no token does.
        """
        first, last = self.starts[message] + start, self.starts[message] + end
        covering = [index for index, (left, right) in enumerate(self.offsets) if left < last and right > first]
        if not covering:
            raise InvalidInputError(f"The tokenizer gives no token for {self.text[first:last]!r}.")
        return covering[0], covering[-1] + 1

    def digit(self, message: int, at: int) -> int:
        """Give the token that is the one digit at character `at` of a message, after a token that ends in a brace.

        Raises
        ------
        InvalidInputError
            If the tokenizer joins the digit with what stands beside it.
        """
        place = self.starts[message] + at
        token, end = self.tokens(message, at, at + 1)
        alone = end == token + 1 and self.text[slice(*self.offsets[token])].strip() == self.text[place]
        if not alone or token == 0 or self.offsets[token - 1][1] != place or self.text[place - 1] != "{":
            raise InvalidInputError(
                "The tokenizer does not split '{' from the digit of a score; the report task needs the digit as a "
                "token of its own."
            )
        return token


def write(model: LanguageModel, messages: Sequence[Message], *, ask: bool = False) -> Transcript:
    """Write a conversation as the model's chat template has it, or one message a line where there is no template.

    Parameters
    ----------
    model : the language model.
    messages : of roles ``"system"`` (at most one, first), ``"user"`` and ``"assistant"``. Where the template knows no
        system role, its text goes before the first user message.
    ask : open the assistant's turn at the end.

    Raises
    ------
    InvalidInputError
        If the tokenizer gives no offsets, or the template does not write the messages as they were given.
    """
    tokenizer = model.tokenizer
    if not tokenizer.is_fast:
        raise InvalidInputError("Finding sentences in a conversation needs a fast tokenizer, which gives offsets.")
    templated = bool(getattr(tokenizer, "chat_template", None))
    text = _templated(model, messages, ask) if templated else "".join(f"{m['content']}\n" for m in messages)
    encoded = tokenizer(text, add_special_tokens=not templated, return_offsets_mapping=True)
    ids, offsets = list(encoded["input_ids"]), [tuple(pair) for pair in encoded["offset_mapping"]]
    if not templated and ids and ids[-1] == tokenizer.eos_token_id:
        ids, offsets = ids[:-1], offsets[:-1]
    return Transcript(ids, offsets, _starts(text, messages), text)


def shared_prefix(rows: Sequence[Sequence[int]]) -> int:
    """Give how many first tokens all rows share, leaving at least one token of each.

    Examples
    --------
    >>> shared_prefix([[1, 2, 3, 4], [1, 2, 5, 4]])
    2
    """
    shortest = min(map(len, rows)) - 1
    return next((place for place in range(shortest) if len({row[place] for row in rows}) > 1), shortest)


def _templated(model: LanguageModel, messages: Sequence[Message], ask: bool) -> str:
    from jinja2 import TemplateError

    tokenizer = model.tokenizer
    try:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=ask))
    except TemplateError as problem:
        if len(messages) < 2 or messages[0]["role"] != "system":
            raise InvalidInputError(f"The chat template refuses the conversation: {problem}") from problem
        first = {"role": "user", "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
        return _templated(model, [first, *messages[2:]], ask)


def _starts(text: str, messages: Sequence[Message]) -> list[int]:
    starts, place = [], 0
    for number, message in enumerate(messages):
        content = message["content"]
        found = text.find(content, place)
        if found < 0:
            raise InvalidInputError(
                f"The chat template does not write message {number} ({content[:40]!r}) as it was given; sentences must "
                "not begin or end in blanks."
            )
        starts.append(found)
        place = found + len(content)
    return starts

"""Between texts and token ids: what a language model's tokenizer does for its handle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reprise.errors import InvalidInputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Texts:
    """The part of `LanguageModel` that needs a tokenizer."""

    _tokenizer: PreTrainedTokenizerBase | None

    @property
    def has_tokenizer(self) -> bool:
        """Whether texts can be given and asked for."""
        return self._tokenizer is not None

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer.

        Raises
        ------
        InvalidInputError
            If the handle was made without one.
        """
        if self._tokenizer is None:
            raise InvalidInputError("This language model has no tokenizer; give token ids, or make it with one.")
        return self._tokenizer

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Turn text into token ids, with or without the tokenizer's own special tokens around it."""
        return self.tokenizer.encode(text, add_special_tokens=special)

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Turn token ids into text, leaving special tokens out."""
        return str(self.tokenizer.decode(torch.as_tensor(ids), skip_special_tokens=True))

    def chat(self, messages: str | Sequence[dict[str, str]], answer: str = "") -> str:
        """Write a conversation as the model's chat template has it, ready for the assistant's turn.

        Parameters
        ----------
        messages : one user message, or a list of ``{"role": ..., "content": ...}``.
        answer : the beginning of the assistant's answer, if it is to be forced.

        Raises
        ------
        InvalidInputError
            If the tokenizer has no chat template.
        """
        if not getattr(self.tokenizer, "chat_template", None):
            raise InvalidInputError("This model's tokenizer has no chat template; give the prompt as plain text.")
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return (
            str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)) + answer
        )

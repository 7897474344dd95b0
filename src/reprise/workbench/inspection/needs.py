"""What a model must have for a section, each want told in one sentence."""

from __future__ import annotations

from reprise.language import LanguageModel
from reprise.workbench.inspection.contract import NotApplicableError


def need_tokenizer(model: LanguageModel) -> None:
    """Raise `NotApplicableError` if texts cannot be given to the model."""
    if not model.has_tokenizer:
        raise NotApplicableError("The model has no tokenizer, so that it cannot be given texts.")


def need_context(model: LanguageModel, tokens: int) -> None:
    """Raise `NotApplicableError` if the model cannot read so many tokens."""
    if model.context_length is not None and model.context_length < tokens:
        raise NotApplicableError(
            f"The model reads at most {model.context_length} tokens, and this takes texts of {tokens}."
        )

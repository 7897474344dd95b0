"""Inside language models: `LanguageModel`, the handle on any Hugging Face causal language model, and its papers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprise.language.model import LanguageModel

__all__ = ["LanguageModel"]


def __getattr__(name: str) -> Any:
    if name == "LanguageModel":
        from reprise.language.model import LanguageModel

        return LanguageModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

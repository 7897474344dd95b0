"""Language models that answer messages: any OpenAI-compatible endpoint, or SmolLM2 on this machine.

`BoundedChat` puts bounds on calls and tokens around either, tries again after passing errors, and keeps answers on disk
so that a run that was cut off asks nothing twice. What a model answers is text and nothing else: it is never run.
"""

from reprise.models.chat.bounded import BoundedChat
from reprise.models.chat.contract import Answer, Chat, ChatBudgetError, ChatError, Messages, Usage, estimated_tokens
from reprise.models.chat.endpoint import KEY_VARIABLE, MODEL_VARIABLE, URL_VARIABLE, OpenAIChat, configured_chat
from reprise.models.chat.local import LocalChat

__all__ = [
    "KEY_VARIABLE",
    "MODEL_VARIABLE",
    "URL_VARIABLE",
    "Answer",
    "BoundedChat",
    "Chat",
    "ChatBudgetError",
    "ChatError",
    "LocalChat",
    "Messages",
    "OpenAIChat",
    "Usage",
    "configured_chat",
    "estimated_tokens",
]

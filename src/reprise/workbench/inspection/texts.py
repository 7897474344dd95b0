"""Texts as token ids, in the way that suits reading a model's state at their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from reprise.language import LanguageModel


def with_start(model: LanguageModel, text: str) -> list[int]:
    """Give the tokens of a text after one that starts it.

    Models rest much of their attention on the first token, whose state is unlike all others; where the tokenizer puts
    no token of its own there, its beginning-of-text or else its end-of-text token is put.
    """
    start = start_id(model)
    return model.encode(text) if start is None else [start, *model.encode(text)]


def start_id(model: LanguageModel) -> int | None:
    """Give the token to put before a text, or None where the tokenizer puts one itself or has none."""
    tokenizer = model.tokenizer
    own, bare = model.encode("a"), model.encode("a", special=False)
    if len(own) > len(bare) and own[0] != bare[0]:
        return None
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    return None if start is None else int(start)


def start_token(model: LanguageModel) -> str:
    """Give the text of that token; empty where there is none to put."""
    start = start_id(model)
    return "" if start is None else str(model.tokenizer.convert_ids_to_tokens(start))


def continued(model: LanguageModel, prompt: str, continuation: str) -> tuple[list[int], list[int]]:
    """Cut a text in two where its tokens differ from the prompt's alone: what is given, and what is to be scored."""
    alone, whole = with_start(model, prompt), with_start(model, prompt + continuation)
    shared = next(
        (i for i, (a, b) in enumerate(zip(alone, whole, strict=False)) if a != b), min(len(alone), len(whole))
    )
    shared = max(1, min(shared, len(whole) - 1))
    return whole[:shared], whole[shared:]


def some_streams(model: LanguageModel, most: int) -> list[int]:
    """Give residual streams from the embeddings to the last, evenly, at most so many."""
    return sorted({round(stream) for stream in np.linspace(0, model.n_layers, min(most, model.n_layers + 1))})


def last_states(
    model: LanguageModel,
    texts: Sequence[str],
    streams: Sequence[int],
    *,
    watch: Callable[[float], None],
    batch: int = 32,
) -> dict[int, np.ndarray]:
    """Give the residual streams at the last token of each text, by stream (texts, d_model)."""
    parts = []
    for first in range(0, len(texts), batch):
        rows = [with_start(model, text) for text in texts[first : first + batch]]
        parts.append(model.residuals(rows, layers=list(streams), positions=-1)[:, :, 0].float().cpu())
        watch(min(1.0, (first + batch) / len(texts)))
    states = torch.cat(parts).numpy()
    return {stream: states[:, place] for place, stream in enumerate(streams)}

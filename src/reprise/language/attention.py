"""Attention of a single query that also gives its weights: cached decoding without copying keys or values."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.models.language import import_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_NAME = "reprise_single_query"


@contextmanager
def weights_given(model: PreTrainedModel) -> Iterator[None]:
    """Let every attention module of `model` give its weights, within the block.

    PyTorch's fused attention, transformers' default, silently gives none.
    """
    with implemented(model, _register()):
        yield


@contextmanager
def implemented(model: PreTrainedModel, name: str) -> Iterator[None]:
    """Compute attention by another of transformers' implementations, within the block."""
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def single_query(
    module: nn.Module,
    query: Float[Tensor, "batch heads queries d_head"],
    key: Float[Tensor, "batch kv_heads columns d_head"],
    value: Float[Tensor, "batch kv_heads columns d_head"],
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend with one query a head, in the form in which transformers calls attention.

    Heads that share keys and values are treated as several queries of one head, so that nothing is repeated in memory.
    Longer queries, and variants that this formula does not cover, go to the model's own plain implementation.
    """
    special = any(others.get(name) is not None for name in ("softcap", "s_aux")) or hasattr(module, "sinks")
    if query.shape[2] != 1 or scaling is None or special:
        plain = sys.modules[type(module).__module__].eager_attention_forward
        return plain(module, query, key, value, attention_mask, scaling=scaling, **others)
    batch, heads, _, d_head = query.shape
    grouped = query.view(batch, key.shape[1], heads // key.shape[1], d_head)
    scores = torch.matmul(grouped * scaling, key.transpose(2, 3))
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    output = torch.matmul(weights, value).view(batch, 1, heads, d_head)
    return output, weights.view(batch, heads, 1, -1)


@cache
def _register() -> str:
    transformers = import_transformers()
    transformers.AttentionInterface.register(_NAME, single_query)
    transformers.AttentionMaskInterface.register(_NAME, transformers.masking_utils.eager_mask)
    return _NAME

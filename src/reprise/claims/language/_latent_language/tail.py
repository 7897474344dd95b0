"""The last layers of a model as a model of its own, which reads states that were computed once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.language import LanguageModel
from reprise.language.batch import Batch

BATCH = 8


def tail_of(model: LanguageModel, first: int) -> LanguageModel:
    """Copy the layers from `first` on, as a model whose input embeddings are residual stream `first`.

    The embeddings and the unembedding are shared with the whole model, and frozen; only the copied layers can be
    trained. For models of the Llama kind.
    """
    decoder = model.model.get_decoder()
    kept = [module for name, module in decoder.named_children() if name not in ("layers", "norm")]
    shared = [*kept, *decoder.layers[:first], model.model.get_output_embeddings()]
    same = {id(part): part for module in shared for part in (module, *module.parameters())}
    tail = deepcopy(model.model, same)
    layers = tail.get_decoder().layers
    del layers[:first]
    for config in (tail.config, tail.get_decoder().config):
        config.num_hidden_layers = len(layers)
    tail.requires_grad_(False)
    layers.requires_grad_(True)
    return LanguageModel(tail, model.tokenizer)


def states_before(model: LanguageModel, texts: Sequence[str], layer: int, batch_size: int = BATCH) -> list[Batch]:
    """Read residual stream `layer` at every token, as batches that the tail takes for input."""
    batches = []
    for start in range(0, len(texts), batch_size):
        batch = model.batch(list(texts[start : start + batch_size]))
        batches.append(Batch(None, batch.mask, model.residuals(batch, [layer])[:, 0]))
    return batches


def last_states(tail: LanguageModel, batches: Sequence[Batch]) -> Float[Tensor, "items streams d_model"]:
    """Read every stream of the tail at the last token."""
    return torch.cat([tail.residuals(batch, positions=-1)[:, :, 0] for batch in batches])


def answer_loss(tail: LanguageModel, mask: Tensor, states: Tensor, answers: Tensor) -> Tensor:
    """Give the cross-entropy of the first token of the answer."""
    logits = tail.trace(Batch(None, mask, states), logits=True, positions=-1, gradients=True).logits
    assert logits is not None
    return nn.functional.cross_entropy(logits[:, 0], answers)

"""A small transformer that has successor heads because its texts need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from reprise.data.simulators.list_succession import SEPARATOR, START, counting_texts
from reprise.language import LanguageModel
from reprise.language.interventions import Head
from reprise.language.successor_heads import OrdinalList, list_continuation, mean_head_outputs, succession_prompts
from reprise.models.language import import_transformers
from reprise.training import train


@dataclass(frozen=True)
class ControlPlan:
    """Sizes of the model and its training."""

    lists: int
    size: int  # words of a list
    width: int
    steps: int
    batch_size: int = 64
    lr: float = 5e-3


@dataclass(frozen=True)
class Control:
    """The trained model, its lists, and the token between words."""

    model: LanguageModel
    lists: dict[str, OrdinalList]
    separator: tuple[int, ...] = (SEPARATOR,)


def train_control(plan: ControlPlan, seed: int, device: str) -> Control:
    """Train two layers of four heads to count through lists."""
    transformers = import_transformers()
    texts = counting_texts(plan.steps * plan.batch_size, np.random.default_rng(seed), lists=plan.lists, size=plan.size)
    config = transformers.LlamaConfig(
        vocab_size=texts.vocabulary_size,
        hidden_size=plan.width,
        intermediate_size=2 * plan.width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        bos_token_id=START,
        eos_token_id=2,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.LlamaForCausalLM(config)
    train(
        model,
        _next_token_loss,
        torch.from_numpy(texts.ids),
        epochs=1,
        batch_size=plan.batch_size,
        lr=plan.lr,
        schedule="one_cycle",
        clip=1.0,
        seed=seed,
        device=device,
    )
    lists = {
        f"list {number}": OrdinalList.of_ids(tokens, cyclic=True) for number, tokens in enumerate(texts.lists.tolist())
    }
    return Control(LanguageModel(model.to(device)), lists)


def lost_without(control: Control, heads: Sequence[Head]) -> float:
    """Give the mean log-probability that successors lose when some heads give their means, all at once."""
    prompts = succession_prompts(control.model, control.lists, separator=control.separator)
    whole = list_continuation(control.model, prompts).log_probs
    with control.model.ablate_heads(heads, values=mean_head_outputs(control.model, prompts)):
        return float((whole - list_continuation(control.model, prompts).log_probs).mean())


def _next_token_loss(model: nn.Module, ids: Tensor) -> Tensor:
    """Predict every token but the first word, which nothing tells."""
    logits = model(ids[:, :-1]).logits
    return functional.cross_entropy(logits[:, 1:].flatten(0, 1), ids[:, 2:].flatten())

"""A small transformer that learns to trace graphs: what the measures show where the task is certainly solved.

It reads walks on graphs and over words that are new in each sequence, so that it can only learn to take the graph from
the context.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025), arXiv:2501.00070.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.language.in_context_representations.graphs import random_graphs, random_walks
from reprise.language.model import LanguageModel
from reprise.models.language import import_transformers
from reprise.training import History, train

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_INITIAL_SPREAD = 0.1  # of the weights; from transformers' 0.02 so small a model starts much more slowly


def graph_tracer(
    words: int = 32, *, n_layers: int = 2, n_heads: int = 2, d_model: int = 64, context_length: int = 512, seed: int = 0
) -> LanguageModel:
    """Build a small Llama with random weights over `words` tokens and, as the last, one that starts every sequence.

    Examples
    --------
    >>> tracer = graph_tracer(words=8, d_model=16)
    >>> tracer.vocabulary_size, tracer.n_layers
    (9, 2)
    """
    transformers = import_transformers()
    config = transformers.LlamaConfig(
        vocab_size=words + 1,
        hidden_size=d_model,
        intermediate_size=2 * d_model,
        num_hidden_layers=n_layers,
        num_attention_heads=n_heads,
        num_key_value_heads=n_heads,
        max_position_embeddings=context_length,
        initializer_range=_INITIAL_SPREAD,
        tie_word_embeddings=True,
        bos_token_id=words,
        eos_token_id=None,
        pad_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(transformers.LlamaForCausalLM(config))


def tracing_sequences(
    count: int,
    length: int,
    rng: np.random.Generator,
    *,
    words: int = 32,
    nodes: tuple[int, int] = (4, 25),
    extra: float = 0.5,
) -> Int[Tensor, "count length_and_start"]:
    """Draw walks, each on a random graph of its own and over words of its own, after the token ``words``.

    Parameters
    ----------
    count, length : sequences, and nodes named in each.
    rng : the only source of randomness.
    words : tokens 0 to ``words - 1`` stand for nodes.
    nodes, extra : of the graphs; see `random_graphs`.

    Raises
    ------
    InvalidInputError
        If there are fewer words than nodes.

    Examples
    --------
    >>> tracing_sequences(2, 5, np.random.default_rng(0), words=10, nodes=(4, 8)).shape
    torch.Size([2, 6])
    """
    if nodes[1] > words:
        raise InvalidInputError(f"Graphs of up to {nodes[1]} nodes need as many words; {words} were given.")
    graphs, sizes = random_graphs(count, rng, nodes=nodes, extra=extra)
    walks = random_walks(graphs, rng.integers(sizes), length, rng)
    named = np.take_along_axis(rng.permuted(np.tile(np.arange(words), (count, 1)), axis=1), walks, axis=1)
    return torch.from_numpy(np.concatenate([np.full((count, 1), words), named], axis=1))


def train_graph_tracer(
    tracer: LanguageModel,
    *,
    steps: int = 1500,
    batch_size: int = 12,
    length: int = 192,
    nodes: tuple[int, int] = (4, 25),
    extra: float = 0.5,
    lr: float = 8e-3,
    seed: int = 0,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> History:
    """Train a tracer in place on sequences that never come again.

    Parameters
    ----------
    tracer : of `graph_tracer`.
    steps, batch_size, length : sequences of `length` nodes, `batch_size` at a time.
    nodes, extra : of the graphs; see `random_graphs`.
    lr : highest rate of AdamW, after a rise over 50 steps; it falls linearly to 0.
    seed : of the sequences.
    device, checkpoint, progress : as in `reprise.training.train`.

    Examples
    --------
    >>> tracer = graph_tracer(words=8, d_model=16)
    >>> history = train_graph_tracer(tracer, steps=60, length=32, nodes=(4, 8), device="cpu")
    >>> bool(history.last["loss"] > 0)
    True
    """
    sequences = tracing_sequences(
        steps * batch_size,
        length,
        np.random.default_rng(seed),
        words=tracer.vocabulary_size - 1,
        nodes=nodes,
        extra=extra,
    )
    model: PreTrainedModel = tracer.model
    return train(
        model,
        _next_token_loss,
        sequences,
        epochs=1,
        batch_size=batch_size,
        lr=lr,
        weight_decay=0.01,
        schedule="linear",
        warmup=min(50, steps - 1),
        clip=1.0,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        progress="graph tracing" if progress else False,
    )


def _next_token_loss(model: nn.Module, ids: Int[Tensor, "batch tokens"]) -> Tensor:
    logits = model(ids[:, :-1]).logits
    return nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

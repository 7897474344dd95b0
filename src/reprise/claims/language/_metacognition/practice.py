"""A small model that practised the report task: what the instrument shows where the ability is there.

Its word vectors span a plane. In each conversation a word's label is the side of a random line through the plane on
which its vector lies; a transformer of two layers learns to predict labels from those before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reprise.language import LanguageModel
from reprise.language.metacognition import Prompts
from reprise.models.tiny import tiny_language_model
from reprise.training import train

PROMPTS = Prompts(report="", control="", user="", score=" {{{label}}}")
WORDS = tuple(f"w{number}" for number in range(64))
PLANE, WIDTH, EXAMPLES, BATCH = 2, 64, 16, 32
RATE, SPREAD, LENGTH = 3e-3, 0.1, 0.3  # of the optimizer, of weights and of word vectors
TOKENS = 4  # of an example: word, brace, digit, brace


@dataclass(frozen=True)
class Practice:
    """A model before and after it practised: weights by name."""

    before: dict[str, Tensor]
    after: dict[str, Tensor]
    accuracy: float

    def model(self, trained: bool, device: str) -> LanguageModel:
        """Build one of the two."""
        model, tokenizer = _build()
        model.load_state_dict(self.after if trained else self.before)
        return LanguageModel(model.to(device), tokenizer)


def practise(steps: int, device: str = "cpu", seed: int = 0) -> Practice:
    """Train the small model on conversations, each with a line of its own."""
    model, tokenizer = _build()
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(len(WORDS), PLANE, generator=generator)
    plane = torch.linalg.qr(torch.randn(WIDTH, PLANE, generator=generator))[0]
    ids = torch.tensor([tokenizer.encode(word, add_special_tokens=False)[0] for word in WORDS])
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, SPREAD, generator=generator)
            else:
                parameter.fill_(1.0)
        model.get_input_embeddings().weight[ids] = LENGTH * vectors @ plane.T
    model.get_input_embeddings().weight.requires_grad_(False)
    before = _copied(model)
    conversations = _conversations(steps * BATCH, vectors, ids, tokenizer, generator)
    history = train(
        model,
        _label_loss,
        conversations,
        epochs=1,
        batch_size=BATCH,
        lr=RATE,
        weight_decay=0.01,
        schedule="linear",
        warmup=min(50, steps // 2),
        clip=1.0,
        seed=seed,
        device=device,
    )
    return Practice(before, _copied(model), history.last["accuracy"])


def _build() -> tuple[Any, Any]:
    return tiny_language_model(
        f"{{ }} 0 1 {' '.join(WORDS)}", n_layers=2, n_heads=4, n_kv_heads=4, d_model=WIDTH, context_length=256
    )


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def _conversations(
    count: int, vectors: Tensor, ids: Tensor, tokenizer: Any, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Give token ids of conversations, their labels, and for each the tokens of the two digits."""
    opening, closing, zero, one = (tokenizer.encode(mark, add_special_tokens=False)[0] for mark in "{}01")
    words = torch.rand(count, len(WORDS), generator=generator).argsort(1)[:, :EXAMPLES]
    scores = torch.randn(count, PLANE, generator=generator) @ vectors.T
    sides = (scores >= scores.median(1, keepdim=True).values).long().gather(1, words)
    digits = torch.where(sides == 1, one, zero)
    turns = torch.stack(
        [ids[words], torch.full_like(words, opening), digits, torch.full_like(words, closing)], -1
    ).flatten(1)
    start = torch.full((count, 1), tokenizer.bos_token_id)
    return torch.cat([start, turns], 1), sides, torch.tensor([[zero, one]]).expand(count, 2)


def _label_loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
    tokens, sides, digits = batch
    logits = model(input_ids=tokens).logits[:, 2::TOKENS]
    logits = logits.gather(-1, digits[:, None].expand(-1, logits.shape[1], -1))
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), sides.flatten())
    half = EXAMPLES // 2
    return {"loss": loss, "accuracy": (logits.argmax(-1) == sides)[:, half:].float().mean().detach()}


def axis_labels(scores: np.ndarray) -> np.ndarray:
    """Label words by the median of their scores, as they were in practice."""
    return (scores >= np.median(scores)).astype(np.int64)

"""How much is measured at each scale."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.claim import Scale
from reprise.models.language import DEFAULT_MODEL

TINY = ""  # stands for a random model over the words of made-up sentences


@dataclass(frozen=True)
class Plan:
    """How much is measured at a scale."""

    model: str
    components: tuple[int, int, int]  # early, middle and late principal components
    fit: int | None  # sentences that axes are fitted on; None takes half
    block: int  # sentences of a seed
    examples: int  # of the report task
    runs: int
    warm_up: int  # examples before reports count
    blocks: tuple[int, ...]  # bounds of the numbers of examples over which the report is followed
    control_examples: tuple[int, ...]
    targets: int  # sentences of implicit control, a run and condition
    replies: int  # of explicit control
    max_new_tokens: int
    practice_steps: int  # of the small model
    practice_runs: int


PLANS: dict[Scale, Plan] = {
    "quick": Plan(
        model=TINY,
        components=(1, 2, 6),
        fit=30,
        block=20,
        examples=16,
        runs=1,
        warm_up=4,
        blocks=(0, 4, 8, 16),
        control_examples=(1, 4),
        targets=3,
        replies=3,
        max_new_tokens=4,
        practice_steps=4,
        practice_runs=2,
    ),
    "desktop": Plan(
        model=DEFAULT_MODEL,
        components=(1, 8, 32),
        fit=200,
        block=84,
        examples=48,
        runs=1,
        warm_up=8,
        blocks=(0, 8, 16, 32, 48),
        control_examples=(2, 16),
        targets=12,
        replies=6,
        max_new_tokens=24,
        practice_steps=400,
        practice_runs=20,
    ),
    "full": Plan(
        model="meta-llama/Llama-3.1-8B-Instruct",
        components=(1, 32, 128),
        fit=None,
        block=240,
        examples=192,
        runs=20,
        warm_up=64,
        blocks=(0, 8, 16, 32, 64, 128, 192),
        control_examples=(2, 4, 8, 16, 32, 64, 128),
        targets=5,
        replies=5,
        max_new_tokens=50,
        practice_steps=400,
        practice_runs=20,
    ),
}

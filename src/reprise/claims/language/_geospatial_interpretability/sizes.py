"""How much is read and measured at each scale."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.claim import Scale
from reprise.models.language import DEFAULT_MODEL


@dataclass(frozen=True)
class Plan:
    """How much is read and measured at a scale."""

    model: str  # "" is a tiny random one
    first_token: int | None  # put before each prompt, where the tokenizer puts none
    min_population: int
    layers: tuple[int, int, int]  # whose MLP inputs are read: early, middle, last
    places: int  # read of each area, the largest of their half
    sampled: int  # of them, a seed
    world: int  # cities read
    world_sampled: int
    probed_stream: int
    blocks: int  # of the world's map
    permutations: int
    expansion: int  # features of the autoencoder over the width of the model
    epochs: int
    taught_epochs: int  # of the small model that is taught regions


PLANS: dict[Scale, Plan] = {
    "quick": Plan(
        model="",
        first_token=None,
        min_population=0,
        layers=(0, 1, 2),
        places=60,
        sampled=50,
        world=80,
        world_sampled=60,
        probed_stream=2,
        blocks=8,
        permutations=99,
        expansion=2,
        epochs=3,
        taught_epochs=4,
    ),
    "desktop": Plan(
        model=DEFAULT_MODEL,
        first_token=0,
        min_population=5_000,
        layers=(7, 15, 29),
        places=400,
        sampled=320,
        world=1_500,
        world_sampled=1_200,
        probed_stream=25,
        blocks=50,
        permutations=999,
        expansion=4,
        epochs=25,
        taught_epochs=60,
    ),
    "full": Plan(
        model="mistralai/Mistral-7B-Instruct-v0.2",
        first_token=None,
        min_population=500,
        layers=(7, 15, 31),
        places=1_000_000,  # all there are
        sampled=1_000_000,
        world=4_000,
        world_sampled=3_200,
        probed_stream=26,
        blocks=50,
        permutations=999,
        expansion=8,
        epochs=300,
        taught_epochs=60,
    ),
}

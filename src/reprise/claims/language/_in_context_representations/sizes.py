"""How much is read at each scale."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.claim import Scale
from reprise.models.language import DEFAULT_MODEL


@dataclass(frozen=True)
class Plan:
    """How much is read at a scale.

    Parameters
    ----------
    model : name of the language model; None takes a random one over the words.
    lengths, window : context lengths in nodes, and the steps over which representations are averaged (at most the
        length).
    stream : the residual stream that claims are made about.
    streams : those that are read for the curve by depth.
    walks : contexts of each kind a seed.
    days : length of the contexts over the days of the week.
    words, nodes, steps, batch_size : of training the tracer: its vocabulary, the fewest and most nodes of a graph.
    tracer_lengths, tracer_window : as above, for the tracer.
    tracer_walks : its contexts a seed and grid.
    sides : of its grids.
    moved : contexts at whose end a node is moved.
    """

    model: str | None
    lengths: tuple[int, ...]
    window: int
    stream: int
    streams: tuple[int, ...]
    walks: int
    days: int
    words: int
    nodes: tuple[int, int]
    steps: int
    batch_size: int
    tracer_lengths: tuple[int, ...]
    tracer_window: int
    tracer_walks: int
    sides: tuple[int, ...]
    moved: int

    @property
    def longest(self) -> int:
        """The context length at which claims compare."""
        return self.lengths[-1]


PLANS: dict[Scale, Plan] = {
    "quick": Plan(
        model=None,
        lengths=(64, 96),
        window=64,
        stream=2,
        streams=(0, 2),
        walks=2,
        days=60,
        words=16,
        nodes=(4, 12),
        steps=10,
        batch_size=4,
        tracer_lengths=(16, 20, 24, 32, 48),
        tracer_window=32,
        tracer_walks=2,
        sides=(2, 3),
        moved=1,
    ),
    "desktop": Plan(
        model=DEFAULT_MODEL,
        lengths=(100, 200, 400, 800, 1400),
        window=200,
        stream=29,
        streams=(0, 5, 10, 15, 20, 25, 29),
        walks=2,
        days=400,
        words=26,
        nodes=(4, 25),
        steps=3600,
        batch_size=16,
        tracer_lengths=(12, 16, 24, 32, 48, 64, 96, 128),
        tracer_window=100,
        tracer_walks=16,
        sides=(3, 4, 5),
        moved=8,
    ),
    "full": Plan(
        model="meta-llama/Llama-3.1-8B",
        lengths=(50, 100, 200, 400, 600, 800, 1000, 1200, 1400),
        window=200,
        stream=27,
        streams=(0, 4, 8, 12, 16, 20, 24, 27, 32),
        walks=8,
        days=400,
        words=26,
        nodes=(4, 25),
        steps=20_000,
        batch_size=32,
        tracer_lengths=(16, 24, 32, 48, 64, 96, 128, 192, 256),
        tracer_window=100,
        tracer_walks=32,
        sides=(3, 4, 5),
        moved=16,
    ),
}

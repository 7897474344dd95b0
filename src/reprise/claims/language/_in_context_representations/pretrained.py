"""What is measured on a pre-trained model: grids, and the days of the week on a shuffled ring."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reprise.claim import Measurement
from reprise.claims.language._in_context_representations.sizes import Plan
from reprise.language import LanguageModel
from reprise.language.in_context_representations import (
    DAYS,
    GraphTracing,
    TraceReading,
    graph_alignment,
    mixing_null,
    order_ring,
    permuted_alignment,
    rule_accuracy,
    semantic_alignment,
    trace_representations,
)
from reprise.language.in_context_representations.spectral import GraphAlignment

ENERGY = "energy of neighbours over that of other pairs"
DISTANCE = "correlation with distances on the graph"
SPECTRAL = "agreement of two components with the spectral embedding"
AT_END = ", longest context"
BY_STREAM = f"{ENERGY}, by residual stream"
ACCURACY = "probability of a neighbour's word"
SHARE = "neighbours' share of the probability of node words"
ITSELF = "share of the same word again"
DAY_COMPONENTS = "agreement of components 1 and 2 with a ring of days"
NEXT_COMPONENTS = "agreement of components 3 and 4 with the ring of the context"

WALK, INDEPENDENT, PERMUTED = "walk", "independent draws", "walk, nodes permuted"
MIXED = "word vectors mixed once"
OWN_ORDER, CONTEXT_ORDER = "order of the week", "order of the context"

MIXTURE = 0.5
PILOT_SEEDS = 1000
_STRIDE = 100_003  # contexts of different seeds draw from different random states
_PERMUTATIONS = 20
_BEFORE = 100  # steps over which accuracy is averaged
_DRAWS = 1000  # shuffled rings that are tried


def grids(model: LanguageModel, plan: Plan, seed: int, prefix: list[int]) -> Iterator[Measurement]:
    """Read walks on a grid, and as many contexts of the same words drawn independently."""
    for number in range(plan.walks):
        item = f"{seed}.{number}"
        state = seed * _STRIDE + number
        for arm, mode in ((WALK, "walk"), (INDEPENDENT, "independent")):
            task = GraphTracing("grid", mode=mode)  # type: ignore[arg-type]
            trace = task.sample(plan.longest, model.tokenizer, prefix=prefix, random_state=state)
            windows = [min(plan.window, length) for length in plan.lengths]
            reading = trace_representations(
                model, trace, plan.lengths, _streams(plan), window=windows, predictions=True
            )
            yield from _alignment(arm, reading, trace.adjacency, plan, item)
            yield from _accuracy(arm, reading, trace.nodes, trace.adjacency, plan, item)
            if arm == WALK:
                vectors = model.residuals([trace.node_ids.tolist()], layers=[0])[0, 0].float().cpu().numpy()
                yield from _controls(reading, vectors, trace.adjacency, plan, item)


def days(model: LanguageModel, plan: Plan, seed: int, prefix: list[int]) -> Iterator[Measurement]:
    """Read the days of the week on a ring that joins no two that follow each other, and drawn independently."""
    for number in range(plan.walks):
        item = f"{seed}.{number}"
        state = _unrelated_ring(seed * _STRIDE + number * _DRAWS, model)
        for arm, mode in ((WALK, "walk"), (INDEPENDENT, "independent")):
            task = GraphTracing("ring", len(DAYS), words=DAYS, mode=mode)  # type: ignore[arg-type]
            trace = task.sample(plan.days, model.tokenizer, prefix=prefix, random_state=state)
            reading = trace_representations(
                model, trace, [plan.days], [plan.stream], window=min(plan.window, plan.days)
            )
            assert trace.words is not None
            found = semantic_alignment(reading.at(plan.days, plan.stream), trace.adjacency, trace.words)
            yield Measurement(arm, NEXT_COMPONENTS, found.context_next, item=item)
            if arm == WALK:
                yield Measurement(OWN_ORDER, DAY_COMPONENTS, found.own_first, item=item)
                yield Measurement(CONTEXT_ORDER, DAY_COMPONENTS, found.context_first, item=item)


def _streams(plan: Plan) -> list[int]:
    return sorted({0, plan.stream, *plan.streams})


def _alignment(arm: str, reading: TraceReading, adjacency: np.ndarray, plan: Plan, item: str) -> Iterator[Measurement]:
    for length in plan.lengths:
        found = graph_alignment(reading.at(length, plan.stream), adjacency)
        yield from _of_alignment(arm, found, plan, item, length)
    for stream in _streams(plan):
        ratio = graph_alignment(reading.at(plan.longest, stream), adjacency).energy_ratio
        yield Measurement(arm, BY_STREAM, ratio, item=item, x=float(stream))


def _controls(
    reading: TraceReading, vectors: np.ndarray, adjacency: np.ndarray, plan: Plan, item: str
) -> Iterator[Measurement]:
    for length in plan.lengths:
        X = reading.at(length, plan.stream)
        permuted = permuted_alignment(X, adjacency, permutations=_PERMUTATIONS)
        yield from _of_alignment(PERMUTED, permuted, plan, item, length)
    mixed = graph_alignment(mixing_null(vectors, adjacency, MIXTURE), adjacency)
    yield from _of_alignment(MIXED, mixed, plan, item, plan.longest)


def _of_alignment(arm: str, found: GraphAlignment, plan: Plan, item: str, length: int) -> Iterator[Measurement]:
    values = {ENERGY: found.energy_ratio, DISTANCE: found.distance_corr, SPECTRAL: found.spectral_corr}
    for metric, value in values.items():
        yield from _by_length(arm, metric, value, plan, item, length)


def _by_length(arm: str, metric: str, value: float, plan: Plan, item: str, length: int) -> Iterator[Measurement]:
    """Give a value for the curve, and at the longest context once more for the claims."""
    yield Measurement(arm, metric, value, item=item, x=float(length))
    if length == plan.longest:
        yield Measurement(arm, metric + AT_END, value, item=item)


def _accuracy(
    arm: str, reading: TraceReading, nodes: np.ndarray, adjacency: np.ndarray, plan: Plan, item: str
) -> Iterator[Measurement]:
    assert reading.masses is not None
    found = rule_accuracy(reading.masses, nodes, adjacency)
    for length in plan.lengths:
        before = slice(max(0, length - _BEFORE), length)
        for metric, values in ((ACCURACY, found.neighbours), (SHARE, found.share), (ITSELF, found.itself)):
            yield from _by_length(arm, metric, float(values[before].mean()), plan, item, length)


def _unrelated_ring(state: int, model: LanguageModel) -> int:
    """Give the first random state from `state` on whose ring joins no two days that follow each other."""
    task = GraphTracing("ring", len(DAYS), words=DAYS)
    for tried in range(state, state + _DRAWS):
        trace = task.sample(2, model.tokenizer, random_state=tried)
        assert trace.words is not None
        if not (order_ring(trace.words) * trace.adjacency).any():
            return tried
    raise AssertionError("one ring of days in fifteen joins no two that follow each other")

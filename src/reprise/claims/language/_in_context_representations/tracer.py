"""What is measured on a tracer, the small model that was trained on the task: the positive control."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reprise.claim import Measurement
from reprise.claims.language._in_context_representations.pretrained import INDEPENDENT, PERMUTED, WALK
from reprise.claims.language._in_context_representations.sizes import Plan
from reprise.language import LanguageModel
from reprise.language.in_context_representations import (
    GraphTrace,
    GraphTracing,
    TraceReading,
    critical_length,
    crossing_length,
    graph_alignment,
    move_node,
    node_subspace,
    permuted_alignment,
    random_subspace,
    rule_accuracy,
    seen_component,
    trace_representations,
)
from reprise.language.in_context_representations.spectral import FEWEST

SOLVED = "probability of a neighbour's word, tracer"
ENERGY = "energy of neighbours over that of other pairs, tracer"
ENERGY_AT_END = f"{ENERGY}, longest context"
DISTANCE = "correlation with distances on the graph, tracer"
SPECTRAL = "agreement of two components with the spectral embedding, tracer"
TURN = "context length at which a curve bends, tracer"
TURN_BY_SIZE = "context length at which accuracy bends, tracer, by nodes"
SOLVED_AT_END = f"{SOLVED}, longest context"
GAIN = "growth of the share of the other node's neighbours, tracer"

TRACER = "tracer"
PERCOLATION = "half the nodes joined by edges seen"
HALF = 0.5
OF_ENERGY, OF_ACCURACY = "energy", "accuracy"
LEADING, RANDOM, WHOLE = "two leading components", "two random directions between nodes", "all components"

LAST = 2  # the stream that predictions are read off, where representations are compared with the graph
SOUGHT = 1  # what the last layer's heads look up the context with, where nodes are moved
_SEEN = 0.8  # accuracy at a length is averaged over the steps from this share of it on
_PERMUTATIONS = 20
_STRIDE = 100_003


def traced(model: LanguageModel, plan: Plan, seed: int) -> Iterator[Measurement]:
    """Read walks and independent draws on a grid of four by four, and walks on grids of other sizes."""
    for side in plan.sides:
        readings = [_read(model, side, "walk", plan, seed * _STRIDE + number) for number in range(plan.tracer_walks)]
        accuracy = np.mean([_accuracy(trace, reading, plan) for trace, reading in readings], axis=0)
        yield Measurement(TRACER, TURN_BY_SIZE, _turn(plan, accuracy), x=float(side**2))
        yield Measurement(PERCOLATION, TURN_BY_SIZE, _percolation([trace for trace, _ in readings]), x=float(side**2))
        if side == plan.sides[len(plan.sides) // 2]:
            energy = np.nanmean([_energies(trace, reading, plan) for trace, reading in readings], axis=0)
            yield Measurement(OF_ACCURACY, TURN, _turn(plan, accuracy))
            yield Measurement(OF_ENERGY, TURN, _turn(plan, energy))
            yield Measurement(TRACER, SOLVED_AT_END, float(accuracy[-1]))
            for length, value, ratio in zip(plan.tracer_lengths, accuracy, energy, strict=True):
                yield Measurement(TRACER, SOLVED, float(value), x=float(length))
                yield Measurement(WALK, ENERGY, float(ratio), x=float(length))
            yield from _aligned(model, side, readings, plan, seed)
            for number, (trace, reading) in enumerate(readings[: plan.moved]):
                yield from _moved(model, trace, reading, plan, f"{seed}.{number}")


def _read(model: LanguageModel, side: int, mode: str, plan: Plan, state: int) -> tuple[GraphTrace, TraceReading]:
    words = model.vocabulary_size - 1
    trace = GraphTracing("grid", side, mode=mode).sample(  # type: ignore[arg-type]
        plan.tracer_lengths[-1], token_ids=range(words), prefix=[words], random_state=state
    )
    windows = [min(plan.tracer_window, length) for length in plan.tracer_lengths]
    reading = trace_representations(
        model, trace, plan.tracer_lengths, [SOUGHT, LAST], window=windows, min_visits=1, predictions=True
    )
    return trace, reading


def _accuracy(trace: GraphTrace, reading: TraceReading, plan: Plan) -> list[float]:
    assert reading.masses is not None
    after_each = rule_accuracy(reading.masses, trace.nodes, trace.adjacency).neighbours
    return [float(after_each[int(_SEEN * length) : length].mean()) for length in plan.tracer_lengths]


def _energies(trace: GraphTrace, reading: TraceReading, plan: Plan) -> list[float]:
    """Give the energy ratio at each length; NaN where the walk has hardly left its place."""
    ratios = []
    for length in plan.tracer_lengths:
        X = reading.at(length, LAST)
        enough = np.isfinite(X).all(axis=1).sum() >= FEWEST
        ratios.append(graph_alignment(X, trace.adjacency).energy_ratio if enough else np.nan)
    return ratios


def _turn(plan: Plan, values: np.ndarray) -> float:
    return critical_length(list(plan.tracer_lengths), values).length


def _percolation(traces: list[GraphTrace]) -> float:
    lengths = range(2, len(traces[0]) + 1, 2)
    return crossing_length(list(lengths), np.mean([seen_component(trace, lengths) for trace in traces], axis=0), HALF)


def _aligned(
    model: LanguageModel, side: int, walks: list[tuple[GraphTrace, TraceReading]], plan: Plan, seed: int
) -> Iterator[Measurement]:
    """Compare the last length of each walk with permuted nodes, and with independent draws of the same words."""
    longest = plan.tracer_lengths[-1]
    for number, (trace, reading) in enumerate(walks):
        _, drawn = _read(model, side, "independent", plan, seed * _STRIDE + number)
        X = reading.at(longest, LAST)
        found = {
            WALK: graph_alignment(X, trace.adjacency),
            PERMUTED: permuted_alignment(X, trace.adjacency, permutations=_PERMUTATIONS),
            INDEPENDENT: graph_alignment(drawn.at(longest, LAST), trace.adjacency),
        }
        for arm, alignment in found.items():
            item = f"{seed}.{number}"
            yield Measurement(arm, ENERGY_AT_END, alignment.energy_ratio, item=item)
            yield Measurement(arm, DISTANCE, alignment.distance_corr, item=item)
            yield Measurement(arm, SPECTRAL, alignment.spectral_corr, item=item)


def _moved(
    model: LanguageModel, trace: GraphTrace, reading: TraceReading, plan: Plan, item: str
) -> Iterator[Measurement]:
    means = reading.at(plan.tracer_lengths[-1], SOUGHT)
    present = int(np.isfinite(means).all(axis=1).sum())
    subspaces = {
        LEADING: node_subspace(means, 2),
        RANDOM: random_subspace(means, 2),
        WHOLE: node_subspace(means, present - 1),
    }
    for arm, directions in subspaces.items():
        gains = move_node(model, trace, means, SOUGHT, directions).gains
        yield Measurement(arm, GAIN, float(np.nanmean(gains)), item=item)

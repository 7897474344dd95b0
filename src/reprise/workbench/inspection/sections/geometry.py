"""In-context geometry: whether words come to lie as the graph does on which a walk in the prompt names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reprise.language import LanguageModel
from reprise.language.in_context_representations import (
    WORDS,
    GraphTracing,
    TraceReading,
    graph_alignment,
    mixing_null,
    principal_components,
    rule_accuracy,
    trace_representations,
)
from reprise.language.in_context_representations.tracing import Mode
from reprise.workbench.inspection.contract import (
    Estimate,
    Figure,
    Lines,
    NotApplicableError,
    Number,
    Pair,
    Points,
    SectionResult,
    Watch,
    Work,
)
from reprise.workbench.inspection.needs import need_context, need_tokenizer
from reprise.workbench.inspection.sections.times import series
from reprise.workbench.inspection.texts import some_streams, start_id
from reprise.workbench.inspection.wording import answered, percent, share_of_items, sureness, written

SIDE = 4  # of the grid
WALKS, LENGTH, WINDOW = 8, 600, 200
SHORTER = (1 / 3, 2 / 3, 1.0)  # of the length
STREAMS = 7
UPPER = 2 / 3  # of the layers: streams above are averaged, so that none is chosen
ENOUGH = 0.1

_SNIPPET = """\
from reprise.language import LanguageModel
from reprise.language.in_context_representations import GraphTracing, graph_alignment, trace_representations

lm = LanguageModel.from_pretrained(MODEL)
trace = GraphTracing("grid", 4).sample({length}, lm.tokenizer)
reading = trace_representations(lm, trace, [{length}], layers=[lm.n_layers], window=200)
print(graph_alignment(reading.at({length}, lm.n_layers), trace.adjacency))"""


@dataclass(frozen=True)
class Walked:
    """What was read on walks, and on the same words in independent order.

    Parameters
    ----------
    walks, independent : readings.
    graph : adjacency of the grid.
    correlations, controls : (walks, lengths, streams) correlation of distances with those of the graph.
    ratios, control_ratios : (walks, streams) mean squared distance of neighbours over that of others.
    mixed : (walks,) correlation where words' embeddings are only mixed with their neighbours'.
    shares, control_shares : (walks,) share of the predicted words that are neighbours.
    """

    walks: tuple[TraceReading, ...]
    independent: tuple[TraceReading, ...]
    graph: np.ndarray
    correlations: np.ndarray
    controls: np.ndarray
    ratios: np.ndarray
    control_ratios: np.ndarray
    mixed: np.ndarray
    shares: np.ndarray
    control_shares: np.ndarray


class Geometry:
    """The section; see the module."""

    name = "geometry"
    title = "In-context geometry"
    question = "Do words in a prompt come to lie like the hidden graph on which they follow each other?"
    papers = ("in-context-representations",)
    terms = (
        (
            "graph tracing",
            "A prompt that names words one after another as a random walk visits them on a grid that is "
            "never shown; words are put on the grid at random.",
        ),
        (
            "distance correlation",
            "How well distances between the words' mean states follow the number of steps between "
            "them on the grid; 0 is not at all.",
        ),
        ("independent words", "The same words equally often, in no order: what a prompt does without any graph."),
    )

    def work(self, model: LanguageModel, effort: float) -> Work:
        """Long prompts, each read once with a graph and once without."""
        need_tokenizer(model)
        need_context(model, WINDOW + 8)
        _words(model)
        return Work(read=1.3 * 2 * _count(effort) * _length(model), seconds=1)

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Read walks and independent sequences over the same words."""
        words, length, count = _words(model), _length(model), _count(effort)
        streams = [stream for stream in some_streams(model, STREAMS) if stream]
        modes: tuple[Mode, ...] = ("walk", "independent")
        readings: dict[Mode, list[TraceReading]] = {mode: [] for mode in modes}
        shares: dict[Mode, list[float]] = {mode: [] for mode in modes}
        mixed = []
        for walk in range(count):
            for place, mode in enumerate(modes):
                task = GraphTracing("grid", SIDE, words=words, mode=mode)
                trace = task.sample(length, model.tokenizer, random_state=seed * count + walk, prefix=_prefix(model))
                reading = trace_representations(
                    model, trace, _lengths(length), [0, *streams], window=min(WINDOW, length // 3), predictions=True
                )
                readings[mode].append(reading)
                assert reading.masses is not None
                accuracy = rule_accuracy(reading.masses, trace.nodes, trace.adjacency)
                shares[mode].append(float(accuracy.share[length // 2 :].mean()))
                watch((walk + (place + 1) / 2) / count)
            mixed.append(_mixed(readings["walk"][-1], length, task.adjacency))
        walked = Walked(
            tuple(readings["walk"]),
            tuple(readings["independent"]),
            task.adjacency,
            correlations=_correlations(readings["walk"], streams, task.adjacency),
            controls=_correlations(readings["independent"], streams, task.adjacency),
            ratios=_ratios(readings["walk"], streams, task.adjacency),
            control_ratios=_ratios(readings["independent"], streams, task.adjacency),
            mixed=np.array(mixed),
            shares=np.array(shares["walk"]),
            control_shares=np.array(shares["independent"]),
        )
        return self._result(model, walked, streams, effort)

    def _result(self, model: LanguageModel, walked: Walked, streams: list[int], effort: float) -> SectionResult:
        upper = [place for place, stream in enumerate(streams) if stream >= UPPER * model.n_layers]
        here, beside = walked.correlations[:, -1, upper].mean(1), walked.controls[:, -1, upper].mean(1)
        ratios, control_ratios = walked.ratios[:, upper].mean(1), walked.control_ratios[:, upper].mean(1)
        gain, closer = Estimate.over(here - beside), Estimate.over(control_ratios - ratios)
        follows = Estimate.over(walked.shares - walked.control_shares)
        answer = answered(gain, enough=ENOUGH)
        beyond = Estimate.over(here - walked.mixed)
        words = {
            "yes": "come to lie like the graph",
            "partly": "come to lie a little like the graph",
            "no": "do not come to lie like the graph more than without it",
            "unclear": "may come to lie like the graph, which these walks do not settle",
        }[answer]
        length, value = walked.walks[0].lengths[-1], Estimate.over(here)
        headline = (
            f"After {length} words, their states in the upper layers {words}: correlation {value.value:.2f}, "
            f"{Estimate.over(beside).value:.2f} in independent order"
        )
        if answer == "yes" and (beyond.low is None or beyond.low <= 0):
            answer = "partly"
            headline += "; but not more than mixing each word with its neighbours would bring about"
        headline += "."
        sentences = (
            f"In the streams of the upper third, the distances of words correlate {written(value)} with their "
            f"distances on the grid, {sureness(gain, 'in independent order')}. Neighbours on the grid lie at "
            f"{written(Estimate.over(ratios))} of the squared distance of other pairs; they come closer "
            f"{sureness(closer, 'in independent order')}.",
            f"Of what the model expects next among these words, {percent(Estimate.share(walked.shares))} are "
            f"neighbours on the grid, {sureness(follows, 'in independent order')}: it "
            + (
                "follows the walk."
                if follows.low is not None and follows.low > 0
                else "does not clearly follow the walk."
            ),
            "Words whose embeddings are only mixed with those of their neighbours, with nothing learned, would "
            f"correlate {written(Estimate.over(walked.mixed))}.",
        )
        return SectionResult(
            answer,
            headline,
            sentences,
            numbers=(
                _line("distance correlation, upper third of the streams", here, "independent words", beside),
                _line("distance correlation, upper third of the streams", here, "embeddings mixed once", walked.mixed),
                _line("neighbours' over others' squared distance", ratios, "independent words", control_ratios),
                _line(
                    "neighbours among the words expected next",
                    walked.shares,
                    "independent words",
                    walked.control_shares,
                ),
            ),
            figures=self._figures(walked, streams),
            method=(
                f"{len(here)} prompts of {length} words: a random walk on a {SIDE} by {SIDE} grid, and the same words "
                "drawn independently with the same frequencies. Each word's state is averaged over its visits among "
                f"the last {min(WINDOW, length // 3)} words.",
                "No stream is chosen: those of the upper third are averaged. Intervals are over prompts.",
                *share_of_items(effort),
            ),
            limits=(
                "Each state holds something of the word before it, which on a walk is a neighbour; the line of mixed "
                "embeddings shows how far that alone goes.",
                "Larger models and longer prompts show much more: the paper's 8 billion parameters and 1,400 words.",
            ),
            snippet=_SNIPPET.format(length=length),
        )

    def _figures(self, walked: Walked, streams: list[int]) -> tuple[Figure, ...]:
        lengths = list(walked.walks[0].lengths)

        def by_stream(values: np.ndarray) -> list[Estimate]:
            return [Estimate.over(column) for column in values[:, -1].T]

        def by_length(values: np.ndarray) -> list[Estimate]:
            return [Estimate.over(column) for column in values[:, :, -1].T]

        return (
            Pair(
                "The words' places, averaged over prompts",
                "Mean states of the last stream in their two leading components, joined as on the grid. Words differ "
                "from prompt to prompt, so that only what the prompt gives is left.",
                panels=(
                    _map("a walk on the grid", walked.walks, walked.graph),
                    _map("independent words", walked.independent, walked.graph),
                ),
            ),
            Lines(
                "Layer by layer",
                "Correlation of the words' distances with those on the grid; grey: the same words in no order. Means "
                "over prompts with 95 % intervals.",
                x="residual stream",
                y="distance correlation",
                series=(
                    series("a walk on the grid", streams, by_stream(walked.correlations)),
                    series("independent words", streams, by_stream(walked.controls), control=True),
                ),
                level=0.0,
            ),
            Lines(
                "The longer the prompt",
                "The same in the last stream, by how many words were read.",
                x="words read",
                y="distance correlation",
                series=(
                    series("a walk on the grid", lengths, by_length(walked.correlations)),
                    series("independent words", lengths, by_length(walked.controls), control=True),
                ),
                level=0.0,
            ),
        )


def _correlations(readings: Sequence[TraceReading], streams: list[int], graph: np.ndarray) -> np.ndarray:
    return np.array(
        [
            [[graph_alignment(r.at(length, stream), graph).distance_corr for stream in streams] for length in r.lengths]
            for r in readings
        ]
    )


def _ratios(readings: Sequence[TraceReading], streams: list[int], graph: np.ndarray) -> np.ndarray:
    return np.array(
        [[graph_alignment(r.at(r.lengths[-1], stream), graph).energy_ratio for stream in streams] for r in readings]
    )


def _mixed(reading: TraceReading, length: int, graph: np.ndarray) -> float:
    embeddings = reading.at(length, 0).astype(float)
    present = np.isfinite(embeddings).all(axis=1)
    filled = np.where(present[:, None], embeddings, embeddings[present].mean(0))
    return float(graph_alignment(mixing_null(filled, graph), graph).distance_corr)


def _map(title: str, readings: Sequence[TraceReading], graph: np.ndarray) -> Points:
    last = np.array([reading.means[-1, -1] for reading in readings])
    present = np.flatnonzero(np.isfinite(last).all(axis=2).any(axis=0))
    places = principal_components(np.nanmean(last[:, present], axis=0))
    at = {int(node): place for node, place in zip(present, places, strict=True)}
    edges = [
        (list(at).index(i), list(at).index(j)) for i, j in np.argwhere(np.triu(graph)).tolist() if i in at and j in at
    ]
    return Points(
        title,
        "",
        x="first component",
        y="second component",
        at=tuple((round(float(x), 4), round(float(y), 4)) for x, y in places),
        names=tuple(f"{node // SIDE + 1},{node % SIDE + 1}" for node in at),
        edges=tuple(edges),
    )


def _line(name: str, here: np.ndarray, control: str, beside: np.ndarray) -> Number:
    return Number(name, Estimate.over(here), control, Estimate.over(beside), Estimate.over(here - beside))


def _words(model: LanguageModel) -> list[str]:
    """Give the words that the tokenizer keeps whole after a space, as many as the grid needs or more."""
    unknown = model.tokenizer.unk_token_id
    single = []
    for word in WORDS:
        ids = model.encode(f" {word}", special=False)
        if len(ids) == 1 and ids[0] != unknown:
            single.append(word)
    if len(single) < SIDE**2:
        raise NotApplicableError(
            f"The tokenizer keeps only {len(single)} of {len(WORDS)} common nouns whole; {SIDE**2} are needed."
        )
    return single


def _prefix(model: LanguageModel) -> list[int]:
    start = start_id(model)
    return [] if start is None else [start]


def _lengths(length: int) -> list[int]:
    return [round(length * share) for share in SHORTER]


def _length(model: LanguageModel) -> int:
    return min(LENGTH, (model.context_length or LENGTH + 8) - 8)


def _count(effort: float) -> int:
    return max(3, round(WALKS * effort))


SECTION = Geometry()

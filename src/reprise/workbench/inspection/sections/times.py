"""Time: whether the years of people and events can be read off the model's states by a linear map."""

from __future__ import annotations

import numpy as np

from reprise.data.timeline import Dated, load_timeline
from reprise.language import LanguageModel
from reprise.workbench.inspection.contract import (
    Estimate,
    Figure,
    Lines,
    Number,
    Points,
    SectionResult,
    Series,
    Watch,
    Work,
)
from reprise.workbench.inspection.needs import need_context, need_tokenizer
from reprise.workbench.inspection.probing import Probed, curve, explained, from_spelling, probe
from reprise.workbench.inspection.texts import last_states, some_streams
from reprise.workbench.inspection.wording import answered, share_of_items, sureness, written

STREAMS = 9
TOKENS = 12  # of a name at most, about
LABELLED = 9
ENOUGH = 0.1  # of the variance

_SNIPPET = """\
from reprise.data.timeline import load_timeline
from reprise.language import LanguageModel

lm = LanguageModel.from_pretrained(MODEL)
names = [row.name for row in load_timeline()]
states = lm.residuals(names, layers=[{stream}], positions=-1)[:, 0, 0]  # one row a name, for any regression"""


class Times:
    """The section; see the module."""

    name = "times"
    title = "Time"
    question = "Do the model's states hold when people lived and events happened?"
    papers = ("geospatial-interpretability",)
    terms = (
        (
            "residual stream",
            "The running sum of vectors that every layer reads and adds to; stream 0 is the word alone.",
        ),
        (
            "linear probe",
            "A regression from a model's states to a property; where it works on unseen names, the "
            "property can be read off by a weighted sum.",
        ),
        ("R2", "The share of a property's variance that is predicted: 1 is perfect, 0 no better than the mean."),
    )

    def work(self, model: LanguageModel, effort: float) -> Work:
        """One pass over the names, and ridge regressions."""
        need_tokenizer(model)
        need_context(model, 2 * TOKENS)
        n, streams = len(_rows(effort, 0)), min(STREAMS, model.n_layers + 1)
        return Work(read=n * TOKENS, seconds=2 + 2 * streams * (n / 265) * (model.d_model / 576) * 0.6)

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Probe every other stream for the year, beside the spelling of the names and shuffled years."""
        rows = _rows(effort, seed)
        names, years = [row.name for row in rows], np.array([row.year for row in rows], dtype=float)
        states = last_states(model, names, some_streams(model, STREAMS), watch=lambda part: watch(0.4 * part))
        found = probe(states, years, seed=seed, watch=lambda part: watch(0.4 + 0.25 * part))
        spelled = from_spelling(names, years, seed=seed, kinds=[row.kind for row in rows])
        shuffled = np.random.default_rng(seed).permutation(years)
        chance = probe(states, shuffled, seed=seed, watch=lambda part: watch(0.75 + 0.25 * part))
        return self._result(model, rows, found, spelled, chance, effort)

    def _result(
        self,
        model: LanguageModel,
        rows: list[Dated],
        found: Probed,
        spelled: np.ndarray,
        chance: Probed,
        effort: float,
    ) -> SectionResult:
        years = found.target
        here, beside = found.explained(), explained(years, spelled)
        gain = Estimate.over(here - beside)
        r2, by_letters, by_chance = Estimate.over(here), Estimate.over(beside), Estimate.over(chance.explained())
        error = float(np.median(np.abs(years - found.predicted)))
        letters_error = float(np.median(np.abs(years - spelled)))
        stream = max(set(found.chosen), key=found.chosen.count)
        answer = answered(gain, enough=ENOUGH)
        if answer in ("yes", "partly") and (r2.low is None or r2.low <= 0):
            answer = "unclear"
        can = {
            "yes": "can be read off its states",
            "partly": "can be read off its states a little better than off the spelling",
            "no": "can be read off its states no better than off the spelling",
            "unclear": "may be in its states, but the names do not settle it",
        }[answer]
        headline = (
            f"The year of a person or event {can}: R2 {r2.value:.2f}, against {by_letters.value:.2f} from letters."
        )
        sentences = (
            f"A linear map of the model's state at the end of a name, fitted on four fifths of {len(rows)} names, "
            f"gives the years of the others with an R2 of {written(r2)}; half are within {error:.0f} years. That is "
            f"{sureness(gain, 'from the letters of the names')}, which come within {letters_error:.0f} years for half.",
            f"The folds chose stream {stream} of {model.n_layers} on their own names. With the years shuffled among "
            f"the names, the same procedure gives {written(by_chance)}.",
        )
        return SectionResult(
            answer,
            headline,
            sentences,
            numbers=(
                Number("R2 of the year", r2, "letters of the name and kind", by_letters, gain),
                Number(
                    "R2 of the year",
                    r2,
                    "shuffled years",
                    by_chance,
                    Estimate.over(here - chance.explained()),
                ),
                Number(
                    "half of the names are within so many years",
                    Estimate(error, n=len(rows)),
                    "letters of the name and kind",
                    Estimate(letters_error, n=len(rows)),
                    digits=0,
                ),
            ),
            figures=self._figures(rows, found, by_letters, chance),
            method=(
                f"{len(rows)} well-known people (year of birth) and events (year) from 1415 to 2016, a table of our "
                "own; the model reads the name alone, and its state at the last token is taken.",
                "Ridge regression in five folds; the penalty and the stream are chosen within the training names. "
                "The interval is over names.",
                "Spelling: the 1- to 4-grams of letters and whether it is a person or an event, by the same regression "
                "in the same folds.",
                *share_of_items(effort),
            ),
            limits=(
                "That a year can be read off the states does not say that the model uses it.",
                "Names carry their time in other ways than letters, such as the language that they are from.",
            ),
            snippet=_SNIPPET.format(stream=stream),
        )

    def _figures(self, rows: list[Dated], found: Probed, letters: Estimate, chance: Probed) -> tuple[Figure, ...]:
        streams, values = curve(found)
        _, chances = curve(chance)
        order = np.argsort(found.target, kind="stable")
        shown = set(order[np.linspace(0, len(rows) - 1, LABELLED).round().astype(int)].tolist())
        return (
            Lines(
                "Where the year is",
                "R2 of the year by residual stream, on names that the map has not seen; the dashed line is what the "
                "letters of the names give. The bands are 95 % intervals over names.",
                x="residual stream (0 is the embedding)",
                y="R2 of the year",
                series=(series("years", streams, values), series("shuffled years", streams, chances, control=True)),
                level=letters.value,
            ),
            Points(
                "Years, as the model has them",
                "Each point is a name that the map has not seen; on the line the two years agree.",
                x="year",
                y="year read off the states",
                at=tuple(
                    (float(year), round(float(guess), 1))
                    for year, guess in zip(found.target, found.predicted, strict=True)
                ),
                names=tuple(row.name if place in shown else "" for place, row in enumerate(rows)),
                colours=tuple(float(row.kind == "event") for row in rows),
                colour="person, event",
                diagonal=True,
            ),
        )


def series(name: str, streams: list[int], values: list[Estimate], *, control: bool = False) -> Series:
    """Make a curve of estimates by residual stream."""
    return Series(
        name,
        tuple(float(stream) for stream in streams),
        tuple(round(value.value, 4) for value in values),
        tuple(round(value.value if value.low is None else value.low, 4) for value in values),
        tuple(round(value.value if value.high is None else value.high, 4) for value in values),
        control,
    )


def _rows(effort: float, seed: int) -> list[Dated]:
    rows = list(load_timeline())
    chosen = np.random.default_rng(seed).permutation(len(rows))[: max(60, round(len(rows) * effort))]
    return [rows[place] for place in sorted(chosen)]


SECTION = Times()

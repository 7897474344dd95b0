"""Steerable directions: whether adding the difference of two manners of writing makes a model write in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from reprise.data.contrasts import load_contrasts
from reprise.language import LanguageModel
from reprise.workbench.inspection.contract import (
    Answer,
    Bars,
    Estimate,
    Figure,
    Lines,
    Number,
    SectionResult,
    Series,
    Table,
    Watch,
    Work,
)
from reprise.workbench.inspection.directions import SHOWN_DOSE, SHOWN_TOKENS, Steered, layers_of, steer_by
from reprise.workbench.inspection.needs import need_context, need_tokenizer
from reprise.workbench.inspection.wording import listed, number, share_of_items, sureness, written

CONTROLS = 4  # of each kind
TOKENS = 14  # of a choice with its beginning, about

_SNIPPET = """\
from reprise.data.contrasts import load_contrasts
from reprise.language import LanguageModel
from reprise.workbench.inspection.directions import direction

lm = LanguageModel.from_pretrained(MODEL)
contrast = load_contrasts()[0]
with lm.steer({layer}, direction(lm, contrast, {layer}), scale=2.0, positions=slice(1, None)):
    print(lm.decode(lm.generate(contrast.opening, 30)[0]))"""


class Steering:
    """The section; see the module."""

    name = "steering"
    title = "Steerable directions"
    question = "Does adding a direction to the model's states change how it writes, and more than any other direction?"
    papers = ()
    terms = (
        (
            "direction",
            "A vector in the model's states; here the mean state of sentences in one manner minus the other.",
        ),
        ("dose", "How many times the direction is added; 1 is the distance between the two means."),
        (
            "log-odds",
            "The log-probability of one continuation minus that of the other; a shift of 0.7 nats doubles the odds.",
        ),
    )

    def work(self, model: LanguageModel, effort: float) -> Work:
        """Sentences once, choices under each direction twice (both continuations), and a few lines written."""
        need_tokenizer(model)
        need_context(model, 64)
        contrasts = load_contrasts()
        layers = len(layers_of(model))
        read = sum(
            12 * len(contrast.first + contrast.second)
            + 2 * TOKENS * (len(contrast.pilot) * (layers + 1) + len(contrast.choices) * (4 + 2 * _controls(effort)))
            for contrast in contrasts
        )
        passes = sum(layers + 5 + 2 * _controls(effort) for _ in contrasts)
        return Work(read=read, steps=3 * SHOWN_TOKENS * len(contrasts) + passes, seconds=1)

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Take directions from sentences, choose the layer on some choices, and measure on others."""
        contrasts = load_contrasts()
        found = []
        for place, contrast in enumerate(contrasts):
            rng = np.random.default_rng([seed, place])

            def tell(part: float, place: int = place) -> None:
                watch((place + part) / len(contrasts))

            found.append(steer_by(model, contrast, _controls(effort), rng, tell))
        return _result(model, found, effort)


def _controls(effort: float) -> int:
    return max(2, round(CONTROLS * effort))


def _result(model: LanguageModel, found: Sequence[Steered], effort: float) -> SectionResult:
    answers = [steered.answer for steered in found]
    works = [steered.contrast.name for steered in found if steered.answer in ("yes", "partly")]
    answer: Answer = (
        "yes" if set(answers) == {"yes"} else "partly" if works else "unclear" if "unclear" in answers else "no"
    )
    if works:
        best = max(found, key=lambda steered: steered.difference.value)
        headline = (
            f"Adding a direction steers {listed(works)}: one dose of {best.contrast.name} shifts the choice towards "
            f"{best.contrast.manners[0]} by {best.shifts[1.0].mean():.1f} nats."
        )
    else:
        headline = "None of the directions changes the model's choices more than random directions do."
    return SectionResult(
        answer,
        headline,
        tuple(_sentence(steered) for steered in found),
        numbers=tuple(line for steered in found for line in _numbers(steered)),
        figures=_figures(found),
        tables=(
            Table(
                f"How the model goes on, with a dose of {SHOWN_DOSE:g} in either direction",
                ("contrast", "towards the first", "as it is", "towards the second"),
                tuple((f"{s.contrast.manners[0]} / {s.contrast.manners[1]}", *s.texts) for s in found),
            ),
        ),
        method=(
            f"A direction is the mean state of {len(found[0].contrast.first)} sentences in one manner minus that of as "
            "many in the other, over all their tokens. It is added to one residual stream at all tokens but the first.",
            f"The stream is the best of {len(found[0].by_layer)} on {len(found[0].contrast.pilot)} choices; the shift "
            f"is measured on {len(found[0].contrast.choices)} others: the beginning of a sentence with a continuation "
            "in each manner. The interval is over choices.",
            f"Controls, all of the same length: {len(found[0].random)} random directions, and "
            f"{len(found[0].shuffled)} between halves of the sentences that hold as many of both manners.",
            *share_of_items(effort),
        ),
        limits=(
            "The shift is measured on one continuation of each kind; what the model writes freely is in the table.",
            "The sentences are few and short, and by one hand; a direction for real use deserves more of them.",
        ),
        snippet=_SNIPPET.format(layer=found[0].layer),
    )


def _sentence(steered: Steered) -> str:
    first, second = steered.contrast.manners
    shift = Estimate.over(steered.shifts[1.0])
    controls = len(steered.random) + len(steered.shuffled)
    return (
        f"{steered.contrast.name.capitalize()} ({first} or {second}): one dose at stream {steered.layer} shifts the "
        f"log-odds towards {first} by {written(shift)} nats, {sureness(steered.difference, 'with the controls')}; "
        f"{steered.stronger} of {controls} controls shift it as much. The likelier continuation loses "
        f"{number(float(steered.lost.mean()))} nats by it."
    )


def _numbers(steered: Steered) -> Iterator[Number]:
    shift = Estimate.over(steered.shifts[1.0])
    for name, controls in (("random directions", steered.random), ("shuffled sentences", steered.shuffled)):
        yield Number(
            f"{steered.contrast.name}: shift of the log-odds, nats",
            shift,
            name,
            Estimate.over(controls.mean(0)),
            Estimate.over(steered.shifts[1.0] - controls.mean(0)),
        )


def _figures(found: Sequence[Steered]) -> tuple[Figure, ...]:
    def doses(steered: Steered) -> Series:
        values = [Estimate.over(shift) for shift in steered.shifts.values()]
        return Series(
            f"{steered.contrast.name} ({steered.contrast.manners[0]})",
            tuple(steered.shifts),
            tuple(round(value.value, 3) for value in values),
            tuple(round(value.value if value.low is None else value.low, 3) for value in values),
            tuple(round(value.value if value.high is None else value.high, 3) for value in values),
        )

    names, values, controls = [], [], []
    for steered in found:
        for kind, shifts in (("", steered.shifts[1.0]), (", random", None), (", shuffled", None)):
            name = f"{steered.contrast.name}{kind}"
            rows = steered.random if kind == ", random" else steered.shuffled
            names.append(name)
            values.append(Estimate.over(rows.mean(0) if shifts is None else shifts))
            controls += [name] if kind else []
    return (
        Lines(
            "The more is added, the more it shifts",
            "Shift of the log-odds by the dose that is added, with 95 % intervals over choices. A direction that "
            "steers goes up through zero.",
            x="dose",
            y="shift of the log-odds (nats)",
            series=tuple(doses(steered) for steered in found),
            level=0.0,
            whole_x=False,
        ),
        Bars(
            "Beside directions of the same length",
            "Shift at a dose of 1; grey: random directions, and directions of shuffled sentences.",
            x="shift of the log-odds (nats)",
            names=tuple(names),
            values=tuple(values),
            controls=tuple(controls),
        ),
        Lines(
            "Where it works",
            "Mean shift at a dose of 1 on the choices that the stream was chosen on.",
            x="residual stream",
            y="shift of the log-odds (nats)",
            series=tuple(
                Series(
                    steered.contrast.name,
                    tuple(float(layer) for layer in steered.by_layer),
                    tuple(round(value, 3) for value in steered.by_layer.values()),
                )
                for steered in found
            ),
            level=0.0,
        ),
    )


SECTION = Steering()

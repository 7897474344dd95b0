"""Steerable directions: whether adding the difference of two manners of writing makes a model write in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reprise.data.contrasts import Choice, Contrast, load_contrasts
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
from reprise.workbench.inspection.needs import need_context, need_tokenizer
from reprise.workbench.inspection.texts import continued, with_start
from reprise.workbench.inspection.wording import answered, listed, number, share_of_items, sureness, written

DOSES = (-2.0, -1.0, 0.0, 1.0, 2.0)
LAYERS = 4
CONTROLS = 4  # of each kind
SHOWN_DOSE, SHOWN_TOKENS = 2.0, 20
AFTER_START = slice(1, None)
ENOUGH = 0.5  # nats
TOKENS = 14  # of a choice with its beginning, about

_SNIPPET = """\
from reprise.data.contrasts import load_contrasts
from reprise.language import LanguageModel
from reprise.workbench.inspection.sections.steering import direction

lm = LanguageModel.from_pretrained(MODEL)
contrast = load_contrasts()[0]
with lm.steer({layer}, direction(lm, contrast, {layer}), scale=2.0, positions=slice(1, None)):
    print(lm.decode(lm.generate(contrast.opening, 30)[0]))"""


@dataclass(frozen=True)
class Steered:
    """What adding a direction does to the choices of one contrast.

    Parameters
    ----------
    contrast : of which the direction is.
    layer : the residual stream, chosen on the pilot choices.
    by_layer : mean shift on the pilot choices, by stream.
    shifts : shift of the log-odds of each choice, by dose.
    random, shuffled : (controls, choices) shifts at dose 1 with random directions, and those of shuffled sentences.
    lost : what the likelier of the two continuations lost at dose 1, in nats a choice.
    texts : how the model goes on with the dose in both directions, and without.
    """

    contrast: Contrast
    layer: int
    by_layer: dict[int, float]
    shifts: dict[float, np.ndarray]
    random: np.ndarray
    shuffled: np.ndarray
    lost: np.ndarray
    texts: tuple[str, ...]

    @property
    def difference(self) -> Estimate:
        """The shift at dose 1 beyond that of the controls, over choices."""
        return Estimate.over(self.shifts[1.0] - np.concatenate([self.random, self.shuffled]).mean(0))

    @property
    def answer(self) -> Answer:
        """Whether the direction steers."""
        return answered(self.difference, enough=ENOUGH)

    @property
    def stronger(self) -> int:
        """How many controls shift the choices as much or more."""
        means = np.concatenate([self.random, self.shuffled]).mean(1)
        return int((means >= self.shifts[1.0].mean()).sum())


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
        layers = len(_layers(model))
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

            found.append(_steered(model, contrast, _controls(effort), rng, tell))
        return _result(model, found, effort)


def direction(model: LanguageModel, contrast: Contrast, layer: int) -> Tensor:
    """Give the mean state of the first manner's sentences minus that of the second's, in one residual stream."""
    first, second = _means(model, contrast, [layer])
    return first[:, 0].mean(0) - second[:, 0].mean(0)


def _steered(
    model: LanguageModel, contrast: Contrast, controls: int, rng: np.random.Generator, watch: Watch
) -> Steered:
    layers = _layers(model)
    first, second = _means(model, contrast, layers)
    directions = dict(zip(layers, first.mean(0) - second.mean(0), strict=True))
    plain = _log_odds(model, contrast.pilot)[0]
    by_layer = {}
    for place, layer in enumerate(layers):
        with model.steer(layer, directions[layer], positions=AFTER_START):
            by_layer[layer] = float((_log_odds(model, contrast.pilot)[0] - plain).mean())
        watch(0.2 * (place + 1) / len(layers))
    layer = max(by_layer, key=lambda layer: by_layer[layer])
    chosen, norm = directions[layer], float(directions[layer].norm())
    plain, before = _log_odds(model, contrast.choices)
    shifts, lost = {0.0: np.zeros(len(plain))}, np.zeros(len(plain))
    for dose in (dose for dose in DOSES if dose):
        with model.steer(layer, chosen, dose, positions=AFTER_START):
            odds, likeliest = _log_odds(model, contrast.choices)
        shifts[dose] = odds - plain
        if dose == 1.0:
            lost = before - likeliest
    watch(0.4)
    place = layers.index(layer)
    others = [*_random(chosen, controls, rng), *_shuffled(first[:, place], second[:, place], norm, controls, rng)]
    moved = []
    for count, other in enumerate(others):
        with model.steer(layer, other, positions=AFTER_START):
            moved.append(_log_odds(model, contrast.choices)[0] - plain)
        watch(0.4 + 0.5 * (count + 1) / len(others))
    texts = tuple(_written(model, contrast.opening, layer, dose * chosen) for dose in (SHOWN_DOSE, 0.0, -SHOWN_DOSE))
    watch(1.0)
    return Steered(
        contrast,
        layer,
        by_layer,
        dict(sorted(shifts.items())),
        np.stack(moved[:controls]),
        np.stack(moved[controls:]),
        lost,
        texts,
    )


def _means(model: LanguageModel, contrast: Contrast, layers: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Give each sentence's mean state over its tokens but the start, by manner (sentences, layers, d_model)."""
    found = []
    for sentences in (contrast.first, contrast.second):
        batch = model.batch([with_start(model, sentence) for sentence in sentences])
        states = model.residuals(batch, layers=layers).float()
        inside = batch.mask.clone()
        inside[torch.arange(len(batch)), batch.width - batch.lengths] = False
        weights = inside / inside.sum(1, keepdim=True).clamp(min=1)
        found.append(torch.einsum("blcd,bc->bld", states, weights))
    return found[0], found[1]


def _log_odds(model: LanguageModel, choices: Sequence[Choice]) -> tuple[np.ndarray, np.ndarray]:
    """Give the log-odds of each choice's first continuation over its second, and the likelier one's log-probability."""
    pairs = [continued(model, choice.prompt, text) for choice in choices for text in (choice.first, choice.second)]
    scored = model.log_probs([prompt for prompt, _ in pairs], [rest for _, rest in pairs])
    totals = np.array([float(row.float().sum()) for row in scored]).reshape(-1, 2)
    return totals[:, 0] - totals[:, 1], totals.max(1)


def _random(chosen: Tensor, count: int, rng: np.random.Generator) -> Iterator[Tensor]:
    for _ in range(count):
        drawn = torch.tensor(rng.normal(size=len(chosen)), dtype=chosen.dtype, device=chosen.device)
        yield drawn * (chosen.norm() / drawn.norm())


def _shuffled(first: Tensor, second: Tensor, norm: float, count: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Give directions between halves of all sentences taken at random, each with as many of both manners."""
    both = torch.cat([first, second])
    half = len(first) // 2
    for _ in range(count):
        one, other = rng.permutation(len(first)), rng.permutation(len(second)) + len(first)
        here = np.concatenate([one[:half], other[:half]])
        beside = np.concatenate([one[half:], other[half:]])
        found = both[here].mean(0) - both[beside].mean(0)
        yield found * (norm / max(float(found.norm()), 1e-12))


def _written(model: LanguageModel, opening: str, layer: int, vector: Tensor) -> str:
    steering = model.steer(layer, vector, positions=AFTER_START) if bool(vector.any()) else nullcontext()
    with steering:
        tokens = model.generate([with_start(model, opening)], SHOWN_TOKENS)[0]
    return f"{opening} … {' '.join(model.decode(tokens).split())}"


def _layers(model: LanguageModel) -> list[int]:
    """Give some residual streams between the embeddings and the last."""
    inner = np.linspace(0, model.n_layers, LAYERS + 2)[1:-1]
    return sorted({min(max(round(stream), 0), model.n_layers - 1) for stream in inner})


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

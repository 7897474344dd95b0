"""Directions between two manners of writing, and what adding them does, beside directions that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reprise.data.contrasts import Choice, Contrast
from reprise.language import LanguageModel
from reprise.workbench.inspection.contract import Answer, Estimate, Watch
from reprise.workbench.inspection.texts import continued, with_start
from reprise.workbench.inspection.wording import answered

DOSES = (-2.0, -1.0, 0.0, 1.0, 2.0)
LAYERS = 4
SHOWN_DOSE, SHOWN_TOKENS = 2.0, 20
AFTER_START = slice(1, None)
ENOUGH = 0.5  # nats


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


def direction(model: LanguageModel, contrast: Contrast, layer: int) -> Tensor:
    """Give the mean state of the first manner's sentences minus that of the second's, in one residual stream."""
    first, second = _means(model, contrast, [layer])
    return first[:, 0].mean(0) - second[:, 0].mean(0)


def steer_by(
    model: LanguageModel, contrast: Contrast, controls: int, rng: np.random.Generator, watch: Watch
) -> Steered:
    """Take a contrast's direction from its sentences, choose the stream on some choices, and measure on the others.

    Parameters
    ----------
    model : to be steered.
    contrast : whose direction is added.
    controls : how many random directions, and how many of shuffled sentences, are added instead.
    rng : draws them.
    watch : told the share that is done.
    """
    layers = layers_of(model)
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


def layers_of(model: LanguageModel) -> list[int]:
    """Give some residual streams between the embeddings and the last."""
    inner = np.linspace(0, model.n_layers, LAYERS + 2)[1:-1]
    return sorted({min(max(round(stream), 0), model.n_layers - 1) for stream in inner})

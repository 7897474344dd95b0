"""Can the model move its activation: it is told to imitate a label, and its sentence is scored as it stands there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.language.metacognition.activations import check_sentences, sentence_activations, span_means
from reprise.language.metacognition.axes import ActivationAxis
from reprise.language.metacognition.copies import is_copy
from reprise.language.metacognition.prompts import Prompts, default_prompts
from reprise.language.metacognition.report import checked_labels, examples_as_messages, lowest_label
from reprise.language.metacognition.transcript import Message, write
from reprise.language.model import LanguageModel
from reprise.metrics import EffectSize, cohens_d
from reprise.metrics.effects import pooled_deviation

Mode = Literal["explicit", "implicit"]
TARGET = "target"


@dataclass(frozen=True)
class Trial:
    """One reply: what was asked for, what was said, and its scores.

    Parameters
    ----------
    run : whose examples it followed.
    flipped : whether these showed each label as the other.
    label : that was to be imitated, as it was shown: 0 for the lowest, 1 for the highest.
    text : the reply.
    scores : name of an axis -> score of the reply in its conversation.
    """

    run: int
    flipped: bool
    label: int
    text: str
    scores: Mapping[str, float]

    @property
    def intended(self) -> int:
        """The side of the axis that the shown label stands for: 1 for scores above zero."""
        return self.label ^ int(self.flipped)


@dataclass(frozen=True)
class ControlResult:
    """What the control task gave.

    Parameters
    ----------
    trials : replies that were scored.
    n_examples : labelled examples before each.
    copies : replies that were left out because they copied an example.
    empty : replies that were left out because nothing but blanks or a score was said.

    Examples
    --------
    >>> replies = [(False, 0, "rain", -1.0), (True, 1, "wind", -2.0), (False, 1, "sun", 1.0), (True, 0, "light", 2.0)]
    >>> trials = [Trial(0, flipped, label, text, {TARGET: score}) for flipped, label, text, score in replies]
    >>> result = ControlResult(tuple(trials), n_examples=4)
    >>> result.scores_0.tolist(), result.scores_1.tolist(), result.d  # a flipped 0 asks for the upper side
    ([-1.0, -2.0], [1.0, 2.0], 4.24)
    """

    trials: tuple[Trial, ...]
    n_examples: int
    copies: int = 0
    empty: int = 0

    def scores(self, intended: int, axis: str = TARGET) -> Float[np.ndarray, " n"]:
        """Give the scores along an axis where side `intended` was asked for."""
        return np.array([trial.scores[axis] for trial in self.trials if trial.intended == intended], dtype=np.float64)

    @property
    def scores_0(self) -> Float[np.ndarray, " n"]:
        """Scores along the target axis where its lower side was asked for."""
        return self.scores(0)

    @property
    def scores_1(self) -> Float[np.ndarray, " n"]:
        """Scores along the target axis where its upper side was asked for."""
        return self.scores(1)

    @property
    def d(self) -> float:
        """The control effect: Cohen's d between both, positive where the model moved the way it was asked to."""
        return float(self.effect().d)

    @property
    def ci(self) -> tuple[float, float]:
        """Its 95 % interval, as of independent replies."""
        low, high = self.effect().interval
        return float(low), float(high)

    def effect(self, axis: str = TARGET) -> EffectSize:
        """Give the effect along another axis; see `reprise.metrics.cohens_d`.

        Raises
        ------
        InvalidInputError
            If fewer than two replies are left on one side.
        """
        return cohens_d(self.scores(1, axis), self.scores(0, axis))

    def paired(self, axis: str = TARGET) -> Mapping[str, float]:
        """Give each text's shift from the lower to the upper side, in pooled standard deviations.

        Their mean over the texts of implicit control is Cohen's d, and says with less noise whether it is zero, because
        the same sentences were scored on both sides.

        Raises
        ------
        InvalidInputError
            If a text was not scored on both sides, as in explicit control.
        """
        pooled = pooled_deviation(self.scores(1, axis), self.scores(0, axis))
        sides: dict[str, dict[int, list[float]]] = {}
        for trial in self.trials:
            sides.setdefault(trial.text, {0: [], 1: []})[trial.intended].append(trial.scores[axis])
        if not all(side[0] and side[1] for side in sides.values()):
            raise InvalidInputError("Not every text was scored on both sides; only implicit control has pairs.")
        return {text: float((np.mean(side[1]) - np.mean(side[0])) / pooled) for text, side in sides.items()}


def control_experiment(
    model: LanguageModel,
    sentences: Sequence[str],
    axis: ActivationAxis,
    n_examples: int = 16,
    mode: Mode = "explicit",
    *,
    labels: ArrayLike | None = None,
    n_runs: int = 10,
    n_replies: int = 1,
    others: Mapping[str, ActivationAxis] | None = None,
    max_new_tokens: int = 50,
    temperature: float = 0.7,
    copied_share: float = 0.5,
    points: int = 2,
    prompts: Prompts | None = None,
    batch_size: int = 16,
    random_state: int = 0,
) -> ControlResult:
    """Ask the model to imitate each label in turn, and measure how far its activation moves along the axis.

    A run draws examples, shows them with their labels, or with each label flipped, and asks to imitate label 0, or 1.
    All four are done with the same examples, so that a liking for a digit moves both sides alike. The reply is scored
    within its conversation, without the score it may carry:

    - ``"explicit"``: the model writes it; copies of examples are left out, and counted;
    - ``"implicit"``: it is a given sentence, the same on both sides, so that nothing but context can move it.

    Parameters
    ----------
    model : a chat model; without a chat template each message is a line, and a reply ends with its line.
    sentences : m of them.
    axis : fitted on `sentence_activations` of other sentences, with its `layer`.
    n_examples : labelled examples before the reply; with none, there is nothing to learn the labels from.
    mode : as above.
    labels : (m,) zeros and ones, or 1 to `points`; None takes ``axis.label`` of the sentences' own activations.
    n_runs : with sentences drawn anew.
    n_replies : a run and condition: replies that the model writes, or sentences that are given.
    others : name -> further axes along which the same replies are scored, of the same layer (for `control_precision`).
    max_new_tokens, temperature : of the replies that the model writes.
    copied_share : a reply is a copy if more than this share of it lies in one piece in an example.
    points : labels there are, 2, or an even number up to 8 (the paper: 6); the lowest and the highest are asked for.
    prompts : the words; None takes the binary or six-point ones.
    batch_size : replies at once.
    random_state : of draws and replies.

    Returns
    -------
    ControlResult

    Raises
    ------
    InvalidInputError
        If the axis has no layer, labels are others than 0 and 1 (or 1 to `points`), there are too few sentences, or a
        conversation exceeds the model's context.

    Notes
    -----
    Cost: what the conversations of a condition share, examples and instruction, is read once; then each reply's own
    tokens, up to the axis's layer.

    References
    ----------
    Li Ji-An et al. (2025), arXiv 2505.13763, "control" task. Code: github.com/sakimarquis/llm_neurofeedback.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> words = "the sun rose rain fell wind blew hard".split()
    >>> lm = LanguageModel(*tiny_language_model("Say something. [Score: { 0 1 } ] " + " ".join(words)))
    >>> found = sentence_activations(lm, [("Say something.", word) for word in words], 1)[1]
    >>> axis = ActivationAxis("pc", layer=1).fit(found)
    >>> result = control_experiment(lm, words, axis, 4, "implicit", n_runs=2, n_replies=3)
    >>> len(result.trials), len(result.paired())
    (24, 3)
    """
    if mode not in get_args(Mode):
        raise InvalidInputError(f"`mode` is one of {', '.join(get_args(Mode))}; {mode!r} was given.")
    axes = {TARGET: axis} | dict(others or {})
    if axis.layer is None or any(other.layer not in (None, axis.layer) for other in axes.values()):
        raise InvalidInputError("The axis needs a `layer` that is scored, and other axes the same one.")
    check_sentences(sentences)
    needed = n_examples + (n_replies if mode == "implicit" else 0)
    if n_examples < 0 or n_runs < 1 or n_replies < 1 or needed > len(sentences):
        raise InvalidInputError(
            f"{n_runs} runs of {n_examples} examples and {n_replies} replies were asked for; at least one run and "
            f"reply are expected, and {needed} sentences a run of the {len(sentences)} given."
        )
    words = prompts or default_prompts(points)
    if labels is None:
        own = sentence_activations(model, [(words.user, s) for s in sentences], axis.layer, batch_size=batch_size)
        labels = axis.label(own[axis.layer], points)
    task = _Task(
        model=model,
        sentences=sentences,
        labels=checked_labels(labels, len(sentences), points),
        axes=axes,
        layer=axis.layer,
        points=points,
        prompts=words,
        n_replies=n_replies,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        copied_share=copied_share,
        batch_size=batch_size,
        generator=torch.Generator().manual_seed(random_state),
    )
    rng = np.random.default_rng(random_state)
    trials: list[Trial] = []
    copies = empty = 0
    for run in range(n_runs):
        chosen = rng.permutation(len(sentences))[:needed]
        examples, given = chosen[:n_examples], [sentences[i] for i in chosen[n_examples:]]
        for flipped, label in product((False, True), (0, 1)):
            condition = _Condition(run, examples, flipped, label)
            replies = _Replies(given) if mode == "implicit" else task.replies(condition)
            trials += task.scored(condition, replies.kept)
            copies, empty = copies + replies.copies, empty + replies.empty
    return ControlResult(tuple(trials), n_examples, copies, empty)


class _Condition(NamedTuple):
    """Which examples are shown, how, and what is asked for."""

    run: int
    examples: np.ndarray
    flipped: bool
    label: int


class _Replies(NamedTuple):
    """Replies to score, and how many were left out."""

    kept: Sequence[str]
    copies: int = 0
    empty: int = 0


@dataclass(frozen=True, kw_only=True)
class _Task:
    """What all conditions of a control task share."""

    model: LanguageModel
    sentences: Sequence[str]
    labels: np.ndarray
    axes: Mapping[str, ActivationAxis]
    layer: int
    points: int
    prompts: Prompts
    n_replies: int
    max_new_tokens: int
    temperature: float
    copied_share: float
    batch_size: int
    generator: torch.Generator

    def replies(self, condition: _Condition) -> _Replies:
        """Let the model write its replies, and leave out what says nothing of its own."""
        said = [_without_score(text, self.prompts) for text in self._written(condition)]
        spoken = [text for text in said if text]
        examples = [self.sentences[i] for i in condition.examples]
        kept = [text for text in spoken if not is_copy(text, examples, self.copied_share)]
        return _Replies(kept, copies=len(spoken) - len(kept), empty=len(said) - len(spoken))

    def scored(self, condition: _Condition, replies: Sequence[str]) -> Iterator[Trial]:
        """Score replies within their conversation."""
        if not replies:
            return
        opening = self._opening(condition)
        transcripts = [write(self.model, [*opening, {"role": "assistant", "content": text}]) for text in replies]
        pairs = zip(transcripts, replies, strict=True)
        spans = [written.tokens(len(opening), 0, len(text)) for written, text in pairs]
        means = span_means(self.model, transcripts, spans, [self.layer], self.batch_size)[:, 0]
        scores = {name: axis.score_samples(means) for name, axis in self.axes.items()}
        for number, text in enumerate(replies):
            found = {name: float(values[number]) for name, values in scores.items()}
            yield Trial(condition.run, condition.flipped, condition.label, text, found)

    def _opening(self, condition: _Condition) -> list[Message]:
        """Give the conversation up to the model's own turn."""
        _, examples, flipped, label = condition
        lowest = lowest_label(self.points)
        highest = lowest + self.points - 1
        own = self.labels[examples]
        shown = lowest + highest - own if flipped else own
        request = f"{self.prompts.imitate.format(label=highest if label else lowest)} {self.prompts.user}"
        pairs = [(self.sentences[i], int(digit)) for i, digit in zip(examples, shown, strict=True)]
        told = examples_as_messages(self.prompts, self.prompts.control, pairs)
        return [*told, {"role": "user", "content": request}]

    def _written(self, condition: _Condition) -> Iterator[str]:
        model = self.model
        asked = write(model, self._opening(condition), ask=True).ids
        stop = None if getattr(model.tokenizer, "chat_template", None) else "\n"
        for start in range(0, self.n_replies, self.batch_size):
            rows: list[list[int]] = [[] for _ in range(min(self.batch_size, self.n_replies - start))]
            steps = model.decoding([asked]).repeat(len(rows)).sample(
                self.max_new_tokens, temperature=self.temperature, generator=self.generator, stop=stop
            )  # fmt: skip
            for step in steps:
                for row, token, active in zip(rows, step.tokens.tolist(), step.active.tolist(), strict=True):
                    if active:
                        row.append(token)
            yield from (model.decode(row) for row in rows)


def _without_score(reply: str, prompts: Prompts) -> str:
    """Cut a reply before the score that it may carry."""
    mark = prompts.score[: prompts.score.index("{")].strip()
    return reply.partition(mark)[0].strip()

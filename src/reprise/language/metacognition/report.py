"""Can the model report its activation: it reads labelled sentences, and predicts each label from those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.special import log_softmax, logsumexp
from sklearn.metrics import roc_auc_score

from reprise.errors import InvalidInputError
from reprise.language.metacognition.activations import check_sentences
from reprise.language.metacognition.axes import two_classes
from reprise.language.metacognition.observers import OBSERVER_C, sequential_observer
from reprise.language.metacognition.prompts import BINARY, Prompts, default_prompts
from reprise.language.metacognition.transcript import Message, Transcript, write
from reprise.language.model import LanguageModel


@dataclass(frozen=True)
class ReportResult:
    """What the model reported, over r runs of n examples; example k has k examples before it.

    Parameters
    ----------
    order : which sentence each example is.
    labels : true ones: 0 and 1, or 1 to the number of points.
    logits : of the labels' digits, lowest first.
    points : how many labels there are.
    baselines : name of the features -> an observer's probability of the label 1 (or of the upper half).

    Examples
    --------
    >>> logits = np.array([[[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]], [[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]]])
    >>> result = ReportResult(np.array([[0, 1, 2], [1, 2, 0]]), np.array([[0, 1, 1], [1, 0, 1]]), logits)
    >>> result.predictions.tolist(), result.accuracy_by_k.tolist(), result.accuracy(first=1)
    ([[0, 1, 1], [0, 0, 1]], [0.5, 1.0, 1.0], 1.0)
    """

    order: Int[np.ndarray, "runs n"]
    labels: Int[np.ndarray, "runs n"]
    logits: Float[np.ndarray, "runs n points"]
    points: int = 2
    baselines: Mapping[str, Float[np.ndarray, "runs n"]] = field(default_factory=dict)

    @property
    def predictions(self) -> Int[np.ndarray, "runs n"]:
        """The label whose digit is likeliest."""
        return self.logits.argmax(-1) + lowest_label(self.points)

    @property
    def correct(self) -> np.ndarray:
        """Whether each prediction is the label, ``(runs, n)``."""
        return self.predictions == self.labels

    @property
    def upper(self) -> Int[np.ndarray, "runs n"]:
        """Labels as 0 and 1: the lower and the upper half."""
        return (self.labels - lowest_label(self.points) >= self.points // 2).astype(np.int64)

    @property
    def logit_diff(self) -> Float[np.ndarray, "runs n"]:
        """The model's confidence in the upper label, or half of the labels: a difference of logits."""
        half = self.points // 2
        return logsumexp(self.logits[..., half:], axis=-1) - logsumexp(self.logits[..., :half], axis=-1)

    @property
    def accuracy_by_k(self) -> Float[np.ndarray, " n"]:
        """Share of runs in which example k was reported right."""
        return self.correct.mean(axis=0)

    @property
    def cross_entropy_by_k(self) -> Float[np.ndarray, " n"]:
        """Mean negative log-probability of the true digit among the digits of all labels, in nats."""
        chosen = (self.labels - lowest_label(self.points))[..., None]
        return -np.take_along_axis(log_softmax(self.logits, axis=-1), chosen, -1)[..., 0].mean(axis=0)

    def accuracy(self, first: int = 0, last: int | None = None) -> float:
        """Share of right reports among examples `first` to `last` (not included) of all runs."""
        return float(self.correct[:, first:last].mean())

    def auc(self, first: int = 0, last: int | None = None, baseline: str | None = None) -> float:
        """Area under the ROC curve of the confidence, a run at a time and averaged; indifferent to a favourite digit.

        Parameters
        ----------
        first, last : the examples that count, `last` not included.
        baseline : an observer of `baselines` instead of the model.

        Raises
        ------
        InvalidInputError
            If in a run all these examples are of one class.
        """
        confidence = self.logit_diff if baseline is None else self.baselines[baseline]
        values = []
        for labels, scores in zip(self.upper[:, first:last], confidence[:, first:last], strict=True):
            if len(set(labels.tolist())) < 2:
                raise InvalidInputError("In one run all of these examples are of one class; take more of them.")
            values.append(roc_auc_score(labels, scores))
        return float(np.mean(values))

    def baseline_accuracy(self, baseline: str, first: int = 0, last: int | None = None) -> float:
        """Share of examples whose half an observer of `baselines` named."""
        right = (self.baselines[baseline] > 0.5) == self.upper
        return float(right[:, first:last].mean())


def report_experiment(
    model: LanguageModel,
    sentences: Sequence[str],
    labels: ArrayLike,
    n_examples: int = 64,
    n_runs: int = 10,
    *,
    features: Mapping[str, ArrayLike] | None = None,
    C: float = OBSERVER_C,
    points: int = 2,
    prompts: Prompts | None = None,
    random_state: int = 0,
) -> ReportResult:
    """Show sentences with their labels, and read what label the model expects at each of them.

    Each example is a turn of a conversation: the user asks for a sentence, the assistant says it and its score, such as
    ``[Score: {1}]``. One forward pass reads the logits of the digits at every ``{``, so that example k is predicted
    from the k before it.

    Parameters
    ----------
    model : a chat model; without a chat template each message is a line.
    sentences : m of them.
    labels : (m,) zeros and ones, such as `median_split` of the scores along an `ActivationAxis`; or 1 to `points`.
    n_examples : a run; the sentences are drawn without replacement.
    n_runs : with sentences drawn anew.
    features : name -> (m, d) features of the sentences, from which observers learn with exactly the same examples:
        activations (the ideal observer), sentence embeddings, `word_features`. See `sequential_observer`.
    C : the observers' inverse penalty.
    points : 2, or an even number up to 8 (the paper: 6).
    prompts : the words; None takes the binary or six-point ones.
    random_state : of the draws.

    Returns
    -------
    ReportResult

    Raises
    ------
    InvalidInputError
        If labels are others than 0 and 1 (or 1 to `points`) or all alike, a sentence is empty, there are fewer than
        `n_examples`, the conversation exceeds the model's context (with the number of examples that fit), or the
        tokenizer does not give a digit a token of its own.

    Notes
    -----
    Cost: `n_runs` forward passes over some 30 tokens an example, quadratic in attention; logits at n positions only.

    References
    ----------
    Li Ji-An et al. (2025), arXiv 2505.13763, "report" task. Code: github.com/sakimarquis/llm_neurofeedback.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> words = "the sun rose rain fell wind blew".split()
    >>> lm = LanguageModel(*tiny_language_model("Say something. [Score: { 0 1 } ] " + " ".join(words)))
    >>> result = report_experiment(lm, words, [0, 1, 0, 1, 0, 1, 0], n_examples=5, n_runs=2)
    >>> result.accuracy_by_k.shape, result.logit_diff.shape
    ((5,), (2, 5))
    """
    check_sentences(sentences)
    known = checked_labels(labels, len(sentences), points)
    if not 1 <= n_examples <= len(sentences) or n_runs < 1:
        raise InvalidInputError(
            f"Runs and examples are at least 1, and there are {len(sentences)} sentences to draw from; {n_runs} runs "
            f"of {n_examples} were asked for."
        )
    words = prompts or default_prompts(points)
    rng = np.random.default_rng(random_state)
    order = np.stack([rng.permutation(len(sentences))[:n_examples] for _ in range(n_runs)])
    digits = _digits(model, words, sentences[0], points)
    shown = [[(sentences[i], int(known[i])) for i in row] for row in order]
    placed = [report_positions(model, examples, words) for examples in shown]
    logits = np.stack([_read(model, written, positions, digits) for written, positions in placed])
    result = ReportResult(order, known[order], logits, points)
    observed = {name: _observed(result, values, C) for name, values in (features or {}).items()}
    return replace(result, baselines=observed)


def examples_as_messages(words: Prompts, system: str, examples: Sequence[tuple[str, int]]) -> list[Message]:
    """Give a conversation in which the assistant says each sentence and its score."""
    messages = [{"role": "system", "content": system}] if system else []
    for sentence, label in examples:
        messages.append({"role": "user", "content": words.user})
        messages.append({"role": "assistant", "content": sentence + words.score.format(label=label)})
    return messages


def report_positions(
    model: LanguageModel, examples: Sequence[tuple[str, int]], prompts: Prompts = BINARY
) -> tuple[Transcript, list[int]]:
    """Write the report task's conversation, and give the position of the brace before each score.

    Raises
    ------
    InvalidInputError
        If it exceeds the model's context, or the tokenizer does not give a digit a token of its own.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("Say something. [Score: { 0 1 } ] the sun rose rain fell"))
    >>> written, positions = report_positions(lm, [("the sun rose", 1), ("rain fell", 0)])
    >>> [lm.decode(written.ids[place : place + 2]) for place in positions]
    ['{ 1', '{ 0']
    """
    messages = examples_as_messages(prompts, prompts.report, examples)
    written = write(model, messages)
    first = len(messages) - 2 * len(examples) + 1
    mark = prompts.score.format(label="\0").index("\0")
    digits = [written.digit(first + 2 * k, len(sentence) + mark) for k, (sentence, _) in enumerate(examples)]
    _check_fits(model, digits)
    return written, [digit - 1 for digit in digits]


def _check_fits(model: LanguageModel, ends: Sequence[int]) -> None:
    """Raise `InvalidInputError`, with the number of examples that fit, if the last one ends beyond the context."""
    limit = model.context_length
    if limit is not None and ends and ends[-1] > limit:
        raise InvalidInputError(
            f"{len(ends)} examples need {ends[-1]} tokens, more than the model's context of {limit}; "
            f"{sum(end <= limit for end in ends)} of these examples fit."
        )


def _read(
    model: LanguageModel, written: Transcript, positions: list[int], digits: list[int]
) -> Float[np.ndarray, "n points"]:
    ids = written.ids[: positions[-1] + 1]
    with torch.no_grad():
        logits = model.logits([ids], positions=positions)[0, :, digits]
    return logits.double().cpu().numpy()


def _observed(result: ReportResult, features: ArrayLike, C: float) -> Float[np.ndarray, "runs n"]:
    values = np.asarray(features)
    if values.ndim != 2 or len(values) <= int(result.order.max()):
        raise InvalidInputError(f"Features have one row for each sentence; shape {values.shape} was given.")
    pairs = zip(result.order, result.upper, strict=True)
    return np.stack([sequential_observer(values[row], labels, C) for row, labels in pairs])


def _digits(model: LanguageModel, words: Prompts, sentence: str, points: int) -> list[int]:
    """Give the token of each label's digit, as it stands after a sentence."""
    labels = [label + lowest_label(points) for label in range(points)]
    written = [report_positions(model, [(sentence, label)], words) for label in labels]
    tokens = [transcript.ids[positions[0] + 1] for transcript, positions in written]
    if len(set(tokens)) < points:
        raise InvalidInputError(f"The tokenizer gives some of the digits {labels} the same token; they must differ.")
    return tokens


def lowest_label(points: int) -> int:
    """Give the lowest label: labels are 0 and 1, or 1 to their number."""
    return 0 if points == 2 else 1


def checked_labels(labels: ArrayLike, n: int, points: int) -> Int[np.ndarray, " n"]:
    """Give labels as integers, or raise `InvalidInputError` if they are not 0 and 1, or 1 to `points`."""
    if points == 2:
        return two_classes(labels, n)
    if points not in range(4, 9, 2):
        raise InvalidInputError(f"`points` is 2, 4, 6 or 8; {points} was given.")
    known = np.asarray(labels)
    if known.shape != (n,) or set(known.tolist()) - set(range(1, points + 1)) or len(set(known.tolist())) < 2:
        raise InvalidInputError(f"{n} labels of 1 to {points}, not all alike, are expected, one for each sentence.")
    return known.astype(np.int64)

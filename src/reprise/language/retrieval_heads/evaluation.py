"""What masking heads does to needle recall, to extractive question answering, to answers with or without reasoning."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from reprise.errors import InvalidInputError
from reprise.language.interventions import Head, HeadMode
from reprise.language.model import LanguageModel
from reprise.language.retrieval_heads.needles import NeedleSample
from reprise.language.retrieval_heads.rouge import rouge1_recall, word_counts
from reprise.language.retrieval_heads.scores import MAX_NEW_TOKENS, batches

_ARTICLES = ("a", "an", "the")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_VERDICT = re.compile(r"answer is:?\s*(.+?)(?:\.\s|\.?$)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class NeedleEvaluation:
    """How well a model finds needles.

    Parameters
    ----------
    recalls : ROUGE-1 recall of each answer in the model's own response.
    log_probs : mean log-probability of the right answer's tokens, when the model is made to say it (nats a token).
    responses : what the model said.

    Examples
    --------
    >>> evaluation = NeedleEvaluation(np.array([1.0, 0.5]), np.array([-0.1, -2.0]), ("under the boat", "the boat"))
    >>> float(evaluation.recalls.mean())
    0.75
    """

    recalls: Float[np.ndarray, " samples"]
    log_probs: Float[np.ndarray, " samples"]
    responses: tuple[str, ...]


class Passage(NamedTuple):
    """A text, a question about it, and the words of the text that answer it (any one of `answers` is right).

    >>> Passage("The key lies under the boat.", "Where is the key?", ("under the boat", "the boat")).question
    'Where is the key?'
    """

    text: str
    question: str
    answers: tuple[str, ...]


class Problem(NamedTuple):
    """A question whose answer is a word or a number; for multiple choice, the letter.

    >>> Problem("Two boats carry 3 keys each. How many keys are there?", "6").answer
    '6'
    """

    question: str
    answer: str


def mask_heads(model: LanguageModel, heads: Collection[Head], mode: HeadMode = "zero") -> AbstractContextManager[None]:
    """Mask attention heads at every position, within a ``with`` block.

    Parameters
    ----------
    model : the handle on the model.
    heads : (layer, head) pairs, such as `RetrievalResult.top` gives.
    mode : ``"zero"`` lets nothing of the head through; ``"uniform"`` sets its queries to zero, so that it attends to
        everything alike, which is what the authors' code does.

    Examples
    --------
    >>> from reprise.language import LanguageModel
    >>> from reprise.language.retrieval_heads import Needle, NeedleTask
    >>> from reprise.models.tiny import tiny_language_model
    >>> text, needle = "It rained. Nobody came.", Needle("Where is it?", "It lies here.", "here")
    >>> lm = LanguageModel(*tiny_language_model(f"{text} {needle.needle}"))
    >>> samples = NeedleTask(text, [needle]).grid(lm.tokenizer, lengths=[9], depths=[0, 1])
    >>> with mask_heads(lm, [(0, 1), (1, 3)]):
    ...     recall = needle_recall(lm, samples, max_new_tokens=3)
    """
    return model.ablate_heads(heads, mode)


def needle_recall(
    model: LanguageModel,
    samples: Sequence[NeedleSample],
    *,
    max_new_tokens: int = MAX_NEW_TOKENS,
    batch_size: int = 8,
) -> float:
    """Give the mean ROUGE-1 recall of the answers in the model's responses.

    Examples
    --------
    >>> from reprise.language import LanguageModel
    >>> from reprise.language.retrieval_heads import Needle, NeedleTask
    >>> from reprise.models.tiny import tiny_language_model
    >>> text, needle = "It rained. Nobody came.", Needle("Where is it?", "It lies here.", "here")
    >>> lm = LanguageModel(*tiny_language_model(f"{text} {needle.needle}"))
    >>> samples = NeedleTask(text, [needle]).grid(lm.tokenizer, lengths=[9], depths=[0, 1])
    >>> 0 <= needle_recall(lm, samples, max_new_tokens=3) <= 1
    True
    """
    return float(evaluate_needles(model, samples, max_new_tokens=max_new_tokens, batch_size=batch_size).recalls.mean())


def evaluate_needles(
    model: LanguageModel,
    samples: Sequence[NeedleSample],
    *,
    max_new_tokens: int = MAX_NEW_TOKENS,
    batch_size: int = 8,
) -> NeedleEvaluation:
    """Let the model answer each prompt, and also make it say the right answer and see how likely it was.

    Both share one reading of the prompts, which is where the time goes. The log-probability is the measure with less
    noise; the recall is the paper's.

    Examples
    --------
    >>> from reprise.language import LanguageModel
    >>> from reprise.language.retrieval_heads import Needle, NeedleTask
    >>> from reprise.models.tiny import tiny_language_model
    >>> text, needle = "It rained. Nobody came.", Needle("Where is it?", "It lies here.", "here")
    >>> lm = LanguageModel(*tiny_language_model(f"{text} {needle.needle}"))
    >>> samples = NeedleTask(text, [needle]).grid(lm.tokenizer, lengths=[9], depths=[0, 1])
    >>> evaluate_needles(lm, samples, max_new_tokens=3).log_probs.shape
    (2,)
    """
    responses: list[str] = []
    log_probs: list[float] = []
    for batch in batches(samples, batch_size):
        decoding = model.decoding([sample.ids for sample in batch])
        tokens: list[list[int]] = [[] for _ in batch]
        for step in decoding.greedy(max_new_tokens, stop="\n"):
            for row, token, active in zip(tokens, step.tokens.tolist(), step.active.tolist(), strict=True):
                if active:
                    row.append(token)
        responses += [model.decode(row).strip() for row in tokens]
        log_probs += [float(row.mean()) for row in decoding.log_probs([sample.answer_ids for sample in batch])]
    recalls = [rouge1_recall(sample.answer, response) for sample, response in zip(samples, responses, strict=True)]
    return NeedleEvaluation(np.array(recalls), np.array(log_probs), tuple(responses))


def masking_test(
    model: LanguageModel,
    samples: Sequence[NeedleSample],
    masks: Mapping[str, Collection[Head]],
    *,
    mode: HeadMode = "zero",
    max_new_tokens: int = MAX_NEW_TOKENS,
    batch_size: int = 8,
) -> dict[str, NeedleEvaluation]:
    """Evaluate the same samples under several masks: the causal test of whether heads retrieve.

    Parameters
    ----------
    model : the handle on the model.
    samples : prompts; not those on which the heads were found.
    masks : heads to mask, by name; an empty list is the model as it is.
    mode : as for `mask_heads`.
    max_new_tokens, batch_size : as for `evaluate_needles`.

    Examples
    --------
    >>> from reprise.language import LanguageModel
    >>> from reprise.language.retrieval_heads import Needle, NeedleTask
    >>> from reprise.models.tiny import tiny_language_model
    >>> text, needle = "It rained. Nobody came.", Needle("Where is it?", "It lies here.", "here")
    >>> lm = LanguageModel(*tiny_language_model(f"{text} {needle.needle}"))
    >>> samples = NeedleTask(text, [needle]).grid(lm.tokenizer, lengths=[9], depths=[0, 1])
    >>> found = masking_test(lm, samples, {"none": [], "one": [(0, 0)]}, max_new_tokens=3)
    >>> bool((found["none"].log_probs != found["one"].log_probs).all())
    True
    """
    found = {}
    for name, heads in masks.items():
        with mask_heads(model, heads, mode):
            found[name] = evaluate_needles(model, samples, max_new_tokens=max_new_tokens, batch_size=batch_size)
    return found


def extractive_f1(
    model: LanguageModel, passages: Sequence[Passage], *, max_new_tokens: int = MAX_NEW_TOKENS, batch_size: int = 8
) -> Float[np.ndarray, " passages"]:
    """Give each passage's F1 of the words in the model's answer and in the best of the right ones.

    Words are compared as in SQuAD (Rajpurkar et al., 2016): in lower case, without punctuation and articles.

    Examples
    --------
    >>> from reprise.language import LanguageModel
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("The key lies under the boat. Where is it?"))
    >>> extractive_f1(lm, [Passage("The key lies under the boat.", "Where is it?", ("under the boat",))]).shape
    (1,)
    """
    prompts = [f"{text}\nAnswer with words from the text.\nQuestion: {question}" for text, question, _ in passages]
    answers = _answers(model, prompts, max_new_tokens, batch_size, stop="\n")
    return np.array(
        [
            max(_f1(right, answer) for right in passage.answers)
            for passage, answer in zip(passages, answers, strict=True)
        ]
    )


def problem_accuracy(
    model: LanguageModel,
    problems: Sequence[Problem],
    *,
    chain_of_thought: bool,
    max_new_tokens: int | None = None,
    batch_size: int = 8,
) -> Float[np.ndarray, " problems"]:
    """Say which problems the model solves (1 or 0), answering at once or after reasoning in words.

    Reasoning refers back to the question and to what was written, and so needs retrieval heads; answering from
    memory does not: masking them should hurt the first far more. That takes a model that can reason in words, of some
    billions of parameters; SmolLM2-135M cannot, with or without its heads.

    Parameters
    ----------
    model : the handle on the model.
    problems : questions.
    chain_of_thought : whether the model is asked to think step by step first.
    max_new_tokens : the longest response; 256 with reasoning and 16 without, unless given.
    batch_size : problems answered together.

    Examples
    --------
    >>> from reprise.language import LanguageModel
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("How many keys are there? The answer is 6 or 7."))
    >>> problem_accuracy(lm, [Problem("How many keys are there?", "6")], chain_of_thought=False).shape
    (1,)
    """
    if chain_of_thought:
        request, longest = 'Think step by step. End with "The answer is" and the answer.', 256
    else:
        request, longest = 'Reply only with "The answer is" and the answer.', 16
    prompts = [f"{problem.question}\n{request}" for problem in problems]
    answers = _answers(model, prompts, max_new_tokens or longest, batch_size, stop=None)
    return np.array([float(_agrees(problem.answer, answer)) for problem, answer in zip(problems, answers, strict=True)])


def _answers(
    model: LanguageModel, prompts: Sequence[str], max_new_tokens: int, batch_size: int, stop: str | None
) -> list[str]:
    if not prompts:
        raise InvalidInputError("There are no questions; at least one is expected.")
    chats = bool(getattr(model.tokenizer, "chat_template", None))
    ids = [
        model.encode(model.chat(prompt), special=False) if chats else model.encode(f"{prompt}\nAnswer:")
        for prompt in prompts
    ]
    responses = []
    for first in range(0, len(ids), batch_size):
        responses += model.generate(ids[first : first + batch_size], max_new_tokens, stop=stop)
    return [model.decode(response).strip() for response in responses]


def _f1(right: str, answer: str) -> float:
    expected, found = word_counts(right), word_counts(answer)
    for article in _ARTICLES:
        expected.pop(article, None)
        found.pop(article, None)
    common = (expected & found).total()
    return 2 * common / (expected.total() + found.total()) if common else 0.0


def _agrees(right: str, response: str) -> bool:
    """Compare the last answer that the response states with the right one: as numbers, or as words."""
    stated = _VERDICT.findall(response)
    answer = stated[-1] if stated else response
    if _NUMBER.fullmatch(right.strip()):
        numbers = _NUMBER.findall(answer)
        return bool(numbers) and float(numbers[-1].replace(",", "")) == float(right.replace(",", ""))
    return word_counts(right) == word_counts(answer)

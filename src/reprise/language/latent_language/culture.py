"""Questions that cultures answer differently: whose answer a model's intermediate states hold.

References
----------
C. Zhong et al. (2024), arXiv:2408.10811, on cultural conflicts between latent and target languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reprise.errors import InvalidInputError
from reprise.language.latent_language.lens import BATCH, logit_lens
from reprise.language.latent_language.tokens import MIN_CHARS, language_token_ids
from reprise.language.model import LanguageModel
from reprise.language.reading import Layers


@dataclass(frozen=True)
class CultureQuestion:
    """A question, and what is answered to it where a language is at home.

    Parameters
    ----------
    name : for people.
    prompts : language to the question in it, written so that the answer is the next word.
    answers : culture to the words that give its answer, in any language that may be read off a state.

    Examples
    --------
    >>> asked = {"en": "The school year begins in", "fr": "L'année scolaire commence en"}
    >>> question = CultureQuestion("school", asked, {"ja": ["April", "avril"], "fr": ["September", "septembre"]})
    >>> question.answers["ja"]
    ['April', 'avril']
    """

    name: str
    prompts: Mapping[str, str]
    answers: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class AnswerProfile:
    """Probabilities of each culture's answer, by residual stream.

    Parameters
    ----------
    cultures : in the order of the last axis.
    streams : residual streams read.
    names : of the questions kept.
    paired : probability, at each question, of the tokens that begin the words of each question's answers.
    skipped : number of questions left out, which lack the language asked for or a culture, or whose answers begin
        alike.

    Examples
    --------
    >>> first = [[[0.01, 0.1], [0.001, 0.01]]]  # at the first question, the answers of the first, then of the second
    >>> second = [[[0.01, 0.01], [0.001, 0.1]]]
    >>> profile = AnswerProfile(("en", "fr"), (0,), ("school", "month"), np.array([first, second]), skipped=0)
    >>> profile.advantage("fr", "en", corrected=False).round(6).tolist()
    [[1.0], [2.0]]
    >>> profile.advantage("fr", "en").round(6).tolist()  # the second word is the more frequent one anyway
    [[1.0], [1.0]]
    """

    cultures: tuple[str, ...]
    streams: tuple[int, ...]
    names: tuple[str, ...]
    paired: Float[np.ndarray, "questions streams questions cultures"]
    skipped: int

    @property
    def probability(self) -> Float[np.ndarray, "questions streams cultures"]:
        """The probability of each question's own answers."""
        return np.moveaxis(np.diagonal(self.paired, axis1=0, axis2=2), -1, 0)

    def advantage(self, culture: str, over: str, *, corrected: bool = True) -> Float[np.ndarray, "questions streams"]:
        """Give how much more probable one culture's answer is than another's: the decimal logarithm of the ratio.

        Parameters
        ----------
        culture, over : those to compare.
        corrected : take off the mean of the same at the other questions, where neither is an answer. One word may be
            more frequent than the other whatever is asked; without a second question there is no correction to make.

        Raises
        ------
        InvalidInputError
            If a culture was not read, or there is one question and a correction is asked for.
        """
        for name in (culture, over):
            if name not in self.cultures:
                raise InvalidInputError(f"There is no culture {name!r}; there are {', '.join(self.cultures)}.")
        logs = np.log10(np.maximum(self.paired, np.finfo(np.float32).tiny))
        ratios = logs[..., self.cultures.index(culture)] - logs[..., self.cultures.index(over)]
        own = np.diagonal(ratios, axis1=0, axis2=2).T
        if not corrected:
            return own
        if len(own) < 2:
            raise InvalidInputError("A correction is read off other questions; there is only one question.")
        return own - (ratios.sum(0).T - own) / (len(own) - 1)


def answer_probabilities(
    model: LanguageModel,
    questions: Sequence[CultureQuestion],
    language: str,
    cultures: Sequence[str],
    *,
    layers: Layers = "all",
    min_chars: int = MIN_CHARS,
    batch_size: int = BATCH,
) -> AnswerProfile:
    """Ask questions in one language, and follow the answers of several cultures through the residual streams.

    Parameters
    ----------
    model : the model.
    questions : with answers of each of `cultures`; those that are not asked in `language`, or lack a culture, or where
        one token begins the answers of two cultures, are left out and counted.
    language : in which to ask.
    cultures : two or more.
    layers, min_chars, batch_size : as in `latent_language_profile`.

    Raises
    ------
    InvalidInputError
        If no question is left.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> question = CultureQuestion("school", {"fr": "l'école commence en"}, {"en": ["août"], "fr": ["septembre"]})
    >>> model = LanguageModel(*tiny_language_model("l'école commence en août septembre"))
    >>> answer_probabilities(model, [question], "fr", ["en", "fr"]).probability.shape
    (1, 3, 2)
    """
    if len(set(cultures)) < 2:
        raise InvalidInputError(f"Two or more cultures are expected; {tuple(cultures)} was given.")
    kept = []
    for question in questions:
        if language not in question.prompts or not set(cultures) <= set(question.answers):
            continue
        sets = [
            {
                token
                for word in question.answers[culture]
                for token in language_token_ids(model, word, min_chars=min_chars)
            }
            for culture in cultures
        ]
        if all(sets) and sum(map(len, sets)) == len(set[int]().union(*sets)):
            kept.append((question, [sorted(tokens) for tokens in sets]))
    if not kept:
        raise InvalidInputError(f"None of {len(questions)} questions in {language!r} tells {tuple(cultures)} apart.")
    reading = logit_lens(
        model,
        [question.prompts[language] for question, _ in kept],
        layers=layers,
        token_sets=[tokens for _, sets in kept for tokens in sets],
        batch_size=batch_size,
    )
    return AnswerProfile(
        tuple(cultures),
        reading.streams,
        tuple(question.name for question, _ in kept),
        reading.probability.reshape(len(kept), len(reading.streams), len(kept), len(cultures)),
        len(questions) - len(kept),
    )

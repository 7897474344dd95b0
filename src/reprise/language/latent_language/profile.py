"""Which language a model's intermediate states are closest to while it answers in another one, stream by stream.

References
----------
C. Zhong, F. Cheng, Q. Liu, J. Jiang, Z. Wan, C. Chu, Y. Murawaki and S. Kurohashi (2024). Beyond English-Centric LLMs:
What Language Do Multilingual Language Models Think in? arXiv:2408.10811.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.language.latent_language.curves import bootstrap_interval, latent_area, switch_layer
from reprise.language.latent_language.lens import BATCH, LensReading, lens_of_states, logit_lens
from reprise.language.latent_language.prompts import Prompt
from reprise.language.latent_language.tokens import MAX_SKIPPED, MIN_CHARS, TokenSets, token_sets
from reprise.language.model import LanguageModel
from reprise.language.reading import Layers


@dataclass(frozen=True)
class LanguageProfile:
    """Probabilities of the same word in several languages, by residual stream.

    Parameters
    ----------
    languages : those told apart, in the order of the last axis of `probability`.
    target : the language of the answer, one of them.
    streams : residual streams read; the last is the output where all were.
    prompts : those kept.
    skipped : reason to number of prompts left out.
    paired : probability, at each prompt, of the tokens of each prompt's word in each language; what belongs together
        lies on the diagonal, and the rest is chance.
    entropy : of the lens, in bits.
    top_token : most probable token.
    energy : `token_energy` of the states.
    correct : (items,) whether the output's most probable token begins the answer.

    Examples
    --------
    >>> prompt = Prompt('Français: "', {"en": "sun", "fr": "soleil"}, "fr", "fr", concept=0)
    >>> paired, none = np.array([[[[0.6, 0.1]], [[0.3, 0.2]], [[0.1, 0.8]]]]), np.zeros((1, 3))
    >>> profile = LanguageProfile(
    ...     ("en", "fr"), "fr", (0, 1, 2), (prompt,), {}, paired, none, none.astype(int), none, np.array([True])
    ... )
    >>> profile.dominant(), profile.switch_layer("en"), profile.latent_area("en")
    (['en', 'en', 'fr'], 2, 0.6)
    """

    languages: tuple[str, ...]
    target: str
    streams: tuple[int, ...]
    prompts: tuple[Prompt, ...]
    skipped: Mapping[str, int]
    paired: Float[np.ndarray, "items streams items languages"]
    entropy: Float[np.ndarray, "items streams"]
    top_token: Int[np.ndarray, "items streams"]
    energy: Float[np.ndarray, "items streams"]
    correct: np.ndarray

    @property
    def probability(self) -> Float[np.ndarray, "items streams languages"]:
        """The probability of each prompt's own word."""
        return np.moveaxis(np.diagonal(self.paired, axis1=0, axis2=2), -1, 0)

    @property
    def chance(self) -> Float[np.ndarray, "items streams languages"]:
        """The mean probability of the other prompts' words: what the lens gives without any meaning.

        Tokens that begin many words, such as single bytes, make it high.
        """
        if len(self.prompts) < 2:
            raise InvalidInputError("Chance is read off the words of other prompts; there is only one prompt.")
        return (self.paired.sum(2) - self.probability) / (len(self.prompts) - 1)

    @property
    def accuracy(self) -> float:
        """Share of prompts whose most probable output token begins the answer."""
        return float(self.correct.mean())

    @property
    def mean(self) -> Float[np.ndarray, "streams languages"]:
        """The mean of `probability` over prompts; a few prompts can make most of it (see `peaks`)."""
        return self.probability.mean(0)

    def of(self, language: str) -> Float[np.ndarray, "items streams"]:
        """Give the probability of one language's word."""
        return self.probability[..., self._place(language)]

    def interval(self, level: float = 0.95, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Give the bootstrap interval of `mean` over prompts, each bound shaped (streams, languages)."""
        return bootstrap_interval(self.probability, level=level, random_state=random_state)

    def shares(self) -> Float[np.ndarray, "streams languages"]:
        """Give each language's share of the probability of all of them, from the means over prompts."""
        mean = self.mean.astype(float)
        return mean / np.maximum(mean.sum(-1, keepdims=True), np.finfo(float).tiny)

    def dominant(self) -> list[str]:
        """Give the language with the highest mean probability in each stream."""
        return [self.languages[place] for place in self.mean.argmax(-1)]

    def switch_layer(self, latent: str) -> int | None:
        """Give the first stream from which the target language leads a latent one for good; None if it never does."""
        place = switch_layer(self.of(latent).mean(0), self.of(self.target).mean(0))
        return None if place is None else self.streams[place]

    def latent_area(self, latent: str) -> float:
        """Add up how far a latent language is ahead of the target language in the mean, over streams."""
        return latent_area(self.of(latent).mean(0), self.of(self.target).mean(0))

    def latent_area_null(
        self, latent: str, n_permutations: int = 200, random_state: int = 0
    ) -> tuple[float, Float[np.ndarray, " permutations"]]:
        """Give the latent area, and those with the words of the latent language exchanged between prompts at random.

        The target language keeps its words. The share of permutations whose area is no smaller tells whether the
        latent language is that of the word asked for, or only a language of which the model knows many words.
        """
        rng, rows = np.random.default_rng(random_state), np.arange(len(self.prompts))
        place, target = self._place(latent), self.of(self.target).mean(0)
        null = [
            latent_area(self.paired[rows, :, rng.permutation(rows), place].mean(0), target)
            for _ in range(n_permutations)
        ]
        return self.latent_area(latent), np.array(null)

    def peaks(self, language: str, streams: Sequence[int] | None = None) -> Float[np.ndarray, " items"]:
        """Give each prompt's highest probability over some streams (all but the last by default)."""
        return self.of(language)[:, self._rows(streams)].max(1)

    def chance_peaks(
        self, language: str, streams: Sequence[int] | None = None
    ) -> Float[np.ndarray, "items other_items"]:
        """Give the same for the words of every other prompt."""
        peaks = self.paired[..., self._place(language)][:, self._rows(streams)].max(1)
        return peaks[~np.eye(len(peaks), dtype=bool)].reshape(len(peaks), -1)

    def summary(self) -> pd.DataFrame:
        """Give one row a stream and language: mean with its interval, median and quantiles over prompts, and chance."""
        low, high = self.interval()
        quantiles = np.quantile(self.probability, (0.5, 0.75, 0.9), axis=0)
        grid = pd.MultiIndex.from_product([self.streams, self.languages], names=["stream", "language"])
        columns = {
            "mean": self.mean,
            "low": low,
            "high": high,
            "median": quantiles[0],
            "quantile 0.75": quantiles[1],
            "quantile 0.9": quantiles[2],
            "chance": self.chance.mean(0),
        }
        return pd.DataFrame({name: values.reshape(-1) for name, values in columns.items()}, index=grid).reset_index()

    def _place(self, language: str) -> int:
        if language not in self.languages:
            raise InvalidInputError(f"The profile has no language {language!r}; it has {', '.join(self.languages)}.")
        return self.languages.index(language)

    def _rows(self, streams: Sequence[int] | None) -> list[int]:
        if streams is None:
            return list(range(max(1, len(self.streams) - 1)))
        if missing := set(streams) - set(self.streams):
            raise InvalidInputError(f"Stream {min(missing)} was not read; those read are {self.streams}.")
        return [self.streams.index(stream) for stream in streams]


def latent_language_profile(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    languages: Sequence[str],
    *,
    layers: Layers = "all",
    min_chars: int = MIN_CHARS,
    max_skipped: float = MAX_SKIPPED,
    batch_size: int = BATCH,
) -> LanguageProfile:
    """Read, in each residual stream, how probable the word asked for is in each language.

    Cost: one forward pass of all prompts, and the unembedding of one position in every stream; memory for
    ``items**2 * streams * languages`` probabilities.

    Parameters
    ----------
    model : the model.
    prompts : of one target language, as `translation_prompts`, `repetition_prompts` and `cloze_prompts` make them.
    languages : those to tell apart: the target language and one or more that may be latent. The language of the
        question is in the prompt, so that its probability may be that of copying.
    layers : residual streams to read.
    min_chars, max_skipped : see `token_sets`, which says what prompts are left out.
    batch_size : prompts a forward pass.

    Raises
    ------
    InvalidInputError
        If a language is unknown, or too many prompts are left out.

    Examples
    --------
    >>> from reprise.language.latent_language import repetition_prompts
    >>> from reprise.models.tiny import tiny_language_model
    >>> lexicon = {"en": ["cloud", "sun", "rain"], "fr": ["nuage", "soleil", "pluie"]}
    >>> prompts = repetition_prompts(lexicon, "fr", n_shots=1)
    >>> words = " ".join(prompt.text for prompt in prompts) + " cloud sun rain"
    >>> model = LanguageModel(*tiny_language_model(words))
    >>> profile = latent_language_profile(model, prompts, ["en", "fr"])
    >>> profile.mean.shape, profile.skipped
    ((3, 2), {})
    >>> profile.summary().columns.tolist()[:4]
    ['stream', 'language', 'mean', 'low']
    """
    sets = token_sets(model, prompts, languages, min_chars=min_chars, max_skipped=max_skipped)
    texts = [prompt.text for prompt in sets.prompts]
    return _profile(
        sets,
        logit_lens(model, texts, layers=layers, token_sets=_flat(sets), energy=True, batch_size=batch_size),
    )


def profile_of_states(
    model: LanguageModel, sets: TokenSets, states: Float[Tensor, "items streams d_model"], streams: Sequence[int]
) -> LanguageProfile:
    """Do the same with the states of the last position of the prompts in `sets`, which were read before."""
    return _profile(sets, lens_of_states(model, states, streams, token_sets=_flat(sets), energy=True))


def _flat(sets: TokenSets) -> list[Sequence[int]]:
    return [tokens for rows in sets.ids.values() for tokens in rows]


def _profile(sets: TokenSets, reading: LensReading) -> LanguageProfile:
    assert reading.energy is not None
    languages, items, target = tuple(sets.ids), len(sets.prompts), sets.prompts[0].target
    paired = reading.probability.reshape(items, len(reading.streams), len(languages), items).swapaxes(2, 3)
    correct = [int(top) in tokens for top, tokens in zip(reading.top_token[:, -1], sets.ids[target], strict=True)]
    return LanguageProfile(
        languages=languages,
        target=target,
        streams=reading.streams,
        prompts=sets.prompts,
        skipped=sets.skipped,
        paired=paired,
        entropy=reading.entropy,
        top_token=reading.top_token,
        energy=reading.energy,
        correct=np.array(correct),
    )

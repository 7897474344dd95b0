"""Latent language: whether English shows inside the model while it goes from French to German and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reprise.data.parallel_words import load_parallel_words
from reprise.language import LanguageModel
from reprise.language.latent_language import LanguageProfile, latent_language_profile, translation_prompts
from reprise.workbench.inspection.contract import (
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
from reprise.workbench.inspection.sections.times import series
from reprise.workbench.inspection.texts import start_token
from reprise.workbench.inspection.wording import answered, listed, percent, share_of_items

DIRECTIONS = (("fr", "de"), ("de", "fr"))
LATENT = "en"
NAMES = {"en": "English", "fr": "French", "de": "German"}
ITEMS, TOKENS = 40, 80
ENOUGH = 0.3  # decades: twice as probable
FLOOR = 1e-12

_SNIPPET = """\
from reprise.data.parallel_words import load_parallel_words
from reprise.language import LanguageModel
from reprise.language.latent_language import latent_language_profile, translation_prompts

lm = LanguageModel.from_pretrained(MODEL)
prompts = translation_prompts(load_parallel_words(), "fr", "de", queries=range(40))
print(latent_language_profile(lm, prompts, ["en", "de"]).summary())"""


class Languages:
    """The section; see the module."""

    name = "languages"
    title = "Latent language"
    question = (
        "While the model goes from French to German, does English show in its layers, though no word of it was read?"
    )
    papers = ("latent-language",)
    terms = (
        ("logit lens", "Reading a middle layer's state as if it were the last: which next word would it give?"),
        (
            "latent language",
            "A language that a model's layers are close to while neither question nor answer is in it.",
        ),
    )

    def work(self, model: LanguageModel, effort: float) -> Work:
        """Prompts of four examples in two directions, and the unembedding in every stream."""
        need_tokenizer(model)
        need_context(model, 2 * TOKENS)
        items = 2 * _count(effort)
        lens = 2 * items * (model.n_layers + 1) * model.d_model * model.vocabulary_size
        return Work(read=items * TOKENS, seconds=1 + 2 * lens / 2e10)

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Ask for translations both ways, and read each stream for the word in English, beside other words."""
        lexicon = load_parallel_words()
        chosen = np.random.default_rng(seed).permutation(len(lexicon[LATENT]))[: _count(effort)]
        profiles = []
        for place, (source, target) in enumerate(DIRECTIONS):
            prompts = translation_prompts(
                lexicon,
                source,
                target,
                random_state=seed,
                queries=sorted(chosen.tolist()),
                opening=start_token(model),
            )
            profiles.append(latent_language_profile(model, prompts, [LATENT, target]))
            watch((place + 1) / len(DIRECTIONS))
        return self._result(model, profiles, effort)

    def _result(self, model: LanguageModel, profiles: Sequence[LanguageProfile], effort: float) -> SectionResult:
        raised = np.concatenate([_raised(profile, LATENT) for profile in profiles])
        gain = Estimate.over(raised)
        beats = np.concatenate([_ahead(profile, LATENT) for profile in profiles])
        answer = answered(gain, enough=ENOUGH)
        peaks = np.concatenate([profile.peaks(LATENT, _inside(profile)) for profile in profiles])
        streams = [_peak_stream(profile) for profile in profiles]
        target_ahead = Estimate.over(
            np.concatenate([_logs(p.of(p.target)[:, -1]) - _logs(p.of(LATENT)[:, -1]) for p in profiles])
        )
        correct = Estimate.share(np.concatenate([profile.correct for profile in profiles]).astype(float))
        skipped = sum(sum(profile.skipped.values()) for profile in profiles)
        where = listed(dict.fromkeys(str(stream) for stream in streams))
        times = 10**gain.value
        headline = {
            "yes": f"English shows: the word never read is {times:.1f} times as probable inside as other English words",
            "partly": f"English shows a little: {times:.1f} times as probable inside as other English words",
            "no": "English does not show inside more than any other English word would",
            "unclear": "Whether English shows inside is not settled",
        }[answer]
        if answer in ("yes", "partly"):
            headline += f", highest at stream {where} of {model.n_layers}"
        if answer == "yes" and (target_ahead.low is None or target_ahead.low <= 0):
            answer = "partly"
            headline += "; but it does not clearly give way to the language of the answer at the end"
        sentences = (
            "Read by the logit lens, the English word for what is asked is somewhere in the upper half of the layers "
            f"{_times(gain)} as probable as the English words of other questions (geometric means of each question's "
            f"highest probability). It is ahead of the median of these for {percent(Estimate.share(beats))} of "
            f"{len(beats)} questions.",
            f"Its mean is highest at stream {where} of {model.n_layers}. A few words make most of the mean: the median "
            f"peak is {np.median(peaks):.2g}, the mean {peaks.mean():.2g}.",
            f"The model's own answer begins rightly for {percent(correct)} of the questions"
            + (", so that it hardly translates at all." if correct.value < 0.2 else ".")
            + f" In the last stream the word in the language of the answer is {_times(target_ahead)} as probable as "
            "the English one.",
        )
        return SectionResult(
            answer,
            f"{headline}.",
            sentences,
            numbers=tuple(self._numbers(profiles)),
            figures=tuple(self._figure(profile) for profile in profiles),
            tables=(_words(profiles),),
            method=(
                f"{' and '.join(str(len(profile.prompts)) for profile in profiles)} common nouns, asked from French to "
                "German and from German to French after four examples; those are left out in which the languages "
                f"cannot be told apart by their first tokens ({skipped} of them).",
                "A word counts by all tokens that can begin it. Its peak is taken over the streams of the upper half "
                "but the last. Control: the English words of the other questions, read off the same states.",
                *share_of_items(effort),
            ),
            limits=(
                "The lens is exact in the last stream only; in early ones its probabilities mean little.",
                "English is the only latent language that is looked for, and nouns the only words.",
            ),
            snippet=_SNIPPET,
        )

    def _numbers(self, profiles: Sequence[LanguageProfile]) -> list[Number]:
        numbers = []
        for profile in profiles:
            for language in (LATENT, profile.target):
                own = _logs(profile.peaks(language, _inside(profile)))
                raised = _raised(profile, language)
                numbers.append(
                    Number(
                        f"{_title(profile)}: highest log10 probability of the {NAMES[language]} word inside",
                        Estimate.over(own),
                        f"{NAMES[language]} words of other questions",
                        Estimate.over(own - raised),
                        Estimate.over(raised),
                    )
                )
        return numbers

    def _figure(self, profile: LanguageProfile) -> Figure:
        def curve(name: str, values: np.ndarray, control: bool = False) -> Series:
            return series(name, list(profile.streams), [Estimate.over(column) for column in values.T], control=control)

        return Lines(
            _title(profile),
            "Log10 probability of the word asked for, in English and in the language of the answer, by residual "
            "stream; grey: the English words of other questions. Means over words with 95 % intervals.",
            x="residual stream (0 is the embedding)",
            y="log10 probability by the lens",
            series=(
                curve(NAMES[LATENT], _logs(profile.of(LATENT))),
                curve(NAMES[profile.target], _logs(profile.of(profile.target))),
                curve("other English words", _others(profile, LATENT), control=True),
            ),
        )


def _raised(profile: LanguageProfile, language: str) -> np.ndarray:
    """Give, for each question, by how many decades its word's peak exceeds the peaks of other questions' words."""
    own, others = profile.peaks(language, _inside(profile)), profile.chance_peaks(language, _inside(profile))
    return _logs(own) - _logs(others).mean(1)


def _ahead(profile: LanguageProfile, language: str) -> np.ndarray:
    """Say which questions' word peaks higher than the median of other questions' words."""
    own, others = profile.peaks(language, _inside(profile)), profile.chance_peaks(language, _inside(profile))
    return (own > np.median(others, axis=1)).astype(float)


def _inside(profile: LanguageProfile) -> list[int]:
    """Give the streams of the upper half but the last: below, the lens reads nothing but noise."""
    return [stream for stream in profile.streams[:-1] if 2 * stream >= profile.streams[-1]] or [profile.streams[0]]


def _others(profile: LanguageProfile, language: str) -> np.ndarray:
    """Give the mean log10 probability of other questions' words (questions, streams)."""
    logs = _logs(profile.paired[..., profile.languages.index(language)])
    own = np.diagonal(logs, axis1=0, axis2=2).T
    return (logs.sum(2) - own) / (len(own) - 1)


def _logs(probability: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(probability, FLOOR))


def _times(decades: Estimate) -> str:
    """Write a number of decades as a factor with its interval."""
    value = f"{10**decades.value:.1f} times"
    if decades.low is None or decades.high is None:
        return value
    return f"{value} (95 % interval {10**decades.low:.1f} to {10**decades.high:.1f})"


def _peak_stream(profile: LanguageProfile) -> int:
    inside = _inside(profile)
    places = [profile.streams.index(stream) for stream in inside]
    return inside[int(_logs(profile.of(LATENT)[:, places]).mean(0).argmax())]


def _title(profile: LanguageProfile) -> str:
    return f"From {NAMES[profile.prompts[0].source]} to {NAMES[profile.target]}"


def _words(profiles: Sequence[LanguageProfile], shown: int = 6) -> Table:
    rows = []
    for profile in profiles:
        peaks = profile.peaks(LATENT, _inside(profile))
        for place in np.argsort(-peaks)[:shown]:
            words = profile.prompts[place].words
            rows.append(
                (words[profile.prompts[place].source], words[profile.target], words[LATENT], f"{peaks[place]:.2g}")
            )
    return Table("Where English showed most", ("asked for", "answer", "in English", "highest probability"), tuple(rows))


def _count(effort: float) -> int:
    return max(12, round(ITEMS * effort))


SECTION = Languages()

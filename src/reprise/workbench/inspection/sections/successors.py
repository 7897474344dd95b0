"""Successor heads: whether a single head turns Monday into Tuesday, and what is lost without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reprise.language import LanguageModel
from reprise.language.interventions import Head
from reprise.language.successor_heads import (
    Continuation,
    OrdinalLists,
    SuccessionPrompt,
    SuccessionResult,
    head_ablation_effect,
    list_continuation,
    ordinal_lists,
    succession_prompts,
    succession_scores,
)
from reprise.workbench.inspection.contract import (
    Answer,
    Bars,
    Estimate,
    Figure,
    Heat,
    NotApplicableError,
    Number,
    SectionResult,
    Table,
    Watch,
    Work,
)
from reprise.workbench.inspection.needs import need_context, need_tokenizer
from reprise.workbench.inspection.wording import answered, head_name, percent, share_of_items, sureness, written

PROMPTS, RANDOM_HEADS = 48, 4
TOKENS = 8  # of a prompt
CLEAN = 0.5  # of the pairs, which the paper's successor heads exceed
ENOUGH = 0.2  # of the pairs

_SNIPPET = """\
from reprise.language import LanguageModel
from reprise.language.successor_heads import ordinal_lists, succession_scores

lm = LanguageModel.from_pretrained(MODEL)
result = succession_scores(lm, ordinal_lists(lm), embedding="contextual")
print(result.top(5), result.per_list["{list}"].max())"""


class SuccessorHeads:
    """The section; see the module."""

    name = "successors"
    title = "Successor heads"
    question = "Does one attention head by itself turn a word of an ordered list into the next?"
    papers = ("successor-heads",)
    terms = (
        ("output circuit", "What a head writes about a word that it attends to, whatever it attends to."),
        (
            "succession score",
            "The share of words for which a head's output circuit favours the next word of the list "
            "over all others of it.",
        ),
        ("copying head", "A head whose output circuit favours the word itself."),
    )

    def work(self, model: LanguageModel, effort: float) -> Work:
        """Words by themselves through every head, lists to continue, and these again without some heads."""
        need_tokenizer(model)
        need_context(model, 16)
        lists = _lists(model)
        words = sum(map(len, lists.values()))
        heads = model.n_layers * model.n_heads
        circuits = 2 * words * heads * model.d_model * (model.d_head + words / len(lists))
        return Work(read=2 * words + _count(effort) * TOKENS * (3 + RANDOM_HEADS), seconds=1 + circuits / 2e10)

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Score heads on half of the words, test the best on the other half, and take it away while lists go on."""
        rng = np.random.default_rng(seed)
        lists = _lists(model)
        scored = succession_scores(model, lists, embedding="contextual")
        watch(0.4)
        half = rng.permutation(scored.n_pairs)
        found, tested = scored.take(half[::2]), scored.take(half[1::2])
        best = found.top(1)[0]
        prompts = _prompts(model, lists, rng, effort)
        continued = list_continuation(model, prompts)
        watch(0.5)
        others = _others(model, best, rng)
        lost = head_ablation_effect(model, prompts, [best, *others])
        watch(1.0)
        return self._result(model, lists, found, tested, best, continued, lost, others, effort)

    def _result(
        self,
        model: LanguageModel,
        lists: OrdinalLists,
        found: SuccessionResult,
        tested: SuccessionResult,
        best: Head,
        continued: Continuation,
        lost: np.ndarray,
        others: Sequence[Head],
        effort: float,
    ) -> SectionResult:
        hits = tested.hits[:, best[0], best[1]].astype(float)
        beside = np.median(tested.hits.reshape(len(hits), -1).mean(0))
        score, over = Estimate.share(hits), Estimate.over(hits - tested.chances)
        answer: Answer = answered(over, enough=ENOUGH)
        if answer == "yes" and score.value < CLEAN:
            answer = "partly"
        without = lost[best]
        random = np.mean([lost[head] for head in others], axis=0)
        cost, extra = Estimate.over(without), Estimate.over(without - random)
        copies = float(tested.self_rates[best])
        accuracy = Estimate.share(continued.correct.astype(float))
        kind = {
            "yes": f"{head_name(best)} is a successor head: it maps {score.value:.0%} of words to the next",
            "partly": f"{head_name(best)} leans towards the next word of a list ({score.value:.0%} of words), short of "
            "a clean successor head",
            "no": "No head maps words to their successors more than chance would",
            "unclear": "Whether a head maps words to their successors is not settled",
        }[answer]
        headline = f"{kind}; the model itself continues {accuracy.value:.0%} of lists rightly."
        sentences = (
            f"By its output circuit alone, {head_name(best)} puts the next word first among its list for "
            f"{percent(score)} of {tested.n_pairs} words that it was not chosen on: {sureness(over, 'by guessing')}. "
            f"It puts the word itself first for {copies:.0%}. The median head does so for {beside:.0%}; the paper's "
            f"successor heads score above {CLEAN:.0%}.",
            f"Without it, the next word of a list loses {written(cost)} nats, "
            f"{sureness(extra, 'without random other heads')}. The model continues {percent(accuracy)} of "
            f"{len(continued.correct)} lists rightly, among the words of each.",
        )
        return SectionResult(
            answer,
            headline,
            sentences,
            numbers=(
                Number("succession score of the best head", score, "guessing", Estimate.over(tested.chances), over),
                Number(
                    "log-probability of the next word lost without it, nats",
                    cost,
                    f"{len(others)} random heads",
                    Estimate.over(random),
                    extra,
                ),
                Number(
                    "lists continued rightly",
                    accuracy,
                    "guessing",
                    Estimate(float(tested.chances.mean())),
                ),
            ),
            figures=self._figures(found, tested, best),
            tables=(_sizes(lists),),
            method=(
                f"Lists of single tokens: {', '.join(lists)}. Each word is read after the token that starts a text, "
                "and its state goes through every head's value and output matrices, the final normalisation and the "
                "unembedding.",
                "The head is chosen on half of the words and tested on the other half. Intervals are over words, and "
                "over lists to continue.",
                f"{len(continued.correct)} lists of three words are continued; a head is taken away by putting its "
                "mean output in its place.",
                *share_of_items(effort),
            ),
            limits=(
                "A tokenizer that splits numbers into digits leaves few of them as single tokens.",
                "A model may well count by several heads and layers together, which this does not see.",
            ),
            snippet=_SNIPPET.format(list=next(iter(lists))),
        )

    def _figures(self, found: SuccessionResult, tested: SuccessionResult, best: Head) -> tuple[Figure, ...]:
        scores = (found.scores + tested.scores) / 2
        per_list = tested.per_list
        return (
            Heat(
                "Every head's output circuit",
                "Succession score of each head over all words; the outlined one was chosen and tested.",
                x="layer",
                y="head",
                colour="succession score",
                values=tuple(tuple(round(float(value), 4) for value in row) for row in scores.T),
                marked=((best[1], best[0]),),
            ),
            Bars(
                "List by list",
                f"Succession score of {head_name(best)} on the words that it was not chosen on.",
                x="succession score",
                names=tuple(per_list),
                values=tuple(Estimate(float(score[best])) for score in per_list.values()),
            ),
        )


def _lists(model: LanguageModel) -> OrdinalLists:
    try:
        return ordinal_lists(model)
    except ValueError as problem:
        raise NotApplicableError(str(problem)) from problem


def _prompts(
    model: LanguageModel, lists: OrdinalLists, rng: np.random.Generator, effort: float
) -> list[SuccessionPrompt]:
    spaced = {name: each for name, each in lists.items() if each.spaced} or dict(lists)
    prompts = succession_prompts(model, spaced)
    chosen = rng.permutation(len(prompts))[: _count(effort)]
    return [prompts[place] for place in sorted(chosen)]


def _others(model: LanguageModel, best: Head, rng: np.random.Generator) -> list[Head]:
    heads = [(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    others = [head for head in heads if head != best]
    return [others[place] for place in rng.permutation(len(others))[:RANDOM_HEADS]]


def _sizes(lists: OrdinalLists) -> Table:
    sizes = lists.sizes()
    rows = [(str(name), *map(str, row)) for name, row in zip(sizes.index, sizes.to_numpy().tolist(), strict=True)]
    rows += [(name, "", str(count), "left out") for name, count in lists.left_out.items()]
    return Table("Lists, and how many of their words are single tokens", ("list", *sizes.columns), tuple(rows))


def _count(effort: float) -> int:
    return max(12, round(PROMPTS * effort))


SECTION = SuccessorHeads()

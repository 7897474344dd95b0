"""Retrieval heads: which heads copy a hidden sentence out of a long text, and whether the model needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reprise.data.haystacks import load_descriptions
from reprise.data.needles import NeedleText, load_needles
from reprise.language import LanguageModel
from reprise.language.interventions import Head
from reprise.language.retrieval_heads import (
    Needle,
    NeedleEvaluation,
    NeedleSample,
    NeedleTask,
    NothingRetrievedError,
    RetrievalResult,
    evaluate_needles,
    mask_heads,
    retrieval_scores,
    rouge1_recall,
)
from reprise.workbench.inspection.contract import (
    Bars,
    Estimate,
    Figure,
    Heat,
    Number,
    SectionResult,
    Table,
    Watch,
    Work,
)
from reprise.workbench.inspection.needs import need_context, need_tokenizer
from reprise.workbench.inspection.wording import answered, head_name, listed, percent, share_of_items, sureness

LENGTH, FRAME = 224, 96  # tokens of the text with the needle, and of what stands around it at most
DEPTHS = (0.2, 0.9)  # early needles attract heads that only rest on some token there
NEEDLES = 12  # on which heads are found, and as many others on which they are masked
MASKED = 0.02  # of all heads
LONGEST, BATCH = 32, 4
ENOUGH = 0.1  # of the words of the answers

_SNIPPET = """\
from reprise.data.haystacks import load_descriptions
from reprise.data.needles import load_needles
from reprise.language import LanguageModel
from reprise.language.retrieval_heads import Needle, NeedleTask, retrieval_scores

lm = LanguageModel.from_pretrained(MODEL)
needles = [Needle(n.question, n.needle, n.answer, n.prefix) for n in load_needles("ledger")]
samples = NeedleTask(" ".join(load_descriptions().values()), needles).grid(lm.tokenizer, [224], [0.5])
print(retrieval_scores(lm, samples).top(5))"""


class RetrievalHeads:
    """The section; see the module."""

    name = "retrieval"
    title = "Retrieval heads"
    question = "Do a few attention heads copy facts out of a long prompt, and does the model need them?"
    papers = ("retrieval-heads",)
    terms = (
        ("attention head", "A part of a layer that looks back at earlier tokens and carries something over from them."),
        (
            "retrieval score",
            "The share of a hidden answer's tokens that a head attends to while the model writes them.",
        ),
        ("masking", "Setting what a head carries over to zero, everywhere in the text."),
    )

    def work(self, model: LanguageModel, effort: float) -> Work:
        """Two halves of needles; the second is read four times."""
        need_tokenizer(model)
        need_context(model, LENGTH + FRAME + LONGEST)
        needles = _count(effort)
        batches = -(-needles // BATCH)
        return Work(read=5 * needles * (LENGTH + FRAME / 2), steps=5 * batches * LONGEST / 2, seconds=1)

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Find heads on some needles, and mask them while the model is asked for others."""
        rng = np.random.default_rng(seed)
        needles = [*load_needles("ledger"), *load_needles("pilot")]
        order, count = rng.permutation(len(needles)), _count(effort)
        found_on = [needles[index] for index in order[:count]]
        tested_on = [needles[index] for index in order[count : 2 * count]]
        depths = rng.uniform(*DEPTHS, size=2 * count)
        finding = _samples(model, found_on, depths[:count])
        testing = _samples(model, tested_on, depths[count:])
        try:
            found = _scores(model, finding, watch)
        except NothingRetrievedError:
            return self._nothing(model, finding, watch)
        top = found.top(max(2, round(MASKED * found.scores.size)))
        conditions = _conditions(model, testing, found, top, rng, watch)
        conditions["sentence absent"] = _absent(model, testing)
        watch(1.0)
        return self._result(model, found, top, conditions, effort)

    def _result(
        self,
        model: LanguageModel,
        found: RetrievalResult,
        top: list[Head],
        conditions: dict[str, NeedleEvaluation],
        effort: float,
    ) -> SectionResult:
        recalls = {name: evaluation.recalls for name, evaluation in conditions.items()}
        lost = Estimate.over(recalls["random heads masked"] - recalls["retrieval heads masked"])
        strongest = Estimate.share(found.sample_scores[found.kept][:, top[0][0], top[0][1]])
        strong = int((found.scores >= 0.1).sum())
        whole, without = Estimate.share(recalls["as it is"]), Estimate.share(recalls["retrieval heads masked"])
        answer = answered(lost, enough=ENOUGH)
        many = f"{strong} of {found.scores.size} heads ({strong / found.scores.size:.1%})"
        names = listed(head_name(head) for head in top)
        needs = {"yes": "needs", "partly": "leans on", "no": "does not need", "unclear": "may need"}[answer]
        headline = (
            f"{head_name(top[0])} copies {strongest.value:.0%} of a hidden answer, and {many} a tenth or more; "
            f"the model {needs} the strongest {len(top)} to find it."
        )
        sentences = (
            f"While the model writes an answer that is hidden in a text, {head_name(top[0])} attends to "
            f"{percent(strongest)} of the answer's tokens as they are written; the median head to "
            f"{np.median(found.scores):.0%}. {many} copy a tenth or more, the measure of the paper.",
            f"With {names} masked, the model finds {percent(without)} of the words of other answers, instead of "
            f"{percent(whole)}. What is lost is {sureness(lost, 'with as many random heads masked')}.",
        )
        return SectionResult(
            answer,
            headline,
            sentences,
            numbers=self._numbers(found, strongest, conditions),
            figures=self._figures(found, top, recalls),
            tables=(_answers(conditions),),
            method=(
                f"Sentences of our own, which no model can know, were hidden in {LENGTH} tokens of English prose at "
                f"20 to 90 % of its length, and asked for with the beginning of the answer given. Heads were scored "
                f"on {found.n_kept} prompts that were answered rightly (of {len(found.recalls)}), and masked on "
                f"{len(recalls['as it is'])} prompts with other sentences.",
                "Random heads are drawn anew for every few prompts, among those that are no retrieval heads.",
                *share_of_items(effort),
            ),
            limits=(
                "Only short texts were used; a head that serves at 300 tokens need not be the one that serves at "
                "30,000.",
                "The prompts begin the answer for the model, as small models need; a large one finds more by itself.",
            ),
            snippet=_SNIPPET,
        )

    def _numbers(
        self, found: RetrievalResult, strongest: Estimate, conditions: dict[str, NeedleEvaluation]
    ) -> tuple[Number, ...]:
        numbers = [
            Number(
                "share of the answer that the strongest head copies",
                strongest,
                "the median head",
                Estimate(float(np.median(found.scores))),
            )
        ]
        plain = conditions["as it is"]
        for name, control in (("retrieval heads masked", "random heads masked"), ("as it is", "sentence absent")):
            here, beside = conditions[name], conditions[control]
            numbers.append(_compared(f"share of words found, {name}", here.recalls, control, beside.recalls))
        here, beside = conditions["retrieval heads masked"], conditions["random heads masked"]
        numbers.append(
            _compared(
                "log-probability of the answer lost by masking, nats a token",
                plain.log_probs - here.log_probs,
                "random heads masked",
                plain.log_probs - beside.log_probs,
            )
        )
        return tuple(numbers)

    def _figures(self, found: RetrievalResult, top: list[Head], recalls: dict[str, np.ndarray]) -> tuple[Figure, ...]:
        scores = found.scores
        return (
            Heat(
                "Where the copying happens",
                "Retrieval score of every head; the outlined heads are those that were masked.",
                x="layer",
                y="head",
                colour="retrieval score",
                values=tuple(tuple(round(float(v), 4) for v in row) for row in scores.T),
                marked=tuple((head, layer) for layer, head in top),
            ),
            Bars(
                "What masking costs",
                "Share of the words of hidden answers that the model finds, with 95 % intervals over sentences.",
                x="share of words found",
                names=tuple(recalls),
                values=tuple(Estimate.share(values) for values in recalls.values()),
                controls=("as it is", "random heads masked", "sentence absent"),
            ),
        )

    def _nothing(self, model: LanguageModel, samples: Sequence[NeedleSample], watch: Watch) -> SectionResult:
        here = evaluate_needles(model, samples, max_new_tokens=LONGEST, batch_size=BATCH)
        beside = _absent(model, samples)
        watch(1.0)
        number = _compared("share of words found", here.recalls, "sentence absent", beside.recalls)
        return SectionResult(
            "no",
            "The model does not find a sentence that is hidden in a text, so no head can be said to retrieve it.",
            (
                f"Of the words of hidden answers it finds {percent(number.measured)}, and no prompt was answered "
                "rightly (more than half of the words). A larger model, or shorter texts, may show more.",
            ),
            numbers=(number,),
            tables=(_answers({"as it is": here}),),
            method=(f"{len(samples)} sentences of our own in {LENGTH} tokens of English prose.",),
        )


def _count(effort: float) -> int:
    return max(4, round(NEEDLES * effort))


def _samples(model: LanguageModel, needles: Sequence[NeedleText], depths: np.ndarray) -> list[NeedleSample]:
    task = NeedleTask(
        " ".join(load_descriptions().values()), [Needle(n.question, n.needle, n.answer, n.prefix) for n in needles]
    )
    return [
        task.build(model.tokenizer, LENGTH, float(depth), needle=index, skip=0.4 * index / len(needles))
        for index, depth in enumerate(depths)
    ]


def _scores(model: LanguageModel, samples: Sequence[NeedleSample], watch: Watch) -> RetrievalResult:
    parts = []
    for first in range(0, len(samples), BATCH):
        batch = samples[first : first + BATCH]
        parts.append(retrieval_scores(model, batch, max_new_tokens=LONGEST, min_recall=-1, batch_size=BATCH))
        watch(0.2 * (first + len(batch)) / len(samples))
    return RetrievalResult(
        np.concatenate([part.sample_scores for part in parts]),
        np.concatenate([part.recalls for part in parts]),
        tuple(response for part in parts for response in part.responses),
    )


def _conditions(
    model: LanguageModel,
    samples: Sequence[NeedleSample],
    found: RetrievalResult,
    top: list[Head],
    rng: np.random.Generator,
    watch: Watch,
) -> dict[str, NeedleEvaluation]:
    """Evaluate the same prompts with no head masked, with the strongest, and with others drawn anew for each batch."""
    parts: dict[str, list[NeedleEvaluation]] = {
        "as it is": [],
        "retrieval heads masked": [],
        "random heads masked": [],
    }
    for first in range(0, len(samples), BATCH):
        masks: tuple[list[Head], ...] = ([], top, found.others(len(top), rng))
        batch = samples[first : first + BATCH]
        for (name, evaluations), heads in zip(parts.items(), masks, strict=True):
            with mask_heads(model, heads):
                evaluations.append(evaluate_needles(model, batch, max_new_tokens=LONGEST, batch_size=BATCH))
            watch(0.2 + 0.6 * (first + len(batch) * (1 + list(parts).index(name)) / 3) / len(samples))
    return {name: _joined(evaluations) for name, evaluations in parts.items()}


def _absent(model: LanguageModel, samples: Sequence[NeedleSample]) -> NeedleEvaluation:
    """Ask each question of the text that holds another's sentence: what can be guessed without having read it."""
    shifted = [*samples[1:], samples[0]]
    responses: list[str] = []
    log_probs: list[float] = []
    for first in range(0, len(samples), BATCH):
        asked, texts = samples[first : first + BATCH], shifted[first : first + BATCH]
        prompts = [_with_question(model, text, sample) for text, sample in zip(texts, asked, strict=True)]
        responses += [model.decode(row).strip() for row in model.generate(prompts, LONGEST, stop="\n")]
        log_probs += [float(row.mean()) for row in model.log_probs(prompts, [sample.answer_ids for sample in asked])]
    recalls = [rouge1_recall(sample.answer, said) for sample, said in zip(samples, responses, strict=True)]
    return NeedleEvaluation(np.array(recalls), np.array(log_probs), tuple(responses))


def _with_question(model: LanguageModel, text: NeedleSample, asked: NeedleSample) -> list[int]:
    hidden = replace(text.needle, question=asked.needle.question, prefix=asked.needle.prefix)
    task = NeedleTask(" ".join(load_descriptions().values()), [hidden])
    return list(task.build(model.tokenizer, LENGTH, text.depth).ids)


def _joined(parts: Sequence[NeedleEvaluation]) -> NeedleEvaluation:
    return NeedleEvaluation(
        np.concatenate([part.recalls for part in parts]),
        np.concatenate([part.log_probs for part in parts]),
        tuple(response for part in parts for response in part.responses),
    )


def _compared(name: str, here: np.ndarray, control: str, beside: np.ndarray) -> Number:
    return Number(name, Estimate.over(here), control, Estimate.over(beside), Estimate.over(here - beside))


def _answers(conditions: dict[str, NeedleEvaluation], shown: int = 3) -> Table:
    responses = {name: evaluation.responses for name, evaluation in conditions.items()}
    rows = zip(*(said[:shown] for said in responses.values()), strict=True)
    return Table("What the model said", tuple(responses), tuple(tuple(row) for row in rows))


SECTION = RetrievalHeads()

"""Are a few attention heads responsible for copying facts out of the prompt.

SmolLM2-135M-Instruct (30 layers of 9 heads) is asked for sentences hidden in texts of the Brown corpus, 300 and 600
tokens long (450 where heads are masked), at random depths of 20 to 90 %. A seed splits the needles in two: heads are
found on the needles of the first half, and masked while the model is asked for those of the second, in other places of
the text. All seeds split the same needles, so an interval over seeds speaks of the splits and not of other needles;
what masking costs is judged over needles and splits. So small a model answers only if the answer's beginning is given
to it; the needles were written for that, and checked to be found with the text and not to be guessed without it. The
paper's models have 7 billion parameters and more, and texts of up to 50,000 tokens.

Seeds from 1000 on are pilots: they use needles and genres of their own, which no other seed sees, and the thresholds
of the claims `of="here"` were chosen on them. Not measured: that the same heads serve a base model, its long-context
and its chat variants (one model is at hand), and that masking hurts reasoning in words more than direct answers, which
a model of this size cannot do with all its heads (`problem_accuracy` measures it where one can).

Needles are kept out of the first fifth of a text. Many heads rest on some early token when they have nothing to do; if
that is a token of the needle, it counts as copied once by all of them, and the scores are full of small accidents.
Numbers of masked heads are shares of all heads, so that models compare: 2 and 5 % are 5 and 14 of 270.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from reprise.claim import Claim, Measurement, Prepared, Scale, Setting, Trial
from reprise.data.haystacks import load_brown, load_descriptions
from reprise.data.needles import NeedleText, load_needles, load_published_needles
from reprise.language import LanguageModel
from reprise.language.interventions import Head, HeadMode
from reprise.language.retrieval_heads import (
    Needle,
    NeedleSample,
    NeedleTask,
    RetrievalResult,
    evaluate_needles,
    mask_heads,
    retrieval_scores,
)
from reprise.language.retrieval_heads.needles import Template
from reprise.models.language import DEFAULT_MODEL, PACKAGED

PILOT_SEEDS = 1000
LEDGER_GENRES, PILOT_GENRES = ("hobbies", "reviews"), ("news", "editorial")
FEW, MANY = 2.0, 5.0  # % of the heads masked; the paper goes up to 50 of 1,024
DEPTHS = (0.2, 0.9)
LAST_START = 0.9  # of the haystack, after which no text begins
ALWAYS_ACTIVE = 12 / 1024  # the share of Llama-2-7B's heads that are active on every needle

SHARE = "share of heads with a retrieval score of 0.1 or more"
SILENT = "share of heads that copy nothing"
STRONGEST = "retrieval score of the strongest head, on unseen needles"
FREQUENCY = "share of unseen needles on which a strongest head copies"
SAME_TOP = "share of the ten strongest heads common to both needle halves"
STABILITY = "rank correlation of head scores between needle halves"
RECALL, LOG_PROB = "needle recall", "log-probability of the answer"

MODEL, UNMASKED = "model", "no head masked"
RETRIEVAL, OTHERS = "retrieval heads masked", "random other heads masked"
RETRIEVAL_UNIFORM, OTHERS_UNIFORM = "retrieval heads made uniform", "random other heads made uniform"

OVER_SPLITS = " (seeds: splits of the same needles)"

CLAIMS = (
    Claim(
        id="universal",
        of="paper",
        kind="interval",
        metric=STRONGEST,
        ours=MODEL,
        low=0.1,
        says="This model, too, has a retrieval head: the strongest found on some needles scores 0.1 or more on others"
        f"{OVER_SPLITS}.",
    ),
    Claim(
        id="sparse",
        of="paper",
        kind="interval",
        metric=SHARE,
        ours=MODEL,
        high=0.05,
        says=f"Less than 5 % of the heads are retrieval heads (score of 0.1 or more){OVER_SPLITS}.",
        note="19 to 23 of the model's 270 heads: 5 % would be 13 of them, but 51 of the 1,024 of Llama-2-7B. Whether "
        "so small a model, texts this short or answers begun for it raise the share was not measured.",
    ),
    Claim(
        id="always-active",
        of="paper",
        kind="identity",
        metric=FREQUENCY,
        ours=MODEL,
        target=1.0,
        says="The strongest 1.2 % of the heads (12 in Llama-2-7B, 3 here) copy on every needle that is found.",
    ),
    Claim(
        id="causal",
        of="paper",
        kind="superior",
        better="lower",
        metric=RECALL,
        ours=RETRIEVAL,
        against=(OTHERS,),
        at=(FEW, MANY),
        unit="needle",
        says="Masking the strongest 2 or 5 % of the heads costs more needle recall than masking as many random others.",
    ),
    Claim(
        id="others-dispensable",
        of="paper",
        kind="not_inferior",
        metric=RECALL,
        ours=OTHERS,
        against=(UNMASKED,),
        at=(FEW, MANY),
        margin=0.1,
        unit="needle",
        says="Masking 2 or 5 % of the heads at random, retrieval heads aside, costs at most 0.1 of needle recall.",
    ),
    Claim(
        id="sparse-here",
        of="here",
        kind="interval",
        metric=SHARE,
        ours=MODEL,
        high=0.1,
        says=f"At most 10 % of SmolLM2's heads are retrieval heads{OVER_SPLITS}.",
    ),
    Claim(
        id="silent",
        of="here",
        kind="interval",
        metric=SILENT,
        ours=MODEL,
        low=0.7,
        says=f"At least 70 % of the heads never copy anything from a needle{OVER_SPLITS}.",
    ),
    Claim(
        id="strong",
        of="here",
        kind="interval",
        metric=STRONGEST,
        ours=MODEL,
        low=0.75,
        says="One head copies more than three quarters of the words, also of needles on which it was not chosen"
        f"{OVER_SPLITS}.",
    ),
    Claim(
        id="stable",
        of="here",
        kind="interval",
        metric=STABILITY,
        ours=MODEL,
        low=0.6,
        says=f"Two halves of the needles rank the heads alike (Spearman's correlation above 0.6){OVER_SPLITS}.",
    ),
    Claim(
        id="same-heads",
        of="here",
        kind="interval",
        metric=SAME_TOP,
        ours=MODEL,
        low=0.75,
        says="Of the ten strongest heads on one half of the needles at least three quarters are so on the other half"
        f"{OVER_SPLITS}.",
    ),
    Claim(
        id="causal-recall",
        of="here",
        kind="superior",
        better="lower",
        metric=RECALL,
        ours=RETRIEVAL,
        against=(OTHERS, UNMASKED),
        at=(FEW,),
        margin=0.5,
        unit="needle",
        says="Masking 5 of 270 heads costs more than half of the needle recall beyond what 5 random others cost.",
    ),
    Claim(
        id="causal-likelihood",
        of="here",
        kind="superior",
        better="lower",
        metric=LOG_PROB,
        metric_unit="nats a token",
        ours=RETRIEVAL,
        against=(OTHERS, UNMASKED),
        at=(FEW,),
        margin=1.0,
        unit="needle",
        says="It makes the right answer less likely by more than 1 nat a token beyond what 5 random others do.",
    ),
    Claim(
        id="causal-uniform",
        of="here",
        kind="superior",
        better="lower",
        metric=RECALL,
        ours=RETRIEVAL_UNIFORM,
        against=(OTHERS_UNIFORM,),
        at=(FEW,),
        margin=0.3,
        unit="needle",
        says="The same with the authors' masking, which lets the heads attend to everything alike: more than 0.3.",
    ),
)


@dataclass(frozen=True)
class Plan:
    """How much is measured at a scale."""

    model: str
    template: Template
    lengths: tuple[int, ...]  # of the texts in which heads are looked for
    asked_lengths: tuple[int, ...]  # of those in which they are masked
    depths: int  # prompts for each needle and length
    draws: int  # of random control heads
    max_new_tokens: int
    batch_size: int
    prefixed: bool  # whether the answer's beginning is given


PLANS: dict[Scale, Plan] = {
    "quick": Plan(DEFAULT_MODEL, "chat", (100,), (100,), 1, 1, 12, 2, True),
    "desktop": Plan(DEFAULT_MODEL, "chat", (300, 600), (450,), 1, 2, 30, 8, True),
    "full": Plan(
        model="meta-llama/Llama-3.1-8B",
        template="plain",
        lengths=tuple(np.linspace(1000, 50000, 20).round().astype(int).tolist()),
        asked_lengths=(5000, 20000, 50000),
        depths=10,
        draws=5,
        max_new_tokens=50,
        batch_size=1,
        prefixed=False,
    ),
}


@dataclass(frozen=True)
class Items:
    """Needles and the text they are hidden in."""

    needles: tuple[NeedleText, ...]
    haystack: str


def prepare(setting: Setting) -> Prepared:
    """Load needles and haystacks; the model itself is loaded by each trial, from its cached folder."""
    plan = PLANS[setting.scale]
    if setting.scale == "quick":
        items = Items(load_needles("ledger")[4:7], _joined(load_descriptions()))  # short ones
        content = {"ledger": items, "pilot": Items(load_needles("pilot")[:3], items.haystack)}
        haystack, licence = "scikit-learn's data-set descriptions", "BSD-3-Clause"
    elif setting.scale == "desktop":
        content = {
            "ledger": Items(load_needles("ledger"), _joined(load_brown(LEDGER_GENRES))),
            "pilot": Items(load_needles("pilot"), _joined(load_brown(PILOT_GENRES))),
        }
        haystack, licence = f"Brown corpus, {' and '.join(LEDGER_GENRES)}", "non-commercial"
    else:
        items = Items(load_published_needles(), _joined(load_brown()))
        content = {"ledger": items, "pilot": items}
        haystack, licence = "Brown corpus", "non-commercial"
    packaged = PACKAGED.get(plan.model)
    return Prepared(
        content=content,
        facts={
            "model": packaged.title if packaged else plan.model,
            "model licence": packaged.licence if packaged else "see its page",
            "haystack": haystack,
            "haystack licence": licence,
            "haystack words": len(content["ledger"].haystack.split()),
            "needles": len(content["ledger"].needles),
            "text lengths (tokens)": ", ".join(map(str, plan.lengths)),
            "a seed": "a split of the same needles: an interval over seeds says nothing of other needles",
        },
    )


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Find heads on one half of the needles, and mask them for the other half."""
    plan, rng = PLANS[trial.scale], trial.rng()
    pilot = trial.seed >= PILOT_SEEDS
    items: Items = prepared.content["pilot" if pilot else "ledger"]
    if pilot and trial.scale == "desktop":
        plan = replace(plan, depths=2 * plan.depths)  # half as many needles, as many prompts
    on_gpu = torch.device(trial.device).type == "cuda"
    model = LanguageModel.from_pretrained(
        plan.model, device=trial.device, dtype=torch.bfloat16 if on_gpu else torch.float32
    )
    order = rng.permutation(len(items.needles))
    half = (len(order) + 1) // 2
    first, second = (_samples(model, items, chosen, plan, plan.lengths, rng) for chosen in (order[:half], order[half:]))
    found, again = (
        retrieval_scores(model, samples, max_new_tokens=plan.max_new_tokens, batch_size=plan.batch_size)
        for samples in (first, second)
    )
    yield from _properties(found, again)
    asked = _samples(model, items, order[half:], plan, plan.asked_lengths, rng)
    yield from _masked(model, asked, found, plan, rng)


def _properties(found: RetrievalResult, again: RetrievalResult) -> Iterator[Measurement]:
    """Describe the heads, on the half on which they were found and on the other."""
    for part in (found, again):
        yield Measurement(MODEL, SHARE, part.sparsity())
        yield Measurement(MODEL, SILENT, part.silent())
    yield Measurement(MODEL, STABILITY, found.rank_correlation(again))
    yield Measurement(MODEL, SAME_TOP, found.overlap(again, 10))
    yield Measurement(MODEL, STRONGEST, float(again.scores[found.top(1)[0]]))
    for layer, head in found.top(round(ALWAYS_ACTIVE * found.scores.size)):
        yield Measurement(MODEL, FREQUENCY, float(again.frequency[layer, head]), item=f"L{layer}H{head}")


def _masked(
    model: LanguageModel, samples: Sequence[NeedleSample], found: RetrievalResult, plan: Plan, rng: np.random.Generator
) -> Iterator[Measurement]:
    """Ask for the other half's needles with heads masked."""
    sizes = {share: round(share / 100 * found.scores.size) for share in (FEW, MANY)}
    top = {share: found.top(k) for share, k in sizes.items()}
    others = {share: [found.others(k, rng) for _ in range(plan.draws)] for share, k in sizes.items()}
    yield from _asked(model, samples, plan, UNMASKED, [], "zero", (FEW, MANY))
    for share in (FEW, MANY):
        yield from _asked(model, samples, plan, RETRIEVAL, top[share], "zero", (share,))
        for heads in others[share]:
            yield from _asked(model, samples, plan, OTHERS, heads, "zero", (share,))
    yield from _asked(model, samples, plan, RETRIEVAL_UNIFORM, top[FEW], "uniform", (FEW,))
    yield from _asked(model, samples, plan, OTHERS_UNIFORM, others[FEW][0], "uniform", (FEW,))


def _asked(
    model: LanguageModel,
    samples: Sequence[NeedleSample],
    plan: Plan,
    arm: str,
    heads: Sequence[Head],
    mode: HeadMode,
    shares: Sequence[float],
) -> Iterator[Measurement]:
    """Ask once with `heads` masked, and record it at the shares of masked heads that it stands for."""
    with mask_heads(model, heads, mode):
        answered = evaluate_needles(model, samples, max_new_tokens=plan.max_new_tokens, batch_size=plan.batch_size)
    for sample, recall, log_prob in zip(samples, answered.recalls, answered.log_probs, strict=True):
        for share in shares:
            yield Measurement(arm, RECALL, float(recall), item=sample.needle.name, x=share)
            yield Measurement(arm, LOG_PROB, float(log_prob), item=sample.needle.name, x=share)


def _samples(
    model: LanguageModel,
    items: Items,
    chosen: NDArray[np.intp],
    plan: Plan,
    lengths: Sequence[int],
    rng: np.random.Generator,
) -> list[NeedleSample]:
    """Hide each chosen needle in texts of every length, at random depths of random passages."""
    needles = [
        Needle(text.question, text.needle, text.answer, text.prefix if plan.prefixed else "", text.name)
        for text in items.needles
    ]
    task = NeedleTask(items.haystack, needles, plan.template)
    return [
        task.build(
            model.tokenizer,
            length,
            float(rng.uniform(*DEPTHS)),
            needle=int(needle),
            skip=float(rng.uniform(0, LAST_START)),
        )
        for length in lengths
        for needle in chosen
        for _ in range(plan.depths)
    ]


def _joined(texts: Mapping[str, str]) -> str:
    return " ".join(texts.values())

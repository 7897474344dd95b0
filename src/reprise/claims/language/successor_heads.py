"""Does a language model have an attention head that turns Monday into Tuesday, and what does it go by.

SmolLM2-135M-Instruct (30 layers of 9 heads) keeps about 190 pairs of a word and its successor as single tokens: nine
digits, number words, ordinals, days, months, letters and Roman numerals, with and without a leading space. A word is an
item, whatever its form. A seed is a fold: heads are found on four fifths of the words and judged on the fifth that is
left, so that five seeds judge every word once. Two heads are found. By the paper's score alone, on what the first
feed-forward part makes of a word: pilots found another head in nearly every fold, and the claims on embeddings judge
that. And, of the ten heads that write most towards the successor where lists are continued, the one of the highest
score on what enters its own layer: pilots found the same head in every fold, and the claims on texts judge that.
Controls:

- the second head found, the average head, and 1 over the number of tokens that compete;
- for what ablation costs: random heads, the heads that write most towards the successor, and the heads that copy;
- for features and exchanged places: the same with numbers or ranks shuffled, equally tuned (not at all);
- a two-layer transformer trained to count through made-up lists, in which the same code must find successor heads.

Seeds from 1000 on are pilots: they use every third word (by a checksum of its name) and every fifth text of the Brown
corpus, which no other seed judges, and thresholds of the claims `of="here"` were chosen on them. Those of `of="paper"`
are the paper's, or none. One exploration before the claims were written, with other pilot words, looked at scores,
ablation, steering and exchanged places, and an early form of the claims was judged on the ledger's words by mistake,
with heads found by the paper's score on halves of the words. All thresholds were set afterwards on the pilots' words,
and none on what was seen then. Numbers of more than one digit are several tokens here, so that the paper's autoencoder,
which reads the numbers 0 to 499, has nothing to learn from; it is measured at full scale only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.language._successor_heads.control import lost_without, train_control
from reprise.claims.language._successor_heads.embeddings import (
    AUTOENCODER,
    FEATURES,
    SHUFFLED,
    STEERED,
    SWAPPED,
    UNCHANGED,
    steered,
    swapped,
)
from reprise.claims.language._successor_heads.items import FOLDS, PILOT_SEEDS, Split, places, split
from reprise.claims.language._successor_heads.reading import Reading, brown, made_up_texts, read
from reprise.claims.language._successor_heads.sizes import PLANS, Plan
from reprise.language import LanguageModel
from reprise.language.interventions import Head
from reprise.language.successor_heads import (
    DEFAULT_LISTS,
    SuccessionResult,
    head_ablation_effect,
    largest_contributor_share,
    mean_head_outputs,
    succession_scores,
)
from reprise.language.successor_heads.circuits import Embedding
from reprise.models.language import PACKAGED
from reprise.models.tiny import tiny_language_model

WRITERS_CONSIDERED = 10  # heads that write most towards the successor
CLEAR = 0.5  # of the succession score: "maps most words to their successor"

SCORE, IN_CONTEXT = "succession score", "succession score, words in context"
CONTINUED = "lists continued with the successor"
ABLATED = "log-probability of the successor lost by ablation"
CONTRIBUTES = "places in texts at which the head contributes most"
CONTROL_SCORE, CONTROL_ABLATED = f"{SCORE}, trained to count", f"{ABLATED}, trained to count"

MODEL, BEST, SECOND, AVERAGE, CHANCE = "model", "head found", "second head found", "average other head", "chance"
RANDOM, WRITERS, COPIERS = "random heads", "heads that write most towards it", "heads that copy"
RIVAL = "most frequent other head"
SUCCESSORS, OTHERS = "successor heads", "as many other heads"

CLAIMS = (
    Claim(
        id="exists",
        of="paper",
        kind="interval",
        metric=SCORE,
        ours=BEST,
        low=CLEAR,
        unit="word",
        says="The output circuit of one head, on what the first feed-forward part makes of a word, maps at least half "
        "of the words to their successors.",
        note="Read off words alone, no head of this model puts the successor first often. It continues lists "
        "all the same (see continues), by a head that raises the successor in context (see in-context, "
        "causal and costly); the same code finds clean successor heads in a small model that counts (see "
        "control-scores).",
    ),
    Claim(
        id="stands-out",
        of="paper",
        kind="superior",
        metric=SCORE,
        ours=BEST,
        against=(SECOND, AVERAGE, CHANCE),
        unit="word",
        says="That head maps more words to their successors than the next best head, the average head, and chance.",
    ),
    Claim(
        id="causal",
        of="paper",
        kind="superior",
        metric=ABLATED,
        metric_unit="nats",
        ours=BEST,
        against=(RANDOM,),
        unit="word",
        says="Of the ten heads that write most towards successors, the one that maps most words to theirs costs the "
        "successor more log-probability, when its mean is put in its place, than random heads do.",
    ),
    Claim(
        id="in-texts",
        of="paper",
        kind="superior",
        metric=CONTRIBUTES,
        ours=BEST,
        against=(RIVAL,),
        unit="place",
        says="Where running text goes on with a successor, that head contributes most to it more often than any other.",
    ),
    Claim(
        id="features",
        of="paper",
        kind="superior",
        metric=STEERED,
        ours=FEATURES,
        against=(SHUFFLED, UNCHANGED),
        unit="word",
        says="Features of numbers modulo ten, put into words of other lists, make the head give the successor of the "
        "number put in, more often than features of shuffled numbers do.",
    ),
    Claim(
        id="autoencoder",
        of="paper",
        kind="superior",
        metric=STEERED,
        ours=AUTOENCODER,
        against=(SHUFFLED, UNCHANGED),
        unit="word",
        scales=("quick", "full"),
        says="So do features that a sparse autoencoder finds without being told of tens.",
    ),
    Claim(
        id="compositional",
        of="paper",
        kind="superior",
        metric=SWAPPED,
        ours=FEATURES,
        against=(SHUFFLED, UNCHANGED),
        unit="word",
        says="A word that is given the place of a word of another list, by a linear map fitted on other lists, is "
        "mapped to the successor of that place more often than with a map fitted on shuffled ranks.",
    ),
    Claim(
        id="in-context",
        of="here",
        kind="superior",
        metric=IN_CONTEXT,
        ours=BEST,
        against=(AVERAGE, CHANCE),
        margin=0.05,
        unit="word",
        says="On what enters its layer, the best of the ten heads that write most towards successors maps more words "
        "to theirs than the average head does, and than chance, by more than 0.05.",
    ),
    Claim(
        id="continues",
        of="here",
        kind="interval",
        metric=CONTINUED,
        ours=MODEL,
        low=0.7,
        unit="word",
        says="The model continues lists of three words with the successor at least 7 times in 10, of all tokens of the "
        "list.",
    ),
    Claim(
        id="costly",
        of="here",
        kind="superior",
        metric=ABLATED,
        metric_unit="nats",
        ours=BEST,
        against=(RANDOM, WRITERS, COPIERS),
        margin=0.5,
        unit="word",
        says="Without that head the successor loses more log-probability, by more than 0.5 nats, than without a random "
        "head, one of the others that write most towards it, or one that copies.",
    ),
    Claim(
        id="control-scores",
        of="here",
        kind="interval",
        metric=CONTROL_SCORE,
        ours=SUCCESSORS,
        low=0.8,
        says="A small transformer trained to count through lists has a head that maps at least 8 of 10 words to their "
        "successors.",
    ),
    Claim(
        id="control-others",
        of="here",
        kind="interval",
        metric=CONTROL_SCORE,
        ours=OTHERS,
        high=0.2,
        says="Its heads that are no successor heads map at most 2 of 10 so.",
    ),
    Claim(
        id="control-ablated",
        of="here",
        kind="superior",
        metric=CONTROL_ABLATED,
        metric_unit="nats",
        ours=SUCCESSORS,
        against=(OTHERS,),
        margin=1.0,
        says="Without its successor heads, which stand in for each other, the successor loses more than 1 nat beyond "
        "what it loses without as many others.",
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Score the heads, and read what they write in lists and texts, once for all seeds."""
    plan = PLANS[setting.scale]
    model = _model(plan, setting.device)
    texts = made_up_texts() if plan.model is None else brown()
    reading = read(model, texts, plan.per_list)
    packaged = PACKAGED.get(plan.model or "")
    return Prepared(
        content=reading,
        facts={
            "model": packaged.title if packaged else plan.model or "random",
            "lists": len(reading.lists),
            "lists left out": ", ".join(reading.lists.left_out) or "none",
            "tokens": sum(map(len, reading.lists.values())),
            "pairs": reading.results["mlp0"].n_pairs,
            "prompts": len(reading.prompts),
            "places in texts": len(reading.places["ledger"].prompts),
            "texts": "made up" if plan.model is None else "Brown corpus (non-commercial)",
            "a seed": "a fold of the words: the head is found on the others and judged on it",
        },
    )


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Find heads on most of the words, and judge them on the others."""
    plan, reading = PLANS[trial.scale], prepared.content
    words = split([*reading.pair_items(), *reading.items], trial.seed)
    names = reading.pair_items()
    found = {key: result.take(places(names, words.found)) for key, result in reading.results.items()}
    by_paper, second = found["mlp0"].top(2)
    in_context = _best_writer(reading, found["contextual"], places(reading.items, words.found))
    tested = places(names, words.tested)
    yield from _scores(reading, "mlp0", SCORE, {BEST: by_paper, SECOND: second}, tested, names)
    yield from _scores(reading, "contextual", IN_CONTEXT, {BEST: in_context}, tested, names)
    for place in places(reading.items, words.tested):
        yield Measurement(MODEL, CONTINUED, float(reading.continued[place]), item=reading.items[place])
    yield from _in_texts(reading, trial.seed, in_context)
    model = _model(plan, trial.device)
    copiers = np.argsort(-found["contextual"].self_rates, axis=None, kind="stable")
    yield from _ablated(model, reading, words, in_context, copiers, plan, trial.rng())
    yield from steered(model, reading, words, by_paper, plan, trial)
    yield from swapped(model, reading, words, by_paper, plan, trial.seed)
    yield from _control(plan, trial)


def _best_writer(reading: Reading, found: SuccessionResult, known: NDArray[np.intp]) -> Head:
    """Find the head of the highest score among those that write most towards the successor."""
    writers = np.argsort(-reading.attribution[:, :, known].mean(-1), axis=None, kind="stable")[:WRITERS_CONSIDERED]
    best = writers[found.scores.reshape(-1)[writers].argmax()]
    layer, head = divmod(int(best), found.scores.shape[1])
    return layer, head


def _scores(
    reading: Reading,
    embedding: Embedding,
    metric: str,
    heads: Mapping[str, Head],
    tested: NDArray[np.intp],
    names: Sequence[str],
) -> Iterator[Measurement]:
    """Score the heads found on the words that are left, beside all the others and chance."""
    result = reading.results[embedding].take(tested)
    arms = {arm: result.hits[:, layer, head].astype(float) for arm, (layer, head) in heads.items()}
    arms[AVERAGE] = (result.hits.sum((1, 2)) - arms[BEST]) / (result.scores.size - 1)
    arms[CHANCE] = result.chances
    for arm, values in arms.items():
        for place, value in zip(tested, values, strict=True):
            yield Measurement(arm, metric, float(value), item=names[place])


def _in_texts(reading: Reading, seed: int, head: Head) -> Iterator[Measurement]:
    """Count where the head contributes most, and the other head that does so most often in other places."""
    attribution = reading.places["pilot" if seed >= PILOT_SEEDS else "ledger"].attribution
    fold = np.arange(attribution.shape[-1]) % FOLDS == seed % FOLDS
    shares = largest_contributor_share(attribution[:, :, ~fold])
    shares[head] = -1
    rival = np.unravel_index(shares.argmax(), shares.shape)
    for place in np.flatnonzero(fold):
        most = attribution[:, :, place].max()
        for arm, (layer, number) in ((BEST, head), (RIVAL, rival)):
            yield Measurement(arm, CONTRIBUTES, float(attribution[layer, number, place] == most), item=f"{place}")


def _ablated(
    model: LanguageModel,
    reading: Reading,
    words: Split,
    head: Head,
    copiers: NDArray[np.intp],
    plan: Plan,
    rng: np.random.Generator,
) -> Iterator[Measurement]:
    """Take away the head, and others, where lists are continued with the words that are left."""
    found, tested = (places(reading.items, some) for some in (words.found, words.tested))
    prompts = [reading.prompts[place] for place in tested]
    values = mean_head_outputs(model, [reading.prompts[place] for place in found])
    own = head[0] * model.n_heads + head[1]
    writers = np.argsort(-reading.attribution[:, :, found].mean(-1), axis=None, kind="stable")
    groups = {
        BEST: [own],
        RANDOM: _but(own, rng.permutation(model.n_layers * model.n_heads), plan.controls),
        WRITERS: _but(own, writers, plan.controls),
        COPIERS: _but(own, copiers, plan.controls),
    }
    heads = {arm: [divmod(number, model.n_heads) for number in numbers] for arm, numbers in groups.items()}
    effects = head_ablation_effect(model, prompts, [each for some in heads.values() for each in some], values=values)
    for arm, some in heads.items():
        for number, place in enumerate(tested):
            drop = np.mean([effects[layer, each, number] for layer, each in some])
            yield Measurement(arm, ABLATED, float(drop), item=reading.items[place])


def _but(own: int, order: NDArray[np.intp], count: int) -> list[int]:
    return [number for number in order.tolist() if number != own][:count]


def _control(plan: Plan, trial: Trial) -> Iterator[Measurement]:
    """Train a model to count, and look for successor heads in it."""
    control = train_control(plan.control, trial.seed, trial.device)
    scores = succession_scores(control.model, control.lists, "contextual").scores
    successors = [(int(layer), int(head)) for layer, head in zip(*np.nonzero(scores > CLEAR), strict=True)]
    others = [(int(layer), int(head)) for layer, head in zip(*np.nonzero(scores <= CLEAR), strict=True)]
    yield Measurement(SUCCESSORS, CONTROL_SCORE, float(scores.max()))
    yield Measurement(OTHERS, CONTROL_SCORE, float(np.mean([scores[head] for head in others])) if others else 0.0)
    order = trial.rng().permutation(len(others))[: len(successors)]
    for arm, heads in ((SUCCESSORS, successors), (OTHERS, [others[place] for place in order])):
        yield Measurement(arm, CONTROL_ABLATED, lost_without(control, heads))


def _model(plan: Plan, device: str) -> LanguageModel:
    if plan.model is None:
        words = [word for each in DEFAULT_LISTS.values() for word in each.words]
        text = " ".join([*map(str, range(31)), *words, ",", "then", "came", "and"])
        return LanguageModel(*tiny_language_model(text))
    on_gpu = torch.device(device).type == "cuda"
    return LanguageModel.from_pretrained(plan.model, device=device, dtype=torch.bfloat16 if on_gpu else torch.float32)

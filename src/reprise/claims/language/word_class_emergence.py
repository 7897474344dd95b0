"""Do word classes emerge in a network that only learns to predict the next word.

Networks read nine words of the Brown corpus and predict the tenth. A seed holds 50 documents out, trains on 60,000
windows of the others for one epoch (the paper: a German novel, until validation stops it), and asks of each layer how
far windows are apart by the class of the word to come, on the held-out documents. Arms and their controls:

- the same network before training, and the same activations with permuted labels (100 times);
- at most ten windows of a class share their next word, so that "the" is not taken for the class of determiners; the
  figure without that limit is measured too;
- windows whose last words are of the same classes for each class to come: what is left cannot be read off the last
  word's class; and nouns, verbs, adjectives and adverbs of the same frequencies;
- a linear probe beside one that has only the last two words, fitted and tested on different documents; k-means;
- SmolLM2-135M, which no one trained here, on held-out windows of its own for each seed. It has seen much text, and
  perhaps this corpus.

Seeds from 1000 on are pilots: they hold out every fifth document, which no other seed reads. Nothing is tuned for the
trained arms only: the learning rate is the method's default. Not measured: the German novel and its word vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import torch

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.language._word_class_emergence.reading import (
    PERMUTED,
    cluster_agreement,
    probe_accuracy,
    separation,
    streams,
    word_accuracy,
)
from reprise.claims.language._word_class_emergence.sizes import MADE_UP, PLANS, Plan
from reprise.claims.language._word_class_emergence.texts import Corpus, Document, Reading, split
from reprise.data.brown import load_tagged_brown
from reprise.data.simulators.word_grammar import grammar_texts
from reprise.language import LanguageModel
from reprise.language.word_class_emergence import NextWordModel, gdv_profile, train_next_word
from reprise.language.word_class_emergence.network import Cell
from reprise.models.language import DEFAULT_MODEL, PACKAGED

CELLS: tuple[Cell, ...] = ("lstm", "gru", "transformer")
DENSE = 3.0  # depth of the last hidden layer; 0 are the word vectors, 4 the logits
MAX_PER_WORD = 10
MARGINS = {"lstm": 0.03, "gru": 0.03, "transformer": 0.01}

GDV = "discrimination value by the next word's class"
ANY_WORD = f"{GDV}, any words"
SEEN = f"{GDV}, texts trained on"
SAME_LAST = f"{GDV}, last words of the same classes"
SAME_FREQUENCY = f"{GDV}, words of the same frequencies"
BY = "discrimination value"
IN_SMOLLM2, ENDS = f"{GDV}, SmolLM2", f"{GDV}, first and last stream of SmolLM2"
PROBE, CLUSTERS = "accuracy of a probe for the next word's class", "agreement of k-means with the next word's class"
PROBE_SMOLLM2 = f"{PROBE}, SmolLM2"

TRAINED, UNTRAINED = "trained", "untrained"
NEXT, LAST = "by the next word's class", "by the last word's class"
TWO_WORDS = "the last two words alone"
DEEPEST, VECTORS = "last residual stream", "word vectors"

CLAIMS = (
    Claim(
        id="emerges",
        of="paper",
        kind="superior",
        metric=ANY_WORD,
        better="lower",
        ours=TRAINED,
        against=(UNTRAINED, PERMUTED),
        at=(DENSE,),
        items=("lstm",),
        says="In the last hidden layer, windows of unseen texts cluster by the class of the word to come: more than in "
        "the untrained network, and than with permuted labels.",
    ),
    Claim(
        id="emerges-where-trained",
        of="paper",
        kind="superior",
        metric=SEEN,
        better="lower",
        ours=TRAINED,
        against=(UNTRAINED, PERMUTED),
        at=(DENSE,),
        items=("lstm",),
        says="The same in the texts that the network was trained on.",
    ),
    Claim(
        id="deepens",
        of="paper",
        kind="slope",
        metric=ANY_WORD,
        better="lower",
        ours=TRAINED,
        high=0.0,
        items=("lstm",),
        says="Classes separate further from layer to layer, from the word vectors to the logits.",
    ),
    *(
        Claim(
            id=f"by-a-margin-{cell}",
            of="here",
            kind="superior",
            metric=GDV,
            better="lower",
            ours=TRAINED,
            against=(UNTRAINED, PERMUTED),
            at=(DENSE,),
            items=(cell,),
            margin=MARGINS[cell],
            says=f"Where few windows share their next word, training lowers the value of the last hidden layer by more "
            f"than {MARGINS[cell]} ({cell}).",
        )
        for cell in CELLS
    ),
    Claim(
        id="beyond-the-last-word",
        of="here",
        kind="superior",
        metric=SAME_LAST,
        better="lower",
        ours=TRAINED,
        against=(UNTRAINED, PERMUTED),
        at=(DENSE,),
        margin=0.004,
        says="What is left where the last words are of the same classes for each class to come still exceeds 0.004, "
        "over all three kinds of network.",
    ),
    Claim(
        id="beyond-frequency",
        of="here",
        kind="superior",
        metric=SAME_FREQUENCY,
        better="lower",
        ours=TRAINED,
        against=(UNTRAINED, PERMUTED),
        at=(DENSE,),
        margin=0.01,
        says="Nouns, verbs, adjectives and adverbs of the same frequencies separate too, by more than 0.01, over all "
        "three kinds of network.",
    ),
    Claim(
        id="next-more-than-last",
        of="here",
        kind="superior",
        metric=BY,
        better="lower",
        ours=NEXT,
        against=(LAST,),
        at=(DENSE,),
        says="The last hidden layer separates the class of the word to come more than that of the last word it read.",
        note="The other way round: by the class of the last word read the value is some four times as large, in every "
        "layer, and much of what separates the next word's class comes with it (see beyond-the-last-word).",
    ),
    Claim(
        id="probe",
        of="here",
        kind="superior",
        metric=PROBE,
        ours=TRAINED,
        against=(UNTRAINED,),
        margin=0.02,
        says="A linear probe of the last hidden layer names the class to come more often than before training, by more "
        "than 2 in 100 windows, over all three kinds of network.",
    ),
    Claim(
        id="probe-beyond-two-words",
        of="here",
        kind="superior",
        metric=PROBE,
        ours=TRAINED,
        against=(TWO_WORDS,),
        items=("lstm",),
        says="It names it more often than a probe of the last two words themselves.",
        note="After one epoch on 60,000 windows the layer holds less of the next word's class than the last two words "
        "do, when a probe is fitted on as few windows. Whether longer training changes that was not measured.",
    ),
    Claim(
        id="clusters",
        of="here",
        kind="superior",
        metric=CLUSTERS,
        ours=TRAINED,
        against=(UNTRAINED,),
        margin=0.02,
        says="K-means finds the classes to come better than before training (adjusted Rand index), over all three "
        "kinds of network.",
    ),
    Claim(
        id="smollm2",
        of="here",
        kind="superior",
        metric=ENDS,
        better="lower",
        ours=DEEPEST,
        against=(PERMUTED,),
        margin=0.005,
        scales=("desktop", "full"),
        says="Classes separate in SmolLM2's last residual stream, by more than 0.005.",
    ),
    Claim(
        id="smollm2-deepens",
        of="here",
        kind="superior",
        metric=ENDS,
        better="lower",
        ours=DEEPEST,
        against=(VECTORS,),
        scales=("desktop", "full"),
        says="They separate more there than in its word vectors.",
        note="A probe finds more of the class in the last stream (see smollm2-probe); the value, which counts all "
        "dimensions alike, does not rise with it. How many dimensions hold the class was not measured.",
    ),
    Claim(
        id="smollm2-probe",
        of="here",
        kind="superior",
        metric=PROBE_SMOLLM2,
        ours=DEEPEST,
        against=(VECTORS,),
        scales=("desktop", "full"),
        says="A linear probe finds them there in more windows than in its word vectors.",
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Load the corpus, or at quick scale make up texts."""
    plan = PLANS[setting.scale]
    if setting.scale == "quick":
        documents = grammar_texts(24, 250, np.random.default_rng(0), classes=len(MADE_UP), words=10)
        data, licence = "simulated texts of a made-up grammar", "none needed"
    else:
        documents = [
            ([word for sentence in text for word, _ in sentence], [tag for sentence in text for _, tag in sentence])
            for text in load_tagged_brown().values()
        ]
        data, licence = "Brown corpus, universal word classes", "non-commercial"
    facts: dict[str, str | int | float | bool] = {
        "data": data,
        "licence": licence,
        "documents": len(documents),
        "words": sum(len(words) for words, _ in documents),
        "documents held out, a seed": plan.held_out,
        "windows trained on": "all" if plan.windows is None else plan.windows,
        "epochs": plan.epochs,
        "vocabulary": plan.vocabulary,
        "a seed": "new held-out documents, windows to train on, first weights and samples of windows",
    }
    if plan.per_class_smollm2:
        facts |= {"language model": PACKAGED[DEFAULT_MODEL].title, "its licence": PACKAGED[DEFAULT_MODEL].licence}
    return Prepared(documents, facts)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Train each kind of network, and read it beside itself before training."""
    plan = PLANS[trial.scale]
    documents: list[Document] = prepared.content
    corpus = split(documents, trial.seed, plan.held_out, plan.vocabulary)
    for cell in CELLS:
        untrained = NextWordModel(
            corpus.vocabulary_size, plan.embedding, (plan.width, plan.width), plan.width, cell=cell, seed=trial.seed
        ).to(trial.device)
        trained = deepcopy(untrained)
        train_next_word(
            corpus.training,
            trained,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            lr=plan.lr,
            val=plan.validation,
            max_windows=plan.windows,
            random_state=trial.seed,
            device=trial.device,
        )
        for arm, model in ((TRAINED, trained), (UNTRAINED, untrained)):
            yield from _separations(arm, model, corpus, plan, trial.seed)
            yield from _found(arm, model, corpus.unseen, plan, trial.seed)
    yield _by_words(corpus.unseen, plan, trial.seed)
    if plan.per_class_smollm2:
        yield from _smollm2(corpus.unseen, plan, trial)


def _separations(arm: str, model: NextWordModel, corpus: Corpus, plan: Plan, seed: int) -> Iterator[Measurement]:
    unseen, seen = corpus.unseen, corpus.seen
    following, last = unseen.windows.next_tag, unseen.windows.last_tag
    permutations = plan.permutations if arm == TRAINED else 0
    limited = unseen.sample(plan.per_class_limited, plan.classes, seed, MAX_PER_WORD)
    free = unseen.sample(plan.per_class, plan.classes, seed)
    yield from separation(model, unseen, limited, following, GDV, arm, permutations)
    yield from separation(model, unseen, free, following, ANY_WORD, arm, permutations)
    again = seen.sample(plan.per_class, plan.classes, seed)
    yield from separation(model, seen, again, seen.windows.next_tag, SEEN, arm, permutations)
    same_last = unseen.matched_by_last(plan.per_stratum, plan.classes, seed)
    yield from separation(model, unseen, same_last, following, SAME_LAST, arm, permutations)
    same_frequency = unseen.matched_by_frequency(plan.per_stratum, plan.open_classes, seed)
    yield from separation(model, unseen, same_frequency, following, SAME_FREQUENCY, arm, permutations)
    if arm == TRAINED:
        by_last = unseen.sample_by_last(plan.per_class, plan.classes, seed)
        yield from separation(model, unseen, free, following, BY, NEXT)
        yield from separation(model, unseen, by_last, last, BY, LAST)


def _found(arm: str, model: NextWordModel, unseen: Reading, plan: Plan, seed: int) -> Iterator[Measurement]:
    chosen = unseen.sample(plan.per_class_probe, plan.classes, seed)
    states, labels = model.activations(unseen.ids(chosen))["dense"], unseen.windows.next_tag[chosen]
    fitted = _first_half(unseen, chosen)
    yield Measurement(arm, PROBE, probe_accuracy(states, labels, fitted), item=model.cell)
    yield Measurement(arm, CLUSTERS, cluster_agreement(states, labels, seed), item=model.cell)


def _by_words(unseen: Reading, plan: Plan, seed: int) -> Measurement:
    chosen = unseen.sample(plan.per_class_probe, plan.classes, seed)
    labels, words = unseen.windows.next_tag[chosen], unseen.ids(chosen)[:, -2:]
    return Measurement(TWO_WORDS, PROBE, word_accuracy(words, labels, _first_half(unseen, chosen)), item="lstm")


def _first_half(unseen: Reading, chosen: np.ndarray) -> np.ndarray:
    documents = unseen.windows.document
    return documents[chosen] <= np.median(np.unique(documents))


def _smollm2(unseen: Reading, plan: Plan, trial: Trial) -> Iterator[Measurement]:
    on_gpu = torch.device(trial.device).type == "cuda"
    model = LanguageModel.from_pretrained(device=trial.device, dtype=torch.bfloat16 if on_gpu else torch.float32)
    chosen = unseen.sample(plan.per_class_smollm2, plan.classes, trial.seed, MAX_PER_WORD)
    states = streams(model, unseen.texts(chosen))
    profile = gdv_profile(
        {str(stream): state for stream, state in states.items()},
        unseen.windows.next_tag[chosen],
        n_permutations=plan.permutations,
    )
    for stream, row in enumerate(profile.itertuples()):
        yield Measurement("SmolLM2", IN_SMOLLM2, float(row.gdv), x=float(stream))
    labels, fitted = unseen.windows.next_tag[chosen], _first_half(unseen, chosen)
    for arm, stream in ((VECTORS, 0), (DEEPEST, model.n_layers)):
        yield Measurement(arm, ENDS, float(profile["gdv"].iloc[stream]))
        yield Measurement(arm, PROBE_SMOLLM2, probe_accuracy(states[stream], labels, fitted))
    yield Measurement(PERMUTED, ENDS, float(profile["null_mean"].iloc[-1]))

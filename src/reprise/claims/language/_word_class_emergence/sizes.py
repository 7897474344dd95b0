"""How much is trained and measured at each scale."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.claim import Scale


@dataclass(frozen=True)
class Plan:
    """How much is trained and measured at a scale."""

    vocabulary: int
    embedding: int
    width: int  # of recurrent or attention layers, and of the dense layer
    windows: int | None  # to train on
    epochs: int
    batch_size: int
    lr: float
    validation: float
    held_out: int  # documents
    classes: tuple[str, ...]
    open_classes: tuple[str, ...]  # whose words cover the same frequencies
    per_class: int  # windows of each class
    per_class_limited: int  # where few may share their next word
    per_stratum: int  # windows of each class that match in something
    per_class_probe: int
    per_class_smollm2: int
    permutations: int


UNIVERSAL = ("NOUN", "VERB", "ADJ", "ADP", "DET", "PRON", "ADV", "CONJ")
OPEN = ("NOUN", "VERB", "ADJ", "ADV")
MADE_UP = ("A", "B", "C", "D")

PLANS: dict[Scale, Plan] = {
    "quick": Plan(
        vocabulary=41,
        embedding=16,
        width=16,
        windows=800,
        epochs=2,
        batch_size=32,
        lr=1e-2,
        validation=0.0,
        held_out=4,
        classes=MADE_UP,
        open_classes=MADE_UP,
        per_class=40,
        per_class_limited=20,
        per_stratum=10,
        per_class_probe=40,
        per_class_smollm2=0,
        permutations=5,
    ),
    "desktop": Plan(
        vocabulary=4_000,
        embedding=64,
        width=128,
        windows=60_000,
        epochs=1,
        batch_size=256,
        lr=2e-3,
        validation=0.0,
        held_out=50,
        classes=UNIVERSAL,
        open_classes=OPEN,
        per_class=200,
        per_class_limited=60,
        per_stratum=25,
        per_class_probe=300,
        per_class_smollm2=60,
        permutations=20,
    ),
    "full": Plan(
        vocabulary=20_000,
        embedding=300,
        width=512,
        windows=None,
        epochs=20,
        batch_size=256,
        lr=1e-3,
        validation=0.1,
        held_out=50,
        classes=UNIVERSAL,
        open_classes=OPEN,
        per_class=200,
        per_class_limited=60,
        per_stratum=25,
        per_class_probe=300,
        per_class_smollm2=60,
        permutations=100,
    ),
}

"""How much is measured at each scale."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.claim import Scale
from reprise.claims.language._successor_heads.control import ControlPlan
from reprise.models.language import DEFAULT_MODEL


@dataclass(frozen=True)
class Plan:
    """How much is measured at a scale."""

    model: str | None  # None is a random one
    per_list: int  # places in running texts
    controls: int  # heads that are ablated for comparison, of each kind
    shuffles: int  # of the numbers, for comparison with the features
    epochs: int  # of the autoencoder
    control: ControlPlan


PLANS: dict[Scale, Plan] = {
    "quick": Plan(None, 5, 1, 1, 10, ControlPlan(lists=2, size=6, width=16, steps=20, batch_size=16)),
    "desktop": Plan(DEFAULT_MODEL, 25, 4, 5, 0, ControlPlan(lists=8, size=20, width=64, steps=400)),
    "full": Plan("EleutherAI/pythia-1.4b", 200, 10, 5, 2000, ControlPlan(lists=8, size=20, width=128, steps=2000)),
}

"""A paper's claims as data: what is promised, what was measured, and the verdict.

A claim module (`reprise.claims.<family>.<slug>`) offers three names::

    CLAIMS: tuple[Claim, ...]
    def prepare(setting: Setting) -> Prepared                                # once a run, cached on disk
    def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]   # once a seed
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from reprise.errors import InvalidInputError

Scale = Literal["quick", "desktop", "full"]
Kind = Literal[
    "superior",
    "not_inferior",
    "equivalent",
    "interval",
    "slope",
    "interaction",
    "rank_correlation",
    "identity",
    "all_of",
]

SCALES: tuple[Scale, ...] = get_args(Scale)
KINDS: tuple[str, ...] = get_args(Kind)
_RELATIVE = {"superior", "not_inferior", "equivalent"}
_AGAINST_NEEDED = {"superior", "not_inferior", "equivalent", "interaction", "rank_correlation"}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One promise, testable on measurements.

    With ``d = ours - baseline`` per unit (sign turned where lower is better), the kinds are

    ========================  =====================================================================
    ``superior``              mean d > margin, against every baseline
    ``not_inferior``          mean d > -margin, against every baseline
    ``equivalent``            -margin < mean d < margin, against every baseline
    ``interval``              low <= mean of ours <= high
    ``slope``                 low <= slope of ours over x <= high (`log_log` takes logarithms of both)
    ``interaction``           the advantage d at the last of `levels` exceeds d at the first by margin
    ``rank_correlation``      Spearman's rho between ours and the baseline over items (or x) > low
    ``identity``              abs(ours - target) <= tolerance in every single measurement
    ``all_of``                every claim named in `parts` holds
    ========================  =====================================================================

    Parameters
    ----------
    id : short name, unique within the paper.
    of : ``"paper"`` for the authors' claim in its strongest testable form, ``"here"`` for what this scale can show.
    kind : one of the kinds above.
    says : the claim as a sentence.
    metric : the measured quantity; `Measurement.metric` must match.
    ours, against : arms of the measurements; `ours` must pass against each baseline.
    better : whether ``"higher"`` or ``"lower"`` values are better.
    unit : what the interval is taken over: ``"seed"``, or the name of an item (``"graph pair"``, ``"needle"``, ...);
        items that seeds share are taken together with seeds.
    margin : in the metric's units, or a fraction of the baseline's mean absolute value where `relative` (of `superior`,
        `not_inferior` and `equivalent`).
    low, high : bounds of `interval`, `slope` and `rank_correlation`.
    at : the x values at which a comparison is made, each on its own and all must pass; empty averages over x.
    items : those that count; empty counts all.
    levels : the two x values that `interaction` compares.
    target, tolerance : of `identity`; with `against` the baseline's value takes the target's place.
    parts : ids that `all_of` joins.
    metric_unit : physical or other unit of the metric, for axes and tables.
    timing : the claim is about time or memory; such a run uses one job.
    scales : those at which its metric is measured; at the others it is not judged.
    note : why it came out as it did, where that needs saying; shown beside the verdict.
    """

    id: str
    of: Literal["paper", "here"]
    kind: Kind
    says: str
    metric: str = ""
    ours: str = ""
    against: tuple[str, ...] = ()
    better: Literal["higher", "lower"] = "higher"
    unit: str = "seed"
    margin: float = 0.0
    relative: bool = False
    low: float = -math.inf
    high: float = math.inf
    log_log: bool = False
    at: tuple[float, ...] = ()
    items: tuple[str, ...] = ()
    levels: tuple[float, float] | None = None
    target: float = 0.0
    tolerance: float = 0.0
    parts: tuple[str, ...] = ()
    metric_unit: str = ""
    timing: bool = False
    scales: tuple[Scale, ...] = SCALES
    note: str = ""

    def reads(self, measurement: Measurement, arm: str) -> bool:
        """Say whether a measurement is of this claim's metric, of that arm and of an item that counts."""
        m = measurement
        return m.arm == arm and m.metric == self.metric and (not self.items or m.item in self.items)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError(f"Claim {self.id!r} has kind {self.kind!r}; the kinds are {', '.join(KINDS)}.")
        if not self.scales or not set(self.scales) <= set(SCALES):
            raise InvalidInputError(
                f"Claim {self.id!r} has scales {self.scales}; one or more of {', '.join(SCALES)} are expected."
            )
        if self.kind == "all_of":
            if not self.parts:
                raise InvalidInputError(f"Claim {self.id!r} of kind all_of names no parts.")
            return
        if not self.metric or not self.ours:
            raise InvalidInputError(f"Claim {self.id!r} needs a metric and an arm of ours.")
        if self.kind in _AGAINST_NEEDED and not self.against:
            raise InvalidInputError(f"Claim {self.id!r} of kind {self.kind} needs at least one baseline in `against`.")
        if self.relative and self.kind not in _RELATIVE:
            raise InvalidInputError(f"Claim {self.id!r} of kind {self.kind} has no relative margin.")
        if self.kind == "interaction" and self.levels is None:
            raise InvalidInputError(f"Claim {self.id!r} of kind interaction needs `levels`, the two x values.")
        if self.kind in {"interval", "slope", "rank_correlation"} and self.low == -math.inf and self.high == math.inf:
            raise InvalidInputError(f"Claim {self.id!r} of kind {self.kind} needs `low` or `high`.")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number: arm `arm` scored `value` on `metric`, for item `item` and at abscissa `x` where there are such."""

    arm: str
    metric: str
    value: float
    item: str | None = None
    x: float | None = None


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a run is: its scale, device, and a directory where `prepare` may keep files."""

    scale: Scale
    device: str = "cpu"
    cache: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One seed of a run.

    `seed` names the trial and is its only source of randomness; `rng()` gives a fresh NumPy generator of it.
    """

    seed: int
    scale: Scale
    device: str = "cpu"

    def rng(self) -> np.random.Generator:
        """Give a fresh generator that depends on the seed alone."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Prepared:
    """What `prepare` hands to each trial: `content` (picklable) and the `facts` that the ledger records."""

    content: Any = None
    facts: Mapping[str, str | int | float | bool] = field(default_factory=dict)

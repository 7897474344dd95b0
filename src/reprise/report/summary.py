"""From a run's raw measurements to what tables and figures show: a mean with its interval for each arm and x."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from reprise.claim import Claim, Interval, Sample, mean_interval
from reprise.claim.verdict import SIGNIFICANCE
from reprise.ledger import ClaimRecord, Run

NOT_AFTER_HOLM = "not after Holm"
"""Said beside a verdict that holds, but not once p-values are corrected for the number of the paper's claims."""

_OF_DIFFERENCES = {"superior", "not_inferior", "equivalent", "interaction"}


@dataclass
class MetricSummary:
    """All that was measured of one metric.

    `values[arm, x]` holds the mean of each seed, `items[arm]` the mean of each item over seeds and x; `claims` are
    those about the metric, `ours` the arms they favour, `samples` all that the run measured, as verdicts take it.
    """

    metric: str
    claims: list[Claim]
    arms: list[str]
    xs: list[float]
    values: dict[tuple[str, float | None], np.ndarray]
    seeds: dict[tuple[str, float | None], list[int]]
    items: dict[str, dict[str, float]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    @property
    def ours(self) -> set[str]:
        """Arms that a claim speaks for."""
        return {claim.ours for claim in self.claims}

    @property
    def unit(self) -> str:
        """Unit of the metric's values, as its claims name it."""
        return next((claim.metric_unit for claim in self.claims if claim.metric_unit), "")

    @property
    def better(self) -> str | None:
        """Whether higher or lower is better, where a comparison says so."""
        return next((claim.better for claim in self.claims if claim.against), None)

    def interval(self, arm: str, x: float | None = None) -> Interval | None:
        """Give the mean over seeds with its interval, or None where the arm was not measured there."""
        values = self.values.get((arm, x))
        return mean_interval(values) if values is not None else None


def summarise(run: Run, claims: Sequence[Claim]) -> list[MetricSummary]:
    """Summarise a run by metric: those with claims first, in the claims' order; arms in the order of measurement."""
    samples: list[Sample] = [(trial.seed, trial.measurements) for trial in run.trials]
    cells: dict[str, dict[tuple[str, float | None], dict[int, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    items: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for trial in run.trials:
        for m in trial.measurements:
            cells[m.metric][m.arm, m.x][trial.seed].append(m.value)
            if m.item is not None:
                items[m.metric][m.arm][m.item].append(m.value)
    promised = [claim.metric for claim in claims if claim.metric]
    order = sorted(cells, key=lambda name: promised.index(name) if name in promised else len(promised))
    return [
        MetricSummary(
            metric=metric,
            claims=[claim for claim in claims if claim.metric == metric],
            arms=list(dict.fromkeys(arm for arm, _ in cells[metric])),
            xs=sorted({x for _, x in cells[metric] if x is not None}),
            values={
                key: np.array([float(np.mean(values)) for values in by_seed.values()])
                for key, by_seed in cells[metric].items()
            },
            seeds={key: list(by_seed) for key, by_seed in cells[metric].items()},
            items={
                arm: {item: float(np.mean(values)) for item, values in by_item.items()}
                for arm, by_item in items[metric].items()
            },
            samples=samples,
        )
        for metric in order
    ]


def unjudged(run: Run, claims: Sequence[Claim]) -> list[Claim]:
    """Give the claims on which a run has no verdict: made for other scales, or the run was interrupted."""
    judged = {record.id for record in run.claims}
    return [claim for claim in claims if claim.id not in judged]


def seeds_text(seeds: Sequence[int]) -> str:
    """Write seeds as ``--seeds`` reads them: a count where they are the first, a range, or a list.

    Examples
    --------
    >>> seeds_text([0, 1, 2]), seeds_text([1000, 1001]), seeds_text([0, 3]), seeds_text([7])
    ('3', '1000-1001', '0,3', '7-7')
    """
    if list(seeds) == list(range(len(seeds))):
        return str(len(seeds))
    if list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]}-{seeds[-1]}"
    return ",".join(map(str, seeds))


def holds_after_holm(record: ClaimRecord) -> bool:
    """Say whether a verdict that holds does so after Holm's correction, too; exact ones need none."""
    return record.p_holm is None or record.p_holm < SIGNIFICANCE


def estimate_unit(claim: Claim) -> str:
    """Give what stands behind an estimate: a difference of percentages is in points.

    Examples
    --------
    >>> from reprise.claim import Claim
    >>> level = Claim(id="a", of="here", kind="interval", says="", metric="m", ours="A", low=50, metric_unit="%")
    >>> more = Claim(id="b", of="here", kind="superior", says="", metric="m", ours="A", against=("B",), metric_unit="%")
    >>> estimate_unit(level), estimate_unit(more)
    (' %', ' points')
    """
    if claim.relative:
        return " of the baseline"
    if claim.kind in {"slope", "rank_correlation"}:
        return ""
    if claim.kind in _OF_DIFFERENCES and claim.metric_unit == "%":
        return " points"
    return f" {claim.metric_unit}" if claim.metric_unit else ""


def number(value: float | None) -> str:
    """Write a number with four significant digits, as a reader would.

    Examples
    --------
    >>> number(0.123456), number(1234.5), number(3e-9), number(None)
    ('0.1235', '1234', '3e-09', '-')
    """
    if value is None:
        return "-"
    value += 0.0  # no minus before a zero
    return f"{value:.4g}" if abs(value) < 1000 or abs(value) >= 1e6 else f"{value:.0f}"


def span(low: float | None, high: float | None) -> str:
    """Write an interval; an open end is an infinity.

    Examples
    --------
    >>> span(0.1, None)
    '[0.1, ∞]'
    """
    return f"[{'-∞' if low is None else number(low)}, {'∞' if high is None else number(high)}]"

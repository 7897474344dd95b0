"""From measurements to a verdict: holds, does not hold, or undecided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from reprise.claim.contract import Claim
from reprise.claim.crossed import group_means
from reprise.claim.intervals import Interval, mean_interval, ratio_interval
from reprise.claim.ranks import MIN_ITEMS_FOR_RANKS, bonett_wright, rank_interval, spearman
from reprise.claim.units import Sample, Unit, averages, cells, differences, labels, paired_cells, slopes
from reprise.errors import InvalidInputError

Outcome = Literal["holds", "does not hold", "undecided"]
SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against one baseline (or against a bound, where `baseline` is empty), at one x where there are such."""

    baseline: str
    estimate: float
    low: float
    high: float
    units: int
    method: str
    p: float
    outcome: Outcome
    x: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one claim, with the comparison that decides it and all the others.

    `estimate`, `low` and `high` are those of the least favourable comparison; differences are counted so that positive
    is in our favour. `p_holm` is Holm's correction over the paper's claims; None for exact claims.
    """

    id: str
    outcome: Outcome
    estimate: float
    low: float
    high: float
    units: int
    unit: str
    method: str
    p: float | None
    p_holm: float | None
    comparisons: tuple[Comparison, ...]


def judge_all(claims: Sequence[Claim], samples: Sequence[Sample]) -> tuple[Verdict, ...]:
    """Judge the claims of one paper on the trials of one run, with Holm's correction beside each verdict.

    Parameters
    ----------
    claims : the paper's claims; an `all_of` may name any other.
    samples : (seed, measurements) of each trial.
    """
    simple = {claim.id: judge(claim, samples) for claim in claims if claim.kind != "all_of"}
    tested = {id: verdict.p for id, verdict in simple.items() if verdict.p is not None}
    corrected = holm(tested)
    verdicts = {id: replace(verdict, p_holm=corrected.get(id)) for id, verdict in simple.items()}
    for claim in claims:
        if claim.kind == "all_of":
            verdicts[claim.id] = _join(claim, verdicts)
    return tuple(verdicts[claim.id] for claim in claims)


def judge(claim: Claim, samples: Sequence[Sample]) -> Verdict:
    """Judge one claim (any kind but `all_of`) on the trials of one run.

    Raises
    ------
    InvalidInputError
        If there is no trial, an arm the claim names was not measured, or arms were measured at different items or x.

    Examples
    --------
    >>> from reprise.claim import Measurement
    >>> claim = Claim(id="a", of="here", kind="superior", says="A beats B", metric="accuracy", ours="A", against=("B",))
    >>> trials = [(s, [Measurement("A", "accuracy", .8 + s / 100), Measurement("B", "accuracy", .7)]) for s in range(5)]
    >>> judge(claim, trials).outcome
    'holds'
    """
    if not samples:
        raise InvalidInputError(f"Claim {claim.id!r} cannot be judged: there is no finished trial.")
    if claim.kind == "all_of":
        raise InvalidInputError(f"Claim {claim.id!r} joins others; use judge_all.")
    if claim.kind == "identity":
        return _judge_identity(claim, samples)
    comparisons = tuple(_compare(claim, samples))
    deciding = min(comparisons, key=lambda c: (_RANK[c.outcome], _slack(claim, c)))
    return Verdict(
        id=claim.id,
        outcome=deciding.outcome,
        estimate=deciding.estimate,
        low=deciding.low,
        high=deciding.high,
        units=deciding.units,
        unit=claim.unit,
        method=deciding.method,
        p=max(c.p for c in comparisons),
        p_holm=None,
        comparisons=comparisons,
    )


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Correct p-values for their number by Holm's step-down method.

    Examples
    --------
    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    corrected: dict[str, float] = {}
    largest = 0.0
    for rank, (id, p) in enumerate(sorted(p_values.items(), key=lambda entry: entry[1])):
        largest = max(largest, min(1.0, p * (len(p_values) - rank)))
        corrected[id] = largest
    return corrected


_RANK = {"does not hold": 0, "undecided": 1, "holds": 2}


def _compare(claim: Claim, samples: Sequence[Sample]) -> Iterable[Comparison]:
    if claim.kind == "interval":
        for x in claim.at or (None,):
            yield _bounded(claim, "", _mean(claim, averages(claim, cells(claim, samples, claim.ours, x))), x)
    elif claim.kind == "slope":
        yield _bounded(claim, "", mean_interval(slopes(claim, samples)), None)
    elif claim.kind == "rank_correlation":
        for baseline in claim.against:
            for x in claim.at or (None,):
                yield _bounded(claim, baseline, _rank_interval(claim, samples, baseline, x), x)
    elif claim.kind == "interaction":
        first, last = claim.levels or (0.0, 0.0)
        for baseline in claim.against:
            late, _ = differences(claim, samples, baseline, last)
            early, _ = differences(claim, samples, baseline, first)
            if late.keys() != early.keys():
                raise InvalidInputError(f"Claim {claim.id!r}: x={first} and x={last} were measured on different units.")
            yield _beyond(claim, baseline, _mean(claim, {unit: late[unit] - early[unit] for unit in late}), None)
    else:
        for baseline in claim.against:
            for x in claim.at or (None,):
                difference, reference = differences(claim, samples, baseline, x)
                if claim.relative:
                    values = np.array(list(difference.values()))
                    interval = ratio_interval(values, np.abs(reference), *labels(claim, difference))
                else:
                    interval = _mean(claim, difference)
                yield _beyond(claim, baseline, interval, x)


def _mean(claim: Claim, of_units: dict[Unit, float]) -> Interval:
    return mean_interval(np.array(list(of_units.values())), *labels(claim, of_units))


def _beyond(claim: Claim, baseline: str, interval: Interval, x: float | None) -> Comparison:
    """Place the interval of a difference against the margin."""
    margin = claim.margin
    outcome: Outcome = "undecided"
    if claim.kind in {"superior", "interaction"}:
        p = interval.p_above(margin)
        if interval.low > margin:
            outcome = "holds"
        elif interval.high <= margin:
            outcome = "does not hold"
    elif claim.kind == "not_inferior":
        p = interval.p_above(-margin)
        if interval.low >= -margin:
            outcome = "holds"
        elif interval.high < -margin:
            outcome = "does not hold"
    else:
        p = max(interval.p_above(-margin), interval.p_below(margin))
        if -margin <= interval.low and interval.high <= margin:
            outcome = "holds"
        elif interval.high < -margin or interval.low > margin:
            outcome = "does not hold"
    return _comparison(baseline, interval, p, outcome, x)


def _bounded(claim: Claim, baseline: str, interval: Interval, x: float | None) -> Comparison:
    """Place an interval against `low` and `high`."""
    outcome: Outcome = "undecided"
    if claim.low <= interval.low and interval.high <= claim.high:
        outcome = "holds"
    elif interval.high < claim.low or interval.low > claim.high:
        outcome = "does not hold"
    p_low = interval.p_above(claim.low) if math.isfinite(claim.low) else 0.0
    p_high = interval.p_below(claim.high) if math.isfinite(claim.high) else 0.0
    return _comparison(baseline, interval, max(p_low, p_high), outcome, x)


def _comparison(baseline: str, interval: Interval, p: float, outcome: Outcome, x: float | None) -> Comparison:
    if interval.certain:
        p = 0.0 if outcome == "holds" else 1.0
    return Comparison(
        baseline, interval.estimate, interval.low, interval.high, interval.units, interval.method, p, outcome, x
    )


def _slack(claim: Claim, comparison: Comparison) -> float:
    """How far the interval's nearest end is inside the claim: the smaller, the less favourable."""
    if claim.kind in {"interval", "slope", "rank_correlation"}:
        return min(comparison.low - claim.low, claim.high - comparison.high)
    if claim.kind == "equivalent":
        return min(comparison.low + claim.margin, claim.margin - comparison.high)
    return comparison.low


def _judge_identity(claim: Claim, samples: Sequence[Sample]) -> Verdict:
    """Compare every single measurement with the target (or the baseline's) within the tolerance."""
    comparisons = []
    for baseline in claim.against or ("",):
        deviations = []
        for x in claim.at or (None,):
            if baseline:
                ours, theirs = paired_cells(claim, samples, baseline, x)
            else:
                ours = cells(claim, samples, claim.ours, x)
                theirs = {cell: [claim.target] * len(values) for cell, values in ours.items()}
            for cell, values in ours.items():
                if len(values) != len(theirs[cell]):
                    raise InvalidInputError(
                        f"Claim {claim.id!r}: at (seed, item, x) = {cell} {claim.ours} was measured {len(values)} "
                        f"times and {baseline} {len(theirs[cell])} times."
                    )
                deviations += [abs(a - b) for a, b in zip(values, theirs[cell], strict=True)]
        worst = max(deviations)
        outcome: Outcome = "holds" if worst <= claim.tolerance else "does not hold"
        comparisons.append(Comparison(baseline, worst, worst, worst, len(deviations), "exact", 0.0, outcome))
    deciding = max(comparisons, key=lambda comparison: comparison.estimate)
    return Verdict(
        id=claim.id,
        outcome=deciding.outcome,
        estimate=deciding.estimate,
        low=deciding.low,
        high=deciding.high,
        units=deciding.units,
        unit="measurement",
        method="largest deviation",
        p=None,
        p_holm=None,
        comparisons=tuple(comparisons),
    )


def _join(claim: Claim, verdicts: dict[str, Verdict]) -> Verdict:
    missing = [part for part in claim.parts if part not in verdicts]
    if missing:
        raise InvalidInputError(f"Claim {claim.id!r} joins {', '.join(missing)}, which the paper does not have.")
    parts = [verdicts[part] for part in claim.parts]
    deciding = min(parts, key=lambda verdict: _RANK[verdict.outcome])
    return replace(deciding, id=claim.id, method=f"decided by {deciding.id}", p=None, p_holm=None)


def _rank_interval(claim: Claim, samples: Sequence[Sample], baseline: str, x: float | None) -> Interval:
    """Spearman's rho over what each seed measured, then over seeds; for other units over items, averaged over seeds."""
    ours, theirs = paired_cells(claim, samples, baseline, x)
    if claim.unit != "seed":
        of_units = averages(claim, ours), averages(claim, theirs)
        pair = np.array([[values[unit] for unit in of_units[0]] for values in of_units])
        a, b = group_means(pair, np.array([item for _, item in of_units[0]]))
        _check_ranked(claim, len(a), "there are")
        return rank_interval(a, b)
    rhos, sizes = [], []
    for seed, _ in samples:
        pair = np.array([[np.mean(ours[cell]), np.mean(theirs[cell])] for cell in ours if cell[0] == seed]).T
        _check_ranked(claim, pair.shape[1], f"seed {seed} has")
        rhos.append(float(spearman(*pair)))
        sizes.append(pair.shape[1])
    if len(rhos) > 1 and np.ptp(rhos) == 0:  # seeds show no spread, so that of the items stands
        return replace(bonett_wright(rhos[0], min(sizes)), units=len(rhos))
    return mean_interval(np.array(rhos))


def _check_ranked(claim: Claim, n: int, who: str) -> None:
    if n < MIN_ITEMS_FOR_RANKS:
        raise InvalidInputError(
            f"Claim {claim.id!r}: a rank correlation needs {MIN_ITEMS_FOR_RANKS} items, {who} fewer."
        )

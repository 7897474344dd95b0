"""From measurements to a verdict: holds, does not hold, or undecided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from reprise.claim.contract import Claim
from reprise.claim.intervals import Interval, mean_interval, ratio_interval, statistic_interval
from reprise.claim.units import Sample, average_groups, cells, differences, not_measured, slopes, units
from reprise.errors import InvalidInputError

Outcome = Literal["holds", "does not hold", "undecided"]
SIGNIFICANCE = 0.05
MIN_ITEMS_FOR_RANKS = 3


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
        If there is no trial, an arm the claim names was not measured, or arms were measured on different units.

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
            values, groups = units(claim, samples, claim.ours, x)
            yield _bounded(claim, "", mean_interval(np.array(list(values.values())), groups), x)
    elif claim.kind == "slope":
        yield _bounded(claim, "", mean_interval(slopes(claim, samples)), None)
    elif claim.kind == "rank_correlation":
        for baseline in claim.against:
            yield _bounded(claim, baseline, _rank_interval(claim, samples, baseline), None)
    elif claim.kind == "interaction":
        first, last = claim.levels or (0.0, 0.0)
        for baseline in claim.against:
            late, groups, _ = differences(claim, samples, baseline, last)
            early, _, _ = differences(claim, samples, baseline, first)
            if len(late) != len(early):
                raise InvalidInputError(f"Claim {claim.id!r}: x={first} and x={last} were measured on different units.")
            yield _beyond(claim, baseline, mean_interval(late - early, groups), None)
    else:
        for baseline in claim.against:
            for x in claim.at or (None,):
                difference, groups, reference = differences(claim, samples, baseline, x)
                if claim.relative:
                    interval = ratio_interval(*average_groups(groups, difference, np.abs(reference)))
                else:
                    interval = mean_interval(difference, groups)
                yield _beyond(claim, baseline, interval, x)


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
    if interval.low == interval.high:  # no spread: the outcome is certain
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
        for seed, measurements in samples:
            ours = cells(claim, measurements, claim.ours)
            theirs = cells(claim, measurements, baseline) if baseline else dict.fromkeys(ours, claim.target)
            if ours.keys() != theirs.keys():
                raise InvalidInputError(
                    f"Claim {claim.id!r}: {claim.ours} and {baseline} were measured on different items."
                )
            if not ours:
                raise not_measured(claim, claim.ours, seed)
            deviations += [abs(ours[cell] - theirs[cell]) for cell in ours]
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


def _rank_interval(claim: Claim, samples: Sequence[Sample], baseline: str) -> Interval:
    """Spearman's rho over items a seed, then over seeds; or over crossed items by the bootstrap for other units."""
    if claim.unit == "seed":
        rhos = []
        for seed, measurements in samples:
            ours, theirs = (cells(claim, measurements, arm) for arm in (claim.ours, baseline))
            shared = [cell for cell in ours if cell in theirs]
            if len(shared) < MIN_ITEMS_FOR_RANKS:
                raise InvalidInputError(
                    f"Claim {claim.id!r}: a rank correlation needs {MIN_ITEMS_FOR_RANKS} items, seed {seed} has fewer."
                )
            pair = np.array([[ours[cell], theirs[cell]] for cell in shared]).T
            rhos.append(float(_spearman(pair[0], pair[1])))
        return mean_interval(np.array(rhos))
    our_units, _ = units(claim, samples, claim.ours, None)
    their_units, _ = units(claim, samples, baseline, None)
    shared_units = [key for key in our_units if key in their_units]
    if len(shared_units) < MIN_ITEMS_FOR_RANKS:
        raise InvalidInputError(f"Claim {claim.id!r}: a rank correlation needs {MIN_ITEMS_FOR_RANKS} shared items.")
    a = np.array([our_units[key] for key in shared_units])
    b = np.array([their_units[key] for key in shared_units])
    return statistic_interval((a, b), _spearman)


def _spearman(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    """Rank correlation along an axis; zero where one side is constant, since then it orders nothing."""
    from scipy import stats

    x, y = stats.rankdata(a, axis=axis), stats.rankdata(b, axis=axis)
    x, y = x - x.mean(axis=axis, keepdims=True), y - y.mean(axis=axis, keepdims=True)
    scale = np.sqrt((x * x).sum(axis=axis) * (y * y).sum(axis=axis))
    return np.divide((x * y).sum(axis=axis), scale, out=np.zeros_like(scale), where=scale > 0)

"""Intervals cover what they promise; verdicts follow from them."""

import math

import numpy as np
import pytest
from scipy import stats

from reprise.claim import Claim, Measurement, holm, judge, judge_all, mean_interval, ratio_interval
from reprise.errors import InvalidInputError


def samples(ours, theirs, metric="accuracy", x=None):
    """One trial a seed with one value for each of two arms."""
    return [
        (seed, [Measurement("A", metric, float(a), x=x), Measurement("B", metric, float(b), x=x)])
        for seed, (a, b) in enumerate(zip(ours, theirs, strict=True))
    ]


def claim(kind="superior", **more):
    settings = {"id": "c", "of": "here", "says": "A beats B", "metric": "accuracy", "ours": "A", "against": ("B",)}
    return Claim(kind=kind, **(settings | more))


@pytest.mark.parametrize(("n", "repeats"), [(5, 4000), (50, 1500)])
def test_the_interval_covers_a_known_mean_93_to_97_times_in_100(n, repeats):
    rng = np.random.default_rng(7)
    truth = 0.3
    intervals = [mean_interval(rng.normal(truth, 1.0, n)) for _ in range(repeats)]
    coverage = np.mean([i.low <= truth <= i.high for i in intervals])
    assert 0.93 <= coverage <= 0.97


def test_nested_items_are_judged_over_their_groups():
    rng = np.random.default_rng(1)
    truth, covered, repeats = 0.5, 0, 1000
    for _ in range(repeats):
        group_effects = rng.normal(0, 1, 5)
        values = truth + np.repeat(group_effects, 12) + rng.normal(0, 1, 60)
        interval = mean_interval(values, np.repeat(np.arange(5), 12))
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / repeats <= 0.97


def test_the_hierarchical_bootstrap_is_wider_than_one_that_ignores_groups():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(25), 10)
    values = np.repeat(rng.normal(0, 1, 25), 10) + rng.normal(0, 0.1, 250)
    nested, flat = mean_interval(values, groups), mean_interval(values)
    assert nested.method == "hierarchical bootstrap"
    assert nested.high - nested.low > 2 * (flat.high - flat.low)
    expected = stats.t.interval(
        0.95, 24, values.reshape(25, 10).mean(1).mean(), stats.sem(values.reshape(25, 10).mean(1))
    )
    np.testing.assert_allclose((nested.low, nested.high), expected, atol=0.08)


def test_student_agrees_with_scipy_in_interval_and_p_value():
    values = np.array([0.2, 0.5, 0.1, 0.7, 0.4])
    interval = mean_interval(values)
    expected = stats.ttest_1samp(values, 0.1)
    low, high = expected.confidence_interval(0.95)
    np.testing.assert_allclose([interval.low, interval.high], [low, high])
    np.testing.assert_allclose(interval.p_above(0.1), expected.pvalue)


def test_fieller_covers_a_known_ratio():
    rng = np.random.default_rng(3)
    covered, repeats = 0, 2000
    for _ in range(repeats):
        bottom = rng.normal(2.0, 0.3, 5)
        interval = ratio_interval(0.5 * bottom + rng.normal(0, 0.2, 5), bottom)
        covered += interval.low <= 0.5 <= interval.high
    assert 0.93 <= covered / repeats <= 0.97


def test_fieller_is_unbounded_where_the_denominator_may_be_zero():
    interval = ratio_interval(np.array([1.0, 2.0, 1.5]), np.array([-1.0, 1.0, 0.5]))
    assert (interval.low, interval.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("kind", "outcome"), [("superior", "does not hold"), ("not_inferior", "holds"), ("equivalent", "holds")]
)
@pytest.mark.parametrize("n", [5, 50])
def test_equal_deterministic_arms_get_a_verdict_without_nan(kind, outcome, n):
    verdict = judge(claim(kind), samples([0.8] * n, [0.8] * n))
    assert verdict.outcome == outcome
    assert np.isfinite([verdict.estimate, verdict.low, verdict.high, verdict.p]).all()


def test_superior_three_outcomes():
    better = [0.80, 0.82, 0.81, 0.83, 0.80]
    worse = [0.70, 0.71, 0.72, 0.70, 0.71]
    noisy = [0.70, 0.92, 0.81, 0.99, 0.60]
    assert judge(claim(), samples(better, worse)).outcome == "holds"
    assert judge(claim(), samples(worse, better)).outcome == "does not hold"
    assert judge(claim(), samples(noisy, better)).outcome == "undecided"
    assert judge(claim(better="lower"), samples(worse, better)).outcome == "holds"
    assert judge(claim(margin=0.2), samples(better, worse)).outcome == "does not hold"


def test_relative_margin_is_a_fraction_of_the_baseline():
    ours, theirs = [0.6, 0.61, 0.59, 0.6, 0.62], [1.0, 1.02, 0.99, 1.0, 1.01]
    assert judge(claim(better="lower", relative=True, margin=0.3), samples(ours, theirs)).outcome == "holds"
    assert judge(claim(better="lower", relative=True, margin=0.5), samples(ours, theirs)).outcome == "does not hold"


def test_one_seed_decides_nothing_but_an_identity():
    assert judge(claim(), samples([0.9], [0.1])).outcome == "undecided"
    exact = claim("identity", against=(), target=0.9, tolerance=1e-9)
    assert judge(exact, samples([0.9], [0.1])).outcome == "holds"


def test_identity_looks_at_every_measurement():
    exact = claim("identity", against=(), target=0.0, tolerance=1e-6)
    assert judge(exact, samples([0, 0, 1e-7], [0, 0, 0])).outcome == "holds"
    verdict = judge(exact, samples([0, 0, 1e-3], [0, 0, 0]))
    assert (verdict.outcome, verdict.estimate, verdict.units) == ("does not hold", 1e-3, 3)
    against = claim("identity", tolerance=0.01)
    assert judge(against, samples([0.5, 0.6], [0.5, 0.7])).estimate == pytest.approx(0.1)


def test_ours_must_pass_against_every_baseline():
    trials = [
        (
            s,
            [
                Measurement(arm, "accuracy", value + s / 1000)
                for arm, value in zip("ABC", (0.8, 0.7, 0.85), strict=True)
            ],
        )
        for s in range(5)
    ]
    verdict = judge(claim(against=("B", "C")), trials)
    assert verdict.outcome == "does not hold"
    assert [c.outcome for c in verdict.comparisons] == ["holds", "does not hold"]
    assert verdict.estimate == pytest.approx(-0.05)


def test_interval_slope_and_interaction():
    trials = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        for_seed = []
        for x in (1.0, 2.0, 4.0):
            for_seed.append(Measurement("A", "cost", 3 * x**2 * np.exp(rng.normal(0, 0.01)), x=x))
            for_seed.append(Measurement("B", "cost", 3 * x**3 * np.exp(rng.normal(0, 0.01)), x=x))
        trials.append((seed, for_seed))
    cost = {"metric": "cost", "better": "lower"}
    assert judge(claim("slope", **cost, against=(), log_log=True, high=2.1), trials).outcome == "holds"
    assert judge(claim("slope", **cost, against=(), log_log=True, low=2.5), trials).outcome == "does not hold"
    assert judge(claim("interaction", **cost, levels=(1.0, 4.0), margin=100), trials).outcome == "holds"
    assert judge(claim("interval", **cost, against=(), at=(2.0,), low=11, high=13), trials).outcome == "holds"
    assert judge(claim(**cost, at=(2.0, 4.0)), trials).outcome == "holds"
    assert judge(claim(**cost, at=(1.0, 4.0)), trials).outcome != "holds"


@pytest.mark.parametrize("unit", ["seed", "word"])
def test_rank_correlation(unit):
    rng = np.random.default_rng(0)
    base = rng.normal(size=40)
    trials = [
        (
            seed,
            [Measurement("A", "score", float(v + rng.normal(0, 0.2)), item=str(i)) for i, v in enumerate(base)]
            + [Measurement("B", "score", float(v), item=str(i)) for i, v in enumerate(base)],
        )
        for seed in range(5)
    ]
    ranks = claim("rank_correlation", metric="score", unit=unit, low=0.7)
    verdict = judge(ranks, trials)
    assert verdict.outcome == "holds"
    assert verdict.estimate > 0.9
    flat = [
        (s, [Measurement(m.arm, m.metric, 1.0 if m.arm == "A" else m.value, m.item) for m in ms]) for s, ms in trials
    ]
    assert judge(ranks, flat).outcome == "does not hold"


def test_items_shared_by_seeds_are_units_and_nested_items_are_not():
    def trials(name):
        return [
            (
                seed,
                [
                    Measurement(arm, "accuracy", offset + 0.01 * (i % 3) + 0.001 * seed, item=name(seed, i))
                    for i in range(10)
                    for arm, offset in (("A", 0.8), ("B", 0.7))
                ],
            )
            for seed in range(3)
        ]

    crossed = judge(claim(unit="item"), trials(lambda seed, i: f"item {i}"))
    nested = judge(claim(unit="item"), trials(lambda seed, i: f"item {seed}-{i}"))
    assert (crossed.units, nested.units) == (10, 3)


def test_all_of_takes_the_worst_part():
    parts = [claim(id="good"), claim(id="bad", better="lower")]
    both = Claim(id="both", of="paper", kind="all_of", says="all", parts=("good", "bad"))
    verdicts = {v.id: v for v in judge_all([both, *parts], samples([0.9, 0.91, 0.9], [0.1, 0.1, 0.12]))}
    assert verdicts["both"].outcome == "does not hold"
    assert verdicts["both"].method == "decided by bad"
    assert verdicts["good"].p_holm >= verdicts["good"].p


def test_holm_agrees_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(0).uniform(size=12)
    ours = holm({str(i): float(v) for i, v in enumerate(p)})
    np.testing.assert_allclose([ours[str(i)] for i in range(12)], multitest.multipletests(p, method="holm")[1])


def test_missing_arms_units_and_settings_are_named():
    with pytest.raises(InvalidInputError, match="no finished trial"):
        judge(claim(), [])
    with pytest.raises(InvalidInputError, match="seed 0 measured no 'accuracy' of 'Z'"):
        judge(claim(ours="Z"), samples([1], [1]))
    uneven = samples([0.5, 0.6], [0.4, 0.5])
    uneven[0][1].append(Measurement("A", "accuracy", 1.0, item="extra"))
    with pytest.raises(InvalidInputError, match="different units"):
        judge(claim(unit="item"), uneven)
    for wrong in (
        {"kind": "best"},
        {"kind": "superior", "against": ()},
        {"kind": "interval", "against": ()},
        {"kind": "interaction"},
        {"kind": "all_of"},
        {"kind": "superior", "metric": ""},
        {"kind": "superior", "scales": ()},
        {"kind": "superior", "scales": ("huge",)},
    ):
        with pytest.raises(InvalidInputError):
            claim(**wrong)


def test_only_items_that_count_are_read():
    """Otherwise an item that gains much would carry one that gains nothing."""
    trials = [
        (s, [Measurement("A", "ratio", value, item=i) for i, value in (("a", 0.1), ("b", 1.5))]) for s in range(5)
    ]
    at_most_one = {"kind": "interval", "metric": "ratio", "high": 1.0, "against": ()}
    assert judge(claim(**at_most_one), trials).outcome == "holds"
    assert judge(claim(items=("a",), **at_most_one), trials).outcome == "holds"
    assert judge(claim(items=("b",), **at_most_one), trials).outcome == "does not hold"
    assert judge(claim("identity", metric="ratio", against=(), target=0.1, items=("a",)), trials).outcome == "holds"

"""Intervals cover what they promise; verdicts follow from them."""

import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reprise.claim import Claim, Measurement, holm, judge, judge_all, mean_interval, ratio_interval
from reprise.claim.crossed import components
from reprise.claim.ranks import bonett_wright, rank_interval
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


def coverage(truth, intervals):
    """Give the share of intervals that hold the truth."""
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


@pytest.mark.parametrize("n", [5, 20, 25, 50])
def test_the_interval_covers_a_known_mean_93_to_97_times_in_100(n):
    rng = np.random.default_rng(7)
    assert 0.93 <= coverage(0.3, (mean_interval(rng.normal(0.3, 1.0, n)) for _ in range(1000))) <= 0.97


@pytest.mark.parametrize("n_groups", [5, 25])
@pytest.mark.parametrize("between", [0, 1])
def test_nested_items_are_judged_over_their_groups_whether_these_differ_or_not(n_groups, between):
    rng, groups = np.random.default_rng(1), np.repeat(np.arange(n_groups), 12)

    def interval():
        return mean_interval(0.5 + rng.normal(0, between, n_groups)[groups] + rng.normal(0, 1, len(groups)), groups)

    assert 0.93 <= coverage(0.5, (interval() for _ in range(1000))) <= 0.97


@pytest.mark.parametrize(("of_seeds", "of_items"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_items_that_seeds_share_are_judged_over_both(of_seeds, of_items):
    rng = np.random.default_rng(4)
    seeds, items = np.repeat(np.arange(5), 15), np.tile(np.arange(15), 5)

    def values():
        varied = rng.normal(0, of_seeds, 5)[seeds] + rng.normal(0, of_items, 15)[items]
        return 0.5 + varied + rng.normal(0, 0.5, 75)

    covered = coverage(0.5, (mean_interval(values(), seeds, items) for _ in range(1500)))
    assert covered >= 0.93
    if of_seeds and of_items:
        assert covered <= 0.97


def test_the_crossed_interval_has_satterthwaites_degrees_of_freedom():
    table = np.random.default_rng(5).normal(size=(4, 6)) + np.arange(4)[:, np.newaxis]
    seeds, items = (index.ravel() for index in np.indices(table.shape))
    interval = mean_interval(table.ravel(), seeds, items)
    over_seeds, over_items = stats.sem(table.mean(1)) ** 2, stats.sem(table.mean(0)) ** 2
    freedom = (over_seeds + over_items) ** 2 / (over_seeds**2 / 3 + over_items**2 / 5)
    expected = stats.t.interval(0.95, freedom, table.mean(), math.sqrt(over_seeds + over_items))
    np.testing.assert_allclose((interval.low, interval.high), expected)
    assert interval.units == 6


def test_an_incomplete_table_weighs_each_seed_by_its_share():
    seeds, items = np.array([0, 0, 0, 0, 1]), np.array(["a", "b", "c", "d", "d"])
    values = np.array([1.0, 2.0, 3.0, 4.0, 8.0])
    found = components(values[np.newaxis], seeds, items)
    assert found.means == pytest.approx([3.0])
    shares = np.array([3.5, 0.5]) / 4
    expected = [np.var([2.5, 8.0], ddof=1) * (shares**2).sum(), np.var([1, 2, 3, 6], ddof=1) / 4]
    np.testing.assert_allclose(found.covariances.ravel(), expected)


def test_a_ratio_over_items_that_seeds_share_covers_93_times_in_100_or_more():
    rng = np.random.default_rng(6)
    seeds, items = np.repeat(np.arange(5), 12), np.tile(np.arange(12), 5)

    def interval():
        bottom = 2.0 + rng.normal(0, 0.3, 12)[items] + rng.normal(0, 0.1, 60)
        top = 0.5 * bottom + rng.normal(0, 0.2, 5)[seeds] + rng.normal(0, 0.2, 12)[items] + rng.normal(0, 0.1, 60)
        return ratio_interval(top, bottom, seeds, items)

    assert 0.93 <= coverage(0.5, (interval() for _ in range(1000))) <= 0.98
    found = interval()
    assert found.p_above(found.low) == pytest.approx(0.05, abs=0.01)


def test_groups_are_resampled_whole():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(25), 10)
    values = np.repeat(rng.normal(0, 1, 25), 10) + rng.normal(0, 0.1, 250)
    nested, flat = mean_interval(values, groups), mean_interval(values)
    assert nested.method == "bootstrap (BCa) over 25 groups of 250 units"
    assert nested.high - nested.low > 2 * (flat.high - flat.low)
    means = values.reshape(25, 10).mean(1)
    expected = stats.t.interval(0.95, 24, means.mean(), stats.sem(means))
    np.testing.assert_allclose((nested.low, nested.high), expected, atol=0.08)
    whole = mean_interval(means)
    np.testing.assert_allclose((nested.low, nested.high, nested.units), (whole.low, whole.high, 25))


def test_the_bootstraps_p_value_agrees_with_its_interval():
    interval = mean_interval(stats.norm.ppf((np.arange(20) + 0.5) / 20))
    assert interval.p_above(interval.low) == pytest.approx(0.05, abs=0.01)
    assert interval.p_below(interval.high) == pytest.approx(0.05, abs=0.01)


def test_a_bootstrap_over_many_units_takes_little_memory():
    values = np.random.default_rng(0).normal(size=5000)
    tracemalloc.start()
    mean_interval(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20, "5000 resamples at once would take 200 MiB"


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


def ranked(ours, theirs, seeds=5, x=None):
    return [
        (
            seed,
            [
                Measurement(arm, "score", float(value), item=str(i), x=x)
                for arm, values in (("A", ours), ("B", theirs))
                for i, value in enumerate(values)
            ],
        )
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("unit", ["seed", "word"])
def test_a_perfect_order_of_few_items_is_not_certain(unit):
    ranks = claim("rank_correlation", metric="score", unit=unit, low=0.7)
    few = judge(ranks, ranked(range(4), range(4)))
    assert (few.outcome, few.low, few.high, few.p) == ("undecided", -1, 1, 1)
    some = judge(ranks, ranked(range(6), range(6)))
    assert some.outcome == "undecided"
    assert some.low < 0.7 < some.high == 1
    many = judge(ranks, ranked(range(40), range(40)))
    assert many.outcome == "holds"
    assert 0 < many.p < 0.05
    assert many.low < many.high
    backwards = judge(ranks, ranked(range(40), range(40, 0, -1)))
    assert (backwards.outcome, backwards.low) == ("does not hold", -1)


@pytest.mark.parametrize("n", [6, 12, 19])
def test_the_interval_of_a_rank_correlation_covers_93_times_in_100_or_more(n):
    rng, rho = np.random.default_rng(8), 0.7
    pairs = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=(1000, n))
    assert coverage(6 / np.pi * np.arcsin(rho / 2), (rank_interval(*pair.T) for pair in pairs)) >= 0.93


def test_bonett_wrights_interval_and_p_value_agree():
    interval = bonett_wright(0.6, 12)
    error = math.sqrt((1 + 0.18) / 9)
    np.testing.assert_allclose(
        np.arctanh([interval.low, interval.high]), np.arctanh(0.6) + 1.959964 * error * np.array([-1, 1]), rtol=1e-6
    )
    assert interval.p_above(interval.low) == pytest.approx(0.05)
    assert interval.p_below(interval.high) == pytest.approx(0.05)


@pytest.mark.parametrize("unit", ["seed", "word"])
def test_ranks_are_compared_at_each_x_on_its_own(unit):
    forwards, backwards = ranked(range(30), range(30), x=1.0), ranked(range(30), range(30, 0, -1), x=2.0)
    trials = [(seed, [*first, *second]) for (seed, first), (_, second) in zip(forwards, backwards, strict=True)]
    ranks = {"kind": "rank_correlation", "metric": "score", "unit": unit, "low": 0.7}
    assert judge(claim(**ranks, at=(1.0,)), trials).outcome == "holds"
    verdict = judge(claim(**ranks, at=(1.0, 2.0)), trials)
    assert verdict.outcome == "does not hold"
    assert [c.x for c in verdict.comparisons] == [1.0, 2.0]


def test_repetitions_are_averaged_before_ranking():
    noise = np.array([3.0, -3.0] * 10)
    trials = [
        (seed, [*ranked(np.arange(20) + noise, range(20), 1)[0][1], *ranked(np.arange(20) - noise, range(20), 1)[0][1]])
        for seed in range(3)
    ]
    assert judge(claim("rank_correlation", metric="score", low=0.5), trials).estimate == 1


def test_an_identity_sees_repetitions():
    exact = claim("identity", against=(), target=0.0, tolerance=1e-6)
    repeated = [(0, [Measurement("A", "accuracy", value, item="a") for value in (1.0, 0.0)])]
    assert (judge(exact, repeated).outcome, judge(exact, repeated).units) == ("does not hold", 2)
    pair = [Measurement("B", "accuracy", value, item="a") for value in (1.0, 0.5)]
    assert judge(claim("identity"), [(0, [*repeated[0][1], *pair])]).estimate == 0.5
    with pytest.raises(InvalidInputError, match="2 times and B 1 times"):
        judge(claim("identity"), [(0, [*repeated[0][1], pair[0]])])


@pytest.mark.parametrize("kind", ["superior", "identity"])
def test_arms_that_were_measured_at_other_items_or_x_are_not_compared(kind):
    at_two = [
        (seed, [*ms, Measurement("A", "accuracy", 0.9, x=2.0)]) for seed, ms in samples([0.5] * 3, [0.4] * 3, x=1.0)
    ]
    with pytest.raises(InvalidInputError, match=r"different units: only one of them at .*\(0, None, 2.0\)"):
        judge(claim(kind), at_two)
    other_items = [
        (seed, [Measurement("A", "accuracy", 0.5, item="a"), Measurement("B", "accuracy", 0.4, item="b")])
        for seed in range(3)
    ]
    with pytest.raises(InvalidInputError, match="different units"):
        judge(claim(kind), other_items)


def test_units_other_than_seeds_need_items():
    with pytest.raises(InvalidInputError, match="its unit is 'word', but seed 0 measured 'accuracy' of no item"):
        judge(claim(unit="word"), samples([0.5, 0.6], [0.4, 0.5]))


def test_an_interaction_pairs_each_unit_with_itself():
    gains = {"a": 1.0, "b": 2.0, "c": 3.0}
    measured = [
        Measurement(arm, "accuracy", (10 * gains[item] + x) * (arm == "A"), item=item, x=x)
        for x, order in ((1.0, "abc"), (2.0, "cba"))
        for item in order
        for arm in "AB"
    ]
    interaction = {"kind": "interaction", "unit": "word", "levels": (1.0, 2.0)}
    verdict = judge(claim(**interaction), [(0, measured)])
    assert (verdict.low, verdict.high) == (1.0, 1.0)
    renamed = [replace(m, item="d") if (m.item, m.x) == ("c", 2.0) else m for m in measured]
    with pytest.raises(InvalidInputError, match="different units"):
        judge(claim(**interaction), [(0, renamed)])


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
        {"kind": "interaction", "levels": (1.0, 2.0), "relative": True},
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

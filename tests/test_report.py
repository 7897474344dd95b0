"""The report shows what was measured, stands alone, and escapes what it shows."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from reprise import catalogue, claims, report, runner
from reprise.claim import Claim, Measurement
from reprise.errors import InvalidInputError
from reprise.ledger import Result, Run, TrialRecord
from reprise.report.markdown import paper_markdown


@pytest.fixture
def result(toy, tmp_path):
    return runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path)[0]


def test_a_summary_averages_within_seeds(result, toy):
    summary = report.summarise(result.runs["quick"], toy.CLAIMS)[0]
    assert (summary.metric, summary.arms, summary.xs) == ("accuracy", ["A", "B"], [1.0, 2.0, 16.0])
    assert summary.interval("A", 2.0).units == 3
    errors = report.summarise(result.runs["quick"], toy.CLAIMS)[1]
    assert set(errors.items["B"]) == {"first", "second"}


def test_figures_name_every_arm_and_the_metric(result, toy):
    for summary in report.summarise(result.runs["quick"], toy.CLAIMS):
        figure = report.metric_figure(summary)
        words = {text.get_text() for axes in figure.axes for text in axes.findobj(lambda a: hasattr(a, "get_text"))}
        assert set(summary.arms) <= words
        assert any(summary.metric in word for word in words)
        assert report.svg(figure).startswith("<svg")


def test_the_page_stands_alone(result):
    page = report.paper_page(result)
    loaded = re.findall(r'(?:src|href)\s*=\s*"([^"#][^"]*)"', page)
    assert all(link.startswith(("https://arxiv.org/", "https://github.com/", "data:image/png")) for link in loaded)
    assert "<script" not in page
    for expected in (
        "holds",
        "A is more accurate than B",
        "seeded noise",
        "reprise run ila-sdp --scale quick --seeds 3",
    ):
        assert expected in page


def test_the_page_is_well_formed(result):
    unclosed = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag not in {"meta", "br", "img", "link", "hr"}:
                unclosed.append(tag)

        def handle_startendtag(self, tag, attributes):
            pass

        def handle_endtag(self, tag):
            assert unclosed.pop() == tag

    Checker().feed(report.paper_page(result))
    assert not unclosed


def test_hostile_names_are_escaped(toy, tmp_path, monkeypatch):
    hostile = "<img src=x onerror=alert(1)>"
    measure = toy.measure

    def with_hostile_arm(trial, prepared):
        yield from measure(trial, prepared)
        yield Measurement(hostile, "accuracy", 0.5, x=1.0)

    monkeypatch.setattr(toy, "measure", with_hostile_arm)
    result = runner.run([toy.SLUG], seeds=2, scale="quick", jobs=0, out=tmp_path)[0]
    page = report.paper_page(result)
    assert hostile not in page
    assert "&lt;img" in page


def test_tables_show_arms_intervals_and_verdicts(result, toy):
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for table in (
        *report.arm_tables(result.runs["quick"], toy.CLAIMS),
        report.claim_table(result.runs["quick"], toy.CLAIMS),
    ):
        console.print(table)
    text = console.export_text()
    for expected in ("x = 16", "holds", "against B", "3 seeds", "A's error is zero"):
        assert expected in text


def test_a_verdict_on_a_renamed_claim_shows_its_id(result, toy, monkeypatch):
    renamed = (replace(toy.CLAIMS[0], id="renamed", says="A is the better one"), *toy.CLAIMS[1:])
    monkeypatch.setattr(toy, "CLAIMS", renamed)
    text = in_terminal(report.claim_table(result.runs["quick"], renamed))
    page = report.paper_page(result)
    for shown in (text, page):
        assert "better" in shown
        assert "A is the better one" in shown
        assert "not judged" in shown
        assert "A is more accurate than B" not in shown
    assert "<p>better</p>" in page


def test_claims_of_other_scales_are_named(toy, tmp_path, monkeypatch):
    elsewhere = replace(toy.CLAIMS[0], id="elsewhere", says="A wins at large size", scales=("desktop", "full"))
    monkeypatch.setattr(toy, "CLAIMS", (*toy.CLAIMS, elsewhere))
    result = runner.run([toy.SLUG], seeds=2, scale="quick", jobs=0, out=tmp_path)[0]
    for shown in (in_terminal(report.claim_table(result.runs["quick"], toy.CLAIMS)), report.paper_page(result)):
        assert "A wins at large size" in shown
        assert "judged at scale desktop and full" in shown


def test_the_ledger_marks_what_earlier_code_measured(result, monkeypatch):
    assert "earlier code" not in in_terminal(report.ledger_table([result]))
    monkeypatch.setattr(claims, "fingerprint", lambda slug: "3:later")
    assert "measured with earlier code" in in_terminal(report.ledger_table([result]))
    result.runs["quick"].fingerprint = "45e2adb2cb4a9af5"
    assert "earlier code" not in in_terminal(report.ledger_table([result]))


@pytest.mark.parametrize(("seeds", "again"), [(2, "2"), ([1000, 1001], "1000-1001"), ([0, 3], "0,3"), ([4], "4-4")])
def test_the_page_measures_the_same_seeds_again(toy, tmp_path, seeds, again):
    from reprise.cli import _seeds

    result = runner.run([toy.SLUG], seeds=seeds, scale="quick", jobs=0, out=tmp_path)[0]
    assert f"--seeds {again}</pre>" in report.paper_page(result)
    assert _seeds(again) == seeds


def in_terminal(table):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    return console.export_text()


def test_no_trial_no_report(toy):
    with pytest.raises(InvalidInputError, match="no finished trial"):
        report.paper_page(Result(paper=toy.SLUG))


def differences_drawn(claims, trials):
    """Give the label, the dots and the dashed lines of each row in the panel of differences."""
    run = Run(
        fingerprint="", environment={}, prepared={},
        trials=[TrialRecord(seed=seed, seconds=0.0, measurements=found) for seed, found in enumerate(trials)],
    )  # fmt: skip
    axes = report.metric_figure(report.summarise(run, claims)[0]).axes[1]
    dots = [part.get_offsets()[:, 0].tolist() for part in axes.collections[::2]]
    dashed = sorted(line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--")
    return [label.get_text() for label in axes.get_yticklabels()], dots, dashed


def test_differences_are_drawn_by_the_claims_unit_and_not_by_seed():
    claim = Claim(id="a", of="here", kind="superior", says="", metric="m", ours="A", against=("B",), unit="needle")
    trial = [Measurement(arm, "m", value + i, item=str(i)) for arm, value in (("A", 5), ("B", 1)) for i in range(4)]
    labels, dots, _ = differences_drawn([claim], [trial, trial])
    assert labels == ["A against B, by needle"]
    assert dots == [[4.0] * 4], "four needles, not two seeds"


def test_a_relative_margin_is_drawn_as_its_share_of_the_baseline():
    claim = Claim(id="a", of="here", kind="superior", says="", metric="m", better="lower", ours="A", against=("B",),
                  margin=0.25, relative=True)  # fmt: skip
    trials = [[Measurement("A", "m", 3.0 - seed), Measurement("B", "m", 4.0)] for seed in range(2)]
    _, dots, dashed = differences_drawn([claim], trials)
    assert dots == [[1.0, 2.0]], "less is better, so right is in favour"
    assert dashed == [1.0]


def test_differences_over_x_are_averaged_where_the_claim_does():
    trials = [[Measurement(a, "m", v * x, x=x) for a, v in (("A", 2.0), ("B", 1.0)) for x in (1.0, 3.0)]] * 2
    shared = {"of": "here", "says": "", "metric": "m", "ours": "A", "against": ("B",)}
    averaged = Claim(id="a", kind="equivalent", margin=0.5, **shared)
    at_three = Claim(id="b", kind="not_inferior", margin=1.0, at=(3.0,), **shared)
    labels, dots, dashed = differences_drawn([averaged, at_three], trials)
    assert labels == ["A against B, by seed", "A against B, x = 3, by seed"]
    assert dots == [[2.0, 2.0], [3.0, 3.0]]
    assert dashed == [-1.0, -0.5, 0.5]


def test_what_holds_only_before_holm_says_so_everywhere(result, toy):
    run = result.runs["quick"]
    assert "not after Holm" not in paper_markdown(result)
    run.claims[0].p_holm = 0.2
    assert "| **holds**, not after Holm |" in paper_markdown(result)
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report.claim_table(run, toy.CLAIMS))
    assert "not after Holm (p = 0.2)" in console.export_text()


def test_a_joined_claim_names_the_part_that_decides(toy, tmp_path, monkeypatch):
    joined = Claim(id="both", of="here", kind="all_of", says="Both hold.", parts=("better", "level"))
    monkeypatch.setattr(toy, "CLAIMS", (*toy.CLAIMS, joined))
    result = runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path)[0]
    record = result.runs["quick"].claims[-1]
    assert record.method == "decided by better"
    assert "(decided by better)" in paper_markdown(result)
    assert "decided by better" in report.estimate_text(record, joined)
    assert "decided by better against" in report.paper_page(result)


def test_a_difference_of_percentages_is_in_points(toy, tmp_path, monkeypatch):
    in_percent = tuple(replace(claim, metric_unit="%") for claim in toy.CLAIMS[:2])
    monkeypatch.setattr(toy, "CLAIMS", in_percent)
    result = runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path)[0]
    better, level = paper_markdown(result).splitlines()[-2:]
    assert "0.1 points [" in better
    assert " % [" in level


def test_the_page_ends_with_lines_that_use_the_method(result):
    page = html.unescape(report.paper_page(result))
    assert catalogue.snippet(catalogue.paper(result.paper)) in page

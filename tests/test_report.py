"""The report shows what was measured, stands alone, and escapes what it shows."""

import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from reprise import report, runner
from reprise.claim import Measurement
from reprise.errors import InvalidInputError
from reprise.ledger import Result


@pytest.fixture
def result(toy, tmp_path):
    return runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path)[0]


def test_a_summary_averages_within_seeds_and_pairs_across_arms(result, toy):
    summary = report.summarise(result.runs["quick"], toy.CLAIMS)[0]
    assert (summary.metric, summary.arms, summary.xs) == ("accuracy", ["A", "B"], [1.0, 2.0, 16.0])
    assert summary.paired("A", "B", 2.0) == pytest.approx([0.1, 0.1, 0.1])
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


def test_no_trial_no_report(toy):
    with pytest.raises(InvalidInputError, match="no finished trial"):
        report.paper_page(Result(paper=toy.SLUG))

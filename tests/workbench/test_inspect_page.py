"""The page of an inspection: complete, safe with any text, and readable without seeing it."""

import io
import re

import pytest
from rich.console import Console
from tests.workbench.inspect_sections_for_tests import Toy, full_result
from tests.workbench.test_page import Page

from reprise.workbench.inspection.contract import Record
from reprise.workbench.inspection.figures import svg
from reprise.workbench.inspection.report import Inspection
from reprise.workbench.inspection.terminal import findings

HOSTILE = '<script>alert(1)</script> "><img src=x onerror=y> $\\frac{ 表 & _'


def inspection(text="plain", name="mine"):
    sections = [Toy("a", title="First"), Toy("b", title="Second", papers=("retrieval-heads",))]
    records = [
        Record("a", "1:x", "measured", "", 2.5, 0.5, full_result(text)),
        Record("b", "1:x", "not applicable", f"It lacks {text}."),
    ]
    return Inspection(name, {"model": name, "size": "small"}, sections, records, budget=60.0, spent=3.0, command=name)


@pytest.fixture(scope="module")
def source():
    return inspection().page()


def test_it_stands_alone(source):
    page = Page(source)
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    for _, name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "xlink:href"):
            assert not value.startswith(("http", "//", "javascript"))
    styles = source.split("<style>")[1].split("</style>")[0]
    assert "url(" not in styles
    assert "prefers-color-scheme: dark" in styles


@pytest.mark.filterwarnings("error")
def test_hostile_texts_are_text():
    page = Page(inspection(HOSTILE, HOSTILE).page())
    assert not {"script", "img"} & set(page.tags)
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    text = " ".join(page.text)
    assert HOSTILE in text
    assert "表" in text


def test_every_section_is_in_the_overview_and_below(source):
    page = Page(source)
    text = " ".join(" ".join(page.text).split())
    for words in ("First", "Second", "does not apply", "It lacks plain.", "Is it so?", "yes", "Something small."):
        assert words in text
    ids = [value for _, name, value in page.attributes if name == "id"]
    targets = [value[1:] for tag, name, value in page.attributes if tag == "a" and value.startswith("#")]
    assert {"a", "b"} <= set(targets) <= set(ids)


def test_numbers_stand_beside_their_controls(source):
    text = " ".join(" ".join(Page(source).text).split())
    assert "0.50 (0.40 to 0.60) plain 0.10 0.40 (0.30 to 0.50)" in text


def test_figures_are_named_and_follow_the_page(source):
    result = full_result("a name")
    drawings = [svg(figure) for figure in result.figures]
    for drawing in drawings:
        assert 'role="img"' in drawing
        assert 'aria-label="a name. a name"' in drawing
        assert "var(--ink)" in drawing
        assert not re.search("#0[1-9a]0[2-9b]0[3-9c]", drawing)
        assert "#000000" not in drawing
    assert Page(source).tags.count("figure") == len(drawings)
    assert svg(result.figures[0]) == drawings[0]


def test_the_code_names_the_model():
    found = inspection("lm = LanguageModel.from_pretrained(MODEL)", "it's mine")
    assert 'from_pretrained("it\'s mine")' in " ".join(Page(found.page()).text)
    found.command = ""
    assert "from_pretrained(MODEL)" in " ".join(Page(found.page()).text)


def test_the_paper_is_cited(source):
    assert "2404.15574" in source


def test_the_terminal_says_the_same():
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(findings(inspection("[bold]odd[/bold]")))
    text = console.export_text()
    assert "[bold]odd[/bold]" in text
    assert "does not apply" in text
    assert "3 s of the budget of 60 s" in text

"""The command line as a user meets it."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from reprise import catalogue, claims, ledger, runner
from reprise.cli import app
from reprise.errors import DamagedFileError, InvalidInputError, MissingDataError, MissingPackageError, UnknownNameError

HEAVY = {"torch", "numpy", "pandas", "sklearn", "scipy", "matplotlib", "transformers"}


def call(*arguments, code=0):
    outcome = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if outcome.exception and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_papers_lists_filters_and_forgives_spelling():
    everything = json.loads(call("papers", "--json"))
    assert [paper["slug"] for paper in everything] == [paper.slug for paper in catalogue.papers()]
    assert {paper["family"] for paper in json.loads(call("papers", "--family", "discover", "--json"))} == {"discover"}
    assert json.loads(call("papers", "matrioshka", "--json"))[0]["slug"] == "matryoshka"
    assert "matryoshka" in call("papers")
    with pytest.raises(UnknownNameError, match="symmetry"):
        call("papers", "--family", "symetry")


def test_show_tells_what_it_is_and_how_to_use_it():
    text = call("show", "ila-sdp")
    assert "pip install" in text
    assert "from reprise.discover.ila_sdp import LikelihoodAdjustedSDP" in text
    assert json.loads(call("show", "ila-sdp", "--json"))["slug"] == "ila-sdp"


def test_show_names_the_extra_of_a_family_and_a_snippet_that_runs():
    text = call("show", "retrieval-heads")
    assert 'pip install "reprise-papers[language]"' in text
    snippet = text.partition('[language]"\n')[2].partition("\nMeasure it again")[0]
    pytest.importorskip("transformers")
    exec(compile(snippet, "snippet", "exec"), {})


@pytest.mark.parametrize("paper", [p for p in catalogue.papers() if p.status == "planned"][:1], ids=lambda p: p.slug)
def test_show_of_a_planned_paper_promises_nothing(paper):
    text = call("show", paper.slug)
    assert "Planned" in text
    assert "pip install" not in text


def test_run_measures_judges_and_writes_a_report(toy, tmp_path):
    text = call("run", toy.SLUG, "--scale", "quick", "--seeds", 2, "--out", tmp_path, "--jobs", 0)
    assert "Verdicts" in text
    assert (tmp_path / f"{toy.SLUG}.html").read_text().startswith("<!doctype html>")
    assert ledger.read(tmp_path / f"{toy.SLUG}.json").runs["quick"].seeds == [0, 1]


def test_run_all_measures_every_paper_that_it_can(toy, tmp_path, monkeypatch):
    slugs = ["frame-averaging", "ila-sdp", "ponita", "spen"]
    monkeypatch.setattr(claims, "runnable", lambda: slugs)
    run, pages = runner.run, []

    def on_this_machine(asked, **settings):
        pages.append(sorted(page.stem for page in tmp_path.glob("*.html")))
        if asked == ["ila-sdp"]:
            raise MissingDataError("The table is not here; put it there.")
        if asked == ["ponita"]:
            raise MissingPackageError("geometry", "pip install geometry", "Ponita")
        return run(asked, **settings)

    monkeypatch.setattr(runner, "run", on_this_machine)
    text = call("run", "all", "--scale", "quick", "--seeds", 2, "--out", tmp_path, "--jobs", 0, code=2)
    assert pages == [[], *[["frame-averaging"]] * 3]
    assert sorted(page.stem for page in tmp_path.glob("*.html")) == ["frame-averaging", "spen"]
    end = text.replace("\n", " ").partition("spen.html")[2]
    assert "ila-sdp: The table is not here; put it there." in end
    assert "ponita: Ponita needs the package 'geometry': pip install geometry" in end
    with pytest.raises(MissingDataError):
        call("run", "ila-sdp", "--scale", "quick", "--out", tmp_path)
    with pytest.raises(InvalidInputError, match="at least one"):
        call("run", "all", "--seeds", 0, "--out", tmp_path)


def test_run_tells_a_wrong_name_before_it_measures(tmp_path):
    with pytest.raises(UnknownNameError, match="matryoshka"):
        call("run", "frame-averaging", "matrioshka", "--scale", "quick", "--seeds", 1, "--out", tmp_path, "--jobs", 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"), [("many", "--seeds takes"), ("3-x", "--seeds takes"), ("0", "at least one")]
)
def test_run_refuses_impossible_seeds(toy, tmp_path, text, message):
    with pytest.raises(InvalidInputError, match=message):
        call("run", toy.SLUG, "--seeds", text, "--out", tmp_path)


def test_report_and_ledger_read_a_folder(toy, tmp_path):
    runner.run([toy.SLUG], seeds=2, scale="quick", jobs=0, out=tmp_path)
    assert call("report", toy.SLUG, "--out", tmp_path).strip().endswith(f"{toy.SLUG}.html")
    listed = json.loads(call("ledger", "--from", tmp_path, "--json"))
    assert listed[0]["runs"]["quick"]["claims"][0]["verdict"] == "holds"
    assert "holds" in call("ledger", "--from", tmp_path)
    with pytest.raises(InvalidInputError, match="no folder"):
        call("ledger", "--from", tmp_path / "nowhere")
    (tmp_path / f"{toy.SLUG}.json").write_text("{")
    with pytest.raises(DamagedFileError, match="not JSON"):
        call("report", toy.SLUG, "--out", tmp_path)


def test_the_ledger_prints_every_committed_verdict():
    listed = json.loads(call("ledger", "--json"))
    assert [result["paper"] for result in listed] == [result.paper for result in ledger.all_committed()]
    call("ledger")


def test_data_says_what_is_here_and_how_to_get_the_rest():
    listed = json.loads(call("data", "--json"))
    assert {"name", "here", "licence", "origin", "loader", "serves", "obtain"} <= set(listed[0])
    assert {"graph8c", "fashion-mnist"} <= {source["name"] for source in listed}
    assert "graph8c" in call("data")


def test_help_answers_without_loading_anything_heavy():
    code = (
        "import sys; from typer.testing import CliRunner; from reprise.cli import app; "
        "out = CliRunner().invoke(app, ['--help']); assert out.exit_code == 0; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_an_error_is_one_sentence_and_exit_code_2():
    ended = subprocess.run([sys.executable, "-m", "reprise", "show", "matrioshka"], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.strip() == "Error: There is no paper 'matrioshka'. Did you mean matryoshka?"

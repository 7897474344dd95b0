"""`reprise inspect` on the command line."""

import json

import pytest
from tests.workbench.inspect_sections_for_tests import Toy, result
from tests.workbench.test_command import reprise
from typer.testing import CliRunner

from reprise import workbench
from reprise.cli import EXIT_INTERRUPTED, app
from reprise.errors import InvalidInputError, MissingDataError, RepriseError, UnknownNameError
from reprise.models.tiny import tiny_language_model
from reprise.workbench.inspection import records, run


@pytest.fixture
def folder(tmp_path):
    model, tokenizer = tiny_language_model("the rain fell")
    model.save_pretrained(tmp_path / "mine")
    tokenizer.save_pretrained(tmp_path / "mine")
    return tmp_path


@pytest.fixture
def toys(monkeypatch, folder):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(records, "fingerprint", lambda name, identity, seed: f"{name}:{identity}:{seed}")

    def take(*sections):
        monkeypatch.setattr(run, "check_names", lambda names: None)
        monkeypatch.setattr(run, "load", lambda names: list(sections))

    return take


def invoke(*arguments):
    return CliRunner().invoke(app, ["inspect", *arguments])


def test_the_cost_comes_first_then_what_was_found_and_where(toys, folder):
    toys(Toy("first", result(headline="Seven heads copy.")), Toy("second"))
    outcome = invoke("mine", "--budget", "30s", "--seed", "2")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stderr.index("About") < outcome.stderr.index("first: yes")
    assert "tokens a second here" in outcome.stderr
    assert "first: yes. Seven heads copy." in outcome.stdout
    assert "reprise-inspect/mine/index.html" in outcome.stderr.replace("\n", "")
    assert (folder / "reprise-inspect" / "mine" / "report.json").is_file()
    assert "reprise inspect mine --budget 30s --seed 2" in (folder / "reprise-inspect/mine/index.html").read_text()


def test_json_is_all_that_stdout_holds(toys):
    toys(Toy("first"))
    outcome = invoke("mine", "--json", "--out", "here")
    assert json.loads(outcome.stdout)["sections"][0]["status"] == "measured"


def test_nothing_measured_is_an_error_with_the_reason(toys):
    toys(Toy("first", RepriseError("It is too small.")))
    outcome = invoke("mine")
    assert isinstance(outcome.exception, RepriseError)
    assert "It is too small." in str(outcome.exception)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("mine", "--sections", "retreival"), UnknownNameError),
        (("mine", "--sections", ","), InvalidInputError),
        (("mine", "--budget", "soon"), InvalidInputError),
        (("mine", "--device", "tpu"), InvalidInputError),
        (("mine", "--dtype", "int8"), InvalidInputError),
        (("nowhere",), MissingDataError),
    ],
)
def test_bad_input_is_an_error_of_ours(folder, monkeypatch, arguments, kind):
    monkeypatch.chdir(folder)
    assert isinstance(invoke(*arguments).exception, kind)


def test_an_interrupted_inspection_says_so(toys):
    toys(Toy("first"), Toy("second", KeyboardInterrupt()))
    outcome = invoke("mine")
    assert outcome.exit_code == EXIT_INTERRUPTED
    assert "--resume goes on" in outcome.stdout


def test_ctrl_c_at_once(monkeypatch, folder):
    def stop(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.chdir(folder)
    monkeypatch.setattr(workbench, "inspect_model", stop)
    outcome = invoke("mine")
    assert outcome.exit_code == EXIT_INTERRUPTED
    assert "before any section had ended" in outcome.stderr


def test_a_wrong_name_is_one_sentence_and_code_2(tmp_path):
    ended = reprise("inspect", "smollm2", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.strip().splitlines()[-1].startswith("Error: There is no language model 'smollm2'")
    assert "Did you mean smollm2-135m-instruct?" in ended.stderr
    assert not (tmp_path / "reprise-inspect" / "smollm2" / "index.html").exists()

"""The frame of an inspection: plan, budget, resuming, what fails, and what is written."""

import json

import pytest
from tests.workbench.inspect_sections_for_tests import Toy, full_result, result

from reprise.errors import InvalidInputError, MissingDataError, RepriseError, UnknownNameError
from reprise.language import LanguageModel
from reprise.models.tiny import tiny_language_model
from reprise.workbench import inspect_model
from reprise.workbench.inspection import contract, records, run
from reprise.workbench.inspection.contract import Estimate, NotApplicableError, Work
from reprise.workbench.inspection.plan import make_plan
from reprise.workbench.inspection.subject import Speed, folder_name, load_subject, measure_speed
from reprise.workbench.inspection.wording import answered

TEXT = "the rain fell and nobody came"


@pytest.fixture(scope="module")
def lm():
    return LanguageModel(*tiny_language_model(TEXT))


@pytest.fixture
def toys(monkeypatch):
    """Let the sections of an inspection be these."""

    def take(*sections):
        monkeypatch.setattr(run, "check_names", lambda names: None)
        monkeypatch.setattr(run, "load", lambda names: [s for s in sections if names is None or s.name in names])
        monkeypatch.setattr(records, "fingerprint", lambda name, identity, seed: f"{name}:{identity}:{seed}")
        return sections

    return take


def inspect(lm, **settings):
    return inspect_model(lm, progress=False, **settings)


# The plan


def plan(lm, sections, budget):
    return make_plan(lm, sections, speed=Speed(100, 0.1), budget=budget, kept={})


@pytest.mark.parametrize(("budget", "effort"), [(20, 1.0), (11, 0.5), (5, 0.25)])
def test_effort_is_the_largest_that_fits(lm, budget, effort):
    found = plan(lm, [Toy("a", cost=10), Toy("b", cost=10)], budget)
    assert [planned.effort for planned in found] == [effort, effort]
    assert sum(planned.seconds for planned in found) == 20 * effort


def test_what_does_not_fit_at_the_smallest_effort_is_left_out(lm):
    found = plan(lm, [Toy("a", cost=8), Toy("b", cost=40), Toy("c", cost=4)], 4)
    assert [planned.measured for planned in found] == [True, False, True]
    assert found[1].status == "not run"
    assert "needs about 10 s" in found[1].reason


def test_work_is_priced_by_the_measured_speed(lm):
    speed = measure_speed(lm)
    assert speed.read > 0
    assert speed.step > 0
    assert speed.seconds(Work(read=speed.read * 2, steps=3, seconds=1)) == pytest.approx(3 + 3 * speed.step)


def test_what_was_left_out_gets_a_second_chance_where_there_is_time(lm, toys):
    first, second, third = toys(Toy("a", cost=1), Toy("b", cost=2100), Toy("c", cost=1e12))
    found = inspect(lm, budget=500)  # "a" takes no time, so that "b" will not take long either
    assert [record.status for record in found.records] == ["measured", "measured", "not run"]
    assert [len(toy.measured) for toy in (first, second, third)] == [1, 1, 0]


# Running


def test_each_section_gives_a_record(lm, toys):
    sections = toys(Toy("a"), Toy("b", lacks=NotApplicableError("It has no such part.")), Toy("c", RepriseError("No.")))
    found = inspect(lm, seed=3)
    assert [(r.section, r.status, r.reason) for r in found.records] == [
        ("a", "measured", ""),
        ("b", "not applicable", "It has no such part."),
        ("c", "failed", "No."),
    ]
    assert sections[0].measured == [(1.0, 3)]
    assert found["a"].result == result()


@pytest.mark.parametrize("problem", [RuntimeError("CUDA out of memory\nat ..."), MemoryError(), ValueError("odd")])
def test_an_error_of_a_library_ends_one_section_only(lm, toys, problem):
    toys(Toy("a", problem), Toy("b"))
    found = inspect(lm)
    assert [record.status for record in found.records] == ["failed", "measured"]
    assert "\n" not in found["a"].reason


def test_a_section_that_takes_too_long_is_ended(lm, toys, monkeypatch):
    class Slow(Toy):
        def measure(self, model, *, effort, seed, watch):
            for _ in range(1000):
                watch(0.1)
            raise AssertionError

    toys(Slow("a", cost=1e-9), Toy("b", cost=1e-9))
    monkeypatch.setattr(run, "_OVERTIME", 0.0)
    found = inspect(lm)
    assert [record.status for record in found.records] == ["out of time", "out of time"]
    with pytest.raises(RepriseError, match="Nothing could be measured"):
        found.need_one()


def test_only_the_sections_named(lm, toys):
    sections = toys(Toy("a"), Toy("b"))
    assert [record.section for record in inspect(lm, sections=["b"]).records] == ["b"]
    assert not sections[0].measured


def test_progress_tells_the_plan_before_anything_is_measured(lm, toys):
    sections = toys(Toy("a"), Toy("b"))
    stages = []
    inspect_model(lm, progress=lambda event: stages.append((event.stage, len(sections[0].measured), event.share)))
    names = [stage for stage, _, _ in stages]
    assert names == ["plan", "section", "share", "result", "section", "share", "result"]
    assert stages[0][1] == 0
    shares = [share for stage, _, share in stages if stage in ("section", "share")]
    assert shares == sorted(shares)
    assert max(shares) <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": "soon"}, "time budget"),
        ({"seed": -1}, "seed"),
        ({"sections": "retrieval"}, "list of names"),
        ({"sections": []}, "No section is named"),
        ({"resume": True}, "`out`"),
    ],
)
def test_bad_settings_are_told_before_the_model_is_loaded(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        inspect_model("nowhere", progress=False, **settings)


def test_unknown_sections_name_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean retrieval"):
        inspect_model("nowhere", sections=["retreival"], progress=False)


# Resuming


def test_finished_sections_are_kept(lm, toys, tmp_path):
    first, second = toys(Toy("a", full_result()), Toy("b"))
    whole = inspect(lm, out=tmp_path)
    again = inspect(lm, out=tmp_path, resume=True)
    assert len(first.measured) == len(second.measured) == 1
    assert again.records == whole.records
    assert all(record.kept for record in again.records)
    inspect(lm, out=tmp_path)
    assert len(first.measured) == 2


def test_another_seed_or_model_is_measured_again(lm, toys, tmp_path):
    (toy,) = toys(Toy("a"))
    inspect(lm, out=tmp_path)
    inspect(lm, out=tmp_path, resume=True, seed=1)
    inspect(LanguageModel(*tiny_language_model(TEXT, seed=5)), out=tmp_path, resume=True, seed=1)
    assert len(toy.measured) == 3


def test_ctrl_c_keeps_what_has_ended_and_resume_goes_on(lm, toys, tmp_path):
    first, second = toys(Toy("a"), Toy("b", KeyboardInterrupt()))
    found = inspect(lm, out=tmp_path)
    assert found.interrupted
    assert [record.status for record in found.records] == ["measured", "not run"]
    assert "Stopped early" in (tmp_path / "index.html").read_text().replace("stopped", "Stopped")
    second.outcome = result()
    again = inspect(lm, out=tmp_path, resume=True)
    assert [record.status for record in again.records] == ["measured", "measured"]
    assert len(first.measured) == 1


def test_ctrl_c_before_anything_ended_is_passed_on(lm, toys):
    toys(Toy("a", KeyboardInterrupt()), Toy("b"))
    with pytest.raises(KeyboardInterrupt):
        inspect(lm)


def test_a_damaged_file_is_measured_again_and_said(lm, toys, tmp_path):
    (toy,) = toys(Toy("a"))
    inspect(lm, out=tmp_path)
    (tmp_path / "sections" / "a.json").write_text('{"section": "a"')
    notes = []
    inspect_model(lm, out=tmp_path, resume=True, progress=lambda event: notes.append(event.text))
    assert any("damaged" in note for note in notes)
    assert len(toy.measured) == 2


def test_records_survive_their_file(tmp_path):
    record = contract.Record("a", "1:x", "measured", "", 2.5, 0.5, full_result("a <b> $x$"))
    records.write(tmp_path, record)
    assert records.read(tmp_path, "a") == record
    assert records.read(tmp_path, "b") is None


def test_the_fingerprint_follows_model_seed_and_code():
    marks = {records.fingerprint("times", "m", 0), records.fingerprint("times", "m", 1)}
    marks |= {records.fingerprint("times", "n", 0), records.fingerprint("steering", "m", 0)}
    assert len(marks) == 4


# Files and JSON


def test_numbers_are_json(lm, toys, tmp_path):
    toys(Toy("a", full_result()))
    found = inspect(lm, out=tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    assert content == found.to_json()
    assert content["sections"][0]["result"]["numbers"][0]["measured"] == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    assert content["facts"]["size"] == "2 layers of 4 heads, width 32"


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="cannot be made"):
        inspect_model("nowhere", out=tmp_path / "file" / "folder", progress=False)


# Models


def test_models_from_folders(lm, tmp_path):
    model, tokenizer = tiny_language_model(TEXT)
    model.save_pretrained(tmp_path / "bare")
    without = load_subject(str(tmp_path / "bare"))
    assert not without.model.has_tokenizer
    tokenizer.save_pretrained(tmp_path / "bare")
    subject = load_subject(str(tmp_path / "bare"), dtype="bfloat16")
    assert subject.model.has_tokenizer
    assert subject.facts["weights"] == "bfloat16 on cpu"
    assert subject.identity != without.identity


def test_equal_models_have_one_identity(lm):
    again = LanguageModel(*tiny_language_model(TEXT))
    other = LanguageModel(*tiny_language_model(TEXT, seed=1))
    assert load_subject(lm).identity == load_subject(again).identity != load_subject(other).identity


@pytest.mark.parametrize(
    ("name", "message"),
    [("smollm", "Did you mean smollm2-135m-instruct"), ("no/such", "cannot be reached|nor on the"), ("a b", "nor")],
)
def test_a_wrong_name_is_one_sentence_at_once(name, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingDataError, match=message) as caught:
        load_subject(name)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_model(tmp_path):
    with pytest.raises((MissingDataError, InvalidInputError), match="model"):
        load_subject(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises((MissingDataError, InvalidInputError), match="model"):
        load_subject(str(tmp_path))


def test_unknown_dtypes_and_devices():
    with pytest.raises(InvalidInputError, match="float32, bfloat16"):
        load_subject("nowhere", dtype="int8")
    with pytest.raises(InvalidInputError, match="auto, cpu, cuda"):
        load_subject("nowhere", device="tpu")


@pytest.mark.parametrize("name", ["", "/", "..", "a/..", "x\\y", "<b>"])
def test_folder_names_are_safe(name):
    made = folder_name(name)
    assert made
    assert not set(made) & set('/\\<>:"')
    assert made.strip(".")


# Words


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [(0.2, 0.6, "yes"), (0.01, 0.1, "partly"), (-0.3, 0.9, "unclear"), (-0.2, 0.05, "no"), (-0.5, -0.1, "no")],
)
def test_answers_follow_the_interval(low, high, answer):
    assert answered(Estimate((low + high) / 2, low, high, 9), enough=0.2) == answer


def test_an_estimate_without_an_interval_settles_nothing():
    assert answered(Estimate(5.0)) == "unclear"
    assert Estimate.over([2.0]) == Estimate(2.0, None, None, 1)

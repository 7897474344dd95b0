"""Result files are whole or not there; damage is named; every committed verdict follows from its measurements."""

import errno
import json
import os
import re

import numpy as np
import pytest

from reprise import claims, ledger, runner
from reprise.errors import DamagedFileError, InvalidInputError, RepriseError


@pytest.fixture
def result(toy, tmp_path):
    return runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path)[0]


def test_a_result_survives_the_disk(result, tmp_path):
    path = tmp_path / "copy.json"
    ledger.write(path, result)
    assert ledger.read(path) == result
    assert len(path.read_text().splitlines()) < 150, "each measurement takes one line"


def test_verdicts_are_derived_again_from_the_raw_measurements(result):
    assert ledger.rederive(result, "quick") == result.runs["quick"].claims


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (lambda text: text[: len(text) // 2], "not JSON"),
        (lambda text: text.replace('"seed": 1', '"seed": "one"'), r"runs.quick.trials.1.seed"),
        (lambda text: text.replace('"seconds"', '"secunds"', 1), r"runs.quick.trials.0.se"),
        (lambda text: text.replace('"schema": 1', '"schema": 99'), "'schema' is 99"),
        (lambda text: text.replace('"paper"', '"papre"'), "papre|paper"),
        (lambda text: text.replace('"quick"', '"huge"', 1), "runs"),
    ],
)
def test_a_damaged_file_is_named_with_its_field_and_left_alone(result, tmp_path, toy, damage, field):
    path = tmp_path / f"{toy.SLUG}.json"
    broken = damage(path.read_text())
    path.write_text(broken)
    with pytest.raises(DamagedFileError, match=field) as raised:
        ledger.read(path)
    assert path.name in str(raised.value)
    with pytest.raises(DamagedFileError):
        runner.run([toy.SLUG], seeds=1, scale="quick", jobs=0, out=tmp_path)
    assert path.read_text() == broken


def test_a_full_disk_leaves_the_old_result_whole(result, tmp_path, monkeypatch, toy):
    path = tmp_path / f"{toy.SLUG}.json"
    before = path.read_text()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RepriseError, match="No space left"):
        ledger.write(path, result)
    assert path.read_text() == before
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_kill_in_the_middle_of_writing_leaves_the_old_result_whole(result, tmp_path, monkeypatch, toy):
    path = tmp_path / f"{toy.SLUG}.json"
    before = path.read_text()

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        ledger.write(path, result)
    assert path.read_text() == before


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Stand an empty folder in for the committed ledger."""
    folder = tmp_path / "book"
    monkeypatch.setattr(ledger, "ledger_folder", lambda: folder)
    return folder


def test_adopting_keeps_other_scales_and_judges_anew(tmp_path, book, toy):
    runner.run([toy.SLUG], seeds=3, scale="desktop", jobs=0, out=tmp_path)
    changed = json.loads((tmp_path / f"{toy.SLUG}.json").read_text())
    changed["runs"]["desktop"]["claims"][0]["verdict"] = "does not hold"
    (tmp_path / f"{toy.SLUG}.json").write_text(json.dumps(changed))
    assert ledger.adopt(tmp_path, [toy.SLUG]) == [toy.SLUG]
    assert ledger.committed(toy.SLUG).runs["desktop"].claims[0].verdict == "holds"
    runner.run([toy.SLUG], seeds=2, scale="full", jobs=0, out=tmp_path / "later")
    ledger.adopt(tmp_path / "later")
    assert set(ledger.committed(toy.SLUG).runs) == {"desktop", "full"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"scale": "quick"}, "scale quick"), ({"seeds": [0, 1000]}, "pilot seed 1000")],
)
def test_adopting_refuses_what_the_ledger_must_not_hold(tmp_path, book, toy, settings, message):
    runner.run([toy.SLUG], **({"seeds": 2, "scale": "desktop", "jobs": 0, "out": tmp_path} | settings))
    for force in (False, True):
        with pytest.raises(InvalidInputError, match=message):
            ledger.adopt(tmp_path, force=force)
    assert not book.exists()


def test_adopting_refuses_other_code_unless_forced_or_unknown(tmp_path, book, toy, monkeypatch):
    runner.run([toy.SLUG], seeds=2, scale="desktop", jobs=0, out=tmp_path)
    monkeypatch.setattr(claims, "fingerprint", lambda slug: "3:later")
    with pytest.raises(InvalidInputError, match="other code"):
        ledger.adopt(tmp_path)
    assert not book.exists()
    assert ledger.adopt(tmp_path, force=True) == [toy.SLUG]
    path = tmp_path / f"{toy.SLUG}.json"
    path.write_text(path.read_text().replace("3:toy", "45e2adb2cb4a9af5"))
    assert ledger.adopt(tmp_path) == [toy.SLUG]


def leaves(value):
    if isinstance(value, dict):
        return [leaf for name in sorted(value) for leaf in leaves(value[name])]
    return [leaf for entry in value for leaf in leaves(entry)] if isinstance(value, list | tuple) else [value]


def words_of(records):
    return [leaf for record in records for leaf in leaves(record.model_dump()) if not isinstance(leaf, float)]


def numbers_of(records):
    return [leaf for record in records for leaf in leaves(record.model_dump()) if isinstance(leaf, float)]


COMMITTED = [(result.paper, scale) for result in ledger.all_committed() for scale in result.runs]


@pytest.mark.parametrize(("slug", "scale"), COMMITTED)
def test_every_committed_verdict_follows_from_its_raw_measurements(slug, scale):
    result = ledger.committed(slug)
    again, kept = ledger.rederive(result, scale), result.runs[scale].claims
    assert words_of(again) == words_of(kept)
    # Processors differ in the last digits of a sum.
    assert numbers_of(again) == pytest.approx(numbers_of(kept), rel=1e-9, abs=1e-12, nan_ok=True)
    promised = {claim.id for claim in claims.load(slug).CLAIMS if scale in claim.scales}
    assert {record.id for record in result.runs[scale].claims} == promised


@pytest.mark.parametrize(("slug", "scale"), COMMITTED)
def test_the_ledger_holds_five_seeds_that_are_not_the_pilots(slug, scale):
    run = ledger.committed(slug).runs[scale]
    assert run.seeds[:5] == [0, 1, 2, 3, 4]
    assert max(run.seeds) < 1000


@pytest.mark.parametrize("slug", [slug for slug, scale in COMMITTED if scale == "desktop"])
def test_what_does_not_hold_at_desktop_says_why(slug):
    notes = {claim.id: claim.note for claim in claims.load(slug).CLAIMS}
    fell = [record.id for record in ledger.committed(slug).runs["desktop"].claims if record.verdict == "does not hold"]
    assert [id for id in fell if not notes[id]] == []


def arm_mean(slug, metric, arm, x=None):
    """Average one arm of a committed run at desktop scale."""
    trials = ledger.committed(slug).runs["desktop"].trials
    return np.mean([m.value for t in trials for m in t.measurements if (m.metric, m.arm, m.x) == (metric, arm, x)])


def test_the_figures_in_notes_are_those_of_the_ledger():
    compounds = [arm_mean("inset", "mean Jaccard, compounds", arm) for arm in ("INSET, MLP encoder", "DeepSets")]
    svd, alone, prefix = [arm_mean("matryoshka", "1-NN accuracy", arm, 2.0) for arm in ("FF by SVD", "FF", "MRL")]
    nose = [arm_mean("ponita", "nose error in the training pose", arm) for arm in ("PONITA", "PONITA, poses as given")]
    share = "share of heads with a retrieval score of 0.1 or more"
    trials = ledger.committed("retrieval-heads").runs["desktop"].trials
    heads = [round(270 * m.value) for t in trials for m in t.measurements if m.metric == share]
    expected = {
        ("inset", "beats-deepsets-compounds"): "{:.1f} % where DeepSets has {:.1f} %".format(*compounds),
        ("matryoshka", "far-above-compression"): (
            f"SVD keeps {svd:.0f} % .* reaches {alone:.0f} %, {alone - svd:.0f} points .* {prefix:.0f} %"
        ),
        ("ponita", "random-poses-needed"): "by {:.0f} and {:.0f} degrees".format(*nose),
        ("retrieval-heads", "sparse"): f"{min(heads)} to {max(heads)} of the model's 270 heads",
    }
    for (slug, id), words in expected.items():
        note = next(claim.note for claim in claims.load(slug).CLAIMS if claim.id == id)
        assert re.search(words, note), (slug, words)


def test_where_starts_are_adversarial_only_the_single_random_start_errs():
    metric = "misclustering error, distant triples"
    for arm in ("iLA-SDP", "k-means SDP", "k-means, 10 starts", "EM, 10 starts"):
        assert arm_mean("ila-sdp", metric, arm) == 0
    assert arm_mean("ila-sdp", metric, "EM, one random start") > 0

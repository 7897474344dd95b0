"""Trials run, are kept when interrupted, and go on; here, in processes, and on Ray."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from reprise import claims, ledger, runner
from reprise.claim import Measurement, Prepared, Setting, Trial
from reprise.errors import FailedTrialError, InvalidInputError, RepriseError, UnknownNameError
from reprise.runner import papers, workers
from reprise.runner.workers import Task, in_processes

QUICKEST = "science-hierarchography"
TRAINED = "frame-averaging"  # whose figures are sums that threads and processes could change


def test_results_depend_only_on_the_seed(toy, tmp_path):
    first, second = (
        runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path / name)[0] for name in ("one", "two")
    )
    for a, b in zip(first.runs["quick"].trials, second.runs["quick"].trials, strict=True):
        assert a.measurements == b.measurements
    verdicts = {record.id: record.verdict for record in first.runs["quick"].claims}
    assert verdicts == {"better": "holds", "level": "holds", "exact": "holds"}


def test_preparation_is_done_once_and_scales_are_kept_apart(toy, tmp_path):
    runner.run([toy.SLUG], seeds=1, scale="quick", jobs=0, out=tmp_path)
    result = runner.run([toy.SLUG], seeds=2, scale="quick", jobs=0, out=tmp_path)[0]
    assert toy.prepared_times == 1
    result = runner.run([toy.SLUG], seeds=2, scale="desktop", jobs=0, out=tmp_path)[0]
    assert toy.prepared_times == 2
    assert set(result.runs) == {"quick", "desktop"}
    assert result.runs["quick"].prepared["data"] == "seeded noise"


def test_claims_of_other_scales_are_not_judged(toy, tmp_path, monkeypatch):
    elsewhere = replace(toy.CLAIMS[0], id="elsewhere", metric="accuracy of a large model", scales=("full",))
    monkeypatch.setattr(toy, "CLAIMS", (*toy.CLAIMS, elsewhere))
    result = runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path)[0]
    assert [record.id for record in result.runs["quick"].claims] == ["better", "level", "exact"]
    assert [record.id for record in ledger.rederive(result, "quick")] == ["better", "level", "exact"]
    with pytest.raises(InvalidInputError, match="measured no 'accuracy of a large model'"):
        runner.run([toy.SLUG], seeds=3, scale="full", jobs=0, out=tmp_path)


def test_resume_keeps_finished_trials_of_the_same_code_only(toy, tmp_path, monkeypatch):
    runner.run([toy.SLUG], seeds=[0, 1], scale="quick", jobs=0, out=tmp_path)
    path = tmp_path / f"{toy.SLUG}.json"
    marked = path.read_text().replace('"seconds": ', '"seconds": 777')
    path.write_text(marked)
    again = runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path, resume=True)[0].runs["quick"]
    assert [str(t.seconds).startswith("777") for t in again.trials] == [True, True, False]
    monkeypatch.setattr(claims, "fingerprint", lambda slug: "3:other")
    fresh = runner.run([toy.SLUG], seeds=3, scale="quick", jobs=0, out=tmp_path, resume=True)[0].runs["quick"]
    assert not any(str(t.seconds).startswith("777") for t in fresh.trials)


@pytest.mark.parametrize(
    ("first", "then", "events"), [(5, range(5, 10), (0, 5)), (3, 2, (2, 2)), ([7], [3], (0, 1))], ids=str
)
def test_resume_drops_no_earlier_trial(toy, tmp_path, first, then, events):
    settings = {"scale": "quick", "jobs": 0, "out": tmp_path}
    before = runner.run([toy.SLUG], seeds=first, **settings)[0].runs["quick"]
    seen = []
    after = runner.run([toy.SLUG], seeds=then, resume=True, on_event=seen.append, **settings)[0].runs["quick"]
    wanted = range(then) if isinstance(then, int) else then
    assert after.seeds == sorted({*before.seeds, *wanted})
    assert [trial for trial in after.trials if trial.seed in before.seeds] == before.trials
    assert after.claims[0].units == len(after.seeds)
    assert (seen[0].done, seen[-1].done) == events
    assert {event.total for event in seen} == {len(wanted)}


@pytest.mark.parametrize("fact", ["device", "processor", "threads", "torch"])
def test_resume_joins_no_trials_of_another_place(toy, tmp_path, monkeypatch, fact):
    settings = {"scale": "quick", "jobs": 0, "out": tmp_path, "resume": True}
    before = runner.run([toy.SLUG], seeds=2, **settings)[0].runs["quick"]
    described = {**before.environment, fact: "another", "date": "later"}
    monkeypatch.setattr(papers.environment, "describe", lambda **facts: described)
    with pytest.raises(RepriseError, match=f"{fact} .*, here it is another: .*--out"):
        runner.run([toy.SLUG], seeds=3, **settings)
    kept = runner.run([toy.SLUG], seeds=2, **settings)[0].runs["quick"]
    assert kept.environment == before.environment


def test_every_fresh_run_keeps_a_copy_of_what_was_there(toy, tmp_path):
    for seeds in (3, 2, 1):
        runner.run([toy.SLUG], seeds=seeds, scale="quick", jobs=0, out=tmp_path)
    assert ledger.read(tmp_path / f"{toy.SLUG}.previous-1.json").runs["quick"].seeds == [0, 1, 2]
    assert ledger.read(tmp_path / f"{toy.SLUG}.previous-2.json").runs["quick"].seeds == [0, 1]
    assert [result.runs["quick"].seeds for result in ledger.all_in(tmp_path)] == [[0]]


def test_a_failed_trial_takes_no_other_with_it(toy, tmp_path, monkeypatch):
    measure = toy.measure

    def fails_once(trial, prepared):
        if trial.seed == 1:
            raise InvalidInputError("the seed is odd")
        return measure(trial, prepared)

    monkeypatch.setattr(toy, "measure", fails_once)
    with pytest.raises(FailedTrialError, match="seed 1, failed: the seed is odd"):
        runner.run([toy.SLUG], seeds=4, scale="quick", jobs=0, out=tmp_path)
    kept = ledger.read(tmp_path / f"{toy.SLUG}.json").runs["quick"]
    assert kept.seeds == [0, 2, 3]
    assert [record.verdict for record in kept.claims] == ["holds", "holds", "holds"]


def test_a_process_that_dies_takes_no_other_with_it(tmp_path):
    import joblib

    path = tmp_path / "prepared.joblib"
    setting = Setting(scale="quick")
    joblib.dump(claims.load(QUICKEST).prepare(setting), path)
    unknown = Task("no-such-paper", Trial(seed=0, scale="quick"), 1)
    tasks = [unknown, Task(QUICKEST, Trial(seed=1, scale="quick"), 1), unknown]
    records = []
    with pytest.raises(FailedTrialError, match=r"(?s)no-such-paper, seed 0.*1 more"):
        records.extend(in_processes(tasks, path, 2))
    assert [record.seed for record in records] == [1]


def test_an_interrupted_run_keeps_what_is_done(toy, tmp_path, monkeypatch):
    measure = toy.measure

    def interrupted(trial, prepared):
        if trial.seed == 2:
            raise KeyboardInterrupt
        return measure(trial, prepared)

    monkeypatch.setattr(toy, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run([toy.SLUG], seeds=4, scale="quick", jobs=0, out=tmp_path)
    assert ledger.read(tmp_path / f"{toy.SLUG}.json").runs["quick"].seeds == [0, 1]
    monkeypatch.setattr(toy, "measure", measure)
    resumed = runner.run([toy.SLUG], seeds=4, scale="quick", jobs=0, out=tmp_path, resume=True)[0]
    assert resumed.runs["quick"].seeds == [0, 1, 2, 3]


def test_a_number_that_is_not_finite_fails_the_trial_by_name(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "measure", lambda trial, prepared: iter([Measurement("B", "loss", float("nan"), x=2.0)]))
    with pytest.raises(RepriseError, match=r"seed 0.*'loss' of 'B' is nan, x 2.0"):
        runner.run([toy.SLUG], seeds=1, scale="quick", jobs=0, out=tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"slugs": []}, "No paper"),
        ({"seeds": 0}, "at least one"),
        ({"seeds": [-1]}, "none below 0"),
        ({"scale": "huge"}, "quick, desktop, full"),
        ({"jobs": -1}, "jobs must be"),
        ({"device": "cud"}, "auto, cpu, cuda and cuda:N"),
        ({"device": "cuda:99"}, "torch sees"),
    ],
)
def test_impossible_settings_are_refused(toy, tmp_path, settings, message):
    with pytest.raises(InvalidInputError, match=message):
        runner.run(**({"slugs": [toy.SLUG], "out": tmp_path, "jobs": 0} | settings))
    assert toy.prepared_times == 0


def test_a_gpu_is_checked_and_recorded_by_its_number(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: f"card of {device}")
    assert [runner.resolve_device(name) for name in ("auto", "cpu", "cuda:1")] == ["cuda", "cpu", "cuda:1"]
    with pytest.raises(InvalidInputError, match=r"'cuda:2' is not here: torch sees 2 GPUs"):
        runner.resolve_device("cuda:2")
    assert papers.environment.describe(jobs=1, threads=1, device="cuda:1")["device"] == "card of cuda:1"


def test_claims_about_time_do_not_run_on_a_cluster(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "CLAIMS", (replace(toy.CLAIMS[0], timing=True),))
    with pytest.raises(RepriseError, match=r"without --ray"):
        runner.run([toy.SLUG], seeds=1, scale="quick", ray="local", out=tmp_path)
    assert toy.prepared_times == 0


@pytest.mark.parametrize(
    ("device", "threads", "largest", "asked"),
    [("cpu", 8, 4.0, (4.0, 0)), ("cpu", 2, 4.0, (2, 0)), ("cuda:1", 1, 4.0, (1, 1)), ("cuda", 2, 0, (2, 1))],
)
def test_a_task_asks_of_a_cluster_what_a_node_can_give(device, threads, largest, asked):
    task = Task(QUICKEST, Trial(seed=0, scale="quick", device=device), threads)
    assert workers.reservation(task, largest) == asked


def test_an_unknown_paper_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="matryoshka"):
        runner.run(["matrioshka"], out=tmp_path)


@pytest.fixture(scope="module")
def run_in_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    return runner.run([TRAINED], seeds=2, scale="quick", jobs=2, out=folder)[0].runs["quick"]


def test_processes_measure_what_one_process_measures(run_in_processes, tmp_path):
    # In a fresh process: where arrays lie in a long-lived one's memory changes the last digits of sums.
    script = (
        f"from reprise import runner; runner.run([{TRAINED!r}], seeds=2, scale='quick', jobs=0, out={str(tmp_path)!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=600)
    here = ledger.read(tmp_path / f"{TRAINED}.json").runs["quick"]
    assert [t.measurements for t in here.trials] == [t.measurements for t in run_in_processes.trials]
    assert run_in_processes.environment["threads"] == max(1, (os.cpu_count() or 1) // 2)
    assert all(t.peak_memory > 50 for t in run_in_processes.trials)


def test_a_local_ray_cluster_measures_the_same(run_in_processes, tmp_path):
    pytest.importorskip("ray")
    settings = {"seeds": 2, "scale": "quick", "jobs": 2}  # the same threads a trial, so the same rounding
    there = runner.run([TRAINED], ray="local", out=tmp_path, **settings)[0].runs["quick"]
    assert [t.measurements for t in there.trials] == [t.measurements for t in run_in_processes.trials]


def test_a_task_on_a_cluster_has_its_own_process_and_is_never_too_large_for_a_node(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(
        workers,
        "_measure_with_threads",
        lambda task, prepared: ledger.TrialRecord(seed=task.trial.seed, seconds=os.getpid(), measurements=[]),
    )
    tasks = [Task(QUICKEST, Trial(seed=seed, scale="quick"), threads=9999) for seed in range(3)]
    records = list(workers.on_ray(tasks, Prepared(), "local"))
    assert {record.seed for record in records} == {0, 1, 2}
    assert len({record.seconds for record in records}) == 3


def test_ctrl_c_stops_the_command_and_resume_continues(tmp_path):
    command = [sys.executable, "-m", "reprise", "run", QUICKEST, "--scale", "quick", "--out", str(tmp_path)]
    running = subprocess.Popen([*command, "--seeds", "60"], stderr=subprocess.PIPE, text=True, start_new_session=True)
    path = tmp_path / f"{QUICKEST}.json"
    deadline = time.monotonic() + 600
    while not path.is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    try:
        _, said = running.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        raise
    assert running.returncode == 130
    assert "--resume" in said
    done = ledger.read(path).runs["quick"].seeds
    assert 1 <= len(done) < 60
    more = len(done) + 1
    subprocess.run([*command, "--seeds", str(more), "--resume", "--json"], check=True, capture_output=True, timeout=600)
    assert ledger.read(path).runs["quick"].seeds == list(range(more))

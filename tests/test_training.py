import contextlib
import copy
import io
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from reprise.errors import DamagedFileError, DivergedError, InvalidInputError, UnknownNameError
from reprise.training import History, train
from reprise.training.batches import Order
from reprise.training.checkpoint import DeferredInterrupt, write_checkpoint

SAMPLES, FEATURES, CLASSES, BATCH_SIZE = 50, 4, 3, 16
STEPS = math.ceil(SAMPLES / BATCH_SIZE)  # an epoch


def make_model(dropout=0.0):
    """Give a network with all that a resumed training must restore: weights, batch statistics, random layers."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, CLASSES)
        )


def make_data():
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(SAMPLES, FEATURES, generator=generator)
    return x, x[:, :CLASSES].argmax(1)


def cross_entropy(model, batch):
    x, y = batch
    return nn.functional.cross_entropy(model(x), y)


def fit(model=None, loss=cross_entropy, data=None, **changes):
    model = make_model() if model is None else model
    arguments = {"epochs": 2, "batch_size": BATCH_SIZE, "lr": 0.01, "device": "cpu"} | changes
    return model, train(model, loss, make_data() if data is None else data, **arguments)


def equal(model, other):
    mine, theirs = model.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def without_seconds(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history.records]


def press_at(step):
    def press(model, done):
        if done == step:
            signal.raise_signal(signal.SIGINT)

    return press


class Samples(Dataset):
    """A data set with randomness of its own, as an augmentation has."""

    def __init__(self, noise=0.0):
        self.x, self.y = make_data()
        self.noise = noise

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        return self.x[index] + self.noise * torch.randn(FEATURES), self.y[index]


class Stream(IterableDataset):
    def __iter__(self):
        return zip(*make_data(), strict=True)


@pytest.mark.parametrize("clip", [None, 0.1])
def test_does_what_a_loop_by_hand_does(clip):
    def sgd(parameters):
        return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)

    trained, history = fit(epochs=3, clip=clip, optimizer=sgd, seed=7)

    model, (x, y) = make_model(), make_data()
    optimizer, generator, losses = sgd(model.parameters()), torch.Generator().manual_seed(7), []
    for _ in range(3):
        order = torch.randperm(SAMPLES, generator=generator)
        total = 0.0
        for start in range(0, SAMPLES, BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            total += loss.item()
        losses.append(total / STEPS)

    assert equal(trained, model)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-12)


def test_learns_digits():
    digits = load_digits()
    x = torch.tensor(digits.data / 16, dtype=torch.float32)
    y = torch.tensor(digits.target)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    train(model, cross_entropy, (x[:1200], y[:1200]), epochs=15, lr=0.02, schedule="one_cycle", device="cpu")
    accuracy = (model(x[1200:]).argmax(1) == y[1200:]).float().mean()
    assert accuracy > 0.88


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_default_optimizer_is_adamw(weight_decay):
    start = nn.Linear(FEATURES, CLASSES)
    model, _ = fit(copy.deepcopy(start), weight_decay=weight_decay)
    other, _ = fit(copy.deepcopy(start), optimizer=lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=weight_decay))
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_every_kind_of_data_gives_the_same_batches():
    x, y = make_data()
    expected, _ = fit(data=(x, y))
    for data in ([x, y], TensorDataset(x, y), Samples()):
        assert equal(fit(data=data)[0], expected)


def test_one_tensor_gives_batches_that_are_tensors():
    shapes = []

    def loss(model, batch):
        shapes.append(tuple(batch.shape))
        return model(batch).square().mean()

    fit(loss=loss, data=make_data()[0], epochs=1)
    assert shapes == [(BATCH_SIZE, FEATURES)] * 3 + [(SAMPLES % BATCH_SIZE, FEATURES)]
    shapes.clear()
    fit(loss=loss, data=make_data()[0], epochs=1, drop_last=True)
    assert shapes == [(BATCH_SIZE, FEATURES)] * 3


def test_loader_keeps_its_own_order_and_batches():
    rows = []

    def loss(model, batch):
        rows.append(batch[1])
        return cross_entropy(model, batch)

    fit(loss=loss, data=DataLoader(Samples(), batch_size=25), epochs=1)
    assert [len(row) for row in rows] == [25, 25]
    assert torch.equal(torch.cat(rows), make_data()[1])


def test_stream_without_length():
    model, history = fit(data=Stream(), epochs=2, warmup=3)
    assert len(history) == 2
    assert not equal(model, make_model())
    with pytest.raises(InvalidInputError, match="needs to know the number of steps"):
        fit(data=Stream(), schedule="cosine")


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 60),
    batch_size=st.integers(1, 20),
    processes=st.integers(1, 4),
    drop_last=st.booleans(),
    seed=st.integers(0, 5),
)
def test_order_shares_batches_between_processes(samples, batch_size, processes, drop_last, seed):
    def orders(count):
        return [
            Order(samples, batch_size, drop_last=drop_last, seed=seed, rank=rank, processes=count)
            for rank in range(count)
        ]

    if batch_size % processes or samples < (batch_size if drop_last else processes):
        with pytest.raises(InvalidInputError):
            orders(processes)
        return
    (whole,) = orders(1)
    shares = orders(processes)
    for _ in range(2):  # epochs
        batches = list(whole)
        used = [index for batch in batches for index in batch]
        assert len(set(used)) == len(used)
        assert len(used) == (samples // batch_size * batch_size if drop_last else samples)
        parts = list(zip(*shares, strict=True))
        assert len(parts) == len(shares[0]) <= len(batches)
        for batch, part in zip(batches, parts, strict=False):
            assert len({len(share) for share in part}) == 1
            assert sorted(index for share in part for index in share) == sorted(
                batch[: len(batch) - len(batch) % processes]
            )


def test_result_depends_only_on_the_seed():
    torch.manual_seed(0)
    first, _ = fit(make_model(dropout=0.5))
    torch.manual_seed(1)
    again, _ = fit(make_model(dropout=0.5), validate=lambda model: {"noise": torch.rand(()).item()})
    other, _ = fit(make_model(dropout=0.5), seed=1)
    assert equal(first, again)
    assert not equal(first, other)


def test_order_does_not_depend_on_the_model():
    def watch(rows):
        def loss(model, batch):
            rows.append(batch[0])
            return cross_entropy(model, batch)

        return loss

    plain, random = [], []
    fit(make_model(), watch(plain))
    fit(make_model(dropout=0.5), watch(random))
    assert all(torch.equal(a, b) for a, b in zip(plain, random, strict=True))


def test_global_generator_is_left_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    fit(make_model(dropout=0.5), data=Samples(noise=1.0))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("training", [True, False])
def test_modes_are_respected_and_restored(training):
    model = make_model().train(training)
    model[1].eval()  # a frozen part
    seen = []

    def loss(model, batch):
        seen.append((model.training, model[1].training))
        return cross_entropy(model, batch)

    def validate(model):
        assert not torch.is_grad_enabled()
        assert not any(part.training for part in model.modules())
        return {"score": 1.0}

    fit(model, loss, validate=validate)
    assert set(seen) == {(True, not training)}
    assert (model.training, model[1].training) == (training, False)


def test_modes_are_restored_after_an_error():
    def loss(model, batch):
        raise OSError("disk on fire")

    model = make_model().eval()
    with pytest.raises(OSError, match="disk on fire"):
        fit(model, loss)
    assert not any(part.training for part in model.modules())


def test_trainings_nest():
    def validate(model):
        x, y = make_data()
        _, history = fit(nn.Linear(CLASSES, CLASSES), data=(model(x), y))
        return {"probe": history.last["loss"]}

    model, _ = fit(validate=validate)
    assert equal(model, fit()[0])


def test_frozen_parameters_stay():
    model = make_model()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    fit(model, weight_decay=0.5)
    assert torch.equal(model[0].weight, before)


def test_mixed_precision_covers_the_loss():
    kinds = []

    def loss(model, batch):
        x, y = batch
        scores = model(x)
        kinds.append((x.dtype, scores.dtype))
        return nn.functional.cross_entropy(scores, y)

    model, _ = fit(loss=loss, precision="bf16-mixed")
    assert set(kinds) == {(torch.float32, torch.bfloat16)}
    assert model[0].weight.dtype == torch.float32


def test_true_precision_converts_model_and_data():
    model, history = fit(precision="64-true")
    assert model[0].weight.dtype == torch.float64
    np.testing.assert_allclose(history["loss"], fit()[1]["loss"], rtol=1e-4)


def test_double_model_trains_as_it_is():
    x, y = make_data()
    model, _ = fit(make_model().double(), data=(x.double(), y))
    assert model[0].weight.dtype == torch.float64


def rates(schedule, steps=20, **changes):
    """Give the learning rate of each step."""
    seen = []

    def optimizer(parameters):
        made = torch.optim.SGD(parameters, lr=1.0)
        made.register_step_pre_hook(lambda made, *_: seen.append(made.param_groups[0]["lr"]))
        return made

    fit(epochs=steps // STEPS, schedule=schedule, optimizer=optimizer, **changes)
    assert len(seen) == steps
    return np.array(seen)


def test_schedules_follow_their_formulas():
    done = np.arange(20) / 20
    np.testing.assert_allclose(rates("constant"), 1)
    np.testing.assert_allclose(rates("linear"), 1 - done)
    np.testing.assert_allclose(rates("cosine"), (1 + np.cos(np.pi * done)) / 2)
    cycle = rates("one_cycle")
    peak = cycle.argmax()
    assert cycle[peak] == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(cycle[: peak + 1]) > 0).all()
    assert (np.diff(cycle[peak:]) < 0).all()


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_warmup_rises_to_the_full_rate(schedule):
    seen = rates(schedule, warmup=4)
    np.testing.assert_allclose(seen[:4], [0.25, 0.5, 0.75, 1.0])
    assert seen[4] == 1.0
    assert (np.diff(seen[4:]) <= 0).all()


def test_schedule_of_the_users_own():
    seen = rates(lambda optimizer, steps: torch.optim.lr_scheduler.StepLR(optimizer, steps // 2, gamma=0.1))
    np.testing.assert_allclose(seen, [1.0] * 10 + [0.1] * 10)


def test_terms_are_recorded():
    def loss(model, batch):
        error = cross_entropy(model, batch)
        size = sum(p.square().sum() for p in model.parameters())
        return {"loss": error + 0.01 * size, "error": error, "size": size}

    _, history = fit(loss=loss, validate=lambda model: {"accuracy": np.float32(0.5)})
    assert history.names == ["epoch", "loss", "error", "size", "lr", "seconds", "accuracy"]
    np.testing.assert_allclose(history["loss"], history["error"] + 0.01 * history["size"], rtol=1e-5)
    assert history["epoch"].tolist() == [1, 2]
    assert all(type(value) in (int, float) for record in history.records for value in record.values())


def test_loss_with_parameters_is_trained():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.temperature = nn.Parameter(torch.ones(()))

        def forward(self, model, batch):
            x, y = batch
            return nn.functional.cross_entropy(model(x) * self.temperature, y)

    loss = Scaled()
    fit(loss=loss)
    assert loss.temperature.item() != 1.0


def test_after_step_serves_a_momentum_teacher():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.student, self.teacher = make_model(), make_model().requires_grad_(False)

        def forward(self, x):
            return self.student(x)

    counts = []

    def follow(model, done):
        counts.append(done)
        with torch.no_grad():
            for slow, fast in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
                slow.lerp_(fast, 0.5)

    model, _ = fit(Pair(), after_step=follow)
    assert counts == list(range(1, 2 * STEPS + 1))
    start, slow, fast = (m[0].weight for m in (make_model(), model.teacher, model.student))
    assert not torch.equal(slow, start)
    assert (slow - fast).norm() < (start - fast).norm()


@pytest.mark.parametrize(
    ("keep", "scores", "best"),
    [
        ("last", [3, 1, 2], 3),
        ("max:score", [3, 1, 3], 1),
        ("min:score", [3, 1, 2], 2),
        ("max:score", [math.nan, 1, 0], 2),
        ("max:score", [math.nan] * 3, 3),
    ],
)
def test_keep(keep, scores, best, tmp_path):
    weights, given = [], iter(scores)

    def validate(model):
        weights.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"score": next(given)}

    path = tmp_path / "state.pt"
    model, _ = fit(epochs=3, validate=validate, keep=keep, checkpoint=path)
    assert all(torch.equal(value, weights[best - 1][name]) for name, value in model.state_dict().items())
    assert equal(fit(epochs=3, validate=validate, keep=keep, checkpoint=path)[0], model)


def follow_teacher(model, done):
    """Do what a momentum teacher does, in a buffer."""
    model.trace.mul_(0.9).add_(model[0].weight.detach().sum())


def full_model():
    model = make_model(dropout=0.3)
    model.register_buffer("trace", torch.zeros(()))
    return model


def kinds_of_data():
    return {
        "tensors": make_data,
        "dataset": lambda: Samples(noise=0.1),
        "loader": lambda: DataLoader(Samples(noise=0.1), BATCH_SIZE, shuffle=True),
        "loader-with-generator": lambda: DataLoader(
            Samples(noise=0.1), BATCH_SIZE, shuffle=True, generator=torch.Generator().manual_seed(9)
        ),
        "loader-with-worker": lambda: DataLoader(Samples(noise=0.1), BATCH_SIZE, shuffle=True, num_workers=1),
    }


@pytest.mark.parametrize("kind", kinds_of_data())
@pytest.mark.parametrize("steps", [(1,), (STEPS,), (2, STEPS + 1, 3 * STEPS)], ids=str)
def test_resumed_training_is_bit_identical(kind, steps, tmp_path):
    def run(press=None, **changes):
        def after(model, done):
            follow_teacher(model, done)
            if press is not None:
                press(model, done)

        return fit(
            full_model(),
            data=kinds_of_data()[kind](),
            epochs=3,
            schedule="cosine",
            warmup=2,
            clip=1.0,
            weight_decay=0.01,
            after_step=after,
            validate=lambda model: {"weight": float(model[0].weight.sum())},
            keep="min:weight",
            **changes,
        )

    if kind == "loader-with-worker" and len(steps) > 1:
        steps = steps[1:2]  # starting workers takes its time
    whole, history = run()
    for step in steps:
        with pytest.raises(KeyboardInterrupt):
            run(press_at(step), checkpoint=tmp_path / "state.pt")
    resumed, resumed_history = run(checkpoint=tmp_path / "state.pt")
    assert equal(resumed, whole)
    assert without_seconds(resumed_history) == without_seconds(history)


def test_interrupt_in_the_middle_of_a_step_waits_for_its_end(tmp_path):
    calls = []

    def loss(model, batch):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return cross_entropy(model, batch)

    path = tmp_path / "state.pt"
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(loss=loss, checkpoint=path)
    assert len(calls) == 3
    assert torch.load(path, weights_only=True)["step"] == 3
    assert signal.getsignal(signal.SIGINT) is before
    assert equal(fit(checkpoint=path)[0], fit()[0])


def test_interrupt_in_the_last_validation_is_not_swallowed(tmp_path):
    def validate(model):
        signal.raise_signal(signal.SIGINT)
        return {}

    with pytest.raises(KeyboardInterrupt):
        fit(epochs=1, validate=validate, checkpoint=tmp_path / "state.pt")
    assert equal(fit(epochs=1, checkpoint=tmp_path / "state.pt")[0], fit(epochs=1)[0])


def test_interrupt_that_broke_the_loader_loses_nothing(tmp_path):
    class Fragile(Samples):
        fetched = 0

        def __getitem__(self, index):
            Fragile.fetched += 1
            if Fragile.fetched > 2 * BATCH_SIZE:
                signal.raise_signal(signal.SIGINT)
                raise RuntimeError("a worker ended")
            return super().__getitem__(index)

    path = tmp_path / "state.pt"
    with pytest.raises(KeyboardInterrupt):
        fit(data=Fragile(), checkpoint=path)
    assert torch.load(path, weights_only=True)["step"] == 2
    assert equal(fit(data=Samples(), checkpoint=path)[0], fit(data=Samples())[0])


def test_interrupt_without_checkpoint_acts_at_once():
    model, start = make_model(), make_model()

    def loss(model, batch):
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not reached")

    with pytest.raises(KeyboardInterrupt):
        fit(model, loss)
    assert equal(model, start)


def test_second_interrupt_acts_at_once():
    with DeferredInterrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupt.pressed = False


def test_finished_training_is_loaded(tmp_path):
    path = tmp_path / "deep" / "state.pt"
    model, history = fit(checkpoint=path)

    def loss(model, batch):
        raise AssertionError("nothing is left to train")

    loaded, same = fit(loss=loss, checkpoint=path)
    assert equal(loaded, model)
    assert same == history
    assert os.listdir(path.parent) == ["state.pt"]


def test_resume_can_be_refused(tmp_path):
    path = tmp_path / "state.pt"
    fit(checkpoint=path, seed=1)
    assert equal(fit(checkpoint=path, resume=False)[0], fit()[0])


def test_constant_schedule_goes_on_beyond_the_plan(tmp_path):
    path = tmp_path / "state.pt"
    fit(epochs=1, checkpoint=path)
    assert equal(fit(epochs=3, checkpoint=path)[0], fit(epochs=3)[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"batch_size": 10},
        {"lr": 0.5},
        {"clip": 2.0},
        {"data": tuple(t.flip(0) for t in make_data())},
        {"schedule": "linear"},
        {"epochs": 1, "schedule": "cosine"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_checkpoint_of_another_training_is_refused(changes, tmp_path):
    path = tmp_path / "state.pt"
    fit(checkpoint=path, schedule="cosine")
    with pytest.raises(InvalidInputError, match="belongs to another training"):
        fit(checkpoint=path, **{"schedule": "cosine"} | changes)


def test_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    fit(checkpoint=path)
    with pytest.raises(InvalidInputError, match="another model or optimizer"):
        fit(nn.Linear(FEATURES, CLASSES), checkpoint=path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_damaged_checkpoint_is_named_and_left(content, tmp_path):
    path = tmp_path / "state.pt"
    fit(checkpoint=path)
    content = path.read_bytes()[:1000] if content is None else content
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"state\.pt is damaged"):
        fit(checkpoint=path)
    assert path.read_bytes() == content


def test_checkpoint_runs_no_code_from_the_file(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'sprung'}",)

    path = tmp_path / "state.pt"
    torch.save({"version": 1, "fingerprint": Trap()}, path)
    with pytest.raises(DamagedFileError):
        fit(checkpoint=path)
    assert not (tmp_path / "sprung").exists()


def test_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    write_checkpoint(path, {"value": 1})
    before = path.read_bytes()

    def fail(content, file):
        file.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        write_checkpoint(path, {"value": 2})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["state.pt"]


def test_checkpoint_after_each_step(tmp_path):
    path, steps = tmp_path / "state.pt", []

    def look(model, done):
        if path.exists():
            steps.append(torch.load(path, weights_only=True)["steps_done"])

    fit(checkpoint=path, checkpoint_every=0, after_step=look)
    assert steps == list(range(1, 2 * STEPS))


def test_loss_that_is_not_finite_names_epoch_and_step():
    last_good = {}

    def loss(model, batch):
        value = cross_entropy(model, batch)
        return value * math.nan if len(last_good) and last_good["step"] == STEPS + 1 else value

    def remember(model, done):
        last_good.update(step=done, weights=model[0].weight.clone())

    model = make_model()
    with pytest.raises(DivergedError, match="nan in epoch 2, step 2"):
        fit(model, loss, after_step=remember)
    assert torch.equal(model[0].weight, last_good["weights"])


def test_loss_that_grows_without_bound():
    x, y = torch.randn(40, FEATURES), torch.randn(40, CLASSES)

    def loss(model, batch):
        return (model(batch[0]) - batch[1]).square().mean()

    with pytest.raises(DivergedError, match=r"epoch \d+, step \d+"):
        fit(nn.Linear(FEATURES, CLASSES), loss, (x, y), epochs=99, optimizer=lambda p: torch.optim.SGD(p, lr=1e4))


X, Y = make_data()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"lr": -1.0}, "lr is -1"),
        ({"lr": math.nan}, "lr is nan"),
        ({"weight_decay": math.inf}, "weight_decay is inf"),
        ({"seed": -1}, "seed is -1"),
        ({"warmup": -1}, "warmup is -1"),
        ({"warmup": 100}, "warmup is 100 steps"),
        ({"clip": 0.0}, "clip is 0"),
        ({"schedule": "cosinus"}, "constant, cosine, linear, one_cycle"),
        ({"schedule": lambda optimizer, steps: None, "warmup": 3}, "brings its own"),
        ({"keep": "best"}, "min:NAME"),
        ({"keep": "max:accuracy"}, "the epochs record epoch, loss"),
        ({"device": "gpu"}, "device is 'gpu'"),
        ({"device": "cpu:1"}, "device is 'cpu:1'"),
        ({"device": "cuda:one"}, "device is 'cuda:one'"),
        ({"devices": 0}, "devices is 0"),
        ({"precision": "7-bit"}, "7-bit"),
        ({"strategy": "teleport"}, "teleport"),
        ({"data": ()}, "data is empty"),
        ({"data": (X[:0], Y[:0])}, "data is empty"),
        ({"data": (X, Y[:5])}, r"\[50, 5\] rows"),
        ({"data": (X, torch.tensor(1.0))}, "without dimensions"),
        ({"data": X.numpy()}, "type ndarray"),
        ({"data": (X.numpy(), Y)}, "holds a ndarray"),
        ({"data": DataLoader(TensorDataset(X, Y), 64, drop_last=True)}, "gives no batch"),
        ({"batch_size": 64, "drop_last": True}, "50 samples make no batch of 64"),
        ({"loss": lambda model, batch: model(batch[0])}, r"tensor of shape \(16, 3\)"),
        ({"loss": lambda model, batch: None}, "The loss is None"),
        ({"loss": lambda model, batch: {"error": model(batch[0]).sum()}}, "The loss is None"),
        ({"loss": lambda model, batch: batch[0].sum()}, "does not depend on any parameter"),
        ({"model": nn.ReLU()}, "no parameter that requires a gradient"),
        ({"validate": lambda model: {"loss": 1.0}}, "'loss' .* is taken"),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        fit(**changes)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_missing_device_is_named():
    with pytest.raises(InvalidInputError, match="this machine offers none"):
        fit(device="cuda")


def test_history():
    _, history = fit()
    frame = history.to_pandas()
    assert frame.index.tolist() == [1, 2]
    assert frame["loss"].tolist() == history["loss"].tolist()
    assert history.last is history.records[-1]
    with pytest.raises(UnknownNameError, match="Did you mean loss"):
        history["los"]
    assert History().to_pandas().empty


@pytest.mark.parametrize(("progress", "label"), [(False, ""), (True, "training"), ("autoencoder", "autoencoder")])
def test_progress_is_silent_unless_asked(progress, label):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        fit(progress=progress)
    assert out.getvalue() == ""
    assert label in err.getvalue()
    assert bool(err.getvalue()) == bool(progress)


SCRIPT = Path(__file__).with_name("train_in_processes.py")
SECONDS_ALLOWED = 600


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Train in two real processes that torchrun starts, then in two that a script forks; give what they left."""
    folder = tmp_path_factory.mktemp("processes")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for command in ([*torchrun, str(SCRIPT), "joined"], [str(SCRIPT), "forked"]):
        done = subprocess.run(
            [sys.executable, *command, str(folder)], capture_output=True, text=True, timeout=SECONDS_ALLOWED
        )
        assert done.returncode == 0, done.stderr
    return {path.stem: torch.load(path, weights_only=True) for path in folder.glob("*[0-9d].pt")}


@pytest.fixture(scope="module")
def one_process():
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import train_in_processes
    finally:
        sys.path.remove(str(SCRIPT.parent))
    model = train_in_processes.make_model()
    return model.state_dict(), train_in_processes.run(model)


def close(weights, others):
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, rtol=1e-4, atol=1e-6)


def test_two_processes_end_with_the_same_weights(two_processes):
    for kind in ("joined", "loader", "resumed"):
        mine, theirs = (two_processes[f"{kind}{rank}"] for rank in (0, 1))
        mine, theirs = (content.get("weights", content.get("whole", content)) for content in (mine, theirs))
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("kind", ["joined0", "forked"])
def test_two_processes_do_what_one_does(kind, two_processes, one_process):
    weights, history = one_process
    close(weights, two_processes[kind]["weights"])
    losses = [record["loss"] for record in two_processes[kind]["history"]]
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-5)


def test_two_processes_record_the_same(two_processes):
    assert without_seconds(History(two_processes["joined0"]["history"])) == without_seconds(
        History(two_processes["joined1"]["history"])
    )


def test_two_processes_stop_together_and_resume(two_processes):
    for rank in (0, 1):
        content = two_processes[f"resumed{rank}"]
        assert content["stopped"]
        assert all(torch.equal(value, content["resumed"][name]) for name, value in content["whole"].items())

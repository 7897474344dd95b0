"""What `train` costs beside a loop written by hand: one small network, samples in memory, the same optimizer.

Run with ``pytest benchmarks/bench_training.py -s``; prints ratios, asserts no times.
"""

import time

import torch
from torch import nn

from reprise.training import train

SAMPLES, FEATURES, CLASSES, BATCH_SIZE, EPOCHS, ROUNDS = 20_000, 32, 10, 128, 3, 15


def make_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, CLASSES))


def make_data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SAMPLES, FEATURES, generator=generator)
    return x, torch.randint(CLASSES, (SAMPLES,), generator=generator)


def cross_entropy(model, batch):
    x, y = batch
    return nn.functional.cross_entropy(model(x), y)


def hand_written(model, data, optimizer):
    x, y = data
    optimizer = optimizer(model.parameters())
    generator = torch.Generator().manual_seed(0)
    model.train()
    for _ in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(SAMPLES, generator=generator).split(BATCH_SIZE):
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
    return total


def ours(model, data, optimizer, **settings):
    train(
        model, cross_entropy, data, epochs=EPOCHS, batch_size=BATCH_SIZE, optimizer=optimizer, device="cpu", **settings
    )


def seconds(work, *arguments, **settings):
    model = make_model()
    start = time.process_time()
    work(model, *arguments, **settings)
    return time.process_time() - start


def ratio(optimizer, their_optimizer=None, **settings):
    """Print the ratio of the quickest of several runs, taken in turn, in processor time: others may use the machine."""
    data, steps = make_data(), EPOCHS * -(-SAMPLES // BATCH_SIZE)
    seconds(ours, data, optimizer, **settings)
    theirs, mine = [], []
    for _ in range(ROUNDS):
        theirs.append(seconds(hand_written, data, their_optimizer or optimizer))
        mine.append(seconds(ours, data, optimizer, **settings))
    per_step = [f"{1e6 * min(times) / steps:.0f}" for times in (mine, theirs)]
    print(f"  {min(mine) / min(theirs):.3f}  ({' against '.join(per_step)} microseconds a step)")


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


def test_overhead():
    print("\ntime of train / time of the loop by hand")
    print("  the same optimizer, SGD (cheapest step):", end="")
    ratio(sgd)
    print("  the same optimizer, Adam:               ", end="")
    ratio(adam)
    print("  with cosine schedule:                   ", end="")
    ratio(adam, schedule="cosine")
    print("  defaults against torch.optim.Adam:      ", end="")
    ratio(None, adam)


def test_overhead_with_checkpoint(tmp_path):
    print("\n  Adam, checkpoint file guarded:          ", end="")
    ratio(adam, checkpoint=tmp_path / "state.pt", resume=False)

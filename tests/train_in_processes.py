"""A script that `test_training` runs in two real processes: under torchrun, or forking by itself.

``python -m torch.distributed.run --nproc-per-node 2 train_in_processes.py joined FOLDER``, or
``python train_in_processes.py forked FOLDER``; leaves weights and histories in FOLDER.
"""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

from reprise.training import train

EPOCHS, BATCH_SIZE, SAMPLES = 3, 16, 64


def make_model(dropout=0.0):
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))


def make_data():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(SAMPLES, 6, generator=generator)
    return x, x.prod(1, keepdim=True)


def squared_error(model, batch):
    x, y = batch
    return nn.functional.mse_loss(model(x), y)


def run(model, data=None, **settings):
    data = make_data() if data is None else data
    settings = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "lr": 0.01, "clip": 1.0, "device": "cpu"} | settings
    return train(model, squared_error, data, **settings)


def joined(folder):
    rank = os.environ["RANK"]
    settings = {"strategy": "ddp", "devices": 2}
    model = make_model()
    history = run(model, **settings, validate=lambda model: {"weight": float(model[0].weight.sum())})
    torch.save({"weights": model.state_dict(), "history": history.records}, folder / f"joined{rank}.pt")

    from_loader = make_model()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*make_data()), BATCH_SIZE // 2, shuffle=True)
    run(from_loader, loader, **settings)
    torch.save(from_loader.state_dict(), folder / f"loader{rank}.pt")

    whole, interrupted = make_model(dropout=0.5), make_model(dropout=0.5)
    run(whole, **settings)
    checkpoint = folder / "state.pt"

    def press(model, step):
        if step == 5 and rank == "0":
            signal.raise_signal(signal.SIGINT)

    try:
        run(interrupted, **settings, checkpoint=checkpoint, after_step=press)
    except KeyboardInterrupt:
        stopped = True
    else:
        stopped = False
    resumed = make_model(dropout=0.5)
    run(resumed, **settings, checkpoint=checkpoint)
    content = {"stopped": stopped, "whole": whole.state_dict(), "resumed": resumed.state_dict()}
    torch.save(content, folder / f"resumed{rank}.pt")


def forked(folder):
    model = make_model()
    history = run(model, strategy="ddp_fork", devices=2)
    torch.save({"weights": model.state_dict(), "history": history.records}, folder / "forked.pt")


if __name__ == "__main__":
    {"joined": joined, "forked": forked}[sys.argv[1]](Path(sys.argv[2]))

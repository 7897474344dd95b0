"""The one training loop of the library, on Lightning Fabric: devices, precision, processes, checkpoints, resuming."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from reprise.errors import InvalidInputError
from reprise.training.batches import Data
from reprise.training.history import History
from reprise.training.loop import run
from reprise.training.plan import Plan
from reprise.training.stage import Loss, Objective, modes_kept, open_fabric

if TYPE_CHECKING:
    from lightning_fabric.strategies import Strategy

__all__ = ["History", "train"]


def train(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    epochs: int,
    batch_size: int = 128,
    drop_last: bool = False,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
    schedule: str | Callable[[Optimizer, int | None], LRScheduler] = "constant",
    warmup: int = 0,
    clip: float | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "32-true",
    strategy: str | Strategy = "auto",
    devices: int = 1,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    keep: str = "last",
    after_step: Callable[[nn.Module, int], object] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    checkpoint_every: float = 60.0,
    progress: bool | str = False,
) -> History:
    """Train `model` in place by stochastic gradient descent on `loss`, and give the history.

    The model ends on the device it came from, and it and its parts in the mode (training or evaluation) they came in.
    While training, a model that came in evaluation mode is switched to training mode whole; one that came in training
    mode keeps the modes of its parts, so a frozen backbone in evaluation mode stays so. Only parameters with
    ``requires_grad`` are trained. Torch's global generators are left as they were.

    Parameters
    ----------
    model : the module to train.
    loss : a function of the model and a batch that returns a scalar, or a dictionary of scalars whose ``"loss"`` is
        minimised and whose other terms are recorded. A loss that is a module with parameters of its own (a
        temperature, prototypes) has them trained, and kept in checkpoints, with the model's.
    data : tensors of equal length, whose batches are tuples of the same number of tensors, sliced without any loop
        over samples; one tensor, whose batches are tensors; a `Dataset`, batched in the same order; or a `DataLoader`,
        which brings its own batch size and order.
    epochs : passes over the data.
    batch_size : samples a step, over all processes together (a `DataLoader` under several processes: in each).
    drop_last : leave the last, smaller batch of each epoch out, as batch statistics and contrastive losses need.
    lr, weight_decay : of the default optimizer, AdamW; an `optimizer` of your own brings its own.
    optimizer : a function of the trainable parameters that returns a torch optimizer.
    schedule : ``"constant"``, ``"cosine"`` or ``"linear"`` (down to 0 at the end), ``"one_cycle"`` (up, then down), or
        a function of optimizer and number of steps that returns a torch scheduler; applied every step
        (`ReduceLROnPlateau` every epoch, by its mean loss).
    warmup : steps in which the rate first rises linearly.
    clip : the largest norm of the whole gradient.
    seed : of the order of the batches and of random layers such as dropout; results depend on nothing else random,
        as long as loss and data draw from torch's global generator only.
    device : ``"auto"`` (the model's accelerator if it is on one, else the first there is, else the CPU), ``"cpu"``,
        ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    precision : as in Lightning Fabric: ``"32-true"``, ``"bf16-mixed"``, ``"16-mixed"``, ``"64-true"``, ... Mixed
        precisions cover the loss too; true ones convert the model for good.
    strategy, devices : as in Lightning Fabric, for several processes: ``"ddp"`` (which starts this script again, or
        joins what ``torchrun`` has started), ``"ddp_spawn"``, ``"ddp_fork"``.
    validate : a function of the model, called after each epoch without gradients and in evaluation mode (on the first
        process only); what it returns is recorded. Random numbers it draws do not change the training.
    keep : the weights the model ends with: ``"last"``, or ``"min:NAME"`` or ``"max:NAME"`` for those of the epoch in
        which the recorded value NAME was best (the first such).
    after_step : called with the model and the number of steps done, after each step: the place for a momentum teacher
        (kept inside the model, so that checkpoints hold it).
    checkpoint : a file that keeps the state; written in one piece at the end, on Ctrl-C (after the step in progress;
        then `KeyboardInterrupt` is raised), and every `checkpoint_every` seconds.
    resume : go on from `checkpoint` where it exists; on the CPU the result is that of an uninterrupted training, bit
        for bit. A finished one is loaded and nothing is trained.
    checkpoint_every : seconds between two checkpoints; 0 writes one after each step.
    progress : show a bar, with this label if it is a string.

    Returns
    -------
    One record an epoch.

    Raises
    ------
    InvalidInputError
        If a setting or the data is not as described, or the checkpoint is of another training.
    DamagedFileError
        If the checkpoint cannot be read.
    DivergedError
        If the loss is not finite; names epoch and step. On the CPU the model is as the last good step left it.

    Notes
    -----
    Beside the model's own work a step costs a few microseconds. Several processes take their shares of the same
    batches in the same order as one process would, so their number changes results by rounding only (where the loss is
    a mean over samples); a last batch that they cannot share equally loses up to one sample a process.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> model = nn.Linear(1, 1)
    >>> def squared_error(model, batch):
    ...     x, y = batch
    ...     return nn.functional.mse_loss(model(x), y)
    >>> history = train(model, squared_error, (x, 3 * x + 1), epochs=100, batch_size=16, lr=0.05, schedule="cosine")
    >>> print(f"{model.weight.item():.2f} {model.bias.item():.2f}")
    3.00 1.00
    >>> history.last["epoch"]
    100
    """
    plan = Plan(
        epochs=epochs,
        batch_size=batch_size,
        drop_last=drop_last,
        lr=lr,
        weight_decay=weight_decay,
        optimizer=optimizer,
        schedule=schedule,
        warmup=warmup,
        clip=clip,
        seed=seed,
        precision=precision,
        validate=validate,
        keep=keep,
        after_step=after_step,
        checkpoint=Path(checkpoint) if checkpoint is not None else None,
        resume=resume,
        checkpoint_every=checkpoint_every,
        progress=progress,
    )
    objective = Objective(model, loss)
    home = next((p.device for p in objective.parameters() if p.requires_grad), None)
    if home is None:
        raise InvalidInputError("The model has no parameter that requires a gradient; there is nothing to train.")
    fabric = open_fabric(device, home, precision, strategy, devices)
    with modes_kept(objective), tempfile.TemporaryDirectory() as folder:
        if not model.training:
            model.train()
        handover = Path(folder) / "trained"
        try:
            work = partial(run, objective=objective, data=data, plan=plan, caller=os.getpid(), handover=handover)
            records = fabric.launch(work)
            if handover.exists():  # other processes did the work, on their copies
                objective.load_state_dict(torch.load(handover, weights_only=True))
        finally:
            objective.to(home)
    return History(records)

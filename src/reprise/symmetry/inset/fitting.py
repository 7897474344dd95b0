"""Training: recognition and energy take turns, batch by batch, until held-out subsets are no longer found better.

`reprise.training.train` minimises one loss with one optimizer; here two networks with an optimizer each alternate, and
the second step of a batch starts from what the first has just learnt.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from reprise.errors import DivergedError
from reprise.metrics import mean_jaccard
from reprise.symmetry.inset.losses import negative_elbo, sample_negatives, subset_cross_entropy
from reprise.symmetry.inset.meanfield import Energy, mean_field_log_odds
from reprise.symmetry.inset.pools import PackedPools
from reprise.symmetry.inset.recognition import RecognitionNet

INFERENCE_BATCH = 64
"""Pools inferred at once; the result does not depend on it."""

REMEDY = "a smaller lr or scaled features may help."


@dataclass(frozen=True)
class Settings:
    """How to train, with the names of `SubsetSelector`."""

    samples: int
    steps: int
    negatives: int
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    clip: float
    patience: int | None
    seed: int
    device: str
    verbose: int


def fit_alternating(
    energy: nn.Module,
    recognition: RecognitionNet | None,
    pools: PackedPools,
    held_out: PackedPools | None,
    how: Settings,
) -> list[dict[str, float]]:
    """Train both networks in place and give one record an epoch.

    They end with the weights of the epoch of highest mean Jaccard on `held_out`, where there is such.
    """
    networks = nn.ModuleList([energy] if recognition is None else [energy, recognition]).to(how.device).train()
    generator = torch.Generator().manual_seed(how.seed)
    adam: dict[str, Any] = {"lr": how.lr, "weight_decay": how.weight_decay, "fused": True}
    of_energy = torch.optim.Adam(_trainable(energy), **adam)
    of_recognition = None if recognition is None else torch.optim.Adam(_trainable(recognition), **adam)
    records: list[dict[str, float]] = []
    best: dict[str, Tensor] | None = None
    best_score, idle = -1.0, 0
    epochs = tqdm(range(how.epochs), desc="INSET", disable=not how.verbose)
    for epoch in epochs:
        sums = {"negative_elbo": 0.0, "cross_entropy": 0.0}
        batches = torch.randperm(len(pools), generator=generator).split(how.batch_size)
        for rows in batches:
            batch = pools.take(rows)
            values, chosen = batch.values.to(how.device), batch.chosen.to(how.device)
            mask = None if bool(batch.mask.all()) else batch.mask.to(how.device)
            if recognition is not None and of_recognition is not None:
                loss = negative_elbo(
                    energy, recognition, values, samples=how.samples, pool_mask=mask, generator=generator
                )
                sums["negative_elbo"] += _step(loss, of_recognition, recognition, how.clip, epoch)
            start = first_guess(recognition, values, mask)
            if not bool(start.isfinite().all()):
                raise DivergedError(f"The recognition network gives NaN in epoch {epoch + 1}; {REMEDY}")
            counted = chosen | sample_negatives(chosen, how.negatives, mask, generator)
            log_odds = mean_field_log_odds(
                energy,
                values,
                start,
                samples=how.samples,
                steps=how.steps,
                pool_mask=mask,
                generator=generator,
            )
            loss = subset_cross_entropy(log_odds, chosen, counted)
            sums["cross_entropy"] += _step(loss, of_energy, energy, how.clip, epoch)
        record = {"epoch": epoch + 1.0} | {name: value / len(batches) for name, value in sums.items()}
        records.append(record)
        if held_out is None:
            continue
        score = record["held_out_jaccard"] = held_out_jaccard(energy, recognition, held_out, how)
        epochs.set_postfix_str(f"held-out Jaccard {score:.3f}")
        if score > best_score:
            best, best_score, idle = copy.deepcopy(networks.state_dict()), score, 0
        else:
            idle += 1
            if how.patience is not None and idle > how.patience:
                break
    epochs.close()
    if best is not None:
        networks.load_state_dict(best)
    networks.to("cpu").eval()
    return records


def first_guess(
    recognition: RecognitionNet | None, values: Float[Tensor, "B n *features"], mask: Tensor | None = None
) -> Float[Tensor, "B n"]:
    """Give where the mean-field iteration starts: the recognition network's probabilities, or one half."""
    if recognition is None:
        return values.new_full(values.shape[:2], 0.5)
    with torch.no_grad():
        guess: Tensor = recognition(values, mask)
    return guess


@torch.no_grad()
def infer(
    energy: Energy,
    recognition: RecognitionNet | None,
    pools: PackedPools,
    *,
    samples: int,
    steps: int,
    seed: int,
    device: str = "cpu",
) -> list[Tensor]:
    """Give the log odds of each pool's elements, with the networks in evaluation mode.

    To rank by them is to rank by probabilities, without the ties of those that float32 rounds to 0 or 1. Pools of a
    size share their random numbers, which depend on the seed alone; so a pool's answer does not depend on what it is
    asked together with.
    """
    answers: list[Tensor] = [torch.empty(0)] * len(pools)
    with _evaluating(energy, recognition):
        for rows, batch in pools.by_size(INFERENCE_BATCH):
            n = batch.mask.shape[1]
            values = batch.values.to(device)
            generator = torch.Generator().manual_seed(seed)
            noise = torch.stack([torch.rand(1, samples, n, n, generator=generator) for _ in range(steps)])
            log_odds = mean_field_log_odds(
                energy, values, first_guess(recognition, values), samples=samples, steps=steps, noise=noise.to(device)
            )
            for row, answer in zip(rows.tolist(), log_odds.cpu(), strict=True):
                answers[row] = answer
    return answers


def held_out_jaccard(energy: Energy, recognition: RecognitionNet | None, held_out: PackedPools, how: Settings) -> float:
    """Give the mean Jaccard coefficient of the most probable elements, as many as each subset has."""
    found = infer(energy, recognition, held_out, samples=how.samples, steps=how.steps, seed=how.seed, device=how.device)
    true = [inside.nonzero()[:, 0].numpy() for inside in held_out.chosen]
    return mean_jaccard(
        true, [odds.topk(len(subset)).indices.numpy() for odds, subset in zip(found, true, strict=True)]
    )


def _step(loss: Tensor, optimizer: torch.optim.Optimizer, network: nn.Module, clip: float, epoch: int) -> float:
    value = float(loss.detach())
    if not abs(value) < float("inf"):
        raise DivergedError(f"The loss is {value} in epoch {epoch + 1}; {REMEDY}")
    trained = _trainable(network)
    optimizer.zero_grad()
    loss.backward(inputs=trained)  # the other network and frozen parts get no gradient
    nn.utils.clip_grad_norm_(trained, clip)
    optimizer.step()
    return value


def _trainable(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


@contextmanager
def _evaluating(*networks: object) -> Iterator[None]:
    """Put networks into evaluation mode, and each of their parts back into its own."""
    parts = [part for network in networks if isinstance(network, nn.Module) for part in network.modules()]
    training = [part.training for part in parts]
    for part in parts:
        part.training = False
    try:
        yield
    finally:
        for part, mode in zip(parts, training, strict=True):
            part.training = mode

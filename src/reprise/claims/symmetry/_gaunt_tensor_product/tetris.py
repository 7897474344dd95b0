"""Eight Tetris pieces of four cubes, of which two are mirror images: what products of functions cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._gaunt_tensor_product.sizes import Size
from reprise.nn.graph import radius_edges
from reprise.nn.linalg import random_rotations
from reprise.symmetry.gaunt_tensor_product import GauntNetwork
from reprise.training import train

ACHIRAL = "accuracy on the six pieces that are their own mirror images"
CHIRAL = "accuracy on the two mirror images"
MIRROR = "largest difference of the two mirror images' scores"
NETWORK = {"channels": 8, "lmax": 2, "layers": 2, "basis": 4, "reach": 2.0}
RADIUS = 1.1  # cubes that share a face
ROTATIONS = 20
LR = 1e-2

PIECES = torch.tensor(
    [
        [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0]],  # chiral
        [[1, 1, 1], [1, 1, 2], [2, 1, 1], [2, 0, 1]],  # and its mirror image
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]],  # square
        [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3]],  # line
        [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]],  # corner
        [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 0]],  # L
        [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 1]],  # T
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [2, 1, 0]],  # zigzag
    ],
    dtype=torch.float32,
)
"""Corners of the cubes, as in e3nn's example; (8, 4, 3)."""


class PieceScores(nn.Module):
    """Scores of the eight names: the sum over cubes of a network's scalars."""

    def __init__(self, *, full: bool):
        super().__init__()
        settings = {"product": "clebsch-gordan", "odd_paths": True} if full else {}
        self.network = GauntNetwork(1, scalar_out=len(PIECES), **NETWORK, **settings)  # type: ignore[arg-type]

    def forward(self, pieces: Tensor) -> Tensor:
        """Score pieces (B, 4, 3)."""
        packed = pieces.flatten(0, 1)
        batch = torch.arange(len(pieces), device=pieces.device).repeat_interleave(pieces.shape[1])
        edges = radius_edges(packed, RADIUS, batch)
        scalars: Tensor = self.network(packed, torch.ones_like(packed[:, :1]), edge_index=edges)[0]
        return scalars.unflatten(0, pieces.shape[:2]).sum(1)


def measure_tetris(trial: Trial, size: Size) -> Iterator[Measurement]:
    """Train on the eight pieces as they stand, and ask about them turned at random."""
    turns = random_rotations(3, ROTATIONS, torch.Generator().manual_seed(trial.seed)).to(trial.device)
    pieces = PIECES.to(trial.device)
    for arm, full in (("Gaunt", False), ("Clebsch-Gordan, odd paths too", True)):
        with torch.random.fork_rng():
            torch.manual_seed(trial.seed)
            model = PieceScores(full=full).to(trial.device)
        train(
            model,
            _cross_entropy,
            (pieces, torch.arange(len(pieces), device=trial.device)),
            epochs=size.tetris_steps,
            batch_size=len(pieces),
            optimizer=partial(torch.optim.Adam, lr=LR),
            seed=trial.seed,
            device=trial.device,
        )
        with torch.no_grad():
            scores = torch.stack([model(pieces @ turn.mT) for turn in turns])
            mirrored = model.double()(pieces[:2].double())
        right = (scores.argmax(-1) == torch.arange(len(pieces), device=trial.device)).double().mean(0)
        yield Measurement(arm, ACHIRAL, float(right[2:].mean()))
        yield Measurement(arm, CHIRAL, float(right[:2].mean()))
        yield Measurement(arm, MIRROR, float((mirrored[0] - mirrored[1]).abs().max()))


def _cross_entropy(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    pieces, names = batch
    return nn.functional.cross_entropy(model(pieces), names)

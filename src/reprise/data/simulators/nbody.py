"""Charged particles in empty space: the n-body benchmark of equivariant networks, simulated for many systems at once.

The published data (`charged5_initvel1small`, used by EGNN, frame averaging and their successors) come out again, up
to rounding, from seed 43: the random stream is NumPy's legacy one, consumed in the order of the original generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reprise.errors import InvalidInputError

TIME_STEP = 0.001
MAX_FORCE = 0.1 / TIME_STEP  # each component of the force on a particle is clipped to this
BOX = 5.0  # initial positions beyond it are reflected once; nothing happens at the walls afterwards
INITIAL_SPEED = 0.5
BODIES = 5
PUBLISHED_SEED = 43
PUBLISHED_LENGTH = 5000  # steps of a published trajectory; its unused noise is drawn all the same
SAMPLE_EVERY = 100
INPUT_INDEX, TARGET_INDEX = 30, 40  # saved index k is step 100 (k + 1)
PUBLISHED_SPLITS = {"train": (0, 10_000), "valid": (10_000, 12_000), "test": (12_000, 14_000)}
_SYSTEMS_A_BLOCK = 256  # keeps a block's arrays in the processor's cache


@dataclass(frozen=True)
class Trajectories:
    """N systems of n particles, saved T times: positions and velocities (N, T, n, dim), charges (N, n) of ±1."""

    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]
    charges: NDArray[np.float64]


@dataclass(frozen=True)
class NBodyTask:
    """N systems for the task "where is each particle ten frames on?": (N, n, dim) arrays, and charges (N, n)."""

    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    charges: NDArray[np.float64]
    target: NDArray[np.float64]


def nbody_task(
    split: Literal["train", "valid", "test"] = "train",
    systems: int | None = None,
    *,
    dim: int = 3,
    seed: int = PUBLISHED_SEED,
) -> NBodyTask:
    """Simulate the first `systems` systems of a split of the published data: input at step 3100, target at step 4100.

    Seed 43 gives the published systems; another seed gives an independent data set of the same law, and `dim=2`
    systems of the plane.
    Cost is that of `charged_particles`: about 1 s a thousand systems on one core.

    Parameters
    ----------
    split : ``"train"`` (10 000 systems, of which papers use the first 3 000), ``"valid"`` or ``"test"`` (2 000 each).
    systems : how many; all of the split by default.
    dim : of the space.
    seed : of the random stream.

    Raises
    ------
    InvalidInputError
        If the split is unknown or has fewer systems.

    Examples
    --------
    >>> task = nbody_task("test", 2)
    >>> task.position.shape, task.charges[0].tolist()
    ((2, 5, 3), ...)
    """
    if split not in PUBLISHED_SPLITS:
        raise InvalidInputError(f"The splits are {', '.join(PUBLISHED_SPLITS)}; got {split!r}.")
    start, stop = PUBLISHED_SPLITS[split]
    systems = stop - start if systems is None else systems
    if not 1 <= systems <= stop - start:
        raise InvalidInputError(f"Split {split!r} has {stop - start} systems; got systems={systems}.")
    paths = charged_particles(systems, dim=dim, seed=seed, skip=start, steps=SAMPLE_EVERY * (TARGET_INDEX + 1))
    return NBodyTask(
        paths.positions[:, INPUT_INDEX],
        paths.velocities[:, INPUT_INDEX],
        paths.charges,
        paths.positions[:, TARGET_INDEX],
    )


def charged_particles(
    systems: int,
    *,
    bodies: int = BODIES,
    dim: int = 3,
    steps: int = 4100,
    seed: int = PUBLISHED_SEED,
    skip: int = 0,
) -> Trajectories:
    r"""Simulate systems of particles with charges ±1 that attract and repel by Coulomb's law, without walls.

    Starts: positions normal with standard deviation (bodies / 5)^(1/3), speeds 0.5 in random directions, charges ±1
    with probability 1/2. Force on particle i, each component clipped to ±100:

    .. math:: F_i = \sum_{j \ne i} q_i q_j (x_i - x_j) / |x_i - x_j|^3

    Steps of 0.001, velocities before positions: v += dt F(x), x += dt v. Every 100th step is saved, its velocity from
    before that step's force. O(steps · systems · bodies²), vectorised over systems.

    Parameters
    ----------
    systems, bodies : how many systems, and particles in each.
    dim : of the space; the law of force is that of three dimensions in any.
    steps : how many steps; `steps` // 100 of them are saved.
    seed : of the random stream; system k of a seed is the same whatever `systems` and `steps`.
    skip : leave out the first systems of the stream.

    Raises
    ------
    InvalidInputError
        If a count is not positive (`skip`: negative), or `steps` is below 100.

    References
    ----------
    Satorras, Hoogeboom, Welling (2021), E(n) Equivariant Graph Neural Networks, arXiv:2102.09844,
    github.com/vgsatorras/egnn (n_body_system/dataset/synthetic_sim.py); after Kipf et al. (2018), arXiv:1802.04687,
    and Fuchs et al. (2020), arXiv:2006.10503.

    Examples
    --------
    >>> paths = charged_particles(3, steps=200)
    >>> paths.positions.shape
    (3, 2, 5, 3)
    """
    if systems < 1 or bodies < 1 or dim < 1 or skip < 0 or steps < SAMPLE_EVERY:
        raise InvalidInputError(
            f"systems, bodies and dim must be positive, skip not negative and steps at least {SAMPLE_EVERY}; "
            f"got systems={systems}, bodies={bodies}, dim={dim}, skip={skip}, steps={steps}."
        )
    position, velocity, charges = _starts(systems, bodies, dim, seed, skip)
    saved = steps // SAMPLE_EVERY
    positions = np.empty((systems, saved, bodies, dim))
    velocities = np.empty_like(positions)
    for first in range(0, systems, _SYSTEMS_A_BLOCK):
        block = slice(first, first + _SYSTEMS_A_BLOCK)
        _integrate(position[block], velocity[block], charges[block], positions[block], velocities[block])
    return Trajectories(positions, velocities, charges)


def _starts(
    systems: int, bodies: int, dim: int, seed: int, skip: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Draw starts in the order of the original generator, whose noise of strength 0 also takes numbers."""
    stream = np.random.RandomState(seed)
    spread = (bodies / 5.0) ** (1 / 3)
    noise = 2 * (PUBLISHED_LENGTH // SAMPLE_EVERY - 1) * dim * bodies
    position, velocity = np.empty((2, systems, bodies, dim))
    charges = np.empty((systems, bodies))
    for system in range(-skip, systems):
        charge = stream.choice(np.array([-1.0, 0.0, 1.0]), size=bodies, p=[0.5, 0.0, 0.5])
        x = stream.randn(dim, bodies)
        v = stream.randn(dim, bodies)
        stream.randn(noise)
        if system >= 0:
            charges[system], position[system], velocity[system] = charge, x.T * spread, v.T
    velocity *= INITIAL_SPEED / np.linalg.norm(velocity, axis=-1, keepdims=True)
    outside = np.abs(position) > BOX
    velocity[outside] = -np.sign(position[outside]) * np.abs(velocity[outside])
    position[outside] = np.sign(position[outside]) * 2 * BOX - position[outside]
    return position, velocity, charges


def _integrate(
    position: NDArray[np.float64],
    velocity: NDArray[np.float64],
    charges: NDArray[np.float64],
    positions: NDArray[np.float64],
    velocities: NDArray[np.float64],
) -> None:
    """Run one block of systems and write every 100th step into `positions` and `velocities`.

    Systems lie along the last, contiguous axis. Each pair i < j is computed once, and its force added to i and, by
    Newton's third law, taken from j.
    """
    _, bodies = charges.shape
    one, other = np.triu_indices(bodies, k=1)
    incidence = np.zeros((bodies, len(one)))
    incidence[one, np.arange(len(one))], incidence[other, np.arange(len(one))] = 1.0, -1.0
    x, v = position.transpose(2, 1, 0).copy(), velocity.transpose(2, 1, 0).copy()  # (dim, bodies, systems)
    strength = (charges[:, one] * charges[:, other]).T
    for step in range(positions.shape[1] * SAMPLE_EVERY):
        apart = x[:, one] - x[:, other]
        squared = np.einsum("cps,cps->ps", apart, apart)
        apart *= strength / (squared * np.sqrt(squared))
        force = incidence @ apart
        np.clip(force, -MAX_FORCE, MAX_FORCE, out=force)
        force *= TIME_STEP
        v += force
        x += TIME_STEP * v
        if (step + 1) % SAMPLE_EVERY == 0:
            positions[:, step // SAMPLE_EVERY] = x.transpose(2, 1, 0)
            velocities[:, step // SAMPLE_EVERY] = v.transpose(2, 1, 0)

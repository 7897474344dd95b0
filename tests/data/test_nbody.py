import numpy as np
import pytest

from reprise.data.simulators import nbody
from reprise.errors import InvalidInputError

PUBLISHED_CHARGES = {
    "train": [[-1, 1, -1, -1, -1], [1, -1, 1, 1, 1], [1, 1, -1, -1, 1]],
    "valid": [[-1, 1, -1, -1, -1], [-1, -1, 1, 1, -1], [1, 1, 1, 1, -1]],
    "test": [[1, 1, -1, -1, 1], [1, 1, -1, 1, -1], [1, -1, 1, -1, 1]],
}
"""The first three systems of charges_{split}_charged5_initvel1small.npy in github.com/omri1348/Frame-Averaging."""

ORIGINAL = {
    "input": [2.9891163172, 1.7693701204, -1.1712942795],
    "velocity": [1.1338110407, 0.3956806126, -0.2266065731],
    "target": [4.1654998368, 2.1913091384, -1.3826188024],
}
"""Positions of the first particle of the first training system, as the original generator gives them."""


def simulate_one(position, velocity, charges, steps):
    """Slow twin: one system, particle by particle."""
    saved = []
    x, v = position.copy(), velocity.copy()
    for step in range(1, steps + 1):
        forces = np.zeros_like(x)
        for i in range(len(x)):
            for j in range(len(x)):
                if i != j:
                    apart = x[i] - x[j]
                    forces[i] += charges[i] * charges[j] * apart / np.linalg.norm(apart) ** 3
        v = v + 0.001 * np.clip(forces, -100, 100)
        x = x + 0.001 * v
        if step % 100 == 0:
            saved.append((x, v))
    positions, velocities = zip(*saved, strict=True)
    return np.stack(positions), np.stack(velocities)


@pytest.mark.parametrize("dim", [2, 3])
def test_simulation_agrees_with_its_slow_twin(dim):
    paths = nbody.charged_particles(3, bodies=4, dim=dim, steps=300, seed=5)
    position, velocity, charges = nbody._starts(3, 4, dim, 5, 0)
    assert np.array_equal(charges, paths.charges)
    for k in range(3):
        expected = simulate_one(position[k], velocity[k], charges[k], 300)
        assert np.allclose(paths.positions[k], expected[0], atol=1e-9)
        assert np.allclose(paths.velocities[k], expected[1], atol=1e-9)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_seed_43_gives_the_published_systems(split):
    start, _ = nbody.PUBLISHED_SPLITS[split]
    paths = nbody.charged_particles(3, steps=100, skip=start)
    assert paths.charges.astype(int).tolist() == PUBLISHED_CHARGES[split]


def test_trajectory_is_that_of_the_original_generator():
    task = nbody.nbody_task("train", 1)
    assert np.allclose(task.position[0, 0], ORIGINAL["input"], atol=1e-8)
    assert np.allclose(task.velocity[0, 0], ORIGINAL["velocity"], atol=1e-8)
    assert np.allclose(task.target[0, 0], ORIGINAL["target"], atol=1e-8)


def test_momentum_is_kept_unless_a_force_was_clipped():
    paths = nbody.charged_particles(40, steps=500, seed=1)
    momentum = paths.velocities.sum(2)
    drift = np.abs(momentum - momentum[:, :1]).max((1, 2))
    i, j = np.triu_indices(5, 1)
    distances = np.linalg.norm(paths.positions[:, :, i] - paths.positions[:, :, j], axis=-1).min((1, 2))
    steady = drift < 1e-12
    assert steady.sum() >= 30
    assert distances[~steady].max() < 0.5  # only near encounters are clipped
    centre = paths.positions.mean(2)
    assert np.allclose((centre[:, -1] - centre[:, 0])[steady], (momentum[:, 0] / 5 * 0.4)[steady], atol=1e-12)


def test_energy_is_nearly_kept_in_quiet_systems():
    paths = nbody.charged_particles(30, steps=2000, seed=2)
    apart = np.linalg.norm(paths.positions[:, :, :, None] - paths.positions[:, :, None], axis=-1)
    i, j = np.triu_indices(5, 1)
    quiet = apart[:, :, i, j].min((1, 2)) > 0.3
    potential = ((paths.charges[:, i] * paths.charges[:, j])[:, None] / apart[:, :, i, j]).sum(-1)
    energy = potential + 0.5 * (paths.velocities**2).sum((2, 3))
    assert quiet.sum() > 5
    assert np.abs(energy - energy[:, :1])[quiet].max() < 0.02


def test_like_charges_part_and_opposite_ones_meet():
    paths = nbody.charged_particles(200, bodies=2, steps=300, seed=3)
    acceleration = paths.velocities[:, -1] - paths.velocities[:, 0]
    towards = ((paths.positions[:, 0, 1] - paths.positions[:, 0, 0]) * acceleration[:, 0]).sum(-1)
    like = paths.charges.prod(1)
    assert (np.sign(towards) == -like).mean() > 0.95


def test_result_depends_on_the_seed_and_not_on_how_many_are_asked_for():
    few, many = nbody.charged_particles(2, steps=200), nbody.charged_particles(300, steps=100)
    assert np.allclose(few.positions[:, :1], many.positions[:2], atol=1e-12)
    assert np.allclose(nbody.charged_particles(1, steps=100, skip=1).positions, many.positions[1:2], atol=1e-12)
    assert not np.allclose(nbody.charged_particles(2, steps=100, seed=1).positions, few.positions[:, :1])


def test_speeds_start_at_one_half_inside_the_box():
    position, velocity, charges = nbody._starts(2000, 5, 3, 0, 0)
    assert np.allclose(np.linalg.norm(velocity, axis=-1), 0.5)
    assert np.abs(position).max() <= nbody.BOX
    assert abs(charges.mean()) < 0.05
    assert set(np.unique(charges)) == {-1, 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nbody.charged_particles(0), "must be positive"),
        (lambda: nbody.charged_particles(1, steps=99), "steps at least 100"),
        (lambda: nbody.nbody_task("validation"), "splits are train, valid, test"),
        (lambda: nbody.nbody_task("valid", 2001), "has 2000 systems"),
    ],
)
def test_impossible_settings_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()

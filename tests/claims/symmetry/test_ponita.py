from dataclasses import replace

import pytest
import torch

from reprise.claim import Trial
from reprise.claims.symmetry._motion import MSE, EgnnMotion, simulate
from reprise.claims.symmetry._ponita.aeroplanes import EgnnNose, PonitaNose, _angles, _drawn, load_aeroplanes
from reprise.claims.symmetry._ponita.particles import (
    EQUIVARIANCE,
    EnergyMotion,
    FramedMotion,
    PonitaMotion,
    measure_particles,
)
from reprise.claims.symmetry._ponita.sizes import SIZES
from reprise.symmetry.equivariance import assert_equivariant

QUICK = SIZES["quick"]


TINY = replace(QUICK, epochs=1, pool=20, train=10, validation=5, test=5)


@pytest.fixture(scope="module")
def data():
    return simulate(TINY.pool, TINY.validation, TINY.test)


@pytest.fixture
def systems(data):
    torch.manual_seed(0)
    return [value[:4] for value in data["train"][:3]]


@pytest.mark.parametrize(
    "make",
    [
        EgnnMotion,
        lambda: EnergyMotion(**QUICK.network),
        lambda: FramedMotion(PonitaMotion(**QUICK.network, **QUICK.grid)),
    ],
    ids=["EGNN", "PNITA", "PONITA in frames"],
)
def test_exact_arms_are_equivariant(make, systems):
    kinds = ("position", "vector", "scalar")
    assert_equivariant(make(), systems, "E3", input_kinds=kinds, output_kind="vector", n=3)


def test_energy_is_trained_through_its_gradient(systems):
    model = EnergyMotion(**QUICK.network)
    model(*systems).square().sum().backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in (model.network.embed.weight, model.network.readouts[0].weight))


def test_noses_turn_with_equivariant_networks_and_count_no_translation():
    points = _drawn(load_aeroplanes("quick").clouds[:3], 20, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    kinds = {"input_kinds": "position", "output_kind": "vector", "dtypes": (torch.float64,)}
    assert_equivariant(EgnnNose(), (points,), "E3", **kinds, n=3)  # small differences of positions: no float32
    network = PonitaNose(**QUICK.plane_network, **QUICK.grid).double().eval()
    torch.testing.assert_close(network(points.double()), network(points.double() + 1))


def test_angles_are_degrees():
    vectors = torch.tensor([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert _angles(vectors, torch.tensor([1.0, 0.0, 0.0])).tolist() == pytest.approx([0, 90, 180, 90])


def test_measurements_depend_on_the_seed_alone(data):
    once, again = (list(measure_particles(Trial(seed=7, scale="quick"), TINY, data)) for _ in range(2))
    assert once == again
    arms = {m.arm for m in once if m.metric == EQUIVARIANCE}
    assert arms == {"PONITA", "PONITA in frames", "EGNN", "PNITA"}
    assert {m.arm for m in once if m.metric == MSE} == arms | {"straight on"}

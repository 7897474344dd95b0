from dataclasses import replace

import numpy as np
import pytest
import torch

from reprise.claim import Trial
from reprise.claims.symmetry._inset.arms import (
    CONSTANT,
    DEEPSETS,
    EQUIVSET,
    EQUIVSET_MLP,
    INSET,
    INSET_MLP,
    RANDOM,
    SHIFT,
    ConstantOfPool,
    PoolClassifier,
    classifier_score,
    fit_classifier,
    fit_selector,
    measure_task,
    parameters,
)
from reprise.claims.symmetry._inset.datasets import load_tables, make_task
from reprise.claims.symmetry._inset.sizes import DATA, SIZES
from reprise.symmetry.equivariance import assert_equivariant
from reprise.symmetry.inset import SetEnergy

QUICK, TRIAL = SIZES["quick"], Trial(seed=7, scale="quick")


@pytest.fixture(scope="module")
def tables():
    return load_tables("quick")[0]


@pytest.mark.parametrize("data", DATA)
def test_pools_of_the_three_parts_share_no_row(data, tables):
    task = make_task(data, tables, QUICK, np.random.default_rng(0))
    if data == "work activities":  # occupations are split; activities are shared by them, as products are by registries
        bundles = [
            {tuple(np.sort(pool[subset, 0])) for pool, subset in zip(*part, strict=True)}
            for part in (task.learnt, task.held_out, task.test)
        ]
        assert not bundles[0] & bundles[1]
        assert not (bundles[0] | bundles[1]) & bundles[2]
        return
    rows = [
        {row.tobytes() for row in part.pools.reshape(-1, part.pools.shape[-1])}
        for part in (task.learnt, task.held_out, task.test)
    ]
    assert not rows[0] & rows[1]
    assert not (rows[0] | rows[1]) & rows[2]


def test_constant_raises_all_subsets_of_a_pool_alike():
    torch.manual_seed(0)
    energy, pool, subset = SetEnergy(2, 4, 5, background="none"), torch.randn(3, 6, 2), torch.rand(3, 4, 6) < 0.5
    raised = ConstantOfPool(energy, 2, 4, 5)(pool, subset) - energy(pool, subset)
    torch.testing.assert_close(raised, raised[:, :1].expand(3, 4))
    assert float(raised.detach().std(0).min()) > 1e-4


def test_classifier_is_equivariant_and_sees_the_pool():
    torch.manual_seed(0)
    network, pool = PoolClassifier(2, 8), torch.randn(3, 6, 2)
    assert_equivariant(network, pool, "S", input_kinds="set", output_kind="labels", n=3)
    other = pool.clone()
    other[:, 1:] += 1
    assert not torch.allclose(network(pool)[:, 0], network(other)[:, 0])


def test_classifier_learns_and_scores_by_its_likeliest_elements(tables):
    task = make_task("compounds", tables, QUICK, np.random.default_rng(0))
    trained = fit_classifier(task, SIZES["desktop"], 3e-3, TRIAL)
    assert classifier_score(trained, task.test) > classifier_score(PoolClassifier(8, 64), task.test) + 0.2


def test_the_constant_trains_to_what_equivset_does(tables):
    task, size = make_task("two moons", tables, QUICK, np.random.default_rng(0)), replace(QUICK, epochs=3)
    plain, raised = (fit_selector(arm, task, size, 2e-3, TRIAL) for arm in (EQUIVSET, CONSTANT))
    assert isinstance(raised.energy_, ConstantOfPool)
    assert raised.energy_.pool is not raised.energy_.energy
    for name in ("cross_entropy", "held_out_jaccard"):
        one, other = ([record[name] for record in model.history_] for model in (plain, raised))
        assert one == pytest.approx(other, abs=1e-5)
    for one, other in zip(*(model.predict_proba(task.test.pools) for model in (plain, raised)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_parameters_are_those_of_the_fitted_networks(tables):
    task = make_task("digits", tables, QUICK, np.random.default_rng(0))
    for arm in (INSET, EQUIVSET, INSET_MLP, EQUIVSET_MLP):
        model = fit_selector(arm, task, QUICK, 1e-3, TRIAL)
        fitted = [*model.energy_.parameters(), *model.recognition_.parameters()]
        assert parameters(arm, 64, QUICK) == sum(parameter.numel() for parameter in fitted)
    assert parameters(INSET, 64, QUICK) > parameters(EQUIVSET, 64, QUICK)


def test_measurements_depend_on_the_seed_alone(tables):
    task = make_task("digits", tables, QUICK, np.random.default_rng(0))
    arms = (INSET_MLP, DEEPSETS, RANDOM, CONSTANT)
    once, again = (list(measure_task("digits", task, QUICK, TRIAL, arms)) for _ in range(2))
    assert once == again
    assert {m.arm for m in once} == set(arms)
    assert all(0 < m.value <= 100 for m in once if m.metric != SHIFT)

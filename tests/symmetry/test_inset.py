"""INSET: energies and their backgrounds, mean field, recognition, losses, and the estimator."""

import itertools
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

from reprise.data.simulators.subset_pools import anomaly_pools
from reprise.errors import DivergedError, InvalidInputError, UnknownNameError
from reprise.metrics import random_jaccard
from reprise.symmetry.equivariance import assert_equivariant
from reprise.symmetry.inset import (
    RecognitionNet,
    SetEnergy,
    StraightThroughBernoulli,
    SubsetSelector,
    copula_log_odds,
    fitting,
    mean_field,
    mean_field_log_odds,
    meanfield,
    negative_elbo,
    sample_negatives,
    subset_cross_entropy,
    uniform_log_odds,
)
from reprise.symmetry.inset.energy import BACKGROUNDS

B, N, D, M = 3, 7, 4, 5
SMALL = {"hidden": 6, "width": 9}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def pool():
    return torch.randn(B, N, D, dtype=torch.float64)


def energy(background="complement", depth=2, **changed):
    return SetEnergy(D, **(SMALL | changed), depth=depth, background=background).double()


def noise(steps=1, n=N, samples=M):
    return torch.rand(steps, B, samples, n, n, dtype=torch.float64)


# --- the official formulas, stated again one subset and one element at a time


def official_value(net, pool, inside):
    """F of one subset of one pool: FF(sum of the inside) + FF2(sum of the outside), or its kin."""
    e = [net.encoder.encoder(x) for x in pool]
    zero = torch.zeros_like(e[0])
    s = sum((e[j] for j in range(len(e)) if inside[j]), zero)
    if net.background == "none":
        return net.chosen(s)
    if net.background == "complement":
        return net.chosen(s) + net.rest(sum((e[j] for j in range(len(e)) if not inside[j]), zero))
    return net.joint(torch.cat([net.chosen(s).relu(), net.pool(sum(e, zero)).relu()]))


def official_mean_field(net, pool, q, uniform):
    """One iteration by the official recipe: Bernoulli matrices whose diagonal is set to 0 and to 1."""
    batch, samples, n, _ = uniform.shape
    result = torch.empty(batch, n, dtype=pool.dtype)
    for b, i in itertools.product(range(batch), range(n)):
        gains = []
        for m in range(samples):
            drawn = uniform[b, m, i] < q[b]
            with_i, without_i = drawn.clone(), drawn.clone()
            with_i[i], without_i[i] = True, False
            gains.append(official_value(net, pool[b], with_i) - official_value(net, pool[b], without_i))
        result[b, i] = torch.stack(gains).mean().sigmoid()
    return result


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("depth", [2, 3])
def test_energy_and_mean_field_equal_the_official_formula(background, depth, pool):
    net, uniform, q = energy(background, depth), noise(), torch.rand(B, N).double()
    subsets = torch.rand(B, 2, N) < 0.5
    with torch.no_grad():
        slow = [[official_value(net, pool[b], subsets[b, m])[0] for m in range(2)] for b in range(B)]
        torch.testing.assert_close(net(pool, subsets), torch.tensor(slow), rtol=0, atol=1e-12)
        fast = mean_field(net, pool, q, samples=M, noise=uniform)
        torch.testing.assert_close(fast, official_mean_field(net, pool, q, uniform[0]), rtol=0, atol=1e-12)
        single = mean_field(net.float(), pool.float(), q.float(), samples=M, noise=uniform.float())
    torch.testing.assert_close(single.double(), fast, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 40), (40, 3)], ids=["sums first", "layer first"])
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_gains_are_differences_of_values_in_either_order_of_products(background, shape, pool):
    net = energy(background, hidden=shape[0], width=shape[1])
    subset = torch.rand(B, M, 3, N) < 0.5
    subset.diagonal(offset=2, dim1=-2, dim2=-1).fill_(False)
    together = subset.clone()
    together.diagonal(offset=2, dim1=-2, dim2=-1).fill_(True)
    gains = net.gains(net.encode(pool), subset, start=2)
    torch.testing.assert_close(gains, net(pool, together) - net(pool, subset), rtol=0, atol=1e-12)


# --- symmetry, and what each energy knows


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_energy_is_invariant_and_mean_field_equivariant_to_the_order_of_the_pool(background, pool):
    net, subsets = energy(background), (torch.rand(B, M, N) < 0.5).double()
    assert_equivariant(
        lambda pool, subsets: net.to(pool)(pool, subsets),
        (pool, subsets),
        "S",
        input_kinds=("set", "labels"),
        output_kind="scalar",
        n=3,
    )

    def probabilities(pool, q, uniform):
        return mean_field(net.to(pool), pool, q, samples=M, steps=2, noise=uniform)

    kinds = ("set", "labels", "adjacency")  # the noise for element i about element j moves with both
    inputs = (pool, torch.rand(B, N).double(), noise(2))
    with torch.no_grad():
        assert_equivariant(probabilities, inputs, "S", input_kinds=kinds, output_kind="labels", n=3)


def test_recognition_is_equivariant(pool):
    net = RecognitionNet(D, **SMALL)
    assert_equivariant(net, pool, "S", input_kinds="set", output_kind="labels", n=3)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_only_energies_with_a_background_see_what_is_not_chosen(background, pool):
    net, subset = energy(background), torch.zeros(B, N)
    subset[:, :3] = 1
    other = pool.clone()
    other[:, 3:] += 1
    change = (net(pool, subset) - net(other, subset)).detach().abs().max()
    assert float(change) == 0 if background == "none" else float(change) > 1e-3


class Raised(nn.Module):
    """An energy plus a value of the whole pool: the wrong background."""

    def __init__(self, net, constant):
        super().__init__()
        self.net, self.constant = net, constant

    def forward(self, pool, subset, pool_mask=None):
        value = self.net(pool, subset, pool_mask)
        return value + self.constant(pool).reshape(-1, *(1,) * (value.ndim - 1))


def test_a_value_of_the_pool_that_is_added_cancels(pool):
    net, uniform, q = energy("none"), noise(), torch.rand(B, N).double()
    raised = Raised(net, lambda pool: 3 * pool.sum((1, 2)))
    plain = mean_field(net, pool, q, samples=M, noise=uniform)
    torch.testing.assert_close(mean_field(raised, pool, q, samples=M, noise=uniform), plain, rtol=0, atol=1e-13)


def test_and_cancels_bit_for_bit_where_sums_are_exact():
    weights = torch.randint(-8, 8, (B, 1, N)) / 4.0

    def modular(pool, subset, pool_mask=None):
        return (subset * weights[:, :, None]).sum(-1)

    raised = Raised(modular, lambda pool: torch.tensor([16.0, -2.0, 0.5]))
    q, uniform = torch.rand(B, N), noise()
    first, second = (mean_field(f, torch.zeros(B, N, 1), q, samples=M, noise=uniform) for f in (modular, raised))
    assert torch.equal(first, second)


# --- mean field


def test_modular_energies_are_solved_exactly_by_one_step_whatever_the_samples():
    weights = torch.randn(B, N, dtype=torch.float64)

    def modular(pool, subset, pool_mask=None):
        return (subset * weights[:, None, None]).sum(-1)

    for samples in (1, 4):
        q = mean_field(modular, torch.zeros(B, N, 1).double(), torch.rand(B, N).double(), samples=samples)
        torch.testing.assert_close(q, weights.sigmoid())


def test_many_samples_approach_the_exact_expectation():
    net, pool, q = energy(), torch.randn(1, 4, D).double(), torch.tensor([[0.2, 0.9, 0.5, 0.7]]).double()
    exact = torch.zeros(4, dtype=torch.float64)
    with torch.no_grad():
        for i in range(4):
            for rest in itertools.product([0.0, 1.0], repeat=3):
                s = torch.tensor([*rest[:i], 0.0, *rest[i:]]).double()
                others = torch.arange(4) != i
                chance = torch.where(s[others] == 1, q[0, others], 1 - q[0, others]).prod()
                up = s.clone()
                up[i] = 1
                exact[i] += chance * (net(pool, up[None]) - net(pool, s[None]))[0]
        drawn = mean_field_log_odds(net, pool, q, samples=20_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn[0], exact, rtol=0, atol=2e-3)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_blocks_change_neither_values_nor_gradients(background, pool):
    net, q, uniform = energy(background), torch.rand(B, N).double(), noise()
    readouts = {"none": ["chosen"], "complement": ["chosen", "rest"], "superset": ["joint"]}[background]
    readout_biases = {f"{name}.layers.{len(getattr(net, name).layers) - 1}.bias" for name in readouts}
    results = []
    for block in (2**25, 1, 3 * B * M * (N + net.width)):
        net.zero_grad()
        log_odds = mean_field_log_odds(net, pool, q, samples=M, noise=uniform, block=block)
        log_odds.square().sum().backward()
        reached = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
        assert set(dict(net.named_parameters())) - set(reached) == readout_biases  # they cancel from every gain
        results.append((log_odds.detach(), list(reached.values())))
    for values, gradients in results[1:]:
        torch.testing.assert_close(values, results[0][0])
        torch.testing.assert_close(gradients, results[0][1])


def test_several_steps_are_single_steps_in_turn(pool):
    net, q, uniform = energy(), torch.full((B, N), 0.5).double(), noise(3)
    together = mean_field(net, pool, q, samples=M, steps=3, noise=uniform)
    for step in range(3):
        q = mean_field(net, pool, q, samples=M, noise=uniform[step : step + 1])
    torch.testing.assert_close(together, q)


def test_draws_depend_on_the_generator_alone(pool):
    net, q = energy(), torch.full((B, N), 0.5).double()
    first, again, other = (
        mean_field(net, pool, q, generator=torch.Generator().manual_seed(seed)).detach() for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# --- padding


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_padded_pools_answer_as_unpadded_ones(background, pool):
    net, recognition = energy(background), RecognitionNet(D, **SMALL).double()
    mask = torch.arange(N).expand(B, N) < 4
    dirty = torch.where(mask[..., None], pool, torch.full_like(pool, 7.0))
    q, uniform = torch.rand(B, N).double(), noise()
    padded = mean_field(net, dirty, q, samples=M, noise=uniform, pool_mask=mask)
    plain = mean_field(net, pool[:, :4], q[:, :4], samples=M, noise=uniform[..., :4, :4])
    torch.testing.assert_close(padded[:, :4], plain)
    assert torch.equal(padded[:, 4:], torch.zeros(B, 3).double())
    torch.testing.assert_close(recognition(dirty, mask)[:, :4], recognition(pool[:, :4]))
    assert not bool(recognition.sample(recognition.guess(dirty, mask), 9, mask)[..., 4:].any())
    assert not bool((sample_negatives(torch.arange(N).expand(B, N) < 2, 5, mask) & ~mask).any())
    # One generator on both sides would draw other numbers for the padding: compare the bound of a sure guess.
    with torch.no_grad():
        recognition.log_odds.weight.zero_()
        recognition.log_odds.bias.fill_(60.0)
    bounds = [negative_elbo(net, recognition, v, pool_mask=m) for v, m in ((dirty, mask), (pool[:, :4], None))]
    torch.testing.assert_close(*bounds)


# --- samples and losses


@pytest.mark.parametrize("mode", ["copula", "ind"])
def test_samples_are_zeros_and_ones_with_gradients(mode, pool):
    net = RecognitionNet(D, **SMALL, mode=mode, tau=1.0).double()
    guess = net.guess(pool)
    samples = net.sample(guess, M)
    assert samples.shape == (B, M, N)
    assert set(samples.detach().unique().tolist()) <= {0.0, 1.0}
    given = [part for part in guess if part is not None]
    assert len(given) == (3 if mode == "copula" else 1)
    for gradient in torch.autograd.grad((samples * torch.randn(N).double()).sum(), given):
        assert float(gradient.abs().max()) > 0


def test_straight_through_gradient_is_that_of_the_relaxation():
    log_odds = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    noise = uniform_log_odds(log_odds, 3)
    weight = torch.randn(2, 3, 5, dtype=torch.float64)
    got = torch.autograd.grad((StraightThroughBernoulli(0.3)(log_odds, noise) * weight).sum(), log_odds)[0]
    relaxed = ((log_odds[:, None] + noise) / 0.3).sigmoid()
    torch.testing.assert_close(got, torch.autograd.grad((relaxed * weight).sum(), log_odds)[0])


@pytest.mark.parametrize("mode", ["copula", "ind"])
def test_samples_have_the_probabilities_they_are_asked_for(mode):
    mu = torch.tensor([[0.1, 0.5, 0.8]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    if mode == "ind":
        noise = uniform_log_odds(mu, 40_000, generator)
    else:  # std^2 + |factors|^2 = 1, where u is uniform
        factors = torch.tensor([[[0.6, 0.0], [0.0, 0.6], [0.6, 0.0]]], dtype=torch.float64)
        noise = copula_log_odds(torch.full_like(mu, 0.8), factors, 40_000, generator)
        assert float(torch.corrcoef(noise[0].T)[0, 2]) == pytest.approx(0.36, abs=0.03)
        assert float(torch.corrcoef(noise[0].T)[0, 1]) == pytest.approx(0.0, abs=0.03)
    samples = StraightThroughBernoulli(tau=1e-3)(mu.logit(), noise, generator)
    torch.testing.assert_close(samples.mean(1), mu, rtol=0, atol=0.01)


def test_copula_is_that_of_the_official_code_and_does_not_overflow():
    std, factors = torch.rand(B, N).double() + 0.1, torch.randn(B, N, 3).double().tanh()
    state = torch.Generator().manual_seed(4)
    odds = copula_log_odds(std, factors, M, state)
    state.manual_seed(4)
    own = torch.randn(B, M, N, generator=state, dtype=torch.float64)
    shared = torch.randn(B, M, 3, generator=state, dtype=torch.float64)
    g = own * std.unsqueeze(1) + (factors.unsqueeze(1) @ shared[..., None])[..., 0]
    u = 0.5 * (1 + torch.erf(g / 2**0.5))
    torch.testing.assert_close(odds, torch.log(u) - torch.log(1 - u))
    far = copula_log_odds(torch.full((1, 2), 1e4), torch.zeros(1, 2, 1), 50)
    assert bool(far.isfinite().all())


def test_bound_is_that_of_a_known_distribution(pool):
    """Of a modular energy, E F(s) = sum mu_i w_i; the optimum of the bound is at mu = sigmoid(w)."""
    weights = torch.linspace(-1, 1, N).double()

    def modular(pool, subset, pool_mask=None):
        return (subset * weights).sum(-1)

    recognition = RecognitionNet(D, **SMALL, mode="ind", tau=1e-3).double()
    bound = negative_elbo(modular, recognition, pool, samples=20_000, generator=torch.Generator().manual_seed(0))
    mu, bound = recognition(pool).detach(), bound.detach()
    entropy = torch.distributions.Bernoulli(mu).entropy()
    assert float(bound) == pytest.approx(-float((mu * weights + entropy).sum(1).mean()), abs=0.02)


def test_cross_entropy_counts_what_it_is_told_to():
    log_odds = torch.randn(B, N, requires_grad=True)
    chosen, counted = torch.rand(B, N) < 0.3, torch.rand(B, N) < 0.6
    q = log_odds.sigmoid()
    slow = -((chosen * q.log() + ~chosen * (1 - q).log()) * counted).sum(-1).mean()
    torch.testing.assert_close(subset_cross_entropy(log_odds, chosen, counted), slow)
    assert bool(subset_cross_entropy(torch.full((1, 1), 1e4), torch.tensor([[False]]), torch.tensor([[True]])) == 1e4)
    with pytest.raises(InvalidInputError, match="one shape"):
        subset_cross_entropy(log_odds, chosen[:, 1:], counted)


def test_negatives_are_as_many_as_asked_for_and_uniform():
    chosen = torch.zeros(6000, 5, dtype=torch.bool)
    chosen[:, 0] = True
    drawn = sample_negatives(chosen, 2, generator=torch.Generator().manual_seed(0))
    assert bool((drawn.sum(1) == 2).all())
    assert not bool(drawn[:, 0].any())
    torch.testing.assert_close(drawn[:, 1:].float().mean(0), torch.full((4,), 0.5), rtol=0, atol=0.03)
    assert bool((sample_negatives(chosen, 9).sum(1) == 4).all())  # all there are


# --- modules


@pytest.mark.parametrize("make", [SetEnergy, RecognitionNet])
def test_modules_survive_their_state(make, pool):
    first, second = make(D, **SMALL).double(), make(D, **SMALL).double()
    inputs = (pool, torch.ones(B, N)) if make is SetEnergy else (pool,)
    assert not torch.equal(first(*inputs), second(*inputs))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(*inputs), second(*inputs))


def test_images_have_an_encoder_of_their_own():
    encoder = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 4 * 4, 6))
    images = torch.randn(B, N, 1, 6, 6)
    net = SetEnergy(encoder, **SMALL)
    assert net(images, torch.ones(B, N)).shape == (B,)
    assert mean_field(net, images, torch.full((B, N), 0.5), samples=2).shape == (B, N)
    with pytest.raises(InvalidInputError, match="hidden=5"):
        SetEnergy(encoder, hidden=5, width=3)(images, torch.ones(B, N))


# --- the estimator

QUICK = {"hidden": 16, "width": 24, "samples": 2, "batch_size": 16, "lr": 0.01, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    parts = order[:1200], order[1200:]
    return [
        anomaly_pools(X[rows] / 16, y[rows], count, np.random.default_rng(seed), size=10, chosen=(2, 3))
        for rows, count, seed in zip(parts, (150, 80), (1, 2), strict=True)
    ]


@pytest.fixture(scope="module")
def fitted(digits):
    return SubsetSelector(epochs=8, encoder="mlp", **QUICK).fit(*digits[0])


def test_learns_to_find_odd_digits(fitted, digits):
    chance = np.mean([random_jaccard(10, len(subset)) for subset in digits[1].subsets])
    untrained = SubsetSelector(**(QUICK | {"lr": 1e-9}), encoder="mlp", epochs=1).fit(*digits[0])
    assert untrained.score(*digits[1]) < chance + 0.15
    assert fitted.score(*digits[1]) > chance + 0.3


@pytest.mark.parametrize(
    "settings",
    [
        {"background": "superset"},
        {"background": "none"},
        {"mode": "ind"},
        {"mode": "diffMF", "steps": 3},
        {"steps": 2, "negatives": 3},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_every_variant_learns(settings, digits):
    model = SubsetSelector(epochs=4, **(QUICK | settings)).fit(*digits[0])
    assert model.score(*digits[1]) > 0.35
    assert (model.recognition_ is None) == (settings.get("mode") == "diffMF")


def test_result_depends_on_the_seed_alone(fitted, digits):
    again = clone(fitted)
    torch.manual_seed(99)
    assert again.fit(*digits[0]).history_ == fitted.history_
    np.testing.assert_array_equal(again.predict_proba(digits[1].pools), fitted.predict_proba(digits[1].pools))
    other = SubsetSelector(**(QUICK | {"epochs": 1, "random_state": 1})).fit(*digits[0])
    assert other.history_[0] != fitted.history_[0]


def test_estimator_is_cloned_and_pickled(fitted, digits):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "energy_")
    loaded = pickle.loads(pickle.dumps(fitted))
    pools = digits[1].pools[:5]
    np.testing.assert_array_equal(loaded.predict_proba(pools), fitted.predict_proba(pools))


def test_pools_may_differ_in_size_and_subsets_be_masks(digits):
    pools, subsets = digits[0]
    ragged = [pool[: 8 + number % 3] for number, pool in enumerate(pools[:40])]
    masks = [np.isin(np.arange(len(pool)), subset) for pool, subset in zip(ragged, subsets, strict=False)]
    kept = [number for number, mask in enumerate(masks) if mask.any()]
    ragged, masks = [ragged[i] for i in kept], [masks[i] for i in kept]
    model = SubsetSelector(epochs=2, **QUICK).fit(ragged, masks)
    assert [len(q) for q in model.predict_proba(ragged)] == [len(pool) for pool in ragged]
    by_index = [np.flatnonzero(mask) for mask in masks]
    assert model.score(ragged, masks) == model.score(ragged, by_index)
    same = SubsetSelector(epochs=2, **QUICK).fit(ragged, by_index)
    assert same.history_ == model.history_


def test_an_answer_does_not_depend_on_its_company(fitted, digits):
    pools = [digits[1].pools[0], digits[1].pools[1][:6], digits[1].pools[2]]
    alone = [fitted.predict_proba([pool])[0] for pool in pools]
    for one, other in zip(alone, fitted.predict_proba(pools), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_selection_is_the_most_probable_best_first(fitted, digits):
    pools = digits[1].pools[:3]
    for chosen, q, k in zip(fitted.select(pools, [1, 3, 10]), fitted.predict_proba(pools), [1, 3, 10], strict=True):
        assert len(set(chosen.tolist())) == k
        assert q[chosen].tolist() == sorted(q, reverse=True)[:k]


def test_training_stops_early_and_keeps_the_best_epoch(digits):
    pools, subsets = digits[0]
    held_out = (digits[1].pools[:30], digits[1].subsets[:30])
    model = SubsetSelector(**(QUICK | {"lr": 0.03}), epochs=40, patience=1).fit(pools, subsets, held_out=held_out)
    scores = [record["held_out_jaccard"] for record in model.history_]
    best = int(np.argmax(scores))
    assert len(scores) == best + 3  # two epochs that were no better
    assert len(scores) < 40
    assert model.score(*held_out) == pytest.approx(scores[best])


def test_nothing_is_held_out_where_none_is_wanted(digits):
    model = SubsetSelector(epochs=1, validation_fraction=0, **QUICK).fit(digits[0].pools[:10], digits[0].subsets[:10])
    assert "held_out_jaccard" not in model.history_[0]


def make_image_encoder():
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 16))


def test_estimator_takes_images(digits):
    images = digits[0].pools[:40].reshape(40, 10, 1, 8, 8)
    with pytest.raises(InvalidInputError, match="encoder"):
        SubsetSelector(**QUICK).fit(images, digits[0].subsets[:40])
    model = SubsetSelector(encoder=make_image_encoder, epochs=1, **QUICK).fit(images, digits[0].subsets[:40])
    assert len(model.predict_proba(images)) == 40


# --- bad input

GOOD = np.arange(24.0).reshape(2, 6, 2)
NAN = np.where(GOOD == 3, np.nan, GOOD)


@pytest.mark.parametrize(
    ("pools", "subsets", "message"),
    [
        ([], [], "No pool"),
        ([np.zeros((0, 2)), GOOD[1]], [[0], [1]], "Pool 0 has shape"),
        ([[1.0, 2.0], GOOD[1]], [[0], [1]], "Pool 0 has shape"),
        (["ab", GOOD[1]], [[0], [1]], "Pool 0 is not an array"),
        (NAN, [[0], [1]], "NaN"),
        ([GOOD[0], GOOD[1][:, :1]], [[0], [1]], r"pool 1 have features of shape \(1,\)"),
        (GOOD, [[0]], "1 subsets were given for 2 pools"),
        (GOOD, [[0], []], "Subset 1"),
        (GOOD, [[0], np.zeros(6, dtype=bool)], "Subset 1 has 0 of the 6"),
        (GOOD, [[0], [6]], "index 6; its pool has indices 0 to 5"),
        (GOOD, [[-1], [0]], "index -1"),
        (GOOD, [[0], range(6)], "one outside"),
        (GOOD, [[0], range(7)], "more than its pool of 6"),
        (GOOD, [[0, 0], [1]], "twice"),
        (GOOD, [[0.5], [1]], "float64"),
        (GOOD, [[0], [True, False]], "mask of 2 elements"),
    ],
)
def test_bad_examples_are_named(pools, subsets, message):
    with pytest.raises(InvalidInputError, match=message):
        SubsetSelector(epochs=1).fit(pools, subsets)


@pytest.mark.parametrize(
    ("k", "message"),
    [(11, "from 1 to 10"), (0, "k is 0"), (1.5, "k is 1.5"), ([1, 2], "2 numbers for 1 pools"), (True, "True")],
)
def test_bad_k_is_named(fitted, digits, k, message):
    with pytest.raises(InvalidInputError, match=message):
        fitted.select(digits[1].pools[:1], k)


def test_other_bad_settings_are_named(fitted, digits, pool):
    with pytest.raises(InvalidInputError, match=r"shape \(3,\); \(64,\)"):
        fitted.predict_proba(np.zeros((1, 4, 3)))
    with pytest.raises(ValueError, match="background"):
        SubsetSelector(background="sky").fit(*digits[0])
    with pytest.raises(InvalidInputError, match="leaves 0 to hold out"):
        SubsetSelector().fit(GOOD, [[0], [1]])
    with pytest.raises(DivergedError, match="epoch"):
        SubsetSelector(validation_fraction=0, epochs=30, lr=1e30).fit(GOOD * 1e30, [[0], [1]])
    with pytest.raises(UnknownNameError, match="background"):
        SetEnergy(2, background="sky")
    with pytest.raises(UnknownNameError, match="mode"):
        RecognitionNet(2, mode="gaussian")
    with pytest.raises(InvalidInputError, match="at least 2 hidden"):
        SetEnergy(2, depth=1, background="superset")
    with pytest.raises(InvalidInputError, match="tau"):
        StraightThroughBernoulli(0.0)
    for wrong in ({"hidden": 0}, {"width": 2.5}, {"depth": 0}):
        with pytest.raises(InvalidInputError, match="whole number"):
            SetEnergy(2, **wrong)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net, pool: net(pool[0], torch.ones(N)), "floating and"),
        (lambda net, pool: net(pool[..., :2], torch.ones(B, N)), "encoder takes"),
        (lambda net, pool: net(pool * torch.nan, torch.ones(B, N)), "NaN"),
        (lambda net, pool: net(pool, torch.ones(B, N + 1)), "Subsets of 3 pools"),
        (lambda net, pool: net(pool, torch.ones(B, N), torch.ones(B, N)), "pool_mask must be boolean"),
        (lambda net, pool: net(pool, torch.ones(B, N), torch.zeros(B, N).bool()), "empty"),
        (lambda net, pool: mean_field(net, pool, torch.full((B, N), 1.5)), "from 0 to 1"),
        (lambda net, pool: mean_field(net, pool, torch.rand(B, N + 1)), "q must be"),
        (lambda net, pool: mean_field(net, pool, torch.rand(B, N), noise=torch.rand(1, B, 8, N)), "noise must be"),
        (lambda net, pool: mean_field(net, pool, torch.rand(B, N), samples=0), "samples is 0"),
        (lambda net, pool: sample_negatives(torch.ones(B, N).bool(), 0), "ratio is 0"),
    ],
)
def test_bad_tensors_are_named(call, message, pool):
    with pytest.raises(InvalidInputError, match=message):
        call(energy(), pool)


def test_held_out_scores_and_predictions_do_not_depend_on_dropout_or_the_rest_of_the_batch(digits):
    pools, subsets = digits[0].pools[:40], digits[0].subsets[:40]
    held_out = (pools[:7], subsets[:7])

    def encoder():
        return nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(0.5))

    model = SubsetSelector(encoder=encoder, epochs=3, **QUICK).fit(pools, subsets, held_out=held_out)
    best = max(record["held_out_jaccard"] for record in model.history_)
    assert model.score(*held_out) == best
    model.energy_.train()
    alone = np.concatenate([model.predict_proba(pools[i : i + 1])[0] for i in range(3)])
    np.testing.assert_allclose(alone, np.concatenate(model.predict_proba(pools[:3])), atol=1e-5)
    assert model.energy_.training
    assert all(part.training for part in model.energy_.modules())


def test_a_frozen_encoder_stays_as_it_is(digits):
    frozen = nn.Linear(64, 16).requires_grad_(False)
    before = frozen.weight.clone()
    model = SubsetSelector(encoder=lambda: frozen, epochs=1, **QUICK).fit(digits[0].pools[:20], digits[0].subsets[:20])
    assert not any(parameter.requires_grad for parameter in model.energy_.encoder.parameters())
    assert all(parameter.requires_grad for parameter in model.energy_.chosen.parameters())
    assert torch.equal(frozen.weight, before)


def test_selection_ranks_also_what_float32_rounds_to_certainty(fitted, digits, monkeypatch):
    odds = torch.tensor([20.0, 40.0, 30.0, -1.0, -200.0, -150.0])
    assert len(set(odds.sigmoid().tolist())) < 6
    for module in (meanfield, fitting):
        monkeypatch.setattr(module, "mean_field_log_odds", lambda *_, **__: odds[None])
    assert fitted.select(digits[1].pools[:1, :6], 6)[0].tolist() == [1, 2, 0, 3, 5, 4]


@pytest.mark.parametrize(
    ("pools", "message"),
    [([[[1.0, 2.0], [3.0]]], "Pool 0 is not an array"), ([5.0], "Pool 0 has shape"), (5.0, "given as float")],
)
def test_bad_pools_are_named_when_selecting(fitted, pools, message):
    with pytest.raises(InvalidInputError, match=message):
        fitted.select(pools, 1)

import pytest
import torch

from reprise.errors import InvalidInputError
from reprise.nn.sparse_autoencoders import SparseAutoencoder, TopKSAE, fit_sae


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sparse_sums(n=2000, d=16, m=24, active=2, seed=0):
    """Sums of `active` of `m` unit directions, with weights from 1 to 2."""
    rng = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(m, d, generator=rng), dim=1)
    chosen = torch.rand(n, m, generator=rng).topk(active, dim=1).indices
    weights = torch.zeros(n, m).scatter_(1, chosen, 1 + torch.rand(n, active, generator=rng))
    return weights @ directions, directions


@pytest.mark.parametrize("k", [1, 5, 40])
def test_top_k_uses_at_most_k_features_and_none_is_negative(k):
    sae, x = TopKSAE(12, 40, k), normal(30, 12)
    features = sae.encode(x)
    assert int((features != 0).sum(1).max()) <= k
    assert bool((features >= 0).all())
    kept = sae.preactivations(x).topk(k, dim=1).values.clamp_min(0).sum(1)
    torch.testing.assert_close(features.sum(1), kept)


def test_all_features_are_the_rectified_ones():
    x = normal(7, 12)
    top, rectified = TopKSAE(12, 20, 20, seed=3), SparseAutoencoder(12, 20, seed=3)
    torch.testing.assert_close(top.encode(x), rectified.encode(x))


def test_with_all_features_and_no_penalty_data_of_low_rank_are_reconstructed():
    x = normal(400, 3) @ normal(3, 16, seed=1)
    sae = TopKSAE(16, 32, 32)
    fit_sae(sae, x, epochs=150, batch_size=64, lr=3e-3)
    assert sae.unexplained(x) < 0.01


def test_the_error_is_relative_and_zero_for_a_perfect_copy():
    sae = SparseAutoencoder(3, 6)
    both = torch.cat([torch.eye(3), -torch.eye(3)])
    with torch.no_grad():
        sae.encoder.weight.copy_(both)
        sae.decoder.weight.copy_(both.T)
    x = normal(50, 3)
    assert sae.unexplained(x) == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(sae(x), x)
    with torch.no_grad():
        sae.decoder.weight.zero_()
    assert sae.unexplained(x) == pytest.approx(1)
    assert sae.unexplained(1000 * x) == pytest.approx(1)


def test_it_finds_the_directions_that_data_are_made_of():
    x, directions = sparse_sums()
    sae = TopKSAE(16, 48, 2, seed=1)
    history = fit_sae(sae, x, epochs=60, batch_size=128, lr=3e-3)
    found = torch.nn.functional.normalize(sae.directions, dim=1)
    cosine = (directions @ found.T).max(1).values
    assert float(cosine.median()) > 0.97
    assert history["active"][-1] <= 2
    assert history["error"][-1] < history["error"][0] / 3


def test_the_penalty_makes_features_rarer():
    x, _ = sparse_sums()
    active = {}
    for l1 in (0.0, 0.3):
        sae = SparseAutoencoder(16, 48, l1=l1)
        active[l1] = fit_sae(sae, x, epochs=30, batch_size=128, lr=3e-3)["active"][-1]
    assert active[0.3] < active[0.0] / 1.5


def test_a_plateau_lowers_the_rate():
    x, _ = sparse_sums(200)
    sae = TopKSAE(16, 20, 4)
    with torch.no_grad():
        sae.decoder.weight.zero_()  # which nothing can mend: the rows are all that is left over
    for parameter in sae.parameters():
        parameter.requires_grad_(parameter is sae.encoder.bias)
    history = fit_sae(sae, x, epochs=30, schedule="plateau", lr=1e-3, revive=0)
    rates = [round(rate, 8) for rate in history["lr"]]
    assert rates[:11] == [1e-3] * 11
    assert rates[-1] == pytest.approx(4e-5)
    assert "whole_loss" in history.last


def test_directions_stay_unit_where_asked():
    x, _ = sparse_sums(300)
    sae = SparseAutoencoder(16, 20)
    fit_sae(sae, x, epochs=3)
    torch.testing.assert_close(sae.directions.norm(dim=1), torch.ones(20))
    free = TopKSAE(16, 20, 4)
    fit_sae(free, x, epochs=3)
    assert float((free.directions.norm(dim=1) - 1).abs().max()) > 1e-3


def test_idle_features_are_brought_back():
    x, _ = sparse_sums()
    dead, error = {}, {}
    for revive in (0.0, 1 / 32):
        sae = TopKSAE(16, 32, 2)
        with torch.no_grad():
            sae.encoder.bias[:16] = -3  # half of the dictionary is never among the largest
        fit_sae(sae, x, epochs=40, batch_size=128, lr=0.01, revive=revive)
        dead[revive], error[revive] = float((sae.firing_rates(x) == 0).float().mean()), sae.unexplained(x)
    assert dead[0.0] == 0.5
    assert dead[1 / 32] < 0.3
    assert error[1 / 32] < 0.9 * error[0.0]


def test_firing_rates_count_rows():
    sae = SparseAutoencoder(2, 2)
    with torch.no_grad():
        sae.encoder.weight.copy_(torch.eye(2))
    rates = sae.firing_rates(torch.tensor([[1.0, -1.0], [2.0, -1.0], [-1.0, -3.0], [1.0, 1.0]]))
    assert rates.tolist() == [0.75, 0.25]


def test_a_fit_repeats_bit_for_bit_and_the_units_of_x_do_not_matter_to_the_loss():
    x, _ = sparse_sums(300)
    fits = [fit_sae(TopKSAE(16, 32, 4), x, epochs=2) for _ in range(2)]
    assert list(fits[0]["loss"]) == list(fits[1]["loss"])
    first = [fit_sae(TopKSAE(16, 32, 4), scale * x, epochs=1, batch_size=300)["error"][0] for scale in (1, 100)]
    assert first[0] == pytest.approx(first[1], rel=1e-4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: TopKSAE(4, 8, 9), "k is 9"),
        (lambda: TopKSAE(4, 8, 0), "k is 0"),
        (lambda: SparseAutoencoder(0, 8), "d_in is 0"),
        (lambda: SparseAutoencoder(4, 8, l1=float("nan")), "l1 is nan"),
        (lambda: fit_sae(TopKSAE(4, 8, 2), torch.zeros(0, 4)), "shape"),
        (lambda: fit_sae(TopKSAE(4, 8, 2), torch.ones(3, 5)), "rows of 4"),
        (lambda: fit_sae(TopKSAE(4, 8, 2), torch.full((3, 4), float("nan"))), "NaN"),
        (lambda: fit_sae(TopKSAE(4, 8, 2), torch.eye(4)[:, [0, 0, 0, 0]]), "Row 1 of x is all zeros"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(InvalidInputError, match=says):
        call()

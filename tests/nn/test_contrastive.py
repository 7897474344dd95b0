import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.errors import InvalidInputError
from reprise.nn.contrastive import SIMILARITIES, InfoNCE, SupCon


def slow_info_nce(a, b, negatives, temperature, similarity, exclude=None):
    others = torch.cat([b, negatives])
    total = 0.0
    for i in range(len(a)):
        terms = [
            math.exp(float(similarity(a[i : i + 1], others[j : j + 1])) / temperature[i])
            for j in range(len(others))
            if exclude is None or not exclude[i, j]
        ]
        positive = math.exp(float(similarity(a[i : i + 1], b[i : i + 1])) / temperature[i])
        total -= math.log(positive / sum(terms))
    return total / len(a)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(SIMILARITIES)), st.integers(1, 6), st.integers(0, 4))
def test_info_nce_agrees_with_a_loop(seed, similarity, n, m):
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, n, 3, generator=generator, dtype=torch.double)
    negatives = torch.randn(m, 3, generator=generator, dtype=torch.double)
    temperature = 0.2 + torch.rand(n, generator=generator, dtype=torch.double)
    exclude = torch.rand(n, n + m, generator=generator) < 0.3
    exclude[:, :n].fill_diagonal_(False)
    ours = InfoNCE(similarity=similarity)(a, b, negatives, exclude=exclude, temperature=temperature)
    slow = slow_info_nce(a, b, negatives, temperature.tolist(), SIMILARITIES[similarity], exclude)
    assert float(ours) == pytest.approx(slow, rel=1e-9, abs=1e-9)


def test_symmetric_info_nce_does_not_care_which_tower_comes_first():
    a, b = torch.randn(2, 6, 4, dtype=torch.double)
    loss = InfoNCE(0.5, symmetric=True)
    torch.testing.assert_close(loss(a, b), loss(b, a))
    one_way = InfoNCE(0.5)
    torch.testing.assert_close(loss(a, b), (one_way(a, b) + one_way(b, a)) / 2)


def test_info_nce_is_bounded_below_by_the_mutual_information_it_estimates():
    """Identical similarities carry no information: the loss is log n whatever the temperature."""
    flat = torch.ones(5, 4)
    assert float(InfoNCE(0.01)(flat, flat)) == pytest.approx(math.log(5), rel=1e-5)


def test_sup_con_agrees_with_a_loop_and_with_simclr():
    z = torch.randn(7, 4, dtype=torch.double)
    labels = torch.tensor([0, 1, 0, 2, 1, 0, 3])
    s = F.cosine_similarity(z.unsqueeze(1), z.unsqueeze(0), dim=-1) / 0.3
    terms = []
    for i in range(7):
        partners = [j for j in range(7) if j != i and labels[j] == labels[i]]
        if partners:
            rest = torch.logsumexp(torch.stack([s[i, j] for j in range(7) if j != i]), 0)
            terms.append(-torch.stack([s[i, p] - rest for p in partners]).mean())
    torch.testing.assert_close(SupCon(0.3)(z, labels), torch.stack(terms).mean())

    views = torch.randn(2, 5, 4, dtype=torch.double)
    both = views.flatten(0, 1)
    logits = (F.normalize(both, dim=1) @ F.normalize(both, dim=1).T / 0.3).fill_diagonal_(-torch.inf)
    simclr = F.cross_entropy(logits, torch.arange(10).roll(5))
    torch.testing.assert_close(SupCon(0.3)(both, torch.arange(5).repeat(2)), simclr)


def test_gradients_are_right_with_masks():
    a, b = torch.randn(2, 3, 4, dtype=torch.double)
    exclude = torch.tensor([[0, 1, 0], [0, 0, 0], [1, 0, 0]], dtype=torch.bool)
    a.requires_grad_(), b.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: InfoNCE(0.5, symmetric=True)(x, y, exclude=exclude), (a, b))
    assert torch.autograd.gradcheck(lambda x: SupCon(0.5)(x, torch.tensor([0, 1, 0])), (a,))


@pytest.mark.parametrize(
    "call",
    [
        lambda: InfoNCE(0.0),
        lambda: InfoNCE(float("nan")),
        lambda: InfoNCE(similarity="euclid"),
        lambda: InfoNCE()(torch.ones(3, 2), torch.ones(4, 2)),
        lambda: InfoNCE()(torch.ones(0, 2), torch.ones(0, 2)),
        lambda: InfoNCE()(torch.ones(2, 2), torch.ones(2, 2), exclude=torch.eye(2, dtype=torch.bool)),
        lambda: InfoNCE()(torch.ones(2, 2), torch.ones(2, 2), temperature=torch.tensor([1.0, -1.0])),
        lambda: SupCon()(torch.ones(3, 2), torch.arange(3)),
        lambda: SupCon()(torch.ones(3, 2), torch.zeros(2, dtype=torch.long)),
    ],
)
def test_impossible_input_is_refused(call):
    with pytest.raises(InvalidInputError):
        call()
